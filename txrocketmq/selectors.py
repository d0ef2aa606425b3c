"""
What chooses a topic's queue: callables C{(queues, message) -> MessageQueue}.

The lists of publish queues have one order on every client, so that the same key
goes to the same queue from all of them, as long as the topic's queues are the
same.  Which hash is used is the other half of that: Java hashes with C{hashCode},
Go with FNV-1a, the JavaScript client ali-ons with MD5.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import md5

from txrocketmq.message import Message, MessageQueue, Selector

__all__ = ["byFnv1a", "byHash", "byMd5", "byRandom"]

_MASK32 = 0xFFFFFFFF
_MASK64 = 0xFFFFFFFFFFFFFFFF


def byHash(arg: object) -> Selector:
    """
    Choose by Java's C{hashCode} of C{arg}.

    Follows C{SelectMessageQueueByHash}: the remainder is truncated, then made
    positive.

    @param arg: A C{str} (hashed over its UTF-16 units), a C{bool}, or an C{int}:
        one that fits 32 bits is Java's C{Integer}, else its C{Long}.

    @raise TypeError: For anything else, and for an C{int} beyond 64 bits.
    """
    code = _hashCode(arg)
    return lambda queues, message: queues[abs(code) % len(queues)]


def byFnv1a(arg: str) -> Selector:
    """
    Choose by the 32-bit FNV-1a hash of a string's UTF-8 bytes, as Go's client.
    """
    digest = 0x811C9DC5
    for byte in _utf8(arg):
        digest = (digest ^ byte) * 0x01000193 & _MASK32
    return lambda queues, message: queues[digest % len(queues)]


def byMd5(arg: str) -> Selector:
    """
    Choose by the first four bytes, big-endian, of a string's MD5, as ali-ons.
    """
    digest = int.from_bytes(md5(_utf8(arg), usedforsecurity=False).digest()[:4], "big")
    return lambda queues, message: queues[digest % len(queues)]


def byRandom(random: Callable[[], float]) -> Selector:
    """
    Choose by chance.

    @param random: What gives a number from 0 up to, and not, 1, as
        C{random.random}.
    """

    def select(queues: Sequence[MessageQueue], message: Message) -> MessageQueue:
        return queues[int(random() * len(queues))]

    return select


def _utf8(arg: object) -> bytes:
    """
    The bytes of a string, and of nothing else.
    """
    if not isinstance(arg, str):
        raise TypeError(f"a sharding key must be a str, not {type(arg).__name__}")
    return arg.encode()


def _hashCode(arg: object) -> int:
    """
    Java's C{hashCode}, as a signed 32-bit number.
    """
    if isinstance(arg, bool):
        return 1231 if arg else 1237
    if isinstance(arg, int):
        return _signed(_hashOfInt(arg))
    if isinstance(arg, str):
        return _signed(_hashOfText(arg))
    raise TypeError(f"no Java hash of a {type(arg).__name__}: give a str, int or bool")


def _hashOfText(text: str) -> int:
    """
    C{String.hashCode}: over UTF-16 units, lone surrogates as they are.
    """
    units = text.encode("utf-16-be", "surrogatepass")
    code = 0
    for at in range(0, len(units), 2):
        code = 31 * code + (units[at] << 8 | units[at + 1]) & _MASK32
    return code


def _hashOfInt(number: int) -> int:
    """
    C{Integer.hashCode} where the number fits, else C{Long.hashCode}.
    """
    if -(1 << 31) <= number < 1 << 31:
        return number & _MASK32
    if not -(1 << 63) <= number < 1 << 63:
        raise TypeError(f"{number} does not fit a Java long")
    bits = number & _MASK64
    return (bits ^ bits >> 32) & _MASK32


def _signed(bits: int) -> int:
    """
    Read 32 bits as Java reads an C{int}.
    """
    return bits - (1 << 32) if bits & 0x80000000 else bits
