"""The fact behind an issue: the same school, rule, pupil and texts are the same fact in any term, and nothing else is."""

from tests.checking.received import AUTUMN, PULLED, SPRING, Received, check, open_warehouse, receive, upn


def facts(settings, *received: Received) -> dict[tuple, str]:
    """(return_id, rule_code, row_number) -> fact_id."""
    with open_warehouse() as connection:
        receive(connection, *received)
        check(settings, connection, AUTUMN, SPRING)
        return {
            (return_id, code, row): fact
            for return_id, code, row, fact in connection.sql(
                "SELECT return_id, rule_code, row_number, fact_id FROM quality.issues"
            ).fetchall()
        }


def one(urn: str, term: str, rows: list[dict], **over) -> Received:
    return Received(urn, {"pupils": rows, "plans": [{"upn": row["upn"]} for row in rows]}, term, **over)


YEAR_9 = {"upn": upn(1001), "year_group": "9"}


def test_the_same_cell_of_the_same_pupil_is_the_same_fact_in_the_next_term_on_another_row(settings):
    found = facts(
        settings,
        one("100001", AUTUMN, [YEAR_9], file_id="autumn"),
        one("100001", SPRING, [{"upn": upn(1002)}, YEAR_9], file_id="spring"),
    )
    assert found["autumn", "PUP10", 2] == found["spring", "PUP10", 3]
    assert len(found["autumn", "PUP10", 2]) == 16


def test_another_text_another_pupil_and_another_school_are_other_facts(settings):
    found = facts(
        settings,
        one("100001", AUTUMN, [YEAR_9, YEAR_9 | {"upn": upn(1002)}], file_id="autumn"),
        one("100001", SPRING, [YEAR_9 | {"year_group": "10"}, {"upn": upn(1002)}], file_id="spring"),
        one("100002", AUTUMN, [YEAR_9], file_id="another school"),
    )
    ids = [fact for (_, code, _), fact in found.items() if code == "PUP10"]
    assert len(set(ids)) == len(ids) == 4


def test_what_is_about_the_return_as_a_whole_is_a_new_fact_in_each_term(settings):
    alike = {
        "pupils": [{"upn": upn(1001 + n)} for n in range(11)],
        "plans": [{"upn": upn(1001 + n)} for n in range(11)],
    }
    found = facts(
        settings,
        Received("100001", alike, AUTUMN, file_id="autumn"),
        Received("100001", alike, SPRING, file_id="spring"),
    )
    assert found["autumn", "RET04", 2] != found["spring", "RET04", 2]


def test_a_resubmission_that_leaves_the_cell_leaves_the_fact(settings):
    found = facts(settings, one("100001", AUTUMN, [YEAR_9], file_id="first"))
    again = facts(
        settings,
        one("100001", AUTUMN, [YEAR_9], file_id="first"),
        one("100001", AUTUMN, [YEAR_9], file_id="second", file={"serial": 2, "received_at": PULLED.replace(day=20)}),
    )
    assert again["second", "PUP10", 2] == found["first", "PUP10", 2]
