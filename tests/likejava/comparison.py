"""
What arrived of two clients in one scenario, compared.
"""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterable
from typing import Any

import attrs

from txrocketmq.errors import SendFailed

from .frames import HEART_BEAT, INNER, Rules
from .replay import Replay
from .scenarios import Scenario, Seen

UNREGISTER = 35
LONGEST_PROPERTIES = 32_767

QUEUE_GIVEN = {"queue", "queue-out-of-range", "selector-hash"}
"""
The scenarios in which the queue is no chance.
"""


def compare(scenario: Scenario, replay: Replay) -> tuple[list[str], set[str]]:
    """
    Compare all that arrived, and how the steps ended.

    @return: What is not the same; and the declared differences that occurred.
    """
    rules = Rules(
        scenario.isOld,
        scenario.inputs["config"].get("secretKey", ""),
        scenario.name in QUEUE_GIVEN,
    )
    wrong = routes(rules, scenario.nameServer, replay.nameServer())
    wrong += told(rules, scenario.broker, replay.broker())
    wrong += _outcomes(scenario, replay.outcomes)
    return wrong, rules.noted


def routes(rules: Rules, java: Iterable[Seen], ours: list[Seen]) -> list[str]:
    """
    Compare what the name server was asked.

    @return: What is not the same, and not declared.
    """
    theirs = list(java)
    if rules.isOld:
        atStart = [each for each in theirs if each.extFields["topic"] == "TBW102"]
        theirs.remove(atStart[0])
        rules.noted.add("templateAtStart")
    return _inOrder(rules, _once(rules, theirs), _once(rules, ours))


def told(rules: Rules, java: Iterable[Seen], ours: list[Seen]) -> list[str]:
    """
    Compare what the broker was told: heartbeats as a set, the rest in order.

    @return: What is not the same, and not declared.
    """
    theirs = []
    for each in java:
        if _isInner(each):
            rules.noted.add("innerProducer")
        elif len(each.extFields.get("i", "").encode()) > LONGEST_PROPERTIES:
            rules.noted.add("longProperties")
        else:
            theirs.append(each)
    beats = _once(rules, [each for each in theirs if each.code == HEART_BEAT])
    own = _once(rules, [each for each in ours if each.code == HEART_BEAT])
    if rules.isOld and own and not beats:
        rules.noted.add("firstHeartbeat")
        own = []
    return [
        *_inOrder(rules, beats, own),
        *_inOrder(
            rules,
            [each for each in theirs if each.code != HEART_BEAT],
            [each for each in ours if each.code != HEART_BEAT],
        ),
    ]


def _isInner(seen: Seen) -> bool:
    """
    Whether a request tells of Java's inner producer, and of nobody else: the
    last heartbeat may come after the user's own group was unregistered.
    """
    if seen.code == HEART_BEAT and seen.body is not None:
        producers = json.loads(seen.body)["producerDataSet"]
        return [each["groupName"] for each in producers] == [INNER]
    return seen.code == UNREGISTER and seen.extFields["producerGroup"] == INNER


def _inOrder(rules: Rules, java: list[Seen], ours: list[Seen]) -> list[str]:
    """
    Compare one by one.
    """
    wrong = []
    if len(java) != len(ours):
        codes = [[each.code for each in some] for some in (java, ours)]
        wrong = [f"requests: Java's {codes[0]}, ours {codes[1]}"]
    for one, other in zip(java, ours, strict=False):
        wrong += [f"{one.code}: {each}" for each in rules.compare(one, other)]
    return wrong


def _once(rules: Rules, requests: list[Seen]) -> list[Seen]:
    """
    Leave out what was asked before.
    """
    first: dict[Hashable, Seen] = {}
    for each in requests:
        first.setdefault((each.extFields.get("topic"), _content(each)), each)
    if len(first) != len(requests):
        rules.noted.add("repeats")
    return list(first.values())


def _content(seen: Seen) -> str:
    """
    What a body says: the same for heartbeats that differ in their order, or in
    whether Java's inner producer had been started when they were made.
    """
    if seen.code != HEART_BEAT or seen.body is None:
        return seen.digest
    said = json.loads(seen.body)
    groups = {each["groupName"] for each in said.pop("producerDataSet")} - {INNER}
    return json.dumps([said, sorted(groups)], sort_keys=True)


def _outcomes(scenario: Scenario, ours: list[Any]) -> list[str]:
    """
    Compare whether the steps succeeded, and what the broker's answer was.
    """
    wrong = []
    for number, end in enumerate(ours):
        java = scenario.outcomes.get(number, {})
        failed = isinstance(end, Exception)
        if failed != ("failure" in java):
            wrong.append(f"step {number}: Java's {java}, ours {end!r}")
        code = end.code if isinstance(end, SendFailed) else None
        if code is not None and not scenario.isOld:
            expected = java.get("failure", {}).get("code")
            if code != expected:
                wrong.append(f"step {number}: Java's code {expected}, ours {code}")
    return wrong


@attrs.frozen
class Verdict:
    """
    What came of replaying several scenarios.

    @ivar wrong: What is not the same, by scenario.

    @ivar noted: In which scenarios each declared difference occurred.
    """

    wrong: dict[str, list[str]] = attrs.field(factory=dict)
    noted: dict[str, list[str]] = attrs.field(factory=dict)

    def add(self, scenario: Scenario, javaRules: bool) -> None:
        """
        Replay one more.
        """
        wrong, noted = compare(scenario, Replay(scenario, javaRules).run())
        if wrong:
            self.wrong[scenario.title] = wrong
        for name in noted:
            self.noted.setdefault(name, []).append(scenario.title)

    def report(self) -> str:
        """
        All that is not the same; empty where everything is.
        """
        return "\n".join(
            f"{title}: {each}" for title, wrong in self.wrong.items() for each in wrong
        )
