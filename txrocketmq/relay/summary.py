"""
What there is to say of the relay, in words: of fixed wording, with numbers in it.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum

import attrs

from txrocketmq.relay.brokers import AWAY, BrokerView
from txrocketmq.relay.state import RelayState
from txrocketmq.relay.tally import OTHER, Incident

REASON_WORDS = {
    "name_server_unreachable": "no name server answered",
    "topic_not_found": "the topic does not exist",
    "no_writable_queue": "no queue of the topic can be written to",
    "connect_failed": "a connection could not be made",
    "connection_lost": "the connection was lost",
    "timeout": "there was no answer in time",
    "not_understood": "the answer was not understood",
    "broker_overloaded": "the broker was overloaded",
    "broker_unavailable": "the broker took no messages",
    "broker_stopping": "the broker was stopping",
    "message_refused": "the broker refused the message",
    "no_permission": "the broker did not allow it",
    "weak_ack": "stored, but not as safely as required",
    "relay_full": "the relay had no room for it",
    "relay_stopping": "the relay was stopping",
    "damaged": "it was damaged in the spool",
    OTHER: "the relay's log says why",
}
"""
What is said of each of L{REASONS<txrocketmq.relay.tally.REASONS>}.
"""

LATELY = 60.0
"""
For how many seconds a failure is worth a sentence.
"""

LAGGING = 0.5
"""
From how many seconds on the reactor's lag is.
"""

GROWING = 30
"""
Over how many seconds the spool must have grown, and by how many messages.
"""


class Level(IntEnum):
    """
    How bad it is.

    @cvar OK: Nothing is to be done.

    @cvar WARN: Nothing is lost, but somebody should look.

    @cvar BAD: Messages are not taken.
    """

    OK = 0
    WARN = 1
    BAD = 2


@attrs.frozen
class Line:
    """
    One thing to say.
    """

    level: Level
    text: str


def summarize(state: RelayState, brokers: list[BrokerView]) -> list[Line]:
    """
    What there is to say, the worst first.

    @return: One line at least.
    """
    lines = [*_stopping(state), *_cluster(state, brokers), *_spool(state)]
    lines += [*_failures(state), *_lag(state)]
    lines.sort(key=lambda line: -line.level)
    if not lines or lines[0].level is Level.OK:
        lines.insert(0, Line(Level.OK, _flow(state)))
    return lines


def incidentWords(incident: Incident) -> str:
    """
    What happened.
    """
    count = incident.count
    why = REASON_WORDS[incident.reason]
    if incident.kind == "refused":
        return f"{_messages(count)} of the spool put among the refused: {why}"
    told = {
        "NO": "not stored",
        "MAYBE": "perhaps stored",
        "YES": "stored all the same",
    }[incident.persisted]
    return f"{_messages(count)} failed ({told}): {why}"


def _stopping(state: RelayState) -> Iterator[Line]:
    """
    That it stops.
    """
    if state.draining:
        count = state.producer.stats().inFlight
        on = f"{_messages(count)} still on {'its' if count == 1 else 'their'} way"
        yield Line(Level.WARN, f"Stopping: nothing more is taken, {on}")


def _cluster(state: RelayState, brokers: list[BrokerView]) -> Iterator[Line]:
    """
    What brokers and name servers are not there.
    """
    away = [each for each in brokers if each.state in AWAY]
    lost = len(away) == len(brokers)
    if not state.clientReady:
        yield _without(state, "No name server has answered yet")
    elif away and lost:
        yield _without(state, _unreachable(len(away), len(brokers)))
    elif away:
        who = _unreachable(len(away), len(brokers))
        yield Line(Level.WARN, f"{who}; messages go to the others")
    isolated = sum(each.state == "isolated" for each in brokers)
    if isolated:
        who = _of(isolated, len(brokers))
        yield Line(Level.WARN, f"{who} left out for a while, as sends failed")


def _without(state: RelayState, words: str) -> Line:
    """
    That nothing can be delivered, and what becomes of messages.
    """
    if state.spoolAccepts():
        return Line(Level.WARN, f"{words}; messages are taken and wait in the spool")
    return Line(Level.BAD, f"{words}; messages cannot be stored")


def _unreachable(away: int, there: int) -> str:
    """
    How many brokers cannot be reached.
    """
    if there == 1:
        return "The only broker is unreachable"
    if away == there:
        return f"All {there} brokers are unreachable"
    return f"{_of(away, there)} unreachable"


def _of(some: int, there: int) -> str:
    """
    So many brokers, of all.
    """
    if there == 1:
        return "The only broker is"
    return f"{some} of {there} brokers {'is' if some == 1 else 'are'}"


def _spool(state: RelayState) -> Iterator[Line]:
    """
    What is the matter with the spool.
    """
    if state.spool is None:
        return
    counts = state.spool.counts
    if not state.spool.accepting and not state.draining:
        used = counts.waitingBytes + counts.refusedBytes + counts.claimBytes
        full = used >= 0.9 * counts.limit
        what = "is full" if full else "cannot be written to"
        yield Line(Level.BAD, f"The spool {what}; it takes no messages")
    if state.clusterAccepts():
        yield from _forwarding(state, counts.waiting)
    if counts.refused:
        wait = "waits" if counts.refused == 1 else "wait"
        yield Line(
            Level.WARN,
            f"{_messages(counts.refused)} refused for good {wait} for a decision",
        )
    if counts.lost:
        yield Line(
            Level.WARN,
            f"{_messages(counts.lost)} lost, as the spool's file was damaged",
        )


def _forwarding(state: RelayState, waiting: int) -> Iterator[Line]:
    """
    That messages wait longer than they should.
    """
    wait = f"{_messages(waiting)} {'waits' if waiting == 1 else 'wait'} in the spool"
    flows = state.history.recently().stored > 0
    error = None if state.forwarder is None else state.forwarder.lastError
    if error is not None and waiting and not flows:
        yield Line(Level.WARN, f"The spool is not emptied, as {error}; {wait}")
    elif state.history.grown(GROWING) > GROWING:
        yield Line(Level.WARN, f"Messages come faster than brokers take them; {wait}")


def _failures(state: RelayState) -> Iterator[Line]:
    """
    That sends have failed just now.
    """
    now = state.now()
    recent = [
        each
        for each in state.tally.recent()
        if each.kind == "failed" and now - each.last <= LATELY
    ]
    if recent:
        count = sum(each.count for each in recent)
        most = max(recent, key=lambda each: each.count)
        also = "" if len(recent) == 1 else "mostly "
        why = REASON_WORDS[most.reason]
        yield Line(Level.WARN, f"{_messages(count)} failed lately, {also}as {why}")


def _lag(state: RelayState) -> Iterator[Line]:
    """
    That it does not keep up.
    """
    worst = state.lag.worst
    if worst >= LAGGING:
        yield Line(Level.WARN, f"The relay is busy: it was late by {worst:.1f} s")


def _flow(state: RelayState) -> str:
    """
    How it is when nothing is the matter.
    """
    waiting = 0 if state.spool is None else state.spool.counts.waiting
    recently = state.history.recently()
    if waiting > 2 * recently.stored:
        return f"{_messages(waiting)} in the spool on the way to the brokers"
    if recently.stored or recently.inFlight or waiting:
        return "Everything is stored as it comes"
    return "Ready; no messages come at the moment"


def _messages(count: int) -> str:
    """
    So many messages.
    """
    return "1 message" if count == 1 else f"{count:,} messages"
