"""The report of a test as one web page: first all networks compared, then each of them.

The page contains all it needs, works from the disk, and fetches nothing.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from MNIST.report.classes import noun, nouns, one_of
from MNIST.report.percentages import percent_text
from MNIST.report.sprite import Sprite
from MNIST.report.templates import fill
from MNIST.report.testing.calibration import calibrate
from MNIST.report.testing.comparison import Evaluation
from MNIST.report.testing.embedding import Space
from MNIST.report.testing.families import Family, compare_families, families
from MNIST.report.testing.metrics import surest_errors
from MNIST.report.testing.network_section import SHOWN, network_section
from MNIST.report.testing.significance import LEVEL, Pair, compare_pairs
from MNIST.report.testing.space_plot import space_plot

HARDEST = 20  # how many of the images that all networks get wrong are shown
MOST_SENTENCES = 10  # pairs of networks that are listed openly; more are listed on a click


def report_page(
    title: str,
    images: np.ndarray,
    evaluations: Sequence[Evaluation],
    spaces: Mapping[str, Space],
    reliability: Mapping[str, bytes],
) -> str:
    """The page as HTML.

    images: uint8 (n, 28, 28), the test set; spaces, reliability: of each network, by name; reliability
    diagrams are PNG files. An ensemble has no space.
    """
    wrong = np.array([evaluation.answers != evaluation.labels for evaluation in evaluations])
    hardest = _hardest(evaluations, wrong)[:HARDEST] if len(evaluations) > 1 else np.array([], np.int64)
    top = [surest_errors(one.labels, one.probabilities)[:SHOWN] for one in evaluations]
    shown = [space.images for space in spaces.values()]
    sprite = Sprite(images, np.concatenate([*shown, *top, hardest]).tolist())
    networks = len(evaluations)
    seeds = families(evaluations)
    pairs = compare_pairs([evaluation.name for evaluation in evaluations], ~wrong)
    counts = np.bincount(wrong.sum(axis=0), minlength=networks + 1).tolist()
    return fill(
        "report/testing/page.html",
        title=title,
        sprite=sprite,
        overview=[_row(evaluation) for evaluation in evaluations],
        nouns=nouns(evaluations[0].classes),
        noun=noun(evaluations[0].classes),
        on=evaluations[0].on,
        families=[_family_row(family) for family in seeds],
        family_pairs=compare_families(seeds),
        pairs=pairs,
        summary=_summary(pairs) if len(pairs) > MOST_SENTENCES else "",
        level=f"{LEVEL:g}",
        shared_head=("networks that get it wrong", *map(str, range(networks)), f"all {networks}"),
        shared=("images", *(f"{count:,}" for count in counts)),
        which="These" if counts[-1] <= HARDEST else f"The {HARDEST} hardest of those",
        hardest=[_hard(evaluations, int(image)) for image in hardest],
        votes=any(evaluation.engine == "sonn" for evaluation in evaluations),
        plot=space_plot({evaluation.name: evaluation for evaluation in evaluations}, spaces, sprite)
        if spaces
        else None,
        sections=[network_section(evaluation, reliability[evaluation.name]) for evaluation in evaluations],
    )


def _row(one: Evaluation) -> tuple[str, ...]:
    """A network's row of the first table."""
    low, high = one.interval
    return (
        one.name,
        percent_text(one.accuracy),
        f"{low * 100:.2f} to {percent_text(high)}",
        f"{one.errors:,}",
        f"{one.loss:.4f}",
        percent_text(calibrate(one.labels, one.probabilities).error),
        f"{one.parameters:,}",
        one.engine,
    )


def _family_row(family: Family) -> tuple[str, ...]:
    """A family's row of the table of seeds."""
    low, high = family.interval
    return (
        family.name,
        f"{len(family.members):,}",
        percent_text(family.mean),
        f"{low * 100:.2f} to {percent_text(high)}",
        f"{family.deviation * 100:.2f}",
        f"{min(family.accuracies) * 100:.2f} to {percent_text(max(family.accuracies))}",
    )


def _summary(pairs: Sequence[Pair]) -> str:
    """In words, how many of the differences are more than chance."""
    apart = sum(pair.distinguishable for pair in pairs)
    alike = [f"{pair.first} and {pair.second}" for pair in pairs if not pair.distinguishable]
    text = f"{apart} of {len(pairs)} pairs are distinguishable."
    return text + (f" Not distinguishable: {'; '.join(alike)}." if alike else "")


def _hardest(evaluations: Sequence[Evaluation], wrong: np.ndarray) -> np.ndarray:
    """The images that all networks get wrong; first those whose label gets the least probability."""
    hardest = np.flatnonzero(wrong.all(axis=0))
    labels = evaluations[0].labels[hardest]
    given = sum(evaluation.probabilities[hardest, labels] for evaluation in evaluations)
    return hardest[np.argsort(given, kind="stable")]


def _hard(evaluations: Sequence[Evaluation], image: int) -> dict[str, object]:
    """An image that all networks get wrong, and their answers."""
    answers = [int(evaluation.probabilities[image].argmax()) for evaluation in evaluations]
    alike = len(set(answers)) == 1
    classes = evaluations[0].classes
    said = (
        f"all say {classes[answers[0]]}"
        if alike
        else f"they say {', '.join(classes[one] for one in answers)}"
    )
    number = int(evaluations[0].numbers[image])
    return {
        "image": image,
        "number": number,
        "what": one_of(evaluations[0].labels[image], classes),
        "said": said,
    }
