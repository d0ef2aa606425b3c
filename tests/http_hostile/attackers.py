"""
C{python -m tests.http_hostile.attackers PORT SECONDS SLOW ENDLESS MALFORMED SLACK}: so
many attackers, and how the daemon was rid of each of them; it may be late by SLACK
seconds.

Slow and endless ones come again as soon as they are thrown out, so that as many are
there all the time; the malformed requests are spread over the time.  They come from
addresses of their own: the daemon bounds the connections of each.
"""

from __future__ import annotations

import json
import os
import random
import re
import selectors
import socket
import sys
import time
from collections import Counter, deque
from itertools import cycle
from typing import Any

from .kinds import ENDLESS, MALFORMED, MUCH, SLOW, Kind

LINGER = 2.0
"""
Seconds the daemon leaves who is refused to read why.
"""

TURNED_AWAY = frozenset({429, 503})
"""
What any of them may be told who comes when there are too many.
"""

BEGIN = re.compile(rb"HTTP/1\.1 (\d{3}) ")
ARRIVAL = 5.0
"""
The seconds over which those arrive who are there all the time.
"""

PER_ADDRESS = 200


class Attacker:
    """
    One connection.

    @ivar kind: Of what kind it is.

    @ivar again: Whether another comes when it is thrown out.
    """

    def __init__(self, kind: Kind, address: str, port: int, again: bool) -> None:
        """
        @param address: Where it comes from.
        """
        self.kind = kind
        self.again = again
        self.address = address
        self._port = port
        self._answer = b""
        self._unsent = kind.begin
        # They have nothing to do with each other, and do not act together.
        self._next = time.monotonic() + random.uniform(0.0, kind.pause)
        self.began = 0.0
        self.wrote = 0.0
        self.socket = socket.socket()

    def begin(self, now: float) -> None:
        """
        Connect.
        """
        self.began = self.wrote = now
        # What waits to be sent waits in this machine's memory, not in the daemon's.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, MUCH)
        if not self.kind.reads:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.bind((self.address, 0))
        self.socket.setblocking(False)
        self.socket.connect_ex(("127.0.0.1", self._port))

    def write(self, now: float) -> bool:
        """
        Send what is due.

        @return: Whether the connection is still there.
        """
        if not self._unsent and now >= self._next:
            self._unsent = self.kind.more
            self._next = now + self.kind.pause
        try:
            sent = self.socket.send(self._unsent) if self._unsent else 0
        except BlockingIOError:
            return True
        except OSError:
            return False
        if sent:
            self.wrote = now
        self._unsent = self._unsent[sent:]
        return True

    def read(self) -> bool:
        """
        Read what has come.

        @return: Whether there may come more.  That there is not is no reason for it to
            leave: it goes on sending as long as it can.
        """
        try:
            data = self.socket.recv(65536)
        except BlockingIOError:
            return True
        except OSError:
            return False
        self._answer += data[: 4096 - len(self._answer)]
        return data != b""

    def end(self, now: float, slack: float) -> str | None:
        """
        The daemon is rid of it.

        @param slack: The seconds by which that may be late.

        @return: What is wrong with how that went, if anything is.
        """
        self.socket.close()
        # Who does not read is let alone as long as it can write.
        since = self.began if self.kind.reads else self.wrote
        lasted = now - since
        name = self.kind.name
        if lasted > self.kind.within + LINGER + slack:
            return f"{name}: it lasted for {lasted:.1f} s"
        status, allowed = self.status, self.kind.statuses | TURNED_AWAY
        if status not in allowed and not (status == 0 and self._mayMiss):
            return f"{name}: it was answered {status}: {self._answer[:200]!r}"
        return None

    @property
    def status(self) -> int:
        """
        What it was answered; 0 for nothing.
        """
        found = BEGIN.match(self._answer)
        return int(found[1]) if found else 0

    @property
    def _mayMiss(self) -> bool:
        """
        Whether it may have no answer: because there is none for it, or because who
        goes on sending when it is thrown out can lose what it was told.
        """
        return not self.kind.statuses or self.kind in ENDLESS


class Attack:
    """
    All of them.
    """

    def __init__(self, port: int, seconds: float, slack: float, *counts: int) -> None:
        """
        @param counts: How many slow, endless and malformed ones.
        """
        self._port = port
        self._slack = slack
        self._seconds = seconds
        self._slow, self._endless, self._malformed = counts
        self._selector = selectors.DefaultSelector()
        self._there: set[Attacker] = set()
        self._hosts = 0
        self.begun: Counter[str] = Counter()
        self.ended: Counter[str] = Counter()
        self.answers: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.most = 0

    def run(self) -> None:
        """
        Attack, and wait until the daemon is rid of all.
        """
        began = time.monotonic()
        kinds = [kind for kind, _ in zip(cycle(SLOW), range(self._slow), strict=False)]
        kinds += [k for k, _ in zip(cycle(ENDLESS), range(self._endless), strict=False)]
        coming = deque((kind, self._host()) for kind in kinds)
        total = len(coming)
        malformed = cycle(MALFORMED)
        done = 0
        while (now := time.monotonic()) < began + self._seconds or self._there:
            share = min(1.0, (now - began) / self._seconds)
            while coming and total - len(coming) < total * (now - began) / ARRIVAL:
                self._begin(*coming.popleft(), True)
            while done < self._malformed * share:
                self._begin(next(malformed), "127.0.1.1", False)
                done += 1
            if now > began + self._seconds:
                for each in self._there:
                    each.again = False
            self._turn(0.01)
            if now > began + self._seconds + 60.0:
                self.wrong += [f"{each.kind.name}: it stays" for each in self._there]
                return

    def report(self) -> dict[str, Any]:
        """
        How it went.
        """
        return {
            "begun": self.begun,
            "ended": self.ended,
            "answers": self.answers,
            "most": self.most,
            "wrong": self.wrong,
        }

    def _host(self) -> str:
        """
        An address that has not too many connections yet.
        """
        self._hosts += 1
        return f"127.0.0.{2 + self._hosts // PER_ADDRESS}"

    def _begin(self, kind: Kind, host: str, again: bool) -> None:
        """
        Let one come.
        """
        attacker = Attacker(kind, host, self._port, again)
        attacker.begin(time.monotonic())
        self._there.add(attacker)
        self.begun[kind.name.rstrip("0123456789 ")] += 1
        self.most = max(self.most, len(self._there))
        if kind.reads:
            # Who does not would be ready to all the time, and keep us from waiting.
            self._selector.register(attacker.socket, selectors.EVENT_READ, attacker)

    def _turn(self, wait: float) -> None:
        """
        Let all do what is to be done now.
        """
        for key, _ in self._selector.select(wait):
            attacker: Attacker = key.data
            if not attacker.read():
                self._selector.unregister(attacker.socket)
                if not attacker.kind.more:
                    self._end(attacker)
        now = time.monotonic()
        for each in list(self._there):
            if not each.write(now):
                if each.socket in self._selector.get_map():
                    each.read()
                    self._selector.unregister(each.socket)
                self._end(each)

    def _end(self, attacker: Attacker) -> None:
        """
        The daemon is rid of one.
        """
        self._there.discard(attacker)
        wrong = attacker.end(time.monotonic(), self._slack)
        name = attacker.kind.name.rstrip("0123456789 ")
        self.ended[name] += 1
        self.answers[f"{name}: {attacker.status or 'nothing'}"] += 1
        if wrong is not None:
            self.wrong.append(wrong)
        if attacker.again:
            self._begin(attacker.kind, attacker.address, True)


def main(words: list[str]) -> None:
    """
    Attack, and tell.
    """
    # Elsewhere they would take nothing of the daemon's processor.
    os.nice(5)
    port, seconds, *counts, slack = words
    attack = Attack(int(port), float(seconds), float(slack), *map(int, counts))
    attack.run()
    json.dump(attack.report(), sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1:])
