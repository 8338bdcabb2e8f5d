"""Text -> typed values: what a person means is taken, what could mean two things is a fault, and text stays."""

from datetime import date
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from expectations.contracts import Field, Table, code_list
from pipelines.reading.typed import type_rows
from tests.reading.builders import CONTRACT

AS_AT = date(2025, 12, 5)


def typed(texts: list[str | None], type_: str, **attributes) -> list[tuple]:
    """Value and fault of each text, read as a field of a type."""
    codes = tuple(code_list(attributes["list"])) if "list" in attributes else ()
    field = Field(name=attributes.pop("name", "cell"), type=type_, label="Cell", codes=codes, **attributes)
    table = Table(name="cells", prefix="CEL", label="Cells", key=(), fields={field.name: field})
    rows = pl.DataFrame({field.name: texts}, schema={field.name: pl.String})
    out = type_rows(rows, table, pl.lit(AS_AT))
    assert out.columns == [field.name, f"{field.name}__text", f"{field.name}__fault"]
    assert out.filter(pl.col(f"{field.name}__fault").is_not_null(), pl.col(field.name).is_not_null()).is_empty()
    return out.select(field.name, f"{field.name}__fault").rows()


def value_of(text: str, type_: str, **attributes):
    ((value, fault),) = typed([text], type_, **attributes)
    assert fault is None
    return value


def fault_of(text: str, type_: str, **attributes) -> str | None:
    return typed([text], type_, **attributes)[0][1]


def test_a_blank_is_no_value_and_no_fault_in_any_type():
    for type_ in ("text", "upn", "uln", "urn", "laestab", "url", "specification", "academic_year", "yes_no", "count"):
        assert typed([None], type_) == [(None, None)]
    assert typed([None], "pounds") == [(None, None)]
    assert typed([None], "date", window="event") == [(None, None)]
    assert typed([None], "code", list="sex") == [(None, None)]


def test_a_table_without_rows_has_its_columns_and_their_types():
    table = CONTRACT.tables["arrangements"]
    rows = pl.DataFrame(schema={"row_number": pl.Int32, **dict.fromkeys(table.fields, pl.String)})
    schema = type_rows(rows, table, pl.lit(AS_AT)).schema
    assert schema["senco_first_appointed_date"] == pl.Date
    assert schema["sen_expenditure"] == pl.Decimal(14, 2)
    assert schema["pupils_needing_healthcare_plan"] == pl.Int64
    assert schema["senco_in_post"] == pl.Boolean
    assert schema["senco_award__fault"] == pl.String


# --- dates


@pytest.mark.parametrize(
    "text",
    [
        "2025-09-02",
        "2025-09-02 00:00:00",
        "2025-09-02T00:00:00",
        "2025-09-02T00:00",
        "2025-09-02 00:00:00.000",
        "2025-09-02T00:00:00Z",
        "2025-09-02 13:05:59",
        "02/09/2025",
        "2/9/2025",
        "2/09/2025",
        "02/09/2025 00:00",
        "02/09/2025 00:00:00",
    ],
)
def test_dates_that_are_taken(text):
    assert value_of(text, "date") == date(2025, 9, 2)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("02/09/25", "two_digit_year"),
        ("2.9.25", "two_digit_year"),
        ("2-9-25", "two_digit_year"),
        ("02.09.2025", "not_a_date"),
        ("02-09-2025", "not_a_date"),
        ("2025/09/02", "not_a_date"),
        ("2025-9-2", "not_a_date"),
        ("31/02/2025", "not_a_date"),
        ("2025-02-29", "not_a_date"),
        ("29/02/2025", "not_a_date"),
        ("09/13/2025", "not_a_date"),
        ("00/09/2025", "not_a_date"),
        ("2025-09-00", "not_a_date"),
        ("2 September 2025", "not_a_date"),
        ("September", "not_a_date"),
        ("2025", "not_a_date"),
        ("20250902", "not_a_date"),
        ("45902", "serial_number"),
        ("45902.5", "serial_number"),
        ("٢/٩/٢٠٢٥", "not_a_date"),
        ("٢٠٢٥-٠٩-٠٢", "not_a_date"),
        ("2025-09-02 and later", "not_a_date"),
        ("2025-09-02\n2025-09-03", "control_character"),
        ("+10000-01-01", "not_a_date"),
        ("0000-00-00", "not_a_date"),
        ("-", "not_a_date"),
        ("n/a", "not_a_date"),
        ("#N/A", "excel_error"),
    ],
)
def test_dates_that_are_faults(text, fault):
    assert fault_of(text, "date") == fault


def test_29_february_is_a_day_in_leap_years():
    assert value_of("29/02/2024", "date") == date(2024, 2, 29)


@pytest.mark.parametrize(
    ("text", "window", "fault"),
    [
        ("1990-08-31", "event", "too_early"),
        ("1990-09-01", "event", None),
        ("2025-12-05", "event", None),
        ("2025-12-06", "event", "too_late"),
        ("2025-12-06", "planned", None),
        ("2027-12-05", "planned", None),
        ("2027-12-06", "planned", "too_late"),
        ("31/08/1990", "planned", "too_early"),
        ("0025-09-02", "event", "too_early"),
        ("0000-01-01", "event", "too_early"),
        ("9999-12-31", "planned", "too_late"),
        ("2027-12-06", None, None),
    ],
)
def test_the_window_of_dates(text, window, fault):
    assert fault_of(text, "date", window=window) == fault


def test_the_window_ends_at_the_as_at_date_of_each_rows_own_term():
    table = CONTRACT.tables["placements"]
    rows = pl.DataFrame({"named_date": ["2025-04-01", "2025-04-01"], "as_at": [date(2025, 3, 21), date(2025, 7, 8)]})
    assert type_rows(rows, table, pl.col("as_at"))["named_date__fault"].to_list() == ["too_late", None]


def test_a_term_that_the_calendar_does_not_have_leaves_the_window_open():
    table = CONTRACT.tables["placements"]
    rows = pl.DataFrame(
        {"named_date": ["2025-04-01", "1980-01-01"], "as_at": [None, None]}, schema_overrides={"as_at": pl.Date}
    )
    assert type_rows(rows, table, pl.col("as_at"))["named_date__fault"].to_list() == [None, "too_early"]


@settings(max_examples=50, deadline=None)
@given(st.dates(date(1990, 9, 1), date(2025, 12, 5)))
def test_every_day_comes_back_from_each_of_its_forms(day):
    forms = [
        day.isoformat(),
        f"{day.isoformat()} 00:00:00",
        day.strftime("%d/%m/%Y"),
        f"{day.day}/{day.month}/{day.year}",
    ]
    assert typed(forms, "date", window="event") == [(day, None)] * 4


ONE_OF_EACH_TYPE = {f.type: f for table in CONTRACT.tables.values() for f in table.fields.values()}


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.text(
            st.characters(exclude_categories=["Cs"]) | st.sampled_from("0123456789-/.:,£="), min_size=1, max_size=12
        ),
        max_size=30,
    )
)
def test_no_text_raises_in_any_type(texts):
    table = Table("t", "T", "T", (), {f.name: f for f in ONE_OF_EACH_TYPE.values()})
    rows = pl.DataFrame(dict.fromkeys(table.fields, texts), schema=dict.fromkeys(table.fields, pl.String))
    assert type_rows(rows, table, pl.lit(AS_AT)).height == len(texts)


# --- numbers


@pytest.mark.parametrize(
    ("text", "value", "fault"),
    [
        ("0", 0, None),
        ("12", 12, None),
        ("007", 7, None),
        ("2.0", 2, None),
        ("2.5", None, "fraction"),
        (".5", None, "fraction"),
        ("-1", None, "negative"),
        ("-2.5", None, "negative"),
        ("1e1", None, "not_a_number"),
        ("nan", None, "not_a_number"),
        ("inf", None, "not_a_number"),
        ("1,200", None, "not_a_number"),
        ("٣", None, "not_a_number"),
        ("twelve", None, "not_a_number"),
        ("+3", None, "not_a_number"),
        ("99999999999999999999", None, "not_a_number"),
        ("true", None, "not_a_number"),
    ],
)
def test_counts(text, value, fault):
    assert typed([text], "count") == [(value, fault)]


@pytest.mark.parametrize(
    ("text", "value", "fault"),
    [
        ("1200", "1200.00", None),
        ("1200.5", "1200.50", None),
        ("£1,200.50", "1200.50", None),
        ("£ 1,234,567", "1234567.00", None),
        ("1200.504", "1200.50", None),
        ("0", "0.00", None),
        ("12,34", None, "not_a_number"),
        ("1,2,3", None, "not_a_number"),
        ("-5", None, "negative"),
        ("-£5.20", None, "negative"),
        ("£-1,200", None, "negative"),
        ("1e1", None, "not_a_number"),
        ("NaN", None, "not_a_number"),
        ("inf", None, "not_a_number"),
        ("£", None, "not_a_number"),
        ("$12", None, "not_a_number"),
        ("1.200,50", None, "not_a_number"),
        ("١٢", None, "not_a_number"),
        ("9999999999999", None, "not_a_number"),
    ],
)
def test_pounds(text, value, fault):
    assert typed([text], "pounds") == [(None if value is None else Decimal(value), fault)]


# --- words


@pytest.mark.parametrize("text", ["Y", "y", "Yes", "TRUE", "true", "1"])
def test_yes(text):
    assert value_of(text, "yes_no") is True


@pytest.mark.parametrize("text", ["N", "n", "NO", "False", "0"])
def test_no(text):
    assert value_of(text, "yes_no") is False


@pytest.mark.parametrize("text", ["NA", "2", "ja", "Y/N", "-"])
def test_neither_yes_nor_no(text):
    assert fault_of(text, "yes_no") == "not_in_list"


def test_codes_match_whatever_their_case():
    assert value_of("spld", "code", list="need") == "SPLD"
    assert value_of("Autumn", "code", list="term") == "AUTUMN"
    assert value_of("none", "code", list="senco_award") == "NONE"
    assert fault_of("BESD", "code", list="need") == "not_in_list"


def test_every_code_of_every_list_of_the_contract_is_taken():
    for table in CONTRACT.tables.values():
        for field in table.fields.values():
            if field.list:
                assert field.codes
                assert typed([code.lower() for code in field.codes], "code", list=field.list) == [
                    (code, None) for code in field.codes
                ]


def test_provision_that_has_ended_has_a_fault_of_its_own():
    for text in ("A", "p", "S"):
        assert fault_of(text, "code", name="sen_provision", list="sen_provision") == "legacy_code"
    assert fault_of("X", "code", name="sen_provision", list="sen_provision") == "not_in_list"


def test_identifiers_are_upper_cased_and_keep_their_zeros():
    assert value_of("a801200112345", "upn") == "A801200112345"
    assert value_of("0123456789", "uln") == "0123456789"
    assert value_of("not a upn", "upn") == "NOT A UPN"


@pytest.mark.parametrize(
    ("text", "type_", "value", "fault"),
    [
        ("100001", "urn", "100001", None),
        ("10001", "urn", None, "wrong_format"),
        ("8012001", "laestab", "8012001", None),
        ("801/2001", "laestab", None, "wrong_format"),
        ("https://school.example/sen", "url", "https://school.example/sen", None),
        ("HTTP://school.example", "url", "HTTP://school.example", None),
        ("www.school.example", "url", None, "wrong_format"),
        ("javascript:alert(1)", "url", None, "wrong_format"),
        ("https://", "url", None, "wrong_format"),
        ("https://a b", "url", None, "wrong_format"),
        ("1", "specification", "1.0", None),
        ("1.0", "specification", "1.0", None),
        ("1.1", "specification", "1.1", None),
        ("v1", "specification", None, "wrong_format"),
        ("2025-26", "academic_year", "2025-26", None),
        ("2099-00", "academic_year", "2099-00", None),
        ("2025-27", "academic_year", None, "not_in_list"),
        ("2025/26", "academic_year", None, "not_in_list"),
    ],
)
def test_formats(text, type_, value, fault):
    assert typed([text], type_) == [(value, fault)]


# --- what a text of any type can have


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("#N/A", "excel_error"),
        ("#REF!", "excel_error"),
        ("#DIV/0!", "excel_error"),
        ("#SPILL!", "excel_error"),
        ("=cmd|' /C calc'!A0", "formula"),
        ("=", "formula"),
        ("A\0B", "control_character"),
        ("A\u200bB", "control_character"),
        ("A\u00adB", "control_character"),
        ("\ufeffA", "control_character"),
        ("A\nB", "control_character"),
        ("A\x81", "control_character"),
        ("A\u202eB", "control_character"),
        ("A" * 1_001, "too_long"),
        ("é" * 1_000, None),
    ],
)
def test_faults_of_a_text_of_any_type(text, fault):
    assert fault_of(text, "text") == fault
    assert fault_of(text, "upn") == fault
    if fault:
        assert fault_of(text, "date", window="event") == fault
        assert fault_of(text, "code", list="sex") == fault


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("A\0B", "A␀B"),
        ("A\x1fB\x7f", "A␟B␡"),
        ("A\u200bB", "A<U+200B>B"),
        ("\ufeffA\u202e", "<U+FEFF>A<U+202E>"),
        ("A\U000e0041", "A<U+E0041>"),
        ("Zoë – £5\u00a0x", "Zoë – £5\u00a0x"),
    ],
)
def test_what_cannot_be_seen_is_made_visible(text, shown):
    table = Table("t", "T", "T", (), {"cell": Field("cell", "text", "Cell")})
    assert type_rows(pl.DataFrame({"cell": [text, None]}), table, pl.lit(AS_AT))["cell__text"].to_list() == [
        shown,
        None,
    ]


@settings(deadline=None)
@given(st.characters(exclude_categories=["Cs"]))  # half a character is in no file
def test_every_character_that_is_a_fault_is_shown_and_no_other_is_changed(character):
    table = Table("t", "T", "T", (), {"cell": Field("cell", "text", "Cell")})
    row = type_rows(pl.DataFrame({"cell": [f"a{character}b"]}), table, pl.lit(AS_AT)).row(0, named=True)
    assert (row["cell__fault"] == "control_character") == (row["cell__text"] != f"a{character}b")


def test_the_text_stays_as_received_beside_its_value_and_its_fault():
    rows = pl.DataFrame({"row_number": [2, 3], "surplus": [None, "x"], "sex": ["f", "W"]})
    out = type_rows(rows, CONTRACT.tables["pupils"], pl.lit(AS_AT))
    assert out.columns == ["row_number", "surplus", "sex", "sex__text", "sex__fault"]
    assert out.select("sex", "sex__text", "sex__fault").rows() == [("F", "f", None), (None, "W", "not_in_list")]


def test_a_cell_whose_two_columns_differ_has_no_value():
    rows = pl.DataFrame({"sex": ["F | M", "M"], "sex__differs": [True, False]})
    out = type_rows(rows, CONTRACT.tables["pupils"], pl.lit(AS_AT))
    assert out.rows() == [(None, "F | M", "differs"), ("M", "M", None)]


def test_one_odd_cell_changes_no_other():
    texts = ["2025-09-02", "#N/A", None, "A\u200b", "=1", "2025-09-03"]
    assert typed(texts, "date", window="event") == [
        (date(2025, 9, 2), None),
        (None, "excel_error"),
        (None, None),
        (None, "control_character"),
        (None, "formula"),
        (date(2025, 9, 3), None),
    ]
