"""
Tests of L{txrocketmq.sandbox}: what it answers, without sockets.
"""
