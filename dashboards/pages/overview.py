"""Overview: what changed, who is missing, whom to ring and why, and every indicator."""

from typing import Any

import polars as pl
import streamlit as st

from dashboards import look, notes
from dashboards.about import about, about_html, definition_rows, unknown_words
from dashboards.frame import Frame, current
from dashboards.queries import changes, indicators, returns, ringing, snapshot
from dashboards.words import (
    DASH,
    RATINGS,
    STATUSES,
    amount,
    cases_no_longer_kept,
    count_of,
    html,
    percent,
    phase_label,
    points,
    term_label,
)

RING = 10
RED = 10  # of the red indicators, before "and so many more"
LISTED = 8  # of the missing schools, before "and so many more"
CLEAR = "more than chance alone would give"


def values_now(frame: Frame) -> pl.DataFrame:
    if frame.school:
        return indicators.school_values(frame.connection, frame.term, frame.previous, frame.school)
    return indicators.area_values(frame.connection, frame.term, frame.previous, "la", frame.la_code)


def since(frame: Frame) -> str:
    return f"since {term_label(frame.previous)}" if frame.previous else ""


def is_better(definition: dict[str, Any], change: float) -> bool:
    return (change < 0) == (definition["polarity"] == "lower")


def headlines(frame: Frame) -> None:
    sent = returns.of_term(frame.connection, frame.term)
    due = sent.filter("is_due")
    usable = due.filter(~pl.col("status").is_in(["missing", "rejected"]))
    case = changes.of_cases(frame.connection, frame.term, frame.previous, frame.school)
    comparable = changes.was_counted(frame.connection, frame.previous, "NPR05")
    plans = changes.of_admissions(frame.connection, frame.term, frame.previous, frame.school)
    parts = []
    if frame.school:
        parts.append(own_return(frame, sent.filter(urn=frame.school)))
    else:
        parts.append(
            look.headline(
                "Returns that are counted",
                f"{len(usable)} of {len(due)}",
                f"{due['on_time'].sum()} on time; {len(due) - len(usable)} missing or rejected",
                about_html(
                    frame,
                    "Returns that are counted",
                    {
                        "Counts": "Schools with a return that was not rejected",
                        "Out of": "Schools from which one is due",
                    },
                ),
            )
        )
    without, without_colour = of_cases(frame, case["specialist"].now, "#b3261e")
    not_known, not_known_colour = of_cases(frame, case["not_known"].now, "#8a5300")
    not_made, not_made_colour = of_cases(frame, plans.now, "#b3261e")
    parts.append(
        look.headline(
            "Pupils without a specialist",
            without,
            against(case["specialist"], frame),
            about_html(
                frame,
                "Pupils without a specialist",
                {
                    "Counts": "Pupils in sustained limited progress, or working substantially below their peers, with "
                    "no specialist involved (the unmet cases of NPR02 and NPR04)",
                    "Source": "The schools' returns; each case is on the page Support cases",
                },
                unknown=f"progress not known for {count_of(case['not_known'].now, 'more pupil')}"
                if frame.has_cases
                else "",
            ),
            without_colour,
        )
    )
    parts.append(
        look.headline(
            "Progress not known",
            not_known,
            against(case["not_known"], frame)
            if comparable or not (frame.has_cases and frame.has_cases_before)
            else "no earlier figure to compare",
            about_html(
                frame,
                "Progress not known",
                {
                    "Counts": "Pupils on the register now and two terms before, without an assessed review between (NPR05)",
                    "Source": "The schools' returns; each case is on the page Support cases",
                },
            ),
            not_known_colour,
        )
    )
    parts.append(
        look.headline(
            "EHC admissions due and not made",
            not_made,
            against(plans, frame),
            about_html(
                frame,
                "EHC admissions due and not made",
                {
                    "Counts": "EHC plans that name a school, due by the as-at date, the pupil not admitted (EHC02)",
                    "Source": "The LA's extract of EHC plans where there is one, else the schools' placements; each plan "
                    "is on the page EHC admissions",
                },
                unknown="plans that name a school without a return are listed as not known",
            ),
            not_made_colour,
        )
    )
    look.tiles(parts, headlines=True)


def own_return(frame: Frame, sent: pl.DataFrame) -> str:
    """The chosen school's return as a headline."""
    about_it = about_html(
        frame, "This term's return", {"Counts": "The state of the school's current return for the term"}
    )
    if sent.is_empty():
        return look.headline("This term's return", "Not due", "nothing was due and nothing came", about_it)
    row = sent.row(0, named=True)
    status = STATUSES[row["status"]]
    late = "on time" if row["on_time"] else "not on time"
    parts = f"{late}; {count_of(row['errors'], 'error')}, {count_of(row['queries'], 'query', 'queries')}"
    return look.headline("This term's return", f"{status.shape} {status.word}", parts, about_it, status.colour)


def of_cases(frame: Frame, number: int, colour: str) -> tuple[str, str]:
    """A number of cases and its tile's colour: of none there are, green; of none that are kept nothing is known."""
    if not frame.has_cases:
        return DASH, "#55606b"
    return f"{number:,}", colour if number else "#1a6e35"


def against(change: changes.Change, frame: Frame) -> str:
    if not frame.has_cases:
        return "its cases are no longer kept"
    if not frame.previous:
        return "the first term that is held"
    if not frame.has_cases_before:
        return f"the cases of {term_label(frame.previous)} are no longer kept"
    return f"{change.new:,} new, {change.gone:,} no longer; {change.before:,} before"


def what_changed(frame: Frame, values: pl.DataFrame) -> None:
    st.header(f"What changed {since(frame)}" if frame.previous else "What changed")
    if not frame.previous:
        st.write("This is the first term that is held: nothing to compare it with.")
        return
    said = [change_line(frame, row) for row in notable(values).iter_rows(named=True)]
    if not said:
        said.append("No indicator moved by more than chance alone would give, and no rating changed.")
    if not frame.school:
        missing = changes.of_missing(frame.connection, frame.term, frame.previous)
        said.append(
            f"<strong>Returns</strong>: {count_of(missing.now, 'school')} without a usable return "
            f"({missing.before} before); {missing.new} newly, {missing.gone} came back"
        )
        restated = snapshot.restatements(frame.connection, frame.term)
        if restated:
            said.append(
                f"<strong>Restated</strong>: {count_of(restated, 'published figure')} of this term changed later"
            )
    look.lines(said)
    about(
        frame,
        "What changed",
        {
            "Shown": f"Indicators whose change is {CLEAR} (Newcombe's 95% interval of the difference leaves out zero), "
            "or whose rating changed; the largest change first",
            "Mind": "Many pupils are in both terms, so chance is if anything smaller than assumed",
        },
    )


def notable(values: pl.DataFrame) -> pl.DataFrame:
    moved = pl.col("is_clear_change").fill_null(False)
    rated = pl.col("rag").is_in(["red", "amber", "green"]) & pl.col("previous_rag").is_in(["red", "amber", "green"])
    return (
        values.filter(pl.col("unit") == "rate", moved | (rated & (pl.col("rag") != pl.col("previous_rag"))))
        .sort(is_one_unit(), pl.col("change").abs(), descending=[False, True], nulls_last=True)
        .head(8)
    )


def is_one_unit() -> pl.Expr:
    """A school that is its indicator's only unit meets it or does not: no rate that could be compared with others."""
    return (pl.col("denominator") == 1).fill_null(False)


def change_line(frame: Frame, row: dict[str, Any]) -> str:
    definition = frame.indicators[row["indicator_id"]]
    better = is_better(definition, row["change"])
    arrow = "▲" if row["change"] > 0 else "▼"
    chance = "" if row["is_clear_change"] else ", within chance"
    rated = ""
    if row["rag"] != row["previous_rag"] and row["rag"] and row["previous_rag"]:
        rated = f", from {RATINGS[row['previous_rag']].word} to {RATINGS[row['rag']].word}"
    if row["denominator"] == row["previous_denominator"] == 1:
        met = ("met now, and not before", "not met now, and met before")[row["change"] < 0]
        moved = f"{met} ({'better' if better else 'worse'}{rated})"
        return (
            f"<span aria-hidden='true'>{arrow}</span> <strong>{html(definition['name'])}</strong> "
            f"<span class='quiet'>{row['indicator_id']}</span>: {moved}"
        )
    return (
        f"<span aria-hidden='true'>{arrow}</span> <strong>{html(definition['name'])}</strong> "
        f"<span class='quiet'>{row['indicator_id']}</span>: {percent(row['previous_value'])} to {percent(row['value'])} "
        f"({points(row['change'])}, {'better' if better else 'worse'}{chance}{rated})"
    )


def who_is_missing(frame: Frame) -> None:
    missing = frame.missing
    st.header("Who is missing")
    if missing.is_empty():
        st.write("Every school from which a return is due has one that is counted.")
    else:
        look.lines(
            [
                f"{look.status(row['status'])} {html(row['name'])} <span class='quiet'>{html(phase_label(row['phase']))}</span>"
                + (
                    f" <span class='quiet'>{row['terms_running']} terms running</span>"
                    if row["terms_running"] > 1
                    else ""
                )
                for row in missing.head(LISTED).iter_rows(named=True)
            ]
            + (
                [f"<span class='quiet'>and {len(missing) - LISTED} more: see below</span>"]
                if len(missing) > LISTED
                else []
            )
        )
    about(
        frame,
        "Who is missing",
        {"Counts": "Schools from which a return is due for the term, and none came or it was rejected"},
    )


def whom_to_ring(frame: Frame) -> None:
    ranked = ringing.to_ring(frame.connection, frame.term, frame.school)
    st.header("Reasons to ring" if frame.school else "The schools to ring first, and why")
    if not frame.has_cases:
        st.info(cases_no_longer_kept(frame.term))
    elif ranked.is_empty():
        st.write("No reason to ring: nothing is missing, red, or waiting.")
    columns = st.columns(1 if frame.school else 2)
    contact = notes.newest_of_schools()
    half = -(-min(RING, len(ranked)) // len(columns))
    for rank, row in enumerate(ranked.head(RING).iter_rows(named=True), start=1):
        with columns[(rank - 1) // half].container(border=True, key=f"ring_{rank}"):
            reasons = "".join(f"<li>{html(reason)}</li>" for reason in row["reasons"])
            if row["urn"] in contact and not frame.school:
                reasons += f"<li><span class='quiet'>Last contact: {notes.line(contact[row['urn']])}</span></li>"
            st.html(
                f'<div class="card"><span class="rank">{rank}</span><div><h3>{html(row["name"])} '
                f'<span class="quiet">{html(phase_label(row["phase"]))}, {count_of(row["points"], "point")}</span></h3>'
                f"<ul>{reasons}</ul></div></div>"
            )
            with st.container(horizontal=True, gap="medium"):
                for page, words in links(row["kinds"], frame.school).items():
                    st.page_link(page, label=words, query_params={"term": frame.term, "school": row["urn"]})
    counted = "; ".join(f"{w.what}: {w.each} each, at most {w.at_most}" for w in ringing.WEIGHTS.values())
    about(
        frame,
        "The schools to ring first",
        {
            "Points": counted,
            "Order": "Most points first, then who has waited longest. A prompt for a call, not a verdict on a school",
            "Not twice": f"{', '.join(ringing.COUNTED_ELSEWHERE)} are counted case by case, not as a red indicator too",
        },
    )


def links(kinds: list[str], school: str | None) -> dict[str, str]:
    """Where to look before ringing: page and words of each reason."""
    where = {
        "missing": ("pages/returns.py", "The return"),
        "rejected": ("pages/returns.py", "The return"),
        "admission": ("pages/ehc_admissions.py", "The admissions"),
        "case": ("pages/support_cases.py", "The pupils"),
        "not_known": ("pages/support_cases.py", "The pupils"),
        "red": ("pages/overview.py", "The indicators"),
    }
    return dict(where[kind] for kind in kinds if not (school and kind == "red"))


def scale(row: dict[str, Any], target: float | None) -> str:
    """Value, interval and target on a line from 0 to 100 %, for those who see it; the words beside say the same."""
    if row["unit"] != "rate" or row["value"] is None or row["lower_95"] is None:
        return ""
    low, high, value = (100 * row[name] for name in ("lower_95", "upper_95", "value"))
    mark = f'<u style="left:{100 * target:.1f}%"></u>' if target is not None else ""
    return (
        f'<div class="scale" aria-hidden="true"><i style="left:{low:.1f}%;width:{high - low:.1f}%"></i>{mark}'
        f'<b style="left:{value:.1f}%"></b></div>'
    )


def tile(frame: Frame, row: dict[str, Any]) -> str:
    definition = frame.indicators[row["indicator_id"]]
    rate = row["unit"] == "rate"
    if row["value"] is None and not row["denominator"]:
        parts = "nothing to count in this term"
    else:
        parts = f"{row['numerator']:,.0f} of {row['denominator']:,.0f}"
    parts += f"; {row['unknown']:,} unknown" if row["unknown"] else "; none unknown"
    if rate and row["lower_95"] is not None:
        parts += f"<br>95% interval {percent(row['lower_95'])} to {percent(row['upper_95'])}"
    if row["target"] is not None:
        parts += f"; target {row['target']:.0%}"
    if row.get("schools_missing"):
        parts += f"<br>{count_of(row['schools_counted'], 'school')}, {row['schools_missing']:,} missing"
    if row.get("applies_as") == "good_practice":
        parts += "<br>good practice here, not a duty: not rated, in no area's figure"
    return (
        f'<section class="tile" style="--rating:{RATINGS.get(row["rag"], RATINGS[None]).colour}" '
        f'aria-label="{html(definition["name"])}">'
        f'<span class="id">{row["indicator_id"]}</span><h4>{html(definition["name"])}</h4>'
        f'<div class="figure"><span class="value">{amount(row["value"], row["unit"])}</span>{look.rag(row["rag"])}</div>'
        f'{scale(row, row["target"])}<div class="parts">{parts}</div>'
        f'<div class="change">{change_words(frame, definition, row)}</div>'
        + about_html(
            frame,
            definition["name"],
            definition_rows(definition, row["target"]) | counted_row(frame, row),
            unknown=unknown_words(row["unknown"]),
            links={"Over the terms": frame.address("trends", indicator=row["indicator_id"])}
            | cases_link(frame, row["indicator_id"]),
        )
        + "</section>"
    )


def cases_link(frame: Frame, indicator_id: str) -> dict[str, str]:
    """To the cases behind an indicator, or to the page that shows more of it."""
    pages = {"NPR01": "support_cases", "NPR02": "support_cases", "NPR04": "support_cases", "NPR05": "support_cases"}
    pages |= {"EHC01": "ehc_admissions", "EHC02": "ehc_admissions", "SCH11": "returns"}
    if indicator_id in pages:
        return {"Case by case": frame.address(pages[indicator_id])}
    apart = {"NPR03": "waiting_times", "OUT01": "needs", "RES01": "spending"}
    return {"A page of its own": frame.address(apart[indicator_id])} if indicator_id in apart else {}


def counted_row(frame: Frame, row: dict[str, Any]) -> dict[str, str]:
    if frame.school:
        return {}
    return {"Schools": f"{row['schools_counted']} counted, {row['schools_missing']} missing"}


def change_words(frame: Frame, definition: dict[str, Any], row: dict[str, Any]) -> str:
    if not frame.previous:
        return "no earlier term"
    if row["change"] is None:
        return f"no figure in {term_label(frame.previous)} to compare" if row["value"] is not None else DASH
    if row["change"] == 0:
        return f"unchanged {since(frame)}"
    change = points(row["change"]) if row["unit"] == "rate" else f"{row['change']:+,.0f}".replace("-", "−")
    how = "better" if is_better(definition, row["change"]) else "worse"
    if row["unit"] == "rate":
        how += ", clearly" if row["is_clear_change"] else ", within chance"
    return f"{change} {since(frame)} ({how})"


def what_is_red(frame: Frame, values: pl.DataFrame) -> None:
    """The red indicators, those that miss their target by most first."""
    red = values.filter(rag="red").with_columns(misses=(pl.col("value") - pl.col("target")).abs())
    red = red.sort(is_one_unit(), "misses", "indicator_id", descending=[False, True, False], nulls_last=True)
    st.header(f"What is red ({len(red)})" if len(red) else "What is red")
    if red.is_empty():
        st.write("No indicator misses its target by more than chance.")
        return
    said = [red_line(frame, row) for row in red.head(RED).iter_rows(named=True)]
    if len(red) > RED:
        said.append(f"<span class='quiet'>and {len(red) - RED} more, in their themes below</span>")
    look.lines(said)
    about(
        frame,
        "What is red",
        {
            "Shown": "Indicators in red: the 95% interval lies wholly on the wrong side of the target. The one that misses "
            "it by most first"
        },
    )


def red_line(frame: Frame, row: dict[str, Any]) -> str:
    definition = frame.indicators[row["indicator_id"]]
    address = frame.address("trends", indicator=row["indicator_id"])
    figure = f"{amount(row['value'], row['unit'])} ({row['numerator']:,.0f} of {row['denominator']:,.0f}), target {row['target']:.0%}"
    return (
        f"<span aria-hidden='true' style='color:{RATINGS['red'].colour}'>{RATINGS['red'].shape}</span> "
        f"<a href='{html(address)}' target='_self'>{html(definition['name'])}</a> "
        f"<span class='quiet'>{row['indicator_id']}</span>: {'not met' if row['denominator'] == 1 else figure}"
    )


def counted(values: pl.DataFrame) -> dict[str, int]:
    """How many indicators have each rating."""
    return {kind.word: len(values.filter(pl.col("rag").eq_missing(pl.lit(key)))) for key, kind in RATINGS.items()}


def theme_label(theme: str, values: pl.DataFrame) -> str:
    """A theme and how its indicators are rated, as markdown: what a person needs to know before opening it."""
    numbers = counted(values)
    rated = [
        f"{kind.shape} {numbers[kind.word]} {kind.word.lower()}" for kind in RATINGS.values() if numbers[kind.word]
    ]
    return f"**{theme}** *{' · '.join(rated)}*"


def every_indicator(frame: Frame, values: pl.DataFrame) -> None:
    st.header("Every indicator" + (f": {frame.school_name}" if frame.school else ""))
    look.legend(list(RATINGS.values()), counted(values))
    if values.is_empty():
        st.info("This school sent no usable return for the term, so there is nothing to count.")
    rows = {row["indicator_id"]: row for row in values.iter_rows(named=True)}
    themes = dict.fromkeys(definition["theme"] for definition in frame.indicators.values())
    with st.container(key="themes"):
        for number, theme in enumerate(themes):
            shown = [rows[key] for key, of in frame.indicators.items() if of["theme"] == theme and key in rows]
            if not shown:
                continue
            of_theme = values.filter(pl.col("indicator_id").is_in([row["indicator_id"] for row in shown]))
            # a key of its own: the theme stays open when the term or the school changes, and its numbers with it
            with st.expander(theme_label(theme, of_theme), key=f"theme_{number}"):
                if any(frame.indicators[row["indicator_id"]]["self_reported"] for row in shown):
                    st.caption(own_word(frame, [row["indicator_id"] for row in shown]))
                look.tiles([tile(frame, row) for row in shown])


def own_word(frame: Frame, shown: list[str]) -> str:
    """Whose word the theme's figures are."""
    of_schools = [key for key in shown if frame.indicators[key]["self_reported"]]
    if len(of_schools) == len(shown):
        return "What schools say of themselves: nobody else has checked it."
    return f"{', '.join(of_schools)}: what schools say of themselves, which nobody else has checked."


def main() -> None:
    frame = current()
    values = values_now(frame)
    headlines(frame)
    left, right = st.columns(2, gap="large")
    with left:
        what_changed(frame, values)
        if frame.school:
            whom_to_ring(frame)
            notes.notes_of_school(frame.school)
    with right:
        what_is_red(frame, values)
        if not frame.school:
            who_is_missing(frame)
    if not frame.school:
        whom_to_ring(frame)
    every_indicator(frame, values)


main()
