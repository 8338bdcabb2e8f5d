"""DfE's SEN2 as COLLECT's Blade export gives it: nine CSVs in a folder -> plans, the schools they name, reviews, needs.

Which modules and columns there are has changed every year (versions 1.0 to 1.3), and none but those that say what the
export is of and whose a row is has to be there: annual review meetings and outcomes came with 1.2, for instance.
The ids that link the modules are made anew for each export, so nothing is linked across exports but by UPN or ULN.
"""

from collections.abc import Iterable

import polars as pl

from pipelines.reading.headers import folded
from pipelines.reference.extracts import BrokenExtractError, read_extract, upn_or_uln
from pipelines.reference.shapes import Collected, CollectedFile, Column, Source, Surroundings, Verdict


def _module(name: str, *columns: Column) -> Source:
    """A module of the export: its own id, which other modules point at, and what is wanted of it."""
    own_id = Column("id", f"{name}tableid", needed=True, identifies=True)
    return Source(name, f"sen2/*/*{name}.csv", None, (own_id, *columns), key=("id",))


def _of(parent: str) -> Column:
    return Column("parent", f"{parent}tableid", needed=True, identifies=True)


HEADER = Source(
    "sen2",
    "sen2/*/*sen2.csv",
    None,
    (Column("la_code", "lea"), Column("reference_date", "referencedate", "date", needed=True, identifies=True)),
    key=("la_code", "reference_date"),
)
MODULES = {
    source.kind: source
    for source in (
        _module("person", Column("upn", "upn"), Column("uln", "uniquelearnernumber")),
        _module("requests", _of("person")),
        _module("assessment", _of("requests")),
        _module(
            "namedplan",
            _of("assessment"),
            Column("plan_start_date", "startdate", "date"),
            Column("cease_date", "ceasedate", "date"),
            Column("cease_reason", "ceasereason"),
        ),
        _module("plandetail", _of("namedplan"), Column("urn", "urn")),
        _module(
            "activeplans",
            _of("requests"),
            Column("review_meeting_date", "reviewmeeting", "date"),
            Column("review_outcome", "reviewoutcome"),
            Column("last_review_date", "lastreview", "date"),
        ),
        _module(
            "senneed",
            _of("activeplans"),
            Column("sen_type", "sentype", needed=True, identifies=True),
            Column("rank", "sentyperank", "rank"),
        ),
    )
}
# Which modules the tables are made of: a module and the chain of its parents up to the person.
PARENTS = {
    "requests": "person",
    "assessment": "requests",
    "namedplan": "assessment",
    "plandetail": "namedplan",
    "activeplans": "requests",
    "senneed": "activeplans",
}


def read_sen2(files: list[CollectedFile], surroundings: Surroundings) -> Collected:
    """The tables of the newest export by its own reference date, of which every file can be read.

    An export is a folder. One without its header file, of another LA or with a file that can't be read is not used, and
    the one before it is. Raises nothing: what is wrong with a file is its verdict.
    """
    exports: dict[str, list[CollectedFile]] = {}
    for file in files:
        exports.setdefault(file.path.rsplit("/", 1)[0], []).append(file)
    verdicts: dict[CollectedFile, Verdict] = {}
    dated = []
    for export in exports.values():
        by_module = _by_module(export, verdicts)
        header = _read_header(by_module, surroundings, verdicts)
        if header is not None:
            # what is there goes before what was taken away
            dated.append((export[0].is_there, header, export[0].path, by_module))
    tables: dict[str, pl.DataFrame] | None = None
    for _, reference_date, _, by_module in sorted(dated, key=lambda export: export[:3], reverse=True):
        if tables is None and (modules := _read_modules(by_module, verdicts)) is not None:
            tables = _tables(modules, reference_date, by_module, verdicts)
        else:
            _pass_over(by_module.values(), verdicts)
    return Collected(tables or {}, verdicts)


def _by_module(export: list[CollectedFile], verdicts: dict[CollectedFile, Verdict]) -> dict[str, list[CollectedFile]]:
    """Module -> the versions of its file, by the end of the file's name."""
    by_module: dict[str, list[CollectedFile]] = {}
    for file in export:
        stem = folded(file.name.rsplit(".", 1)[0])
        name = next((name for name in ("sen2", *MODULES) if stem.endswith(name)), None)
        if name is None:
            verdicts[file] = Verdict("unused")
        else:
            by_module.setdefault(name, []).append(file)
    return by_module


def _read_header(
    by_module: dict[str, list[CollectedFile]],
    surroundings: Surroundings,
    verdicts: dict[CollectedFile, Verdict],
):
    """The export's reference date; None where it can't be used, which its verdicts then say."""
    for file in by_module.get("sen2", []):
        try:
            extract = read_extract(HEADER, file.load())
            row = extract.table
            if row.is_empty():
                raise BrokenExtractError("does not say the date of the export (referencedate)")
            la_code = row["la_code"][0]
            if la_code is not None and la_code.zfill(3) != surroundings.la_code:
                raise BrokenExtractError(
                    f"is of LA {la_code}, and SEN_LA_CODE says that yours is {surroundings.la_code}"
                )
        except BrokenExtractError as error:
            verdicts[file] = Verdict("broken", fault=str(error))
        else:
            verdicts[file] = Verdict("current", extract.rows, extract.encoding, extract.fault)
            return row["reference_date"][0]
    if by_module and "sen2" not in by_module:
        fault = "is of an export without its file '..._sen2.csv', which says of which day and LA it is"
        verdicts[next(iter(by_module.values()))[0]] = Verdict("broken", fault=fault)
    _pass_over(by_module.values(), verdicts)
    return None


def _read_modules(
    by_module: dict[str, list[CollectedFile]], verdicts: dict[CollectedFile, Verdict]
) -> dict[str, pl.DataFrame] | None:
    """Module -> its rows, an empty table for a module that is not there; None where a file can't be read."""
    modules: dict[str, pl.DataFrame] = {}
    is_whole = True
    for name, source in MODULES.items():
        versions = by_module.get(name, [])
        for file in versions:
            try:
                extract = read_extract(source, file.load())
            except BrokenExtractError as error:
                verdicts[file] = Verdict("broken", fault=str(error))
            else:
                verdicts[file] = Verdict("current", extract.rows, extract.encoding, extract.fault)
                modules[name] = extract.table
                break
        is_whole = is_whole and (not versions or name in modules)
        modules.setdefault(name, _empty(source))
    if "person" not in by_module:
        [header, *_] = by_module["sen2"]
        verdicts[header] = Verdict("broken", fault="is of an export without its file '..._person.csv'")
        return None
    return modules if is_whole else None


def _empty(source: Source) -> pl.DataFrame:
    return read_extract(source, ",".join(column.header for column in source.columns).encode()).table


def _tables(
    modules: dict[str, pl.DataFrame],
    reference_date,
    by_module: dict[str, list[CollectedFile]],
    verdicts: dict[CollectedFile, Verdict],
) -> dict[str, pl.DataFrame]:
    people = modules["person"].select(
        "id",
        upn=upn_or_uln(),
    )
    unknown = people["upn"].null_count()
    _add_fault(by_module, verdicts, "person", unknown, "without a UPN or a ULN that can be read")
    owners = {"person": people.drop_nulls("upn")}
    for name, parent in PARENTS.items():
        rows = modules[name]
        # a row of a person without UPN or ULN is left out with the person; only one without a parent is a fault
        orphans = rows.join(modules[parent], left_on="parent", right_on="id", how="anti").height
        _add_fault(by_module, verdicts, name, orphans, f"belonging to no row of '{parent}'")
        carried = owners[parent].select(
            parent="id", upn="upn", **({"plan_start_date": "plan_start_date"} if name == "plandetail" else {})
        )
        owners[name] = rows.join(carried, on="parent", how="inner", maintain_order="left")
    plans = owners["namedplan"]
    dateless = plans["plan_start_date"].null_count()
    _add_fault(by_module, verdicts, "namedplan", dateless, "without the day on which the plan began")
    is_urn = pl.col("urn").str.contains(r"^[0-9]{5,6}$").fill_null(value=False)
    return {
        "reference.sen2_plans": plans.drop_nulls("plan_start_date")
        .select("upn", "plan_start_date", "cease_date", "cease_reason", reference_date=pl.lit(reference_date))
        .unique(["upn", "plan_start_date"], keep="first", maintain_order=True),
        "reference.sen2_plan_schools": owners["plandetail"]
        .filter(is_urn)
        .select("upn", "urn", "plan_start_date")
        .unique(maintain_order=True),
        "reference.sen2_reviews": owners["activeplans"].select(
            "upn",
            "review_meeting_date",
            "review_outcome",
            "last_review_date",
            reference_date=pl.lit(reference_date),
        ),
        "reference.sen2_needs": owners["senneed"]
        .select("upn", pl.col("sen_type").str.to_uppercase(), "rank")
        .unique(maintain_order=True),
    }


def _add_fault(
    by_module: dict[str, list[CollectedFile]],
    verdicts: dict[CollectedFile, Verdict],
    module: str,
    rows: int,
    what: str,
) -> None:
    if rows:
        file = next(file for file in by_module[module] if verdicts[file].state == "current")
        verdicts[file] = verdicts[file].with_fault(rows, what)


def _pass_over(groups: Iterable[list[CollectedFile]], verdicts: dict[CollectedFile, Verdict]) -> None:
    """The files of an export that is not in use are older, whatever else is known of them but a fault."""
    for file in (file for group in groups for file in group):
        if file not in verdicts or verdicts[file].state == "current":
            verdicts[file] = Verdict("older")
