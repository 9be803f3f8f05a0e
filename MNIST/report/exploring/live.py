"""The page of an exploration: how it goes on while it runs, and its report when it is over.

Whoever explores hands in the numbers; nothing is read here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from statistics import median

from MNIST.report.exploring.influence import Influence
from MNIST.report.line_chart import Curve, LineChart, accuracy_scale, line_chart
from MNIST.report.news import News
from MNIST.report.png import data_uri
from MNIST.report.templates import fill
from MNIST.words import counted

BEST, NOW, OTHER, MIDDLE = "best", "now", "other", "middle"  # kinds of curves
ORDER = (OTHER, MIDDLE, NOW, BEST)  # in which they are drawn: the last ones lie above
LEGEND = (
    (BEST, "the best so far"),
    (NOW, "under way"),
    (OTHER, "others"),
    (MIDDLE, "the middle: half of all runs are above"),
)
FINAL_LEGEND = ((BEST, "the best"), *LEGEND[2:])
MANY = 20  # curves, which hide one another, so that the middle of them helps


@dataclass(frozen=True)
class Table:
    """head: a text for each column; rows: as many texts each, of which the first names the row."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class ExplorationView:
    """What the page shows. name: the exploration's.

    running: the trials under way. curves: of each run, validation accuracy by epoch; kinds BEST, NOW, OTHER.
    answers: how many distinct ones there are; best: the best of them, best first.
    influence: how much each parameter matters, or a sentence that says why that is not known.
    failures: a reason and what failed for it, one text each. left_out: reasons why combinations are left out.
    winner: the text of the best network, and what to do with it: a line of words and a command each.
    pictures: PNG files by name.
    """

    name: str
    news: News
    running: Table
    curves: Sequence[Curve]
    answers: int
    best: Table
    influence: Influence | str
    failures: Sequence[tuple[str, Sequence[str]]] = ()
    left_out: Sequence[str] = ()
    winner: str = ""
    next_steps: Sequence[tuple[str, str]] = ()
    pictures: Mapping[str, bytes] = field(default_factory=dict)


def live_page(view: ExplorationView) -> str:
    """The page as HTML."""
    return fill(
        "report/exploring/live.html",
        view=view,
        title=view.news.title(view.name),
        chart=_chart(view),
        best_head=f"The best {len(view.best.rows)} of {counted(view.answers, 'answer')}"
        if view.answers > len(view.best.rows)
        else f"{counted(view.answers, 'answer')}, by validation accuracy",
        pictures={name: data_uri(png) for name, png in view.pictures.items()},
    )


def _chart(view: ExplorationView) -> LineChart | None:
    middle = [Curve(MIDDLE, "the middle", _medians(view.curves))] if len(view.curves) >= MANY else []
    curves = sorted([*view.curves, *middle], key=lambda curve: ORDER.index(curve.kind))
    runs = counted(len(view.curves), "run")
    best = max((value for one in curves for _, value in one.points if value == value), default=0.0)
    return line_chart(
        "Validation accuracy by epoch",
        f"Learning curves of {runs}: validation accuracy by epoch. The highest is {best:.2%}.",
        curves,
        accuracy_scale,
        LEGEND if view.news.runs else FINAL_LEGEND,
    )


def _medians(curves: Sequence[Curve]) -> list[tuple[int, float]]:
    """The median of the curves at each epoch that at least two of them have reached."""
    values: dict[int, list[float]] = {}
    for curve in curves:
        for epoch, value in curve.points:
            if isfinite(value):
                values.setdefault(epoch, []).append(value)
    return [(epoch, median(found)) for epoch, found in sorted(values.items()) if len(found) > 1]
