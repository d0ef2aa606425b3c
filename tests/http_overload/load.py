"""
C{python -m tests.http_overload.load PORT RATE SECONDS SIZE FIRST}: posts so many
messages a second to the spool, and says how each was answered.

With a rate of 0 some connections post as fast as they are answered.  Bodies begin with
a number, from FIRST on.
"""

from __future__ import annotations

import json
import re
import selectors
import socket
import sys
import time
from collections import Counter
from typing import Any

CONNECTIONS = 1060
"""
The most connections: a few more than the daemon takes.
"""

PER_ADDRESS = 212
FEW = 32
PATIENCE = 20.0

HEAD = b"POST /v1/topics/Load/messages?ack=spool HTTP/1.1\r\nHost: h\r\n"
ANSWER = re.compile(rb"HTTP/1\.1 (\d{3}) ")
LENGTH = re.compile(rb"\r\nContent-Length: (\d+)\r\n")
AFTER = re.compile(rb"\r\nRetry-After: [1-9]\d*\r\n")
MSGID = re.compile(rb'"msgId":"([0-9A-F]+)"')


class Answer:
    """
    One answer, read from what has come.

    @ivar rest: What follows it.
    """

    def __init__(self, data: bytes) -> None:
        """
        @raise ValueError: It is not whole yet.
        """
        head, gap, rest = data.partition(b"\r\n\r\n")
        if not gap:
            raise ValueError("the head is not whole")
        head += b"\r\n"
        status, length = ANSWER.match(head), LENGTH.search(head)
        assert status is not None
        assert length is not None
        size = int(length[1])
        if len(rest) < size:
            raise ValueError("the body is not whole")
        self.status = int(status[1])
        self.saysWhen = AFTER.search(head) is not None
        self.closes = b"\r\nConnection: close\r\n" in head
        self.body, self.rest = rest[:size], rest[size:]


class Connection:
    """
    One connection, which has one post at a time.
    """

    def __init__(self, port: int, address: str) -> None:
        """
        @param address: Where it comes from.
        """
        self.address = address
        self.number: int | None = None
        self._data = b""
        self._unsent = b""
        self.socket = socket.socket()
        self.socket.bind((address, 0))
        self.socket.setblocking(False)
        self.socket.connect_ex(("127.0.0.1", port))

    def post(self, number: int, size: int) -> None:
        """
        Post a message.
        """
        self.number = number
        body = b"%d/" % number
        body += b"x" * (size - len(body))
        self._unsent = HEAD + b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
        self.write()

    def write(self) -> bool:
        """
        Send what is left to be sent.

        @return: Whether there is something left.
        """
        try:
            sent = self.socket.send(self._unsent)
        except BlockingIOError:
            sent = 0
        except OSError:
            # Whoever reads will see what has happened.
            self._unsent = b""
            return False
        self._unsent = self._unsent[sent:]
        return bool(self._unsent)

    def read(self) -> Answer | None:
        """
        Read what has come.

        @return: The answer, if it is whole.

        @raise EOFError: The connection has ended.
        """
        try:
            data = self.socket.recv(65536)
        except BlockingIOError:
            return None
        except OSError as error:
            raise EOFError from error
        if not data:
            raise EOFError
        self._data += data
        try:
            answer = Answer(self._data)
        except ValueError:
            return None
        self._data = answer.rest
        return answer


class Load:
    """
    All posts.

    @ivar accepted: The msgIds of those that were, by their numbers.

    @ivar statuses: How many were answered how.

    @ivar mute: How many were refused without a word when to come again.

    @ivar lost: How many had no answer at all.

    @ivar unposted: How many were due, and there was no connection left for them.
    """

    def __init__(
        self, port: int, rate: float, seconds: float, size: int, first: int
    ) -> None:
        self._port, self._rate, self._seconds = port, rate, seconds
        self._size, self._first = size, first
        self._selector = selectors.DefaultSelector()
        self._idle: list[Connection] = []
        self._busy: set[Connection] = set()
        self._hosts: Counter[str] = Counter()
        self._most = CONNECTIONS if rate else FEW
        self.posted = 0
        self.accepted: dict[int, str] = {}
        self.statuses: Counter[int] = Counter()
        self.mute = self.lost = self.unposted = self.busiest = 0
        self.odd: list[str] = []

    def run(self) -> None:
        """
        Post, and wait for the last answers.
        """
        began = time.monotonic()
        end = began + self._seconds
        while (now := time.monotonic()) < end:
            due = (now - began) * self._rate if self._rate else float("inf")
            while self.posted < due and self._post():
                pass
            self._turn(0.005)
        self.unposted = max(0, int(self._seconds * self._rate) - self.posted)
        while self._busy and time.monotonic() < end + PATIENCE:
            self._turn(0.05)
        self.lost += len(self._busy)

    def report(self) -> dict[str, Any]:
        """
        How it went.
        """
        names = ("posted", "accepted", "statuses", "mute", "lost", "unposted", "odd")
        return {"busiest": self.busiest, **{n: getattr(self, n) for n in names}}

    def _post(self) -> bool:
        """
        Post one message, if there is a connection for it.
        """
        if self._idle:
            connection = self._idle.pop()
        elif len(self._busy) < self._most:
            connection = Connection(self._port, self._host())
            self._hosts[connection.address] += 1
            self._selector.register(
                connection.socket,
                selectors.EVENT_READ | selectors.EVENT_WRITE,
                connection,
            )
        else:
            return False
        self._busy.add(connection)
        self.busiest = max(self.busiest, len(self._busy))
        connection.post(self._first + self.posted, self._size)
        self.posted += 1
        return True

    def _host(self) -> str:
        """
        An address with few connections.
        """
        at = 2
        while self._hosts[f"127.0.0.{at}"] >= PER_ADDRESS:
            at += 1
        return f"127.0.0.{at}"

    def _turn(self, wait: float) -> None:
        """
        Take what has come.
        """
        for key, events in self._selector.select(wait):
            connection: Connection = key.data
            if events & selectors.EVENT_WRITE and not connection.write():
                self._selector.modify(
                    connection.socket, selectors.EVENT_READ, connection
                )
            if events & selectors.EVENT_READ:
                self._read(connection)

    def _read(self, connection: Connection) -> None:
        """
        Take what has come over a connection.
        """
        try:
            answer = connection.read()
        except EOFError:
            self.lost += connection.number is not None
            self._drop(connection)
            return
        if answer is None:
            return
        if connection.number is not None:
            self._note(connection.number, answer)
            connection.number = None
        if answer.closes:
            self._drop(connection)
        else:
            self._busy.discard(connection)
            self._idle.append(connection)

    def _note(self, number: int, answer: Answer) -> None:
        """
        A post is answered.
        """
        self.statuses[answer.status] += 1
        found = MSGID.search(answer.body)
        if answer.status == 202 and found:
            self.accepted[number] = found[1].decode()
        elif answer.status not in (429, 503, 507):
            self.odd.append(f"{answer.status} {answer.body[:200]!r}")
        elif not answer.saysWhen:
            self.mute += 1

    def _drop(self, connection: Connection) -> None:
        """
        A connection has ended.
        """
        self._busy.discard(connection)
        if connection in self._idle:
            self._idle.remove(connection)
        self._selector.unregister(connection.socket)
        connection.socket.close()
        self._hosts[connection.address] -= 1


def main(words: list[str]) -> None:
    """
    Post, and tell.
    """
    load = Load(int(words[0]), float(words[1]), float(words[2]), *map(int, words[3:]))
    load.run()
    json.dump(load.report(), sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1:])
