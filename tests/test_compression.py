"""
Bodies are compressed as Java does it, and read whoever compressed them.
"""

from __future__ import annotations

import sys
import zlib
from hashlib import sha256
from types import ModuleType

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests import support
from txrocketmq import compression
from txrocketmq._wire.malformed import MalformedBody
from txrocketmq.compression import checkCompression, compress, decompress
from txrocketmq.errors import InvalidConfiguration

assert support

TYPES = ("ZLIB", "LZ4", "ZSTD")
LIMIT = 4 * 1024 * 1024

TEXT = "".join(f"line {at:05d} golden body text\n" for at in range(200))[:5000].encode()
"""
The body of the captured frames.
"""

JAVA = {
    "ZLIB": (
        769,
        440,
        "c92d447158ce7f4b2dd6d9ae259e78e77d91ea7a60229500547f75e7c58e4e52",
    ),
    "LZ4": (
        257,
        949,
        "e08ccbe01bcd1084fe4d6242c70d4b619a1e94423cabd16db224cd0a39347895",
    ),
    "ZSTD": (
        513,
        180,
        "a33d44820e1c7e6def9535c5969cb6ae3d809fb4c61ce1f8df18c8cbb9007072",
    ),
}
"""
What Java 5.5.0 made of it at its default level: sysFlag, length and SHA-256.
"""


class CompressTests(SynchronousTestCase):
    """
    What is written is what Java writes.
    """

    def test_asJava(self) -> None:
        """
        Each type gives Java's bytes and bits.
        """
        for name, (bits, length, digest) in JAVA.items():
            data, flags = compress(TEXT, name, 5)
            self.assertEqual((flags, len(data)), (bits, length), name)
            self.assertEqual(sha256(data).hexdigest(), digest, name)

    def test_levels(self) -> None:
        """
        ZLIB's level shows in its header; LZ4 has none.
        """
        self.assertEqual(compress(TEXT, "ZLIB", 1)[0][:2].hex(), "7801")
        self.assertEqual(compress(TEXT, "ZLIB", 9)[0][:2].hex(), "78da")
        self.assertEqual(compress(TEXT, "LZ4", 1), compress(TEXT, "LZ4", 9))
        self.assertLess(
            len(compress(TEXT * 50, "ZSTD", 22)[0]),
            len(compress(TEXT * 50, "ZSTD", 1)[0]),
        )

    def test_lz4BlocksAreIndependent(self) -> None:
        """
        Java's consumers refuse linked blocks, of bodies over 4 MiB too.
        """
        data, _ = compress(TEXT * 1000, "LZ4", 5)
        self.assertEqual(data[:6].hex(), "04224d186070")


class DecompressTests(SynchronousTestCase):
    """
    What is read was whole, and is no larger than its reader allows.
    """

    @given(st.binary(max_size=3000), st.sampled_from(TYPES), st.integers(0, 9))
    def test_roundTrip(self, body: bytes, name: str, level: int) -> None:
        """
        Every body comes back as it was.
        """
        data, flags = compress(body, name, level)
        self.assertEqual(decompress(data, flags, LIMIT), body)

    @given(st.binary(max_size=200), st.integers(0, 0x7FF))
    def test_anyBytes(self, data: bytes, sysFlag: int) -> None:
        """
        Any bytes with any flags give a body within the limit, or MalformedBody.
        """
        try:
            body = decompress(data, sysFlag, 1000)
        except MalformedBody:
            return
        self.assertTrue(body == data or len(body) <= 1000)

    def test_plain(self) -> None:
        """
        Without the bit, bytes are what they are, and of any length.
        """
        self.assertEqual(decompress(b"hello", 0x300, 1), b"hello")

    def test_withoutType(self) -> None:
        """
        An old client's body, and Go's, is zlib without saying so.
        """
        self.assertEqual(decompress(zlib.compress(b"hello"), 1, LIMIT), b"hello")

    def test_otherBits(self) -> None:
        """
        The bits beside the type do not matter.
        """
        data, flags = compress(b"hello", "LZ4", 5)
        self.assertEqual(decompress(data, flags | 0x34, LIMIT), b"hello")

    def test_unknownType(self) -> None:
        """
        A type nobody has defined is malformed.
        """
        error = self.assertRaises(MalformedBody, decompress, b"", 0x401, LIMIT)
        self.assertEqual(str(error), "there is no compression type 4")

    def test_limit(self) -> None:
        """
        The limit is the most bytes a body may have; a bomb costs no more than that.
        """
        for name in TYPES:
            data, flags = compress(bytes(1000), name, 5)
            self.assertEqual(decompress(data, flags, 1000), bytes(1000))
            self.assertRaises(MalformedBody, decompress, data, flags, 999)
            bomb, flags = compress(bytes(50_000_000), name, 5)
            error = self.assertRaises(MalformedBody, decompress, bomb, flags, 10_000)
            self.assertIn("more than 10000 bytes", str(error))

    def test_cut(self) -> None:
        """
        A stream without its end is malformed, wherever it was cut.
        """
        for name in TYPES:
            data, flags = compress(TEXT, name, 5)
            for at in (0, 1, 5, len(data) // 2, len(data) - 1):
                self.assertRaises(MalformedBody, decompress, data[:at], flags, LIMIT)

    def test_followed(self) -> None:
        """
        A stream with something behind it is malformed.
        """
        for name in TYPES:
            data, flags = compress(TEXT, name, 5)
            self.assertRaises(MalformedBody, decompress, data + b"x", flags, LIMIT)

    def test_garbage(self) -> None:
        """
        Other bytes are malformed, and the error says what they should have been.
        """
        for name in TYPES:
            flags = compress(b"", name, 5)[1]
            error = self.assertRaises(
                MalformedBody, decompress, b"garbage" * 9, flags, LIMIT
            )
            self.assertIn(f"the body is no {name}", str(error))


class ExtraTests(SynchronousTestCase):
    """
    What cannot work is said before there is a message.
    """

    def hide(self, *modules: str) -> None:
        """
        Make modules impossible to import for the rest of the test.
        """
        compression._module.cache_clear()
        self.addCleanup(compression._module.cache_clear)
        before = {module: sys.modules.get(module) for module in modules}
        self.addCleanup(self.restore, before)
        for module in modules:
            sys.modules[module] = None  # type: ignore[assignment] # documented

    def restore(self, modules: dict[str, ModuleType | None]) -> None:
        """
        Let modules be imported again.
        """
        for name, module in modules.items():
            del sys.modules[name]
            if module is not None:
                sys.modules[name] = module

    def test_installed(self) -> None:
        """
        All types are there with all extras.
        """
        for name in TYPES:
            checkCompression(name)

    def test_missing(self) -> None:
        """
        The error names the command that helps.
        """
        self.hide("lz4.frame", "compression.zstd", "backports.zstd")
        for name, extra in (("LZ4", "lz4"), ("ZSTD", "zstd")):
            error = self.assertRaises(InvalidConfiguration, checkCompression, name)
            self.assertIn(f"pip install 'txrocketmq[{extra}]'", str(error))
            flags = compression._TYPES[name].flags
            self.assertRaises(InvalidConfiguration, decompress, b"", flags, LIMIT)
        checkCompression("ZLIB")

    def test_levels(self) -> None:
        """
        A level the type does not know is refused.
        """
        for name, highest in (("ZLIB", 9), ("LZ4", 22), ("ZSTD", 22)):
            checkCompression(name, 0)
            checkCompression(name, highest)
            for level in (-1, highest + 1):
                error = self.assertRaises(
                    InvalidConfiguration, checkCompression, name, level
                )
                self.assertIn(f"from 0 to {highest}", str(error))
