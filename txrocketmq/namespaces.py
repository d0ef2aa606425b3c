"""
Namespaces of the first kind: a prefix of topics and groups.

Follows Java's C{NamespaceUtil}.  Those of the second kind are two fields of every
request, and change no name.
"""

from __future__ import annotations

__all__ = ["SYSTEM_TOPICS", "isSystem", "unwrap", "wrap"]

SYSTEM_TOPICS = frozenset(
    {
        "BenchmarkTest",
        "CHECKPOINT_TOPIC",
        "OFFSET_MOVED_EVENT",
        "RMQ_SYS_TRACE_TOPIC",
        "RMQ_SYS_TRANS_HALF_TOPIC",
        "RMQ_SYS_TRANS_OP_HALF_TOPIC",
        "SCHEDULE_TOPIC_XXXX",
        "SELF_TEST_TOPIC",
        "TBW102",
        "TRANS_CHECK_MAX_TIME_TOPIC",
    }
)
"""
The topics every broker has for itself.
"""

_SYSTEM_PREFIXES = ("rmq_sys_", "CID_RMQ_SYS_")
_SEPARATOR = "%"
_KINDS = ("%RETRY%", "%DLQ%")
"""
What stands before a group where its name is a topic; a namespace comes after it.
"""


def isSystem(name: str) -> bool:
    """
    Whether a topic or a group is RocketMQ's own, and in no namespace.
    """
    return name in SYSTEM_TOPICS or name.startswith(_SYSTEM_PREFIXES)


def wrap(namespace: str | None, name: str) -> str:
    """
    A topic's or a group's name on the wire.

    A name that has the namespace already stays as it is.
    """
    kind, rest = _parts(name)
    if not namespace or not name or isSystem(name):
        return name
    if rest.startswith(namespace + _SEPARATOR):
        return name
    return f"{kind}{namespace}{_SEPARATOR}{rest}"


def unwrap(namespace: str | None, name: str) -> str:
    """
    A topic's or a group's name as users know it.

    A name that does not have the namespace stays as it is.
    """
    kind, rest = _parts(name)
    if not namespace or isSystem(name) or not rest.startswith(namespace + _SEPARATOR):
        return name
    return kind + rest[len(namespace) + len(_SEPARATOR) :]


def _parts(name: str) -> tuple[str, str]:
    """
    What stands before a group, and the group; for a topic, nothing and the topic.
    """
    for kind in _KINDS:
        if name.startswith(kind):
            return kind, name[len(kind) :]
    return "", name
