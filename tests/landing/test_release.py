from datetime import datetime

import pytest

from pipelines.landing import ReleaseError, pull, release
from tests.landing.conftest import PULLED_AT, a_return, ledger

NAME = "8012001_2025-26_autumn_02.zip"
RELEASED_AT = datetime(2026, 1, 7, 10)


@pytest.fixture
def held(settled, connection, landing):
    """A return that checking has held."""
    (landing / NAME).write_bytes(a_return())
    pull(settled, connection, PULLED_AT)
    connection.execute("UPDATE ledger.files SET state = 'held'")


def test_a_held_file_is_released_and_says_what_follows(settled, connection, held):
    said = release(settled, connection, NAME, released_at=RELEASED_AT)
    assert ledger(connection, "released_at") == [(RELEASED_AT,)]
    assert NAME in said
    assert "2025-26-autumn" in said


def test_without_a_time_it_is_released_now(settled, connection, held):
    release(settled, connection, NAME)
    [(released_at,)] = ledger(connection, "released_at")
    assert abs((datetime.now() - released_at).total_seconds()) < 60


@pytest.mark.parametrize("given", [f"data/landing/{NAME}", f"/srv/landing/{NAME}", f"data\\landing\\{NAME}"])
def test_a_path_as_the_shell_completes_it_will_do(settled, connection, held, given):
    release(settled, connection, given, released_at=RELEASED_AT)
    assert ledger(connection, "released_at") == [(RELEASED_AT,)]


def test_the_end_of_another_name_is_not_the_name(settled, connection, held):
    with pytest.raises(ReleaseError, match="No file named"):
        release(settled, connection, f"x{NAME}")


def test_releasing_twice_says_that_it_is_done(settled, connection, held):
    release(settled, connection, NAME, released_at=RELEASED_AT)
    with pytest.raises(ReleaseError, match="released already"):
        release(settled, connection, NAME)
    assert ledger(connection, "released_at") == [(RELEASED_AT,)]


def test_a_file_that_is_not_held_cannot_be_released(settled, connection, held):
    connection.execute("UPDATE ledger.files SET state = 'current'")
    with pytest.raises(ReleaseError, match=r"not held \(current\)"):
        release(settled, connection, NAME)


def test_a_name_that_nobody_knows_lists_what_is_held(settled, connection, held):
    with pytest.raises(ReleaseError, match=f"held are: {NAME}"):
        release(settled, connection, "x.zip")


def test_of_two_held_files_of_one_name_the_path_says_which(settled, connection, held, landing):
    (landing / "later").mkdir()
    (landing / "later" / NAME).write_bytes(a_return(note=",other"))
    pull(settled, connection, PULLED_AT)
    connection.execute("UPDATE ledger.files SET state = 'held'")
    with pytest.raises(ReleaseError, match=f"later/{NAME}"):
        release(settled, connection, NAME)
    release(settled, connection, f"later/{NAME}", released_at=RELEASED_AT)
    assert ledger(connection, "path, released_at") == [(NAME, None), (f"later/{NAME}", RELEASED_AT)]
    release(settled, connection, f"./{NAME}", released_at=RELEASED_AT)
    assert ledger(connection, "released_at") == [(RELEASED_AT,)] * 2
