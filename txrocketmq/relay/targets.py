"""
What an address asks for.
"""

from __future__ import annotations

from urllib.parse import unquote_to_bytes

import msgspec

from txrocketmq._sending.validate import checkTopic
from txrocketmq.errors import InvalidMessage
from txrocketmq.relay.answers import NOT_FOUND, Answer, problem

OWN_TOPICS = ("%", "rmq_sys_", "RMQ_SYS_")
"""
How the names of topics begin that brokers keep for themselves and for consumers.
"""

BAD_TOPIC = problem(422, "invalid_topic", "the topic's name is not a legal one")
BAD_QUERY = problem(
    400, "bad_query", "ack=broker or ack=spool is all that can follow ?"
)
BAD_ACK = problem(400, "bad_ack", "ack must be broker or spool")

ACKS = {b"": "broker", b"ack=broker": "broker", b"ack=spool": "spool"}

MOST_KEPT = 1024
"""
How many addresses are remembered.
"""


class Target(msgspec.Struct, frozen=True):
    """
    Where messages go, and when that is answered.

    @ivar ack: C{broker} or C{spool}.
    """

    topic: str
    ack: str


class Targets:
    """
    Reads addresses; those that are sent to it reads once.
    """

    def __init__(self) -> None:
        self._kept: dict[bytes, Target | str] = {}

    def of(self, uri: bytes) -> Target | str | Answer:
        """
        What an address asks for.

        @return: Where messages go; C{healthz} or C{readyz}; or why it is nothing.
        """
        kept = self._kept.get(uri)
        if kept is not None:
            return kept
        found = _read(uri)
        if not isinstance(found, Answer):
            if len(self._kept) >= MOST_KEPT:
                self._kept.clear()
            self._kept[uri] = found
        return found


def _read(uri: bytes) -> Target | str | Answer:
    """
    Read an address.
    """
    path, _, query = uri.partition(b"?")
    match path.split(b"/"):
        case [b"", b"healthz"]:
            return "healthz"
        case [b"", b"readyz"]:
            return "readyz"
        case [b"", b"v1", b"topics", topic, b"messages"]:
            return _target(unquote_to_bytes(topic), query)
    return NOT_FOUND


def _target(topic: bytes, query: bytes) -> Target | Answer:
    """
    Where messages of a topic go.
    """
    ack = ACKS.get(query)
    if ack is None:
        return BAD_ACK if query.startswith(b"ack=") else BAD_QUERY
    return Target(topic.decode("ascii"), ack) if isTopic(topic) else BAD_TOPIC


def isTopic(name: bytes) -> bool:
    """
    Whether messages may be sent to a topic of this name.
    """
    try:
        text = name.decode("ascii")
        checkTopic(text)
    except (InvalidMessage, UnicodeDecodeError):
        return False
    return not text.startswith(OWN_TOPICS)
