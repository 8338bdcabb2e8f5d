"""Charts: one look, colours that colour-blind people can tell apart, never colour alone."""

import altair as alt

INK, LINE, QUIET, BAND = "#111111", "#0b5fa5", "#5c6670", "#0b5fa5"
# Okabe and Ito's set, the yellow left out (too pale on white), darkened where it would miss 3:1
PALETTE = ["#0b5fa5", "#b34700", "#00795a", "#a3447c", "#5c6670", "#7a5c00", "#111111"]
SHAPES = ["circle", "square", "triangle-up", "diamond", "cross", "triangle-down", "stroke"]


def finished(chart: alt.TopLevelMixin, title: str, subtitle: str, description: str) -> alt.TopLevelMixin:
    """A chart with its finding as the title, what it shows below, and a description for those who cannot see it."""
    return (
        chart.properties(
            title=alt.TitleParams(
                text=title,
                subtitle=subtitle,
                anchor="start",
                frame="group",
                fontSize=16,
                subtitleFontSize=13,
                color=INK,
                subtitleColor=QUIET,
                offset=12,
            ),
            description=description,
        )
        .configure_axis(labelFontSize=12, titleFontSize=12, labelColor=INK, titleColor=INK, gridColor="#e6eaee")
        .configure_legend(
            orient="bottom",
            labelFontSize=12,
            titleFontSize=12,
            labelColor=INK,
            titleColor=INK,
            columns=2,
            labelLimit=240,
        )
    )
