"""
C{POST /v1/topics/TOPIC/messages} with a stream: messages that come as lines, and
results that go as lines, for as long as the client likes.

Laws:

    - Each line that is not blank has one result, in order.

    - What is kept does not grow with the stream: it waits while its client does not
      read, and while too much is under way.

    - It ends with a line that says so, unless there is nobody to be told.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from twisted.internet.interfaces import IDelayedCall, IPushProducer
from zope.interface import implementer

from txrocketmq import Message
from txrocketmq.relay import documents
from txrocketmq.relay.answers import STOPPING, Answer, head
from txrocketmq.relay.desk import Desk
from txrocketmq.relay.documents import Fault
from txrocketmq.relay.lines import TOO_LONG, Lines
from txrocketmq.relay.orders import Order
from txrocketmq.relay.pace import Pace
from txrocketmq.relay.shelf import Shelf
from txrocketmq.relay.slots import Slot, faultText, lastLine
from txrocketmq.relay.takers import Taker, ToBroker, ToSpool

if TYPE_CHECKING:
    from txrocketmq.relay.channel import RelayChannel

START = head(200, kind=b"application/x-ndjson")


@implementer(IPushProducer)
class Stream:
    """
    One stream.
    """

    def __init__(self, desk: Desk, shelf: Shelf | None, order: Order) -> None:
        """
        @param shelf: Where its messages are kept, if they are to be.

        @param order: What it asks for.
        """
        self._desk = desk
        self._limits = limits = desk.limits
        self._taker: Taker = ToBroker(desk, self._ended)
        if order.target.ack == "spool":
            assert shelf is not None
            self._taker = ToSpool(desk, shelf, self._ended)
        self._order = order
        self._request = order.request
        self._channel: RelayChannel = order.request.channel
        self._lines = Lines(limits.maxBody)
        self._slots: deque[Slot] = deque()
        self._size = self._held = self._accepted = self._failed = 0
        self._isWhole = self._isRunning = self._isOver = False
        self._isBlocked = self._wantsRoom = self._isCramped = False
        self._why: Answer | None = None
        self._turn: IDelayedCall | None = None
        self._pace = Pace(limits, desk.clock.seconds())
        self._channel.deadline = self._channel.site.never
        desk.begin()
        desk.flows[self] = None
        self._request.registerProducer(self, True)  # type: ignore[no-untyped-call]

    def received(self, data: bytes) -> None:
        """
        Some of it has come.
        """
        self._pace.count(len(data))
        self._lines.add(data)
        self._run()

    def completed(self) -> None:
        """
        All of it has.
        """
        self._isWhole = True
        self._lines.end()
        self._run()
        self._flushSoon()

    def lost(self, answer: Answer | None) -> bool:
        """
        No more will be read.

        @param answer: Why; L{None} when the client has gone.

        @return: Whether the client is told by the stream.
        """
        self._lines.clear()
        self._isWhole = True
        hasBegun = self._lines.number > 0 or bool(self._request.startedWriting)
        if answer is None or not hasBegun:
            self._leave()
            self._flushSoon()
            return False
        self._why = answer
        self._channel.gate.hold()
        self._flushSoon()
        return True

    def stop(self) -> None:
        """
        Take no more lines, and end when those that were taken have results.
        """
        if not self._isWhole:
            self._channel.refuse(STOPPING)

    def goOn(self) -> None:
        """
        It may be that it can take lines now.
        """
        self._run()
        if self._isWhole:
            self._flushSoon()

    def tick(self, now: float) -> None:
        """
        Some time has passed.
        """
        if self._wantsRoom:
            self.goOn()
        if self._isWhole:
            return
        isWaiting = self._isBlocked or self._channel.gate.held
        part = self._lines.number if self._lines.isPartial else -1
        if self._pace.isSlow(now, isWaiting, part, self._isCramped):
            self._channel.refuse(self._pace.answer)

    def pauseProducing(self) -> None:
        """
        The client does not read.
        """
        self._isBlocked = True

    def resumeProducing(self) -> None:
        """
        The client has read everything.
        """
        self._isBlocked = False
        self._flushSoon()
        self._run()

    def stopProducing(self) -> None:
        """
        The connection ends; L{lost} says so, too.
        """

    def _run(self) -> None:
        """
        Take lines as there is room for them, and read on when there are none left.
        """
        if self._isRunning or self._isOver:
            return
        self._isRunning = True
        try:
            isWaiting = self._takeLines()
            self._taker.together()
        finally:
            self._isRunning = False
        if isWaiting and not self._isWhole:
            self._channel.gate.hold()
        elif not self._channel.leaving:
            self._channel.gate.release()

    def _takeLines(self) -> bool:
        """
        Take lines, as many as others can wait for.

        @return: Whether there may be more, and no room or no time.
        """
        self._isCramped = False
        turns = self._desk.turns
        while self._hasRoom():
            # Who has none does not wait for its turn: we wait for it.
            if self._lines.hasWhole and not turns.isOpen(self):
                return True
            line = self._lines.next()
            if line is None:
                return not self._hasRoomForLine()
            turns.taken()
            if line.strip() or line is TOO_LONG:
                self._take(line)
        return True

    def _hasRoom(self) -> bool:
        """
        Whether another line can be under way.
        """
        limits = self._limits
        return (
            not self._isBlocked
            and len(self._slots) < limits.streamWindow
            and self._size < limits.streamBytes
            and not self._wants(self._desk.shares.isFull(self._order.client))
        )

    def _hasRoomForLine(self) -> bool:
        """
        Whether the line that is coming can be kept: a long one needs room.
        """
        if self._held or len(self._lines) <= self._limits.streamBytes:
            return True
        most = self._limits.maxBody
        wrong = self._desk.shares.hold(self._order.client, most)
        self._isCramped = self._wants(wrong is not None)
        self._held = 0 if self._isCramped else most
        return not self._isCramped

    def _wants(self, isFull: bool) -> bool:
        """
        Remember whether to ask for room again in a while.
        """
        self._wantsRoom = isFull
        return isFull

    def _take(self, line: bytes) -> None:
        """
        Take a line.
        """
        slot = Slot(self._lines.number, len(line), self._held)
        self._held = 0
        self._slots.append(slot)
        try:
            message = self._message(line)
        except Fault as fault:
            self._failed += 1
            slot.text = faultText(fault)
            self._flushSoon()
            return
        self._size += slot.size
        slot.isTaken = True
        # That there is room was seen just now.
        self._desk.shares.take(self._order.client, 1)
        self._taker.take(slot, message)

    def _message(self, line: bytes) -> Message:
        """
        The message a line is.

        @raise Fault: It is none.
        """
        if line is TOO_LONG:
            raise Fault("$", "is longer than is allowed", limit=self._limits.maxBody)
        order, most = self._order, self._limits.maxMessage
        item = documents.itemOf(line, "$")
        return documents.messageOf(order.target.topic, item, "$", most, order.trace)

    def _ended(self, slot: Slot, text: bytes, isGood: bool) -> None:
        """
        What became of a line is known.
        """
        slot.text = text
        self._size -= slot.size
        self._accepted += isGood
        self._failed += not isGood
        self._flushSoon()

    def _flushSoon(self) -> None:
        """
        Tell what is known, in a turn of its own: much of it is known together.
        """
        if self._turn is None:
            self._turn = self._desk.clock.callLater(0, self._flush)

    def _flush(self) -> None:
        """
        Tell what is known, as far as it is without a gap.
        """
        self._turn = None
        slots, texts = self._slots, []
        isGone = self._request._disconnected
        while slots and slots[0].text and (isGone or not self._isBlocked):
            slot = slots.popleft()
            texts.append(slot.told())
            self._giveBack(slot)
        if texts and not isGone:
            self._write(b"".join(texts))
        self._run()
        if self._isWhole and not slots and not self._lines.isPartial:
            self._finish()

    def _giveBack(self, slot: Slot) -> None:
        """
        Give back what a line held.
        """
        shares, client = self._desk.shares, self._order.client
        shares.unhold(client, slot.held)
        if slot.isTaken:
            shares.give(client, 1)

    def _write(self, data: bytes) -> None:
        """
        Write a piece of the answer.
        """
        request = self._request
        if not request.startedWriting:
            request.startedWriting = 1
            site = self._channel.site
            site.answered(200)
            self._channel.transport.write(
                b"%b%b%b%bTransfer-Encoding: chunked\r\n\r\n"
                % (START, request.idLine(), site.dateLine, request.closing())
            )
        self._channel.transport.write(b"%x\r\n%b\r\n" % (len(data), data))

    def _finish(self) -> None:
        """
        All lines have results: say so, if there is somebody to be told.
        """
        if self._isOver:
            return
        self._isOver = True
        request, why = self._request, self._why
        isTold = self in self._desk.flows
        if isTold:
            self._write(lastLine(self._accepted, self._failed, why))
            self._channel.transport.write(b"0\r\n\r\n")
            self._leave()
        if isTold and why is None:
            request.reader = None
            request.finish()  # type: ignore[no-untyped-call]
        elif isTold:
            self._channel.leave()
        self._desk.end()

    def _leave(self) -> None:
        """
        Take no lines any more, and tell nobody.
        """
        self._desk.flows.pop(self, None)
        self._desk.shares.unhold(self._order.client, self._held)
        self._held = 0
        if not self._request._disconnected:
            self._request.unregisterProducer()  # type: ignore[no-untyped-call]
