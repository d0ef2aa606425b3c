"""
The cluster the relay sends to: somebody's, or one in this process.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import attrs
from twisted.internet.defer import Deferred
from zope.interface import implementer

from txrocketmq import MQClient, SessionCredentials
from txrocketmq.interfaces import INameServers
from txrocketmq.relay.configuration import Configuration
from txrocketmq.relay.material import Material
from txrocketmq.sandbox import Sandbox


@implementer(INameServers)
class SandboxNameServers:
    """
    The name servers of a sandbox, whose ports are known when it is ready.
    """

    def __init__(self, sandbox: Sandbox) -> None:
        """
        @param sandbox: Whose they are.
        """
        self._sandbox = sandbox

    def addresses(self) -> Deferred[Sequence[str]]:
        """
        Where they are.
        """
        ready = self._sandbox.whenReady()
        return ready.addCallback(lambda sandbox: sandbox.nameServerAddresses)


class Keys:
    """
    The credentials of now.
    """

    def __init__(self, credentials: SessionCredentials) -> None:
        self.credentials = credentials

    def __call__(self) -> SessionCredentials:
        """
        What the next request is signed with.
        """
        return self.credentials


def sandboxOf(reactor: Any, configuration: Configuration) -> Sandbox | None:
    """
    The sandbox, if there is to be one.
    """
    if not configuration.sandbox:
        return None
    # The reactor's time is not that of day: see keepSteadyTime.
    return Sandbox(reactor, wallClock=time.time)


def keysOf(material: Material) -> Keys | None:
    """
    What signs requests, if they are to be signed.
    """
    credentials = material.settings.credentials
    return Keys(credentials) if isinstance(credentials, SessionCredentials) else None


def clientOf(
    reactor: Any,
    configuration: Configuration,
    material: Material,
    sandbox: Sandbox | None,
    keys: Keys | None,
) -> MQClient:
    """
    The client, whose credentials may be exchanged.

    @raise InvalidConfiguration: When a file has changed since it was checked.
    """
    settings = attrs.evolve(material.settings, credentials=keys)
    if sandbox is not None:
        return MQClient(reactor, SandboxNameServers(sandbox), settings)
    return MQClient(reactor, configuration.nameServer or (), settings)
