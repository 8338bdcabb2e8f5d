"""A dry run of one return: every issue that a run would find, and nothing of it stored.

It runs on a copy of the warehouse in a folder that is removed at the end, so that the rules which look at other terms,
other schools and the LA's own files say what they would say in a run.
"""

import secrets
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb
import polars as pl
from pydantic import SecretStr

from pipelines.checking.term_checks import check_terms, check_unplaced
from pipelines.landing.archive import archived_path
from pipelines.settings import Settings
from pipelines.warehouse import only_writer, warehouse


@dataclass(frozen=True)
class DryRun:
    """What a run would make of the file.

    state: as ledger.files has it (current, rejected, held, duplicate, unplaced). can_be_read: false for a file that is
    no return at all. issues: as quality.issues. workbook: the feedback workbook that the school would get, if any.
    """

    file_name: str
    state: str
    urn: str | None
    term: str | None
    can_be_read: bool
    issues: pl.DataFrame
    workbook: bytes | None

    @property
    def errors(self) -> int:
        """How many must be corrected."""
        return self.issues.filter(pl.col("severity") == "error").height

    @property
    def queries(self) -> int:
        """How many must be corrected or explained."""
        return self.issues.height - self.errors


def dry_run(
    settings: Settings, data: bytes, file_name: str, at: datetime, say: Callable[[str], None] = print
) -> DryRun:
    """Check the bytes of one file as a return that arrives now. Raises reference.NoEstablishments without GIAS.

    A file that was received before is a duplicate, and has the issues of one.
    """
    # here, for feedback and landing read what checking offers
    from pipelines.feedback import answer_schools
    from pipelines.landing import pull
    from pipelines.reading.returns import read_returns
    from pipelines.reference import pull_reference

    with tempfile.TemporaryDirectory(prefix="sen-check-") as folder:
        ours = _settings_in(settings, Path(folder))
        ours.data_dir.mkdir()
        with only_writer(settings, say=say):
            if settings.warehouse_path.is_file():
                shutil.copy2(settings.warehouse_path, ours.warehouse_path)
        if settings.reference_dir.is_dir():
            shutil.copytree(settings.reference_dir, ours.reference_dir)
        landing = ours.data_dir / "landing"
        landing.mkdir()
        (landing / Path(file_name).name).write_bytes(data)
        with warehouse(ours) as connection:
            pull_reference(ours, connection, at)
            known = {file_id for (file_id,) in connection.sql("SELECT file_id FROM ledger.files").fetchall()}
            pull(ours, connection, at)
            (file_id,) = {
                file_id for (file_id,) in connection.sql("SELECT file_id FROM ledger.files").fetchall()
            } - known
            (term,) = connection.execute("SELECT term FROM ledger.files WHERE file_id = ?", [file_id]).fetchone()
            workbook = None
            if term:
                _copy_archived(settings, ours, connection, term)
                read_returns(ours, connection, [term])
                check_terms(ours, connection, [term])
                answer_schools(ours, connection, [term], at.date())
                workbook = next((ours.data_dir / "outbox").rglob(f"*_feedback_{file_id[:8]}.xlsx"), None)
            else:
                check_unplaced(ours, connection)
            state, urn, fault = connection.execute(
                "SELECT state, urn, fault FROM ledger.files WHERE file_id = ?", [file_id]
            ).fetchone()
            issues = connection.execute(
                "SELECT * FROM quality.issues WHERE return_id = ? ORDER BY severity, table_name, row_number, rule_code",
                [file_id],
            ).pl()
        return DryRun(
            file_name=Path(file_name).name,
            state=state,
            urn=urn,
            term=term,
            can_be_read=fault is None,
            issues=issues,
            workbook=workbook.read_bytes() if workbook else None,
        )


def _copy_archived(settings: Settings, ours: Settings, connection: duckdb.DuckDBPyConnection, term: str) -> None:
    """The term's other returns, which are read again where the contract has changed since."""
    for (sha256,) in connection.execute("SELECT sha256 FROM ledger.returns WHERE term = ?", [term]).fetchall():
        kept = archived_path(settings, sha256)
        if kept.is_file():
            copy = archived_path(ours, sha256)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(kept, copy)


def _settings_in(settings: Settings, folder: Path) -> Settings:
    """The same LA, with everything that is written in one folder, and encrypted with a key that nobody keeps."""
    key = settings.warehouse_key
    if not settings.warehouse_path.is_file():
        key = SecretStr(secrets.token_hex(32))
    return settings.model_copy(
        update={
            "data_dir": folder / "data",
            "landing_url": None,
            "outbox_url": None,
            "smtp_url": None,
            "settling_seconds": 0,
            "warehouse_key": key,
        }
    )


def verdict(found: DryRun) -> str:
    """What would become of the file, to be said after its name."""
    return {
        "current": "would be accepted" if not found.errors else "would be accepted with errors",
        "held": "would be held, for it has lost half its rows",
        "rejected": "would not be accepted",
        "duplicate": "was received before: the same bytes",
    }.get(found.state, "would reach no school's return")


def in_lines(found: DryRun) -> str:
    """The dry run for a person: what would become of the file, then a line or two an issue, errors first.

    It names rows and columns, and no pupil.
    """
    numbers = f"{found.errors:,} error{'s' * (found.errors != 1)}, {found.queries:,} quer{'y' if found.queries == 1 else 'ies'}"
    lines = [f"{found.file_name}: {verdict(found)}; {numbers}."]
    for issue in found.issues.iter_rows(named=True):
        where = [issue["table_name"] if issue["table_name"] != "files" else "the file"]
        where += [f"row {issue['row_number']}"] if issue["row_number"] else []
        where += [issue["field"]] if issue["field"] else []
        lines.append(
            f"  {issue['severity']:5}  {', '.join(where)} ({issue['rule_code']}): {issue['message']} {issue['remedy']}"
        )
    return "\n".join(lines)
