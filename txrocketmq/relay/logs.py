"""
The form of the log's lines, under C{twistd} and C{twist}.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import MutableMapping
from types import FrameType
from typing import Any, TextIO

from twisted.logger import ILogObserver, textFileLogObserver
from twisted.python.logfile import LogFile
from twisted.python.usage import UsageError

from txrocketmq.relay import jsonlog

JSON = "json"

TWIST = "fileLogObserverFactory"
"""
Where C{twist} keeps what makes its observer.
"""

ROTATES = signal.SIGUSR1
"""
Upon which C{twistd} rotates its log.
"""


def logAs(
    form: str, runner: MutableMapping[str, Any], reactor: Any
) -> ILogObserver | None:
    """
    Choose the form of the log.

    @param form: C{text} or C{json}.

    @param runner: The options of what runs the relay; C{twist} is told there.

    @param reactor: What a signal's answer is given to.

    @return: What C{twistd} is to log with, instead of its own.

    @raise UsageError: When there can be no such log.
    """
    if TWIST in runner:
        # Without a terminal its own choice is Twisted's JSON, which renders nothing.
        isJSON = form == JSON
        runner[TWIST] = jsonlog.observer if isJSON else textFileLogObserver
        return None
    if form != JSON or runner.get("logger"):
        return None
    if runner.get("syslog"):
        raise UsageError("--log-format json: --syslog takes lines of text only")
    return jsonlog.observer(_stream(runner, reactor))


def _stream(runner: MutableMapping[str, Any], reactor: Any) -> TextIO:
    """
    Where C{twistd} would log to.
    """
    name = runner.get("logfile")
    if runner.get("nodaemon") and name in (None, "", "-"):
        return sys.stdout
    if name == "-":
        raise UsageError("--logfile: a daemon cannot log to standard output")
    file: Any = LogFile.fromFullPath(name or "twistd.log")
    if not signal.getsignal(ROTATES):

        def rotate(number: int, frame: FrameType | None) -> None:
            reactor.callFromThread(file.rotate)

        signal.signal(ROTATES, rotate)
    stream: TextIO = file
    return stream
