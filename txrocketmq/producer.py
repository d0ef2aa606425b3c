"""
Sending messages.

Follows Java's C{DefaultMQProducer} in what a send is, and the delivery contract
in what it promises: one Deferred, fired once, on time, with the truth.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from twisted.internet.defer import Deferred, fail

from txrocketmq._identity import millis, thisProcess
from txrocketmq._sending.assemble import assemble
from txrocketmq._sending.batch import assembleBatch, splitResult
from txrocketmq._sending.choice import checkCall, choiceOf
from txrocketmq._sending.envelope import Envelope
from txrocketmq._sending.hooks import sendHooksOf
from txrocketmq._sending.recall import brokerOf
from txrocketmq._sending.sending import Sending
from txrocketmq._sending.validate import checkGroup, checkTopic
from txrocketmq.client import MQClient
from txrocketmq.compression import checkCompression
from txrocketmq.errors import NotRunning, RocketMQError
from txrocketmq.interfaces import ICheckForbiddenHook, ISendMessageHook
from txrocketmq.message import (
    CommunicationMode,
    Message,
    MessageQueue,
    Selector,
    SendResult,
)
from txrocketmq.namespaces import wrap
from txrocketmq.settings import ProducerSettings
from txrocketmq.stats import ProducerStats

__all__ = ["Producer"]


class Producer:
    """
    Sends messages to the cluster of one client, in the name of one group.
    """

    def __init__(
        self,
        client: MQClient,
        group: str,
        settings: ProducerSettings | None = None,
        *,
        hooks: Sequence[ISendMessageHook | ICheckForbiddenHook] = (),
    ) -> None:
        """
        @param client: The cluster; it need not be started yet.

        @param group: The producer group, one per client.

        @param hooks: L{ISendMessageHook}s and L{ICheckForbiddenHook}s, called
            around each attempt, in this order.

        @raise InvalidConfiguration: When the group or a setting cannot work.

        @raise ValueError: When the client has a producer of this group already.

        @raise TypeError: When a hook is neither of the two kinds.
        """
        checkGroup(group)
        self._settings = settings = settings or ProducerSettings()
        checkCompression(settings.compressType, settings.compressLevel)
        self._client = client
        self.group = group
        self._closed = False
        self._random = random.Random()
        self._hooks = sendHooksOf(hooks)
        own = client.settings
        self._envelope = Envelope(
            wrap(own.namespace, group),
            own.namespace,
            own.unitMode,
            own.serializeType,
            settings,
            client.ids.next,
            millis,
            client.ids.several,
        )
        self._renew()
        client.join(group, self)

    def send(
        self,
        message: Message,
        *,
        mode: CommunicationMode | None = None,
        queue: MessageQueue | None = None,
        selector: Selector | None = None,
        timeout: float | None = None,
        msgId: str | None = None,
    ) -> Deferred[SendResult]:
        """
        Send a message and learn what became of it.

        With C{mode=None}, a failure that surely left nothing stored is tried
        again until the deadline, on another broker where one is left; one that
        may have is tried again by count, under the same id.

        @param mode: Java's rules instead of these.

        @param queue: The one queue it may go to.

        @param selector: What chooses the one queue it may go to.

        @param timeout: Seconds until the end, instead of C{sendTimeout}.

        @param msgId: Send it under the id of an earlier send: a resend.

        @return: Where it is stored.  It may fail with

            - L{NotRunning} and L{InvalidMessage
              <txrocketmq.errors.InvalidMessage>}, at once

            - L{TooManyInFlight<txrocketmq.errors.TooManyInFlight>} when there is
              no room

            - L{SendFailed<txrocketmq.errors.SendFailed>} otherwise: whether the
              message may be stored is its C{persisted}

            - L{SendCancelled<txrocketmq.errors.SendCancelled>} when cancelled,
              which stops the tries and takes nothing back
        """
        try:
            client = self._client
            if self._closed or not client.running or thisProcess.pid != client.owner:
                self._checkOpen()
            fast = self._sending.fast
            if (
                fast is not None
                and queue is None
                and selector is None
                and mode is None
                and timeout is None
                and msgId is None
                and type(message) is Message
            ):
                sent = fast.send(message)
                if sent is not None:
                    return sent
            checkCall(timeout, mode)
            choice = choiceOf(self._settings, message, queue, selector)
            outgoing = assemble(self._envelope, message, msgId)
        except RocketMQError as error:
            return fail(error)
        return self._sending.send(outgoing, choice, mode, timeout)

    def sendOneway(
        self,
        message: Message,
        *,
        queue: MessageQueue | None = None,
        selector: Selector | None = None,
    ) -> Deferred[None]:
        """
        Send a message, and do not ask what became of it.

        @return: Fires once its bytes are given to the transport.  What fails
            before that is surely not stored; it fails as L{send} does.
        """
        try:
            self._checkOpen()
            choice = choiceOf(self._settings, message, queue, selector)
            outgoing = assemble(self._envelope, message, None)
        except RocketMQError as error:
            return fail(error)
        return self._sending.sendOneway(outgoing, choice)

    def sendBatch(
        self,
        messages: Sequence[Message],
        *,
        queue: MessageQueue | None = None,
        selector: Selector | None = None,
        timeout: float | None = None,
    ) -> Deferred[list[SendResult]]:
        """
        Send messages of one topic in one request, to one queue.

        @param messages: They share their topic and C{waitStoreMsgOK}, and none is
            delayed.

        @param selector: What chooses the queue, by the first message.

        @return: One result for each message, in order.  It fails as L{send}
            does: a batch is stored as a whole or not at all.
        """
        try:
            self._checkOpen()
            checkCall(timeout)
            outgoing = assembleBatch(self._envelope, messages)
            choice = choiceOf(self._settings, messages[0], queue, selector)
        except RocketMQError as error:
            return fail(error)
        sent = self._sending.send(outgoing, choice, None, timeout)
        return sent.addCallback(lambda result: splitResult(outgoing, result))

    def recall(
        self, topic: str, recallHandle: str, *, timeout: float | None = None
    ) -> Deferred[str]:
        """
        Take back a timer message that is not delivered yet.

        @param topic: The message's topic.

        @param recallHandle: That of the send's result.

        @param timeout: Seconds the broker may take, instead of C{sendTimeout}.

        @return: The message's msgId.  It may fail with

            - L{NotRunning} and L{InvalidMessage
              <txrocketmq.errors.InvalidMessage>}, at once

            - L{IllegalOperation<txrocketmq.errors.IllegalOperation>} when it is
              too late

            - L{BrokerError<txrocketmq.errors.BrokerError>} for any other answer

            - L{RouteError<txrocketmq.errors.RouteError>} and L{RemotingError
              <txrocketmq.errors.RemotingError>}
        """
        try:
            self._checkOpen()
            checkCall(timeout)
            brokerName = brokerOf(topic, recallHandle)
        except RocketMQError as error:
            return fail(error)
        return self._sending.recalls.recall(
            wrap(self._client.settings.namespace, topic),
            recallHandle,
            brokerName,
            self._settings.sendTimeout if timeout is None else timeout,
        )

    def publishQueues(self, topic: str) -> Deferred[list[MessageQueue]]:
        """
        The queues messages of a topic can go to, from a fresh route.

        @return: The queues.  It may fail with L{NotRunning}, L{InvalidMessage
            <txrocketmq.errors.InvalidMessage>} for an illegal topic, and as route
            lookups do, with a L{RouteError<txrocketmq.errors.RouteError>}.
        """
        try:
            self._checkOpen()
            checkTopic(topic)
        except RocketMQError as error:
            return fail(error)
        refreshed = self._client.routes.refresh(
            wrap(self._client.settings.namespace, topic)
        )
        return refreshed.addCallback(
            lambda info: [
                MessageQueue(topic, queue.brokerName, queue.queueId)
                for queue in info.queues
            ]
        )

    def drained(self) -> Deferred[None]:
        """
        @return: Fires when no send is under way.  The client waits for it.
        """
        return self.flush()

    def flush(self) -> Deferred[None]:
        """
        @return: Fires when every send accepted before this call has ended.
        """
        return self._sending.flush()

    def whenWritable(self) -> Deferred[None]:
        """
        @return: Fires when there is room for another send.  Loops that send much
            wait for it.
        """
        return self._sending.whenWritable()

    def stats(self) -> ProducerStats:
        """
        A look at this producer.
        """
        return self._sending.stats()

    def close(self) -> Deferred[None]:
        """
        Take no more sends, let those under way end, and say goodbye.

        @return: Fires when it is done.  It does not fail, and can be called
            again.
        """
        if self._closed:
            return self.flush()
        self._closed = True
        return self.flush().addCallback(self._leave)

    def started(self) -> None:
        """
        The client was started: fetch the routes this producer was promised.
        """
        self._renew()
        for topic in self._settings.topics:
            self._client.prefetch(topic, self._settings.defaultTopicQueueNums)

    def stopped(self) -> None:
        """
        The client stops: nothing goes on.
        """
        self._sending.stop()

    def __repr__(self) -> str:
        """
        Short enough for a log line.
        """
        return f"<Producer {self.group} of {self._client!r}>"

    def _renew(self) -> None:
        """
        Begin with no send.
        """
        self._sending = Sending(
            self._client, self._envelope, self._settings, self._random, self._hooks
        )

    def _checkOpen(self) -> None:
        """
        Refuse what cannot be done now.
        """
        client = self._client
        if self._closed:
            raise NotRunning("the producer is closed")
        if not client.running or thisProcess.pid != client.owner:
            raise client.refusal() or NotRunning("the client is stopped")

    def _leave(self, ignored: object) -> Deferred[None]:
        """
        Say goodbye.
        """
        self._sending.stop()
        timeout = self._client.settings.requestTimeout
        return self._client.leave(self.group, self, timeout)
