"""Contract + rules -> what Great Expectations runs: every rule once, generated or written, in one shape."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import polars as pl
import yaml

from expectations.by_row import by_row
from expectations.contracts import EXPLANATIONS, Contract, Field, Table, codes_since, load_contract
from pipelines.settings import EXPECTATIONS_DIR
from pipelines.warehouse import LATEST_CONTRACT

if TYPE_CHECKING:
    from great_expectations import ExpectationSuite

FILE_TABLES = ("files", "sheets", "columns")
# Rows that the return should hold and may not: what is not there has neither a row number nor a cell.
EXPECTED = "expected"
SHEETLESS = (*FILE_TABLES, EXPECTED)
COSTS = ("rejects", "holds", "row", "cell", "nothing")
SEVERITIES = ("error", "query")
# What a rule may need beside the return itself; where it is lacking, the rule does not apply (context/lacking.sql).
NEEDS = ("last_return", "last_return_of_year", "register", "ehc_plans", "sen2", "census", "census_needs")
# The ending of a type rule's code.
TYPE_ENDINGS = {"date": "date", "code": "code", "yes_no": "code", "count": "number", "pounds": "number"}
# Fields that tie a row to its parent without being of its key: what cannot be read here leaves the row an orphan.
LINKS = {"reviews": ("planned_date",)}
# Cells that a written rule may blank: their typed value comes back from the text alone, so that checking can be repeated.
RESTORABLE_TYPES = ("upn", "uln")
# An example of each type, for schools and for the tests of rules: what can be read, and what cannot.
RIGHT = {
    "upn": "H801200001001",
    "uln": "1000000043",
    "urn": "100001",
    "laestab": "8012001",
    "academic_year": "2025-26",
    "specification": "1.0",
    "url": "https://www.school.example/send",
    "yes_no": "Y",
    "date": "2025-10-02",
    "count": "3",
    "pounds": "1200.50",
}
WRONG = {"date": "31/02/2025", "code": "ZZ", "yes_no": "maybe", "count": "2.5", "pounds": "lots"}
UNREADABLE = "=A2"  # of every other type
TOO_EARLY = "1990-08-31"
FORMATS = {
    "urn": "Give the six digits of the URN.",
    "laestab": "Give the LAESTAB as seven digits, such as 8012001.",
    "url": "Give the whole web address, beginning with https://.",
    "specification": "Leave it as the template has it, such as 1.0.",
    "academic_year": "Give the academic year like 2025-26.",
}
# What each expectation needs of its columns; a type that is not here has not been measured on pandas.
# `between` calls a Python function a value: only for tables with few rows, elsewhere the sets do.
_COLUMN_EXPECTATIONS = {
    "expect_column_values_to_be_null": "any",
    "expect_column_values_to_not_be_null": "any",
    "expect_column_values_to_be_in_set": "values",
    "expect_column_values_to_not_be_in_set": "values",
    "expect_column_values_to_be_between": "ordered",
    "expect_column_values_to_match_regex": "text",
}
_PAIR_EXPECTATIONS = ("expect_column_pair_values_a_to_be_greater_than_b", "expect_column_pair_values_to_be_equal")
_CONDITION = re.compile(r"(?P<column>\w+) (?:(?P<op>=|!=|>|<|in) (?P<value>.+)|is (?P<blank>not blank|blank))")


class RuleError(ValueError):
    """A rule that cannot be run as it is written; the message names it."""


@dataclass(frozen=True)
class Sentence:
    """What a school reads: what is wrong, and what to do about it."""

    says: str
    remedy: str


@dataclass(frozen=True)
class Rule:
    """One rule on one table.

    `fields`: the ones it reads, first the one to correct. `expect`: a Great Expectations type with its arguments, and
    `where`. `faults`: sentences that stand in for the rule's own where reading found that fault in the first field.
    `stage` is `states` where a rule needs to know which files are rejected. `replaces`: rules that this one speaks for
    in the same row; `suppresses`: rules that merely follow from it in the same return. `needs`: what there must be for
    the rule to apply (NEEDS).
    """

    code: str
    severity: str
    table: str
    fields: tuple[str, ...]
    says: str
    remedy: str
    expect: Mapping[str, Any]
    costs: str = "nothing"
    faults: Mapping[str, Sentence] = field(default_factory=lambda: MappingProxyType({}))
    stage: str = "table"
    replaces: tuple[str, ...] = ()
    suppresses: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    generated: bool = False
    breaks: Any = None
    holds: Any = None

    @property
    def field(self) -> str | None:
        """The field to correct; None where the rule is about a whole row, sheet or file."""
        return None if self.table in SHEETLESS or not self.fields else self.fields[0]


@lru_cache
def all_rules(version: str = LATEST_CONTRACT) -> tuple[Rule, ...]:
    """Every rule of a version: files, sheets, columns, the tables in the contract's order, expected rows, explanations.

    In a table the contract's own rules come first. Raises RuleError for a rule that is not written right.
    """
    contract = load_contract(version)
    rules = [
        *(rule for table in FILE_TABLES for rule in written_rules(table, contract)),
        *(
            rule
            for table in contract.tables.values()
            for rule in (*generated_rules(table), *written_rules(table.name, contract))
        ),
        *written_rules(EXPECTED, contract),
        *written_rules(EXPLANATIONS.name, contract),
    ]
    codes = [rule.code for rule in rules]
    if repeated := sorted({code for code in codes if codes.count(code) > 1}):
        raise RuleError(f"More than one rule has the code {', '.join(repeated)}")
    return tuple(rules)


def rules_of(table: str, version: str = LATEST_CONTRACT, stage: str = "table") -> tuple[Rule, ...]:
    """The rules of one table that run together."""
    return tuple(rule for rule in all_rules(version) if rule.table == table and rule.stage == stage)


def identifying(table: Table) -> tuple[str, ...]:
    """The fields whose errors cost the row: its key, and what ties it to its parent."""
    return (*table.key, *LINKS.get(table.name, ()))


def generated_rules(table: Table) -> list[Rule]:
    """The contract's own rules of a table: what is required, of what type, in which window, and surplus cells."""
    rules = [rule for f in table.fields.values() for rule in _field_rules(table, f)]
    surplus = Rule(
        code=f"{table.prefix}.row.surplus",
        severity="error",
        table=table.name,
        fields=(),
        says="There is something in this row to the right of the last column.",
        remedy="Move it to the column where it belongs, or clear it. A comma inside a CSV file's cell needs quotes around the cell. Until then the row is not counted.",
        expect={"type": "expect_column_values_to_be_null", "column": "surplus"},
        costs="row",
        generated=True,
        breaks={"surplus": "see note"},
        holds={"surplus": None},
    )
    return [*rules, surplus]


def _field_rules(table: Table, f: Field) -> list[Rule]:
    costs = "row" if f.name in identifying(table) else "cell"
    right = {f.name: f.codes[0] if f.type == "code" else RIGHT.get(f.type, "as it should be")}
    common = {"severity": "error", "table": table.name, "fields": (f.name,), "costs": costs, "generated": True}
    common |= {"holds": right}
    rules = []
    if f.required:
        rules.append(
            Rule(
                code=f"{table.prefix}.{f.name}.required",
                says=f'"{f.label}" is blank.',
                remedy="Fill it in." if costs == "cell" else "Fill it in. Until then the row is not counted.",
                expect={"type": "expect_column_values_to_not_be_null", "column": f"{f.name}__given"},
                breaks={f.name: None},
                **common,
            )
        )
    endings = {"type": TYPE_ENDINGS.get(f.type, "text")} | ({"window": "window"} if f.window else {})
    for kind, ending in endings.items():
        rules.append(
            Rule(
                code=f"{table.prefix}.{f.name}.{ending}",
                says=f'"{f.label}" cannot be read.',
                remedy="Correct it.",
                faults=MappingProxyType(fault_sentences(kind, f)),
                expect={"type": "expect_column_values_to_be_null", "column": f"{f.name}__{kind}"},
                breaks={f.name: TOO_EARLY if kind == "window" else WRONG.get(f.type, UNREADABLE)},
                **common,
            )
        )
    return rules


@lru_cache
def fault_kinds() -> Mapping[str, str | None]:
    """What reading can find wrong with a cell -> `type`, `window`, or None where a rule of its own reports it."""
    return MappingProxyType({fault: about.get("kind") for fault, about in _faults().items()})


@lru_cache
def _faults() -> dict[str, dict[str, str]]:
    return yaml.safe_load((EXPECTATIONS_DIR / "faults.yml").read_text(encoding="utf-8"))


def fault_sentences(kind: str, f: Field) -> dict[str, Sentence]:
    """Fault -> its sentence about this field."""
    words = {"label": f.label, "codes": _codes(f), "format": FORMATS.get(f.type, "Copy it from your records again.")}
    return {
        fault: Sentence(says=about["says"].format_map(words), remedy=about["remedy"].format_map(words))
        for fault, about in _faults().items()
        if about.get("kind") == kind
    }


def _codes(f: Field) -> str:
    if f.type == "code":
        since = codes_since(f.list)
        return ", ".join(f"{code} (specification {since[code]})" if code in since else code for code in f.codes)
    return {"yes_no": "Y, N", "academic_year": "an academic year like 2025-26"}.get(f.type, f.label)


def written_rules(table: str, contract: Contract) -> list[Rule]:
    """The rules of `rules/<table>.yml`, but those that read what only a later version has.

    Raises RuleError where one is not written right.
    """
    path = EXPECTATIONS_DIR / "rules" / f"{table}.yml"
    entries = yaml.safe_load(path.read_text(encoding="utf-8"))
    if contract.version != LATEST_CONTRACT and table in contract.tables:
        latest = load_contract(LATEST_CONTRACT).tables[table].fields
        later = latest.keys() - contract.tables[table].fields.keys()
        entries = [entry for entry in entries if later.isdisjoint(entry.get("fields", ()))]
    return [written_rule(table, entry, contract) for entry in entries]


def written_rule(table: str, entry: dict[str, Any], contract: Contract) -> Rule:
    """One entry of a rules file. Raises RuleError, which names its code, where it is not written right."""
    code = entry.get("code", f"a rule of {table}")
    entry = dict(entry)
    try:
        faults = {fault: Sentence(**sentence) for fault, sentence in entry.pop("faults", {}).items()}
        lists = {name: tuple(entry.pop(name, ())) for name in ("fields", "replaces", "suppresses", "needs")}
        rule = Rule(table=table, faults=MappingProxyType(faults), **lists, **entry)
    except TypeError as error:
        raise RuleError(f"{code}: {error}") from error
    if rule.severity not in SEVERITIES or rule.costs not in COSTS:
        raise RuleError(f"{code}: severity {rule.severity}, costs {rule.costs}")
    if rule.severity == "query" and rule.costs != "nothing":
        raise RuleError(f"{code}: a query costs nothing")
    if unknown := [need for need in rule.needs if need not in NEEDS]:
        raise RuleError(f"{code}: nothing is known of {', '.join(unknown)}")
    if table in SHEETLESS:
        return rule
    fields = (contract.tables | {EXPLANATIONS.name: EXPLANATIONS})[table].fields
    if unknown := [name for name in rule.fields if name not in fields]:
        raise RuleError(f"{code}: {table} has no field {', '.join(unknown)}")
    is_typing = rule.expect.get("column") == f"{rule.field}__fault"  # reading left the cell blank already
    if rule.costs == "cell" and not is_typing and fields[rule.field].type not in RESTORABLE_TYPES:
        raise RuleError(f"{code}: a rule can blank only {' and '.join(RESTORABLE_TYPES)} cells")
    return rule


def columns_read(rule: Rule) -> list[str]:
    """The columns that the rule's expectation and its `where` read."""
    named = [rule.expect[name] for name in ("column", "column_A", "column_B") if name in rule.expect]
    return list(dict.fromkeys([*named, *(column for column, _, _ in _conditions(rule))]))


def check_types(rules: Iterable[Rule], schema: Mapping[str, pl.DataType]) -> None:
    """Raises RuleError where a rule reads a column that there is not, or one of a type that it cannot judge.

    Great Expectations reports some of these as if every row were broken.
    """
    for rule in rules:
        if missing := [column for column in columns_read(rule) if column not in schema]:
            raise RuleError(f"{rule.code} reads {', '.join(missing)}, which {rule.table} does not have")
        kind = rule.expect.get("type")
        if kind in _PAIR_EXPECTATIONS:
            a, b = schema[rule.expect["column_A"]], schema[rule.expect["column_B"]]
            if a != b:
                raise RuleError(f"{rule.code} compares {a} with {b}")
        elif kind in _COLUMN_EXPECTATIONS:
            _check_column(rule, _COLUMN_EXPECTATIONS[kind], schema[rule.expect["column"]])
        else:
            raise RuleError(f"{rule.code} uses {kind}, which is not one that is used here")
        for column, _, value in _conditions(rule):
            _literal(rule, schema[column], value)


def _check_column(rule: Rule, needs: str, dtype: pl.DataType) -> None:
    fits = {
        "any": True,
        "text": dtype == pl.String,
        "ordered": dtype.is_numeric() or dtype.is_temporal(),
        "values": all(_is_of(value, dtype) for value in rule.expect.get("value_set", [])),
    }[needs]
    if not fits:
        raise RuleError(f"{rule.code} reads {rule.expect['column']}, which is {dtype}")


def _is_of(value: object, dtype: pl.DataType) -> bool:
    if isinstance(value, bool):
        return dtype == pl.Boolean
    return dtype == pl.String if isinstance(value, str) else dtype.is_numeric()


def suite(name: str, rules: Iterable[Rule], schema: Mapping[str, pl.DataType]) -> "ExpectationSuite":
    """The rules as a Great Expectations suite; each expectation carries its rule's code in `meta`.

    schema: the columns that the suite will be run on. Raises RuleError (see check_types).
    """
    from great_expectations import ExpectationSuite

    rules = list(rules)
    check_types(rules, schema)
    expectations = []
    for rule in rules:
        arguments = {key: value for key, value in rule.expect.items() if key not in ("type", "where")}
        if rule.expect["type"] in _PAIR_EXPECTATIONS:
            arguments.setdefault("ignore_row_if", "either_value_is_missing")
        if "where" in rule.expect:
            arguments |= {"row_condition": row_condition(rule, schema), "condition_parser": "pandas"}
        expectations.append(by_row(rule.expect["type"])(meta={"code": rule.code}, **arguments))
    return ExpectationSuite(name=name, expectations=expectations)


def _conditions(rule: Rule) -> list[tuple[str, str, str | None]]:
    """`where` as (column, operator, value); the value None for blank."""
    parts = []
    for text in str(rule.expect.get("where", "")).split(" and ") if "where" in rule.expect else []:
        found = _CONDITION.fullmatch(text.strip())
        if not found:
            raise RuleError(f"{rule.code}: where {text}")
        if found["blank"]:
            parts.append((found["column"], found["blank"], None))
        else:
            parts.append((found["column"], found["op"], found["value"]))
    return parts


def row_condition(rule: Rule, schema: Mapping[str, pl.DataType]) -> str:
    """A rule's `where` as a pandas query. Raises RuleError where it does not fit the columns."""
    written = []
    for column, operator, value in _conditions(rule):
        if value is None:
            written.append(f"{column}.{'isnull' if operator == 'blank' else 'notnull'}()")
        else:
            symbol = "==" if operator == "=" else operator
            written.append(f"{column} {symbol} {_literal(rule, schema[column], value)}")
    return " and ".join(written)


def _literal(rule: Rule, dtype: pl.DataType, value: str | None) -> str:
    """The value as a pandas query writes it, by the column's type."""
    if value is None:
        return ""
    if dtype == pl.Boolean and value in ("Y", "N"):
        return str(value == "Y")
    if dtype == pl.String:
        values = [part.strip() for part in value.split(",")]
        return repr(values) if len(values) > 1 else repr(values[0])
    if dtype.is_numeric() and re.fullmatch(r"-?[0-9]+", value):
        return value
    raise RuleError(f"{rule.code}: where compares {dtype} with {value}")
