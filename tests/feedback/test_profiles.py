"""Profiles: who gets one and when, what stands beside a school's figures, and what its governors are never told.

The synthetic LA: 12 schools, of which 10's return is rejected and 11's is missing in the last term; the deadline of summer 2025-26 is
21 July 2026.
"""

import email
import email.policy
import io
import json
from dataclasses import replace
from datetime import date

import openpyxl
import pytest
import typst

from pipelines.feedback import answer_schools, give_profiles, give_profiles_after_deadline, profiles, read_profiles
from pipelines.feedback.governors_page import (
    SHORT,
    TEMPLATE,
    as_published,
    governors_page,
    make_pages,
    on_the_page,
    percent,
    rating_of,
)
from pipelines.feedback.profile_sheets import profile_workbook
from pipelines.reading.feedback_sheets import is_ours
from pipelines.warehouse import warehouse
from tests.dashboards import synthetic
from tests.feedback.conftest import SmallAuthority

TERM = "2025-26-summer"
DEADLINE, AFTER = date(2026, 7, 21), date(2026, 7, 22)
BANDS = [(0, 0.25), (0.25, 0.5), (0.5, 0.75), (0.75, 1), (0, 0.5), (0.5, 1)]
SHOWN = {"met": 20, "of": 30, "value": 20 / 30, "low": 0.49, "high": 0.81, "rag": "red", "is_shown": True}


@pytest.fixture
def published(make_settings):
    """The synthetic LA's warehouse and snapshot, with a contact of school 0."""
    settings = make_settings()
    synthetic.write_snapshot(settings)
    with warehouse(settings) as connection:
        authority = SmallAuthority(settings, connection)
        authority.contact("100000", email="senco@ash.example")
        authority.contact("100000", email="head@ash.example", role="HEADTEACHER")
        yield authority


def publish_again(settings):
    """The synthetic LA as it is now is what was published last; the warehouse stays open."""
    elsewhere = settings.model_copy(update={"data_dir": settings.data_dir / "elsewhere"})
    name = synthetic.write_snapshot(elsewhere)
    (elsewhere.published_dir / name).replace(settings.published_dir / f"newer-{name}")
    (settings.published_dir / "CURRENT").write_text(f"newer-{name}")


def give(authority, on=AFTER, terms=(TERM,)):
    found = read_profiles(authority.settings, authority.connection, list(terms), on)
    return give_profiles(authority.settings, authority.connection, list(found.values()), on)


def profile_of(authority, urn="100000", on=AFTER):
    found = read_profiles(authority.settings, authority.connection, [TERM], on)
    return next(profile for profile in found.values() if profile.urn == urn)


def figure(profile, indicator):
    return next(one for one in profile.figures if one["id"] == indicator)


def with_figures(profile, **own):
    """A profile whose figures of pupils are all like this one; what has no rating still has none."""
    own = SHOWN | {"band_low": None, "band_high": None} | own
    return replace(
        profile,
        figures=[
            one if one["id"].startswith("SCH") else one | own | {"rag": one["rag"] and own["rag"]}
            for one in profile.figures
        ],
    )


def hidden(band=(None, None), **own):
    return SHOWN | {"is_shown": False, "band_low": band[0], "band_high": band[1]} | own


def texts(sheet):
    return [[cell for cell in row if cell is not None] for row in sheet.iter_rows(values_only=True)]


# ---------------------------------------------------------------------------------------------------------- who and when


def test_every_school_whose_return_counts_gets_a_page_and_a_workbook_once(published):
    assert give(published) == {"profiles": 10, "profile_letters": 10}
    files = {path.relative_to(published.settings.data_dir / "outbox").as_posix() for path in published.outbox()}
    assert "8012000/2025-26-summer/8012000_2025-26_summer_governors.pdf" in files
    assert "8012000/2025-26-summer/8012000_2025-26_summer_profile.xlsx" in files
    assert len([name for name in files if name.endswith(".pdf")]) == 10
    assert not any(name.startswith(("8012010", "8012011")) for name in files)

    assert give(published) == {"profiles": 0, "profile_letters": 0}


def test_nothing_is_given_before_the_deadline_has_passed(published):
    assert give(published, on=DEADLINE) == {"profiles": 0, "profile_letters": 0}
    assert published.outbox() == []


def test_before_the_deadline_a_school_has_its_own_figures_alone(published):
    before, after = (figure(profile_of(published, on=day), "REV01") for day in (DEADLINE, AFTER))
    assert before["value"] == after["value"]
    assert (before["la_value"], before["similar_value"]) == (None, None)
    assert after["la_value"] is not None


def test_a_profile_is_made_again_when_what_it_says_changes_and_written_about_once(published, monkeypatch):
    give(published)
    old = {path.name: path.read_bytes() for path in published.outbox(".pdf")}
    share = synthetic._share
    monkeypatch.setattr(synthetic, "_share", lambda n, t, position: 0.5 if n == 0 else share(n, t, position))
    publish_again(published.settings)

    counts = give(published)

    assert counts["profiles"] > 0
    assert counts["profile_letters"] == 0
    new = {path.name: path.read_bytes() for path in published.outbox(".pdf")}
    name = "8012000_2025-26_summer_governors.pdf"
    assert new.keys() == old.keys()
    assert new[name] != old[name]


def test_of_terms_that_were_over_before_any_profile_was_made_none_is_made_later(published):
    assert give(published, terms=["2025-26-spring"])["profiles"] == 0
    assert give(published, terms=["2025-26-spring", TERM])["profiles"] == 10


def test_a_profile_that_was_given_is_kept_up_when_a_later_term_is_over(published):
    spring_deadline_past = date(2026, 4, 20)
    assert give(published, on=spring_deadline_past, terms=["2025-26-spring"])["profiles"] > 0
    published.connection.execute("UPDATE ledger.profiles SET content_hash = 'another' WHERE urn = '100000'")

    assert give(published, terms=["2025-26-spring"])["profiles"] == 1


def test_when_the_deadline_passes_without_a_new_file_the_profiles_are_given_all_the_same(published):
    counts = [
        give_profiles_after_deadline(published.settings, published.connection, day)["profiles"]
        for day in (DEADLINE, AFTER, AFTER)
    ]
    # on the day of the deadline it is spring's that was the last to pass
    assert counts[1:] == [10, 0]


def test_before_anything_is_published_there_is_no_profile(authority):
    assert give_profiles_after_deadline(authority.settings, authority.connection, AFTER)["profiles"] == 0


def test_a_run_killed_before_the_ledger_knows_writes_the_same_files_again(published, monkeypatch):
    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(profiles, "_remember", killed)
        with pytest.raises(KeyboardInterrupt):
            give(published)
    left = {path: path.read_bytes() for path in published.outbox()}
    assert published.letters() == []

    assert give(published)["profiles"] == 10
    assert {path: path.read_bytes() for path in published.outbox()} == left


def test_the_letter_goes_to_the_head_too_and_names_the_two_files(published):
    give(published)
    [path] = [path for path in published.outbox(".eml") if "8012000" in path.parts]
    message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    said = message.get_body(("plain",)).get_content()
    assert [a.addr_spec for a in message["To"].addresses] == ["head@ash.example", "senco@ash.example"]
    assert "8012000_2025-26_summer_governors.pdf" in said
    assert "8012000_2025-26_summer_profile.xlsx" in said


def test_an_answer_leaves_the_letter_about_the_profile_alone_and_thanks_nobody_for_it(published):
    give(published)
    answer_schools(published.settings, published.connection, [TERM], AFTER)
    assert {kind for kind, _ in published.letters()} == {"profile"}
    assert {state for _, state in published.letters()} == {"filed", "no_contact"}


# ------------------------------------------------------------------------------------------------- beside the LA and others


def test_the_la_and_similar_schools_stand_beside_it_with_the_schools_counted_and_missing(published):
    profile = profile_of(published)
    # the LA's own figure, as the pages have it; phase Primary: schools 0, 1, 2, 6, 7, 8
    (la,) = published.connection.execute(
        """SELECT value FROM marts.indicator_values_area
        WHERE indicator_id = 'REV01' AND area_type = 'la' AND term = ? AND group_type = 'all'""",
        [TERM],
    ).fetchone()
    shown = figure(profile, "REV01")
    assert shown["la_value"] == round(la, 2)
    assert (shown["la_counted"], shown["la_missing"]) == (10, 2)
    assert (profile.la_schools, profile.similar_schools) == ((10, 2), (6, 0))
    notes = " ".join(governors_page(published.settings, profile)["notes"])
    assert "10 schools counted, 2 missing" in notes
    assert "primary schools of the LA, this school among them, 6 schools counted, 0 missing" in notes


def test_fewer_than_three_similar_schools_are_not_shown(published):
    # school 4 is one of two nursery schools (4 and 10), and the other's return is rejected
    shown = figure(profile_of(published, "100004"), "REV01")
    assert shown["la_value"] is not None
    assert (shown["similar_value"], shown["similar_counted"]) == (None, None)


def test_a_small_number_of_others_is_not_shown(published, monkeypatch):
    # of every pupil of the LA 3 miss it, all at school 0: whoever knows the LA's share knows of them
    monkeypatch.setattr(synthetic, "_share", lambda n, t, position: 1.0 if n else 0.7)
    publish_again(published.settings)
    shown = figure(profile_of(published, "100001"), "REV02")
    assert (shown["value"], shown["la_value"], shown["similar_value"]) == (1.0, None, None)


# ------------------------------------------------------------------------------------------- what governors are never told


@pytest.mark.parametrize("band", [*BANDS, (None, None)])
def test_of_a_figure_that_is_not_shown_the_page_tells_its_band_and_nothing_else(published, band):
    counts = [
        {"met": 137, "of": 149, "value": 137 / 149, "low": 0.8642, "high": 0.9537, "rag": "amber"},
        {"met": 4, "of": 31, "value": 4 / 31, "low": 0.0513, "high": 0.2886, "rag": "red"},
        {"met": 59, "of": 59, "value": 1.0, "low": 0.9389, "high": 1.0, "rag": "green"},
        {"met": 0, "of": 0, "value": None, "low": None, "high": None, "rag": "grey"},
    ]
    profile = profile_of(published)
    pages = [
        governors_page(
            published.settings, with_figures(profile, **hidden(band, unknown=one["of"], before=0.123, **one))
        )
        for one in counts
    ]
    assert all(page == pages[0] for page in pages)
    said = json.dumps(pages[0])
    assert not any(trace in said for trace in ("137", "149", "92 %", "13 %", "864", "954", "0.05", "288", "123"))


def test_what_is_shown_has_its_share_counts_interval_and_rating(settings):
    assert as_published(settings, SHOWN) == {
        "value": 20 / 30,
        "low": 0.49,
        "high": 0.81,
        "share": "67 %",
        "parts": "20 of 30",
        "rating": "red",
    }
    nobody = as_published(
        settings, SHOWN | {"met": 0, "of": 0, "value": None, "low": None, "high": None, "rag": "grey"}
    )
    assert (nobody["share"], nobody["parts"], nobody["rating"]) == ("–", "none", "grey")


def test_a_band_is_said_in_whole_percents_and_drawn_without_a_dot(settings):
    shown = [as_published(settings, hidden(band, target=0.9, polarity="higher")) for band in BANDS]
    assert [one["share"] for one in shown] == [
        "under 25 %",
        "25 to 50 %",
        "50 to 75 %",
        "75 % or more",
        "under 50 %",
        "50 % or more",
    ]
    assert [(one["low"], one["high"]) for one in shown] == BANDS
    assert {(one["value"], one["parts"]) for one in shown} == {(None, "count not shown")}
    without = as_published(settings, hidden())
    assert without == {
        "value": None,
        "low": None,
        "high": None,
        "share": "–",
        "parts": "not shown",
        "rating": "hidden",
    }


@pytest.mark.parametrize(
    ("band", "target", "polarity", "rating"),
    # of 24 pupils, or of 12 for a half, the 95 % interval of 75 % is 0.55 to 0.88, of 50 % of 12 it is 0.25 to 0.75
    [
        ((0.75, 1), 0.7, "higher", "green"),
        ((0.75, 1), 0.95, "higher", "hidden"),
        ((0.5, 0.75), 0.95, "higher", "red"),
        ((0.5, 0.75), 0.85, "higher", "hidden"),
        ((0, 0.5), 0.95, "higher", "red"),
        ((0, 0.5), 0.7, "higher", "hidden"),
        ((0, 0.25), 0.3, "lower", "green"),
        ((0.75, 1), 0.5, "lower", "red"),
    ],
)
def test_a_band_has_the_rating_that_all_its_shares_have(settings, band, target, polarity, rating):
    assert as_published(settings, hidden(band, target=target, polarity=polarity))["rating"] == rating


@pytest.mark.parametrize("polarity", ["higher", "lower"])
@pytest.mark.parametrize("threshold", [2, 5])
@pytest.mark.parametrize("band", BANDS)
def test_a_rating_of_a_band_is_that_of_every_count_it_may_stand_for(make_settings, band, threshold, polarity):
    settings = make_settings(suppression_threshold=threshold)
    low, high = band
    fewest = round((threshold + 1) / (high - low))
    for target in (0.1, 0.26, 0.5, 0.52, 0.74, 0.8, 0.95, 1.0):
        said = as_published(settings, hidden(band, target=target, polarity=polarity))["rating"]
        may_be = {
            rating_of(met, of, target, polarity)
            for of in (*range(fewest, fewest + 9), 100, 400)
            for met in range(of + 1)
            if low <= met / of <= high
        }
        assert said == "hidden" or may_be == {said}


def test_a_band_is_not_rated_where_so_few_pupils_may_be_too_few_to_be_rated(make_settings):
    own = hidden((0.5, 0.75), target=0.95, polarity="higher")
    ratings = [as_published(make_settings(minimum_units=few), own)["rating"] for few in (24, 25)]
    assert ratings == ["red", "hidden"]


def test_what_has_no_rating_has_none_where_it_is_not_shown(settings):
    own = {"rag": None, "target": None, "polarity": "higher"}
    assert [as_published(settings, hidden(band, **own))["rating"] for band in (BANDS[0], (None, None))] == [
        "none_",
        "none_",
    ]


def test_what_a_band_asks_is_asked_first_and_what_is_hidden_is_not(published):
    profile = profile_of(published)
    half, without = (
        governors_page(published.settings, with_figures(profile, **hidden(band)))["ask"]
        for band in ((0.5, 0.75), (None, None))
    )
    assert {one["rating"] for one in half} == {"red"}
    assert half[0]["finding"] == "50 to 75 %, target 95 %"
    assert not {one["name"] for one in without} & {one["name"] for one in half}


@pytest.mark.parametrize(
    ("met", "of", "target", "rating"),
    # the 95 % Wilson intervals end at 0.86, 0.87 and 0.96
    [(34, 45, 0.9, "red"), (54, 68, 0.85, "amber"), (4, 5, 0.95, "amber"), (54, 58, 0.9, "green")],
)
def test_ratings_are_the_models_own(met, of, target, rating):
    assert rating_of(met, of, target, "higher") == rating


def test_the_ratings_of_the_snapshot_are_what_the_page_would_work_out(published):
    rated = published.connection.execute(
        "SELECT numerator, denominator, target, rag FROM marts.indicator_values WHERE rag IN ('red', 'amber', 'green')"
    ).fetchall()
    assert {rag for *_, rag in rated} == {"red", "amber", "green"}
    assert all(rating_of(met, of, target, "higher") == rag for met, of, target, rag in rated if of)


# --------------------------------------------------------------------------------------------------- the page and the sheets


def compiled(data, form):
    compiler = typst.Compiler(
        str(TEMPLATE), font_paths=typst.Fonts(include_system_fonts=False), ignore_system_fonts=True
    )
    return compiler.compile(format=form, sys_inputs={"data": data}, pdf_standards=["ua-1"] if form == "pdf" else [])


@pytest.mark.parametrize("own", [SHOWN, hidden((0, 0.5))], ids=["shown", "in a band"])
def test_the_page_is_one_side_however_long_the_names_and_the_same_bytes_each_time(published, own):
    school = "#panic() *St Æthelwulf's* " + "and Holy Trinity " * 5
    profile = with_figures(replace(profile_of(published, "100002"), school=school), **own)
    page = governors_page(published.settings, profile)
    assert len(page["ask"]) == 6
    pages = compiled(json.dumps(page), "svg")
    assert isinstance(pages, bytes)  # of several it would be a list
    first, second = (next(iter(make_pages(published.settings, [profile]))) for _ in range(2))
    assert first == second
    assert b"/MarkInfo" in first
    assert b"pdfuaid" in first


def test_red_is_asked_about_before_amber_and_the_law_before_what_is_expected(published):
    asked = governors_page(published.settings, with_figures(profile_of(published, "100002")))["ask"]
    assert {one["rating"] for one in asked} == {"red"}
    laws = ["law" in next(d["word"] for d in synthetic.definitions() if _name(d) == one["name"]) for one in asked]
    assert laws == sorted(laws, reverse=True)


def _name(definition):
    on_page = on_the_page().get(definition["id"], {})
    is_own = definition["id"].startswith("SCH")
    return on_page.get("counts") if is_own else SHORT.get(definition["id"], definition["name"])


def test_what_is_on_the_page_is_an_indicator_that_is_a_share():
    shares = {one["id"] for one in synthetic.definitions() if one["unit"] == "rate"}
    assert on_the_page().keys() <= shares
    assert all(one["counts"] and one["question"].endswith("?") for one in on_the_page().values())


def test_the_workbook_has_every_indicator_with_the_schools_own_counts(published):
    profile = profile_of(published, "100002")
    book = openpyxl.load_workbook(io.BytesIO(profile_workbook(published.settings, profile)))
    assert book.sheetnames == ["Profile", "Governors"]
    rows = list(book["Profile"].iter_rows(values_only=True))
    top = next(number for number, row in enumerate(rows) if row[0] == "Theme")
    header = rows[top]
    listed = {row[1]: dict(zip(header, row, strict=False)) for row in rows[top + 1 :] if row[1]}
    assert len(listed) == len(profile.figures)
    own = figure(profile, "REV01")
    shown = listed["Three reviews a year"]
    assert (shown["Met"], shown["Of"], shown["Not known"]) == (own["met"], own["of"], own["unknown"])
    assert shown["Rating"] == "■ Red"
    assert shown["What counts as met"].startswith("Those with reviews on at least three different dates")


@pytest.mark.parametrize("own", [SHOWN, hidden((0.5, 0.75)), hidden()], ids=["shown", "in a band", "hidden"])
def test_the_governors_sheet_says_what_the_page_says(published, own):
    profile = with_figures(profile_of(published, "100002"), **own)
    page = governors_page(published.settings, profile)
    book = openpyxl.load_workbook(io.BytesIO(profile_workbook(published.settings, profile)))
    lines = texts(book["Governors"])
    for one in page["rows"]:
        [line] = [line for line in lines if len(line) > 3 and line[1] == one["counts"]]
        assert line[2:4] == [one["share"], one["parts"]]
        assert line[4:7] == [one["la_share"], one["similar_share"], one["target_share"]]
    assert [one["question"] for one in page["ask"]] == [
        line[1] for line in lines if len(line) == 2 and line[1].endswith("?")
    ]


def test_a_feedback_workbook_has_the_profile_and_both_sheets_are_passed_over_when_it_comes_back(published):
    published.school("100000", "8012000", "Ash School")
    profile = profile_of(published)
    published.file(profile.return_id, urn="100000", laestab="8012000", term=TERM)
    published.issue(return_id=profile.return_id, urn="100000", term=TERM, row_number=2)

    answer_schools(published.settings, published.connection, [TERM], AFTER, {profile.return_id: profile})

    [path] = published.outbox(".xlsx")
    book = openpyxl.load_workbook(path)
    assert book.sheetnames[-2:] == ["Profile", "Governors"]
    assert all(is_ours(name) for name in book.sheetnames[-2:])
    assert "Profile and Governors" in [row[0] for row in book["Read me"].iter_rows(values_only=True)]


def test_a_share_is_said_in_whole_percents():
    assert [percent(share) for share in (0.764, 0.0, 1.0, None)] == ["76 %", "0 %", "100 %", "–"]
