"""Waiting times: how long pupils wait for the services that schools refer them to (NPR03)."""

from typing import Any

import polars as pl
import streamlit as st

from dashboards import look
from dashboards.about import about, about_html, definition_rows, unknown_words
from dashboards.charts import waits
from dashboards.downloads import download
from dashboards.frame import Frame, current, keep_in_query_string, remember
from dashboards.queries import waiting
from dashboards.words import DASH, PHASES, count_of, label, term_label

AREAS = {"phase": "Phase", "trust": "Trust", "school": "School"}
FEW = 5  # referrals: below them a median says little
NOT_REACHED = "not reached"


def service_name(code: str) -> str:
    """A service as people say it."""
    return "All services" if code == waiting.ALL_SERVICES else label("service", code)


def days(value: int | None) -> str:
    """A median or centile, or that too many still wait for it to be known."""
    return NOT_REACHED if value is None else count_of(value, "day")


def told(frame: Frame) -> dict[str, str]:
    """What stands behind every figure of the page."""
    definition = frame.indicators["NPR03"]
    return definition_rows(definition, None) | {
        "Target": "none: the wait is the services', so it is shown without a rating",
        "Still waiting": "They count: each with the days so far (Kaplan-Meier). The half and the nine in ten are of all who "
        "were referred, seen or not, so nobody's long wait is hidden by leaving it out",
        "Not reached": "So many still wait that nobody can say by when half, or nine in ten, will have been seen",
        "Mind": "One service of a small school is a few referrals: read the number beside the days",
    }


def choose_service(frame: Frame) -> str:
    codes = (waiting.ALL_SERVICES, *sorted(waiting.services(frame.connection), key=service_name))
    remember("service", codes, waiting.ALL_SERVICES)
    chosen = st.selectbox("Service", options=codes, format_func=service_name, key="service")
    keep_in_query_string("service", chosen)
    return chosen


def place(frame: Frame) -> tuple[str, str]:
    """The area that the page is about: the chosen school or the LA."""
    return ("school", frame.school) if frame.school else ("la", frame.la_code)


def counted(row: dict[str, Any]) -> str:
    """How many schools an area's figure is of."""
    if row["schools_counted"] is None:
        return ""
    return f"{row['schools_counted']} counted, {row['schools_missing']} missing"


def since(frame: Frame, now: int | None, before: int | None) -> str:
    """How a figure in days stands against the term before."""
    if not frame.previous:
        return "no earlier term"
    if before is None or now is None:
        return (
            f"{days(before)} in {term_label(frame.previous)}" if before is not None else "no earlier figure to compare"
        )
    if now == before:
        return f"as in {term_label(frame.previous)}"
    return f"{count_of(abs(now - before), 'day')} {'longer' if now > before else 'shorter'} than in {term_label(frame.previous)}"


def headlines(frame: Frame, service: str, series: pl.DataFrame) -> None:
    now = series.filter(term=frame.term).row(0, named=True)
    before = series.filter(term=frame.previous).row(0, named=True) if frame.previous else dict.fromkeys(now)
    facts = told(frame) | {"Service": service_name(service), "Schools": counted(now)}

    def tile(name: str, value: str, parts: str, colour: str = "#0b5fa5") -> str:
        return look.headline(
            name, value, parts, about_html(frame, name, facts, unknown=unknown_words(now["unknown"] or 0)), colour
        )

    waits_now = now["still_waiting"] or 0
    share = f"{waits_now / now['referrals']:.0%} of the referrals" if now["referrals"] else "no referral in the year"
    look.tiles(
        [
            tile(
                "Half were seen within",
                days(now["median_days"]),
                since(frame, now["median_days"], before["median_days"]),
            ),
            tile(
                "Nine in ten were seen within",
                days(now["ninetieth_days"]),
                since(frame, now["ninetieth_days"], before["ninetieth_days"]),
            ),
            tile(
                "Referrals in the year",
                f"{now['referrals'] or 0:,}",
                f"{now['seen'] or 0:,} seen; {now['unknown'] or 0:,} more not known",
            ),
            tile("Still waiting", f"{waits_now:,}", share, "#8a5300" if waits_now else "#1a6e35"),
        ],
        headlines=True,
    )


def table(rows: pl.DataFrame, first: pl.Expr, name: str, *more: pl.Expr, height: int | str = "content") -> None:
    """Waits as people read them, each with what it is out of."""
    shown = rows.select(
        first,
        pl.col("referrals").alias("Referrals"),
        pl.col("still_waiting").alias("Waiting"),
        pl.col("median_days").alias("Median"),
        pl.col("ninetieth_days").alias("90th centile"),
        pl.col("unknown").alias("Unknown"),
        *more,
    )
    in_days = {
        heading: st.column_config.NumberColumn(format="%d days", help="Days from the referral to the first contact")
        for heading in ("Median", "90th centile")
    }
    st.dataframe(shown, hide_index=True, column_config=in_days, alt=name, height=height, placeholder=DASH)


def by_service(frame: Frame) -> None:
    st.header("By service", anchor=False)
    rows = waiting.by_service(frame.connection, frame.term, *place(frame)).with_columns(
        who=pl.col("service").map_elements(service_name, return_dtype=pl.String)
    )
    each = rows.filter(pl.col("service") != waiting.ALL_SERVICES)
    known = each.drop_nulls("median_days").sort("median_days", descending=True)
    chart, beside = st.columns(2, gap="large")
    with chart:
        if known.is_empty():
            st.write("Of no service half of the referrals have been seen yet.")
        else:
            longest = known.filter(pl.col("referrals") >= FEW)
            drawn, key = waits.waits_of(known, "Service")
            look.figure(
                drawn,
                title=f"The longest: {longest['who'][0]}, half seen within {count_of(longest['median_days'][0], 'day')}"
                if len(longest)
                else "Each service has few referrals yet",
                subtitle="Days from the referral to the first contact, by service, the longest half first"
                + (
                    f"; of {count_of(len(each) - len(known), 'service')} half have not been seen"
                    if len(known) < len(each)
                    else ""
                ),
                key=key,
            )
    with beside:
        table(rows, pl.col("who").alias("Service"), "Waits by service")
        st.caption(f"{DASH}: not reached, for too many still wait.")
        download(frame, waiting.every_term(frame.connection, frame.school), f"NPR03_{frame.school or frame.la_code}")
    unknown = rows.filter(service=waiting.ALL_SERVICES)["unknown"].sum()
    about(frame, "Waits by service", told(frame), unknown=unknown_words(unknown))


def over_the_terms(frame: Frame, service: str, series: pl.DataFrame) -> None:
    st.header(f"{service_name(service)} over the terms", anchor=False)
    if series["referrals"].is_null().all():
        st.write("No referral in any term.")
        return
    chart, beside = st.columns(2, gap="large")
    with chart:
        drawn, key = waits.waits_over_terms(series)
        now = series.filter(term=frame.term).row(0, named=True)
        look.figure(
            drawn,
            title=f"Half seen within {days(now['median_days'])} in {term_label(frame.term)}"
            if now["median_days"] is not None
            else f"{term_label(frame.term)}: no figure for half of the referrals",
            subtitle=f"{service_name(service)}, {frame.school_name or 'the LA'}: referrals of the year up to each as-at date. "
            "A gap: no referral, or not reached",
            key=key,
        )
    with beside:
        term = pl.col("term").map_elements(term_label, return_dtype=pl.String).alias("Term")
        schools = pl.format("{} ({} missing)", "schools_counted", "schools_missing").alias("Schools")
        table(series, term, f"{service_name(service)} over the terms", *([] if frame.school else [schools]))
    about(
        frame,
        f"{service_name(service)} over the terms",
        told(frame) | {"Schools": counted(now), "Mind": "A year of referrals: two terms in a row share most of them"},
        unknown=unknown_words(now["unknown"] or 0),
    )


def by_area(frame: Frame, service: str) -> None:
    st.header("Where pupils wait", anchor=False)
    kind = st.segmented_control(
        "By", options=list(AREAS), format_func=AREAS.get, default="phase", required=True, key="waits_by"
    )
    rows = waiting.by_area(frame.connection, frame.term, service, kind).with_columns(
        who=pl.col("area").replace(PHASES) if kind == "phase" else pl.col("area")
    )
    if rows.is_empty():
        st.write(f"No {AREAS[kind].lower()} has a referral to this service in the year.")
        return
    drawn = rows.filter(pl.col("referrals") >= FEW).drop_nulls("median_days").head(15)
    chart, beside = st.columns(2, gap="large")
    with chart:
        if drawn.is_empty():
            st.write(f"No {AREAS[kind].lower()} has {FEW} referrals or more of which half have been seen.")
        else:
            figure, key = waits.waits_of(drawn, AREAS[kind])
            look.figure(
                figure,
                title=f"Half seen within {drawn['median_days'].min()} to {count_of(drawn['median_days'].max(), 'day')}",
                subtitle=f"{service_name(service)}, by {AREAS[kind].lower()}, the longest first; those with {FEW} referrals or more"
                + (", the fifteen longest" if len(drawn) == 15 else ""),
                key=key,
            )
    with beside:
        table(
            rows,
            pl.col("who").alias(AREAS[kind]),
            f"Waits by {AREAS[kind].lower()}",
            height=min(480, 38 + 35 * len(rows)),
        )
    about(
        frame,
        f"Waits by {AREAS[kind].lower()}",
        told(frame)
        | {"Mind": "No league table: where a pupil waits says more of the services of the place than of the school"},
        unknown=unknown_words(rows["unknown"].sum()),
    )


def main() -> None:
    frame = current()
    st.write(
        "How long pupils wait from a school's referral to the service's first contact, those who still wait among them."
    )
    service = choose_service(frame)
    series = waiting.over_terms(frame.connection, service, *place(frame))
    headlines(frame, service, series)
    if series.filter(term=frame.term)["referrals"].is_null().all():
        st.info(f"{service_name(service)}: no referral in the year up to {term_label(frame.term)}.")
    by_service(frame)
    over_the_terms(frame, service, series)
    if not frame.school:
        by_area(frame, service)


main()
