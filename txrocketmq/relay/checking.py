"""
What can be checked before anything is started.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from twisted.python.usage import UsageError

from txrocketmq._spool.place import checkPlace
from txrocketmq.errors import SpoolUnavailable
from txrocketmq.relay.configuration import Resolved

LIBRARIES = ("prometheus_client",)
"""
What the relay needs and the library does not.
"""


def checkLibraries(find: Callable[[str], object] = find_spec) -> None:
    """
    @raise UsageError: When something is not installed.
    """
    missing = [name for name in LIBRARIES if find(name) is None]
    if missing:
        raise UsageError(
            f"{', '.join(missing)} is not installed: pip install 'txrocketmq[relay]'"
        )


def checkSpool(resolved: Resolved) -> None:
    """
    @raise UsageError: When the spool's directory is of no use.
    """
    directory = resolved.configuration.spool
    if directory is not None:
        try:
            checkPlace(directory)
        except SpoolUnavailable as wrong:
            raise UsageError(f"{resolved.origin('spool')}: {wrong}") from wrong


def checkRunner(options: Mapping[str, Any]) -> None:
    """
    Look at the options of C{twistd} whose faults it would answer with a traceback.

    @param options: Its own; C{twist} has none of these.

    @raise UsageError: When it could not start.
    """
    rundir = options.get("rundir")
    if rundir is None:
        return
    directory = Path(rundir)
    if options.get("chroot"):
        inside = Path("/") if rundir == "." else directory
        directory = Path(options["chroot"], inside.absolute().relative_to("/"))
    if not directory.is_dir() or not os.access(directory, os.X_OK):
        raise UsageError(f"--rundir: {rundir!r} is no directory that can be entered")
    pidfile = options.get("pidfile")
    if pidfile:
        _checkWritable("--pidfile", pidfile, directory / pidfile)
    logfile = options.get("logfile")
    if logfile and logfile != "-":
        _checkWritable("--logfile", logfile, Path(logfile))


def _checkWritable(option: str, name: str, path: Path) -> None:
    """
    @raise UsageError: When a file cannot be written.
    """
    writable = os.access(path if path.exists() else path.parent, os.W_OK)
    if path.is_dir() or not writable:
        raise UsageError(f"{option}: {name!r} cannot be written")
