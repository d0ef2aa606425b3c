"""
Tests of L{txrocketmq._remoting.reasons}: errors in plain words.
"""

from __future__ import annotations

from OpenSSL import SSL
from service_identity import VerificationError
from twisted.internet import error
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from txrocketmq._remoting.reasons import (
    clipped,
    connectError,
    handshakeError,
    lostError,
)
from txrocketmq.errors import (
    ConnectFailed,
    ConnectionClosed,
    ConnectTimeout,
    Persisted,
    ResolveFailed,
    TLSFailed,
)

ADDRESS = "127.0.0.1:9"


class ConnectErrorTests(SynchronousTestCase):
    """
    Why a connection was not made.
    """

    def test_words(self) -> None:
        """
        Each error becomes one of ours, NO, that names the address and says
        what happened.
        """
        for e, cls, words in (
            (error.ConnectionRefusedError(), ConnectFailed, "nobody listens there"),
            (error.TimeoutError(), ConnectTimeout, "nobody answered"),
            (error.TCPTimedOutError(), ConnectTimeout, "nobody answered"),
            (error.DNSLookupError(), ResolveFailed, "the host name has no address"),
            (error.UnknownHostError(), ResolveFailed, "the host name has no address"),
            (error.NoRouteError(), ConnectFailed, "there is no route"),
            (error.ConnectionLost(), ConnectFailed, "while it was being made"),
            (
                error.ConnectError(24, "Too many open files"),
                ConnectFailed,
                "open files",
            ),
            (ValueError(), ConnectFailed, "cannot connect: ValueError"),
            (VerificationError([]), TLSFailed, "not for this host"),
            (
                SSL.Error([("SSL routines", "", "certificate verify failed")]),
                TLSFailed,
                "TLS: certificate verify failed",
            ),
            (
                SSL.Error([("SSL routines", "", "wrong version number")]),
                TLSFailed,
                "it does not speak TLS",
            ),
            (SSL.Error([]), TLSFailed, "TLS: "),
            (SSL.SysCallError(104, "reset"), TLSFailed, "reset"),
        ):
            got = connectError(ADDRESS, e)
            self.assertIs(type(got), cls, repr(e))
            self.assertEqual((got.address, got.persisted), (ADDRESS, Persisted.NO))
            self.assertTrue(str(got).startswith(ADDRESS + ": "))
            self.assertIn(words, str(got))

    def test_refused(self) -> None:
        """
        The commonest one is a whole sentence.
        """
        self.assertEqual(
            str(connectError(ADDRESS, error.ConnectionRefusedError())),
            "127.0.0.1:9: connection refused: nobody listens there",
        )

    def test_handshake(self) -> None:
        """
        A connection that ends in its handshake is a TLSFailed; one that was
        refused for a reason says the reason.
        """
        for e in (error.ConnectionDone(), error.ConnectionLost()):
            got = handshakeError(ADDRESS, e)
            self.assertIsInstance(got, TLSFailed)
            self.assertIn("does it speak TLS", str(got))
        got = handshakeError(ADDRESS, VerificationError([]))
        self.assertIn("not for this host", str(got))


class LostErrorTests(SynchronousTestCase):
    """
    Why a connection was lost.
    """

    def test_words(self) -> None:
        """
        It says whether the peer closed it or it broke, and keeps what is
        known of the request.
        """
        for e, cls, words in (
            (error.ConnectionDone(), ConnectionClosed, "the peer closed"),
            (error.ConnectionLost("gone"), ConnectionClosed, "was lost"),
            (VerificationError([]), TLSFailed, "not for this host"),
        ):
            for persisted in Persisted:
                got = lostError(ADDRESS, Failure(e), persisted)
                self.assertIs(type(got), cls)
                self.assertIn(words, str(got))
                self.assertIs(got.persisted, persisted)

    def test_clipped(self) -> None:
        """
        Texts of others stay in one line, and short.
        """
        self.assertEqual(clipped("a\r\nb"), "a  b")
        self.assertEqual(len(clipped("x" * 5000)), 256)
