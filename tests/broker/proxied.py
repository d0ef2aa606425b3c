"""
A cluster whose broker is also a proxy: what speaks gRPC sends there.

Broker and proxy are one process, as the release's "local mode" has it: a message
that comes by gRPC is stored without a further connection.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from . import configuration
from .cluster import Cluster
from .ports import freePort
from .servers import Server


class ProxiedCluster(Cluster):
    """
    One name server and one broker, which is sent to by remoting and by gRPC.

    @ivar grpcAddress: Where clients that speak gRPC send.
    """

    def __init__(
        self,
        version: str,
        *,
        overrides: Mapping[str, str] | None = None,
        flags: Sequence[str] = (),
    ) -> None:
        """
        @param flags: For the broker's JVM, after the tests' own; later ones win.
        """
        self._flags = tuple(flags)
        self._grpcPort = freePort()
        self.grpcAddress = f"127.0.0.1:{self._grpcPort}"
        super().__init__(version, overrides=overrides)

    def _configureBroker(self, server: Server, flags: Sequence[str]) -> None:
        """
        Start it together with its proxy.
        """
        settings = configuration.proxySettings(
            self.nameServerAddress, self._grpcPort, freePort()
        )
        proxyFile = server.settingsFile.parent / "proxy.json"
        proxyFile.write_text(json.dumps(settings))
        arguments = (
            *("-pm", "local", "-pc", str(proxyFile)),
            *("-bc", str(server.settingsFile), "-n", self.nameServerAddress),
        )
        server.configure(
            self.version, configuration.PROXY, (*flags, *self._flags), arguments
        )
