"""
Names get their prefix on the way out and lose it on the way in.
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests import support
from txrocketmq.namespaces import SYSTEM_TOPICS, isSystem, unwrap, wrap

assert support

WORD = st.text("abcXYZ019_-|", min_size=1)


class WrapTests(SynchronousTestCase):
    """
    Names follow Java's rules.
    """

    def test_prefix(self) -> None:
        """
        Topics and groups get the namespace in front.
        """
        self.assertEqual(wrap("MQ_INST_1", "Orders"), "MQ_INST_1%Orders")
        self.assertEqual(unwrap("MQ_INST_1", "MQ_INST_1%Orders"), "Orders")

    def test_groupTopics(self) -> None:
        """
        In the topics of a group the namespace belongs to the group.
        """
        for kind in ("%RETRY%", "%DLQ%"):
            self.assertEqual(wrap("ns", f"{kind}group"), f"{kind}ns%group")
            self.assertEqual(unwrap("ns", f"{kind}ns%group"), f"{kind}group")

    def test_twice(self) -> None:
        """
        A name that has the namespace is not given it again.
        """
        for name in ("ns%Orders", "%RETRY%ns%group", "%DLQ%ns%group"):
            self.assertEqual(wrap("ns", name), name)

    def test_others(self) -> None:
        """
        Another namespace is part of a name, and stays.
        """
        self.assertEqual(wrap("ns", "other%Orders"), "ns%other%Orders")
        for name in ("other%Orders", "nsOrders", "Orders", "ns", "%RETRY%other%g"):
            self.assertEqual(unwrap("ns", name), name)

    def test_systemNames(self) -> None:
        """
        RocketMQ's own topics and groups are in no namespace.
        """
        names = {*SYSTEM_TOPICS, "rmq_sys_REVIVE_LOG_x", "CID_RMQ_SYS_TRANS"}
        for name in names:
            self.assertTrue(isSystem(name))
            self.assertEqual(wrap("ns", name), name)
            self.assertEqual(unwrap("rmq_sys_x", name), name)
        self.assertFalse(isSystem("Orders"))
        self.assertEqual(unwrap("rmq_sys_x", "rmq_sys_x%T"), "rmq_sys_x%T")

    def test_nothing(self) -> None:
        """
        Without a namespace, or without a name, nothing happens.
        """
        for namespace in (None, ""):
            self.assertEqual(wrap(namespace, "Orders"), "Orders")
            self.assertEqual(unwrap(namespace, "%Orders"), "%Orders")
        self.assertEqual(wrap("ns", ""), "")
        self.assertEqual(unwrap("ns", ""), "")

    @given(st.text("ab%", min_size=1), WORD, st.sampled_from(["", "%RETRY%", "%DLQ%"]))
    def test_roundTrip(self, namespace: str, name: str, kind: str) -> None:
        """
        What was wrapped is the same again when it is unwrapped.
        """
        self.assertEqual(unwrap(namespace, wrap(namespace, kind + name)), kind + name)
