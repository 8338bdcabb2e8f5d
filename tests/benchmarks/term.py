"""What a term of one LA costs: rows, seconds and peak memory of each stage. `make bench`, or with options of your own.

The LA is synthetic: 300 schools and 15,000 pupils with SEN, with the terms before run beforehand as its history.
The history is kept in the bench's folder, so that a second bench needs only the term itself.
"""

import argparse
import shutil
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import psutil

from pipelines.demo.synthetic_la import demo_terms, make_la
from pipelines.settings import PROJECT_DIR, Settings
from pipelines.warehouse import raw_tables, warehouse

GOAL_SECONDS, GOAL_GIGABYTES = 60, 2
# as DuckDB wrote it; a guess at the dialect would read a sample twice
CSV = """all_varchar = true, header = true, delim = ',', quote = '"', escape = '"'"""
STAGES = {  # the steps of a run, as its command line names them
    "start": "start of the command",
    "reference data": "reference",
    "received returns": "pull",
    "unplaced file issues": "pull: files without a school",
    "reminders": "reminders",
    "typed rows": "read",
    "issues": "check (Great Expectations)",
    "pupil keys": "pupil keys",
    "dbt models": "build (dbt)",
    "snapshot": "publish",
    "answers to schools": "feedback",
    "end": "end of the command",
}


@dataclass
class Measured:
    """One stage: seconds on the clock and the most memory that the run and its children held (bytes resident)."""

    seconds: float = 0
    peak: int = 0


@dataclass
class Run:
    """A run of the command, watched from outside."""

    stages: dict[str, Measured] = field(default_factory=dict)
    current: str = "start"


def watch(data_dir: Path) -> Run:
    """Run `sen run` in a process of its own, and note when each stage begins and how much memory the whole tree holds."""
    run = Run()
    command = [str(Path(sys.executable).parent / "sen"), "run", "--data-dir", str(data_dir)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=data_dir)
    over = threading.Event()
    sampler = threading.Thread(target=_sample, args=(process.pid, run, over))
    sampler.start()
    began = time.perf_counter()
    for line in process.stdout:
        name = line.strip()
        if name in STAGES or name.startswith("Published"):
            now = time.perf_counter()
            run.stages.setdefault(run.current, Measured()).seconds += now - began
            run.current, began = (name if name in STAGES else "end"), now
    if process.wait():
        raise SystemExit("the run failed")
    run.stages.setdefault(run.current, Measured()).seconds += time.perf_counter() - began
    over.set()
    sampler.join()
    return run


def _sample(pid: int, run: Run, over: threading.Event) -> None:
    root = psutil.Process(pid)
    while not over.wait(0.5):  # a look at every process costs the run what it measures
        held = 0
        try:
            for process in (root, *root.children(recursive=True)):
                held += process.memory_info().rss
        except psutil.Error:
            continue
        stage = run.stages.setdefault(run.current, Measured())
        stage.peak = max(stage.peak, held)


def bare_scan(settings: Settings, term: str, folder: Path) -> tuple[int, int, float]:
    """Rows, bytes and seconds of DuckDB merely reading the term's cells as CSV: the limit of any pipeline."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = 0
    with warehouse(settings, read_only=True) as connection:
        for name in raw_tables():
            path = folder / f"{name}.csv"
            texts = "COLUMNS('.*__text')"
            connection.execute(f"COPY (SELECT return_id, {texts} FROM {name} WHERE return_term = '{term}') TO '{path}'")
            rows += connection.execute(f"SELECT count(*) FROM {name} WHERE return_term = '{term}'").fetchone()[0]
    began = time.perf_counter()
    with duckdb.connect() as connection:
        for path in folder.glob("*.csv"):
            connection.execute(f"SELECT count(*), max(COLUMNS(*)) FROM read_csv('{path}', {CSV})").fetchall()
    return rows, sum(path.stat().st_size for path in folder.glob("*.csv")), time.perf_counter() - began


def main() -> None:
    """Make or take the history, run the newest term, print the table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--schools", type=int, default=300)
    options.add_argument("--pupils", type=int, default=15_000)
    options.add_argument("--terms", type=int, default=9, help="the term measured is the last")
    options.add_argument("--folder", type=Path, default=PROJECT_DIR / "data" / "bench")
    given = options.parse_args()
    base = given.folder / f"{given.schools}-{given.pupils}-{given.terms}"
    history, term = make_history(base, given.schools, given.pupils, given.terms)

    data_dir = base / "measured"
    shutil.rmtree(data_dir, ignore_errors=True)
    shutil.copytree(history, data_dir)
    watch(data_dir)  # to a pull a file that was copied is another; that it is read again is not the newest term's cost
    for path in sorted((base / "newest").iterdir()):
        shutil.copy2(path, data_dir / "landing" / path.name)
    run = watch(data_dir)

    total = sum(stage.seconds for stage in run.stages.values())
    peak = max(stage.peak for stage in run.stages.values())
    print(f"\n{given.schools} schools, {given.pupils:,} pupils with SEN, {given.terms} terms; the newest is {term}\n")
    print(f"{'stage':32}{'seconds':>9}{'peak MB':>9}")
    for name, stage in sorted(run.stages.items(), key=lambda item: list(STAGES).index(item[0])):
        print(f"{STAGES[name]:32}{stage.seconds:>9.1f}{stage.peak / 1e6:>9.0f}")
    print(f"{'the whole':32}{total:>9.1f}{peak / 1e6:>9.0f}   goal: under {GOAL_SECONDS} s, {GOAL_GIGABYTES * 1000} MB")
    settings = Settings(_env_file=None, data_dir=data_dir)
    rows, size, seconds = bare_scan(settings, term, base / "bare")
    print(f"{'the same bytes, bare in DuckDB':32}{seconds:>9.1f}{'':9}   {rows:,} rows, {size / 1e6:.0f} MB of CSV")


def make_history(base: Path, schools: int, pupils: int, terms: int) -> tuple[Path, str]:
    """A data folder in which all terms but the newest have run, beside `newest` with that term's files."""
    history, newest = base / "history", base / "newest"
    done = base / "history-done"
    settings = Settings(_env_file=None, data_dir=history)
    term = demo_terms(settings, terms)[-1].term
    if not done.is_file():
        shutil.rmtree(base, ignore_errors=True)
        # clean returns: a file whose name belies its term would have an earlier term run as well
        make_la(settings, schools=schools, terms=terms, pupils_per_school=pupils / schools, dirty=False, progress=print)
        newest.mkdir(parents=True)
        year, name = term[:7], term[8:]
        for path in [p for p in (history / "landing").rglob(f"*_{year}_{name}_*") if p.is_file()]:
            path.rename(newest / path.name)
        done.touch()
    watch(history)  # whatever the project has changed since is not the newest term's cost
    return history, term


if __name__ == "__main__":
    main()
