"""The page for a school's governors: what it says, and the PDF that typst makes of it.

An indicator is on the page if `governors.csv` has a question about it: those that a governing body can act on. The page leaves
the office: of the school's own figures it shows those that `publishing.suppressing` lets out, and of others at most a range.
"""

import csv
import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, time
from functools import lru_cache
from math import sqrt
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
    "grey": "too few pupils to judge, or not shown",
}
HOW_TO_READ_THE_CHART = (
    "Blue dot: our school, with the range in which chance alone could move it (95 % interval). Open bar: our school lies "
    "somewhere in it. Upright line: LA. Diamond: similar schools. Dotted line: target."
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
    own = as_published(settings, figure)
    target, la, similar = figure["target"], figure["la_value"], figure["similar_value"]
    return own | {
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
        "finding": f"{own['share']}{'' if target is None else f', target {percent(target)}'}",
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


def as_published(settings: Settings, figure: dict[str, Any]) -> dict[str, Any]:
    """A school's own figure as its governors read it: share and parts (texts), value, low and high (drawn), rating.

    Of one that is not shown it tells the band, where there is one, and nothing else that is the school's own.
    """
    if figure["is_shown"]:
        return {key: figure[key] for key in ("value", "low", "high")} | {
            "share": percent(figure["value"]),
            "parts": f"{figure['met']:,} of {figure['of']:,}" if figure["of"] else "none",
            "rating": figure["rag"] or "none_",
        }
    low, high = figure["band_low"], figure["band_high"]
    return {
        "value": None,
        "low": low,
        "high": high,
        "share": DASH if low is None else _range(low, high),
        "parts": "not shown" if low is None else "count not shown",
        "rating": _rating_of_band(settings, figure),
    }


def _range(low: float, high: float) -> str:
    if low == 0:
        return f"under {percent(high)}"
    return f"{percent(low)} or more" if high == 1 else f"{100 * low:.0f} to {percent(high)}"


def _rating_of_band(settings: Settings, figure: dict[str, Any]) -> str:
    """The rating that every share of the band has, of however many pupils; `hidden` where there is none."""
    # an indicator without ratings has none of any school
    if figure["rag"] is None:
        return "none_"
    low, high = figure["band_low"], figure["band_high"]
    if low is None:
        return "hidden"
    # the fewest pupils that a band is given of: what is red or green of so few is so of more, an amber may turn red
    fewest = (settings.suppression_threshold + 1) / (high - low)
    ratings = {rating_of(share * fewest, fewest, figure["target"], figure["polarity"]) for share in (low, high)}
    is_sure = fewest >= settings.minimum_units and ratings in ({"red"}, {"green"})
    return ratings.pop() if is_sure else "hidden"


def rating_of(met: float, of: float, target: float, polarity: str) -> str:
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
        f"Not shown, or as a range alone: what would tell of fewer than {settings.suppression_threshold} pupils, here or at "
        "another school. The school's own profile workbook has all its figures.",
        f"This page is for the governors of one school: please do not publish it. Questions: {settings.la_email}",
    ]
