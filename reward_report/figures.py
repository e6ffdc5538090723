"""The look of plots: one size that is readable in two columns of a laptop's page and in one of a phone's.

Plots have no ground of their own: a page shows them on its own, light or dark. Not for what is drawn.
"""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

WIDTH_IN, HEIGHT_IN = 5.6, 3.7
"""Of a plot. Shown 615 px wide on a laptop and 358 px wide on a phone, its text is 17 and 10 px high."""

DPI = 160

BLUE, ORANGE, GREEN, PURPLE, RED, SKY, BROWN, GREY = (
    "#0072b2",
    "#e07b00",
    "#009e73",
    "#b0529a",
    "#d03b2f",
    "#56b4e9",
    "#8c6d1f",
    "#7a828a",
)
"""Told apart by readers who do not tell red from green: Okabe and Ito's set (https://jfly.uni-koeln.de/color/),
with an orange and a purple that are darker and with brown and grey."""

LEAST_TO_MOST = LinearSegmentedColormap.from_list(
    "least to most", mpl.colormaps["plasma"](np.linspace(0.8, 0.0, 64))
)
"""Orange to dark blue: without the light end that is not seen on a light page, or dark on a dark one."""

look = mpl.rc_context(
    {
        "font.size": 11,
        "axes.titlesize": 11,
        "axes.labelsize": 11,
        "xtick.labelsize": 10,
        "ytick.labelsize": 10,
        "legend.fontsize": 10,
        "legend.frameon": False,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "axes.axisbelow": True,
        "grid.alpha": 0.3,
        "grid.linewidth": 0.6,
        "lines.linewidth": 1.8,
    }
)
"""Decorates a function that draws."""


def new_figure(height_in: float = HEIGHT_IN) -> Figure:
    """An empty plot, whose parts make room for each other."""
    return Figure(figsize=(WIDTH_IN, height_in), dpi=DPI, layout="constrained")


def legend_below(figure: Figure, columns: int, marker_scale: float = 1.0) -> None:
    """Names what is drawn below all of it, where it hides nothing."""
    figure.legend(loc="outside lower center", ncols=columns, markerscale=marker_scale)
