"""
The signature of a request.

Follows Java's C{AclUtils} and C{AclSigner}.
"""

from __future__ import annotations

import hmac
from binascii import b2a_base64
from hashlib import sha1

ACCESS_KEY = "AccessKey"
SECURITY_TOKEN = "SecurityToken"
SIGNATURE = "Signature"

# Bytes that SHA-1 takes at once.
_BLOCK = 64


def signature(extFields: dict[str, str], body: bytes, secretKey: str) -> str:
    """
    The signature of a request's fields and body.

    @param extFields: All that will be sent, but for the signature.
    """
    content = signedText(extFields).encode() + body
    return signed(content, secretKey.encode()).decode("ascii")


def signedText(extFields: dict[str, str]) -> str:
    """
    What is signed of a request's fields: their values in the order of their names.
    """
    # Java compares by UTF-16 units; where all is ASCII that is how we compare.
    order = None if "".join(extFields).isascii() else _units
    return "".join([extFields[name] for name in sorted(extFields, key=order)])


def signed(content: bytes, secret: bytes) -> bytes:
    """
    The signature of some bytes.
    """
    return b2a_base64(hmac.digest(secret, content, "sha1"), newline=False)


class Signer:
    """
    Signs much with one key, as L{signed} does.

    What it saves: the key's own part of the HMAC (RFC 2104) is worked out once.  With
    C{hmac} it takes two and a half times as long: OpenSSL looks for the digest anew.
    """

    __slots__ = ("_inner", "_outer")

    def __init__(self, secret: bytes) -> None:
        """
        @param secret: The key.
        """
        if len(secret) > _BLOCK:
            secret = sha1(secret, usedforsecurity=False).digest()
        key = secret.ljust(_BLOCK, b"\0")
        self._inner, self._outer = (
            sha1(bytes([each ^ pad for each in key]), usedforsecurity=False)
            for pad in (0x36, 0x5C)
        )

    def signed(self, content: bytes) -> bytes:
        """
        The signature of some bytes.
        """
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(content)
        outer.update(inner.digest())
        return b2a_base64(outer.digest(), newline=False)


def _units(name: str) -> bytes:
    """
    A name as Java has it in memory.
    """
    return name.encode("utf-16-be")
