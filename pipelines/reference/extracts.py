"""One CSV of the LA's own -> a typed table, and a sentence on what could not be read, which names rows and no pupil."""

import csv
import io
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import polars as pl

from pipelines.reading.headers import folded
from pipelines.reference.shapes import TYPED_KINDS, Column, Source

# READER goes up when the same bytes would be read differently: they are then read again.
READER = 2

DATE_FORMS = {
    r"^[0-9]{1,2}-[0-9]{1,2}-[0-9]{4}$": "%d-%m-%Y",
    r"^[0-9]{1,2}/[0-9]{1,2}/[0-9]{4}$": "%d/%m/%Y",
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$": "%Y-%m-%d",
    r"^[0-9]{4}-[A-Za-z]{3}-[0-9]{1,2}$": "%Y-%b-%d",  # DfE's COLLECT
}
MIDNIGHT = r"[ T]00:00(:00)?$"  # what case systems put behind a date
YES_NO = {"Y": True, "YES": True, "TRUE": True, "1": True, "N": False, "NO": False, "FALSE": False, "0": False}
UPN_OR_ULN = r"^([A-Z][0-9]{11}[0-9A-Z]|[0-9]{10})$"
FINANCIAL_YEAR = r"^(20[0-9]{2})[-/](?:20)?([0-9]{2})$"  # 2025-26, 2025/26, 2025-2026
EMAIL = r"""^[^@\s,;:<>()"]+@[^@\s,;:<>()"']+\.[^@\s,;:<>()"']+$"""
ROLES = ("SENCO", "HEADTEACHER", "OFFICE")
ROWS_NAMED = 20  # as many are named; the rest are counted

csv.field_size_limit(1 << 24)


class BrokenExtractError(Exception):
    """The file as a whole can't be used; the message is a sentence for the LA."""


@dataclass(frozen=True)
class Extract:
    """A file as read. rows: those of the file, blank ones apart; fault: a sentence on what was left out, None: nothing."""

    table: pl.DataFrame
    rows: int
    encoding: str
    fault: str | None


def decode(data: bytes) -> tuple[str, str]:
    """(text, encoding): a byte order mark decides, else UTF-8 where it fits, else Windows-1252, GIAS's own.

    Raises BrokenExtractError where the file is no text.
    """
    for mark, encoding in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if data.startswith(mark):
            text = data.decode(encoding, "replace")
            break
    else:
        try:
            text, encoding = data.decode("utf-8"), "utf-8"
        except UnicodeDecodeError:
            text, encoding = data.decode("cp1252", "replace"), "cp1252"
    if "\0" in text:
        raise BrokenExtractError("is no CSV text: save it as 'CSV UTF-8' and put it here again")
    return text, encoding


def read_columns(text: str, wanted: Callable[[list[str]], Mapping[str, int | None]]) -> pl.DataFrame:
    """row_number and the wanted columns as text; blank rows are gone and still count. Comma, semicolon or tab.

    wanted: the header -> per column its place in the file, None where the file does not have it.
    Read by Python's csv, strictly: a stray quote or a line that broke off is then an error that says where, and never
    a record that swallows its neighbours, as it is with faster readers. Raises BrokenExtractError.
    """
    first_line = re.match(r"[\r\n]*([^\r\n]*)", text)[1]
    # in pieces: StringIO would hold four bytes a character, and GIAS has 60 million
    lines = io.TextIOWrapper(io.BytesIO(text.encode()), encoding="utf-8", newline="")
    reader = csv.reader(lines, delimiter=max(",;\t", key=first_line.count), strict=True)
    row_number, width, record = 0, 0, []
    columns: Mapping[str, int | None] = {}
    kept: list[list[str | int | None]] = []
    try:
        for row_number, record in enumerate(reader, 1):
            if row_number == 1:
                if not any(map(str.strip, record)):
                    raise BrokenExtractError("does not begin with the columns' names")
                columns, width = wanted([name.strip() for name in record]), len(record)
                places = list(columns.values())
            elif any(map(str.strip, record)):
                if any(map(str.strip, record[width:])):
                    raise BrokenExtractError(f"has more cells in row {row_number} than in its first row")
                cells = record + [""] * (width - len(record))  # spreadsheets leave off empty cells at the end
                kept.append([row_number, *(None if place is None else cells[place] for place in places)])
    except csv.Error as error:
        raise BrokenExtractError(f"cannot be read from row {row_number + 1} on: a quote is missing there") from error
    if row_number == 0:
        raise BrokenExtractError("is empty: its first row must hold the columns' names")
    if 0 < len(record) < width and not text.endswith(("\n", "\r")):
        raise BrokenExtractError(f"breaks off in row {row_number}: put the whole file here")
    return pl.DataFrame(kept, schema={"row_number": pl.Int64} | dict.fromkeys(columns, pl.String), orient="row")


def read_extract(source: Source, data: bytes, known_urns: Iterable[str] = ()) -> Extract:
    """The source's table, typed. known_urns: of GIAS, for the sources that are held against it.

    A row without what identifies it is left out; any other cell that can't be read is blank. Both are in the fault, by
    row number and column. Raises BrokenExtractError where the file as a whole can't be used.
    """
    text, encoding = decode(data)
    received = read_columns(text, lambda header: _places(source, header))
    cells = pl.col(column.name for column in source.columns).str.strip_chars()
    typed = _typed(source, received.with_columns(pl.when(cells != "").then(cells)), known_urns)
    faults = _faults(source, typed)
    kept = typed.filter(~pl.any_horizontal([pl.col(f"{c.name} fault") for c in source.columns if c.identifies]))
    table = kept.select(column.name for column in source.columns)
    repeated = _repeated(source, kept)
    if source.finish:
        table = source.finish(table)
    table = table.unique(source.key, keep="first", maintain_order=True)
    expected = {column.header: column.expects for column in source.columns if column.expects}
    return Extract(table, typed.height, encoding, _sentence(faults, repeated, expected))


def count_rows(data: bytes) -> tuple[int, str]:
    """(rows below the header, encoding) of a CSV that is archived and not loaded. Raises BrokenExtractError."""
    text, encoding = decode(data)
    return read_columns(text, lambda _header: {}).height, encoding


def _places(source: Source, header: list[str]) -> dict[str, int | None]:
    """Wanted column -> its place in the header. Raises BrokenExtractError where one is missing or there twice."""
    keys = [folded(name) for name in header]
    wanted = {column.name: folded(column.header) for column in source.columns}
    missing = [column.header for column in source.columns if column.needed and wanted[column.name] not in keys]
    twice = [column.header for column in source.columns if keys.count(wanted[column.name]) > 1]
    if missing:
        raise BrokenExtractError(f"lacks the column{'s' * (len(missing) > 1)} {_listed(missing)}")
    if twice:
        raise BrokenExtractError(f"has twice the column{'s' * (len(twice) > 1)} {_listed(twice)}")
    return {name: keys.index(key) if key in keys else None for name, key in wanted.items()}


def _typed(source: Source, received: pl.DataFrame, known_urns: Iterable[str]) -> pl.DataFrame:
    """Beside each column `<name> fault`: it can't be read, or is blank or unknown where it identifies the row."""
    urns = pl.Series(list(known_urns), dtype=pl.String).implode()
    values = [_value(column).alias(column.name) for column in source.columns]
    faults = [_fault(column, urns).alias(f"{column.name} fault") for column in source.columns]
    return received.with_columns(*values, *faults)


def _value(column: Column) -> pl.Expr:
    text = pl.col(column.name)
    match column.kind:
        case "upn" | "role":
            return text.str.to_uppercase()
        case "count":
            return pl.when(text.str.contains(r"^[0-9]{1,9}$")).then(text).cast(pl.Int32, strict=False)
        case "rank":  # COLLECT's exports have passed through tools that write 1 as 1.0
            whole = text.str.strip_suffix(".0")
            return pl.when(whole.str.contains(r"^[0-9]{1,3}$")).then(whole).cast(pl.Int32, strict=False)
        case "pounds":
            plain = text.str.strip_prefix("£").str.strip_chars().str.replace_all(",", "", literal=True)
            amount = pl.when(plain.str.contains(r"^[0-9]{1,12}(\.[0-9]{1,2})?$")).then(plain)
            return amount.cast(pl.Decimal(14, 2), strict=False)
        case "share":
            is_percent = text.str.contains(r"^[0-9]{1,3}(\.[0-9]{1,6})?\s*%$")
            is_share = text.str.contains(r"^[01](\.[0-9]{1,8})?$")
            number = text.str.strip_suffix("%").str.strip_chars().cast(pl.Float64, strict=False)
            share = pl.when(is_percent).then(number / 100).when(is_share).then(number)
            return pl.when(share <= 1).then(share)
        case "code":
            return text.str.to_lowercase().replace_strict(
                {code.lower(): code for code in column.codes}, default=None, return_dtype=pl.String
            )
        case "financial_year":
            first = text.str.extract(FINANCIAL_YEAR, 1).cast(pl.Int32)
            second = (first + 1) % 100
            is_next = text.str.extract(FINANCIAL_YEAR, 2).cast(pl.Int32) == second
            year = pl.concat_str(first.cast(pl.String), pl.lit("-"), second.cast(pl.String).str.zfill(2))
            return pl.when(is_next).then(year)
        case "date":
            day = text.str.replace(MIDNIGHT, "")
            return pl.coalesce(
                pl.when(day.str.contains(form)).then(day).str.to_date(pattern, strict=False)
                for form, pattern in DATE_FORMS.items()
            )
        case "yes_no":
            return text.str.to_uppercase().replace_strict(YES_NO, default=None, return_dtype=pl.Boolean)
        case "approved":
            return text.str.to_lowercase() == "approved"
        case _:
            return text


def _fault(column: Column, urns: pl.Series) -> pl.Expr:
    text = pl.col(column.name)
    match column.kind:
        case "upn":
            unreadable = ~text.str.to_uppercase().str.contains(UPN_OR_ULN)
        case "urn":
            unreadable = ~text.is_in(urns)
        case "email":
            unreadable = ~text.str.contains(EMAIL)
        case "role":
            unreadable = ~text.str.to_uppercase().is_in(ROLES)
        case kind if kind in TYPED_KINDS:
            unreadable = _value(column).is_null() & text.is_not_null()
        case _:
            unreadable = pl.lit(False)
    return unreadable.fill_null(False) | (text.is_null() if column.identifies else pl.lit(False))


def _faults(source: Source, typed: pl.DataFrame) -> pl.DataFrame:
    """row_number, column: every cell at fault, in order of rows."""
    names = {f"{column.name} fault": column.header for column in source.columns}
    return (
        typed.select("row_number", pl.col(list(names)).name.map(names.__getitem__))
        .unpivot(index="row_number", variable_name="column", value_name="is_fault")
        .filter("is_fault")
        .sort("row_number", maintain_order=True)
    )


def _repeated(source: Source, kept: pl.DataFrame) -> int:
    return kept.height - kept.n_unique(source.key) if kept.height else 0


def _sentence(faults: pl.DataFrame, repeated: int, expected: Mapping[str, str]) -> str | None:
    parts = []
    if not faults.is_empty():
        rows = faults.group_by("row_number", maintain_order=True).agg("column")
        named = "; ".join(f"row {row} ({', '.join(columns)})" for row, columns in rows.head(ROWS_NAMED).iter_rows())
        rest = f"; and {rows.height - ROWS_NAMED} more" if rows.height > ROWS_NAMED else ""
        parts.append(f"{rows.height} row{'s' * (rows.height > 1)} could not be read as a whole: {named}{rest}")
        at_fault = faults["column"].unique(maintain_order=True)
        parts += [f"'{column}' must be {expected[column]}" for column in at_fault if column in expected]
    if repeated:
        parts.append(f"{repeated} row{'s' * (repeated > 1)} repeated another and counted once")
    return ". ".join(parts) or None


def _listed(names: list[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)


def upn_or_uln() -> pl.Expr:
    """The identifier of a row with the texts upn and uln: the UPN, else the ULN, in capitals; null where neither is one."""
    texts = (pl.col(name).str.to_uppercase() for name in ("upn", "uln"))
    return pl.coalesce(pl.when(text.str.contains(UPN_OR_ULN)).then(text) for text in texts)
