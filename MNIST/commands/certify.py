"""Prove that every engine computes the same step, from the same weights and images, in float64.

Usage:
    python MNIST certify <model-description-file> [options]
    python MNIST certify --help

Each engine computes the loss, the gradient of every weight, and the weights after one and after three
steps of the file's optimizer. The engines are Keras on each of its installed backends, the network from
scratch, and the one of PyTorch's modules. For each weight the table shows how far the engines differ, in
its gradient and after the steps, relative to its largest number; which engine is farthest from the
others; and how far finite differences of the loss are from NumPy's gradient. The exit code is 1 if engines
differ by more than 1e-9, or finite differences by more than 1e-6.

Arguments:
    <model-description-file>    a name, as optimized_model, or a path

Options:
    --data DIR     take the first images of the dataset in DIR; without it, scikit-learn's digits are used
    --batch N      images in the batch [default: 32]
    --entries N    how many entries of each weight finite differences check; 0: none [default: 3]
    --seed N       decides the initial weights, and what Dropout drops [default: 0]
"""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from MNIST.commands.values import whole_number
from MNIST.language import fill_classes, lay_out, parse_spec, read_text
from MNIST.paths import find_model_file
from MNIST.words import counted

if TYPE_CHECKING:
    from MNIST.certify.answers import Answer
    from MNIST.certify.certificate import Certificate
    from MNIST.certify.differences import Judged
    from MNIST.certify.participants import Participant

LARGEST_BATCH, MOST_ENTRIES = 10_000, 1_000
MOST_NAMES = 5  # how many differing weights the verdict names
PAGE_WIDTH = 120  # columns of the table when it is written to a file


def run(options: Mapping[str, Any]) -> int:
    """Check every value, let all engines compute, and print the table; return 1 if they do not agree."""
    file = find_model_file(options["<model-description-file>"])
    batch = whole_number(options["--batch"], "--batch", highest=LARGEST_BATCH)
    entries = whole_number(options["--entries"], "--entries", lowest=0, highest=MOST_ENTRIES)
    seed = whole_number(options["--seed"], "--seed", lowest=0)

    from MNIST import certify  # numpy, from here on
    from MNIST.data import DIGITS, class_count

    data = options["--data"]
    if data is None:
        network = lay_out(parse_spec(fill_classes(read_text(file), len(DIGITS)), str(file)))
    else:
        network = lay_out(parse_spec(read_text(file), str(file), class_count(Path(data))))

    certify.refuse_without_gradients(network, str(file))
    images, labels, source = _images(data, batch, network.classes)
    certify.refuse_single_numbers(network, len(images))
    found, missing = certify.installed()
    certify.refuse_too_large(network, len(images), len(found))
    problem = certify.pose(network, images, labels, seed)
    print(
        f"{file}: {problem.network.parameters:,} parameters, {counted(len(images), 'image')} of {source}\n",
        flush=True,
    )
    certificate = certify.certify(
        problem,
        found,
        entries=entries,
        on_answer=_Progress(found),
        on_missing=lambda participant, lack: missing.update({participant.name: lack}),
    )
    for name, lack in missing.items():
        print(f"  {name}: left out; {lack}")
    apart = _shown(certificate.losses.difference)
    print(f"\nThe loss is {certificate.loss:.6f} nats; in that, the engines lie {apart} apart.\n")
    _print_table(certificate)
    print(f"\n{_verdict(certificate)}")
    return 0 if certificate.passed else 1


class _Progress:
    """Says which engine has answered, with its versions and the time it took."""

    def __init__(self, participants: list[Any]) -> None:
        self._width = max(len(participant.name) for participant in participants)
        self._start = time.perf_counter()

    def __call__(self, participant: "Participant", answer: "Answer") -> None:
        now = time.perf_counter()
        versions = answer.version.split(" ", 1)[1].strip("()")
        print(f"  {participant.name:{self._width}}  {now - self._start:5.1f} s  {versions}", flush=True)
        self._start = now


def _images(folder: str | None, count: int, classes: int) -> tuple[Any, Any, str]:
    """The first images and labels of a dataset, and what to call it.

    Without a folder, they are digits; a network of fewer classes is asked for the remainder of a digit.
    """
    if folder is None:
        from MNIST.data.digits import make_digits

        images, labels, _, _ = make_digits()
        return images[:count], labels[:count].astype(int) % classes, "digits"
    from MNIST.data import load

    dataset = load(Path(folder))
    return dataset.train_images[:count], dataset.train_labels[:count], dataset.name


def _print_table(certificate: "Certificate") -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    judged = any(row.judged for row in certificate.rows)
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("Weight", overflow="fold")
    for heading in ("Shape", "Gradient", "After steps"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("Farthest off", overflow="fold")
    if judged:
        table.add_column("Differences", justify="right")
    for row in certificate.rows:
        farthest = max(filter(None, (row.gradient, row.weights)), key=lambda spread: spread.difference)
        table.add_row(
            row.name if row.agrees else f"✗ {row.name}",
            "×".join(map(str, row.shape)),
            _shown(row.gradient.difference) if row.gradient else "",
            _shown(row.weights.difference),
            farthest.engine if farthest.difference else "",
            *([_judgement(row.judged)] if judged else []),
            style=None if row.agrees else "bold red",
        )
    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console.width = PAGE_WIDTH
    console.print(table)


def _judgement(judged: "Judged | None") -> str:
    if judged is None:
        return ""
    return "kinks" if judged.difference is None else _shown(judged.difference)


def _shown(number: float) -> str:
    return f"{number:.1e}".replace("e-0", "e-") if number else "0"


def _verdict(certificate: "Certificate") -> str:
    """Say in a sentence or two whether the engines agree, how far they differ, and which differs where."""
    from MNIST.certify import TOLERANCE

    count, apart = len(certificate.versions), certificate.largest
    if apart.difference > TOLERANCE:
        odd = [row.name for row in certificate.rows if not row.agrees] or ["the loss"]
        return (
            f"The {count} engines do not agree: they lie {_shown(apart.difference)} apart "
            f"(tolerance {_shown(TOLERANCE)}), {apart.engine} farthest off, in {_names(odd)}."
        )
    agreed = (
        f"The {count} engines agree: loss, gradients and weights lie {_shown(apart.difference)} apart "
        f"at most (tolerance {_shown(TOLERANCE)})."
    )
    judged = any(row.judged for row in certificate.rows)
    return f"{agreed}\n{_verdict_of_differences(certificate)}" if judged else agreed


def _verdict_of_differences(certificate: "Certificate") -> str:
    """Say how far finite differences are from the gradients, and what they could not check."""
    from MNIST.certify import FINITE_DIFFERENCE_TOLERANCE

    reference, tolerance = next(iter(certificate.versions)), _shown(FINITE_DIFFERENCE_TOLERANCE)
    wrong = [
        (row.judged.difference, row.name)
        for row in certificate.rows
        if not row.agrees and row.judged and row.judged.difference is not None
    ]
    if wrong:
        difference, worst = max(wrong)
        return (
            f"But finite differences of {reference}'s loss lie {_shown(difference)} "
            f"from its gradient of {worst} (tolerance {tolerance})."
        )
    judged = {row.name: row.judged for row in certificate.rows if row.judged}
    entries, kinks = (sum(getattr(each, what) for each in judged.values()) for what in ("entries", "kinks"))
    largest = certificate.largest_judged
    if largest is None:
        return (
            f"Finite differences of {reference}'s loss could judge nothing: "
            f"a kink at each of the {kinks} entries looked at."
        )
    passed_over = f"; passed over, at a kink: {kinks}" if kinks else ""
    unjudged = [name for name, each in judged.items() if not each.entries]
    left = f"; left unjudged, all at kinks: {_names(unjudged)}" if unjudged else ""
    return (
        f"Finite differences of {reference}'s loss, at {entries} entries, "
        f"lie {_shown(largest)} from its gradients at most "
        f"(tolerance {tolerance}){passed_over}{left}."
    )


def _names(names: list[str]) -> str:
    """The first few names, and how many more there are."""
    more = len(names) - MOST_NAMES
    return ", ".join(names[:MOST_NAMES]) + (f" and {more} more" if more > 0 else "")
