"""Notes of contact with a school, where a person looks before ringing, and a small form for the next one."""

import getpass
from datetime import date

import streamlit as st

from dashboards import look
from dashboards.words import day, html
from pipelines.casework import add_note, notes
from pipelines.settings import get_settings

SHOWN = 8


def newest_of_schools() -> dict[str, dict]:
    """urn -> its newest note of contact."""
    newest = notes(get_settings()).unique("urn", keep="first", maintain_order=True)
    return {note["urn"]: note for note in newest.iter_rows(named=True)}


def line(note: dict) -> str:
    """One note as markup."""
    about = f"{html(note['about'])}: " if note["about"] else ""
    return f"{day(note['on_date'])}, {html(note['who'])}: {about}{html(note['agreed'])}"


def keep(urn: str) -> None:
    """What the form's button does, before the page is made anew."""
    said = {name: st.session_state[f"note_{name}"] for name in ("who", "about", "agreed")}
    try:
        add_note(get_settings(), urn, on_date=st.session_state["note_on"], **said)
    except ValueError as error:
        st.session_state["not_noted"] = str(error)


def notes_of_school(urn: str) -> None:
    """A school's notes of contact, and the form for another."""
    st.header("Contact with the school")
    kept = notes(get_settings(), urn)
    if kept.is_empty():
        st.write("No contact has been noted.")
    else:
        look.lines([line(note) for note in kept.head(SHOWN).iter_rows(named=True)])
        if len(kept) > SHOWN:
            st.caption(f"The newest {SHOWN} of {len(kept)}; `sen note` lists them all.")
    with st.expander("Note a contact"), st.form(key="contact_note", border=False, clear_on_submit=True):
        who, when = st.columns(2)
        who.text_input("Who rang or wrote", value=getpass.getuser(), key="note_who")
        when.date_input("When", value=date.today(), format="DD/MM/YYYY", key="note_on")
        st.text_input("About", key="note_about")
        st.text_area("What was agreed (name no pupil)", key="note_agreed")
        st.form_submit_button("Keep the note", on_click=keep, args=(urn,))
    if why := st.session_state.pop("not_noted", None):
        st.error(why)
