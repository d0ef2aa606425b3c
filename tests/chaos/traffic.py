"""
Clients that post until everything was accepted, whatever happens to the daemon.

Each repeats a request under the same C{Idempotency-Key} until it knows its end, and
only then goes on: so it knows the order its messages were accepted in.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Sequence
from http.client import HTTPConnection, HTTPException
from threading import Event, Lock, Thread
from typing import Any

from .checker import Accepted

CLIENTS = 8
KEYS = 6
"""
How many shardingKeys each client has.
"""

KEYLESS = 0.25
"""
The share of messages without one.
"""

MOST = 40
"""
The most messages of a request.
"""

TIMEOUT = 15.0
PAUSE = 0.05


class Pace:
    """
    How many messages may have been posted by now.
    """

    def __init__(self, total: int, rate: float) -> None:
        """
        @param rate: Messages a second.
        """
        self._left = total
        self._rate = rate
        self._taken = 0
        self._began = time.monotonic()
        self._lock = Lock()

    def take(self, count: int) -> int:
        """
        Wait until messages may be posted.

        @return: How many: 0 when all were.
        """
        with self._lock:
            count = min(count, self._left)
            self._left -= count
            self._taken += count
            at = self._began + self._taken / self._rate
        time.sleep(max(0.0, at - time.monotonic()))
        return count


class Traffic:
    """
    All clients.

    @ivar accepted: What was accepted, by body.

    @ivar posts: How many requests were answered with 202 in the end.

    @ivar touched: How many of them something happened to on the way.

    @ivar replayed: How many were answered with the answer of an earlier try.

    @ivar faults: What must never be seen.
    """

    def __init__(self, port: int, topic: str, total: int, rate: float, seed: int):
        """
        @param rate: Messages a second.
        """
        self.port = port
        self.topic = topic
        self.pace = Pace(total, rate)
        self.accepted: dict[str, Accepted] = {}
        self.posts = 0
        self.touched = 0
        self.replayed = 0
        self.faults: list[str] = []
        self._stopped = Event()
        self._lock = Lock()
        self._threads = [
            Thread(target=Client(self, number, seed).run, daemon=True)
            for number in range(CLIENTS)
        ]

    def start(self) -> None:
        """
        Begin to post.
        """
        for thread in self._threads:
            thread.start()

    @property
    def ended(self) -> bool:
        """
        Whether every client has ended.
        """
        return not any(thread.is_alive() for thread in self._threads)

    @property
    def stopped(self) -> bool:
        """
        Whether clients are to give up.
        """
        return self._stopped.is_set()

    def stop(self) -> None:
        """
        Give up.
        """
        self._stopped.set()
        for thread in self._threads:
            thread.join(TIMEOUT * 2)

    def note(self, accepted: dict[str, Accepted], tries: int, replayed: bool) -> None:
        """
        A request was accepted.
        """
        with self._lock:
            self.accepted.update(accepted)
            self.posts += 1
            self.touched += tries > 1
            self.replayed += replayed

    def fault(self, text: str) -> None:
        """
        Something was seen that must never be.
        """
        with self._lock:
            self.faults.append(text)


class Client:
    """
    One client, which posts one request after the other.
    """

    def __init__(self, traffic: Traffic, number: int, seed: int) -> None:
        self._traffic = traffic
        self._name = f"c{number}"
        self._random = random.Random(f"{seed}/{number}")
        self._places: dict[str | None, int] = {}
        self._connection: HTTPConnection | None = None
        self._requests = 0

    def run(self) -> None:
        """
        Post until all is posted.
        """
        traffic = self._traffic
        while not traffic.stopped:
            count = traffic.pace.take(self._random.randint(1, MOST))
            if not count:
                return
            self._post([self._message() for _ in range(count)])

    def _message(self) -> dict[str, str]:
        """
        A message whose body says whose it is and which of them.
        """
        key = None
        if self._random.random() >= KEYLESS:
            key = f"{self._name}-k{self._random.randrange(KEYS)}"
        place = self._places[key] = self._places.get(key, -1) + 1
        body = f"{key or self._name}/{place}"
        return {"body": body} if key is None else {"body": body, "shardingKey": key}

    def _post(self, messages: Sequence[dict[str, str]]) -> None:
        """
        Post until it is known that the messages were accepted.
        """
        self._requests += 1
        name = f"{self._name}-{self._requests}"
        body = json.dumps({"messages": messages})
        tries = 0
        while not self._traffic.stopped:
            tries += 1
            answer = self._try(name, body)
            if answer is None:
                time.sleep(PAUSE)
                continue
            results, replayed = answer
            told = {
                message["body"]: Accepted(
                    result["msgId"],
                    message.get("shardingKey"),
                    int(message["body"].rpartition("/")[2]),
                )
                for message, result in zip(messages, results, strict=True)
            }
            self._traffic.note(told, tries, replayed)
            return

    def _try(self, name: str, body: str) -> tuple[list[dict[str, Any]], bool] | None:
        """
        Post once.

        @return: The results, and whether they are those of an earlier try; L{None}
            when it is to be tried again.
        """
        try:
            if self._connection is None:
                self._connection = HTTPConnection(
                    "127.0.0.1", self._traffic.port, timeout=TIMEOUT
                )
            self._connection.request(
                "POST",
                f"/v1/topics/{self._traffic.topic}/messages?ack=spool",
                body,
                {"Content-Type": "application/json", "Idempotency-Key": name},
            )
            answer = self._connection.getresponse()
            content = answer.read()
        except (OSError, HTTPException):
            self._drop()
            return None
        if answer.status == 202:
            replayed = answer.getheader("Idempotency-Replayed") is not None
            return json.loads(content)["results"], replayed
        if answer.status not in (409, 429, 503, 507):
            self._traffic.fault(f"{answer.status} {content[:200]!r}")
            self._traffic.stop()
        return None

    def _drop(self) -> None:
        """
        Use another connection.
        """
        if self._connection is not None:
            self._connection.close()
        self._connection = None
