"""The LA's own files, one entry a source: what it is called, what is wanted of it, and where it goes."""

import csv
from collections.abc import Callable
from fnmatch import fnmatch

import polars as pl

from pipelines.reference.census import read_census
from pipelines.reference.comparators import read_comparators
from pipelines.reference.sen2 import read_sen2
from pipelines.reference.shapes import Collection, Column, Source
from pipelines.settings import SEEDS_DIR, Settings

SCHOOLS_OF_ALL_KINDS = "all"
APPLIES_AS = ("duty", "good_practice", "not")
STATUSES = {"1": "Open", "2": "Closed", "3": "Open, but proposed to close", "4": "Proposed to open"}


def _of_seed(name: str, column: str, where: Callable[[dict[str, str]], bool] = lambda _: True) -> tuple[str, ...]:
    """The values of a seed's column, each once, in its order."""
    with (SEEDS_DIR / f"{name}.csv").open(newline="", encoding="utf-8") as lines:
        return tuple(dict.fromkeys(row[column] for row in csv.DictReader(lines) if where(row)))


def _since() -> Column:
    return Column(
        "valid_from",
        "valid_from",
        "date",
        needed=True,
        identifies=True,
        expects="the day from which on it holds (2026-09-01)",
    )


def _finish_schools(schools: pl.DataFrame) -> pl.DataFrame:
    """LA codes and establishment numbers get back the zeros that a spreadsheet takes; LAESTAB is both together."""
    la_code = pl.col("la_code").str.zfill(3)
    number = pl.col("establishment_number").str.zfill(4)
    names = {name: code for code, name in STATUSES.items()}
    return schools.with_columns(
        la_code,
        number,
        laestab=pl.when(la_code.str.len_chars() == 3, number.str.len_chars() == 4).then(pl.concat_str(la_code, number)),
        status_code=pl.coalesce("status_code", pl.col("status").replace_strict(names, default=None)),
        status=pl.coalesce("status", pl.col("status_code").replace_strict(STATUSES, default=None)),
    )


def _finish_pupil_context(pupils: pl.DataFrame) -> pl.DataFrame:
    """A pupil twice is the pupil once: yes where either row says yes."""
    return pupils.group_by("upn", maintain_order=True).agg(pl.col("looked_after", "top_up_funding").max())


def _check_schools(schools: pl.DataFrame, settings: Settings) -> str | None:
    if schools.filter(pl.col("la_code") == settings.la_code).is_empty():
        return f"has no school of LA {settings.la_code}, which SEN_LA_CODE says is yours"
    return None


# In the order in which they are loaded: schools come first, for the others are held against them.
SOURCES = (
    Source(
        "gias",
        "edubasealldata*.csv",
        "reference.schools",
        (
            Column("urn", "URN", needed=True, identifies=True),
            Column("la_code", "LA (code)", needed=True),
            Column("la_name", "LA (name)"),
            Column("establishment_number", "EstablishmentNumber", needed=True),
            Column("name", "EstablishmentName", needed=True),
            Column("type_code", "TypeOfEstablishment (code)"),
            Column("type", "TypeOfEstablishment (name)"),
            Column("type_group_code", "EstablishmentTypeGroup (code)"),
            Column("type_group", "EstablishmentTypeGroup (name)"),
            Column("status_code", "EstablishmentStatus (code)"),
            Column("status", "EstablishmentStatus (name)"),
            Column("open_date", "OpenDate", "date"),
            Column("close_date", "CloseDate", "date"),
            Column("phase_code", "PhaseOfEducation (code)"),
            Column("phase", "PhaseOfEducation (name)"),
            Column("low_age", "StatutoryLowAge", "count"),
            Column("high_age", "StatutoryHighAge", "count"),
            Column("number_of_pupils", "NumberOfPupils", "count"),
            Column("trust_code", "Trusts (code)"),
            Column("trust", "Trusts (name)"),
            Column("federation_code", "Federations (code)"),
            Column("federation", "Federations (name)"),
            Column("section_41", "Section41Approved (name)", "approved"),
        ),
        key=("urn",),
        finish=_finish_schools,
        check=_check_schools,
    ),
    Source(
        "gias_links",
        "links_edubasealldata*.csv",
        "reference.school_links",
        (
            Column("urn", "URN", needed=True, identifies=True),
            Column("link_urn", "LinkURN", needed=True, identifies=True),
            Column("link_type", "LinkType"),
            Column("link_established_date", "LinkEstablishedDate", "date"),
        ),
        key=("urn", "link_urn", "link_type"),
    ),
    Source(
        "contacts",
        "contacts.csv",
        "reference.contacts",
        (
            Column("urn", "urn", "urn", needed=True, identifies=True),
            Column("name", "name"),
            Column("email", "email", "email", needed=True, identifies=True),
            Column("role", "role", "role", needed=True),
        ),
        key=("urn", "email", "role"),
    ),
    Source(
        "ehc_plans",
        "ehc_plans.csv",
        "reference.ehc_plans",
        (
            Column("upn", "upn", "upn", needed=True, identifies=True),
            Column("urn", "urn", "urn", needed=True, identifies=True),
            Column("named_date", "named_date", "date", needed=True, identifies=True),
            Column("phase_transfer", "phase_transfer", "yes_no"),
            Column("expected_start_date", "expected_start_date", "date"),
            Column("ceased_date", "ceased_date", "date"),
        ),
        key=("upn", "urn", "named_date", "phase_transfer", "expected_start_date", "ceased_date"),
    ),
    Source(
        "pupil_context",
        "pupil_context.csv",
        "reference.pupil_context",
        (
            Column("upn", "upn", "upn", needed=True, identifies=True),
            Column("looked_after", "looked_after", "yes_no"),
            Column("top_up_funding", "top_up_funding", "yes_no"),
        ),
        key=("upn",),
        finish=_finish_pupil_context,
    ),
    Source(
        "notional_budgets",
        "notional_budgets.csv",
        "reference.notional_budgets",
        (
            Column("urn", "urn", "urn", needed=True, identifies=True),
            Column("financial_year", "financial_year", "financial_year", needed=True, identifies=True),
            Column("amount", "amount", "pounds", needed=True, identifies=True),
        ),
        key=("urn", "financial_year"),
    ),
    # What the LA sets itself: its rows come before the project's own from their day on.
    Source(
        "targets",
        "targets.csv",
        "reference.la_targets",
        (
            Column(
                "indicator_id",
                "indicator_id",
                "code",
                needed=True,
                identifies=True,
                codes=_of_seed("indicators", "id", lambda row: row["rag"] == "yes"),
                expects="the code of an indicator that is rated (REV01)",
            ),
            Column(
                "target",
                "target",
                "share",
                needed=True,
                identifies=True,
                expects="a share from 0 to 1 (0.9) or a percentage (90%)",
            ),
            _since(),
        ),
        key=("indicator_id", "valid_from"),
        seeds=("indicators",),
    ),
    Source(
        "parameters",
        "parameters.csv",
        "reference.la_parameters",
        (
            Column(
                "parameter",
                "parameter",
                "code",
                needed=True,
                identifies=True,
                codes=_of_seed("parameters", "parameter"),
                expects="a name of dbt_project/seeds/parameters.csv (reviews_a_year)",
            ),
            Column("value", "value", "count", needed=True, identifies=True, expects="a whole number, 0 or more"),
            _since(),
        ),
        key=("parameter", "valid_from"),
        seeds=("parameters",),
    ),
    Source(
        "duty_applies_to",
        "duty_applies_to.csv",
        "reference.la_duty_applies_to",
        (
            Column(
                "indicator_id",
                "indicator_id",
                "code",
                needed=True,
                identifies=True,
                codes=_of_seed("indicators", "id"),
                expects="the code of an indicator (REV01)",
            ),
            Column(
                "school_kind",
                "school_kind",
                "code",
                needed=True,
                identifies=True,
                codes=(SCHOOLS_OF_ALL_KINDS, *_of_seed("school_kinds", "school_kind")),
                expects="'all' or a kind of dbt_project/seeds/school_kinds.csv (special)",
            ),
            Column(
                "applies_as",
                "applies_as",
                "code",
                needed=True,
                identifies=True,
                codes=APPLIES_AS,
                expects=f"one of {', '.join(APPLIES_AS)}",
            ),
            _since(),
        ),
        key=("indicator_id", "school_kind", "valid_from"),
        seeds=("indicators", "school_kinds"),
    ),
    Source("calendar", "calendar.csv"),
)

# Of several files each, and loaded after the others, for they are held against GIAS and the calendar.
COLLECTIONS = (
    Collection(
        "sen2",
        ("sen2/*/*.csv",),
        ("reference.sen2_plans", "reference.sen2_plan_schools", "reference.sen2_reviews", "reference.sen2_needs"),
        read_sen2,
    ),
    Collection(
        "census",
        ("census/*.csv",),
        ("reference.census_pupils", "reference.census_needs"),
        read_census,
        seeds=("code_lists",),
    ),
    Collection(
        "ees",
        ("ees/*.csv", "ees/*.zip"),
        ("reference.comparators", "reference.comparator_notes"),
        read_comparators,
        seeds=("comparator_measures",),
    ),
)

# What rules and figures of terms come from: DfE's comparators stand beside them, and a file of no kind is only kept.
KINDS_OF_TERMS = frozenset(each.kind for each in (*SOURCES, *COLLECTIONS)) - {"ees"}


def kind_of(path: str) -> str:
    """The kind of source that a path below the reference folder (with `/`) is of; 'other' where it is none's."""
    patterns = [(source.pattern, source.kind) for source in SOURCES]
    patterns += [(pattern, collection.kind) for collection in COLLECTIONS for pattern in collection.patterns]
    return next((kind for pattern, kind in patterns if _matches(path, pattern)), "other")


def _matches(path: str, pattern: str) -> bool:
    """Part by part, so that `*` stays within a folder."""
    parts, patterns = path.lower().split("/"), pattern.split("/")
    return len(parts) == len(patterns) and all(map(fnmatch, parts, patterns))
