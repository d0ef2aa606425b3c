"""
Tests of L{txrocketmq._remoting.endpoints} and L{lookups
<txrocketmq._remoting.lookups>}, without a network.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_network
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import CancelledError, Deferred, fail, succeed
from twisted.internet.error import ConnectionRefusedError
from twisted.internet.interfaces import (
    IAddress,
    IHostnameResolver,
    IHostResolution,
    IReactorPluggableNameResolver,
    IResolutionReceiver,
    IStreamClientEndpoint,
)
from twisted.python.failure import Failure
from zope.interface import implementer
from zope.interface.verify import verifyObject

from tests.remoting.doubles import Line, LineTestCase, noAnswer
from txrocketmq._remoting.addresses import asIP
from txrocketmq._remoting.endpoints import Connector
from txrocketmq._remoting.lookups import GIVEN_UP, KEPT, Lookups, Resolved
from txrocketmq._remoting.protocol import RemotingProtocol
from txrocketmq.errors import ConnectFailed, ConnectTimeout, ResolveFailed
from txrocketmq.settings import ClientSettings

EMPTY: dict[str, str] = {}


@implementer(IHostnameResolver)
class Resolver:
    """
    A resolver whose answers are the test's.

    @ivar lookups: The lookups under way, each with its name.
    """

    def __init__(self) -> None:
        self.lookups: list[tuple[str, IResolutionReceiver]] = []
        self.count = 0

    def resolveHostName(
        self,
        resolutionReceiver: IResolutionReceiver,
        hostName: str,
        portNumber: int = 0,
        addressTypes: Sequence[type[IAddress]] | None = None,
        transportSemantics: str = "TCP",
    ) -> IHostResolution:
        """
        Begin a lookup.
        """
        self.count += 1
        self.lookups.append((hostName, resolutionReceiver))
        resolutionReceiver.resolutionBegan(self)  # type: ignore[arg-type]
        return self  # type: ignore[return-value]

    def find(self, *hosts: str) -> None:
        """
        End the oldest lookup.
        """
        _, receiver = self.lookups.pop(0)
        for host in hosts:
            kind = IPv6Address if ":" in host else IPv4Address
            receiver.addressResolved(kind("TCP", host, 0))
        receiver.resolutionComplete()


class EndpointTestCase(LineTestCase):
    """
    Tests with a reactor that only notes what it is to connect.
    """

    def setUp(self) -> None:
        """
        Give the reactor a resolver.
        """
        super().setUp()
        self.resolver = Resolver()
        self.reactor.nameResolver = self.resolver

    def connector(self, **settings: Any) -> Connector:
        """
        Make a connector.
        """
        return Connector(
            self.reactor, self.reactor, ClientSettings(**settings), noAnswer
        )

    def asked(self) -> list[tuple[str, int]]:
        """
        Where the reactor was told to connect.
        """
        return [(host, port) for host, port, *_ in self.reactor.tcpClients]

    def accept(self, index: int = 0) -> Line:
        """
        Let an attempt succeed.
        """
        factory = self.reactor.tcpClients[index][2]
        wrapped: Any = factory.buildProtocol(IPv4Address("TCP", "10.0.0.9", 1))
        line = Line(wrapped, self.reactor)
        wrapped.makeConnection(line)
        self.addCleanup(line.lose, ConnectionRefusedError())
        return line

    def refuse(self, index: int = 0) -> None:
        """
        Let an attempt fail.
        """
        factory: Any = self.reactor.tcpClients[index][2]
        factory.clientConnectionFailed(None, Failure(ConnectionRefusedError()))


class ConnectTests(EndpointTestCase):
    """
    L{Connector.connect}.
    """

    def test_addresses(self) -> None:
        """
        IPv4 and IPv6 addresses are connected to without a lookup.
        """
        for n, (address, expected) in enumerate(
            (
                ("10.0.0.9:10911", ("10.0.0.9", 10911)),
                ("[2001:db8::9]:10911", ("2001:db8::9", 10911)),
            )
        ):
            d = self.connector().connect(address)
            self.assertEqual(self.asked()[n], expected)
            self.assertNoResult(d)
            self.accept(n)
            protocol = self.successResultOf(d)
            self.assertEqual(protocol.address, address)
            self.assertFalse(protocol.retired)
        self.assertEqual(self.resolver.count, 0)

    def test_settings(self) -> None:
        """
        A peer may take requestTimeout for a frame, and does not flood us.
        """
        d = self.connector(requestTimeout=1.5).connect("10.0.0.9:10911")
        self.accept()
        factory = self.successResultOf(d).factory
        self.assertEqual(factory.frameTimeout, 1.5)
        self.assertIsNotNone(factory._requestRate)

    def test_refused(self) -> None:
        """
        Nobody listens: at once, in plain words.
        """
        d = self.connector().connect("127.0.0.1:9")
        self.refuse()
        e = self.failing(d, ConnectFailed)
        self.assertEqual(
            str(e), "127.0.0.1:9: connection refused: nobody listens there"
        )
        self.assertIsInstance(e.__cause__, ConnectionRefusedError)

    def test_timeout(self) -> None:
        """
        An attempt nobody answers ends with connectTimeout, and is given up.
        """
        d = self.connector(connectTimeout=2.0).connect("10.0.0.9:10911")
        self.reactor.advance(1.99)
        self.assertNoResult(d)
        self.reactor.advance(0.01)
        e = self.failing(d, ConnectTimeout)
        self.assertEqual(str(e), "10.0.0.9:10911: there was no connection in 2 s")
        self.assertTrue(self.reactor.connectors[0].stoppedConnecting)

    def test_cancelled(self) -> None:
        """
        A cancelled attempt is given up, and is a CancelledError.
        """
        d = self.connector().connect("10.0.0.9:10911")
        d.cancel()
        self.failing(d, CancelledError)
        self.assertTrue(self.reactor.connectors[0].stoppedConnecting)

    def test_noAddress(self) -> None:
        """
        What is no address, as a route may name it, is a ConnectFailed.
        """
        for address in ("", "broker", "a b:1", "[fe80::1%eth0]:80", "x\r\n:1"):
            e = self.failing(self.connector().connect(address), ConnectFailed)
            self.assertIn("no address", str(e))
        self.assertEqual(self.asked(), [])

    def test_neverAllowed(self) -> None:
        """
        A route leads to no metadata service.
        """
        for address in ("169.254.169.254:80", "0.0.0.0:80", "[::ffff:169.254.1.1]:80"):
            e = self.failing(self.connector().connect(address), ConnectFailed)
            self.assertIn("not allowed", str(e))
        self.assertEqual(self.asked(), [])

    def test_allowed(self) -> None:
        """
        With a list, connections go nowhere else.
        """
        connector = self.connector(allowedAddresses=[ip_network("10.0.0.0/8")])
        self.failing(connector.connect("11.0.0.1:80"), ConnectFailed)
        d = connector.connect("10.0.0.1:80")
        self.assertEqual(self.asked(), [("10.0.0.1", 80)])
        self.accept()
        self.successResultOf(d)

    def test_addressMap(self) -> None:
        """
        A mapped address is connected to at its place, and named as itself.
        """
        for addressMap in (
            {"10.0.0.1:10911": "127.0.0.1:20911"},
            lambda address: "127.0.0.1:20911",
        ):
            connector = self.connector(addressMap=addressMap)
            d = connector.connect("10.0.0.1:10911")
            self.assertEqual(self.asked()[-1], ("127.0.0.1", 20911))
            self.accept(-1)
            self.assertEqual(self.successResultOf(d).address, "10.0.0.1:10911")

    def test_notMapped(self) -> None:
        """
        What a dictionary does not name is where it says it is.
        """
        connector = self.connector(addressMap={"10.0.0.1:10911": "127.0.0.1:20911"})
        connector.connect("10.0.0.2:10911").addErrback(lambda _: None).cancel()
        self.assertEqual(self.asked(), [("10.0.0.2", 10911)])

    def test_mappedToNowhere(self) -> None:
        """
        A callable that fails, or gives no address, fails the attempt.
        """
        for addressMap, words in (
            (lambda address: EMPTY["x"], "cannot connect: 'x'"),
            (lambda address: "nowhere", "'nowhere' is no address"),
            (lambda address: "169.254.169.254:80", "not allowed"),
        ):
            d = self.connector(addressMap=addressMap).connect("10.0.0.1:10911")
            self.assertIn(words, str(self.failing(d, ConnectFailed)))


@implementer(IStreamClientEndpoint)
class Endpoint:
    """
    An endpoint whose outcome is given.
    """

    def __init__(self, outcome: Any) -> None:
        self.outcome = outcome

    def connect(self, protocolFactory: Any) -> Deferred[Any]:
        """
        Give it.
        """
        return self.outcome(protocolFactory)  # type: ignore[no-any-return]


class EndpointFactoryTests(EndpointTestCase):
    """
    C{ClientSettings.endpointFactory}.
    """

    def test_used(self) -> None:
        """
        It is given the reactor, the host and the port, and nothing is looked
        up.
        """
        seen: list[tuple[object, str, int]] = []
        protocol = self.line()[0]

        def factory(reactor: object, host: str, port: int) -> Endpoint:
            seen.append((reactor, host, port))
            return Endpoint(lambda _: succeed(protocol))

        d = self.connector(endpointFactory=factory).connect("broker:10911")
        self.assertIs(self.successResultOf(d), protocol)
        self.assertEqual(seen, [(self.reactor, "broker", 10911)])
        self.assertEqual((self.asked(), self.resolver.count), ([], 0))

    def test_fails(self) -> None:
        """
        Whatever it, or its endpoint, fails with becomes a ConnectFailed.
        """

        def raising(reactor: object, host: str, port: int) -> Endpoint:
            raise KeyError("proxy")

        def failing(reactor: object, host: str, port: int) -> Endpoint:
            return Endpoint(lambda _: fail(KeyError("proxy")))

        for factory in (raising, failing):
            d = self.connector(endpointFactory=factory).connect("broker:10911")
            e = self.failing(d, ConnectFailed)
            self.assertIn("cannot connect: 'proxy'", str(e))

    def test_somethingElse(self) -> None:
        """
        An endpoint that does not give the protocol it was to make is a
        ConnectFailed too.
        """
        d = self.connector(
            endpointFactory=lambda *_: Endpoint(lambda _: succeed(object()))
        ).connect("broker:10911")
        self.assertIn("object", str(self.failing(d, ConnectFailed)))

    def test_unlikelyAddresses(self) -> None:
        """
        It does not get to see addresses that are not allowed.
        """
        d = self.connector(endpointFactory=lambda *_: 1 / 0).connect("0.0.0.0:80")
        self.assertIn("not allowed", str(self.failing(d, ConnectFailed)))


class NameTests(EndpointTestCase):
    """
    Host names.  F05, F06, F07.
    """

    def test_looksUp(self) -> None:
        """
        A name is looked up, and the first of its addresses that answers is
        connected to.
        """
        d = self.connector().connect("broker:10911")
        self.assertEqual(self.resolver.lookups[0][0], "broker")
        self.resolver.find("2001:db8::9", "10.0.0.9")
        self.assertEqual(self.asked(), [("2001:db8::9", 10911)])
        self.refuse()
        self.reactor.advance(0.5)
        self.assertEqual(self.asked()[1], ("10.0.0.9", 10911))
        self.accept(1)
        self.assertEqual(self.successResultOf(d).address, "broker:10911")

    def test_underscore(self) -> None:
        """
        A container's name may have an underscore.
        """
        d = self.connector().connect("rocketmq_broker:10911")
        self.resolver.find("10.0.0.9")
        self.accept()
        self.successResultOf(d)

    def test_deadAddress(self) -> None:
        """
        An address that does not answer does not keep the next waiting.
        """
        d = self.connector().connect("broker:10911")
        self.resolver.find("2001:db8::9", "10.0.0.9")
        self.reactor.advance(0.5)
        self.accept(1)
        self.successResultOf(d)

    def test_allRefused(self) -> None:
        """
        When none of them can be connected to, it says why.
        """
        d = self.connector().connect("broker:10911")
        self.resolver.find("10.0.0.8", "10.0.0.9")
        self.refuse(0)
        self.reactor.advance(0.5)
        self.refuse(1)
        self.reactor.advance(0.5)
        self.assertIn("nobody listens", str(self.failing(d, ConnectFailed)))

    def test_nothingFound(self) -> None:
        """
        A name without addresses is a ResolveFailed.
        """
        d = self.connector().connect("broker:10911")
        self.resolver.find()
        e = self.failing(d, ResolveFailed)
        self.assertEqual(str(e), "broker:10911: the host name has no address")

    def test_foundForbidden(self) -> None:
        """
        A name leads to no metadata service either.
        """
        d = self.connector().connect("broker:10911")
        self.resolver.find("169.254.169.254")
        self.assertIn("not allowed", str(self.failing(d, ConnectFailed)))
        d = self.connector().connect("broker:10911")
        self.resolver.find("169.254.169.254", "10.0.0.9")
        self.assertEqual(self.asked(), [("10.0.0.9", 10911)])
        self.accept()
        self.successResultOf(d)

    def test_lookupHangs(self) -> None:
        """
        A lookup that hangs is bounded by connectTimeout, and there is one for
        a name, however often it is tried.
        """
        connector = self.connector()
        for _ in range(5):
            d = connector.connect("broker:10911")
            self.reactor.advance(3.0)
            self.failing(d, ConnectTimeout)
        self.assertEqual(self.resolver.count, 1)
        d = connector.connect("broker:10911")
        self.resolver.find("10.0.0.9")
        self.accept()
        self.successResultOf(d)

    def test_cancelledLookup(self) -> None:
        """
        To cancel while a name is looked up is a CancelledError.
        """
        d = self.connector().connect("broker:10911")
        d.cancel()
        self.failing(d, CancelledError)
        self.resolver.find("10.0.0.9")
        self.assertEqual(self.asked(), [])

    def test_cancelledConnecting(self) -> None:
        """
        And so it is afterwards.
        """
        d = self.connector().connect("broker:10911")
        self.resolver.find("10.0.0.8", "10.0.0.9")
        d.cancel()
        self.failing(d, CancelledError)
        self.assertTrue(self.reactor.connectors[0].stoppedConnecting)


class LookupsTests(EndpointTestCase):
    """
    L{Lookups} and L{Resolved}.
    """

    def setUp(self) -> None:
        """
        Make some.
        """
        super().setUp()
        self.lookups = Lookups(self.reactor, lambda: self.resolver)

    def found(self, d: Deferred[Any]) -> list[str]:
        """
        What a lookup found.
        """
        return [str(ip) for ip in self.successResultOf(d)]

    def test_shared(self) -> None:
        """
        Those who ask for the same name share a lookup; another name has its
        own.
        """
        first, second = self.lookups.addresses("a"), self.lookups.addresses("a")
        other = self.lookups.addresses("b")
        self.assertEqual(self.resolver.count, 2)
        self.resolver.find("10.0.0.1")
        self.assertEqual(self.found(first), ["10.0.0.1"])
        self.assertEqual(self.found(second), ["10.0.0.1"])
        self.assertNoResult(other)
        self.resolver.find()
        self.assertEqual(self.found(other), [])

    def test_strangeAddresses(self) -> None:
        """
        What is no IP address is left out.
        """
        d = self.lookups.addresses("a")
        _, receiver = self.resolver.lookups[0]
        receiver.addressResolved(object())  # type: ignore[arg-type]
        self.resolver.find("10.0.0.1", "not:an:address", "::ffff:10.0.0.2")
        self.assertEqual(self.found(d), ["10.0.0.1", "10.0.0.2"])

    def test_lastGood(self) -> None:
        """
        For a minute a name that is not found any more has its last addresses.
        """
        self.lookups.addresses("a")
        self.resolver.find("10.0.0.1")
        self.reactor.advance(KEPT - 1)
        d = self.lookups.addresses("a")
        self.resolver.find()
        self.assertEqual(self.found(d), ["10.0.0.1"])
        self.reactor.advance(1)
        for _ in range(2):
            d = self.lookups.addresses("a")
            self.resolver.find()
            self.assertEqual(self.found(d), [])

    def test_neverEnds(self) -> None:
        """
        A lookup that never ends does not block its name for ever; when it
        ends after all, those who still wait get what it found.
        """
        first = self.lookups.addresses("a")
        self.reactor.advance(GIVEN_UP - 1)
        self.lookups.addresses("a").addErrback(lambda _: None).cancel()
        self.assertEqual(self.resolver.count, 1)
        self.reactor.advance(1)
        second = self.lookups.addresses("a")
        self.assertEqual(self.resolver.count, 2)
        self.resolver.find("10.0.0.1")
        self.assertEqual(self.found(first), ["10.0.0.1"])
        third = self.lookups.addresses("a")
        self.resolver.find("10.0.0.2")
        self.assertEqual(self.found(second), ["10.0.0.2"])
        self.assertEqual(self.found(third), ["10.0.0.2"])
        self.assertEqual(self.resolver.count, 2)

    def test_newAddress(self) -> None:
        """
        A name that leads elsewhere is followed at once.
        """
        self.lookups.addresses("a")
        self.resolver.find("10.0.0.1")
        d = self.lookups.addresses("a")
        self.resolver.find("10.0.0.2")
        self.assertEqual(self.found(d), ["10.0.0.2"])

    def test_atOnce(self) -> None:
        """
        A resolver may find something inside of the call.
        """
        addresses = [asIP("10.0.0.1"), asIP("::1")]
        resolved = Resolved(self.reactor, [ip for ip in addresses if ip])
        d = Lookups(self.reactor, lambda: resolved).addresses("a")
        self.assertEqual(self.found(d), ["10.0.0.1", "::1"])

    def test_resolved(self) -> None:
        """
        L{Resolved} is what L{HostnameEndpoint} wants of a reactor, and of a
        resolver.
        """
        resolved = Resolved(self.reactor, ())
        for interface in (
            IReactorPluggableNameResolver,
            IHostnameResolver,
            IHostResolution,
        ):
            verifyObject(interface, resolved)
        resolved.cancel()
        order: list[object] = []

        @implementer(IResolutionReceiver)
        class Receiver:
            """
            Notes what it is told.
            """

            resolutionBegan = addressResolved = order.append

            def resolutionComplete(self) -> None:
                """
                Note that.
                """
                order.append("complete")

        resolution = resolved.resolveHostName(Receiver(), "a", 80)
        self.assertEqual(order, [resolution, "complete"])
        self.assertRaises(
            NotImplementedError, resolved.installNameResolver, self.resolver
        )


class TypeTests(EndpointTestCase):
    """
    What a connector gives.
    """

    def test_protocol(self) -> None:
        """
        It is a L{RemotingProtocol} that answers with the connector's
        responder.
        """
        d = self.connector().connect("10.0.0.9:10911")
        self.accept()
        self.assertIsInstance(self.successResultOf(d), RemotingProtocol)
