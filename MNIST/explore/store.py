"""The trial store: every epoch that was ever trained here, by the identity of its trial, in SQLite.

Each epoch is on disk before it is reported. SQLite uses its rollback journal rather than its write-ahead
log: one commit per epoch is rare enough for it, and it leaves a single file.
"""

import json
import math
import sqlite3
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, astuple, fields
from pathlib import Path
from typing import Any

from MNIST.errors import StoreError, UnreadableStoreError
from MNIST.explore.plan import Trial
from MNIST.files import make_folder
from MNIST.language import canonical_text
from MNIST.training import EpochResult

APPLICATION_ID = 0x4D4E4953  # "MNIS", in SQLite's header: this file is ours
VERSION = 2
PATIENCE = 60  # seconds to wait for another process's commit

_TABLES = """
CREATE TABLE runs (identity TEXT PRIMARY KEY, model TEXT NOT NULL, settings TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE epochs (
    run TEXT NOT NULL, epoch INTEGER NOT NULL, loss REAL, accuracy REAL, val_loss REAL, val_accuracy REAL,
    learning_rate REAL, gradient_norm_mean REAL, gradient_norm_variance REAL, seconds REAL,
    peak_memory INTEGER, checksum INTEGER NOT NULL, PRIMARY KEY (run, epoch)
) WITHOUT ROWID;
CREATE TABLE failures (run TEXT PRIMARY KEY, reason TEXT NOT NULL) WITHOUT ROWID;
"""

_COLUMNS = [field.name for field in fields(EpochResult)]


class TrialStore:
    """An open store. Several processes may have it open at once; each epoch is one transaction."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self._path = path
        self._connection = connection

    def begin(self, trial: Trial) -> None:
        """Note which network and settings an identity stands for, for people who read the store."""
        row = (trial.identity, canonical_text(trial.spec), json.dumps(asdict(trial.settings), sort_keys=True))
        with self._transaction():
            self._connection.execute("INSERT OR IGNORE INTO runs VALUES (?, ?, ?)", row)

    def record(self, identity: str, epochs: Iterable[EpochResult]) -> None:
        """Store finished epochs that are not known yet; after this returns they survive a power cut."""
        rows = [(identity, *astuple(epoch), _checksum(identity, epoch)) for epoch in epochs]
        with self._transaction():
            self._connection.executemany(
                f"INSERT OR IGNORE INTO epochs VALUES (?, {', '.join('?' * len(_COLUMNS))}, ?)", rows
            )

    def history(self, identity: str) -> list[EpochResult]:
        """The trial's epochs from the first up to any gap. Raises StoreError if a number was altered."""
        with self._transaction():
            rows = self._connection.execute(
                f"SELECT {', '.join(_COLUMNS)}, checksum FROM epochs WHERE run = ? ORDER BY epoch",
                (identity,),
            ).fetchall()
        history: list[EpochResult] = []
        for *values, checksum in rows:
            numbers: Any = [math.nan if value is None else value for value in values]
            epoch = EpochResult(*numbers)
            if checksum != _checksum(identity, epoch):
                raise _damaged(self._path, f"epoch {epoch.epoch} of run {identity[:12]} was altered")
            if epoch.epoch != len(history) + 1:
                break
            history.append(epoch)
        return history

    def histories(self, identities: Iterable[str]) -> dict[str, list[EpochResult]]:
        """The histories of many trials, each as `history` gives it."""
        known = self._known("epochs", identities)
        return {identity: self.history(identity) if identity in known else [] for identity in identities}

    def failures(self, identities: Iterable[str]) -> dict[str, str]:
        """The reason why a trial cannot be trained further, for each of these trials that cannot."""
        known = self._known("failures", identities)
        found = {identity: self.failure(identity) for identity in identities if identity in known}
        return {identity: reason for identity, reason in found.items() if reason is not None}

    def fail(self, identity: str, reason: str) -> None:
        """Store the reason why a trial cannot be trained further."""
        with self._transaction():
            self._connection.execute("INSERT OR REPLACE INTO failures VALUES (?, ?)", (identity, reason))

    def failure(self, identity: str) -> str | None:
        """The reason why the trial cannot be trained further, or None."""
        with self._transaction():
            row = self._connection.execute(
                "SELECT reason FROM failures WHERE run = ?", (identity,)
            ).fetchone()
        return row[0] if row else None

    def counts(self) -> tuple[int, int]:
        """How many trials were begun, and how many epochs they have."""
        with self._transaction():
            counts = "SELECT (SELECT count(*) FROM runs), (SELECT count(*) FROM epochs)"
            trials, epochs = self._connection.execute(counts).fetchone()
        return trials, epochs

    def clear(self) -> None:
        """Forget every trial. Another process that has the store open finds it empty, and goes on."""
        with self._transaction():
            for table in "runs", "epochs", "failures":
                self._connection.execute(f"DELETE FROM {table}")
        with suppress(sqlite3.OperationalError):  # another process uses it: then the file shrinks next time
            self._connection.execute("VACUUM")

    def _known(self, table: str, identities: Iterable[str]) -> set[str]:
        """Which of these trials have rows in a table."""
        with self._transaction():
            rows = self._connection.execute(f"SELECT DISTINCT run FROM {table}")
            return {identity for (identity,) in rows}.intersection(identities)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with _as_store_errors(self._path), self._connection:
            yield


@contextmanager
def open_store(path: Path) -> Iterator[TrialStore]:
    """Open the store, or make it if there is none.

    Raises StoreError if the file is damaged, belongs to another program or has another version.
    """
    make_folder(path.parent)
    if path.exists() and not path.is_file():  # SQLite would wait for a pipe
        raise StoreError(f"{path} is no file: move it away and run again")
    with _as_store_errors(path):
        connection = sqlite3.connect(path, timeout=PATIENCE)
    try:
        with _as_store_errors(path):
            _prepare(connection, path)
        yield TrialStore(path, connection)
    finally:
        connection.close()


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    connection.execute("PRAGMA synchronous = FULL")
    with connection:
        connection.execute("BEGIN IMMEDIATE")  # if two processes come first, only one makes the tables
        if not connection.execute("SELECT 1 FROM sqlite_master").fetchone():
            for statement in _TABLES.split(";"):
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {VERSION}")
    if _pragma(connection, "application_id") != APPLICATION_ID:
        raise StoreError(f"{path} is a database of another program: move it away and run again")
    version = _pragma(connection, "user_version")
    if version != VERSION:
        raise UnreadableStoreError(
            f"{path} has version {version}, this program knows {VERSION}: move it away, or use the program"
            " that wrote it"
        )
    problem = _pragma(connection, "quick_check")
    if problem != "ok":
        raise _damaged(path, str(problem).splitlines()[0])


def _pragma(connection: sqlite3.Connection, name: str) -> int | str:
    return connection.execute(f"PRAGMA {name}").fetchone()[0]


def _checksum(identity: str, epoch: EpochResult) -> int:
    """CRC-32 of a row: SQLite itself does not notice a flipped bit inside a number."""
    return zlib.crc32(repr((identity, *astuple(epoch))).encode())


@contextmanager
def _as_store_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        if str(error).startswith("no such "):  # a table or a column; what the tables are is stored as well
            raise _damaged(path, str(error)) from error
        raise StoreError(f"{path}: {error}") from error  # locked, full, read-only: the file itself is sound
    except sqlite3.ProgrammingError:  # a mistake in our code, not in the file
        raise
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
        raise _damaged(path, str(error)) from error


def _damaged(path: Path, problem: str) -> StoreError:
    return UnreadableStoreError(
        f"{path} is damaged ({problem})\n"
        "Move it away and run again: finished runs are then read from their checkpoints."
    )
