"""
The body of a route: which brokers have a topic, and how many queues each.

Follows C{TopicRouteData} and what it is made of, of Java.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import msgspec

from .jsonbody import parseBody
from .malformed import MalformedBody

# What a name server may make us build of one route.
MAX_QUEUES = 65_536
MAX_BROKERS = 1_024

_Int32 = Annotated[int, msgspec.Meta(ge=-(2**31), le=2**31 - 1)]
_Count = Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]
_Int64 = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]


class QueueData(msgspec.Struct, frozen=True):
    """
    How many queues a topic has on a broker.

    @ivar perm: See L{PermName<txrocketmq._wire.codes.PermName>}.
    """

    brokerName: str
    readQueueNums: _Count
    writeQueueNums: _Count
    perm: _Int32
    topicSysFlag: _Int32 = 0


class BrokerData(msgspec.Struct, frozen=True):
    """
    Where the brokers of one name are.

    @ivar brokerAddrs: An id to an address, C{host:port}; 0 is the master's.
    """

    cluster: str | None
    brokerName: str
    brokerAddrs: dict[_Int64, str]
    zoneName: str | None = None
    enableActingMaster: bool = False


class TopicQueueMappingInfo(msgspec.Struct, frozen=True):
    """
    Which logical queues of a static topic a broker has.

    @ivar bname: The name of the broker.

    @ivar currIdMap: The id of a logical queue to that of a real one.
    """

    topic: str | None
    totalQueues: _Count
    bname: str
    epoch: _Int64 = 0
    currIdMap: dict[_Int32, _Int32] = {}
    scope: str = "__global__"
    dirty: bool = False


class TopicRouteData(msgspec.Struct, frozen=True):
    """
    Where a topic is.

    @ivar orderTopicConf: C{broker:queues;...} of an ordered topic.

    @ivar topicQueueMappingByBroker: Of a static topic, by the brokers' names.
    """

    queueDatas: tuple[QueueData, ...] = ()
    brokerDatas: tuple[BrokerData, ...] = ()
    orderTopicConf: str | None = None
    filterServerTable: dict[str, tuple[str, ...]] = {}
    topicQueueMappingByBroker: dict[str, TopicQueueMappingInfo] | None = None


class _ReadQueueData(msgspec.Struct):
    """
    L{QueueData} as brokers of any age write it: those before 4.9.8 misspelt
    the last.
    """

    brokerName: str
    readQueueNums: _Count
    writeQueueNums: _Count
    perm: _Int32
    topicSysFlag: _Int32 = 0
    topicSynFlag: _Int32 = 0

    def queueData(self) -> QueueData:
        """
        Give the value that was meant.
        """
        return QueueData(
            self.brokerName,
            self.readQueueNums,
            self.writeQueueNums,
            self.perm,
            self.topicSysFlag or self.topicSynFlag,
        )


class _ReadTopicRouteData(msgspec.Struct):
    """
    L{TopicRouteData} as name servers of any age write it.
    """

    queueDatas: list[_ReadQueueData] = []
    brokerDatas: tuple[BrokerData, ...] = ()
    orderTopicConf: str | None = None
    filterServerTable: dict[str, tuple[str, ...]] | None = None
    topicQueueMappingByBroker: dict[str, TopicQueueMappingInfo] | None = None


_read = msgspec.json.Decoder(_ReadTopicRouteData).decode
_encoder = msgspec.json.Encoder(order="sorted")

_IntegerMap = Callable[[Mapping[int, Any]], Any]


def decodeTopicRouteData(data: bytes) -> TopicRouteData:
    """
    Read a route, with or without quotes around the keys that are numbers.

    @raise MalformedBody: It is none, or one that is too large: more than
        2 MiB, L{MAX_BROKERS} or L{MAX_QUEUES}.
    """
    read = parseBody(_read, data)
    mappings = read.topicQueueMappingByBroker
    brokers = max(len(read.brokerDatas), len(mappings or ()))
    if brokers > MAX_BROKERS:
        raise MalformedBody(f"a route of {brokers} brokers; {MAX_BROKERS} is the most")
    queues = [max(each.readQueueNums, each.writeQueueNums) for each in read.queueDatas]
    logical = [each.totalQueues for each in (mappings or {}).values()]
    count = max(sum(queues), len(queues), max(logical, default=0))
    if count > MAX_QUEUES:
        raise MalformedBody(f"a route of {count} queues; {MAX_QUEUES} is the most")
    return TopicRouteData(
        tuple([each.queueData() for each in read.queueDatas]),
        read.brokerDatas,
        read.orderTopicConf,
        read.filterServerTable or {},
        mappings,
    )


def encodeTopicRouteData(route: TopicRouteData, standardJson: bool = True) -> bytes:
    """
    Write a route as a name server does.

    @param standardJson: Whether keys that are numbers have quotes.  Requests
        of versions before 401 that do not ask for it are answered without.
    """
    if standardJson:
        value = _jsonOf(route, dict)
        return json.dumps(value, sort_keys=True, separators=(",", ":")).encode("ascii")
    return _encoder.encode(_jsonOf(route, _bareKeys))


def _bareKeys(mapping: Mapping[int, Any]) -> msgspec.Raw:
    """
    Write an object without quotes around its keys.
    """
    pairs = [b"%d:%b" % (key, _encoder.encode(mapping[key])) for key in sorted(mapping)]
    return msgspec.Raw(b"{%b}" % b",".join(pairs))


def _jsonOf(route: TopicRouteData, integerMap: _IntegerMap) -> dict[str, Any]:
    """
    Give a route as JSON's own kinds of values.
    """
    value: dict[str, Any] = {
        "brokerDatas": [
            _fieldsOf(broker, "brokerAddrs", integerMap) for broker in route.brokerDatas
        ],
        "filterServerTable": route.filterServerTable,
        "queueDatas": msgspec.to_builtins(route.queueDatas),
    }
    if route.orderTopicConf is not None:
        value["orderTopicConf"] = route.orderTopicConf
    if route.topicQueueMappingByBroker is not None:
        value["topicQueueMappingByBroker"] = {
            name: _fieldsOf(mapping, "currIdMap", integerMap)
            for name, mapping in route.topicQueueMappingByBroker.items()
        }
    return value


def _fieldsOf(
    struct: BrokerData | TopicQueueMappingInfo, mapped: str, integerMap: _IntegerMap
) -> dict[str, Any]:
    """
    Give the fields of a struct that are there, one of them a map with integers
    as its keys.
    """
    fields = msgspec.structs.asdict(struct)
    fields[mapped] = integerMap(fields[mapped])
    return {name: value for name, value in fields.items() if value is not None}
