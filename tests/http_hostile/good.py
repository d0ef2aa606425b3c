"""
C{python -m tests.http_hostile.good PORT RATE SECONDS}: a client that posts so many
messages a second, over some connections, and says how each was answered.

A message counts from when it was to be sent, not from when a connection was free: who
waits for answers does not see the others that come late.
"""

from __future__ import annotations

import json
import sys
import time
from http.client import HTTPConnection, HTTPException
from threading import Lock, Thread

CONNECTIONS = 16
TIMEOUT = 20.0
BODY = b"x" * 200


class Schedule:
    """
    When each message is to be sent.
    """

    def __init__(self, rate: float, seconds: float) -> None:
        """
        @param rate: Messages a second.
        """
        self._rate = rate
        self._total = int(rate * seconds)
        self._taken = 0
        self._began = time.monotonic()
        self._lock = Lock()

    def next(self) -> float | None:
        """
        Wait for the time of a message that nobody else sends.

        @return: That time; L{None} when there are no more.
        """
        with self._lock:
            if self._taken == self._total:
                return None
            at = self._began + self._taken / self._rate
            self._taken += 1
        time.sleep(max(0.0, at - time.monotonic()))
        return at


class Good:
    """
    The client.

    @ivar times: The seconds to each answer.

    @ivar wrong: What was answered, or happened, other than 200.
    """

    def __init__(self, port: int, rate: float, seconds: float) -> None:
        self._port = port
        self._schedule = Schedule(rate, seconds)
        self.times: list[float] = []
        self.wrong: list[str] = []

    def run(self) -> None:
        """
        Post everything.
        """
        threads = [Thread(target=self._work) for _ in range(CONNECTIONS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _work(self) -> None:
        """
        Post over one connection.
        """
        connection = HTTPConnection("127.0.0.1", self._port, timeout=TIMEOUT)
        while (at := self._schedule.next()) is not None:
            try:
                connection.request("POST", "/v1/topics/Good/messages", BODY)
                answer = connection.getresponse()
                content = answer.read()
            except (OSError, HTTPException) as error:
                self.wrong.append(repr(error))
                connection.close()
                continue
            self.times.append(time.monotonic() - at)
            if answer.status != 200:
                self.wrong.append(f"{answer.status} {content[:200]!r}")
        connection.close()


def main(words: list[str]) -> None:
    """
    Post, and tell.
    """
    good = Good(int(words[0]), float(words[1]), float(words[2]))
    good.run()
    json.dump({"times": good.times, "wrong": good.wrong}, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1:])
