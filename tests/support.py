"""
What tests start from: a clock in the test's hand and nothing left behind.

Importing this module also settles Hypothesis: no deadlines, which a busy machine
would break, and, where the environment has C{CI}, the same examples each time.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import attrs
from hypothesis import settings
from twisted.internet.abstract import isIPAddress, isIPv6Address
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import (
    IAddress,
    IHostnameResolver,
    IHostResolution,
    IReactorPluggableNameResolver,
    IResolutionReceiver,
)
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

settings.register_profile(
    "txrocketmq", deadline=None, derandomize=bool(os.environ.get("CI"))
)
settings.load_profile("txrocketmq")

CHECKOUT = Path(
    os.environ.get("TXROCKETMQ_CHECKOUT") or Path(__file__).resolve().parent.parent
)
"""
The directory of C{setup.cfg}: tests that read the project's own files (not those
of the package, which is tested as it was installed) find them here.
"""


@implementer(IHostResolution)
@attrs.frozen
class Resolution:
    """
    The resolution of a name, which is over at once.
    """

    name: str

    def cancel(self) -> None:
        """
        Do nothing: there is nothing left to do.
        """


@implementer(IHostnameResolver)
class LiteralResolver:
    """
    Resolves what is an IP address already; no other host is known.
    """

    def resolveHostName(
        self,
        resolutionReceiver: IResolutionReceiver,
        hostName: str,
        portNumber: int = 0,
        addressTypes: Sequence[type[IAddress]] | None = None,
        transportSemantics: str = "TCP",
    ) -> IHostResolution:
        """
        Give the address itself.
        """
        resolution = Resolution(hostName)
        resolutionReceiver.resolutionBegan(resolution)
        if isIPAddress(hostName):
            found = IPv4Address("TCP", hostName, portNumber)
            resolutionReceiver.addressResolved(found)
        elif isIPv6Address(hostName):
            resolutionReceiver.addressResolved(IPv6Address("TCP", hostName, portNumber))
        resolutionReceiver.resolutionComplete()
        return resolution


@implementer(IReactorPluggableNameResolver)
class Reactor(MemoryReactorClock):
    """
    A reactor in memory, whose time stands still until C{advance}.

    Without a resolver of its own, C{HostnameEndpoint} would start a thread for
    each name before Twisted 25.5, and none of these tests would see it connect.
    """

    nameResolver: IHostnameResolver = LiteralResolver()

    def installNameResolver(self, resolver: IHostnameResolver) -> IHostnameResolver:
        """
        Resolve names in another way.
        """
        former, self.nameResolver = self.nameResolver, resolver
        return former


class TestCase(SynchronousTestCase):
    """
    A test without I/O.

    It must leave nothing scheduled: what is still to come after the test's own
    cleanups fails it.

    @ivar reactor: The reactor and the clock.
    """

    def setUp(self) -> None:
        """
        Make the clock.
        """
        self.reactor = Reactor()
        # Cleanups run last in, first out: this one after all of the test's own.
        self.addCleanup(self.assertNothingScheduled)

    def assertNothingScheduled(self) -> None:
        """
        Fail if L{reactor} still has something to call.
        """
        self.assertEqual(self.reactor.getDelayedCalls(), [], "left on the clock")
