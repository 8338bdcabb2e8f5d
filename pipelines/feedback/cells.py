"""What cells of a feedback workbook hold and look like.

Everything that a school sent is written as text, whatever it looks like, and what a workbook cannot hold is shown in a
form that can be seen: control and invisible characters by their symbol, the end of an overlong cell by what was left out.
"""

from dataclasses import dataclass
from math import ceil

import polars as pl
import xlsxwriter
from xlsxwriter.format import Format

# a cell holds 32,767 UTF-16 units, of which a character takes two at most
LONGEST_CELL = 16_000

INK = "#1D1D1B"
BAND = "#0B5FA5"
ERROR_FILL, ERROR_INK = "#F8C9C0", "#7A1209"
QUERY_FILL, QUERY_INK = "#FFEDB3", "#5C3D00"

# the styles of cells as sent, fine ones: `make_formats` sees to it that they come first
FINE, FINE_QUOTED = 1, 2

# what Excel takes for a formula once a person edits the cell: such a text gets Excel's own mark of text, the quote
FORMULA_STARTS = ("=", "+", "-", "@")

_INVISIBLE = [*range(0x7F, 0xA0), 0xAD, 0x61C, *range(0x200B, 0x2010), *range(0x2028, 0x202F), *range(0x2060, 0x2070)]
_SHOWN = (
    {chr(code): chr(0x2400 + code) for code in range(0x20) if chr(code) != "\n"}
    | {chr(code): f"⟨U+{code:04X}⟩" for code in [*_INVISIBLE, 0xFEFF, *range(0xFFF9, 0xFFFC), 0xFFFE, 0xFFFF]}
    | {"\x7f": "␡"}
)
_SHOWN_BY_CODE = str.maketrans(_SHOWN)


def visible(text: pl.Expr, longest: int = LONGEST_CELL) -> pl.Expr:
    """A text column as a workbook can hold it: invisible characters shown, overlong cells cut, and both to be seen."""
    shown = text.str.replace_many(_SHOWN)
    # xlsxwriter takes a text that begins so for XML of its own
    shown = pl.when(~shown.str.starts_with("<r>")).then(shown).otherwise(pl.lit(" ") + shown)
    length = text.str.len_chars()
    cut = pl.format("{} … [cut here: {} characters in all]", shown.str.slice(0, longest), length)
    return pl.when(length <= longest).then(shown).otherwise(cut)


def visible_text(text: str) -> str:
    """One short text as `visible` shows a column of it."""
    return text[:LONGEST_CELL].translate(_SHOWN_BY_CODE).replace("<r>", "< r>")


def like_a_formula(text: str) -> bool:
    """Whether a person who edits this text would make a formula of it."""
    return text.startswith(FORMULA_STARTS)


def height(text: str | None, width: float) -> float:
    """Height in points of a row that holds a wrapped text: not every program works it out when it opens the file."""
    lines = sum(max(1, ceil(len(line) * 0.85 / width)) for line in (text or "").split("\n"))
    return min(3 + 13 * lines, 400)


@dataclass(frozen=True)
class Formats:
    """The formats of one workbook."""

    header: Format
    plain: dict[tuple[str, bool], Format]  # (fine | error | query, begins like a formula) -> format of a cell as sent
    wrapped: Format
    wrapped_quoted: Format
    number: Format
    severity: dict[str, Format]
    link: Format
    title: Format
    heading: Format
    line: Format
    bold_line: Format

    def style(self, look: str, quoted: bool) -> int:
        """The place of a format of `plain` among the workbook's styles."""
        return self.plain[look, quoted]._get_xf_index()


def make_formats(book: xlsxwriter.Workbook) -> Formats:
    """Add the formats to a workbook; `FINE` and `FINE_QUOTED` are their places among its styles."""
    # dotted and solid frames, bold and italic: told apart in black and white too
    looks = {
        "fine": {},
        "error": {
            "bg_color": ERROR_FILL,
            "font_color": ERROR_INK,
            "bold": True,
            "border": 2,
            "border_color": ERROR_INK,
        },
        "query": {
            "bg_color": QUERY_FILL,
            "font_color": QUERY_INK,
            "italic": True,
            "border": 3,
            "border_color": QUERY_INK,
        },
    }
    base = {"font_name": "Arial", "font_size": 10, "font_color": INK, "valign": "top"}
    wrapped = base | {"text_wrap": True, "border": 1, "border_color": "#D8DCE0"}
    formats = Formats(
        header=book.add_format(
            base | {"bold": True, "font_color": "#FFFFFF", "bg_color": BAND, "text_wrap": True, "border": 1}
        ),
        plain={
            (look, quoted): book.add_format(base | {"num_format": "@", "quote_prefix": quoted} | properties)
            for look, properties in looks.items()
            for quoted in (False, True)
        },
        wrapped=book.add_format(wrapped),
        wrapped_quoted=book.add_format(wrapped | {"num_format": "@", "quote_prefix": True}),
        number=book.add_format(wrapped | {"align": "center"}),
        severity={
            look: book.add_format(wrapped | {k: v for k, v in properties.items() if "border" not in k})
            for look, properties in looks.items()
        },
        link=book.add_format(wrapped | {"font_color": BAND, "underline": 1, "align": "center"}),
        title=book.add_format(base | {"bold": True, "font_size": 16, "font_color": BAND}),
        heading=book.add_format(base | {"bold": True, "font_size": 12, "font_color": BAND}),
        line=book.add_format(base | {"text_wrap": True, "font_size": 11}),
        bold_line=book.add_format(base | {"text_wrap": True, "font_size": 11, "bold": True}),
    )
    if [formats.style("fine", False), formats.style("fine", True)] != [FINE, FINE_QUOTED]:
        raise AssertionError("the styles of cells as sent are not the workbook's first")
    return formats
