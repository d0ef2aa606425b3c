"""
Tests for L{txrocketmq.relay.jsonlog}.  F84, F89.
"""

from __future__ import annotations

import io
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.logger import Logger, LogLevel
from twisted.trial.unittest import SynchronousTestCase

import tests.support  # noqa: F401  # settles Hypothesis
from txrocketmq.relay.jsonlog import (
    MOST_KEYS,
    MOST_TEXT,
    MOST_TRACEBACK,
    line,
    observer,
)


class Full(io.StringIO):
    """
    A stream whose disk is full.
    """

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    def write(self, text: str) -> int:
        """
        Fail.
        """
        raise self.error


class Unprintable:
    """
    What cannot be shown.
    """

    def __repr__(self) -> str:
        raise ZeroDivisionError


class JSONLinesTests(SynchronousTestCase):
    """
    L{JSONLines<txrocketmq.relay.jsonlog.JSONLines>}.
    """

    def written(self, text: str, **values: Any) -> dict[str, Any]:
        """
        What is written of an event.
        """
        stream = io.StringIO()
        Logger("here", observer=observer(stream)).info(text, **values)
        written: dict[str, Any] = json.loads(stream.getvalue())
        self.assertEqual(stream.getvalue().count("\n"), 1)
        return written

    def test_event(self) -> None:
        """
        An event has its time, level, logger, text and values.
        """
        written = self.written("{count} of {name}", count=3, name="x")
        self.assertTrue(written.pop("ts").endswith("Z"))
        self.assertEqual(
            written,
            {
                "level": "info",
                "logger": "here",
                "message": "3 of x",
                "count": 3,
                "name": "x",
            },
        )

    def test_cannotWrite(self) -> None:
        """
        A stream that is full or closed harms nobody who logs.
        """
        for error in (OSError(28, "No space left on device"), ValueError("closed")):
            Logger("here", observer=observer(Full(error))).info("hello")

    @given(st.text(), st.text(), st.one_of(st.text(), st.binary(), st.floats()))
    def test_oneLine(self, text: str, name: str, value: object) -> None:
        """
        Whatever is in an event, it is one line of printable ASCII.
        """
        written = line({"log_format": "{v}" + text, "v": value, name: value})
        self.assertTrue(written.endswith("\n"))
        self.assertTrue(written[:-1].isascii())
        self.assertTrue(written[:-1].isprintable())
        json.loads(written)

    def test_bounded(self) -> None:
        """
        What is long is cut off.
        """
        many = {f"value{at}": 100_000 * "x" for at in range(100)}
        try:
            raise ValueError(100_000 * "y")
        except ValueError:
            stream = io.StringIO()
            log = Logger("here", observer=observer(stream))
            log.failure("{value0}", None, LogLevel.error, **many)
        written = json.loads(stream.getvalue())
        self.assertEqual(len(written["message"]), MOST_TEXT)
        self.assertEqual(len(written["value1"]), MOST_TEXT)
        self.assertEqual(len(written["traceback"]), MOST_TRACEBACK)
        self.assertLessEqual(len(written), MOST_KEYS + 5)

    def test_secrets(self) -> None:
        """
        A value that is named like a secret is not written.
        """
        for name in ("secretKey", "token", "Authorization", "body", "password"):
            written = self.written("hello", **{name: "s3cret"})
            self.assertEqual(written[name], "***")

    def test_formats(self) -> None:
        """
        A value is never a format.
        """
        written = self.written("{remark!r}", remark="{log_source} {0} %s")
        self.assertEqual(written["message"], "'{log_source} {0} %s'")

    def test_unprintable(self) -> None:
        """
        What cannot be shown is told of.
        """
        written = self.written("hello", value=Unprintable())
        self.assertIn("unprintable ZeroDivisionError", written["message"])
