"""
Tests for C{/metrics}: that each moves as it should, and that all can be read.
"""

from __future__ import annotations

from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as parseOpen,
)
from prometheus_client.parser import text_string_to_metric_families as parse

from tests.relay.looking import EPOCH, LookingTestCase
from txrocketmq.relay.metrics import Metrics
from txrocketmq.relay.tally import ACKS, BOUNDS, PERSISTED, REASONS, STATUSES

#: A label -> the words its values are of.
WORDS: dict[str, set[str]] = {
    "ack": set(ACKS),
    "reason": set(REASONS),
    "persisted": set(PERSISTED),
    "status": {*map(str, STATUSES), "other"},
    "le": {*map(str, BOUNDS), "+Inf"},
}

Samples = dict[str, float]


class MetricsTests(LookingTestCase):
    """
    What Prometheus reads.
    """

    def setUp(self) -> None:
        """
        Have a relay with a spool.
        """
        super().setUp()
        self.spooling()
        self.metrics = Metrics(self.state)

    def read(self, accept: str = "") -> Samples:
        """
        Read all of them with prometheus_client's own parser.
        """
        content, _ = self.metrics.written(accept)
        reader = parseOpen if "openmetrics" in accept else parse
        return {
            sample.name + str(dict(sorted(sample.labels.items()))): sample.value
            for family in reader(content.decode())
            for sample in family.samples
            if not sample.name.startswith("process_")
        }

    def moved(self, before: Samples) -> Samples:
        """
        What has moved.
        """
        return {
            name: value - before[name]
            for name, value in self.read().items()
            if value != before[name]
        }

    def test_formats(self) -> None:
        """
        Both formats are read by prometheus_client's own parsers, and say what they
        are.
        """
        self.send(2)
        self.assertEqual(
            self.metrics.written("")[1], "text/plain; version=0.0.4; charset=utf-8"
        )
        accept = "application/openmetrics-text; version=1.0.0; evil=\r\n"
        self.assertEqual(
            self.metrics.written(accept)[1],
            "application/openmetrics-text; version=1.0.0; charset=utf-8",
        )
        plain, other = self.read(), self.read(accept)
        for name in plain:
            self.assertIn(name, other)

    def test_fixedLabels(self) -> None:
        """
        Every label's values are of a fixed set: no topic, no address.
        """
        self.send(2)
        self.tally.failed("an evil topic", 0.0, 1, "x")
        self.tally.refused("another")
        content, _ = self.metrics.written("")
        for family in parse(content.decode()):
            for sample in family.samples:
                for label, value in sample.labels.items():
                    if label == "state":
                        self.assertRegex(value, "^[a-z_]+$")
                    elif label in WORDS:
                        self.assertIn(value, WORDS[label])
                    else:
                        self.assertEqual(family.name, "txrocketmq_build_info")
        self.assertNotIn(b"evil", content)
        self.assertNotIn(b"127.0.0.1", content)

    def test_sameSeries(self) -> None:
        """
        Nothing that happens adds a series.
        """
        before = set(self.read())
        self.send(3)
        for reason in (*REASONS, "new"):
            self.tally.failed(reason, 1.0, 1, "NO")
            self.tally.refused(reason)
        self.tally.answered(418)
        self.spool.add(3)
        self.setDown("broker-a")
        self.assertEqual(set(self.read()), before)

    def test_sends(self) -> None:
        """
        A message that is sent moves what counts it, and nothing else.
        """
        self.warm()
        before = self.read()
        self.send()
        moved = self.moved(before)
        prefix = "txrocketmq_"
        for name in (
            "messages_accepted_total{'ack': 'broker'}",
            "messages_stored_total{'ack': 'broker'}",
            "send_attempts_total{}",
            "send_duration_seconds_count{'ack': 'broker'}",
        ):
            self.assertEqual(moved.pop(prefix + name), 1, name)
        size = moved.pop(f"{prefix}message_bytes_accepted_total{{'ack': 'broker'}}")
        self.assertEqual(size, 4)
        self.assertAlmostEqual(
            moved.pop(f"{prefix}send_duration_seconds_sum{{'ack': 'broker'}}"), 0.004
        )
        buckets = [name for name in moved if "_bucket" in name]
        self.assertEqual(len(buckets), sum(b >= 0.004 for b in BOUNDS) + 1)
        self.assertEqual(set(moved), set(buckets))

    def test_failures(self) -> None:
        """
        Failures, refusals and answers move theirs.
        """
        before = self.read()
        self.tally.failed("timeout", 1.0, 3, "MAYBE")
        self.tally.refused("message_refused")
        self.tally.answered(504)
        self.tally.answered(299)
        prefix = "txrocketmq_"
        self.assertEqual(
            self.moved(before),
            {
                prefix
                + "messages_failed_total{'persisted': 'MAYBE', 'reason': 'timeout'}": 1,
                prefix + "messages_refused_total{'reason': 'message_refused'}": 1,
                prefix + "http_answers_total{'status': '504'}": 1,
                prefix + "http_answers_total{'status': 'other'}": 1,
            },
        )

    def test_spool(self) -> None:
        """
        The spool's are its counts.
        """
        before = self.read()
        self.spool.add(2)
        self.spool.figures.update(
            waiting=3, waitingBytes=300, refusedBytes=20, commits=4, fileBytes=9000
        )
        self.spool.figures.update(recovered=5, lost=6, oldest=EPOCH - 7, claimBytes=8)
        self.spool.accepting = False
        self.forwarder.state = "backing off"
        moved = self.moved(before)
        expected = {
            "spool_messages{}": 3,
            "spool_bytes{}": 300,
            "spool_refused_messages{}": 2,
            "spool_refused_bytes{}": 20,
            "spool_answer_bytes{}": 8,
            "spool_commits_total{}": 4,
            "spool_file_bytes{}": 9000 - 4096,
            "spool_recovered_messages{}": 5,
            "spool_lost_messages{}": 6,
            "spool_oldest_seconds{}": 7,
            "spool_accepting{}": -1,
            "forwarder{'state': 'backing_off'}": 1,
            "forwarder{'state': 'idle'}": -1,
        }
        self.assertEqual(moved, {f"txrocketmq_{n}": v for n, v in expected.items()})

    def test_cluster(self) -> None:
        """
        The cluster's are how its brokers are.
        """
        self.warm()
        before = self.read()
        self.assertEqual(before["txrocketmq_brokers{'state': 'reached'}"], 2)
        self.assertEqual(before["txrocketmq_broker_connections{}"], 3)
        self.assertEqual(before["txrocketmq_routes{}"], 1)
        self.assertEqual(before["txrocketmq_route_age_seconds{}"], 0)
        self.cluster.advance(5.0)
        self.assertEqual(self.read()["txrocketmq_route_age_seconds{}"], 5)
        self.setDown("broker-b")
        moved = self.moved(before)
        self.assertEqual(moved["txrocketmq_brokers{'state': 'gone'}"], 1)
        self.assertEqual(moved["txrocketmq_brokers{'state': 'reached'}"], -1)
        self.assertEqual(moved["txrocketmq_broker_connections{}"], -1)

    def test_relay(self) -> None:
        """
        The relay's own: lag, readiness, draining, what it is.
        """
        before = self.read()
        self.assertEqual(before["txrocketmq_ready{}"], 1)
        self.assertEqual(before["txrocketmq_start_time_seconds{}"], EPOCH)
        self.state.lag._recent.append(1.5)
        self.state.draining = True
        self.assertEqual(
            self.moved(before),
            {
                "txrocketmq_reactor_lag_seconds{}": 1.5,
                "txrocketmq_ready{}": -1,
                "txrocketmq_draining{}": 1,
            },
        )
        builds = [name for name in before if "build_info" in name]
        self.assertEqual(len(builds), 1)
        self.assertIn(self.state.version, builds[0])

    def test_withoutSpool(self) -> None:
        """
        Without a spool there is nothing of it.
        """
        self.state.spool = None
        self.assertFalse([name for name in self.read() if "spool_" in name])

    def test_nothingGlobal(self) -> None:
        """
        Two relays in one process have each their own.
        """
        other = Metrics(self.state)
        self.assertEqual(
            len(other.written("")[0].splitlines()),
            len(self.metrics.written("")[0].splitlines()),
        )
