"""
What is at which address of C{--admin-listen}.

Laws:

    - It listens apart from what takes messages: whoever may send need not see this.

    - Nothing of a request is in an answer, and no page but our own may change
      anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import attrs
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request

from txrocketmq.errors import RocketMQError
from txrocketmq.relay import refusals
from txrocketmq.relay.answers import (
    NOT_FOUND,
    UNEXPECTED,
    Answer,
    document,
    later,
    problem,
)
from txrocketmq.relay.metrics import Metrics
from txrocketmq.relay.origins import header, isForeign, isOurs
from txrocketmq.relay.page.render import STATIC, rendered, static
from txrocketmq.relay.state import RelayState, Spooling
from txrocketmq.relay.status import statusOf

GET_ONLY = problem(405, "method_not_allowed", "GET this", {"allow": b"GET, HEAD"})
POST_ONLY = problem(405, "method_not_allowed", "POST this", {"allow": b"POST"})
LIST_ONLY = problem(
    405, "method_not_allowed", "GET or DELETE this", {"allow": b"GET, HEAD, DELETE"}
)
FOREIGN = problem(403, "forbidden", "other web pages may not change anything")
MISDIRECTED = problem(421, "misdirected", "this name is not known to be this machine's")
NO_SPOOL = problem(404, "no_spool", "there is no spool")
NOT_NOW = later(503, "spool_unavailable", "the spool cannot do that now")

HEADERS = (
    (
        b"Content-Security-Policy",
        (
            b"default-src 'none'; script-src 'self'; style-src 'self'; "
            b"img-src 'self'; connect-src 'self'; base-uri 'none'; "
            b"form-action 'none'; frame-ancestors 'none'"
        ),
    ),
    (b"Referrer-Policy", b"no-referrer"),
    (b"Cross-Origin-Resource-Policy", b"same-origin"),
    (b"Cross-Origin-Opener-Policy", b"same-origin"),
)
"""
What every answer has besides the usual ones.
"""

HTML = "text/html; charset=utf-8"

SEEN = (b"GET", b"HEAD")


@attrs.frozen
class Text:
    """
    An answer that is not JSON.

    @ivar kind: Its content type.
    """

    content: bytes
    kind: str


Given = Answer | Text


class Admin(Resource):
    """
    Everything there is to see, and the little there is to do.
    """

    isLeaf = True
    _log = Logger()

    def __init__(self, state: RelayState, hosts: Iterable[str] = ()) -> None:
        """
        @param state: What there is to see.

        @param hosts: Names of this machine besides its addresses and names without
            a dot.
        """
        super().__init__()  # type: ignore[no-untyped-call]  # Twisted's is untyped
        self._state = state
        self._metrics = Metrics(state)
        self._hosts = frozenset(host.lower() for host in hosts)
        self._pages: dict[
            tuple[bytes, ...], Callable[[Request], Given | Deferred[Given]]
        ]
        self._pages = {
            (b"",): self._page,
            (b"metrics",): self._measured,
            (b"healthz",): lambda _: _verdict(*state.healthy()),
            (b"readyz",): lambda _: _verdict(*state.ready()),
            (b"v1", b"status"): self._status,
        }

    def render(self, request: Request) -> int:
        """
        Answer a request, now or later.
        """
        Deferred.fromCoroutine(self._serve(request))
        return NOT_DONE_YET

    async def _serve(self, request: Request) -> None:
        """
        Answer a request, unless its client goes away first.
        """
        gone: list[Failure] = []
        request.notifyFinish().addErrback(gone.append)
        try:
            answer = self._answer(request)
            given = await answer if isinstance(answer, Deferred) else answer
        except refusals.BadQuestion as wrong:
            given = problem(400, "bad_request", str(wrong))
        except RocketMQError:
            given = NOT_NOW
        except Exception:
            self._log.failure("An answer could not be given")
            given = UNEXPECTED
        if not gone:
            _write(request, given)

    def _answer(self, request: Request) -> Given | Deferred[Given]:
        """
        The answer to a request.
        """
        path = tuple(request.postpath or ())
        if path == (b"metrics",):
            # It has no secrets, and is asked for by whatever name.
            return self._measured(request) if request.method in SEEN else GET_ONLY
        if not isOurs(header(request, b"host"), self._hosts):
            return MISDIRECTED
        if path[:2] == (b"v1", b"refused"):
            return self._refused(path[2:], request)
        if len(path) == 1 and path[0].decode("latin-1") in STATIC:
            content, kind = static(path[0].decode("latin-1"))
            return Text(content, kind) if request.method in SEEN else GET_ONLY
        page = self._pages.get(path)
        if page is None:
            return NOT_FOUND
        return page(request) if request.method in SEEN else GET_ONLY

    def _page(self, request: Request) -> Deferred[Given]:
        """
        The status page, with the figures of now.
        """
        status = statusOf(self._state, texts=True)
        return rendered(status).addCallback(lambda html: Text(html, HTML))

    def _measured(self, request: Request) -> Given:
        """
        All metrics.
        """
        return Text(*self._metrics.written(header(request, b"accept")))

    def _status(self, request: Request) -> Given:
        """
        All figures.
        """
        arguments = request.args
        after = None
        if b"history" in arguments:
            after = refusals.numberOf(arguments, b"history", 0)
        texts = arguments.get(b"texts") == [b"true"]
        return document(200, statusOf(self._state, after, texts))

    def _refused(
        self, path: tuple[bytes, ...], request: Request
    ) -> Given | Deferred[Given]:
        """
        The refused messages: list them, replay them, delete them.
        """
        if path not in ((), (b"replay",)):
            return NOT_FOUND
        allowed = (b"POST",) if path else (*SEEN, b"DELETE")
        if request.method not in allowed:
            return POST_ONLY if path else LIST_ONLY
        if request.method not in SEEN and isForeign(request):
            return FOREIGN
        spool = self._state.spool
        return NO_SPOOL if spool is None else _onRefused(spool, request)


def _onRefused(spool: Spooling, request: Request) -> Deferred[Given]:
    """
    Do what was asked for.
    """
    act = refusals.replayed if request.method == b"POST" else refusals.deleted
    if request.method in SEEN:
        act = refusals.listed
    return act(spool, request.args).addCallback(lambda found: document(200, found))


def _verdict(good: bool, words: str) -> Answer:
    """
    Whether something is as it should be.
    """
    if good:
        return document(200, {"status": "ok"})
    return later(503, "not_ready", words)


def _write(request: Request, given: Given) -> None:
    """
    Give an answer.
    """
    answer = Answer(200, given.content) if isinstance(given, Text) else given
    body = answer.write(request)
    if isinstance(given, Text):
        request.setHeader(b"Content-Type", given.kind.encode("ascii"))
    for name, value in HEADERS:
        request.setHeader(name, value)
    request.write(body)
    request.finish()
