"""
Tests of the sends that are generated.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from txrocketmq.producer import Producer
from txrocketmq.settings import ClientSettings
from txrocketmq.testing import MemoryCluster

from .generated import LARGEST, MODES, QUEUES, SCRIPTS, SIZES, TOPICS, generated

COUNT = 300


class GeneratedTests(SynchronousTestCase):
    """
    Three hundred of them.
    """

    def test_variety(self) -> None:
        """
        All modes, topics, sizes and scripts are among them.
        """
        sends = generated(COUNT)
        self.assertEqual(len(sends), COUNT)
        self.assertEqual({each.mode for each in sends}, set(MODES))
        self.assertEqual({each.topic for each in sends}, set(TOPICS))
        sizes = {len(each.body) for each in sends}
        self.assertEqual(sizes, {*SIZES, LARGEST, LARGEST - 1})
        values = {value for each in sends for value in each.properties.values()}
        self.assertLessEqual({*SCRIPTS}, values)
        self.assertEqual(sends[-1].mode, "sync")

    def test_same(self) -> None:
        """
        They are the same each time.
        """
        self.assertEqual(generated(20), generated(20))

    def test_accepted(self) -> None:
        """
        None of them is refused, and each arrives.
        """
        cluster = MemoryCluster()
        for topic in TOPICS:
            cluster.result(cluster.sandbox.createTopic(topic, queues=QUEUES))
        producer = Producer(cluster.client(ClientSettings()), "group")
        for each in generated(COUNT):
            cluster.result(each.send(producer))
        (broker,) = cluster.sandbox.brokers.values()
        self.assertEqual(len(broker.requests(310)), COUNT)
        cluster.stop()
