"""The command line: `sen ...`. Each command does one thing and says what it did; heavy parts are imported when used."""

import gc
import json
import os
import subprocess
import sys
import warnings
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.settings import get_settings

if TYPE_CHECKING:
    from pipelines.settings import Settings
    from pipelines.terms import Term

app = typer.Typer(
    name="sen",
    help="SEN Oversight: from the schools' termly SEN returns to the LA's figures, and back to the schools.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)

DataDir = Annotated[Path | None, typer.Option("--data-dir", help="The data folder; overrides SEN_DATA_DIR.")]
On = Annotated[
    datetime | None,
    typer.Option(formats=["%Y-%m-%d"], help="The date to take for today's; default: today.", show_default=False),
]


def _use(data_dir: Path | None) -> None:
    """Let `--data-dir` stand in for SEN_DATA_DIR, for this process and its children."""
    if data_dir:
        os.environ["SEN_DATA_DIR"] = str(data_dir.resolve())
    get_settings.cache_clear()
    try:
        get_settings()
    except ValueError as error:
        # pydantic's message would repeat the value, which may be a key
        fields = ", ".join(f"SEN_{'_'.join(map(str, e['loc'])).upper()}: {e['msg']}" for e in error.errors())
        _fail(f"A setting is not right. {fields}")


def _settings_with_warehouse() -> "Settings":
    """The settings; the end where nothing was received yet."""
    settings = get_settings()
    if not settings.warehouse_path.is_file():
        _fail(f"Nothing has been received in {settings.data_dir.resolve()} yet.", 2)
    return settings


def _calendar() -> dict[str, "Term"]:
    """The terms of the calendar in force; a sentence, and the end, where the LA's own cannot be read."""
    from pipelines.terms import load_calendar

    try:
        return load_calendar(get_settings())
    except ValueError as error:
        _fail(
            f"The calendar in {get_settings().reference_dir} cannot be used: {error}. Put it right, with the columns of "
            "dbt_project/seeds/calendar.csv, or take it away: then that one is in force.",
            2,
        )


def _fail(message: str, code: int = 1) -> None:
    typer.secho(message, err=True, fg=typer.colors.RED)
    raise typer.Exit(code)


@app.command()
def run(
    data_dir: DataDir = None,
    term: Annotated[
        str | None, typer.Option(help="One term, as 2025-26-autumn; default: all with something new.")
    ] = None,
    on: On = None,
) -> None:
    """One pass: pull, read, check, build, publish, feed back."""
    _use(data_dir)
    _run(term=term, on=on.date() if on else None)


def _run(*, term: str | None, on: date | None) -> None:
    from pipelines.warehouse import only_writer

    settings = get_settings()
    calendar = _calendar()
    if term and term not in calendar:
        _fail(f"There is no term {term} in the calendar. It has {next(iter(calendar))} to {list(calendar)[-1]}.", 2)
    warnings.filterwarnings("ignore", module="dagster")
    # what a run makes, most of it by importing, lives to its end: looking for what has died took 4 CPU seconds
    gc.set_threshold(100_000)
    with only_writer(settings, say=typer.echo):
        from pipelines.definitions import defs
        from pipelines.reference import NoEstablishments
        from pipelines.runs import RunFailedError, run_once

        try:
            run_once(settings, defs, on=on, term=term, say=typer.echo)
        except (RunFailedError, NoEstablishments) as error:
            _fail(f"The run stopped. {error}\nNothing is lost: put it right and run `sen run` again.")
    status(None)
    gc.freeze()  # nor is anything looked through once more at the very end


@app.command()
def demo(
    data_dir: DataDir = None,
    schools: Annotated[int, typer.Option(min=6, help="How many schools.")] = 60,
    terms: Annotated[int, typer.Option(min=1, max=9, help="How many terms, up to summer 2025-26.")] = 9,
    seed: Annotated[int, typer.Option(help="Another seed, another LA.")] = 1,
    serve: Annotated[bool, typer.Option("--serve/--no-serve", help="Open the dashboard at the end.")] = True,
) -> None:
    """Make a synthetic LA's files, run the whole pipeline on them, open the dashboard."""
    # made-up returns and letters have no business in an LA's own landing zone, outbox and mail
    os.environ |= dict.fromkeys(("SEN_LANDING_URL", "SEN_OUTBOX_URL", "SEN_SMTP_URL", "SEN_NOTIFY_API_KEY"), "")
    _use(data_dir)
    _make_demo(schools=schools, terms=terms, seed=seed)
    _run(term=None, on=None)
    if serve:
        dashboard(None)


def _make_demo(**asked: int) -> None:
    """Make the LA, unless it is there already; an LA's own data, or another demo, is never mixed with it."""
    from pipelines.demo.synthetic_la import make_la
    from pipelines.landing import pull
    from pipelines.reference import pull_reference
    from pipelines.warehouse import only_writer, warehouse

    settings = get_settings()
    made = settings.data_dir / "demo" / "made.json"
    folder = settings.data_dir.resolve()
    if made.is_file() and json.loads(made.read_text()) == asked:
        typer.echo(f"The synthetic LA is in {folder} already")
        return
    if any((settings.data_dir / name).exists() for name in ("warehouse.duckdb", "landing", "reference")):
        if not (settings.data_dir / "demo").is_dir():
            _fail(f"{folder} holds an LA's own data: give the demo a folder of its own with --data-dir.", 2)
        if made.is_file():
            _fail(f"{folder} holds another demo: remove it, or give this one a folder of its own with --data-dir.", 2)
    made.parent.mkdir(parents=True, exist_ok=True)

    def arrived(day: date) -> None:
        # each term's returns are pulled on the day on which they came, so that the late ones are late
        at = datetime.combine(day, datetime.min.time())
        with only_writer(settings, say=typer.echo), warehouse(settings) as connection:
            pull_reference(settings, connection, at)
            pull(settings, connection, at)

    typer.echo("Making a synthetic LA: {schools} schools, {terms} terms".format(**asked))
    make_la(settings, **asked, arrived=arrived, progress=lambda line: typer.echo(f"  {line}"))
    made.write_text(json.dumps(asked))


@app.command()
def dashboard(
    data_dir: DataDir = None,
    port: Annotated[int, typer.Option(help="Port.")] = 8501,
    address: Annotated[str, typer.Option(help="Loopback only, until there is sign-in.")] = "127.0.0.1",
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open a browser window.")] = True,
) -> None:
    """Start the dashboards, on http://localhost:8501."""
    _use(data_dir)
    from dashboards.serve import serve

    try:
        serve(get_settings(), port=port, address=address, open_browser=browser)
    except ValueError as error:
        _fail(str(error), 2)


@app.command()
def docs(
    data_dir: DataDir = None,
    port: Annotated[int, typer.Option(help="Port.")] = 8080,
    serve: Annotated[bool, typer.Option("--serve/--no-serve", help="Serve it until interrupted.")] = True,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open a browser window.")] = True,
) -> None:
    """The models, their columns and tests, and who reads them: dbt's documentation, on http://localhost:8080."""
    _use(data_dir)
    import webbrowser

    from pipelines.building.documentation import DocumentationError, documentation_server, write_documentation

    try:
        page = write_documentation()
        typer.echo(f"The documentation is in {page}")
        if not serve:
            return
        with documentation_server(page, port) as server:
            address = f"http://localhost:{server.server_port}"
            typer.echo(f"It is on {address}  (Ctrl+C ends it)")
            if browser:
                webbrowser.open(address)
            server.serve_forever()
    except (DocumentationError, OSError) as error:
        _fail(str(error))
    except KeyboardInterrupt:
        return


@app.command()
def dagster(
    data_dir: DataDir = None,
    port: Annotated[int, typer.Option(help="Port.")] = 3000,
) -> None:
    """Start Dagster's web server and daemon: assets, checks, the sensor and the schedule."""
    _use(data_dir)
    from dagster import DagsterInstance

    from pipelines.runs import ask_for_pull, end_dead_runs, prepare_dagster_home
    from pipelines.warehouse import only_writer

    settings = get_settings()
    _calendar()
    prepare_dagster_home(settings)
    # whoever holds the lock may be at a run; without one, what is listed as running was killed, and is gone on with
    with only_writer(settings, say=typer.echo), DagsterInstance.get() as instance:
        end_dead_runs(instance)
    ask_for_pull(settings)
    os.environ["SEN_DATA_DIR"] = str(settings.data_dir.resolve())
    command = [str(Path(sys.executable).parent / "dagster"), "dev", "-m", "pipelines.definitions"]
    raise typer.Exit(subprocess.call([*command, "-h", "127.0.0.1", "-p", str(port)]))


@app.command()
def release(
    file: Annotated[str, typer.Argument(help="The held file: its name, or its path.")], data_dir: DataDir = None
) -> None:
    """Let a held return supersede the earlier one; the next run does it."""
    _use(data_dir)
    from pipelines.landing import ReleaseError
    from pipelines.landing import release as release_return
    from pipelines.runs import ask_for_pull
    from pipelines.warehouse import WarehouseKeyError, only_writer, warehouse

    settings = get_settings()
    try:
        with only_writer(settings, say=typer.echo), warehouse(settings) as connection:
            typer.echo(release_return(settings, connection, file))
        ask_for_pull(settings)  # where Dagster is up, this is the next run
    except (ReleaseError, WarehouseKeyError) as error:
        _fail(str(error))


@app.command()
def purge(
    data_dir: DataDir = None,
    on: On = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be removed, and remove nothing.")] = False,
) -> None:
    """Remove what is past its retention (SEN_RETENTION_YEARS): bytes, rows and letters. Published figures stand."""
    _use(data_dir)
    from pipelines.building.pupil_keys import PseudonymKeyChangedError
    from pipelines.landing import LandingZoneError
    from pipelines.retention.purging import NotUpToDateError, what_is_past
    from pipelines.retention.purging import purge as remove_past
    from pipelines.retention.rewriting import RewriteFailedError
    from pipelines.warehouse import WarehouseKeyError, only_writer

    settings = _settings_with_warehouse()
    _calendar()
    at = on or datetime.now().replace(microsecond=0)
    try:
        with only_writer(settings, say=typer.echo):
            found = what_is_past(settings, at) if dry_run else remove_past(settings, at, say=typer.echo)
    except (
        NotUpToDateError,
        PseudonymKeyChangedError,
        RewriteFailedError,
        LandingZoneError,
        WarehouseKeyError,
    ) as error:
        _fail(str(error))
    typer.echo(found.in_lines("Would be removed" if dry_run else "Removed"))
    if found.left:
        raise typer.Exit(1)


@app.command()
def rekey(data_dir: DataDir = None) -> None:
    """Change the pseudonym key to the one that is set now, or where none is set to a new one; every figure stands."""
    _use(data_dir)
    from pipelines.retention.rekeying import rekey as change_key
    from pipelines.retention.rewriting import RewriteFailedError
    from pipelines.warehouse import WarehouseKeyError, only_writer

    settings = _settings_with_warehouse()
    try:
        with only_writer(settings, say=typer.echo):
            done = change_key(settings, datetime.now().replace(microsecond=0), say=typer.echo)
    except (RewriteFailedError, WarehouseKeyError) as error:
        _fail(str(error))
    typer.echo(str(done) if done else "The key that is set is the one in force: nothing to do.")


@app.command()
def explanations(
    data_dir: DataDir = None,
    accept: Annotated[str | None, typer.Option(help="Accept the explanation with this id.")] = None,
    refuse: Annotated[str | None, typer.Option(help="Refuse it, and say why with --note.")] = None,
    note: Annotated[str | None, typer.Option(help="Kept with the decision; of a refusal the school reads it.")] = None,
    by: Annotated[str | None, typer.Option(help="Who decides; default: your user name.", show_default=False)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For a program to read.")] = False,
) -> None:
    """What schools say of their queries and waits for a decision; accept or refuse one."""
    _use(data_dir)
    from pipelines.conversation import decide_on, describe_waiting, waiting
    from pipelines.publishing.snapshots import NoSnapshotError
    from pipelines.runs import ask_for_pull
    from pipelines.warehouse import WarehouseKeyError

    settings = get_settings()
    if accept and refuse:
        _fail("Accept one or refuse one, not both at once.", 2)
    try:
        if not (accept or refuse):
            found = waiting(settings)
            return typer.echo(json.dumps(found, indent=2, default=str) if as_json else describe_waiting(found))
        decision = "accepted" if accept else "refused"
        typer.echo(decide_on(settings, accept or refuse, decision, by=by, note=note))
        ask_for_pull(settings)  # where Dagster is up, the next run takes it in
    except (ValueError, NoSnapshotError, WarehouseKeyError) as error:
        _fail(str(error))


@app.command()
def note(
    data_dir: DataDir = None,
    school: Annotated[str | None, typer.Option(help="The school's URN.")] = None,
    agreed: Annotated[str | None, typer.Option(help="What was agreed; without it the notes are listed.")] = None,
    who: Annotated[str | None, typer.Option(help="Who rang or wrote; default: your user name.")] = None,
    about: Annotated[str | None, typer.Option(help="What about.")] = None,
    on: On = None,
    as_json: Annotated[bool, typer.Option("--json", help="For a program to read.")] = False,
) -> None:
    """Keep a note of contact with a school, or list them."""
    _use(data_dir)
    from pipelines.conversation import describe_notes, note_contact
    from pipelines.warehouse import WarehouseKeyError

    settings = get_settings()
    try:
        if agreed:
            day = (on or datetime.now()).date()
            return typer.echo(note_contact(settings, school, who=who, agreed=agreed, about=about, on_date=day))
        from pipelines.casework import notes

        found = notes(settings, school).to_dicts()
        typer.echo(json.dumps(found, indent=2, default=str) if as_json else describe_notes(found))
    except (ValueError, WarehouseKeyError) as error:
        _fail(str(error))


@app.command()
def status(
    data_dir: DataDir = None,
    as_json: Annotated[bool, typer.Option("--json", help="For a program to read.")] = False,
    on: On = None,
) -> None:
    """What was received, from whom, what is outstanding, and when the snapshot was published."""
    _use(data_dir)
    from pipelines.publishing.status import describe, find_status
    from pipelines.warehouse import WarehouseKeyError

    _calendar()
    try:
        found = find_status(get_settings(), (on or datetime.now()).date())
    except WarehouseKeyError as error:
        _fail(str(error))
    typer.echo(json.dumps(found, indent=2) if as_json else describe(found))


@app.command()
def export(
    to: Annotated[Path, typer.Option(help="The folder to write to; files of an earlier export are replaced.")],
    data_dir: DataDir = None,
    formats: Annotated[
        str, typer.Option("--format", help="Any of csv, parquet and xlsx, with commas.")
    ] = "csv,parquet,xlsx",
) -> None:
    """The published figures with small counts of pupils suppressed, and a data dictionary."""
    _use(data_dir)
    from pipelines.publishing.exporting import ExportError, formats_asked
    from pipelines.publishing.exporting import export as write_export
    from pipelines.publishing.snapshots import NoSnapshotError
    from pipelines.warehouse import WarehouseKeyError

    try:
        asked = formats_asked(formats)
    except ExportError as error:
        _fail(str(error), 2)
    try:
        done = write_export(get_settings(), to, asked, say=typer.echo)
    except (ExportError, NoSnapshotError, WarehouseKeyError) as error:
        _fail(str(error))
    typer.echo(f"{len(done.files)} files of {done.snapshot} are in {to.resolve()}")


@app.command()
def rules(
    table: Annotated[str | None, typer.Option(help="Only those of a table: pupils, plans, files, ...")] = None,
    severity: Annotated[str | None, typer.Option(help="Only errors, or only queries: error, query.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For a program to read.")] = False,
    csv_file: Annotated[Path | None, typer.Option("--csv", help="Write them to a CSV file.")] = None,
    data_dir: DataDir = None,
) -> None:
    """Every rule that a return is held against: what is wrong, what to do, an example of each."""
    _use(data_dir)
    from expectations.catalogue import as_csv, catalogue, in_lines

    wanted = {"table": table, "severity": severity}
    found = [
        entry
        for entry in catalogue()
        if all(value is None or entry[name].lower() == value.lower() for name, value in wanted.items())
    ]
    if not found:
        tables = ", ".join(dict.fromkeys(entry["table"] for entry in catalogue()))
        _fail(f"There are no such rules. The tables are: {tables}. The severities are: error, query.", 2)
    if csv_file:
        csv_file.write_text(as_csv(found), encoding="utf-8")
        typer.echo(f"{len(found)} rules are in {csv_file}")
    else:
        typer.echo(json.dumps(found, indent=2, ensure_ascii=False) if as_json else in_lines(found))


@app.command()
def template(
    file: Annotated[Path, typer.Argument(help="The workbook to write.", metavar="OUT.xlsx")],
    data_dir: DataDir = None,
    version: Annotated[str | None, typer.Option(help="Of the specification; default: the newest.")] = None,
    school: Annotated[
        str | None, typer.Option(help="A school's URN: the workbook begins with what it sent last.")
    ] = None,
    term: Annotated[str | None, typer.Option(help="The term that it is for, as 2026-27-autumn; with --school.")] = None,
) -> None:
    """The workbook that a school fills in, from the contract."""
    _use(data_dir)
    from expectations.contracts import load_contract
    from pipelines.feedback.template import TemplateError, last_terms_rows, template_version, template_workbook
    from pipelines.warehouse import warehouse

    settings = get_settings()
    calendar = _calendar()
    if bool(school) != bool(term):
        _fail("Give --school and --term together.", 2)
    if term and term not in calendar:
        _fail(f"There is no term {term} in the calendar.", 2)
    if school and not settings.warehouse_path.is_file():
        _fail(f"Nothing has been received in {settings.data_dir.resolve()} yet: leave --school out.", 2)
    try:
        contract = load_contract(template_version(calendar[term] if term else None, version))
        filled = None
        if school:
            with warehouse(settings, read_only=True) as connection:
                filled = last_terms_rows(settings, connection, contract, school, calendar[term])
    except TemplateError as error:
        _fail(str(error), 2)
    file.write_bytes(template_workbook(settings, contract, filled))
    typer.echo(f"The template (specification {contract.version}) is in {file}")


@app.command("map")
def map_exports(
    exports: Annotated[
        list[Path], typer.Argument(help="Your system's exports: CSV files or workbooks.", metavar="EXPORT...")
    ],
    file: Annotated[Path, typer.Argument(help="The workbook to write.", metavar="OUT.xlsx")],
    mapping: Annotated[str, typer.Option(help="Of expectations/mappings, or a .yml file of your own.")],
    school: Annotated[str, typer.Option(help="The school's URN.")],
    term: Annotated[str, typer.Option(help="The term that the return is for, as 2025-26-autumn.")],
    laestab: Annotated[str | None, typer.Option(help="Default: as GIAS has it.", show_default=False)] = None,
    version: Annotated[str | None, typer.Option(help="Of the specification; default: the newest.")] = None,
    data_dir: DataDir = None,
) -> None:
    """Make a return's workbook from a school's own exports. Ends with 1 where something of them is not known."""
    _use(data_dir)
    from expectations.contracts import load_contract
    from expectations.mappings import MappingError, load_mapping
    from pipelines.feedback.mapped_return import fault_sentence, in_lines, mapped_workbook, school_laestab
    from pipelines.feedback.template import TemplateError, template_version
    from pipelines.reading.exports import UnreadableExport
    from pipelines.warehouse import warehouse

    settings = get_settings()
    calendar = _calendar()
    if term not in calendar:
        _fail(f"There is no term {term} in the calendar.", 2)
    if missing := [str(path) for path in exports if not path.is_file()]:
        _fail(f"There is no file {', '.join(missing)}.", 2)
    try:
        known = load_mapping(mapping)
        contract = load_contract(template_version(calendar[term], version))
        if laestab is None and settings.warehouse_path.is_file():
            with warehouse(settings, read_only=True) as connection:
                laestab = school_laestab(connection, school)
        files = [(path.name, path.read_bytes()) for path in exports]
        workbook, mapped = mapped_workbook(
            settings, known, files, contract, urn=school, laestab=laestab, term=calendar[term]
        )
    except (MappingError, TemplateError) as error:
        _fail(str(error), 2)
    except UnreadableExport as error:
        _fail(f"{error.file}: {fault_sentence(error.fault)}", 2)
    typer.echo(in_lines(mapped))
    if not mapped.exports:
        _fail("No file is one of the mapping's exports, so no workbook was written.", 2)
    file.write_bytes(workbook)
    typer.echo(
        f"The return is in {file}. It holds pupils' UPNs: keep it within the school. Fill in what is still blank, then "
        "see with `sen check` what a run would find."
    )
    raise typer.Exit(0 if mapped.is_whole else 1)


@app.command()
def check(
    files: Annotated[list[Path], typer.Argument(help="Returns: workbooks, or ZIPs of CSV files.", metavar="FILE...")],
    data_dir: DataDir = None,
    workbook: Annotated[
        Path | None, typer.Option(help="Write the feedback workbook, which holds UPNs; with one file only.")
    ] = None,
    on: On = None,
) -> None:
    """A dry run: what a return's issues would be; nothing is stored. Ends with 1 on errors, 2 where a file can't be read."""
    _use(data_dir)
    from pipelines.checking.dry_run import dry_run, in_lines
    from pipelines.reference import NoEstablishments

    _calendar()
    if missing := [str(file) for file in files if not file.is_file()]:
        _fail(f"There is no file {', '.join(missing)}.", 2)
    if workbook and len(files) > 1:
        _fail("Give one file with --workbook.", 2)
    code = 0
    for file in files:
        try:
            found = dry_run(get_settings(), file.read_bytes(), file.name, on or datetime.now(), say=typer.echo)
        except NoEstablishments as error:
            _fail(str(error), 2)
        typer.echo(in_lines(found))
        if workbook and found.workbook:
            workbook.write_bytes(found.workbook)
            typer.echo(f"The feedback workbook is in {workbook}. It holds pupils' UPNs: keep it within the school.")
        code = max(code, 2 if not found.can_be_read else 1 if found.errors else 0)
    raise typer.Exit(code)
