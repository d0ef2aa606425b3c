"""
The certificates the relay shows to its own clients.

Law: new files take the place of old ones between two connections, and only when
all of them have loaded.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from OpenSSL import SSL, crypto
from twisted.internet.interfaces import IOpenSSLServerConnectionCreator
from twisted.internet.ssl import (
    Certificate,
    CertificateOptions,
    TLSVersion,
    trustRootFromCertificates,
)
from twisted.protocols.tls import TLSMemoryBIOProtocol
from zope.interface import implementer

from txrocketmq.relay.endpoints import Place

PEM = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)

HTTP = b"http/1.1"


@implementer(IOpenSSLServerConnectionCreator)
class Identity:
    """
    Who the relay is at one place.

    @ivar context: What the next connection is made with.
    """

    def __init__(self, context: SSL.Context) -> None:
        self.context = context

    def serverConnectionForTLS(self, protocol: TLSMemoryBIOProtocol) -> SSL.Connection:
        """
        Make a connection of what is there now.
        """
        return SSL.Connection(self.context, None)


def contextOf(place: Place) -> SSL.Context:
    """
    Load the files that a place names.

    @raise UsageError: When one of them does not load.
    """
    keyFile = place.fields["privateKey"]
    own, *chain = _certificates(place, "certKey", place.fields.get("certKey", keyFile))
    if "extraCertChain" in place.fields:
        extra = place.fields["extraCertChain"]
        chain += _certificates(place, "extraCertChain", extra)
    trusted = None
    if place.knowsClients:
        roots = _certificates(place, "clientCA", place.fields["clientCA"])
        trusted = trustRootFromCertificates(list(map(Certificate, roots)))
    try:
        # With trusted ones it asks for a certificate, and ends without one.
        context = CertificateOptions(
            privateKey=_key(place, keyFile),
            certificate=own,
            extraCertChain=chain,
            trustRoot=trusted,
            raiseMinimumTo=TLSVersion.TLSv1_2,
        ).getContext()
        context.check_privatekey()
        # Not Twisted's, which ends connections of clients that offer what its
        # factories do not name.
        context.set_alpn_select_callback(_protocol)
    except SSL.Error:
        raise place.wrong("has a privateKey that is not its certificate's") from None
    return context


def _protocol(connection: SSL.Connection, offered: list[bytes]) -> Any:
    """
    What is spoken on a connection: HTTP/1.1, whether its client knows that or not.
    """
    return HTTP if HTTP in offered else SSL.NO_OVERLAPPING_PROTOCOLS


def _key(place: Place, file: str) -> crypto.PKey:
    """
    The private key in a PEM file.  Nobody is asked for a passphrase.
    """
    try:
        return crypto.load_privatekey(
            crypto.FILETYPE_PEM, _content(place, "privateKey", file), passphrase=b""
        )
    except crypto.Error:
        raise place.wrong(
            f"has a privateKey that holds no key in PEM without a passphrase: {file!r}"
        ) from None


def _certificates(place: Place, field: str, file: str) -> list[crypto.X509]:
    """
    The certificates in a PEM file: one at least.
    """
    try:
        found = [
            crypto.load_certificate(crypto.FILETYPE_PEM, each)
            for each in PEM.findall(_content(place, field, file))
        ]
    except crypto.Error:
        raise place.wrong(
            f"has a {field} with a certificate that does not load: {file!r}"
        ) from None
    if not found:
        raise place.wrong(f"has a {field} that holds no certificate in PEM: {file!r}")
    return found


def _content(place: Place, field: str, file: str) -> bytes:
    """
    What is in a file.
    """
    try:
        return Path(file).read_bytes()
    except (OSError, ValueError) as wrong:
        reason = wrong.strerror if isinstance(wrong, OSError) else wrong
        raise place.wrong(f"has a {field} that does not open: {reason}") from None
