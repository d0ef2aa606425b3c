"""
TLS: what is trusted, who we are, and how an endpoint gets it.

Laws:

    1. There is no way back to plain text.

    2. A certificate is checked, and is for the host that was asked for, unless
       C{insecureSkipVerify} says in so many words that it is not.

    3. Files are read once, before the first connection; one that does not
       load is an L{InvalidConfiguration}.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeAlias

from OpenSSL import SSL, crypto
from twisted.internet.abstract import isIPAddress, isIPv6Address
from twisted.internet.endpoints import wrapClientTLS
from twisted.internet.interfaces import (
    IOpenSSLClientConnectionCreator,
    IStreamClientEndpoint,
)
from twisted.internet.ssl import (
    Certificate,
    CertificateOptions,
    TLSVersion,
    optionsForClientTLS,
    platformTrust,
    trustRootFromCertificates,
)
from twisted.logger import Logger
from twisted.protocols.tls import TLSMemoryBIOProtocol
from zope.interface import implementer

from txrocketmq.errors import InvalidConfiguration
from txrocketmq.settings import TLSSettings

__all__ = ["Wrap", "wrapper"]

Wrap: TypeAlias = Callable[[IStreamClientEndpoint, str], IStreamClientEndpoint]
"""
What puts TLS, for a host, on an endpoint.
"""

# One for each host a client talks to; routes name no more brokers than that.
MOST_HOSTS = 1024

_CERTIFICATE = re.compile(
    rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL
)

_log = Logger()


def wrapper(settings: TLSSettings) -> Wrap:
    """
    Read the files, and make what puts TLS on endpoints.

    What such an endpoint gives is connected, but its handshake is still to
    come: see L{IHandshakeListener
    <twisted.internet.interfaces.IHandshakeListener>}.

    @raise InvalidConfiguration: A file is not there, or not what it should be.
    """
    options: dict[str, Any] = {
        "raiseMinimumTo": TLSVersion.TLSv1_2,
        **_identity(settings),
    }
    trust = _trust(settings)

    @lru_cache(MOST_HOSTS)
    def creator(host: str) -> IOpenSSLClientConnectionCreator:
        if settings.insecureSkipVerify:
            return _Unchecked(CertificateOptions(**options), host)
        # A copy: what it is given, optionsForClientTLS may change.
        return optionsForClientTLS(host, trust, extraCertificateOptions=dict(options))

    def wrap(endpoint: IStreamClientEndpoint, host: str) -> IStreamClientEndpoint:
        return wrapClientTLS(creator(settings.serverName or host), endpoint)

    if settings.insecureSkipVerify:
        _log.warn("TLS certificates are not checked: insecureSkipVerify is set")
    return wrap


@implementer(IOpenSSLClientConnectionCreator)
class _Unchecked:
    """
    Makes TLS connections to whoever answers.
    """

    def __init__(self, options: CertificateOptions, host: str) -> None:
        self._context = options.getContext()
        isName = not isIPAddress(host) and not isIPv6Address(host)
        self._name = host.encode("idna") if isName else None

    def clientConnectionForTLS(
        self, tlsProtocol: TLSMemoryBIOProtocol
    ) -> SSL.Connection:
        """
        Make a connection that trusts everybody.
        """
        connection = SSL.Connection(self._context, None)
        if self._name is not None:
            connection.set_tlsext_host_name(self._name)
        return connection


def _trust(settings: TLSSettings) -> Any:
    """
    Whose certificates are good.
    """
    if settings.trustRoots is None:
        return platformTrust()
    return trustRootFromCertificates(
        [Certificate(each) for each in _certificates("trustRoots", settings.trustRoots)]
    )


def _identity(settings: TLSSettings) -> dict[str, Any]:
    """
    Our certificate, its chain and its key, as L{CertificateOptions} takes them.
    """
    if settings.certificate is None:
        if settings.privateKey is not None:
            raise InvalidConfiguration("privateKey is set, but certificate is not")
        return {}
    own, *chain = _certificates("certificate", settings.certificate)
    if settings.privateKey is None:
        key = _key("certificate", settings.certificate)
    else:
        key = _key("privateKey", settings.privateKey)
    identity: dict[str, Any] = {
        "certificate": own,
        "privateKey": key,
        "extraCertChain": chain,
    }
    try:
        CertificateOptions(**identity).getContext()
    except SSL.Error as e:
        raise InvalidConfiguration(
            f"the private key is not that of certificate {settings.certificate!r}"
        ) from e
    return identity


def _certificates(setting: str, path: str) -> list[crypto.X509]:
    """
    The certificates in a PEM file: one at least.
    """
    try:
        found = [
            crypto.load_certificate(crypto.FILETYPE_PEM, each)
            for each in _CERTIFICATE.findall(_content(setting, path))
        ]
    except crypto.Error as e:
        raise InvalidConfiguration(
            f"{setting} {path!r} holds a certificate that does not load"
        ) from e
    if not found:
        raise InvalidConfiguration(f"{setting} {path!r} holds no PEM certificate")
    return found


def _key(setting: str, path: str) -> crypto.PKey:
    """
    The private key in a PEM file.  Nobody is asked for a passphrase.
    """
    try:
        return crypto.load_privatekey(
            crypto.FILETYPE_PEM, _content(setting, path), passphrase=b""
        )
    except crypto.Error as e:
        raise InvalidConfiguration(
            f"{setting} {path!r} holds no private key that loads without a passphrase"
        ) from e


def _content(setting: str, path: str) -> bytes:
    """
    What is in a file.
    """
    try:
        return Path(path).read_bytes()
    except OSError as e:
        raise InvalidConfiguration(f"{setting} {path!r}: {e.strerror}") from e
