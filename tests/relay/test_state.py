"""
Tests for the relay as those see it who look in: its brokers, whether it is ready.
"""

from __future__ import annotations

from tests.relay.looking import LookingTestCase
from txrocketmq.relay.brokers import FORGOTTEN, MOST, Brokers
from txrocketmq.relay.probe import PAUSE
from txrocketmq.relay.state import MOST_LAG
from txrocketmq.stats import BrokerStats


class BrokerTests(LookingTestCase):
    """
    What is said of brokers.
    """

    def states(self) -> dict[str, str]:
        """
        How each broker is.
        """
        return {each.brokerName: each.state for each in self.state.brokers()}

    def test_nobody(self) -> None:
        """
        Before the first message no broker is known.
        """
        self.assertEqual(self.states(), {})

    def test_reached(self) -> None:
        """
        Those that are connected are reached; those nobody needed are not used.
        """
        self.client.prefetch("T", 4)
        self.cluster.flush()
        self.assertEqual(self.states(), {"broker-a": "unused", "broker-b": "unused"})
        self.warm()
        self.assertEqual(self.states(), {"broker-a": "reached", "broker-b": "reached"})

    def test_gone(self) -> None:
        """
        One that dies is gone with its route; one that comes back is reached again.
        """
        self.warm()
        self.state.brokers()
        self.setDown("broker-b")
        self.assertEqual(self.states(), {"broker-a": "reached", "broker-b": "gone"})
        self.cluster.result(self.cluster.sandbox.brokers["broker-b"].setUp())
        self.cluster.advance(31.0)
        self.warm()
        self.assertEqual(self.states(), {"broker-a": "reached", "broker-b": "reached"})

    def test_refused(self) -> None:
        """
        One that takes no connection is refused, and it is said why.
        """
        masters = [BrokerStats("a", "h:1", False, 3, "h:1: Connection refused")]
        (view,) = Brokers(self.clock).look(masters, ["a"])
        self.assertEqual(view.state, "refused")
        self.assertEqual(view.words, "Connection refused")
        masters = [BrokerStats("a", "h:1", False, 3, None)]
        (view,) = Brokers(self.clock).look(masters, [])
        self.assertEqual(view.words, "takes no connection")

    def test_isolated(self) -> None:
        """
        One that sends leave out is isolated, connected or not.
        """
        masters = [BrokerStats("a", "h:1", True), BrokerStats("b", "h:2", False)]
        views = Brokers(self.clock).look(masters, ["a", "b"])
        self.assertEqual([each.state for each in views], ["isolated", "isolated"])

    def test_longReason(self) -> None:
        """
        Why a broker takes no connection is clipped.
        """
        masters = [BrokerStats("a", "h:1", False, 1, "x" * 5000)]
        (view,) = Brokers(self.clock).look(masters, [])
        self.assertLess(len(view.words), 300)

    def test_forgotten(self) -> None:
        """
        Those that are gone for long are forgotten, unless all are.
        """
        brokers = Brokers(self.clock)
        brokers.look([BrokerStats("a", "h:1", True), BrokerStats("b", "h:2", True)], [])
        self.cluster.advance(FORGOTTEN + 1)
        self.assertEqual(len(brokers.look([], [])), 2)
        (view,) = brokers.look([BrokerStats("a", "h:1", True)], [])
        self.assertEqual(view.brokerName, "a")

    def test_moved(self) -> None:
        """
        A broker that has another address is one broker.
        """
        brokers = Brokers(self.clock)
        brokers.look([BrokerStats("a", "h:1", True)], [])
        (view,) = brokers.look([BrokerStats("a", "h:2", True)], [])
        self.assertEqual((view.address, view.state), ("h:2", "reached"))

    def test_bounded(self) -> None:
        """
        However many brokers there were, some are remembered.
        """
        brokers = Brokers(self.clock)
        for number in range(3 * MOST):
            name = f"b{number}"
            views = brokers.look([BrokerStats(name, "h:1", True)], [])
        self.assertEqual(len(views), MOST)
        self.assertIn(name, [each.brokerName for each in views])


class ReadyTests(LookingTestCase):
    """
    Whether messages can be taken in.
    """

    def test_cluster(self) -> None:
        """
        They can once a name server has answered.
        """
        self.assertEqual(self.state.ready(), (True, "the cluster takes messages"))
        self.state.clientReady = False
        self.assertEqual(self.state.ready(), (False, "no name server has answered yet"))

    def test_draining(self) -> None:
        """
        They cannot while the relay is stopping.
        """
        self.spooling()
        self.state.draining = True
        self.assertEqual(self.state.ready(), (False, "the relay is stopping"))

    def test_spool(self) -> None:
        """
        With a spool that takes messages, no cluster is needed.
        """
        self.spooling()
        self.state.clientReady = False
        self.assertTrue(self.state.ready()[0])
        self.spool.accepting = False
        self.assertFalse(self.state.ready()[0])
        self.state.clientReady = True
        self.assertTrue(self.state.ready()[0])

    def test_brokersDown(self) -> None:
        """
        They cannot when every broker is away, and can when one is back, though
        nobody sends: it is looked for.
        """
        self.warm()
        self.cluster.advance(1.0)
        self.setDown("broker-a")
        self.assertTrue(self.state.ready()[0])
        self.setDown("broker-b")
        self.assertEqual(self.state.ready(), (False, "no broker can be reached"))
        self.cluster.advance(600.0)
        self.assertFalse(self.state.ready()[0])
        self.cluster.result(self.cluster.sandbox.brokers["broker-a"].setUp())
        self.cluster.advance(2 * PAUSE)
        self.assertTrue(self.state.ready()[0])

    def test_refusingBrokers(self) -> None:
        """
        Brokers that routes name and that take no connection are dialed until they
        do.
        """
        self.warm()
        brokers = self.cluster.sandbox.brokers.items()
        stats = [BrokerStats(name, b.address or "", False, 1) for name, b in brokers]
        views = Brokers(self.clock).look(stats, [])
        self.cluster.advance(10.0)
        self.client.pool.retain([])
        self.cluster.flush()
        self.assertEqual(self.client.stats().connections, 0)
        self.state._probe.look(views)
        self.cluster.flush()
        self.assertGreaterEqual(self.client.stats().connections, 2)

    def test_stopped(self) -> None:
        """
        What is looked for when everything stops is not waited for.
        """
        self.warm()
        self.cluster.advance(1.0)
        self.setDown("broker-a", "broker-b")
        self.cluster.sandbox.nameServers[0].setDown()
        self.cluster.advance(3 * PAUSE)
        self.state.stop()

    def test_healthy(self) -> None:
        """
        A relay is alive unless it is very late.
        """
        self.assertTrue(self.state.healthy()[0])
        self.state.lag.last = MOST_LAG + 1
        self.assertEqual(self.state.healthy(), (False, "the relay does not keep up"))
