"""
What the relay asks of the process it runs in.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, MutableMapping
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from txrocketmq.relay.leaving import failLater
from txrocketmq.relay.signals import Signals


class Process:
    """
    The process of a relay that is all there is in it.

    @ivar environ: Its environment.
    """

    _log = Logger()

    def __init__(self) -> None:
        self.environ: MutableMapping[str, str] = os.environ

    def watch(
        self, reactor: Any, hurry: Callable[[], object], reload: Callable[[], object]
    ) -> None:
        """
        Answer to signals, until the process ends.
        """
        Signals(reactor, hurry, reload).install()

    def settle(self) -> None:
        """
        Have everything there is now left out of Python's searches for garbage: it
        stays until the end, and a search through all of it takes as long as some
        dozen messages, which would wait.
        """
        gc.collect()
        gc.freeze()

    def fail(self, reactor: Any, reason: str) -> None:
        """
        End, with status 1, because of something found out too late to raise it.
        """
        self._log.critical("txrocketmq: {reason}", reason=reason)
        failLater()
        reactor.callWhenRunning(reactor.stop)


class NoProcess(Process):
    """
    The process of somebody else, in which a relay is a guest.

    @ivar failed: Fires with the reason when the relay cannot do its work.
    """

    def __init__(self) -> None:
        self.environ = {}
        self.failed: Deferred[str] = Deferred()

    def watch(
        self, reactor: Any, hurry: Callable[[], object], reload: Callable[[], object]
    ) -> None:
        """
        Leave the signals alone, but keep what they would do.
        """
        self.hurry, self.reload = hurry, reload

    def settle(self) -> None:
        """
        Leave alone what is not ours.
        """

    def fail(self, reactor: Any, reason: str) -> None:
        """
        Tell the reason.
        """
        self.failed.callback(reason)
