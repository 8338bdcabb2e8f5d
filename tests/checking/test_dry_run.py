"""One return, checked before it is sent: what a run would find, and nothing left of it."""

import shutil
import tempfile
from datetime import datetime
from pathlib import Path

import openpyxl
import pytest
from typer.testing import CliRunner

from pipelines.checking.dry_run import dry_run
from pipelines.checking.dry_run_apart import DryRunFailedError, dry_run_apart
from pipelines.cli import app
from pipelines.demo.synthetic_la import make_la
from pipelines.landing import pull
from pipelines.reference import NoEstablishments, pull_reference
from pipelines.settings import Settings
from pipelines.warehouse import warehouse

AT = datetime(2026, 7, 20, 9, 0)


@pytest.fixture(scope="module")
def la(tmp_path_factory):
    """Clean returns of one term in the landing zone, and nothing run yet."""
    settings = Settings(_env_file=None, data_dir=tmp_path_factory.mktemp("la") / "data", settling_seconds=0)
    make_la(settings, schools=6, terms=1, dirty=False)
    return settings


@pytest.fixture
def workbook(la) -> Path:
    return next(path for path in sorted((la.data_dir / "landing").rglob("*.xlsx")))


@pytest.fixture
def spoilt(workbook, tmp_path) -> Path:
    """The same school's workbook with a sex that is no code, in the first pupil's row."""
    book = openpyxl.load_workbook(workbook)
    sheet = book["pupils"]
    place = [cell.value for cell in sheet[1]].index("sex") + 1
    sheet.cell(2, place).value = "Q"
    path = tmp_path / workbook.name.replace("_01.xlsx", "_02.xlsx")
    book.save(path)
    return path


def what_is_in(folder: Path) -> list[tuple[str, int]]:
    return sorted((str(path), path.stat().st_mtime_ns) for path in folder.rglob("*") if path.is_file())


def test_a_clean_return_has_no_issue_and_nothing_of_it_is_stored(la, workbook):
    before = what_is_in(la.data_dir / "landing"), what_is_in(la.data_dir / "reference")
    found = dry_run(la, workbook.read_bytes(), workbook.name, AT)
    assert (found.state, found.errors, found.queries, found.can_be_read) == ("current", 0, 0, True)
    assert not la.warehouse_path.exists()
    assert (what_is_in(la.data_dir / "landing"), what_is_in(la.data_dir / "reference")) == before
    assert not (la.data_dir / "archive").exists()
    assert list(Path(tempfile.gettempdir()).glob("sen-check-*/data")) == []


def test_a_fault_is_found_at_its_row_and_field_with_the_workbook_that_the_school_would_get(la, spoilt):
    found = dry_run(la, spoilt.read_bytes(), spoilt.name, AT)
    places = found.issues.select("table_name", "row_number", "field", "rule_code").rows()
    assert places == [("pupils", 2, "sex", "PUP.sex.code")]
    assert found.errors == 1
    assert found.workbook[:2] == b"PK"


def test_where_a_return_was_received_already_the_newer_one_is_checked_in_its_place(la, workbook, spoilt, tmp_path):
    received = la.model_copy(update={"data_dir": tmp_path / "data", "landing_url": str(tmp_path / "landing")})
    (tmp_path / "landing").mkdir()
    (tmp_path / "landing" / workbook.name).write_bytes(workbook.read_bytes())
    shutil.copytree(la.reference_dir, received.reference_dir)
    with warehouse(received) as connection:
        pull_reference(received, connection, AT)
        pull(received, connection, AT)
    before = received.warehouse_path.read_bytes()
    found = dry_run(received, spoilt.read_bytes(), spoilt.name, AT)
    assert (found.state, found.errors) == ("current", 1)
    again = dry_run(received, workbook.read_bytes(), "sent again.xlsx", AT)
    assert again.state == "duplicate"
    assert received.warehouse_path.read_bytes() == before


def test_the_command_ends_with_1_on_errors_and_2_where_a_file_cannot_be_read(la, workbook, spoilt, tmp_path):
    unreadable = tmp_path / "notes.xlsx"
    unreadable.write_text("not a workbook")
    run = CliRunner().invoke

    def code_of(*files: Path) -> int:
        return run(app, ["check", *map(str, files), "--data-dir", str(la.data_dir), "--on", "2026-07-20"]).exit_code

    said = run(app, ["check", str(spoilt), "--data-dir", str(la.data_dir), "--on", "2026-07-20"])
    assert said.exit_code == 1
    assert "pupils, row 2, sex (PUP.sex.code)" in said.output
    assert code_of(workbook) == 0
    assert code_of(spoilt, unreadable) == 2
    assert code_of(tmp_path / "not there.xlsx") == 2


class LeftError(Exception):
    """Whoever waited has gone."""


def test_whatever_becomes_of_a_check_apart_nothing_of_the_file_is_left(la, workbook, tmp_path, monkeypatch):
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))

    def gone(_):
        # by then the process has begun, and may have written
        raise LeftError

    with pytest.raises(LeftError):
        dry_run_apart(la, workbook.read_bytes(), workbook.name, AT, gone)
    assert list(temporary.iterdir()) == []
    # a warehouse that is none: the check itself fails, and does not say what it had read
    broken = la.model_copy(update={"data_dir": tmp_path / "data"})
    broken.data_dir.mkdir()
    broken.warehouse_path.write_text("not a database")
    with pytest.raises(DryRunFailedError) as error:
        dry_run_apart(broken, workbook.read_bytes(), workbook.name, AT, lambda _: None)
    assert "Error" in str(error.value) or "Exception" in str(error.value)
    assert workbook.name not in str(error.value)
    assert list(temporary.iterdir()) == []
    # and the next one has its turn
    with pytest.raises(NoEstablishments):
        dry_run_apart(la.model_copy(update={"data_dir": tmp_path / "empty"}), b"anything", "x.xlsx", AT, lambda _: None)
