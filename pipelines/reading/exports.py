"""A school's own exports -> rows of the return's tables, by a mapping; what the mapping does not know is said.

The rows are text, as a school would type them: they go into a return's workbook, which is checked and sent like any
other. Nothing is judged here, and nothing put right.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from expectations.contracts import Contract, Field, Table
from expectations.mappings import ANYTHING, RANK, RANKED, YES_NO, Export, ExportMapping
from pipelines.reading import faults
from pipelines.reading.containers import open_container
from pipelines.reading.delimited import read_cells
from pipelines.reading.faults import Unreadable
from pipelines.reading.headers import SPACES, folded
from pipelines.reading.tables import BETWEEN, LOOK_FOR_HEADER_IN, MIDNIGHT
from pipelines.reading.typed import NO, YES
from pipelines.reading.workbooks import Workbook


class UnreadableExport(Unreadable):
    """One of several files can't be read: `file` says which."""

    def __init__(self, file: str, fault: str):
        super().__init__(fault)
        self.file = file


# a date of two digits' year would be read as one of antiquity
EARLIEST_YEAR = 1900


@dataclass(frozen=True)
class MappedCode:
    """A text of an export that stands for a code; `ours` is None where nobody knows for which, and it stays as it is."""

    heading: str
    text: str
    ours: str | None
    rows: int


@dataclass(frozen=True)
class MappedExport:
    """What became of one export.

    fields: heading -> field. ignored and unknown: headings that the mapping passes over, and does not know. left_out:
    why -> number of rows.
    """

    file: str
    export: str
    table: str
    rows: int
    fields: dict[str, str]
    ignored: list[str]
    unknown: list[str]
    codes: list[MappedCode]
    left_out: dict[str, int]


@dataclass(frozen=True)
class MappedReturn:
    """rows: table -> its fields as text, and a column without cells for every heading that is not known.

    blank: table -> its required fields that no export gives. not_given: exports of the mapping without a file. unmatched:
    files and sheets that are none of the mapping's exports.
    """

    rows: dict[str, pl.DataFrame]
    exports: list[MappedExport]
    blank: dict[str, list[str]] = field(default_factory=dict)
    not_given: list[str] = field(default_factory=list)
    unmatched: list[str] = field(default_factory=list)

    @property
    def is_whole(self) -> bool:
        """Whether every file, heading and code of the exports is known."""
        unknown = any(export.unknown or any(code.ours is None for code in export.codes) for export in self.exports)
        return not (unknown or self.unmatched)


def map_exports(
    mapping: ExportMapping, files: Iterable[tuple[str, bytes]], contract: Contract, max_bytes: int
) -> MappedReturn:
    """Map files (name, bytes): CSVs, workbooks, or ZIPs of CSVs. Raises UnreadableExport for one that is none of them.

    The headings are looked for in the first rows, for a report may have a title above them. Exports of one table are
    put together by its key: what two of them say of a field differently stands in it together.
    """
    exports: list[MappedExport] = []
    unmatched: list[str] = []
    parts: dict[str, dict[str, list[pl.DataFrame]]] = {}
    headings: dict[str, list[str]] = {}
    for file, data in files:
        try:
            sheets = _sheets(file, data, mapping, max_bytes)
        except Unreadable as error:
            raise UnreadableExport(file, error.fault) from error
        for name, cells in sheets:
            export, at = _recognised(cells, mapping)
            if export is None:
                if not all(column.null_count() == cells.height for column in cells.get_columns()):
                    unmatched.append(name)
                continue
            table = contract.tables[export.table]
            mapped, rows = _map(name, cells, at, export, table, mapping)
            exports.append(mapped)
            parts.setdefault(table.name, {}).setdefault(export.name, []).append(rows)
            headings.setdefault(table.name, []).extend(mapped.unknown)
    order = [export.name for export in mapping.exports]
    rows = {
        table: _with_headings(
            _put_together(
                [pl.concat(of_table[name]) for name in sorted(of_table, key=order.index)], contract.tables[table]
            ),
            headings[table],
        )
        for table, of_table in parts.items()
    }
    given = {
        table: {f for export in exports if export.table == table for f in _given(export, mapping)} for table in rows
    }
    return MappedReturn(
        rows=rows,
        exports=exports,
        blank={
            table: [f.name for f in contract.tables[table].fields.values() if f.required and f.name not in given[table]]
            for table in rows
        },
        not_given=[name for name in order if name not in {export.export for export in exports}],
        unmatched=unmatched,
    )


def _sheets(file: str, data: bytes, mapping: ExportMapping, max_bytes: int) -> list[tuple[str, pl.DataFrame]]:
    """Name and cells of each sheet; a lone CSV file is one."""
    headings = [heading for export in mapping.exports for heading in export.headers]
    if len(data) > max_bytes:
        raise Unreadable(faults.TOO_LARGE)
    try:
        container = open_container(data, max_bytes)
    except Unreadable as error:
        if error.fault != faults.OTHER_FORMAT or data.startswith(b"PK"):
            raise
        return [(file, read_cells(data, headings))]
    if container.format == "xlsx":
        workbook = Workbook(container)
        return [
            (f"{file}, sheet '{sheet}'", workbook.read_cells(number)) for number, sheet in enumerate(workbook.sheets)
        ]
    csvs = [entry for entry in container.entries if entry.name.lower().endswith(".csv")]
    return [(f"{file}, {entry.name}", read_cells(entry.content, headings)) for entry in csvs]


def _headings(cells: pl.DataFrame, at: int) -> list[str]:
    return [(column[at] or "").strip(SPACES) for column in cells.get_columns()] if cells.height > at else []


def _recognised(cells: pl.DataFrame, mapping: ExportMapping) -> tuple[Export | None, int]:
    """The export whose fields the headings give, of several the one that knows most of them, and their row from 0."""
    for at in range(min(LOOK_FOR_HEADER_IN, cells.height)):
        said = {folded(text) for text in _headings(cells, at)}
        alike = [
            (len(said & export.headers.keys()), -number, export)
            for number, export in enumerate(mapping.exports)
            if {*export.recognised_by} <= {f for heading, f in export.headers.items() if heading in said}
        ]
        if alike:
            return max(alike)[2], at
    return None, 0


def _map(
    name: str, cells: pl.DataFrame, at: int, export: Export, table: Table, mapping: ExportMapping
) -> tuple[MappedExport, pl.DataFrame]:
    """What became of a sheet, and its rows: the table's fields as text."""
    headings = _headings(cells, at)
    text = pl.col(pl.String).str.strip_chars(SPACES).str.strip_suffix(MIDNIGHT)
    texts = cells.slice(at + 1).with_columns(pl.when(text != "").then(text))
    texts = texts.filter(pl.any_horizontal(pl.all().is_not_null()))
    # a version before the one in which a field came does not know it
    known = [*table.fields, *((RANK, RANKED) if export.ranked else ())]
    own = {folded(f): f for f in table.fields}
    meant = [
        None if heading in export.ignored else export.headers.get(heading) or own.get(heading)
        for heading in map(folded, headings)
    ]
    meant = [f if f in known else None for f in meant]
    texts, left_out = _without(texts, headings, meant, export)
    beyond = [column for column, heading in zip(texts.get_columns(), headings, strict=True) if not heading]
    if cells_beyond := sum(column.len() - column.null_count() for column in beyond):
        left_out["cells without a heading"] = cells_beyond
    fields = {heading: f for heading, f in zip(headings, meant, strict=True) if f}
    columns: dict[str, list[pl.Series]] = {}
    codes: list[MappedCode] = []
    for column, heading, f in zip(texts.get_columns(), headings, meant, strict=True):
        if f is None:
            continue
        about = table.fields[next(iter(export.ranked.values()))] if f == RANKED else table.fields.get(f)
        column, found = _in_our_codes(column, heading, about, mapping)
        codes += found
        columns.setdefault(f, []).append(column)
    rows = pl.DataFrame({f: _together(same) for f, same in columns.items()})
    if export.ranked:
        rows, of_other_ranks = _ranked(rows, table, export.ranked)
        left_out |= of_other_ranks
    is_known = [
        bool(f) or not heading or folded(heading) in export.ignored or folded(heading) in export.leave_out
        for heading, f in zip(headings, meant, strict=True)
    ]
    mapped = MappedExport(
        file=name,
        export=export.name,
        table=table.name,
        rows=rows.height,
        fields=fields,
        ignored=[heading for heading in headings if folded(heading) in export.ignored],
        unknown=[heading for heading, known in zip(headings, is_known, strict=True) if not known],
        codes=codes,
        left_out=left_out,
    )
    return mapped, _shaped(rows, table)


def _without(
    texts: pl.DataFrame, headings: Sequence[str], meant: Sequence[str | None], export: Export
) -> tuple[pl.DataFrame, dict[str, int]]:
    """The rows that are the return's, and how many are not, and why."""
    if not export.leave_out:
        return texts, {}
    blank = pl.Series([None] * texts.height, dtype=pl.String)
    is_out, said = blank.is_null(), {}
    for place, wanted in export.leave_out.items():
        found = [
            (column, heading)
            for column, heading, f in zip(texts.get_columns(), headings, meant, strict=True)
            if f == place or (f is None and folded(heading) == place)
        ]
        column = _together([column for column, _ in found] or [blank]).fill_null("")
        is_out &= column.is_in(
            [text for text in column.unique() if folded(text) in wanted or (text and ANYTHING in wanted)]
        )
        said[found[0][1] if found else place] = (column, ANYTHING in wanted)
    if not is_out.any():
        return texts, {}
    why = [
        f"{heading} is {_texts_said(column.filter(is_out), any_text)}" for heading, (column, any_text) in said.items()
    ]
    return texts.filter(~is_out), {" and ".join(why): is_out.sum()}


def _texts_said(column: pl.Series, any_text: bool) -> str:
    words = ["blank" if not text else "filled in" if any_text else f"'{text}'" for text in column.unique().sort()]
    return " or ".join(dict.fromkeys(words))


def _in_our_codes(
    column: pl.Series, heading: str, about: Field | None, mapping: ExportMapping
) -> tuple[pl.Series, list[MappedCode]]:
    """A column in our words, and every text of it that stands for a code."""
    if about is not None and about.type == "date":
        return _in_our_dates(column, mapping.dates), []
    if about is None or about.type not in ("code", YES_NO):
        return column, []
    if about.type == YES_NO:
        own = {folded(word): code for code, words in (("Y", YES), ("N", NO)) for word in words}
    else:
        own = {folded(code): code for code in about.codes}
    theirs = mapping.codes.get(about.list if about.type == "code" else YES_NO, {})
    counts = column.drop_nulls().value_counts(sort=True, name="rows")
    found = [
        MappedCode(heading, text, theirs.get(folded(text)) or own.get(folded(text)), rows)
        for text, rows in counts.iter_rows()
    ]
    meant = {code.text: code.ours or code.text for code in found}
    return column.replace(meant) if meant else column, found


def _in_our_dates(column: pl.Series, styles: Sequence[str]) -> pl.Series:
    """Dates of the system's own style as ISO dates; what is no such date stays as it is."""
    if not styles or column.dtype != pl.String:
        return column
    read = pl.coalesce(*(pl.col("text").str.to_date(style, strict=False) for style in styles))
    read = pl.when(read.dt.year() >= EARLIEST_YEAR).then(read).dt.to_string("%Y-%m-%d")
    return pl.DataFrame({"text": column}).select(pl.coalesce(read, "text")).to_series()


def _ranked(rows: pl.DataFrame, table: Table, ranked: Mapping[str, str]) -> tuple[pl.DataFrame, dict[str, int]]:
    """A row a pupil of a row a need: each rank in its field; and the rows of other ranks, which have none."""
    keys = [name for name in rows.columns if name in table.fields]
    rank = pl.col(RANK).str.strip_suffix(".0")
    other = rows.filter(~rank.is_in(list(ranked)).fill_null(value=False))
    left_out = {
        f"{'blank rank' if rank is None else f'rank {rank}'}: the return has no field for it": count
        for rank, count in other.group_by(RANK).len().sort(RANK).iter_rows()
    }
    grouped = rows.with_columns(rank.alias(RANK)).group_by(keys, maintain_order=True)
    return grouped.agg(
        _said_together(pl.col(RANKED).filter(pl.col(RANK) == number)).alias(f) for number, f in ranked.items()
    ), left_out


def _said_together(texts: pl.Expr) -> pl.Expr:
    """What several rows say, once where they agree; the check finds what they do not."""
    said = texts.drop_nulls().unique(maintain_order=True)
    return pl.when(said.len() > 0).then(said.str.join(BETWEEN))


def _together(columns: list[pl.Series]) -> pl.Series:
    """Columns of one field: what they say, once where they agree."""
    if len(columns) == 1:
        return columns[0]
    each = pl.DataFrame([column.alias(str(number)) for number, column in enumerate(columns)])
    said = pl.concat_list(pl.all()).list.drop_nulls().list.unique(maintain_order=True)
    return each.select(pl.when(said.list.len() > 0).then(said.list.join(BETWEEN))).to_series()


def _shaped(rows: pl.DataFrame, table: Table) -> pl.DataFrame:
    return rows.select(
        pl.col(name).cast(pl.String) if name in rows.columns else pl.lit(None, dtype=pl.String).alias(name)
        for name in table.fields
    )


def _put_together(parts: list[pl.DataFrame], table: Table) -> pl.DataFrame:
    """The rows of several exports of a table, one a key: the first one's, and what the others have beside."""
    rows = parts[0]
    for part in parts[1:]:
        keys = [f"{name}__key" for name in table.key]
        keyed = [
            frame.with_columns(pl.col(name).str.to_uppercase().alias(f"{name}__key") for name in table.key)
            for frame in (rows, part)
        ]
        others = [name for name in table.fields if name not in table.key]
        beside = keyed[1].group_by(keys).agg(_said_together(pl.col(name)).alias(f"{name}__beside") for name in others)
        joined = keyed[0].join(beside, on=keys, how="left", maintain_order="left")
        new = keyed[1].join(keyed[0], on=keys, how="anti", maintain_order="left").select(rows.columns)
        merged = joined.select(
            pl.col(name) if name in table.key else _said_by_both(name).alias(name) for name in table.fields
        )
        rows = pl.concat([merged, new])
    return rows


def _said_by_both(name: str) -> pl.Expr:
    one, other = pl.col(name), pl.col(f"{name}__beside")
    both = pl.concat_str(one, other, separator=BETWEEN)
    return pl.when(one != other).then(both).otherwise(pl.coalesce(one, other))


def _with_headings(rows: pl.DataFrame, headings: Iterable[str]) -> pl.DataFrame:
    """A heading that is not known is carried, so that the check finds it; its cells are not: they may name a pupil."""
    once = {folded(heading): heading for heading in headings}
    return rows.with_columns(pl.lit(None, dtype=pl.String).alias(heading) for heading in once.values())


def _given(export: MappedExport, mapping: ExportMapping) -> set[str]:
    of_ranks = next(one for one in mapping.exports if one.name == export.export).ranked.values()
    return {*export.fields.values(), *of_ranks}
