"""
A broker: who answers which request.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from twisted.internet.defer import Deferred, gatherResults

from txrocketmq._remoting.answering import notSupported
from txrocketmq._wire.codes import RequestCode
from txrocketmq._wire.command import RemotingCommand

from .access import Access
from .answers import Answer, Peer
from .delays import Deliveries
from .groups import Groups
from .locks import Locks
from .nameserver import SandboxNameServer
from .network import Network, hostOf
from .offsets import ConsumerOffsets, QueueOffsets
from .pulls import Pulls
from .queries import Queries
from .registration import Registration
from .replies import Replies
from .retries import Retries
from .sends import Sends
from .server import Answering, SandboxServer
from .state import BrokerState
from .topicadmin import TopicAdmin
from .topics import TopicConfig
from .transactions import Transactions

NOT_FOR_VIP = (RequestCode.PULL_MESSAGE, RequestCode.LITE_PULL_MESSAGE)
"""
What the port two below a broker's own does not answer.
"""


class SandboxBroker(SandboxServer):
    """
    A broker on loopback.

    @ivar name: What routes call it.

    @ivar state: Its topics and its messages.
    """

    def __init__(
        self,
        network: Network,
        state: BrokerState,
        nameServers: Sequence[SandboxNameServer] = (),
    ) -> None:
        """
        @param nameServers: Who is to know of it.
        """
        self.name = state.brokerName
        self.state = state
        self._nameServers = nameServers
        self._registration = Registration(state, network)
        state.topicChanged = self._registration.announceTopic
        self._groups = Groups(state)
        self._consumerOffsets = ConsumerOffsets(state)
        self._pulls = Pulls(state, self._groups, self._consumerOffsets)
        state.arrived = self._pulls.arrived
        credentials = state.settings.credentials
        self._access = Access(credentials) if credentials else None
        self.answers = self._answers()
        super().__init__(network, state.settings)

    def _answers(self) -> Mapping[int, Answering]:
        """
        Who answers what.
        """
        state, groups = self.state, self._groups
        deliveries = Deliveries(state)
        transactions = Transactions(state, deliveries, groups.producersOf)
        sends = Sends(state, deliveries, transactions)
        replies = Replies(state, groups, sends)
        queues = QueueOffsets(state)
        queries = Queries(state)
        locks = Locks(state)
        topics = TopicAdmin(state, self._topicDeleted)
        return {
            RequestCode.SEND_MESSAGE: sends.send,
            RequestCode.SEND_MESSAGE_V2: sends.send,
            RequestCode.SEND_BATCH_MESSAGE: sends.send,
            RequestCode.SEND_REPLY_MESSAGE: replies.reply,
            RequestCode.SEND_REPLY_MESSAGE_V2: replies.reply,
            RequestCode.END_TRANSACTION: transactions.end,
            RequestCode.RECALL_MESSAGE: deliveries.recall,
            RequestCode.HEART_BEAT: groups.heartbeat,
            RequestCode.UNREGISTER_CLIENT: groups.unregister,
            RequestCode.CHECK_CLIENT_CONFIG: groups.checkClient,
            RequestCode.GET_CONSUMER_LIST_BY_GROUP: groups.consumerList,
            RequestCode.PULL_MESSAGE: self._pulls.pull,
            RequestCode.LITE_PULL_MESSAGE: self._pulls.pull,
            RequestCode.QUERY_CONSUMER_OFFSET: self._consumerOffsets.query,
            RequestCode.UPDATE_CONSUMER_OFFSET: self._consumerOffsets.update,
            RequestCode.CONSUMER_SEND_MSG_BACK: Retries(
                state, groups, deliveries
            ).sendBack,
            RequestCode.LOCK_BATCH_MQ: locks.lock,
            RequestCode.UNLOCK_BATCH_MQ: locks.unlock,
            RequestCode.GET_MAX_OFFSET: queues.max,
            RequestCode.GET_MIN_OFFSET: queues.min,
            RequestCode.SEARCH_OFFSET_BY_TIMESTAMP: queues.search,
            RequestCode.GET_EARLIEST_MSG_STORETIME: queues.earliest,
            RequestCode.QUERY_MESSAGE: queries.query,
            RequestCode.VIEW_MESSAGE_BY_ID: queries.view,
            RequestCode.UPDATE_AND_CREATE_TOPIC: topics.create,
            RequestCode.DELETE_TOPIC_IN_BROKER: topics.delete,
            RequestCode.GET_TOPIC_CONFIG: topics.show,
            RequestCode.GET_ALL_TOPIC_CONFIG: topics.showAll,
        }

    def announce(self) -> Deferred[None]:
        """
        Tell the name servers of all topics, unless the broker is down.

        @return: Fires when all were told that can be reached.
        """
        return self._registration.announce()

    def createTopic(self, config: TopicConfig) -> Deferred[None]:
        """
        Make a topic, or change it.

        @return: Fires when the name servers know, as far as they are up.
        """
        self.state.topics.put(config)
        return self._registration.announceTopic(config)

    def _responders(self) -> Sequence[Callable[[RemotingCommand, Peer], Answer]]:
        """
        What answers at the broker's port, and at the VIP channel's.
        """
        return (self.respond, self._respondVIP)

    def _respondVIP(self, command: RemotingCommand, peer: Peer) -> Answer:
        """
        Answer at the VIP channel.
        """
        if command.code in NOT_FOR_VIP:
            return notSupported(command)
        return self.respond(command, peer)

    def _check(self, command: RemotingCommand) -> None:
        """
        Let a request pass that is signed by somebody known.
        """
        if self._access is not None:
            self._access.check(command)

    def _cameUp(self) -> Deferred[None]:
        """
        Tell the name servers.
        """
        host, port = hostOf(self._ports[0])
        self.state.settle(host, port, self.address)
        self.state.timetable.resume()
        addresses = [each.address for each in self._nameServers if each.address]
        return self._registration.start(addresses)

    def setDown(self, *, gracefully: bool = False) -> Deferred[None]:
        """
        Stop listening and drop all connections; what is stored stays.

        @param gracefully: Tell the name servers first, as a process does that
            is asked to end, and not killed.

        @return: Fires when nobody can connect any more, and no route names it.
        """
        if not gracefully:
            return super().setDown()
        return self._registration.farewell().addCallback(lambda _: self.setDown())

    def _wentDown(self) -> Deferred[None]:
        """
        Forget who was connected; the messages stay, and delayed ones wait.
        """
        self._registration.stop()
        self._pulls.drop()
        self.state.timetable.pause()
        forgotten = [each.whenForgotten(self.address) for each in self._nameServers]
        return gatherResults(forgotten).addCallback(lambda _: None)

    def _topicDeleted(self, topic: str) -> None:
        """
        Forget a topic's messages.
        """
        self.state.store.forget(topic)
        self._consumerOffsets.forget(topic)
