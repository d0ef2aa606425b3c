"""
The library, as its users use it: a client and a producer, both with the settings
they have by default, and one new message for each send.

    producer NAME_SERVER MODE WINDOW BATCH SIZE SECONDS WARM RATE TOPIC

C{MODE} is C{send} or C{batch} (C{sendBatch} of C{BATCH} messages), and then, with
C{+} before each, what is not as by default:

    - C{acl}, C{tls}, C{header} (ROCKETMQ instead of JSON): of the client
    - C{batching}, C{hook} (one that does nothing), C{raised} (room for twice the
      window): of the producer
    - C{SYNC}, C{ASYNC}: of each send
    - C{zlib}: bodies like a log's, so that compressing them is work
    - C{profile}: look where the time goes, too

C{WINDOW} calls are outstanding.  C{RATE} other than 0 is a paced load of single
sends, of which the latencies are told.

At the end nothing is in flight: what it says it sent is what the sink must have
counted.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from twisted.internet import task
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure
from zope.interface import implementer

from txrocketmq import (
    Batching,
    ClientSettings,
    CommunicationMode,
    Message,
    MQClient,
    Producer,
    ProducerSettings,
    SessionCredentials,
    TLSSettings,
)
from txrocketmq.context import SendMessageContext
from txrocketmq.interfaces import ISendMessageHook
from txrocketmq.remoting import SerializeType

from .measuring import Arguments, Measured, lines, memory
from .pacing import Pace, over
from .sampling import Samples

given = Arguments.parse(sys.argv[2:])
NAME_SERVER, TOPIC, BATCH = sys.argv[1], given.topic, given.batch
METHOD, *VARIANTS = given.mode.split("+")
# Sends that begin in one turn: more of them would keep the reactor from the answers.
TOGETHER = 1024

BODY = lines(given.size) if "zlib" in VARIANTS else b"x" * given.size


@implementer(ISendMessageHook)
class Nothing:
    """
    A hook that does nothing.
    """

    def sendMessageBefore(self, context: SendMessageContext) -> None:
        """
        Do nothing.
        """

    def sendMessageAfter(self, context: SendMessageContext) -> None:
        """
        Do nothing.
        """


CLIENT: dict[str, Any] = {
    "acl": {"credentials": SessionCredentials("bench", "a secret of some length")},
    "header": {"serializeType": SerializeType.ROCKETMQ},
    "tls": {"tls": TLSSettings(trustRoots=os.environ.get("TXROCKETMQ_BENCH_ROOTS"))},
}
PRODUCER: dict[str, Any] = {
    "batching": {"batching": Batching()},
    "raised": {
        "maxInFlightMessages": 2 * given.window,
        "maxInFlightBytes": 2 * given.window * max(given.size, 1024),
    },
}


def chosen(settings: dict[str, Any]) -> dict[str, Any]:
    """
    Those of some settings that this run is to have.
    """
    return {
        name: value
        for variant in VARIANTS
        for name, value in settings.get(variant, {}).items()
    }


class Load:
    """
    Keeps a number of sends outstanding until it is told to stop.
    """

    def __init__(self, producer: Producer, measured: Measured) -> None:
        self.producer = producer
        self.measured = measured
        self.sending = True
        self.call: Any = producer.send
        for mode in CommunicationMode:
            if mode.name in VARIANTS:
                self.call = partial(producer.send, mode=mode)

    def sends(self) -> Callable[[], None]:
        """
        What sends one message, and another when it is stored.

        It looks nothing up, and makes nothing but the messages: what it takes
        counts as the library's.
        """
        call, measured, refused = self.call, self.measured, self.refused

        def send() -> None:
            call(Message(TOPIC, BODY, tags="T")).addCallbacks(sent, refused)

        def sent(result: object) -> None:
            measured.acked += 1
            if self.sending:
                call(Message(TOPIC, BODY, tags="T")).addCallbacks(sent, refused)

        return send

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
        done: Deferred[Any] = self.call(Message(TOPIC, BODY, tags="T"))
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
        paced = Pace(reactor, given.rate, load.sendTimed)
        await over(load.measured, reactor, given)
        paced.stop()
    else:
        begin = load.sendBatch if METHOD == "batch" else load.sends()
        for sent in range(given.window):
            begin()
            if sent % TOGETHER == TOGETHER - 1:
                await task.deferLater(reactor, 0)
        await over(load.measured, reactor, given)
    load.sending = False
    await load.producer.flush()
    # The last result is given in the same turn, after the flush.
    await task.deferLater(reactor, 0)


async def sampled(reactor: Any, load: Load) -> dict[str, Any]:
    """
    Do the same, and look where the time goes.
    """
    samples = Samples()
    samples.start()
    await run(reactor, load)
    samples.stop()
    return {"profile": samples.counts}


async def main(reactor: Any) -> None:
    """
    Start a client, measure one producer, stop.
    """
    client = MQClient(reactor, NAME_SERVER, ClientSettings(**chosen(CLIENT)))
    hooks = [Nothing()] if "hook" in VARIANTS else []
    settings = ProducerSettings(**chosen(PRODUCER))
    producer = Producer(client, "GID_bench", settings, hooks=hooks)
    client.startService()
    load = Load(producer, Measured())
    # As the others: the first one finds the way.
    await producer.send(Message(TOPIC, BODY, tags="T"))
    load.measured.acked += 1
    more: dict[str, Any] = {"rssBeforeKiB": memory("VmRSS")}
    if "profile" in VARIANTS:
        more |= await sampled(reactor, load)
    else:
        await run(reactor, load)
    print(load.measured.result(**more), flush=True)
    await client.stopService()


if __name__ == "__main__":
    task.react(main)
