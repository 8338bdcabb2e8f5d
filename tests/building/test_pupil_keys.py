import pytest
from pydantic import SecretStr

from pipelines.building.pupil_keys import PseudonymKeyChangedError, write_pupil_keys
from pipelines.warehouse import warehouse


def add_pupil(connection, row_number, upn, uln=None, former_upn=None, return_id="r1"):
    connection.execute(
        "INSERT INTO raw.pupils (return_id, row_number, upn, uln, former_upn) VALUES (?, ?, ?, ?, ?)",
        [return_id, row_number, upn, uln, former_upn],
    )


@pytest.fixture
def connection(settings):
    with warehouse(settings) as connection:
        connection.execute(
            "INSERT INTO ledger.returns (return_id, state) VALUES ('r1', 'current'), ('r0', 'superseded')"
        )
        yield connection


def keys(connection) -> dict[str, str]:
    return dict(connection.sql("SELECT identifier, pupil_key FROM restricted.pupil_keys").fetchall())


def test_upn_former_upn_and_uln_of_a_child_share_a_key_and_no_other_child_does(settings, connection):
    add_pupil(connection, 2, "NEW", uln="1234567890", former_upn="OLD")
    add_pupil(connection, 3, "OTHER")
    assert write_pupil_keys(settings, connection) == 2
    found = keys(connection)
    assert found["NEW"] == found["OLD"] == found["1234567890"] != found["OTHER"]


def test_a_child_keeps_its_key_when_it_gets_a_new_upn(settings, connection):
    add_pupil(connection, 2, "OLD")
    write_pupil_keys(settings, connection)
    before = keys(connection)["OLD"]
    add_pupil(connection, 3, "ANEW", former_upn="OLD")
    write_pupil_keys(settings, connection)
    assert keys(connection)["ANEW"] == before


def test_a_link_that_comes_or_goes_changes_the_keys_that_were_known_before(settings, connection):
    add_pupil(connection, 2, "A")
    add_pupil(connection, 3, "B")
    write_pupil_keys(settings, connection)
    apart = keys(connection)
    add_pupil(connection, 4, "A", former_upn="B", uln="1234567890")
    write_pupil_keys(settings, connection)
    assert keys(connection) == dict.fromkeys(("A", "B", "1234567890"), apart["B"])
    connection.execute("DELETE FROM raw.pupils WHERE row_number = 4")
    write_pupil_keys(settings, connection)
    assert keys(connection) == apart


def test_a_uln_beside_the_upns_of_two_children_links_neither_and_one_beside_both_upns_of_a_child_does(
    settings, connection
):
    add_pupil(connection, 2, "A", uln="1000000043")
    add_pupil(connection, 3, "B", uln="1000000043")
    add_pupil(connection, 4, "NEW", uln="1234567890", former_upn="OLD")
    add_pupil(connection, 5, "OLD", uln="1234567890")
    write_pupil_keys(settings, connection)
    found = keys(connection)
    assert len({found["A"], found["B"], found["1000000043"]}) == 3
    assert found["NEW"] == found["OLD"] == found["1234567890"]


def test_a_row_that_is_not_counted_links_nobody(settings, connection):
    add_pupil(connection, 2, "A", former_upn="B")
    connection.execute(
        "INSERT INTO quality.quarantined_rows VALUES ('r1', '1', 't', 'pupils', 2, 'PUP02', 'check letter')"
    )
    add_pupil(connection, 2, "C", former_upn="D", return_id="r0")
    write_pupil_keys(settings, connection)
    assert len(set(keys(connection).values())) == 4


def test_no_key_gives_its_identifier_away(settings, connection):
    add_pupil(connection, 2, "H801200001001")
    write_pupil_keys(settings, connection)
    key = keys(connection)["H801200001001"]
    assert len(key) == 16
    assert set(key) <= set("0123456789abcdef")


def test_a_changed_pseudonym_key_is_refused_and_nothing_is_written(settings, connection):
    add_pupil(connection, 2, "A")
    write_pupil_keys(settings, connection)
    before = keys(connection)
    changed = settings.model_copy(update={"pseudonym_key": SecretStr("another key")})
    with pytest.raises(PseudonymKeyChangedError, match="SEN_PSEUDONYM_KEY"):
        write_pupil_keys(changed, connection)
    assert keys(connection) == before


def test_where_no_key_is_set_one_is_made_once_with_a_warning(settings):
    unset = settings.model_copy(update={"pseudonym_key": None})
    with pytest.warns(UserWarning, match="pseudonym.key"):
        made = unset.pseudonym_secret
    assert unset.pseudonym_secret == made
    assert (unset.data_dir / "pseudonym.key").stat().st_mode & 0o077 == 0
