"""
The database's life on its thread: opened, broken, opened again.

Laws:

    - The jobs of a group are committed together.  If that fails, none of them is
      done, and the file is opened anew before anything else is.

    - What was reported as not kept is not there after a failed commit, either.

    - No job fails because of another one's row: a damaged one is put aside, counted
      as lost, and the job goes on.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from txrocketmq.errors import SpoolDamaged, SpoolError, SpoolUnavailable

from .database import Connect, Database, connect, isDamage, isFull
from .jobs import Event, Job, Report, Snapshot
from .pages import isLogWhole
from .place import Place
from .salvage import LOG, keepRow, recover, settle
from .tables import Damaged, loseMessage

ROW_LOST = (
    "A message of the spool is damaged and is not sent: recovered 0, lost 1; its "
    "bytes are in {file}"
)

FULL = "the disk is full"

EMPTIED = (
    "The spool's file is empty, though there was one with messages or without: what "
    "it held is lost"
)


class Keeper:
    """
    Keeps a database open through what happens to it.
    """

    def __init__(self, directory: str, connect: Connect = connect) -> None:
        """
        @param connect: What opens a file.
        """
        self._directory = directory
        self._connect = connect
        self._place: Place | None = None
        self._database: Database | None = None
        self._unpromised: list[Callable[[Database], object]] = []
        self._failing: str | None = None
        self._reserved = False
        self._commits = 0
        self._events: list[Event] = []

    def open(self) -> Report:
        """
        Lock the directory, open the database, and repair it if need be.

        @raise SpoolError: When it cannot be used.
        """
        place = self._place = Place(self._directory)
        try:
            settle(place)
            if place.wasUsed and not place.holdsSomething:
                self._events.append((EMPTIED, {}))
            self._openDatabase(place)
            place.use()
            self._hasRoom()
        except BaseException:
            self.close()
            raise
        return self.report()

    def run(self, jobs: Sequence[Job]) -> Report:
        """
        Do the jobs, commit, and set their results.

        What makes room does not fail because of what needs it.
        """
        others = [job for job in jobs if not job.count]
        if len(others) < len(jobs) and not self._hasRoom():
            self._refuse(jobs, FULL)
            jobs = others
        error = self._attempt(jobs) if jobs else None
        if error is not None:
            self._refuse(jobs, str(error))
            gaveRoom = self._gaveRoom(error)
            if others and (gaveRoom or len(others) < len(jobs)):
                self._attempt(others)
        return self.report()

    def _refuse(self, jobs: Sequence[Job], reason: str) -> None:
        """
        Have jobs fail.
        """
        self._failing = reason
        for job in jobs:
            job.result = SpoolUnavailable(f"the spool cannot keep anything: {reason}")

    def _hasRoom(self) -> bool:
        """
        Whether what is set aside is there, or can be set aside now.
        """
        if not self._reserved and self._place is not None:
            self._reserved = self._place.reserve()
        return self._reserved

    def _gaveRoom(self, error: Exception) -> bool:
        """
        Give up what is set aside, if that can help.

        @return: Whether it was there.
        """
        if not (self._reserved and isFull(error)) or self._place is None:
            return False
        self._place.release()
        self._reserved = False
        return True

    def rest(self) -> Report:
        """
        There is nothing to do.
        """
        try:
            if self._database is not None:
                self._database.rest(isTight=not self._reserved)
        except Exception as error:
            self._broken(error)
        return self.report()

    def close(self) -> None:
        """
        Close everything, as far as it is open.
        """
        database, self._database = self._database, None
        place, self._place = self._place, None
        try:
            if database is not None:
                database.close()
        finally:
            if place is not None:
                place.leave()

    def report(self) -> Report:
        """
        What is to be known now.
        """
        events, self._events = tuple(self._events), []
        database, place = self._database, self._place
        if database is None or place is None:
            return Report(None, self._failing, events)
        state = database.state
        snapshot = Snapshot(
            state.waiting,
            state.waitingBytes,
            state.refused,
            state.refusedBytes,
            state.claimBytes,
            database.oldest,
            state.recovered,
            state.lost,
            self._commits + database.commits,
            place.size(),
        )
        return Report(snapshot, self._failing, events)

    def _attempt(self, jobs: Sequence[Job]) -> Exception | None:
        """
        Do some jobs and commit them.

        @return: Why that failed, if it did.
        """
        try:
            database = self._database or self._reopened()
            self._together(database, jobs)
        except (sqlite3.Error, OSError, SpoolError) as error:
            self._unpromised += filter(None, [job.undone() for job in jobs])
            self._broken(error)
            return error
        self._failing = None if self._hasRoom() else FULL
        return None

    def _together(self, database: Database, jobs: Sequence[Job]) -> None:
        """
        Do some jobs in one transaction; one that only reads needs none.
        """
        writes = any(job.writes for job in jobs)
        if writes:
            database.begin()
        for job in jobs:
            job.result = self._result(database, job)
        if writes:
            database.commit()

    def _result(self, database: Database, job: Job) -> Any:
        """
        Do one job, putting aside what it finds damaged.
        """
        while True:
            try:
                return job.work(database)
            except Damaged as error:
                if not self._lost(database, error.number):
                    # Only a new file is without it.
                    raise

    def _lost(self, database: Database, number: int) -> bool:
        """
        Put a damaged row aside, in the transaction under way or in one of its own.

        @return: Whether it could be found.
        """
        assert self._place is not None
        name = keepRow(database.connection, self._place, number)
        if name is None:
            return False
        own = not database.connection.in_transaction
        if own:
            database.begin()
        loseMessage(database.connection, database.state, number)
        if own:
            database.commit()
        fields = {"file": name, "number": number, "recovered": 0, "lost": 1}
        self._events.append((ROW_LOST, fields))
        return True

    def _broken(self, error: Exception) -> None:
        """
        Something failed: nothing is believed before the file was opened anew.
        """
        self._failing = str(error)
        database, self._database = self._database, None
        if database is None:
            return
        self._commits += database.commits
        damaged = isDamage(error)
        try:
            database.close()
        except sqlite3.Error as closing:
            damaged = damaged or isDamage(closing)
        if damaged and self._place is not None:
            self._repair(self._place)

    def _repair(self, place: Place) -> None:
        """
        Take what is whole out of a damaged file, and go on with that.
        """
        try:
            self._openDatabase(place, damaged=True)
        except (sqlite3.Error, OSError, SpoolError) as error:
            self._failing = str(error)

    def _reopened(self) -> Database:
        """
        Open the file anew after an error.
        """
        if self._place is None:
            raise SpoolUnavailable("the spool is closed")
        return self._openDatabase(self._place)

    def _openDatabase(self, place: Place, damaged: bool = False) -> Database:
        """
        Open the file; one that is not what was written is recovered first.

        @raise SpoolError: When that cannot be.
        """
        try:
            if damaged:
                raise SpoolDamaged("the spool's file is damaged")
            database = self._checked(place)
        except (sqlite3.Error, SpoolDamaged) as error:
            if not isDamage(error):
                raise SpoolUnavailable(f"the spool cannot be opened: {error}") from None
            self._events.append(recover(place, self._connect))
            database = Database(place.path, self._connect)
        try:
            self._takeBack(database)
        except BaseException:
            database.close()
            raise
        self._database = database
        return database

    def _takeBack(self, database: Database) -> None:
        """
        Undo what was not promised.

        A commit that failed may be there after all; but its senders were told that it
        is not, and may send again.  It is done before anything else is: later its
        numbers are those of others.
        """
        if self._unpromised:
            database.begin()
            for undo in self._unpromised:
                undo(database)
            database.commit()
            self._unpromised = []

    def _checked(self, place: Place) -> Database:
        """
        Open the file and make sure that it is what was written.
        """
        place.prepare()
        if not isLogWhole(Path(f"{place.path}{LOG}")):
            raise SpoolDamaged("the spool's log is damaged")
        database = Database(place.path, self._connect)
        try:
            database.check()
        except BaseException:
            database.close()
            raise
        return database
