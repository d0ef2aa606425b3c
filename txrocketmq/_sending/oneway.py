"""
Sends that are not answered.

Law: one try, which is over when the bytes are given to the transport; what fails
before that is surely not stored.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

from twisted.internet.defer import CancelledError, Deferred

from txrocketmq.errors import InvalidMessage, RocketMQError, SendCancelled
from txrocketmq.message import Attempt, MessageQueue, Persisted

from .attempts import Ended
from .endings import failedSend
from .hooks import Forbidden, SendHooks, contextOf
from .progress import History, Send
from .targets import MOMENT, Cluster, Targets
from .timed import TimedTries


class Oneway:
    """
    Takes one producer's one-way sends to their end.
    """

    def __init__(
        self,
        cluster: Cluster,
        targets: Targets,
        ended: Ended,
        hooks: SendHooks | None = None,
        timed: TimedTries | None = None,
    ) -> None:
        """
        @param hooks: What is called around the try.

        @param timed: What measures it.
        """
        self._hooks = hooks
        self._timed = timed
        self._peers = cluster.peers
        self._clock = cluster.clock
        self._targets = targets
        self._ended = ended

    def first(self, send: Send) -> Deferred[None]:
        """
        Make a send's only try.
        """
        return Deferred.fromCoroutine(self._guarded(send))

    async def _guarded(self, send: Send) -> None:
        """
        The try, and the end of the send.
        """
        written = False
        send.began = self._clock.seconds()
        try:
            await self._attempt(send)
            written = True
        except CancelledError:
            raise SendCancelled(Persisted.NO) from None
        except InvalidMessage:
            raise
        except (RocketMQError, Forbidden) as error:
            raise self._failed(send, error) from None
        finally:
            self._ended(send, written)

    async def _attempt(self, send: Send) -> None:
        """
        Give the bytes to the best queue's connection.
        """
        targets = self._targets
        info = await targets.info(send)
        send.queue = targets.choose(send, info)
        send.broker = info.brokerOf(send.queue)
        send.address = targets.addressOrFail(info, send.queue)
        write: Callable[[], Awaitable[None]]
        write = partial(self._write, send, send.queue, send.address)
        if self._hooks is not None:
            context = contextOf(send, oneway=True)
            write = partial(self._hooks.around, context, write)
        await (write() if self._timed is None else self._timed.around(send, write))

    async def _write(self, send: Send, queue: MessageQueue, address: str) -> None:
        """
        Give the bytes to a connection.
        """
        left = max(send.at - self._clock.seconds(), MOMENT)
        old = self._targets.versions.isOld(send.broker, address)
        command = send.outgoing.command(queue, send.broker, old).asOneway()
        await self._peers.oneway(address, command, send.rules.attemptTimeout(left))

    def _failed(self, send: Send, error: Exception) -> Exception:
        """
        The failure of a send.
        """
        elapsed = self._clock.seconds() - send.began
        attempt = Attempt(send.queue, send.address, elapsed, error, Persisted.NO)
        history = History()
        history.add(attempt, send.broker)
        return failedSend(send, history, error)
