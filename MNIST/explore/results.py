"""What an exploration leaves: results.csv, a row a grid point, and best.txt, the winner as a model file."""

import csv
import io
import time
from collections.abc import Iterable
from dataclasses import astuple, dataclass
from math import isfinite, isnan, nan
from pathlib import Path

from MNIST.errors import UsageError
from MNIST.explore.plan import Point, Value
from MNIST.explore.trials import Reading, TrialService
from MNIST.files import write_atomically
from MNIST.spec import canonical_text
from MNIST.training import EpochResult

METRICS = ("loss", "accuracy", "val_loss", "val_accuracy")
SPELLINGS = {"acc": "accuracy", "val_acc": "val_accuracy"}
BESIDES = ("round_epochs", "start", "end", "duration", "execution_time", "seconds", "run", "failure")
Table = dict[str, list[float | str]]
INTERVAL = 30  # seconds between two writings of a results file that grows


@dataclass(frozen=True)
class Candidate:
    """One distinct answer: the points that share it, and what it is."""

    points: list[Point]
    epoch: EpochResult
    seconds: float

    def value(self, name: str) -> Value | None:
        """The parameter's value; None if it does not matter here (momentum under Adam)."""
        values = {point.values[name] for point in self.points}
        return values.pop() if len(values) == 1 else None


class ResultsFile:
    """results.csv, written whole each time, but not at each epoch: rows grow with the grid."""

    def __init__(self, path: Path, service: TrialService) -> None:
        self._path = path
        self._service = service
        self._written = time.monotonic()

    def write_if_due(self) -> None:
        """Write the rows known so far, if the last writing is a while ago."""
        if time.monotonic() - self._written >= INTERVAL:
            self.write()

    def write(self) -> None:
        """Write the rows of all points whose answer is known."""
        write_atomically(self._path, results_csv(self._service), alone=True)
        self._written = time.monotonic()


def results_csv(service: TrialService) -> str:
    """The known points as CSV text, in the grid's order; what a failed trial has no number for is empty."""
    readings = [(point, service.reading(point)) for point in service.plan.points]
    rows = [_row(point, reading) for point, reading in readings if reading is not None]
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=_columns(service), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def ranked(service: TrialService) -> list[Candidate]:
    """The distinct answers, best first: by validation accuracy, then validation loss, then fewer epochs."""
    candidates: dict[tuple[str, int], Candidate] = {}
    for point in service.plan.points:
        reading = service.reading(point)
        if reading is None or reading.epoch is None or not all(map(isfinite, astuple(reading.epoch))):
            continue
        new = Candidate([], reading.epoch, reading.seconds)
        candidates.setdefault((point.run, point.epochs), new).points.append(point)
    return sorted(candidates.values(), key=lambda c: (-c.epoch.val_accuracy, c.epoch.val_loss, c.epoch.epoch))


def best_text(best: Candidate, name: str, service: TrialService) -> str:
    """The winner as a model file, with a comment that says how it came to be."""
    known = sum(service.reading(point) is not None for point in service.plan.points)
    epoch, settings = best.epoch, service.settings
    return (
        f"# The best of exploration {name}: validation accuracy {epoch.val_accuracy:.2%}, loss"
        f" {epoch.val_loss:.4f}; training accuracy {epoch.accuracy:.2%}.\n"
        f"# Chosen by validation accuracy among {known:,} of {len(service.plan.points):,} grid points.\n"
        f"# Trained on {settings.images or 'all'} images, split {settings.split:g}, seed {settings.seed},"
        f" {settings.precision}, threads {settings.threads}, {settings.engine}.\n"
        f"{canonical_text(best.points[0].spec)}"
    )


def read_results(path: Path) -> tuple[Table, Table]:
    """The metrics and the parameters of a results file, ours or plain Talos's; what is empty is nan.

    Of ours a row a distinct reading: momentum under Adam, say, makes points but no difference.

    Raises UsageError if it is no such file.
    """
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            rows = list(csv.DictReader(stream))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{path} cannot be read as a results file: {error}") from None
    names = [name for name in (rows[0] if rows else {}) if name]
    metrics = {SPELLINGS.get(name, name): name for name in names if SPELLINGS.get(name, name) in METRICS}
    if "val_accuracy" not in metrics:
        raise UsageError(f"{path} is no results file: it has no rows with a column val_accuracy or val_acc")
    parameters = [name for name in names if name not in (*metrics.values(), *BESIDES) and name[0] != "_"]
    rows = _distinct(rows, parameters)
    return (
        {metric: [_number(row[name]) for row in rows] for metric, name in metrics.items()},
        {name: _column([row[name] or "" for row in rows]) for name in parameters},
    )


def _distinct(rows: list[dict[str, str]], parameters: Iterable[str]) -> list[dict[str, str]]:
    """One row for each reading of a run: points that share it are one, and what differs in them is empty."""
    if not rows or not {"run", "round_epochs"} <= rows[0].keys():
        return rows  # plain Talos's
    readings: dict[tuple[str, str], dict[str, str]] = {}
    for row in rows:
        known = readings.setdefault((row["run"], row["round_epochs"]), row)
        readings[row["run"], row["round_epochs"]] = {
            **known,
            **{name: "" for name in parameters if known[name] != row[name]},
        }
    return list(readings.values())


def _column(words: list[str]) -> list[float | str]:
    """Numbers if every word that is there is one, an empty one being nan; else the words."""
    numbers = [_number(word) for word in words]
    is_text = any(isnan(number) and word for number, word in zip(numbers, words, strict=True))
    return list(words) if is_text else list(numbers)


def _number(word: str | None) -> float:
    try:
        return float(word or "nan")
    except ValueError:
        return nan


def _columns(service: TrialService) -> list[str]:
    parameters = service.plan.points[0].values if service.plan.points else {}
    return ["round_epochs", *METRICS, *parameters, "seconds", "run", "failure"]


def _row(point: Point, reading: Reading) -> dict[str, object]:
    metrics = {name: getattr(reading.epoch, name) for name in METRICS} if reading.epoch else {}
    return {
        "round_epochs": reading.epoch.epoch if reading.epoch else "",
        **{name: value if isfinite(value) else "" for name, value in metrics.items()},
        **point.values,
        "seconds": round(reading.seconds, 3),
        "run": point.run[:12],
        "failure": reading.failure or "",
    }
