"""A past term, rebuilt as the returns stood then, gives the same figures to the digit; and what an LA sets counts from its day.

The first three terms are run together, and the newest in its time: what was published of the three stands then. At last the
LA sets a target, a window and a duty of the newest term, for which every term is run and built anew, all at once.
"""

import shutil
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path

import pytest

from pipelines.demo.synthetic_la import make_la
from pipelines.landing import pull
from pipelines.reference import pull_reference
from pipelines.runs import run_once
from pipelines.settings import Settings, get_settings
from pipelines.terms import load_calendar
from pipelines.warehouse import only_writer, warehouse
from tests.conftest import leave_out_own_settings
from tests.pipeline.killing import PSEUDONYM_KEY

pytestmark = pytest.mark.long

SCHOOLS, TERMS, PUPILS = 6, 4, 12
# every published table that says something of a term by the returns that had come
FIGURES = (
    "indicator_units",
    "indicator_values",
    "indicator_values_area",
    "waiting_times",
    "amounts",
    "needs_profile",
    "support_cases",
    "ehc_admissions",
)
Figures = dict[str, list[tuple]]


def figures_of(settings: Settings, term: str) -> Figures:
    """Every figure of a term, in order; of a double every digit."""
    with warehouse(settings, read_only=True) as connection:
        return {
            table: connection.execute(f"SELECT * FROM marts.{table} WHERE term = ? ORDER BY ALL", [term]).fetchall()
            for table in FIGURES
        }


def pull_on(settings: Settings, day: date) -> None:
    at = datetime.combine(day, datetime.min.time())
    with only_writer(settings, say=print), warehouse(settings) as connection:
        pull_reference(settings, connection, at)
        pull(settings, connection, at)


def within(data_dir: Path, what: Callable[[Settings], None]) -> Settings:
    """The settings of a data folder, after `what` was done with it as the settings of the process."""
    with pytest.MonkeyPatch.context() as environment:
        leave_out_own_settings(environment)
        environment.setenv("DAGSTER_HOME", "")  # the run sets it: so that it is as before when this ends
        environment.setenv("SEN_DATA_DIR", str(data_dir))
        environment.setenv("SEN_PSEUDONYM_KEY", PSEUDONYM_KEY)
        get_settings.cache_clear()
        settings = get_settings()
        what(settings)
    get_settings.cache_clear()
    return settings


def run(settings: Settings, day: date) -> None:
    from pipelines.definitions import defs

    run_once(settings, defs, on=day, say=lambda _: None)


def live(settings: Settings, came: Callable[[str, date], None]) -> None:
    """Make the LA as its returns come in; came(term, day): pulled, the late ones too."""
    deadlines = {term.deadline: term.term for term in load_calendar(settings).values()}

    def arrived(day: date) -> None:
        pull_on(settings, day)
        if day not in deadlines:  # the late ones, after the deadline
            came(deadlines[max(deadline for deadline in deadlines if deadline < day)], day)

    make_la(settings, schools=SCHOOLS, terms=TERMS, pupils_per_school=PUPILS, arrived=arrived)


@pytest.fixture(scope="module")
def term_by_term(parsed_project, tmp_path_factory) -> tuple[Settings, dict[str, Figures]]:
    """The first three terms run when their returns had come, then the newest in its time; and what was published then."""
    as_published: dict[str, Figures] = {}

    def each_in_its_time(settings: Settings) -> None:
        waiting: list[str] = []

        def came(term: str, day: date) -> None:
            waiting.append(term)
            if len(waiting) == TERMS - 1 or as_published:
                run(settings, day)
                as_published.update({one: figures_of(settings, one) for one in waiting})
                waiting.clear()

        live(settings, came)

    return within(tmp_path_factory.mktemp("term_by_term") / "data", each_in_its_time), as_published


@pytest.fixture(scope="module")
def rebuilt(term_by_term, tmp_path_factory) -> Settings:
    """Every term built anew in one build, for the LA has set something of the newest."""
    data_dir = tmp_path_factory.mktemp("rebuilt") / "data"
    shutil.copytree(term_by_term[0].data_dir, data_dir, symlinks=True)
    reference = data_dir / "reference"
    (reference / "targets.csv").write_text("indicator_id,target,valid_from\nREV01,0%,2026-05-01\n")
    (reference / "duty_applies_to.csv").write_text(
        "indicator_id,school_kind,applies_as,valid_from\nREV03,all,not,2026-05-01\n"
    )
    (reference / "parameters.csv").write_text("parameter,value,valid_from\nreviews_a_year,0,2026-05-01\n")
    return within(data_dir, lambda settings: run(settings, date(2026, 8, 3)))


def different(expected: Figures, found: Figures) -> dict[str, tuple[list, list]]:
    """Table -> rows that are on one side alone."""
    return {
        table: (
            sorted(set(expected[table]) - set(found[table]), key=repr),
            sorted(set(found[table]) - set(expected[table]), key=repr),
        )
        for table in expected
        if expected[table] != found[table]
    }


def test_the_terms_cross_a_year_and_have_figures_of_every_kind(term_by_term):
    _, as_published = term_by_term
    assert len(as_published) == TERMS
    assert {term[:7] for term in as_published} == {"2024-25", "2025-26"}
    newest = as_published[max(as_published)]
    assert not [table for table in FIGURES if not newest[table]]


def test_a_later_term_leaves_the_published_figures_of_the_earlier_ones_as_they_are(term_by_term):
    settings, as_published = term_by_term
    for term, figures in as_published.items():
        assert different(figures, figures_of(settings, term)) == {}, term


def test_all_terms_built_at_once_have_the_figures_that_each_had_in_its_time(term_by_term, rebuilt):
    _, as_published = term_by_term
    with warehouse(rebuilt, read_only=True) as connection:
        assert connection.sql("SELECT first_term FROM ledger.build").fetchall() == [(min(as_published),)]
    newest = max(as_published)
    for term, figures in as_published.items():
        found = figures_of(rebuilt, term)
        if term == newest:  # of which the LA has set something: what waits, amounts, cases and admissions are not asked
            untouched = ("waiting_times", "amounts", "needs_profile", "support_cases", "ehc_admissions")
            figures, found = ({table: of[table] for table in untouched} for of in (figures, found))
        assert different(figures, found) == {}, term


def test_what_the_la_sets_counts_from_its_day_on_and_is_said(rebuilt):
    with warehouse(rebuilt, read_only=True) as connection:
        [(target, rag, value)] = connection.sql("""
            SELECT target, rag, value FROM marts.indicator_values_area
            WHERE indicator_id = 'REV01' AND area_type = 'la' AND group_type = 'all' AND term = '2025-26-summer'
        """).fetchall()
        asked = dict(
            connection.sql("""
            SELECT term, count(*) FROM marts.indicator_values WHERE indicator_id = 'REV03' GROUP BY term
        """).fetchall()
        )
        said, shown_target = connection.sql(
            "SELECT set_by_la, target FROM marts.indicators WHERE id = 'REV01'"
        ).fetchone()
    # no review is asked any more: everybody whose year is known has as many
    assert (target, rag, value) == (0, "green", 1)
    assert "2025-26-spring" in asked
    assert "2025-26-summer" not in asked
    assert shown_target == 0
    assert said.startswith("target 0.0%, from 2026-05-01; 0 review dates (")
