"""
What is at which address, and who may ask for it.

Law: whatever can be known from a request's head is known before its body is read.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from txrocketmq.relay.answers import STOPPING, Answer, document, later, problem
from txrocketmq.relay.desk import Desk
from txrocketmq.relay.idempotency import BAD_KEY, NO_SPOOL, STREAM_KEY
from txrocketmq.relay.ingest import Ingest, WholeBody
from txrocketmq.relay.limits import Limits
from txrocketmq.relay.metadata import IDEMPOTENCY_KEY, Fields, single, traceOf
from txrocketmq.relay.orders import Order
from txrocketmq.relay.request import Dismissal, Reader
from txrocketmq.relay.shares import Client
from txrocketmq.relay.shelf import Shelf
from txrocketmq.relay.streams import Stream
from txrocketmq.relay.targets import Target, Targets
from txrocketmq.relay.tokens import Grant, Tokens

if TYPE_CHECKING:
    from txrocketmq.relay.request import RelayRequest

GET_ONLY = problem(405, "method_not_allowed", "GET this", {"allow": b"GET, HEAD"})
POST_ONLY = problem(405, "method_not_allowed", "POST messages here", {"allow": b"POST"})
HEALTHY = document(200, {"status": "ok"})
BROWSER = problem(403, "forbidden", "web pages may not send messages")
UNAUTHORIZED = problem(
    401, "unauthorized", "a token is needed", {"www_authenticate": b"Bearer"}
)
FORBIDDEN = problem(403, "forbidden", "this token is not for this topic")
NO_SPOOL_ACK = problem(400, "no_spool", "ack=spool needs a relay with a spool")
ENCODED = problem(415, "unsupported", "bodies are not taken in a Content-Encoding")
TWO_KINDS = problem(415, "unsupported", "there is more than one Content-Type")
NO_LENGTH = problem(
    411, "length_required", "a body has a Content-Length, or comes in chunks"
)

KINDS = {b"application/json": "json", b"application/x-ndjson": "ndjson"}
"""
The content types of bodies that are not one message's bytes.
"""


class Front:
    """
    Everything the relay offers.
    """

    def __init__(
        self,
        desk: Desk,
        limits: Limits,
        *,
        shelf: Shelf | None = None,
        tokens: Tokens | None = None,
        ready: Callable[[], tuple[bool, str]] = lambda: (True, ""),
    ) -> None:
        """
        @param desk: Where messages are taken in.

        @param shelf: Where they are kept, if anywhere.

        @param tokens: Who may send; L{None} lets everybody.

        @param ready: Says whether messages can be sent, and if not, why.
        """
        self._desk = desk
        self._limits = limits
        self._shelf = shelf
        self._tokens = tokens
        self._ready = ready
        self._targets = Targets()
        self._ingest = Ingest(desk, shelf)
        self.answered = desk.tally.answered
        self._tooManyStreams = later(
            503, "busy", "there are too many streams", limit=limits.maxStreams
        )

    def reload(self, tokens: Tokens | None) -> None:
        """
        Let others send from now on.
        """
        self._tokens = tokens

    def tick(self, now: float) -> None:
        """
        Some time has passed.
        """
        for flow in list(self._desk.flows):
            flow.tick(now)

    def admit(self, request: RelayRequest, length: int | None) -> Reader | Answer:
        """
        See what a request asks for.

        @param length: The length of its body; L{None} for one in chunks.

        @return: What reads its body, or the answer that is known already.
        """
        target = self._targets.of(request.uri)
        if isinstance(target, Target):
            return self._admit(target, request, length)
        if isinstance(target, Answer):
            return target
        if request.method not in (b"GET", b"HEAD"):
            return GET_ONLY
        return Dismissal(request, HEALTHY if target == "healthz" else self._isReady())

    def _admit(
        self, target: Target, request: RelayRequest, length: int | None
    ) -> Reader | Answer:
        """
        See whether a request may send messages.
        """
        fields = request.fields
        if request.method != b"POST":
            return POST_ONLY
        if b"Origin" in fields:
            return BROWSER
        grant: Grant | None = None
        if self._tokens is not None:
            grant = self._tokens.grant(single(fields, b"Authorization"))
            if grant is None:
                return UNAUTHORIZED
            if not grant.allows(target.topic):
                return FORBIDDEN
        if self._desk.closed:
            return STOPPING
        if target.ack == "spool" and self._shelf is None:
            return NO_SPOOL_ACK
        kind = _kindOf(fields)
        if isinstance(kind, Answer):
            return kind
        if grant is None:
            order = Order(request, target, kind, request.channel.client)
        else:
            client = Client(f"token {grant.name}", grant.rate)
            order = Order(request, target, kind, client, grant.name)
        return self._read(order, length, fields)

    def _read(
        self, order: Order, length: int | None, fields: Fields
    ) -> Reader | Answer:
        """
        What reads a body, if there is room for it.
        """
        isChunked = b"Transfer-Encoding" in fields
        if not isChunked and b"Content-Length" not in fields:
            return NO_LENGTH
        if b"Traceparent" in fields:
            order.trace = traceOf(fields)
        isStream = isChunked and order.kind == "ndjson"
        if b"Idempotency-Key" in fields:
            wrong = self._key(order, fields, isStream)
            if wrong is not None:
                return wrong
        if isStream:
            if len(self._desk.flows) >= self._limits.maxStreams:
                return self._tooManyStreams
            return Stream(self._desk, self._shelf, order)
        size = length or 0
        if size > self._limits.maxBody:
            return self._ingest.tooLong
        held = size if size > self._limits.freeBody else 0
        if held:
            wrong = self._desk.shares.hold(order.client, held)
            if wrong is not None:
                return wrong
        return WholeBody(self._ingest, order, held)

    def _key(self, order: Order, fields: Fields, isStream: bool) -> Answer | None:
        """
        Take a request's idempotency key.

        @return: Why it cannot have one.
        """
        if self._shelf is None:
            return NO_SPOOL
        if isStream:
            return STREAM_KEY
        key = single(fields, b"Idempotency-Key")
        if key is None or not IDEMPOTENCY_KEY.match(key):
            return BAD_KEY
        order.key = key.decode("ascii")
        return None

    def _isReady(self) -> Answer:
        """
        Whether messages can be sent.
        """
        if self._desk.closed:
            return STOPPING
        isReady, why = self._ready()
        return HEALTHY if isReady else later(503, "not_ready", why)


def _kindOf(fields: Fields) -> str | Answer:
    """
    What a body is.
    """
    if b"Content-Encoding" in fields:
        return ENCODED
    values = fields.get(b"Content-Type")
    if not values:
        return "raw"
    if len(values) > 1:
        return TWO_KINDS
    named = KINDS.get(values[0])
    if named is not None:
        return named
    return KINDS.get(values[0].partition(b";")[0].strip().lower(), "raw")
