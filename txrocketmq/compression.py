"""
Compress bodies as Java's producers do, byte for byte, and read what any client
compressed.

Follows Java's C{CompressorFactory} and the classes it makes.

Laws:

    - What Java's consumers cannot read is never written: no linked LZ4 blocks, no
      raw deflate.

    - Nothing is decompressed beyond the size its reader allows.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any

import attrs

from txrocketmq._wire.codes import SysFlag
from txrocketmq._wire.malformed import MalformedBody
from txrocketmq.errors import InvalidConfiguration

__all__ = ["checkCompression", "compress", "compressor", "decompress"]


@attrs.frozen
class _Compression:
    """
    One way to compress.

    @ivar flags: The bits of C{sysFlag} that say so.

    @ivar levels: The levels it knows.

    @ivar modules: The modules that can do it, the first one found is used.

    @ivar extra: The extra that installs one of them.

    @ivar write: What compresses, with the module, the bytes and the level.

    @ivar reader: What makes something with C{decompress(data, limit)} and
        C{eof}, with the module.
    """

    flags: int
    levels: range
    modules: tuple[str, ...]
    extra: str
    write: Callable[[Any, bytes, int], bytes]
    reader: Callable[[Any], Any]


def _writeLZ4(lz4: Any, data: bytes, level: int) -> bytes:
    """
    An LZ4 frame of independent blocks; Java has no levels.

    Not in one call: that would choose a smaller block size than Java states.
    """
    compressor = lz4.LZ4FrameCompressor(
        block_size=lz4.BLOCKSIZE_MAX4MB, block_linked=False
    )
    return bytes(compressor.begin() + compressor.compress(data) + compressor.flush())


def _writeZSTD(zstd: Any, data: bytes, level: int) -> bytes:
    """
    A Zstandard frame without its content's size, as Java's stream writes it.
    """
    compressor = zstd.ZstdCompressor(level)
    return bytes(compressor.compress(data, compressor.FLUSH_BLOCK) + compressor.flush())


def _writeZLIB(module: Any, data: bytes, level: int) -> bytes:
    """
    A zlib stream with header and checksum.
    """
    return bytes(module.compress(data, level))


_ZLIB = _Compression(
    flags=SysFlag.COMPRESSED | SysFlag.ZLIB,
    levels=range(10),
    modules=("zlib",),
    extra="",
    write=_writeZLIB,
    reader=lambda module: module.decompressobj(),
)

_TYPES = {
    "ZLIB": _ZLIB,
    "LZ4": _Compression(
        flags=SysFlag.COMPRESSED | SysFlag.LZ4,
        levels=range(23),
        modules=("lz4.frame",),
        extra="lz4",
        write=_writeLZ4,
        reader=lambda module: module.LZ4FrameDecompressor(),
    ),
    "ZSTD": _Compression(
        flags=SysFlag.COMPRESSED | SysFlag.ZSTD,
        levels=range(23),
        modules=("compression.zstd", "backports.zstd"),
        extra="zstd",
        write=_writeZSTD,
        reader=lambda module: module.ZstdDecompressor(),
    ),
}

_BY_BITS = {
    int(compression.flags & SysFlag.COMPRESSION_TYPE_MASK): (name, compression)
    for name, compression in _TYPES.items()
} | {0: ("ZLIB", _ZLIB)}
"""
A C{sysFlag} without a type is an old client's, or Go's: zlib.
"""


def checkCompression(type: str, level: int = 5) -> None:
    """
    Refuse a compression that would fail each message.

    @param type: C{"ZLIB"}, C{"LZ4"} or C{"ZSTD"}.

    @raise InvalidConfiguration: When it needs an extra that is not installed, or
        does not know the level.
    """
    _module(type)
    levels = _TYPES[type].levels
    if level not in levels:
        raise InvalidConfiguration(
            f"compressLevel of {type} goes from 0 to {levels[-1]}, and is not {level}"
        )


def compress(data: bytes, type: str, level: int) -> tuple[bytes, int]:
    """
    Compress a body, and give the bits of C{sysFlag} that say how.

    The result may be longer than what it was made of; Java sends it all the same.

    @param type: What L{checkCompression} accepted, as C{level}.
    """
    write, flags = compressor(type, level)
    return write(data), flags


def compressor(type: str, level: int) -> tuple[Callable[[bytes], bytes], int]:
    """
    What compresses bodies as L{compress} does, and the bits of C{sysFlag}.
    """
    compression = _TYPES[type]
    write, module = compression.write, _module(type)
    return lambda data: write(module, data, level), compression.flags


def decompress(data: bytes, sysFlag: int, limit: int) -> bytes:
    """
    Decompress a body, unless C{sysFlag} says that it is not compressed.

    @param limit: The most bytes the result may have.

    @raise MalformedBody: When the bytes are not what C{sysFlag} says, are cut or
        followed by others, or are more than the limit.

    @raise InvalidConfiguration: When it needs an extra that is not installed.
    """
    if not sysFlag & SysFlag.COMPRESSED:
        return data
    bits = sysFlag & SysFlag.COMPRESSION_TYPE_MASK
    if bits not in _BY_BITS:
        raise MalformedBody(f"there is no compression type {bits >> 8}")
    name, compression = _BY_BITS[bits]
    reader = compression.reader(_module(name))
    try:
        body = bytes(reader.decompress(data, limit + 1))
    except Exception as error:
        # Three libraries, and their errors have no parent in common.
        raise MalformedBody(f"the body is no {name}: {error}") from error
    if len(body) > limit:
        raise MalformedBody(f"the body is more than {limit} bytes decompressed")
    if not reader.eof or reader.unused_data:
        raise MalformedBody(f"the body is not one whole {name} stream")
    return body


@cache
def _module(type: str) -> ModuleType:
    """
    The first of a compression's modules that is installed.
    """
    for name in _TYPES[type].modules:
        try:
            return import_module(name)
        except ImportError:
            continue
    raise InvalidConfiguration(
        f"{type} needs an extra: pip install 'txrocketmq[{_TYPES[type].extra}]'"
    )
