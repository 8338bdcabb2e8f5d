"""A synthetic LA, child by child: counts that fit together as those of real indicators do."""

import random
from collections import Counter

import polars as pl

GROUPS = {"sex": ["F", "M"], "need": ["ASD", "MLD", "MSI", "SEMH"], "looked_after": ["N", "Y"]}
SHARES = {"sex": [10, 10, 1], "need": [9, 9, 1, 9, 1], "looked_after": [15, 1, 0]}  # the last: in no group
INDICATORS = pl.DataFrame(
    [
        ("PLN02", None, None, None),
        ("REC01", "PLN02", None, None),
        ("LAC01", "PLN02", None, None),
        ("REV01", "PLN02", None, None),
        ("PAR02", "PLN02", None, "REV01"),
        ("NPR01", "PLN02", None, None),
        ("NPR02", "NPR01", "met", None),
        ("REV03", None, None, None),
        ("REV04", "REV03", None, None),
        ("DO01", "REV03", None, None),
        ("PRG01", "REV03", None, None),
        ("REV08", "PRG01", "not_met", None),
        ("EHC02", None, None, None),
        ("EHC01", "EHC02", None, "EHC02"),
    ],
    schema=dict.fromkeys(["id", "counted_within", "within_those", "hidden_with"], pl.String),
    orient="row",
)
TERM = "2025-26-autumn"


def make_la(school_list: list[tuple], seed: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Schools, and counts as `hidden_counts` takes them. `school_list`: phase, trust, pupils, the share that meets an indicator."""
    chance = random.Random(seed)
    schools, counts = [], Counter()
    for n, (phase, trust, pupils, rate) in enumerate(school_list):
        urn, laestab = f"1{n:05}", f"801{chance.randrange(1000, 9999)}"
        schools.append({"urn": urn, "laestab": laestab, "phase": phase, "trust_code": trust, "la_code": "801"})
        schools[-1] |= {"first_phase": phase, "first_trust_code": trust}
        for name in INDICATORS["id"]:
            counts[(name, urn, "all", "all", "met")] += 0
        for _ in range(pupils):
            group = {t: chance.choices([*GROUPS[t], None], shares)[0] for t, shares in SHARES.items()}
            for name, outcome in a_child(chance, rate, group):
                for cell in [("all", "all"), *((t, v) for t, v in group.items() if v)]:
                    counts[(name, urn, *cell, outcome)] += 1
    rows = {}
    for (*at, outcome), number in counts.items():
        rows.setdefault(tuple(at), dict.fromkeys(("met", "not_met", "unknown"), 0))[outcome] = number
    return pl.DataFrame(schools, schema_overrides={"trust_code": pl.String, "first_trust_code": pl.String}), as_counts(
        {at: list(row.values()) for at, row in rows.items()}
    )


def as_counts(rows: dict[tuple[str, str, str, str], list[int]], term: str = TERM) -> pl.DataFrame:
    """(indicator_id, urn, group_type, group_value) -> met, not_met, unknown."""
    names = ["indicator_id", "term", "urn", "group_type", "group_value", "met", "not_met", "unknown"]
    return pl.DataFrame([(at[0], term, *at[1:], *numbers) for at, numbers in rows.items()], schema=names, orient="row")


def a_child(chance: random.Random, rate: float, group: dict[str, str | None]) -> list[tuple[str, str]]:
    """The indicators that a child, each of its reviews and its admission count in, each with the outcome."""

    def one_of(met: float, unknown: float = 0.02) -> str:
        return "unknown" if chance.random() < unknown else "met" if chance.random() < met else "not_met"

    found = [("PLN02", one_of(rate, 0.01)), ("REC01", one_of(rate, 0))]
    if group["looked_after"] == "Y":
        found.append(("LAC01", one_of(rate)))
    if chance.random() < 0.7:
        reviewed = one_of(rate)
        found += [("REV01", reviewed), ("PAR02", one_of(rate) if reviewed == "met" else reviewed)]
    if chance.random() < 0.6:
        spell = one_of(0.2)
        found.append(("NPR01", spell))
        if spell == "met" and chance.random() < 0.8:
            found.append(("NPR02", one_of(rate)))
    for _ in range(chance.choice([0, 1, 1, 2])):
        found += [("REV03", one_of(rate)), ("DO01", one_of(rate, 0))]
        if chance.random() < 0.8:
            found.append(("REV04", one_of(rate)))
            progress = one_of(0.7)
            found.append(("PRG01", progress))
            if progress != "met":
                found.append(("REV08", one_of(rate) if progress == "not_met" else "unknown"))
    if chance.random() < 0.08:
        stalled = one_of(0.1, 0.03)
        found.append(("EHC02", stalled))
        if chance.random() < 0.4:
            found.append(("EHC01", {"met": "not_met", "unknown": "unknown"}.get(stalled) or one_of(0.9, 0)))
    return found
