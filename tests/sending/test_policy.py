"""
Tests of L{txrocketmq._sending.policy} and L{txrocketmq._sending.rules}.
"""

from __future__ import annotations

from random import Random

from tests.support import TestCase
from txrocketmq._sending.policy import Again, Verdict, backOff, verdictOn
from txrocketmq._sending.progress import History
from txrocketmq._sending.rules import Step, rulesFor
from txrocketmq._wire.codes import ResponseCode
from txrocketmq._wire.command import RemotingCommand
from txrocketmq.errors import (
    BrokerError,
    ConnectFailed,
    ConnectionClosed,
    InvalidMessage,
    MalformedAnswer,
    NoNameServer,
    NoWritableQueue,
    RemotingTimeout,
    TopicNotFound,
)
from txrocketmq.message import (
    Attempt,
    CommunicationMode,
    MessageQueue,
    Persisted,
    SendResult,
    SendStatus,
)
from txrocketmq.settings import ProducerSettings

NO, MAYBE, YES = Persisted.NO, Persisted.MAYBE, Persisted.YES

TABLE = [
    # code, remark, persisted, again
    (2, "[REJECTREQUEST]busy", NO, Again.ALWAYS),
    (2, "[TIMEOUT_CLEAN_QUEUE]broker busy", NO, Again.ALWAYS),
    (3, " request type 310 not supported", NO, Again.NEVER),
    (13, "the message is illegal", NO, Again.NEVER),
    (14, "service not available now", NO, Again.ALWAYS),
    (15, "", NO, Again.NEVER),
    (16, "check signature failed.", NO, Again.NEVER),
    (16, "the broker[1] sending message is forbidden", NO, Again.ONCE),
    (17, "topic[X] not exist, apply first please!", NO, Again.ONCE),
    (29, "request queueId[9] is illegal", NO, Again.ONCE),
    (29, "The specified topic is blank.", NO, Again.NEVER),
    (204, "", NO, Again.ALWAYS),
    (205, "", NO, Again.ALWAYS),
    (215, "", NO, Again.ALWAYS),
    (501, "", NO, Again.ALWAYS),
    (1500, "please go away", NO, Again.ALWAYS),
    (1, "request queueId[9] is illegal", NO, Again.ONCE),
    (1, "org.apache.rocketmq.acl.common.AclException: no", NO, Again.NEVER),
    (1, "create mapped file failed, server is busy", NO, Again.ALWAYS),
    (1, "accurate timer message is not enabled", NO, Again.NEVER),
    (1, "timer message is under flow control", NO, Again.ALWAYS),
    (1, "broker unable to service, until tomorrow", NO, Again.ALWAYS),
    (1, "no master available", NO, Again.ALWAYS),
    (1, "[LMQ_CONSUME_QUEUE_NUM_EXCEEDED]", NO, Again.ALWAYS),
    (1, "the in-sync replicas not enough", MAYBE, Again.ALWAYS),
    (1, "UNKNOWN_ERROR", MAYBE, Again.ALWAYS),
    (1, None, MAYBE, Again.ALWAYS),
    (4, "", MAYBE, Again.ALWAYS),
    (-1, "", MAYBE, Again.ALWAYS),
    (202, "", MAYBE, Again.ALWAYS),
    (2001, "", MAYBE, Again.ALWAYS),
    (99_999, "", MAYBE, Again.ALWAYS),
    (10, "", YES, Again.NEVER),
    (11, "", YES, Again.NEVER),
    (12, "", YES, Again.NEVER),
]


class VerdictTests(TestCase):
    """
    What each failure means.
    """

    def test_everyAnswer(self) -> None:
        """
        The table of the delivery contract, row by row.
        """
        for code, remark, persisted, again in TABLE:
            answer = RemotingCommand(code, remark=remark)
            verdict = verdictOn(BrokerError.fromResponse(answer, "b:1"))
            self.assertEqual(
                (verdict.persisted, verdict.again), (persisted, again), (code, remark)
            )

    def test_everyNamedCodeIsDecided(self) -> None:
        """
        A code that is not in the table may be stored, and never surely is not.
        """
        decided = {code for code, *_ in TABLE}
        for code in ResponseCode:
            if code not in decided and code != ResponseCode.SUCCESS:
                error = BrokerError.fromResponse(RemotingCommand(code), "b:1")
                self.assertIs(verdictOn(error).persisted, MAYBE, code)

    def test_connections(self) -> None:
        """
        What the connection knows of the request decides.
        """
        for error, persisted in (
            (ConnectFailed("b:1", "refused"), NO),
            (ConnectionClosed("b:1", "lost", MAYBE), MAYBE),
            (RemotingTimeout("b:1", "late", NO), NO),
        ):
            verdict = verdictOn(error)
            self.assertEqual(
                verdict, Verdict(persisted, Again.ALWAYS, refresh=True, avoid=True)
            )

    def test_routes(self) -> None:
        """
        A topic that does not exist will not exist; the rest may get well.
        """
        self.assertIs(verdictOn(TopicNotFound("T", ["n"])).again, Again.NEVER)
        for error in (NoNameServer([]), NoWritableQueue("T")):
            self.assertEqual(verdictOn(error), Verdict(NO, Again.ALWAYS, refresh=True))

    def test_others(self) -> None:
        """
        A hook that raises ends the send; an unreadable success is one.
        """
        self.assertEqual(verdictOn(ValueError()), Verdict(NO, Again.NEVER))
        malformed = MalformedAnswer(0, None, "b:1")
        self.assertEqual(verdictOn(malformed), Verdict(YES, Again.NEVER))
        self.assertIs(verdictOn(InvalidMessage("x")).again, Again.NEVER)


class BackOffTests(TestCase):
    """
    How long rounds of tries are apart.
    """

    def test_doublesToASecond(self) -> None:
        """
        0.1 s, then twice that, up to 1 s, each give or take a fifth.
        """
        random = Random(1)
        for round, middle in enumerate([0.1, 0.2, 0.4, 0.8, 1, 1, 1]):
            for _ in range(50):
                delay = backOff(round, random)
                self.assertTrue(0.8 * middle <= delay <= 1.2 * middle, delay)
        self.assertTrue(backOff(10_000, random) <= 1.2)


def historyOf(*persisted: Persisted) -> History:
    """
    A history of tries that ended so.
    """
    history = History()
    for at, each in enumerate(persisted):
        queue = MessageQueue("T", f"broker-{at}", 0)
        history.add(Attempt(queue, "b:1", 0.1, ValueError(), each), queue.brokerName)
    return history


class OurRulesTests(TestCase):
    """
    Our own rules of retrying.
    """

    def step(self, error: Exception, history: History, **settings: object) -> Step:
        """
        What follows a failure.
        """
        rules = rulesFor(None, ProducerSettings(**settings), False)  # type: ignore[arg-type]
        return rules.after(error, verdictOn(error), history)

    def test_notStoredIsTriedAgainWithoutCount(self) -> None:
        """
        However often it failed.
        """
        refused = ConnectFailed("b:1", "refused")
        self.assertIs(self.step(refused, historyOf(*[NO] * 100)), Step.WAIT)

    def test_maybeStoredIsTriedAgainByCount(self) -> None:
        """
        Twice by default, and then no more.
        """
        lost = ConnectionClosed("b:1", "lost", MAYBE)
        steps = [self.step(lost, historyOf(*[MAYBE] * n)) for n in (1, 2, 3)]
        self.assertEqual(steps, [Step.WAIT, Step.WAIT, Step.END])
        self.assertIs(
            self.step(lost, historyOf(MAYBE), retryTimesWhenSendFailed=0), Step.END
        )

    def test_neverResendWhenMaybe(self) -> None:
        """
        After a try that may have stored it, no failure leads to another.
        """
        refused = ConnectFailed("b:1", "refused")
        for history, step in (
            (historyOf(NO), Step.WAIT),
            (historyOf(NO, MAYBE, NO), Step.END),
        ):
            self.assertIs(self.step(refused, history, resendWhenMaybe=False), step)

    def test_once(self) -> None:
        """
        What one more try can help gets just one more.
        """
        history = historyOf(NO)
        missing = BrokerError.fromResponse(RemotingCommand(17), "b:1")
        self.assertIs(self.step(missing, history), Step.ON)
        self.assertIs(self.step(missing, history), Step.END)

    def test_attemptsAreCapped(self) -> None:
        """
        A try takes three seconds at most, and never more than is left.
        """
        rules = rulesFor(None, ProducerSettings(), False)
        self.assertEqual((rules.attemptTimeout(10), rules.attemptTimeout(2)), (3, 2))


class JavaRulesTests(TestCase):
    """
    Java's rules of retrying.
    """

    def test_sync(self) -> None:
        """
        Three tries in all, of the listed codes and of any connection's failure.
        """
        rules = rulesFor(CommunicationMode.SYNC, ProducerSettings(), False)
        for code, step in (
            *((code, Step.ON) for code in (1, 2, 14, 16, 17, 204, 205, 1500)),
            *((code, Step.END) for code in (3, 13, 15, 29, 215, 501, 4)),
        ):
            error = BrokerError.fromResponse(RemotingCommand(code), "b:1")
            for made, expected in ((2, step), (3, Step.END)):
                history = historyOf(*[NO] * made)
                self.assertIs(rules.after(error, verdictOn(error), history), expected)
        lost = ConnectionClosed("b:1", "lost", MAYBE)
        history = historyOf(MAYBE)
        self.assertIs(rules.after(lost, verdictOn(lost), history), Step.ON)
        missing = TopicNotFound("T", ["n"])
        self.assertIs(rules.after(missing, verdictOn(missing), history), Step.END)
        self.assertEqual(rules.attemptTimeout(10), 10)

    def test_syncToOneQueue(self) -> None:
        """
        There is one try.
        """
        rules = rulesFor(CommunicationMode.SYNC, ProducerSettings(), True)
        lost = ConnectionClosed("b:1", "lost", MAYBE)
        step = rules.after(lost, verdictOn(lost), historyOf(MAYBE))
        self.assertIs(step, Step.END)

    def test_syncBettersAWeakResult(self) -> None:
        """
        Only when it is told to, and while there are tries left.
        """
        weak = SendResult(
            SendStatus.FLUSH_DISK_TIMEOUT, "id", "id", MessageQueue("T", "b", 0), 0
        )
        for asked, pinned, made, betters in (
            (False, False, 1, False),
            (True, False, 1, True),
            (True, False, 3, False),
            (True, True, 1, False),
        ):
            settings = ProducerSettings(retryAnotherBrokerWhenNotStoreOK=asked)
            rules = rulesFor(CommunicationMode.SYNC, settings, pinned)
            self.assertIs(rules.betters(weak, made), betters)

    def test_async(self) -> None:
        """
        A connection's failure is tried again, an answer and a timeout are not.
        """
        rules = rulesFor(CommunicationMode.ASYNC, ProducerSettings(), False)
        refused = ConnectFailed("b:1", "refused")
        for error, step in (
            (refused, Step.ON),
            (ConnectionClosed("b:1", "lost", MAYBE), Step.ON),
            (RemotingTimeout("b:1", "late", MAYBE), Step.END),
            (BrokerError.fromResponse(RemotingCommand(2), "b:1"), Step.END),
        ):
            self.assertIs(rules.after(error, verdictOn(error), historyOf(NO)), step)
        last = rules.after(refused, verdictOn(refused), historyOf(NO, NO, NO))
        self.assertIs(last, Step.END)


class HistoryTests(TestCase):
    """
    What is kept of failed tries.
    """

    def test_firstAndLast(self) -> None:
        """
        The first and the last three, however many there were.
        """
        history = historyOf(*[NO] * 10)
        brokers = [
            attempt.messageQueue and attempt.messageQueue.brokerName
            for attempt in history.listed()
        ]
        self.assertEqual(brokers, ["broker-0", "broker-7", "broker-8", "broker-9"])
        self.assertEqual(history.made, 10)

    def test_mostToBeFeared(self) -> None:
        """
        One try that may have stored it is enough.
        """
        for tries, persisted, maybes in (
            ([NO, NO], NO, 0),
            ([NO, MAYBE, NO, MAYBE], MAYBE, 2),
            ([MAYBE, YES], YES, 1),
        ):
            history = historyOf(*tries)
            self.assertEqual((history.persisted, history.maybes), (persisted, maybes))
