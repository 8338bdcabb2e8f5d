"""The school census as COLLECT's CSV export gives it, one export of all the LA's schools a term -> pupils and needs.

Layout as in the public schema of the London Innovation and Improvement Alliance's pipeline: `pupilonroll`, `senneeds`
(spring alone) and `schoolcensus`, linked by `pupilonrolltableid` and `schoolcensustableid`, which are made anew for each
export. No column of the first two says which census it is of, so the file's name must: `2026_spring_pupilonroll.csv`.
Nor do they say the school in so many words: it is the one whose LAESTAB (or URN) stands in `NativeId`; where that is
none of GIAS's, it is the one that the row of `schoolcensus` (`lea` and `estab`, or `urn`) says, if that file is there.
"""

import re
from datetime import date

import polars as pl

from expectations.contracts import code_list
from pipelines.reading.headers import folded
from pipelines.reference.extracts import BrokenExtractError, read_extract, upn_or_uln
from pipelines.reference.shapes import Collected, CollectedFile, Column, Source, Surroundings, Verdict

TERM_NAMES = ("autumn", "spring", "summer")
ACADEMIC_YEAR = re.compile(r"(?<![0-9])(20[0-9]{2})[-_ ]([0-9]{2})(?![0-9])")
CALENDAR_YEAR = re.compile(r"(?<![0-9])(20[0-9]{2})(?![0-9])")
# N, K, E, and what was recorded before 2014: School Action, School Action Plus, statement
PROVISIONS = ("N", "K", "E", "A", "P", "S")

MODULES = {
    "pupilonroll": Source(
        "pupilonroll",
        "census/*pupilonroll.csv",
        None,
        (
            Column("native_id", "NativeId"),
            Column("pupil_id", "pupilonrolltableid", needed=True, identifies=True),
            Column("census_id", "schoolcensustableid"),
            Column("upn", "upn", needed=True),
            Column("uln", "uniquelearnernumber"),
            Column("year_group", "ncyearactual"),
            Column("sex", "sex"),
            Column("gender", "gender"),  # its name before 2024
            Column("sen_provision", "senprovision", needed=True),
            Column("enrolment", "enrolstatus"),
        ),
        key=("native_id", "pupil_id"),
    ),
    "senneeds": Source(
        "senneeds",
        "census/*senneeds.csv",
        None,
        (
            Column("native_id", "NativeId"),
            Column("pupil_id", "pupilonrolltableid", needed=True, identifies=True),
            Column("sen_type", "sentype", needed=True, identifies=True),
            Column("rank", "sentyperank", "rank", needed=True),
        ),
        key=("native_id", "pupil_id", "sen_type", "rank"),
    ),
    "schoolcensus": Source(
        "schoolcensus",
        "census/*schoolcensus.csv",
        None,
        (
            Column("census_id", "schoolcensustableid", needed=True, identifies=True),
            Column("la_code", "lea"),
            Column("estab", "estab"),
            Column("urn", "urn"),
        ),
        key=("census_id",),
    ),
}


def read_census(files: list[CollectedFile], surroundings: Surroundings) -> Collected:
    """Every term's pupils on roll and, of the spring's, their needs; of each term the newest file that can be read.

    A row counts whose pupil has a UPN (else a ULN) and whose school is in GIAS. Raises nothing: what is wrong with a
    file is its verdict, which names no pupil.
    """
    verdicts: dict[CollectedFile, Verdict] = {}
    censuses: dict[str, dict[str, list[CollectedFile]]] = {}
    for file in sorted(files, key=lambda file: not file.is_there):
        module = _module_of(file.name)
        term = census_term(file.name)
        if module is None:
            verdicts[file] = Verdict("unused")
        elif term is None or term not in surroundings.terms:
            says = "does not say in its name" if term is None else f"is of {term}, which is not in the calendar:"
            example = "name it like '2026_spring_pupilonroll.csv'"
            fault = f"{says} which school census it is of: {example}" if term is None else f"{says} {example}"
            verdicts[file] = Verdict("broken", fault=fault)
        else:
            censuses.setdefault(term, {}).setdefault(module, []).append(file)
    pupils, needs = [], []
    for term, modules in sorted(censuses.items()):
        read = {name: _first_readable(MODULES[name], modules.get(name, []), verdicts) for name in MODULES}
        on_roll, of_roll = read["pupilonroll"]
        if of_roll is None:
            for file in modules.get("senneeds", []):
                if file in verdicts and verdicts[file].state == "current":
                    verdicts[file] = Verdict("broken", fault=f"has no file of {term} with the pupils on roll beside it")
            continue
        placed = _placed(
            on_roll, read["schoolcensus"][0], _on_the_day(surroundings.schools, surroundings.terms[term].census_day)
        )
        known = placed.drop_nulls(["upn", "urn"])
        _add_fault(verdicts, of_roll, placed["upn"].null_count(), "without a UPN or a ULN that can be read")
        _add_fault(verdicts, of_roll, placed["urn"].null_count(), "of a school that is not in GIAS by NativeId")
        odd = known.filter(~pl.col("sen_provision").is_in(PROVISIONS)).height
        _add_fault(verdicts, of_roll, odd, "with a SEN provision that is no code of the census")
        on_roll_once = known.unique(["upn", "urn"], keep="first", maintain_order=True)
        _add_fault(verdicts, of_roll, known.height - on_roll_once.height, "repeating a pupil of the same school")
        pupils.append(
            on_roll_once.select(
                "upn",
                "urn",
                "year_group",
                "sex",
                "enrolment",
                census_term=pl.lit(term),
                census_day=pl.lit(surroundings.terms[term].census_day),
                sen_provision=pl.when(pl.col("sen_provision").is_in(PROVISIONS)).then("sen_provision"),
            )
        )
        needed, of_needs = read["senneeds"]
        if of_needs is not None:
            needs.append(_needs(needed, placed, of_needs, verdicts).with_columns(census_term=pl.lit(term)))
    tables = {}
    if pupils:
        tables["reference.census_pupils"] = pl.concat(pupils)
        tables["reference.census_needs"] = pl.concat(needs) if needs else pl.DataFrame(schema={"upn": pl.String})
    return Collected(tables, verdicts)


def census_term(file_name: str) -> str | None:
    """The term in a file's name: '2025_spring' is of 2024-25, '2025_autumn' and '2025-26_autumn' are of 2025-26."""
    name = file_name.lower()
    names = [term for term in TERM_NAMES if term in name]
    if len(names) != 1:
        return None
    [term] = names
    if (year := ACADEMIC_YEAR.search(name)) and int(year[2]) == (int(year[1]) + 1) % 100:
        first = int(year[1])
    elif year := CALENDAR_YEAR.search(name):
        first = int(year[1]) - (term != "autumn")
    else:
        return None
    return f"{first}-{(first + 1) % 100:02d}-{term}"


def _module_of(file_name: str) -> str | None:
    stem = folded(file_name.rsplit(".", 1)[0])
    return next((name for name in MODULES if stem.endswith(name)), None)


def _first_readable(
    source: Source, files: list[CollectedFile], verdicts: dict[CollectedFile, Verdict]
) -> tuple[pl.DataFrame | None, CollectedFile | None]:
    """(rows, file) of the first that can be read; (None, None) where there is none."""
    table, read = None, None
    for file in files:
        if read is not None:
            verdicts[file] = Verdict("older")
            continue
        try:
            extract = read_extract(source, file.load())
        except BrokenExtractError as error:
            verdicts[file] = Verdict("broken", fault=str(error))
        else:
            table, read = extract.table, file
            verdicts[file] = Verdict("current", extract.rows, extract.encoding, extract.fault)
    return table, read


def _on_the_day(schools: pl.DataFrame, day: date) -> pl.DataFrame:
    """GIAS's schools, of one LAESTAB the one first that was open on the day: an academy often keeps its number."""
    was_open = (pl.col("open_date").is_null() | (pl.col("open_date") <= day)) & (
        pl.col("close_date").is_null() | (pl.col("close_date") >= day)
    )
    return schools.sort([was_open, "urn"], descending=True)


def _placed(on_roll: pl.DataFrame, headers: pl.DataFrame | None, schools: pl.DataFrame) -> pl.DataFrame:
    """Every row with the school's URN and the pupil's UPN or ULN, null where they can't be known; codes in capitals."""
    by_any_id = pl.concat(
        [
            schools.select(said="laestab", urn="urn").drop_nulls().unique("said", keep="first", maintain_order=True),
            schools.select(said="urn", urn="urn"),
        ]
    ).unique("said", keep="first")
    native = pl.col("native_id").str.replace("/", "", literal=True)
    rows = on_roll.with_columns(said=native).join(by_any_id, on="said", how="left", maintain_order="left")
    if headers is not None:
        laestab = pl.concat_str(pl.col("la_code").str.zfill(3), pl.col("estab").str.zfill(4))
        said = headers.select("census_id", said_there=pl.coalesce("urn", laestab))
        there = said.join(by_any_id.rename({"urn": "urn_there"}), left_on="said_there", right_on="said", how="left")
        rows = rows.join(there, on="census_id", how="left", maintain_order="left")
        rows = rows.with_columns(urn=pl.coalesce("urn", "urn_there"))
    return rows.select(
        "native_id",
        "pupil_id",
        "urn",
        upn=upn_or_uln(),
        year_group=pl.col("year_group").str.to_uppercase(),
        sex=pl.coalesce("sex", "gender").str.to_uppercase(),
        sen_provision=pl.col("sen_provision").str.to_uppercase(),
        enrolment=pl.col("enrolment").str.to_uppercase(),
    )


def _needs(
    needs: pl.DataFrame, placed: pl.DataFrame, file: CollectedFile, verdicts: dict[CollectedFile, Verdict]
) -> pl.DataFrame:
    """upn, urn, sen_type, rank: the needs of the pupils that count; of a rank that a pupil has twice the first stands."""
    keys = ["native_id", "pupil_id"]
    owned = needs.join(placed.select(*keys, "upn", "urn"), on=keys, how="left", nulls_equal=True, maintain_order="left")
    orphans = needs.join(placed, on=keys, how="anti", nulls_equal=True).height
    _add_fault(verdicts, file, orphans, "of no pupil on roll")
    counted = owned.drop_nulls(["upn", "urn"]).with_columns(pl.col("sen_type").str.to_uppercase())
    known = counted.filter(pl.col("sen_type").is_in(code_list("need")))
    _add_fault(verdicts, file, counted.height - known.height, "with a type of need that is no code of the census")
    once = known.unique(["upn", "urn", "rank"], keep="first", maintain_order=True)
    _add_fault(verdicts, file, known.height - once.height, "repeating a rank of the same pupil")
    return once.select("upn", "urn", "sen_type", "rank")


def _add_fault(verdicts: dict[CollectedFile, Verdict], file: CollectedFile, rows: int, what: str) -> None:
    verdicts[file] = verdicts[file].with_fault(rows, what)
