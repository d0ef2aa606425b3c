"""
Tests for L{txrocketmq._wire}: bytes and values.
"""
