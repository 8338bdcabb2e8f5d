"""Letting a held return supersede: an analyst has looked at it and says that it is right."""

from datetime import datetime

import duckdb

from pipelines.settings import Settings


class ReleaseError(Exception):
    """There is no such held file, or there are several."""


def release(
    settings: Settings,  # noqa: ARG001 - every stage's functions take the same two first
    connection: duckdb.DuckDBPyConnection,
    file_name: str,
    *,
    released_at: datetime | None = None,
) -> str:
    """Release the held file of this name, or of this path; gives a sentence for the person who asked.

    A path may be the one in the landing zone or, as a shell completes it, lead to it.

    Checking lets a released file supersede at the term's next run. `released_at` is now where it is not given.
    Raises ReleaseError where no held file has the name, or several have.
    """
    files = _named(connection, file_name.replace("\\", "/"))
    held = [row for row in files if row[3] == "held" and row[4] is None]
    if not held:
        raise ReleaseError(_why_not(connection, file_name, files))
    if len(held) > 1:
        paths = ", ".join(sorted(f"./{row[1]}" for row in held))
        raise ReleaseError(f"Several held files are named {file_name}: give the path of one ({paths}).")
    file_id, path, _, _, _, term = held[0]
    connection.execute(
        "UPDATE ledger.files SET released_at = ? WHERE file_id = ?",
        [released_at or datetime.now().replace(microsecond=0), file_id],
    )
    return f"{path} is released: it supersedes the earlier return at the next run of {term}."


def _named(connection: duckdb.DuckDBPyConnection, given: str) -> list[tuple]:
    """The ledger's files of a bare name; of a path, those whose path it ends with, the longest such path alone."""
    is_bare = "/" not in given
    return connection.execute(
        f"""
        SELECT file_id, path, file_name, state, released_at, term FROM ledger.files
        WHERE {"file_name = $given" if is_bare else "suffix('/' || $given, '/' || path)"}
        {"" if is_bare else "QUALIFY length(path) = max(length(path)) OVER ()"}
        """,
        {"given": given},
    ).fetchall()


def _why_not(connection: duckdb.DuckDBPyConnection, file_name: str, files: list[tuple]) -> str:
    if any(row[3] == "held" for row in files):
        return f"{file_name} is released already: it supersedes the earlier return at the term's next run."
    if files:
        states = ", ".join(sorted({row[3].replace("_", " ") for row in files}))
        return f"{file_name} is not held ({states}): there is nothing to release."
    waiting = connection.sql(
        "SELECT path FROM ledger.files WHERE state = 'held' AND released_at IS NULL ORDER BY path"
    ).fetchall()
    held = "held are: " + ", ".join(path for (path,) in waiting) if waiting else "no file is held"
    return f"No file named {file_name} was received; {held}."
