"""What a feedback workbook has beside the school's own return, so that it can be corrected and sent back as a return.

Its page of issues, its guide and the school's profile are passed over. Of its columns beside a table's own, the one with our words is passed
over, and what stands in the one for surplus cells is still surplus.
"""

from expectations.contracts import EXPLANATIONS, load_contract
from pipelines.reading.headers import folded
from pipelines.warehouse import LATEST_CONTRACT

ISSUES_SHEET = "Issues"
READ_ME_SHEET = "Read me"
PROFILE_SHEET = "Profile"
GOVERNORS_SHEET = "Governors"
NOTES_HEADER = "feedback"
SURPLUS_HEADER = "beyond the last column"

_OURS = {folded(name) for name in (ISSUES_SHEET, READ_ME_SHEET, PROFILE_SHEET, GOVERNORS_SHEET)}


def is_ours(sheet_name: str) -> bool:
    """Whether a sheet is one that we wrote for people to read."""
    return folded(sheet_name) in _OURS


def is_notes(header: str) -> bool:
    """Whether a column holds our own words about its rows."""
    return folded(header) == folded(NOTES_HEADER)


def is_surplus(header: str) -> bool:
    """Whether a column holds what stood under no header."""
    return not header or folded(header) == folded(SURPLUS_HEADER)


def sheet_names() -> tuple[str, ...]:
    """The sheets that are read: the tables of a return, and the optional sheet of explanations."""
    return (*load_contract(LATEST_CONTRACT).tables, EXPLANATIONS.name)
