"""
The bodies that are JSON: routes, heartbeats, and who consumes.

Follows C{HeartbeatData} and what it is made of, of Java.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from struct import iter_unpack
from typing import Annotated

import msgspec

from .jsonbody import parseBody
from .malformed import MalformedBody
from .routes import (
    BrokerData,
    QueueData,
    TopicQueueMappingInfo,
    TopicRouteData,
    decodeTopicRouteData,
    encodeTopicRouteData,
)

__all__ = [
    "BrokerData",
    "ConsumerData",
    "HeartbeatData",
    "MalformedBody",
    "ProducerData",
    "QueueData",
    "SubscriptionData",
    "TopicQueueMappingInfo",
    "TopicRouteData",
    "decodeConsumerList",
    "decodeHeartbeatData",
    "decodeTopicRouteData",
    "encodeConsumerList",
    "encodeHeartbeatData",
    "encodeTopicRouteData",
    "heartbeatFingerprint",
]

_Int32 = Annotated[int, msgspec.Meta(ge=-(2**31), le=2**31 - 1)]
_Int64 = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]


class ProducerData(msgspec.Struct, frozen=True):
    """
    A group a client sends for.
    """

    groupName: str


class SubscriptionData(msgspec.Struct, frozen=True):
    """
    What a group wants of a topic.

    @ivar subString: Tags with C{||} between them, or C{*}.

    @ivar codeSet: The hashes of the tags.

    @ivar subVersion: When it was made, in milliseconds since 1970.
    """

    topic: str
    subString: str | None = "*"
    tagsSet: tuple[str, ...] = ()
    codeSet: tuple[_Int32, ...] = ()
    subVersion: _Int64 = 0
    expressionType: str | None = "TAG"
    classFilterMode: bool = False


class ConsumerData(msgspec.Struct, frozen=True):
    """
    A group a client consumes for.

    The three that are enumerations in Java come by name; C++ clients send
    them by number.
    """

    groupName: str
    consumeType: str | int | None = "CONSUME_PASSIVELY"
    messageModel: str | int | None = "CLUSTERING"
    consumeFromWhere: str | int | None = "CONSUME_FROM_LAST_OFFSET"
    subscriptionDataSet: tuple[SubscriptionData, ...] = ()
    unitMode: bool = False


class HeartbeatData(msgspec.Struct, frozen=True):
    """
    Who a client is, and what for.

    @ivar heartbeatFingerprint: See L{heartbeatFingerprint}; 0 makes it a
        heartbeat of the first version.

    @ivar withoutSub: Whether the subscriptions are left out, as the broker
        knows them already.
    """

    clientID: str
    producerDataSet: tuple[ProducerData, ...] = ()
    consumerDataSet: tuple[ConsumerData, ...] = ()
    heartbeatFingerprint: _Int32 = 0
    withoutSub: bool = False


class _ConsumerList(msgspec.Struct):
    """
    C{GetConsumerListByGroupResponseBody} of Java.
    """

    consumerIdList: tuple[str, ...] = ()


_encode = msgspec.json.Encoder(order="sorted").encode
_readHeartbeatData = msgspec.json.Decoder(HeartbeatData).decode
_readConsumerList = msgspec.json.Decoder(_ConsumerList).decode


def encodeHeartbeatData(data: HeartbeatData) -> bytes:
    """
    Write the body of a heartbeat.
    """
    return _encode(data)


def decodeHeartbeatData(data: bytes) -> HeartbeatData:
    """
    Read the body of a heartbeat.

    @raise MalformedBody: It is none.
    """
    return parseBody(_readHeartbeatData, data)


def heartbeatFingerprint(data: HeartbeatData) -> int:
    """
    Give the number by which a broker sees that nothing has changed: the hash
    Java has of the body without what is different each time.
    """
    consumers = [
        msgspec.structs.replace(
            consumer,
            subscriptionDataSet=tuple(
                msgspec.structs.replace(subscription, subVersion=0)
                for subscription in consumer.subscriptionDataSet
            ),
        )
        for consumer in data.consumerDataSet
    ]
    text = _encode(HeartbeatData("", data.producerDataSet, tuple(consumers)))
    return _javaHash(text.decode("utf-8"))


def _javaHash(text: str) -> int:
    """
    Give what Java's C{String.hashCode} gives.
    """
    units = iter_unpack(">H", text.encode("utf-16-be"))
    hashed = reduce(lambda sofar, unit: sofar * 31 + unit[0] & 0xFFFFFFFF, units, 0)
    return hashed - (hashed >> 31 << 32)


def encodeConsumerList(clientIds: Iterable[str]) -> bytes:
    """
    Write the answer to C{GET_CONSUMER_LIST_BY_GROUP}.
    """
    return _encode(_ConsumerList(tuple(clientIds)))


def decodeConsumerList(data: bytes) -> tuple[str, ...]:
    """
    Read the answer to C{GET_CONSUMER_LIST_BY_GROUP}: the ids of clients.

    @raise MalformedBody: It is none.
    """
    return parseBody(_readConsumerList, data).consumerIdList
