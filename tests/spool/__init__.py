"""
Tests of the spool.
"""
