"""The LA's own files, one entry a source: what it is called, which columns are wanted of it, and where they go."""

from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatch
from typing import Literal

import polars as pl

from pipelines.settings import Settings

Kind = Literal["text", "upn", "urn", "email", "role", "count", "date", "yes_no", "approved"]

TYPED_KINDS = ("count", "date", "yes_no", "approved")


@dataclass(frozen=True)
class Column:
    """A wanted column: its name in the table, its header in the file (matched as a return's is).

    needed: the file is of no use without the column. identifies: a row is of no use without the value, and is left out;
    any other cell that can't be read is blank, and the row counts. A URN that identifies must be in GIAS.
    """

    name: str
    header: str
    kind: Kind = "text"
    needed: bool = False
    identifies: bool = False


@dataclass(frozen=True)
class Source:
    """One of the LA's own files. pattern: below the reference folder; table None: archived, not loaded yet."""

    kind: str
    pattern: str
    table: str | None = None
    columns: tuple[Column, ...] = ()
    key: tuple[str, ...] = ()  # no two rows of the table share it: the first stands
    finish: Callable[[pl.DataFrame], pl.DataFrame] | None = None
    check: Callable[[pl.DataFrame, Settings], str | None] | None = None  # a sentence why the table can't be right

    @property
    def knows_schools(self) -> bool:
        """Whether its rows are held against GIAS, and are read again when that changes."""
        return any(column.kind == "urn" and column.identifies for column in self.columns)


STATUSES = {"1": "Open", "2": "Closed", "3": "Open, but proposed to close", "4": "Proposed to open"}


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
    Source("calendar", "calendar.csv"),
    Source("sen2", "sen2/*/*.csv"),
    Source("census", "census/*.csv"),
    Source("ees", "ees/*.csv"),
    Source("ees", "ees/*.zip"),
    Source("notional_budgets", "notional_budgets.csv"),
)

OTHER = Source("other", "*")


def source_of(path: str) -> Source:
    """The source of a path below the reference folder (with `/`); OTHER where it is none's."""
    return next((source for source in SOURCES if _matches(path, source.pattern)), OTHER)


def _matches(path: str, pattern: str) -> bool:
    """Part by part, so that `*` stays within a folder."""
    parts, patterns = path.lower().split("/"), pattern.split("/")
    return len(parts) == len(patterns) and all(map(fnmatch, parts, patterns))
