"""The cells of a sheet -> the columns of its table, found by the header in row 1."""

from dataclasses import dataclass

import polars as pl

from expectations.contracts import Table
from pipelines.reading.headers import SPACES, match

# a header further down than this is nobody's
LOOK_FOR_HEADER_IN = 20
BETWEEN = " | "


@dataclass(frozen=True)
class Column:
    """A column found, or a required one that was not; one for a field however often it is there."""

    field: str | None
    column_name: str | None
    found: bool
    repeated: bool = False
    agrees: bool = True


@dataclass(frozen=True)
class LaidTable:
    """rows: `row_number` (as people count, the header is 1), the contract's fields, `surplus`; all else text.

    A field whose columns differ in some row has `<field>__differs` as well, true in those rows.
    """

    header_found: bool
    columns: tuple[Column, ...]
    rows: pl.DataFrame


def lay_in_columns(cells: pl.DataFrame, table: Table) -> LaidTable:
    """Rows under their fields, outer spaces gone, blank text null and blank rows left out.

    A row is blank where nothing is in a known column or under a blank header: what an unknown column holds is nobody's.
    """
    header = [_trimmed(text) for text in cells.row(0)] if cells.height else []
    fields = match(header, table.fields)
    if not any(fields) or _has_header_below(cells, table, sum(map(bool, fields))):
        return LaidTable(False, (), _no_rows(table))
    places: dict[str, list[str]] = {}
    for position, field in enumerate(fields):
        if field:
            places.setdefault(field, []).append(cells.columns[position])
    beyond = [cells.columns[position] for position, text in enumerate(header) if not text]
    trimmed = _trimmed_cells(cells, [*(name for names in places.values() for name in names), *beyond])
    rows = trimmed.select(
        pl.int_range(2, pl.len() + 2, dtype=pl.Int32).alias("row_number"),
        *(_field_text(name, places.get(name, [])) for name in table.fields),
        _surplus(beyond),
        *(_differs(names).alias(f"{field}__differs") for field, names in places.items() if len(names) > 1),
    ).filter(pl.any_horizontal(pl.col(*table.fields, "surplus").is_not_null()))
    disagreeing = {field for field, names in places.items() if len(names) > 1 and rows[f"{field}__differs"].any()}
    rows = rows.drop(f"{f}__differs" for f, names in places.items() if len(names) > 1 and f not in disagreeing)
    return LaidTable(True, _columns(header, fields, table, disagreeing), rows)


def _trimmed(text: str | None) -> str:
    return (text or "").strip(SPACES)


def _has_header_below(cells: pl.DataFrame, table: Table, found: int) -> bool:
    """Whether a later row names more of the fields than row 1, which then is a title."""
    below = cells.slice(1, LOOK_FOR_HEADER_IN).rows()
    return any(sum(map(bool, match(map(_trimmed, row), table.fields))) > found for row in below)


def _no_rows(table: Table) -> pl.DataFrame:
    return pl.DataFrame(schema={"row_number": pl.Int32, **dict.fromkeys([*table.fields, "surplus"], pl.String)})


def _trimmed_cells(cells: pl.DataFrame, names: list[str]) -> pl.DataFrame:
    text = pl.col(names).str.strip_chars(SPACES)
    return cells.slice(1).select(pl.when(text != "").then(text))


def _field_text(field: str, names: list[str]) -> pl.Expr:
    """The text of the one column; of several that differ, what each says."""
    if not names:
        return pl.lit(None, dtype=pl.String).alias(field)
    if len(names) == 1:
        return pl.col(names[0]).alias(field)
    each = pl.concat_str(names, separator=BETWEEN, ignore_nulls=True)
    return pl.when(_differs(names)).then(each).otherwise(pl.col(names[0])).alias(field)


def _differs(names: list[str]) -> pl.Expr:
    return pl.any_horizontal(pl.col(names[0]).ne_missing(pl.col(name)) for name in names[1:])


def _surplus(names: list[str]) -> pl.Expr:
    """What stands under no header, together."""
    if not names:
        return pl.lit(None, dtype=pl.String).alias("surplus")
    text = pl.concat_str(names, separator=BETWEEN, ignore_nulls=True)
    return pl.when(text != "").then(text).alias("surplus")


def _columns(header: list[str], fields: list[str | None], table: Table, disagreeing: set[str]) -> tuple[Column, ...]:
    columns = {}
    for text, field in zip(header, fields, strict=True):
        if field:
            columns.setdefault(field, Column(field, text, True, fields.count(field) > 1, field not in disagreeing))
        elif text:
            columns.setdefault(("unknown", text), Column(None, text, True))
    missing = [Column(f.name, None, False) for f in table.fields.values() if f.required and f.name not in fields]
    return (*columns.values(), *missing)
