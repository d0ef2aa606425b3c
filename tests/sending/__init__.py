"""
Tests of L{txrocketmq._sending}, the producer and the client.
"""
