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
from MNIST.report.exploring.front import COSTS, front
from MNIST.report.exploring.goal import ACCURACY, Goal
from MNIST.report.exploring.importance import FEWEST_POINTS, FOLDS, Importance, measure_importance
from MNIST.report.exploring.networks import networks_of
from MNIST.words import counted

Columns = Mapping[str, Sequence[float | str]]

METRICS = ("loss", "accuracy", "val_loss", "val_accuracy")
DEVIATION = "val_accuracy_deviation"
CONVOLUTION = ("conv", "filters", "kernel", "pool", "stride")  # parts of the names of such parameters
FULLY_CONNECTED = ("dense", "layers", "units", "neuron", "hidden", "dropout")
MOST_PARAMETERS = 12  # in one picture
LOG_FROM = 10  # the largest cost / the smallest, from which on the axis is logarithmic
MOST_BOXES = 20  # in one panel; more numbers are drawn as a cloud
TRUST = (  # the verdict from this part of explained variance on
    (0.7, "Yes"),
    (0.3, "Roughly"),
    (-np.inf, "The blue ones, but they explain little"),
)
CHANCE = "No: chance, or too few points"  # if the interval of no parameter is above 0


def draw_scan(
    metrics: Columns, parameters: Columns, runs: Sequence[str] | None = None, goal: Goal = ACCURACY
) -> dict[str, bytes]:
    """The pictures by name, each as a PNG file's content.

    metrics: has the goal's column, and others of METRICS and COSTS; `val_accuracy_deviation` if each row is a
    mean over several seeds. Parameters with only one value are left out.
    runs: the run that each row is read from, if several rows may be from one. goal: what rows are judged by.
    """
    varying = {
        _plain(name): [_plain(value) if isinstance(value, str) else value for value in values]
        for name, values in parameters.items()
        if len(distinct(values)) > 1
    }
    networks = networks_of(parameters, len(metrics[goal.column]), runs)
    goal = replace(goal, label=_plain(goal.label))
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
    figure, axes = _figure(7, 1.6 + 0.45 * len(strongest))
    if not strongest:
        return _nothing(figure, axes, "No parameter of this scan has more than one value.")
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
    figure, axes = _figure(7, 4.5)
    shown = _finite(goal.shown(metrics))
    if not len(shown):
        return _nothing(figure, axes, _no_goal(goal))
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
    if not len(_finite(shown)):
        _nothing(figure, order, _no_goal(goal))
        return _nothing(figure, against, "")
    points = np.arange(1, len(shown) + 1)
    best = np.fmin if goal.lower else np.fmax
    order.scatter(points, shown, s=14, color=BLUE, label="combination")
    order.step(points, best.accumulate(shown), where="post", color=ORANGE, label="best so far")
    order.set(xlabel="combination, in the order asked", ylabel=goal.axis, title="Course of the scan")
    order.legend(loc="upper right" if goal.lower else "lower right")
    both = [_finite(metrics[name]) for name in ("accuracy", "val_accuracy") if name in metrics]
    if len(both) < 2 or not all(map(len, both)):
        return _nothing(figure, against, "The table has no accuracies\nof training and validation.")
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


def importance(
    metrics: Mapping[str, np.ndarray],
    parameters: Columns,
    networks: Sequence[int] | None = None,
    goal: Goal = ACCURACY,
) -> Any:
    """How much each parameter explains of validation accuracy, and how far this can be trusted.

    networks: a number for the network of each row; None if the parameters tell it.
    Sources: as in `measure_importance`.
    """
    accuracy = metrics[goal.column]
    finite = np.isfinite(accuracy)
    of_row = np.array(networks_of(parameters, len(accuracy)) if networks is None else networks)[finite]
    codes = {name: _codes(values)[finite] for name, values in parameters.items()}
    codes = {name: places for name, places in codes.items() if len(np.unique(_finite(places))) > 1}
    if reason := _no_importance(accuracy[finite], codes, len(np.unique(of_row)), goal):
        figure, axes = _figure(7, 4.5)
        return _nothing(figure, axes, reason)
    measured = measure_importance(np.column_stack(list(codes.values())), accuracy[finite], of_row)
    shown = min(len(codes), MOST_PARAMETERS)
    figure, panels = _figure(8, 3.2 + 0.4 * shown, 2, height_ratios=[0.6 + 0.4 * shown, 0.8])
    _bars(panels[0], list(codes), measured, goal)
    _trust(panels[1], measured, int(finite.sum()))
    return figure


def _codes(values: Sequence[float | str]) -> np.ndarray:
    """The place of each value in the order of values; nan where the parameter does not matter."""
    places = {value: place for place, value in enumerate(distinct(values))}
    return np.array([places.get(value, np.nan) for value in values], float)


def _no_importance(accuracy: np.ndarray, codes: Mapping[str, np.ndarray], networks: int, goal: Goal) -> str:
    if not len(accuracy):
        return _no_goal(goal)
    if not codes:
        return "No parameter of this scan has more than one value."
    few = "Too few to tell which parameters matter:"
    if len(accuracy) < FEWEST_POINTS:
        combinations = counted(len(accuracy), "combination")
        return f"{few} {combinations} with a\n{goal.label}; it takes {FEWEST_POINTS}."
    if networks < FOLDS:
        different = counted(networks, "network")
        return f"{few} {different},\nother seeds and numbers of epochs not counted; it takes {FOLDS}."
    return f"All combinations have the same {goal.label}." if np.ptp(accuracy) == 0 else ""


def _bars(axes: Any, names: Sequence[str], measured: Importance, goal: Goal) -> None:
    """A bar for each parameter with its interval, the most important on top; grey if it may be chance."""
    ranked = np.argsort(-measured.means, kind="stable")[:MOST_PARAMETERS]
    mean, (low, high) = measured.means[ranked], (ends[ranked] for ends in measured.interval())
    places = np.arange(len(ranked))
    axes.barh(places, mean, color=[BLUE if end > 0 else GREY for end in low], height=0.65)
    spread = [mean - low, high - mean]
    axes.errorbar(mean, places, xerr=spread, fmt="none", ecolor=ORANGE, elinewidth=2, capsize=4)
    for place, value, most in zip(places, mean, high, strict=True):
        text = f"{value:.2f}".replace("-0.00", "0.00")
        axes.annotate(text, (max(0, most), place), xytext=(6, 0), textcoords="offset points", va="center")
    axes.set_yticks(places, [names[number] for number in ranked])
    axes.invert_yaxis()
    axes.margins(x=0.12)
    axes.set_xlim(left=min(0, low.min() * 1.1))
    axes.axvline(0, color=GREY, lw=1)
    splits = measured.drops.shape[1]
    axes.set(
        title=f"Which parameters decide {goal.label}",
        xlabel="R² lost when the parameter's values are shuffled (line: 95 % interval for\n"
        f"all of them together, from {splits} divisions into networks seen and unseen; grey: may be chance)",
    )
    axes.spines[["top", "right"]].set_visible(False)


def _trust(axes: Any, measured: Importance, of: int) -> None:
    """One bar: the part of the variance that the forest explains on networks that it has not seen."""
    share = min(1.0, max(0.0, measured.explained))
    axes.barh(0, 1, color="#E6E6E6", height=0.6)
    axes.barh(0, share, color=GREEN, height=0.6)
    verdict = next(words for least, words in TRUST if measured.explained >= least)
    seen = f"{measured.points:,}" if measured.points == of else f"{measured.points:,} of {of:,}"
    axes.set(
        xlim=(0, 1),
        title=f"Can the bars be trusted? {CHANCE if measured.is_chance() else verdict}",
        xlabel=f"A random forest explains {share * 100:.0f} % of the variance of networks it has not seen\n"
        f"({seen} combinations, cross-validated R² {measured.explained:.2f})",
    )
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0 %", "25 %", "50 %", "75 %", "100 %"])
    axes.set_yticks([])
    axes.spines[["top", "right", "left", "bottom"]].set_visible(False)


def cost(
    metrics: Mapping[str, np.ndarray],
    parameters: Columns,
    costs: Mapping[str, np.ndarray] | None = None,
    goal: Goal = ACCURACY,
) -> Any:
    """Validation accuracy against each cost of the table, with the front: the best for each cost.

    costs: columns named as in COSTS, and perhaps DEVIATION.
    """
    shown = goal.shown(metrics)
    costs = costs or {}
    drawn = {
        name: label
        for name, label in COSTS.items()
        if name in costs and len(_finite(costs[name])) and np.ptp(_finite(costs[name])) > 0
    }
    if not len(_finite(shown)) or not drawn:
        figure, axes = _figure(7, 4.5)
        known = [COSTS[name] for name in COSTS if name in costs]
        return _nothing(figure, axes, _no_front(shown, known, goal))
    from matplotlib.figure import Figure

    figure = Figure(figsize=(max(7, 4.6 * len(drawn)), 4.8), dpi=120, layout="constrained")
    panels = figure.subplots(1, len(drawn), sharey=True, squeeze=False)[0]
    deviation = costs.get(DEVIATION) if goal.column == "val_accuracy" else None
    for axes, (name, label) in zip(panels, drawn.items(), strict=True):
        _front_panel(axes, costs[name], shown, None if deviation is None else deviation * 100, goal)
        axes.set_xlabel(label)
    panels[0].set_ylabel(goal.axis)
    panels[0].legend(loc="upper right" if goal.lower else "lower right")
    figure.suptitle("What it costs to be better")
    return figure


def _no_front(shown: np.ndarray, known: Sequence[str], goal: Goal) -> str:
    if not len(_finite(shown)):
        return _no_goal(goal)
    if not known:
        return f"The table does not say what a combination costs:\nit has no {', '.join(COSTS)}."
    return f"All combinations cost the same: {', '.join(known)}."


def _front_panel(
    axes: Any, costs: np.ndarray, shown: np.ndarray, deviation: np.ndarray | None, goal: Goal
) -> None:
    """Every point, and the front as a line with a step where a higher cost buys more."""
    from matplotlib.ticker import LogLocator, NullLocator

    places = front(costs, goal.merit(shown))
    axes.scatter(costs, shown, s=14, alpha=0.35, color=BLUE, label="combination")
    ends = [*costs[places], np.nanmax(costs[np.isfinite(costs)])]
    heights = [*shown[places], shown[places[-1]]]
    axes.step(ends, heights, where="post", color=ORANGE, label="the best for the cost")
    axes.scatter(costs[places], shown[places], s=26, color=ORANGE, zorder=3)
    if deviation is not None:
        spread = np.nan_to_num(deviation[places])
        label = "± one standard deviation of the seeds"
        axes.errorbar(
            costs[places], shown[places], yerr=spread, fmt="none", ecolor=ORANGE, capsize=3, label=label
        )
    positive = _finite(costs)[_finite(costs) > 0]
    if len(positive) == len(_finite(costs)) and positive.max() / positive.min() > LOG_FROM:
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.10g}")
        axes.tick_params("x", rotation=45)


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
    from scipy.stats import spearmanr

    x, y = np.asarray(x, float), np.asarray(y, float)
    finite = np.isfinite(x) & np.isfinite(y)
    if not finite.any() or not np.ptp(x[finite]) or not np.ptp(y[finite]):
        return float("nan")
    return float(spearmanr(x[finite], y[finite]).statistic)


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
        return _nothing(
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
    groups = [_finite(percent[[value == one for value in values]]) for one in there]
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


def distinct(values: Sequence[float | str]) -> list[float | str]:
    """The different values in order, numbers first, without those that say the parameter did not matter."""
    there = {value for value in values if matters(value)}
    return sorted(there, key=lambda value: (isinstance(value, str), value))


def matters(value: float | str) -> bool:
    """Whether the parameter matters in this row (momentum does not under Adam)."""
    return value not in ("", "any") and value == value


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


def _plain(word: str) -> str:
    """A word of the table for matplotlib: shortened, and never read as a formula."""
    return (word if len(word) <= 24 else word[:23] + "…").replace("$", r"\$")


def _label(metric: str, goal: Goal) -> str:
    if metric == goal.column != ACCURACY.column:
        return goal.label
    return metric.replace("val_", "validation\n") if metric.startswith("val_") else f"training\n{metric}"


def _arrays(columns: Columns, names: Iterable[str]) -> dict[str, np.ndarray]:
    return {name: np.asarray(columns[name], float) for name in names if name in columns}


def _judging(goal: Goal) -> tuple[str, ...]:
    """The metrics that say how good a row is."""
    return METRICS if goal.column in METRICS else (*METRICS, goal.column)


def _no_goal(goal: Goal) -> str:
    return f"No combination has a {goal.label}."


def _number(shown: float, goal: Goal) -> str:
    return goal.text(shown / 100 if goal.percent else shown)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _finite(values: np.ndarray) -> np.ndarray:
    return values[np.isfinite(values)]


def _figure(width: float, height: float, rows: int = 1, **ratios: Any) -> Any:
    """A figure and its axes, in several rows if asked for."""
    from matplotlib.figure import Figure  # not pyplot: no window system, no global state

    figure = Figure(figsize=(width, height), dpi=120, layout="constrained")
    return figure, figure.subplots(rows, **ratios)


def _nothing(figure: Any, axes: Any, reason: str) -> Any:
    axes.set_axis_off()
    axes.text(0.5, 0.5, reason, ha="center", va="center", transform=axes.transAxes)
    return figure


def _png(figure: Any) -> bytes:
    stream = io.BytesIO()
    figure.savefig(stream, format="png")
    return stream.getvalue()
