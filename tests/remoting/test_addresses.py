"""
Tests of L{txrocketmq._remoting.addresses}.  F12, F88.
"""

from __future__ import annotations

from ipaddress import ip_address, ip_network

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

import tests.support  # noqa: F401  # settles Hypothesis
from txrocketmq._remoting.addresses import (
    asIP,
    isAllowed,
    parseAddress,
    parseNameServers,
)
from txrocketmq.errors import InvalidConfiguration


class ParseAddressTests(SynchronousTestCase):
    """
    L{parseAddress}.
    """

    def test_good(self) -> None:
        """
        Names, IPv4 addresses and IPv6 addresses in brackets, with a port.
        """
        for text, expected in (
            ("localhost:9876", ("localhost", 9876)),
            ("rocketmq_broker-1.example.com:10911", None),
            ("10.0.0.1:1", ("10.0.0.1", 1)),
            ("[::1]:65535", ("::1", 65535)),
            ("[2001:db8::9]:10911", ("2001:db8::9", 10911)),
            ("[::ffff:10.0.0.1]:80", ("::ffff:10.0.0.1", 80)),
            ("3com:80", ("3com", 80)),
            ("Broker.Example.:80", ("Broker.Example.", 80)),
            ("a" * 63 + ".b:80", ("a" * 63 + ".b", 80)),
        ):
            got = parseAddress(text)
            self.assertEqual(got, expected or (text.rpartition(":")[0], 10911))

    def test_bad(self) -> None:
        """
        Everything else is refused, with the text and the reason.
        """
        for text, why in (
            ("", "no port"),
            ("localhost", "no port"),
            (":9876", "neither"),
            ("localhost:", "port must"),
            ("localhost:0", "port must"),
            ("localhost:65536", "port must"),
            ("localhost:99999999999999999999", "port must"),
            ("localhost:+80", "port must"),
            ("localhost:080", "port must"),
            ("localhost: 80", "port must"),
            ("localhost:80\r\n", "port must"),
            ("localhost:٨٠", "port must"),
            ("local host:80", "neither"),
            ("localhost\r\nX:80", "neither"),
            ("-x:80", "neither"),
            ("unix/path:80", "neither"),
            ("höst:80", "neither"),
            ("::1:80", "brackets"),
            ("[::1:80", "brackets"),
            ("[]:80", "no IPv6"),
            ("[10.0.0.1]:80", "no IPv6"),
            ("[fe80::1%eth0]:80", "no IPv6"),
            ("999.1.1.1:80", "no IPv4"),
            ("1.2.3:80", "no IPv4"),
            ("2130706433:80", "no IPv4"),
            ("a" * 64 + ":80", "neither"),
            ("a." * 127 + ":80", "neither"),
            ("a..b:80", "neither"),
            (".a:80", "neither"),
        ):
            e = self.assertRaises(InvalidConfiguration, parseAddress, text)
            self.assertIn(why, str(e), text)
            self.assertIn(repr(text[:80]), str(e))
            self.assertLess(len(str(e)), 200)

    @given(st.text())
    def test_nothingElseHappens(self, text: str) -> None:
        """
        Whatever the text, it is an address or an L{InvalidConfiguration}.
        """
        try:
            host, port = parseAddress(text)
        except InvalidConfiguration:
            return
        self.assertTrue(host)
        self.assertTrue(0 < port < 65536)
        self.assertNotIn("\n", host)


class ParseNameServersTests(SynchronousTestCase):
    """
    L{parseNameServers}.
    """

    def test_text(self) -> None:
        """
        A text has semicolons between addresses; blanks beside them, empty
        places and repetitions do not matter.
        """
        self.assertEqual(parseNameServers("a:1"), ("a:1",))
        self.assertEqual(parseNameServers(" b:2 ;a:1;;b:2;"), ("b:2", "a:1"))

    def test_sequence(self) -> None:
        """
        A sequence has one in each place.
        """
        self.assertEqual(parseNameServers(["a:1", "[::1]:2"]), ("a:1", "[::1]:2"))

    def test_bad(self) -> None:
        """
        One that is no address is refused, and so are none.
        """
        for servers in ("", ";", [], ("a:1;b",), "a:1;b", ["a:1", "b:x"]):
            self.assertRaises(InvalidConfiguration, parseNameServers, servers)


class AllowedTests(SynchronousTestCase):
    """
    L{isAllowed} and L{asIP}.
    """

    def test_neverAllowed(self) -> None:
        """
        Link-local, unspecified, multicast and broadcast addresses are never
        allowed, in IPv6 clothes neither, though a list names them.
        """
        everything = (ip_network("0.0.0.0/0"), ip_network("::/0"))
        for text in (
            "169.254.169.254",
            "::ffff:169.254.169.254",
            "0.0.0.0",
            "0.1.2.3",
            "224.0.0.1",
            "239.1.1.1",
            "255.255.255.255",
            "::",
            "fe80::1",
            "ff02::1",
        ):
            ip = asIP(text)
            assert ip is not None
            self.assertFalse(isAllowed(ip, ()), text)
            self.assertFalse(isAllowed(ip, everything), text)

    def test_anywhereElse(self) -> None:
        """
        Without a list everything else is allowed; with one, what it names.
        """
        networks = (ip_network("10.0.0.0/8"), ip_network("2001:db8::/32"))
        for text, listed in (
            ("10.1.2.3", True),
            ("::ffff:10.1.2.3", True),
            ("2001:db8::9", True),
            ("127.0.0.1", False),
            ("::1", False),
        ):
            ip = asIP(text)
            assert ip is not None
            self.assertTrue(isAllowed(ip, ()), text)
            self.assertEqual(isAllowed(ip, networks), listed, text)

    def test_asIP(self) -> None:
        """
        A name is no address; an IPv4 address in IPv6 clothes is an IPv4 one.
        """
        self.assertIsNone(asIP("localhost"))
        self.assertEqual(asIP("::ffff:1.2.3.4"), ip_address("1.2.3.4"))
        self.assertEqual(asIP("::1"), ip_address("::1"))
