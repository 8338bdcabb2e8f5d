"""A small LA's three years, purged and then rekeyed: what is gone is gone from every byte, and figures stand to the digit.

So do they for an LA of seven terms in which a past return alone has named a pupil in an EHC plan, with the LA's own file
of plans, of which that naming is then none, and without it, where it counts.
"""

import io
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from datetime import date, datetime
from pathlib import Path

import pytest
from pydantic import SecretStr

from pipelines import casework
from pipelines.changed_terms import mark_finished, term_fingerprints
from pipelines.checking.explaining import explanation_id
from pipelines.demo.synthetic_la import make_la
from pipelines.publishing.snapshots import current_name, open_snapshot
from pipelines.retention.past import NO_ADMISSION
from pipelines.retention.purging import AGGREGATES, purge, what_is_past
from pipelines.retention.rekeying import rekey
from pipelines.runs import RunFailedError, run_once
from pipelines.settings import Settings, get_settings
from pipelines.warehouse import warehouse
from tests.conftest import leave_out_own_settings
from tests.pipeline.killing import contents

pytestmark = pytest.mark.long

# with two years kept 2023-24 goes; the figures of 2024-25, the oldest year kept, stand; those of 2025-26 are made again
AT = datetime(2026, 11, 25)
KEY, OTHER_KEY = "the first pseudonym key", "another pseudonym key"
WAREHOUSE_KEY = "a key of thirty-two characters or more"
# LA: standings of the namings that go from the case lists of open terms too
LAS = {
    "three years": set(),
    "seven terms": {"in_return_not_in_la_data"},
    "seven terms, without ehc_plans.csv": set(),
}
PAST_NOTE, KEPT_NOTE = "agreed in the year that goes", "agreed in a year that stays"


def settings_of(data_dir: Path, **more) -> Settings:
    return Settings(_env_file=None, data_dir=data_dir, retention_years=2, **{"pseudonym_key": KEY} | more)


@pytest.fixture(scope="module")
def definitions(parsed_project):
    from pipelines.definitions import defs

    return defs


@pytest.fixture(scope="module")
def run(definitions):
    """run(settings, term=None): one pass of the pipeline, on the day of the purge."""

    def pass_once(settings: Settings, term: str | None = None) -> list[str]:
        with pytest.MonkeyPatch.context() as environment:
            leave_out_own_settings(environment)
            environment.setenv("DAGSTER_HOME", "")
            environment.setenv("SEN_DATA_DIR", str(settings.data_dir))
            environment.setenv("SEN_PSEUDONYM_KEY", settings.pseudonym_key.get_secret_value())
            get_settings.cache_clear()
            said: list[str] = []
            run_once(get_settings(), definitions, on=AT.date(), term=term, say=said.append)
        get_settings.cache_clear()
        return said

    return pass_once


@pytest.fixture(scope="module")
def received(run, tmp_path_factory) -> Settings:
    """The LA after its runs, with an explanation that was decided on and notes of contacts; nobody writes to it."""
    settings = settings_of(tmp_path_factory.mktemp("received") / "data")
    make_la(settings, schools=6, terms=9, pupils_per_school=8)
    run(settings)
    with warehouse(settings) as connection:
        urn, fact, rule, return_id = connection.sql("""
            SELECT urn, fact_id, rule_code, last_return_id FROM quality.issue_lives
            WHERE severity = 'query' AND term LIKE '2025-26%' ORDER BY ALL LIMIT 1
        """).fetchone()
        text = "It is right: the pupil moved."
        known_as = explanation_id(KEY.encode(), urn, fact, text)
        connection.execute(
            "INSERT INTO quality.explanations (explanation_id, urn, fact_id, rule_code, term, return_id, text, given_at) "
            "VALUES (?, ?, ?, ?, '2025-26-summer', ?, ?, DATE '2026-07-10')",
            [known_as, urn, fact, rule, return_id, text],
        )
    casework.decide(settings, known_as, "refused", by="analyst", note="It is not.", at=datetime(2026, 7, 20))
    casework.decide(settings, "0123456789abcdef", "accepted", by="analyst", note="of long ago", at=datetime(2024, 2, 1))
    casework.add_note(settings, urn, who="analyst", agreed=PAST_NOTE, on_date=date(2024, 2, 1))
    casework.add_note(settings, urn, who="analyst", agreed=KEPT_NOTE, on_date=date(2025, 2, 1))
    with warehouse(settings) as connection:  # as if a run had taken in what was decided
        connection.execute("UPDATE quality.explanations SET decision = 'refused', note = 'It is not.'")
        mark_finished(settings, connection, list(term_fingerprints(settings, connection)), AT)
    return settings


def copied(settings: Settings, folder: Path, **more) -> Settings:
    shutil.copytree(settings.data_dir, folder / "data", symlinks=True)
    return settings_of(folder / "data", **more)


@pytest.fixture(scope="module")
def purged(received, tmp_path_factory) -> Settings:
    settings = copied(received, tmp_path_factory.mktemp("purged"))
    purge(settings, AT, say=lambda _: None)
    return settings


@pytest.fixture(scope="module", params=LAS)
def before_and_after(request, run, tmp_path_factory) -> tuple[Settings, Settings]:
    """An LA as received, and purged."""
    if request.param == "three years":
        return request.getfixturevalue("received"), request.getfixturevalue("purged")
    before = settings_of(tmp_path_factory.mktemp("before") / "data")
    make_la(before, schools=5, terms=7, pupils_per_school=8)
    if "without" in request.param:
        (before.reference_dir / "ehc_plans.csv").unlink()
    run(before)
    after = copied(before, tmp_path_factory.mktemp("after"))
    purge(after, AT, say=lambda _: None)
    return before, after


@pytest.fixture(scope="module")
def rekeyed(purged, tmp_path_factory) -> Settings:
    settings = copied(purged, tmp_path_factory.mktemp("rekeyed"), pseudonym_key=OTHER_KEY)
    rekey(settings, AT, say=lambda _: None)
    return settings


def rows(settings: Settings, query: str) -> list[tuple]:
    with warehouse(settings, read_only=True) as connection:
        return connection.sql(query).fetchall()


def identifiers(settings: Settings) -> set[str]:
    """Every number of a pupil that the lookup knows."""
    found = rows(settings, "SELECT identifier FROM restricted.pupil_keys")
    return {identifier for (identifier,) in found if len(identifier) >= 10}


def named_in_what_is_kept(settings: Settings, needles: set[str]) -> set[str]:
    """Those that stand in a file of a school or of the LA that is kept, be it where they are no pupil's number."""
    folders = (settings.data_dir / "landing", settings.reference_dir)
    kept = [
        data
        for folder in folders
        for path in folder.rglob("*")
        if path.is_file()
        for data in unpacked(path.read_bytes())
    ]
    return {needle for needle in needles if any(needle.encode() in data for data in kept)}


def pupil_keys(settings: Settings) -> set[str]:
    return {key for (key,) in rows(settings, "SELECT pupil_key FROM restricted.pupil_keys")}


def files_with(data_dir: Path, needles: set[str]) -> set[str]:
    """The data folder's files of which some byte, packed or not, is of a needle: by their first folder."""
    wanted = [needle.encode() for needle in needles]
    found = set()
    for path in data_dir.rglob("*"):
        if path.is_file() and any(needle in data for data in unpacked(path.read_bytes()) for needle in wanted):
            found.add(path.relative_to(data_dir).parts[0])
    return found


def unpacked(data: bytes) -> list[bytes]:
    if not zipfile.is_zipfile(io.BytesIO(data)):
        return [data]
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return [
                data,
                *(archive.read(name) for name in archive.namelist() if archive.getinfo(name).file_size < 10**7),
            ]
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError):
        return [data]  # some files are spoilt on purpose


def figures(settings: Settings, mart: str) -> list[tuple]:
    return rows(settings, f"SELECT * FROM marts.{mart} ORDER BY ALL")


def test_who_is_in_nothing_that_is_kept_is_in_no_byte_of_the_data_folder(before_and_after):
    before, after = before_and_after
    # what could not be placed came on the day of the run, whatever folder it lies in
    unplaced = {path for (path,) in rows(after, "SELECT path FROM ledger.files WHERE term IS NULL")}
    landing = after.data_dir / "landing"
    in_past_folders = {path.relative_to(landing) for path in landing.glob("2023-24*/**/*") if path.is_file()}
    assert {path.as_posix() for path in in_past_folders} <= unplaced
    not_known = identifiers(before) - identifiers(after)
    gone = not_known - named_in_what_is_kept(after, not_known)
    gone_keys = pupil_keys(before) - pupil_keys(after)
    assert len(gone) > 5
    assert len(gone_keys) > 5
    # that the search finds them where they were shows that it can find
    assert files_with(before.data_dir, gone) >= {"archive", "landing", "outbox", "published", "warehouse.duckdb"}
    assert files_with(before.data_dir, gone_keys) == {"published", "warehouse.duckdb"}
    assert files_with(after.data_dir, gone | gone_keys) == set()


def test_decisions_and_notes_of_what_is_past_are_in_no_byte_either(received, purged):
    assert files_with(received.data_dir, {PAST_NOTE, "of long ago"}) == {"casework.duckdb"}
    assert files_with(purged.data_dir, {PAST_NOTE, "of long ago"}) == set()
    assert files_with(purged.data_dir, {KEPT_NOTE}) == {"casework.duckdb"}


@pytest.mark.parametrize("mart", AGGREGATES)
def test_every_published_figure_of_every_term_stands_to_the_digit(before_and_after, mart):
    before, after = before_and_after
    terms, of_mart = (f"SELECT DISTINCT term FROM marts.{name} ORDER BY ALL" for name in ("terms", mart))
    assert rows(before, of_mart) == rows(before, terms) or mart == "amounts"
    assert figures(after, mart) == figures(before, mart)
    restated = "SELECT count(*) FROM ledger.restatements"
    assert rows(after, restated) == rows(before, restated)


@pytest.mark.parametrize("mart", AGGREGATES)
def test_after_a_rekey_every_published_figure_stands_to_the_digit(purged, rekeyed, mart):
    assert figures(rekeyed, mart) == figures(purged, mart)


def test_of_the_years_that_are_open_every_case_stands_too_and_of_the_others_none_is_left(before_and_after):
    before, after = before_and_after
    closed = "SELECT DISTINCT is_closed, academic_year FROM marts.terms ORDER BY ALL"
    assert rows(before, closed) == [(False, "2023-24"), (False, "2024-25"), (False, "2025-26")]
    assert rows(after, closed) == [(False, "2025-26"), (True, "2023-24"), (True, "2024-25")]
    for mart in ("indicator_units", "support_cases"):
        of_open_terms = rows(before, f"SELECT * FROM marts.{mart} WHERE term LIKE '2025-26%' ORDER BY ALL")
        assert of_open_terms
        assert figures(after, mart) == of_open_terms
    issues = rows(before, "SELECT * FROM marts.issues WHERE coalesce(term >= '2024-25', true) ORDER BY ALL")
    assert issues
    assert figures(after, "issues") == issues
    explanations = "SELECT * FROM quality.explanations ORDER BY ALL"  # of what is open: of the last term
    assert rows(after, explanations) == rows(before, explanations)


def test_of_the_years_that_are_open_every_admission_stands_and_what_is_none_goes_with_the_return_that_named_it(
    before_and_after, request
):
    before, after = before_and_after
    kept = f"pupil_key IN {tuple(pupil_keys(after))}"
    of_open_terms = "marts.ehc_admissions WHERE term LIKE '2025-26%'"
    assert figures(after, "ehc_admissions") == rows(before, f"SELECT * FROM {of_open_terms} AND {kept} ORDER BY ALL")
    gone = rows(before, f"SELECT standing, pupil_key FROM {of_open_terms} AND NOT {kept}")
    assert {standing for standing, _ in gone} == LAS[request.node.callspec.params["before_and_after"]]
    assert {standing for standing, _ in gone} <= set(NO_ADMISSION)
    named_in = rows(
        before,
        "SELECT DISTINCT pupil_key, left(return_term, 7) FROM raw.placements "
        "INNER JOIN restricted.pupil_keys ON upn = identifier",
    )
    assert {year for _, pupil in gone for key, year in named_in if key == pupil} <= {"2023-24"}


def test_the_ledger_keeps_a_line_of_each_file_and_says_when_its_bytes_went(received, purged):
    lines = "SELECT file_id, sha256, urn, term, state FROM ledger.files ORDER BY ALL"
    assert rows(purged, lines) == rows(received, lines)
    assert rows(
        purged, "SELECT DISTINCT left(term, 7), purged_at FROM ledger.files WHERE term IS NOT NULL ORDER BY ALL"
    ) == [
        ("2023-24", AT),
        ("2024-25", None),
        ("2025-26", None),
    ]
    archived = {path.name for path in purged.archive_dir.rglob("*") if len(path.name) == 64}
    hashes = dict(rows(purged, "SELECT sha256, bool_and(purged_at IS NOT NULL) FROM ledger.files GROUP BY ALL"))
    assert {sha256 for sha256, is_purged in hashes.items() if not is_purged and sha256} <= archived
    assert not {sha256 for sha256, is_purged in hashes.items() if is_purged} & archived


def test_letters_and_workbooks_of_what_is_past_are_gone_and_their_lines_say_no_longer_to_whom(received, purged):
    def terms_in_outbox(settings: Settings) -> set[str]:
        return {path.parent.name[:7] for path in (settings.data_dir / "outbox").glob("*/*/*")}

    assert terms_in_outbox(received) == {"2023-24", "2024-25", "2025-26"}
    assert terms_in_outbox(purged) == {"2024-25", "2025-26"}
    past = rows(purged, "SELECT message, addresses, path FROM ledger.letters WHERE term LIKE '2023-24%'")
    assert set(past) == {(None, None, None)}


def test_a_purged_folder_goes_on_as_before(purged, run, tmp_path):
    settings = copied(purged, tmp_path)
    assert run(settings) == ["Pulling new files", "Nothing new"]
    with pytest.raises(RunFailedError, match="stand"):
        run(settings, term="2024-25-summer")
    # every figure that can be made is made again, as when rules or models change
    before = {mart: figures(settings, mart) for mart in AGGREGATES}
    with warehouse(settings) as connection:
        connection.execute("DELETE FROM ledger.term_runs")
        connection.execute("DELETE FROM ledger.published_terms")
        letters = connection.sql("SELECT count(*) FROM ledger.letters").fetchone()
    assert "Running 2025-26-autumn to 2025-26-summer" in run(settings)
    assert {mart: figures(settings, mart) for mart in AGGREGATES} == before
    assert rows(settings, "SELECT count(*) FROM ledger.letters") == [letters]
    assert what_is_past(settings, AT).is_nothing


def test_after_a_rekey_no_earlier_pseudonym_is_left_and_decisions_are_on_the_same_explanations(purged, rekeyed):
    earlier, new = pupil_keys(purged), pupil_keys(rekeyed)
    assert len(earlier) == len(new) > 10
    assert not earlier & new
    assert files_with(purged.data_dir, earlier) == {"published", "warehouse.duckdb"}
    assert files_with(rekeyed.data_dir, earlier) == set()
    assert files_with(rekeyed.data_dir, new) == {"published", "warehouse.duckdb"}
    [(before, said)] = rows(purged, "SELECT explanation_id, text FROM quality.explanations")
    [(now, says)] = rows(rekeyed, "SELECT explanation_id, text FROM quality.explanations")
    assert (before != now, said) == (True, says)
    [decision] = casework.decisions(rekeyed).to_dicts()
    assert (decision["explanation_id"], decision["decision"]) == (now, "refused")
    assert files_with(rekeyed.data_dir, {before}) == set()


def test_a_changed_key_is_refused_by_a_run_before_it_writes_and_nothing_is_new_after_a_rekey(rekeyed, run, tmp_path):
    settings = copied(rekeyed, tmp_path)  # with the key of before
    before = contents(settings)
    with pytest.raises(RunFailedError, match="sen rekey"):
        run(settings, term="2025-26-summer")
    assert contents(settings) == before
    assert run(settings.model_copy(update={"pseudonym_key": SecretStr(OTHER_KEY)})) == [
        "Pulling new files",
        "Nothing new",
    ]


def killed(command: list[str], settings: Settings, key: str, moment) -> None:
    """Run `sen` as a person does, and kill it as soon as moment(said) has come."""
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", "SEN_RETENTION_YEARS": "2", "SEN_PSEUDONYM_KEY": key}
    environment |= {"SEN_WAREHOUSE_KEY": WAREHOUSE_KEY}
    said = settings.data_dir.parent / "said.txt"
    sen = [str(Path(sys.executable).parent / "sen"), *command, "--data-dir", str(settings.data_dir)]
    with said.open("w") as out:
        process = subprocess.Popen(sen, stdout=out, stderr=out, env=environment, cwd=settings.data_dir.parent)
        while process.poll() is None and not moment(said.read_text()):
            time.sleep(0.002)
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert process.returncode == -signal.SIGKILL, f"was over before it could be killed: {said.read_text()[-2000:]}"


def apart_from_runs(settings: Settings) -> dict[str, list]:
    """All that there is, but for when what was done: under a key that is new, what was run before is forgotten."""
    return {
        name: rows for name, rows in contents(settings).items() if name not in ("ledger.rewrites", "ledger.term_runs")
    }


def test_a_purge_and_a_rekey_that_are_killed_end_where_undisturbed_ones_end(received, purged, rekeyed, tmp_path):
    settings = copied(received, tmp_path, warehouse_key=WAREHOUSE_KEY)
    with warehouse(settings) as connection:  # encrypts it, and then a run would go over it all once more
        mark_finished(settings, connection, list(term_fingerprints(settings, connection)), AT)

    def rewritten() -> list[Path]:
        return list(settings.data_dir.glob("warehouse.rewritten.*.duckdb"))

    def building(said: str) -> bool:
        return "Building" in said and any(path.stat().st_size > 1_000_000 for path in rewritten())

    def just_in_place(said: str) -> bool:
        return "Building" in said and not rewritten()

    command = ["purge", "--on", f"{AT:%Y-%m-%d}"]
    killed(command, settings, KEY, building)
    killed(command, settings, KEY, just_in_place)
    published = current_name(settings)
    assert "earlier purge" in said_by(purge, settings)
    assert current_name(settings) != published
    assert apart_from_runs(settings) == apart_from_runs(purged)

    settings = settings_of(settings.data_dir, warehouse_key=WAREHOUSE_KEY, pseudonym_key=OTHER_KEY)
    killed(["rekey"], settings, OTHER_KEY, building)
    killed(["rekey"], settings, OTHER_KEY, just_in_place)
    assert "earlier change" in said_by(rekey, settings)
    assert apart_from_runs(settings) == apart_from_runs(rekeyed)
    assert rows(settings, "SELECT count(*) FROM ledger.rewrites WHERE finished_at IS NULL") == [(0,)]
    assert [path.name for path in settings.published_dir.glob("*.duckdb")] == [current_name(settings)]
    connection, _ = open_snapshot(settings)
    with connection:
        shown = connection.sql("SELECT DISTINCT pupil_key FROM marts.indicator_units WHERE pupil_key IS NOT NULL")
        assert {key for (key,) in shown.fetchall()} <= pupil_keys(settings)
    assert not [path.name for path in settings.data_dir.glob("*") if "rewritten" in path.name or "rekeyed" in path.name]


def said_by(act, settings: Settings) -> str:
    said: list[str] = []
    act(settings, AT, say=said.append)
    return "\n".join(said)
