"""
Tests of C{/metrics} of a relay as a process of its own: each is read before and after
what moves it.
"""

from __future__ import annotations

import signal
from collections.abc import Awaitable, Callable

from prometheus_client.parser import text_string_to_metric_families as parse
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from tests.integration.daemon import UP, DaemonTestCase
from tests.integration.programs import Program, reactor
from txrocketmq.remoting import RequestCode
from txrocketmq.sandbox import SandboxBroker, faults

SEND = RequestCode.SEND_MESSAGE_V2
PREFIX = "txrocketmq_"

CONSTANT = {"build_info", "start_time_seconds", "spool_limit_bytes"}
"""
What stays as it is for as long as a relay runs.
"""

ELSEWHERE = {"spool_recovered_messages", "spool_lost_messages", "sends_waiting"}
"""
What moves only in a relay whose file was damaged, or with a hundred thousand sends
under way: see L{tests.relay.test_metrics}.
"""

Samples = dict[str, float]


class MetricsTests(DaemonTestCase):
    """
    What Prometheus sees of a relay.
    """

    async def read(self) -> Samples:
        """
        Read all metrics with prometheus_client's own parser.
        """
        reply = await self.ask("GET", "/metrics", url=self.adminUrl)
        self.assertEqual(reply.status, 200)
        found: Samples = {}
        self.families: set[str] = set()
        for family in parse(reply.json.decode()):
            if family.name.startswith(PREFIX):
                self.families.add(family.name.removeprefix(PREFIX))
            for sample in family.samples:
                values = "".join(f"/{v}" for _, v in sorted(sample.labels.items()))
                found[sample.name.removeprefix(PREFIX) + values] = sample.value
        return found

    async def moved(self, what: Callable[[], Awaitable[object]]) -> Samples:
        """
        What something moves.
        """
        before = await self.read()
        await what()
        after = await self.read()
        changes = {name: after[name] - before.get(name, 0) for name in after}
        changes = {name: change for name, change in changes.items() if change}
        self.seen |= {name.partition("/")[0] for name in changes}
        return changes

    async def until(self, name: str, value: float) -> None:
        """
        Wait until a metric has a value.
        """
        while (await self.read())[name] != value:
            await deferLater(reactor, 0.05)

    def check(self, changes: Samples, **expected: float) -> None:
        """
        Check some changes.

        @param expected: By their names, with C{__} before each label's value.
        """
        for name, value in expected.items():
            name = name.replace("__", "/")
            self.assertEqual(changes.get(name, 0), value, (name, changes))

    async def test_every(self) -> None:
        """
        Every metric moves as it should; what no step here has moved is named above.
        """
        self.seen: set[str] = set()
        sandbox = await self.sandbox()
        relay = self.twistd(
            *("--name-server", sandbox.nameServerAddresses[0]),
            *("--spool", self.spool(), "--spool-limit", "16KiB"),
        )
        await relay.when(UP)
        broker = sandbox.brokers["broker-a"]
        await self._stall(relay)
        await self._sends(broker)
        await self._spool(broker)
        await self._outage(broker)
        stopping = self.held(sandbox, 1.0)
        await self.underWay(sandbox)
        before = await self.read()
        self.check(before, ready=1, draining=0, sends_in_flight=1)
        self.check(before, send_bytes_in_flight=4)
        relay.signal(signal.SIGTERM)
        await relay.when(f"Port {self.port} Closed")
        self.check(await self.read(), ready=0, draining=1)
        self.seen |= {"ready", "draining", "sends_in_flight", "send_bytes_in_flight"}
        self.assertEqual((await stopping).status, 200)
        self.clean(await relay.ended)
        moved = {name.removesuffix("_total") for name in self.seen}
        moved |= {name.rpartition("_")[0] for name in self.seen}
        self.assertEqual(self.families - moved, CONSTANT | ELSEWHERE)

    async def _stall(self, relay: Program) -> None:
        """
        A process that does not get on for a while.
        """

        async def stalled() -> None:
            relay.signal(signal.SIGSTOP)
            await deferLater(reactor, 0.8)
            relay.signal(signal.SIGCONT)
            while (await self.read())["reactor_lag_seconds"] < 0.4:
                await deferLater(reactor, 0.05)

        self.assertGreater((await self.moved(stalled))["reactor_lag_seconds"], 0.0)

    async def _sends(self, broker: SandboxBroker) -> None:
        """
        Messages to the broker: stored, refused, tried again, answered late.
        """
        self.check(
            await self.moved(lambda: self.post(b"first")),
            messages_accepted_total__broker=1,
            message_bytes_accepted_total__broker=5,
            messages_stored_total__broker=1,
            http_answers_total__200=1,
            send_attempts_total=1,
            send_duration_seconds_count__broker=1,
            routes=1,
            brokers__reached=1,
            broker_connections=1,
        )
        broker.push(faults.respond(13), code=SEND)
        self.check(
            await self.moved(lambda: self.post(b"wrong")),
            messages_failed_total__NO__message_refused=1,
            messages_stored_total__broker=0,
            http_answers_total__502=1,
        )
        broker.push(faults.respond(2), code=SEND)
        self.check(
            await self.moved(lambda: self.post(b"again")),
            send_attempts_total=2,
            send_retries_total=1,
            messages_stored_total__broker=1,
        )
        broker.push(faults.delay(4.0), code=SEND)

        async def late() -> None:
            slow = Deferred.fromCoroutine(self.post(b"late!"))
            await self.until("sends_in_flight", 1)
            # The connection is kept, as something comes by it.
            await self.post(b"other")
            await slow
            await self.until("late_answers_total", 1)

        changes = await self.moved(late)
        self.check(
            changes,
            send_retries_total=1,
            messages_stored_total__broker=2,
            late_answers_total=1,
        )
        self.assertGreater(changes["route_age_seconds"], 0)

    async def _spool(self, broker: SandboxBroker) -> None:
        """
        Messages to the spool: forwarded, and refused by the broker for good.
        """

        async def forwarded() -> None:
            await self.post(b"kept!", query="?ack=spool", Idempotency_Key="k")
            await self.until("messages_stored_total/spool", 1)

        changes = await self.moved(forwarded)
        self.check(
            changes,
            messages_accepted_total__spool=1,
            message_bytes_accepted_total__spool=5,
            http_answers_total__202=1,
        )
        self.assertGreater(changes["spool_commits_total"], 0)
        self.assertGreater(changes["spool_answer_bytes"], 0)
        await self.until("spool_messages", 0)

        async def refused() -> None:
            broker.push(faults.respond(13), code=SEND)
            await self.post(b"wrong", query="?ack=spool")
            await self.until("spool_refused_messages", 1)

        changes = await self.moved(refused)
        self.check(
            changes,
            messages_refused_total__message_refused=1,
            spool_refused_messages=1,
            spool_messages=0,
        )
        self.assertGreater(changes["spool_refused_bytes"], 0)

    async def _outage(self, broker: SandboxBroker) -> None:
        """
        No broker: messages wait until the spool is full, and come in the end.
        """

        async def full() -> None:
            await broker.setDown()
            for _ in range(20):
                await self.post(b"x" * 1000, query="?ack=spool")
            await self.until("forwarder/backing_off", 1)
            await self.until("brokers/reached", 0)

        changes = await self.moved(full)
        self.check(changes, spool_accepting=-1, forwarder__backing_off=1)
        self.check(changes, forwarder__idle=-1, brokers__reached=-1)
        waiting = changes["spool_messages"]
        self.assertEqual(changes["http_answers_total/202"], waiting)
        self.assertEqual(changes["http_answers_total/507"], 20 - waiting)
        self.assertGreater(changes["spool_bytes"], 1000 * waiting)
        self.assertGreater((await self.read())["spool_oldest_seconds"], 0)
        await broker.setUp()
        changes = await self.moved(lambda: self.until("spool_messages", 0))
        self.check(changes, spool_messages=-waiting, spool_accepting=1)
        self.check(changes, messages_stored_total__spool=waiting)
