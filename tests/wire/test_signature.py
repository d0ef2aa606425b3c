"""
Tests of L{txrocketmq._wire.signature}.
"""

from __future__ import annotations

import hmac
from binascii import a2b_base64

from hypothesis import example, given
from hypothesis import strategies as st

from tests.support import TestCase
from txrocketmq._wire.signature import Signer, signed


class SignerTests(TestCase):
    """
    Two ways to sign.
    """

    @given(st.binary(max_size=200), st.lists(st.binary(max_size=300), min_size=1))
    @example(b"", [b""])
    @example(b"k" * 63, [b"a", b"a"])
    @example(b"k" * 64, [b"a", b""])
    @example(b"k" * 65, [b"", b"a"])
    def test_same(self, secret: bytes, contents: list[bytes]) -> None:
        """
        Who signs much signs each as if it were the only one: both are the HMAC, with
        keys of any length.
        """
        signer = Signer(secret)
        for content in contents:
            mark = signer.signed(content)
            self.assertEqual(mark, signed(content, secret))
            self.assertEqual(a2b_base64(mark), hmac.digest(secret, content, "sha1"))
