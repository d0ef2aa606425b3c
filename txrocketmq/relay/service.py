"""
The relay as a service: what it starts, and in which order it stops.

Laws:

    - Nothing is made before the service starts: twistd forks in between.

    - It starts from the bottom (ports bound, cluster, client, spool, forwarder) and
      takes connections last; it stops from the top: no new requests, then those
      under way, the forwarder, the client with its connections, the spool.

    - The last thing it logs is C{drained}, or what stays in the spool.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import ILogObserver, Logger
from twisted.python.usage import UsageError

from txrocketmq.errors import InvalidConfiguration, RocketMQError
from txrocketmq.relay.configuration import Resolved
from txrocketmq.relay.draining import Drain
from txrocketmq.relay.leaving import CannotStart
from txrocketmq.relay.material import PARTING, Material
from txrocketmq.relay.notify import Notifier
from txrocketmq.relay.parts import Parts
from txrocketmq.relay.process import Process
from txrocketmq.relay.reloading import reload

Read = Callable[[], tuple[Resolved, Material]]
"""
What reads the configuration again.  It raises L{UsageError} when it is wrong.
"""


class Relay(Service):
    """
    Takes messages over HTTP and sends them to one cluster.
    """

    _log = Logger()

    def __init__(
        self,
        reactor: Any,
        resolved: Resolved,
        material: Material,
        read: Read,
        process: Process,
        observer: ILogObserver | None = None,
    ) -> None:
        """
        @param resolved: What it is to do.

        @param material: What the files hold that are named there.

        @param process: Where it runs.

        @param observer: What C{twistd} is to log with, if not with its own.
        """
        self._reactor = reactor
        self._resolved = resolved
        self._material = material
        self._read = read
        self._process = process
        self._observer = observer
        self._parts: Parts | None = None
        self._notifier: Notifier | None = None
        self._drain: Drain | None = None
        self._starting: Deferred[None] | None = None

    def setServiceParent(self, parent: Any) -> None:
        """
        Belong to an application, which C{twistd} asks what to log with.
        """
        super().setServiceParent(parent)  # type: ignore[no-untyped-call]
        if self._observer is not None:
            parent.setComponent(ILogObserver, self._observer)

    def privilegedStartService(self) -> None:
        """
        Bind while there may still be a right to ports below 1024.

        @raise CannotStart: When one of the endpoints is taken, or the spool's
            directory is of no use.
        """
        self._prepare()

    def startService(self) -> None:
        """
        Begin to take requests.

        @raise CannotStart: As L{privilegedStartService}.
        """
        parts = self._prepare()
        super().startService()  # type: ignore[no-untyped-call]
        for warning in self._material.warnings:
            self._log.warn("{text}", text=warning)
        self._process.watch(self._reactor, self._hurry, self._reload)
        self._notifier = Notifier(self._reactor, self._process.environ, parts.status)
        self._starting = Deferred.fromCoroutine(self._start(parts))

    def stopService(self) -> Deferred[None]:
        """
        Take no more requests, end those under way, and close everything.

        @return: Fires when that is done.
        """
        super().stopService()  # type: ignore[no-untyped-call]
        if self._starting is not None:
            self._starting.cancel()
        timeout = self._resolved.configuration.drainTimeout
        self._drain = Drain(self._reactor, timeout)
        return Deferred.fromCoroutine(self._stop(self._drain))

    def _prepare(self) -> Parts:
        """
        Make everything, and bind the ports, unless that is done.
        """
        if self._parts is None:
            try:
                parts = Parts(self._reactor, self._resolved, self._material)
                parts.bind()
            except (InvalidConfiguration, UsageError) as wrong:
                raise CannotStart(str(wrong)) from None
            self._parts = parts
        return self._parts

    async def _start(self, parts: Parts) -> None:
        """
        Start everything, from the bottom.
        """
        try:
            await parts.start()
        except CancelledError:
            return
        except RocketMQError as wrong:
            self._process.fail(self._reactor, str(wrong))
            return
        assert self._notifier is not None
        self._process.settle()
        self._notifier.ready()
        self._log.info("The status page is at {pages}", pages=parts.shownPages())
        self._log.info("Taking messages at {places}", places=parts.shownPlaces())
        await parts.whenConnected()

    async def _stop(self, drain: Drain) -> None:
        """
        Close everything, from the top.
        """
        parts, self._parts = self._parts, None
        if parts is None:
            return
        if self._notifier is not None:
            self._notifier.stopping()
        reserve = PARTING * self._resolved.configuration.drainTimeout
        stays = await parts.stop(drain, reserve)
        if self._notifier is not None:
            self._notifier.close()
        if stays is None:
            self._log.info("drained")
        else:
            self._log.info("stopped; messages left in the spool: {stays}", stays=stays)

    def _hurry(self) -> None:
        """
        Cut the drain short.
        """
        if self._drain is not None:
            self._drain.hurry()

    def _reload(self) -> None:
        """
        Read the configuration again; a bad one changes nothing.
        """
        parts, notifier = self._parts, self._notifier
        if parts is None or notifier is None or not self.running:
            self._log.info("Not reloading: the relay is stopping")
            return
        notifier.reloading()
        try:
            resolved, material = self._read()
        except UsageError as wrong:
            self._log.error(
                "Not reloading, all stays as it was: {reason}", reason=str(wrong)
            )
        except Exception:
            self._log.failure("Not reloading, all stays as it was")
        else:
            reload(parts, self._resolved, resolved, material)
        notifier.ready()
