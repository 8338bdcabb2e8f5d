"""Charts: one look, colours that colour-blind people can tell apart, never colour alone.

A chart has neither title nor legend of its own: `look.figure` writes both above it as text, which wraps on a telephone.
"""

import altair as alt

INK, LINE, QUIET = "#111111", "#0b5fa5", "#5c6670"
# Okabe and Ito's set, the yellow left out and the rest darkened until each has 3:1 on white
PALETTE = ["#0b5fa5", "#b34700", "#00795a", "#a3447c", "#5c6670", "#7a5c00", "#3b3b8f"]
SHAPES = {"circle": "●", "square": "■", "triangle-up": "▲", "diamond": "◆", "cross": "✚", "triangle-down": "▼"}
Key = list[tuple[str, str, str]]  # colour, shape as a character, what it stands for


def finished(chart: alt.TopLevelMixin, height: int) -> alt.TopLevelMixin:
    """A chart of the given height in pixels, as wide as its place, in the pages' look."""
    return (
        chart.properties(height=height, width="container")
        .configure_axis(labelFontSize=12, titleFontSize=12, labelColor=INK, titleColor=INK, gridColor="#e6eaee")
        .configure_view(stroke=None)
    )
