"""The page for a school's governors: what it says, and the PDF that typst makes of it.

An indicator is on the page if `governors.csv` has a question about it: those that a governing body can act on.
"""

import csv
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, time
from functools import lru_cache
from math import ceil, floor, sqrt
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.feedback.contacts import plain
from pipelines.feedback.letters import counted, uk_date
from pipelines.settings import Settings

if TYPE_CHECKING:
    from pipelines.feedback.profiles import Profile

TEMPLATE = Path(__file__).parent / "templates" / "governors.typ"
ON_THE_PAGE = Path(__file__).parent / "governors.csv"
ASKED = 6  # questions on the page
DASH = "–"

# GIAS's name of a phase -> what such schools are called
KINDS = {
    "Nursery": "nursery schools",
    "Primary": "primary schools",
    "Middle deemed primary": "middle schools",
    "Secondary": "secondary schools",
    "Middle deemed secondary": "middle schools",
    "All-through": "all-through schools",
    "16 plus": "post-16 settings",
    "Not applicable": "special schools and other schools without a phase",
}
# names that are longer than a row
SHORT = {"NPR04": "Specialist involved far below peers", "EHC01": "Admitted where the EHC plan names us"}
TILES = {
    "green": "meet the target",
    "amber": "miss it, but within chance",
    "red": "miss it by more than chance",
    "grey": "too few pupils to judge or to show",
}
HOW_TO_READ_THE_CHART = (
    "Blue dot: our school, with the range in which chance alone could move it (95 % interval). Upright line: LA. Diamond: "
    "similar schools. Dotted line: target."
)
ANSWERS = {True: "Yes", False: "No", None: "Not known"}


def governors_page(settings: Settings, profile: "Profile") -> dict[str, Any]:
    """All that a governors' page says: texts as they are read, shares (0 to 1) as they are drawn."""
    figures = [figure for figure in profile.figures if figure["id"] in on_the_page()]
    rows = [_row(settings, figure) for figure in figures if not is_arrangement(figure)]
    arrangements = [_arrangement(figure) for figure in figures if is_arrangement(figure)]
    ratings = [one["rating"] for one in (*rows, *arrangements)]
    too_few = ratings.count("grey") + ratings.count("hidden")
    notes = _notes(settings, profile)
    return {
        "title": f"{plain(profile.school)}: SEN in {profile.term.label}, for governors",
        "school": plain(profile.school),
        "la": plain(settings.la_name),
        "term": profile.term.label,
        "as_at": uk_date(profile.term.as_at_date),
        "tiles": [
            {"rating": rating, "count": too_few if rating == "grey" else ratings.count(rating), "means": means}
            for rating, means in TILES.items()
        ],
        "ask": _ask_first([*rows, *arrangements]),
        "rows": rows,
        "arrangements": arrangements,
        "notes": [HOW_TO_READ_THE_CHART, *notes],
        "sheet_notes": notes,
    }


def make_pages(settings: Settings, profiles: Iterable["Profile"]) -> Iterator[bytes]:
    """A PDF each (PDF/UA-1, tagged); the same bytes for the same profile."""
    import typst

    # fonts within typst itself: the same page on every machine, and nothing is fetched
    fonts = typst.Fonts(include_system_fonts=False)
    compiler = typst.Compiler(str(TEMPLATE), font_paths=fonts, ignore_system_fonts=True)
    for profile in profiles:
        made_at = datetime.combine(profile.term.as_at_date, time(), UTC)
        yield compiler.compile(
            format="pdf",
            sys_inputs={"data": json.dumps(governors_page(settings, profile))},
            pdf_standards=["ua-1"],
            timestamp=int(made_at.timestamp()),
        )


@lru_cache(maxsize=1)
def on_the_page() -> dict[str, dict[str, str]]:
    """Indicator -> what it counts, in a line, and what a governor asks about it."""
    with ON_THE_PAGE.open(newline="", encoding="utf-8") as lines:
        return {row["indicator_id"]: row for row in csv.DictReader(lines)}


def is_arrangement(figure: dict[str, Any]) -> bool:
    """Whether an indicator asks one thing of the school, and counts no pupil."""
    return figure["id"].startswith("SCH")


def _row(settings: Settings, figure: dict[str, Any]) -> dict[str, Any]:
    shown = without_small_counts(figure, settings.suppression_threshold)
    target, la, similar = figure["target"], figure["la_value"], figure["similar_value"]
    return shown | {
        "name": SHORT.get(figure["id"], figure["name"]),
        "counts": on_the_page()[figure["id"]]["counts"],
        "law": "law" in (figure["word"] or ""),
        "question": on_the_page()[figure["id"]]["question"],
        "la": la,
        "la_share": percent(la),
        "similar": similar,
        "similar_share": percent(similar),
        "target": target,
        "target_share": percent(target),
        "finding": f"{shown['share']}{'' if target is None else f', target {percent(target)}'}",
    }


def _arrangement(figure: dict[str, Any]) -> dict[str, Any]:
    answer = bool(figure["met"]) if figure["of"] else None
    rating = figure["rag"] or "none_"
    good_practice = " (good practice)" if figure["applies_as"] == "good_practice" else ""
    return {
        "name": on_the_page()[figure["id"]]["counts"] + good_practice,
        "law": "law" in (figure["word"] or ""),
        "question": on_the_page()[figure["id"]]["question"],
        "answer": ANSWERS[answer],
        "rating": rating,
        "finding": {True: "in place", False: "not in place", None: "not known"}[answer],
    }


def _ask_first(found: list[dict[str, Any]]) -> list[dict[str, str]]:
    """The questions that press most: red before amber, the law before what is only expected."""
    order = {"red": 0, "amber": 1}
    pressing = sorted(
        (one for one in found if one["rating"] in order), key=lambda one: (order[one["rating"]], not one["law"])
    )
    return [{key: one[key] for key in ("name", "finding", "question", "rating")} for one in pressing[:ASKED]]


def without_small_counts(figure: dict[str, Any], threshold: int) -> dict[str, Any]:
    """A school's own figure as its governors read it: share and parts (texts), value, low and high (drawn), rating.

    A count of pupils from 1 to the threshold is not told, of those who meet it or of those who do not. What is said in its place
    (over 91 %) holds for every count that it may be. The rating stands where each that there may be fits more than one count.
    """
    met, of, target = figure["met"], figure["of"], figure["target"]
    rating = figure["rag"] or "none_"
    not_drawn = {"value": None, "low": None, "high": None}
    if not of:
        return not_drawn | {"share": DASH, "parts": "none", "rating": "grey" if figure["rag"] else "none_"}
    if of < threshold:
        return not_drawn | {"share": DASH, "parts": f"fewer than {threshold}", "rating": "hidden"}
    few, few_not = 0 < met < threshold, 0 < of - met < threshold
    if not few and not few_not:
        drawn = {"value": figure["value"], "low": figure["low"], "high": figure["high"]}
        return drawn | {"share": percent(figure["value"]), "parts": f"{met:,} of {of:,}", "rating": rating}
    # of a few more, a bound says nothing
    if of < 4 * threshold:
        may_be = [m for m in range(1, of) if m < threshold or of - m < threshold]
        share, parts = DASH, f"of {of:,}: not shown"
    elif few_not:
        may_be = range(of - threshold + 1, of)
        share, parts = f"over {floor(100 * (of - threshold) / of)} %", f"all but a few of {of:,}"
    else:
        may_be = range(1, threshold)
        share, parts = f"under {ceil(100 * threshold / of)} %", f"a few of {of:,}"
    if rating in ("red", "amber", "green"):
        would_be = Counter(rating_of(m, of, target, figure["polarity"]) for m in may_be)
        # one that only a single count would have tells it, and so would its absence
        rating = rating if min(would_be.values()) > 1 else "hidden"
    return not_drawn | {"share": share, "parts": parts, "rating": rating}


def rating_of(met: int, of: int, target: float, polarity: str) -> str:
    """The rating of a share, as the models rate it (int_rated_figures), of units enough to be rated."""
    z = 1.959963984540054
    value, spread = met / of, z * sqrt(met / of * (1 - met / of) / of + z * z / (4 * of * of))
    middle, scale = value + z * z / (2 * of), 1 + z * z / of
    if polarity == "higher":
        return "green" if value >= target else "red" if (middle + spread) / scale < target else "amber"
    return "green" if value <= target else "red" if (middle - spread) / scale > target else "amber"


def percent(share: float | None) -> str:
    """A share (0 to 1) as `76 %`."""
    return DASH if share is None else f"{share:.0%}".replace("%", " %")


def compared_with(profile: "Profile") -> list[str]:
    """With whom the school stands side by side, and how many of them are missing."""
    if not profile.is_compared:
        return [f"LA and similar schools follow after the deadline, {uk_date(profile.term.deadline)}."]
    kind = KINDS.get(profile.phase or "", "schools of the same phase")
    return [
        f"LA: all schools of the LA that owe a return, {_counted_and_missing(*profile.la_schools)}.",
        f"Similar: {kind} of the LA, this school among them, {_counted_and_missing(*profile.similar_schools)}.",
    ]


def _counted_and_missing(schools: int, missing: int) -> str:
    return f"{counted(schools, 'school')} counted, {missing:,} missing"


def _notes(settings: Settings, profile: "Profile") -> list[str]:
    when = "by" if profile.on_time else "after"
    return [
        f"From the school's own return, received {when} the deadline ({uk_date(profile.received_at)}). Arrangements are the "
        "school's own word. Pupils of whom an answer is not known are left out. (law): statute demands it.",
        " ".join(compared_with(profile))
        + f" {DASH} where a figure would tell of few pupils or fewer than three schools.",
        f"Counts of fewer than {settings.suppression_threshold} pupils are not shown. This page is for the governors of one "
        f"school: please do not publish it. Questions: {settings.la_email}",
    ]
