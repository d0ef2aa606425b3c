"""
Tell C{twist} and C{twistd} of the relay.

Names only: whatever this module imported, every C{twist} and C{twistd} of the
environment would import too.
"""

from twisted.application.service import ServiceMaker

txrocketmq = ServiceMaker(
    "txrocketmq",
    "txrocketmq.relay.tap",
    "Relay messages over HTTP to Apache RocketMQ.",
    "txrocketmq",
)
