"""
What the command line is made of; L{txrocketmq.cli} is its entry point.
"""
