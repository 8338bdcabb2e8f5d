"""A small LA by chance, straight into the warehouse: dense in bounds, moves, gaps, removals and cells that are not known."""

from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random

import duckdb
import polars as pl

from pipelines.terms import Term

SCHOOLS = ("100001", "100002", "100003")
PUPILS = 60


@dataclass
class RandomLa:
    """Rows as dictionaries: returns of every state, and per table the rows received (a typed value, or a fault)."""

    returns: list[dict] = field(default_factory=list)
    tables: dict[str, list[dict]] = field(
        default_factory=lambda: {"pupils": [], "plans": [], "reviews": [], "specialists": [], "consultations": []}
    )
    quarantined: list[dict] = field(default_factory=list)
    pupil_keys: dict[str, str] = field(default_factory=dict)
    pupil_context: list[dict] = field(default_factory=list)
    ehc_plans: list[dict] = field(default_factory=list)
    sen2_plans: list[dict] = field(default_factory=list)


def random_la(terms: list[Term], seed: int) -> RandomLa:
    """Returns of three schools for the terms; every pupil may be listed anywhere, and every date lies near a bound."""
    rng = Random(seed)
    la = RandomLa()
    for number in range(PUPILS):
        la.pupil_keys |= {f"UPN{number}": f"key{number}", f"FORMER{number}": f"key{number}"}
    _say_what_the_la_knows(la, Random(seed + 1), terms)
    for position, term in enumerate(terms):
        for urn in SCHOOLS:
            for copy in range(rng.choice((0, 1, 1, 1, 1, 2))):
                return_id = f"{urn}-{term.term}-{copy}"
                state = "current" if copy == 0 else rng.choice(("superseded", "held", "rejected"))
                la.returns.append(
                    {
                        "return_id": return_id,
                        "urn": urn,
                        "term": term.term,
                        "academic_year": term.academic_year,
                        "state": state,
                    }
                )
                _send(la, rng, return_id, urn, term, _dates(terms, position, rng))
    return la


def _say_what_the_la_knows(la: RandomLa, rng: Random, terms: list[Term]) -> None:
    """Plans of SEN2 and of the case system, from before and during the terms, and who is looked after."""
    bounds = [term.as_at_date - timedelta(days=n) for term in terms for n in (364, 365, 366)]
    for number in range(PUPILS):
        upn = f"UPN{number}"
        if rng.random() < 0.5:
            la.sen2_plans += [{"upn": upn, "plan_start_date": day} for day in rng.sample(bounds, rng.randrange(1, 3))]
        if rng.random() < 0.6:
            la.ehc_plans += [
                {"upn": upn, "urn": rng.choice(SCHOOLS), "named_date": day}
                for day in rng.sample(bounds, rng.randrange(1, 3))
            ]
        la.pupil_context.append({"upn": upn, "looked_after": rng.random() < 0.4, "top_up_funding": False})


def _dates(terms: list[Term], position: int, rng: Random) -> list[date]:
    """Days up to the term's as-at date: on and beside the bounds of terms, and anywhere in between."""
    as_at = terms[position].as_at_date
    bounds = [term.as_at_date + timedelta(days=n) for term in terms[: position + 1] for n in (-1, 0, 1)]
    bounds += [term.half_term_starts_on + timedelta(days=n) for term in terms[: position + 1] for n in (-3, 2, 7)]
    anywhere = [terms[0].as_at_date + timedelta(days=rng.randrange(-420, 500)) for _ in range(60)]
    return [day for day in bounds + anywhere if day <= as_at]


def _send(la: RandomLa, rng: Random, return_id: str, urn: str, term: Term, dates: list[date]) -> None:
    def some(codes: str, unknown: float = 0.04) -> str | None:
        return None if rng.random() < unknown else rng.choice(codes.split())

    def yes_no() -> bool | None:
        return rng.choice((True, True, False, None))

    def add(table: str, **cells) -> None:
        rows = la.tables[table]
        row_number = sum(row["return_id"] == return_id for row in rows) + 2
        rows.append(
            {"return_id": return_id, "return_urn": urn, "return_term": term.term, "row_number": row_number, **cells}
        )
        if table != "pupils" and rng.random() < 0.03:
            la.quarantined.append({"return_id": return_id, "table_name": table, "row_number": row_number})

    def maybe(dates: list[date], given: float = 0.6) -> dict:
        """A date, blank, or not readable."""
        chance = rng.random()
        return {"": rng.choice(dates) if chance < given else None, "__fault": "not_a_date" if chance > 0.93 else None}

    def dated(name: str, dates: list[date], given: float = 0.6) -> dict:
        return {f"{name}{part}": value for part, value in maybe(dates, given).items()}

    # few dates a pupil, so that the same key comes back in another return, with other cells
    for number in range(PUPILS):
        if rng.random() < 0.25:
            continue
        own = Random(f"{number}")
        pool = own.sample(dates, min(len(dates), 14))
        identifier = f"{rng.choice(('UPN', 'UPN', 'FORMER'))}{number}"
        leaving = rng.choice([*dates, term.as_at_date + timedelta(days=9)]) if rng.random() < 0.2 else None
        add(
            "pupils",
            upn=identifier,
            year_group=some("4 6 8 9 10 11 12 12 13 13 14 R X", 0.03),
            enrolment=some("C C C C C C M M S"),
            sen_provision=some("K K K K E E N"),
            sen_start_date=rng.choice([*pool, term.as_at_date - timedelta(days=own.randrange(300, 900))])
            if rng.random() < 0.96
            else None,
            below_peers=rng.random() < 0.3,
            parents_informed_date=rng.choice(pool) if rng.random() < 0.6 else None,
            parents_informed_date__fault="not_a_date" if rng.random() < 0.05 else None,
            entry_date=rng.choice([date(2021, 9, 6)] * 9 + [*pool, None]),
            leaving_date=leaving,
            leaving_date__fault="not_a_date" if leaving is None and rng.random() < 0.03 else None,
            next_setting_urn="100002" if rng.random() < 0.1 else None,
            **dated("young_person_informed_date", pool, 0.3),
            **dated("annual_review_meeting_date", [*pool, *dates]),
            **dated("transition_plan_date", [*pool, *dates]),
            **dated("designated_teacher_liaison_date", [*pool, *dates]),
        )
        la.tables["pupils"][-1]["parents_informed_date"] = (
            None
            if la.tables["pupils"][-1]["parents_informed_date__fault"]
            else la.tables["pupils"][-1]["parents_informed_date"]
        )
        plans = rng.sample(pool, rng.randrange(0, 4))
        for planned in plans:
            due = planned + timedelta(days=rng.randrange(20, 120)) if rng.random() < 0.95 else None
            ended = planned + timedelta(days=rng.randrange(30, 130)) if rng.random() < 0.3 else None
            add(
                "plans",
                upn=identifier,
                planned_date=planned,
                review_due_date=due,
                ended_date=ended,
                ended_date__fault="not_a_date" if ended is None and rng.random() < 0.05 else None,
                complete=yes_no(),
                targets_measurable=yes_no(),
                staff_trained=yes_no(),
                teacher_responsible=yes_no(),
                parents_agreed=yes_no(),
                pupil_agreed=some("Y Y N NA"),
                **dated("assessed_date", [planned - timedelta(days=n) for n in (-1, 0, 1, 59, 60, 61)], 0.9),
            )
        for reviewed in rng.sample(pool, rng.randrange(0, 6)):
            add(
                "reviews",
                upn=identifier,
                planned_date=rng.choice(plans or [reviewed - timedelta(days=60)]),
                review_date=reviewed,
                parents_part=some("TOOK_PART VIEWS_ONLY NONE"),
                progress=some("NONE NONE LITTLE LITTLE LITTLE LITTLE EXPECTED NOT_ASSESSED"),
                led_by=some("TEACHER SENCO OTHER"),
                pupil_part=some("TOOK_PART VIEWS_ONLY NONE NA"),
                with_parents_evening=yes_no(),
                support_delivered=some("FULLY MOSTLY PARTLY NOT"),
                next_step=some("CONTINUE CHANGE_SUPPORT INVOLVE_SPECIALIST"),
                **dated(
                    "copy_to_parents_date", [reviewed + timedelta(days=n) for n in (0, 12, 13, 14, 15, 16, 30)], 0.8
                ),
            )
        for referred in rng.sample(pool, rng.choice((0, 0, 0, 1, 2))):
            first = referred + timedelta(days=rng.randrange(5, 90)) if rng.random() < 0.4 else None
            first = first if first is None or first <= term.as_at_date else None
            ended = first + timedelta(days=rng.randrange(5, 200)) if first and rng.random() < 0.5 else None
            advice = min(first + timedelta(days=30), term.as_at_date) if first and rng.random() < 0.3 else None
            add(
                "specialists",
                upn=identifier,
                service="CAMHS",
                referred_date=referred,
                first_contact_date=first,
                first_contact_date__fault="not_a_date" if first is None and rng.random() < 0.04 else None,
                advice_date=advice,
                ended_date=ended,
                status=some("REFERRED ACTIVE CLOSED CLOSED DECLINED_BY_SERVICE DECLINED_BY_PARENTS"),
            )
        ran_out = [term.as_at_date - timedelta(days=n) for n in (14, 15, 16, 40)]
        for consulted in rng.sample([*pool, *ran_out], rng.choice((0, 0, 1, 2))):
            replies = [consulted + timedelta(days=n) for n in (1, 14, 15, 16)]
            add("consultations", upn=identifier, consulted_date=consulted, **dated("responded_date", replies, 0.8))


def write(la: RandomLa, terms: list[Term], connection: duckdb.DuckDBPyConnection) -> None:
    """The LA's rows and the calendar, into the warehouse's own tables."""
    calendar = [
        {**{name: value for name, value in vars(term).items() if name != "closed_days"}}
        | {"closed_days": ";".join(sorted(day.isoformat() for day in term.closed_days))}
        for term in terms
    ]
    inside = [
        {
            "return_id": r["return_id"],
            "return_urn": r["urn"],
            "return_term": r["term"],
            "row_number": 2,
            "nil_return": False,
        }
        for r in la.returns
    ]
    keys = [{"identifier": identifier, "pupil_key": key} for identifier, key in la.pupil_keys.items()]
    content = {
        "ledger.returns": la.returns,
        "raw.return": inside,
        "quality.quarantined_rows": la.quarantined,
        "restricted.pupil_keys": keys,
        "reference.calendar": calendar,
        "reference.pupil_context": la.pupil_context,
        "reference.ehc_plans": la.ehc_plans,
        "reference.sen2_plans": la.sen2_plans,
        **{f"raw.{table}": rows for table, rows in la.tables.items()},
    }
    for table, rows in content.items():
        frame = pl.DataFrame(rows, infer_schema_length=None)
        connection.register("rows_to_insert", frame)
        connection.execute(f"INSERT INTO {table} BY NAME SELECT * FROM rows_to_insert")
        connection.unregister("rows_to_insert")
