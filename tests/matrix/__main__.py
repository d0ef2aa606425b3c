"""
C{python -m tests.matrix}: the rows of the fault matrix and their tests.

The exit status is 1 where a row has neither a test nor a reason, or names a test
that does not exist.
"""

from __future__ import annotations

import sys

from .report import lines, problems, tests


def main() -> int:
    """
    Print the matrix.

    @return: The exit status.
    """
    found = tests()
    wrong = list(problems(found))
    sys.stdout.writelines(f"{line}\n" for line in lines(found))
    sys.stderr.writelines(f"{line}\n" for line in wrong)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
