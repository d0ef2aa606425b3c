"""
Logs as JSON, one object a line: C{--log-format json}, and for all of C{twistd}'s
own lines too C{twistd --logger=txrocketmq.relay.jsonlog}.

Laws:

    - An event is one line, whatever is in it, and of bounded length.

    - What is named like a secret or a body is not written, and an event that cannot
      be written does no harm.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from types import ModuleType
from typing import Any, TextIO

from twisted.logger import ILogObserver, LogEvent, formatEvent
from twisted.python.failure import Failure
from zope.interface import implementer

MOST_TEXT = 1024
"""
The most characters of one value.
"""

MOST_TRACEBACK = 8192
"""
The most characters of a traceback.
"""

MOST_KEYS = 32
"""
The most values of one event.
"""

SECRET = ("secret", "password", "token", "authorization", "credential", "body", "key")
"""
What the names of secrets have in them.
"""

OWN = {"ts", "level", "logger", "message", "traceback", "format", "time", "system"}
OWN |= {"isError", "failure", "why", "printed", "warning", "legacyEvent"}
"""
Names that are not those of an event's values: ours, and Twisted's old log's.
"""


@implementer(ILogObserver)
class JSONLines:
    """
    Writes events to a stream.
    """

    def __init__(self, stream: TextIO) -> None:
        """
        @param stream: What takes the lines.
        """
        self._stream = stream

    def __call__(self, event: LogEvent) -> None:
        """
        Write an event; what cannot be written is dropped.
        """
        try:
            self._stream.write(line(event))
            self._stream.flush()
        except (OSError, ValueError):
            # The disk is full, or nobody reads: the relay has better things to do
            # than to fail for that.
            return


def observer(stream: TextIO) -> JSONLines:
    """
    What writes events to a stream.
    """
    return JSONLines(stream)


def line(event: LogEvent) -> str:
    """
    An event as a line.
    """
    try:
        content = _content(event)
    except Exception as error:
        content = {
            "level": "error",
            "message": f"an unprintable {type(error).__name__}",
        }
    return json.dumps(content, ensure_ascii=True) + "\n"


def _content(event: LogEvent) -> dict[str, Any]:
    """
    An event as an object.
    """
    level = event.get("log_level")
    moment = datetime.fromtimestamp(event.get("log_time", 0.0), UTC)
    content = {
        "ts": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "level": "info" if level is None else level.name,
        "logger": str(event.get("log_namespace", ""))[:MOST_TEXT],
        "message": formatEvent(event)[:MOST_TEXT],
        **_values(event),
    }
    failure = event.get("log_failure")
    if isinstance(failure, Failure):
        content["traceback"] = failure.getTraceback()[-MOST_TRACEBACK:]
    return content


def _values(event: Mapping[str, Any]) -> dict[str, Any]:
    """
    The values an event was made with.
    """
    names = [name for name in event if not name.startswith("log_") and name not in OWN]
    return {
        name[:MOST_TEXT]: "***" if _isSecret(name) else _plain(event[name])
        for name in names[:MOST_KEYS]
    }


def _isSecret(name: str) -> bool:
    """
    Whether a name is like that of a secret.
    """
    return any(word in name.lower() for word in SECRET)


def _plain(value: object) -> Any:
    """
    A value as JSON has it.
    """
    if value is None or isinstance(value, bool | int | float):
        return value
    return (value if isinstance(value, str) else repr(value))[:MOST_TEXT]


class _CallableModule(ModuleType):
    """
    A module that C{twistd} can call: it takes the name of what makes an observer.
    """

    def __call__(self) -> JSONLines:
        """
        What writes events to standard output.
        """
        return observer(sys.stdout)


sys.modules[__name__].__class__ = _CallableModule
