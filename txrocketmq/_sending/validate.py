"""
What a message, a topic and a group must be.

Laws:

    - Everything that is wrong is found before anything else happens, and the
      error says what was wrong and what would be right.

    - What passes is stored and read back as it was: no name, value, tag or key
      passes that the wire format would split, drop or merge.

Follows Java's C{Validators} and C{MessageConst}, and adds what Java leaves to
the broker or lets corrupt a message.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from math import isfinite
from typing import Any

from txrocketmq._wire.records import RESERVED
from txrocketmq.errors import InvalidConfiguration, InvalidMessage
from txrocketmq.message import Message

NAME = re.compile(r"[%|a-zA-Z0-9_-]+\Z")
SEPARATORS = re.compile("[\x00\x01\x02]")
WHITE_SPACE = re.compile(r"\s")

COUNT = re.compile(r"[0-9]{1,9}\Z")

RETRY_PREFIX = "%RETRY%"

RETRY_COUNTS = frozenset({"RECONSUME_TIME", "MAX_RECONSUME_TIMES"})
"""
What messages to retry topics say in their headers too.
"""

MAX_TOPIC = 127
MAX_GROUP = 120
MAX_PROPERTIES = 32_767
SURELY_SHORT = MAX_PROPERTIES // 4
"""
So many characters of properties are within the limit, whatever they are.
"""

MAX_INT32 = (1 << 31) - 1
LEAST_INT32 = -MAX_INT32 - 1

FORBIDDEN_TOPICS = frozenset(
    {
        "SCHEDULE_TOPIC_XXXX",
        "RMQ_SYS_TRANS_HALF_TOPIC",
        "RMQ_SYS_TRANS_OP_HALF_TOPIC",
        "TRANS_CHECK_MAX_TIME_TOPIC",
        "SELF_TEST_TOPIC",
        "OFFSET_MOVED_EVENT",
    }
)
"""
The broker's own topics; it refuses what producers send there.
"""

FORBIDDEN_GROUP = "DEFAULT_PRODUCER"


def checkGroup(group: object) -> None:
    """
    @raise InvalidConfiguration: When C{group} cannot be a producer group.
    """
    wrong = _nameFault(group, MAX_GROUP)
    if wrong:
        raise InvalidConfiguration(f"producer group {_shown(group)} {wrong}")
    if group == FORBIDDEN_GROUP:
        raise InvalidConfiguration(
            f"producer group {FORBIDDEN_GROUP!r} is reserved: choose one of your own"
        )


def checkTopic(topic: object) -> None:
    """
    @raise InvalidMessage: When nothing can be sent to C{topic}.
    """
    wrong = _nameFault(topic, MAX_TOPIC)
    if wrong:
        raise InvalidMessage(f"topic {_shown(topic)} {wrong}")
    if topic in FORBIDDEN_TOPICS:
        raise InvalidMessage(f"topic {topic!r} is the broker's own: nobody sends to it")


def checkMessage(message: Message, maxMessageSize: int) -> None:
    """
    @raise InvalidMessage: When a message cannot be sent as it is.  Its topic is
        not looked at: that is L{checkTopic}'s work, done once for each topic.
    """
    body = message.body
    if not isinstance(body, bytes) or not 0 < len(body) <= maxMessageSize:
        _refuseBody(body, maxMessageSize)
    flag = message.flag
    if type(flag) is not int or not LEAST_INT32 <= flag <= MAX_INT32:
        raise InvalidMessage(f"flag must be a 32-bit int, not {_shown(flag)}")
    if not isinstance(message.waitStoreMsgOK, bool):
        raise InvalidMessage("waitStoreMsgOK must be a bool")
    if message.tags is not None:
        _checkText("tags", message.tags)
    if message.keys != ():
        _checkKeys(message.keys)
    if message.properties is not None:
        _checkProperties(message.properties, _own(message.topic))
    if message.shardingKey is not None:
        _checkText("shardingKey", message.shardingKey)
    if not isUndelayed(message):
        _checkDelay(message)


def checkPropertiesLength(properties: str) -> None:
    """
    @raise InvalidMessage: When encoded properties are more than a broker stores.
    """
    size = len(properties.encode())
    if size > MAX_PROPERTIES:
        raise InvalidMessage(
            f"the properties, tags and keys take {size} bytes: at most "
            f"{MAX_PROPERTIES} can be stored"
        )


def _nameFault(name: object, longest: int) -> str:
    """
    What is wrong with the name of a topic or a group, if anything.
    """
    if not isinstance(name, str):
        return f"must be a str, not {type(name).__name__}"
    if not name.strip():
        return "must not be empty"
    if len(name) > longest:
        return f"has {len(name)} characters: at most {longest} are allowed"
    if not NAME.match(name):
        return "has illegal characters: only a-z A-Z 0-9 _ - % | are allowed"
    return ""


def _refuseBody(body: object, maxMessageSize: int) -> None:
    """
    Say what is wrong with what is no body, an empty one or a large one.
    """
    if not isinstance(body, bytes):
        raise InvalidMessage(
            f"body must be bytes, not {type(body).__name__}: encode text first"
        )
    if not body:
        raise InvalidMessage("body is empty: brokers refuse a message without a body")
    raise InvalidMessage(
        f"body has {len(body)} bytes: at most {maxMessageSize} are allowed "
        "(maxMessageSize)"
    )


def _checkText(what: str, value: object) -> None:
    """
    Refuse a property's value that would not be read back as it is.
    """
    if isinstance(value, str) and value.isprintable() and value.strip():
        # Separators and surrogates are not printable: this is nearly every text.
        return
    if not isinstance(value, str):
        raise InvalidMessage(f"{what} must be a str, not {type(value).__name__}")
    if not value.strip():
        raise InvalidMessage(f"{what} is blank: it would be lost; leave it out")
    if SEPARATORS.search(value):
        raise InvalidMessage(
            f"{what} {_shown(value)} contains a NUL, U+0001 or U+0002 character: "
            "RocketMQ separates properties by them"
        )
    try:
        value.encode()
    except UnicodeEncodeError:
        raise InvalidMessage(
            f"{what} {_shown(value)} contains a lone surrogate: it has no UTF-8 form"
        ) from None


def _checkKeys(keys: object) -> None:
    """
    Refuse keys that would be joined or split.
    """
    if not isinstance(keys, tuple):
        raise InvalidMessage(
            f"keys must be a str or several, not {type(keys).__name__}"
        )
    for key in keys:
        if type(key) is str and key.isprintable() and key and " " not in key:
            # No other white space is printable: this is nearly every key.
            continue
        _checkText("key", key)
        if WHITE_SPACE.search(key):
            raise InvalidMessage(
                f"key {_shown(key)} contains white space: it would become several keys"
            )


def _own(topic: str) -> frozenset[str]:
    """
    The names that are RocketMQ's own in messages to a topic.

    A retry topic's messages say themselves how often they were tried.
    """
    return RESERVED - RETRY_COUNTS if topic.startswith(RETRY_PREFIX) else RESERVED


def _checkProperties(properties: object, own: frozenset[str]) -> None:
    """
    Refuse properties that would be lost, or become other properties.

    @param own: The names that are not for users.
    """
    if not isinstance(properties, Mapping):
        raise InvalidMessage(
            f"properties must be a mapping, not {type(properties).__name__}"
        )
    for name, value in properties.items():
        _checkText("property name", name)
        if name in own:
            raise InvalidMessage(f"property name {name!r} is RocketMQ's own")
        _checkText(f"property {name}", value)
        if name in RETRY_COUNTS and not COUNT.match(value):
            raise InvalidMessage(f"property {name} must be a number, not {value!r}")


def isUndelayed(message: Message) -> bool:
    """
    Whether a message is to be delivered at once, as nearly all are.
    """
    return (
        message.deliverAfter is None
        and message.deliverAt is None
        and type(message.delayTimeLevel) is int
        and message.delayTimeLevel == 0
    )


def _checkDelay(message: Message) -> None:
    """
    Refuse a delay that makes no sense, and two of them.
    """
    level = message.delayTimeLevel
    if not _isInt(level) or not 0 <= level <= MAX_INT32:
        raise InvalidMessage(f"delayTimeLevel must be an int from 0, not {level!r}")
    given = [name for name in ("deliverAfter", "deliverAt") if _isTime(message, name)]
    if len(given) + bool(level) > 1:
        raise InvalidMessage(
            "at most one of delayTimeLevel, deliverAfter and deliverAt can be given"
        )


def _isTime(message: Message, name: str) -> bool:
    """
    Whether a message has this time, which is then a sensible one.
    """
    value: Any = getattr(message, name)
    if value is None:
        return False
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not isfinite(value) or not 0 <= value < 1e12:
        raise InvalidMessage(f"{name} must be a number of seconds, not {value!r}")
    return True


def _isInt(value: object) -> bool:
    """
    Whether this is a number, and not a truth value.
    """
    return type(value) is int or (
        isinstance(value, int) and not isinstance(value, bool)
    )


def _shown(value: object) -> str:
    """
    A wrong value, short enough for an error.
    """
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
