"""Every rule as a school reads it: one entry a rule, made from the rules themselves."""

import csv
import io
from collections.abc import Mapping
from itertools import groupby
from operator import itemgetter
from textwrap import wrap
from typing import Any

from expectations.contracts import EXPLANATIONS, load_contract
from expectations.suites import EXPECTED, all_rules
from pipelines.feedback.findings import QUERY_MEANWHILE, UNTIL_CORRECTED
from pipelines.warehouse import LATEST_CONTRACT

# what rules are about that is no table of the return
OTHER_TABLES = {
    "files": "The file",
    "sheets": "Sheets",
    "columns": "Columns",
    EXPECTED: "Rows that should be there",
}
COLUMNS = ("code", "severity", "table", "about", "field", "says", "remedy", "costs", "breaks", "holds")


def catalogue(version: str = LATEST_CONTRACT) -> list[dict[str, str]]:
    """The rules in their order, each with COLUMNS and `own`: whether it comes with the contract's field, `yes` or `no`.

    about and field are the labels of table and field, costs is what an error costs until it is put right; breaks and holds are an example each,
    in words.
    """
    tables = load_contract(version).tables | {EXPLANATIONS.name: EXPLANATIONS}
    labels = OTHER_TABLES | {name: table.label for name, table in tables.items()}
    return [
        {
            "code": rule.code,
            "severity": rule.severity,
            "table": rule.table,
            "about": labels[rule.table],
            "field": tables[rule.table].fields[rule.field].label if rule.field else "",
            # the sheet's and the column's name are known when it is broken
            "says": rule.says.format_map(_Blank()),
            "remedy": rule.remedy,
            "costs": QUERY_MEANWHILE if rule.severity == "query" else UNTIL_CORRECTED[rule.costs],
            "breaks": in_words(rule.breaks),
            "holds": in_words(rule.holds),
            "own": "yes" if rule.generated else "no",
        }
        for rule in all_rules(version)
    ]


class _Blank(dict):
    def __missing__(self, key: str) -> str:
        return "…"


def as_csv(entries: list[dict[str, str]]) -> str:
    """The entries as CSV with a header."""
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(entries)
    return out.getvalue()


def in_lines(entries: list[dict[str, str]], width: int = 110) -> str:
    """The entries for a terminal, a paragraph each, under their tables."""
    lines: list[str] = []
    for about, of_table in groupby(entries, key=itemgetter("about")):
        lines += ["", about.upper()]
        for entry in of_table:
            lines.append(f"{entry['code']}  {entry['severity']}")
            for name in ("says", "remedy", "costs", "breaks", "holds"):
                head = {"says": "", "remedy": "", "costs": "Until then: "}.get(name, f"{name.capitalize()}: ")
                lines += wrap(head + entry[name], width, initial_indent="    ", subsequent_indent="    ")
    return "\n".join([*lines, "", f"{len(entries)} rules"]).lstrip()


def in_words(example: object) -> str:
    """An example of a rules file in words: `sen_provision E, primary_need NSA`, `pupils: 11 rows; plans: none`."""
    if not isinstance(example, Mapping):
        return "" if example is None else str(example)
    return "; ".join(_part(name, value) for name, value in example.items()) if _is_nested(example) else _row(example)


def _is_nested(example: Mapping[str, Any]) -> bool:
    return any(isinstance(value, (list, Mapping)) for value in example.values())


def _part(name: str, value: object) -> str:
    if isinstance(value, list):
        return f"{name}: {' and '.join(_row(row) for row in value) or 'none'}"
    if isinstance(value, Mapping):
        words = {"last": "last term", "earlier": "a file before"}.get(name, name)
        if "rows" in value and not isinstance(value["rows"], Mapping):
            first = f", the first with {_row(value['first'])}" if "first" in value else ""
            return f"{words}: {value['rows']} rows{first}"
        return f"{words} ({in_words(value) or 'any'})"
    return f"{name} {_cell(value)}"


def _row(row: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {_cell(value)}" for name, value in row.items()) or "a row"


def _cell(value: object) -> str:
    return "blank" if value is None else {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
