"""The look of what Streamlit has no element for: tiles, ratings, lists. All text from outside goes through `html`."""

import altair as alt
import streamlit as st

from dashboards.charts import Key
from dashboards.words import RATINGS, STATUSES, Rating, html

_STYLE = """
<style>
.block-container, [data-testid="stMainBlockContainer"] { padding: 1.6rem 2.5rem 4rem; max-width: 1320px; }
[data-testid="stHeader"] { height: 0; min-height: 0; }
h2 { font-size: 1.45rem !important; padding-top: 1.2rem !important; } h3 { font-size: 1.1rem !important; }
.masthead { display: flex; flex-wrap: wrap; align-items: baseline; gap: 0.1rem 1rem; border-bottom: 3px solid #0b5fa5; padding-bottom: 0.35rem; font-size: 0.92rem; }
.masthead strong { font-size: 1.15rem; color: #0b5fa5; } .masthead .quiet { margin-left: auto; }
.st-key-links { gap: 0.1rem 0.2rem !important; }
.st-key-links [data-testid="stPageLink"] a { padding: 0.15rem 0.45rem; }
.st-key-links [data-testid="stPageLink"] p { font-weight: 600; color: #111111; font-size: 0.9rem; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.tiles { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 14.4rem), 1fr)); gap: 0.9rem; }
.tile { border: 1px solid #d5dbe1; border-top: 4px solid var(--rating, #55606b); border-radius: 6px; padding: 0.8rem 0.95rem 0.6rem;
  background: #ffffff; display: flex; flex-direction: column; gap: 0.3rem; line-height: 1.35; }
.tile h4, .card h3 { font-size: 0.98rem; font-weight: 600; margin: 0; padding: 0; line-height: 1.3; }
.tile .id { color: #55606b; font-size: 0.8rem; letter-spacing: 0.02em; }
.tile .figure { display: flex; align-items: baseline; justify-content: space-between; gap: 0.5rem; }
.tile .value { font-size: 1.9rem; font-weight: 650; font-variant-numeric: tabular-nums; line-height: 1.15; }
.tile .parts, .tile .change { font-size: 0.88rem; color: #333c45; }
.tiles.headlines { grid-template-columns: repeat(auto-fit, minmax(min(100%, 14.4rem), 1fr)); }
h1 { font-size: 2.1rem !important; padding-top: 0.6rem !important; }
.headline .value { font-size: 2.3rem; }
.rating { display: inline-flex; gap: 0.35em; align-items: baseline; font-size: 0.85rem; font-weight: 600; white-space: nowrap;
  color: var(--rating); border: 1px solid var(--rating); border-radius: 999px; padding: 0.05rem 0.6rem; background: #ffffff; }
.scale { position: relative; height: 14px; margin: 0.15rem 0; background: linear-gradient(#e1e6eb, #e1e6eb) center / 100% 4px no-repeat; }
.scale i { position: absolute; top: 4px; height: 6px; background: #8fb6d6; border-radius: 3px; min-width: 2px; }
.scale b { position: absolute; top: 2px; width: 10px; height: 10px; margin-left: -5px; border-radius: 50%; background: #0b5fa5; }
.scale u { position: absolute; top: 0; width: 2px; height: 14px; margin-left: -1px; background: #111111; }
.about { font-size: 0.86rem; border-top: 1px solid #e6eaee; padding-top: 0.3rem; margin-top: auto; }
.about summary { cursor: pointer; color: #0b5fa5; font-weight: 600; padding: 0.15rem 0; }
.about dl { margin: 0.3rem 0 0.2rem; display: grid; grid-template-columns: minmax(5.5rem, max-content) 1fr; gap: 0.2rem 0.7rem; }
.about dt { color: #55606b; } .about dd { margin: 0; overflow-wrap: anywhere; }
ul.lines.lines { list-style: none; margin: 0; padding: 0; } ul.lines.lines li { padding: 0.4rem 0; border-bottom: 1px solid #e6eaee; margin: 0; }
ul.lines.lines li:last-child { border-bottom: 0; } .quiet { color: #55606b; font-size: 0.88rem; }
.card ul { margin: 0.25rem 0 0; padding-left: 1.1rem; } .card li { margin: 0.1rem 0; font-size: 0.94rem; }
.finding { margin: 0; padding: 0; font-size: 1.02rem; font-weight: 600; line-height: 1.35; }
.subfinding { margin: 0.1rem 0 0.3rem; color: #4a545e; font-size: 0.9rem; }
.card { display: flex; gap: 0.8rem; } .card .rank { font-size: 1.25rem; font-weight: 650; color: #0b5fa5; min-width: 1.6rem; }
ul.lines.lines a { color: #0b5fa5; font-weight: 600; } .quiet.standing { margin: -0.4rem 0 0; }
.st-key-themes summary p { font-weight: 600; font-size: 1.02rem; } .st-key-themes summary p em { font-style: normal; font-weight: 400; color: #333c45; }
.legend { display: flex; flex-wrap: wrap; gap: 0.4rem 1.1rem; font-size: 0.86rem; color: #333c45; align-items: baseline; }
.plain { width: 100%; border-collapse: collapse; font-size: 0.9rem; } .plain th { text-align: left; font-weight: 600; }
.plain th, .plain td { padding: 0.3rem 0.6rem 0.3rem 0; border-bottom: 1px solid #e6eaee; vertical-align: top; }
.plain td { overflow-wrap: anywhere; }
.plain .number { text-align: right; font-variant-numeric: tabular-nums; }
[class*="st-key-ring_"] [data-testid="stPageLink"] a { background: none; padding-left: 0; }
[class*="st-key-ring_"] [data-testid="stPageLink"] p { color: #0b5fa5; font-weight: 600; font-size: 0.88rem; text-decoration: underline; }
.stApp code { color: #111111; background: #eef2f5; }
/* rows about a pupil: no button that saves them as a file */
.st-key-pupil_rows [data-testid="stElementToolbar"] { display: none; }
@media (max-width: 640px) {
  .block-container, [data-testid="stMainBlockContainer"] { padding: 1rem 1rem 3rem; }
  .masthead .quiet { margin-left: 0; }
  h1 { font-size: 1.75rem !important; }
  .tiles.headlines { grid-template-columns: 1fr 1fr; gap: 0.6rem; } .headlines .tile { padding: 0.6rem 0.7rem 0.4rem; }
  .headlines .value { font-size: 1.7rem; }
}
</style>
"""


def style() -> None:
    """Load the look; once a run."""
    st.html(_STYLE)


def masthead(la_name: str, published: str) -> str:
    """The product, whose it is, how fresh, and what may be done with it."""
    return (
        f'<div class="masthead"><strong>SEN Oversight</strong><span>{html(la_name)}, {html(published)}</span>'
        '<span class="quiet">Analysts\' own view: pseudonyms, small numbers not suppressed</span></div>'
    )


def rating(kind: Rating, *, extra: str = "") -> str:
    """A pill with shape and word in its colour."""
    return (
        f'<span class="rating" style="--rating:{kind.colour}"><span aria-hidden="true">{kind.shape}</span>'
        f"{html(kind.word + extra)}</span>"
    )


def rag(value: str | None) -> str:
    """The pill of a RAG value."""
    return rating(RATINGS.get(value, RATINGS[None]))


def legend(kinds: list[Rating], counts: dict[str, int] | None = None) -> None:
    """What the pills mean, and how many there are of each word."""
    pills = (
        f"<span>{rating(kind, extra=f' {counts[kind.word]}' if counts else '')} {html(kind.means)}</span>"
        for kind in kinds
    )
    st.html(f'<div class="legend">{"".join(pills)}</div>')


def status(value: str) -> str:
    """The pill of a return's status."""
    return rating(STATUSES[value])


def status_text(value: str) -> str:
    """Shape and word of a return's status, for a table's cell."""
    return f"{STATUSES[value].shape} {STATUSES[value].word}"


def headline(name: str, value: str, parts: str, about: str, colour: str = "#0b5fa5") -> str:
    """A tile of one large figure."""
    return (
        f'<section class="tile headline" style="--rating:{colour}" aria-label="{html(name)}"><h4>{html(name)}</h4>'
        f'<div class="figure"><span class="value">{html(value)}</span></div><div class="parts">{html(parts)}</div>{about}</section>'
    )


def tiles(parts: list[str], *, headlines: bool = False) -> None:
    """Tiles in as many columns as fit; headlines in two on a telephone."""
    st.html(f'<div class="tiles{" headlines" if headlines else ""}">{"".join(parts)}</div>')


def lines(items: list[str]) -> None:
    """A list of ready-made lines of markup."""
    st.html('<ul class="lines">' + "".join(f"<li>{item}</li>" for item in items) + "</ul>")


def figure(chart: alt.TopLevelMixin, *, title: str, subtitle: str, key: Key | None = None) -> None:
    """A chart below its finding, what it shows, and what its colours and shapes stand for."""
    words = "".join(
        f'<span><span aria-hidden="true" style="color:{colour}">{shape}</span> {html(name)}</span>'
        for colour, shape, name in key or []
    )
    st.html(
        f'<p class="finding">{html(title)}</p><p class="subfinding">{html(subtitle)}</p>'
        + (f'<div class="legend">{words}</div>' if words else "")
    )
    st.altair_chart(
        chart.properties(description=f"{title}. {subtitle}. The table on this page holds the same figures.")
    )
