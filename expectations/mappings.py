"""How a school's own exports are written, from `mappings/NAME.yml`: which heading is which field, which code is which."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from expectations.contracts import Table, code_list, load_contract
from pipelines.reading.headers import folded
from pipelines.settings import EXPECTATIONS_DIR
from pipelines.warehouse import LATEST_CONTRACT

MAPPINGS_DIR = EXPECTATIONS_DIR / "mappings"
YES_NO = "yes_no"
# what a heading may be beside a field, in an export with `ranked`: the rank, and what has it
RANK, RANKED = "rank", "ranked"
ANYTHING = "*"


class MappingError(ValueError):
    """A mapping that is not written right, or is not there; the message names the place."""


@dataclass(frozen=True)
class Export:
    """One export; headings are folded (`reading.headers.folded`).

    headers: heading -> field, RANK or RANKED. ranked: rank -> field. ignored: headings. leave_out: field, or heading
    that is none -> texts, folded but for ANYTHING.
    """

    name: str
    table: str
    recognised_by: tuple[str, ...]
    headers: Mapping[str, str]
    ranked: Mapping[str, str] = field(default_factory=dict)
    ignored: frozenset[str] = frozenset()
    leave_out: Mapping[str, frozenset[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class ExportMapping:
    """One system's exports. codes: code list (or YES_NO) -> folded text -> our code. dates: formats of strptime."""

    name: str
    label: str
    exports: tuple[Export, ...]
    codes: Mapping[str, Mapping[str, str]]
    dates: tuple[str, ...]


def mapping_names() -> list[str]:
    """The mappings that there are."""
    return sorted(path.stem for path in MAPPINGS_DIR.glob("*.yml"))


def load_mapping(name: str) -> ExportMapping:
    """The mapping of a name, or of a .yml file's path. Raises MappingError, which says what is wrong where."""
    path = Path(name) if name.endswith(".yml") else MAPPINGS_DIR / f"{name}.yml"
    if not path.is_file():
        raise MappingError(f"There is no mapping {name}. There are: {', '.join(mapping_names())}.")
    try:
        written = yaml.load(path.read_text(encoding="utf-8"), Loader=_TextLoader)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise MappingError(f"{path.name} cannot be read: {error}") from error
    where = path.stem
    about = _section(where, written, needed=("label", "exports"), optional=("codes", "dates"))
    tables = load_contract(LATEST_CONTRACT).tables
    exports = tuple(
        _export(f"{where}, export {export}", export, of_export, tables)
        for export, of_export in _dict(f"{where}, exports", about["exports"]).items()
    )
    keyless = [export.table for export in exports if not tables[export.table].key]
    if several := [table for table in keyless if keyless.count(table) > 1]:
        raise MappingError(f"{where}: two exports are of {several[0]}, which is one row")
    lists = {f.list for table in tables.values() for f in table.fields.values() if f.list}
    codes = {
        known: _codes(f"{where}, codes of {known}", known, of_list, lists)
        for known, of_list in _dict(f"{where}, codes", about.get("codes", {})).items()
    }
    dates = _list(f"{where}, dates", about.get("dates", []))
    if odd := [style for style in dates if "%Y" not in style]:
        raise MappingError(f"{where}, dates: {odd[0]} has no year of four digits (%Y)")
    return ExportMapping(where, str(about["label"]), exports, codes, dates)


class _TextLoader(yaml.SafeLoader):
    """Every value as it is written (a code N or a rank 1 is text), and no key twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict:
        keys = [self.construct_object(key) for key, _ in node.value]
        if twice := [key for key in keys if keys.count(key) > 1]:
            raise MappingError(f"line {node.start_mark.line + 1}: {twice[0]} is there twice")
        return super().construct_mapping(node, deep)


# nothing is taken for a number, a date or yes and no
_TextLoader.yaml_implicit_resolvers = {}


def _export(where: str, name: str, written: Any, tables: Mapping[str, Table]) -> Export:
    about = _section(
        where,
        written,
        needed=("table", "recognised_by", "headers"),
        optional=("ranked", "ignored", "leave_out"),
    )
    # the row of `return` is made of what the command is told
    known_tables = [table for table in tables if table != "return"]
    if about["table"] not in known_tables:
        raise MappingError(f"{where}: there is no table {about['table']}. There are: {', '.join(known_tables)}")
    table = tables[about["table"]]
    ranked = _dict(f"{where}, ranked", about.get("ranked", {}))
    known = [*table.fields, *((RANK, RANKED) if ranked else ())]
    headers = _folded_keys(f"{where}, headers", _dict(f"{where}, headers", about["headers"]))
    for heading, of_heading in _dict(where, about["headers"]).items():
        if of_heading not in known:
            raise MappingError(f"{where}: heading '{heading}' is said to be {of_heading}, which {table.name} has not")
    if unknown := [of_rank for of_rank in ranked.values() if of_rank not in table.fields]:
        raise MappingError(f"{where}, ranked: {table.name} has no field {unknown[0]}")
    recognised_by = _list(f"{where}, recognised_by", about["recognised_by"])
    if ranked and not {RANK, RANKED} <= {*recognised_by}:
        raise MappingError(f"{where}: it has ranks, so recognised_by must name {RANK} and {RANKED}")
    if missing := [name for name in table.key if name not in headers.values()]:
        raise MappingError(f"{where}: no heading is {missing[0]}, which says which row of {table.name} it is")
    if unknown := [one for one in recognised_by if one not in headers.values()]:
        raise MappingError(f"{where}, recognised_by: no heading is {unknown[0]}")
    if not recognised_by:
        raise MappingError(f"{where}, recognised_by: name a field at least")
    ignored = frozenset(map(folded, _list(f"{where}, ignored", about.get("ignored", []))))
    if both := ignored & headers.keys():
        raise MappingError(f"{where}: heading '{min(both)}' is both a field and ignored")
    leave_out = _dict(f"{where}, leave_out", about.get("leave_out", {}))
    return Export(
        name,
        table.name,
        recognised_by,
        headers,
        ranked,
        ignored,
        {
            place if place in headers.values() else folded(place): frozenset(
                text if text == ANYTHING else folded(text) for text in _list(f"{where}, leave_out", texts)
            )
            for place, texts in leave_out.items()
        },
    )


def _codes(where: str, known: str, written: Any, lists: set[str]) -> dict[str, str]:
    if known != YES_NO and known not in lists:
        raise MappingError(f"{where}: there is no such code list. There are: {', '.join(sorted({*lists, YES_NO}))}")
    ours = ("Y", "N") if known == YES_NO else tuple(code_list(known))
    codes = _dict(where, written)
    for theirs, code in codes.items():
        if code not in ours:
            raise MappingError(f"{where}: '{theirs}' is said to be {code}, which is none of {', '.join(ours)}")
    return _folded_keys(where, codes)


def _section(where: str, written: Any, needed: tuple[str, ...], optional: tuple[str, ...]) -> dict[str, Any]:
    about = _dict(where, written)
    if unknown := [key for key in about if key not in (*needed, *optional)]:
        raise MappingError(f"{where}: {unknown[0]} is not known here. There are: {', '.join((*needed, *optional))}")
    if missing := [key for key in needed if key not in about]:
        raise MappingError(f"{where}: {missing[0]} is missing")
    return about


def _dict(where: str, written: Any) -> dict[str, Any]:
    if not isinstance(written, dict):
        raise MappingError(f"{where}: write it as 'name: value' lines")
    return written


def _list(where: str, written: Any) -> tuple[str, ...]:
    if not isinstance(written, list) or not all(isinstance(one, str) for one in written):
        raise MappingError(f"{where}: write it as a list, [one, another]")
    return tuple(written)


def _folded_keys(where: str, written: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in written.items():
        if found.setdefault(folded(key), value) != value:
            raise MappingError(f"{where}: '{key}' is there twice, with different meanings")
    return found
