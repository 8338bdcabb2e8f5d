"""The published figures as DfE's explore education statistics (EES) takes data files: tidy CSV with a metadata file each.

The form is that of DfE's Open Data Standards (dfe-analytical-services.github.io/analysts-guide, statistics-production/ud): time and
geography first, filters, indicators; schools in files of their own; `c`, `z` and `x` in place of figures.
"""

from dataclasses import dataclass, field

import duckdb
import polars as pl

from dashboards.words import GROUP_TYPES, code_labels, group_label, phase_label

SUPPRESSED, NOT_APPLICABLE, NOT_AVAILABLE = "c", "z", "x"
SYMBOLS = {
    SUPPRESSED: "Suppressed: a small number of pupils, or what would give one away.",
    NOT_APPLICABLE: "Not applicable: the figure does not have this, or there is nobody to take a rate of.",
    NOT_AVAILABLE: "Not available: it is not known.",
}
TOTAL = "Total"
PROVISIONS = (code_labels()["sen_provision"]["K"], code_labels()["sen_provision"]["E"], "No SEN")
LEVELS = {"la": "Local authority", "phase": "Local authority", "trust": "MAT", "school": "School"}
META_COLUMNS = (
    "col_name",
    "col_type",
    "label",
    "indicator_grouping",
    "indicator_unit",
    "indicator_dp",
    "filter_hint",
    "filter_grouping_column",
)


@dataclass(frozen=True)
class Column:
    """A column of a data file. kind: time, geography, group (of a filter), filter or indicator; unit and dp as EES has them."""

    name: str
    kind: str
    label: str
    says: str
    unit: str = ""
    dp: str = ""
    group: str = ""


@dataclass(frozen=True)
class DataFile:
    """A data file. `rows` are texts, in order: `columns`, and beside them what a workbook says too (term, position, rating)."""

    name: str
    title: str
    columns: tuple[Column, ...]
    rows: pl.DataFrame = field(repr=False)

    @property
    def table(self) -> pl.DataFrame:
        """The rows as the file has them."""
        return self.rows.select(column.name for column in self.columns)


TIME = (
    Column("time_period", "time", "Academic year", "The academic year: 202526 is 2025-26."),
    Column(
        "time_identifier",
        "time",
        "Term",
        "Autumn term, Spring term or Summer term; figures are as at the term's as-at date.",
    ),
)
COUNTRY = (
    Column("geographic_level", "geography", "Level", "Local authority, MAT (trust) or School."),
    Column("country_code", "geography", "Country code", "ONS code."),
    Column("country_name", "geography", "Country", "England."),
    Column("region_code", "geography", "Region code", "ONS code; blank where no DfE release in use gives it."),
    Column("region_name", "geography", "Region", "Blank where no DfE release in use gives it."),
    Column("old_la_code", "geography", "LA code", "The LA's three digits."),
    Column("new_la_code", "geography", "LA code (ONS)", "Blank where no DfE release in use gives it."),
    Column("la_name", "geography", "LA", "The LA's name."),
)
TRUST = (
    Column("trust_id", "geography", "Trust code", "GIAS's group ID; of rows at level MAT."),
    Column("trust_name", "geography", "Trust", "The trust's name; its schools in this LA only."),
)
SCHOOL = (
    Column("school_urn", "geography", "URN", "The school's URN in GIAS."),
    Column("school_laestab", "geography", "LAESTAB", "The LA's three digits and the establishment number."),
    Column("school_name", "geography", "School", "As in GIAS."),
)
PHASE = Column("school_phase", "filter", "Phase of school", "GIAS's phase; Total is every phase.")
OF_AREAS, OF_SCHOOLS = (*TIME, *COUNTRY, *TRUST, PHASE), (*TIME, *COUNTRY, *SCHOOL, PHASE)
INDICATOR = (
    Column("theme", "group", "Theme", "Theme of the indicator."),
    Column("indicator", "filter", "Indicator", "Its id and name; defined in indicators.csv.", group="theme"),
)
BREAKDOWN = (
    Column(
        "breakdown_topic",
        "group",
        "Breakdown",
        "What pupils are broken down by, of the whole LA; Total is all of them.",
    ),
    Column("breakdown", "filter", "Group", "The group of pupils.", group="breakdown_topic"),
)
RATE = (
    Column(
        "met_count", "indicator", "Meet it", "Units (pupils, reviews, plans, schools) that meet the indicator.", dp="0"
    ),
    Column(
        "known_count",
        "indicator",
        "Known",
        "Units of which it is known whether they meet it: the rate is out of these.",
        dp="0",
    ),
    Column("unknown_count", "indicator", "Not known", "Units of which it is not known; in neither of the two.", dp="0"),
    Column("met_percent", "indicator", "Rate", "Those that meet it of those known.", "%", "1"),
    Column("lower_95_percent", "indicator", "Interval from", "Lower end of the Wilson 95 % interval.", "%", "1"),
    Column("upper_95_percent", "indicator", "Interval to", "Upper end of the Wilson 95 % interval.", "%", "1"),
    Column(
        "wait_median",
        "indicator",
        "Median wait",
        "Of NPR03: days from referral to first contact (Kaplan-Meier).",
        dp="0",
    ),
    Column("target_percent", "indicator", "Target", "The target in force at the term's as-at date.", "%", "1"),
)
SCHOOLS_COUNTED = (
    Column(
        "schools_counted_count",
        "indicator",
        "Schools counted",
        "Schools that it applies to and that sent the term's return.",
        dp="0",
    ),
    Column(
        "schools_missing_count",
        "indicator",
        "Schools missing",
        "Schools whose return was due and of which there is none.",
        dp="0",
    ),
)
SERVICE = Column("service", "filter", "Service", "The specialist service; Total is all of them.")
WAITS = (
    Column(
        "referral_count",
        "indicator",
        "Referrals",
        "Referrals made in the year up to the as-at date whose wait is known.",
        dp="0",
    ),
    Column("seen_count", "indicator", "Seen", "Of them, those with a first contact.", dp="0"),
    Column(
        "waiting_count",
        "indicator",
        "Still waiting",
        "Of them, those still waiting at the as-at date; of areas, and of all services together.",
        dp="0",
    ),
    Column("unknown_count", "indicator", "Not known", "Referrals whose wait is not known; left out.", dp="0"),
    Column(
        "wait_median",
        "indicator",
        "Median wait in days",
        "Days by which half had a first contact (Kaplan-Meier).",
        dp="0",
    ),
    Column(
        "wait_ninetieth", "indicator", "90th centile in days", "Days by which nine in ten had a first contact.", dp="0"
    ),
)
PROVISION = Column(
    "sen_provision", "filter", "SEN provision", "SEN support, EHC plan, or no SEN (known of the school census alone)."
)
PUPILS = (
    Column(
        "pupil_count",
        "indicator",
        "Pupils",
        "How many, by the school census of the year, else by the SEN register.",
        dp="0",
    ),
)
SPENDING = (
    Column(
        "expenditure_sum", "indicator", "Spent on SEN", "By the school's own word, in the financial year.", "£", "0"
    ),
    Column("notional_budget_sum", "indicator", "Notional SEN budget", "By the LA's file.", "£", "0"),
    Column("spent_percent", "indicator", "Spent of the budget", "Spending over the notional budget.", "%", "1"),
)
FINANCIAL_YEAR = Column("financial_year", "filter", "Financial year", "Of both amounts, from 1 April.")
A_PUPIL = (
    Column("pupil_count", "indicator", "Pupils with SEN", "Pupils on the SEN register at the as-at date.", dp="0"),
    Column("expenditure_average", "indicator", "Spent a pupil", "Pounds spent a pupil on the register.", "£", "0"),
)


def tidy_files(connection: duckdb.DuckDBPyConnection, tables: dict[str, pl.DataFrame]) -> list[DataFile]:
    """The data files of a snapshot; `tables` as suppressed_figures.suppressed gives them."""
    places = _places(connection)
    indicators = connection.sql(
        "SELECT id AS indicator_id, theme, id || ' ' || name AS indicator, position, unit FROM marts.indicators"
    ).pl()

    def of(name: str, title: str, columns: tuple[Column, ...], rows: pl.DataFrame, *order: str) -> DataFile:
        placed = rows.join(places, on=["area_type", "area_code"], how="inner").with_columns(_time())
        level = pl.col("area_type").replace_strict(list(LEVELS), range(len(LEVELS)), return_dtype=pl.Int8)
        ordered = placed.sort(
            "term", *order, level, "school_name", "trust_name", "school_phase", "area_code", nulls_last=True
        )
        beside = [c for c in ("term", "position", "rating") if c in ordered.columns]
        return DataFile(name, title, columns, ordered.select(*(pl.col(c.name).fill_null("") for c in columns), *beside))

    schools = tables["indicator_values"].with_columns(area_type=pl.lit("school"), area_code="urn")
    areas = tables["indicator_values_area"]
    amounts = tables["amounts"].with_columns(area_type=pl.lit("school"), area_code="urn")
    needs, waits = _needs(tables["needs_profile"]), tables["waiting_times"].with_columns(service=_service())
    is_school, is_spending = pl.col("area_type") == "school", pl.col("indicator_id") == "RES01"
    rates, rates_of_schools = (
        _rates(table.filter(~is_spending).drop("unit").join(indicators, on="indicator_id"))
        for table in (areas, schools)
    )
    by_indicator = ("position", "topic_place", "breakdown")
    return [
        of("sen_indicators", "Indicators: LA, phases and trusts", (*OF_AREAS, *INDICATOR, *BREAKDOWN, *RATE, *SCHOOLS_COUNTED), rates, *by_indicator),
        of("sen_indicators_schools", "Indicators: schools", (*OF_SCHOOLS, *INDICATOR, *RATE), rates_of_schools, "position"),
        of("sen_waiting_times", "Waiting for specialists: LA, phases and trusts", (*OF_AREAS, SERVICE, *WAITS), _waits(waits.filter(~is_school)), "service_place", "service"),
        of("sen_waiting_times_schools", "Waiting for specialists: schools", (*OF_SCHOOLS, *WAITS), _waits(waits.filter(is_school))),
        of("sen_needs_profile", "Needs profile: LA, phases and trusts", (*OF_AREAS, PROVISION, *BREAKDOWN, *PUPILS), needs.filter(~is_school), "topic_place", "group_place", "breakdown", "sen_provision"),
        of("sen_needs_profile_schools", "Needs profile: schools", (*OF_SCHOOLS, PROVISION, *PUPILS), needs.filter(is_school), "sen_provision"),
        of("sen_spending", "Spending of the notional SEN budget: LA, phases and trusts", (*OF_AREAS, *SPENDING, *SCHOOLS_COUNTED), _spending_of_areas(areas.filter(is_spending, group_type="all"))),
        of("sen_spending_schools", "Spending of the notional SEN budget: schools", (*OF_SCHOOLS, FINANCIAL_YEAR, *SPENDING, *A_PUPIL), _spending_of_schools(amounts)),
    ]  # fmt: skip


def metadata(file: DataFile) -> pl.DataFrame:
    """The EES metadata of a data file: a row a filter and an indicator."""
    rows = [
        (c.name, c.kind.capitalize(), c.label, "", c.unit, c.dp, c.says if c.kind == "filter" else "", c.group)
        for c in file.columns
        if c.kind in ("filter", "indicator")
    ]
    return pl.DataFrame(rows, schema=dict.fromkeys(META_COLUMNS, pl.String), orient="row")


# ------------------------------------------------------------------------------------------------------ time and places


def _time() -> list[pl.Expr]:
    """The columns of time of a term, as in 2025-26-autumn."""
    year, name = pl.col("term").str.slice(0, 4) + pl.col("term").str.slice(5, 2), pl.col("term").str.slice(8)
    return [year.alias("time_period"), (name.str.to_titlecase() + " term").alias("time_identifier")]


def _places(connection: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """area_type, area_code and the columns of geography of the LA, each phase, each trust and each school."""
    la_code, la_name = connection.sql("SELECT la_code, la_name FROM marts.snapshot").fetchone()
    # a DfE release in use says the LA's and the region's ONS codes
    codes = {
        area_type: (code, name)
        for area_type, code, name in connection.sql(
            "SELECT DISTINCT area_type, area_code, area_name FROM marts.comparators WHERE area_type IN ('region', 'la')"
        ).fetchall()
    }
    schools = connection.sql("SELECT urn, laestab, name, phase, trust_code, trust FROM marts.schools").pl()
    phase = pl.col("phase").map_elements(phase_label, return_dtype=pl.String, skip_nulls=False)
    parts = [
        pl.DataFrame({"area_type": "la", "area_code": la_code, "school_phase": TOTAL}),
        schools.select(pl.lit("phase").alias("area_type"), area_code="phase", school_phase=phase).unique(),
        schools.filter(pl.col("trust_code") != "")
        .select(
            pl.lit("trust").alias("area_type"),
            area_code="trust_code",
            trust_id="trust_code",
            trust_name="trust",
            school_phase=pl.lit(TOTAL),
        )
        .unique("area_code"),
        schools.select(
            pl.lit("school").alias("area_type"),
            area_code="urn",
            school_urn="urn",
            school_laestab="laestab",
            school_name="name",
            school_phase=phase,
        ),
    ]
    placed = pl.concat(parts, how="diagonal_relaxed")
    missing = [c.name for c in (*TRUST, *SCHOOL) if c.name not in placed.columns]
    return placed.with_columns(
        *(pl.lit(None, pl.String).alias(name) for name in missing),
        geographic_level=pl.col("area_type").replace_strict(LEVELS),
        country_code=pl.lit("E92000001"),
        country_name=pl.lit("England"),
        region_code=pl.lit(codes.get("region", ("", ""))[0]),
        region_name=pl.lit(codes.get("region", ("", ""))[1]),
        old_la_code=pl.lit(la_code),
        new_la_code=pl.lit(codes.get("la", ("", ""))[0]),
        la_name=pl.lit(la_name),
    )


# --------------------------------------------------------------------------------------------------------------- figures


def _figure(
    column: str, hides: str | None = None, *, decimals: int = 0, times: float = 1, none: str = NOT_APPLICABLE
) -> pl.Expr:
    """A figure as a text, or the symbol that says why it is not there: `none` where the table has none."""
    number = (pl.col(column).cast(pl.Float64) * times).round(decimals)
    text = (number.cast(pl.Int64) if decimals == 0 else number).cast(pl.String).fill_null(none)
    return pl.when(pl.col(hides)).then(pl.lit(SUPPRESSED)).otherwise(text) if hides else text


def _only(unit: str, of: pl.Expr) -> pl.Expr:
    """A figure that indicators of one unit have."""
    return pl.when(pl.col("unit") == unit).then(of).otherwise(pl.lit(NOT_APPLICABLE))


def _percent(column: str, hides: str | None = None) -> pl.Expr:
    return _figure(column, hides, decimals=3, times=100)


def _breakdown(group_type: str, group_value: str) -> list[pl.Expr]:
    """breakdown_topic and breakdown, as people say them, the topic's place, and of a year group its own."""
    groups = pl.struct(t=group_type, v=group_value)
    topics = [*GROUP_TYPES, *NEEDS_TOPICS]
    years = list(code_labels()["year_group"])
    said = groups.map_elements(lambda group: _said(group["t"], group["v"]), return_dtype=pl.List(pl.String))
    return [
        said.list.get(0).alias("breakdown_topic"),
        said.list.get(1).alias("breakdown"),
        pl.col(group_type)
        .replace_strict(topics, range(len(topics)), return_dtype=pl.Int8, default=99)
        .alias("topic_place"),
        pl.when(pl.col(group_type) == "year_group")
        .then(pl.col(group_value).replace_strict(years, range(len(years)), return_dtype=pl.Int8, default=99))
        .alias("group_place"),
    ]


def _said(group_type: str, value: str) -> list[str]:
    if group_type == "all":
        return [TOTAL, TOTAL]
    if group_type in NEEDS_TOPICS:
        return [NEEDS_TOPICS[group_type], code_labels()["year_group"].get(value, "Not known")]
    if value == "not_known":
        return [GROUP_TYPES[group_type], "Not known"]
    topic, said = group_label(group_type, value).split(": ", 1)
    return [topic, said[0].upper() + said[1:]]


NEEDS_TOPICS = {"year_group": "Year group"}


def _rates(figures: pl.DataFrame) -> pl.DataFrame:
    """The figures of indicators; each has the unit of its indicator, and NPR03's value is a wait."""
    counts = {"met_count": "numerator", "known_count": "denominator", "unknown_count": "unknown"}
    has_schools = "schools_counted" in figures.columns
    return figures.select(
        "term",
        "area_type",
        "area_code",
        "position",
        "theme",
        "indicator",
        *_breakdown("group_type", "group_value"),
        *(_figure(column, f"hides_{column}").alias(name) for name, column in counts.items()),
        *(
            _only("rate", _percent(column, "hides_value")).alias(name)
            for name, column in (
                ("met_percent", "value"),
                ("lower_95_percent", "lower_95"),
                ("upper_95_percent", "upper_95"),
            )
        ),
        # without a median: half of them had not been seen
        _only("days", _figure("value", "hides_value", none=NOT_AVAILABLE)).alias("wait_median"),
        _only("rate", _percent("target")).alias("target_percent"),
        pl.when("hides_value")
        .then(pl.lit(SUPPRESSED))
        .otherwise(pl.col("rag").fill_null(NOT_APPLICABLE))
        .alias("rating"),
        *_schools_counted(has_schools),
    )


def _schools_counted(held: bool) -> list[pl.Expr]:
    return (
        [_figure(c, none=NOT_AVAILABLE).alias(f"{c}_count") for c in ("schools_counted", "schools_missing")]
        if held
        else []
    )


def _service() -> pl.Expr:
    labels = code_labels()["service"] | {"all": TOTAL}
    return pl.col("service").replace(labels)


def _waits(waits: pl.DataFrame) -> pl.DataFrame:
    counts = {
        "referral_count": "referrals",
        "seen_count": "seen",
        "waiting_count": "still_waiting",
        "unknown_count": "unknown",
    }
    days = {"wait_median": "median_days", "wait_ninetieth": "ninetieth_days"}
    return waits.select(
        "term",
        "area_type",
        "area_code",
        "service",
        (pl.col("service") != TOTAL).alias("service_place"),
        *(_figure(column, f"hides_{column}").alias(name) for name, column in counts.items()),
        *(_figure(column, "hides_value", none=NOT_AVAILABLE).alias(name) for name, column in days.items()),
    )


def _needs(profile: pl.DataFrame) -> pl.DataFrame:
    return pl.concat(
        profile.select(
            "term",
            "area_type",
            "area_code",
            *_breakdown("breakdown", "code"),
            sen_provision=pl.lit(said),
            pupil_count=_figure(kind, f"hides_{kind}"),
        )
        for kind, said in zip(("K", "E", "N"), PROVISIONS, strict=True)
    )


def _spending_of_areas(figures: pl.DataFrame) -> pl.DataFrame:
    return figures.select(
        "term",
        "area_type",
        "area_code",
        expenditure_sum=_figure("numerator"),
        notional_budget_sum=_figure("denominator"),
        spent_percent=_percent("value"),
    ).with_columns(figures.select(_schools_counted(True)))


def _spending_of_schools(amounts: pl.DataFrame) -> pl.DataFrame:
    return amounts.select(
        "term",
        "area_type",
        "area_code",
        "financial_year",
        expenditure_sum=_figure("expenditure"),
        notional_budget_sum=_figure("notional_budget"),
        spent_percent=_percent("share"),
        pupil_count=_figure("pupils", "hides_pupils"),
        expenditure_average=_figure("per_pupil", "hides_pupils", decimals=2),
    )
