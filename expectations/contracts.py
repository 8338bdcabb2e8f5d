"""The contract of a return: its tables and fields, read from `contract/<version>.yml` and the code lists' seed."""

import csv
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import yaml

from pipelines.settings import EXPECTATIONS_DIR, SEEDS_DIR
from pipelines.terms import TERM_NAMES

DUCKDB_TYPES = {"date": "DATE", "yes_no": "BOOLEAN", "count": "BIGINT", "pounds": "DECIMAL(14, 2)"}


@dataclass(frozen=True)
class Field:
    """One field: `type` is one of those that `contract/1.0.yml` lists at its head."""

    name: str
    type: str
    label: str
    required: bool = False
    list: str | None = None
    window: str | None = None
    codes: tuple[str, ...] = ()  # of the list, those that the contract's version knows

    @property
    def duckdb_type(self) -> str:
        """The type of the typed column; every other type is text."""
        return DUCKDB_TYPES.get(self.type, "VARCHAR")


@dataclass(frozen=True)
class Table:
    """One table of the return."""

    name: str
    prefix: str
    label: str
    key: tuple[str, ...]
    fields: dict[str, Field]
    one_row: bool = False
    required_in: tuple[str, ...] = TERM_NAMES


@dataclass(frozen=True)
class Contract:
    """One version of the return's specification."""

    version: str
    tables: dict[str, Table] = field(default_factory=dict)


# The optional ninth sheet: what a school says of the queries that it was asked. No table of the return, so of no version.
# question: what a feedback workbook wrote beside the reference.
EXPLANATIONS = Table(
    name="explanations",
    prefix="XPL",
    label="Explanations",
    key=(),
    fields={
        "reference": Field("reference", "text", "Reference", required=True),
        "question": Field("question", "text", "Question"),
        "explanation": Field("explanation", "text", "Explanation", required=True),
    },
    required_in=(),
)


@lru_cache
def load_contract(version: str = "1.0") -> Contract:
    """The contract of a version. Raises FileNotFoundError for a version that there is not."""
    tables = {}
    for name, table in _written(version).items():
        fields = {
            f: Field(
                name=f,
                codes=tuple(code_list(attributes["list"], version)) if "list" in attributes else (),
                **attributes,
            )
            for f, attributes in table["fields"].items()
        }
        tables[name] = Table(
            name=name,
            prefix=table["prefix"],
            label=table["label"],
            key=tuple(table["key"]),
            fields=fields,
            one_row=table.get("one_row", False),
            required_in=tuple(table.get("required_in", TERM_NAMES)),
        )
    return Contract(version=version, tables=tables)


def _written(version: str) -> dict[str, dict[str, Any]]:
    """The tables as the version's file and those that it follows on write them: a later one names its differences."""
    written = yaml.safe_load((EXPECTATIONS_DIR / "contract" / f"{version}.yml").read_text(encoding="utf-8"))
    if "after" not in written:
        return written["tables"]
    tables = _written(written["after"])
    for name, differences in written["tables"].items():
        fields = tables.get(name, {}).get("fields", {}) | differences.get("fields", {})
        tables[name] = tables.get(name, {}) | differences | {"fields": fields}
    return tables


@lru_cache
def accepted_versions() -> dict[str, tuple[str, ...]]:
    """Academic year -> the versions of the specification that it accepts (seed `contract_versions`)."""
    accepted: dict[str, tuple[str, ...]] = {}
    with (SEEDS_DIR / "contract_versions.csv").open(newline="", encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            accepted[row["academic_year"]] = (*accepted.get(row["academic_year"], ()), row["version"])
    return accepted


def known_versions() -> tuple[str, ...]:
    """Every version of the specification that any year accepts, the first accepted first."""
    return tuple(dict.fromkeys(version for accepted in accepted_versions().values() for version in accepted))


@lru_cache
def code_list(name: str, version: str | None = None) -> dict[str, str]:
    """Code -> label of one code list, in its order (seed `code_lists`); without a version the codes of all.

    Raises KeyError for a list that there is not.
    """
    codes = {row["code"]: row["label"] for row in _code_rows(name) if version is None or _since(row) <= _order(version)}
    if not codes:
        raise KeyError(name)
    return codes


@lru_cache
def codes_since(name: str) -> dict[str, str]:
    """Code -> the version that brought it, of the codes of a list that came after the first version."""
    return {row["code"]: row["from_version"] for row in _code_rows(name) if row["from_version"]}


def _code_rows(name: str) -> list[dict[str, str]]:
    with (SEEDS_DIR / "code_lists.csv").open(newline="", encoding="utf-8") as lines:
        return [row for row in csv.DictReader(lines) if row["code_list"] == name]


def _since(row: dict[str, str]) -> tuple[int, ...]:
    return _order(row["from_version"] or "1.0")


def _order(version: str) -> tuple[int, ...]:
    """1.10 comes after 1.9."""
    return tuple(map(int, version.split(".")))
