"""
Tests for L{txrocketmq._cli.ordering}.
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txrocketmq._cli.ordering import InOrder, Outcome


class InOrderTests(SynchronousTestCase):
    """
    Outcomes.
    """

    @given(st.permutations(range(6)))
    def test_shownInOrderAsSoonAsMayBe(self, ends: list[int]) -> None:
        """
        Whatever ends first, each outcome is shown after those before it, and at
        once when they are all known.
        """
        shown: list[int] = []

        def show(number: int, outcome: Outcome) -> None:
            shown.append(number)

        order = InOrder(show)
        places = [order.expect(number) for number in range(6)]
        known: set[int] = set()
        for end in ends:
            order.settle(places[end], None)
            known.add(end)
            ready = next((n for n in range(6) if n not in known), 6)
            self.assertEqual(shown, list(range(ready)))
            self.assertEqual(len(order), 6 - ready)

    def test_outcomeIsPassedOn(self) -> None:
        """
        What is shown is the outcome that was given.
        """
        shown: list[tuple[int, Outcome]] = []
        order = InOrder(lambda number, outcome: shown.append((number, outcome)))
        error = ValueError()
        order.settle(order.expect(7), error)
        self.assertEqual(shown, [(7, error)])
