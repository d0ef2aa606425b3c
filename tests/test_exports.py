"""
The public names: what stands here, people rely on.
"""

from __future__ import annotations

import importlib

from twisted.internet.defer import CancelledError
from twisted.trial.unittest import SynchronousTestCase

from txrocketmq import errors

PUBLIC = {
    "txrocketmq": {
        "Batching",
        "ClientSettings",
        "CommunicationMode",
        "MQClient",
        "Message",
        "MessageQueue",
        "Persisted",
        "Producer",
        "ProducerSettings",
        "RequiredAck",
        "SendResult",
        "SendStatus",
        "SessionCredentials",
        "TLSSettings",
        "WhenFull",
        "errors",
        "selectors",
    },
    "txrocketmq.remoting": {
        "FrameBuffer",
        "LanguageCode",
        "RemotingCommand",
        "RequestCode",
        "ResponseCode",
        "SerializeType",
    },
    "txrocketmq.selectors": {"byFnv1a", "byHash", "byMd5", "byRandom"},
}

#: Each error and what it is a kind of.
ERRORS = {
    "RocketMQError": "Exception",
    "NotRunning": "RocketMQError",
    "InvalidMessage": "RocketMQError",
    "InvalidConfiguration": "RocketMQError",
    "TooManyInFlight": "RocketMQError",
    "SendFailed": "RocketMQError",
    "RouteError": "RocketMQError",
    "NoNameServer": "RouteError",
    "TopicNotFound": "RouteError",
    "NoWritableQueue": "RouteError",
    "RemotingError": "RocketMQError",
    "ConnectFailed": "RemotingError",
    "ConnectTimeout": "ConnectFailed",
    "ResolveFailed": "ConnectFailed",
    "TLSFailed": "ConnectFailed",
    "ConnectionClosed": "RemotingError",
    "RemotingTimeout": "RemotingError",
    "ProtocolError": "RemotingError",
    "BrokerError": "RocketMQError",
    "SystemBusy": "BrokerError",
    "MessageIllegal": "BrokerError",
    "ServiceNotAvailable": "BrokerError",
    "NoPermission": "BrokerError",
    "TopicNotExist": "BrokerError",
    "InvalidParameter": "BrokerError",
    "FlowControl": "BrokerError",
    "GoAway": "BrokerError",
    "WeakAck": "BrokerError",
    "MalformedAnswer": "BrokerError",
    "IllegalOperation": "BrokerError",
    "SpoolError": "RocketMQError",
    "SpoolFull": "SpoolError",
    "SpoolDamaged": "SpoolError",
    "SpoolUnavailable": "SpoolError",
    "SendCancelled": "CancelledError",
}

#: What failures are described with.
DESCRIPTIONS = {"Attempt", "Persisted"}


class ExportTests(SynchronousTestCase):
    """
    The public modules have the public names, no fewer and no more.
    """

    def check(self, module: str) -> None:
        """
        Compare what a module exports with L{PUBLIC}.
        """
        found = importlib.import_module(module)
        self.assertEqual(set(found.__all__), PUBLIC[module])
        for name in PUBLIC[module]:
            self.assertTrue(hasattr(found, name), name)

    def test_package(self) -> None:
        """
        C{txrocketmq} exports what users hold.
        """
        self.check("txrocketmq")

    def test_remoting(self) -> None:
        """
        C{txrocketmq.remoting} exports what hooks and the sandbox hand out.
        """
        self.check("txrocketmq.remoting")

    def test_selectors(self) -> None:
        """
        C{txrocketmq.selectors} exports the ways to choose a queue.
        """
        self.check("txrocketmq.selectors")

    def test_errors(self) -> None:
        """
        C{txrocketmq.errors} exports the errors, and what describes them.
        """
        self.assertEqual(set(errors.__all__), ERRORS.keys() | DESCRIPTIONS)

    def test_errorTree(self) -> None:
        """
        Each error is a kind of what users catch it as.
        """
        for name, kind in ERRORS.items():
            bases = [base.__name__ for base in getattr(errors, name).__bases__]
            self.assertIn(kind, bases, name)

    def test_cancellation(self) -> None:
        """
        A cancelled send is a cancellation for Twisted, and no RocketMQError: what
        retries on those must not retry it.
        """
        self.assertTrue(issubclass(errors.SendCancelled, CancelledError))
        self.assertFalse(issubclass(errors.SendCancelled, errors.RocketMQError))
