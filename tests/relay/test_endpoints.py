"""
Tests for L{txrocketmq.relay.endpoints}.  S22.
"""

from __future__ import annotations

from twisted.python.usage import UsageError
from twisted.trial.unittest import SynchronousTestCase

from txrocketmq.relay.endpoints import checkGuard, parsePlace


class ParseTests(SynchronousTestCase):
    """
    Reading endpoint strings.
    """

    def test_reach(self) -> None:
        """
        It is known of every place who reaches it.
        """
        for text, reach in (
            ("tcp:8088:interface=127.0.0.1", False),
            ("tcp:0:interface=127.9.9.9:backlog=5", False),
            ("tcp:port=8088:interface=localhost", False),
            (r"tcp6:8088:interface=\:\:1", False),
            ("unix:/relay.sock", False),
            ("unix:address=/relay.sock:mode=660:lockfile=0", False),
            ("systemd:domain=UNIX:index=0", False),
            ("systemd:domain=INET:index=0", None),
            ("systemd:domain=INET6:name=relay", None),
            ("tcp:8088", True),
            ("tcp:8088:interface=", True),
            ("tcp:8088:interface=0.0.0.0", True),
            ("tcp:8088:interface=10.0.0.1", True),
            ("tcp:8088:interface=example.org", True),
            (r"tcp6:8088:interface=\:\:", True),
            ("ssl:8443:privateKey=k.pem", True),
            ("tls:8443:privateKey=k.pem:interface=127.0.0.1", False),
        ):
            place = parsePlace(text, "--listen", "/")
            self.assertIs(place.reach, reach, text)
            self.assertEqual(place.text, text)

    def test_fields(self) -> None:
        """
        Fields have no backslashes any more; what a value has of equals signs stays.
        """
        place = parsePlace(r"ssl:1:privateKey=a\:b=c:interface=\:\:1", "x", "/d")
        expected = {"port": "1", "privateKey": "/d/a:b=c", "interface": "::1"}
        self.assertEqual(place.fields, expected)
        self.assertTrue(place.secure)
        self.assertFalse(place.knowsClients)

    def test_wrong(self) -> None:
        """
        What is no endpoint, or not one of ours, is one line with its origin.
        """
        for text, word in (
            ("", "must begin with tcp,"),
            ("8088", "must begin with"),
            ("stdio:", "must begin with"),
            ("tcp", "has no port"),
            ("tcp:interface=127.0.0.1", "has no port"),
            ("tcp:65536", "has no port from 0 to 65535"),
            ("tcp:-1", "has no port"),
            ("tcp:\u0661", "has no port"),
            ("tcp:1:2", "'2', which is no name=value"),
            ("tcp:1:interfaces=x", "has no interfaces: there are port,"),
            ("tcp:1:backlog=x", "has no backlog"),
            ("ssl:1", "needs privateKey=FILE"),
            ("tls:/etc/certificates", "has no port"),
            ("unix", "has no path"),
            ("unix:/nowhere/at/all", "directory that is not there"),
            ("unix:/" + 110 * "x", "more than 107 bytes"),
            ("unix:/s:mode=rw", "mode"),
            ("unix:/s:lockfile=yes", "lockfile"),
            ("systemd:index=0", "needs a domain"),
            ("systemd:domain=INET7:index=0", "needs a domain"),
            ("systemd:domain=INET", "either an index or a name"),
            ("systemd:domain=INET:index=0:name=x", "either an index or a name"),
        ):
            wrong = str(
                self.assertRaises(UsageError, parsePlace, text, "f: listen", "/")
            )
            self.assertTrue(wrong.startswith(f"f: listen: {text!r} "), wrong)
            self.assertIn(word, wrong)


class GuardTests(SynchronousTestCase):
    """
    Who may come.
    """

    def test_guarded(self) -> None:
        """
        Beyond this machine it takes tokens or client certificates.
        """
        for text, tokens in (
            ("tcp:1:interface=127.0.0.1", False),
            ("unix:/s", False),
            ("systemd:domain=INET:index=0", False),
            ("tcp:1", True),
            ("ssl:1:privateKey=k.pem", True),
            ("ssl:1:privateKey=k.pem:clientCA=c.pem", False),
        ):
            checkGuard(parsePlace(text, "--listen", "/"), tokens)
        for text in ("tcp:1", "ssl:1:privateKey=k.pem"):
            place = parsePlace(text, "--listen", "/")
            wrong = self.assertRaises(UsageError, checkGuard, place, False)
            self.assertIn("can be reached from other machines", str(wrong))
