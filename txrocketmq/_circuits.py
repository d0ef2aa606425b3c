"""
Which credentials were refused where, so that they are not tried with every send.

Laws:

    - Refused credentials are left alone for 30 s, at the broker that refused them;
      then one send tries them.

    - Other credentials are others: nothing that was said of those before counts.

    - What a broker said of one topic says nothing of another.

Java has nothing of the kind: it tries with every send, three times.
"""

from __future__ import annotations

from collections.abc import Callable

import attrs
from twisted.internet.interfaces import IReactorTime

from txrocketmq._wire.codes import ResponseCode
from txrocketmq.errors import BrokerError

__all__ = ["OPEN_FOR", "Circuits", "isRefusal"]

OPEN_FOR = 30.0
"""
Seconds that refused credentials are left alone.
"""

MOST = 1024
"""
How many refusals are remembered.
"""

_OF_NOBODY = ("signature", "is not found", "accesskey", "acl config", "username")
"""
What is said of credentials that may do nothing at all.  These are texts of the
servers 4.9.7 to 5.5.0.
"""


@attrs.define
class _Refusal:
    """
    What a broker said of some credentials.

    @ivar until: Before when they are not tried again.
    """

    credentials: object
    error: BrokerError
    until: float


class Circuits:
    """
    The refusals one client has met.

    @ivar refusals: They, by broker and topic.
    """

    def __init__(self, clock: IReactorTime, current: Callable[[], object]) -> None:
        """
        @param current: Gives the credentials of now.
        """
        self._clock = clock
        self._current = current
        self.refusals: dict[tuple[str, str | None], _Refusal] = {}

    @property
    def open(self) -> bool:
        """
        Whether there may be any refusal.
        """
        return bool(self.refusals)

    def refusal(self, address: str, topic: str) -> BrokerError | None:
        """
        Why a send need not be tried, if it need not.

        @return: The refusal, made anew.  L{None} may be the one try there is when
            the time is over.
        """
        for place in ((address, None), (address, topic)):
            refusal = self.refusals.get(place)
            if refusal is None:
                continue
            now = self._clock.seconds()
            if self._current() != refusal.credentials:
                del self.refusals[place]
            elif now < refusal.until:
                error = refusal.error
                return type(error)(error.code, error.remark, error.address)
            else:
                refusal.until = now + OPEN_FOR
        return None

    def refused(
        self, address: str, topic: str, credentials: object, error: BrokerError
    ) -> None:
        """
        A broker does not take a send because of the credentials.
        """
        now = self._clock.seconds()
        if len(self.refusals) >= MOST:
            self._forgetOld(now)
        place = (address, None if _isOfNobody(error.remark) else topic)
        self.refusals[place] = _Refusal(credentials, error, now + OPEN_FOR)

    def passed(self, address: str, topic: str) -> None:
        """
        A broker has let a send pass.
        """
        self.refusals.pop((address, None), None)
        self.refusals.pop((address, topic), None)

    def _forgetOld(self, now: float) -> None:
        """
        Forget those whose time is over, or all if there are none.
        """
        self.refusals = {
            place: refusal
            for place, refusal in self.refusals.items()
            if now < refusal.until
        }
        if len(self.refusals) >= MOST:
            self.refusals.clear()


def isRefusal(error: BrokerError) -> bool:
    """
    Whether an answer is about credentials: brokers say with the same code that
    nobody may write to them.
    """
    remark = error.remark or ""
    if error.code == ResponseCode.SYSTEM_ERROR:
        return "AclException" in remark
    forbidden = "sending message is forbidden" in remark
    return error.code == ResponseCode.NO_PERMISSION and not forbidden


def _isOfNobody(remark: str | None) -> bool:
    """
    Whether a refusal is of credentials that may do nothing at all, and not of what
    was to be done with them.
    """
    words = (remark or "").lower()
    return "permission" not in words and any(each in words for each in _OF_NOBODY)
