"""
C{GET /metrics}: what there is to see, for Prometheus.

Laws:

    - Nothing is done for it but when somebody asks: counting is the tally's.

    - The values of every label are fixed words.  No topic, no address and nothing of
      a request is among them.
"""

from __future__ import annotations

import platform
from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.exposition import generate_latest
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.registry import Collector

import twisted
from txrocketmq.relay.brokers import STATES
from txrocketmq.relay.state import RelayState
from txrocketmq.relay.tally import ACKS, BOUNDS

PREFIX = "txrocketmq_"

TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"

FORWARDER_STATES = ("idle", "draining", "backing off", "stopped")


class Metrics:
    """
    A registry of our own.
    """

    def __init__(self, state: RelayState) -> None:
        """
        @param state: What there is to see.
        """
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(_Relay(state))
        ProcessCollector(registry=self._registry)

    def written(self, accept: str) -> tuple[bytes, str]:
        """
        All of them, as text.

        @param accept: The request's C{Accept}: there are two formats.

        @return: The text, and its content type.
        """
        # Not prometheus_client's own choice, which repeats what it was asked for.
        if "application/openmetrics-text" in accept:
            text: bytes = openmetrics.generate_latest(self._registry)  # type: ignore[no-untyped-call]
            return text, OPENMETRICS
        return generate_latest(self._registry), TEXT


class _Relay(Collector):
    """
    The relay's own.
    """

    def __init__(self, state: RelayState) -> None:
        self._state = state

    def describe(self) -> Iterable[Metric]:
        """
        Nothing: nobody else has a name of ours.
        """
        return ()

    def collect(self) -> Iterator[Metric]:
        """
        All of them.
        """
        state = self._state
        yield from _messages(state)
        yield from _sends(state)
        yield from _cluster(state)
        yield from _spool(state)
        yield from _relay(state)


def _messages(state: RelayState) -> Iterator[Metric]:
    """
    What was taken in, and what became of it.
    """
    tally = state.tally
    yield _counters(
        "messages_accepted",
        "Messages taken in, by what is said of them.",
        "ack",
        tally.taken,
    )
    yield _counters(
        "message_bytes_accepted", "The bytes of their bodies.", "ack", tally.takenBytes
    )
    yield _counters(
        "messages_stored", "Messages a broker has stored.", "ack", tally.delivered
    )
    failed = CounterMetricFamily(
        f"{PREFIX}messages_failed",
        "Messages that were not stored, or may not be, as their sender was told.",
        labels=("reason", "persisted"),
    )
    for labels, count in tally.failures.items():
        failed.add_metric(labels, count)
    yield failed
    yield _counters(
        "messages_refused",
        "Messages of the spool that were put among the refused.",
        "reason",
        tally.setAside,
    )
    answers = {str(status or "other"): n for status, n in tally.answers.items()}
    yield _counters("http_answers", "Answers to requests.", "status", answers)


def _sends(state: RelayState) -> Iterator[Metric]:
    """
    What is under way to brokers.
    """
    sends = state.producer.stats()
    durations = HistogramMetricFamily(
        f"{PREFIX}send_duration_seconds",
        "How long it took until a broker had stored a message.",
        labels=("ack",),
    )
    for ack in ACKS:
        counted = state.tally.durations[ack]
        limits = (*map(str, BOUNDS), "+Inf")
        buckets = list(zip(limits, accumulate(counted.counts), strict=True))
        durations.add_metric((ack,), buckets, sum_value=counted.total)
    yield durations
    yield _gauge("sends_in_flight", "Sends under way.", sends.inFlight)
    yield _gauge(
        "send_bytes_in_flight", "The bytes of their bodies.", sends.inFlightBytes
    )
    yield _gauge("sends_waiting", "Sends that wait for room.", sends.waiting)
    yield _counter("send_attempts", "Tries at brokers.", sends.attempts)
    yield _counter(
        "send_retries", "Tries that were not a message's first.", sends.retries
    )


def _cluster(state: RelayState) -> Iterator[Metric]:
    """
    The cluster.
    """
    client = state.client.stats()
    yield _gauge(
        "broker_connections",
        "Open connections, those to name servers among them.",
        client.connections,
    )
    yield _counter(
        "late_answers", "Answers nobody waited for any more.", client.lateAnswers
    )
    states = dict.fromkeys(STATES, 0)
    for each in state.brokers():
        states[each.state] += 1
    yield _gauges("brokers", "Brokers, by how they can be reached.", "state", states)
    yield _gauge("routes", "Topics there is a route of.", len(client.routeAge))
    yield _gauge(
        "route_age_seconds",
        "How long ago a name server confirmed the oldest of them.",
        max(client.routeAge.values(), default=0.0),
    )


def _spool(state: RelayState) -> Iterator[Metric]:
    """
    The spool, where there is one.
    """
    if state.spool is None:
        return
    counts = state.spool.counts
    age = 0.0 if counts.oldest is None else max(0.0, state.now() - counts.oldest)
    yield _gauge("spool_messages", "Messages that wait.", counts.waiting)
    yield _gauge("spool_bytes", "The bytes they count for.", counts.waitingBytes)
    yield _gauge("spool_oldest_seconds", "For how long the oldest waits.", age)
    yield _gauge(
        "spool_refused_messages", "Messages no broker will have.", counts.refused
    )
    yield _gauge(
        "spool_refused_bytes", "The bytes they count for.", counts.refusedBytes
    )
    yield _gauge(
        "spool_answer_bytes",
        "The bytes of the answers that are remembered for their keys.",
        counts.claimBytes,
    )
    yield _gauge("spool_limit_bytes", "The most bytes of all.", counts.limit)
    yield _gauge("spool_file_bytes", "The bytes of its files.", counts.fileBytes)
    yield _gauge(
        "spool_accepting", "Whether it takes messages.", int(state.spool.accepting)
    )
    yield _counter("spool_commits", "Commits.", counts.commits)
    yield _gauge(
        "spool_recovered_messages",
        "Messages saved from damaged files.",
        counts.recovered,
    )
    yield _gauge(
        "spool_lost_messages", "Messages lost with damaged files.", counts.lost
    )
    if state.forwarder is not None:
        states = {each.replace(" ", "_"): 0 for each in FORWARDER_STATES}
        states[state.forwarder.state.replace(" ", "_")] = 1
        yield _gauges("forwarder", "What the forwarder is doing.", "state", states)


def _relay(state: RelayState) -> Iterator[Metric]:
    """
    The relay itself.
    """
    yield _gauge(
        "reactor_lag_seconds",
        "The most by which the reactor was late in the last ten seconds.",
        state.lag.worst,
    )
    yield _gauge("ready", "Whether messages can be taken in.", int(state.ready()[0]))
    yield _gauge("draining", "Whether the relay is stopping.", int(state.draining))
    yield _gauge(
        "start_time_seconds",
        "When the relay started, in seconds of the epoch.",
        state.startedAt,
    )
    build = GaugeMetricFamily(
        f"{PREFIX}build_info",
        "What this is.",
        labels=("version", "python", "twisted"),
    )
    versions = (state.version, platform.python_version(), twisted.__version__)
    build.add_metric(versions, 1)
    yield build


def _gauge(name: str, words: str, value: float) -> Metric:
    """
    One number that goes up and down.
    """
    return GaugeMetricFamily(PREFIX + name, words, value=value)


def _gauges(name: str, words: str, label: str, values: Mapping[str, float]) -> Metric:
    """
    Several, by one label.
    """
    family = GaugeMetricFamily(PREFIX + name, words, labels=(label,))
    for value, number in values.items():
        family.add_metric((value,), number)
    return family


def _counter(name: str, words: str, value: float) -> Metric:
    """
    One number that grows.
    """
    return CounterMetricFamily(PREFIX + name, words, value=value)


def _counters(name: str, words: str, label: str, values: Mapping[str, float]) -> Metric:
    """
    Several, by one label.
    """
    family = CounterMetricFamily(PREFIX + name, words, labels=(label,))
    for value, number in values.items():
        family.add_metric((value,), number)
    return family
