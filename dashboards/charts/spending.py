"""SEN spending of each school against its notional SEN budget."""

import altair as alt
import polars as pl

from dashboards.charts import INK, LINE, Key, finished


def spending_against_budget(schools: pl.DataFrame) -> tuple[alt.TopLevelMixin, Key]:
    """A point a school, its spending against its notional budget, and the line on which both are equal; and the key."""
    most = max(schools["notional_budget"].max(), schools["expenditure"].max()) * 1.05
    money = {"format": "~s", "tickCount": 5, "domain": False, "ticks": False, "labelExpr": "'£' + datum.label"}
    scale = alt.Scale(domain=[0, most], nice=False)
    x = alt.X("notional_budget:Q", scale=scale, axis=alt.Axis(title="Notional SEN budget", **money))
    y = alt.Y("expenditure:Q", scale=scale, axis=alt.Axis(title="Spent on SEN", **money))
    ends = pl.DataFrame({"notional_budget": [0.0, most], "expenditure": [0.0, most]})
    layers = [
        alt.Chart(ends).mark_line(color=INK, strokeDash=[4, 3], strokeWidth=1.2).encode(x=x, y=y),
        alt.Chart(schools)
        .mark_point(filled=True, size=75, opacity=0.85, color=LINE)
        .encode(
            x=x,
            y=y,
            tooltip=[
                alt.Tooltip("name:N", title="School"),
                alt.Tooltip("phase:N", title="Phase"),
                alt.Tooltip("expenditure:Q", title="Spent", format=",.0f"),
                alt.Tooltip("notional_budget:Q", title="Notional budget", format=",.0f"),
                alt.Tooltip("share:Q", title="Share", format=".0%"),
                alt.Tooltip("per_pupil:Q", title="A pupil on the register", format=",.0f"),
            ],
        ),
    ]
    return finished(alt.layer(*layers), 380), [(LINE, "●", "a school"), (INK, "╌", "all of the budget spent")]
