"""
What zlib alone costs: bodies compressed one after the other, nothing sent.

    compress - LEVEL WINDOW BATCH SIZE SECONDS WARM RATE TOPIC

C{WINDOW}, C{BATCH}, C{RATE} and C{TOPIC} say nothing here.
"""

from __future__ import annotations

import sys
import time
import zlib

from .measuring import Arguments, Measured, lines


def compressFor(seconds: float, body: bytes, level: int) -> int:
    """
    Compress until the time is over.

    @return: How often.
    """
    end = time.perf_counter() + seconds
    count = 0
    while time.perf_counter() < end:
        zlib.compress(body, level)
        count += 1
    return count


def main() -> None:
    """
    Compress, and say how long it took.
    """
    given = Arguments.parse(sys.argv[2:])
    body, level = lines(given.size), int(given.mode)
    measured = Measured()
    measured.acked += compressFor(given.warm, body, level)
    measured.begin()
    measured.acked += compressFor(given.seconds, body, level)
    measured.end()
    print(measured.result(), flush=True)


if __name__ == "__main__":
    main()
