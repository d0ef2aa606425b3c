"""
The sandbox answers Apache's clients as Apache's servers did.
"""

from __future__ import annotations

import re

from twisted.trial.unittest import SynchronousTestCase

from tests.wire.strategies import decode
from txrocketmq._wire.bodies import decodeTopicRouteData
from txrocketmq._wire.codes import RequestCode, SysFlag
from txrocketmq._wire.command import RemotingCommand
from txrocketmq._wire.records import StoredMessage, decodeStoredMessages

from .replay import Replay, Turn, scenarios

#: Where a message lies depends on what else a broker has stored.
PLACES = {
    "msgId",
    "queueOffset",
    "timestamp",
    "indexLastUpdateTimestamp",
    "indexLastUpdatePhyoffset",
}

#: What 4.9.7 did otherwise than 5.5.0, which the sandbox follows: it refused with
#: code 1, in other words, and said less in its answers.
REFUSED_BY_4 = {"acl-wrong-secret", "acl-none", "queue-out-of-range"}
UNKNOWN_TO_4 = {"transactionId", "IS_SUPPORT_HEART_BEAT_V2", "IS_SUB_CHANGE"}


def isFrom4(turn: Turn) -> bool:
    """
    Tell what a 4.9.7 server answered.
    """
    return turn.name.startswith("java 4.9.7")


def remarkOf(command: RemotingCommand) -> str:
    """
    A remark without what is different each time.
    """
    remark = re.sub(r"127\.0\.0\.1:\d+", "HOST", command.remark or "")
    return re.sub(r"\nSee \S+ for further details\.", "", remark)


def identity(message: StoredMessage) -> tuple[object, ...]:
    """
    What a message is, wherever it lies.
    """
    return (
        message.topic,
        message.flag,
        message.sysFlag & ~(SysFlag.BORN_HOST_V6 | SysFlag.STORE_HOST_V6),
        message.bornTimestamp,
        message.reconsumeTimes,
        message.body,
        message.properties,
        message.bodyCRC,
    )


class VectorTests(SynchronousTestCase):
    """
    All scenarios of all clients, replayed.
    """

    def turns(self) -> list[Turn]:
        """
        Everything that was asked and answered.
        """
        return [
            turn
            for (client, scenario), frames in scenarios().items()
            for turn in Replay(client, scenario, frames).turns()
        ]

    def test_answers(self) -> None:
        """
        Code, remark, fields and fixed values are those of the real server.
        """
        turns = self.turns()
        self.assertGreater(len(turns), 400)
        for turn in turns:
            assert turn.answer is not None, turn.name
            scenario = turn.name.split()[2]
            if isFrom4(turn) and scenario in REFUSED_BY_4 and turn.recorded.code:
                self.assertEqual(turn.recorded.code, 1, turn.name)
                self.assertIn(turn.answer.code, (16, 29), turn.name)
                continue
            self.assertEqual(turn.answer.code, turn.recorded.code, turn.name)
            self.assertEqual(remarkOf(turn.answer), remarkOf(turn.recorded), turn.name)
            self.assertFields(turn, turn.answer)
            self.assertEqual(
                bool(turn.answer.body), bool(turn.recorded.body), turn.name
            )

    def assertFields(self, turn: Turn, answer: RemotingCommand) -> None:
        """
        Compare the fields of two answers.
        """
        ours = set(answer.extFields)
        if isFrom4(turn):
            ours -= UNKNOWN_TO_4
        self.assertEqual(ours, set(turn.recorded.extFields), turn.name)
        for name in ours - PLACES:
            self.assertEqual(
                answer.extFields[name], turn.recorded.extFields[name], turn.name
            )

    def test_serialisation(self) -> None:
        """
        A 5.5.0 server answers in JSON whatever it is asked in, a 4.9.7 server in
        what it is asked in.
        """
        for turn in self.turns():
            assert turn.answer is not None
            self.assertEqual(
                turn.answer.serializeType, turn.recorded.serializeType, turn.name
            )

    def test_routes(self) -> None:
        """
        Routes name the same queues, and are written as the client can read them.
        """
        count = 0
        for turn in self.turns():
            code = turn.request.code
            if code == RequestCode.GET_ROUTEINFO_BY_TOPIC and turn.recorded.body:
                assert turn.answer is not None
                ours = decodeTopicRouteData(turn.answer.body)
                theirs = decodeTopicRouteData(turn.recorded.body)
                self.assertEqual(ours.queueDatas, theirs.queueDatas, turn.name)
                self.assertEqual(
                    [(b.brokerName, *b.brokerAddrs) for b in ours.brokerDatas],
                    [(b.brokerName, *b.brokerAddrs) for b in theirs.brokerDatas],
                )
                self.assertEqual(
                    b"{0:" in turn.answer.body, b"{0:" in turn.recorded.body
                )
                count += 1
        self.assertGreater(count, 100)

    def test_storedMessages(self) -> None:
        """
        Messages that are looked up are what the real broker made of them.
        """
        count = 0
        for turn in self.turns():
            if turn.recorded.body and turn.request.code in (
                RequestCode.QUERY_MESSAGE,
                RequestCode.VIEW_MESSAGE_BY_ID,
            ):
                assert turn.answer is not None
                ours = decodeStoredMessages(turn.answer.body)
                theirs = decodeStoredMessages(turn.recorded.body)
                if isFrom4(turn):
                    continue
                self.assertEqual(
                    list(map(identity, ours)), list(map(identity, theirs)), turn.name
                )
                count += 1
        self.assertGreater(count, 4)

    def test_requestsOfTheBroker(self) -> None:
        """
        The broker's own requests have the fields, and carry the message, they
        should.
        """
        for (maker, scenario), frames in scenarios().items():
            recorded = [f for f in frames if f["direction"] == "server-request"]
            if not recorded or maker == "java 4.9.7":
                continue
            replay = Replay(maker, scenario, frames)
            for _ in replay.turns():
                pass
            ours = {
                (command.code, command.extFields.get("msgId")): command
                for client in replay.clients.values()
                for command in reversed(client.asked + client.told)
            }
            for each in recorded:
                theirs = decode(bytes.fromhex(each["hex"]))
                same = ours[theirs.code, theirs.extFields.get("msgId")]
                self.assertEqual(set(same.extFields), set(theirs.extFields))
                self.assertEqual(same.flag, theirs.flag)
                self.assertCarriesTheSame(same, theirs)

    def assertCarriesTheSame(
        self, ours: RemotingCommand, theirs: RemotingCommand
    ) -> None:
        """
        Compare the bodies of two requests; a check counts how often it asked.
        """
        if ours.code != RequestCode.CHECK_TRANSACTION_STATE:
            self.assertEqual(ours.body, theirs.body)
            return
        messages = [decodeStoredMessages(each.body)[0] for each in (ours, theirs)]
        for message in messages:
            message.properties.pop("TRANSACTION_CHECK_TIMES")
        self.assertEqual(*map(identity, messages))
