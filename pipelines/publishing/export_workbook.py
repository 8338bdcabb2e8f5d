"""The workbook of an export: what an analyst reads, filters and passes on; what is suppressed, and why, on its cover."""

import io
from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl
import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.utility import xl_range_abs
from xlsxwriter.worksheet import Worksheet

from dashboards.words import RATINGS, STATUSES, day, phase_label, term_label
from pipelines.feedback.cells import BAND, INK, height, like_a_formula, visible_text
from pipelines.publishing.tidy import PROVISIONS, SYMBOLS, TOTAL, DataFile
from pipelines.settings import Settings

CONTENTS = "Contents"
OVER_TIME = "LA over time"
HEADER_ROW = 3  # above it: the sheet's title, what it says, and the way back
FILLS = {"red": "#F6D5D2", "amber": "#FBE6C8", "green": "#D7EBDD", "grey": "#E8EBED"}
NUMBER_FORMATS = {
    "count": "#,##0",
    "percent": "0.0%",
    "points": "+0.0;−0.0;0.0",
    "pounds": "£#,##0",
    "date": "d mmm yyyy",
}


@dataclass(frozen=True)
class Shown:
    """A column of a sheet: the frame's column, its header, how it is shown, its width, and what it means (a note on the header)."""

    column: str
    header: str
    kind: str = "text"  # text, wrapped, rating, status or a key of NUMBER_FORMATS
    width: float = 12
    note: str = ""


@dataclass(frozen=True)
class Sheet:
    """A sheet of rows: `rows` has every column of `shown`; a number may be a symbol in its place."""

    name: str
    title: str
    says: str
    shown: tuple[Shown, ...]
    rows: pl.DataFrame
    frozen: int = 1  # columns that stay when one scrolls to the right


def workbook(
    settings: Settings, about: dict, files: list[DataFile], plain: dict[str, pl.DataFrame], dictionary: pl.DataFrame
) -> bytes:
    """The workbook; `about` is marts.snapshot and the snapshot's name, `files` and `plain` what the other formats hold."""
    sheets = _sheets(about, {file.name: file.rows for file in files}, plain, dictionary)
    out = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(out, options) as book:
        book.set_properties(
            {
                "title": f"SEN Oversight, {about['la_name']}",
                "subject": "Small counts of pupils are suppressed",
                "author": about["la_name"],
                "created": about["published_at"],
            }
        )
        book.set_size(2600, 1500)
        book.set_calc_mode("auto")
        looks = _Looks(book)
        cover, contents = book.add_worksheet("Cover"), book.add_worksheet(CONTENTS)
        for sheet in sheets:
            _write_sheet(book.add_worksheet(sheet.name), sheet, looks)
        _add_trends(book, sheets)
        _write_cover(cover, settings, about, sheets, plain, looks)
        _write_contents(contents, sheets, looks)
        for sheet in book.worksheets():
            _set_up_print(sheet, about)
    return out.getvalue()


class _Looks:
    """The formats of the workbook, made when they are first asked for."""

    def __init__(self, book: xlsxwriter.Workbook):
        self._book = book
        self._made: dict[tuple, Format] = {}

    def __call__(self, **properties: object) -> Format:
        base = {"font_name": "Arial", "font_size": 10, "font_color": INK, "valign": "top"}
        key = tuple(sorted(properties.items()))
        if key not in self._made:
            self._made[key] = self._book.add_format(base | properties)
        return self._made[key]

    def title(self) -> Format:
        return self(bold=True, font_size=16, font_color=BAND)

    def heading(self) -> Format:
        return self(bold=True, font_size=12, font_color=BAND)

    def link(self) -> Format:
        return self(font_color=BAND, underline=1)

    def header(self, kind: str = "text") -> Format:
        align = {"align": "right"} if kind in NUMBER_FORMATS else {}
        frame = {"bg_color": BAND, "border": 1, "border_color": "#D8DCE0"}
        return self(bold=True, font_color="#FFFFFF", text_wrap=True, valign="vcenter", **frame, **align)

    def symbol(self, kind: str) -> Format:
        place = {"align": "right"} if kind in NUMBER_FORMATS else {"align": "left", "indent": 1}
        return self(italic=True, font_color="#6B7680", **place, **self.line())

    def line(self) -> dict:
        return {"bottom": 1, "bottom_color": "#E3E6E9"}

    def cell(self, kind: str) -> Format:
        line = self.line()
        if kind in NUMBER_FORMATS:
            return self(num_format=NUMBER_FORMATS[kind], **({"align": "left"} if kind == "date" else {}), **line)
        return self(text_wrap=kind == "wrapped", **line)

    def marked(self, key: str | None) -> Format:
        fill = {"bg_color": FILLS[key]} if key in FILLS else {}
        return self(align="left", indent=1, **fill, **self.line())


# ---------------------------------------------------------------------------------------------------------------- sheets


def _sheets(
    about: dict, files: dict[str, pl.DataFrame], plain: dict[str, pl.DataFrame], dictionary: pl.DataFrame
) -> list[Sheet]:
    newest = about["newest_term"]
    definitions = plain["indicators"].select(
        "position", "word", "id", "name", means="numerator", out_of="denominator", theme_of="theme"
    )
    areas = _with_area(files["sen_indicators"].join(definitions, on="position", how="left"))
    schools = files["sen_indicators_schools"].join(definitions, on="position", how="left")
    of_la = areas.filter(area=TOTAL_LA, breakdown_topic=TOTAL)
    made = [_summary(of_la, newest), _over_time(of_la, plain["terms"])]
    made += [
        _theme(theme, areas.filter(theme=theme))
        for theme in definitions.sort("position")["theme_of"].unique(maintain_order=True)
        if theme in set(areas["theme"])
    ]
    is_own = pl.col("id").str.starts_with("SCH") & (pl.col("id") != "SCH11")
    made += [
        _schools(schools.filter(pl.col("term") == newest, ~is_own), newest),
        _arrangements(schools.filter(pl.col("term") == newest, is_own), newest),
        _waits(_with_area(files["sen_waiting_times"])),
        _needs(_with_area(files["sen_needs_profile"])),
        _spending(files["sen_spending_schools"]),
        _returns(plain),
        _benchmarks(plain["comparators"]),
        _definitions(plain["indicators"]),
        _dictionary(dictionary),
    ]
    return [sheet for sheet in made if not sheet.rows.is_empty()]


TOTAL_LA = "LA"
TERM = Shown("term_said", "Term", width=15)
COUNTS = (
    Shown("met_count", "Meet it", "count", 9, "How many meet the indicator: pupils, reviews, plans or schools"),
    Shown(
        "known_count",
        "Known",
        "count",
        9,
        "How many of which it is known whether they meet it: the rate is out of these",
    ),
    Shown("unknown_count", "Not known", "count", 9, "How many of which it is not known; in neither of the two"),
    Shown("met_percent", "Rate", "percent", 9, "Those that meet it of those known"),
    Shown(
        "lower_95_percent",
        "Interval from",
        "percent",
        9,
        "Lower end of the Wilson 95 % interval: what chance alone would explain",
    ),
    Shown("upper_95_percent", "Interval to", "percent", 9, "Upper end of the Wilson 95 % interval"),
    Shown("target_percent", "Target", "percent", 9, "The target in force at the term's as-at date"),
    Shown(
        "rating",
        "Rating",
        "rating",
        12,
        "Red only where the whole interval misses the target; grey where there are too few to judge",
    ),
)
MEDIAN = Shown("wait_median", "Median wait (days)", "count", 10, "Of NPR03: days from referral to first contact")
SCHOOLS_COUNTED = (
    Shown(
        "schools_counted_count",
        "Schools counted",
        "count",
        10,
        "Schools that it applies to and that sent the term's return",
    ),
    Shown(
        "schools_missing_count",
        "Schools missing",
        "count",
        10,
        "Schools whose return was due and of which there is none",
    ),
)
DEFINITION = (
    Shown("means", "What meets it", width=70),
    Shown("out_of", "Out of", width=70),
)


def _with_area(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows with the area as one name: LA, a phase or a trust."""
    area = (
        pl.when(pl.col("geographic_level") == "MAT").then("Trust: " + pl.col("trust_name"))
        .when(pl.col("school_phase") != TOTAL).then("Phase: " + pl.col("school_phase"))
        .otherwise(pl.lit(TOTAL_LA))
    )  # fmt: skip
    return rows.with_columns(area=area, term_said=_term())


def _term() -> pl.Expr:
    return pl.col("term").map_elements(term_label, return_dtype=pl.String)


def _number(column: str) -> pl.Expr:
    """A figure as a number; null where there is a symbol."""
    return pl.col(column).cast(pl.Float64, strict=False)


def _summary(of_la: pl.DataFrame, newest: str) -> Sheet:
    terms = of_la["term"].unique().to_list()
    before = max((t for t in terms if _place(t) < _place(newest)), key=_place, default=None)
    earlier = of_la.filter(term=before).select("position", then=_number("met_percent"))
    rows = (
        of_la.filter(term=newest)
        .join(earlier, on="position", how="left")
        .with_columns(change=(_number("met_percent") - pl.col("then")).round(1), trend=pl.lit(""))
        .with_columns(pl.col("change").cast(pl.String))
        .sort("position")
    )
    return Sheet(
        "Summary",
        f"The LA at a glance: {term_label(newest)}",
        "Every indicator of the newest term, of all the LA's schools that sent their return. Change is in percentage points since the term before.",
        (
            Shown("id", "Id", width=8),
            Shown("name", "Indicator", width=42),
            Shown("theme", "Theme", width=26),
            Shown(
                "word",
                "Duty",
                width=11,
                note="The word of the duty: must, should, always; law where statute demands it besides",
            ),
            *COUNTS,
            Shown("change", "Change", "points", 9, "Percentage points since the term before"),
            Shown("trend", "Trend", width=18, note="The rate, term by term, as on the sheet LA over time"),
            MEDIAN,
            *SCHOOLS_COUNTED,
            *DEFINITION,
        ),
        rows,
        frozen=2,
    )


def _place(term: str) -> tuple[str, int]:
    """A term's place in time, for 2025-26-autumn."""
    return term[:7], ("autumn", "spring", "summer").index(term[8:])


def _newest_first(rows: pl.DataFrame) -> pl.DataFrame:
    places = {term: place for place, term in enumerate(sorted(rows["term"].unique(), key=_place, reverse=True))}
    return rows.sort(pl.col("term").replace_strict(places, return_dtype=pl.Int32), maintain_order=True)


def _over_time(of_la: pl.DataFrame, terms: pl.DataFrame) -> Sheet:
    rates = of_la.filter(pl.col("met_percent") != "z")
    wide = rates.pivot("term", index=["position", "id", "name", "theme"], values="met_percent").sort("position")
    columns = [term for term in terms["term"] if term in wide.columns]
    return Sheet(
        OVER_TIME,
        "The LA's rates, term by term",
        "Terms by their as-at dates. A run of a few terms says little: look for a lasting change, not for the last difference.",
        (
            Shown("id", "Id", width=8),
            Shown("name", "Indicator", width=42),
            Shown("theme", "Theme", width=26),
            *(Shown(term, term_label(term), "percent", 12) for term in columns),
        ),
        wide.with_columns(pl.col(columns).fill_null("x")),
        frozen=2,
    )


def _theme(theme: str, areas: pl.DataFrame) -> Sheet:
    # groups of phases and trusts are in the data file alone: here they would bury the figures of the LA
    rows = areas.filter((pl.col("area") == TOTAL_LA) | (pl.col("breakdown_topic") == TOTAL))
    return Sheet(
        _sheet_name(theme),
        theme,
        "The LA, its phases and its trusts, and the LA's pupils by group; the newest term first. What each indicator means stands to the right.",
        (
            TERM,
            Shown("indicator", "Indicator", width=46),
            Shown("area", "Area", width=30),
            Shown("breakdown_topic", "Breakdown", width=15),
            Shown("breakdown", "Group", width=38),
            *COUNTS,
            *([MEDIAN] if theme == "Specialists" else []),
            *SCHOOLS_COUNTED,
            *DEFINITION,
        ),
        _newest_first(rows),
        frozen=2,
    )


def _sheet_name(text: str) -> str:
    """As Excel takes it: 31 characters, none of them special."""
    return "".join(" " if c in "[]:*?/\\'" else c for c in text.replace("'", ""))[:31].strip()


def _schools(schools: pl.DataFrame, newest: str) -> Sheet:
    return Sheet(
        "Schools",
        f"Schools: {term_label(newest)}",
        "The newest term; earlier ones are in sen_indicators_schools.csv. A small school's rate is mostly chance: read the interval, and make no league table of it.",
        (
            Shown("school_name", "School", width=36),
            Shown("school_urn", "URN", width=9),
            Shown("school_laestab", "LAESTAB", width=10),
            Shown("school_phase", "Phase", width=17),
            Shown("indicator", "Indicator", width=46),
            *COUNTS,
            MEDIAN,
            *DEFINITION,
        ),
        schools.sort("school_name", "school_urn", "position"),
    )


def _arrangements(schools: pl.DataFrame, newest: str) -> Sheet:
    answer = (
        pl.when(pl.col("unknown_count") != "0").then(pl.lit("Not known"))
        .when(pl.col("met_count") == "1").then(pl.lit("Yes"))
        .when(pl.col("known_count") == "1").then(pl.lit("No"))
        .otherwise(pl.lit("z"))
    )  # fmt: skip
    asked = schools.select("position", "id", "name").unique().sort("position")
    rows = schools.with_columns(answer=answer)
    wide = (
        rows.pivot("id", index=["school_name", "school_urn", "school_phase"], values="answer")
        if not rows.is_empty()
        else rows
    )
    ids = [i for i in asked["id"] if i in wide.columns]
    return Sheet(
        "Arrangements by school",
        f"What schools say of their arrangements: {term_label(newest)}",
        "Each school's own word, by its newest arrangements up to the term. These count schools, not pupils: nothing is suppressed.",
        (
            Shown("school_name", "School", width=36),
            Shown("school_urn", "URN", width=9),
            Shown("school_phase", "Phase", width=17),
            *(Shown(i, f"{i} {n}", "answer", 14) for _, i, n in asked.iter_rows() if i in ids),
        ),
        wide.with_columns(pl.col(ids).fill_null("z")).sort("school_name") if ids else wide.clear(),
    )


def _waits(waits: pl.DataFrame) -> Sheet:
    return Sheet(
        "Waiting times",
        "Waiting for a specialist",
        "Referrals in the year up to the term's as-at date. Who still waits counts with the days so far (Kaplan-Meier); x: so many had not been seen.",
        (
            TERM,
            Shown("area", "Area", width=30),
            Shown("service", "Service", width=30),
            Shown("referral_count", "Referrals", "count", 10),
            Shown("seen_count", "Seen", "count", 10),
            Shown("waiting_count", "Still waiting", "count", 10),
            Shown("unknown_count", "Not known", "count", 10),
            Shown("wait_median", "Median (days)", "count", 10),
            Shown("wait_ninetieth", "90th centile (days)", "count", 11),
        ),
        _newest_first(waits.sort("area", pl.col("service") != TOTAL, "service")),
    )


def _needs(needs: pl.DataFrame) -> Sheet:
    index = ["term", "term_said", "area", "breakdown_topic", "breakdown"]
    wide = needs.pivot("sen_provision", index=index, values="pupil_count", maintain_order=True)
    kinds = [kind for kind in PROVISIONS if kind in wide.columns]
    return Sheet(
        "Needs profile",
        "Pupils with SEN, by need, year group and sex",
        "By the school census of the year where there is one, else by the SEN register; No SEN is known of the census alone.",
        (
            TERM,
            Shown("area", "Area", width=30),
            Shown("breakdown_topic", "Breakdown", width=15),
            Shown("breakdown", "Group", width=44),
            *(Shown(kind, kind, "count", 12) for kind in kinds),
        ),
        _newest_first(wide.with_columns(pl.col(kinds).fill_null("0")).sort("area", maintain_order=True)),
    )


def _spending(amounts: pl.DataFrame) -> Sheet:
    return Sheet(
        "Spending",
        "Spending of the notional SEN budget",
        "Schools of which both amounts are known. Spending is the school's own word, the budget the LA's file.",
        (
            TERM,
            Shown("school_name", "School", width=36),
            Shown("school_urn", "URN", width=9),
            Shown("school_phase", "Phase", width=17),
            Shown("financial_year", "Financial year", width=12),
            Shown("expenditure_sum", "Spent on SEN", "pounds", 13),
            Shown("notional_budget_sum", "Notional budget", "pounds", 13),
            Shown("spent_percent", "Spent of the budget", "percent", 11),
            Shown("pupil_count", "Pupils with SEN", "count", 10),
            Shown("expenditure_average", "Spent a pupil", "pounds", 10),
        ),
        _newest_first(amounts.with_columns(term_said=_term())),
        frozen=2,
    )


def _returns(plain: dict[str, pl.DataFrame]) -> Sheet:
    terms = plain["terms"]["term"].to_list()
    wide = plain["returns"].pivot("term", index="urn", values="status")
    held = [term for term in terms if term in wide.columns]
    rows = (
        plain["schools"]
        .join(wide, on="urn")
        .with_columns(
            pl.col(held).fill_null("z"),
            phase=pl.col("phase").map_elements(phase_label, return_dtype=pl.String, skip_nulls=False),
        )
    )
    return Sheet(
        "Returns",
        "What became of each school's return",
        "The return in force of each term. A school that sent none is missing from the figures, and its plans are not known.",
        (
            Shown("name", "School", width=36),
            Shown("urn", "URN", width=9),
            Shown("phase", "Phase", width=17),
            Shown("type", "Type", width=30),
            Shown("trust", "Trust", width=30),
            *(Shown(term, term_label(term), "status", 20) for term in held),
        ),
        rows.sort("name"),
    )


def _benchmarks(comparators: pl.DataFrame) -> Sheet:
    return Sheet(
        "Benchmarks",
        "What DfE publishes of England, the region, the LA and its statistical neighbours",
        "As published, with DfE's own symbols; nothing here is suppressed by us.",
        (
            Shown("measure", "Measure", width=34),
            Shown("breakdown", "Breakdown", width=26),
            Shown("time_period", "Period", width=10),
            Shown("area_type", "Level", width=22),
            Shown("area_name", "Area", width=26),
            Shown("said", "Figure", "number", 12),
            Shown("release", "Release", width=60),
        ),
        comparators.with_columns(said=pl.col("value").cast(pl.String).fill_null(pl.col("symbol").fill_null("x"))),
    )


def _definitions(indicators: pl.DataFrame) -> Sheet:
    return Sheet(
        "Definitions",
        "What each indicator means",
        "The duty, what meets it, out of what, and where it is from; as in force in the newest term.",
        (
            Shown("id", "Id", width=8),
            Shown("name", "Indicator", "wrapped", 30),
            Shown("theme", "Theme", "wrapped", 20),
            Shown("duty", "Duty", "wrapped", 42),
            Shown("word", "Word", "wrapped", 9),
            Shown("numerator", "What meets it", "wrapped", 48),
            Shown("denominator", "Out of", "wrapped", 48),
            Shown("unknown", "Not known", "wrapped", 32),
            Shown("target_said", "Target", "percent", 9),
            Shown("source", "Source", "wrapped", 48),
        ),
        indicators.with_columns(target_said=(pl.col("target") * 100).cast(pl.String).fill_null("z")),
        frozen=2,
    )


def _dictionary(dictionary: pl.DataFrame) -> Sheet:
    return Sheet(
        "Data dictionary",
        "Every column of the files beside this workbook",
        "The same as data_dictionary.csv. Kind: time, geography, filter and indicator as in DfE's tidy form, else the type.",
        (
            Shown("file", "File", width=34),
            Shown("column", "Column", width=26),
            Shown("kind", "Kind", width=12),
            Shown("label", "Label", width=26),
            Shown("description", "What it is", "wrapped", 90),
            Shown("unit", "Unit", width=7),
        ),
        dictionary,
    )


# --------------------------------------------------------------------------------------------------------------- writing


def _write_sheet(sheet: Worksheet, of: Sheet, looks: _Looks) -> None:
    sheet.hide_gridlines(2)
    sheet.write_string(0, 0, of.title, looks.title())
    sheet.write_string(1, 0, of.says, looks(font_color="#4A545C"))
    sheet.write_url(2, 0, f"internal:'{CONTENTS}'!A1", looks.link(), "Contents")
    sheet.set_row(0, 24)
    longest = max(height(shown.header, shown.width - 3) for shown in of.shown)
    sheet.set_row(HEADER_ROW, max(30, longest + 4))
    for column, shown in enumerate(of.shown):
        sheet.set_column(column, column, shown.width)
        sheet.write_string(HEADER_ROW, column, shown.header, looks.header(shown.kind))
        if shown.note:
            sheet.write_comment(HEADER_ROW, column, shown.note, {"font_name": "Arial", "font_size": 9, "x_scale": 1.6})
    for column, shown in enumerate(of.shown):
        values = of.rows[shown.column].to_list()
        for row, value in enumerate(values, start=HEADER_ROW + 1):
            _write_cell(sheet, row, column, value, shown.kind, looks)
    wrapped = [shown for shown in of.shown if shown.kind == "wrapped"]
    if wrapped:
        for row, texts in enumerate(of.rows.select(s.column for s in wrapped).iter_rows(), start=HEADER_ROW + 1):
            sheet.set_row(row, max(height(text, shown.width) for text, shown in zip(texts, wrapped, strict=True)))
    sheet.autofilter(HEADER_ROW, 0, HEADER_ROW + of.rows.height, len(of.shown) - 1)
    sheet.freeze_panes(HEADER_ROW + 1, of.frozen)
    sheet.repeat_rows(HEADER_ROW)
    # the definitions are for the screen: on paper they would make the figures too small to read
    printed = [column for column, shown in enumerate(of.shown) if shown not in DEFINITION]
    sheet.print_area(0, 0, HEADER_ROW + of.rows.height, max(printed))


def _write_cell(sheet: Worksheet, row: int, column: int, value: object, kind: str, looks: _Looks) -> None:
    text = "" if value is None else str(value)
    if text in SYMBOLS and kind not in ("text", "wrapped"):
        sheet.write_string(row, column, text, looks.symbol(kind))
    elif kind == "rating":
        rating = RATINGS[text]
        sheet.write_string(row, column, f"{rating.shape} {rating.word}", looks.marked(text))
    elif kind == "status":
        status = STATUSES[text]
        fill = {"missing": "red", "rejected": "red", "accepted_with_errors": "amber", "queried": "amber"}.get(
            text, "green"
        )
        sheet.write_string(row, column, f"{status.shape} {status.word}", looks.marked(fill))
    elif kind == "answer":
        sheet.write_string(row, column, text, looks.marked({"Yes": "green", "No": "red"}.get(text, "grey")))
    elif kind == "percent":
        sheet.write_number(row, column, float(text) / 100, looks.cell(kind))
    elif kind in NUMBER_FORMATS and text:
        sheet.write_number(row, column, float(text), looks.cell(kind))
    elif kind == "number" and _is_number(text):
        sheet.write_number(row, column, float(text), looks(num_format="#,##0.##", **looks.line()))
    elif not text:
        sheet.write_blank(row, column, None, looks.cell("text"))
    else:
        shown = visible_text(text)
        quoted = {"quote_prefix": True} if like_a_formula(shown) else {}
        sheet.write_string(row, column, shown, looks(text_wrap=kind == "wrapped", **looks.line(), **quoted))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _add_trends(book: xlsxwriter.Workbook, sheets: list[Sheet]) -> None:
    """A line of the LA's rates beside each indicator of the summary."""
    by_name = {sheet.name: sheet for sheet in sheets}
    summary, over_time = by_name.get("Summary"), by_name.get(OVER_TIME)
    if summary is None or over_time is None:
        return
    rows = {id_: HEADER_ROW + 1 + n for n, id_ in enumerate(over_time.rows["id"])}
    first, last = 3, len(over_time.shown) - 1
    column = [shown.column for shown in summary.shown].index("trend")
    for row, id_ in enumerate(summary.rows["id"], start=HEADER_ROW + 1):
        if id_ in rows and last > first:
            book.get_worksheet_by_name("Summary").add_sparkline(
                row,
                column,
                {
                    "range": f"'{OVER_TIME}'!{xl_range_abs(rows[id_], first, rows[id_], last)}",
                    "series_color": BAND,
                    "weight": 1.5,
                    "last_point": True,
                },
            )


def _write_cover(
    sheet: Worksheet,
    settings: Settings,
    about: dict,
    sheets: list[Sheet],
    plain: dict[str, pl.DataFrame],
    looks: _Looks,
) -> None:
    threshold = settings.suppression_threshold
    terms = plain["terms"]
    newest = terms.filter(term=about["newest_term"]).row(0, named=True)
    returns = plain["returns"].filter(pl.col("term") == about["newest_term"], pl.col("is_due"))
    came = returns.filter(~pl.col("status").is_in(["missing", "rejected"])).height
    sheet.hide_gridlines(2)
    sheet.set_column(0, 0, 3)
    sheet.set_column(1, 1, 30)
    sheet.set_column(2, 2, 104)
    sheet.set_row(1, 34)
    sheet.write_string(1, 1, "SEN Oversight", looks(bold=True, font_size=24, font_color=BAND))
    sheet.write_string(2, 1, visible_text(about["la_name"]), looks(bold=True, font_size=14))
    row = 4
    facts = {
        "Newest term": f"{term_label(newest['term'])}, as at {day(newest['as_at_date'])}",
        "Returns of that term": f"{came} of {returns.height} schools whose return was due",
        "Terms in it": f"{term_label(terms['term'][0])} to {term_label(terms['term'][-1])} ({terms.height})",
        "Local authority": f"{visible_text(about['la_name'])} ({about['la_code']})",
        "Published": f"{about['published_at']:%H:%M} on {day(about['published_at'])}; snapshot {about['snapshot']}",
        "Questions": settings.la_email,
    }
    row = _write_facts(sheet, row, facts, looks)
    summary = next((s for s in sheets if s.name == "Summary"), None)
    if summary:
        counts = dict(summary.rows["rating"].value_counts().iter_rows())
        sheet.write_string(row, 1, "The LA's indicators", looks.heading())
        said = "   ".join(f"{RATINGS[k].shape} {RATINGS[k].word} {counts[k]}" for k in FILLS if k in counts)
        sheet.write_string(row, 2, said, looks(bold=True))
        row += 2
    words = {
        "What is suppressed": [
            ("Small counts", f"A count of pupils from 1 to {threshold - 1} (who meet an indicator, who do not, or both together) is shown as c, and with it every rate, interval and rating that it goes into."),
            ("What gives them away", "So that no total gives a small count away, a school is hidden together with others (always the same ones) whose sum is safe, and an area where it would tell one of them from the rest; indicators that count the same pupils are hidden together. No hidden count can be brought down to fewer than "
             f"{threshold + 1} values by adding and subtracting what is here, nor by a school that knows its own figures."),
            ("Groups", "By need, sex and the like there are figures of the whole LA, not of phases, trusts or schools. A group that is small in the LA is hidden with the next smallest."),
            ("What is not", "Noughts; how many answers are not known, where the figure is shown; a school's own arrangements and amounts of money, which do not count pupils; what DfE has published."),
            ("Please", "Do not pass on an export beside one that was made with another threshold."),
        ],
        "Symbols": [(symbol, says) for symbol, says in SYMBOLS.items()],
        "Reading it": [
            ("Small numbers", "A small school's rate is mostly chance. The interval says how much: where it holds the target, the target may be met."),
            ("Rating", "■ Red: the whole 95 % interval misses the target. ▲ Amber: it is missed, but within chance. ● Green: it is met. ○ Grey: too few to judge."),
            ("Missing schools", "A school without a return is in no figure (but SCH11, and its EHC plans as not known): see Schools missing beside each figure."),
            ("A school's own word", "Arrangements, and spending, are what schools say of themselves."),
        ],
    }  # fmt: skip
    for heading, lines in words.items():
        sheet.write_string(row, 1, heading, looks.heading())
        sheet.set_row(row, 20)
        row = _write_facts(sheet, row + 1, dict(lines), looks)
    sheet.write_url(row, 1, f"internal:'{CONTENTS}'!A1", looks.link(), "To the contents")
    sheet.activate()


def _write_facts(sheet: Worksheet, row: int, facts: dict[str, str], looks: _Looks) -> int:
    """Lines of a label and a text; gives the row after the blank one."""
    for label, text in facts.items():
        sheet.write_string(row, 1, label, looks(bold=True))
        sheet.write_string(row, 2, text, looks(text_wrap=True))
        sheet.set_row(row, height(text, 122) + 2)
        row += 1
    return row + 1


def _write_contents(sheet: Worksheet, sheets: Iterable[Sheet], looks: _Looks) -> None:
    sheet.hide_gridlines(2)
    sheet.set_column(0, 0, 30)
    sheet.set_column(1, 1, 110)
    sheet.set_column(2, 2, 10)
    sheet.set_row(0, 24)
    sheet.write_string(0, 0, CONTENTS, looks.title())
    for column, header in enumerate(("Sheet", "What is on it", "Rows")):
        sheet.write_string(2, column, header, looks.header("count" if header == "Rows" else "text"))
    for row, of in enumerate(sheets, start=3):
        sheet.write_url(
            row, 0, f"internal:'{of.name}'!A1", looks(font_color=BAND, underline=1, **looks.line()), of.name
        )
        says = f"{of.title}. {of.says}"
        sheet.write_string(row, 1, says, looks(text_wrap=True, **looks.line()))
        sheet.write_number(row, 2, of.rows.height, looks.cell("count"))
        sheet.set_row(row, height(says, 125) + 4)
    sheet.freeze_panes(3, 0)


def _set_up_print(sheet: Worksheet, about: dict) -> None:
    sheet.set_landscape()
    sheet.set_paper(8)
    sheet.set_margins(left=0.4, right=0.4, top=0.5, bottom=0.6)
    sheet.fit_to_pages(1, 0)
    sheet.set_footer(
        f"&L&8{about['la_name'].replace('&', '&&')}: small counts of pupils are suppressed&R&8&A, page &P of &N"
    )
