"""
The daemon as a process of its own, broken in every way that can be thought of:
C{python -m tests.chaos daemon}, C{... full}, C{... damage}.

Laws:

    1. What a client was told is held against what a reader finds in the brokers.

    2. A run in which nothing was broken proves nothing, and fails.

    3. The same C{--seed} breaks the same things at the same points, as far as chance
       is ours.
"""
