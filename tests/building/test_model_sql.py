"""A model's own SQL, asked before dbt has run: it must give what dbt builds."""

import pytest

from pipelines.building.model_sql import model_sql
from pipelines.warehouse import warehouse


def test_sources_seeds_and_other_models_stand_in_their_places(settings):
    with warehouse(settings) as connection:
        connection.execute(
            "INSERT INTO reference.schools (urn, la_code, status, phase) VALUES ('1', '801', 'Open', 'Nursery'), ('2', '999', 'Open', 'Nursery')"
        )
        rows = connection.sql(f"{model_sql(settings, 'int_school_kinds')} ORDER BY ALL").fetchall()
    # the school of another LA is not there; the kinds are the seed's
    assert rows == [("1", "all"), ("1", "nursery")]


def test_what_is_given_stands_in_a_models_place_in_whatever_rests_on_it(settings):
    given = {"stg_school_lines": "SELECT '1' AS urn, '2' AS line_urn"}
    with warehouse(settings) as connection:
        connection.execute("INSERT INTO ledger.files (file_id, urn) VALUES ('a', '1')")
        rows = connection.sql(f"SELECT urn FROM ({model_sql(settings, 'stg_files', given)})").fetchall()
    assert rows == [("2",)]


def test_a_name_that_is_no_model_is_refused(settings):
    with pytest.raises(KeyError, match="no_such_model"):
        model_sql(settings, "no_such_model")
