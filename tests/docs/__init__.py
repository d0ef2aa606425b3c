"""
Tests for the documentation: what it tells people to type works, and its tables
say what the code says.
"""
