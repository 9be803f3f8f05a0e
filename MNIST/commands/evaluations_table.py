"""What `test` prints about the networks that it has asked: a table, and a few lines around it."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from MNIST.words import counted

if TYPE_CHECKING:
    from MNIST.report.testing.comparison import Evaluation

MOST_LINES = 5  # about families, and about pairs of them; if there are more, the report alone has them


@contextmanager
def progress_of(names: Sequence[str]) -> Iterator[Iterator[str]]:
    """Give the names in turn; meanwhile a bar on stderr shows how far they are, if it is a terminal."""
    if not sys.stderr.isatty() or len(names) < 2:
        yield iter(names)
        return
    from rich import progress as rich_progress
    from rich.console import Console

    columns = (
        rich_progress.TextColumn("asking"),
        rich_progress.BarColumn(),
        rich_progress.MofNCompleteColumn(),
        rich_progress.TextColumn("{task.description}"),
    )
    with rich_progress.Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=len(names))

        def shown() -> Iterator[str]:
            for done, name in enumerate(names):
                bar.update(task, completed=done, description=name)
                yield name

        yield shown()


def print_evaluations(evaluations: "Sequence[Evaluation]", dataset_name: str, engine: str | None) -> None:
    """Print the table. engine: the one that computed all answers; None if each network's own did.

    Of many networks the table comes last, because it is what should stay on the screen.
    """
    from MNIST.report.testing.comparison import FEW

    if len(evaluations) > FEW:
        _print_families(evaluations)
        _print_identical(evaluations)
        _print_ignorant(evaluations)
        _print_standing(evaluations)
        _print_table(evaluations, dataset_name, engine)
    else:
        _print_table(evaluations, dataset_name, engine)
        _print_families(evaluations)
        _print_identical(evaluations)
        print()
        _print_ignorant(evaluations)
        _print_surest_errors(evaluations)


def _print_table(evaluations: "Sequence[Evaluation]", dataset_name: str, engine: str | None) -> None:
    from rich import box
    from rich.table import Table

    from MNIST.report.terminal.whole_rows import console_of_whole_rows
    from MNIST.report.testing.comparison import FEW

    best = min(evaluation.errors for evaluation in evaluations)
    narrow: Any = {"box": box.SIMPLE, "pad_edge": False, "padding": (0, 1, 0, 0)}
    by = f", computed by {engine}" if engine else ""
    table = Table(
        title=f"{counted(evaluations[0].images, f'{evaluations[0].on} image')} of {dataset_name}{by}",
        title_justify="left",
        **(narrow if len(evaluations) > FEW else {}),  # so that each network has one line
    )
    several = len({evaluation.engine for evaluation in evaluations}) > 1
    for heading in ("Network", *(["Engine"] if several else [])):
        table.add_column(heading, overflow="fold")
    for heading in ("Accuracy", "95 % interval", "Errors", "Loss", "Parameters"):
        table.add_column(heading, justify="right", no_wrap=True)
    for evaluation in evaluations:
        low, high = evaluation.interval
        table.add_row(
            evaluation.name,
            *([evaluation.engine] if several else []),
            f"{evaluation.accuracy:.2%}",
            f"{100 * low:.2f} to {high:.2%}",
            f"{evaluation.errors:,}",
            f"{evaluation.loss:.4f}",
            f"{evaluation.parameters:,}",
            style="bold" if evaluation.errors == best and len(evaluations) > 1 else None,
        )
    console_of_whole_rows().print(table)


def _print_families(evaluations: "Sequence[Evaluation]") -> None:
    """Print what networks that differ in their seed alone reach together, and how such families compare."""
    from MNIST.report.testing.families import compare_families, families, summary

    found = families(evaluations)
    if len(found) > MOST_LINES:
        print(f"{len(found)} texts were trained under several seeds: the report compares them")
        return
    pairs = compare_families(found)
    for line in (*found, *(pairs if len(pairs) <= MOST_LINES else [summary(pairs)])):
        print(line)


def _print_identical(evaluations: "Sequence[Evaluation]") -> None:
    from MNIST.report.testing.alike import identical, identical_text

    for names in identical(evaluations):
        print(identical_text(names))


def _print_standing(evaluations: "Sequence[Evaluation]") -> None:
    """Print which networks of many cannot be told apart."""
    import numpy as np

    from MNIST.report.testing.alike import ranking, standing
    from MNIST.report.testing.significance import compare_pairs

    ranked = ranking(evaluations)
    correct = np.array([evaluation.answers == evaluation.labels for evaluation in ranked])
    pairs = compare_pairs([evaluation.name for evaluation in ranked], correct)
    print(" ".join(standing(ranked, pairs).sentences()))


def _print_ignorant(evaluations: "Sequence[Evaluation]") -> None:
    """Name the networks that give the same answer to everything."""
    for evaluation in evaluations:
        if (only := _only_answer(evaluation)) is not None:
            print(f"{evaluation.name} answers {only} to every image: it has learned nothing")


def _print_surest_errors(evaluations: "Sequence[Evaluation]") -> None:
    """Print for each network the error that it was surest of."""
    from MNIST.report.testing.error_gallery import caption
    from MNIST.report.testing.metrics import surest_errors

    for evaluation in evaluations:
        errors = surest_errors(evaluation.labels, evaluation.probabilities)
        if not len(errors) or _only_answer(evaluation) is not None:
            continue
        image, probabilities = int(errors[0]), evaluation.probabilities[errors[0]]
        label = int(evaluation.labels[image])
        number = int(evaluation.numbers[image])
        what, sureness, _ = caption(number, label, probabilities, evaluation.classes)
        print(f"{evaluation.name}'s surest error: image {number}, {what} ({sureness})")


def _only_answer(evaluation: "Evaluation") -> str | None:
    """The class that a network answers to everything; None if it gives several answers, or has one image."""
    answers = set(evaluation.answers.tolist())
    return evaluation.classes[answers.pop()] if len(answers) == 1 and evaluation.images > 1 else None
