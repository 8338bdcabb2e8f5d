"""A return dropped on its page: what a run would find is shown, and nothing of it is left anywhere."""

import shutil
import tempfile
from pathlib import Path

import openpyxl
import pytest

from pipelines.checking import dry_run_apart
from pipelines.demo.synthetic_la import make_la
from pipelines.settings import Settings
from tests.dashboards.test_pages import on_loopback, open_page, text_of, tile  # noqa: F401 - a fixture of every page's

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@pytest.fixture(scope="module")
def la(tmp_path_factory) -> Path:
    """The data folder of an LA whose clean returns have arrived, and nothing run yet."""
    folder = tmp_path_factory.mktemp("la") / "data"
    make_la(Settings(_env_file=None, data_dir=folder, settling_seconds=0), schools=6, terms=1, dirty=False)
    return folder


@pytest.fixture
def own(data_folder, la, tmp_path, monkeypatch) -> Path:
    """A copy of the published folder with that LA's own files, and a temporary folder that only these tests write."""
    folder = tmp_path / "data"
    shutil.copytree(data_folder, folder)
    shutil.copytree(la / "reference", folder / "reference", dirs_exist_ok=True)
    monkeypatch.setenv("SEN_DATA_DIR", str(folder))
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    return folder


@pytest.fixture
def spoilt(la, tmp_path) -> Path:
    """A clean workbook with a sex that is no code, in the first pupil's row."""
    clean = min((la / "landing").rglob("*.xlsx"))
    book = openpyxl.load_workbook(clean)
    sheet = book["pupils"]
    sheet.cell(2, [cell.value for cell in sheet[1]].index("sex") + 1).value = "Q"
    path = tmp_path / clean.name
    book.save(path)
    return path


def drop(name: str, content: bytes):
    app = open_page("check_a_return")
    app.file_uploader[0].set_value((name, content, XLSX)).run(timeout=180)
    assert not app.exception
    return app


def what_is_in(folder: Path) -> dict[str, tuple[int, int]]:
    """Every file but the lock, with its size and time."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != "run.lock")
    return {str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in files}


def test_before_a_file_is_there_the_page_says_what_happens_to_one_and_checks_nothing(own, monkeypatch):
    monkeypatch.setattr(dry_run_apart, "_ask", lambda *_: pytest.fail("nothing was dropped"))
    said = text_of(open_page("check_a_return"))
    assert "What happens to the file" in said
    assert "What a run would say" not in said


def test_a_fault_is_shown_at_its_sheet_row_and_column_and_nothing_is_left_of_the_file(own, spoilt):
    before = what_is_in(own)
    app = drop(spoilt.name, spoilt.read_bytes())
    said = text_of(app)
    assert f"{spoilt.name} would be accepted with errors." in said
    assert " 1 " in tile(app, "Errors")
    assert "Sheet pupils, column sex, row 2 PUP.sex.code" in said
    assert "Give one of: F, M." in said
    assert "Errors: must be corrected" in [header.value for header in app.header]
    [button] = app.get("download_button")
    assert button.proto.label == "Download the workbook with every issue"
    # the snapshot, the reference files and the rest are as they were, and no warehouse has come to be
    assert what_is_in(own) == before
    assert list(Path(tempfile.gettempdir()).iterdir()) == []
    # no pupil is on the page
    upns = {row[0].value for row in openpyxl.load_workbook(spoilt)["pupils"].iter_rows(min_row=2, max_col=1)} - {None}
    assert upns
    assert not [upn for upn in upns if upn in said]


def test_a_file_is_checked_once_however_often_the_page_is_made_anew(own, monkeypatch):
    asked = []
    monkeypatch.setattr("pipelines.checking.dry_run_apart._ask", lambda *of: asked.append(of) or failed())
    app = drop("return.xlsx", b"anything")
    app.run()
    assert len(asked) == 1
    assert app.error[0].value.startswith("The check itself failed (KeyError).")
    # taken away, and dropped once more
    app.file_uploader[0].set_value(None).run()
    assert not app.error
    app.file_uploader[0].set_value(("return.xlsx", b"anything", XLSX)).run()
    assert len(asked) == 2


def failed():
    return dry_run_apart.DryRunFailedError("KeyError")


def test_a_file_that_cannot_be_read_is_told_so_and_why(own):
    said = text_of(drop("notes.pdf", b"%PDF-1.7\n"))
    assert "notes.pdf cannot be read as a return." in said
    assert "This file is a PDF." in said
    assert list(Path(tempfile.gettempdir()).iterdir()) == []


def test_without_the_list_of_schools_the_page_says_what_is_lacking(own):
    shutil.rmtree(own / "reference")
    app = drop("return.xlsx", b"anything")
    assert "edubasealldata" in app.error[0].value
    assert list(Path(tempfile.gettempdir()).iterdir()) == []
