"""
Tests for how rows are chosen, started and checked.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from bench import runs
from bench.drivers import DRIVERS, Load, Program, command
from bench.peers import PEER_DRIVERS
from bench.rows import (
    BATCH,
    GRPC_REAL,
    HUNDRED_THOUSAND,
    JAVA,
    LOADER,
    PACED,
    PEERS,
    PLAIN,
    REAL,
    SETS,
    TARGETS,
    YARDSTICK,
    chosenRows,
)
from bench.runs import Bench, Run, interleaved, prepare, problems
from bench.targets import NEEDS, SINKS, Target
from bench.toolchain import Missing

from .told import told


class ProblemsTests(SynchronousTestCase):
    """
    Tests for L{problems}.
    """

    def test_equalCountsAreGood(self) -> None:
        """
        A program that drains must have counted what its target has.
        """
        run = told(PLAIN, total=1500, counted=1500)
        self.assertEqual(problems(run, PLAIN, True), [])

    def test_drainedProgramMustCountExactly(self) -> None:
        """
        One message more at the target was sent twice, or not waited for.
        """
        for counted in (1499, 1501):
            run = told(PLAIN, total=1500, counted=counted)
            [problem] = problems(run, PLAIN, True)
            self.assertIn(str(counted), problem)

    def test_whatIsInFlightMayBeCounted(self) -> None:
        """
        A program that ends in the middle may have a window of messages
        outstanding, and no more.
        """
        run = told(YARDSTICK, total=1500, counted=1756)
        self.assertEqual(problems(run, YARDSTICK, False), [])
        [problem] = problems(run | {"counted": 1800}, YARDSTICK, False)
        self.assertIn("1800", problem)

    def test_unseenMessagesAreNotCounted(self) -> None:
        """
        A program cannot have more acknowledged than its target has seen.
        """
        run = told(YARDSTICK, total=1500, counted=1499)
        [problem] = problems(run, YARDSTICK, False)
        self.assertIn("1499", problem)

    def test_failedSendsAreAProblem(self) -> None:
        """
        A failure is quick; a rate with failures in it is none.
        """
        [problem] = problems(told(PLAIN, failed=3, error="refused"), PLAIN, True)
        self.assertEqual(problem, "3 sends failed: refused")

    def test_silenceIsAProblem(self) -> None:
        """
        A program that told nothing says why, where that is known.
        """
        self.assertEqual(problems({"error": "no jar"}, PLAIN, True), ["no jar"])
        self.assertEqual(problems({"n": 0}, PLAIN, True), ["nothing was acknowledged"])

    def test_pacedLoadMustKeepItsPace(self) -> None:
        """
        Latencies at half the rate are not latencies at that rate.
        """
        [problem] = problems(told(PACED), PACED, True)
        self.assertIn("1,000 of 2,000", problem)

    def test_checkLooksAtNoTimes(self) -> None:
        """
        Where only that it works is asked, neither pace nor moment matter.
        """
        run = told(PACED, n=0, total=7, counted=7)
        self.assertEqual(problems(run, PACED, True, timed=False), [])
        [problem] = problems(run | {"total": 0}, PACED, True, timed=False)
        self.assertEqual(problem, "nothing was acknowledged")


class RowsTests(SynchronousTestCase):
    """
    Tests for the order and the choice of rows.
    """

    def test_everySecondRepetitionIsReversed(self) -> None:
        """
        No row always runs before another, and those on a broker are together.
        """
        order = [
            (repetition, kind, [row.name for row in group])
            for repetition, kind, group in interleaved([PLAIN, JAVA, REAL], 2)
        ]
        self.assertEqual(
            order,
            [
                (0, "sink", [PLAIN.name, JAVA.name]),
                (0, "real", [REAL.name]),
                (1, "real", [REAL.name]),
                (1, "sink", [JAVA.name, PLAIN.name]),
            ],
        )

    def test_rowsOfSeveralSetsRunOnce(self) -> None:
        """
        What two sets compare with is one row.
        """
        chosen = chosenRows(["show1", "show4"])
        self.assertEqual([row.name for row in chosen].count(PLAIN.name), 1)

    def test_closeRowsAreNeighbours(self) -> None:
        """
        The rows of which a few hundredths are asked are run first, side by side.
        """
        names = [row.name for row in chosenRows(["floor", "show1", "show6"])]
        at = names.index(PLAIN.name)
        self.assertEqual(names[at - 1 : at + 2], ["ROCKETMQ header", PLAIN.name, "ACL"])
        self.assertLess(at, names.index("java async"))

    def test_brokerRowsAreLast(self) -> None:
        """
        A broker is started once in a repetition.
        """
        targets = [row.target == "real" for row in chosenRows(list(SETS))]
        self.assertEqual(targets, sorted(targets))

    def test_peersAndTargetsCanBeChosen(self) -> None:
        """
        C{--peers} and C{--broker} leave out the rows of others.
        """
        drivers = {row.driver for row in chosenRows(list(SETS), peers=["go"])}
        self.assertEqual(drivers & set(PEERS), {"go"})
        targets = {row.target for row in chosenRows(list(SETS), brokers=["real"])}
        self.assertEqual(targets, {"real"})

    def test_namesAreUnique(self) -> None:
        """
        Runs are told apart by the names of their rows.
        """
        names = [row.name for row in chosenRows(list(SETS))]
        self.assertEqual(len(names), len(set(names)))

    def test_everyRowCanBeMade(self) -> None:
        """
        There is a driver and a target for every row.
        """
        rows = chosenRows(list(SETS))
        drivers = {row.driver for row in rows}
        self.assertEqual(drivers, set(DRIVERS) | set(PEER_DRIVERS))
        self.assertEqual({row.target for row in rows}, set(NEEDS))
        self.assertEqual(set(NEEDS), set(SINKS) | {"real"})
        self.assertEqual(
            set(NEEDS), {name for names in TARGETS.values() for name in names}
        )


class CommandTests(SynchronousTestCase):
    """
    Tests for L{command}.
    """

    target = Target("ns:1", 2, "proxy:3", "Topic")

    def words(self, program: Program, row: Any) -> str:
        """
        The command line of a row of half a second.
        """
        load = Load(size=50, seconds=0.5)
        return " ".join(command(program, row, load, self.target))

    def test_arguments(self) -> None:
        """
        Each program is given address, shape, times and topic.
        """
        self.assertEqual(
            self.words(Program(("it",)), BATCH),
            "it ns:1 batch 1 100 50 0.5 1.0 0.0 Topic",
        )

    def test_address(self) -> None:
        """
        Who speaks gRPC is given the proxy, who looks up no route the broker.
        """
        self.assertTrue(
            self.words(Program((), "proxy"), GRPC_REAL).startswith("proxy:3 async")
        )
        self.assertEqual(
            self.words(Program((), "brokerPort"), LOADER), "2 256 50 0.5 1.0 Topic"
        )

    def test_longWarmUp(self) -> None:
        """
        A row that takes long to come into its stride is given the time.
        """
        words = self.words(Program((), warm=1.0), HUNDRED_THOUSAND)
        self.assertIn(" 100000 1 50 0.5 3.0 ", words)


class PrepareTests(SynchronousTestCase):
    """
    Tests for L{prepare}.
    """

    def test_whatIsMissingIsNamed(self) -> None:
        """
        A driver, or a target, that cannot be made does not keep the others from
        running.
        """

        def missing() -> Program:
            raise Missing("javac is not on the path")

        made = dict.fromkeys(("java", "txrocketmq"), lambda: Program(("it",)))
        self.patch(runs, "DRIVERS", made)
        self.patch(runs, "PEER_DRIVERS", {"java": missing})
        self.patch(runs, "NEEDS", {"sink": lambda: None, "real": missing})
        programs, without = prepare([PLAIN, JAVA, REAL])
        self.assertEqual(set(programs), {"txrocketmq"})
        self.assertEqual(
            without,
            {
                JAVA.name: "javac is not on the path",
                REAL.name: "the target: javac is not on the path",
            },
        )


class BenchTests(SynchronousTestCase):
    """
    Tests for L{Bench}, on programs of a line of shell.
    """

    def bench(self, script: str, counted: int, atOnce: int = 1) -> list[Run]:
        """
        Run L{PLAIN} twice on a target that has counted so many messages.
        """

        @contextmanager
        def sink() -> Iterator[Target]:
            yield Target(counts=lambda told: {"messages": counted})

        self.patch(runs, "SINKS", {"sink": sink})
        program = Program(("sh", "-c", script))
        said: list[Run] = []
        bench = Bench({"txrocketmq": program}, Load(seconds=1), said.append, atOnce)
        done = bench.runAll([PLAIN], 2)
        self.assertEqual(said, done)
        return done

    def test_result(self) -> None:
        """
        What the program told and what was seen around it make a run.
        """
        script = """echo noise; echo 'RESULT {"n": 5, "total": 7, "failed": 0}'"""
        first, second = self.bench(script, 7)
        self.assertEqual((first["repetition"], second["repetition"]), (0, 1))
        self.assertEqual((first["n"], first["counted"], first["problems"]), (5, 7, []))
        self.assertIn("otherCores", first)

    def test_lastWords(self) -> None:
        """
        A program that told nothing is quoted.
        """
        first, _ = self.bench("echo no such jar >&2", 0, atOnce=2)
        self.assertEqual(first["problems"], ["no such jar"])

    def test_brokerThatDoesNotStart(self) -> None:
        """
        The rows of a broker that does not start have a problem, and the others
        are run.
        """

        @contextmanager
        def broker() -> Iterator[None]:
            raise Missing("the broker did not start: no memory")
            yield

        self.patch(runs, "broker", broker)
        bench = Bench({}, Load(), lambda run: None)
        [run] = bench.runAll([REAL], 1)
        self.assertEqual(run["problems"], ["the broker did not start: no memory"])

    def test_targetThatHasGone(self) -> None:
        """
        A target that does not answer any more is a problem of that run alone.
        """

        @contextmanager
        def sink() -> Iterator[Target]:
            raise ConnectionRefusedError("gone")
            yield

        self.patch(runs, "SINKS", {"sink": sink})
        bench = Bench({"txrocketmq": Program(("true",))}, Load(), lambda run: None)
        [run] = bench.runAll([PLAIN], 1)
        self.assertEqual(run["problems"], ["gone"])
