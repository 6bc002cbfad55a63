"""Draws the curves of a run of benches/run, which calls it by an environment that has matplotlib.

  plots.py target/benchmarks.json docs/plots
"""

import json
import pathlib
import sys
from statistics import median

import matplotlib

sys.dont_write_bytecode = True
from report import curves  # noqa: E402

COLOURS = ["#0072B2", "#D55E00", "#007A5A"]
# Labels in font size 10 touch if they are nearer than this part of the height.
APART = 0.055


def main(measurements, folder):
    # The same figures give the same bytes, and a text is searched and read aloud as one.
    matplotlib.use("svg")
    matplotlib.rcParams.update({"svg.hashsalt": "huixin", "svg.fonttype": "none", "axes.spines.top": False,
                                "axes.spines.right": False, "axes.grid": True, "grid.alpha": 0.3})
    folder.mkdir(parents=True, exist_ok=True)
    for row, of, parts, _ in curves(json.loads(measurements.read_text())["measured"]):
        draw(of, parts).savefig(folder / f"{row}.svg", metadata={"Date": None})


def draw(of, parts):
    from matplotlib import pyplot, ticker
    figure, axes = pyplot.subplots(figsize=(7.2, 3.6), layout="constrained")
    numbers = ticker.FuncFormatter(lambda value, _: f"{value:,.0f}")
    every = [value for points in parts.values() for values in points.values() for value in values]
    axes.set_xscale("log")
    axes.set_xticks(sorted(parts["Redis"]))
    axes.minorticks_off()
    if max(every) > 20 * min(every):
        axes.set_yscale("log")
    else:
        axes.set_ylim(0, max(every) * 1.05)
    for colour, points in zip(COLOURS, parts.values()):
        places = sorted(points)
        axes.plot(places, [median(points[place]) for place in places], "o-", color=colour, markersize=4)
        axes.fill_between(places, [min(points[place]) for place in places], [max(points[place]) for place in places],
                          color=colour, alpha=0.15, linewidth=0)
    axes.set(xlabel=of, ylabel="CPU for a message, µs")
    axes.xaxis.set_major_formatter(numbers)
    axes.yaxis.set_major_formatter(numbers)
    label(axes, parts)
    return figure


def label(axes, parts):
    """Each line at its end, one above the other where they end close together."""
    below = -1
    ends = sorted((median(points[max(points)]), name, colour) for colour, (name, points) in zip(COLOURS, parts.items()))
    for value, name, colour in ends:
        height = axes.transAxes.inverted().transform(axes.transData.transform((1, value)))[1]
        below = max(height, below + APART)
        axes.text(1.01, below, name, transform=axes.transAxes, color=colour, va="center")


if __name__ == "__main__":
    main(*map(pathlib.Path, sys.argv[1:]))
