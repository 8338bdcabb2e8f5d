"""A SEN2 Blade export of four children, by hand; ids are of the export alone."""

from datetime import date

import pytest

from pipelines.reference import pull_reference
from tests.reference.conftest import PULLED_AT, fault_of, rows_of

ANNA, BEN, ULN = "A801200125001", "B801200125002", "1234567890"
V1_3 = {
    "sen2": "NativeId,sen2tableid,lea,year,referencedate,dmo,dco,dsco\n801,1,801,2026,2026-Jan-15 00:00:00,0,0,0\n",
    "person": f"""NativeId,persontableid,surname,sex,upn,uniquelearnernumber,upnunknown
801,p1,X,F,{ANNA.lower()},,
801,p2,X,M,{BEN},,
801,p3,X,M,,{ULN},
801,p4,X,F,,,UN5
""",
    "requests": """requeststableid,persontableid,receiveddate,requestsource
r1,p1,2023-Mar-01 00:00:00,1
r2,p2,2024-Mar-01 00:00:00,1
r3,p3,2024-Mar-01 00:00:00,1
r4,p4,2024-Mar-01 00:00:00,1
""",
    "assessment": "assessmenttableid,requeststableid,week20\na1,r1,0\na2,r2,0\na3,r3,0\na4,r4,0\n",
    "namedplan": """namedplantableid,assessmenttableid,startdate,ceasedate,ceasereason
n1,a1,2023-Sep-28 00:00:00,,
n2,a2,2024-Jul-01 00:00:00,2025-Dec-31 00:00:00,2
n3,a3,2024-Jul-02 00:00:00,,
n4,a4,2024-Jul-03 00:00:00,,
""",
    "plandetail": """plandetailtableid,namedplantableid,urn,sensetting,placementrank
d1,n1,100001,,1
d2,n1,100002,,2
d3,n2,,EHE,1
d4,n3,100002,,1
d5,n4,100002,,1
""",
    "activeplans": """activeplanstableid,requeststableid,transferla,reviewmeeting,reviewoutcome,lastreview
v1,r1,N,2025-Sep-20 00:00:00,M,2025-Oct-10 00:00:00
v3,r3,N,2025-Nov-30 00:00:00,,
v4,r4,N,,,
""",
    "placementdetail": "placementdetailtableid,activeplanstableid,urn\nx1,v1,100001\n",
    "senneed": "senneedtableid,activeplanstableid,sentype,sentyperank\ns1,v1,asd,1\ns2,v1,SLCN,2.0\ns3,v3,DS,1\n",
}


@pytest.fixture
def export(reference):
    def write(folder: str, modules: dict[str, str]):
        (reference / "sen2" / folder).mkdir(parents=True, exist_ok=True)
        for name, text in modules.items():
            (reference / "sen2" / folder / f"Blade-Export_{folder}_{name}.csv").write_text(text)

    return write


def state_of(connection, folder: str) -> set[str]:
    query = "SELECT DISTINCT state FROM ledger.reference_files WHERE path LIKE ?"
    return {state for (state,) in connection.execute(query, [f"sen2/{folder}/%"]).fetchall()}


def test_the_modules_are_linked_to_the_pupil_by_upn_or_uln(settled, connection, reference, export):
    export("2026", V1_3)
    pull_reference(settled, connection, PULLED_AT)
    of = date(2026, 1, 15)
    assert rows_of(connection, "reference.sen2_plans") == [
        (ULN, date(2024, 7, 2), None, None, of),
        (ANNA, date(2023, 9, 28), None, None, of),
        (BEN, date(2024, 7, 1), date(2025, 12, 31), "2", of),
    ]
    # a plan may name two schools, or (home education) none
    assert rows_of(connection, "reference.sen2_plan_schools") == [
        (ULN, "100002", date(2024, 7, 2)),
        (ANNA, "100001", date(2023, 9, 28)),
        (ANNA, "100002", date(2023, 9, 28)),
    ]
    assert rows_of(connection, "reference.sen2_reviews") == [
        (ULN, date(2025, 11, 30), None, None, of),
        (ANNA, date(2025, 9, 20), "M", date(2025, 10, 10), of),
    ]
    assert rows_of(connection, "reference.sen2_needs") == [(ULN, "DS", 1), (ANNA, "ASD", 1), (ANNA, "SLCN", 2)]
    assert (
        fault_of(connection, "sen2/2026/Blade-Export_2026_person.csv")
        == "1 row without a UPN or a ULN that can be read"
    )
    assert fault_of(connection, "sen2/2026/Blade-Export_2026_senneed.csv") is None


def test_what_a_version_lacks_is_blank_and_no_fault(settled, connection, reference, export):
    # 1.0: gendercurrent for sex, res and wbp with the active plans, no annual review meeting and no outcome
    v1_0 = {
        **V1_3,
        "person": V1_3["person"].replace(",sex,", ",gendercurrent,"),
        "activeplans": """activeplanstableid,requeststableid,transferla,res,wbp,lastreview
v1,r1,N,N,N,2025-Oct-10 00:00:00
""",
    }
    del v1_0["senneed"], v1_0["placementdetail"]
    export("2023", v1_0)
    pull_reference(settled, connection, PULLED_AT)
    assert rows_of(connection, "reference.sen2_reviews") == [(ANNA, None, None, date(2025, 10, 10), date(2026, 1, 15))]
    assert len(rows_of(connection, "reference.sen2_plans")) == 3
    assert rows_of(connection, "reference.sen2_needs") == []
    assert state_of(connection, "2023") == {"current"}


def test_the_export_of_the_newest_reference_date_is_in_use_whatever_its_folder_is_called(
    settled, connection, reference, export
):
    export("a later year", V1_3)
    export("z earlier", {**V1_3, "sen2": V1_3["sen2"].replace("2026-Jan-15", "2025-Jan-16")})
    pull_reference(settled, connection, PULLED_AT)
    assert rows_of(connection, "reference.sen2_plans", "DISTINCT reference_date") == [(date(2026, 1, 15),)]
    assert state_of(connection, "a later year") == {"current", "unused"}
    assert state_of(connection, "z earlier") == {"older", "unused"}


@pytest.mark.parametrize(
    ("module", "text", "says"),
    [
        ("sen2", None, "is of an export without its file '..._sen2.csv', which says of which day and LA it is"),
        ("sen2", "lea,referencedate\n801,\n", "does not say the date of the export (referencedate)"),
        (
            "sen2",
            "lea,referencedate\n999,2026-Jan-15 00:00:00\n",
            "is of LA 999, and SEN_LA_CODE says that yours is 801",
        ),
        ("person", None, "is of an export without its file '..._person.csv'"),
        ("requests", "a,b\n1,2\n", "lacks the columns 'requeststableid', 'persontableid'"),
    ],
)
def test_an_export_that_cannot_be_used_leaves_the_one_before_it_in_use(
    settled, connection, reference, export, module, text, says
):
    export("2025", {**V1_3, "sen2": V1_3["sen2"].replace("2026-Jan-15", "2025-Jan-16")})
    pull_reference(settled, connection, PULLED_AT)
    spoilt = {**V1_3, module: text}
    export("2026", {name: text for name, text in spoilt.items() if text is not None})
    said = pull_reference(settled, connection, PULLED_AT)
    assert rows_of(connection, "reference.sen2_plans", "DISTINCT reference_date") == [(date(2025, 1, 16),)]
    [(path, fault)] = rows_of(
        connection, "ledger.reference_files WHERE state = 'broken' AND path LIKE 'sen2/%'", "path, fault"
    )
    assert fault == says
    assert said["broken"] == [path]


def test_rows_of_no_parent_are_counted_and_a_person_is_never_named(settled, connection, reference, export):
    spoilt = V1_3["requests"] + "r9,p9,2024-Mar-01 00:00:00,1\n"
    export("2026", {**V1_3, "requests": spoilt, "namedplan": V1_3["namedplan"].replace("2023-Sep-28", "28.9.23")})
    pull_reference(settled, connection, PULLED_AT)
    assert fault_of(connection, "sen2/2026/Blade-Export_2026_requests.csv") == "1 row belonging to no row of 'person'"
    assert fault_of(connection, "sen2/2026/Blade-Export_2026_namedplan.csv") == (
        "1 row could not be read as a whole: row 2 (startdate). 1 row without the day on which the plan began"
    )


def test_pulling_again_reads_nothing_again_and_a_removed_export_stays_in_use(settled, connection, reference, export):
    export("2026", V1_3)
    assert "sen2" in pull_reference(settled, connection, PULLED_AT)["loaded"]
    before = rows_of(connection, "ledger.reference_files")
    assert pull_reference(settled, connection, PULLED_AT)["loaded"] == []
    for path in (reference / "sen2" / "2026").iterdir():
        path.unlink()
    pull_reference(settled, connection, PULLED_AT)
    assert rows_of(connection, "ledger.reference_files") == before
    assert len(rows_of(connection, "reference.sen2_plans")) == 3


def test_new_bytes_of_one_module_are_read_with_the_others(settled, connection, reference, export):
    export("2026", V1_3)
    pull_reference(settled, connection, PULLED_AT)
    export("2026", {"senneed": "senneedtableid,activeplanstableid,sentype,sentyperank\ns1,v1,HI,1\n"})
    pull_reference(settled, connection, PULLED_AT)
    assert rows_of(connection, "reference.sen2_needs") == [(ANNA, "HI", 1)]
    states = rows_of(connection, "ledger.reference_files WHERE path LIKE '%senneed.csv'", "state", "received_at, state")
    assert states == [("current",), ("superseded",)]
