"""A return's workbook from a school's own exports, which the school then completes, checks and sends like any other."""

from collections.abc import Iterable

import duckdb
import polars as pl

from expectations.contracts import Contract
from expectations.mappings import RANK, RANKED, ExportMapping
from expectations.suites import rules_of
from pipelines.feedback.template import TemplateError, return_row, template_workbook
from pipelines.reading.exports import MappedExport, MappedReturn, map_exports
from pipelines.settings import Settings
from pipelines.terms import Term

MEGABYTE = 1_000_000


def school_laestab(connection: duckdb.DuckDBPyConnection, urn: str) -> str:
    """The LAESTAB that GIAS gives the school. Raises TemplateError for a school that is not there."""
    school = connection.execute("SELECT laestab FROM reference.schools WHERE urn = ?", [urn]).fetchone()
    if school is None:
        raise TemplateError(f"There is no school with the URN {urn} in GIAS.")
    return school[0]


def mapped_workbook(
    settings: Settings,
    mapping: ExportMapping,
    files: Iterable[tuple[str, bytes]],
    contract: Contract,
    *,
    urn: str,
    laestab: str | None,
    term: Term,
) -> tuple[bytes, MappedReturn]:
    """The workbook, and what became of the exports (file name, bytes). Raises reading.exports.UnreadableExport.

    Who authorises the return, and the tables that no export gives, are the school's to fill in.
    """
    mapped = map_exports(mapping, files, contract, settings.max_file_megabytes * MEGABYTE)
    own = return_row(contract, urn, laestab, term)
    if "pupils" in mapped.rows and mapped.rows["pupils"].height:
        own = own.with_columns(nil_return=pl.lit("N"))
    return template_workbook(settings, contract, {"return": own, **mapped.rows}), mapped


def fault_sentence(fault: str) -> str:
    """What is wrong with a file that cannot be read, as the check of a return says it."""
    rule = next(rule for rule in rules_of("files") if fault in rule.expect.get("value_set", ()))
    return rule.faults[fault].says if fault in rule.faults else rule.says


def in_lines(mapped: MappedReturn) -> str:
    """What became of every file, heading and code, for the person who holds the exports."""
    lines = [line for export in mapped.exports for line in _lines_of(export)]
    lines += [
        f"NOT KNOWN  {name}: it has the headings of none of the mapping's exports, and nothing of it was taken."
        for name in mapped.unmatched
    ]
    for table, fields in mapped.blank.items():
        if fields:
            lines.append(f"In the sheet {table} these must still be filled in: {', '.join(fields)}.")
    if mapped.not_given:
        lines.append(f"The mapping also knows these exports, which were not given: {', '.join(mapped.not_given)}.")
    return "\n".join(lines)


def _lines_of(export: MappedExport) -> list[str]:
    lines = [f"{export.file}: {export.export}, {export.rows:,} row{'s' * (export.rows != 1)} of {export.table}."]
    for heading, f in export.fields.items():
        codes = [
            f"'{code.text}' is {code.ours}"
            for code in export.codes
            if code.heading == heading and code.ours not in (None, code.text.upper())
        ]
        words = {RANK: "the rank", RANKED: "what has the rank"}.get(f, f)
        lines.append(f"  {heading} is {words}{': ' + ', '.join(codes) if codes else ''}")
    if export.ignored:
        lines.append(f"  Passed over: {', '.join(export.ignored)}")
    lines += [f"  Left out: {count:,} row{'s' * (count != 1)}, {why}" for why, count in export.left_out.items()]
    lines += [
        f"NOT KNOWN  heading '{heading}': it stands in the workbook without its cells, for nobody knows what they are."
        for heading in export.unknown
    ]
    lines += [
        f"NOT KNOWN  '{code.text}' in {code.heading} ({code.rows:,} row{'s' * (code.rows != 1)}): it stays as it is, "
        "and the check will find it."
        for code in export.codes
        if code.ours is None
    ]
    return lines
