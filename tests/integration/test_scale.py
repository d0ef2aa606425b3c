"""
Sends in large numbers, while brokers do not do their part.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.matrix.support import TICK, FaultTestCase
from txrocketmq._sending.targets import LEAST_RETRY
from txrocketmq._wire.codes import RequestCode
from txrocketmq.message import Message, SendResult
from txrocketmq.sandbox import faults

SEND = int(RequestCode.SEND_MESSAGE_V2)

PACE = 0.01
"""
Seconds between two sends.
"""

MANY = 100_000
MOST_MEMORY = 150_000_000
"""
Bytes.
"""

RAISED = {"maxInFlightMessages": 10**6, "maxInFlightBytes": 10**9}
"""
Caps that nothing here reaches.
"""


class ThreeBrokersTests(FaultTestCase):
    """
    One broker of three is of no use.
    """

    brokers = 3

    def setUp(self) -> None:
        """
        Begin with the settings that are the defaults.
        """
        super().setUp()
        self.took: dict[int, float] = {}
        self.results: dict[int, Any] = {}
        self.times: list[int] = []

    def begin(self, count: int) -> None:
        """
        Send at an even pace.
        """
        for at in range(count):
            began = self.clock.seconds()
            self.times.append(0)
            self.producer.send(Message("T", b"%d" % at)).addBoth(self.note, at, began)
            self.cluster.advance(PACE)

    def note(self, outcome: Any, at: int, began: float) -> None:
        """
        Take note of how a send ended.
        """
        self.times[at] += 1
        self.results[at] = outcome
        self.took[at] = self.clock.seconds() - began

    def check(self, count: int) -> None:
        """
        All were stored, each was told so once, and copies were declared.
        """
        self.assertEqual(self.times, [1] * count)
        copies: dict[bytes, int] = {}
        for each in self.stored():
            copies[each.body] = copies.get(each.body, 0) + 1
        for at in range(count):
            result = self.results[at]
            self.assertIsInstance(result, SendResult)
            most = 1 + result.possibleDuplicates
            self.assertIn(copies[b"%d" % at], range(1, most + 1))

    def test_blackHole(self) -> None:
        """
        A broker no packet gets through to fails none of 2000 sends, and makes none
        longer than one attempt and a second; after the first failures only probes
        go there.
        """
        count, attemptTimeout = 2000, 3.0
        self.partition(self.brokerA)
        self.begin(count)
        self.cluster.advance(10.0)
        self.check(count)
        self.assertLess(max(self.took.values()), attemptTimeout + 1.0)
        settled = int((attemptTimeout + 0.1) / PACE)
        there = [
            at
            for at, result in self.results.items()
            for attempt in result.attempts
            if attempt.messageQueue and attempt.messageQueue.brokerName == "broker-a"
        ]
        self.assertGreater(len(there), settled // 4)
        probes = [at for at in there if at >= settled]
        self.assertIn(len(probes), range(1, 8))

    def test_answersThatAreLate(self) -> None:
        """
        A broker that stands still for five seconds, and goes on: what it answers
        then, to sends that have ended elsewhere, changes nothing.
        """
        self.brokerA.push(faults.delay(5.0), code=SEND, times=40)
        self.begin(300)
        self.cluster.advance(1.5)
        self.check(300)
        before = dict(self.results)
        late = len(self.stored())
        self.cluster.advance(5.0)
        self.assertGreater(self.client.stats().lateAnswers, 20)
        self.assertGreater(len(self.stored()), late)
        self.check(300)
        self.assertEqual(self.results, before)
        self.assertEqual(len(self.sent(b"again").attempts), 1)


class ManyTests(SynchronousTestCase):
    """
    More sends than usual, to a broker that does not do its part.
    """

    def run_(self, scenario: str, count: int, **settings: Any) -> dict[str, Any]:
        """
        Send so many messages in a process of their own.
        """
        command = [sys.executable, "-P", "-m", "tests.integration.scale"]
        path = os.pathsep.join(str(Path(each).resolve()) for each in sys.path if each)
        ended = subprocess.run(
            [*command, scenario, str(count), json.dumps(settings)],
            env={**os.environ, "PYTHONPATH": path},
            capture_output=True,
            text=True,
            check=False,
        )
        self.assertEqual(ended.returncode, 0, ended.stderr)
        self.assertEqual(ended.stderr, "")
        found: dict[str, Any] = json.loads(ended.stdout)
        self.assertEqual(found["unended"], 0)
        self.assertLess(found["late"], TICK)
        return found

    def allFail(self, scenario: str, count: int, persisted: str) -> dict[str, Any]:
        """
        With the caps raised, each fails once, at its deadline, and says this.
        """
        found = self.run_(scenario, count, **RAISED)
        self.assertEqual((found["inFlight"], found["refused"]), (count, 0))
        self.assertEqual(found["ends"], {f"SendFailed {persisted}": count})
        self.assertLess(found["early"], LEAST_RETRY + TICK)
        return found

    def test_gone(self) -> None:
        """
        Of 100000 sends whose broker is gone, each fails once and at its deadline
        and says that nothing is stored; they take less than 150 MB.
        """
        found = self.allFail("gone", MANY, "NO")
        memory, each = found["memory"] / 1e6, found["memory"] / MANY
        sys.stdout.write(f"\n{MANY} sends: {memory:.1f} MB, {each:.0f} bytes each\n")
        self.assertLess(found["memory"], MOST_MEMORY)

    def test_goneInOtherWays(self) -> None:
        """
        They end like that, too, where the name servers know that the broker is
        gone, where they are gone with it, and where no packet gets there; and they
        take no more.
        """
        count = MANY // 5
        for scenario in ("goneForAll", "allGone", "swallowed"):
            found = self.allFail(scenario, count, "NO")
            self.assertLess(found["memory"], MOST_MEMORY * count / MANY, scenario)

    def test_silent(self) -> None:
        """
        Where the broker takes all it is sent and never answers, each may be stored.
        """
        self.allFail("silent", MANY // 5, "MAYBE")

    def test_fail(self) -> None:
        """
        With a cap of 10000 and C{whenFull=FAIL}, exactly the rest is refused, at
        once.
        """
        cap = 10_000
        found = self.run_("gone", MANY, maxInFlightMessages=cap, whenFull="FAIL")
        self.assertEqual((found["inFlight"], found["waiting"]), (cap, 0))
        self.assertEqual(found["refused"], MANY - cap)
        self.assertEqual(
            found["ends"], {"TooManyInFlight NO": MANY - cap, "SendFailed NO": cap}
        )

    def test_wait(self) -> None:
        """
        With a cap of 10000 and C{whenFull=WAIT}, no more than may wait do; the
        rest is refused at once, and nobody waits for longer than their time.
        """
        cap, waiting = 10_000, 20_000
        found = self.run_(
            "gone",
            MANY,
            maxInFlightMessages=cap,
            maxWaitingMessages=waiting,
            whenFull="WAIT",
        )
        self.assertEqual((found["inFlight"], found["waiting"]), (cap, waiting))
        self.assertEqual(found["refused"], MANY - cap - waiting)
        self.assertEqual(sum(found["ends"].values()), MANY)
        self.assertTrue(all(each.endswith(" NO") for each in found["ends"]))
