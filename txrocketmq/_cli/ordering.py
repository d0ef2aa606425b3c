"""
What became of messages, in the order they were read.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TypeAlias

import attrs

from txrocketmq import SendResult

Outcome: TypeAlias = SendResult | Exception | None
"""
How a message ended: stored, failed, or handed to the network without an answer.
"""


@attrs.define(eq=False)
class Place:
    """
    A line's place in the output, before its outcome is known and after.
    """

    number: int
    outcome: Outcome = None
    settled: bool = False


class InOrder:
    """
    Passes outcomes on in the order of their lines: each as soon as it and all
    before it are known.
    """

    def __init__(self, show: Callable[[int, Outcome], None]) -> None:
        """
        @param show: Is called for each line, in order.
        """
        self._show = show
        self._places: deque[Place] = deque()

    def __len__(self) -> int:
        """
        How many lines are not shown yet.
        """
        return len(self._places)

    def expect(self, number: int) -> Place:
        """
        Keep a place for a line.
        """
        place = Place(number)
        self._places.append(place)
        return place

    def settle(self, place: Place, outcome: Outcome) -> None:
        """
        Say how a line ended, and show what can be shown now.
        """
        place.outcome = outcome
        place.settled = True
        places = self._places
        while places and places[0].settled:
            first = places.popleft()
            self._show(first.number, first.outcome)
