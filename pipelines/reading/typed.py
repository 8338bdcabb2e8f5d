"""Text -> typed value beside its text; what can't be typed has a fault, never an exception."""

import re
from collections.abc import Callable
from datetime import date

import polars as pl

from expectations.contracts import Field, Table
from pipelines.reading.tables import DIFFERS

EXCEL_ERRORS = (
    "#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NUM!", "#NULL!", "#ERROR!", "#GETTING_DATA",
    "#SPILL!", "#CALC!", "#FIELD!", "#BLOCKED!", "#CONNECT!", "#BUSY!", "#UNKNOWN!",
)  # fmt: skip
LONGEST_TEXT = 1_000
# control, format (zero-width among them), line and paragraph separators, variation selectors, the grapheme joiner
UNSEEN = r"[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\x{FE00}-\x{FE0F}\x{34F}]"
UNSEEN_CHARACTER = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u180e\u200b-\u200f\u2028-\u202e"
    "\u2060-\u206f\ufe00-\ufe0f\ufeff\ufff9-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\U000e0001\U000e0020-\U000e007f]"
)
ISO_DATE = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[ T][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)?Z?)?$"
UK_DATE = r"^[0-9]{1,2}/[0-9]{1,2}/[0-9]{4}(?: [0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?)?$"
TWO_DIGIT_YEAR = r"^[0-9]{1,2}[-/. ][0-9]{1,2}[-/. ][0-9]{2}$"
# 10000 is in 1927 and 99999 in 2173
SERIAL_NUMBER = r"^[0-9]{5}(?:\.[0-9]+)?$"
POUNDS = r"^£? ?(?:[0-9]{1,12}|[0-9]{1,3}(?:,[0-9]{3}){1,3})(?:\.[0-9]+)?$"
EARLIEST_EVENT = date(1990, 9, 1)
PLANNED_AHEAD = "2y"
YES, NO = ("Y", "YES", "TRUE", "1"), ("N", "NO", "FALSE", "0")
# School Action, School Action Plus, statements: ended in 2014 and 2018
LEGACY_PROVISION = ("A", "P", "S")
PATTERNS = {
    "urn": r"^[0-9]{6}$",
    "laestab": r"^[0-9]{7}$",
    "url": r"(?i)^https?://[^\s/]+\S*$",
    "specification": r"^[0-9]+\.[0-9]+$",
}

Typed = tuple[pl.Expr, pl.Expr]  # the value, and the fault (null: none) of a text that is there and can be read


def type_rows(rows: pl.DataFrame, table: Table, as_at: pl.Expr) -> pl.DataFrame:
    """Each field of the contract as `f` (typed), `f__text` (as received) and `f__fault` (null: none), beside the rest.

    `rows` has the fields as trimmed text (a missing one is not known), and may have `f__differs`, true where a column
    came twice and the two do not agree. `as_at`: the as-at date of the row's term, for the window of dates; a null
    leaves out its upper end. Where there is a fault the value is null; unseen characters of the text are made visible.
    """
    fields = [field for field in table.fields.values() if field.name in rows.columns]
    # a term's rows repeat the same few thousand texts: each is read once, however many cells hold it
    distinct = pl.collect_all([rows.lazy().select(text=field.name).unique() for field in fields])
    typed = [
        _type_cells(rows, field, _type_texts(texts, field), as_at)
        for field, texts in zip(fields, distinct, strict=True)
    ]
    others = rows.select(pl.exclude([field.name for field in fields], f"^.*{DIFFERS}$"))
    return pl.concat([others, *pl.collect_all(typed)], how="horizontal")


def _type_texts(texts: pl.DataFrame, field: Field) -> pl.DataFrame:
    """Each `text` with its value, its fault as far as the text alone says, and the text as it is shown."""
    text = pl.col("text")
    value, fault = TYPES[field.type](text, field)
    fault = pl.when(text.is_not_null()).then(fault)
    if not texts.select(_is_odd(text)).item():
        return texts.with_columns(value=value, fault=fault, shown=text)
    shown = text.map_batches(_shown, return_dtype=pl.String)
    return texts.with_columns(value=value, fault=pl.coalesce(_text_fault(text), fault), shown=shown)


def _is_odd(text: pl.Expr) -> pl.Expr:
    """Whether any text of a column can have one of the faults that a text of any type can have."""
    return (text.str.contains(rf"^[=#]|{UNSEEN}") | (text.str.len_bytes() > LONGEST_TEXT)).any(ignore_nulls=True)


def _type_cells(rows: pl.DataFrame, field: Field, typed: pl.DataFrame, as_at: pl.Expr) -> pl.LazyFrame:
    """The three columns of a field: what its texts are, and what else depends on the row."""
    differs = f"{field.name}{DIFFERS}"
    cells = rows.lazy().select(
        text=pl.col(field.name),
        differs=pl.col(differs) if differs in rows.columns else pl.lit(value=False),
        as_at=as_at,
    )
    fault = pl.when("differs").then(pl.lit("differs")).otherwise("fault")
    if field.window:
        fault = pl.coalesce(fault, _outside_window(pl.col("value"), field.window, pl.col("as_at")))
    return (
        cells.join(typed.lazy(), on="text", how="left", maintain_order="left")
        .with_columns(fault=fault)
        .select(
            pl.when(pl.col("fault").is_null()).then("value").alias(field.name),
            pl.col("shown").alias(f"{field.name}__text"),
            pl.col("fault").alias(f"{field.name}__fault"),
        )
    )


def _text_fault(text: pl.Expr) -> pl.Expr:
    return (
        pl.when(text.is_in(EXCEL_ERRORS))
        .then(pl.lit("excel_error"))
        .when(text.str.starts_with("="))
        .then(pl.lit("formula"))
        .when(text.str.contains(UNSEEN))
        .then(pl.lit("control_character"))
        .when(text.str.len_chars() > LONGEST_TEXT)
        .then(pl.lit("too_long"))
    )


def _shown(texts: pl.Series) -> pl.Series:
    """The texts with what can't be seen made visible: NUL is ␀, a zero-width space <U+200B>."""
    unseen = texts.str.contains(UNSEEN).fill_null(False)
    if not unseen.any():
        return texts
    visible = [UNSEEN_CHARACTER.sub(lambda found: _visible(found[0]), text) for text in texts.filter(unseen)]
    return texts.scatter(unseen.arg_true(), visible)


def _visible(character: str) -> str:
    code = ord(character)
    if code < 0x20:
        return chr(0x2400 + code)
    return "␡" if code == 0x7F else f"<U+{code:04X}>"


def _text(text: pl.Expr, _field: Field) -> Typed:
    return text, pl.lit(None, dtype=pl.String)


def _identifier(text: pl.Expr, _field: Field) -> Typed:
    """UPN or ULN: whether its parts hold is for the rules to say."""
    return text.str.to_uppercase(), pl.lit(None, dtype=pl.String)


def _patterned(text: pl.Expr, field: Field) -> Typed:
    return text, pl.when(~text.str.contains(PATTERNS[field.type])).then(pl.lit("wrong_format"))


def _specification(text: pl.Expr, field: Field) -> Typed:
    """A spreadsheet writes 1.0 as 1."""
    return _patterned(pl.when(text.str.contains(r"^[0-9]+$")).then(text + ".0").otherwise(text), field)


def _academic_year(text: pl.Expr, _field: Field) -> Typed:
    first = text.str.slice(2, 2).cast(pl.Int32, strict=False)
    second = text.str.slice(5, 2).cast(pl.Int32, strict=False)
    fits = text.str.contains(r"^20[0-9]{2}-[0-9]{2}$") & ((first + 1) % 100 == second)
    return text, pl.when(~fits.fill_null(False)).then(pl.lit("not_in_list"))


def _code(text: pl.Expr, field: Field) -> Typed:
    code = text.str.to_uppercase()
    not_in_list = pl.when(~code.is_in(field.codes)).then(pl.lit("not_in_list"))
    if field.name != "sen_provision":
        return code, not_in_list
    return code, pl.coalesce(pl.when(code.is_in(LEGACY_PROVISION)).then(pl.lit("legacy_code")), not_in_list)


def _yes_no(text: pl.Expr, _field: Field) -> Typed:
    word = text.str.to_uppercase()
    value = pl.when(word.is_in(YES)).then(pl.lit(True)).when(word.is_in(NO)).then(pl.lit(False))
    return value, pl.when(value.is_null()).then(pl.lit("not_in_list"))


def _date(text: pl.Expr, _field: Field) -> Typed:
    """2025-10-02 or 02/10/2025, with a time or without; only days that there are."""
    value = (
        pl.when(text.str.contains(ISO_DATE))
        .then(text.str.head(10).str.to_date("%Y-%m-%d", strict=False))
        .when(text.str.contains(UK_DATE))
        .then(text.str.extract("^([0-9/]+)").str.to_date("%d/%m/%Y", strict=False))
    )
    fault = (
        pl.when(value.is_not_null())
        .then(pl.lit(None, dtype=pl.String))
        .when(text.str.contains(TWO_DIGIT_YEAR))
        .then(pl.lit("two_digit_year"))
        .when(text.str.contains(SERIAL_NUMBER))
        .then(pl.lit("serial_number"))
        .otherwise(pl.lit("not_a_date"))
    )
    return value, fault


def _outside_window(value: pl.Expr, window: str, as_at: pl.Expr) -> pl.Expr:
    latest = as_at if window == "event" else as_at.dt.offset_by(PLANNED_AHEAD)
    return pl.when(value < EARLIEST_EVENT).then(pl.lit("too_early")).when(value > latest).then(pl.lit("too_late"))


def _count(text: pl.Expr, _field: Field) -> Typed:
    value = text.str.extract(r"^([0-9]{1,15})(?:\.0+)?$").cast(pl.Int64, strict=False)
    fault = (
        pl.when(value.is_not_null())
        .then(pl.lit(None, dtype=pl.String))
        .when(text.str.contains(r"^-[0-9]+(?:\.[0-9]+)?$"))
        .then(pl.lit("negative"))
        .when(text.str.contains(r"^[0-9]*\.[0-9]+$"))
        .then(pl.lit("fraction"))
        .otherwise(pl.lit("not_a_number"))
    )
    return value, fault


def _pounds(text: pl.Expr, _field: Field) -> Typed:
    """£1,234.56; of more than two decimals the pence are rounded."""
    number = pl.when(text.str.contains(POUNDS)).then(text.str.replace_all("[£, ]", ""))
    value = number.cast(pl.Decimal(14, 2), strict=False)
    negative = text.str.contains(r"^(?:-£?|£-) ?[0-9][0-9,]*(?:\.[0-9]+)?$")
    fault = (
        pl.when(value.is_not_null())
        .then(pl.lit(None, dtype=pl.String))
        .when(negative)
        .then(pl.lit("negative"))
        .otherwise(pl.lit("not_a_number"))
    )
    return value, fault


TYPES: dict[str, Callable[[pl.Expr, Field], Typed]] = {
    "text": _text,
    "upn": _identifier,
    "uln": _identifier,
    "urn": _patterned,
    "laestab": _patterned,
    "url": _patterned,
    "specification": _specification,
    "academic_year": _academic_year,
    "code": _code,
    "yes_no": _yes_no,
    "date": _date,
    "count": _count,
    "pounds": _pounds,
}
