"""
Tests of half messages.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, fail

from txrocketmq._wire.bodies import (
    HeartbeatData,
    ProducerData,
    encodeHeartbeatData,
)
from txrocketmq._wire.codes import RequestCode, ResponseCode, SysFlag
from txrocketmq._wire.command import RemotingCommand
from txrocketmq._wire.ids import decodeOffsetId
from txrocketmq._wire.records import decodeStoredMessages
from txrocketmq.errors import ConnectionClosed

from .support import BrokerTestCase, Client

COMMIT = int(SysFlag.TRANSACTION_COMMIT)
ROLLBACK = int(SysFlag.TRANSACTION_ROLLBACK)
HALF = "RMQ_SYS_TRANS_HALF_TOPIC"


class Unreachable(Client):
    """
    A client that cannot be told anything.
    """

    def oneway(self, command: RemotingCommand) -> Deferred[None]:
        """
        Fail.
        """
        super().oneway(command)
        return fail(ConnectionClosed(self.address, "gone"))


class TransactionTestCase(BrokerTestCase):
    """
    A topic to send half messages to.
    """

    def setUp(self) -> None:
        """
        Make the topic.
        """
        super().setUp()
        self.topic("T")

    def half(self, uniqueId: str = "K", **properties: str) -> RemotingCommand:
        """
        Send a half message.
        """
        given = {"TRAN_MSG": "true", "PGROUP": "pg", "UNIQ_KEY": uniqueId}
        return self.send("T", b"half", given | properties, sysFlag=4, queueId=2)

    def end(self, sent: dict[str, Any], how: int, **fields: Any) -> Any:
        """
        End it.
        """
        place = decodeOffsetId(sent["msgId"])[2] if "msgId" in sent else 0
        known = {
            "producerGroup": "pg",
            "tranStateTableOffset": sent.get("queueOffset", 0),
            "commitLogOffset": place,
            "commitOrRollback": how,
            "fromTransactionCheck": "false",
            "msgId": "K",
        }
        given = {name: str(value) for name, value in (known | fields).items()}
        command = RemotingCommand(RequestCode.END_TRANSACTION, given)
        return self.broker.respond(command, self.client)


class EndTests(TransactionTestCase):
    """
    How a transaction ends.
    """

    def test_invisible(self) -> None:
        """
        A half message is answered as any other, and nobody sees it.
        """
        answer = self.half()
        self.assertEqual(answer.code, 0)
        self.assertEqual(answer.extFields["queueId"], "2")
        self.assertEqual(answer.extFields["transactionId"], "K")
        self.assertEqual(self.stored("T"), [])
        (half,) = self.stored(HALF)
        self.assertEqual(half.sysFlag & SysFlag.TRANSACTION_MASK, 0)
        self.assertEqual(half.properties["REAL_TOPIC"], "T")
        self.assertEqual(half.properties["REAL_QID"], "2")
        self.assertEqual(half.properties["__transactionId__"], "K")

    def test_commit(self) -> None:
        """
        A committed message is stored where it was sent to.
        """
        sent = self.half().extFields
        answer = self.end(sent, COMMIT)
        self.assertEqual((answer.code, answer.remark), (0, None))
        (message,) = self.stored("T")
        self.assertEqual(message.body, b"half")
        self.assertEqual(message.queueId, 2)
        self.assertEqual(message.sysFlag, COMMIT)
        self.assertEqual(
            message.preparedTransactionOffset, decodeOffsetId(sent["msgId"])[2]
        )
        for name in ("TRAN_MSG", "PGROUP", "REAL_TOPIC", "REAL_QID"):
            self.assertIn(name, message.properties)

    def test_rollback(self) -> None:
        """
        A message that is rolled back is never seen.
        """
        sent = self.half().extFields
        answer = self.end(sent, ROLLBACK)
        self.assertEqual((answer.code, answer.remark), (0, "not set any response code"))
        self.clock.advance(100)
        self.assertEqual(self.stored("T"), [])

    def test_unknown(self) -> None:
        """
        What is still unknown is neither ended nor answered.
        """
        sent = self.half().extFields
        self.assertIsNone(self.end(sent, 0))
        self.assertEqual(self.end(sent, COMMIT).code, 0)

    def test_once(self) -> None:
        """
        A transaction ends once.
        """
        sent = self.half().extFields
        self.end(sent, COMMIT)
        answer = self.end(sent, ROLLBACK)
        self.assertEqual(answer.code, ResponseCode.SYSTEM_ERROR)
        self.assertEqual(answer.remark, "Find prepared transaction message failed")
        self.assertEqual(len(self.stored("T")), 1)

    def test_somebodyElses(self) -> None:
        """
        An end must name the group and the place of the half message.
        """
        sent = self.half().extFields
        for fields, remark in (
            ({"producerGroup": "other"}, "The producer group wrong"),
            ({"tranStateTableOffset": 9}, "The transaction state table offset wrong"),
        ):
            answer = self.end(sent, COMMIT, **fields)
            self.assertEqual((answer.code, answer.remark), (1, remark))
        self.assertEqual(self.stored("T"), [])

    def test_delayed(self) -> None:
        """
        A committed message may have to wait for its time.
        """
        self.end(self.half(DELAY="1").extFields, COMMIT)
        self.assertEqual(self.stored("T"), [])
        self.clock.advance(1)
        self.assertEqual(self.stored("T")[0].sysFlag, COMMIT)

    def test_rejected(self) -> None:
        """
        A broker may take none.
        """
        self.makeBroker(rejectTransactionMessage=True)
        self.topic("T")
        answer = self.half()
        self.assertEqual(
            (answer.code, answer.remark),
            (16, "the broker[127.0.0.1] sending transaction message is forbidden"),
        )

    def test_oldClientsRetries(self) -> None:
        """
        A delayed retry of what once was a half message is none.
        """
        properties = {"TRAN_MSG": "true", "DELAY": "1"}
        self.send("T", properties=properties, reconsumeTimes=1)
        self.assertEqual(self.stored(HALF), [])


class CheckTests(TransactionTestCase):
    """
    Half messages nobody ended.
    """

    def beat(self, client: Client, group: str = "pg") -> None:
        """
        Make a producer known.
        """
        data = HeartbeatData("c1", (ProducerData(group),))
        self.ask(RequestCode.HEART_BEAT, body=encodeHeartbeatData(data), client=client)

    def test_asked(self) -> None:
        """
        The group is asked, with all it needs to answer.
        """
        self.beat(self.client)
        sent = self.half().extFields
        self.clock.advance(30)
        (question,) = self.client.told
        self.assertEqual(question.code, RequestCode.CHECK_TRANSACTION_STATE)
        self.assertTrue(question.isOneway)
        fields = question.extFields
        self.assertEqual(fields["topic"], HALF)
        self.assertEqual(fields["msgId"], "K")
        self.assertEqual(fields["transactionId"], "K")
        self.assertEqual(fields["bname"], "broker-a")
        place = int(fields["commitLogOffset"])
        self.assertEqual(decodeOffsetId(fields["offsetMsgId"])[2], place)
        self.assertNotEqual(place, decodeOffsetId(sent["msgId"])[2])
        (message,) = decodeStoredMessages(question.body)
        self.assertEqual((message.topic, message.queueId), ("T", 2))
        self.assertEqual(message.properties["TRANSACTION_CHECK_TIMES"], "1")
        self.assertEqual(message.properties["WAIT"], "false")
        answer = self.end(
            {},
            COMMIT,
            commitLogOffset=place,
            tranStateTableOffset=fields["tranStateTableOffset"],
            fromTransactionCheck="true",
        )
        self.assertEqual(answer.code, 0)
        (stored,) = self.stored("T")
        self.assertEqual(stored.bornTimestamp, message.bornTimestamp)

    def test_notTooEarly(self) -> None:
        """
        A half message that is not old enough waits for the next round.
        """
        self.beat(self.client)
        self.half("A")
        self.clock.advance(25)
        self.send(
            "T",
            properties={"TRAN_MSG": "true", "PGROUP": "pg", "UNIQ_KEY": "B"},
            bornTimestamp=int(self.clock.seconds() * 1000),
        )
        self.clock.advance(5)
        self.assertEqual([c.extFields["msgId"] for c in self.client.told], ["A"])
        self.clock.advance(30)
        self.assertEqual(
            sorted(c.extFields["msgId"] for c in self.client.told), ["A", "A", "B"]
        )

    def test_givenUp(self) -> None:
        """
        It is asked about so many times, and then put aside.
        """
        self.makeBroker(
            transactionTimeOut=1.0, transactionCheckInterval=2.0, transactionCheckMax=2
        )
        self.topic("T")
        self.beat(self.client)
        self.half()
        self.clock.pump([2.0] * 5)
        self.assertEqual(len(self.client.told), 2)
        self.assertEqual(len(self.stored("TRANS_CHECK_MAX_TIME_TOPIC")), 1)

    def test_nobodyThere(self) -> None:
        """
        Without a member of the group, or with one that is gone, it is asked
        about later.
        """
        self.beat(self.client, "another group")
        self.half()
        self.clock.advance(30)
        self.assertEqual(self.client.told, [])
        gone = Unreachable("127.0.0.1:2")
        self.beat(gone)
        self.clock.advance(30)
        self.assertEqual(len(gone.told), 1)
        gone.abort()
        self.beat(self.client)
        self.clock.advance(30)
        self.assertEqual(len(self.client.told), 1)

    def test_immunity(self) -> None:
        """
        A message may ask not to be asked about so soon; its producer must not
        come later than that.
        """
        self.beat(self.client)
        sent = self.half(CHECK_IMMUNITY_TIME_IN_SECONDS="40").extFields
        self.clock.advance(30)
        self.assertEqual(self.client.told, [])
        self.clock.advance(15)
        answer = self.end(sent, COMMIT)
        self.assertEqual(answer.code, ResponseCode.ILLEGAL_OPERATION)
        self.clock.advance(15)
        self.assertEqual(len(self.client.told), 1)
        fields = self.client.told[0].extFields
        place = {n: fields[n] for n in ("commitLogOffset", "tranStateTableOffset")}
        answer = self.end({}, COMMIT, fromTransactionCheck="true", **place)
        self.assertEqual(answer.code, 0)

    def test_nothingToAsk(self) -> None:
        """
        Without half messages nothing is scheduled.
        """
        sent = self.half().extFields
        self.end(sent, ROLLBACK)
        self.clock.advance(30)
        self.assertEqual(self.clock.getDelayedCalls(), [])
