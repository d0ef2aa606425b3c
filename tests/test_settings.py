"""
Settings are checked when they are made, and shown without their secrets.
"""

from __future__ import annotations

import copy
import math
from functools import partial
from ipaddress import ip_network
from typing import Any

import attrs
from twisted.trial.unittest import SynchronousTestCase

from txrocketmq import errors
from txrocketmq._wire.codes import SerializeType
from txrocketmq.errors import InvalidConfiguration
from txrocketmq.message import RequiredAck, WhenFull
from txrocketmq.selectors import byFnv1a, byHash
from txrocketmq.settings import (
    LATENCY_MAX,
    NOT_AVAILABLE_DURATION,
    SEED_LATENCY_MAX,
    SEED_NOT_AVAILABLE_DURATION,
    Batching,
    ClientSettings,
    ProducerSettings,
    SessionCredentials,
    SocksProxy,
    TLSSettings,
)

MiB = 1024 * 1024

SECONDS = {
    ClientSettings: (
        "pollNameServerInterval",
        "heartbeatBrokerInterval",
        "connectTimeout",
        "requestTimeout",
        "stopTimeout",
    ),
    ProducerSettings: ("sendTimeout", "attemptTimeout"),
}

TEXTS = {
    ClientSettings: (
        "clientIP",
        "instanceName",
        "unitName",
        "namespace",
        "namespaceV2",
    ),
    TLSSettings: ("trustRoots", "certificate", "privateKey", "serverName"),
}

SWITCHES = {
    ClientSettings: ("unitMode", "vipChannelEnabled", "requireTLSWithCredentials"),
    TLSSettings: ("insecureSkipVerify",),
    ProducerSettings: (
        "retryAnotherBrokerWhenNotStoreOK",
        "resendWhenMaybe",
        "sendLatencyFaultEnable",
    ),
}

COUNTS = {
    ProducerSettings: {
        "retryTimesWhenSendFailed": 0,
        "retryTimesWhenSendAsyncFailed": 0,
        "defaultTopicQueueNums": 1,
        "compressMsgBodyOverHowmuch": 1,
        "compressLevel": 0,
        "maxMessageSize": 1,
        "maxInFlightMessages": 1,
        "maxInFlightBytes": 1,
        "maxWaitingMessages": 0,
        "maxWaitingBytes": 0,
        "maxInFlightPerQueue": 0,
    },
    Batching: {"maxMessages": 2, "maxBytes": 1},
}


class Refusing(SynchronousTestCase):
    """
    A test of what is refused.
    """

    def refused(self, settings: Any, **values: object) -> str:
        """
        Make settings that must be refused by name, and give what is said.
        """
        error = self.assertRaises(InvalidConfiguration, settings, **values)
        for name in values:
            self.assertIn(name, str(error))
        self.assertIsInstance(error, errors.RocketMQError)
        self.assertIsInstance(error, ValueError)
        return str(error)


class SettingsTests(Refusing):
    """
    What all records have in common.
    """

    def test_seconds(self) -> None:
        """
        Times are numbers above zero that a clock can count to.
        """
        wrong = (0, -1, 0.0, math.nan, math.inf, 10**400, "3", None, True)
        for settings, names in SECONDS.items():
            for name in names:
                for value in wrong:
                    self.refused(settings, **{name: value})
                made = settings(**{name: 0.001})
                self.assertEqual(getattr(made, name), 0.001)

    def test_counts(self) -> None:
        """
        Counts are whole numbers from their least.
        """
        for settings, names in COUNTS.items():
            for name, least in names.items():
                for value in (least - 1, -1, 1.5, "4", None, True):
                    text = self.refused(settings, **{name: value})
                    self.assertIn(f"from {least}", text)
                self.assertEqual(getattr(settings(**{name: least}), name), least)

    def test_texts(self) -> None:
        """
        Texts have something in them, or are not there.
        """
        for settings, names in TEXTS.items():
            for name in names:
                for value in ("", " ", 1, b"x"):
                    self.refused(settings, **{name: value})
                self.assertEqual(getattr(settings(**{name: "x"}), name), "x")
                self.assertIsNone(getattr(settings(**{name: None}), name))

    def test_switches(self) -> None:
        """
        Switches are on or off, not more or less.
        """
        for settings, names in SWITCHES.items():
            for name in names:
                for value in (1, 0, "yes", None):
                    self.refused(settings, **{name: value})

    def test_frozen(self) -> None:
        """
        Settings are values: they do not change, are given by name and compared.
        """
        for settings in (ClientSettings, ProducerSettings, TLSSettings, Batching):
            make: Any = settings
            made = make()
            for field in attrs.fields(settings):
                self.assertRaises(
                    attrs.exceptions.FrozenInstanceError, setattr, made, field.name, 1
                )
            self.assertRaises(TypeError, make, 1)
            self.assertEqual(made, make())

    def test_documented(self) -> None:
        """
        Each setting has its line in the documentation.
        """
        for settings in (
            ClientSettings,
            ProducerSettings,
            TLSSettings,
            Batching,
            SessionCredentials,
            SocksProxy,
        ):
            for field in attrs.fields(settings):
                self.assertIn(f"@ivar {field.name}:", settings.__doc__ or "")


class ClientSettingsTests(Refusing):
    """
    A client's settings.
    """

    def test_defaults(self) -> None:
        """
        A client works without any setting.
        """
        settings = ClientSettings()
        self.assertEqual(settings.pollNameServerInterval, 30)
        self.assertEqual(settings.heartbeatBrokerInterval, 30)
        self.assertEqual((settings.connectTimeout, settings.requestTimeout), (3, 3))
        self.assertEqual(settings.stopTimeout, 10)
        self.assertIs(settings.serializeType, SerializeType.JSON)
        self.assertFalse(settings.vipChannelEnabled or settings.unitMode)
        self.assertIsNone(settings.tls)
        self.assertIsNone(settings.credentials)
        self.assertEqual(settings.addressMap, {})

    def test_types(self) -> None:
        """
        What has a type of its own must have it.
        """
        for name in ("serializeType", "tls", "endpointFactory", "addressMap", "socks"):
            self.refused(ClientSettings, **{name: "JSON"})
        self.refused(ClientSettings, addressMap=None)

    def test_addressMap(self) -> None:
        """
        Addresses are mapped by a mapping or a callable.
        """
        for value in ({"a:1": "b:1"}, str.upper):
            made: Any = ClientSettings(addressMap=value)
            self.assertEqual(made.addressMap, value)

    def test_allowedAddresses(self) -> None:
        """
        Networks are networks, and a copy of them is kept.
        """
        networks = [ip_network("10.0.0.0/8"), ip_network("fd00::/8")]
        settings = ClientSettings(allowedAddresses=networks)
        networks.clear()
        self.assertEqual(len(settings.allowedAddresses), 2)
        for value in ("10.0.0.0/8", ["10.0.0.0/8"], None, 7):
            self.refused(ClientSettings, allowedAddresses=value)

    def test_credentials(self) -> None:
        """
        Credentials are credentials or something that gives them; whatever else it
        is, it is not shown.
        """
        credentials = SessionCredentials("ak", "sk")
        for value in (None, credentials, lambda: credentials):
            self.assertIs(ClientSettings(credentials=value).credentials, value)
        text = self.refused(ClientSettings, credentials="hunter2")
        self.assertNotIn("hunter2", text)

    def test_requireTLS(self) -> None:
        """
        Signing without TLS can be ruled out.
        """
        credentials = SessionCredentials("ak", "sk")
        self.refused(
            ClientSettings, requireTLSWithCredentials=True, credentials=credentials
        )
        ClientSettings(requireTLSWithCredentials=True)
        ClientSettings(
            requireTLSWithCredentials=True, credentials=credentials, tls=TLSSettings()
        )

    def test_shown(self) -> None:
        """
        No form of the settings shows a secret, however it is given.
        """
        for credentials in (
            SessionCredentials("ak", "hunter2", "hunter2"),
            partial(SessionCredentials, "ak", "hunter2"),
        ):
            settings = ClientSettings(credentials=credentials)
            for text in (repr(settings), str(settings), f"{settings}", f"{settings!r}"):
                self.assertNotIn("hunter2", text)


class CredentialsTests(SynchronousTestCase):
    """
    Credentials keep their secret.
    """

    def test_positional(self) -> None:
        """
        They are given in their natural order.
        """
        credentials = SessionCredentials("ak", "sk", "token")
        self.assertEqual(
            (credentials.accessKey, credentials.secretKey, credentials.securityToken),
            ("ak", "sk", "token"),
        )
        self.assertIsNone(SessionCredentials("ak", "sk").securityToken)

    def test_shown(self) -> None:
        """
        Only the account's name is shown.
        """
        credentials = SessionCredentials("ak", "hunter2", "hunter3")
        self.assertEqual(repr(credentials), "SessionCredentials(accessKey='ak')")
        for text in (str(credentials), f"{credentials}", f"{credentials!r:>9}"):
            self.assertEqual(text, repr(credentials))

    def test_serialised(self) -> None:
        """
        They cannot be written anywhere by accident.
        """
        self.assertRaises(TypeError, copy.copy, SessionCredentials("ak", "sk"))

    def test_refused(self) -> None:
        """
        None of the two may be missing, and a wrong secret is not shown either.
        """
        make: Any = SessionCredentials
        for value in (None, "", " ", b"hunter2", ["hunter2"]):
            self.assertRaises(InvalidConfiguration, make, value, "sk")
            error = self.assertRaises(InvalidConfiguration, make, "ak", value)
            self.assertNotIn("hunter2", str(error))
        error = self.assertRaises(InvalidConfiguration, make, "ak", "sk", b"hunter2")
        self.assertNotIn("hunter2", str(error))


class SocksProxyTests(SynchronousTestCase):
    """
    A proxy keeps its password.
    """

    def refused(self, *values: Any) -> str:
        """
        What is said of a proxy that cannot be.
        """
        return str(self.assertRaises(InvalidConfiguration, SocksProxy, *values))

    def test_address(self) -> None:
        """
        It is somewhere.
        """
        for value in ("", "proxy", ":1", "p:", "p:0", "p:65536", "p:x", None, 1080):
            self.assertIn("address", self.refused(value))
        for value in ("proxy:1080", "10.0.0.1:1", "[::1]:65535"):
            self.assertEqual(SocksProxy(value).address, value)

    def test_user(self) -> None:
        """
        A user has a password; both fit into what the protocol has room for.
        """
        for value in ("", "x" * 256, "\udc00", 7, b"u"):
            self.assertIn("username", self.refused("p:1", value, "x"))
            self.assertIn("password", self.refused("p:1", "x", value))
        self.refused("p:1", "u")
        self.refused("p:1", None, "p")
        self.assertEqual(SocksProxy("p:1", "u", "x" * 255).username, "u")

    def test_shown(self) -> None:
        """
        The password is shown nowhere, not even a wrong one.
        """
        text = repr(ClientSettings(socks=SocksProxy("p:1", "till", "hunter2")))
        self.assertIn("till", text)
        self.assertNotIn("hunter2", text)
        self.assertNotIn("hunter2", self.refused("p:1", "u", b"hunter2"))
        self.assertNotIn("hunter2", self.refused("p:1", None, "hunter2"))


class ProducerSettingsTests(Refusing):
    """
    A producer's settings.
    """

    def test_defaults(self) -> None:
        """
        A producer works without any setting, as Java's does where they agree.
        """
        settings = ProducerSettings()
        self.assertEqual(settings.retryTimesWhenSendFailed, 2)
        self.assertEqual(settings.retryTimesWhenSendAsyncFailed, 2)
        self.assertFalse(settings.retryAnotherBrokerWhenNotStoreOK)
        self.assertEqual((settings.sendTimeout, settings.attemptTimeout), (10, 3))
        self.assertIs(settings.requiredAck, RequiredAck.STORED)
        self.assertTrue(settings.resendWhenMaybe)
        self.assertEqual(settings.createTopicKey, "TBW102")
        self.assertEqual(settings.defaultTopicQueueNums, 4)
        self.assertEqual(settings.compressMsgBodyOverHowmuch, 4096)
        self.assertEqual((settings.compressType, settings.compressLevel), ("ZLIB", 5))
        self.assertEqual(settings.maxMessageSize, 4 * MiB)
        self.assertEqual(settings.maxInFlightMessages, 100_000)
        self.assertEqual(settings.maxInFlightBytes, 64 * MiB)
        self.assertEqual(settings.maxWaitingMessages, 100_000)
        self.assertEqual(settings.maxWaitingBytes, 64 * MiB)
        self.assertIs(settings.whenFull, WhenFull.WAIT)
        self.assertEqual(settings.maxInFlightPerQueue, 0)
        self.assertIs(settings.shardingSelector, byHash)
        self.assertEqual(settings.topics, ())

    def test_retryCodes(self) -> None:
        """
        The codes Java's rules retry are those of Java's producer.
        """
        self.assertEqual(
            ProducerSettings().retryResponseCodes, {1, 2, 14, 16, 17, 204, 205, 1500}
        )
        made = ProducerSettings(retryResponseCodes=[2, 2])
        self.assertEqual(made.retryResponseCodes, {2})
        for value in (2, ["2"], None, "2"):
            self.refused(ProducerSettings, retryResponseCodes=value)

    def test_types(self) -> None:
        """
        What has a type of its own must have it.
        """
        for name in ("requiredAck", "whenFull", "shardingSelector"):
            self.refused(ProducerSettings, **{name: "stored"})
            self.refused(ProducerSettings, **{name: None})
        made = ProducerSettings(shardingSelector=byFnv1a)
        self.assertIs(made.shardingSelector, byFnv1a)

    def test_compressType(self) -> None:
        """
        There are three kinds of compression.
        """
        for name in ("ZLIB", "LZ4", "ZSTD"):
            self.assertEqual(ProducerSettings(compressType=name).compressType, name)
        for value in ("zip", "zlib", "", None, 3):
            self.refused(ProducerSettings, compressType=value)

    def test_latencyTables(self) -> None:
        """
        Java's tables of today are there, and off; the older ones have a name.
        """
        settings = ProducerSettings()
        self.assertFalse(settings.sendLatencyFaultEnable)
        self.assertEqual(settings.latencyMax, LATENCY_MAX)
        self.assertEqual(settings.notAvailableDuration, NOT_AVAILABLE_DURATION)
        self.assertEqual(LATENCY_MAX, (50, 100, 550, 1800, 3000, 5000, 15000))
        self.assertEqual(NOT_AVAILABLE_DURATION, (0, 0, 2000, 5000, 6000, 10000, 30000))
        self.assertEqual(SEED_LATENCY_MAX, (50, 100, 550, 1000, 2000, 3000, 15000))
        self.assertEqual(
            SEED_NOT_AVAILABLE_DURATION, (0, 0, 30000, 60000, 120000, 180000, 600000)
        )

    def test_latencyTablesRefused(self) -> None:
        """
        Tables are whole milliseconds in order, and one as long as the other.
        """
        for value in ((), 50, "50", (50, -1), (1.5,), (True,), (2, 1), None, ("1",)):
            for name in ("latencyMax", "notAvailableDuration"):
                self.refused(ProducerSettings, **{name: value})
        self.refused(ProducerSettings, latencyMax=(5, 5))
        self.refused(ProducerSettings, latencyMax=(1, 2), notAvailableDuration=(1,))
        self.refused(ProducerSettings, latencyMax=(1, 2))
        lists = ProducerSettings(latencyMax=[1, 2], notAvailableDuration=[0, 0])
        self.assertEqual(lists.latencyMax, (1, 2))
        self.assertEqual(lists.notAvailableDuration, (0, 0))

    def test_createTopicKey(self) -> None:
        """
        There is a topic that others are made from.
        """
        for value in ("", " ", None, 1):
            self.refused(ProducerSettings, createTopicKey=value)

    def test_topics(self) -> None:
        """
        Topics are several names, and a copy of them is kept.
        """
        topics = ["a", "b"]
        settings = ProducerSettings(topics=topics)
        topics.append("c")
        self.assertEqual(settings.topics, ("a", "b"))
        for value in ("Orders", [1], None):
            self.refused(ProducerSettings, topics=value)
