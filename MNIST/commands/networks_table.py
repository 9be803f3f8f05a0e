"""The table of trained networks that `list` prints. What all of them agree in stands in one line above it."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple

from rich import box
from rich.table import Table
from rich.text import Text

from MNIST.report.intervals import wilson_interval
from MNIST.report.terminal.training_display import duration
from MNIST.report.terminal.whole_rows import console_of_whole_rows
from MNIST.training import Trained

NOTHING = "-"


class Column(NamedTuple):
    """A column: its heading, its text for a network, and what the networks are sorted by.

    folds: whether it may be told above the table. side: to which its texts are moved.
    """

    heading: str
    text: Callable[[Trained], str]
    key: Callable[[Trained], Any]
    folds: bool = True
    side: Literal["left", "right"] = "right"


def print_networks(networks: Sequence[Trained]) -> None:
    """Print a row for each network, in their order. A narrow terminal folds names; a pipe gets whole rows."""
    agreed = []
    table = Table(box=box.SIMPLE, pad_edge=False, padding=(0, 1, 0, 0))
    shown = []
    for column in COLUMNS.values():
        texts = {column.text(network) for network in networks}
        if column.folds and len(networks) > 1 and len(texts) == 1:
            agreed += [f"{column.heading.lower()} {text}" for text in texts if text != NOTHING]
        elif texts != {NOTHING}:
            shown.append(column)
            is_text = column.side == "left"
            table.add_column(column.heading, justify=column.side, overflow="fold", no_wrap=not is_text)
    for network in networks:
        table.add_row(*(Text(column.text(network)) for column in shown))
    console = console_of_whole_rows()
    if agreed:
        console.print(Text(f"All {len(networks):,}: {'; '.join(agreed)}"))
    console.print(table)


def validation_accuracy(network: Trained) -> float | None:
    """The accuracy on the validation images of the epoch that is kept; None if there were none."""
    return network.kept.val_accuracy if network.record.validation_images else None


def test_accuracy(network: Trained) -> float | None:
    """The accuracy on the test images; None if it was not tested."""
    return network.tested.correct / network.tested.images if network.tested else None


def _best_first(accuracy: float | None) -> float:
    return 1.0 if accuracy is None else -accuracy


def _validation_text(network: Trained) -> str:
    accuracy = validation_accuracy(network)
    return NOTHING if accuracy is None else f"{accuracy:.2%}"


def _test_text(network: Trained) -> str:
    if network.tested is None:
        return NOTHING
    low, high = wilson_interval(network.tested.correct, network.tested.images)
    return f"{test_accuracy(network):.2%} ({100 * low:.2f}–{100 * high:.2f})"


def _epochs_text(network: Trained) -> str:
    epochs, kept = network.record.epochs, network.kept.epoch
    return f"{epochs:,}" if kept == epochs else f"{kept:,} of {epochs:,}"


def _when_text(network: Trained) -> str:
    """The time of day if it was today, else the date."""
    finished = network.finished.astimezone()
    today = finished.date() == datetime.now().astimezone().date()
    return finished.strftime("%H:%M" if today else "%Y-%m-%d")


COLUMNS = {
    "name": Column("Network", lambda one: one.name, lambda one: one.name, folds=False, side="left"),
    "model": Column(
        "Model", lambda one: one.record.model_file or NOTHING, lambda one: one.record.model_file, side="left"
    ),
    "dataset": Column("Dataset", lambda one: one.record.dataset, lambda one: one.record.dataset, side="left"),
    "images": Column(
        "Images", lambda one: f"{one.record.training_images:,}", lambda one: one.record.training_images
    ),
    "parameters": Column(
        "Parameters", lambda one: f"{one.record.parameters:,}", lambda one: one.record.parameters
    ),
    "epochs": Column("Epochs", _epochs_text, lambda one: one.record.epochs),
    "validation": Column(
        "Validation", _validation_text, lambda one: _best_first(validation_accuracy(one)), folds=False
    ),
    "test": Column("Test (95 %)", _test_text, lambda one: _best_first(test_accuracy(one)), folds=False),
    "seed": Column("Seed", lambda one: str(one.record.settings.seed), lambda one: one.record.settings.seed),
    "engine": Column("Engine", lambda one: one.engine, lambda one: one.engine, side="left"),
    "when": Column("When", _when_text, lambda one: one.finished, folds=False, side="left"),
    "time": Column("Time", lambda one: duration(one.record.seconds), lambda one: one.record.seconds, False),
}
"""The columns by the names that `--sort` knows, in the table's order."""
