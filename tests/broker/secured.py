"""
Clusters that take signed requests over TLS, and nothing else.

Their servers have certificates of an authority of the tests' own.  Apache's
servers look every half second whether the files of their certificates have
changed: so a broker's can be exchanged while it runs.
"""

from __future__ import annotations

import atexit
import functools
import shutil
import ssl
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from .cluster import Cluster, NotSeen, Protection
from .commands import Access
from .jars import V5
from .servers import Server

HOST = "127.0.0.1"
ACCESS = Access(tls=True, accessKey="rocketmq", secretKey="12345678")

_CERTIFICATE, _KEY = "certificate.pem", "key.pem"
_PATIENCE = 20.0
_POLL = 0.1

_FLAGS = (
    "-Dtls.enable=true",
    "-Dtls.server.mode=enforcing",
    "-Dtls.test.mode.enable=false",
    f"-Dtls.server.certPath={_CERTIFICATE}",
    f"-Dtls.server.keyPath={_KEY}",
)

_AUTH = "org.apache.rocketmq.auth."
_USER = f'"username":"{ACCESS.accessKey}","password":"{ACCESS.secretKey}"'
_INNER = f'"accessKey":"{ACCESS.accessKey}","secretKey":"{ACCESS.secretKey}"'

_ACL_5 = {
    "authenticationEnabled": "true",
    "authenticationMetadataProvider": f"{_AUTH}authentication.provider."
    "LocalAuthenticationMetadataProvider",
    "initAuthenticationUser": f"{{{_USER}}}",
    "innerClientAuthenticationCredentials": f"{{{_INNER}}}",
    "authorizationEnabled": "true",
    "authorizationMetadataProvider": f"{_AUTH}authorization.provider."
    "LocalAuthorizationMetadataProvider",
}
_ACL_4 = {"aclEnable": "true"}
_ACL_4_FILE = f"""accounts:
- accessKey: {ACCESS.accessKey}
  secretKey: {ACCESS.secretKey}
  admin: true
"""


class Secured:
    """
    A cluster of one name server and one broker, and its authority.

    @ivar cluster: The cluster.

    @ivar roots: The file with the authority's own certificate.

    @ivar otherRoots: The same of an authority that nobody has heard of.
    """

    def __init__(self, version: str) -> None:
        self._authority, self._other = trustme.CA(), trustme.CA()
        directory = Path(tempfile.mkdtemp(prefix="txrocketmq-roots-"))
        atexit.register(shutil.rmtree, directory, ignore_errors=True)
        self.roots = str(directory / "roots.pem")
        self.otherRoots = str(directory / "otherRoots.pem")
        self._authority.cert_pem.write_to_path(self.roots)
        self._other.cert_pem.write_to_path(self.otherRoots)
        self.cluster = Cluster(
            version,
            overrides=_ACL_5 if version == V5 else _ACL_4,
            protection=Protection(ACCESS, _FLAGS, self._prepare),
        )

    def useRight(self) -> None:
        """
        Give the broker a certificate as it should be.
        """
        self._use(self._authority.issue_cert(HOST))

    def useUnknown(self) -> None:
        """
        Give the broker a certificate of the other authority.
        """
        self._use(self._other.issue_cert(HOST))

    def useMisnamed(self) -> None:
        """
        Give the broker a certificate that is for another host.
        """
        self._use(self._authority.issue_cert("elsewhere.example"))

    def useExpired(self) -> None:
        """
        Give the broker a certificate that was good until yesterday.
        """
        yesterday = datetime.now(UTC) - timedelta(days=1)
        self._use(self._authority.issue_cert(HOST, not_after=yesterday))

    @property
    def _broker(self) -> Server:
        """
        The only broker.
        """
        [broker] = self.cluster.brokers.values()
        return broker

    def _use(self, leaf: trustme.LeafCert) -> None:
        """
        Give the broker a certificate, and wait until it shows it.

        @raise NotSeen: It does not.
        """
        _write(self._broker.settingsFile.parent, leaf)
        wanted = ssl.PEM_cert_to_DER_cert(leaf.cert_chain_pems[0].bytes().decode())
        deadline = time.monotonic() + _PATIENCE
        while _shown(self._broker.address) != wanted:
            if time.monotonic() > deadline:
                raise NotSeen("the new certificate")
            time.sleep(_POLL)

    def _prepare(self, directory: Path) -> None:
        """
        Give a server its certificate, and the file of 4.9.7 with the accounts.
        """
        _write(directory, self._authority.issue_cert(HOST))
        for place in (directory / "conf", directory / "conf" / "acl"):
            place.mkdir()
            (place / "plain_acl.yml").write_text(_ACL_4_FILE)


@functools.cache
def secured(version: str) -> Secured:
    """
    The secured cluster of a release, started when first asked for.
    """
    made = Secured(version)
    made.cluster.start()
    atexit.register(made.cluster.stop)
    return made


def _write(directory: Path, leaf: trustme.LeafCert) -> None:
    """
    Write a certificate, and its key as Java reads it.
    """
    leaf.cert_chain_pems[0].write_to_path(directory / _CERTIFICATE)
    key = load_pem_private_key(leaf.private_key_pem.bytes(), None)
    (directory / _KEY).write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )


def _shown(address: str) -> bytes | None:
    """
    The certificate that a server shows.
    """
    connection = ACCESS.connect(address)
    assert isinstance(connection, ssl.SSLSocket)
    with connection:
        return connection.getpeercert(binary_form=True)
