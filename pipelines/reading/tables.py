"""The cells of a sheet -> the columns of its table, found by the header in row 1."""

from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl

from expectations.contracts import Table
from pipelines.reading.feedback_sheets import is_notes, is_surplus
from pipelines.reading.headers import SPACES, match

# a header further down than this is nobody's
LOOK_FOR_HEADER_IN = 20
BETWEEN = " | "
# columns that a frame has beside its table's fields until it is tidied: a field once more, and what has no header
AGAIN = "__again_"
BEYOND = "beyond_"
# beside a field that came twice, in tidied rows
DIFFERS = "__differs"
MIDNIGHT = " 00:00:00"


@dataclass(frozen=True)
class Column:
    """A column found, or a required one that was not; one for a field however often it is there."""

    field: str | None
    column_name: str | None
    found: bool
    repeated: bool = False


@dataclass(frozen=True)
class LaidTable:
    """rows: `row_number` (as people count, the header is 1) and what is in the cells, not tidied yet."""

    header_found: bool
    columns: tuple[Column, ...]
    rows: pl.DataFrame


def lay_in_columns(cells: pl.DataFrame, table: Table) -> LaidTable:
    """Find the columns of a sheet's cells by their header; `tidied` then gives the table's rows.

    No Polars query is run, as this is done for every sheet of every return; tidying is done for many at once.
    """
    columns = cells.get_columns()
    header = [(column[0] or "").strip(SPACES) for column in columns] if cells.height else []
    fields = match(header, table.fields)
    if not any(fields) or _has_header_below(columns, table, fields):
        return LaidTable(False, (), pl.DataFrame(schema={"row_number": pl.Int32}))
    laid = [pl.Series("row_number", range(1, cells.height + 1), dtype=pl.Int32)]
    seen: set[str] = set()
    for position, (text, field, column) in enumerate(zip(header, fields, columns, strict=True)):
        if field:
            laid.append(column.alias(f"{field}{AGAIN}{position}" if field in seen else field))
            seen.add(field)
        elif is_surplus(text):
            laid.append(column.alias(f"{BEYOND}{position}"))
    return LaidTable(True, _columns(header, fields, table), pl.DataFrame(laid).slice(1))


def tidied(rows: pl.DataFrame, table: Table, keep: Iterable[str] = ()) -> pl.DataFrame:
    """Laid rows -> `row_number`, the table's fields and `surplus`, all text, and the columns to keep.

    Outer spaces are gone, blank text is null, blank rows are left out. A row is blank where nothing is in a known
    column or under a blank header: what an unknown column holds is nobody's. A field that came twice has
    `<field>__differs` as well, true where the two do not say the same; its text then is what each says.
    """
    texts = [name for name in rows.columns if name not in {"row_number", *keep}]
    again = {
        field: [field, *(name for name in texts if name.startswith(f"{field}{AGAIN}"))]
        for field in table.fields
        if any(name.startswith(f"{field}{AGAIN}") for name in texts)
    }
    beyond = [name for name in texts if name.startswith(BEYOND)]
    # midnight is how a workbook's reader writes a date, not what people see
    text = pl.col(texts).str.strip_chars(SPACES).str.strip_suffix(MIDNIGHT)
    return (
        rows.lazy()
        .with_columns(pl.when(text != "").then(text))
        .select(
            *keep,
            "row_number",
            *(_field_text(name, name in texts, again.get(name)) for name in table.fields),
            _surplus(beyond),
            *(_differs(names).alias(f"{field}{DIFFERS}") for field, names in again.items()),
        )
        .filter(pl.any_horizontal(pl.col(*table.fields, "surplus").is_not_null()))
        .collect()
    )


def _has_header_below(columns: list[pl.Series], table: Table, fields: list[str | None]) -> bool:
    """Whether a later row names more of the fields than row 1, which then is a title."""
    if all(field.name in fields for field in table.fields.values() if field.required):
        return False
    below = zip(*(column[1 : LOOK_FOR_HEADER_IN + 1].to_list() for column in columns), strict=True)
    found = sum(map(bool, fields))
    return any(sum(map(bool, match(row, table.fields))) > found for row in below)


def _field_text(field: str, is_there: bool, again: list[str] | None) -> pl.Expr:
    """The text of the one column; of several that differ, what each says."""
    if not is_there:
        return pl.lit(None, dtype=pl.String).alias(field)
    if not again:
        return pl.col(field)
    each = pl.concat_str(again, separator=BETWEEN, ignore_nulls=True)
    return pl.when(_differs(again)).then(each).otherwise(pl.col(field)).alias(field)


def _differs(names: list[str]) -> pl.Expr:
    return pl.any_horizontal(pl.col(names[0]).ne_missing(pl.col(name)) for name in names[1:])


def _surplus(names: list[str]) -> pl.Expr:
    """What stands under no header, together."""
    if not names:
        return pl.lit(None, dtype=pl.String).alias("surplus")
    text = pl.concat_str(names, separator=BETWEEN, ignore_nulls=True)
    return pl.when(text != "").then(text).alias("surplus")


def _columns(header: list[str], fields: list[str | None], table: Table) -> tuple[Column, ...]:
    columns = {}
    for text, field in zip(header, fields, strict=True):
        if field:
            columns.setdefault(field, Column(field, text, True, fields.count(field) > 1))
        elif not (is_surplus(text) or is_notes(text)):
            columns.setdefault(("unknown", text), Column(None, text, True))
    missing = [Column(f.name, None, False) for f in table.fields.values() if f.required and f.name not in fields]
    return (*columns.values(), *missing)
