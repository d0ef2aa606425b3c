"""
Places for sockets.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any


class ShortPaths:
    """
    Mixed into a test case: a directory whose path is short.

    That of a socket must not be longer than 107 bytes, and those that trial makes
    for a test may be, wherever it runs.
    """

    def shortDirectory(self) -> Path:
        """
        Make a directory for this test.
        """
        path = tempfile.mkdtemp(prefix="relay-")
        case: Any = self
        case.addCleanup(shutil.rmtree, path)
        return Path(path)
