"""A small LA in a warehouse of its own: schools, contacts, files, rows and issues, each put in by hand."""

from datetime import date, datetime

import pytest

from pipelines.feedback.letters import ReturnFacts
from pipelines.settings import Settings
from pipelines.terms import load_calendar
from pipelines.warehouse import warehouse

TERM = "2025-26-autumn"  # as at 5 December 2025, reminders 12 and 17 December, deadline 19 December
ON = date(2025, 12, 11)
UPN = "A801200125001"
OTHER_UPN = "H801200125002"


class SmallAuthority:
    """What a test puts into the warehouse, and what it finds in the outbox."""

    def __init__(self, settings, connection):
        self.settings = settings
        self.connection = connection

    def insert(self, table, **values):
        marks = ", ".join("?" * len(values))
        columns = ", ".join(f'"{column}"' for column in values)
        self.connection.execute(f"INSERT INTO {table} ({columns}) VALUES ({marks})", list(values.values()))

    def school(self, urn="100001", laestab="8012001", name="Oakfield Primary School", **more):
        values = {
            "la_code": "801",
            "status": "Open",
            "type_group": "Local authority maintained schools",
            "phase": "Primary",
        } | more
        self.insert("reference.schools", urn=urn, laestab=laestab, name=name, **values)
        return urn

    def contact(self, urn="100001", email="senco@oakfield.example", role="SENCO", name="Sam Senco"):
        self.insert("reference.contacts", urn=urn, name=name, email=email, role=role)

    def file(
        self, return_id="aaaaaaaa00000001", urn="100001", state="current", day=9, serial=1, file_name=None, **more
    ):
        values = {
            "file_name": file_name or f"8012001_2025-26_autumn_{serial:02d}.xlsx",
            "urn": urn,
            "laestab": "8012001",
            "term": TERM,
            "state": state,
            "format": "xlsx",
            "serial": serial,
            "received_at": datetime(2025, 12, day, 10, 30),
        } | more
        self.insert("ledger.files", file_id=return_id, **values)
        return return_id

    def state(self, return_id, state):
        self.connection.execute("UPDATE ledger.files SET state = ? WHERE file_id = ?", [state, return_id])

    def pupils(self, *rows, return_id="aaaaaaaa00000001", urn="100001"):
        """Rows of the pupils sheet: each a dict of texts as received, with its row_number."""
        self.insert(
            "raw.sheets", return_id=return_id, urn=urn, term=TERM, table_name="pupils", sheet_name="pupils",
            known=True, found=True, required=True,
        )  # fmt: skip
        for row in rows:
            cells = {f"{field}__text": text for field, text in row.items() if field not in ("row_number", "surplus")}
            self.insert(
                "raw.pupils", return_id=return_id, return_urn=urn, return_term=TERM, row_number=row["row_number"],
                surplus=row.get("surplus"), **cells,
            )  # fmt: skip

    def issue(self, rule_code="PUP07", severity="error", return_id="aaaaaaaa00000001", **more):
        values = {
            "issue_id": f"{rule_code}-{more.get('row_number')}-{more.get('field')}-{more.get('upn')}",
            "urn": "100001",
            "term": TERM,
            "table_name": "pupils",
            "field": "primary_need",
            "fields": more.get("field", "primary_need"),
            "message": "NSA (no specialist assessment) is only for pupils on SEN support.",
            "remedy": "Give the type of need from the EHC plan, or change the provision to K.",
            "costs": "nothing",
        } | more
        self.insert("quality.issues", return_id=return_id, rule_code=rule_code, severity=severity, **values)

    def quarantine(self, row_number, return_id="aaaaaaaa00000001"):
        self.insert(
            "quality.quarantined_rows", return_id=return_id, urn="100001", term=TERM, table_name="pupils",
            row_number=row_number, rule_code="PUP02", reason="PUP02",
        )  # fmt: skip

    def outbox(self, ending=""):
        root = self.settings.data_dir / "outbox"
        return sorted(path for path in root.rglob(f"*{ending}") if path.is_file())

    def letters(self, columns="kind, state"):
        return self.connection.execute(f"SELECT {columns} FROM ledger.letters ORDER BY kind, letter_id").fetchall()


@pytest.fixture
def make_settings(tmp_path):
    def make(**more):
        return Settings(
            _env_file=None,
            data_dir=tmp_path / "data",
            la_code="801",
            la_name="Westmere Council",
            la_email="sen-returns@westmere.example",
            **more,
        )

    return make


@pytest.fixture
def authority(make_settings):
    settings = make_settings()
    with warehouse(settings) as connection:
        yield SmallAuthority(settings, connection)


@pytest.fixture
def facts_of():
    def make(**more):
        values = {
            "return_id": "aaaaaaaa00000001",
            "file_name": "8012001_2025-26_autumn_01.xlsx",
            "urn": "100001",
            "laestab": "8012001",
            "school": "Oakfield Primary School",
            "term": load_calendar(Settings(_env_file=None))[TERM],
            "state": "current",
            "format": "xlsx",
            "received_at": datetime(2025, 12, 9, 10, 30),
            "next_serial": 2,
            "rows_received": 10,
            "rows_not_counted": 0,
            "current_file": None,
            "current_received_at": None,
            "current_is_newer": False,
            "replaced_file": None,
            "asked_before": False,
            "repeats_current": False,
        }
        return ReturnFacts(**values | more)

    return make
