"""Whom a school's letters go to: from the LA's own contacts alone, never from a file that a school sent."""

import re
from dataclasses import dataclass

import duckdb

from pipelines.building.model_sql import model_sql
from pipelines.settings import Settings

ALWAYS = ("SENCO", "OFFICE")
# a head is written to where the school has no return that counts, of what is for the governors, or where there is nobody else
ALSO_HEADTEACHER = frozenset({"rejected", "reminder", "second_reminder", "profile"})

_ADDRESS = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@([A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z0-9-]{2,}"
)


@dataclass(frozen=True)
class Contact:
    """A person at a school; `email` is one plain address."""

    name: str
    email: str
    role: str


def contacts_of_schools(connection: duckdb.DuckDBPyConnection) -> dict[str, list[Contact]]:
    """urn -> its contacts with a usable address, in a fixed order, each address once.

    A school that became an academy is one school with it: what is written to either goes to the contacts given under the
    academy's URN, and where there are none to those under the URN before it (GIAS's links).
    """
    rows = connection.execute(
        """
        SELECT urn, coalesce(name, ''), trim(email), upper(trim(role))
        FROM reference.contacts WHERE email IS NOT NULL ORDER BY ALL
        """
    ).fetchall()
    contacts: dict[str, dict[tuple[str, str], Contact]] = {}
    for urn, name, email, role in rows:
        if _ADDRESS.fullmatch(email) and len(email) <= 254:
            contacts.setdefault(urn, {}).setdefault((email.lower(), role), Contact(plain(name), email, role))
    given = {urn: list(of_school.values()) for urn, of_school in contacts.items()}
    for urns in _schools_of_several_urns(connection):
        newest = next((given[urn] for urn in urns if urn in given), None)
        if newest:
            given |= dict.fromkeys(urns, newest)
    return given


def _schools_of_several_urns(connection: duckdb.DuckDBPyConnection) -> list[list[str]]:
    """The URNs of each school that became an academy, the newest first."""
    rows = connection.execute(f"""
        WITH lines AS ({model_sql(None, "stg_school_lines")}),
        urns AS (
            SELECT line_urn, urn, max(close_date) AS closed_on FROM lines LEFT JOIN reference.schools USING (urn) GROUP BY ALL
            UNION ALL
            SELECT DISTINCT line_urn, line_urn, DATE 'infinity' FROM lines
        )
        SELECT list(urn ORDER BY closed_on DESC NULLS LAST, urn DESC) FROM urns GROUP BY line_urn
    """).fetchall()
    return [urns for (urns,) in rows]


def written_to(contacts: list[Contact], kind: str) -> list[Contact]:
    """Those of a school's contacts that a letter of this kind goes to, each address once."""
    roles = (*ALWAYS, "HEADTEACHER") if kind in ALSO_HEADTEACHER else ALWAYS
    chosen = [contact for contact in contacts if contact.role in roles]
    chosen = chosen or [contact for contact in contacts if contact.role == "HEADTEACHER"]
    return list({contact.email.lower(): contact for contact in chosen}.values())


def the_authority(settings: Settings) -> list[Contact]:
    """The LA itself, for what its schools are not told."""
    return [Contact(plain(settings.la_name), settings.la_email, "LA")]


def plain(text: str) -> str:
    """One line without control or invisible characters: a name can never start a header of its own.

    `=?` begins an encoded word, in which a line's end could hide.
    """
    return " ".join("".join(c if c.isprintable() else " " for c in text).replace("=?", "= ?").split())
