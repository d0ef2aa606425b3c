"""
The signature of a request.

Follows Java's C{AclUtils} and C{AclSigner}.
"""

from __future__ import annotations

import hmac
from binascii import b2a_base64

ACCESS_KEY = "AccessKey"
SECURITY_TOKEN = "SecurityToken"
SIGNATURE = "Signature"


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


def _units(name: str) -> bytes:
    """
    A name as Java has it in memory.
    """
    return name.encode("utf-16-be")
