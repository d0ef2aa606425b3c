"""
The programs that put load on, each in its own process, and the sink they load.
"""
