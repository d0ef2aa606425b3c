"""
Tests that what our client sends is what Java's sends.
"""

from __future__ import annotations

import sys
from typing import Any

import attrs
from twisted.trial.unittest import SynchronousTestCase

from tests.support import CHECKOUT

from .comparison import Verdict
from .declared import DIFFERENCES, NOT_REPLAYED
from .frames import Rules
from .scenarios import Scenario, Seen, scenarios

MOST_DIFFERENCES = 12


def replayed() -> list[Scenario]:
    """
    The scenarios in which something is sent, and that we can express.
    """
    return [
        each for each in scenarios() if each.name not in NOT_REPLAYED and not each.cases
    ]


def succeeding() -> list[Scenario]:
    """
    Those of them in which nothing fails, so that no rules of retrying matter.
    """
    return [
        each
        for each in replayed()
        if not any("failure" in end for end in each.outcomes.values())
    ]


class LikeJavaTests(SynchronousTestCase):
    """
    Every scenario of the Java clients, done by ours.
    """

    def test_sameFrames(self) -> None:
        """
        What arrives of our client is what arrived of Java's, but for the
        declared differences, each of which occurs.
        """
        verdict = Verdict()
        for scenario in replayed():
            verdict.add(scenario, javaRules=True)
        self.assertEqual(verdict.report(), "")
        for name, told in DIFFERENCES.items():
            titles = verdict.noted.get(name, [])
            sys.stdout.write(f"\n{name} ({len(titles)} scenarios): {told}")
        sys.stdout.write("\n")
        self.assertEqual(verdict.noted.keys(), DIFFERENCES.keys())

    def test_sameFramesUnderOurRules(self) -> None:
        """
        So it is where sends follow our own rules of retrying.
        """
        verdict = Verdict()
        for scenario in succeeding():
            verdict.add(scenario, javaRules=False)
        self.assertEqual(verdict.report(), "")
        self.assertGreater(len(succeeding()), 30)

    def test_nothingIsLeftOut(self) -> None:
        """
        What is not replayed is a scenario that exists, and is listed.
        """
        names = {each.name for each in scenarios()}
        self.assertLessEqual(NOT_REPLAYED.keys(), names)
        self.assertEqual(
            {each.name for each in replayed()} | NOT_REPLAYED.keys() | {"refused"},
            names,
        )
        self.assertGreater(len(replayed()), 40)


class DeclaredTests(SynchronousTestCase):
    """
    What is said to differ.
    """

    def test_few(self) -> None:
        """
        There are not many differences.
        """
        self.assertLessEqual(len(DIFFERENCES), MOST_DIFFERENCES)

    def test_documented(self) -> None:
        """
        The documentation tells of the same differences, and of the same
        scenarios that are not replayed, in the same words.
        """
        path = CHECKOUT / "docs" / "reference" / "javaframes.rst"
        differences, left = path.read_text("utf-8").split("Not replayed\n")
        self.assertEqual(terms(differences), DIFFERENCES)
        self.assertEqual(terms(left), NOT_REPLAYED)


class RulesTests(SynchronousTestCase):
    """
    What is compared.
    """

    def frame(self, name: str, code: int) -> Seen:
        """
        The first request of this code in a scenario.
        """
        (scenario,) = (
            each for each in scenarios() if each.name == name and not each.isOld
        )
        requests = (*scenario.nameServer, *scenario.broker)
        return next(each for each in requests if each.code == code)

    def ours(self, seen: Seen) -> Seen:
        """
        A frame of Java's as ours would be.
        """
        fields = dict(seen.extFields)
        if seen.code == 105:
            fields["acceptStandardJsonOnly"] = "true"
        body = (seen.body or b"").replace(
            b'{"groupName":"CLIENT_INNER_PRODUCER"},', b""
        )
        return attrs.evolve(seen, language="PYTHON", extFields=fields, body=body)

    def assertSeen(self, what: str, java: Seen, ours: Seen) -> None:
        """
        Exactly this is found not to be the same.
        """
        (wrong,) = Rules(False, "12345678").compare(java, ours)
        self.assertEqual(wrong.split(":")[0].split()[0], what)

    def test_same(self) -> None:
        """
        What is the same is found to be the same.
        """
        for name, code in (("acl", 310), ("batch", 320), ("sync", 34), ("sync", 105)):
            java = self.frame(name, code)
            rules = Rules(False, "12345678")
            self.assertEqual(rules.compare(java, self.ours(java)), [])

    def test_frames(self) -> None:
        """
        Another code, flag, serialisation, client, version, remark or body is
        seen.
        """
        java = self.frame("sync", 310)
        other = self.frame("body-nul", 310)
        ours = self.ours(java)
        changes: list[tuple[str, Any]] = [
            ("code", 10),
            ("flag", 2),
            ("serializeType", "ROCKETMQ"),
            ("language", "OTHER"),
            ("version", 407),
            ("remark", "x"),
        ]
        for name, value in changes:
            self.assertSeen(name, java, attrs.evolve(ours, **{name: value}))
        changed = attrs.evolve(ours, body=other.body, digest=other.digest)
        self.assertSeen("body", java, changed)

    def test_fields(self) -> None:
        """
        Another value of a field, one too many and one too few are seen.
        """
        java = self.frame("sync", 310)
        ours = self.ours(java)
        for name, value, what in (
            ("a", "other", "a"),
            ("e", "9", "queueId"),
            ("g", "soon", "g"),
            ("l", "1", "names"),
            ("i", java.extFields["i"] + "x\x01y\x02", "property"),
            ("i", java.extFields["i"].replace("true", "false"), "WAIT"),
            ("i", java.extFields["i"].replace("KEY\x01F", "KEY\x01-"), "UNIQ_KEY"),
        ):
            fields = {**ours.extFields, name: value}
            self.assertSeen(what, java, attrs.evolve(ours, extFields=fields))
        fields = {k: v for k, v in ours.extFields.items() if k != "k"}
        self.assertSeen("names", java, attrs.evolve(ours, extFields=fields))

    def test_signatures(self) -> None:
        """
        A wrong signature is seen, Java's and ours.
        """
        java = self.frame("acl", 310)
        self.assertEqual(len(Rules(False, "other").compare(java, self.ours(java))), 2)

    def test_heartbeats(self) -> None:
        """
        Another group, another form of clientID and another field are seen.
        """
        java = self.frame("sync", 34)
        ours = self.ours(java)
        assert ours.body is not None
        for old, new, what in (
            (b"GID_sync_java", b"GID", "groups"),
            (b"@", b"-", "clientID"),
            (b'"withoutSub":false', b'"withoutSub":true', "heartbeat"),
        ):
            body = ours.body.replace(old, new)
            self.assertSeen(what, java, attrs.evolve(ours, body=body))

    def test_batches(self) -> None:
        """
        Another member and another number of them are seen.
        """
        java = self.frame("batch", 320)
        assert java.body is not None
        body = java.body.replace(b"two two", b"two TWO")
        self.assertSeen("body", java, attrs.evolve(self.ours(java), body=body))
        body = java.body[: int.from_bytes(java.body[:4], "big")]
        self.assertSeen("batch", java, attrs.evolve(self.ours(java), body=body))


def terms(text: str) -> dict[str, str]:
    """
    The definitions of a reStructuredText page: terms in literal quotes, each
    above its indented words.
    """
    found: dict[str, str] = {}
    for block in text.split("\n\n"):
        first, _, rest = block.strip("\n").partition("\n")
        if first.startswith("``") and rest.startswith("    "):
            words = " ".join(rest.split()).replace("``", "").replace("\\_", "_")
            found.update(dict.fromkeys(first.replace("``", "").split(", "), words))
    return found
