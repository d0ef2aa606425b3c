"""
ACL and TLS on real brokers of 5.5.0 and 4.9.7: who may send can, and who may
not is refused as the Java client is; and a server that is not the right one
gets nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from twisted.internet.threads import deferToThread

from txrocketmq import (
    CommunicationMode,
    Message,
    Persisted,
    Producer,
    ProducerSettings,
    SessionCredentials,
    TLSSettings,
)
from txrocketmq.errors import SendFailed, TLSFailed

from .commands import Access
from .features import TIMEOUT, FeatureTestCase, javaTries
from .jars import V4
from .secured import ACCESS, Secured, secured

SHORT = 1.5
KEY = SessionCredentials(ACCESS.accessKey, ACCESS.secretKey)


class Secured5Tests(FeatureTestCase):
    """
    Release 5.5.0, which takes signed requests over TLS only.

    @cvar denied: What it says to those it does not know.
    """

    denied: ClassVar[int] = 16

    async def secured(self) -> Secured:
        """
        The cluster, its broker's certificate as it should be.
        """
        return await deferToThread(secured, self.version)

    async def securedProducer(
        self,
        topic: str,
        credentials: SessionCredentials | None,
        roots: str | None = None,
    ) -> Producer:
        """
        Make a topic, and a producer that trusts the authority.
        """
        there = await self.secured()
        await deferToThread(there.cluster.createTopic, topic)
        client = self.client(
            there.cluster.nameServerAddress,
            credentials=credentials,
            tls=TLSSettings(trustRoots=roots or there.roots),
        )
        return Producer(client, self.group, ProducerSettings(sendTimeout=TIMEOUT))

    async def failure(
        self, producer: Producer, topic: str, within: float = TIMEOUT
    ) -> SendFailed:
        """
        Send what is not stored.
        """
        try:
            # By count: no end of the time is to hide why the tries failed.
            await producer.send(
                Message(topic, b"never"), mode=CommunicationMode.SYNC, timeout=within
            )
        except SendFailed as error:
            self.assertIs(error.persisted, Persisted.NO)
            return error
        return self.fail("it was sent")

    async def test_rightKey(self) -> None:
        """
        With the right key and the right authority, all is stored.
        """
        topic = f"Right-{type(self).__name__}"
        producer = await self.securedProducer(topic, KEY)
        one = await producer.send(Message(topic, b"one"))
        two = await producer.send(Message(topic, b"two"))
        nameServer = (await self.secured()).cluster.nameServerAddress
        lines = await self.stored(nameServer, topic, 2, ACCESS)
        self.assertStored([one, two], lines)

    async def test_wrongKey(self) -> None:
        """
        With a wrong key it is refused, with the code the Java client gets.
        """
        wrong = ACCESS._replace(secretKey="wrong-key")
        await self.check(wrong, SessionCredentials(wrong.accessKey, wrong.secretKey))

    async def test_unknownKey(self) -> None:
        """
        So it is with the key of somebody nobody knows.
        """
        wrong = ACCESS._replace(accessKey="nobody99")
        await self.checkDenied(SessionCredentials(wrong.accessKey, wrong.secretKey))

    async def test_noKey(self) -> None:
        """
        So it is without any.
        """
        await self.check(ACCESS._replace(accessKey=""), None)

    async def check(
        self, access: Access, credentials: SessionCredentials | None
    ) -> None:
        """
        Send with credentials that are no good.
        """
        topic = await self.checkDenied(credentials)
        nameServer = (await self.secured()).cluster.nameServerAddress
        [java] = await deferToThread(
            javaTries, nameServer, topic, "sync", "never", access
        )
        self.assertEqual(java["code"], self.denied)

    async def checkDenied(self, credentials: SessionCredentials | None) -> str:
        """
        Send with them.

        @return: The topic.
        """
        topic = f"Denied-{type(self).__name__}"
        producer = await self.securedProducer(topic, credentials)
        error = await self.failure(producer, topic)
        self.assertEqual(error.code, self.denied)
        return topic

    async def test_unknownAuthority(self) -> None:
        """
        A broker whose certificate an unknown authority signed gets nothing.
        """
        there = await self.secured()
        await self.checkCertificate(there, there.useUnknown)

    async def test_anotherName(self) -> None:
        """
        Nor does one whose certificate is another host's.
        """
        there = await self.secured()
        await self.checkCertificate(there, there.useMisnamed)

    async def test_expired(self) -> None:
        """
        Nor does one whose certificate has expired.
        """
        there = await self.secured()
        await self.checkCertificate(there, there.useExpired)

    async def checkCertificate(self, there: Secured, use: Callable[[], None]) -> None:
        """
        Send to a broker with a wrong certificate, then to the same with a right
        one.
        """
        topic = f"Refused-{type(self).__name__}"
        producer = await self.securedProducer(topic, KEY)
        self.addCleanup(deferToThread, there.useRight)
        await deferToThread(use)
        error = await self.failure(producer, topic)
        self.assertIsInstance(error.cause, TLSFailed)
        await deferToThread(there.useRight)
        await producer.send(Message(topic, b"right"))

    async def test_unknownAuthorityOfAll(self) -> None:
        """
        When no server can be trusted, there is not even a route.
        """
        there = await self.secured()
        topic = f"Untrusted-{type(self).__name__}"
        producer = await self.securedProducer(topic, KEY, there.otherRoots)
        error = await self.failure(producer, topic, SHORT)
        self.assertIn("certificate", str(error.cause))

    async def test_plainText(self) -> None:
        """
        What comes in plain text is not answered.
        """
        there = await self.secured()
        client = self.client(there.cluster.nameServerAddress)
        producer = Producer(client, self.group)
        await self.failure(producer, "Plain", SHORT)


class Secured4Tests(Secured5Tests):
    """
    Release 4.9.7.
    """

    version = V4
    denied = 1
