"""Whoever reads everything that is published of a term side by side, knows what the indicators count, and takes every total apart.

What it knows of the indicators is written here a second time, by their definitions, and is not read from the seed that the
suppression goes by.
"""

from collections.abc import Iterable

import numpy as np
import polars as pl
from scipy.optimize import linprog
from scipy.sparse import csr_array

Sum = dict[tuple, float]  # an unknown (indicator, place, outcome) -> how often it is in the sum
OUTCOMES = ("met", "not_met", "unknown")
NO_GROUP = "(in no group)"

# counts the same as -> counts some of
THE_SAME = {"REC01": "PLN02", "PAR02": "REV01", "DO01": "REV03"}
SOME_OF = {"REV01": "PLN02", "NPR01": "PLN02", "LAC01": "PLN02", "PRG01": "REV03", "REV04": "REV03", "EHC01": "EHC02"}


def everything(indicator: str, times: float = 1) -> dict[tuple, float]:
    return {(indicator, outcome): times for outcome in OUTCOMES}


# sums that are nought, and sums that are at most nought, at every school and in every group
NOUGHT = [everything(one) | everything(other, -1) for one, other in THE_SAME.items()] + [
    # what changes where progress is limited: the reviews with limited progress, and those of which it is not known
    everything("REV08") | {("PRG01", "not_met"): -1, ("PRG01", "unknown"): -1}
]
AT_MOST_NOUGHT = [everything(one) | everything(other, -1) for one, other in SOME_OF.items()] + [
    # a specialist is looked for where there is a spell
    everything("NPR02") | {("NPR01", "met"): -1, ("NPR01", "unknown"): -1},
    # who has no three reviews has none with the parents
    {("PAR02", "met"): 1, ("REV01", "met"): -1},
    {("REV01", "not_met"): 1, ("PAR02", "not_met"): -1},
    # who was admitted in time is not waiting
    {("EHC01", "met"): 1, ("EHC02", "not_met"): -1},
]


class Attacker:
    """What is published of one term, as sums of what is not: `shown`, `at_most` and `secret`."""

    def __init__(
        self, counts: pl.DataFrame, areas: dict[tuple, set[str]], groups: dict[str, list[str]], hidden: pl.DataFrame
    ):
        """`counts`: indicator_id, urn, group_type, group_value, met, not_met, unknown. `areas`: (area_type, area_code) -> its schools. `hidden`:
        indicator_id, area_type (a school's: school), area_code, group_type, group_value, hides_known, hides_met, hides_not_met.
        """
        self.counts = {
            (r["indicator_id"], (r["group_type"], r["group_value"], r["urn"]), o): r[o]
            for r in counts.iter_rows(named=True)
            for o in OUTCOMES
        }
        self.indicators = sorted({name for name, _, _ in self.counts})
        self.schools = sorted({place[2] for _, place, _ in self.counts if place[0] == "all"})
        self.shown: list[tuple[Sum, float]] = []
        self.at_most: list[tuple[Sum, float]] = []
        self.secret: dict[tuple, tuple[Sum, int]] = {}
        places = [("all", "all", urn) for urn in self.schools]
        places += [(t, v, "la") for t, values in groups.items() for v in [*values, NO_GROUP]]
        self._know_the_definitions(places, groups)
        whole_la = {area for area in areas if area[0] == "la"}
        for row in hidden.iter_rows(named=True):
            area, group = (row["area_type"], row["area_code"]), (row["group_type"], row["group_value"])
            within = {area[1]} if area[0] == "school" else areas[area]
            at = [("all", "all", urn) for urn in within] if group[0] == "all" else [(*group, "la")]
            assert group[0] == "all" or area in whole_la
            self._read(row, area, group, at, within)

    def _know_the_definitions(self, places: list[tuple], groups: dict[str, list[str]]) -> None:
        for place in places:
            for known, of in ((self.shown, NOUGHT), (self.at_most, AT_MOST_NOUGHT)):
                known += [
                    ({(name, place, o): times for (name, o), times in parts.items()}, 0)
                    for parts in of
                    if {name for name, _ in parts} <= set(self.indicators)
                ]
        everywhere = [("all", "all", urn) for urn in self.schools]
        for group_type, values in groups.items():
            # a pupil is in one group of each type, or in none
            for name in self.indicators:
                for o in OUTCOMES:
                    in_groups = {(name, (group_type, v, "la"), o): 1.0 for v in [*values, NO_GROUP]}
                    self.shown.append((in_groups | {(name, place, o): -1.0 for place in everywhere}, 0))
        if "looked_after" in groups and "LAC01" in self.indicators:
            looked_after = {("PLN02", ("looked_after", "Y", "la"), o): -1.0 for o in OUTCOMES}
            self.shown.append((looked_after | {("LAC01", place, o): 1.0 for place in everywhere for o in OUTCOMES}, 0))

    def _read(self, row: dict, area: tuple, group: tuple, at: list[tuple], within: set[str]) -> None:
        name = row["indicator_id"]
        held = {o: sum(self.counts.get((name, (*group, urn), o), 0) for urn in within) for o in OUTCOMES}
        any_unknown = any(n for (of, _, o), n in self.counts.items() if of == name and o == "unknown")
        cells = {
            "known": (("met", "not_met"), row["hides_known"]),
            "met": (("met",), row["hides_met"]),
            "not_met": (("not_met",), row["hides_not_met"]),
            "unknown": (("unknown",), row["hides_known"] and any_unknown),
        }
        for cell, (outcomes, is_hidden) in cells.items():
            total = {(name, place, o): 1.0 for place in at for o in outcomes}, sum(held[o] for o in outcomes)
            if not is_hidden:
                self.shown.append(total)
            elif cell != "unknown":
                self.secret[(name, *area, *group, cell)] = total

    def read_bands(self, bands: pl.DataFrame) -> None:
        """`bands`: indicator_id, urn, band_low, band_high; the share is at least the one, and less than the other (or 1)."""
        for name, urn, low, high in bands.select("indicator_id", "urn", "band_low", "band_high").iter_rows():
            met, not_met = ((name, ("all", "all", urn), o) for o in ("met", "not_met"))
            self.at_most.append(({met: low - 1, not_met: low}, 0))
            self.at_most.append(({met: 1 - high, not_met: -high}, 0 if high == 1 else -1e-6))

    def bounds(self, wanted: Iterable[Sum]) -> list[tuple[float, float]]:
        """The least and the most that each sum can be, given all that is known and that no count is below 0."""
        wanted = list(wanted)
        names = {n for parts, _ in [*self.shown, *self.at_most] for n in parts} | {n for parts in wanted for n in parts}
        place = {name: number for number, name in enumerate(sorted(names, key=str))}
        equal, known = _matrix(self.shown, place)
        below, most = _matrix(self.at_most, place)
        found = []
        for parts in wanted:
            aim = np.zeros(len(place))
            aim[[place[name] for name in parts]] = list(parts.values())
            ends = [
                linprog(sign * aim, A_eq=equal, b_eq=known, A_ub=below, b_ub=most, bounds=(0, None), method="highs")
                for sign in (1, -1)
            ]
            assert ends[0].status == 0, "what is published contradicts itself"
            found.append((ends[0].fun, np.inf if ends[1].status == 3 else -ends[1].fun))
        return found


def _matrix(sums: list[tuple[Sum, float]], place: dict[tuple, int]) -> tuple[csr_array | None, np.ndarray | None]:
    if not sums:
        return None, None
    entries = [(row, place[name], times) for row, (parts, _) in enumerate(sums) for name, times in parts.items()]
    rows, columns, values = zip(*entries, strict=True)
    return csr_array((values, (rows, columns)), shape=(len(sums), len(place))), np.array([total for _, total in sums])
