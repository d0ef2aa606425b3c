"""
Ending the process because it cannot do its work.
"""

from __future__ import annotations

import atexit
import os
import sys
from contextlib import suppress


class CannotStart(SystemExit, Exception):
    """
    The relay cannot start.

    It ends the process with its text as the one line that is shown, and status 1.
    It is an exception like others, too: only for those does twistd remove its pid
    file, and tell a waiting parent.
    """

    def __init__(self, reason: str) -> None:
        """
        @param reason: One line.
        """
        super().__init__(f"txrocketmq: {reason}")


def failLater() -> None:
    """
    Have the process end with status 1 once the reactor has been stopped: Twisted's
    runners would say that all went well.
    """
    atexit.register(_fail)


def _fail() -> None:
    """
    End with status 1.
    """
    for stream in (sys.__stdout__, sys.__stderr__):
        if stream is not None:
            with suppress(OSError, ValueError):
                stream.flush()
    os._exit(1)
