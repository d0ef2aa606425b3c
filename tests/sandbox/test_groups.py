"""
Tests of who is connected, and for which groups.
"""

from __future__ import annotations

import json
from typing import Any

from twisted.internet.defer import Deferred, fail

from txrocketmq._wire.bodies import (
    ConsumerData,
    HeartbeatData,
    ProducerData,
    SubscriptionData,
    decodeConsumerList,
    encodeHeartbeatData,
)
from txrocketmq._wire.codes import RequestCode, ResponseCode
from txrocketmq._wire.command import RemotingCommand
from txrocketmq.errors import ConnectionClosed

from .support import BrokerTestCase, Client


class Deaf(Client):
    """
    A client that cannot be told anything.
    """

    def oneway(self, command: RemotingCommand) -> Deferred[None]:
        """
        Fail.
        """
        return fail(ConnectionClosed(self.address, "gone"))


class GroupTestCase(BrokerTestCase):
    """
    Clients with heartbeats.
    """

    def beat(
        self,
        client: Client,
        clientId: str,
        *topics: str,
        group: str = "g",
        version: int = 0,
        **fields: Any,
    ) -> RemotingCommand:
        """
        Send a heartbeat of a consumer.
        """
        subscriptions = tuple(
            SubscriptionData(topic, subVersion=version) for topic in topics
        )
        data = HeartbeatData(
            clientId,
            (ProducerData("pg"),),
            (ConsumerData(group, subscriptionDataSet=subscriptions),),
            **fields,
        )
        body = encodeHeartbeatData(data)
        return self.ask(RequestCode.HEART_BEAT, body=body, client=client)

    def members(self, group: str = "g") -> tuple[str, ...]:
        """
        Who consumes for a group.
        """
        answer = self.ask(
            RequestCode.GET_CONSUMER_LIST_BY_GROUP, {"consumerGroup": group}
        )
        return decodeConsumerList(answer.body) if answer.code == 0 else ()

    def told(self, client: Client) -> list[str]:
        """
        Of which groups' changes a client was told.
        """
        return [
            each.extFields["consumerGroup"]
            for each in client.told
            if each.code == RequestCode.NOTIFY_CONSUMER_IDS_CHANGED and each.isOneway
        ]


class HeartbeatTests(GroupTestCase):
    """
    What a heartbeat makes known.
    """

    def test_answer(self) -> None:
        """
        The answer says that heartbeats of the second version are understood.
        """
        answer = self.beat(self.client, "c1")
        self.assertEqual(answer.code, 0)
        self.assertEqual(
            answer.extFields,
            {"IS_SUPPORT_HEART_BEAT_V2": "true", "IS_SUB_CHANGE": "true"},
        )

    def test_malformed(self) -> None:
        """
        What is no heartbeat makes nobody known.
        """
        answer = self.ask(RequestCode.HEART_BEAT, body=b"[1]")
        self.assertEqual(answer.code, ResponseCode.SYSTEM_ERROR)

    def test_members(self) -> None:
        """
        The members of a group are the clients that say so, each once.
        """
        other = Client("127.0.0.1:2")
        self.beat(self.client, "c1", "T")
        self.beat(other, "c2", "T")
        self.beat(self.client, "c1", "T")
        self.assertEqual(self.members(), ("c1", "c2"))
        self.assertEqual(self.members("other"), ())

    def test_noMembers(self) -> None:
        """
        A group without members is an error.
        """
        answer = self.ask(
            RequestCode.GET_CONSUMER_LIST_BY_GROUP, {"consumerGroup": "g"}
        )
        self.assertEqual(
            (answer.code, answer.remark), (1, "no consumer for this group, g")
        )

    def test_retryTopic(self) -> None:
        """
        A group of consumers has a topic for its retries, unless all groups are
        known.
        """
        self.beat(self.client, "c1")
        self.assertIn("%RETRY%g", self.broker.state.topics.table)
        self.makeBroker(autoCreateSubscriptionGroup=False)
        self.beat(self.client, "c1")
        self.assertNotIn("%RETRY%g", self.broker.state.topics.table)

    def test_changesAreTold(self) -> None:
        """
        Members are told of new ones and of those that are gone, and of nothing
        else.
        """
        other = Client("127.0.0.1:2")
        self.beat(self.client, "c1", "T")
        self.assertEqual(self.told(self.client), ["g"])
        self.beat(other, "c2", "T")
        self.beat(other, "c2", "T", version=5)
        self.assertEqual(len(self.told(self.client)), 2)
        other.abort()
        self.assertEqual(len(self.told(self.client)), 3)
        self.assertEqual(self.members(), ("c1",))

    def test_topicsAreTold(self) -> None:
        """
        Members are told when the group has other topics.
        """
        self.beat(self.client, "c1", "T")
        self.beat(self.client, "c1", "T", "U")
        self.assertEqual(len(self.told(self.client)), 2)

    def test_deafMember(self) -> None:
        """
        A member that cannot be told does not matter.
        """
        self.beat(Deaf("127.0.0.1:2"), "c2", "T")
        self.beat(self.client, "c1", "T")
        self.assertEqual(self.members(), ("c2", "c1"))

    def test_olderSubscription(self) -> None:
        """
        A heartbeat that was overtaken by a later one changes nothing.
        """
        self.beat(self.client, "c1", "T", version=5)
        self.beat(self.client, "c1", "T", version=4)
        group = self.broker._groups.consumers["g"]
        self.assertEqual(group.subscriptions["T"].subVersion, 5)

    def test_secondVersion(self) -> None:
        """
        Subscriptions may be left out until the broker wants them.
        """
        answer = self.beat(self.client, "c1", heartbeatFingerprint=7, withoutSub=True)
        self.assertEqual(answer.extFields["IS_SUB_CHANGE"], "true")
        self.beat(self.client, "c1", "T", heartbeatFingerprint=7)
        answer = self.beat(self.client, "c1", heartbeatFingerprint=7, withoutSub=True)
        self.assertEqual(answer.extFields["IS_SUB_CHANGE"], "false")
        self.assertIn("T", self.broker._groups.consumers["g"].subscriptions)


class LeavingTests(GroupTestCase):
    """
    Clients that go.
    """

    def unregister(self, **groups: str) -> RemotingCommand:
        """
        Leave some groups.
        """
        fields = {"clientID": "c1"} | groups
        return self.ask(RequestCode.UNREGISTER_CLIENT, fields)

    def test_unregister(self) -> None:
        """
        A client leaves the groups it names; leaving again does no harm.
        """
        self.beat(self.client, "c1", "T")
        for _ in "ab":
            self.assertEqual(self.unregister(consumerGroup="g").code, 0)
        self.assertEqual(self.members(), ())
        self.assertEqual(len(self.broker._groups.producersOf("pg")), 1)
        for _ in "ab":
            self.unregister(producerGroup="pg")
        self.assertEqual(self.broker._groups.producersOf("pg"), [])

    def test_lost(self) -> None:
        """
        A client whose connection is lost is forgotten.
        """
        other = Client("127.0.0.1:2")
        self.beat(self.client, "c1", "T")
        self.beat(other, "c2", "T", group="h")
        self.client.abort()
        groups = self.broker._groups
        self.assertEqual(list(groups.clients), ["c2"])
        self.assertEqual(groups.producersOf("pg"), [other])
        self.assertEqual(list(groups.consumers), ["h"])


class CheckTests(GroupTestCase):
    """
    Clients that ask whether they will be understood.
    """

    def check(self, body: bytes) -> RemotingCommand:
        """
        Ask.
        """
        return self.ask(RequestCode.CHECK_CLIENT_CONFIG, body=body)

    def test_tags(self) -> None:
        """
        Tags are understood, and so is nothing at all.
        """
        tags = {"subscriptionData": {"topic": "T", "expressionType": "TAG"}}
        for body in (b"", b"{}", json.dumps(tags).encode()):
            self.assertEqual(self.check(body).code, 0)

    def test_sql(self) -> None:
        """
        SQL is not.
        """
        sql = {"subscriptionData": {"topic": "T", "expressionType": "SQL92"}}
        answer = self.check(json.dumps(sql).encode())
        self.assertEqual(answer.code, ResponseCode.SYSTEM_ERROR)
        self.assertIn("SQL92", answer.remark or "")


class LockTests(GroupTestCase):
    """
    Queues one consumer has for itself.
    """

    def lock(
        self, client: str, *queues: int, code: int = RequestCode.LOCK_BATCH_MQ
    ) -> list[int]:
        """
        Ask for the locks of queues, or give them up.

        @return: What was locked.
        """
        body = {
            "consumerGroup": "g",
            "clientId": client,
            "onlyThisBroker": False,
            "mqSet": [
                {"brokerName": "broker-a", "queueId": queue, "topic": "T"}
                for queue in queues
            ],
        }
        answer = self.ask(code, body=json.dumps(body).encode())
        self.assertEqual(answer.code, 0)
        locked = json.loads(answer.body or b"{}").get("lockOKMQSet", [])
        return [each["queueId"] for each in locked]

    def test_oneOwner(self) -> None:
        """
        A queue is locked by one client, which may lock it again.
        """
        self.assertEqual(self.lock("c1", 0, 1), [0, 1])
        self.assertEqual(self.lock("c2", 1, 2), [2])
        self.assertEqual(self.lock("c1", 0, 1), [0, 1])

    def test_givenUp(self) -> None:
        """
        A lock can be given up by its owner.
        """
        self.lock("c1", 0)
        self.lock("c2", 0, code=RequestCode.UNLOCK_BATCH_MQ)
        self.assertEqual(self.lock("c2", 0), [])
        self.lock("c1", 0, code=RequestCode.UNLOCK_BATCH_MQ)
        self.assertEqual(self.lock("c2", 0), [0])

    def test_expired(self) -> None:
        """
        A lock nobody renews goes to the next.
        """
        self.lock("c1", 0, 1)
        self.clock.advance(30)
        self.lock("c1", 1)
        self.clock.advance(31)
        self.assertEqual(self.lock("c2", 0, 1), [0])

    def test_malformed(self) -> None:
        """
        What is no such request is refused.
        """
        answer = self.ask(RequestCode.LOCK_BATCH_MQ, body=b"{}")
        self.assertEqual(answer.code, ResponseCode.SYSTEM_ERROR)
