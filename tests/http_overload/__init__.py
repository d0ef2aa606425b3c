"""
More than the daemon can take, while nothing can be delivered: C{python -m
tests.http_overload}.

Laws:

    1. What the clients were told is held against what a broker has in the end.

    2. Posts come when they are due, whether those before them are answered or not.

    3. A run in which nothing was refused proves nothing, and fails.
"""
