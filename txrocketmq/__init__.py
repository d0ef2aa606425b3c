"""
The native Twisted client for Apache RocketMQ producers.
"""
