"""The files of an exploration: results.csv, one row for each point; best.txt, the winner as a model file."""

import csv
import io
import re
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from math import isfinite, isnan
from pathlib import Path
from typing import NamedTuple

from MNIST import engines
from MNIST.errors import UsageError
from MNIST.explore import foreign
from MNIST.explore.foreign import SPELLINGS, TALOS, Roles
from MNIST.explore.plan import Plan, Point
from MNIST.explore.ranking import METRICS, Candidate, like_best, ranked
from MNIST.explore.readings import Reading, Readings
from MNIST.explore.tables import RawTable, read_table
from MNIST.files import write_atomically
from MNIST.language import canonical_text

COSTS = ("seconds", "parameters", "mflops")  # what a network costs, as METRICS say how good it is
ACCURACIES = ("accuracy", "val_accuracy")
DEVIATION = "val_accuracy_deviation"  # over the seeds, if there are several
MEASURED = (
    "round_epochs",
    "kept_epoch",
    *METRICS,
    DEVIATION,
    "like_best",
    *COSTS,
    "peak_memory_mb",
    "gradient_norm_mean",
    "gradient_norm_variance",
    "engine",
    "run",
    "failure",
)  # our columns; all others are the grid's parameters
RENAMED = "param__"  # prefix of a parameter that has the name of one of our columns; Talos uses the same
IS_INDEX = re.compile("(Unnamed: .*)?")  # pandas writes the rows' numbers without a name, and reads them so
Table = dict[str, list[float | str]]
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
        *(() if several else (DEVIATION, "like_best")),
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


def seeds_text(seeds: Sequence[int]) -> str:
    """Several seeds: "0 to 9", or each, if they do not follow one another."""
    if list(seeds) == list(range(seeds[0], seeds[0] + len(seeds))):
        return f"{seeds[0]} to {seeds[-1]}"
    return ", ".join(map(str, seeds))


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
        f" (mean of seeds {seeds_text(seeds)}, standard deviation {reading.deviation('val_accuracy'):.2%})"
        if len(seeds) > 1
        else ""
    )
    seed = f"seeds {seeds_text(seeds)}" if len(seeds) > 1 else f"seed {settings.seed}"
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
    table = read_table(path)
    roles = roles_in(table)
    if "val_accuracy" not in roles.metrics:
        raise foreign.no_metric(table)
    return columns_of(table, roles)


def roles_in(table: RawTable, metric: str | None = None) -> Roles:
    """What the columns of a table are, ours or another program's. metric: as in `foreign.roles_of`."""
    if not table.rows:
        raise UsageError(f"{table.path} is no results file: it has no rows")
    if not is_ours(table):
        return foreign.roles_of(table, metric)
    metrics = {name: name for name in table.names if name in (*METRICS, *COSTS, DEVIATION, metric)}
    others = [name for name in table.names if not IS_INDEX.fullmatch(name)]
    others = [name for name in others if name not in (*MEASURED, metric)]
    return Roles(metrics, {name.removeprefix(RENAMED): name for name in others})


def is_ours(table: RawTable) -> bool:
    """Whether `explore` has made a table."""
    return {"run", "round_epochs"} <= set(table.names)


def columns_of(table: RawTable, roles: Roles) -> Results:
    """The columns of a table by their roles; of ours, a row for each distinct reading."""
    names = [*roles.metrics.values(), *roles.parameters.values()]
    names += ["run", "round_epochs"] if is_ours(table) else []
    columns = {name: table.words(name) for name in names}
    rows = [dict(zip(columns, words, strict=True)) for words in zip(*columns.values(), strict=True)]
    if is_ours(table):
        rows = _distinct(rows, roles.parameters.values())
    metrics: dict[str, list[float]] = {
        metric: [table.number(row[name]) for row in rows] for metric, name in roles.metrics.items()
    }
    if not is_ours(table):
        metrics |= (
            foreign.as_proportions({name: metrics[name] for name in ACCURACIES if name in metrics}) or {}
        )
    return Results(
        {metric: list(numbers) for metric, numbers in metrics.items()},
        {known: _column(table, [row[name] for row in rows]) for known, name in roles.parameters.items()},
        [row["run"] for row in rows] if is_ours(table) else None,
    )


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


def _column(table: RawTable, words: list[str]) -> list[float | str]:
    """The words as numbers, empty ones as nan; but the words themselves if any of them is no number."""
    numbers = [table.number(word) for word in words]
    is_text = any(isnan(number) and word for number, word in zip(numbers, words, strict=True))
    return list(words) if is_text else list(numbers)


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
    numbers[DEVIATION] = reading.deviation("val_accuracy")
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
