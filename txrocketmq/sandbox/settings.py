"""
How the sandbox's brokers behave: Apache's settings, under Apache's names.
"""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from txrocketmq._wire.codes import SerializeType

DELAY_LEVELS = "1s 5s 10s 30s 1m 2m 3m 4m 5m 6m 7m 8m 9m 10m 20m 30m 1h 2h"
"""
What the delay levels mean where nobody says otherwise.
"""

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def _checked(instance: object, field: attrs.Attribute[str], value: str) -> None:
    """
    Refuse a table of delay levels that cannot be read.
    """
    delaysOf(value)


def delaysOf(messageDelayLevel: str) -> tuple[float, ...]:
    """
    Read a table of delay levels.

    @param messageDelayLevel: Times such as C{1s} and C{2h}, blanks between.

    @return: The delay of each level in seconds, that of level 1 first.

    @raise ValueError: A time is no number with one of the units s, m, h, d.
    """
    words = messageDelayLevel.split()
    if not words or not all(w[:-1].isdigit() and w[-1] in _UNITS for w in words):
        raise ValueError(f"messageDelayLevel cannot be {messageDelayLevel!r}")
    return tuple(float(int(word[:-1]) * _UNITS[word[-1]]) for word in words)


@attrs.frozen(kw_only=True)
class BrokerSettings:
    """
    What can be set of a sandbox's brokers; all of them share one record.

    Times are seconds.  Where Apache's default would be in the way of somebody
    who tries things out, ours differs: recalls and the trace topic are on.

    @ivar clusterName: The cluster the brokers say they belong to.

    @ivar autoCreateTopicEnable: Whether a send to an unknown topic makes it.

    @ivar defaultTopicQueueNums: The queues of TBW102: the most an automatically
        created topic gets.

    @ivar autoCreateSubscriptionGroup: Whether an unknown consumer group may
        consume.

    @ivar traceTopicEnable: Whether there is a topic for message traces.

    @ivar brokerPermission: 6 is read and write, 4 read only.  It shows in
        routes, and forbids sends to ordered topics only.

    @ivar maxMessageSize: The longest body.

    @ivar messageDelayLevel: The delay levels' times.

    @ivar timerWheelEnable: Whether messages may ask for a time of delivery.

    @ivar timerMaxDelaySec: How far ahead that time may be.

    @ivar recallMessageEnable: Whether such messages can be taken back.

    @ivar rejectTransactionMessage: Whether half messages are refused.

    @ivar transactionTimeOut: How old a half message must be to be asked about.

    @ivar transactionCheckInterval: How often the half messages are looked at.

    @ivar transactionCheckMax: After how many questions one is given up.

    @ivar storeReplyMessageEnable: Whether replies are stored as well as pushed.

    @ivar regionId: What C{MSG_REGION} says.

    @ivar traceOn: What C{TRACE_ON} says.

    @ivar serializeType: How the headers of all servers are written; L{None}
        answers each request as it was written, as Apache's 4.9 does.

    @ivar credentials: Secret keys by access key.  With any, the brokers take
        signed requests only; name servers never ask for a signature.

    @ivar registerBrokerInterval: How often the brokers tell the name servers
        what topics they have.

    @ivar requestsKept: How many requests each server remembers for C{requests}.
    """

    clusterName: str = "DefaultCluster"
    autoCreateTopicEnable: bool = True
    defaultTopicQueueNums: int = 8
    autoCreateSubscriptionGroup: bool = True
    traceTopicEnable: bool = True
    brokerPermission: int = 6
    maxMessageSize: int = 4 * 1024 * 1024
    messageDelayLevel: str = attrs.field(default=DELAY_LEVELS, validator=_checked)
    timerWheelEnable: bool = True
    timerMaxDelaySec: int = 3 * 86400
    recallMessageEnable: bool = True
    rejectTransactionMessage: bool = False
    transactionTimeOut: float = 6.0
    transactionCheckInterval: float = 30.0
    transactionCheckMax: int = 15
    storeReplyMessageEnable: bool = True
    regionId: str = "DefaultRegion"
    traceOn: bool = True
    serializeType: SerializeType | None = SerializeType.JSON
    credentials: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    registerBrokerInterval: float = 30.0
    requestsKept: int = 100_000
