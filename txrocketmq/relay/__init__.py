"""
The relay: a daemon that takes messages over HTTP and sends them to RocketMQ.
"""
