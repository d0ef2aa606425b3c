"""
Tests of L{txrocketmq._wire.sendframes}.
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.support import TestCase
from txrocketmq._wire.codes import RequestCode
from txrocketmq._wire.command import RemotingCommand
from txrocketmq._wire.frames import MAX_FRAME, encodeFrame
from txrocketmq._wire.malformed import MalformedFrame
from txrocketmq._wire.sendframes import SendFrames
from txrocketmq._wire.sendheaders import SendMessageRequestHeader

CODE = int(RequestCode.SEND_MESSAGE_V2)
TEXTS = st.text(st.characters(codec="utf-8"))
NAMES = st.text(st.characters(codec="utf-8", exclude_categories=["Co"]))
INT32 = st.integers(-(2**31), 2**31 - 1)


def fieldsOf(
    group: str,
    topic: str,
    queueId: int = 0,
    born: int = 0,
    properties: str = "",
    broker: str = "",
) -> dict[str, str]:
    """
    The C{extFields} of a send.
    """
    return SendMessageRequestHeader(
        producerGroup=group,
        topic=topic,
        defaultTopic="TBW102",
        defaultTopicQueueNums=4,
        queueId=queueId,
        sysFlag=0,
        bornTimestamp=born,
        flag=0,
        properties=properties,
        reconsumeTimes=0,
        unitMode=False,
        batch=False,
        brokerName=broker,
    ).toV2ExtFields()


class SendFramesTests(TestCase):
    """
    Frames that are written by a header with holes.
    """

    @given(NAMES, NAMES, INT32, st.integers(0, 2**63), TEXTS, TEXTS, INT32, st.binary())
    def test_sameBytes(
        self,
        group: str,
        topic: str,
        queueId: int,
        born: int,
        properties: str,
        broker: str,
        opaque: int,
        body: bytes,
    ) -> None:
        """
        They are what is written of a command, whatever the texts contain.
        """
        frames = SendFrames(CODE, fieldsOf(group, topic))
        fields = fieldsOf(group, topic, queueId, born, properties, broker)
        self.assertEqual(
            frames.frame(opaque, queueId, born, properties, broker, body),
            encodeFrame(RemotingCommand(CODE, fields, body, opaque=opaque)),
        )

    def test_trickyTexts(self) -> None:
        """
        What looks like a hole, a key or a format is none.
        """
        for topic in ("%RETRY%d", '"opaque":0,', "%b", "\ue001x"):
            frames = SendFrames(CODE, fieldsOf("g", topic))
            self.assertEqual(
                frames.frame(1, 2, 3, '"opaque":0,%d', "b", b"x"),
                encodeFrame(
                    RemotingCommand(
                        CODE,
                        fieldsOf("g", topic, 2, 3, '"opaque":0,%d', "b"),
                        b"x",
                        opaque=1,
                    )
                ),
            )

    def test_ambiguous(self) -> None:
        """
        A text that is a hole itself is refused, not written wrongly.
        """
        for topic in ("\ue001", "\ue002", "\ue003", "\ue004"):
            with self.assertRaises(ValueError):
                SendFrames(CODE, fieldsOf("g", topic))

    def test_limits(self) -> None:
        """
        What no frame can hold is refused as always.
        """
        frames = SendFrames(CODE, fieldsOf("g", "t"))
        with self.assertRaises(MalformedFrame):
            frames.frame(1, 2, 3, "p", "b", bytes(MAX_FRAME))
        with self.assertRaises(ValueError):
            frames.frame(1, 2, 3, "\ud800", "b", b"")
