"""
The fault matrix: which fault leads to what, and which tests prove it.

C{python -m tests.matrix} prints all rows with their tests.
"""
