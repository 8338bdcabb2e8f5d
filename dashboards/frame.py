"""What every page shares: the open snapshot, the chosen term and school, and what they are called."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from urllib.parse import urlencode

import duckdb
import polars as pl
import streamlit as st

from dashboards.queries import returns, snapshot
from dashboards.words import term_label
from pipelines.publishing.snapshots import current_name, open_snapshot
from pipelines.settings import get_settings

ALL = "all"
PAGES = {
    "pages/overview.py": "Overview",
    "pages/trends.py": "Trends",
    "pages/benchmarks.py": "Benchmarks",
    "pages/needs.py": "Needs",
    "pages/support_cases.py": "Support cases",
    "pages/waiting_times.py": "Waiting times",
    "pages/ehc_admissions.py": "EHC admissions",
    "pages/spending.py": "SEN spending",
    "pages/returns.py": "Returns and data quality",
    "pages/explanations.py": "Explanations",
    "pages/restatements.py": "Restatements",
    "pages/check_a_return.py": "Check a return",
    "pages/rules.py": "Rules",
}


@dataclass(frozen=True)
class Frame:
    """What a page is about. `previous` and `school` are None before the first term and for all schools."""

    connection: duckdb.DuckDBPyConnection
    la_code: str
    la_name: str
    published_at: datetime
    terms: tuple[str, ...]  # the oldest first
    as_at_dates: dict[str, date]
    deadlines: dict[str, date]
    closed: frozenset[str]  # terms whose cases are no longer kept
    term: str
    previous: str | None
    schools: dict[str, dict[str, Any]]  # urn -> name, phase, ...
    school: str | None
    indicators: dict[str, dict[str, Any]]  # id -> definition
    missing: pl.DataFrame  # schools without a usable return, as queries.returns.missing gives them

    @property
    def as_at(self) -> date:
        """The term's as-at date."""
        return self.as_at_dates[self.term]

    @property
    def has_cases(self) -> bool:
        """Whether the term's cases are kept still: where not, an empty list says nothing."""
        return self.term not in self.closed

    @property
    def has_cases_before(self) -> bool:
        """Whether there are cases of the term before to compare with."""
        return self.previous is not None and self.previous not in self.closed

    def address(self, page: str, **more: str) -> str:
        """Where another page shows the same term and school; more may be asked of it."""
        return f"{page}?{urlencode({'term': self.term, 'school': self.school or ALL} | more)}"

    @property
    def school_name(self) -> str | None:
        """Name of the chosen school."""
        return self.schools[self.school]["name"] if self.school else None


def _close(held: duckdb.DuckDBPyConnection) -> None:
    held.close()


@st.cache_resource(max_entries=2, on_release=_close, show_spinner=False)
def _held_snapshot(path: str) -> duckdb.DuckDBPyConnection:  # noqa: ARG001  (the cache's key)
    """One connection for all sessions; the snapshot before stays open for whoever is still reading it."""
    connection, _ = open_snapshot(get_settings())
    return connection


def open_cursor() -> duckdb.DuckDBPyConnection | None:
    """A cursor of this session on the newest snapshot, None before the first; read anew on every run."""
    settings = get_settings()
    name = current_name(settings)
    if name is None:
        return None
    held = _held_snapshot(str(settings.published_dir.resolve() / name))
    cursor = held.cursor()
    # a cursor starts at the catalogue of its own, not at the one in use
    cursor.execute("USE snapshot")
    return cursor


def choose(connection: duckdb.DuckDBPyConnection) -> Frame:
    """Show the term and school selectors, kept in the query string, and say what was chosen."""
    about = snapshot.about(connection)
    terms = snapshot.terms(connection)
    keys = tuple(terms["term"])
    schools = {row["urn"]: row for row in snapshot.schools(connection).iter_rows(named=True)}
    remember("term", keys, keys[-1])
    remember("school", (ALL, *schools), ALL)
    with st.container(key="selectors"):
        narrow, wide = st.columns([1, 2])
        term = narrow.selectbox("Term", options=keys[::-1], format_func=term_label, key="term")
        school = wide.selectbox(
            "School",
            options=(ALL, *schools),
            format_func=lambda urn: "All schools" if urn == ALL else f"{schools[urn]['name']} ({urn})",
            key="school",
        )
    keep_in_query_string("term", term)
    keep_in_query_string("school", school)
    position = keys.index(term)
    return Frame(
        connection=connection,
        la_code=about["la_code"],
        la_name=about["la_name"],
        published_at=about["published_at"],
        terms=keys,
        as_at_dates=dict(zip(keys, terms["as_at_date"], strict=True)),
        deadlines=dict(zip(keys, terms["deadline"], strict=True)),
        closed=frozenset(terms.filter("is_closed")["term"]),
        term=term,
        previous=keys[position - 1] if position else None,
        schools=schools,
        school=None if school == ALL else school,
        indicators={row["id"]: row for row in snapshot.indicators(connection).iter_rows(named=True)},
        missing=returns.missing(connection, term),
    )


def remember(name: str, known: tuple[str, ...], otherwise: str) -> None:
    """Set a selector before it is shown: to what the address asks for, else to what was chosen before.

    An address that was opened or gone back to wins; one that navigation has emptied says nothing.
    """
    asked = st.query_params.get(name)
    # the second is there for a selector that not every page shows
    chosen = st.session_state.get(name, st.session_state.get(f"{name}_written"))
    if asked in known and asked != st.session_state.get(f"{name}_written"):
        chosen = asked
    # set on every run, or Streamlit drops a selector's value on the way to another page
    st.session_state[name] = chosen if chosen in known else otherwise


def keep_in_query_string(name: str, value: str) -> None:
    """Write a choice into the address, so that it can be sent to somebody; navigation empties it every time."""
    if st.query_params.get(name) != value:
        st.query_params[name] = value
    st.session_state[f"{name}_written"] = value


@contextmanager
def shown(frame: Frame) -> Iterator[None]:
    """Give the frame to the page that runs inside, and take it back."""
    st.session_state["frame"] = frame
    try:
        yield
    finally:
        del st.session_state["frame"]
        frame.connection.close()


def navigate():
    """The page asked for. Its links are `show_links`: on a telephone Streamlit's own sidebar stays over the page."""
    pages = [st.Page(path, title=title, default=path == next(iter(PAGES))) for path, title in PAGES.items()]
    return st.navigation(pages, position="hidden")


def show_links(frame: Frame) -> None:
    """A link to every page, on the same term and school."""
    for path, title in PAGES.items():
        st.page_link(path, label=title, query_params={"term": frame.term, "school": frame.school or ALL})


def current() -> Frame:
    """The frame of the page now running.

    A server's very first visitor may open a page's own address: Streamlit then runs that file alone, because it lies in
    a folder named pages, and app.py with its refusals only once st.navigation was called.
    """
    if "frame" not in st.session_state:
        navigate()
        st.rerun()
    return st.session_state["frame"]
