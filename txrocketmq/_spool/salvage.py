"""
What becomes of damage: the damaged file is kept beside the new one, and every row
that is still what was written is taken over.

Laws:

    - Nothing is thrown away: what was damaged stays, as C{*.corrupt}, with mode 0600.

    - Only what has a right checksum is taken over, under its own number.

    - It can be interrupted anywhere, and is begun anew then: the damaged file keeps
      its name until the new one is complete.
"""

from __future__ import annotations

import os
from pathlib import Path
from sqlite3 import Connection
from zlib import crc32

import attrs

from .claims import claimsSize
from .database import Connect, Database
from .jobs import Event
from .pages import Column, Pages
from .place import Place, syncDirectory
from .records import checksum, keptOf
from .refusals import insertRefused
from .schema import APPLICATION, VERSION, later
from .state import State, stateOf
from .tables import depthOf

LOG = "-wal"
NEW = "spool.recovering"
BATCH = 1000

KNOWN = (
    "The spool was damaged: recovered {recovered} messages, lost {lost}; the damaged "
    "file is {file}"
)
UNKNOWN = (
    "The spool was damaged, its counters, too: recovered {recovered} messages, lost at "
    "least {lost}; the damaged file is {file}"
)


@attrs.define
class Salvage:
    """
    What was found.

    @ivar state: The damaged file's own counters, if they are whole.

    @ivar wrong: How many rows of messages there are whose checksum is wrong.

    @ivar highest: The highest number there was.

    @ivar late: How many messages were taken over from the last write.

    @ivar lateWrong: How many more it has whose checksum is wrong.
    """

    connection: Connection
    state: State | None = None
    wrong: int = 0
    highest: int = 0
    late: int = 0
    lateWrong: int = 0
    _batch: list[tuple[int, int, bytes]] = attrs.field(factory=list)

    def take(self, number: int, columns: list[Column]) -> None:
        """
        Take over a row, if it is one of ours.

        A number with nothing behind its point is written as a whole one.
        """
        match columns:
            case [None, int(crc), bytes(record)]:
                self._message(number, crc, record)
            case [
                None,
                int(crc),
                bytes(record),
                bytes(reason),
                int() | float() as when,
                *_,
            ]:
                self._refused(number, crc, record, reason, when)
            case [
                bytes(token),
                bytes(key),
                int() | float() as at,
                int(crc),
                bytes(record),
            ]:
                self._claim(token, key, at, crc, record)

    def takeLate(self, number: int, columns: list[Column]) -> None:
        """
        Take over a message of a last write whose end is missing or wrong: what it has
        taken out is still there, and there is nothing else that was new.
        """
        new = self.state.next if self.state is not None else 1
        match columns:
            case [None, int(crc), bytes(record)]:
                if number < new or stateOf(crc, record) is not None:
                    return
                if checksum(number, record) == crc:
                    self.late += 1
                    self._message(number, crc, record)
                else:
                    self.lateWrong += 1

    def flush(self) -> None:
        """
        Write what was taken over.
        """
        self.connection.executemany(
            "INSERT OR IGNORE INTO waiting (number, crc, record) VALUES (?, ?, ?)",
            self._batch,
        )
        self._batch.clear()

    def _message(self, number: int, crc: int, record: bytes) -> None:
        """
        Take over a message, or learn of the counters.
        """
        if number == 1 and (state := stateOf(crc, record)) is not None:
            self.state = state
        elif checksum(number, record) == crc:
            self._number(number)
            self._batch.append((number, crc, record))
            if len(self._batch) >= BATCH:
                self.flush()
        else:
            self.wrong += 1

    def _refused(
        self, number: int, crc: int, record: bytes, reason: bytes, when: float
    ) -> None:
        """
        Take over one of the refused.
        """
        if checksum(number, record) != crc:
            self.wrong += 1
            return
        self._number(number)
        text = reason.decode("utf-8", "replace")
        insertRefused(self.connection, keptOf(number, crc, record), record, text, when)

    def _claim(
        self, token: bytes, key: bytes, at: float, crc: int, record: bytes
    ) -> None:
        """
        Take over an answer.
        """
        if crc32(record, crc32(token + b"\0" + key)) == crc:
            self.connection.execute(
                "INSERT OR REPLACE INTO claims (token, key, at, crc, record) "
                "VALUES (?, ?, ?, ?, ?)",
                (token.decode(), key.decode(), at, crc, record),
            )

    def _number(self, number: int) -> None:
        """
        Know the highest number.
        """
        self.highest = max(self.highest, number)


def recover(place: Place, connect: Connect) -> Event:
    """
    Put a damaged database aside, and make a new one of what is whole of it.

    @return: What is to be logged.

    @raise OSError: When files cannot be moved or read.

    @raise sqlite3.Error: When the new one cannot be written.

    @raise SpoolUnavailable: When it is of a later version.
    """
    new = Path(place.directory, NEW)
    _remove(new)
    place.make(new)
    database = Database(new, connect)
    try:
        recovered, lost, isExact = _refill(database, place)
    finally:
        database.close()
    aside = _putAside(place)
    new.rename(place.path)
    syncDirectory(place.directory)
    text = KNOWN if isExact else UNKNOWN
    return text, {"recovered": recovered, "lost": lost, "file": aside}


def settle(place: Place) -> None:
    """
    End a recovery that was interrupted.
    """
    new = Path(place.directory, NEW)
    if new.exists() and not place.path.exists():
        new.rename(place.path)
    _remove(new)


def keepRow(connection: Connection, place: Place, number: int) -> str | None:
    """
    Keep the bytes of a damaged row in a file of its own.

    @return: The file's name; L{None} when there is no such row, as its number is what
        is damaged, and it is not looked for in the place it is in.
    """
    row = connection.execute(
        "SELECT CAST(record AS BLOB) FROM waiting WHERE number = ?", (number,)
    ).fetchone()
    if row is None:
        return None
    name = f"message-{number}.corrupt"
    path = Path(place.directory, name)
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(path, flags, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(row[0] or b"")
    return name


def _refill(database: Database, place: Place) -> tuple[int, int, bool]:
    """
    Take over what is whole.

    @return: How many messages that are, and how many are lost; whether that is known.
    """
    salvage = Salvage(database.connection)
    pages = Pages(place.path, Path(f"{place.path}{LOG}"))
    try:
        database.begin()
        for number, columns in pages.rows():
            salvage.take(number, columns)
        for number, columns in pages.lastRows():
            salvage.takeLate(number, columns)
        _checkVersion(pages, salvage.state)
    finally:
        pages.close()
    salvage.flush()
    recovered, lost = _counted(database, salvage)
    database.commit()
    return recovered, lost, salvage.state is not None


def _checkVersion(pages: Pages, state: State | None) -> None:
    """
    Make sure that what is taken over is of a version that is known here.

    @raise SpoolUnavailable: When it is not.
    """
    mark, version = pages.marks()
    if state is not None:
        version = state.version
    elif mark != APPLICATION:
        return
    if version > VERSION:
        raise later(version, "damaged, and ")


def _counted(database: Database, salvage: Salvage) -> tuple[int, int]:
    """
    Set the counters of a new database.

    @return: How many messages are in it, and how many are lost: as many as the old
        counters say, or where these are damaged, too, as many damaged rows as there
        are.
    """
    state, old = database.state, salvage.state
    state.waiting, state.waitingBytes = depthOf(database.connection, "waiting")
    state.refused, state.refusedBytes = depthOf(database.connection, "refused")
    state.claimBytes = claimsSize(database.connection)
    recovered = state.waiting + state.refused
    lost = salvage.wrong
    if old is not None:
        known = old.waiting + old.refused + salvage.late
        lost = max(0, known - recovered) + salvage.lateWrong
        state.recovered, state.lost = old.recovered, old.lost
    state.recovered += recovered
    state.lost += lost
    state.next = max(salvage.highest + 1, old.next if old is not None else 1)
    return recovered, lost


def _putAside(place: Place) -> str:
    """
    Give a damaged file, and its log, another name.

    @return: The new name.
    """
    directory = Path(place.directory)
    number = 1
    while (aside := directory / f"spool-{number}.corrupt").exists():
        number += 1
    log = Path(f"{place.path}{LOG}")
    if log.exists():
        log.rename(f"{aside}{LOG}")
    place.path.rename(aside)
    for path in (aside, Path(f"{aside}{LOG}")):
        if path.exists():
            path.chmod(0o600)
    return aside.name


def _remove(path: Path) -> None:
    """
    Remove a file and its log, if they are there.
    """
    for name in (path, Path(f"{path}{LOG}")):
        name.unlink(missing_ok=True)
