"""
Message ids: the one a client gives and the one a broker gives.

Follows C{MessageClientIDSetter}, and C{MessageDecoder.createMessageId} and
C{decodeMessageId}, of Java.
"""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_address
from struct import Struct, error

import msgspec

_IDENTITY = Struct(">Hi")
_MOMENT = Struct(">IH")
_PLACE = Struct(">iq")

# How far the clock may step back over the begin of a month; what is further
# cannot be told from a moment of the month before.
CLOCK_TOLERANCE = 1_000_000

_COUNTS = 0x10000

# Looked up: to format a number takes three times as long.
_DIGITS = tuple(f"{byte:02X}" for byte in range(256))


class UniqueIds:
    """
    Make unique ids: who made it, when in the month, and a count.

    They say who and when, so they are no secrets.
    """

    def __init__(
        self,
        address: bytes,
        pid: int,
        salt: int,
        millis: Callable[[], int],
        monthStart: Callable[[int], tuple[int, int]],
        counter: int = 0,
    ) -> None:
        """
        Begin to count.

        @param address: An IPv4 or IPv6 address of this machine, packed.

        @param pid: The process; 16 bits of it are used.

        @param salt: An int32 that tells two makers in one process apart.

        @param millis: Gives the time, in milliseconds since 1970.

        @param monthStart: Gives when the month of a time began and when the
            next one begins, in milliseconds since 1970.

        @param counter: The first count.

        @raise ValueError: The address is neither.
        """
        if len(address) not in (4, 16):
            raise ValueError(f"an address of {len(address)} bytes")
        maker = address + _IDENTITY.pack(pid & 0xFFFF, _signed(salt))
        self._prefix = maker.hex().upper()
        self._millis = millis
        self._monthStart = monthStart
        self._counter = counter & 0xFFFF
        self._now = millis()
        self._start, self._end = monthStart(self._now)
        self._moment = self._momentOf(self._now)

    def next(self) -> str:
        """
        Give an id that was not given before.
        """
        return self.at(self._millis())

    def at(self, now: int) -> str:
        """
        The same, for who knows the time.

        @param now: The time, in milliseconds since 1970.
        """
        if now != self._now:
            self._turn(now)
        counter = self._counter
        self._counter = counter + 1 & 0xFFFF
        return f"{self._moment}{_DIGITS[counter >> 8]}{_DIGITS[counter & 255]}"

    def several(self, count: int) -> list[str]:
        """
        Give ids as L{next} does, for less than so many calls take.

        @param count: How many.
        """
        if count > _COUNTS:
            # The count would begin anew: the time must go on before.
            return self.several(_COUNTS) + self.several(count - _COUNTS)
        now = self._millis()
        if now != self._now:
            self._turn(now)
        ids: list[str] = []
        while len(ids) < count:
            # As many as have all but the last two digits in common.
            high, low = divmod(self._counter, 256)
            end = min(low + count - len(ids), 256)
            common = self._moment + _DIGITS[high]
            ids += [common + digits for digits in _DIGITS[low:end]]
            self._counter = (high << 8) + end & 0xFFFF
        return ids

    def _turn(self, now: int) -> None:
        """
        Begin another millisecond.
        """
        self._moment = self._momentOf(now)
        self._now = now

    def _momentOf(self, now: int) -> str:
        """
        What the ids of one millisecond begin with: maker and time.
        """
        if now >= self._end:
            self._start, self._end = self._monthStart(now)
        span = now - self._start
        if -CLOCK_TOLERANCE < span < 0:
            span = 0
        return f"{self._prefix}{span & 0xFFFFFFFF:08X}"


class UniqueId(msgspec.Struct, frozen=True):
    """
    What a unique id says.

    @ivar address: The address of its maker, packed: 4 or 16 bytes.

    @ivar span: When it was made: milliseconds since its month began.
    """

    address: bytes
    pid: int
    salt: int
    span: int
    counter: int

    def millis(self, now: int, monthStart: Callable[[int], tuple[int, int]]) -> int:
        """
        Tell when the id was made: this month, or the month before.

        @param now: The time, in milliseconds since 1970.

        @param monthStart: As L{UniqueIds} takes it.

        @return: Milliseconds since 1970.
        """
        start, _ = monthStart(now)
        if start + self.span >= now:
            start, _ = monthStart(start - 1)
        return start + self.span


def decodeUniqueId(text: str) -> UniqueId:
    """
    Take a unique id apart.

    @raise ValueError: It is not 32 or 56 hexadecimal digits.
    """
    data = _fromHex(text)
    at = len(data) - _IDENTITY.size - _MOMENT.size
    pid, salt = _IDENTITY.unpack_from(data, at)
    span, counter = _MOMENT.unpack_from(data, at + _IDENTITY.size)
    return UniqueId(data[:at], pid, salt, span, counter)


def encodeOffsetId(host: str, port: int, offset: int) -> str:
    """
    Make the id of a record of a broker's commit log.

    @param host: An IPv4 or IPv6 address.

    @raise ValueError: The host is no address, or a number is out of range.
    """
    try:
        place = _PLACE.pack(port, offset)
    except error as e:
        raise ValueError(f"port {port} and offset {offset}: {e}") from e
    return (ip_address(host).packed + place).hex().upper()


def decodeOffsetId(text: str) -> tuple[str, int, int]:
    """
    Take an offset message id apart.

    @return: The broker's host and port, and the offset in its commit log.

    @raise ValueError: It is not 32 or 56 hexadecimal digits.
    """
    data = _fromHex(text)
    at = len(data) - _PLACE.size
    port, offset = _PLACE.unpack_from(data, at)
    return str(ip_address(data[:at])), port, offset


def _fromHex(text: str) -> bytes:
    """
    Read the digits of an id.

    @raise ValueError: There are not 32 or 56 of them, or others among them.
    """
    data = bytes.fromhex(text) if len(text) in (32, 56) else b""
    if len(data) * 2 != len(text) or not data:
        raise ValueError(f"{text[:64]!r} is no message id")
    return data


def _signed(value: int) -> int:
    """
    Give the int32 that has the low 32 bits of a number.
    """
    return (value + 0x80000000 & 0xFFFFFFFF) - 0x80000000
