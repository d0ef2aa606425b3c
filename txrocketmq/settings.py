"""
What can be set, one documented record for each thing that is set up.

All are frozen and keyword only.  A value that cannot work is an
L{InvalidConfiguration} at once, naming the setting.  Times are seconds unless a
name ends in C{Millis}.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from ipaddress import IPv4Network, IPv6Network
from typing import Any, TypeAlias

import attrs
from twisted.internet.interfaces import IStreamClientEndpoint

from txrocketmq import _checks as checks
from txrocketmq._wire.codes import ResponseCode, SerializeType
from txrocketmq.errors import InvalidConfiguration
from txrocketmq.message import RequiredAck, Selector, WhenFull
from txrocketmq.selectors import byHash

__all__ = [
    "SEED_LATENCY_MAX",
    "SEED_NOT_AVAILABLE_DURATION",
    "Batching",
    "ClientSettings",
    "ProducerSettings",
    "SessionCredentials",
    "SocksProxy",
    "TLSSettings",
]

AddressMap: TypeAlias = Mapping[str, str] | Callable[[str], str]
"""
Where a broker's advertised C{host:port} is really reached.
"""

EndpointFactory: TypeAlias = Callable[[Any, str, int], IStreamClientEndpoint]
"""
What makes an endpoint of a reactor, a host and a port.
"""

Network: TypeAlias = IPv4Network | IPv6Network


@attrs.frozen(kw_only=False)
class SessionCredentials:
    """
    What requests are signed with.  No form of it shows the secret.

    @ivar accessKey: The account's name.

    @ivar secretKey: The key of the signature.

    @ivar securityToken: The token of temporary credentials.
    """

    accessKey: str = attrs.field(validator=checks.name)
    secretKey: str = attrs.field(validator=checks.name, repr=False)
    securityToken: str | None = attrs.field(
        default=None, validator=checks.text, repr=False
    )

    def __reduce__(self) -> Any:
        """
        Refuse to be written anywhere.
        """
        raise TypeError("credentials are not to be serialised")


@attrs.frozen(kw_only=True)
class TLSSettings:
    """
    How TLS connections are made, to name servers and brokers alike.

    @ivar trustRoots: A PEM file of the authorities to trust; L{None} trusts the
        platform's.

    @ivar certificate: A PEM file with the client's certificate (and chain).

    @ivar privateKey: A PEM file with its key; L{None} looks in C{certificate}.

    @ivar serverName: The name certificates must be for, instead of the host's.

    @ivar insecureSkipVerify: Accept any certificate.  Only ever for a test.
    """

    trustRoots: str | None = attrs.field(default=None, validator=checks.text)
    certificate: str | None = attrs.field(default=None, validator=checks.text)
    privateKey: str | None = attrs.field(default=None, validator=checks.text)
    serverName: str | None = attrs.field(default=None, validator=checks.text)
    insecureSkipVerify: bool = attrs.field(default=False, validator=checks.oneOf(bool))


@attrs.frozen(kw_only=False)
class SocksProxy:
    """
    A SOCKS5 proxy that all connections are made through.

    The proxy resolves the host names.

    @ivar address: Its C{host:port}.

    @ivar username: Who we are to it, where it asks.

    @ivar password: The password of that user.
    """

    address: str = attrs.field(validator=checks.address)
    username: str | None = attrs.field(default=None, validator=checks.shortText)
    password: str | None = attrs.field(
        default=None, validator=checks.shortText, repr=False
    )

    def __attrs_post_init__(self) -> None:
        """
        Refuse one of the two without the other.
        """
        if (self.username is None) is not (self.password is None):
            raise InvalidConfiguration("give username and password, or neither")


@attrs.frozen(kw_only=True)
class ClientSettings:
    """
    How one L{MQClient<txrocketmq.MQClient>} talks to its cluster.

    @ivar clientIP: The first part of the clientId; L{None} finds an address.

    @ivar instanceName: The second part; L{None} makes one that is unique.

    @ivar unitName: The third part, and the suffix of an address server's URL.

    @ivar unitMode: Whether sends carry the unit flag.

    @ivar pollNameServerInterval: Seconds between two refreshes of all routes.

    @ivar heartbeatBrokerInterval: Seconds between two heartbeats to masters.

    @ivar connectTimeout: Seconds a connection may take, TCP and TLS together.

    @ivar requestTimeout: Seconds a route lookup, heartbeat or unregistering may
        take at one server.

    @ivar stopTimeout: Seconds C{stopService} may take.

    @ivar vipChannelEnabled: Whether sends go to the broker's port minus two.

    @ivar serializeType: How headers are written; answers are read in any form.

    @ivar namespace: The prefix of topics and groups (v1).

    @ivar namespaceV2: The namespace sent beside the names (v2).

    @ivar credentials: What requests are signed with, or a callable that gives
        it, asked for each request.

    @ivar requireTLSWithCredentials: Whether signing over plain text is refused.

    @ivar tls: How TLS is done; L{None} is plain TCP.

    @ivar socks: The SOCKS5 proxy all connections are made through, or L{None}.

    @ivar addressMap: Where a broker's advertised address is really reached.

    @ivar endpointFactory: What makes the endpoints, instead of host names, IPv4
        and IPv6 over TCP.

    @ivar allowedAddresses: The networks connections may go to; empty is any.
        Through a proxy, which resolves names, only addresses are let through.
    """

    clientIP: str | None = attrs.field(default=None, validator=checks.text)
    instanceName: str | None = attrs.field(default=None, validator=checks.text)
    unitName: str | None = attrs.field(default=None, validator=checks.text)
    unitMode: bool = attrs.field(default=False, validator=checks.oneOf(bool))
    pollNameServerInterval: float = attrs.field(default=30.0, validator=checks.seconds)
    heartbeatBrokerInterval: float = attrs.field(default=30.0, validator=checks.seconds)
    connectTimeout: float = attrs.field(default=3.0, validator=checks.seconds)
    requestTimeout: float = attrs.field(default=3.0, validator=checks.seconds)
    stopTimeout: float = attrs.field(default=10.0, validator=checks.seconds)
    vipChannelEnabled: bool = attrs.field(default=False, validator=checks.oneOf(bool))
    serializeType: SerializeType = attrs.field(
        default=SerializeType.JSON, validator=checks.oneOf(SerializeType)
    )
    namespace: str | None = attrs.field(default=None, validator=checks.text)
    namespaceV2: str | None = attrs.field(default=None, validator=checks.text)
    credentials: SessionCredentials | Callable[[], SessionCredentials] | None = (
        attrs.field(default=None, repr=False)
    )
    requireTLSWithCredentials: bool = attrs.field(
        default=False, validator=checks.oneOf(bool)
    )
    tls: TLSSettings | None = attrs.field(
        default=None, validator=checks.oneOf(TLSSettings, type(None))
    )
    socks: SocksProxy | None = attrs.field(
        default=None, validator=checks.oneOf(SocksProxy, type(None))
    )
    addressMap: AddressMap = attrs.field(factory=dict, validator=checks.addressMap)
    endpointFactory: EndpointFactory | None = attrs.field(
        default=None, validator=checks.function
    )
    allowedAddresses: Sequence[Network] = attrs.field(
        default=(),
        converter=checks.tupleOf,
        validator=checks.every(IPv4Network | IPv6Network, "networks of ipaddress"),
    )

    @credentials.validator
    def _credentialsUsable(self, field: attrs.Attribute[Any], value: object) -> None:
        """
        Credentials, a callable, or none; never shown.
        """
        if not (
            value is None or isinstance(value, SessionCredentials) or callable(value)
        ):
            raise InvalidConfiguration(
                f"credentials must be SessionCredentials or a callable that gives "
                f"them, not a {type(value).__name__}"
            )
        if value is not None and self.requireTLSWithCredentials and self.tls is None:
            raise InvalidConfiguration(
                "requireTLSWithCredentials is set and credentials are, but tls is not"
            )


DEFAULT_RETRY_CODES = frozenset(
    {
        ResponseCode.SYSTEM_ERROR,
        ResponseCode.SYSTEM_BUSY,
        ResponseCode.SERVICE_NOT_AVAILABLE,
        ResponseCode.NO_PERMISSION,
        ResponseCode.TOPIC_NOT_EXIST,
        ResponseCode.NO_BUYER_ID,
        ResponseCode.NOT_IN_CURRENT_UNIT,
        ResponseCode.GO_AWAY,
    }
)
"""
The codes after which Java's SYNC rules try another broker.
"""


LATENCY_MAX = (50, 100, 550, 1800, 3000, 5000, 15_000)
"""
From how many milliseconds on a send counts as slow, step by step: Java's since
5.1.4.
"""

NOT_AVAILABLE_DURATION = (0, 0, 2000, 5000, 6000, 10_000, 30_000)
"""
For each of these steps, how many milliseconds its broker is left out.
"""

SEED_LATENCY_MAX = (50, 100, 550, 1000, 2000, 3000, 15_000)
"""
The same of Java's first table, 4.0 to 5.1.3.  Where both settings equal the seed's
tables, brokers are chosen by the strategy that belonged to them: the latest send
alone decides how long its broker is left out, an error means the longest time, and
when all are out one of the better half is taken.
"""

SEED_NOT_AVAILABLE_DURATION = (0, 0, 30_000, 60_000, 120_000, 180_000, 600_000)
"""
See L{SEED_LATENCY_MAX}.
"""


@attrs.frozen(kw_only=True)
class Batching:
    """
    When single sends may leave together as one batch.

    @ivar maxMessages: The most messages of one batch.

    @ivar maxBytes: The most bytes of one batch's body.
    """

    maxMessages: int = attrs.field(default=256, validator=checks.count(2))
    maxBytes: int = attrs.field(default=256 * 1024, validator=checks.count(1))


@attrs.frozen(kw_only=True)
class ProducerSettings:
    """
    How one L{Producer<txrocketmq.Producer>} sends; Java's names where Java has
    the knob.

    @ivar retryTimesWhenSendFailed: How often a message that may be stored is sent
        again; under Java's SYNC rules, how often any failure is retried.

    @ivar retryTimesWhenSendAsyncFailed: Retries under Java's ASYNC rules.

    @ivar retryAnotherBrokerWhenNotStoreOK: Whether Java's SYNC rules retry a
        weak status.

    @ivar retryResponseCodes: The codes Java's SYNC rules retry.

    @ivar sendTimeout: Seconds from the call to the end of a send, waiting for
        room, routes and retries included.

    @ivar attemptTimeout: Seconds one broker may take to answer, or to go on reading
        while others of our requests are before.

    @ivar requiredAck: What a broker must promise.

    @ivar resendWhenMaybe: Whether a message that may be stored is sent again.

    @ivar createTopicKey: The topic a broker copies when it makes a new one.

    @ivar defaultTopicQueueNums: How many queues a new topic is to have.

    @ivar compressMsgBodyOverHowmuch: Bodies from this many bytes are compressed.

    @ivar compressLevel: How hard, for the types that have levels.

    @ivar compressType: C{"ZLIB"}, C{"LZ4"} or C{"ZSTD"}.

    @ivar maxMessageSize: The most bytes of a body.

    @ivar sendSmartMsg: Whether single messages are sent with the short header (V2)
        that all brokers since 3.5 know.  One that says it does not is sent the long
        one (V1) by itself, except under Java's rules.

    @ivar sendLatencyFaultEnable: Whether slow and failing brokers are left out by
        Java's tables, too.

    @ivar latencyMax: From how many milliseconds on a send is slow, in rising
        steps.

    @ivar notAvailableDuration: For each of these steps, how many milliseconds its
        broker is left out.

    @ivar maxInFlightMessages: The most messages between call and end.

    @ivar maxInFlightBytes: The same in bytes of bodies.

    @ivar maxWaitingMessages: The most messages that wait for room.

    @ivar maxWaitingBytes: The same in bytes of bodies.

    @ivar maxInFlightPerQueue: The most messages between call and end on one
        queue; 0 is no limit, 1 keeps a queue's order through retries.

    @ivar whenFull: Whether a send without room waits or fails.

    @ivar shardingSelector: What makes a selector of a shardingKey.

    @ivar batching: How single sends may leave together; L{None} if they may not.

    @ivar topics: Topics whose routes are fetched when the client starts.
    """

    retryTimesWhenSendFailed: int = attrs.field(default=2, validator=checks.count(0))
    retryTimesWhenSendAsyncFailed: int = attrs.field(
        default=2, validator=checks.count(0)
    )
    retryAnotherBrokerWhenNotStoreOK: bool = attrs.field(
        default=False, validator=checks.oneOf(bool)
    )
    retryResponseCodes: frozenset[int] = attrs.field(
        default=DEFAULT_RETRY_CODES,
        converter=checks.frozensetOf,
        validator=checks.every(int, "several codes"),
    )
    sendTimeout: float = attrs.field(default=10.0, validator=checks.seconds)
    attemptTimeout: float = attrs.field(default=3.0, validator=checks.seconds)
    requiredAck: RequiredAck = attrs.field(
        default=RequiredAck.STORED, validator=checks.oneOf(RequiredAck)
    )
    resendWhenMaybe: bool = attrs.field(default=True, validator=checks.oneOf(bool))
    createTopicKey: str = attrs.field(default="TBW102", validator=checks.name)
    defaultTopicQueueNums: int = attrs.field(default=4, validator=checks.count(1))
    compressMsgBodyOverHowmuch: int = attrs.field(
        default=4096, validator=checks.count(1)
    )
    compressLevel: int = attrs.field(default=5, validator=checks.count(0))
    compressType: str = attrs.field(default="ZLIB", validator=checks.compression)
    maxMessageSize: int = attrs.field(
        default=4 * 1024 * 1024, validator=checks.count(1)
    )
    sendSmartMsg: bool = attrs.field(default=True, validator=checks.oneOf(bool))
    sendLatencyFaultEnable: bool = attrs.field(
        default=False, validator=checks.oneOf(bool)
    )
    latencyMax: tuple[int, ...] = attrs.field(
        default=LATENCY_MAX, converter=checks.tupleOf, validator=checks.thresholds
    )
    notAvailableDuration: tuple[int, ...] = attrs.field(
        default=NOT_AVAILABLE_DURATION,
        converter=checks.tupleOf,
        validator=checks.durations,
    )
    maxInFlightMessages: int = attrs.field(default=100_000, validator=checks.count(1))
    maxInFlightBytes: int = attrs.field(
        default=64 * 1024 * 1024, validator=checks.count(1)
    )
    maxWaitingMessages: int = attrs.field(default=100_000, validator=checks.count(0))
    maxWaitingBytes: int = attrs.field(
        default=64 * 1024 * 1024, validator=checks.count(0)
    )
    whenFull: WhenFull = attrs.field(
        default=WhenFull.WAIT, validator=checks.oneOf(WhenFull)
    )
    maxInFlightPerQueue: int = attrs.field(default=0, validator=checks.count(0))
    shardingSelector: Callable[[str], Selector] = attrs.field(
        default=byHash, validator=checks.function
    )
    batching: Batching | None = attrs.field(
        default=None, validator=checks.oneOf(Batching, type(None))
    )
    topics: tuple[str, ...] = attrs.field(
        default=(),
        converter=checks.tupleOf,
        validator=checks.every(str, "several topics, such as ['Orders']"),
    )

    @notAvailableDuration.validator
    def _asManyDurations(self, field: attrs.Attribute[Any], value: object) -> None:
        """
        One for each threshold.
        """
        if len(self.notAvailableDuration) != len(self.latencyMax):
            raise InvalidConfiguration(
                f"notAvailableDuration must have as many values as latencyMax, which "
                f"has {len(self.latencyMax)}, not {value!r}"
            )
