"""
What says when it is time for the next message: one byte on the standard output for
each.

    ticking GAP

It is a process, as the reactor's timers are of a millisecond: they would send several
messages at once where the other programs, which have threads for that, send one.
What comes late comes nevertheless, as theirs does.
"""

from __future__ import annotations

import os
import sys
import time


def main(gap: float) -> None:
    """
    Tick until nobody reads.

    @param gap: Seconds between two.
    """
    due = time.monotonic()
    while True:
        now = time.monotonic()
        if now < due:
            time.sleep(due - now)
            continue
        due += gap
        try:
            os.write(1, b".")
        except BrokenPipeError:
            return


if __name__ == "__main__":
    main(float(sys.argv[1]))
