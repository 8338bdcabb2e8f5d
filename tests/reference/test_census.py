"""School census exports of two schools, by hand; the second has the hostile values that real exports have had."""

from datetime import date

import pytest

from pipelines.reference import pull_reference
from pipelines.reference.census import census_term
from tests.reference.conftest import PULLED_AT, fault_of, rows_of

ANNA, BEN, ULN = "A801200125001", "B801200125002", "1234567890"
HEADER = (
    "pupilonrolltableid,NativeId,schoolcensustableid,upn,uniquelearnernumber,sex,enrolstatus,senprovision,ncyearactual"
)
ON_ROLL = f"""{HEADER}
1,8012001,c1,{ANNA.lower()},,F,C,k,4
2,801/2001,c1,{BEN},,M,M,S,5
3,8012002,c2,{BEN},,M,S,E,5
4,100002,c2,,{ULN},F,C,N,12
"""
NEEDS = """pupilonrolltableid,NativeId,senneedstableid,sentyperank,sentype
1,8012001,n1,1.0,NSA
3,8012002,n2,1,asd
3,8012002,n3,2,SLCN
"""
SPRING, SPRING_NEEDS = "census/2026_spring_pupilonroll.csv", "census/2026_spring_senneeds.csv"


@pytest.fixture
def put(reference):
    def write(path: str, text: str):
        (reference / path).parent.mkdir(parents=True, exist_ok=True)
        (reference / path).write_text(text)

    return write


def test_a_spring_census_is_its_pupils_and_their_needs_by_school(settled, connection, reference, put):
    put(SPRING, ON_ROLL)
    put(SPRING_NEEDS, NEEDS)
    pull_reference(settled, connection, PULLED_AT)
    term, day = "2025-26-spring", date(2026, 1, 15)
    assert rows_of(connection, "reference.census_pupils") == [
        (ULN, "100002", term, day, "12", "F", "N", "C"),
        (ANNA, "100001", term, day, "4", "F", "K", "C"),
        (BEN, "100001", term, day, "5", "M", "S", "M"),
        (BEN, "100002", term, day, "5", "M", "E", "S"),
    ]
    assert rows_of(connection, "reference.census_needs") == [
        (ANNA, "100001", term, "NSA", 1),
        (BEN, "100002", term, "ASD", 1),
        (BEN, "100002", term, "SLCN", 2),
    ]
    assert (fault_of(connection, SPRING), fault_of(connection, SPRING_NEEDS)) == (None, None)


def test_every_term_has_its_own_and_only_spring_has_needs(settled, connection, reference, put):
    put(SPRING, ON_ROLL)
    put(SPRING_NEEDS, NEEDS)
    put("census/2025_autumn_pupilonroll.csv", f"{HEADER}\n1,8012002,c1,{BEN},,M,C,E,5\n")
    pull_reference(settled, connection, PULLED_AT)
    counted = rows_of(connection, "reference.census_pupils GROUP BY census_term", "census_term, count(*)")
    assert counted == [("2025-26-autumn", 1), ("2025-26-spring", 4)]
    # ids are of an export: the first pupil of autumn is not the first of spring
    assert rows_of(connection, "reference.census_needs", "DISTINCT census_term") == [("2025-26-spring",)]


def test_the_sheet_of_schools_says_the_school_where_native_id_does_not(settled, connection, reference, put):
    put(SPRING, f"{HEADER}\n1,SCH7,c1,{ANNA},,F,C,K,4\n2,SCH8,c2,{BEN},,M,C,K,4\n3,SCH9,c3,{ULN},,M,C,K,4\n")
    put("census/2026_spring_schoolcensus.csv", "schoolcensustableid,lea,estab,urn\nc1,801,2002,\nc2,,,100001\n")
    pull_reference(settled, connection, PULLED_AT)
    assert rows_of(connection, "reference.census_pupils", "upn, urn") == [(ANNA, "100002"), (BEN, "100001")]
    assert fault_of(connection, SPRING) == "1 row of a school that is not in GIAS by NativeId"


def test_hostile_values_are_counted_by_what_is_wrong_and_name_no_pupil(settled, connection, reference, put):
    put(
        SPRING,
        f"""pupilonrolltableid,NativeId,upn,gender,senprovision,ncyearactual
1,8012001,21db2df8-fa0,M,,1
2,8012001,{ANNA},M,Q,M
3,8012001,{ANNA},M,K,2
4,SCH7,{BEN},M,K,2
,8012001,{BEN},M,K,2
""",
    )
    put(
        SPRING_NEEDS,
        """pupilonrolltableid,NativeId,sentyperank,sentype
2,8012001,1,73e987da
2,8012001,1.0,ASD
2,8012001,1,SLCN
2,8012001,first,MLD
77,8012001,1,ASD
""",
    )
    pull_reference(settled, connection, PULLED_AT)
    assert rows_of(connection, "reference.census_pupils", "upn, urn, sex, sen_provision, year_group") == [
        (ANNA, "100001", "M", None, "M")
    ]
    assert rows_of(connection, "reference.census_needs", "sen_type, rank") == [("ASD", 1), ("MLD", None)]
    assert fault_of(connection, SPRING) == (
        "1 row could not be read as a whole: row 6 (pupilonrolltableid). 1 row without a UPN or a ULN that can be read. "
        "1 row of a school that is not in GIAS by NativeId. 1 row with a SEN provision that is no code of the census. "
        "1 row repeating a pupil of the same school"
    )
    assert fault_of(connection, SPRING_NEEDS) == (
        "1 row could not be read as a whole: row 5 (sentyperank). 1 row of no pupil on roll. "
        "1 row with a type of need that is no code of the census. 1 row repeating a rank of the same pupil"
    )


@pytest.mark.parametrize(
    ("path", "text", "says"),
    [
        (
            "census/pupilonroll.csv",
            ON_ROLL,
            "does not say in its name which school census it is of: name it like '2026_spring_pupilonroll.csv'",
        ),
        (
            "census/2006_spring_pupilonroll.csv",
            ON_ROLL,
            "is of 2005-06-spring, which is not in the calendar: name it like '2026_spring_pupilonroll.csv'",
        ),
        (SPRING, "a,b\n1,2\n", "lacks the columns 'pupilonrolltableid', 'upn', 'senprovision'"),
        (SPRING_NEEDS, NEEDS, "has no file of 2025-26-spring with the pupils on roll beside it"),
    ],
)
def test_a_census_file_that_cannot_be_used_says_why(settled, connection, reference, put, path, text, says):
    put(path, text)
    assert pull_reference(settled, connection, PULLED_AT)["broken"] == [path]
    assert fault_of(connection, path) == says
    assert rows_of(connection, "reference.census_pupils") == []


def test_a_file_that_no_longer_can_be_read_leaves_the_pupils_in_use(settled, connection, reference, put):
    put(SPRING, ON_ROLL)
    pull_reference(settled, connection, PULLED_AT)
    put(SPRING, "a,b\n1,2\n")
    assert pull_reference(settled, connection, PULLED_AT)["broken"] == [SPRING]
    assert len(rows_of(connection, "reference.census_pupils")) == 4


def test_a_school_that_gias_gets_to_know_has_its_pupils(settled, connection, reference, put):
    from tests.reference.conftest import GIAS_ROWS, gias

    put(SPRING, f"{HEADER}\n1,8012003,c1,{ANNA},,F,C,K,4\n")
    pull_reference(settled, connection, PULLED_AT)
    assert rows_of(connection, "reference.census_pupils") == []
    more = gias(*GIAS_ROWS, "100003,801,Northford,2003,New School,1,Open,01-09-2025,,Primary,3,60,,Not applicable")
    (reference / "edubasealldata20260101.csv").write_bytes(more)
    pull_reference(settled, connection, PULLED_AT)
    assert rows_of(connection, "reference.census_pupils", "upn, urn") == [(ANNA, "100003")]


def test_other_parts_of_the_export_are_not_needed(settled, connection, reference, put):
    put("census/2026_spring_addressesonroll.csv", "a,b\n1,2\n")
    pull_reference(settled, connection, PULLED_AT)
    assert rows_of(connection, "ledger.reference_files WHERE kind = 'census'", "state, fault") == [("unused", None)]


@pytest.mark.parametrize(
    ("name", "term"),
    [
        ("2024_autumn_pupilonroll.csv", "2024-25-autumn"),
        ("2025_spring_senneeds.csv", "2024-25-spring"),
        ("SchoolCensus-Summer 2025_pupilonroll.csv", "2024-25-summer"),
        ("2025-26_autumn_pupilonroll.csv", "2025-26-autumn"),
        ("2025-26 Spring pupilonroll.csv", "2025-26-spring"),
        ("pupilonroll_spring.csv", None),
        ("2025_pupilonroll.csv", None),
        ("2025_spring_and_summer_pupilonroll.csv", None),
    ],
)
def test_the_name_says_the_term(name, term):
    assert census_term(name) == term


def test_of_two_schools_with_one_laestab_the_one_that_was_open_on_the_day_has_the_pupils(
    settled, connection, reference, put
):
    from tests.reference.conftest import gias

    schools = gias(
        "100001,801,Northford,2001,Hill School,2,Closed,01-09-1990,31-10-2025,Primary,3,210,,Not applicable",
        "100009,801,Northford,2001,Hill Academy,1,Open,01-11-2025,,Primary,3,210,5001,Not applicable",
    )
    (reference / "edubasealldata20260201.csv").write_bytes(schools)
    put("census/2025_autumn_pupilonroll.csv", f"{HEADER}\n1,8012001,c1,{ANNA},,F,C,K,4\n")
    put(SPRING, f"{HEADER}\n1,8012001,c1,{ANNA},,F,C,K,4\n")
    pull_reference(settled, connection, PULLED_AT)
    assert rows_of(connection, "reference.census_pupils", "census_term, urn") == [
        ("2025-26-autumn", "100001"),
        ("2025-26-spring", "100009"),
    ]
