"""
The enumeration of stages: C{python -m tests.stages}.

Whatever happens at whichever step of a client's life, its sends end once, in time
and truly, and nothing is left of it.  Each case has a number, which is all it takes
to see it again.
"""
