"""Whom letters go to where a school has become an academy: GIAS's links say which URNs are one school."""

from datetime import date

import pytest

from pipelines.feedback import answer_schools
from pipelines.feedback.contacts import contacts_of_schools
from tests.feedback.conftest import ON, TERM, UPN

SCHOOL, ACADEMY, NEW_ACADEMY = "100001", "100009", "100005"  # each became the next


def to_all_three(address: str) -> dict[str, list[str]]:
    return {urn: [address] for urn in (SCHOOL, ACADEMY, NEW_ACADEMY)}


@pytest.fixture
def addresses(authority):
    """addresses(): urn -> the addresses that letters to it go to."""
    authority.school(SCHOOL, status="Closed", close_date=date(2019, 8, 31))
    authority.school(ACADEMY, status="Closed", close_date=date(2025, 8, 31))
    authority.school(NEW_ACADEMY)
    for urn, link_urn in ((SCHOOL, ACADEMY), (ACADEMY, NEW_ACADEMY)):
        authority.insert("reference.school_links", urn=urn, link_urn=link_urn, link_type="Successor")

    def found() -> dict[str, list[str]]:
        contacts = contacts_of_schools(authority.connection)
        return {urn: [contact.email for contact in of_school] for urn, of_school in contacts.items()}

    return found


def test_an_academy_without_contacts_is_written_to_at_those_of_the_school_before_it(authority, addresses):
    authority.contact(SCHOOL, email="first@school.example")
    assert addresses() == to_all_three("first@school.example")
    # the nearest before it, whichever URN is higher
    authority.contact(ACADEMY, email="second@school.example")
    assert addresses() == to_all_three("second@school.example")


def test_an_academys_own_contacts_come_first_and_alone_also_for_what_came_under_an_earlier_urn(authority, addresses):
    authority.contact(SCHOOL, email="first@school.example")
    authority.contact(NEW_ACADEMY, email="no address")
    assert addresses()[NEW_ACADEMY] == ["first@school.example"]
    authority.contact(NEW_ACADEMY, email="office@academy.example", role="OFFICE")
    assert addresses() == to_all_three("office@academy.example")


def test_a_school_that_merged_with_another_gives_no_contacts_to_the_one_they_became(authority, addresses):
    authority.school("100020", status="Closed")
    authority.school("100021", status="Closed")
    authority.school("100022")
    for urn in ("100020", "100021"):
        authority.insert("reference.school_links", urn=urn, link_urn="100022", link_type="Successor")
    authority.contact("100020", email="merged@school.example")
    assert addresses() == {"100020": ["merged@school.example"]}


def test_an_academys_answer_goes_to_the_contact_of_the_school_that_it_was(authority, addresses):
    authority.contact(SCHOOL, email="first@school.example")
    authority.file(urn=NEW_ACADEMY)
    authority.pupils({"row_number": 2, "upn": UPN}, urn=NEW_ACADEMY)
    authority.issue(row_number=2, urn=NEW_ACADEMY)
    answer_schools(authority.settings, authority.connection, [TERM], ON)
    assert authority.letters("urn, addresses") == [(NEW_ACADEMY, "first@school.example")]
