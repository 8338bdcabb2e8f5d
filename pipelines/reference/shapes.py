"""The two shapes of a source: one file that fills one table, and several files that fill several together."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import polars as pl

from pipelines.settings import Settings
from pipelines.terms import Term

Kind = Literal[
    "text",
    "upn",
    "urn",
    "email",
    "role",
    "count",
    "rank",
    "date",
    "yes_no",
    "approved",
    "pounds",
    "financial_year",
    "share",
    "code",
]

TYPED_KINDS = ("count", "rank", "date", "yes_no", "approved", "pounds", "financial_year", "share", "code")


@dataclass(frozen=True)
class Column:
    """A wanted column: its name in the table, its header in the file (matched as a return's is).

    needed: the file is of no use without the column. identifies: a row is of no use without the value, and is left out;
    any other cell that can't be read is blank, and the row counts. A URN that identifies must be in GIAS. codes: what a
    cell of kind code may be, whatever its capitals. expects: what a cell must be, for the LA whose cell is not.
    """

    name: str
    header: str
    kind: Kind = "text"
    needed: bool = False
    identifies: bool = False
    codes: tuple[str, ...] = ()
    expects: str | None = None


@dataclass(frozen=True)
class Source:
    """One of the LA's own files. pattern: below the reference folder; table None: archived, not loaded.

    seeds: those whose codes its cells must be; it is read again when they change.
    """

    kind: str
    pattern: str
    table: str | None = None
    columns: tuple[Column, ...] = ()
    key: tuple[str, ...] = ()  # no two rows of the table share it: the first stands
    finish: Callable[[pl.DataFrame], pl.DataFrame] | None = None
    check: Callable[[pl.DataFrame, Settings], str | None] | None = None  # a sentence why the table can't be right
    seeds: tuple[str, ...] = ()

    @property
    def knows_schools(self) -> bool:
        """Whether its rows are held against GIAS, and are read again when that changes."""
        return any(column.kind == "urn" and column.identifies for column in self.columns)


@dataclass(frozen=True)
class CollectedFile:
    """A version of a file of a collection. is_there: at its path now; one that was taken away stays in use."""

    path: str
    sha256: str
    is_there: bool
    load: Callable[[], bytes] = field(compare=False, repr=False)

    @property
    def name(self) -> str:
        """The file's name without its folders."""
        return self.path.rsplit("/", 1)[-1]


@dataclass(frozen=True)
class Verdict:
    """What became of a file: current (in use), older, unused (nothing in it is needed) or broken, with its fault."""

    state: Literal["current", "older", "unused", "broken"]
    rows: int | None = None
    encoding: str | None = None
    fault: str | None = None

    def with_fault(self, rows: int, what: str) -> "Verdict":
        """The same with one fault more, of some rows; as it is where there is no such row."""
        if not rows:
            return self
        fault = ". ".join(filter(None, (self.fault, f"{rows} row{'s' * (rows > 1)} {what}")))
        return replace(self, fault=fault)


@dataclass(frozen=True)
class Surroundings:
    """What a collection is held against. schools: urn, laestab, open_date, close_date of GIAS; terms: of the calendar in force, by name."""

    la_code: str
    schools: pl.DataFrame
    terms: Mapping[str, Term]


@dataclass(frozen=True)
class Collected:
    """The tables of a collection (the columns of the warehouse's), and what became of each of its files."""

    tables: dict[str, pl.DataFrame]
    verdicts: dict[CollectedFile, Verdict]


@dataclass(frozen=True)
class Collection:
    """A source of several files, which are read together. read: the files come by preference, the newest name first.

    seeds: those that say how it is read; it is read again when they change.
    """

    kind: str
    patterns: tuple[str, ...]
    tables: tuple[str, ...]
    read: Callable[[list[CollectedFile], Surroundings], Collected]
    seeds: tuple[str, ...] = ()
