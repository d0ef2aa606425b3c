"""
C{txrocketmq send}: every line a message, and a line for what became of it.
"""

from __future__ import annotations

from typing import Any

import attrs

from txrocketmq import Producer
from txrocketmq._cli.clusters import connected
from txrocketmq._cli.console import Console
from txrocketmq._cli.lines import FileSplitter, LineSplitter
from txrocketmq._cli.options import SendOptions
from txrocketmq._cli.ordering import Outcome
from txrocketmq._cli.output import Output
from txrocketmq._cli.patience import Patience
from txrocketmq._cli.progress import Progress
from txrocketmq._cli.reading import InputFailed, Inputs
from txrocketmq._cli.report import Tally, causeLines, jsonLine, plainLine
from txrocketmq._cli.sending import Limits, LineSender, Submit
from txrocketmq._cli.signals import Interruption
from txrocketmq._cli.submission import submission
from txrocketmq._cli.text import counted


async def send(
    reactor: Any, options: SendOptions, console: Console, interruption: Interruption
) -> int:
    """
    Send what the options name.

    @return: The exit status.
    """
    inputs = Inputs(reactor, options.files)
    nameServers = None if options.embedded else options["name-server"]
    async with connected(reactor, nameServers, options["settings"]) as client:
        producer = Producer(client, options["group"], options.producerSettings())
        submit = submission(
            producer, options.message, options["mode"], options["batch"]
        )
        streams = Streams(inputs, Output(reactor, console), console)
        sending = Sending(reactor, options, streams, submit)
        asked = interruption.whenAsked().addCallback(sending.interrupted)
        asked.addErrback(lambda failure: None)
        await sending.run()
        asked.cancel()
    return interruption.status if sending.wasInterrupted else sending.status


@attrs.frozen
class Streams:
    """
    Where lines come from, where results go, and where everything else goes.
    """

    inputs: Inputs
    output: Output
    console: Console


class Sending:
    """
    One run from the first line to the last.

    @ivar wasInterrupted: Whether it was asked to end early.

    @ivar status: The exit status, apart from that.
    """

    def __init__(
        self,
        reactor: Any,
        options: SendOptions,
        streams: Streams,
        submit: Submit,
    ) -> None:
        """
        @param submit: Sends bodies.
        """
        self._console = console = streams.console
        self._verbose = bool(options["verbose"])
        self._format = jsonLine if options["json"] else plainLine
        self._inputs = streams.inputs
        self._tally = Tally()
        limits = _limits(options)
        splitter = FileSplitter if options["whole"] else LineSplitter
        self._splitter = splitter(limits.longest)
        self._output = streams.output
        self._output.changed = self._outputChanged
        self._sender = LineSender(
            reactor,
            submit,
            self._show,
            self._output.hasRoom,
            limits,
            Patience(reactor, options["timeout"]),
        )
        self._progress = Progress(
            reactor, console, self._tally, self._sender, self._inputs.total
        )
        self.wasInterrupted = False
        self._inputError: InputFailed | None = None

    async def run(self) -> None:
        """
        Read, send, report; say in the end what is worth saying.
        """
        if not self._inputs.isTyped:
            self._progress.start()
        try:
            await self._inputs.feed(self._splitter, self._sender.take)
        except InputFailed as wrong:
            self._inputError = wrong
        await self._sender.finish()
        await self._output.flushed()
        self._progress.stop()
        self._conclude()

    def interrupted(self, number: int) -> None:
        """
        Take no more lines; those on their way may end.
        """
        self.wasInterrupted = True
        waiting = self._sender.inFlight()
        if waiting:
            self._console.say(
                f"interrupted: {counted(waiting, 'message')} on the way may still end "
                "(interrupt again to leave at once)"
            )
        self._stop()

    @property
    def status(self) -> int:
        """
        Whether all is well.
        """
        wrong = self._tally.failures or self._inputError or self._output.error
        return 1 if wrong else 0

    def _show(self, number: int, outcome: Outcome) -> None:
        """
        Report one message.
        """
        self._tally.add(number, outcome)
        self._output.line(self._format(number, outcome))
        if self._verbose:
            for text in causeLines(number, outcome):
                self._console.say(text)

    def _outputChanged(self) -> None:
        """
        Go on when the reader did, and end when it has gone.
        """
        if self._output.error is not None:
            self._stop()
        self._sender.wake()

    def _stop(self) -> None:
        """
        End as soon as what is under way has ended.
        """
        self._inputs.stop()
        self._sender.stop()

    def _conclude(self) -> None:
        """
        Say what went wrong, and on a terminal also what went right.
        """
        if self._output.status():
            return
        if self._inputError is not None:
            self._console.say(str(self._inputError))
        if self.wasInterrupted:
            self._console.say(f"interrupted: {self._tally.sentence()}")
        elif self._tally.failures:
            self._console.say(self._tally.sentence())
        elif self._console.isTerminal:
            self._console.say(f"{self._tally.sentence()}, {self._progress.pace()}")


def _limits(options: SendOptions) -> Limits:
    """
    How much at once, as the options say.
    """
    return Limits(
        inFlight=options["in-flight"],
        batch=options["batch"],
        longest=options.producerSettings().maxMessageSize,
        rate=options["rate"],
        skipEmpty=bool(options["skip-empty"]),
    )
