"""A school's profile as sheets: every indicator with the school's own counts, and the governors' page."""

import io
from datetime import datetime, time
from html import escape
from typing import TYPE_CHECKING, Any

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.utility import xl_col_to_name
from xlsxwriter.worksheet import Worksheet

from pipelines.feedback.cells import BAND, INK, height, visible_text
from pipelines.feedback.governors_page import compared_with, governors_page
from pipelines.feedback.letters import uk_date
from pipelines.feedback.own_return import ReturnSheet
from pipelines.reading.feedback_sheets import GOVERNORS_SHEET, PROFILE_SHEET
from pipelines.settings import Settings

if TYPE_CHECKING:
    from pipelines.feedback.profiles import Profile

GREY = "#505A5F"
HAIR = "#D8DCE0"
# key of a figure -> header, width; values in the figure's own unit
PROFILE_COLUMNS = {
    "theme": ("Theme", 24),
    "name": ("Indicator", 40),
    "word": ("Duty", 10),
    "met": ("Met", 9),
    "of": ("Of", 9),
    "unknown": ("Not known", 8),
    "value": ("Our school", 9),
    "low": ("95 % from", 8),
    "high": ("to", 8),
    "target": ("Target", 8),
    "rag": ("Rating", 12),
    "before": ("Term before", 9),
    "la_value": ("LA", 8),
    "la_counted": ("LA: schools counted", 9),
    "la_missing": ("missing", 8),
    "similar_value": ("Similar schools", 9),
    "similar_counted": ("Similar: counted", 9),
    "similar_missing": ("missing", 8),
    "met_means": ("What counts as met", 110),
    "of_means": ("Out of", 110),
}
MEANINGS = ("met_means", "of_means")
TEXTS = ("theme", "name", "word", "rag", *MEANINGS)
LETTERS = {key: xl_col_to_name(column) for column, key in enumerate(PROFILE_COLUMNS)}
IN_ITS_UNIT = ("value", "low", "high", "target", "before", "la_value", "similar_value")
NUMBERS = {"rate": "0%", "gbp": "£#,##0.00", "days": '0 "days"', "count": "#,##0"}
RATINGS = {  # as said on the page: by shape, word and colour
    "green": ("● Green", "#1A6E35"),
    "amber": ("▲ Amber", "#8A5300"),
    "red": ("■ Red", "#B3261E"),
    "grey": ("○ Grey", "#55606B"),
    "hidden": ("– Not shown", "#55606B"),
    "none_": ("– No rating", "#55606B"),
}


def profile_workbook(settings: Settings, profile: "Profile") -> bytes:
    """The workbook of a profile; the same bytes for the same profile."""
    out = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(out, options) as book:
        book.set_properties(
            {
                "title": f"SEN profile, {profile.term.label}",
                "author": settings.la_name,
                "comments": "Holds small numbers of pupils: keep it within the school.",
                "created": datetime.combine(profile.term.as_at_date, time()),
            }
        )
        book.set_size(2400, 1400)
        write_profile_sheets(book, settings, profile)
    return out.getvalue()


def write_profile_sheets(book: xlsxwriter.Workbook, settings: Settings, profile: "Profile") -> None:
    """The two sheets, at the end of a workbook."""
    looks = _Looks(book)
    sheet = book.add_worksheet(PROFILE_SHEET, worksheet_class=ReturnSheet)
    _write_profile(sheet, looks, profile)
    _write_governors(book.add_worksheet(GOVERNORS_SHEET), looks, governors_page(settings, profile))


class _Looks:
    """Formats of a workbook, each made when it is first asked for."""

    def __init__(self, book: xlsxwriter.Workbook) -> None:
        self._book = book
        self._made: dict[tuple, Format] = {}

    def of(self, **properties: Any) -> Format:
        base = {"font_name": "Arial", "font_size": 10, "font_color": INK, "valign": "top"}
        key = tuple(sorted(properties.items()))
        if key not in self._made:
            self._made[key] = self._book.add_format(base | properties)
        return self._made[key]

    def cell(self, **properties: Any) -> Format:
        return self.of(bottom=1, bottom_color=HAIR, **properties)

    @property
    def header(self) -> Format:
        return self.of(bold=True, font_color="#FFFFFF", bg_color=BAND, text_wrap=True)

    @property
    def header_of_numbers(self) -> Format:
        return self.of(bold=True, font_color="#FFFFFF", bg_color=BAND, text_wrap=True, align="right")

    @property
    def title(self) -> Format:
        return self.of(bold=True, font_size=16, font_color=BAND)

    @property
    def heading(self) -> Format:
        return self.of(bold=True, font_size=12, font_color=BAND)

    @property
    def note(self) -> Format:
        return self.of(font_color=GREY)


def _write_profile(sheet: ReturnSheet, looks: _Looks, profile: "Profile") -> None:
    """The sheet's rows are made as XML, as those of a school's own return are: by xlsxwriter a term's would take as long as
    all its workbooks.
    """
    lines = [
        f"Figures as at {uk_date(profile.term.as_at_date)}, from the return received on {uk_date(profile.received_at)}.",
        *compared_with(profile),
        "Holds small numbers of pupils: keep it within the school. The sheet Governors can be shared with your governors.",
    ]
    rows = [
        _text_row(1, f"SEN profile of {profile.school}, {profile.term.label}", looks.title),
        *(_text_row(number, line, looks.note) for number, line in enumerate(lines, start=2)),
    ]
    top = len(lines) + 3
    headers = "".join(
        _cell(f"{LETTERS[key]}{top}", header, looks.header if key in TEXTS else looks.header_of_numbers)
        for key, (header, _) in PROFILE_COLUMNS.items()
    )
    rows.append(f'<row r="{top}" ht="42" customHeight="1">{headers}</row>')
    for number, figure in enumerate(profile.figures, start=top + 1):
        cells = "".join(_figure_cell(f"{LETTERS[key]}{number}", key, figure, looks) for key in PROFILE_COLUMNS)
        rows.append(f'<row r="{number}" ht="{_figure_height(figure)}" customHeight="1">{cells}</row>')
    sheet.rows_as_xml = "".join(rows)
    last = top + max(len(profile.figures), 1)
    # gives the sheet its size: the cells themselves are in the XML
    sheet.write_blank(0, 0, None, looks.of())
    sheet.write_blank(last - 1, len(PROFILE_COLUMNS) - 1, None, looks.of())
    for column, (_, width) in enumerate(PROFILE_COLUMNS.values()):
        sheet.set_column(column, column, width)
    sheet.autofilter(top - 1, 0, last - 1, len(PROFILE_COLUMNS) - 1)
    sheet.freeze_panes(top, 2)
    sheet.repeat_rows(top - 1)
    # what an indicator means is read on the screen: with it the figures would be too small on paper
    sheet.print_area(0, 0, last - 1, len(PROFILE_COLUMNS) - len(MEANINGS) - 1)
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)
    _set_up_print(sheet, profile.school, profile.term.label)


def _figure_cell(place: str, key: str, figure: dict[str, Any], looks: _Looks) -> str:
    value = figure[key]
    if key == "rag":
        word, colour = RATINGS[value or "none_"]
        word = "– Good practice" if figure["applies_as"] == "good_practice" else word
        return _cell(place, word, looks.cell(bold=True, font_color=colour, indent=1))
    if isinstance(value, str) or value is None:
        return _cell(place, value, looks.cell(text_wrap=True, bold=key == "name"))
    form = NUMBERS[figure["unit"]] if key in IN_ITS_UNIT else "#,##0"
    return _cell(place, value, looks.cell(num_format=form, bold=key == "value"))


def _cell(place: str, value: str | float | None, look: Format) -> str:
    begins = f'<c r="{place}" s="{look._get_xf_index()}"'
    if value is None:
        return f"{begins}/>"
    if isinstance(value, str):
        return f'{begins} t="inlineStr"><is><t xml:space="preserve">{escape(visible_text(value), quote=False)}</t></is></c>'
    return f"{begins}><v>{value!r}</v></c>"


def _text_row(number: int, text: str, look: Format) -> str:
    tall = ' ht="24" customHeight="1"' if number == 1 else ""
    return f'<row r="{number}"{tall}>{_cell(f"A{number}", text, look)}</row>'


def _figure_height(figure: dict[str, Any]) -> float:
    return max(height(figure[key], PROFILE_COLUMNS[key][1]) for key in ("theme", "name", *MEANINGS))


def _write_governors(sheet: Worksheet, looks: _Looks, page: dict[str, Any]) -> None:
    for column, width in enumerate((40, 52, 13, 16, 7, 8, 7, 14)):
        sheet.set_column(column, column, width)
    sheet.hide_gridlines(2)
    about = f"Special educational needs, {page['term']}: a page for governors. Figures as at {page['as_at']}."
    sheet.write_string(0, 0, page["school"], looks.title)
    sheet.set_row(0, 24)
    sheet.write_string(1, 0, f"{page['la']}. {about}", looks.of())
    row = 3
    for tile in page["tiles"]:
        word, colour = RATINGS[tile["rating"]]
        sheet.write_string(row, 0, f"{word}: {tile['count']}", looks.of(bold=True, font_color=colour))
        sheet.write_string(row, 1, tile["means"], looks.note)
        row += 1
    if page["ask"]:
        row = _heading(sheet, looks, row, "Ask first")
        for one in page["ask"]:
            word, colour = RATINGS[one["rating"]]
            asked = f"{word[0]} {one['name']} ({one['finding']})"
            sheet.write_string(row, 0, asked, looks.of(bold=True, font_color=colour, text_wrap=True))
            # beyond its column where it is long: nothing stands there
            sheet.write_string(row, 1, one["question"], looks.of())
            sheet.set_row(row, height(asked, 46))
            row += 1
    row = _heading(sheet, looks, row, "What is done for our pupils")
    headers = ("Indicator", "Counts", "Our school", "", "LA", "Similar", "Target", "Rating")
    for column, header in enumerate(headers):
        sheet.write_string(row, column, header, looks.header_of_numbers if 1 < column < 7 else looks.header)
    name_look, counts_look = looks.cell(bold=True, text_wrap=True), looks.cell(text_wrap=True)
    share_look, right_look = looks.cell(bold=True, align="right"), looks.cell(align="right")
    for one in page["rows"]:
        row += 1
        sheet.write_string(row, 0, one["name"] + (" (law)" if one["law"] else ""), name_look)
        sheet.write_string(row, 1, one["counts"], counts_look)
        sheet.write_string(row, 2, one["share"], share_look)
        for column, key in enumerate(("parts", "la_share", "similar_share", "target_share"), start=3):
            sheet.write_string(row, column, one[key], right_look)
        word, colour = RATINGS[one["rating"]]
        sheet.write_string(row, 7, word, looks.cell(bold=True, font_color=colour, indent=1))
    row += 1
    if page["arrangements"]:
        row = _heading(sheet, looks, row, "Our arrangements, by our own word")
        for one in page["arrangements"]:
            word, colour = RATINGS[one["rating"]]
            sheet.write_string(row, 0, one["name"], looks.cell())
            sheet.write_string(row, 1, f"{word[0]} {one['answer']}", looks.cell(bold=True, font_color=colour))
            row += 1
    for note in page["sheet_notes"]:
        row += 1
        sheet.write_string(row, 0, note, looks.of(font_color=GREY, font_size=8))
    sheet.print_area(0, 0, row, 7)
    sheet.fit_to_pages(1, 1)
    _set_up_print(sheet, page["school"], page["term"])


def _heading(sheet: Worksheet, looks: _Looks, row: int, text: str) -> int:
    sheet.write_string(row + 1, 0, text, looks.heading)
    return row + 2


def _set_up_print(sheet: Worksheet, school: str, term: str) -> None:
    sheet.set_paper(9)  # A4
    sheet.set_margins(left=0.4, right=0.4, top=0.7, bottom=0.6)
    sheet.set_header(f"&L{school[:80].replace('&', '&&')}&C&A&R{term}")
    sheet.set_footer("&RPage &P of &N")
