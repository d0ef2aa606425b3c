"""
Tests of L{txrocketmq._remoting}.
"""
