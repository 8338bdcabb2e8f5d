"""The pages of what is no share of units: waits, needs, spending."""

import pytest

from tests.dashboards.test_pages import ask, on_loopback, open_page, text_of, tile  # noqa: F401


def rows(app, *columns: str):
    """The rows of the table that has these columns, by its first one."""
    table = next(frame.value for frame in app.dataframe if set(columns) <= set(frame.value.columns))
    return table.set_index(table.columns[0])


def test_waits_are_shown_with_their_number_and_who_still_waits(published):
    app = open_page("waiting_times")
    assert "45 days" in tile(app, "Half were seen within")
    assert "130 days" in tile(app, "Nine in ten were seen within")
    assert "80 66 seen; 1 more not known" in tile(app, "Referrals in the year")
    assert "14 18% of the referrals" in tile(app, "Still waiting")
    camhs = rows(app, "Service").loc["CAMHS"]
    assert (camhs["Referrals"], camhs["Waiting"], camhs["Median"]) == (30, 12, 68)
    assert camhs["90th centile"] != camhs["90th centile"]  # not reached: no number


def test_a_wait_that_is_not_reached_is_said_in_words_and_stands_beside_the_term_before(published):
    app = open_page("waiting_times", service="CAMHS")
    assert "68 days 1 day longer than in Spring 2025-26" in tile(app, "Half were seen within")
    assert "not reached" in tile(app, "Nine in ten were seen within")
    assert "each with the days so far (Kaplan-Meier)" in tile(app, "Nine in ten were seen within")


def test_waits_are_shown_by_school_and_of_a_chosen_school(published):
    app = open_page("waiting_times")
    app.segmented_control(key="waits_by").set_value("school").run()
    assert rows(app, "School").loc["Elm School", ["Referrals", "Median"]].to_list() == [6, 44]
    of_school = open_page("waiting_times", school="100004")
    assert "44 days" in tile(of_school, "Half were seen within")
    assert "no referral in the year" in text_of(open_page("waiting_times", school="100001"))


def test_needs_are_counted_by_need_year_group_and_sex_and_add_up(published):
    app = open_page("needs")
    by = "select {}, sum(pupils) from marts.needs_profile where term = '2025-26-summer' and area_type = 'la' and provision <> 'N' group by 1"
    for column, heading, labels in (
        (
            "need",
            "Need",
            {"SEMH": "Social, emotional and mental health", "ASD": "Autistic spectrum disorder", None: "Not known"},
        ),
        ("year_group", "Year group", {"3": "Year 3", "4": "Year 4", "7": "Year 7"}),
    ):
        shown = rows(app, heading, "Pupils")["Pupils"].to_dict()
        assert shown == {labels[code]: pupils for code, pupils in ask(published, by.format(column))}
    sexes = dict(ask(published, by.format("sex")))
    assert f"({sexes['F']} of {sexes['F'] + sexes['M']})" in text_of(app)


def test_the_share_of_the_roll_is_of_the_schools_in_the_census_and_the_page_says_which(published):
    # of the ten schools that sent a return, 0, 2, 4, 6 and 8 are in the census: 3 + n pupils with SEN among 103 + n
    app = open_page("needs")
    sen, roll = 5 * 3 + (0 + 2 + 4 + 6 + 8), 5 * 103 + (0 + 2 + 4 + 6 + 8)
    assert f"{sen / roll:.1%} {sen} of {roll} pupils in the census" in tile(app, "Share of the roll")
    assert "the school census of 5 schools, the SEN register of 5 others" in text_of(app)
    assert "by the school's SEN register" in text_of(open_page("needs", school="100001"))


def test_needs_of_a_school_that_sent_nothing_say_so(published):
    assert "No pupil with SEN is known in this term" in text_of(open_page("needs", school="100011"))


def test_spending_is_shown_beside_the_budget_and_names_the_schools_of_which_it_is_not_known(published):
    app = open_page("spending")
    # schools 0 to 9 without 3: 10,000 pounds times 51 of 9 x 60,000
    assert "94.4%" in tile(app, "Spent of the notional budget")
    assert "£510,000" in tile(app, "Spent on SEN")
    shown = rows(app, "School", "Share")
    assert shown.loc["Juniper School", "Share"] == pytest.approx(1000 / 6)
    assert "Damson & Sons School" not in shown.index
    assert "4 of 9 schools spend more than the notional budget" in text_of(app)


def test_spending_of_a_school_of_which_an_amount_is_not_known_says_where_it_comes_from(published):
    assert "notional_budgets.csv" in text_of(open_page("spending", school="100003"))
