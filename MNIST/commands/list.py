"""List the trained networks and the explorations: what they are, and how good.

Usage:
    python MNIST list [options]
    python MNIST list --diff <model-name> <model-name>
    python MNIST list --help

A column in which all networks agree is told in one line above the table. The test accuracy is that of the
last `test`, with its 95 % interval. `prune` shows what all of it takes on the disk.

Arguments:
    <model-name>     a trained network

Options:
    --sort COLUMN    name, model, dataset, images, parameters, epochs, validation, test, seed, engine, when
                     or time. Accuracies begin with the best [default: when]
    --json           print everything as JSON, for other programs
    --diff           show where the texts and the settings of two networks differ
"""

import sys
from collections.abc import Mapping, Sequence
from difflib import ndiff
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from MNIST.commands import values
from MNIST.errors import ModelError, UsageError
from MNIST.output import print_json
from MNIST.paths import CHECKPOINTS, HYPERPARAM_SEARCH, checked_name, refuse_no_folder
from MNIST.program import program
from MNIST.words import counted

if TYPE_CHECKING:
    from MNIST.training import Trained

RESULTS = "results.csv"


def run(options: Mapping[str, Any]) -> int:
    """Print the networks that can be read, and name the others."""
    if options["--diff"]:
        first, second = (checked_name(name, "model name") for name in options["<model-name>"])
        print("\n".join(_differences(first, second)) or f"{first} and {second}: the same text and settings")
        return 0
    from MNIST.commands.networks_table import COLUMNS, print_networks

    key = COLUMNS[values.one_of(options["--sort"], "--sort", tuple(COLUMNS))].key

    from MNIST import training

    networks = []
    for name in training.trained_names():
        try:
            networks.append(training.describe(name))
        except ModelError as error:
            print(error, file=sys.stderr)
    networks.sort(key=lambda network: network.name)
    networks.sort(key=key)
    explorations = list(_explorations())
    if options["--json"]:
        found = {
            "networks": [*map(_as_json, networks)],
            "explorations": [*map(_Exploration._asdict, explorations)],
        }
        print_json(found)
        return 0
    if networks:
        print_networks(networks)
    for name, epochs in training.unfinished():
        print(
            f"{name} is not trained to its end: {counted(epochs, 'epoch')} kept. Its `train` command goes on."
        )
    _print_explorations(explorations)
    if not networks and not explorations:
        print(f"No network is trained here yet. Begin with: {program()} train --help")
    return 0


def _as_json(network: "Trained") -> dict[str, Any]:
    from MNIST.commands.networks_table import validation_accuracy

    record, tested = network.record, network.tested
    return {
        "name": network.name,
        "model": record.model_file,
        "dataset": record.dataset,
        "parameters": record.parameters,
        "training_images": record.training_images,
        "validation_images": record.validation_images,
        "epochs": record.epochs,
        "kept_epoch": network.kept.epoch,
        "validation_accuracy": validation_accuracy(network),
        "test_images": tested and tested.images,
        "test_correct": tested and tested.correct,
        "seed": record.settings.seed,
        "engine": record.settings.engine,
        "finished": network.finished.isoformat(),
        "seconds": record.seconds,
        "identity": record.identity,
    }


class _Exploration(NamedTuple):
    """An exploration: how many combinations it has answered, and the best validation accuracy."""

    name: str
    combinations: int
    validation_accuracy: float


def _explorations() -> list[_Exploration]:
    from MNIST.explore.results import read_results

    refuse_no_folder(HYPERPARAM_SEARCH)
    found = []
    for path in sorted(HYPERPARAM_SEARCH.glob(f"*/{RESULTS}")):
        name = path.parent.name
        if name == CHECKPOINTS.name:
            continue
        try:
            accuracies = read_results(path).metrics["val_accuracy"]
        except UsageError as error:
            print(error, file=sys.stderr)
            continue
        numbers = [value for value in accuracies if isinstance(value, float) and value == value]
        found.append(_Exploration(name, len(accuracies), max(numbers, default=0.0)))
    return found


def _print_explorations(explorations: Sequence[_Exploration]) -> None:
    for name, combinations, best in explorations:
        answered = counted(combinations, "distinct combination")
        folder = Path(HYPERPARAM_SEARCH, name)
        print(f"The exploration {name}: {answered}, the best with {best:.2%} of validation. See {folder}/")


def _differences(first: str, second: str) -> list[str]:
    """The lines of two networks' texts that differ, then their settings that do; empty if nothing differs."""
    from dataclasses import asdict

    from MNIST import training
    from MNIST.language.errors import dotted

    texts = [training.read_model_text(name).splitlines() for name in (first, second)]
    records = [training.read_record(name) for name in (first, second)]
    changed = [dotted(line) for line in ndiff(texts[0], texts[1]) if line[0] in "-+"]
    lines = [f"- {first}", f"+ {second}", "", *changed] if changed else []
    settings = [
        asdict(record.settings) | {"epochs": record.epochs, "batch size": record.batch_size}
        for record in records
    ]
    rows = [
        f"{name.replace('_', ' ')}: {_short(settings[0][name])}, then {_short(settings[1][name])}"
        for name in settings[0]
        if settings[0][name] != settings[1][name]
    ]
    return [*lines, *([""] if lines and rows else []), *rows]


def _short(value: object) -> str:
    """A setting as text; of a digest, the first characters."""
    text = "none" if value in ("", None) else str(value)
    return f"{text[:12]}…" if len(text) == 64 else text
