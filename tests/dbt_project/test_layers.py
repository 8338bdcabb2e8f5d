"""Which layer may read which, and that what is said of the models is what is there."""

import csv
import re
from functools import cache
from pathlib import Path

import pytest
import yaml

from expectations.contracts import code_list
from pipelines.settings import DBT_PROJECT_DIR, SEEDS_DIR

MODELS = {path.stem: path for path in sorted((DBT_PROJECT_DIR / "models").rglob("*.sql"))}
SEEDS = {path.stem for path in SEEDS_DIR.glob("*.csv")}
# `seeds` are facts that no layer makes; the one intermediate model above the indicators is what unites them
MAY_READ = {
    "staging": {"sources", "staging", "seeds"},
    "intermediate": {"staging", "intermediate", "seeds"},
    "indicators": {"intermediate", "seeds"},
    "marts": {"intermediate", "indicators", "seeds"},
}
UNITES_INDICATORS = "int_indicator_units"
# one decision with many cases, that would not gain by being cut in two
LONGER = {"int_specialist_involvement"}
# of which each of its two readers takes its own half
READ_BY_HALVES = {"int_rated_figures"}
DUCKDB_ONLY = re.compile(
    r"\b(arg_max|arg_min|quantile_cont|generate_series|strftime|strptime|regexp_matches|asof|list_\w+|struct_pack|"
    r"epoch|isodow|unnest|dayofweek)\b|\bsum\(\s*is_|//"
)


def layer(path: Path) -> str:
    return path.parent.name


def read_by(path: Path) -> set[str]:
    """Names that a model refers to; the loop over indicators counts as each of them."""
    sql = path.read_text(encoding="utf-8")
    names = set(re.findall(r"ref\(\s*['\"](\w+)['\"]\s*\)", sql))
    if re.search(r"ref\(\s*indicator\s*\)", sql):
        names |= united_indicators()
    return names


def united_indicators() -> set[str]:
    sql = MODELS[UNITES_INDICATORS].read_text(encoding="utf-8")
    return set(re.findall(r"'([a-z]+\d+)'", sql[: sql.index("%}")]))


def rows_of_seed(name: str) -> list[dict[str, str]]:
    with (SEEDS_DIR / f"{name}.csv").open(newline="", encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


@cache
def described() -> dict[str, tuple[Path, dict]]:
    found = {}
    for path in sorted((DBT_PROJECT_DIR / "models").rglob("*.yml")):
        for model in (yaml.safe_load(path.read_text(encoding="utf-8")) or {}).get("models", []):
            found[model["name"]] = (path, model)
    return found


@pytest.mark.parametrize("name", MODELS)
def test_a_model_reads_only_what_its_layer_may(name):
    path = MODELS[name]
    sql = path.read_text(encoding="utf-8")
    if layer(path) != "staging":
        assert "source(" not in sql
        assert "accepted_rows(" not in sql
    allowed = MAY_READ[layer(path)]
    for other in read_by(path):
        if name == UNITES_INDICATORS and other in united_indicators():
            continue
        # a seed and a model may share a name (marts.indicators is the seed `indicators` in force)
        there = "seeds" if other in SEEDS else layer(MODELS[other])
        assert there in allowed, f"{layer(path)}/{name} reads {there}/{other}"


@pytest.mark.parametrize("name", MODELS)
def test_a_model_is_described_beside_it_and_its_grain_comes_first(name):
    path, model = described()[name]
    assert path == MODELS[name].with_suffix(".yml")
    assert model["description"].startswith(("One row is ", "One row a "))


@pytest.mark.parametrize("name", [name for name, path in MODELS.items() if layer(path) != "staging"])
def test_a_model_is_short_and_would_run_elsewhere(name):
    sql = MODELS[name].read_text(encoding="utf-8")
    statements = re.sub(r"--.*", "", sql)
    assert not DUCKDB_ONLY.search(statements)
    assert sql.count("\n") <= 100 or name in LONGER


def test_an_intermediate_view_is_computed_for_one_other_model_alone():
    for name, (path, model) in described().items():
        if layer(path) == "intermediate" and model.get("config", {}).get("materialized") == "view":
            readers = [other for other, sql in MODELS.items() if name in read_by(sql)]
            assert len(readers) == 1 or name in READ_BY_HALVES, f"{name} is computed anew for each of {readers}"


def test_names_say_the_layer():
    for name, path in MODELS.items():
        assert name.startswith("stg_") == (layer(path) == "staging")
        assert name.startswith("int_") == (layer(path) == "intermediate")


def test_every_indicator_is_defined_modelled_united_and_applied_once():
    defined = {row["id"].lower() for row in rows_of_seed("indicators")}
    # a median, an amount and a profile have no units: one model makes the figures of all three
    macro = (DBT_PROJECT_DIR / "macros" / "measured_indicators.sql").read_text(encoding="utf-8")
    measured = {name.lower() for name in re.findall(r"'([A-Z]+\d+)'", macro)}
    assert measured <= defined
    assert defined - measured == {name for name, path in MODELS.items() if layer(path) == "indicators"}
    assert defined - measured == united_indicators()
    assert defined == {r["indicator_id"].lower() for r in rows_of_seed("duty_applies_to") if r["school_kind"] == "all"}


def test_a_definition_is_whole():
    for row in rows_of_seed("indicators"):
        for field in (
            "name",
            "duty",
            "numerator",
            "denominator",
            "unknown",
            "polarity",
            "unit",
            "source",
            "valid_from",
        ):
            assert row[field].strip(), f"{row['id']}: {field}"
        assert (row["rag"] == "yes") == bool(row["target"]), row["id"]
        assert set(filter(None, row["word"].split(", "))) <= {"must", "should", "always", "law"}, row["id"]


def test_the_kinds_that_duties_name_are_there():
    kinds = {row["school_kind"] for row in rows_of_seed("school_kinds")} | {"all"}
    assert {row["school_kind"] for row in rows_of_seed("duty_applies_to")} <= kinds


def test_year_groups_with_a_phase_are_those_of_the_code_list():
    phases = {row["year_group"]: row["phase"] for row in rows_of_seed("year_group_phases")}
    assert set(code_list("year_group")) - set(phases) == {"M", "X"}
    assert set(phases) <= set(code_list("year_group"))
    assert [phases[year] for year in ("E1", "R", "1", "2", "3", "6", "7", "9", "10", "11", "12", "14")] == [
        *("early_years", "early_years", "KS1", "KS1", "KS2", "KS2", "KS3", "KS3", "KS4", "KS4", "KS5", "KS5")
    ]


def test_the_marts_have_the_columns_that_others_rely_on():
    promised = {
        "indicator_units": "indicator_id urn term pupil_key unit_id is_met",
        "indicator_values": "indicator_id urn term group_type group_value numerator denominator unknown value unit "
        "lower_95 upper_95 rag",
        "indicator_values_area": "indicator_id area_type area_code term group_type group_value numerator denominator "
        "unknown value unit lower_95 upper_95 rag schools_counted schools_missing",
        "support_cases": "pupil_key urn term need trigger spell_start reviews days_in_spell days_without_specialist "
        "standing referred_date",
        "ehc_admissions": "pupil_key urn term named_date due_date admitted_date standing days_late reason",
        "returns": "urn term status return_id received_at on_time rows_received rows_accepted rows_quarantined errors "
        "queries",
        "issues": "return_id file_name urn term rule_code severity table_name row_number field message remedy state",
        "indicator_definitions": "id name duty word numerator denominator target polarity source",
        "schools": "urn laestab name phase type trust status",
    }
    models = described()
    for name, columns in promised.items():
        _, model = models[name]
        assert set(columns.split()) <= {column["name"] for column in model["columns"]}, name
        assert all("data_type" in column for column in model["columns"]), name


def test_no_mart_holds_a_value_or_an_identifier_of_a_pupil():
    forbidden = {"upn", "uln", "former_upn", "identifier"}
    for name, (path, model) in described().items():
        if layer(path) == "marts":
            assert not forbidden & {column["name"] for column in model["columns"]}, name
    assert "value" not in {column["name"] for column in described()["issues"][1]["columns"]}
