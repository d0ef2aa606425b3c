"""
Tests of L{txrocketmq._circuits} and of what L{txrocketmq.acl} tells it.
"""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from txrocketmq import _circuits
from txrocketmq._circuits import OPEN_FOR, Circuits, isRefusal
from txrocketmq._wire.codes import RequestCode
from txrocketmq._wire.command import RemotingCommand
from txrocketmq.acl import SigningHook
from txrocketmq.errors import BrokerError, NoPermission
from txrocketmq.settings import SessionCredentials

A, B = "127.0.0.1:1", "127.0.0.1:2"
OLD, NEW = SessionCredentials("me", "old"), SessionCredentials("me", "new")

EVERYTHING = (
    (16, "check signature failed."),
    (16, "User:me is not found."),
    (16, "username cannot be null."),
    (1, "o.a.r.acl.common.AclException: Check signature failed for accessKey=me"),
    (1, "o.a.r.acl.common.AclException: No acl config for me, f.java, 1"),
)
ONE_TOPIC = (
    (16, "User:username has no permission to access Topic:T from 127.0.0.1"),
    (1, "o.a.r.acl.common.AclException: No default permission for topic:T"),
    (16, "what no broker says yet"),
    (16, None),
)


class CircuitsTests(SynchronousTestCase):
    """
    What is remembered of refusals.
    """

    def setUp(self) -> None:
        """
        Begin with credentials nobody has refused.
        """
        self.clock = Clock()
        self.credentials = OLD
        self.circuits = Circuits(self.clock, lambda: self.credentials)

    def refuse(self, code: int, remark: str | None) -> BrokerError:
        """
        Have A refuse a send to T.
        """
        error = BrokerError.fromResponse(RemotingCommand(code, remark=remark), A)
        self.assertTrue(isRefusal(error))
        self.circuits.refused(A, "T", OLD, error)
        return error

    def test_everything(self) -> None:
        """
        Who is not known to a broker is not to any of its topics, and is told the
        same again, in an error of its own; another broker may know it.
        """
        for code, remark in EVERYTHING:
            error = self.refuse(code, remark)
            for topic in ("T", "U"):
                again = self.circuits.refusal(A, topic)
                assert again is not None
                self.assertIsNot(again, error)
                self.assertEqual((type(again), str(again)), (type(error), str(error)))
            self.assertIsNone(self.circuits.refusal(B, "T"))
            self.circuits.passed(A, "T")
            self.assertFalse(self.circuits.open)

    def test_oneTopic(self) -> None:
        """
        Who may not write to one topic may to others, as far as anybody knows.
        """
        for code, remark in ONE_TOPIC:
            self.refuse(code, remark)
            self.assertIsNotNone(self.circuits.refusal(A, "T"))
            self.assertIsNone(self.circuits.refusal(A, "U"))
            self.circuits.passed(A, "T")
            self.assertIsNone(self.circuits.refusal(A, "T"))

    def test_others(self) -> None:
        """
        What is not about credentials is no such refusal.
        """
        for code, remark in (
            (16, "the broker[127.0.0.1] sending message is forbidden"),
            (1, "UNKNOWN_ERROR"),
            (2, "[REJECTREQUEST]"),
            (13, "check signature failed."),
        ):
            answer = RemotingCommand(code, remark=remark)
            self.assertFalse(isRefusal(BrokerError.fromResponse(answer, A)))

    def test_oneProbe(self) -> None:
        """
        After half a minute one send may try, and no other one for another.
        """
        self.refuse(*EVERYTHING[0])
        for _ in range(2):
            self.clock.advance(OPEN_FOR - 1)
            self.assertIsNotNone(self.circuits.refusal(A, "T"))
            self.clock.advance(1)
            self.assertIsNone(self.circuits.refusal(A, "T"))
            self.assertIsNotNone(self.circuits.refusal(A, "T"))

    def test_otherCredentials(self) -> None:
        """
        Others are tried at once; the old ones are forgotten.
        """
        self.refuse(*EVERYTHING[0])
        self.credentials = NEW
        self.assertIsNone(self.circuits.refusal(A, "T"))
        self.assertFalse(self.circuits.open)

    def test_bounded(self) -> None:
        """
        However many topics are refused, so many are remembered.
        """
        error = NoPermission(16, "no permission", A)
        for at in range(_circuits.MOST):
            self.circuits.refused(A, f"old{at}", OLD, error)
        self.clock.advance(OPEN_FOR)
        for at in range(_circuits.MOST):
            self.circuits.refused(A, f"new{at}", OLD, error)
            self.assertIsNotNone(self.circuits.refusal(A, "new0"))
        self.circuits.refused(A, "one more", OLD, error)
        self.assertIsNone(self.circuits.refusal(A, "new0"))
        self.assertIsNotNone(self.circuits.refusal(A, "one more"))


class SigningTests(SynchronousTestCase):
    """
    What the hook that signs learns of answers.
    """

    def setUp(self) -> None:
        """
        Begin with a hook that is asked for the topic T.
        """
        self.credentials = OLD
        self.hook = SigningHook(lambda: self.credentials, Clock())
        assert self.hook.circuits is not None
        self.circuits = self.hook.circuits

    def ask(
        self, code: int = RequestCode.SEND_MESSAGE_V2, **more: str
    ) -> RemotingCommand:
        """
        A signed request.
        """
        fields = more or {"b": "T"}
        return self.hook.beforeRequest(A, RemotingCommand(code, fields, b"body"))

    def answer(self, request: RemotingCommand, code: int = 16) -> None:
        """
        Answer it.
        """
        remark = "check signature failed." if code else None
        self.hook.afterResponse(A, request, RemotingCommand(code, remark=remark))

    def test_refused(self) -> None:
        """
        A refused send is remembered, single or batch, whichever way its header
        is written, until one passes.
        """
        for code, fields in (
            (RequestCode.SEND_MESSAGE_V2, {"b": "T"}),
            (RequestCode.SEND_BATCH_MESSAGE, {"b": "T"}),
            (RequestCode.SEND_MESSAGE, {"topic": "T"}),
        ):
            self.answer(self.ask(code, **fields))
            self.assertIsNotNone(self.circuits.refusal(A, "T"))
            self.answer(self.ask(code, **fields), 0)
            self.assertIsNone(self.circuits.refusal(A, "T"))

    def test_otherRequests(self) -> None:
        """
        What is no send is none of its business, nor is another answer.
        """
        self.answer(self.ask(RequestCode.HEART_BEAT))
        self.answer(self.ask(), 2)
        self.assertFalse(self.circuits.open)

    def test_signedBefore(self) -> None:
        """
        The answer to a request that old credentials signed says nothing of the
        new ones.
        """
        request = self.ask()
        self.credentials = NEW
        self.answer(self.ask())
        self.answer(request, 0)
        self.assertIsNotNone(self.circuits.refusal(A, "T"))
        self.answer(self.ask(), 0)
        self.answer(request)
        self.assertFalse(self.circuits.open)

    def test_unsigned(self) -> None:
        """
        A request that was not signed here says nothing.
        """
        self.answer(RemotingCommand(RequestCode.SEND_MESSAGE_V2, {"b": "T"}))
        self.assertFalse(self.circuits.open)
