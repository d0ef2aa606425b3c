"""
A TLS server that does with its connections what Python's own libraries cannot be
told to do: new keys, new tickets, another handshake.  It is OpenSSL itself.
"""

from __future__ import annotations

import ctypes
import ctypes.util
from collections.abc import Callable
from typing import Any

from twisted.internet.protocol import Protocol

from txrocketmq._wire.frames import FrameBuffer, encodeFrame

TOTAL_RENEGOTIATIONS = 12
MAX_PROTOCOL = 124
TLS_1_2, TLS_1_3 = 0x0303, 0x0304
PEM = 1
KEY_UPDATE_REQUESTED = 1
MOST = 1 << 20


def library() -> Any:
    """
    OpenSSL's library, or L{None} where there is none, or an old one.
    """
    name = ctypes.util.find_library("ssl")
    if name is None:
        return None
    found = ctypes.CDLL(name)
    if not hasattr(found, "SSL_new_session_ticket"):
        return None
    for each in ("TLS_server_method", "SSL_CTX_new", "SSL_new", "BIO_new", "BIO_s_mem"):
        getattr(found, each).restype = ctypes.c_void_p
    return found


class OpenSSLServer(Protocol):
    """
    Answers every request, over TLS.

    @ivar heard: How many requests came.
    """

    def __init__(self, certificate: str, key: str, version: int) -> None:
        """
        @param certificate: The path of a PEM file.

        @param version: The newest version it speaks.
        """
        self._lib = lib = library()
        context = ctypes.c_void_p(lib.SSL_CTX_new(ctypes.c_void_p(_method(lib))))
        lib.SSL_CTX_ctrl(context, MAX_PROTOCOL, ctypes.c_long(version), None)
        assert lib.SSL_CTX_use_certificate_file(context, certificate.encode(), PEM) == 1
        assert lib.SSL_CTX_use_PrivateKey_file(context, key.encode(), PEM) == 1
        self._ssl = ctypes.c_void_p(lib.SSL_new(context))
        self._in, self._out = (
            ctypes.c_void_p(lib.BIO_new(ctypes.c_void_p(lib.BIO_s_mem())))
            for _ in range(2)
        )
        lib.SSL_set_bio(self._ssl, self._in, self._out)
        lib.SSL_set_accept_state(self._ssl)
        self._frames = FrameBuffer()
        self._space = ctypes.create_string_buffer(MOST)
        self.heard = 0

    def dataReceived(self, data: bytes) -> None:
        """
        Go on.
        """
        self._lib.BIO_write(self._in, data, len(data))
        while (count := self._lib.SSL_read(self._ssl, self._space, MOST)) > 0:
            for command in self._frames.feed(self._space.raw[:count]):
                self.heard += 1
                self._answer(encodeFrame(command.response(remark="secret")))
        self._flush()

    def newKeys(self) -> None:
        """
        Take other keys, and ask the other side to.
        """
        assert self._lib.SSL_key_update(self._ssl, KEY_UPDATE_REQUESTED) == 1
        assert self._lib.SSL_do_handshake(self._ssl) == 1
        self._flush()

    def newTicket(self) -> None:
        """
        Give the other side another ticket.
        """
        assert self._lib.SSL_new_session_ticket(self._ssl) == 1
        self._lib.SSL_do_handshake(self._ssl)
        self._flush()

    def handshakeAgain(self) -> None:
        """
        Ask the other side for another handshake.
        """
        assert self._lib.SSL_renegotiate(self._ssl) == 1
        self._lib.SSL_do_handshake(self._ssl)
        self._flush()

    @property
    def handshakes(self) -> int:
        """
        How often there was another handshake.
        """
        return int(self._lib.SSL_ctrl(self._ssl, TOTAL_RENEGOTIATIONS, 0, None))

    def _answer(self, frame: bytes) -> None:
        """
        Write an answer.
        """
        assert self._lib.SSL_write(self._ssl, frame, len(frame)) == len(frame)

    def _flush(self) -> None:
        """
        Give what there is to the transport.
        """
        while (count := self._lib.BIO_read(self._out, self._space, MOST)) > 0:
            assert self.transport is not None
            self.transport.write(self._space.raw[:count])


def _method(lib: Any) -> int:
    """
    How servers do it.
    """
    make: Callable[[], int] = lib.TLS_server_method
    return make()
