"""Checks terms: which files count, every rule over every table once, and what the broken ones cost."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields

import duckdb
import polars as pl

from expectations.contracts import EXPLANATIONS, Contract, load_contract
from expectations.suites import EXPECTED, FILE_TABLES, RESTORABLE_TYPES, SHEETLESS, Rule, all_rules, rules_of
from pipelines.checking import findings as find
from pipelines.checking import rule_runs as runs
from pipelines.checking.contexts import (
    dependants,
    lacking,
    rows_with_context,
    take_files,
    take_returns,
    with_faults_by_kind,
)
from pipelines.checking.evaluating import evaluate
from pipelines.checking.explaining import take_queries, write_explanations
from pipelines.checking.lives import write_lives
from pipelines.checking.states import COUNTED_TABLES, ReceivedFile, judge_files
from pipelines.settings import Settings
from pipelines.terms import Term, load_calendar
from pipelines.warehouse import LATEST_CONTRACT, transaction

STAGE = "checking"
# so many rows, with what goes with them, take half a gigabyte
ROWS_AT_ONCE = 300_000
SEVERAL_ARRANGEMENTS = "SHT05"
UNLIKE_COLUMNS = "COL04"
# states that landing gives and checking leaves alone
NOT_JUDGED = ("duplicate",)


@dataclass
class CheckSummary:
    """What a check found, over all its terms: numbers of files by state, of rows, issues and rules."""

    terms: int = 0
    current: int = 0
    superseded: int = 0
    held: int = 0
    rejected: int = 0
    rows_received: int = 0
    rows_accepted: int = 0
    rows_quarantined: int = 0
    errors: int = 0
    queries: int = 0
    rules_not_run: int = 0

    def add(self, other: "CheckSummary") -> None:
        """Adds the numbers of another term."""
        for name in (f.name for f in fields(self)):
            setattr(self, name, getattr(self, name) + getattr(other, name))


def check_terms(settings: Settings, connection: duckdb.DuckDBPyConnection, terms: list[str]) -> CheckSummary:
    """Judge every placed file of the terms, and run every rule over the rows of the current returns.

    Rewrites states in ledger.files and ledger.returns, the stage's rows of ledger.audit, and the terms' rows of
    quality.issues, quarantined_rows and rule_runs; blanks the cells that a rule costs. Terms that are small go together,
    in one transaction and one validation run a table, for a run's fixed cost is a rule's. Repeating it changes nothing.
    Raises KeyError for a term that the calendar does not have.
    """
    calendar = load_calendar(settings)
    summary = CheckSummary()
    for together in terms_together(connection, [calendar[term] for term in dict.fromkeys(terms)]):
        with transaction(connection):
            summary.add(_check(settings, connection, together))
    return summary


def check_unplaced(settings: Settings, connection: duckdb.DuckDBPyConnection) -> int:
    """Rewrite the issues of files without a school or term, and their rules' runs (urn and term null); gives their number."""
    rules = rules_of("files")
    with transaction(connection):
        take_files(settings, connection, None)
        rows = rows_with_context(connection, "files")
        evaluation = evaluate("files", rows, rules)
        found = find.file_findings(rows, rules, evaluation)
        files = connection.sql(
            "SELECT file_id, file_name, NULL::VARCHAR AS urn, NULL::VARCHAR AS term FROM checked_files"
        ).pl()
        issues = find.as_issues(found, files, rules, load_contract(LATEST_CONTRACT))
        connection.execute("DELETE FROM quality.issues WHERE term IS NULL")
        connection.execute("DELETE FROM quality.rule_runs WHERE term IS NULL")
        _insert_issues(connection, issues)
        _insert(connection, "quality.rule_runs", runs.runs_of_unplaced(rules, evaluation.not_run, found, rows.height))
    return issues.height


def unbalanced(connection: duckdb.DuckDBPyConnection, terms: list[str]) -> list[tuple[str, str, int, int, int]]:
    """(return_id, table, received, accepted, not counted) where the first is not the sum of the others; empty is right.

    Received is what was counted in the file, accepted and not counted what is in the warehouse now.
    """
    tables = list(load_contract(LATEST_CONTRACT).tables)
    in_warehouse = " UNION ALL ".join(
        f"SELECT '{table}' AS table_name, return_id, row_number FROM raw.{table}" for table in tables
    )
    return connection.execute(
        f"""
        WITH returns AS (
            SELECT return_id FROM ledger.returns WHERE state = 'current' AND list_contains($terms, term)
        ),
        expected AS (SELECT return_id, unnest($tables) AS table_name FROM returns),
        received AS (
            SELECT return_id, table_name, sum(rows_received)::BIGINT AS received
            FROM raw.sheets WHERE known GROUP BY ALL
        ),
        not_counted AS (
            SELECT DISTINCT return_id, table_name, row_number FROM quality.quarantined_rows
        ),
        not_counted_by_table AS (
            SELECT return_id, table_name, count(*) AS not_counted FROM not_counted GROUP BY ALL
        ),
        accepted AS (
            SELECT return_id, table_name, count(*) AS accepted
            FROM ({in_warehouse}) ANTI JOIN not_counted USING (return_id, table_name, row_number) GROUP BY ALL
        ),
        balances AS (
            SELECT
                return_id, table_name, coalesce(received, 0) AS received, coalesce(accepted, 0) AS accepted,
                coalesce(not_counted, 0) AS not_counted, audit.rows_in, audit.rows_out, audit.rows_quarantined
            FROM expected
            LEFT JOIN received USING (return_id, table_name)
            LEFT JOIN accepted USING (return_id, table_name)
            LEFT JOIN not_counted_by_table USING (return_id, table_name)
            LEFT JOIN ledger.audit AS audit USING (return_id, table_name)
            WHERE audit.stage = '{STAGE}' OR audit.stage IS NULL
        )
        SELECT return_id, table_name, received, accepted, not_counted FROM balances
        WHERE received <> accepted + not_counted
            OR (rows_in, rows_out, rows_quarantined) IS DISTINCT FROM (received, accepted, not_counted)
        ORDER BY ALL
        """,
        {"terms": list(terms), "tables": tables},
    ).fetchall()


def terms_together(connection: duckdb.DuckDBPyConnection, terms: list[Term]) -> list[list[Term]]:
    """The terms in order, as many at once as have no more than ROWS_AT_ONCE rows."""
    rows = dict(connection.sql("SELECT term, sum(rows_received)::BIGINT FROM raw.sheets GROUP BY term").fetchall())
    together: list[list[Term]] = []
    room = 0
    for term in terms:
        received = rows.get(term.term) or 0
        if not together or received > room:
            together.append([])
            room = ROWS_AT_ONCE
        together[-1].append(term)
        room -= received
    return together


def _check(settings: Settings, connection: duckdb.DuckDBPyConnection, terms: list[Term]) -> CheckSummary:
    contract = load_contract(LATEST_CONTRACT)
    rules = all_rules()
    not_run: dict[str, str] = {}
    take_files(settings, connection, terms)
    file_findings, units = _check_files(connection, not_run)
    files = connection.sql("SELECT * FROM checked_files").pl()
    current = files.filter(pl.col("state") == "current")["file_id"].to_list()
    take_returns(connection, current)
    _restore_cells(connection, rules)
    row_findings, unlike, counts = _check_rows(connection, contract, not_run)

    reported = _reported(files)
    row_findings = find.where_the_rule_applies(row_findings, lacking(connection), rules)
    every = pl.concat([file_findings.filter(pl.col("return_id").is_in(reported)), row_findings])
    findings, follows = find.without_what_follows(every, rules)
    not_counted = _not_counted(connection, every, unlike, rules)
    issues = find.as_issues(findings, files, rules, contract)
    _forget(connection, [term.term for term in terms])
    _insert_issues(connection, issues)
    write_lives(connection)
    about_explanations, explained = _check_explanations(connection, contract, files, not_run)
    _insert_issues(connection, about_explanations)
    issues = pl.concat([issues, about_explanations])
    write_explanations(settings, connection)
    _insert_not_counted(connection, not_counted)
    _blank_cells(connection, row_findings, rules)
    _write_audit(connection, list(contract.tables))
    units = pl.concat([units.filter(pl.col("file_id").is_in(reported)), counts, explained])
    checked = _what_was_checked(connection, files, units, issues, follows, not_run)
    _insert(connection, "quality.rule_runs", runs.rule_runs(checked, rules))
    return _summary(connection, len(terms), files, issues, not_run)


def _check_files(connection: duckdb.DuckDBPyConnection, not_run: dict[str, str]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Run the rules of files, sheets and columns, and judge the files by them.

    Returns the findings, and file_id, table_name, rows: how many rows of each table each file had.
    """
    found, units = [], []

    def run(table: str, stage: str = "table") -> pl.DataFrame:
        rules = rules_of(table, stage=stage)
        rows = rows_with_context(connection, table)
        evaluation = evaluate(table, rows, rules)
        not_run.update(evaluation.not_run)
        key = "file_id" if table == "files" else "return_id"
        if stage == "table":
            units.append(
                rows.group_by(file_id=pl.col(key)).agg(pl.lit(table).alias("table_name"), rows=pl.len().cast(pl.Int64))
            )
        finder = find.file_findings if table == "files" else find.sheet_findings
        found.append(finder(rows, rules, evaluation))
        return found[-1]

    rejecting = [rule.code for rule in all_rules() if rule.costs == "rejects"]

    def rejected() -> list[str]:
        return pl.concat(found).filter(pl.col("rule_code").is_in(rejecting))["return_id"].unique().to_list()

    run("files")
    # what is wrong inside a file that is rejected as a whole merely follows
    connection.execute("UPDATE checked_files SET rejected = list_contains(?, file_id)", [rejected()])
    run("sheets")
    run("columns")
    _judge(connection, rejected())
    run("files", stage="states")
    return pl.concat(found), pl.concat([find.no_units(), *units])


def _judge(connection: duckdb.DuckDBPyConnection, rejected: list[str]) -> None:
    """Decide the states, into checked_files, ledger.files and ledger.returns."""
    rows = connection.sql(
        " UNION ALL ".join(
            f"SELECT return_id, '{table}' AS table_name, count(*) AS rows FROM raw.{table} "
            "WHERE return_id IN (SELECT file_id FROM checked_files) GROUP BY return_id"
            for table in COUNTED_TABLES
        )
    ).fetchall()
    of_file: dict[str, dict[str, int]] = {}
    for file_id, table, count in rows:
        of_file.setdefault(file_id, {})[table] = count
    received = connection.execute(
        "SELECT file_id, term, urn, file_name, received_at, serial, released_at IS NOT NULL FROM checked_files "
        "WHERE NOT list_contains(?, state)",
        [list(NOT_JUDGED)],
    ).fetchall()
    judgements = judge_files([ReceivedFile(*row, rows=of_file.get(row[0], {})) for row in received], set(rejected))
    states = pl.DataFrame(
        [(file_id, judged.state, judged.rows_lost) for file_id, judged in judgements.items()],
        schema={"file_id": pl.String, "state": pl.String, "rows_lost": pl.String},
        orient="row",
    )
    with _registered(connection, "judged", states):
        connection.execute("""
            UPDATE checked_files SET state = judged.state, rows_lost = judged.rows_lost
            FROM judged WHERE checked_files.file_id = judged.file_id
        """)
        for table, key in (("ledger.files", "file_id"), ("ledger.returns", "return_id")):
            connection.execute(f"""
                UPDATE {table} AS kept SET state = judged.state
                FROM judged WHERE kept.{key} = judged.file_id AND kept.state <> judged.state
            """)


def _check_rows(
    connection: duckdb.DuckDBPyConnection, contract: Contract, not_run: dict[str, str]
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Run every table's rules over the current returns, and those of the rows that they should hold.

    Returns the findings; the rows whose identity two columns disagree on; and file_id, table_name, rows.
    """
    unlike_rule = next(rule for rule in all_rules() if rule.code == UNLIKE_COLUMNS)
    found, unlike, counts = [], [], []
    for table in (*contract.tables, EXPECTED):
        rules = rules_of(table)
        rows = rows_with_context(connection, table)
        evaluation = evaluate(table, with_faults_by_kind(rows, rules), rules)
        not_run.update(evaluation.not_run)
        if table == EXPECTED:
            found.append(find.expected_findings(rows, rules, evaluation))
        else:
            found.append(find.row_findings(table, rows, rules, evaluation))
            unlike.append(find.unlike_keys(table, rows, unlike_rule, contract))
        counts.append(
            rows.group_by(file_id=pl.col("return_id")).agg(
                pl.lit(table).alias("table_name"), rows=pl.len().cast(pl.Int64)
            )
        )
    return pl.concat(found), pl.concat(unlike), pl.concat([find.no_units(), *counts])


def _check_explanations(
    connection: duckdb.DuckDBPyConnection, contract: Contract, files: pl.DataFrame, not_run: dict[str, str]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Run the rules of the sheet of explanations, once it is known what there is to explain.

    Returns the issues, and file_id, table_name, rows.
    """
    take_queries(connection)
    rules = rules_of(EXPLANATIONS.name)
    rows = rows_with_context(connection, EXPLANATIONS.name)
    evaluation = evaluate(EXPLANATIONS.name, rows, rules)
    not_run.update(evaluation.not_run)
    found = find.row_findings(EXPLANATIONS.name, rows, rules, evaluation)
    counts = rows.group_by(file_id=pl.col("return_id")).agg(
        pl.lit(EXPLANATIONS.name).alias("table_name"), rows=pl.len().cast(pl.Int64)
    )
    return find.as_issues(found, files, rules, contract), counts


def _reported(files: pl.DataFrame) -> list[str]:
    """The files that there is something to say about: of each school the current one and what came after it.

    Where none is current, all; of the same bytes twice the second is later even when both came together.
    """
    names = ("file_id", "term", "urn", "file_name", "received_at", "serial")
    by_order = {row[0]: ReceivedFile(*row) for row in files.select(names).iter_rows()}
    states = dict(files.select("file_id", "state").iter_rows())
    current = {(file.term, file.urn): file for file_id, file in by_order.items() if states[file_id] == "current"}

    def is_reported(file: ReceivedFile) -> bool:
        counted = current.get((file.term, file.urn))
        if counted is None or states[file.file_id] == "current":
            return True
        if states[file.file_id] in NOT_JUDGED:
            return file.received_at >= counted.received_at
        return file.order > counted.order

    return [file_id for file_id, file in by_order.items() if is_reported(file)]


def _not_counted(
    connection: duckdb.DuckDBPyConnection, findings: pl.DataFrame, unlike: pl.DataFrame, rules: tuple[Rule, ...]
) -> pl.DataFrame:
    """Every row that is not counted until it is corrected, once, with the rows that hang on it."""
    several = findings.filter(pl.col("rule_code") == SEVERAL_ARRANGEMENTS)["return_id"].to_list()
    says = next(rule.says for rule in rules if rule.code == SEVERAL_ARRANGEMENTS)
    arrangements = connection.execute(
        """
        SELECT return_id, 'arrangements' AS table_name, row_number, ? AS rule_code, ? AS reason FROM raw.arrangements
        WHERE list_contains(?, return_id) AND return_id IN (SELECT return_id FROM checked_returns)
        """,
        [SEVERAL_ARRANGEMENTS, says, several],
    ).pl()
    direct = pl.concat(
        [
            frame.cast(find.NOT_COUNTED_SCHEMA)
            for frame in (find.rows_not_counted(findings, rules), unlike, arrangements)
        ]
    ).unique(["return_id", "table_name", "row_number"], keep="first", maintain_order=True)
    return pl.concat([direct, dependants(connection, direct).cast(find.NOT_COUNTED_SCHEMA)])


def _blankable(rules: tuple[Rule, ...]) -> list[Rule]:
    """The rules that cost a cell which reading had not left blank."""
    tables = load_contract(LATEST_CONTRACT).tables
    return [
        rule
        for rule in rules
        if rule.costs == "cell"
        and not rule.generated
        and rule.table not in SHEETLESS
        and tables[rule.table].fields[rule.field].type in RESTORABLE_TYPES
    ]


def _restore_cells(connection: duckdb.DuckDBPyConnection, rules: tuple[Rule, ...]) -> None:
    """Give back the values that an earlier check blanked, so that this one sees what was received."""
    for table, name in dict.fromkeys((rule.table, rule.field) for rule in _blankable(rules)):
        connection.execute(f"""
            UPDATE raw.{table} SET {name} = upper({name}__text)
            WHERE {name} IS NULL AND {name}__text IS NOT NULL AND {name}__fault IS NULL
                AND return_id IN (SELECT return_id FROM checked_returns)
        """)


def _blank_cells(connection: duckdb.DuckDBPyConnection, findings: pl.DataFrame, rules: tuple[Rule, ...]) -> None:
    for rule in _blankable(rules):
        at = findings.filter(pl.col("rule_code") == rule.code).select("return_id", "row_number")
        if at.is_empty():
            continue
        with _registered(connection, "cells", at):
            connection.execute(f"""
                UPDATE raw.{rule.table} AS received SET {rule.field} = NULL
                FROM cells WHERE received.return_id = cells.return_id AND received.row_number = cells.row_number
            """)


def _forget(connection: duckdb.DuckDBPyConnection, terms: list[str]) -> None:
    """What an earlier check of the terms wrote."""
    for table in ("issues", "quarantined_rows", "rule_runs"):
        connection.execute(f"DELETE FROM quality.{table} WHERE list_contains(?, term)", [terms])
    connection.execute(
        "DELETE FROM ledger.audit WHERE stage = ? AND return_id IN (SELECT return_id FROM ledger.returns WHERE list_contains(?, term))",
        [STAGE, terms],
    )


def _write_audit(connection: duckdb.DuckDBPyConnection, tables: list[str]) -> None:
    """One line per current return and table: what came in, what is accepted, and what is not counted until corrected."""
    for table in tables:
        connection.execute(
            f"""
            INSERT INTO ledger.audit
            SELECT
                return_id, $stage, $table,
                count(received.row_number),
                count(received.row_number) FILTER (WHERE not_counted.row_number IS NULL),
                count(received.row_number) FILTER (WHERE not_counted.row_number IS NOT NULL)
            FROM checked_returns AS returns
            LEFT JOIN raw.{table} AS received USING (return_id)
            LEFT JOIN (SELECT return_id, row_number FROM quality.quarantined_rows WHERE table_name = $table) AS not_counted
                USING (return_id, row_number)
            GROUP BY return_id ORDER BY return_id
            """,
            {"stage": STAGE, "table": table},
        )


def _insert_issues(connection: duckdb.DuckDBPyConnection, issues: pl.DataFrame) -> None:
    with _registered(connection, "found", issues):
        connection.execute("""
            INSERT INTO quality.issues BY NAME
            SELECT
                -- a number in place of a value or a stray heading: marts show the id, and a UPN can be guessed from its hash
                md5(
                    concat_ws(
                        '|', return_id, rule_code, table_name, found.row_number,
                        row_number() OVER (
                            PARTITION BY return_id, rule_code, table_name, found.row_number ORDER BY field, value, fact
                        )
                    )
                ) AS issue_id,
                left(sha256(urn || '|' || rule_code || '|' || table_name || '|' || fact), 16) AS fact_id,
                found.* EXCLUDE (fact)
            FROM found
        """)


def _insert_not_counted(connection: duckdb.DuckDBPyConnection, not_counted: pl.DataFrame) -> None:
    with _registered(connection, "not_counted_now", not_counted):
        connection.execute("""
            INSERT INTO quality.quarantined_rows BY NAME
            SELECT rows.*, returns.urn, returns.term
            FROM not_counted_now AS rows INNER JOIN checked_returns AS returns USING (return_id)
        """)


def _insert(connection: duckdb.DuckDBPyConnection, table: str, rows: pl.DataFrame) -> None:
    with _registered(connection, "rows_to_insert", rows):
        connection.execute(f"INSERT INTO {table} BY NAME SELECT * FROM rows_to_insert")


@contextmanager
def _registered(connection: duckdb.DuckDBPyConnection, name: str, rows: pl.DataFrame) -> Iterator[None]:
    """The rows as a view for a while."""
    connection.register(name, rows.to_arrow())
    try:
        yield
    finally:
        connection.unregister(name)


def _what_was_checked(
    connection: duckdb.DuckDBPyConnection,
    files: pl.DataFrame,
    units: pl.DataFrame,
    issues: pl.DataFrame,
    follows: pl.DataFrame,
    not_run: dict[str, str],
) -> runs.Checked:
    """units: file_id, table_name, rows."""
    school = list(runs.SCHOOL)
    school_of = files.select("file_id", *school)
    newest = (
        files.sort("received_at", "serial", "file_name", "file_id", nulls_last=False)
        .group_by(school)
        .agg(
            current=pl.col("file_id").filter(pl.col("state") == "current").first(),
            newest=pl.col("file_id").last(),
        )
    )
    schools = (
        connection.sql(f"""
            {runs.SCHOOLS_OPEN.format(terms="checked_terms")}
            UNION SELECT term, urn FROM checked_files ORDER BY ALL
        """)
        .pl()
        .join(newest, on=school, how="left")
        .select(*school, "current", return_id=pl.coalesce("current", "newest"))
    )
    tables = [*FILE_TABLES, *load_contract(LATEST_CONTRACT).tables, EXPECTED, EXPLANATIONS.name]
    sheets = connection.sql("""
        SELECT term, urn, table_name, bool_or(found) AS has_sheet FROM raw.sheets
        WHERE known AND return_id IN (SELECT return_id FROM checked_returns) GROUP BY ALL
    """).pl()
    reasons = (
        schools.join(pl.DataFrame({"table_name": tables}), how="cross")
        .join(sheets, on=[*school, "table_name"], how="left")
        .select(
            *school,
            "table_name",
            reason=pl.when(pl.col("return_id").is_null())
            .then(pl.lit(runs.NO_FILE))
            .when(pl.col("table_name").is_in(FILE_TABLES))
            .then(pl.lit(runs.NOT_OPENED))
            .when(pl.col("current").is_null())
            .then(pl.lit(runs.NO_RETURN))
            .when(~pl.col("has_sheet"))
            .then(pl.lit(runs.NO_SHEET))
            .otherwise(pl.lit(runs.NO_ROWS)),
        )
    )
    columns = connection.sql("""
        SELECT DISTINCT term, urn, table_name, field FROM raw.columns
        WHERE found AND known AND return_id IN (SELECT return_id FROM checked_returns)
    """).pl()
    return runs.Checked(
        schools=schools.select(*school, "return_id"),
        units=units.join(school_of, on="file_id").group_by(*school, "table_name").agg(pl.col("rows").sum()),
        columns=columns,
        reasons=reasons,
        broken=issues.group_by(*school, "rule_code").agg(rows=pl.len()),
        lacking=lacking(connection).join(school_of, left_on="return_id", right_on="file_id").drop("return_id"),
        follows=follows.join(school_of, left_on="return_id", right_on="file_id").select(
            *school, "rule_code", "follows_from"
        ),
        not_run=not_run,
    )


def _summary(
    connection: duckdb.DuckDBPyConnection,
    terms: int,
    files: pl.DataFrame,
    issues: pl.DataFrame,
    not_run: dict[str, str],
) -> CheckSummary:
    received, accepted, not_counted = connection.execute(
        """
        SELECT coalesce(sum(rows_in), 0)::BIGINT, coalesce(sum(rows_out), 0)::BIGINT, coalesce(sum(rows_quarantined), 0)::BIGINT
        FROM ledger.audit WHERE stage = ? AND return_id IN (SELECT return_id FROM checked_returns)
        """,
        [STAGE],
    ).fetchone()
    states = files["state"].to_list()
    return CheckSummary(
        terms=terms,
        **{state: states.count(state) for state in ("current", "superseded", "held", "rejected")},
        rows_received=received,
        rows_accepted=accepted,
        rows_quarantined=not_counted,
        errors=issues.filter(pl.col("severity") == "error").height,
        queries=issues.filter(pl.col("severity") == "query").height,
        rules_not_run=len(not_run),
    )
