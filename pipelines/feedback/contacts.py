"""Whom a school's letters go to: from the LA's own contacts alone, never from a file that a school sent."""

import re
from dataclasses import dataclass

import duckdb

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
    """urn -> its contacts with a usable address, in a fixed order, each address once."""
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
    return {urn: list(of_school.values()) for urn, of_school in contacts.items()}


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
