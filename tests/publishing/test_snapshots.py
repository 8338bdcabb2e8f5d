from datetime import datetime

import duckdb
import pytest
from pydantic import SecretStr

from pipelines.publishing import snapshots
from pipelines.settings import Settings
from pipelines.warehouse import warehouse

PUBLISHED_AT = datetime(2026, 7, 22, 2, 0)
UPN = "H801200001001"


@pytest.fixture(params=[None, "a key of thirty-two characters or more"], ids=["plain", "encrypted"])
def filled(settings, request) -> Settings:
    """A warehouse with one row in each mart and one child in the lookup."""
    settings = settings.model_copy(update={"warehouse_key": request.param and SecretStr(request.param)})
    with warehouse(settings) as connection:
        connection.execute("CREATE SCHEMA marts")
        for table in snapshots.ANALYSTS_TABLES:
            connection.execute(f"CREATE TABLE marts.{table} AS SELECT '2025-26-summer' AS term, 'first' AS what")
        connection.execute("INSERT INTO restricted.pupil_keys VALUES (?, 'a1b2')", [UPN])
    return settings


def what_is_read(settings: Settings) -> str:
    connection, _ = snapshots.open_snapshot(settings)
    with connection:
        return connection.sql("SELECT what FROM marts.returns").fetchone()[0]


def test_before_the_first_snapshot_a_reader_is_told_what_to_do(settings):
    with pytest.raises(snapshots.NoSnapshotError, match="sen run"):
        snapshots.open_snapshot(settings)


def test_a_snapshot_says_when_it_was_published_and_for_whom(filled):
    name = snapshots.publish(filled, PUBLISHED_AT)
    connection, opened = snapshots.open_snapshot(filled)
    with connection:
        about = connection.sql("SELECT published_at, newest_term, terms, la_code FROM marts.snapshot").fetchone()
    assert opened == name == snapshots.current_name(filled)
    assert about == (PUBLISHED_AT, "2025-26-summer", 1, "801")


def test_a_snapshot_says_which_of_the_las_own_files_are_in_use_and_which_are_to_be_put_right(filled):
    states = ("current", "broken", "link", "waiting_not_readable", "older", "superseded")
    with warehouse(filled) as connection:
        for state in states:
            connection.execute("INSERT INTO ledger.reference_files (path, state) VALUES ('ehc_plans.csv', ?)", [state])
    snapshots.publish(filled, PUBLISHED_AT)
    connection, _ = snapshots.open_snapshot(filled)
    with connection:
        assert {state for (state,) in connection.sql("SELECT state FROM marts.la_files").fetchall()} == set(states[:4])


def test_a_schools_place_is_the_one_it_had_when_it_was_first_published(filled):
    with warehouse(filled) as connection:
        connection.execute(
            "CREATE OR REPLACE TABLE marts.schools (urn VARCHAR, laestab VARCHAR, phase VARCHAR, trust_code VARCHAR, status VARCHAR)"
        )
        connection.execute(
            "INSERT INTO marts.schools VALUES ('1', '8012001', 'Primary', NULL, 'open'), ('3', NULL, 'Nursery', 'T2', 'open')"
        )
        snapshots.keep_places(connection)
        # the first becomes an academy, with a URN of its own and a trust
        connection.execute("UPDATE marts.schools SET status = 'closed' WHERE urn = '1'")
        connection.execute("INSERT INTO marts.schools VALUES ('2', '8012001', 'All-through', 'T1', 'open')")
        snapshots.keep_places(connection)
    snapshots.publish(filled, PUBLISHED_AT)
    connection, _ = snapshots.open_snapshot(filled)
    with connection:
        places = connection.sql("SELECT * FROM marts.school_places ORDER BY school").fetchall()
    assert places == [("3", "Nursery", "T2"), ("8012001", "Primary", None)]


def test_a_reader_keeps_its_snapshot_while_the_next_is_published_and_then_sees_the_new_one(filled):
    snapshots.publish(filled, PUBLISHED_AT)
    reader, _ = snapshots.open_snapshot(filled)
    with warehouse(filled) as connection:
        connection.execute("UPDATE marts.returns SET what = 'second'")
    snapshots.publish(filled, PUBLISHED_AT)
    assert reader.sql("SELECT what FROM marts.returns").fetchone()[0] == "first"
    assert what_is_read(filled) == "second"
    reader.close()


def test_a_snapshot_cannot_be_written(filled):
    snapshots.publish(filled, PUBLISHED_AT)
    connection, _ = snapshots.open_snapshot(filled)
    with connection, pytest.raises(duckdb.Error, match="read-only"):
        connection.execute("DELETE FROM marts.returns")


def test_a_run_killed_before_the_pointer_flips_leaves_the_earlier_snapshot_current(filled, monkeypatch):
    first = snapshots.publish(filled, PUBLISHED_AT)
    monkeypatch.setattr(snapshots, "_flip", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        snapshots.publish(filled, PUBLISHED_AT)
    monkeypatch.undo()
    assert snapshots.current_name(filled) == first
    (filled.published_dir / "half.new").write_bytes(b"left over")
    assert snapshots.publish(filled, PUBLISHED_AT) != first
    assert not list(filled.published_dir.glob("*.new"))


def test_old_snapshots_go_and_the_last_few_stay(filled):
    for _ in range(snapshots.KEPT + 2):
        newest = snapshots.publish(filled, PUBLISHED_AT)
    kept = {path.name for path in filled.published_dir.glob("sen-*.duckdb")}
    assert len(kept) == snapshots.KEPT
    assert newest in kept


def test_the_lookup_is_in_the_restricted_snapshot_alone(filled):
    name = snapshots.publish(filled, PUBLISHED_AT)
    connection, _ = snapshots.open_snapshot(filled)
    with connection:
        schemas = {row[0] for row in connection.sql("SELECT DISTINCT schema_name FROM duckdb_tables()").fetchall()}
    assert schemas == {"marts"}
    assert (filled.published_dir / "restricted" / "CURRENT").read_text() == name


def test_with_a_key_no_upn_is_in_the_bytes_of_warehouse_and_snapshots(filled):
    snapshots.publish(filled, PUBLISHED_AT)
    files = [filled.warehouse_path, *filled.published_dir.rglob("*.duckdb")]
    found = [path.name for path in files if UPN.encode() in path.read_bytes()]
    assert len(files) == 3
    # without a key the lookup is in the clear: that the search finds it there shows that it can find
    assert bool(found) == (filled.warehouse_key is None)


def test_a_short_key_is_refused(monkeypatch):
    monkeypatch.setenv("SEN_WAREHOUSE_KEY", "short")
    with pytest.raises(ValueError, match="32 characters or more") as refusal:
        Settings(_env_file=None)
    assert "short" not in str(refusal.value).replace("too_short", "")
