"""
The refused messages: listed, replayed and deleted, without a mouse.
"""

from __future__ import annotations

from txrocketmq.remoting import RequestCode
from txrocketmq.sandbox import faults

from .visits import NARROW, VisitingTestCase, Visitor

CODE = RequestCode.SEND_MESSAGE_V2

ROWS = "#refusedList tbody tr"


class RefusedTests(VisitingTestCase):
    """
    What no broker will have waits for somebody's decision.
    """

    async def refuse(self, count: int) -> None:
        """
        Look at a relay some of whose messages were refused.
        """
        await self.visit(brokers=1)
        broker = self.stage.sandbox.brokers["broker-a"]
        refusal = faults.respond(13, "the message is illegal, maybe msg body too big")
        broker.push(refusal, code=CODE, times=count)
        for _ in range(count):
            self.stage.take(spooling=True)
        await self.left(count)

    async def left(self, count: int) -> None:
        """
        Wait until so many messages are listed.
        """
        await self.shows(lambda page: page.figure("refused") == str(count))
        await self.shows(lambda page: len(page.texts(ROWS)) == count)

    async def test_listed(self) -> None:
        """
        Each is listed with its topic, why it was refused, its size and its id.
        """
        await self.refuse(3)
        await self.says("3 messages refused for good wait for a decision", "warn")
        (row, *_) = await self.see(Visitor.texts, ROWS)
        for part in ("Orders", "refused", "400 B"):
            self.assertIn(part, row)
        self.assertRegex(row, r"\b[0-9A-F]{32}\b")
        await self.good("refused")
        await self.quiet()

    async def test_replayed(self) -> None:
        """
        One is chosen and replayed by the keyboard; the broker has it then, and the
        others stay.
        """
        await self.refuse(3)
        self.assertEqual(self.stage.sandbox.messages("Orders"), [])
        await self.see(Visitor.tabTo, "message ")
        await self.see(Visitor.press, "SPACE")
        self.assertEqual(await self.see(Visitor.read, "replay"), "Replay 1 chosen")
        await self.see(Visitor.tabTo, "replay", back=True)
        await self.see(Visitor.press, "ENTER")
        await self.left(2)
        self.assertEqual(await self.see(Visitor.read, "done"), "1 replayed")
        self.assertEqual(await self.see(Visitor.focus), "replay")
        await self.shows(lambda page: page.figure("storedSpool") == "1")
        self.assertEqual(len(self.stage.sandbox.messages("Orders")), 1)
        await self.quiet()

    async def test_deleted(self) -> None:
        """
        All are deleted by the keyboard, after a question whose first answer is no.
        """
        await self.refuse(3)
        await self.see(Visitor.tabTo, "delete")
        await self.see(Visitor.press, "ENTER")
        question = await self.see(Visitor.read, "question")
        self.assertEqual(question, "Delete all refused messages for good?")
        self.assertEqual(await self.see(Visitor.focus), "no")
        await self.good("question")
        await self.see(Visitor.press, "ESCAPE")
        self.assertEqual(await self.see(Visitor.focus), "delete")
        await self.left(3)
        await self.see(Visitor.press, "ENTER")
        await self.see(Visitor.tabTo, "yes", back=True)
        await self.see(Visitor.press, "ENTER")
        await self.left(0)
        self.assertEqual(await self.see(Visitor.read, "done"), "3 deleted")
        assert self.stage.spool is not None
        self.assertEqual(self.stage.spool.counts.refused, 0)
        # The buttons are gone: the focus must not be gone with them.
        self.assertEqual(await self.see(Visitor.focus), "refusals")
        await self.good("deleted")
        await self.quiet()

    async def test_everythingByKeyboard(self) -> None:
        """
        Whatever can be pressed is reached by the tabulator key, and shows that it is.
        """
        await self.refuse(2)
        style = "getComputedStyle(document.activeElement).outlineStyle"
        for name in ("/metrics", "/v1/status", "replay", "delete", "message "):
            await self.see(Visitor.tabTo, name)
            self.assertNotEqual(await self.see(Visitor.ask, style), "none", name)

    async def test_narrow(self) -> None:
        """
        On a phone they are chosen in the same way.
        """
        await self.refuse(2)
        await self.see(Visitor.resize, NARROW)
        await self.see(Visitor.tabTo, "message ")
        await self.see(Visitor.press, "SPACE")
        self.assertEqual(await self.see(Visitor.read, "delete"), "Delete 1 chosen")
