"""
Apache's own Python client, C{rocketmq-python-client}, which speaks gRPC to a proxy.

    grpcproducer PROXY MODE WINDOW BATCH SIZE SECONDS WARM RATE TOPIC

C{MODE} is C{async}: its C{send_async}, and a semaphore of C{WINDOW}.  C{BATCH} and
C{RATE} say nothing here.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from typing import Any

from rocketmq import (  # type: ignore[import-not-found]
    ClientConfiguration,
    Credentials,
    Message,
    Producer,
)

from .measuring import Arguments, Measured

DRAIN = 10.0


class Load:
    """
    Keeps a number of sends outstanding until it is told to stop.
    """

    def __init__(self, producer: Any, given: Arguments) -> None:
        self.producer = producer
        self.given = given
        self.body = b"x" * given.size
        self.measured = Measured()
        self.sending = True
        self.room = threading.Semaphore(given.window)
        self.lock = threading.Lock()

    def message(self) -> Any:
        """
        A new message.
        """
        message = Message()
        message.topic = self.given.topic
        message.body = self.body
        message.tag = "T"
        return message

    def run(self) -> None:
        """
        Send as long as it is to.
        """
        while self.sending:
            self.room.acquire()
            self.producer.send_async(self.message()).add_done_callback(self.done)

    def done(self, future: Any) -> None:
        """
        Count how a send ended.
        """
        try:
            future.result()
        except Exception as e:
            with self.lock:
                self.measured.fail(repr(e))
        else:
            with self.lock:
                self.measured.acked += 1
        self.room.release()

    def drain(self) -> None:
        """
        Wait until nothing is outstanding.
        """
        self.sending = False
        for _ in range(self.given.window):
            self.room.acquire(timeout=DRAIN)


def main() -> None:
    """
    Start a producer, measure it, end.
    """
    given = Arguments.parse(sys.argv[2:])
    configuration = ClientConfiguration(sys.argv[1], Credentials())
    producer = Producer(configuration, (given.topic,))
    producer.startup()
    load = Load(producer, given)
    producer.send(load.message())
    load.measured.acked += 1
    thread = threading.Thread(target=load.run, daemon=True)
    thread.start()
    time.sleep(given.warm)
    load.measured.begin()
    time.sleep(given.seconds)
    load.measured.end()
    load.sending = False
    thread.join(DRAIN)
    load.drain()
    print(load.measured.result(), flush=True)
    os._exit(0)


if __name__ == "__main__":
    main()
