"""The files of an exploration: results.csv, one row for each point; best.txt, the winner as a model file."""

import csv
import io
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from math import isfinite, isnan
from pathlib import Path
from typing import NamedTuple

from MNIST import engines
from MNIST.errors import UsageError
from MNIST.explore.plan import Plan, Point
from MNIST.explore.ranking import METRICS, Candidate, like_best, ranked
from MNIST.explore.readings import Reading, Readings
from MNIST.files import read_whole, write_atomically
from MNIST.language import canonical_text

COSTS = ("seconds", "parameters", "mflops")  # what a network costs, as METRICS say how good it is
SPELLINGS = {"acc": "accuracy", "val_acc": "val_accuracy"}
MEASURED = (
    "round_epochs",
    "kept_epoch",
    *METRICS,
    "val_accuracy_deviation",
    "like_best",
    *COSTS,
    "peak_memory_mb",
    "gradient_norm_mean",
    "gradient_norm_variance",
    "engine",
    "run",
    "failure",
)  # our columns; all others are the grid's parameters
TALOS = ("round_epochs", "start", "end", "duration", "execution_time")  # and all names that begin with _
RENAMED = "param__"  # prefix of a parameter that has the name of one of our columns; Talos uses the same
Table = dict[str, list[float | str]]
MOST = 2**30  # bytes of a table that is read
SHORT = 12  # characters of an identity that a row shows
INTERVAL = 30  # seconds from one writing of the results file to the next, at least
PART = 50  # writing it takes at most one second of so many


class ResultsFile:
    """results.csv. It is written as a whole, and therefore not after each epoch: a grid may be large.

    points: each gets a row once its answer is known.
    """

    def __init__(self, path: Path, readings: Readings, points: Sequence[Point]) -> None:
        self.points = points
        self._path = path
        self._readings = readings
        self._written = time.monotonic()
        self._took = 0.0  # seconds, the last time

    def write_if_due(self) -> None:
        """Write the rows known so far, if it is time for it."""
        if time.monotonic() - self._written >= max(INTERVAL, PART * self._took):
            with suppress(PermissionError):  # on Windows, while a spreadsheet holds the file open
                self.write()

    def write(self) -> None:
        """Write the rows of all points whose answer is known.

        The next time is due after INTERVAL, or later if this takes long, so that it takes one second in PART.
        """
        self._written = time.monotonic()
        try:
            write_atomically(self._path, results_csv(self._readings, self.points), alone=True)
        finally:
            self._took = time.monotonic() - self._written


def results_csv(readings: Readings, points: Sequence[Point]) -> str:
    """The points whose answer is known as CSV text, in their order; a failed point has empty numbers."""
    known = [(point, reading) for point in points if (reading := readings.of(point)) is not None]
    several = len(readings.plan.seeds) > 1
    alike = (
        {id(point) for like in like_best(ranked(readings, points)) for point in like.points}
        if several
        else ()
    )
    rows = []
    for point, reading in known:
        row = _row(point, reading, readings)
        if several:
            row["like_best"] = "yes" if id(point) in alike else ""
        rows.append(row)
    dropped = {
        *(() if several else ("val_accuracy_deviation", "like_best")),
        *(() if readings.plan.may_stop else ("kept_epoch",)),
    }
    parameters = map(_column_name, points[0].values if points else ())
    before, after = MEASURED[: MEASURED.index(COSTS[0])], MEASURED[MEASURED.index(COSTS[0]) :]
    columns = [name for name in (*before, *parameters, *after) if name not in dropped]
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=columns, lineterminator="\n", extrasaction="ignore")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def is_of_another(path: Path, plan: Plan) -> bool:
    """Whether a results file is of an exploration that has no trial in common with this one."""
    try:
        runs = read_results(path).runs or []
    except UsageError:
        return False
    known = {identity[:SHORT] for identity in plan.trials}
    return bool(runs) and known.isdisjoint(word for run in runs for word in run.split())


def best_text(candidates: Sequence[Candidate], name: str, readings: Readings) -> str:
    """The first of the ranked candidates as a model file, with a comment that says how it was found."""
    best = candidates[0]
    known = sum(len(candidate.points) for candidate in candidates)
    reading, settings, seeds = (
        best.reading,
        readings.plan.trials[best.points[0].identities[0]].settings,
        readings.plan.seeds,
    )
    spread = (
        f" (mean of seeds {seeds[0]} to {seeds[-1]}, standard deviation"
        f" {reading.deviation('val_accuracy'):.2%})"
        if len(seeds) > 1
        else ""
    )
    seed = f"seeds {seeds[0]} to {seeds[-1]}" if len(seeds) > 1 else f"seed {settings.seed}"
    return (
        f"# The best of exploration {name}: validation accuracy {reading.mean('val_accuracy'):.2%}{spread},"
        f" loss {reading.mean('val_loss'):.4f}; training accuracy {reading.mean('accuracy'):.2%}.\n"
        f"# Chosen by validation accuracy among {known:,} of {len(readings.plan.points):,} combinations.\n"
        f"# Trained on {settings.split * 100:.4g} % of {settings.images or 'all'} training images; {seed},"
        f" {settings.precision}, threads {settings.threads}, {settings.engine}.\n"
        f"{canonical_text(best.points[0].spec)}"
    )


class Results(NamedTuple):
    """A results file: its metrics and parameters as columns, and the run that each row is read from.

    runs: None if the file does not say it.
    """

    metrics: Table
    parameters: Table
    runs: list[str] | None


def read_results(path: Path) -> Results:
    """Read a results file, ours or plain Talos's; empty numbers become nan.

    From our own file it returns one value for each distinct reading: points that differ only in a value
    without effect, such as the momentum under Adam, count once. In Talos's file, a column that has a twin
    named `val_…` is a metric, and no parameter. A spreadsheet may have written the file again.
    Raises UsageError if it is no such file.
    """
    try:
        text = read_whole(path, MOST).decode("utf-8-sig")
        header, *lines = csv.reader(io.StringIO(text, newline=""))
    except (OSError, ValueError, csv.Error) as error:  # ValueError: no rows, or no text
        raise UsageError(f"{path} cannot be read as a results file: {error}") from None
    names = _distinct_names(header)
    rows = [dict(zip(names, [*line, *[""] * len(names)], strict=False)) for line in lines if line]
    ours = {"run", "round_epochs"} <= set(names)
    if ours:
        metrics = {name: name for name in names if name in (*METRICS, *COSTS)}
        parameters = [name for name in names if name not in MEASURED]
    else:
        metrics = {SPELLINGS.get(name, name): name for name in names if SPELLINGS.get(name, name) in METRICS}
        twins = {twin for name in names if f"val_{name}" in names for twin in (name, f"val_{name}")}
        others = {*metrics.values(), *TALOS, *twins}
        parameters = [name for name in names if name and name not in others and not name.startswith("_")]
    if not rows or "val_accuracy" not in metrics:
        raise UsageError(f"{path} is no results file: it has no rows with a column val_accuracy or val_acc")
    rows = _distinct(rows, parameters) if ours else rows
    return Results(
        {metric: [_number(row[name]) for row in rows] for metric, name in metrics.items()},
        {name.removeprefix(RENAMED): _column([row[name] for row in rows]) for name in parameters},
        [row["run"] for row in rows] if ours else None,
    )


def _distinct_names(header: Sequence[str]) -> list[str]:
    """The names of columns; the second of one name gets a number, so that both are kept."""
    seen: Counter[str] = Counter()
    names = []
    for name in header:
        seen[name] += 1
        names.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return names


def _distinct(rows: list[dict[str, str]], parameters: Iterable[str]) -> list[dict[str, str]]:
    """One row for each distinct reading; a parameter that differs between its points is empty."""
    readings: dict[tuple[str, str], dict[str, str]] = {}
    for row in rows:
        known = readings.setdefault((row["run"], row["round_epochs"]), row)
        readings[row["run"], row["round_epochs"]] = {
            **known,
            **{name: "" for name in parameters if known[name] != row[name]},
        }
    return list(readings.values())


def _column(words: list[str]) -> list[float | str]:
    """The words as numbers, empty ones as nan; but the words themselves if any of them is no number."""
    numbers = [_number(word) for word in words]
    is_text = any(isnan(number) and word for number, word in zip(numbers, words, strict=True))
    return list(words) if is_text else list(numbers)


def _number(word: str | None) -> float:
    try:
        return float(word or "nan")
    except ValueError:
        return float("nan")


def _row(point: Point, reading: Reading, readings: Readings) -> dict[str, object]:
    network = readings.plan.network(readings.plan.trials[point.identities[0]])
    row: dict[str, object] = {
        **{_column_name(name): value for name, value in point.values.items()},
        "seconds": round(reading.seconds, 3),
        "parameters": network.parameters,
        "mflops": network.flops / 1e6,
        "engine": engines.name_of(readings.plan.settings.engine),
        "run": " ".join(identity[:SHORT] for identity in point.identities),
        "failure": reading.failure or "",
    }
    if not reading.epochs:
        return row
    numbers = {
        name: reading.mean(name) for name in (*METRICS, "gradient_norm_mean", "gradient_norm_variance")
    }
    numbers["val_accuracy_deviation"] = reading.deviation("val_accuracy")
    numbers["peak_memory_mb"] = (
        max(
            epoch.peak_memory
            for identity in point.identities
            for epoch in readings.histories[identity][: point.epochs]
        )
        / 1e6
    )
    row["round_epochs"] = reading.trained
    row["kept_epoch"] = reading.mean("epoch")
    return row | {name: value for name, value in numbers.items() if isfinite(value)}


def _column_name(parameter: str) -> str:
    collides = parameter in (*MEASURED, *TALOS, *SPELLINGS) or parameter.startswith(RENAMED)
    return RENAMED + parameter if collides else parameter
