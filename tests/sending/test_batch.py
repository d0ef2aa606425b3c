"""
Tests of L{txrocketmq._sending.batch}: what saves plain messages their checks is not
seen in what is sent.
"""

from __future__ import annotations

import sys
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

import txrocketmq._sending.batch
import txrocketmq._wire.batches
from tests.sending.costs import FIELDS, Calls, Warm
from tests.sending.test_joining import messages
from tests.sending.test_outgoing import envelopeOf
from tests.support import TestCase
from txrocketmq._sending.batch import assembleBatch
from txrocketmq._wire.command import RemotingCommand
from txrocketmq._wire.frames import encodeFrame
from txrocketmq._wire.records import decodeBatch, decodeProperties
from txrocketmq.errors import InvalidMessage
from txrocketmq.message import Message

PLAIN = st.builds(
    lambda body, tags: Message("T", body, tags=tags),
    st.binary(min_size=1, max_size=40),
    st.sampled_from([None, "T", "100%b", "ü"]),
)
ANY = messages | st.sampled_from(
    [
        Message("U", b"x"),
        Message("T", b"x", delayTimeLevel=1),
        Message("T", b"x", delayTimeLevel=False),
        Message("T", b"x", deliverAfter=1.0),
        Message("T", b"x", deliverAt=1.0),
        Message("T", b"x" * 400),
        Message("T", bytearray(b"x")),  # type: ignore[arg-type]
        "text",
    ]
)

CALLS = 1.0
"""
How many functions a message of a batch of 100 calls, Twisted's among them.
"""


class SameTests(TestCase):
    """
    Both ways, with the same messages.
    """

    def made(self, some: list[Any], namespace: str | None, short: bool) -> object:
        """
        What becomes of a batch.
        """
        if not short:
            self.patch(txrocketmq._sending.batch, "_plainBody", lambda *_: None)
        envelope = envelopeOf(namespace, maxMessageSize=300)
        try:
            made = assembleBatch(envelope, some)
        except InvalidMessage as error:
            return str(error)
        finally:
            self.doCleanups()
        return made.body, made.properties, made.memberIds, made.msgId, made.size

    @given(
        st.lists(PLAIN | ANY, min_size=1, max_size=6),
        st.sampled_from([None, "ns"]),
    )
    @example([Message("T", b"x", tags="%")], None)
    @example([Message("%RETRY%g", b"x")], None)
    @example([Message("a b", b"x")] * 2, None)
    @example([Message("T", b"x" * 290, tags="t")], None)
    def test_same(self, some: list[Any], namespace: str | None) -> None:
        """
        The same is sent, under the same ids, or the same is said of what is wrong.
        """
        short, general = (self.made(some, namespace, way) for way in (True, False))
        self.assertEqual(short, general)

    def test_manyTags(self) -> None:
        """
        Each message has its own tags, and only so many are remembered.
        """
        self.patch(txrocketmq._wire.batches, "MOST_SHELLS", 8)
        envelope = envelopeOf()
        some = [Message("T", b"x", tags=f"t{at}") for at in range(24)]
        records = decodeBatch(assembleBatch(envelope, some).body)
        self.assertEqual(
            [decodeProperties(each.properties)["TAGS"] for each in records],
            [message.tags for message in some],
        )
        self.assertLessEqual(len(envelope.shells), 8)


class CostTests(TestCase):
    """
    What a batch costs.
    """

    def test_calls(self) -> None:
        """
        A message of a batch calls few functions.
        """
        warm = Warm()
        self.addCleanup(warm.stop)
        (protocol,) = warm.protocols
        some = [Message("T0", b"x" * 100, tags="T") for _ in range(100)]
        for _ in range(2):
            calls = Calls()
            with calls.counted():
                sending = warm.producer.sendBatch(some)
            (opaque,) = protocol._waiters.live
            names = {**FIELDS, "msgId": ",".join([FIELDS["msgId"]] * 100)}
            fields = {"queueId": "0", "queueOffset": "7", **names}
            answer = RemotingCommand(0, fields, opaque=opaque, flag=1)
            with calls.counted():
                protocol.dataReceived(encodeFrame(answer))
            results = self.successResultOf(sending)
            self.assertEqual([each.queueOffset for each in results], [*range(7, 107)])
        each = (calls.ours.total() + calls.others.total()) / 100
        sys.stdout.write(f"\n{each:.2f} calls each")
        self.assertLessEqual(each, CALLS, calls.listed(100))
