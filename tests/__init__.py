"""
The tests of txrocketmq; C{python -m tests} runs them against the installed wheel.
"""
