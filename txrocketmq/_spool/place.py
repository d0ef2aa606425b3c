"""
The spool's directory, and who may use it.

Laws:

    - Looking changes nothing; what is wrong is one line.

    - No symbolic link is followed, and nothing that is not ours is opened.

    - The lock is the kernel's, on a file: it ends with the process, however that
      ends.
"""

from __future__ import annotations

import fcntl
import os
import stat
from pathlib import Path

from txrocketmq.errors import SpoolUnavailable

DATABASE = "spool.db"
LOCK = "spool.lock"
RESERVE = "spool.reserve"
FILES = (DATABASE, f"{DATABASE}-wal", f"{DATABASE}-shm", LOCK)
"""
The files that are there while the spool is in use.
"""

RESERVED = 4 * 1024 * 1024
"""
The bytes that are set aside: to forget what was delivered needs some room, too, and
on a full disk there is none but this.
"""

USED = b"used\n"
"""
What the lock file has when there was a database.
"""

_FLAGS = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC


def checkPlace(directory: str) -> None:
    """
    Make sure that a spool could be opened in a directory.

    @raise SpoolUnavailable: When it could not, with one line that says why.
    """
    _checkDirectory(directory)
    for name in (*FILES, RESERVE):
        _checkFile(Path(directory, name))
    path = Path(directory, LOCK)
    if path.exists():
        descriptor = _opened(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            _lock(descriptor, directory)
        finally:
            os.close(descriptor)


class Place:
    """
    A directory that is ours alone, until it is left.

    @ivar path: Where the database is.

    @ivar wasUsed: Whether there was a database here before.
    """

    def __init__(self, directory: str) -> None:
        """
        @raise SpoolUnavailable: When it cannot be ours, with one line that says why.
        """
        _checkDirectory(directory)
        for name in (*FILES, RESERVE):
            _checkFile(Path(directory, name))
        self.directory = directory
        self.path = Path(directory, DATABASE)
        self._lock = _opened(Path(directory, LOCK), _FLAGS)
        try:
            _lock(self._lock, directory)
            os.fchmod(self._lock, 0o600)
            self.wasUsed = USED in os.pread(self._lock, 100, 0)
            self._sign()
        except BaseException as error:
            os.close(self._lock)
            if isinstance(error, OSError):
                raise _unusable(directory, error) from None
            raise

    def prepare(self) -> None:
        """
        Make the database's file, if there is none.

        @raise SpoolUnavailable: When it cannot be made.
        """
        self.make(self.path)
        for name in FILES[1:3]:
            path = Path(self.directory, name)
            if path.exists():
                path.chmod(0o600)

    def make(self, path: Path) -> None:
        """
        Make a file, if there is none: SQLite would not do it privately.

        @raise SpoolUnavailable: When it cannot be made.
        """
        descriptor = _opened(path, _FLAGS)
        try:
            os.fchmod(descriptor, 0o600)
        finally:
            # Before SQLite opens it: closing it later would end SQLite's own locks.
            os.close(descriptor)
        syncDirectory(self.directory)

    def use(self) -> None:
        """
        Remember that there is a database here: one that is empty some day was not
        always so.
        """
        self.wasUsed = True
        self._sign()

    def _sign(self) -> None:
        """
        Say in the lock file whose it is.
        """
        text = b"%d\n%b" % (os.getpid(), USED if self.wasUsed else b"")
        os.ftruncate(self._lock, 0)
        os.pwrite(self._lock, text, 0)

    def size(self) -> int:
        """
        The bytes of the database's files.
        """
        return sum(map(_length, (Path(self.directory, name) for name in FILES)))

    def reserve(self) -> bool:
        """
        Set room aside.

        @return: Whether there was enough.
        """
        path = Path(self.directory, RESERVE)
        try:
            descriptor = os.open(path, _FLAGS, 0o600)
        except OSError:
            return False
        try:
            os.fchmod(descriptor, 0o600)
            os.posix_fallocate(descriptor, 0, RESERVED)
        except OSError:
            self.release()
            return False
        finally:
            os.close(descriptor)
        return True

    def release(self) -> None:
        """
        Give the room that was set aside to what makes room.
        """
        Path(self.directory, RESERVE).unlink(missing_ok=True)

    @property
    def holdsSomething(self) -> bool:
        """
        Whether there is anything in the database's file.
        """
        return _length(self.path) > 0

    def leave(self) -> None:
        """
        Let others have it.
        """
        os.close(self._lock)


def syncDirectory(directory: str) -> None:
    """
    Have the names in a directory on the disk.

    @raise SpoolUnavailable: When that fails.
    """
    descriptor = _opened(Path(directory), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:
        raise _unusable(directory, error) from None
    finally:
        os.close(descriptor)


def _length(path: Path) -> int:
    """
    The bytes of a file, if there is one.
    """
    try:
        return path.lstat().st_size
    except OSError:
        return 0


def _checkDirectory(directory: str) -> None:
    """
    Make sure that a directory is ours, private and writable.
    """
    try:
        found = Path(directory).lstat()
    except OSError as error:
        raise _unusable(directory, error) from None
    mode = stat.S_IMODE(found.st_mode)
    if stat.S_ISLNK(found.st_mode):
        problem = "is a symbolic link"
    elif not stat.S_ISDIR(found.st_mode):
        problem = "is not a directory"
    elif found.st_uid != os.geteuid():
        problem = f"belongs to user {found.st_uid}, not to user {os.geteuid()}"
    elif mode & 0o077:
        problem = f"is open to others (mode {mode:04o}): chmod 700 it"
    elif not os.access(directory, os.R_OK | os.W_OK | os.X_OK):
        problem = "is not writable"
    else:
        return
    raise SpoolUnavailable(f"the spool directory {directory!r} {problem}")


def _checkFile(path: Path) -> None:
    """
    Make sure that a file is ours, or not there.
    """
    try:
        found = path.lstat()
    except FileNotFoundError:
        return
    except OSError as error:
        raise _unusable(str(path), error) from None
    if not stat.S_ISREG(found.st_mode):
        problem = "is not a regular file"
    elif found.st_uid != os.geteuid():
        problem = f"belongs to user {found.st_uid}, not to user {os.geteuid()}"
    elif found.st_nlink > 1:
        problem = "has another name, too (a hard link)"
    else:
        return
    raise SpoolUnavailable(f"the spool's {str(path)!r} {problem}")


def _opened(path: Path, flags: int) -> int:
    """
    Open a file for ourselves alone.
    """
    try:
        return os.open(path, flags, 0o600)
    except OSError as error:
        raise _unusable(str(path), error) from None


def _lock(descriptor: int, directory: str) -> None:
    """
    Lock a file, at once or not at all.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        owner = os.pread(descriptor, 20, 0).partition(b"\n")[0]
        who = f" (process {int(owner)})" if owner.isdigit() else ""
        raise SpoolUnavailable(
            f"the spool directory {directory!r} is in use by another daemon{who}"
        ) from None
    except OSError as error:
        raise SpoolUnavailable(
            f"the spool directory {directory!r} cannot be locked: {error.strerror}"
        ) from None


def _unusable(path: str, error: OSError) -> SpoolUnavailable:
    """
    Say what is wrong with a path.
    """
    return SpoolUnavailable(f"the spool's {path!r} cannot be used: {error.strerror}")
