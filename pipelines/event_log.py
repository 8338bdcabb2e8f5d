"""Dagster's event log as a run can afford it (named in dagster.yaml, see `runs.py`)."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dagster._core.storage.event_log.sqlite.sqlite_event_log import INDEX_SHARD_NAME, SqliteEventLogStorage
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from sqlalchemy import Connection, Engine, create_engine, event


class EventLog(SqliteEventLogStorage):
    """As Dagster's own, whose files it writes and reads, but each is opened once and not for every statement.

    A term's run has 700 events. Dagster's own opens a database four times for each, and closing it has SQLite put
    everything on the disk: 9 CPU seconds a run, and as many again of waiting.
    """

    def __init__(self, base_dir: str, inst_data: Any = None):
        self._engines: dict[str, Engine] = {}
        super().__init__(base_dir, inst_data)

    @classmethod
    def from_config_value(cls, inst_data: Any, config_value: dict[str, str]) -> "EventLog":
        """Dagster makes it from dagster.yaml."""
        return cls(inst_data=inst_data, **config_value)

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        with self._db_lock:
            engine = self._engine(shard)
            if shard not in self._initialized_dbs:
                self._initdb(engine)
                self._initialized_dbs.add(shard)
            with engine.begin() as connection:
                yield connection
            # Dagster's pages follow a run by its file's time, which SQLite changes seldom while the file is open
            Path(self.path_for_shard(shard)).touch()

    def _engine(self, shard: str) -> Engine:
        if shard not in self._engines:
            for run in self._engines.keys() - {INDEX_SHARD_NAME}:  # a daemon reads one run after the other
                self._engines.pop(run).dispose()
            engine = create_engine(
                self.conn_string_for_shard(shard), connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS}
            )
            event.listen(engine, "connect", _sync_seldom)
            self._engines[shard] = engine
        return self._engines[shard]

    def has_table(self, table_name: str) -> bool:
        """Asked for every event of an asset."""
        with self._engine(INDEX_SHARD_NAME).connect() as connection:
            return connection.dialect.has_table(connection, table_name)

    def dispose(self) -> None:
        """Close the files."""
        super().dispose()
        while self._engines:
            self._engines.popitem()[1].dispose()


def _sync_seldom(connection: sqlite3.Connection, _record: Any) -> None:
    """A process that is killed loses nothing; a computer that loses its power the last seconds' events, and no file."""
    connection.execute("PRAGMA journal_mode = WAL")  # as Dagster's own sets it, once the tables are made
    connection.execute("PRAGMA synchronous = NORMAL")
