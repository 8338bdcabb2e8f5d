"""A whole run under a key: nothing of a pupil in the clear, nothing sent, nothing fetched. And one killed in every stage."""

import re
import shutil
import socketserver
import threading
from datetime import date
from pathlib import Path

import duckdb
import pytest
from dagster import AssetCheckEvaluation, DagsterEventType, DagsterInstance

from pipelines.demo.synthetic_la import make_la
from pipelines.landing import read_archived
from pipelines.publishing.snapshots import open_snapshot
from pipelines.runs import run_once
from pipelines.settings import Settings, get_settings
from pipelines.warehouse import warehouse
from tests.conftest import leave_out_own_settings
from tests.pipeline.killing import ON, PSEUDONYM_KEY, STAGES, contents, differences

pytestmark = pytest.mark.long

KEY = "a key of thirty-two characters or more"
UPN = re.compile(rb"[A-Z][0-9]{11}[0-9A-Z]")
# a UPN stands in the clear where the school and the LA put it, and in the school's own folder, which the LA secures
PUT_THERE = ("landing", "reference", "outbox", "demo")


class Asked(socketserver.BaseRequestHandler):
    """Notes what a client would have of the outside, and closes."""

    def handle(self):
        self.server.asked.append(self.request.recv(200))


@pytest.fixture(scope="module")
def untouched(tmp_path_factory) -> Path:
    """A data folder with a small LA's files, before any run; nobody writes to it."""
    data_dir = tmp_path_factory.mktemp("untouched") / "data"
    make_la(Settings(_env_file=None, data_dir=data_dir), schools=6, terms=1, pupils_per_school=12)
    return data_dir


@pytest.fixture(scope="module")
def whole_run(untouched, parsed_project, tmp_path_factory):
    """settings; what was said; what was asked of the outside, which a proxy that answers nothing stands for."""
    data_dir = tmp_path_factory.mktemp("keyed") / "data"
    shutil.copytree(untouched, data_dir, symlinks=True)
    said: list[str] = []
    with pytest.MonkeyPatch.context() as environment, socketserver.ThreadingTCPServer(("127.0.0.1", 0), Asked) as proxy:
        proxy.asked = []
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            for variable in (name, name.lower()):
                environment.setenv(variable, f"http://127.0.0.1:{proxy.server_address[1]}")
        for variable in ("NO_PROXY", "no_proxy"):
            environment.delenv(variable, raising=False)
        leave_out_own_settings(environment)
        environment.setenv("DAGSTER_HOME", "")  # the run sets it: so that it is as before when this ends
        environment.setenv("SEN_DATA_DIR", str(data_dir))
        environment.setenv("SEN_PSEUDONYM_KEY", PSEUDONYM_KEY)
        environment.setenv("SEN_WAREHOUSE_KEY", KEY)
        get_settings.cache_clear()
        settings = get_settings()
        from pipelines.definitions import defs

        left_before = set(parsed_project.glob("dbt_models-*"))
        run_once(settings, defs, on=date.fromisoformat(ON), say=said.append)
        said.append("again")
        run_once(settings, defs, on=date.fromisoformat(ON), say=said.append)
        with DagsterInstance.get() as instance:
            [run] = [run for run in instance.get_runs() if run.job_name == "term"]
            checks = [
                record.dagster_event.event_specific_data
                for record in instance.all_logs(run.run_id, of_type=DagsterEventType.ASSET_CHECK_EVALUATION)
            ]
        proxy.shutdown()
        left = set(parsed_project.glob("dbt_models-*")) - left_before
    get_settings.cache_clear()
    return settings, said, list(proxy.asked), checks, left


def kept_by_the_pipeline(settings: Settings) -> list[Path]:
    files = (path for path in settings.data_dir.rglob("*") if path.is_file())
    return [path for path in files if path.relative_to(settings.data_dir).parts[0] not in PUT_THERE]


def test_no_upn_is_in_any_byte_that_the_pipeline_keeps(whole_run):
    settings = whole_run[0]
    with warehouse(settings, read_only=True) as connection:
        known = {row[0].encode() for row in connection.sql("SELECT identifier FROM restricted.pupil_keys").fetchall()}
    # that the search finds them where they are in the clear shows that it can find
    assert known & set(UPN.findall((settings.reference_dir / "ehc_plans.csv").read_bytes()))
    kept = kept_by_the_pipeline(settings)
    folders = {path.relative_to(settings.data_dir).parts[0] for path in kept}
    assert {"warehouse.duckdb", "published", "archive", "dagster"} <= folders
    found = [path.name for path in kept if known & set(UPN.findall(path.read_bytes()))]
    assert found == []


def test_databases_and_archive_open_with_the_key_alone(whole_run):
    settings = whole_run[0]
    databases = [path for path in kept_by_the_pipeline(settings) if path.suffix == ".duckdb"]
    assert {path.parent.name for path in databases} == {"data", "published", "restricted"}
    for path in databases:
        with pytest.raises(duckdb.Error, match="encrypted"):
            duckdb.connect(str(path), read_only=True)
    connection, _ = open_snapshot(settings)
    with connection:
        assert connection.sql("SELECT count(*) FROM marts.indicator_values").fetchone()[0] > 0
    # a return is a ZIP, so that a search for a UPN would not find it there in any case
    returns = [path for path in settings.archive_dir.rglob("*") if len(path.name) == 64]
    assert returns
    assert not [path for path in returns if path.read_bytes().startswith(b"PK")]
    assert any(read_archived(settings, path.name).startswith(b"PK") for path in returns)


def test_the_key_is_nowhere_in_the_data_folder(whole_run):
    settings = whole_run[0]
    files = [path for path in settings.data_dir.rglob("*") if path.is_file()]
    assert [path.name for path in files if KEY.encode() in path.read_bytes()] == []


def test_nothing_is_asked_of_the_outside(whole_run):
    assert whole_run[2] == []


def test_every_table_has_its_check_in_dagsters_pages_and_every_row_and_rule_is_accounted_for(whole_run):
    checks: list[AssetCheckEvaluation] = [check for check in whole_run[3] if check.asset_key.path == ["issues"]]
    passed = {check.check_name: check.passed for check in checks}
    tables = "files sheets columns return arrangements pupils plans reviews specialists consultations placements"
    assert passed.keys() >= {f"{table}_hold_to_their_rules" for table in tables.split()}
    assert all(passed[name] for name in ("every_row_accounted_for", "every_rule_listed", "every_rule_ran"))
    # dbt's data tests are checks of the models
    assert {check.asset_key.path[0] for check in whole_run[3]} >= {"marts", "intermediate", "staging"}


def test_a_second_run_finds_nothing_new_and_no_run_leaves_a_folder_in_the_project(whole_run):
    said = whole_run[1]
    assert said[said.index("again") :] == ["again", "Pulling new files", "Nothing new"]
    assert whole_run[4] == set()


def test_every_stage_is_killed(parsed_project):
    from pipelines.definitions import PULL_ASSETS, TERM_ASSETS

    assert {asset.op.name.replace("_", " ") for asset in [*PULL_ASSETS, *TERM_ASSETS]} == STAGES.keys()


def test_a_run_killed_in_every_stage_ends_where_one_left_alone_ends(whole_run, untouched, tmp_path):
    expected = contents(whole_run[0])
    assert expected["marts.indicator_values"], "the comparison must have something to compare"
    assert expected["outbox"]
    if different := differences(expected, untouched, tmp_path / "every stage", STAGES):
        # the same with one stage at a time: whose is it? In none of them: the key's, which only the whole run has
        culprits = [
            stage
            for stage, moment in STAGES.items()
            if differences(expected, untouched, tmp_path / stage, {stage: moment})
        ]
        pytest.fail(f"killed in each of {culprits}, a run ends with other {different}")
