"""
Certificates for tests of TLS, made when they are wanted.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from OpenSSL import crypto
from twisted.internet.ssl import (
    Certificate,
    CertificateOptions,
    KeyPair,
    PrivateCertificate,
    trustRootFromCertificates,
)


class Authority:
    """
    An authority, the files of its certificates, and servers that use them.

    @ivar roots: The path of its own certificate.

    @ivar certificate: That certificate.
    """

    def __init__(self, directory: str) -> None:
        """
        @param directory: Where the files go.  It is made.
        """
        self._ca = trustme.CA()
        self._directory = Path(directory)
        self._directory.mkdir(parents=True, exist_ok=True)
        self.roots = self._write("roots.pem", self._ca.cert_pem.bytes())
        self.certificate = Certificate.loadPEM(self._ca.cert_pem.bytes())

    def server(self, *names: str, **options: Any) -> CertificateOptions:
        """
        What a server listens with.

        @param names: The host names and addresses its certificate is for.

        @param options: More for L{CertificateOptions}.
        """
        certificate, key, _ = self._issue(*names)
        return _options(certificate, key, **options)

    def expired(self, *names: str) -> CertificateOptions:
        """
        What a server listens with whose certificate is of yesterday.
        """
        yesterday = datetime.now(UTC) - timedelta(days=1)
        return _options(*self._issue(*names, not_after=yesterday)[:2])

    def demanding(self, *names: str) -> CertificateOptions:
        """
        What a server listens with that wants a certificate of this authority.
        """
        trust = trustRootFromCertificates([self.certificate])
        return self.server(*names, trustRoot=trust)

    def client(self, name: str = "client") -> tuple[str, str]:
        """
        The paths of a client's certificate and key.
        """
        certificate, key, chain = self._issue(name)
        return (
            self._write(f"{name}.pem", b"".join((certificate, *chain))),
            self._write(f"{name}.key", key),
        )

    def encrypted(self) -> str:
        """
        The path of a key with a passphrase.
        """
        key = load_pem_private_key(self._issue("client")[1], None)
        return self._write(
            "encrypted.key",
            key.private_bytes(
                Encoding.PEM,
                PrivateFormat.PKCS8,
                BestAvailableEncryption(b"passphrase"),
            ),
        )

    def file(self, name: str, content: bytes) -> str:
        """
        The path of a file with something in it.
        """
        return self._write(name, content)

    def _issue(self, *names: str, **options: Any) -> tuple[bytes, bytes, list[bytes]]:
        """
        A certificate, its key and what is between it and the root.
        """
        leaf = self._ca.issue_cert(*names, **options)
        own, *chain = (each.bytes() for each in leaf.cert_chain_pems)
        return own, leaf.private_key_pem.bytes(), chain

    def _write(self, name: str, content: bytes) -> str:
        """
        Write a file, and give its path.
        """
        path = self._directory / name
        path.write_bytes(content)
        return str(path)


def _options(certificate: bytes, key: bytes, **options: Any) -> CertificateOptions:
    """
    What a server listens with.
    """
    pair = KeyPair(crypto.load_privatekey(crypto.FILETYPE_PEM, key))
    private = PrivateCertificate.fromCertificateAndKeyPair(
        Certificate.loadPEM(certificate), pair
    )
    return CertificateOptions(
        privateKey=private.privateKey.original,
        certificate=private.original,
        **options,
    )
