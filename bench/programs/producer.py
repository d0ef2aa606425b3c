"""
The library, as its users use it: a client and a producer, both with the settings
they have by default, and one new message for each send.

    producer NAME_SERVER MODE WINDOW BATCH SIZE SECONDS WARM RATE TOPIC

C{MODE} is C{send} or C{batch} (C{sendBatch} of C{BATCH} messages); C{WINDOW}
calls are outstanding.  C{RATE} other than 0 is a paced load of single sends, of
which the latencies are told.

At the end nothing is in flight: what it says it sent is what the sink must have
counted.
"""

from __future__ import annotations

import sys
import time
from typing import Any

from twisted.internet import task
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from txrocketmq import Message, MQClient, Producer

from .measuring import Arguments, Measured, pace

given = Arguments.parse(sys.argv[2:])
NAME_SERVER, TOPIC, BATCH = sys.argv[1], given.topic, given.batch
BODY = b"x" * given.size


class Load:
    """
    Keeps a number of sends outstanding until it is told to stop.
    """

    def __init__(self, producer: Producer, measured: Measured) -> None:
        self.producer = producer
        self.measured = measured
        self.sending = True

    def send(self) -> None:
        """
        Send one message, and another when it is stored.
        """
        message = Message(TOPIC, BODY, tags="T")
        self.producer.send(message).addCallbacks(self.sent, self.refused)

    def sent(self, result: object) -> None:
        """
        Count what was stored.
        """
        self.measured.acked += 1
        if self.sending:
            self.send()

    def sendBatch(self) -> None:
        """
        Send one batch, and another when it is stored.
        """
        messages = [Message(TOPIC, BODY, tags="T") for _ in range(BATCH)]
        self.producer.sendBatch(messages).addCallbacks(self.batchSent, self.refused)

    def batchSent(self, results: list[Any]) -> None:
        """
        Count each message that was stored.
        """
        self.measured.acked += len(results)
        if self.sending:
            self.sendBatch()

    def sendTimed(self) -> None:
        """
        Send one message and note how long it took.
        """
        start = time.perf_counter()
        done: Deferred[Any] = self.producer.send(Message(TOPIC, BODY, tags="T"))
        done.addCallbacks(lambda _: self.measured.note(start), self.refused)

    def refused(self, reason: Failure) -> None:
        """
        Count a failure and send no more in this one's place.
        """
        self.measured.fail(reason.getErrorMessage())


async def run(reactor: Any, load: Load) -> None:
    """
    Put the load on, measure, and take it off.
    """
    if given.rate:
        paced = pace(given.rate, load.sendTimed)
        await load.measured.over(reactor, given)
        paced.stop()
    else:
        begin = load.sendBatch if given.mode == "batch" else load.send
        for _ in range(given.window):
            begin()
        await load.measured.over(reactor, given)
    load.sending = False
    await load.producer.flush()
    # The last result is given in the same turn, after the flush.
    await task.deferLater(reactor, 0)


async def main(reactor: Any) -> None:
    """
    Start a client, measure one producer, stop.
    """
    client = MQClient(reactor, NAME_SERVER)
    load = Load(Producer(client, "GID_bench"), Measured())
    client.startService()
    await run(reactor, load)
    print(load.measured.result(), flush=True)
    await client.stopService()


if __name__ == "__main__":
    task.react(main)
