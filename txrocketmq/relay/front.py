"""
What is at which address.
"""

from __future__ import annotations

from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request

from txrocketmq.relay.answers import NOT_FOUND, STOPPING, Answer, problem
from txrocketmq.relay.desk import Desk
from txrocketmq.relay.ingest import Ingest

GET_ONLY = problem(405, "method_not_allowed", "GET this", allow=b"GET, HEAD")
HEALTHY = Answer(200, {"status": "ok"})
NOT_READY = problem(
    503, "not_ready", "no name server has answered yet", retry_after=b"1"
)


class Front(Resource):
    """
    Everything the relay offers.
    """

    isLeaf = True

    def __init__(self, desk: Desk) -> None:
        """
        @param desk: Where messages are taken in.
        """
        super().__init__()  # type: ignore[no-untyped-call]  # Twisted's is untyped
        self._desk = desk
        self._ingest = Ingest(desk)

    def render(self, request: Request) -> bytes | int:
        """
        Answer a request, now or later.
        """
        answer = self._answer(request)
        return NOT_DONE_YET if answer is None else answer.write(request)

    def _answer(self, request: Request) -> Answer | None:
        """
        The answer to a request, if there is one now.
        """
        match request.postpath:
            case [b"v1", b"topics", topic, b"messages"]:
                return self._ingest.take(topic, request)
            case [b"healthz"]:
                return _asked(request) or HEALTHY
            case [b"readyz"]:
                return _asked(request) or self._readiness()
        return NOT_FOUND

    def _readiness(self) -> Answer:
        """
        Whether messages can be sent.
        """
        if self._desk.closed:
            return STOPPING
        return HEALTHY if self._desk.ready else NOT_READY


def _asked(request: Request) -> Answer | None:
    """
    Why a request is no question, if it is none.
    """
    return None if request.method in (b"GET", b"HEAD") else GET_ONLY
