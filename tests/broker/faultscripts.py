"""
Faults that one sandbox plays to many clients at once, each of which has its own.

A message's body says which fault its tries meet, so that clients do not take
each other's faults, and the two brokers are alike: whichever a client chooses
first, the same happens.
"""

from __future__ import annotations

from typing import Any

import attrs
from twisted.internet.defer import gatherResults
from twisted.internet.threads import deferToThread

from txrocketmq.remoting import RequestCode
from txrocketmq.sandbox import Sandbox
from txrocketmq.sandbox.faults import (
    Exchange,
    Fault,
    close,
    delay,
    reset,
    respond,
    silence,
)

from . import commands

ROUTE = RequestCode.GET_ROUTEINFO_BY_TOPIC
SEND = RequestCode.SEND_MESSAGE_V2

CODES = (1, 2, 3, 4, 13, 14, 16, 17, 29, 204, 205, 215, 501, 1500)
"""
What brokers refuse sends with, and one code they do not have.
"""

FAULTS: dict[str, Fault] = {
    **{f"code {code}": respond(code, "as it was told to") for code in CODES},
    "close": close(),
    "reset": reset(),
    "silence": silence(),
    "answer after 0.5 s": delay(0.5),
    "answer after 7 s": delay(7.0),
}

FIRST, ALL = "first", "all"
ONE_DOWN, ALL_DOWN = "one broker down", "all brokers down"
MANY = 10_000

IN_TIME = 2.9
"""
Tries are counted that come within so many seconds after the first.  Where three
are all a send has, Java sometimes begins one more in its last millisecond.
"""
TOPIC = "Faults"


@attrs.frozen
class Script:
    """
    What happens to one message.

    @ivar fault: Its name in L{FAULTS}, L{ONE_DOWN} or L{ALL_DOWN}.

    @ivar meets: Whether only the first try meets it, or all do.
    """

    fault: str
    meets: str

    @property
    def body(self) -> str:
        """
        The message's body.
        """
        return f"{self.fault}, {self.meets}".replace(" ", "-")

    @property
    def sends(self) -> int:
        """
        How often it is sent: with one broker down, by turns, one first try at
        least goes there.
        """
        return 2 if self.fault == ONE_DOWN else 1


SCRIPTS = (
    *(Script(fault, meets) for fault in FAULTS for meets in (FIRST, ALL)),
    Script(ONE_DOWN, ALL),
    Script(ALL_DOWN, ALL),
)


@attrs.define
class Stage:
    """
    Where the scripts are played, to one client each.

    @ivar arrived: The brokers each message came to, in order, by its body.
    """

    reactor: Any
    arrived: dict[bytes, list[str]] = attrs.field(factory=dict)
    _sandboxes: list[Sandbox] = attrs.field(factory=list)
    _nameServers: dict[str, str] = attrs.field(factory=dict)
    _began: dict[bytes, float] = attrs.field(factory=dict)

    async def up(self) -> None:
        """
        Bring it up: one sandbox that answers, and two that lack brokers.
        """
        for name, missing in (("", 0), (ONE_DOWN, 1), (ALL_DOWN, 2)):
            sandbox = Sandbox(self.reactor, brokers=2)
            self._sandboxes.append(sandbox)
            sandbox.startService()
            await sandbox.whenReady()
            await sandbox.createTopic(topicOf(name), queues=1)
            await lose(sandbox, missing, topicOf(name))
            self._nameServers[name] = sandbox.nameServerAddresses[0]
            for broker in sandbox.brokers:
                self._direct(sandbox, broker)

    async def down(self) -> None:
        """
        Take it down.
        """
        await gatherResults([each.stopService() for each in self._sandboxes])

    def nameServer(self, script: Script) -> str:
        """
        Where a client is to ask.
        """
        return self._nameServers.get(script.fault, self._nameServers[""])

    def _direct(self, sandbox: Sandbox, name: str) -> None:
        """
        Have a broker play what each message's script says.
        """
        sandbox.brokers[name].push(
            _Directed(name, self.reactor, self.arrived, self._began),
            code=SEND,
            times=MANY,
        )


@attrs.frozen
class _Directed:
    """
    Does to each message what its script says.
    """

    _broker: str
    _clock: Any
    _arrived: dict[bytes, list[str]]
    _began: dict[bytes, float]

    def play(self, exchange: Exchange) -> Any:
        """
        Play the script's fault, or none.
        """
        body = exchange.command.body
        tries = self._arrived.setdefault(body, [])
        now = self._clock.seconds()
        if now - self._began.setdefault(body, now) < IN_TIME:
            tries.append(self._broker)
        script = _BY_BODY.get(body)
        if script is None or (script.meets == FIRST and len(tries) > 1):
            return exchange.carryOut()
        return FAULTS[script.fault].play(exchange)


_BY_BODY = {each.body.encode(): each for each in SCRIPTS if each.fault in FAULTS}


def topicOf(fault: str) -> str:
    """
    The topic of a script's messages: those whose tries only a log counts have
    one of their own.
    """
    down = fault in (ONE_DOWN, ALL_DOWN)
    return f"{TOPIC}-{fault.replace(' ', '-')}" if down else TOPIC


async def lose(sandbox: Sandbox, count: int, topic: str) -> None:
    """
    Take brokers down that the route goes on to name.
    """
    [nameServer] = sandbox.nameServers
    question = {"topic": topic, "acceptStandardJsonOnly": "true"}
    route = await deferToThread(commands.ask, nameServer.address, ROUTE, question)
    if count:
        nameServer.push(respond(0, body=route.body), code=ROUTE, times=MANY)
    for broker in list(sandbox.brokers.values())[:count]:
        await broker.setDown()
