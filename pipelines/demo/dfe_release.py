"""Figures in the form of a DfE release on EHC plans, made up like everything in the demo, and said to be so by their title."""

import zipfile
from collections.abc import Iterable
from pathlib import Path
from random import Random

from pipelines.demo.la_files import csv_text

TITLE = "Synthetic figures in the form of 'Education, health and care plans'\nReporting year {year}"
REGION, COUNTRY = ("X12000009", "Synthetic region"), ("X92000001", "All of the synthetic LAs")
OUR_NAME = "Southmouth"
NEIGHBOURS = ("Fairhaven", "Kingsmere", "Northwold", "Redcliffe", "Stonebridge", "Thornbury Vale")
PLACES = (
    *(
        "time_period",
        "time_identifier",
        "geographic_level",
        "country_code",
        "country_name",
        "region_code",
        "region_name",
    ),
    *("new_la_code", "old_la_code", "la_name", "breakdown_topic", "breakdown"),
)
# primary need -> percent of EHC plans
NEEDS = {"asd": 31.5, "semh": 20.7, "slcn": 21.3, "mld": 10.6, "sld": 4.0, "pmld": 1.3}
NEEDS |= {"spld": 2.3, "pd": 3.9, "hi": 1.4, "vi": 0.8, "msi": 0.3, "oth": 1.2}
# data file -> its columns; each is counted but the percentages, which are made of two counts
FILES: dict[str, tuple[str, ...]] = {
    "timeliness_20_week": (
        "plans_issued_den",
        "plans_issued_den_ex",
        "plans_issued_within_20_weeks",
        "plans_issued_20_weeks_ex",
    ),
    "requests": (
        "requests_received_in_year",
        "requests_decided_to_assess",
        "request_outcome_six_weeks",
        "request_outcome_over_6_weeks",
    ),
    "annual_reviews": (
        "review_expected",
        "total_review_meeting",
        "number_decsion_4weeks",
        "number_decision_gt_4weeks",
    ),
    "caseload": ("ehcplans", "mainstream_total", "special_total"),
    "sen_needs_all_plans": ("ehc_plans", *(f"number_{need}" for need in NEEDS)),
}
PERCENTAGES: dict[str, dict[str, tuple[str, tuple[str, ...]]]] = {
    "timeliness_20_week": {
        "pc_plans_issued_within_20_weeks": ("plans_issued_within_20_weeks", ("plans_issued_den",)),
        "PC_plans_issued_20_weeks_ex": ("plans_issued_20_weeks_ex", ("plans_issued_den_ex",)),
    },
    "requests": {
        "request_assess_pc": ("requests_decided_to_assess", ("requests_received_in_year",)),
        "request_outcome_six_weeks_pc": (
            "request_outcome_six_weeks",
            ("request_outcome_six_weeks", "request_outcome_over_6_weeks"),
        ),
    },
    "annual_reviews": {
        "pc_decsion_4weeks": ("number_decsion_4weeks", ("number_decsion_4weeks", "number_decision_gt_4weeks"))
    },
    "caseload": {
        "mainstream_total_pc": ("mainstream_total", ("ehcplans",)),
        "special_total_pc": ("special_total", ("ehcplans",)),
    },
    "sen_needs_all_plans": {f"{need}_pc": (f"number_{need}", ("ehc_plans",)) for need in NEEDS},
}


def write_release(folder: Path, la_code: str, year: int, rng: Random) -> list[Path]:
    """The ZIP of a release that came out in the year, with five calendar years, and the neighbours beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    las = [(la_code, OUR_NAME), *((f"{700 + n}", name) for n, name in enumerate(NEIGHBOURS))]
    years = range(year - 5, year)
    made: dict[str, dict[tuple[str, int], dict[str, int]]] = {name: {} for name in FILES}
    for code, _ in las:
        size = rng.uniform(0.6, 1.5)
        punctual = rng.uniform(0.25, 0.8)
        for position, each in enumerate(years):
            for name, counts in _counts(size * 1.09**position, punctual, rng).items():
                made[name][code, each] = counts
    release = folder / f"synthetic-education-health-and-care-plans_{year}.zip"
    with zipfile.ZipFile(release, "w", zipfile.ZIP_DEFLATED) as out:
        texts = {f"data/{name}.csv": _data_file(name, made[name], las, years) for name in FILES}
        texts["data-guidance/data-guidance.txt"] = _guidance(year)
        for name, text in texts.items():
            # the same bytes for a seed: no time of writing
            out.writestr(zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0)), text)
    near = folder / "synthetic_statistical_neighbours.csv"
    near.write_text(csv_text([OUR_NAME], ([name] for name in NEIGHBOURS)), encoding="utf-8")
    return [release, near]


def _counts(size: float, punctual: float, rng: Random) -> dict[str, dict[str, int]]:
    """The counts of one LA and year, by data file."""

    def about(number: float, share: float = 1.0) -> int:
        return round(number * min(share, 1.0) * rng.uniform(0.96, 1.04))

    plans, requests, issued = about(3400 * size), about(800 * size), about(480 * size)
    with_exceptions = min(issued, about(issued, 0.94))
    expected = about(plans, 0.82)
    met = min(expected, about(expected, 0.86))
    decided = round(met * 0.75)
    in_time = round(decided * punctual)
    answered = round(requests * 0.95)
    six_weeks = round(answered * min(0.98, punctual + 0.3))
    return {
        "timeliness_20_week": dict(
            zip(
                FILES["timeliness_20_week"],
                (issued, with_exceptions, round(issued * punctual), round(with_exceptions * punctual)),
                strict=True,
            )
        ),
        "requests": dict(
            zip(FILES["requests"], (requests, round(requests * 0.66), six_weeks, answered - six_weeks), strict=True)
        ),
        "annual_reviews": dict(zip(FILES["annual_reviews"], (expected, met, in_time, decided - in_time), strict=True)),
        "caseload": dict(zip(FILES["caseload"], (plans, round(plans * 0.44), round(plans * 0.3)), strict=True)),
        "sen_needs_all_plans": {"ehc_plans": plans}
        | {f"number_{need}": round(plans * share / 100 * rng.uniform(0.8, 1.2)) for need, share in NEEDS.items()},
    }


def _data_file(
    name: str, made: dict[tuple[str, int], dict[str, int]], las: list[tuple[str, str]], years: Iterable[int]
) -> str:
    rows = []
    for year in years:
        together = {column: sum(made[code, year][column] for code, _ in las) for column in FILES[name]}
        rows.append([*_place(name, year, "National", [""] * 5), *_cells(name, together)])
        rows.append([*_place(name, year, "Regional", [*REGION, "", "", ""]), *_cells(name, together)])
        for number, (code, la) in enumerate(las):
            cells = _cells(name, made[code, year])
            if number == 2 and year % 5 == 0:
                cells = ["x"] * len(cells)
            place = [*REGION, f"X060000{number:02d}", code, la]
            rows.append([*_place(name, year, "Local authority", place), *cells])
    return csv_text([*PLACES, *FILES[name], *PERCENTAGES[name]], rows)


def _place(name: str, year: int, level: str, region_and_la: list[str]) -> list[object]:
    """A row's first cells, for everybody: a release also has them by age, sex and ethnicity."""
    return [year, "Calendar year", level, *COUNTRY, *region_and_la, f"All of {name}", f"All of {name}"]


def _cells(name: str, counts: dict[str, int]) -> list[object]:
    shares = [
        round(100 * counts[numerator] / max(1, sum(counts[column] for column in denominator)), 1)
        for numerator, denominator in PERCENTAGES[name].values()
    ]
    return [*(counts[column] for column in FILES[name]), *shares]


def _guidance(year: int) -> str:
    described = "\n\n".join(
        f"Filename: {name}.csv\nGeographic levels: Local authority; National; Regional\n\nFootnotes:\n\n"
        "1. Every figure is made up; one LA returned nothing in some years.\n"
        for name in FILES
    )
    return (
        f"{TITLE.format(year=year)}\n\nFile formats and conventions\n\nThe following convention is used throughout.\n\n"
        f"x - Not available: the LA returned no figure\n\nData files\n\n{described}"
    )
