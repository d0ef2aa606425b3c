"""
C{txrocketmq demo}: what the library is, in a few seconds and on nothing but
itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import attrs
from twisted.internet.defer import gatherResults
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater

from txrocketmq import CommunicationMode, Message, Producer, SendResult
from txrocketmq._cli.clusters import connected, sandboxed
from txrocketmq._cli.console import Console
from txrocketmq._cli.options import DemoOptions
from txrocketmq._cli.output import Output
from txrocketmq._cli.signals import Interruption
from txrocketmq._cli.stored import Sent, storedLines
from txrocketmq._cli.table import Palette
from txrocketmq._cli.text import counted
from txrocketmq._wire.codes import RequestCode
from txrocketmq.sandbox import Sandbox, faults
from txrocketmq.settings import ClientSettings

TOPIC = "Demo"
FAILING = "broker-b"

SETTINGS = ClientSettings(connectTimeout=1.0, requestTimeout=1.0, stopTimeout=2.0)
"""
Everything is near: what takes a second will not come.
"""


PAUSE = 0.05
"""
Seconds in which everything that is on its way arrives: it goes nowhere but from
one end of this process to the other.
"""


async def demo(
    reactor: Any, options: DemoOptions, console: Console, interruption: Interruption
) -> int:
    """
    Show it.

    @return: The exit status.
    """
    output = Output(reactor, console)
    began = reactor.seconds()
    async with (
        sandboxed(reactor, brokers=2) as sandbox,
        connected(reactor, sandbox.nameServerAddresses, SETTINGS) as client,
    ):
        producer = Producer(client, "demo")
        show = Show(reactor, output.line, sandbox, producer, output.palette())
        await show.run()
        missing = show.conclude(output.columns(), reactor.seconds() - began)
    await output.flushed()
    return output.status() or (1 if missing else 0)


@attrs.frozen
class LostAnswer:
    """
    A fault that plays once, at whichever broker it meets: the message is stored,
    and the connection closed before anybody hears of it.
    """

    _sandbox: Sandbox

    def play(self, exchange: faults.Exchange) -> Any:
        """
        Play it, and take it back everywhere else.
        """
        for broker in self._sandbox.brokers.values():
            broker.clear()
        return faults.close().play(exchange)


class Show:
    """
    One run of the demonstration: what is done, and what is said of it.
    """

    def __init__(
        self,
        clock: IReactorTime,
        say: Callable[[str], None],
        sandbox: Sandbox,
        producer: Producer,
        palette: Palette,
    ) -> None:
        """
        @param say: Shows a line.

        @param sandbox: Two brokers.

        @param producer: A producer of theirs.
        """
        self._clock = clock
        self._say = say
        self._sandbox = sandbox
        self._producer = producer
        self._palette = palette
        self._sent: dict[bytes, Sent] = {}

    async def run(self) -> None:
        """
        Send in every mode, with failures on the way.
        """
        await self._sandbox.createTopic(TOPIC, queues=2)
        self._introduce()
        await self._send(None, "Hello, RocketMQ!", "你好 RocketMQ 世界")
        await self._send(CommunicationMode.SYNC, "by Java's SYNC rules")
        await self._send(CommunicationMode.ASYNC, "by Java's ASYNC rules")
        await self._sendBatch("two messages", "in one request")
        await self._sendOneway("nobody answers this")
        await self._failBroker()
        await self._loseAnswer()

    def conclude(self, width: int, elapsed: float) -> int:
        """
        Read back what was stored, and compare.

        @param width: The columns there are.

        @param elapsed: How long it took, in seconds.

        @return: How many messages are missing.
        """
        stored = self._sandbox.messages(TOPIC)
        brokers = self._sandbox.brokers.values()
        names = {broker.address: broker.name for broker in brokers}
        self._title("What the brokers have stored")
        for line in storedLines(stored, names, self._sent, width, self._palette):
            self._say(f"  {line}")
        missing = len(self._sent) - len({message.body for message in stored})
        self._sum(len(stored), missing, elapsed)
        return missing

    def _introduce(self) -> None:
        """
        Say what there is.
        """
        self._title("A RocketMQ cluster in this process", first=True)
        places = {"name server": self._sandbox.nameServerAddresses[0]}
        for broker in self._sandbox.brokers.values():
            places[broker.name] = broker.address
        for name, address in places.items():
            self._say(f"  {name:<12} {self._palette.dim(address)}")
        self._title(f"Sending to topic {TOPIC}")

    def _title(self, text: str, first: bool = False) -> None:
        """
        Begin a part.
        """
        if not first:
            self._say("")
        self._say(self._palette.heading(text))

    async def _send(self, mode: CommunicationMode | None, *texts: str) -> None:
        """
        Send messages, all at the same time, and say what became of them.
        """
        call = f"send {mode.name}" if mode else "send"
        sends = [self._producer.send(_message(text), mode=mode) for text in texts]
        self._note(call, texts, await gatherResults(sends, consumeErrors=True))

    async def _sendBatch(self, *texts: str) -> None:
        """
        Send messages in one request.
        """
        messages = [_message(text) for text in texts]
        self._note("sendBatch", texts, await self._producer.sendBatch(messages))

    async def _sendOneway(self, text: str) -> None:
        """
        Send a message without an answer, and wait until it must be there.
        """
        await self._producer.sendOneway(_message(text))
        self._sent[text.encode()] = Sent("sendOneway", None)
        await self._pause()
        self._step("sendOneway", 1, "sent; brokers do not answer these")

    async def _loseAnswer(self) -> None:
        """
        Let the answer to a message get lost.
        """
        for broker in self._sandbox.brokers.values():
            broker.push(
                LostAnswer(self._sandbox), code=RequestCode.SEND_MESSAGE_V2, stored=True
            )
        self._event("the answer to the next message gets lost")
        await self._send(None, "stored twice, one id")

    async def _failBroker(self) -> None:
        """
        Send while a broker is down.
        """
        broker = self._sandbox.brokers[FAILING]
        await broker.setDown()
        await self._pause()
        self._event(f"{FAILING} goes down")
        await self._send(None, *(f"{FAILING} is down, {n}" for n in range(1, 5)))
        await broker.setUp()
        self._event(f"{FAILING} is back")

    async def _pause(self) -> None:
        """
        Let what is on its way arrive.
        """
        await deferLater(self._clock, PAUSE)

    def _note(
        self, call: str, texts: Sequence[str], results: Sequence[SendResult]
    ) -> None:
        """
        Say what became of messages.
        """
        for text, result in zip(texts, results, strict=True):
            self._sent[text.encode()] = Sent(call, len(result.attempts))
        again = sum(len(result.attempts) > 1 for result in results)
        copies = sum(result.possibleDuplicates for result in results)
        words = self._palette.good("stored")
        if again:
            some = f", {again} of them" if again < len(texts) else ""
            words += self._palette.notable(f"{some} at the second try")
        if copies:
            words += self._palette.notable(f", {counted(copies, 'possible duplicate')}")
        self._step(call, len(texts), words)

    def _step(self, call: str, number: int, words: str) -> None:
        """
        Say what was called, and what came of it.
        """
        called = self._palette.bold(f"{call:<11}")
        self._say(f"  {called}  {counted(number, 'message'):<11}  {words}")

    def _event(self, text: str) -> None:
        """
        Say what happens to the cluster.
        """
        self._say(f"  {self._palette.bad('!')} {text}")

    def _sum(self, stored: int, missing: int, elapsed: float) -> None:
        """
        Say how it went, and where to go from here.
        """
        palette = self._palette
        verdict = palette.bad(f"{missing} lost") if missing else palette.good("0 lost")
        self._say("")
        self._say(
            f"{counted(len(self._sent), 'message')} sent, {stored} stored, {verdict}, "
            f"in {elapsed:.2f} s.  Next: {palette.bold('txrocketmq send --help')}"
        )


def _message(text: str) -> Message:
    """
    A message with a text.
    """
    return Message(TOPIC, text.encode(), tags="demo")
