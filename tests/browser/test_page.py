"""
The status page shows how the relay is, whatever happens to it.
"""

from __future__ import annotations

from twisted.internet.defer import gatherResults

from txrocketmq.remoting import RequestCode
from txrocketmq.sandbox import faults

from .visits import VisitingTestCase, Visitor

CODE = RequestCode.SEND_MESSAGE_V2

READY = "Ready; no messages come at the moment"
WELL = "Everything is stored as it comes"

STATES = "#brokers li .state"


class FlowTests(VisitingTestCase):
    """
    What flows.
    """

    async def moves(self, plot: str) -> None:
        """
        Wait until a plot is another than it was.
        """
        drawn = await self.see(Visitor.drawn, plot)
        await self.shows(lambda page: page.drawn(plot) != drawn)

    async def test_idle(self) -> None:
        """
        A relay that has nothing to do says that it is ready, and what it does not
        know yet.
        """
        await self.visit()
        await self.says(READY, "ok")
        brokers = await self.see(Visitor.texts, "#brokers li")
        self.assertEqual(
            brokers, ["None is known yet: the first message asks for them."]
        )
        failures = await self.see(Visitor.texts, "#failures li")
        self.assertEqual(failures, ["None since the start."])
        title = await self.see(Visitor.title)
        self.assertEqual(title, f"{READY} \N{EN DASH} txrocketmq relay")
        await self.good("idle")
        await self.quiet()

    async def test_underLoad(self) -> None:
        """
        While messages come, the figures count, the plots move, and the brokers are
        shown as reached.
        """
        await self.visit()
        self.stage.work(200)
        await self.says(WELL, "ok")
        await self.shows(lambda page: page.count("storedBroker") > 400)
        self.assertEqual(await self.see(Visitor.texts, STATES), ["reached"] * 3)
        for plot in ("accepted", "stored", "latency"):
            await self.moves(plot)
        for figure in ("accepted", "stored"):
            self.assertGreater(await self.see(Visitor.count, figure), 20)
        await self.good("load")
        await self.quiet()

    async def test_failures(self) -> None:
        """
        What failed is told in words, with its number.
        """
        await self.visit(brokers=1, spooling=False)
        refusal = faults.respond(13, "the message is illegal, maybe msg body too big")
        self.stage.sandbox.brokers["broker-a"].push(refusal, code=CODE, times=3)
        for _ in range(3):
            self.stage.take()
        words = "3 messages failed (not stored): the broker refused the message"
        await self.shows(lambda page: words in "".join(page.texts("#failures li")))
        await self.says("3 messages failed lately", "warn")
        await self.good("failures")
        await self.quiet()


class CrowdTests(VisitingTestCase):
    """
    Much of everything.
    """

    async def test_much(self) -> None:
        """
        There is room for many brokers, long names and large numbers.
        """
        await self.visit(brokers=12, group="orders-" * 17)
        tally = self.stage.tally
        for ack in ("broker", "spool"):
            tally.accepted(ack, 9_876_543, 1 << 50)
            tally.delivered[ack] += 9_876_543
        tally.attempts += 2_987_654_321_098
        for status in tally.answers:
            tally.answers[status] += 123_456_789
        for reason in tally.setAside:
            tally.failed(reason, 1.0, 3, "MAYBE")
        self.stage.work(50)
        await self.shows(lambda page: page.texts(STATES) == ["reached"] * 12)
        for broker in list(self.stage.sandbox.brokers.values())[::2]:
            await broker.setDown()
        await self.says("6 of 12 brokers are unreachable", "warn")
        await self.shows(lambda page: len(page.texts("#failures li")) == 11)
        (*_, last) = await self.see(Visitor.texts, "#failures li")
        self.assertEqual(last, "7 more in /v1/status")
        await self.good("much")
        await self.quiet()


class BrokerTests(VisitingTestCase):
    """
    Brokers that are not there.
    """

    async def test_oneDown(self) -> None:
        """
        A broker that is down is named, and that messages go to the others.
        """
        await self.visit()
        self.stage.work(100)
        await self.says(WELL, "ok")
        await self.stage.sandbox.brokers["broker-b"].setDown()
        await self.says("1 of 3 brokers is unreachable; messages go to", "warn")
        rows = await self.see(Visitor.texts, "#brokers li")
        (row,) = [row for row in rows if "broker-b" in row]
        self.assertRegex(row, "refused|gone")
        title = await self.see(Visitor.title)
        self.assertTrue(title.startswith("! 1 of 3 brokers"), title)
        await self.good("broker-down")
        await self.quiet()

    async def test_allDown(self) -> None:
        """
        Where there is no broker and no spool it is bad; it is better when they are
        back, without anybody's doing.
        """
        await self.visit(brokers=2, spooling=False, sendTimeout=3.0)
        self.stage.work(20)
        await self.says(WELL, "ok")
        brokers = self.stage.sandbox.brokers.values()
        await gatherResults([each.setDown() for each in brokers])
        await self.says("All 2 brokers are unreachable; messages cannot be", "bad")
        await self.good("all-down")
        self.stage.rest()
        await gatherResults([each.setUp() for each in brokers])
        await self.shows(lambda page: page.texts(STATES) == ["reached"] * 2)
        await self.shows(lambda page: page.level() != "bad")
        await self.quiet()


class SpoolTests(VisitingTestCase):
    """
    What waits.
    """

    async def test_filling(self) -> None:
        """
        While brokers are down the spool fills; that is shown as numbers, as a plot
        and as a bar, and when it is full, that it takes nothing.  When the brokers
        are back, it empties.
        """
        await self.visit(limit=1 << 20)
        self.stage.take()
        await self.says(WELL, "ok")
        brokers = self.stage.sandbox.brokers.values()
        await gatherResults([each.setDown() for each in brokers])
        drawn = await self.see(Visitor.drawn, "waiting")
        self.stage.work(100, spooling=True)
        await self.says("messages are taken and wait in the spool", "warn")
        await self.shows(lambda page: page.count("waiting") > 200)
        self.assertNotEqual(await self.see(Visitor.drawn, "waiting"), drawn)
        used = "document.getElementById('used').value"
        self.assertGreater(await self.see(Visitor.ask, used), 0)
        await self.good("spool-filling")
        self.stage.work(2000, spooling=True)
        await self.says("messages cannot be stored", "bad")
        full = "The spool is full; it takes no messages"
        await self.shows(lambda page: full in page.texts("#lines li"))
        self.stage.rest()
        self.assertIn("takes no messages", await self.see(Visitor.figure, "takes"))
        await self.good("spool-full")
        await gatherResults([each.setUp() for each in brokers])
        await self.shows(lambda page: page.figure("waiting") == "0")
        await self.quiet()

    async def test_none(self) -> None:
        """
        A relay without a spool shows nothing of one.
        """
        await self.visit(spooling=False)
        (shown,) = await self.see(Visitor.texts, "main")
        self.assertIn("There is no spool", shown)
        for word in ("Forwarder", "Room used", "Refused for good", "In the spool"):
            self.assertNotIn(word, shown)
        await self.good("no-spool")
        await self.quiet()


class ReachTests(VisitingTestCase):
    """
    What is shown when there is nobody to ask.
    """

    async def test_gone(self) -> None:
        """
        When the relay does not answer, that is shown above all else, and the figures
        are marked as old; when it is back, all is as before.
        """
        await self.visit()
        port = int(self.stage.address.strip("/").rpartition(":")[2])
        await self.stage.hide()
        await self.shows(lambda page: "does not answer" in page.read("gone"))
        self.assertIn("no answer for", await self.see(Visitor.read, "pulse"))
        await self.good("gone")
        # That is what the browser says of requests that nobody takes.
        said = await self.see(Visitor.complaints)
        self.assertTrue(said)
        self.assertEqual([each for each in said if "net::ERR_" not in each], [])
        self.stage.listen(port)
        await self.shows(lambda page: not page.read("gone"))
        await self.shows(lambda page: page.read("pulse").startswith("live"))

    async def test_withoutScripts(self) -> None:
        """
        Without scripts the page shows how things are when it is loaded, and is loaded
        again by itself.
        """
        await self.visit(scripts=False)
        self.stage.work(100)
        await self.shows(lambda page: page.count("storedBroker") > 0)
        self.assertEqual(await self.see(Visitor.read, "headline"), WELL)
        self.assertEqual(await self.see(Visitor.texts, STATES), ["reached"] * 3)
        self.stage.rest()
        await self.good("without-scripts")
        await self.quiet()
