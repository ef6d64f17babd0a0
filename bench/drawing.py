"""Draws charts as SVG; run by the peers' interpreter, which has matplotlib, never imported by the suite.

Reads a JSON list of charts on stdin, see `bench.plots.Chart`. The same charts give the same bytes.
"""

import json
import sys

import matplotlib as mpl

mpl.use("svg")

import matplotlib.pyplot as plt

# A grey that can be read on white and on black, and colours told apart by people who see few of them.
_INK = "#808080"
_COLOURS = (
    "#0f8fd0",
    "#e0791f",
    "#1fa67a",
    "#c06aa8",
    "#b09a10",
    "#d0452f",
    "#6f7fd8",
    "#5f9e30",
    "#20a0a0",
    "#a06a40",
)
_MARKERS = "osD^vPX*<>"


def main() -> None:
    mpl.rcParams.update(
        {
            # Letters stay letters: smaller, and in the reader's own font.
            "svg.hashsalt": "conexus", "svg.fonttype": "none", "font.family": "sans-serif", "font.size": 9,
            "text.color": _INK, "axes.edgecolor": _INK, "axes.labelcolor": _INK, "xtick.color": _INK, "ytick.color": _INK,
            "axes.spines.top": False, "axes.spines.right": False, "grid.color": _INK, "grid.alpha": 0.25,
            "legend.frameon": False, "legend.labelcolor": _INK,
        }
    )  # fmt: skip
    for chart in json.load(sys.stdin):
        _draw(chart)


def _draw(chart) -> None:
    figure, axes = plt.subplots(figsize=(6.4, 3.6), layout="constrained")
    for number, (label, points) in enumerate(chart["series"].items()):
        style = {"color": _COLOURS[number % len(_COLOURS)], "marker": _MARKERS[number % len(_MARKERS)]}
        line = "-" if chart["lines"] else ""
        axes.plot(*zip(*points, strict=True), linestyle=line, label=label, markersize=5, **style)
    if chart["bar"] is not None:
        axes.axhline(chart["bar"], color=_INK, linestyle="--", linewidth=1, label=chart["bar_label"])
    _scales(axes, chart)
    axes.set_title(chart["title"], fontsize=10, loc="left")
    axes.set_xlabel(f"{chart['x']}\n{chart['source']}")
    axes.set_ylabel(chart["y"])
    axes.grid(visible=True)
    figure.legend(loc="outside right upper", fontsize=8)
    # Without a date, a run that measured the same writes the same file.
    figure.savefig(chart["path"], transparent=True, metadata={"Date": None})
    plt.close(figure)


def _scales(axes, chart) -> None:
    if chart["log_x"]:
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter("{x:,.12g}")
        if chart["lines"]:
            axes.set_xticks(sorted({x for points in chart["series"].values() for x, _ in points}))
    if chart["log_y"]:
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter("{x:,.12g}")
    axes.minorticks_off()
    if chart["ticks"]:
        axes.set_xticks(range(len(chart["ticks"])), chart["ticks"], rotation=30, ha="right")
    if not chart["log_y"] and chart["from_zero"]:
        highest = max(y for points in chart["series"].values() for _, y in points)
        axes.set_ylim(0, 1.1 * max(highest, chart["bar"] or 0))


if __name__ == "__main__":
    main()
