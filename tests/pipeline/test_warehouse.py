"""One writer at a time, and a warehouse that opens with its own key alone."""

import subprocess
import sys
import threading
import time

import pytest
from pydantic import SecretStr

from pipelines.publishing import snapshots
from pipelines.warehouse import WarehouseKeyError, only_writer, warehouse

KEY = SecretStr("a key of thirty-two characters or more")
OTHER = SecretStr("another key of as many characters or more")


@pytest.fixture
def keyed(settings):
    return settings.model_copy(update={"warehouse_key": KEY})


def test_who_comes_second_waits_and_says_for_whom(settings):
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "from pathlib import Path; from pipelines.settings import Settings; from pipelines.warehouse import only_writer\n"
            f"with only_writer(Settings(_env_file=None, data_dir=Path({str(settings.data_dir)!r}))):\n"
            "    print('held', flush=True); input()",
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout.readline() == "held\n"
    said: list[str] = []
    came_in = threading.Event()

    def second():
        with only_writer(settings, say=said.append):
            came_in.set()

    waiting = threading.Thread(target=second)
    waiting.start()
    while not said:
        time.sleep(0.01)
    assert said == [f"Waiting for process {holder.pid}, which is writing the warehouse."]
    assert not came_in.is_set()
    holder.kill()  # the lock of a process that is killed goes with it
    waiting.join(timeout=30)
    assert came_in.is_set()
    holder.wait()


def test_another_key_and_none_are_refused_in_words_that_say_so(settings, keyed):
    with warehouse(keyed):
        pass
    with (
        pytest.raises(WarehouseKeyError, match="with another key"),
        warehouse(keyed.model_copy(update={"warehouse_key": OTHER})),
    ):
        pass
    with pytest.raises(WarehouseKeyError, match="with a key, and none is set") as refusal, warehouse(settings):
        pass
    assert KEY.get_secret_value() not in str(refusal.value)


def test_a_warehouse_from_before_the_key_was_set_is_encrypted_with_all_that_it_holds(settings, keyed):
    with warehouse(settings) as connection:
        connection.execute("INSERT INTO restricted.pupil_keys VALUES ('H801200001001', 'a1b2')")
        connection.execute("INSERT INTO ledger.term_runs VALUES ('2025-26-summer', 'same', NULL)")
        connection.execute("CREATE SCHEMA marts")
        connection.execute("CREATE VIEW marts.view AS SELECT pupil_key FROM wh.restricted.pupil_keys")
        for table in snapshots.ANALYSTS_TABLES:
            connection.execute(f"CREATE TABLE marts.{table} AS SELECT '2025-26-summer' AS term")
    (settings.published_dir / "restricted").mkdir(parents=True)
    (settings.published_dir / "restricted" / "sen-1.duckdb").write_bytes(settings.warehouse_path.read_bytes())
    with pytest.raises(WarehouseKeyError, match="without a key"), warehouse(keyed, read_only=True):
        pass
    with warehouse(keyed) as connection:
        assert connection.sql("SELECT * FROM marts.view").fetchall() == [("a1b2",)]
        # every term is run again, and so published under the key
        assert connection.sql("SELECT * FROM ledger.term_runs").fetchall() == []
        with pytest.raises(Exception, match="Duplicate key"):
            connection.execute("INSERT INTO restricted.pupil_keys VALUES ('H801200001001', 'again')")
    in_the_clear = [
        path.name for path in settings.data_dir.rglob("*") if path.is_file() and b"H801200001001" in path.read_bytes()
    ]
    assert in_the_clear == []


def test_a_warehouse_of_an_earlier_release_gets_the_columns_that_it_lacks_and_keeps_its_rows(settings):
    with warehouse(settings) as connection:
        connection.execute("INSERT INTO raw.specialists (return_id, status) VALUES ('r', 'ACTIVE')")
        connection.execute('ALTER TABLE raw.specialists DROP COLUMN "parents_agreed"')
    with warehouse(settings) as connection:
        row = connection.sql("SELECT return_id, status, parents_agreed FROM raw.specialists").fetchone()
    assert row == ("r", "ACTIVE", None)
