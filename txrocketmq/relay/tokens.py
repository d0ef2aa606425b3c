"""
Who may send, and to which topics::

    [[token]]
    name = "billing"
    sha256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
    topics = ["Invoices", "audit-*"]
    rate = 500

Laws:

    - No token is kept, only its digest; no digest is shown.

    - How long a look takes does not depend on how much of a token is right.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from fnmatch import fnmatchcase
from hashlib import sha256
from hmac import compare_digest
from pathlib import Path

import msgspec

from txrocketmq.errors import InvalidConfiguration

PATTERN = re.compile(r"[%|a-zA-Z0-9_*-]{1,127}\Z")
DIGEST = re.compile(r"[0-9a-fA-F]{64}\Z")
NAME = re.compile(r"[a-zA-Z0-9_.-]{1,64}\Z")
SCHEME = b"bearer "

MOST_BYTES = 1 << 20
"""
What is longer is no list of tokens.
"""


class _Entry(msgspec.Struct, forbid_unknown_fields=True):
    """
    One token, as the file has it.
    """

    sha256: str
    topics: list[str]
    name: str = ""
    rate: float | None = None


class _Document(msgspec.Struct, forbid_unknown_fields=True):
    """
    The file.
    """

    token: list[_Entry]


class Grant(msgspec.Struct, frozen=True):
    """
    What the owner of a token may do.

    @ivar name: What it is called in counts and keys; no secret.

    @ivar topics: Names of topics, in which C{*} stands for anything.

    @ivar rate: The messages a second it may bring; L{None} for any number.
    """

    name: str
    topics: tuple[str, ...]
    rate: float | None = None

    def allows(self, topic: str) -> bool:
        """
        Whether messages may go to a topic.
        """
        return any(fnmatchcase(topic, pattern) for pattern in self.topics)


class Tokens:
    """
    All tokens.

    @ivar names: What they are called.
    """

    def __init__(self, grants: Sequence[tuple[bytes, Grant]]) -> None:
        """
        @param grants: The SHA-256 digest of each token, and what it allows.
        """
        self._grants = tuple(grants)
        self.names = tuple(grant.name for _, grant in self._grants)

    @classmethod
    def load(cls, path: str | Path) -> Tokens:
        """
        Read a file of tokens.

        @raise InvalidConfiguration: In one line, what is wrong with it; nothing of a
            digest is in it.
        """
        try:
            with Path(path).open("rb") as stream:
                text = stream.read(MOST_BYTES + 1)
            if len(text) > MOST_BYTES:
                raise ValueError(f"more than {MOST_BYTES} bytes")
            found = msgspec.convert(tomllib.loads(text.decode()), _Document)
            return cls(_grants(found.token))
        except OSError as error:
            reason = error.strerror or type(error).__name__
        except UnicodeDecodeError:
            reason = "it is not UTF-8"
        except ValueError as error:
            # msgspec and tomllib say where, and show no value.
            reason = str(error)
        raise InvalidConfiguration(f"the token file {str(path)!r}: {reason}")

    def grant(self, authorization: bytes | None) -> Grant | None:
        """
        What a request may do.

        @param authorization: Its C{Authorization}.

        @return: L{None} when it shows no token that we know.
        """
        given = authorization or b""
        token = given[len(SCHEME) :].strip()
        isBearer = given[: len(SCHEME)].lower() == SCHEME and token != b""
        digest = sha256(token).digest()
        found = None
        for known, grant in self._grants:
            if compare_digest(known, digest):
                found = grant
        return found if isBearer else None

    def __len__(self) -> int:
        """
        How many there are.
        """
        return len(self._grants)


def _grants(entries: Sequence[_Entry]) -> list[tuple[bytes, Grant]]:
    """
    What a file's tokens allow.

    @raise ValueError: One is wrong.
    """
    if not entries:
        raise ValueError("there is no [[token]] in it")
    grants = [_grant(number, entry) for number, entry in enumerate(entries, 1)]
    for what, values in (
        ("sha256", [digest for digest, _ in grants]),
        ("name", [grant.name for _, grant in grants]),
    ):
        if len(set(values)) < len(values):
            raise ValueError(f"two tokens have the same {what}")
    return grants


def _grant(number: int, entry: _Entry) -> tuple[bytes, Grant]:
    """
    What one token allows.

    @raise ValueError: It is wrong.
    """
    if entry.name and not NAME.match(entry.name):
        raise ValueError(f"token {number}: name may have a-z A-Z 0-9 _ . - only")
    if not DIGEST.match(entry.sha256):
        raise ValueError(f"token {number}: sha256 must be 64 hexadecimal digits")
    if not entry.topics or not all(map(PATTERN.match, entry.topics)):
        raise ValueError(f"token {number}: topics must be names of topics, or *")
    if entry.rate is not None and not 0 < entry.rate < 1e9:
        raise ValueError(f"token {number}: rate must be above 0")
    digest = bytes.fromhex(entry.sha256)
    # It stays when the file is sorted otherwise, and tells nothing of the digest.
    name = entry.name or f"token-{sha256(digest).hexdigest()[:8]}"
    return digest, Grant(name, tuple(entry.topics), entry.rate)
