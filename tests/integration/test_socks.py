"""
A cluster behind a SOCKS5 proxy, over real sockets.
"""

from __future__ import annotations

from typing import Any

from twisted.internet import reactor as globalReactor
from twisted.internet.endpoints import TCP4ClientEndpoint

from tests.certificates import Authority
from tests.remoting.doubles import REQUEST
from tests.remoting.socksproxy import Proxy
from txrocketmq import Message, MQClient, Producer
from txrocketmq.errors import ConnectFailed
from txrocketmq.sandbox import Sandbox
from txrocketmq.settings import ClientSettings, SocksProxy, TLSSettings

from .test_connections import SocketTestCase

reactor: Any = globalReactor


def inside(name: str, port: int) -> TCP4ClientEndpoint:
    """
    Where all names lead that the proxy is given.
    """
    return TCP4ClientEndpoint(reactor, "127.0.0.1", port)


class SocksTests(SocketTestCase):
    """
    A proxy that wants a password, before servers whose names only it knows.
    """

    async def proxy(self, password: str = "hunter2") -> SocksProxy:
        """
        Start one, and say what to set.
        """
        self.proxying = Proxy(inside, (b"till", b"hunter2"))
        return SocksProxy(await self.listen(self.proxying), "till", password)

    async def test_cluster(self) -> None:
        """
        A send reaches a cluster whose hosts are known to the proxy only.
        """
        sandbox = Sandbox(reactor)
        sandbox.startService()
        self.addCleanup(sandbox.stopService)
        await sandbox.whenReady()
        settings = ClientSettings(
            socks=await self.proxy(),
            addressMap=lambda address: address.replace("127.0.0.1", "b.invalid"),
        )
        client = MQClient(reactor, sandbox.nameServerAddresses, settings)
        producer = Producer(client, "through")
        client.startService()
        self.addCleanup(client.stopService)
        await producer.send(Message("T", b"tea"))
        self.assertEqual([m.body for m in sandbox.messages("T")], [b"tea"])
        self.assertEqual({name for name, _ in self.proxying.asked}, {"b.invalid"})

    async def test_tls(self) -> None:
        """
        TLS is spoken with the server through the proxy, and by the server's name.
        """
        authority = Authority(self.mktemp())
        address = await self.serve(authority.server("broker.invalid"))
        port = address.rpartition(":")[2]
        connection = self.connection(
            f"broker.invalid:{port}",
            socks=await self.proxy(),
            tls=TLSSettings(trustRoots=authority.roots),
        )
        answer = await connection.invoke(REQUEST, 5.0)
        self.assertEqual(answer.body, b"body")
        self.assertEqual(self.proxying.asked, [("broker.invalid", int(port))])

    async def test_wrongPassword(self) -> None:
        """
        A proxy that does not know us says so.
        """
        connection = self.connection("b.invalid:1", socks=await self.proxy("hunter3"))
        e = await self.fails(connection.invoke(REQUEST, 5.0), ConnectFailed)
        self.assertIn("refused the user name or the password", str(e))

    async def test_nobodyThere(self) -> None:
        """
        So does one that finds nobody.
        """
        listener, address = self.raw()
        listener.close()
        name = address.replace("127.0.0.1", "b.invalid")
        connection = self.connection(name, socks=await self.proxy())
        e = await self.fails(connection.invoke(REQUEST, 5.0), ConnectFailed)
        self.assertIn(f"{name}: SOCKS proxy 127.0.0.1:", str(e))
        self.assertIn("nobody listens there", str(e))
