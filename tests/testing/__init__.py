"""
Tests of the doubles for the tests of applications.
"""
