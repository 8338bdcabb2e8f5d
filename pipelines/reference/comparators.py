"""DfE's explore-education-statistics releases -> published figures of England, the region, the LA and its neighbours.

A release is the ZIP as DfE gives it (data files and a `data-guidance.txt`), or a data file of one by itself. Which
columns of which file are a measure is in the seed `comparator_measures`; what a symbol in a figure's place means is what
the release's own guidance says, for releases differ (x is 'not available' in one and 'not applicable' in another).
Statistical neighbours: a CSV with 'neighbours' in its name, a column an LA, below it the names of its neighbours.
"""

import io
import re
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache

import polars as pl

from pipelines.reference.extracts import BrokenExtractError, decode, read_columns
from pipelines.reference.shapes import Collected, CollectedFile, Surroundings, Verdict
from pipelines.settings import SEEDS_DIR

MOST_BYTES = 1 << 30  # a release's files together; the 2025 one has 37 million
LEVELS = {"National": "country", "Regional": "region", "Local authority": "la"}
PLACES = (
    "time_period",
    "geographic_level",
    "country_code",
    "country_name",
    "region_code",
    "region_name",
    "new_la_code",
    "old_la_code",
    "la_name",
)
NUMBER = r"^-?[0-9]+(\.[0-9]+)?$"
# 'z - Not applicable'; one to four letters or marks that are no digit, at the beginning of a line
SYMBOL = re.compile(r"""^["'‘“]?([A-Za-z~:.*]{1,4})["'’”]?\s*(?:[-–—=:|]|is)\s+(\S.*)$""")
# words that LAs' names have in one list and not in another
NO_NAME = {"city", "of", "county", "borough", "the", "and", "council", "upon"}
COLUMNS = {
    "release": pl.String,
    "time_period": pl.String,
    "area_type": pl.String,
    "area_code": pl.String,
    "area_name": pl.String,
    "measure": pl.String,
    "breakdown": pl.String,
    "numerator": pl.Float64,
    "denominator": pl.Float64,
    "value": pl.Float64,
    "symbol": pl.String,
}
NOTE_COLUMNS = {"release": pl.String, "measure": pl.String, "symbol": pl.String, "note": pl.String}


@dataclass(frozen=True)
class Guidance:
    """What a release says of itself. symbols: what each stands for; footnotes: by data file (its name, no suffix)."""

    title: str | None = None
    symbols: dict[str, str] = field(default_factory=dict)
    footnotes: dict[str, list[str]] = field(default_factory=dict)


def read_comparators(files: list[CollectedFile], surroundings: Surroundings) -> Collected:
    """The measures of every release for our areas; of a title that came twice the newest file stands.

    Raises nothing: what is wrong with a file is its verdict.
    """
    verdicts: dict[CollectedFile, Verdict] = {}
    ordered = sorted(files, key=lambda file: not file.is_there)
    neighbours, named = _first_neighbours([file for file in ordered if _is_neighbours(file)], verdicts)
    figures, notes = [], []
    loaded: set[str] = set()
    known_paths: set[str] = set()
    for file in (file for file in ordered if not _is_neighbours(file)):
        try:
            if file.path in known_paths:
                verdicts[file] = Verdict("older")
                continue
            title, tables, guidance, rows = _open(file)
            if title in loaded:
                verdicts[file] = Verdict("older")
                continue
            of_release, faults = [], []
            for stem, table in tables.items():
                found = _figures(title, stem, table, surroundings.la_code, neighbours)
                of_release += found
                notes += _sums_noted(title, stem, table)
            if not tables:
                raise BrokenExtractError("holds no data file that a measure of ours is made of")
        except BrokenExtractError as error:
            verdicts[file] = Verdict("broken", fault=str(error))
            continue
        loaded.add(title)
        known_paths.add(file.path)
        release = pl.concat(of_release) if of_release else pl.DataFrame(schema=COLUMNS)
        if release.filter(area_type="la").is_empty():
            faults.append(f"has no figure of LA {surroundings.la_code}")
        unexplained = sorted(set(release["symbol"].drop_nulls()) - set(guidance.symbols))
        if unexplained:
            faults.append(f"does not say what {', '.join(map(repr, unexplained))} in a figure's place means")
        figures.append(release)
        notes += _notes(title, guidance, tables)
        verdicts[file] = Verdict("current", rows, None, ". ".join(faults) or None)
    if named is not None and figures and neighbours:
        _say_unknown_neighbours(pl.concat(figures), named, neighbours, surroundings.la_code, verdicts)
    if not figures:
        return Collected({}, verdicts)
    return Collected(
        {
            "reference.comparators": pl.concat(figures).unique(
                ["release", "time_period", "area_type", "area_code", "measure", "breakdown"],
                keep="first",
                maintain_order=True,
            ),
            "reference.comparator_notes": pl.DataFrame(notes, schema=NOTE_COLUMNS, orient="row").unique(
                maintain_order=True
            ),
        },
        verdicts,
    )


@lru_cache(maxsize=1)
def measures() -> tuple[dict[str, str | None], ...]:
    """The rows of the seed `comparator_measures`."""
    return tuple(pl.read_csv(SEEDS_DIR / "comparator_measures.csv", infer_schema=False).to_dicts())


def read_guidance(text: str) -> Guidance:
    """Title (the first two lines), legend and footnotes of a release's data guidance."""
    lines = [line.strip() for line in text.splitlines()]
    title = ", ".join([line for line in lines if line][:2]) or None
    symbols: dict[str, str] = {}
    footnotes: dict[str, list[str]] = {}
    in_legend = in_footnotes = False
    stem = ""
    for line in lines:
        lower = line.lower()
        if "convention" in lower:
            in_legend = True
        elif lower == "data files":
            in_legend = False
        elif lower.startswith("filename:"):
            stem, in_footnotes, in_legend = line.split(":", 1)[1].strip().rsplit(".", 1)[0].lower(), False, False
        elif lower.startswith("footnotes"):
            in_footnotes = True
        elif in_legend and (symbol := SYMBOL.match(line)):
            symbols[symbol[1]] = symbol[2].strip()
        elif in_footnotes and (note := re.match(r"^[0-9]+\.\s+(\S.*)$", line)):
            footnotes.setdefault(stem, []).append(note[1])
    return Guidance(title, symbols, footnotes)


def _open(file: CollectedFile) -> tuple[str, dict[str, pl.DataFrame], Guidance, int]:
    """(title, data files that measures are made of by the name the seed has for them, guidance, rows of all of them)."""
    data = file.load()
    guidance = Guidance()
    contents: dict[str, bytes] = {}
    if file.name.lower().endswith(".zip"):
        for name, content in _entries(data):
            if name.lower().endswith(".csv"):
                contents[name] = content
            elif "guidance" in name.lower() and name.lower().endswith(".txt"):
                guidance = read_guidance(decode(content)[0])
    else:
        contents[file.name] = data
    tables: dict[str, pl.DataFrame] = {}
    for name, content in contents.items():
        stem = _stem_of(name)
        if stem is not None:
            tables[stem] = _read_table(name, content)
    title = guidance.title or file.name.rsplit(".", 1)[0]
    return title, tables, guidance, sum(table.height for table in tables.values())


def _entries(data: bytes) -> Iterator[tuple[str, bytes]]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as release:
            entries = [entry for entry in release.infolist() if not entry.is_dir()]
            if sum(entry.file_size for entry in entries) > MOST_BYTES:
                raise BrokenExtractError("is too large once opened")
            for entry in entries:
                with release.open(entry) as content:
                    # a directory may lie about the size
                    whole = content.read(MOST_BYTES + 1)
                if len(whole) > MOST_BYTES:
                    raise BrokenExtractError("is too large once opened")
                yield entry.filename, whole
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError) as error:
        raise BrokenExtractError("is no ZIP that can be opened") from error


def _stem_of(name: str) -> str | None:
    """The seed's name of a data file: the longest that its own name ends with."""
    stem = name.rsplit("/", 1)[-1].rsplit(".", 1)[0].lower()
    known = {str(measure["file"]) for measure in measures()}
    return max((each for each in known if stem == each or stem.endswith("_" + each)), key=len, default=None)


def _read_table(name: str, content: bytes) -> pl.DataFrame:
    """A data file as text. Raises BrokenExtractError where it is not one of a release."""
    text, _ = decode(content)
    try:
        table = pl.read_csv(io.BytesIO(text.encode()), infer_schema=False)
        table = table.rename({column: column.strip().lower() for column in table.columns})
    except (pl.exceptions.PolarsError, ValueError) as error:
        raise BrokenExtractError(f"cannot be read: {name.rsplit('/', 1)[-1]} is no CSV table") from error
    lacking = [column for column in PLACES if column not in table.columns]
    if lacking:
        raise BrokenExtractError(f"lacks the columns {', '.join(map(repr, lacking))} in {name.rsplit('/', 1)[-1]}")
    return table.with_columns(pl.col(pl.String).str.strip_chars())


def _figures(
    release: str, stem: str, table: pl.DataFrame, la_code: str, neighbours: dict[frozenset[str], list[frozenset[str]]]
) -> list[pl.DataFrame]:
    """One table a measure of the file, of our areas alone."""
    ours = table.filter(pl.col("old_la_code").str.zfill(3) == la_code)
    near = neighbours.get(_name_of(ours["la_name"][0]), []) if not ours.is_empty() else []
    names = table["la_name"].drop_nulls().unique().to_list()
    near_names = [name for name in names if _name_of(name) in near]
    places = [
        (table.filter(geographic_level="National"), "country", "country_code", "country_name"),
        (
            table.filter(
                pl.col("geographic_level") == "Regional", pl.col("region_code").is_in(ours["region_code"].implode())
            ),
            "region",
            "region_code",
            "region_name",
        ),
        (ours, "la", "new_la_code", "la_name"),
        (
            table.filter(pl.col("geographic_level") == "Local authority", pl.col("la_name").is_in(near_names)),
            "statistical_neighbours",
            "new_la_code",
            "la_name",
        ),
    ]
    figures = []
    for measure in _measures_of(stem, table):
        for rows, area_type, code, name in places:
            figures.append(
                rows.select(
                    release=pl.lit(release),
                    time_period="time_period",
                    area_type=pl.lit(area_type),
                    area_code=code,
                    area_name=name,
                    measure=pl.lit(measure["measure"]),
                    breakdown=_breakdown(table),
                    **_cells(measure),
                ).cast(COLUMNS)
            )
    return figures


def _measures_of(stem: str, table: pl.DataFrame) -> list[dict[str, str | None]]:
    """The measures whose columns the file has; releases of other years lack some."""
    return [
        measure
        for measure in measures()
        if measure["file"] == stem
        and {column for name in ("numerator", "denominator", "value") for column in _columns_of(measure, name)}
        <= set(table.columns)
    ]


def _columns_of(measure: dict[str, str | None], name: str) -> list[str]:
    return [column.lower() for column in (measure[name] or "").split("+") if column]


def _breakdown(table: pl.DataFrame) -> pl.Expr:
    """'all' for the figure of everybody, else as in 'Sex: Female'."""
    if not {"breakdown_topic", "breakdown"} <= set(table.columns):
        return pl.lit("all")
    topic, breakdown = pl.col("breakdown_topic"), pl.col("breakdown")
    return pl.when(topic == breakdown).then(pl.lit("all")).otherwise(pl.concat_str(topic, pl.lit(": "), breakdown))


def _cells(measure: dict[str, str | None]) -> dict[str, pl.Expr]:
    """numerator, denominator and value as numbers, and the symbol that stands in place of one of them."""
    numerator, denominator, value = (_columns_of(measure, name) for name in ("numerator", "denominator", "value"))
    # the value first: a figure that is hidden is hidden whatever else is known
    symbols = [_symbol(column) for column in [*value, *numerator, *denominator]]
    over = _sum(denominator)
    computed = 100 * _sum(numerator) / pl.when(over != 0).then(over)
    return {
        "numerator": _sum(numerator),
        "denominator": over,
        "value": _sum(value) if value else computed,
        "symbol": pl.coalesce(symbols),
    }


def _number(column: str) -> pl.Expr:
    text = pl.col(column).str.replace_all(",", "", literal=True)
    return pl.when(text.str.contains(NUMBER)).then(text).cast(pl.Float64, strict=False)


def _sum(columns: list[str]) -> pl.Expr:
    """Of the columns together, null where one of them is no number."""
    return sum((_number(column) for column in columns[1:]), _number(columns[0])) if columns else pl.lit(None)


def _symbol(column: str) -> pl.Expr:
    return pl.when(_number(column).is_null()).then(pl.col(column))


def _sums_noted(release: str, stem: str, table: pl.DataFrame) -> list[tuple[str, str, None, str]]:
    """A note a count and period of which the LAs' figures do not add up to England's, as DfE allows."""
    notes = []
    for measure in _measures_of(stem, table):
        if measure["unit"] != "count":
            continue
        number = _number(str(measure["value"]).lower())
        sums = (
            table.filter(_breakdown(table) == "all")
            .group_by("time_period")
            .agg(
                england=number.filter(pl.col("geographic_level") == "National").sum(),
                las=number.filter(pl.col("geographic_level") == "Local authority").sum(),
                has_las=(pl.col("geographic_level") == "Local authority").any(),
                has_england=(pl.col("geographic_level") == "National").any(),
            )
            .filter("has_las", "has_england", pl.col("england") != pl.col("las"))
            .sort("time_period")
        )
        notes += [
            (
                release,
                str(measure["measure"]),
                None,
                f"{row['time_period']}: the LAs' figures add up to {row['las']:,.0f}, and England's is "
                f"{row['england']:,.0f}: some LAs' figures are in the total alone.",
            )
            for row in sums.iter_rows(named=True)
        ]
    return notes


def _notes(release: str, guidance: Guidance, stems: Iterable[str]) -> list[tuple[str, str | None, str | None, str]]:
    """The legend, and the footnotes of each file for every measure that is made of it."""
    legend = [(release, None, symbol, meaning) for symbol, meaning in guidance.symbols.items()]
    footnotes = [
        (release, str(measure["measure"]), None, note)
        for measure in measures()
        if measure["file"] in set(stems)
        for note in guidance.footnotes.get(str(measure["file"]), [])
    ]
    return [*legend, *footnotes]


def _is_neighbours(file: CollectedFile) -> bool:
    return "neighbour" in file.name.lower() and file.name.lower().endswith(".csv")


def _first_neighbours(
    files: list[CollectedFile], verdicts: dict[CollectedFile, Verdict]
) -> tuple[dict[frozenset[str], list[frozenset[str]]], CollectedFile | None]:
    """(LA -> its neighbours, both as the words of their names; the file that says so)."""
    neighbours: dict[frozenset[str], list[frozenset[str]]] = {}
    read = None
    for file in files:
        if read is not None:
            verdicts[file] = Verdict("older")
            continue
        try:
            text, encoding = decode(file.load())
            table = read_columns(text, lambda header: {name: place for place, name in enumerate(header) if name})
        except BrokenExtractError as error:
            verdicts[file] = Verdict("broken", fault=str(error))
            continue
        verdicts[file] = Verdict("current", table.height, encoding)
        read = file
        neighbours = {
            _name_of(la): [_name_of(name) for name in table[la].to_list() if name and name.strip()]
            for la in table.columns
            if la != "row_number"
        }
    return neighbours, read


def _name_of(name: str) -> frozenset[str]:
    """An LA's name as the words that tell it: 'Bristol, City of' and 'City of Bristol' are the same."""
    words = frozenset(re.findall(r"[a-z]+", name.lower())) - NO_NAME
    return words or frozenset(re.findall(r"[a-z]+", name.lower()))


def _say_unknown_neighbours(
    figures: pl.DataFrame,
    file: CollectedFile,
    neighbours: dict[frozenset[str], list[frozenset[str]]],
    la_code: str,
    verdicts: dict[CollectedFile, Verdict],
) -> None:
    ours = figures.filter(area_type="la")["area_name"].drop_nulls()
    if ours.is_empty():
        return
    near = set(neighbours.get(_name_of(ours[0]), []))
    found = {_name_of(name) for name in figures.filter(area_type="statistical_neighbours")["area_name"].unique()}
    known = verdicts[file]
    if not near:
        fault = f"has no column of LA {la_code}, which the releases call {ours[0]}"
    elif missing := near - found:
        fault = f"names {len(missing)} neighbour{'s' * (len(missing) > 1)} that no release has"
    else:
        return
    verdicts[file] = Verdict(known.state, known.rows, known.encoding, fault)
