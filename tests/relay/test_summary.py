"""
Tests for what is said of the relay: its summary, its figures in words, its status.
"""

from __future__ import annotations

import json

from twisted.trial.unittest import SynchronousTestCase

from tests.relay.looking import EPOCH, LookingTestCase
from txrocketmq.relay import texts
from txrocketmq.relay.brokers import BrokerView
from txrocketmq.relay.history import LENGTH
from txrocketmq.relay.status import statusOf
from txrocketmq.relay.summary import LAGGING, LATELY, Level, Line, summarize


class SummaryTests(LookingTestCase):
    """
    Sentences.
    """

    brokers = 3

    def said(self) -> list[str]:
        """
        All sentences.
        """
        return [line.text for line in self.lines()]

    def lines(self) -> list[Line]:
        """
        All lines.
        """
        lines = summarize(self.state, self.state.brokers())
        self.level = lines[0].level
        return lines

    def test_idle(self) -> None:
        """
        A relay that nobody uses is ready.
        """
        self.assertEqual(self.said(), ["Ready; no messages come at the moment"])
        self.assertIs(self.level, Level.OK)

    def test_flowing(self) -> None:
        """
        One that stores what comes says so.
        """
        self.send(5)
        self.cluster.advance(1.0)
        self.assertEqual(self.said(), ["Everything is stored as it comes"])

    def test_nothingStored(self) -> None:
        """
        It is not said of messages that were refused, and then deleted.
        """
        self.spooling()
        self.tally.accepted("spool", 3, 12)
        for _ in range(3):
            self.tally.refused("message_refused")
        self.cluster.advance(1.0)
        self.assertEqual(self.said(), ["Ready; no messages come at the moment"])

    def test_someBrokersDown(self) -> None:
        """
        Some brokers that are away are no reason to lose anything.
        """
        self.warm()
        self.cluster.advance(1.0)
        self.setDown("broker-b")
        self.assertEqual(
            self.said(),
            ["1 of 3 brokers is unreachable; messages go to the others"],
        )
        self.setDown("broker-a")
        self.assertEqual(
            self.said(),
            ["2 of 3 brokers are unreachable; messages go to the others"],
        )
        self.assertIs(self.level, Level.WARN)

    def test_allBrokersDown(self) -> None:
        """
        If all are away messages wait in the spool, or cannot be taken.
        """
        self.warm()
        self.cluster.advance(1.0)
        self.setDown("broker-a", "broker-b", "broker-c")
        self.assertEqual(
            self.said(),
            ["All 3 brokers are unreachable; messages cannot be stored"],
        )
        self.assertIs(self.level, Level.BAD)
        self.spooling()
        self.assertEqual(
            self.said(),
            ["All 3 brokers are unreachable; messages are taken and wait in the spool"],
        )
        self.assertIs(self.level, Level.WARN)

    def test_noNameServer(self) -> None:
        """
        A cluster that was never there is said to be missing.
        """
        self.state.clientReady = False
        self.assertEqual(
            self.said(),
            ["No name server has answered yet; messages cannot be stored"],
        )

    def test_spoolFull(self) -> None:
        """
        A spool that is full is worse than anything that is only slow.
        """
        self.spooling()
        self.spool.accepting = False
        self.spool.figures["waitingBytes"] = 1 << 20
        self.assertEqual(self.said(), ["The spool is full; it takes no messages"])
        self.spool.figures["waitingBytes"] = 0
        self.assertEqual(
            self.said(), ["The spool cannot be written to; it takes no messages"]
        )
        self.assertIs(self.level, Level.BAD)

    def test_spoolGrows(self) -> None:
        """
        Messages that come too fast are told of, and those that only wait are not
        much of a reason to.
        """
        self.spooling()
        for waiting in range(0, 2000, 100):
            self.spool.figures["waiting"] = waiting
            self.cluster.advance(1.0)
        self.assertEqual(
            self.said(),
            [
                (
                    "Messages come faster than brokers take them; 1,900 messages "
                    "wait in the spool"
                )
            ],
        )
        self.cluster.advance(60.0)
        self.assertEqual(
            self.said(), ["1,900 messages in the spool on the way to the brokers"]
        )
        self.assertIs(self.level, Level.OK)

    def test_spoolNotEmptied(self) -> None:
        """
        A forwarder that does not get on says why.
        """
        self.spooling()
        self.forwarder.lastError = "the topic does not exist"
        self.assertNotIn("topic", self.said()[0])
        self.spool.figures["waiting"] = 1
        self.assertEqual(
            self.said(),
            [
                (
                    "The spool is not emptied, as the topic does not exist; 1 message "
                    "waits in the spool"
                )
            ],
        )
        self.tally.stored(0.1, 1, viaSpool=True)
        self.assertNotIn("topic", self.said()[0])

    def test_refused(self) -> None:
        """
        Refused messages wait for somebody.
        """
        self.spooling()
        self.spool.add(1)
        self.assertEqual(
            self.said(), ["1 message refused for good waits for a decision"]
        )
        self.spool.add(1)
        self.assertEqual(
            self.said(), ["2 messages refused for good wait for a decision"]
        )

    def test_lost(self) -> None:
        """
        That a damaged file has cost messages is not kept quiet.
        """
        self.spooling()
        self.spool.figures["lost"] = 7
        self.assertEqual(
            self.said(), ["7 messages lost, as the spool's file was damaged"]
        )

    def test_failures(self) -> None:
        """
        Failures are told for a minute.
        """
        self.tally.failed("timeout", 3.0, 2, "MAYBE")
        self.assertEqual(
            self.said(), ["1 message failed lately, as there was no answer in time"]
        )
        self.tally.failed("connect_failed", 3.0, 2, "NO")
        self.tally.failed("connect_failed", 3.0, 2, "NO")
        self.assertEqual(
            self.said(),
            ["3 messages failed lately, mostly as a connection could not be made"],
        )
        self.cluster.advance(LATELY + 1)
        self.assertIn("no messages", self.said()[0])

    def test_isolated(self) -> None:
        """
        Brokers that are left out are told of.
        """
        views = [BrokerView(name, "h:1", "isolated", "") for name in "ab"]
        line, _ = summarize(self.state, [*views, BrokerView("c", "h:1", "gone", "")])
        self.assertEqual(
            line.text, "1 of 3 brokers is unreachable; messages go to the others"
        )
        (line,) = summarize(self.state, [*views, BrokerView("c", "h:1", "reached", "")])
        self.assertEqual(
            line.text,
            "2 of 3 brokers are left out for a while, as sends failed",
        )
        (line,) = summarize(self.state, views[:1])
        self.assertTrue(line.text.startswith("The only broker is left out"))
        (line,) = summarize(self.state, [BrokerView("a", "h:1", "refused", "")])
        self.assertTrue(line.text.startswith("The only broker is unreachable"))

    def test_busy(self) -> None:
        """
        So is a relay that does not keep up.
        """
        self.state.lag._recent.append(LAGGING + 1.5)
        self.assertEqual(self.said(), ["The relay is busy: it was late by 2.0 s"])

    def test_stopping(self) -> None:
        """
        So is one that stops.
        """
        self.state.draining = True
        self.assertEqual(
            self.said(),
            ["Stopping: nothing more is taken, 0 messages still on their way"],
        )

    def test_worstFirst(self) -> None:
        """
        What is worst is said first.
        """
        self.spooling()
        self.spool.add(3)
        self.spool.accepting = False
        levels = [getattr(line, "level", None) for line in self.lines()]
        self.assertEqual(levels, [Level.BAD, Level.WARN])


class TextTests(SynchronousTestCase):
    """
    Figures as people read them.
    """

    def test_rate(self) -> None:
        """
        Few are written exactly, many with commas, none as what it is.
        """
        shown = [texts.rate(n) for n in (None, 0, 0.0, 0.04, 1.0, 9.94, 9.96, 12345.6)]
        self.assertEqual(
            shown, ["\N{EN DASH}", "0", "0", "0.0", "1", "9.9", "10", "12,346"]
        )

    def test_brief(self) -> None:
        """
        Where there is little room, large numbers are thousands and millions.
        """
        for value, shown in (
            (None, texts.NOTHING),
            (0.5, "0.5"),
            (99_999.0, "99,999"),
            (99_999.6, "100 k"),
            (999_400.0, "999 k"),
            (999_500.0, "1.0 M"),
            (20_306_323.0, "20.3 M"),
            (1.5e12, "1500.0 G"),
        ):
            self.assertEqual(texts.brief(value), shown)

    def test_duration(self) -> None:
        """
        In the unit that suits it.
        """
        shown = [
            texts.duration(s) for s in (None, 0.0004, 0.00996, 0.25, 1.0, 99.9, 120)
        ]
        self.assertEqual(
            shown,
            [
                "\N{EN DASH}",
                "0.4 ms",
                "10 ms",
                "250 ms",
                "1.0 s",
                "99.9 s",
                "2 min 0 s",
            ],
        )

    def test_age(self) -> None:
        """
        In two units at most.
        """
        shown = [texts.age(s) for s in (None, 0.9, 59, 61, 3600, 90000)]
        self.assertEqual(
            shown, ["\N{EN DASH}", "0 s", "59 s", "1 min 1 s", "1 h 0 min", "1 d 1 h"]
        )

    def test_size(self) -> None:
        """
        In binary units, as limits are given.
        """
        shown = [texts.size(n) for n in (0, 1023, 1024, 200 << 20, 3 << 40, 5 << 50)]
        self.assertEqual(
            shown, ["0 B", "1023 B", "1.0 KiB", "200 MiB", "3.0 TiB", "5120 TiB"]
        )


class StatusTests(LookingTestCase):
    """
    Everything at once.
    """

    def test_json(self) -> None:
        """
        It is JSON, with or without a spool.
        """
        bare = json.loads(json.dumps(statusOf(self.state)))
        self.assertIsNone(bare["spool"])
        self.assertNotIn("history", bare)
        self.assertNotIn("texts", bare)
        self.spooling()
        status = json.loads(json.dumps(statusOf(self.state, 0, True)))
        self.assertEqual(set(bare) | {"history", "texts"}, set(status))
        self.assertEqual(status["spool"]["forwarder"], "idle")
        self.state.forwarder = None
        self.assertIsNone(statusOf(self.state)["spool"]["forwarder"])

    def test_figures(self) -> None:
        """
        The figures are those of the parts.
        """
        self.spooling()
        self.spool.figures.update(waiting=4, oldest=EPOCH, limit=1000)
        self.spool.figures.update(waitingBytes=500)
        self.forwarder.lastError = "no name server answered"
        self.send(3)
        self.tally.failed("timeout", 1.0, 1, "NO")
        self.tally.failed("timeout", 1.0, 1, "MAYBE")
        self.tally.answered(200)
        self.cluster.advance(5.0)
        status = statusOf(self.state, texts=True)
        self.assertEqual(status["counts"]["accepted"], {"broker": 3, "spool": 0})
        self.assertEqual(status["counts"]["failed"], {"timeout": 2})
        self.assertEqual(status["counts"]["answers"], {"200": 1})
        self.assertEqual(status["counts"]["attempts"], 3)
        self.assertAlmostEqual(status["spool"]["oldest"], 5.0)
        self.assertEqual(len(status["cluster"]["brokers"]), 2)
        self.assertEqual(status["cluster"]["topics"], 1)
        self.assertTrue(status["ready"] and status["live"])
        shown = status["texts"]
        self.assertEqual(shown["usedPart"], "50")
        self.assertEqual(shown["used"], "500 B of 1000 B")
        self.assertEqual(shown["forwarder"], "idle: no name server answered")
        self.assertEqual(
            shown["answers"].split(), ["1", "\N{MULTIPLICATION SIGN}", "200"]
        )
        self.assertEqual(shown["oldest"], "5 s")
        self.assertIn("of 1 topic, confirmed", shown["routes"])

    def test_history(self) -> None:
        """
        The history is given in columns, as far as it is not known.
        """
        self.cluster.advance(4.0)
        history = statusOf(self.state, 1)["history"]
        self.assertEqual((history["number"], len(history["accepted"])), (4, 3))
        self.assertEqual(history["p50"], [None] * 3)

    def test_plots(self) -> None:
        """
        Each plot has a text that says what it shows.
        """
        for _ in range(3):
            self.send(2)
            self.cluster.advance(1.0)
        self.cluster.advance(70.0)
        shown = statusOf(self.state, texts=True)["texts"]
        self.assertEqual(
            shown["acceptedPlot"],
            "Messages accepted per second, last minute: between 0 and 2",
        )
        self.assertEqual((shown["acceptedTop"], shown["failedTop"]), ("2", ""))
        self.assertIn("always 0", shown["failedPlot"])
        self.assertRegex(shown["latencyPlot"], r"between .* ms and .* ms$")
        self.cluster.advance(LENGTH)
        shown = statusOf(self.state, texts=True)["texts"]
        self.assertEqual(shown["span"], "5 minutes")
        self.assertIn("nothing yet", shown["latencyPlot"])

    def test_manyTopics(self) -> None:
        """
        Topics are counted, not named: there may be thousands.
        """
        for name in ("Alpha", "Beta"):
            self.cluster.result(self.cluster.sandbox.createTopic(name, queues=1))
            self.client.prefetch(name, 1)
        self.cluster.flush()
        status = statusOf(self.state, 0, True)
        self.assertIn("of 2 topics", status["texts"]["routes"])
        self.assertNotIn("Alpha", json.dumps(status))
