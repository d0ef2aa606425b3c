"""
Run a module as C{python -m} does, and end when standard input ends.

The parent holds the other end of that pipe: however it ends, even by SIGKILL,
nothing stays behind.  C{python tethered.py MODULE [ARGUMENTS...]}
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
import threading


def _endWithInput() -> None:
    """
    Wait for the end of standard input, then end this process.
    """
    while os.read(0, 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def main() -> None:
    """
    Run the module that the command line names.
    """
    threading.Thread(target=_endWithInput, daemon=True).start()
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
