"""
The daemon among clients that mean it harm, while one works: C{python -m
tests.http_hostile}.

Laws:

    1. Those who work, those who harm and the daemon are processes of their own: none
       waits for another's Python.

    2. What a good client sees among attackers is held against what it sees without
       them, before and after.

    3. A run in which the attackers did not attack proves nothing, and fails.
"""
