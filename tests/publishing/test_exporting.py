"""An export: whole files or none, small counts nowhere, every column explained, nobody in it."""

import re
from pathlib import Path

import openpyxl
import polars as pl
import pytest
from typer.testing import CliRunner

from pipelines.cli import app
from pipelines.publishing import exporting
from pipelines.publishing.exporting import DICTIONARY, WORKBOOK, ExportError, export, formats_asked
from pipelines.publishing.snapshots import first_exported, open_snapshot
from pipelines.publishing.suppressing import is_small
from pipelines.publishing.tidy import META_COLUMNS, SYMBOLS
from pipelines.settings import Settings
from tests.dashboards import synthetic

pytestmark = pytest.mark.filterwarnings("ignore:Sparkline Group extension")  # openpyxl reads none

FORMULA = '=HYPERLINK("https://example.org","School")'
THRESHOLD = 5
# how many pupils, plans or reviews there are: of every file, those that a small number would have to be hidden in; how many
# answers are not known says nothing of any child
COUNTS = ("met_count", "known_count", "referral_count", "seen_count", "waiting_count", "pupil_count")


@pytest.fixture(scope="module")
def published(tmp_path_factory) -> Settings:
    settings = Settings(_env_file=None, data_dir=tmp_path_factory.mktemp("data"), la_name="Synthetic & Sons Council")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(synthetic.SCHOOLS[0], "name", FORMULA)
        synthetic.write_snapshot(settings, drop_last=6)
    return settings


@pytest.fixture(scope="module")
def exported(published, tmp_path_factory) -> Path:
    """A folder with an export in every format; nobody writes to it."""
    folder = tmp_path_factory.mktemp("export")
    export(published, folder)
    return folder


def csv(path: Path) -> pl.DataFrame:
    return pl.read_csv(path, infer_schema=False)


def data_files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("sen_*.csv") if not path.name.endswith(".meta.csv"))


def figures(path: Path) -> pl.DataFrame:
    """The rows of a data file that count pupils, and not schools."""
    table = csv(path)
    if "indicator" in table.columns:
        return table.filter(~pl.col("indicator").str.starts_with("SCH"))
    return table


# -------------------------------------------------------------------------------------------------------- what is in it


def test_no_small_count_is_in_any_file(exported):
    looked_at = 0
    for path in data_files(exported):
        counts = figures(path).select(pl.col(c).cast(pl.Int64, strict=False) for c in csv(path).columns if c in COUNTS)
        looked_at += counts.height
        assert counts.filter(pl.any_horizontal(is_small(pl.all(), THRESHOLD))).is_empty(), path.name
    for name in ("indicator_values", "indicator_values_area"):
        table = pl.read_parquet(exported / f"{name}.parquet").filter(
            ~pl.col("indicator_id").str.starts_with("SCH"), pl.col("indicator_id") != "RES01"
        )
        small = is_small(pl.col("numerator", "denominator"), THRESHOLD)
        assert table.filter(pl.any_horizontal(small)).is_empty()
    assert looked_at > 1000


def test_a_rate_is_given_only_with_both_of_its_counts(exported):
    files = (figures(exported / name) for name in ("sen_indicators.csv", "sen_indicators_schools.csv"))
    table = pl.concat(files, how="diagonal")
    for rate in ("met_percent", "lower_95_percent", "upper_95_percent"):
        given = table.filter(~pl.col(rate).is_in(list(SYMBOLS)))
        assert not given.is_empty()
        assert given.filter(pl.col("met_count").is_in(["c"]) | pl.col("known_count").is_in(["c"])).is_empty()
    values = pl.read_parquet(exported / "indicator_values.parquet").filter("hides_value")
    assert not values.is_empty()
    assert values.select("value", "lower_95", "upper_95", "rag").null_count().row(0) == (values.height,) * 4


def test_the_workbook_says_what_the_data_files_say(exported):
    book = openpyxl.load_workbook(exported / WORKBOOK, read_only=True)
    rows = list(book["Schools"].iter_rows(min_row=5, values_only=True))
    newest = csv(exported / "sen_indicators_schools.csv").filter(time_period="202324", time_identifier="Summer term")
    said = {(row["school_urn"], row["indicator"]): row for row in newest.iter_rows(named=True)}
    assert len(rows) > 100
    for row in rows:
        file = said[(row[1], row[4])]
        assert [str(cell) for cell in row[5:8]] == [file["met_count"], file["known_count"], file["unknown_count"]]
        if file["met_percent"] not in SYMBOLS:
            assert row[8] == pytest.approx(float(file["met_percent"]) / 100)
        else:
            assert row[8] == file["met_percent"]


def test_nothing_about_one_pupil_leaves(exported):
    names = {path.stem for path in exported.iterdir()}
    assert not names & {"indicator_units", "support_cases", "ehc_admissions", "issues", "explanations", "restatements"}
    columns = {column for path in exported.glob("*.parquet") for column in pl.read_parquet_schema(path)}
    assert not columns & {"pupil_key", "upn", "unit_id", "return_id", "row_number"}
    for path in exported.glob("*.csv"):
        assert not re.search(r"[0-9a-f]{40}|abab", path.read_text())


def test_an_export_is_made_without_the_restricted_snapshot(published, tmp_path):
    restricted = published.published_dir / "restricted"
    aside = restricted.rename(restricted.with_name("aside"))
    try:
        export(published, tmp_path, ("csv",))
    finally:
        aside.rename(restricted)
    assert (tmp_path / "sen_indicators.csv").is_file()


def test_an_export_is_noted_with_the_snapshot_that_it_is_of(published, exported):
    connection, _ = open_snapshot(published)
    with connection:
        (published_at,) = connection.sql("SELECT published_at FROM marts.snapshot").fetchone()
    assert first_exported(published) == published_at
    assert first_exported(published.model_copy(update={"data_dir": exported})) is None


def test_a_name_that_looks_like_a_formula_is_a_text_everywhere(exported):
    schools = csv(exported / "sen_indicators_schools.csv")["school_name"].unique().to_list()
    assert f"'{FORMULA}" in schools
    assert not any(re.match(r"[=+\-@]", name) for name in schools)
    book = openpyxl.load_workbook(exported / WORKBOOK)
    named = [cell for cell in book["Returns"]["A"] if cell.value == FORMULA]
    assert [(cell.data_type, cell.quotePrefix) for cell in named] == [("s", True)]
    assert not [cell for sheet in book for row in sheet.iter_rows() for cell in row if cell.data_type == "f"]


# ------------------------------------------------------------------------------------------------------------ its form


def test_data_files_have_the_form_of_dfes_tidy_data(exported):
    for path in data_files(exported):
        table, meta = csv(path), csv(path.with_suffix(".meta.csv"))
        first = ["time_period", "time_identifier", "geographic_level", "country_code", "country_name"]
        assert table.columns[:5] == first, path.name
        assert all(re.fullmatch(r"[a-z][a-z0-9_]{1,49}", column) for column in table.columns)
        assert meta.columns == list(META_COLUMNS)
        assert set(meta["col_type"]) <= {"Filter", "Indicator"}
        assert set(meta["col_name"]) <= set(table.columns)
        indicators = meta.filter(col_type="Indicator")["col_name"].to_list()
        for column in indicators:
            assert table[column].str.contains(r"^(-?[0-9]+(\.[0-9]+)?|c|z|x)$").all(), (path.name, column)
        places = {"old_la_code", "new_la_code", "la_name", "region_code", "region_name", "trust_id", "trust_name"}
        places |= {"school_urn", "school_laestab", "school_name"}
        groups = set(meta["filter_grouping_column"].drop_nulls())
        assert set(table.columns) == {*first, *meta["col_name"], *groups} | (places & set(table.columns))
        if not table.is_empty():
            levels = {"School"} if path.stem.endswith("_schools") else {"Local authority", "MAT"}
            assert set(table["geographic_level"]) <= levels
            assert set(table["time_identifier"]) <= {"Autumn term", "Spring term", "Summer term"}
            years = table["time_period"].unique()
            assert all((int(year[:4]) + 1) % 100 == int(year[4:]) for year in years)
        keys = [c for c in table.columns if c not in indicators]
        assert table.select(keys).is_duplicated().sum() == 0, path.name


def test_the_dictionary_explains_every_column_of_every_file(exported):
    dictionary = csv(exported / DICTIONARY).filter(pl.col("kind") != "symbol")
    explained = set(dictionary.select("file", "column").iter_rows())
    written = {
        (path.name, column)
        for path in [*exported.glob("*.csv"), *exported.glob("*.parquet")]
        if not path.name.endswith(".meta.csv") and path.name != DICTIONARY
        for column in (csv(path).columns if path.suffix == ".csv" else pl.read_parquet_schema(path))
    }
    assert explained == written
    assert dictionary["description"].null_count() == 0


def test_the_workbooks_links_lead_to_its_sheets(exported):
    book = openpyxl.load_workbook(exported / WORKBOOK)
    links = [
        cell.hyperlink.location
        for sheet in book
        for row in sheet.iter_rows(max_row=60)
        for cell in row
        if cell.hyperlink
    ]
    assert len(links) > 2 * len(book.sheetnames) - 4
    assert {link.split("!")[0].strip("'") for link in links} <= set(book.sheetnames)
    in_contents = {cell.value for cell in book["Contents"]["A"] if cell.hyperlink}
    assert in_contents == set(book.sheetnames) - {"Cover", "Contents"}


def test_the_cover_says_what_is_hidden_and_as_at_when(published, tmp_path):
    export(published.model_copy(update={"suppression_threshold": 8}), tmp_path, ("xlsx",))
    cover = openpyxl.load_workbook(tmp_path / WORKBOOK)["Cover"]
    said = " ".join(str(cell.value) for row in cover.iter_rows() for cell in row if cell.value)
    assert "from 1 to 7 " in said
    assert "Summer 2023-24, as at 9 Jul 2024" in said
    assert "Synthetic & Sons Council" in said


# --------------------------------------------------------------------------------------------------------- how it is made


def test_the_same_snapshot_gives_the_same_bytes(published, exported, tmp_path):
    export(published, tmp_path)
    for path in exported.iterdir():
        assert path.read_bytes() == (tmp_path / path.name).read_bytes(), path.name


def test_only_the_formats_that_are_asked_for_are_written(published, tmp_path):
    done = export(published, tmp_path, formats_asked(" XLSX "))
    assert {path.name for path in tmp_path.iterdir()} == {WORKBOOK, DICTIONARY} == set(done.files)


def test_an_export_that_breaks_off_leaves_the_earlier_one_as_it_was(published, tmp_path, monkeypatch):
    export(published, tmp_path, ("csv",))
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def broken(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(exporting, "workbook", broken)
    with pytest.raises(ExportError, match="No space left on device"):
        export(published, tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_what_a_killed_export_left_goes_with_the_next(published, tmp_path):
    left_over = tmp_path / ".sen-export-killed"
    left_over.mkdir()
    (left_over / "sen_indicators.csv").write_text("half a fi")
    export(published, tmp_path, ("parquet",))
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize("text", ["", " , ", "pdf", "csv,pdf"])
def test_a_format_that_there_is_not_is_named(text):
    with pytest.raises(ExportError, match="csv, parquet, xlsx"):
        formats_asked(text)


def run(*arguments: object):
    return CliRunner().invoke(app, ["export", *map(str, arguments)])


def test_the_command_says_where_the_files_are(published, tmp_path):
    done = run("--to", tmp_path / "out", "--format", "csv", "--data-dir", published.data_dir)
    assert done.exit_code == 0
    assert "sen-2026" in done.output
    assert str(tmp_path / "out") in done.output.replace("\n", "")


def test_the_command_fails_with_a_sentence(published, tmp_path):
    (tmp_path / "file").touch()
    for arguments, code, says in [
        (("--to", tmp_path / "out", "--format", "pdf", "--data-dir", published.data_dir), 2, "no format pdf"),
        (("--to", tmp_path / "out", "--data-dir", tmp_path / "empty"), 1, "Nothing has been published"),
        (("--to", tmp_path / "file", "--data-dir", published.data_dir), 1, "is a file"),
        (("--to", tmp_path / "file" / "in", "--data-dir", published.data_dir), 1, "cannot be written to"),
    ]:
        done = run(*arguments)
        assert done.exit_code == code
        assert says in done.output
    assert not (tmp_path / "out").exists()
