"""dbt's exposures name every page and what goes out, with what each reads: as the code that reads it says."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest
import yaml

from dashboards.frame import PAGES
from expectations.contracts import load_contract
from pipelines.publishing.snapshots import ANALYSTS_TABLES
from pipelines.settings import DBT_PROJECT_DIR, PROJECT_DIR
from pipelines.warehouse import LATEST_CONTRACT

EXPOSURES = {
    exposure["name"]: exposure
    for exposure in yaml.safe_load((DBT_PROJECT_DIR / "models" / "exposures.yml").read_text(encoding="utf-8"))[
        "exposures"
    ]
}
MODELS = {path.stem for path in (DBT_PROJECT_DIR / "models" / "marts").glob("*.sql")}
# what a table of the snapshot is made of, where it is not a model of its name
ALIASES = {
    "indicators": "indicator_definitions",
    "comparator_measures": "comparator_definitions",
    "la_files": "ledger.reference_files",
    "restatements": "ledger.restatements",
    "school_places": "ledger.school_places",
    "snapshot": "terms",
}
GOES_OUT = {  # what an exposure that is no page is written by
    "letters_to_schools": [
        f"feedback/{name}.py"
        for name in ("answering", "contacts", "findings", "letters", "posting", "reminding", "standing")
    ],
    "feedback_workbooks": [f"feedback/{name}.py" for name in ("own_return", "standing", "workbooks")],
    "school_profiles": [f"feedback/{name}.py" for name in ("governors_page", "profile_sheets", "profiles")],
    "exports": [f"publishing/{name}.py" for name in ("export_workbook", "exporting", "suppressed_figures", "tidy")],
}


@cache
def definitions(module: str) -> dict[str, ast.AST]:
    """Name -> definition of everything that a module of the dashboards defines or imports at its top."""
    tree = ast.parse((PROJECT_DIR / f"{module.replace('.', '/')}.py").read_text(encoding="utf-8"))
    found: dict[str, ast.AST] = {}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found[node.name] = node
        elif isinstance(node, ast.Assign):
            found |= {target.id: node for target in node.targets if isinstance(target, ast.Name)}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("dashboards"):
            found |= {alias.asname or alias.name: ast.ImportFrom(node.module, [alias], 0) for alias in node.names}
    return found


def is_module(name: str) -> bool:
    return (PROJECT_DIR / f"{name.replace('.', '/')}.py").is_file()


def tables_read(module: str, roots: list[ast.AST] | None = None, seen: set | None = None) -> set[str]:
    """Tables of the snapshot that the text of these definitions (None: the whole module) and of what they call names."""
    seen = set() if seen is None else seen
    known = definitions(module)
    if roots is None:
        roots = [node for node in known.values() if not isinstance(node, ast.ImportFrom)]
    found: set[str] = set()
    for node in (part for root in roots for part in ast.walk(root)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            found |= set(re.findall(r"\bmarts\.(\w+)", node.value))
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            imported = known.get(node.value.id)
            if isinstance(imported, ast.ImportFrom):
                found |= of_name(f"{imported.module}.{imported.names[0].name}", node.attr, seen)
        elif isinstance(node, ast.Name) and node.id in known:
            imported = known[node.id]
            if not isinstance(imported, ast.ImportFrom):
                found |= of_name(module, node.id, seen)
            elif is_module(imported.module):
                found |= of_name(imported.module, imported.names[0].name, seen)
    return found


def of_name(module: str, name: str, seen: set) -> set[str]:
    if (module, name) in seen or not is_module(module) or name not in definitions(module):
        return set()
    seen.add((module, name))
    return tables_read(module, [definitions(module)[name]], seen)


def depends_on(exposure: str) -> set[str]:
    """Names of models, and `schema.table` of sources."""
    found = set()
    for reference in EXPOSURES[exposure]["depends_on"]:
        names = re.findall(r"'(\w+)'", reference)
        found.add(".".join(names))
    return found


def test_every_page_is_an_exposure_by_its_title_and_file_and_nothing_else_is_a_dashboard():
    said = {exposure["label"]: exposure["url"] for exposure in EXPOSURES.values() if exposure["type"] == "dashboard"}
    stems = {title: Path(path).stem for path, title in PAGES.items()}
    first = next(iter(stems))
    assert said == {title: "http://localhost:8501/" + ("" if title == first else stem) for title, stem in stems.items()}
    assert set(stems.values()) == {name.removesuffix("_page") for name in EXPOSURES if name.endswith("_page")}


@pytest.mark.parametrize("path", PAGES)
def test_a_page_depends_on_the_tables_that_it_and_its_frame_read(path):
    module = f"dashboards.{path.removesuffix('.py').replace('/', '.')}"
    read = tables_read(module) | tables_read("dashboards.frame")
    assert read, "nothing is found in a page's queries"
    assert depends_on(f"{Path(path).stem}_page") == {ALIASES.get(table, table) for table in read}


@pytest.mark.parametrize("exposure", GOES_OUT)
def test_what_goes_out_depends_on_what_is_read_for_it(exposure):
    texts = [(PROJECT_DIR / "pipelines" / path).read_text(encoding="utf-8") for path in GOES_OUT[exposure]]
    text = "".join(texts)
    read = set(re.findall(r"(?:FROM|JOIN) \(?((?:quality|ledger|reference)\.\w+)", text))
    read |= {ALIASES.get(table, table) for table in re.findall(r"(?:FROM|JOIN) \(?marts\.(\w+)", text)}
    if "raw_tables()" in text or "raw." in text:
        read |= {f"raw.{table}" for table in load_contract(LATEST_CONTRACT).tables}
    # what was written before is read, and is no source of what is written
    assert depends_on(exposure) == read - {"ledger.letters", "ledger.profiles"}


def test_nothing_else_is_an_exposure():
    assert {name for name in EXPOSURES if not name.endswith("_page")} == GOES_OUT.keys()


def test_the_tables_of_the_snapshot_are_models_or_said_to_be_made_of_others():
    assert {ALIASES.get(table, table) for table in ANALYSTS_TABLES} <= MODELS
