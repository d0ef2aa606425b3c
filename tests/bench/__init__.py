"""
Tests for the benchmarks: that they do not flatter.
"""
