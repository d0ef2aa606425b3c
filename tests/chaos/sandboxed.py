"""
C{python -m tests.chaos.sandboxed TOPIC QUEUES}: a sandbox that says its address, and
when it is told C{dump}, what it has stored.  It ends with its standard input.
"""

from __future__ import annotations

import base64
import json
import sys
from typing import Any

from twisted.internet import reactor as theReactor
from twisted.internet.defer import Deferred
from twisted.internet.stdio import StandardIO
from twisted.internet.task import react
from twisted.protocols.basic import LineReceiver
from twisted.python.failure import Failure

from txrocketmq.sandbox import BrokerSettings, Sandbox

reactor: Any = theReactor


class Orders(LineReceiver):
    """
    What comes in by standard input.
    """

    delimiter = b"\n"

    def __init__(self, sandbox: Sandbox, topic: str, ended: Deferred[None]) -> None:
        self._sandbox = sandbox
        self._topic = topic
        self._ended = ended

    def lineReceived(self, line: bytes) -> None:
        """
        Say what is stored.
        """
        for message in self._sandbox.messages(self._topic):
            found = {
                "body": base64.b64encode(message.body).decode(),
                "msgId": message.msgId,
                "queueId": message.queueId,
                "queueOffset": message.queueOffset,
            }
            self.sendLine(json.dumps(found).encode())
        self.sendLine(b"end")

    def connectionLost(self, reason: Failure | None = None) -> None:
        """
        Nobody wants anything any more.
        """
        self._ended.callback(None)


async def run(topic: str, queues: str) -> None:
    """
    Be there until standard input ends.
    """
    settings = BrokerSettings(defaultTopicQueueNums=int(queues))
    sandbox = Sandbox(reactor, settings=settings)
    sandbox.startService()
    await sandbox.whenReady()
    ended: Deferred[None] = Deferred()
    orders = Orders(sandbox, topic, ended)
    StandardIO(orders)
    orders.sendLine(sandbox.nameServerAddresses[0].encode())
    await ended
    await sandbox.stopService()


def main(words: list[str]) -> None:
    """
    Run until the end.
    """
    react(lambda _: Deferred.fromCoroutine(run(*words)))


if __name__ == "__main__":
    main(sys.argv[1:])
