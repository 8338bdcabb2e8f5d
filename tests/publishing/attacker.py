"""Whoever reads everything published, and takes every total apart: the least and the most that each hidden count can be."""

from collections.abc import Iterable

import numpy as np
import polars as pl
from scipy.optimize import linprog
from scipy.sparse import csr_array

Sum = tuple[dict[tuple, int], int]  # which counts of schools, each how often, and what they come to
NO_GROUP = "(in no group)"


def published_sums(
    counts: pl.DataFrame, outcome: str, areas: dict[tuple, set[str]], groups: dict[str, list[str]], hidden: set[tuple]
) -> tuple[list[Sum], dict[tuple, Sum]]:
    """What is published of one outcome, as sums of counts of schools, and what is hidden, by its place and group.

    `counts`: of one indicator and term. A group that is not listed for an area has no pupil there. Of schools nothing but all pupils
    is published. `hidden`: (area_type, area_code, group_type, group_value); a school's area_type is school.
    """
    held = {(r["urn"], r["group_type"], r["group_value"]): r[outcome] for r in counts.iter_rows(named=True)}
    schools = {urn for urn, group_type, _ in held if group_type == "all"}
    # a pupil is in one group of each type, or in none; who is in none is published nowhere
    shown: list[Sum] = [
        (dict.fromkeys([(urn, t, v) for v in [*values, NO_GROUP]], 1) | {(urn, "all", "all"): -1}, 0)
        for urn in schools
        for t, values in groups.items()
    ]
    secret: dict[tuple, Sum] = {}
    places = {("school", urn): {urn} for urn in schools} | {area: within & schools for area, within in areas.items()}
    for place, within in places.items():
        of_types = {"all": ["all"]} | (groups if place[0] != "school" else {})
        for cell in [(t, v) for t, values in of_types.items() for v in values]:
            total = {(urn, *cell): 1 for urn in within}, sum(held.get((urn, *cell), 0) for urn in within)
            if (*place, *cell) in hidden:
                secret[(*place, *cell)] = total
            elif within:
                shown.append(total)
    return shown, secret


def bounds(shown: list[Sum], wanted: Iterable[Sum]) -> list[tuple[float, float]]:
    """The least and the most that each wanted sum can be, given all that is shown and that no count is below 0."""
    wanted = list(wanted)
    names = {name: n for n, name in enumerate({name for parts, _ in [*shown, *wanted] for name in parts})}
    entries = [(row, names[name], times) for row, (parts, _) in enumerate(shown) for name, times in parts.items()]
    rows, columns, values = zip(*entries, strict=True)
    equations = csr_array((values, (rows, columns)), shape=(len(shown), len(names)))
    known = np.array([total for _, total in shown])
    found = []
    for parts, _ in wanted:
        aim = np.zeros(len(names))
        aim[[names[name] for name in parts]] = list(parts.values())
        ends = [linprog(sign * aim, A_eq=equations, b_eq=known, bounds=(0, None), method="highs") for sign in (1, -1)]
        assert ends[0].status == 0, "what is published contradicts itself"
        found.append((ends[0].fun, np.inf if ends[1].status == 3 else -ends[1].fun))
    return found
