"""'About this figure': definition, source, as-at date, missing schools and unknowns, one click from every figure."""

from typing import Any

import streamlit as st

from dashboards.frame import Frame
from dashboards.words import count_of, day, html, term_label

WORDS = {
    "must": "must (statutory duty)",
    "should": "should (expected practice)",
    "always": "always (the Code's own word)",
}

NAMED = 3  # missing schools, before "and so many more"


def about_html(
    frame: Frame, what: str, rows: dict[str, str], *, unknown: str = "", links: dict[str, str] | None = None
) -> str:
    """A disclosure with the rows given, the as-at date and who is missing.

    `what` names the figure for people who cannot see which one it stands below.
    """
    rows = rows | {
        "As at": f"{day(frame.as_at)} ({term_label(frame.term)})",
        "Missing schools": missing_words(frame),
        "Unknown": unknown,
        "Published": f"{day(frame.published_at.date())}, {frame.published_at:%H:%M}",
    }
    lines = "".join(f"<dt>{html(name)}</dt><dd>{html(value)}</dd>" for name, value in rows.items() if value)
    there = " · ".join(
        f'<a href="{html(address)}" target="_self">{html(words)}</a>' for words, address in (links or {}).items()
    )
    lines += f"<dt>More</dt><dd>{there}</dd>" if there else ""
    return (
        f'<details class="about"><summary>About this figure<span class="unseen">: {html(what)}</span></summary>'
        f"<dl>{lines}</dl></details>"
    )


def about(frame: Frame, what: str, rows: dict[str, str], *, unknown: str = "") -> None:
    """The disclosure on its own, below a table or a chart."""
    st.html(about_html(frame, what, rows, unknown=unknown))


def definition_rows(definition: dict[str, Any], target: float | None) -> dict[str, str]:
    """An indicator's own words, from marts.indicators, and the term's target."""
    word = definition["word"] or ""
    return {
        "Duty": f"{definition['duty']}",
        "Word": ", ".join(WORDS.get(part.strip(), part.strip()) for part in word.split(",") if part.strip(" -–")),
        "Counts": definition["numerator"] or "",
        "Out of": definition["denominator"] or "",
        "Target": f"{target:.0%}" if target is not None else "none: shown without a rating",
        "Set by the LA": definition.get("set_by_la") or "",
        "Unknown if": definition["unknown"] or "",
        "Whose word": "the school's own" if definition["self_reported"] else "",
        "Source": definition["source"] or "",
    }


def standing(frame: Frame) -> str:
    """The as-at date of every figure below and who is missing from them, as markup: one line on every page."""
    if frame.school:
        missing = missing_words(frame) if len(frame.missing.filter(urn=frame.school)) else ""
    elif frame.missing.is_empty():
        missing = "no school is missing"
    else:
        first = "; ".join(frame.missing["name"].head(NAMED))
        more = f" and {len(frame.missing) - NAMED} more" if len(frame.missing) > NAMED else ""
        missing = (
            f"{count_of(len(frame.missing), 'school is', 'schools are')} missing from the LA's figures: {first}{more}"
        )
    return html(f"As at {day(frame.as_at)}" + (f"; {missing}" if missing else ""))


def missing_words(frame: Frame) -> str:
    """Who is missing, by name; for a chosen school, whether it is."""
    if frame.school:
        mine = frame.missing.filter(urn=frame.school)
        return "this school sent no usable return" if len(mine) else "none: this school's return is counted"
    if frame.missing.is_empty():
        return "none"
    return f"{count_of(len(frame.missing), 'school')}: {'; '.join(frame.missing['name'])}"


def unknown_words(unknown: int) -> str:
    """How many units are left out because a needed cell is not known."""
    if not unknown:
        return "none"
    return f"{unknown:,}, left out above and below the line (a needed cell is blank, unreadable or not covered)"
