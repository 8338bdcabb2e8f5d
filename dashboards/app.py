"""SEN Oversight's dashboards: the frame around every page. Start it with `sen dashboard`."""

import duckdb
import streamlit as st

from dashboards import about, frame, look
from dashboards.serve import is_loopback
from dashboards.words import day

st.set_page_config(page_title="SEN Oversight", page_icon="🔎", layout="wide")


def refuse_other_addresses() -> None:
    """Stop where others could reach the pages: there is no sign-in yet, and `streamlit run` goes past the launcher."""
    if not is_loopback(st.get_option("server.address")):
        st.title("Not served here")
        st.error(
            "These pages have no sign-in yet, so they are shown on this computer alone, and this server listens on "
            "an address that others can reach. Stop it, and start the pages with `sen dashboard`."
        )
        st.stop()


def say_there_is_nothing() -> None:
    """What to do before the first snapshot."""
    st.title("Nothing has been published yet")
    st.markdown(
        "The pages show the newest published snapshot, and there is none in the data folder so far.\n\n"
        "- **To look around**, `sen demo` makes a synthetic local authority and publishes it.\n"
        "- **With your own returns**: put GIAS's `edubasealldata*.csv` into `data/reference`, the schools' returns into "
        "`data/landing`, and run `sen run`.\n\n"
        "This page shows the figures as soon as they are there: reload it."
    )
    st.stop()


def main() -> None:
    """Frame and page."""
    look.style()
    refuse_other_addresses()
    page = frame.navigate()
    try:
        cursor = frame.open_cursor()
    except duckdb.Error:
        st.title("The snapshot can't be opened")
        st.error(
            "It was published with another SEN_WAREHOUSE_KEY than the dashboards were started with: set the key that the "
            "pipeline runs with, and start them again."
        )
        st.stop()
    if cursor is None:
        say_there_is_nothing()
    masthead, links = st.container(key="masthead"), st.container(key="links", horizontal=True, gap="small")
    st.title(page.title, anchor=False)
    chosen = frame.choose(cursor)
    st.html(f'<p class="quiet standing">{about.standing(chosen)}</p>')
    published = f"published {day(chosen.published_at.date())}, {chosen.published_at:%H:%M}"
    masthead.html(look.masthead(chosen.la_name, published))
    with links:
        frame.show_links(chosen)
    with frame.shown(chosen):
        page.run()


main()
