"""
The tables of the daemon, in C{reference/relay.rst}, say what the code says.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

import attrs
from prometheus_client.parser import text_string_to_metric_families
from twisted.trial.unittest import SynchronousTestCase

from tests.relay.looking import LookingTestCase
from tests.sources import Source, package
from txrocketmq.relay.configuration import SETTINGS
from txrocketmq.relay.limits import Limits
from txrocketmq.relay.metrics import PREFIX, Metrics

from .test_tables import page, rows

PAGE = "reference/relay.rst"


class SettingTests(SynchronousTestCase):
    """
    L{txrocketmq.relay.configuration}.
    """

    def test_table(self) -> None:
        """
        Every setting is there, with its default, and whether it is read again.
        """
        expected = [
            [
                f"``--{setting.name}``",
                "" if setting.shown is None else f"``{setting.shown}``",
                "yes" if setting.live else "",
            ]
            for setting in SETTINGS
        ]
        shown = rows(page(PAGE), "Setting, Default, Again, Meaning")
        self.assertEqual([row[:3] for row in shown], expected)


class LimitTests(SynchronousTestCase):
    """
    L{txrocketmq.relay.limits}.
    """

    def test_table(self) -> None:
        """
        Every limit is there, with its value.
        """
        limits = Limits()
        expected = [
            [f"``{field.name}``", f"{getattr(limits, field.name):.16g}"]
            for field in attrs.fields(Limits)
        ]
        shown = rows(page(PAGE), "Limit, Value, Meaning")
        self.assertEqual([row[:2] for row in shown], expected)


class AnswerTests(SynchronousTestCase):
    """
    Whatever is answered with an error.
    """

    def test_table(self) -> None:
        """
        Every status and code that is written anywhere is there, once.
        """
        written = {
            pair
            for source in package()
            if source.path.startswith("relay/")
            for pair in problems(source)
        }
        shown = [
            (int(status), code.strip("`"))
            for status, code, _ in rows(page(PAGE), "Status, Code, Meaning")
        ]
        self.assertEqual(set(shown), written)
        self.assertEqual(len(shown), len(written))

    def test_howTo(self) -> None:
        """
        Every status that is about messages is among those of the how-to.
        """
        table = page("howto/daemon.rst").partition("* - Status")[2]
        told = table.partition("\n\nA message")[0]
        statuses = {status for status, _ in self.told()} | {200, 202, 207, 502, 504}
        for status in statuses - {421}:
            self.assertIn(str(status), told)

    def told(self) -> list[tuple[int, str]]:
        """
        What the reference has.
        """
        table = rows(page(PAGE), "Status, Code, Meaning")
        return [(int(status), code) for status, code, _ in table]


def problems(source: Source) -> Iterator[tuple[int, str]]:
    """
    Find what a module answers with an error: statuses and codes.
    """
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            if node.func.id not in ("problem", "later"):
                continue
            match node.args[:2]:
                case [ast.Constant(value=int(status)), ast.Constant(value=str(code))]:
                    yield status, code


class MetricTests(LookingTestCase):
    """
    L{txrocketmq.relay.metrics}.
    """

    def test_table(self) -> None:
        """
        Every metric of ours is there, with its type and its labels.
        """
        self.spooling()
        text = Metrics(self.state).written("")[0].decode()
        expected = []
        for family in text_string_to_metric_families(text):
            if family.name.startswith(PREFIX):
                name = family.name + ("_total" if family.type == "counter" else "")
                labels = {each for s in family.samples for each in s.labels} - {"le"}
                shown = " ".join(f"``{label}``" for label in sorted(labels))
                expected.append([f"``{name}``", family.type, shown])
        table = rows(page(PAGE), "Metric, Type, Labels, Meaning")
        self.assertEqual([row[:3] for row in table], expected)
