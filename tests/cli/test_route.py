"""
Tests for L{txrocketmq._cli.route}.
"""

from __future__ import annotations

import json

from twisted.internet.defer import Deferred, succeed

from tests.support import TestCase
from txrocketmq._cli.route import jsonLines, permission, routeLines, within
from txrocketmq._wire.bodies import BrokerData, QueueData, TopicRouteData
from txrocketmq.errors import RemotingTimeout

FOUND = TopicRouteData(
    queueDatas=(
        QueueData("broker-b", 8, 4, 6),
        QueueData("broker-a", 4, 4, 4),
        QueueData("lost", 1, 1, 2),
    ),
    brokerDatas=(
        BrokerData("C", "broker-a", {0: "10.0.0.1:1", 1: "10.0.0.2:1"}),
        BrokerData("C", "broker-b", {0: "10.0.0.3:1"}),
    ),
)


class RouteTests(TestCase):
    """
    What is shown of a route.
    """

    def test_table(self) -> None:
        """
        A row for each address of each broker, by the brokers' names.
        """
        self.assertEqual(
            list(routeLines("T", FOUND)),
            [
                "CLUSTER  BROKER    ROLE     ADDRESS              READ  WRITE  PERM",
                "C        broker-a  master   10.0.0.1:1              4      4  R--",
                "C        broker-a  slave 1  10.0.0.2:1              4      4  R--",
                "C        broker-b  master   10.0.0.3:1              8      4  RW-",
                "?        lost      ?        no address is known     1      1  -W-",
            ],
        )

    def test_json(self) -> None:
        """
        A line for each broker.
        """
        found = [json.loads(line) for line in jsonLines("T", FOUND)]
        self.assertEqual(
            found[0],
            {
                "topic": "T",
                "cluster": "C",
                "brokerName": "broker-a",
                "brokerAddrs": {"0": "10.0.0.1:1", "1": "10.0.0.2:1"},
                "readQueueNums": 4,
                "writeQueueNums": 4,
                "perm": 4,
            },
        )
        self.assertEqual(
            [each["brokerName"] for each in found[1:]], ["broker-b", "lost"]
        )
        self.assertEqual((found[2]["cluster"], found[2]["brokerAddrs"]), (None, {}))

    def test_permissions(self) -> None:
        """
        Permissions are written as Java's tools do.
        """
        self.assertEqual(
            [permission(perm) for perm in (0, 1, 2, 4, 6, 7)],
            ["---", "--X", "-W-", "R--", "RW-", "RWX"],
        )

    def test_inTime(self) -> None:
        """
        A lookup that ends in time is what it is.
        """
        looking = within(self.reactor, succeed(FOUND), 1.0, ["a:1"])
        self.assertIs(self.successResultOf(looking), FOUND)

    def test_late(self) -> None:
        """
        One that does not names who was asked, and how long.
        """
        looking = within(self.reactor, Deferred(), 1.5, ["a:1", "b:2"])
        self.reactor.advance(1.5)
        error = self.failureResultOf(looking, RemotingTimeout).value
        self.assertEqual(str(error), "a:1, b:2: no answer within 1.5 s")
