"""
Messages as brokers store them, and hand them out.

Follows C{MessageDecoder.decode} and C{MessageExtEncoder} of Java.
"""

from __future__ import annotations

from ipaddress import ip_address
from struct import Struct, error
from zlib import crc32

import msgspec

from .batches import decodeBatch
from .codes import SysFlag
from .extfields import parseInt32
from .ids import encodeOffsetId
from .malformed import MalformedBody
from .messageconst import MessageConst
from .properties import decodeProperties, encodeProperties

# V2 has two bytes for the length of the topic.
MAGIC_V1 = -626843481
MAGIC_V2 = -626843477
# What fills the end of a file of the commit log.
MAGIC_BLANK = -875286124

# total size, magic, body CRC, queueId, flag, queueOffset, commit log offset,
# sysFlag, born timestamp
_HEAD = Struct(">iiiiiqqiq")
_TOTAL_MAGIC = Struct(">ii")
_BYTE = Struct(">b")
_INT = Struct(">i")
_LONG = Struct(">q")
# reconsume times, prepared transaction offset, length of the body
_TAIL = Struct(">iqi")
_SHORT = Struct(">h")

_BORN_HOST_V6 = int(SysFlag.BORN_HOST_V6)
_STORE_HOST_V6 = int(SysFlag.STORE_HOST_V6)
_INNER = int(SysFlag.INNER_BATCH | SysFlag.NEED_UNWRAP)


class StoredMessage(msgspec.Struct, frozen=True):
    """
    One record of a broker's commit log.  Follows C{MessageExt} of Java.

    @ivar commitLogOffset: Where the record begins.

    @ivar sysFlag: See L{SysFlag<txrocketmq._wire.codes.SysFlag>}.  The two
        bits that tell of IPv6 are made from the hosts when it is written.

    @ivar bornTimestamp: When it was sent, in milliseconds since 1970.

    @ivar bornHost: Who sent it, as C{address:port}, or C{[address]:port}.

    @ivar storeHost: Which broker stored it, written likewise.

    @ivar body: The body as it is stored: maybe compressed, see C{sysFlag}.

    @ivar bodyCRC: What the broker says the checksum is; it is not checked.
        L{None} has it made when the record is written.
    """

    topic: str
    queueId: int
    flag: int
    queueOffset: int
    commitLogOffset: int
    sysFlag: int
    bornTimestamp: int
    bornHost: str
    storeTimestamp: int
    storeHost: str
    reconsumeTimes: int
    preparedTransactionOffset: int
    body: bytes
    properties: dict[str, str]
    bodyCRC: int | None = None

    @property
    def offsetMsgId(self) -> str:
        """
        The id that says where the record is.
        """
        host, port = _splitHost(self.storeHost)
        return encodeOffsetId(host, port, self.commitLogOffset)

    @property
    def msgId(self) -> str:
        """
        The id the sender gave, or else the one that says where the record is.
        """
        return self.properties.get(MessageConst.UNIQ_KEY) or self.offsetMsgId


def encodeStoredMessage(message: StoredMessage) -> bytes:
    """
    Write a record.

    @raise ValueError: A host is no address, a number or a text is too large
        for its place, or a text is not Unicode.
    """
    topic = message.topic.encode("utf-8")
    properties = encodeProperties(message.properties).encode("utf-8")
    bornHost = _packHost(message.bornHost)
    storeHost = _packHost(message.storeHost)
    topicSize = _BYTE if len(topic) < 0x80 else _SHORT
    try:
        record = (
            _HEAD.pack(
                0,
                MAGIC_V1 if topicSize is _BYTE else MAGIC_V2,
                _checksum(message),
                message.queueId,
                message.flag,
                message.queueOffset,
                message.commitLogOffset,
                _sysFlag(message.sysFlag, bornHost, storeHost),
                message.bornTimestamp,
            )[4:],
            bornHost,
            _LONG.pack(message.storeTimestamp),
            storeHost,
            _TAIL.pack(
                message.reconsumeTimes,
                message.preparedTransactionOffset,
                len(message.body),
            ),
            message.body,
            topicSize.pack(len(topic)),
            topic,
            _SHORT.pack(len(properties)),
            properties,
        )
    except error as e:
        raise ValueError(f"no place in a stored message: {e}") from e
    rest = b"".join(record)
    return _INT.pack(4 + len(rest)) + rest


def _checksum(message: StoredMessage) -> int:
    """
    Give the checksum that is written with a message.
    """
    if message.bodyCRC is None:
        return crc32(message.body) & 0x7FFFFFFF
    return message.bodyCRC


def _sysFlag(sysFlag: int, bornHost: bytes, storeHost: bytes) -> int:
    """
    Make the two bits of a C{sysFlag} true that tell how long the hosts are.
    """
    sysFlag &= ~(_BORN_HOST_V6 | _STORE_HOST_V6)
    if len(bornHost) > 8:
        sysFlag |= _BORN_HOST_V6
    if len(storeHost) > 8:
        sysFlag |= _STORE_HOST_V6
    return sysFlag


def decodeStoredMessages(data: bytes) -> list[StoredMessage]:
    """
    Read records that follow one another: what a pull, a query, a view and a
    transaction check have as their body.

    @raise MalformedBody: The bytes are no such records.
    """
    messages = []
    at = 0
    try:
        while at < len(data):
            total, magic = _TOTAL_MAGIC.unpack_from(data, at)
            record = data[at : at + total]
            if total < 8 or len(record) < total:
                raise MalformedBody(f"stored message of {total} bytes at {at}")
            if magic != MAGIC_BLANK:
                messages.append(_decode(record, magic))
            at += total
    except (error, UnicodeDecodeError) as e:
        raise MalformedBody(f"stored message at {at}: {e}") from e
    return messages


def _decode(record: bytes, magic: int) -> StoredMessage:
    """
    Read one record.

    @raise MalformedBody: Its parts do not make up the whole.

    @raise error: It ends before its parts do.
    """
    head = _HEAD.unpack_from(record)
    _, _, crc, queueId, flag, queueOffset, offset, sysFlag, bornTimestamp = head
    bornHost, at = _readHost(record, _HEAD.size, sysFlag & _BORN_HOST_V6)
    (storeTimestamp,) = _LONG.unpack_from(record, at)
    storeHost, at = _readHost(record, at + _LONG.size, sysFlag & _STORE_HOST_V6)
    reconsumeTimes, preparedOffset, size = _TAIL.unpack_from(record, at)
    body, at = _read(record, at + _TAIL.size, size)
    topic, at = _readSized(record, at, _topicSize(magic))
    properties, at = _readSized(record, at, _SHORT)
    if at != len(record):
        raise MalformedBody(f"{len(record) - at} bytes after a stored message")
    return StoredMessage(
        topic.decode("utf-8"),
        queueId,
        flag,
        queueOffset,
        offset,
        sysFlag,
        bornTimestamp,
        bornHost,
        storeTimestamp,
        storeHost,
        reconsumeTimes,
        preparedOffset,
        body,
        decodeProperties(properties.decode("utf-8")),
        crc,
    )


def _topicSize(magic: int) -> Struct:
    """
    Tell how the length of a topic is written.

    @raise MalformedBody: The magic is that of no record.
    """
    if magic == MAGIC_V1:
        return _BYTE
    if magic == MAGIC_V2:
        return _SHORT
    raise MalformedBody(f"stored message with magic {magic}")


def _read(record: bytes, at: int, size: int) -> tuple[bytes, int]:
    """
    Read so many bytes; give them, and where they end.
    """
    if not 0 <= size <= len(record) - at:
        raise MalformedBody(f"{size} bytes in {len(record) - at} of a stored message")
    return record[at : at + size], at + size


def _readSized(record: bytes, at: int, sizeStruct: Struct) -> tuple[bytes, int]:
    """
    Read bytes that come after their number.
    """
    (size,) = sizeStruct.unpack_from(record, at)
    return _read(record, at + sizeStruct.size, size)


def _readHost(record: bytes, at: int, isV6: int) -> tuple[str, int]:
    """
    Read an address and a port; give them as a text, and where they end.
    """
    packed, at = _read(record, at, 16 if isV6 else 4)
    (port,) = _INT.unpack_from(record, at)
    host = str(ip_address(packed))
    return f"[{host}]:{port}" if isV6 else f"{host}:{port}", at + _INT.size


def _packHost(text: str) -> bytes:
    """
    Write an address and a port.

    @raise ValueError: The text is not that.
    """
    host, port = _splitHost(text)
    return ip_address(host).packed + _INT.pack(port)


def _splitHost(text: str) -> tuple[str, int]:
    """
    Tell an address and a port apart.

    @raise ValueError: There is no port.
    """
    host, _, port = text.rpartition(":")
    return host.removeprefix("[").removesuffix("]"), parseInt32(port)


def unwrapInnerBatch(message: StoredMessage) -> list[StoredMessage]:
    """
    Give the messages of a batch that was stored as one record; of any other
    message, the message itself.

    @raise MalformedBody: The body is no batch.
    """
    if message.sysFlag & _INNER != _INNER:
        return [message]
    return [
        msgspec.structs.replace(
            message,
            body=record.body,
            flag=record.flag,
            properties=decodeProperties(record.properties),
            queueOffset=message.queueOffset + index,
            sysFlag=message.sysFlag & ~_INNER,
            bodyCRC=None,
        )
        for index, record in enumerate(decodeBatch(message.body))
    ]
