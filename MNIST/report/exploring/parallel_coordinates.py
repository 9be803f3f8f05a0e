"""A web page to look at an exploration's rows and filter them: parallel coordinates.

The page contains all it needs (4.8 MB of plotly.js: plotly's Python package has no smaller bundle), and its
own policy forbids the browser to fetch anything. The best rows are a plain table below the diagram.
Source of the diagram: Inselberg, The plane with parallel coordinates, The Visual Computer 1 (1985).
"""

import json
from collections.abc import Callable, Sequence
from html import escape
from math import isfinite, nan

import numpy as np

from MNIST.report.exploring.columns import Columns, distinct, matters
from MNIST.report.exploring.goal import ACCURACY, Goal
from MNIST.report.exploring.parallel_axes import Axis, make_axis
from MNIST.report.templates import fill

TEMPLATE = "report/exploring/parallel_coordinates.html"
MOST_ROWS = 20_000
MOST_PARAMETERS = 50  # plotly draws at most 60 axes
SHOWN = 10  # rows of the table
LONGEST = 80  # text in a cell
NO_MATTER, MISSING = "any", "–"
METRICS: dict[str, tuple[str, Callable[[float], str]]] = {  # besides accuracy: on the page, and in a cell
    "val_loss": ("validation loss", "{:.4f}".format),
    "seconds": ("seconds", "{:.1f}".format),
    "parameters": ("parameters", "{:,.0f}".format),
    "mflops": ("MFLOPs", "{:.3g}".format),
}

# In pixels. On a page 1280 wide there is room for 18 axes; with more, the diagram scrolls.
CLOSEST, WIDEST, PAGE, HEIGHT = 66, 110, 1140, 520
MARGIN = {"l": 64, "r": 44, "t": 52, "b": 16}
LETTER = 6  # width of a letter

# Matplotlib's viridis, for colour-blind readers too, cut so that the best stands out on light and dark.
VIRIDIS = [
    "#440154",
    "#482878",
    "#3e4989",
    "#31688e",
    "#26828e",
    "#1f9e89",
    "#35b779",
    "#6ece58",
    "#b5de2b",
    "#fde725",
]
ON_LIGHT, ON_DARK = VIRIDIS[-2::-1], VIRIDIS[2:]


def parallel_coordinates(metrics: Columns, parameters: Columns, title: str, goal: Goal = ACCURACY) -> str:
    """An HTML page: an axis for each varying parameter or metric, a line for each row, coloured by the goal.

    metrics: has the goal's column, and any of METRICS; rows without a number there are left out.
    At most MOST_ROWS rows are shown, the best, and at most MOST_PARAMETERS parameters, the first.
    """
    rows, finite = _best_first(metrics, goal)
    accuracy = np.asarray(metrics[goal.column], float)[rows]
    columns = {name: [values[row] for row in rows] for name, values in parameters.items()}
    varying = {name: values for name, values in columns.items() if len(distinct(values)) > 1}
    grounds = {"title": title, "goal": goal, "light": ON_LIGHT, "dark": ON_DARK}
    if reason := _nothing(accuracy, varying, goal):
        return fill(TEMPLATE, **grounds, nothing=reason)
    shown = dict(list(varying.items())[:MOST_PARAMETERS])
    others = [name for name in METRICS if name in metrics and name != goal.column]
    numbers = {name: _numbers(metrics[name], rows) for name in others}
    numbers = {name: values for name, values in numbers.items() if len(distinct(values)) > 1}
    left_out = len(metrics[goal.column]) - finite
    notes = [
        f"Rows without a {goal.label} are left out: {left_out:,}." if left_out else "",
        f"Shown are the best {len(rows):,} of {finite:,} rows." if finite > len(rows) else "",
        f"Shown are the first {len(shown)} of {len(varying)} parameters." if shown != varying else "",
        _the_same(columns),
    ]
    return fill(
        TEMPLATE,
        **grounds,
        **_diagram(shown, accuracy, numbers, goal),
        **_table(shown, accuracy, numbers, goal),
        notes=[note for note in notes if note],
        nothing="",
    )


def _best_first(metrics: Columns, goal: Goal) -> tuple[np.ndarray, int]:
    """The rows to show, ordered by the goal, then loss; and how many rows have a number there."""
    accuracy = goal.merit(np.asarray(metrics[goal.column], float))
    loss = np.asarray(metrics.get("val_loss", np.zeros(len(accuracy))), float)
    finite = np.flatnonzero(np.isfinite(accuracy))
    order = np.lexsort((loss[finite], -accuracy[finite]))  # nan comes last
    return finite[order][:MOST_ROWS], len(finite)


def _nothing(accuracy: np.ndarray, varying: Columns, goal: Goal) -> str:
    if not len(accuracy):
        return f"No row has a {goal.label}"
    if not varying:
        return "No parameter has more than one value"
    return f"All rows have the same {goal.label}" if np.ptp(accuracy) == 0 else ""


def _numbers(values: Sequence[float | str], rows: np.ndarray) -> list[float | str]:
    """The metric of these rows, with nan for values that are not finite."""
    return [number if isfinite(number) else nan for number in (float(values[row]) for row in rows)]


def _diagram(parameters: Columns, accuracy: np.ndarray, numbers: Columns, goal: Goal) -> dict[str, object]:
    """The values for the diagram: the colours' meaning, and the lines."""
    count = len(parameters) + 1 + len(numbers)
    apart = min(WIDEST, max(CLOSEST, PAGE // (count - 1)))
    length = int((apart - 12) / LETTER)  # of a tick
    axes = [make_axis(name, values, NO_MATTER, length) for name, values in parameters.items()]
    shown = goal.shown({goal.column: accuracy}).tolist()
    axes.append(make_axis(goal.label, shown, MISSING, length, percent=goal.percent))
    axes += [make_axis(METRICS[name][0], values, MISSING, length) for name, values in numbers.items()]
    merit = goal.merit(accuracy)
    best = float(merit.max())
    worst = min(float(np.percentile(merit, 10)), float(merit[merit < best].max()))
    return {
        "worst": goal.text(float(goal.merit(worst))),
        "best": goal.text(float(goal.merit(best))),
        "width": apart * (len(axes) - 1) + MARGIN["l"] + MARGIN["r"],
        "lines": _lines(axes, merit, (worst, best), int((apart - 6) / LETTER)),
    }


def _lines(axes: Sequence[Axis], accuracy: np.ndarray, colours: tuple[float, float], length: int) -> str:
    """plotly's diagram, with plotly itself, as HTML."""
    from plotly.graph_objects import Figure, Parcoords
    from plotly.io import to_html

    worst, best = colours
    lines = Parcoords(
        line={
            "color": accuracy.astype(np.float32),
            "colorscale": _scale(ON_LIGHT),
            "cmin": worst,
            "cmax": best,
        },
        dimensions=[
            {
                "label": _label(axis.label, length),
                "values": axis.positions.astype(np.float32),
                "range": axis.ends,
                "tickvals": [place for place, _ in axis.ticks],
                "ticktext": [text for _, text in axis.ticks],
            }
            for axis in axes
        ],
        unselected={"line": {"color": "#a0a0a0", "opacity": min(0.4, max(0.03, 20 / len(accuracy)))}},
        labelfont={"size": 11.5},
        tickfont={"size": 11},
    )
    layout = {"template": "none", "height": HEIGHT, "margin": MARGIN, "paper_bgcolor": "rgba(0,0,0,0)"}
    return to_html(
        Figure(lines, layout),
        config={"displayModeBar": False, "responsive": True},
        full_html=False,
        div_id="lines",
        default_height=f"{HEIGHT}px",
        post_script=COLOURS % (json.dumps(_scale(ON_DARK)), json.dumps(_scale(ON_LIGHT))),
    )


COLOURS = """
const dark = matchMedia("(prefers-color-scheme: dark)");
const colour = () => Plotly.restyle("lines", {"line.colorscale": [dark.matches ? %s : %s]});
dark.addEventListener("change", colour);
if (dark.matches) colour();
"""


def _scale(colours: Sequence[str]) -> list[tuple[float, str]]:
    return [(place / (len(colours) - 1), colour) for place, colour in enumerate(colours)]


def _label(name: str, length: int) -> str:
    """A name in at most two lines, in plotly's own markup."""
    if " " in name and len(name) > length:
        lines = name.split(" ", 1)
    else:
        lines = [name[start : start + length] for start in range(0, len(name), length)]
    if len(lines) > 2 or len(lines[-1]) > length:
        lines = [lines[0][:length], lines[1][: length - 1] + "…"]
    return "<br>".join(escape(line, quote=False).replace("$", "&#36;") for line in lines)  # no formula


def _the_same(columns: Columns) -> str:
    """A sentence about the parameters that have only one value."""
    constant = {name: distinct(values) for name, values in columns.items() if len(distinct(values)) == 1}
    listed = ", ".join(f"{_cut(name)} = {_cell(one)}" for name, (one,) in constant.items())
    return f"The same in all rows: {listed}." if listed else ""


def _table(parameters: Columns, accuracy: np.ndarray, numbers: Columns, goal: Goal) -> dict[str, object]:
    """The best rows with all their values."""
    columns: dict[str, list[str]] = {goal.label: [goal.text(value) for value in accuracy[:SHOWN]]}
    for metric, values in numbers.items():
        label, text = METRICS[metric]
        columns[label] = [text(value) if matters(value) else MISSING for value in map(float, values[:SHOWN])]
    cells = [*columns.values(), *(list(map(_cell, values[:SHOWN])) for values in parameters.values())]
    rows = [(str(place), *row) for place, row in enumerate(zip(*cells, strict=True), 1)]
    return {"head": [_cut(name) for name in ("#", *columns, *parameters)], "rows": rows}


def _cell(value: float | str) -> str:
    if not matters(value):
        return NO_MATTER
    return _cut(value if isinstance(value, str) else f"{value:.6g}")


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
