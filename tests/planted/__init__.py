"""
Bugs that are put into copies of the package, to see that tests find them:
C{python -m tests.planted}.
"""
