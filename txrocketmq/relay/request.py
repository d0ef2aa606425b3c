"""
One request: its head is looked at before its body is read, and its body as it comes.

Law: nothing of a request is written to a file, and nothing that is too long is kept.

Twisted's own methods are untyped; hence what mypy is told to ignore.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.http import Request

from txrocketmq.relay.answers import UNEXPECTED, Answer
from txrocketmq.relay.metadata import REQUEST_ID, Fields, single

if TYPE_CHECKING:
    from txrocketmq.relay.channel import RelayChannel

DRAINED = 64 * 1024
"""
The longest body of a request that is refused, and its connection kept: a longer one
is not waited for.
"""


class Reader(Protocol):
    """
    What becomes of a request's body.
    """

    def received(self, data: bytes) -> None:
        """
        Some of it has come.
        """

    def completed(self) -> None:
        """
        All of it has.
        """

    def lost(self, answer: Answer | None) -> bool:
        """
        The rest will not come, or nobody wants to know any more.

        @param answer: Why the request is refused; L{None} when its client has gone.

        @return: Whether the client is told by the reader.
        """


class Dismissal:
    """
    Reads over a body and gives the answer that is known already.
    """

    def __init__(self, request: RelayRequest, answer: Answer) -> None:
        """
        @param answer: The answer.
        """
        self._request = request
        self._answer = answer

    def received(self, data: bytes) -> None:
        """
        Nobody wants it.
        """

    def completed(self) -> None:
        """
        Answer.
        """
        self._request.answer(self._answer)

    def lost(self, answer: Answer | None) -> bool:
        """
        There is nothing to give back.
        """
        return False


class RelayRequest(Request):
    """
    A request.

    @ivar fields: All headers, by their canonical names.

    @ivar spelled: The headers that describe a message, spelled as they came.
    """

    #: The connection; Twisted says too little of it.
    channel: RelayChannel
    uri: bytes
    _log = Logger()

    reader: Reader | None = None
    fields: Fields

    def __init__(self, channel: RelayChannel, *args: Any) -> None:
        """
        @param channel: The connection it came by.
        """
        super().__init__(channel, *args)
        self.fields = {}
        self.spelled: list[tuple[bytes, bytes]] = []
        self._id: bytes | None = None

    def gotLength(self, length: int | None) -> None:
        """
        The head is there: see what it asks for.

        @param length: The length of the body; L{None} for one in chunks.
        """
        try:
            admitted = self.channel.site.front.admit(self, length)
        except Exception:
            self._log.failure("A request could not be looked at")
            admitted = UNEXPECTED
        if not isinstance(admitted, Answer):
            self.reader = admitted
        elif length is None or length > DRAINED or b"Expect" in self.fields:
            self.channel.refuse(admitted)
        else:
            self.reader = Dismissal(self, admitted)

    def handleContentChunk(self, data: bytes) -> None:
        """
        Some of the body has come.
        """
        if self.reader is not None and not self.channel.leaving:
            self._try(self.reader.received, data)

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:
        """
        Everything has come.
        """
        if self.reader is not None and not self.channel.leaving:
            self.channel.deadline = self.channel.site.never
            self._try(self.reader.completed)

    def connectionLost(self, reason: Failure) -> None:
        """
        The client has gone.
        """
        super().connectionLost(reason)  # type: ignore[no-untyped-call]
        reader, self.reader = self.reader, None
        if reader is not None:
            reader.lost(None)

    def abandon(self, answer: Answer) -> bool:
        """
        Read no more of it: it is refused.

        @return: Whether its client is told that already.
        """
        reader, self.reader = self.reader, None
        return reader is not None and reader.lost(answer)

    def answer(self, answer: Answer, more: bytes = b"") -> None:
        """
        Give the whole answer, unless nobody is there for it.

        @param more: Further headers, each with its end of line.
        """
        if self._disconnected or self.finished or self.channel.leaving:
            return
        channel = self.channel
        site = channel.site
        more += self.idLine() + site.dateLine + self.closing()
        self.startedWriting = 1
        self.reader = None
        channel.transport.write(answer.rendered(more, self.method != b"HEAD"))
        site.answered(answer.status)
        self.finish()  # type: ignore[no-untyped-call]

    def closing(self) -> bytes:
        """
        The header that says that this is the connection's last answer, if it is.
        """
        isLast = not self.channel.persistent or self.channel.site.closing
        return b"Connection: close\r\n" if isLast else b""

    def idLine(self) -> bytes:
        """
        The header that tells the request apart from all others: its client's, or
        one of ours.
        """
        if self._id is None:
            given = single(self.fields, b"X-Request-Id")
            isFit = given is not None and REQUEST_ID.match(given)
            self._id = given if given and isFit else self.channel.site.nextId()
        return b"X-Request-Id: %b\r\n" % self._id

    def _try(self, step: Any, *args: bytes) -> None:
        """
        Do something that should not fail; if it does, the log knows, and the client
        that we failed.
        """
        try:
            step(*args)
        except Exception:
            self._log.failure("A request failed")
            if not self._disconnected:
                self.channel.refuse(UNEXPECTED)
