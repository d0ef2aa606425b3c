"""
The command line: C{txrocketmq demo}, C{send}, C{route} and C{sandbox}.

Laws:

    - Results go to standard output; everything else to standard error, one line
      for each thing.

    - Whatever happens, nobody is shown a traceback.

    - The exit status is 0 when all is well, 1 when something is not, 2 when the
      command line is wrong, and 128 more than the signal that ended it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

from twisted.internet.defer import CancelledError, Deferred, ensureDeferred
from twisted.internet.task import react
from twisted.logger import globalLogBeginner
from twisted.python.usage import UsageError

from txrocketmq._cli.console import Console, LogLines, standardError
from txrocketmq._cli.demo import demo
from txrocketmq._cli.options import ProgramOptions
from txrocketmq._cli.report import causes, reasonOf
from txrocketmq._cli.route import route
from txrocketmq._cli.send import send
from txrocketmq._cli.signals import Interruption
from txrocketmq._cli.standing import stand
from txrocketmq._cli.text import printable
from txrocketmq._clocks import keepSteadyTime
from txrocketmq.errors import InvalidConfiguration

COMMANDS: dict[
    str,
    Callable[[Any, Any, Console, Interruption], Coroutine[Deferred[Any], Any, int]],
] = {
    "demo": demo,
    "send": send,
    "route": route,
    "sandbox": stand,
}
"""
What runs each command; each gives the exit status.
"""

CANCELLED = {"demo", "route"}
"""
The commands that a signal cancels; the others end in their own way.
"""

INTERRUPTED = 130
"""
The exit status after SIGINT.
"""


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """
    Run the program.

    @param arguments: The command line; L{None} is the process's own.

    @raise SystemExit: Always.
    """
    _openStandardDescriptors()
    try:
        _main(sys.argv[1:] if arguments is None else arguments)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        # Whoever read our help has seen enough.  What is left of it would be
        # written when Python ends.
        _discardOutput()
        sys.exit(1)


def _main(arguments: Sequence[str]) -> NoReturn:
    """
    Read the command line and carry it out.
    """
    console = standardError()
    program = ProgramOptions()  # type: ignore[no-untyped-call]  # Twisted's
    try:
        program.parseOptions(arguments)
    except UsageError as wrong:
        console.say(f"{_named(program)}{printable(str(wrong))}")
        sys.exit(2)
    react(_run, (program.subCommand, program.subOptions, console))


def _named(program: ProgramOptions) -> str:
    """
    The command whose options are wrong, for the beginning of a line.
    """
    return f"{program.subCommand}: " if program.subCommand else ""


async def _run(reactor: Any, name: str, options: Any, console: Console) -> None:
    """
    Carry a command out, and end with its exit status.

    @raise SystemExit: When that is not 0.
    """
    keepSteadyTime(reactor)
    verbose = bool(options["verbose"])
    globalLogBeginner.beginLoggingTo(
        [LogLines(console, verbose)], redirectStandardIO=False
    )
    interruption = Interruption(reactor)
    status = await _ended(name, reactor, options, console, interruption)
    if status:
        raise SystemExit(status)


async def _ended(
    name: str,
    reactor: Any,
    options: Any,
    console: Console,
    interruption: Interruption,
) -> int:
    """
    Carry a command out.

    @return: Its exit status, however it ends.
    """
    for warning in getattr(options, "warnings", ()):
        console.say(warning)
    work = ensureDeferred(COMMANDS[name](reactor, options, console, interruption))
    if name in CANCELLED:
        interruption.whenAsked().addCallback(lambda _: work.cancel())
    try:
        return await work
    except CancelledError:
        console.say("interrupted")
        return interruption.status
    except Exception as error:
        console.say(reasonOf(error))
        if options["verbose"]:
            for cause in causes(error):
                console.say(cause)
        return 2 if isinstance(error, InvalidConfiguration) else 1


def _openStandardDescriptors() -> None:
    """
    Put something behind each descriptor from 0 to 2 that was closed: the next file
    or connection would get its number, and the output meant for it.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    nowhere = Path(os.devnull)
    # Python has None for those that were closed when it started.
    sys.stdout = sys.stdout or nowhere.open("w")
    sys.stderr = sys.stderr or nowhere.open("w")


def _discardOutput() -> None:
    """
    Let what is not written yet go nowhere.
    """
    with suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
