"""
The brokers as an operator sees them.
"""

from __future__ import annotations

from collections.abc import Iterable

import attrs
from twisted.internet.interfaces import IReactorTime

from txrocketmq.stats import BrokerStats

STATES = ("reached", "isolated", "refused", "unused", "gone")
"""
How a broker can be:

    - reached: it is connected

    - isolated: sends to it failed, and it is left out for a while

    - refused: it takes no connection

    - unused: nobody had to connect to it yet

    - gone: routes named it, and do not any more
"""

WORDS = {
    "reached": "connected",
    "isolated": "left out for a while, as sends to it failed",
    "refused": "takes no connection",
    "unused": "not needed yet",
    "gone": "no route names it any more",
}
"""
What is said of each.
"""

FORGOTTEN = 600.0
"""
Seconds after which a broker that no route names is not shown any more, if there are
others.
"""

AWAY = ("refused", "gone")
"""
The states in which a broker can take nothing.
"""

MOST = 100
"""
The most brokers that are remembered.
"""

MOST_WORDS = 200
"""
The most characters of why a broker takes no connection.
"""


@attrs.frozen
class BrokerView:
    """
    One broker.

    @ivar state: One of L{STATES}.

    @ivar words: What there is to say of it.
    """

    brokerName: str
    address: str
    state: str
    words: str


class Brokers:
    """
    The brokers of now, and those there were.
    """

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._seen: dict[tuple[str, str], float] = {}

    def look(
        self, masters: Iterable[BrokerStats], isolated: Iterable[str]
    ) -> list[BrokerView]:
        """
        The brokers, by name.

        @param masters: Those that routes name.

        @param isolated: The names of those that sends leave out.
        """
        now = self._clock.seconds()
        present = {(each.brokerName, each.address): each for each in masters}
        self._remember(now, present)
        isolated = set(isolated)
        return [
            _view(present[key], isolated) if key in present else _gone(*key)
            for key in sorted(self._seen)
        ]

    def _remember(self, now: float, present: Iterable[tuple[str, str]]) -> None:
        """
        Note who was seen; forget who has not been for long.
        """
        names = {brokerName for brokerName, _ in present}
        self._seen = {
            key: at
            for key, at in self._seen.items()
            # A broker that moved is where it is now.
            if key[0] not in names and (not names or now - at < FORGOTTEN)
        }
        self._seen.update(dict.fromkeys(present, now))
        for key in sorted(self._seen, key=self._seen.__getitem__)[:-MOST]:
            del self._seen[key]


def _view(broker: BrokerStats, isolated: set[str]) -> BrokerView:
    """
    A broker that routes name.
    """
    state = _state(broker, isolated)
    words = WORDS[state]
    if state == "refused" and broker.failure:
        words = broker.failure.removeprefix(f"{broker.address}: ")[:MOST_WORDS]
    return BrokerView(broker.brokerName, broker.address, state, words)


def _state(broker: BrokerStats, isolated: set[str]) -> str:
    """
    How a broker is.
    """
    if not broker.connected and broker.failures:
        return "refused"
    if broker.brokerName in isolated:
        return "isolated"
    return "reached" if broker.connected else "unused"


def _gone(brokerName: str, address: str) -> BrokerView:
    """
    A broker that routes named.
    """
    return BrokerView(brokerName, address, "gone", WORDS["gone"])
