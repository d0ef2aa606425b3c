"""
Wall clocks that are set while a client runs in a real reactor.
"""

from __future__ import annotations

import json
from typing import Any

from .programs import ProgramTestCase

SCRIPT = """
import json, sys, threading, time
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from txrocketmq import Message, MQClient, Producer
from txrocketmq.errors import SendFailed

offset = 0.0
reactor.seconds = lambda: time.time() + offset

def step():
    global offset
    offset = float(sys.argv[2])

async def main():
    client = MQClient(reactor, sys.argv[1])
    producer = Producer(client, "group")
    client.startService()
    times = []
    for again in range(2):
        began = time.monotonic()
        if not again:
            reactor.callLater(0.5, step)
        try:
            await producer.send(Message("T", b"x"), timeout=2.0)
        except SendFailed:
            times.append(time.monotonic() - began)
    await client.stopService()
    left = [str(each) for each in reactor.getDelayedCalls()]
    print(json.dumps([times, left]))

def begin():
    done = Deferred.fromCoroutine(main())
    done.addErrback(lambda reason: reason.printTraceback())
    done.addBoth(lambda _: reactor.stop())

reactor.callWhenRunning(begin)
reactor.run()
"""


class StepTests(ProgramTestCase):
    """
    The wall clock is set by an hour under a send that has 2 s.
    """

    async def stepped(self, seconds: float) -> list[float]:
        """
        Send twice, to nobody who answers, and set the clock in the first.

        @return: How long each took.
        """
        program = self.start("-c", SCRIPT, self.listener(), str(seconds))
        ended = await program.ended
        self.assertEqual((ended.status, ended.errors), (0, ""))
        result: Any = json.loads(ended.output)
        times, left = result
        self.assertEqual(left, [])
        for each in times:
            # A step back is noticed within about a second.
            self.assertTrue(1.99 <= each < 4.5, times)
        return list(times)

    async def test_forward(self) -> None:
        """
        Nothing ends early.
        """
        self.assertEqual(len(await self.stepped(3600.0)), 2)

    async def test_back(self) -> None:
        """
        Nothing waits for the hour to be over.
        """
        self.assertEqual(len(await self.stepped(-3600.0)), 2)
