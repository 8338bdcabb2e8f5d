"""`sen export`: the newest snapshot's figures in a folder, with small counts hidden, and a dictionary of every column.

CSV in the tidy form of DfE's explore education statistics, Parquet as the marts have them, and a workbook to read. From the
analysts' snapshot alone; nothing about one pupil is in it, and no list of pupils, of cases or of issues leaves.
"""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import yaml

from pipelines.publishing.export_workbook import workbook
from pipelines.publishing.snapshots import first_exported, note_export, open_snapshot
from pipelines.publishing.suppressed_figures import suppressed
from pipelines.publishing.tidy import SYMBOLS, DataFile, metadata, tidy_files
from pipelines.settings import DBT_PROJECT_DIR, Settings

FORMATS = ("csv", "parquet", "xlsx")
WORKBOOK = "sen_oversight.xlsx"
DICTIONARY = "data_dictionary.csv"
# what counts no pupils, as the marts have it; of returns only what became of them
PLAIN = {
    "indicators": "SELECT * FROM marts.indicators ORDER BY position, id",
    "schools": "SELECT * FROM marts.schools ORDER BY name, urn",
    "terms": "SELECT * FROM marts.terms ORDER BY starts_on",
    "returns": "SELECT urn, term, status, is_due, on_time FROM marts.returns ORDER BY term, urn",
    "comparators": "SELECT * FROM marts.comparators ORDER BY ALL",
}
OWN_FOLDER = ".sen-export-"


class ExportError(Exception):
    """An export that cannot be made as it was asked for; the message says why."""


@dataclass(frozen=True)
class Exported:
    """What was written: the snapshot's name, and the files' names in the folder."""

    snapshot: str
    files: tuple[str, ...]


def formats_asked(text: str) -> tuple[str, ...]:
    """`csv,xlsx` as formats, in the order of FORMATS. Raises ExportError."""
    asked = {word.strip().lower() for word in text.split(",") if word.strip()}
    unknown = asked - set(FORMATS)
    if unknown or not asked:
        named = f"There is no format {', '.join(sorted(unknown))}." if unknown else "No format is named."
        raise ExportError(f"{named} The formats are {', '.join(FORMATS)}.")
    return tuple(name for name in FORMATS if name in asked)


def export(
    settings: Settings, to: Path, formats: tuple[str, ...] = FORMATS, say: Callable[[str], None] = lambda _: None
) -> Exported:
    """Write the newest snapshot's figures into a folder. Raises NoSnapshotError, ExportError.

    Files appear whole or not at all: they are written into a folder of their own within it, and moved when all of them are there.
    """
    connection, snapshot = open_snapshot(settings)
    with connection, _own_folder(to) as folder:
        say("Hiding small counts of pupils, and what would give them away")
        tables = suppressed(connection, settings.suppression_threshold, first_exported(settings))
        about = connection.sql("SELECT * FROM marts.snapshot").pl().row(0, named=True) | {"snapshot": snapshot}
        plain = {name: connection.sql(query).pl() for name, query in PLAIN.items()}
        files = tidy_files(connection, tables)
        dictionary = data_dictionary(files, tables | plain, formats)
        if "csv" in formats:
            say("Writing CSV")
            for file in files:
                _write_csv(file.table, folder / f"{file.name}.csv")
                _write_csv(metadata(file), folder / f"{file.name}.meta.csv")
            for name, table in plain.items():
                _write_csv(table, folder / f"{name}.csv")
        if "parquet" in formats:
            say("Writing Parquet")
            for name, table in (tables | plain).items():
                table.sort(table.columns[:6], nulls_last=True).write_parquet(folder / f"{name}.parquet")
        if "xlsx" in formats:
            say("Writing the workbook")
            made = workbook(settings, about, files, plain, dictionary)
            (folder / WORKBOOK).write_bytes(made)
        _write_csv(dictionary, folder / DICTIONARY)
        written = sorted(path.name for path in folder.iterdir())
        # before the first of them leaves
        note_export(settings, about["published_at"])
        try:
            for name in written:
                (folder / name).replace(to / name)
        except OSError as error:
            raise ExportError(
                f"{to / name} cannot be replaced ({error.strerror}): is it open in another program?"
            ) from error
    return Exported(snapshot, tuple(written))


@contextmanager
def _own_folder(to: Path) -> Iterator[Path]:
    """A folder within `to` that goes again, with what an export that was killed left there. Raises ExportError."""
    folder = None
    if to.exists() and not to.is_dir():
        raise ExportError(f"{to} is a file: name a folder.")
    try:
        to.mkdir(parents=True, exist_ok=True)
        for left_over in to.glob(f"{OWN_FOLDER}*"):
            shutil.rmtree(left_over)
        folder = Path(tempfile.mkdtemp(prefix=OWN_FOLDER, dir=to))
        yield folder
    except OSError as error:
        raise ExportError(f"{to} cannot be written to: {error.strerror or error}.") from error
    finally:
        if folder:
            shutil.rmtree(folder, ignore_errors=True)


def _write_csv(table: pl.DataFrame, path: Path) -> None:
    """UTF-8, blank for null; a text that a spreadsheet would take for a formula gets an apostrophe, which it takes for text."""
    safe = pl.col(pl.String).str.replace(r"^([=+\-@\t\r])", "'$1").replace("", None)
    table.with_columns(safe).write_csv(path)


# -------------------------------------------------------------------------------------------------------- the dictionary

DICTIONARY_COLUMNS = ("file", "column", "kind", "label", "description", "unit")
OF_PROFILE = {
    "breakdown": "all, need, year_group or sex; of schools all.",
    "code": "The need, year group or sex; not_known where the census does not ask for it.",
    "K": "Pupils with SEN support.",
    "E": "Pupils with an EHC plan.",
    "N": "Pupils with neither (known of the school census alone).",
}


def data_dictionary(files: list[DataFile], tables: dict[str, pl.DataFrame], formats: tuple[str, ...]) -> pl.DataFrame:
    """A row a column of every file of an export: file, column, kind, label, description, unit."""
    rows: list[tuple[str, ...]] = []
    if "csv" in formats:
        rows += [(f"{f.name}.csv", c.name, c.kind, c.label, c.says, c.unit) for f in files for c in f.columns]
        rows += [(f"{f.name}.csv", "", "symbol", symbol, says, "") for f in files for symbol, says in SYMBOLS.items()]
        rows += _of_marts({name: tables[name] for name in PLAIN}, "csv")
    if "parquet" in formats:
        rows += _of_marts(tables, "parquet")
    return pl.DataFrame(rows, schema=dict.fromkeys(DICTIONARY_COLUMNS, pl.String), orient="row")


def _of_marts(tables: dict[str, pl.DataFrame], suffix: str) -> list[tuple[str, ...]]:
    described = _mart_columns()
    return [
        (f"{name}.{suffix}", column, str(kind).lower(), "", _describe(column, described[name]), "")
        for name, table in tables.items()
        for column, kind in table.schema.items()
    ]


def _describe(column: str, described: dict[str, str]) -> str:
    if column.startswith("hides_"):
        what = column.removeprefix("hides_")
        also = {"value": " (and interval and rating, or the days)", "pupils": " (and the pounds a pupil)"}.get(what, "")
        return f"Whether {what} is suppressed{also}; it is null then."
    return OF_PROFILE.get(column) or described[column]


def _mart_columns() -> dict[str, dict[str, str]]:
    """Mart -> column -> what it is, in the words of the models' own descriptions."""
    marts: dict[str, dict[str, str]] = {}
    for path in (DBT_PROJECT_DIR / "models" / "marts").glob("*.yml"):
        for model in yaml.safe_load(path.read_text(encoding="utf-8")).get("models", []):
            columns = {column["name"]: column["description"] for column in model["columns"]}
            marts[ALIASES.get(model["name"], model["name"])] = columns
    return marts


ALIASES = {"indicator_definitions": "indicators"}
