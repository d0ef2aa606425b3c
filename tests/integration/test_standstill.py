"""
One broker of three that does nothing, over real sockets: behind a black hole, or
because its process stands still.
"""

from __future__ import annotations

import json
import signal
import socket
from collections import Counter
from typing import Any

from twisted.internet import reactor as theReactor
from twisted.internet.defer import gatherResults
from twisted.internet.task import deferLater

from txrocketmq._wire.codes import RequestCode
from txrocketmq._wire.command import RemotingCommand
from txrocketmq.client import MQClient
from txrocketmq.message import Message, MessageQueue, SendResult
from txrocketmq.producer import Producer
from txrocketmq.sandbox import Sandbox
from txrocketmq.settings import ClientSettings, ProducerSettings

from .programs import ProgramTestCase

reactor: Any = theReactor

ATTEMPT = 0.5
"""
Seconds an attempt may take.
"""

TOO_LONG = ATTEMPT + 1.0
"""
Seconds a send may not take.
"""

PACE = 0.01
AT_ONCE = 10
"""
So many messages are sent at once, and so many seconds later the next ones.
"""

VICTIM = "broker-a"


class Flow:
    """
    Messages that are sent at an even pace.

    @ivar began: When each was sent.

    @ivar took: How long each took.

    @ivar ends: How each ended.

    @ivar times: How often each ended.
    """

    def __init__(self, producer: Producer) -> None:
        self.began: list[float] = []
        self.took: dict[int, float] = {}
        self.ends: dict[int, Any] = {}
        self.times: Counter[int] = Counter()
        self._producer = producer

    async def run(self, count: int) -> None:
        """
        Send so many, and wait for all to end.
        """
        sends = []
        for at in range(count):
            if not at % AT_ONCE:
                await deferLater(reactor, PACE)
            self.began.append(reactor.seconds())
            sent = self._producer.send(Message("T", b"%d" % at))
            sends.append(sent.addBoth(self._note, at))
        await gatherResults(sends)

    @property
    def results(self) -> list[SendResult]:
        """
        What each was told; all of them are stored.

        @raise AssertionError: One is not, or was told twice.
        """
        for at, end in self.ends.items():
            assert isinstance(end, SendResult), end
            assert self.times[at] == 1, at
        return [self.ends[at] for at in range(len(self.began))]

    def triesAt(self, brokerName: str) -> list[float]:
        """
        When those were sent that tried a broker, once for each try.
        """
        return [
            self.began[at]
            for at, result in enumerate(self.results)
            for attempt in result.attempts
            if attempt.messageQueue and attempt.messageQueue.brokerName == brokerName
        ]

    def _note(self, end: Any, at: int) -> None:
        """
        Take note of how one ended.
        """
        self.ends[at] = end
        self.times[at] += 1
        self.took[at] = reactor.seconds() - self.began[at]


class StandstillTests(ProgramTestCase):
    """
    Three brokers, one of which is not where its route says.
    """

    async def setUp(self) -> None:  # type: ignore[override]
        """
        Bring the brokers up.
        """
        self.sandbox = Sandbox(reactor, brokers=3)
        self.sandbox.startService()
        self.addCleanup(self.sandbox.stopService)
        await self.sandbox.whenReady()
        await self.sandbox.createTopic("T", queues=1)

    async def flow(self, place: str) -> Flow:
        """
        A client for which the victim is at this address.
        """
        settings = ClientSettings(
            addressMap={self.sandbox.brokers[VICTIM].address: place},
            connectTimeout=ATTEMPT,
            requestTimeout=ATTEMPT,
            stopTimeout=1.0,
        )
        self.client = MQClient(reactor, self.sandbox.nameServerAddresses, settings)
        self.client.startService()
        self.addCleanup(self.client.stopService)
        self.producer = Producer(
            self.client, "group", ProducerSettings(attemptTimeout=ATTEMPT)
        )
        await self.client.peers.connect(self.sandbox.brokers["broker-b"].address)
        await self.producer.publishQueues("T")
        return Flow(self.producer)

    async def blackHole(self, place: str) -> None:
        """
        None of 2000 sends fails or takes longer than an attempt and a second, and
        after the first failures only probes go there.
        """
        flow = await self.flow(place)
        await flow.run(2000)
        slowest = max(flow.took.values())
        self.assertLess(slowest, TOO_LONG)
        bodies = Counter(each.body for each in self.sandbox.messages("T"))
        self.assertEqual(bodies, Counter(b"%d" % at for at in range(2000)))
        # What was sent until then could not know better.
        settled = flow.began[0] + ATTEMPT + 0.2
        tries = flow.triesAt(VICTIM)
        probes = [began for began in tries if began > settled]
        self.assertGreater(len(tries) - len(probes), AT_ONCE)
        # One a second at first, and then fewer.
        self.assertLessEqual(len(probes), flow.began[-1] - flow.began[0])
        self.assertTrue(probes)

    async def test_neverAnswers(self) -> None:
        """
        Somebody takes the connection, and never says a word.
        """
        await self.blackHole(self.listener())

    async def test_neverAccepts(self) -> None:
        """
        Nobody even takes it: the queue of those who want to connect is full.
        """
        listening = socket.socket()
        self.addCleanup(listening.close)
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        address = listening.getsockname()
        for _ in range(4):
            filler = socket.socket()
            self.addCleanup(filler.close)
            filler.setblocking(False)
            filler.connect_ex(address)
        await self.blackHole(f"127.0.0.1:{address[1]}")

    async def test_processStandsStill(self) -> None:
        """
        The victim's process is stopped, and goes on when all it was sent has been
        given to others: what it stores then was declared, what it answers then
        changes nothing, and it is sent to again.
        """
        program = self.start("-m", "txrocketmq", "sandbox", "--port", "0")
        place = json.loads(await program.when("}}"))["brokers"][VICTIM]
        flow = await self.flow(place)
        mine = MessageQueue("T", VICTIM, 0)
        first = await self.producer.send(Message("T", b"first"), queue=mine)
        self.assertEqual(first.queueOffset, 0)
        program.signal(signal.SIGSTOP)
        await flow.run(1000)
        self.assertLess(max(flow.took.values()), TOO_LONG)
        before = dict(flow.ends)
        at = [each for each in flow.results if each.messageQueue.brokerName == VICTIM]
        self.assertEqual(at, [])
        program.signal(signal.SIGCONT)
        copies = await self.storedBy(place) - 1
        declared = sum(each.possibleDuplicates for each in flow.results)
        self.assertIn(copies, range(1, declared + 1))
        again = await self.producer.send(Message("T", b"again"), queue=mine)
        self.assertEqual(len(again.attempts), 1)
        self.assertEqual((flow.ends, max(flow.times.values())), (before, 1))

    async def storedBy(self, address: str) -> int:
        """
        How many messages the other process holds, when it has nothing to do.
        """
        asked = RemotingCommand(
            RequestCode.GET_MAX_OFFSET, {"topic": "T", "queueId": "0"}
        )
        counts = [-1]
        while len(counts) < 3 or counts[-1] != counts[-3]:
            answer = await self.client.peers.invoke(address, asked, 5.0)
            counts.append(int(answer.extFields["offset"]))
            await deferLater(reactor, 0.1)
        return counts[-1]
