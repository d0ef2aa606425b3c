"""
Tests for L{txrocketmq._cli.submission}.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.trial.unittest import SynchronousTestCase

from tests.cli.results import failed, stored
from txrocketmq import CommunicationMode, Message, SendResult
from txrocketmq._cli.submission import submission


class RecordedProducer:
    """
    Records what is sent.

    @ivar error: What sends fail with, if they do.
    """

    error: Exception | None = None

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []

    def _ended(self, result: Any) -> Deferred[Any]:
        """
        The end of a send.
        """
        return succeed(result) if self.error is None else fail(self.error)

    def send(
        self, message: Message, *, mode: CommunicationMode | None = None
    ) -> Deferred[SendResult]:
        """
        Send one.
        """
        self.calls.append(("send", message.body, mode))
        return self._ended(stored())

    def sendOneway(self, message: Message) -> Deferred[None]:
        """
        Send one, and forget it.
        """
        self.calls.append(("sendOneway", message.body))
        return self._ended(None)

    def sendBatch(self, messages: Sequence[Message]) -> Deferred[list[SendResult]]:
        """
        Send several.
        """
        self.calls.append(("sendBatch", *(message.body for message in messages)))
        return self._ended([stored(at) for at in range(len(messages))])


class SubmissionTests(SynchronousTestCase):
    """
    What each mode calls.
    """

    def setUp(self) -> None:
        """
        Record what is sent.
        """
        self.producer = RecordedProducer()

    def submit(self, mode: str, *bodies: bytes) -> list[Any]:
        """
        Send bodies.
        """
        producer: Any = self.producer
        send = submission(
            producer, lambda body: Message("T", body), mode, max(len(bodies), 1)
        )
        ended: Deferred[Any] = send(bodies)
        return list(self.successResultOf(ended))

    def test_modes(self) -> None:
        """
        Each mode has its rules.
        """
        for mode in ("default", "sync", "async"):
            self.assertEqual(self.submit(mode, b"a"), [stored()])
        self.assertEqual(
            self.producer.calls,
            [
                ("send", b"a", None),
                ("send", b"a", CommunicationMode.SYNC),
                ("send", b"a", CommunicationMode.ASYNC),
            ],
        )

    def test_oneway(self) -> None:
        """
        A one-way message ends with nothing.
        """
        self.assertEqual(self.submit("oneway", b"a"), [None])
        self.assertEqual(self.producer.calls, [("sendOneway", b"a")])

    def test_batch(self) -> None:
        """
        Several bodies are a batch, with an outcome for each.
        """
        self.assertEqual(self.submit("default", b"a", b"b"), [stored(0), stored(1)])
        self.assertEqual(self.producer.calls, [("sendBatch", b"a", b"b")])

    def test_failures(self) -> None:
        """
        Failures are outcomes; a batch fails as a whole.
        """
        error = self.producer.error = failed()
        for mode, bodies in (
            ("default", [b"a"]),
            ("oneway", [b"a"]),
            ("default", [b"a", b"b"]),
        ):
            self.assertEqual(self.submit(mode, *bodies), [error] * len(bodies))
