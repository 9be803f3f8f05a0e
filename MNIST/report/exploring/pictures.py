"""The diagnostic pictures of an exploration, drawn from its table.

A table is columns by name, with one entry for each combination: metrics (`METRICS`, a proportion or a loss,
nan if a trial failed) and parameters, numbers or words. Colours are Okabe and Ito's, for everyone to read.
"""

import io
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from MNIST.report.colours import BLUE, GREEN, GREY, ORANGE
from MNIST.report.exploring.columns import Columns, distinct, matters, shortened
from MNIST.report.exploring.figures import MOST_PARAMETERS, finite, new_figure, nothing
from MNIST.report.exploring.front import COSTS
from MNIST.report.exploring.front_picture import DEVIATION, cost
from MNIST.report.exploring.goal import ACCURACY, Goal
from MNIST.report.exploring.importance_picture import importance
from MNIST.report.exploring.networks import networks_of

METRICS = ("loss", "accuracy", "val_loss", "val_accuracy")
CONVOLUTION = ("conv", "filters", "kernel", "pool", "stride")  # parts of the names of such parameters
FULLY_CONNECTED = ("dense", "layers", "units", "neuron", "hidden", "dropout")
LONGEST_WORD = 24  # letters of a parameter or of a value
MOST_BOXES = 20  # in one panel; more numbers are drawn as a cloud


def draw_scan(
    metrics: Columns, parameters: Columns, runs: Sequence[str] | None = None, goal: Goal = ACCURACY
) -> dict[str, bytes]:
    """The pictures by name, each as a PNG file's content.

    metrics: has the goal's column, and others of METRICS and COSTS; `val_accuracy_deviation` if each row is a
    mean over several seeds. Parameters with only one value are left out.
    runs: the run that each row is read from, if several rows may be from one. goal: what rows are judged by.
    """
    several = {name: values for name, values in parameters.items() if len(distinct(values)) > 1}
    varying = {
        name: _with_plain_words(values)
        for name, values in zip(_plain([*several]), several.values(), strict=True)
    }
    networks = networks_of(parameters, len(metrics[goal.column]), runs)
    goal = replace(goal, label=_plain([goal.label])[0])
    numbers, costs = (_arrays(metrics, names) for names in (_judging(goal), (*COSTS, DEVIATION)))
    pictures = PICTURES | {
        "Importance": partial(importance, networks=networks),
        "Front": partial(cost, costs=costs),
    }
    return {name: _png(draw(numbers, varying, goal=goal)) for name, draw in pictures.items()}


def correlation(metrics: Mapping[str, np.ndarray], parameters: Columns, goal: Goal = ACCURACY) -> Any:
    """Spearman's rank correlation of each parameter with each metric; each word counts as a 0/1 parameter."""
    rows = {
        name: [rank_correlation(values, metrics[m]) for m in metrics] for name, values in _numeric(parameters)
    }
    strongest = sorted(rows, key=lambda name: -np.nanmax(np.abs([0.0, *rows[name]])))[:MOST_PARAMETERS]
    figure, axes = new_figure(7, 1.6 + 0.45 * len(strongest))
    if not strongest:
        return nothing(figure, axes, "No parameter of this scan has more than one value.")
    table = np.array([rows[name] for name in strongest])
    image = axes.imshow(table, cmap="PuOr", vmin=-1, vmax=1, aspect="auto")
    for (row, column), value in np.ndenumerate(table):
        text = "–" if np.isnan(value) else f"{value:+.2f}"
        axes.text(column, row, text, ha="center", va="center", color="white" if abs(value) > 0.6 else "black")
    axes.set_xticks(range(len(metrics)), [_label(name, goal) for name in metrics])
    axes.set_yticks(range(len(strongest)), strongest)
    axes.set_title("Rank correlation of parameters with metrics")
    figure.colorbar(image, ax=axes, label="Spearman's ρ")
    return figure


def histogram(metrics: Mapping[str, np.ndarray], parameters: Columns, goal: Goal = ACCURACY) -> Any:
    """How many combinations reached which validation accuracy."""
    figure, axes = new_figure(7, 4.5)
    shown = finite(goal.shown(metrics))
    if not len(shown):
        return nothing(figure, axes, goal.missing)
    axes.hist(shown, bins=min(40, max(5, int(len(shown) ** 0.5) * 2)), color=BLUE, edgecolor="white")
    middle, best = np.median(shown), shown[goal.merit(shown).argmax()]
    axes.axvline(middle, color=ORANGE, label=f"median {_number(middle, goal)}")
    axes.axvline(best, color=GREEN, linestyle="--", label=f"best {_number(best, goal)}")
    axes.set(xlabel=goal.axis, ylabel="combinations", title=f"{_capital(goal.label)} over the grid")
    axes.yaxis.get_major_locator().set_params(integer=True)
    axes.legend(loc="upper right" if goal.lower else "upper left")
    return figure


def training(metrics: Mapping[str, np.ndarray], parameters: Columns, goal: Goal = ACCURACY) -> Any:
    """The course of the scan, training accuracy against validation accuracy, and the training parameters."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 9), dpi=120, layout="constrained")
    halves: Any = figure.subfigures(2, 1)
    above, below = halves
    _course(above, metrics, goal)
    chosen = {
        name: values
        for name, values in parameters.items()
        if not _is_convolution(name) and not _holds(name, FULLY_CONNECTED)
    }
    _by_value(chosen, metrics, "Training", goal, below)
    return figure


def _course(figure: Any, metrics: Mapping[str, np.ndarray], goal: Goal) -> Any:
    """The points in the order asked, with the best so far; training against validation accuracy."""
    order, against = figure.subplots(1, 2)
    shown = goal.shown(metrics)
    if not len(finite(shown)):
        nothing(figure, order, goal.missing)
        return nothing(figure, against, "")
    points = np.arange(1, len(shown) + 1)
    best = np.fmin if goal.lower else np.fmax
    order.scatter(points, shown, s=14, color=BLUE, label="combination")
    order.step(points, best.accumulate(shown), where="post", color=ORANGE, label="best so far")
    order.set(xlabel="combination, in the order asked", ylabel=goal.axis, title="Course of the scan")
    order.legend(loc="upper right" if goal.lower else "lower right")
    both = [finite(metrics[name]) for name in ("accuracy", "val_accuracy") if name in metrics]
    if len(both) < 2 or not all(map(len, both)):
        return nothing(figure, against, "The table has no accuracies\nof training and validation.")
    percent, trained = metrics["val_accuracy"] * 100, metrics["accuracy"] * 100
    against.scatter(trained, percent, s=14, color=BLUE)
    ends = [np.nanmin([trained, percent]), np.nanmax([trained, percent])]
    against.plot(ends, ends, color=GREY, linestyle="--", label="equal")
    against.set(
        xlabel="training accuracy (%)", ylabel="validation accuracy (%)", title="Over- and under-fitting"
    )
    against.legend(loc="lower right")
    return figure


def convolutions(metrics: Mapping[str, np.ndarray], parameters: Columns, goal: Goal = ACCURACY) -> Any:
    """Validation accuracy at each value of the parameters of convolution and pooling."""
    chosen = {name: values for name, values in parameters.items() if _is_convolution(name)}
    return _by_value(chosen, metrics, "Convolutions", goal)


def fully_connected(metrics: Mapping[str, np.ndarray], parameters: Columns, goal: Goal = ACCURACY) -> Any:
    """Validation accuracy at each value of the parameters of the fully connected layers."""
    chosen = {
        name: values
        for name, values in parameters.items()
        if _holds(name, FULLY_CONNECTED) and not _is_convolution(name)
    }
    return _by_value(chosen, metrics, "Fully connected layers", goal)


PICTURES: dict[str, Callable[..., Any]] = {
    "Correlation": correlation,
    "Histogram": histogram,
    "Training": training,
    "Convolutions": convolutions,
    "Fully_Connected": fully_connected,
    "Importance": importance,
    "Front": cost,
}


def rank_correlation(x: Sequence[float] | np.ndarray, y: Sequence[float] | np.ndarray) -> float:
    """Spearman's ρ of the pairs in which both numbers are finite; nan if x or y is constant."""
    import pandas as pd

    pairs = pd.DataFrame({"x": x, "y": y}, dtype=float).replace([-np.inf, np.inf], np.nan)
    return float(pairs.corr(method="spearman").loc["x", "y"])


def _by_value(
    parameters: Columns, metrics: Mapping[str, np.ndarray], title: str, goal: Goal, figure: Any = None
) -> Any:
    """A panel for each parameter, a box for each value, and every point; in a new figure or the given one."""
    from matplotlib.figure import Figure

    names = list(parameters)[:MOST_PARAMETERS]
    per_row = min(4, max(1, len(names)))
    rows = -(-max(1, len(names)) // per_row)
    if figure is None:
        size = max(4.5, 3.2 * per_row), 3.6 * rows + 0.6
        figure = Figure(figsize=size, dpi=120, layout="constrained")
    panels = np.atleast_1d(figure.subplots(rows, per_row, sharey=True)).ravel()
    if not names:
        return nothing(
            figure, panels[0], f"{title}: no such parameter of this scan\nhas more than one value."
        )
    for axes, name in zip(panels, names, strict=False):
        _boxes(axes, name, parameters[name], goal.shown(metrics))
    for axes in panels[len(names) :]:
        axes.set_axis_off()
    for axes in panels[::per_row]:
        axes.set_ylabel(goal.axis)
    figure.suptitle(f"{title}: {goal.label} by value")
    return figure


def _boxes(axes: Any, name: str, values: Sequence[float | str], percent: np.ndarray) -> None:
    axes.set_xlabel(name)
    there = distinct(values)
    if len(there) > MOST_BOXES and not any(isinstance(value, str) for value in there):
        axes.scatter(values, percent, s=8, alpha=0.3, color=BLUE)
        return
    there = there[:MOST_BOXES]
    groups = [finite(percent[[value == one for value in values]]) for one in there]
    places = np.arange(len(there))
    axes.boxplot(
        groups, positions=places, widths=0.5, showfliers=False, medianprops={"color": ORANGE, "lw": 2}
    )
    for place, group in zip(places, groups, strict=True):
        jitter = np.random.default_rng(0).permutation(len(group)) / max(1, len(group) - 1) - 0.5
        beside = place + 0.36 * jitter  # side by side, in a random order
        axes.scatter(beside, group, s=8, alpha=0.3, color=BLUE, zorder=1)
    labels = [value if isinstance(value, str) else f"{value:g}" for value in there]
    crowded = sum(map(len, labels)) > 20
    axes.set_xticks(places, labels, rotation=60 if crowded else 0)


def _numeric(parameters: Columns) -> list[tuple[str, Sequence[float]]]:
    """Parameters as numbers: each word becomes a 0/1 column; if there are two words, only the second does."""
    columns: list[tuple[str, Sequence[float]]] = []
    for name, values in parameters.items():
        if not any(isinstance(value, str) for value in values):
            columns.append((name, [float(value) for value in values]))
            continue
        words = [str(value) for value in distinct(values)]
        for word in words[1:] if len(words) == 2 else words:
            column = [float(str(value) == word) if matters(value) else math.nan for value in values]
            columns.append((f"{name} = {word}", column))
    return columns


def _is_convolution(name: str) -> bool:
    return _holds(name, CONVOLUTION)


def _holds(name: str, words: Sequence[str]) -> bool:
    return any(word in name.lower() for word in words)


def _plain(words: Sequence[str]) -> list[str]:
    """Words of the table for matplotlib: shortened, still different, and never read as a formula."""
    return [word.replace("$", r"\$") for word in shortened(words, LONGEST_WORD)]


def _with_plain_words(values: Sequence[float | str]) -> list[float | str]:
    words = [value for value in distinct(values) if isinstance(value, str)]
    plain: dict[float | str, str] = dict(zip(words, _plain(words), strict=True))
    return [plain.get(value, value) for value in values]


def _label(metric: str, goal: Goal) -> str:
    if metric == goal.column != ACCURACY.column:
        return goal.label
    return metric.replace("val_", "validation\n") if metric.startswith("val_") else f"training\n{metric}"


def _arrays(columns: Columns, names: Iterable[str]) -> dict[str, np.ndarray]:
    return {name: np.asarray(columns[name], float) for name in names if name in columns}


def _judging(goal: Goal) -> tuple[str, ...]:
    """The metrics that say how good a row is."""
    return METRICS if goal.column in METRICS else (*METRICS, goal.column)


def _number(shown: float, goal: Goal) -> str:
    return goal.text(shown / 100 if goal.percent else shown)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _png(figure: Any) -> bytes:
    stream = io.BytesIO()
    figure.savefig(stream, format="png")
    return stream.getvalue()
