"""Received returns for tests: a few cells each, the rest as a school would fill it in, put into a warehouse and checked."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cache
from typing import Any

import duckdb
import polars as pl

from expectations.contracts import load_contract
from pipelines.checking import check_terms
from pipelines.reading.typed import type_rows
from pipelines.settings import Settings
from pipelines.terms import load_calendar
from pipelines.warehouse import LATEST_CONTRACT, create_tables

CONTRACT = load_contract(LATEST_CONTRACT)
AUTUMN, SPRING = "2025-26-autumn", "2025-26-spring"
PULLED = datetime(2025, 12, 10, 9, 0)
LETTERS = "ABCDEFGHJKLMNPQRTUVWXYZ"
PUPIL = "H801200001001"

USUAL: dict[str, dict[str, Any]] = {
    "return": {
        "laestab": "8012001", "urn": "100001", "academic_year": "2025-26", "term": "autumn", "as_at_date": "2025-12-05",
        "specification": "1.0", "authorised_by_role": "SENCO", "nil_return": "N",
    },
    "arrangements": {
        "senco_in_post": "Y", "senco_qualified_teacher": "Y", "senco_award": "NASENCO", "senco_leadership": "MEMBER",
        "head_oversees_send": "Y", "governor_oversight": "MEMBER",
    },
    "pupils": {
        "upn": PUPIL, "year_group": "3", "sex": "F", "enrolment": "C", "sen_provision": "K", "sen_start_date": "2024-09-09",
        "primary_need": "SLCN", "below_peers": "N", "entry_date": "2022-09-05",
    },
    "plans": {
        "upn": PUPIL, "planned_date": "2025-09-15", "assessed_date": "2025-09-10", "review_due_date": "2025-12-15",
        "complete": "Y", "targets_measurable": "Y", "staff_trained": "Y", "teacher_responsible": "Y", "parents_agreed": "Y",
    },
    "reviews": {
        "upn": PUPIL, "planned_date": "2025-09-15", "review_date": "2025-11-18", "led_by": "TEACHER",
        "parents_part": "TOOK_PART", "progress": "EXPECTED", "support_delivered": "FULLY", "next_step": "CONTINUE",
    },
    "specialists": {"upn": PUPIL, "service": "CAMHS", "referred_date": "2025-09-22", "status": "ACTIVE"},
    "consultations": {"upn": PUPIL, "consulted_date": "2025-10-06"},
    "placements": {"upn": PUPIL, "named_date": "2025-10-06"},
}  # fmt: skip
# a whole return has a row in each of these; the others are there and empty
NOT_EMPTY = ("return", "arrangements", "pupils", "plans")


def upn(number: int) -> str:
    """The valid UPN with this serial: check letter worked out as in the guide, apart from the code under test."""
    body = f"80120000{number:04d}"
    return LETTERS[sum(int(c) * weight for weight, c in enumerate(body, start=2)) % 23] + body


@dataclass
class Received:
    """A file, and what a reader found in it. `tables`: name -> rows, of each the cells that are not as usual."""

    urn: str = "100001"
    tables: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    term: str = AUTUMN
    file: dict[str, Any] = field(default_factory=dict)
    school: dict[str, Any] = field(default_factory=dict)
    sheets: list[dict[str, Any]] = field(default_factory=list)
    columns: list[dict[str, Any]] = field(default_factory=list)
    file_id: str = ""
    explanations: list[dict[str, Any]] = field(default_factory=list)

    def rows(self, table: str) -> list[dict[str, Any]]:
        """The table's rows with all their cells, as text."""
        # where there are no pupils, what usually hangs on the usual pupil is left out
        no_pupils = self.tables.get("pupils") == [] and table == "plans"
        usual = [{}] if table in NOT_EMPTY and not no_pupils else []
        counted = [
            over["rows_received"] for over in self.sheets if over.get("table_name") == table and "rows_received" in over
        ]
        rows = [{}] * counted[0] if counted else self.tables.get(table, usual)
        own = {"urn": self.urn, "term": self.term.rpartition("-")[2]} if table == "return" else {}
        if table not in ("return", "arrangements", "pupils") and self.tables.get("pupils"):
            pupil = USUAL["pupils"] | self.tables["pupils"][0]
            own = {"upn": pupil["upn"] or pupil.get("uln")}
        names = (
            "surplus",
            *CONTRACT.tables[table].fields,
            *(name for row in rows for name in row if name.endswith("__differs")),
        )
        return [{name: _text((USUAL[table] | own | row).get(name)) for name in names} for row in rows]

    def received_rows(self, table: str) -> list[dict[str, Any]]:
        """The table's rows with their keys, as they are before they are typed."""
        keys = {"return_id": self.file_id, "return_urn": self.urn, "return_term": self.term}
        return [{**keys, "row_number": 2 + n, **row} for n, row in enumerate(self.rows(table))]


@contextmanager
def open_warehouse() -> Iterator[duckdb.DuckDBPyConnection]:
    """An empty warehouse in memory."""
    connection = duckdb.connect()
    try:
        create_tables(connection)
        yield connection
    finally:
        connection.close()


def receive(connection: duckdb.DuckDBPyConnection, *received: Received) -> None:
    """Put files into the ledger, their schools into GIAS and their rows into schema raw."""
    files: list[dict[str, Any]] = []
    lines: dict[str, list[dict[str, Any]]] = {"raw.sheets": [], "raw.columns": []}
    rows: dict[str, list[dict[str, Any]]] = {table: [] for table in CONTRACT.tables}
    for number, one in enumerate(received, start=1):
        one.file_id = one.file_id or f"{one.urn}-{one.term}-{one.file.get('serial', number)}"
        files.append(_file(one))
        if one.file.get("fault"):
            continue
        lines["raw.sheets"] += _sheets(one)
        for table in CONTRACT.tables:
            if all(
                over.get("found", True) and over.get("header_found", True)
                for over in one.sheets
                if over.get("table_name") == table
            ):
                lines["raw.columns"] += _columns(one, table)
                rows[table] += one.received_rows(table)
    _receive_schools(connection, received)
    _insert_frame(connection, "ledger.files", pl.DataFrame(files, infer_schema_length=None))
    names = "file_name, sha256, urn, laestab, term, academic_year, specification, serial, received_at, state"
    connection.execute(f"""
        INSERT INTO ledger.returns BY NAME SELECT file_id AS return_id, {names} FROM ledger.files
        WHERE state = 'received' AND file_id NOT IN (SELECT return_id FROM ledger.returns)
    """)
    said = [
        {"return_id": one.file_id, "return_urn": one.urn, "return_term": one.term, "row_number": 2 + n}
        | {"reference": row.get("reference"), "explanation": row.get("explanation")}
        | {"prefilled": bool(row.get("question")), "header_found": row.get("header_found", True)}
        for one in received
        for n, row in enumerate(one.explanations)
    ]
    if said:
        _insert_frame(connection, "raw.explanations", pl.DataFrame(said, infer_schema_length=None))
    for table, of_table in lines.items():
        if of_table:
            _insert_frame(connection, table, pl.DataFrame(of_table, infer_schema_length=None))
    for table, of_table in rows.items():
        if of_table:
            _receive_rows(connection, table, of_table)


def put_la_data(connection: duckdb.DuckDBPyConnection, tables: dict[str, list[dict[str, Any]]], urn: str) -> None:
    """Put rows into the LA's own tables: of the usual pupil and this school, where they do not say otherwise."""
    for table, rows in tables.items():
        for row in rows:
            columns = connection.sql(f"SELECT * FROM reference.{table} LIMIT 0").columns
            cells = {name: cell for name, cell in {"upn": PUPIL, "urn": urn}.items() if name in columns} | row
            marks = ", ".join("?" * len(cells))
            connection.execute(
                f"INSERT INTO reference.{table} ({', '.join(cells)}) VALUES ({marks})", [*cells.values()]
            )


def check(settings: Settings, connection: duckdb.DuckDBPyConnection, *terms: str):
    """Check the terms (the autumn if none is given)."""
    return check_terms(settings, connection, list(terms) or [AUTUMN])


def issues(connection: duckdb.DuckDBPyConnection, where: str = "true") -> list[tuple]:
    """(return_id, rule_code, table, row_number, field) of every issue, in order."""
    return connection.sql(
        f"SELECT return_id, rule_code, table_name, row_number, field FROM quality.issues WHERE {where} ORDER BY ALL"
    ).fetchall()


def codes(connection: duckdb.DuckDBPyConnection, file_id: str | None = None) -> list[str]:
    """The rule codes of the issues (of one file), in order."""
    return [row[1] for row in issues(connection) if file_id in (None, row[0])]


def not_counted(connection: duckdb.DuckDBPyConnection) -> dict[tuple[str, int], str]:
    """(table, row_number) -> reason of every row that is not counted."""
    rows = connection.sql("SELECT table_name, row_number, reason FROM quality.quarantined_rows ORDER BY ALL").fetchall()
    return {(table, number): reason for table, number, reason in rows}


def states(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """file_id -> state, the same in both tables of the ledger."""
    files = dict(connection.sql("SELECT file_id, state FROM ledger.files").fetchall())
    returns = dict(connection.sql("SELECT return_id, state FROM ledger.returns").fetchall())
    assert returns == {file_id: files[file_id] for file_id in returns}
    return files


def _file(one: Received) -> dict[str, Any]:
    placed = one.file.get("state", "received") not in ("unplaced", "link", "waiting_not_readable")
    place = (
        {"urn": one.urn, "laestab": _laestab(one.urn), "term": one.term, "academic_year": one.term[:7]}
        if placed
        else {}
    )
    usual = {
        "file_id": one.file_id, "path": one.file_id, "file_name": f"{one.file_id}.xlsx", "sha256": one.file_id, "bytes": 1,
        "received_at": PULLED, "format": "xlsx", "state": "received", "specification": "1.0", "serial": 1, **place,
    }  # fmt: skip
    return usual | one.file


def _receive_schools(connection: duckdb.DuckDBPyConnection, received: tuple[Received, ...]) -> None:
    known = {urn for (urn,) in connection.sql("SELECT urn FROM reference.schools").fetchall()}
    usual = {
        "la_code": "801",
        "name": "A school",
        "status_code": "1",
        "status": "Open",
        "phase_code": "2",
        "phase": "Primary",
    }
    schools = {one.urn: {"urn": one.urn, "laestab": _laestab(one.urn), **usual, **one.school} for one in received}
    fresh = [school for urn, school in schools.items() if urn not in known]
    if fresh:
        _insert_frame(connection, "reference.schools", pl.DataFrame(fresh, infer_schema_length=None))


def _sheets(one: Received) -> list[dict[str, Any]]:
    keys = {"return_id": one.file_id, "urn": one.urn, "term": one.term}
    usual = {"known": True, "found": True, "hidden": False, "repeated": False}
    sheets = []
    for table, about in CONTRACT.tables.items():
        overs = [over for over in one.sheets if over.get("table_name") == table] or [{}]
        required = one.term.rpartition("-")[2] in about.required_in
        own = {
            "table_name": table,
            "sheet_name": table,
            "required": required,
            "header_found": True,
            "rows_received": len(one.rows(table)),
        }
        sheets += [keys | usual | own | over for over in overs]
    unknown = {"table_name": None, "sheet_name": "?", "required": False, "header_found": None, "rows_received": 0}
    return sheets + [keys | usual | unknown | over for over in one.sheets if over.get("table_name") is None]


def _columns(one: Received, table: str) -> list[dict[str, Any]]:
    keys = {"return_id": one.file_id, "urn": one.urn, "term": one.term, "table_name": table}
    given = [over for over in one.columns if over["table_name"] == table]
    overs = {over["field"]: over for over in given if over.get("field")}
    strays = [over for over in given if not over.get("field")]
    usual = {"known": True, "found": True, "repeated": False, "agrees": True}
    columns = [
        keys | usual | {"field": name, "column_name": name, "required": f.required} | overs.pop(name, {})
        for name, f in CONTRACT.tables[table].fields.items()
    ]
    return columns + [keys | usual | {"required": False} | over for over in [*overs.values(), *strays]]


def _receive_rows(connection: duckdb.DuckDBPyConnection, table: str, rows: list[dict[str, Any]]) -> None:
    calendar = _as_at_dates()
    differs = {name for row in rows for name in row if name.endswith("__differs")}
    frame = pl.DataFrame(
        [row | {name: row.get(name) == "True" for name in differs} for row in rows],
        schema=_text_schema(table) | dict.fromkeys(sorted(differs), pl.Boolean),
        infer_schema_length=None,
    )
    as_at = pl.col("return_term").replace_strict(calendar, return_dtype=pl.Date)
    _insert_frame(
        connection,
        f"raw.{table}",
        type_rows(frame.with_columns(as_at=as_at), CONTRACT.tables[table], pl.col("as_at")).drop("as_at"),
    )


@cache
def _as_at_dates() -> dict[str, date]:
    return {term: about.as_at_date for term, about in load_calendar(Settings(_env_file=None)).items()}


def _text_schema(table: str) -> dict[str, Any]:
    keys = dict.fromkeys(("return_id", "return_urn", "return_term"), pl.String) | {"row_number": pl.Int32}
    return keys | {"surplus": pl.String} | dict.fromkeys(CONTRACT.tables[table].fields, pl.String)


def _insert_frame(connection: duckdb.DuckDBPyConnection, table: str, frame: pl.DataFrame) -> None:
    connection.register("frame_now", frame.to_arrow())
    connection.execute(f"INSERT INTO {table} BY NAME SELECT * FROM frame_now")
    connection.unregister("frame_now")


def _laestab(urn: str) -> str:
    return f"801{int(urn) % 10000:04d}"


def _text(value: object) -> str | None:
    return value.isoformat() if isinstance(value, date) else None if value is None else str(value)
