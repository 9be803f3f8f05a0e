"""The report of a test as one web page: first all networks compared, then each of them.

The page contains all it needs, works from the disk, and fetches nothing.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np

from MNIST.report.classes import noun, nouns, one_of
from MNIST.report.percentages import percent_text
from MNIST.report.sprite import Sprite
from MNIST.report.templates import fill
from MNIST.report.testing import reliability_plot
from MNIST.report.testing.alike import identical, identical_text, ranking, standing
from MNIST.report.testing.calibration import calibrate
from MNIST.report.testing.comparison import FEW, Evaluation
from MNIST.report.testing.embedding import Space
from MNIST.report.testing.families import Family, compare_families, families, summary
from MNIST.report.testing.metrics import surest_errors
from MNIST.report.testing.network_section import SHOWN, network_section
from MNIST.report.testing.ranking_plot import ranking_plot
from MNIST.report.testing.significance import LEVEL, Pair, compare_pairs
from MNIST.report.testing.space_plot import space_plot
from MNIST.words import counted

HARDEST = 20  # how many of the images that all networks get wrong, or the most, are shown
MOST_SENTENCES = 10  # pairs of networks that are listed openly; more are listed on a click


def report_page(
    title: str,
    images: np.ndarray,
    evaluations: Sequence[Evaluation],
    spaces: Mapping[str, Space],
) -> str:
    """The page as HTML. Of more than FEW networks it has a ranking, and the details of each are folded.

    images: uint8 (n, 28, 28), the test set; spaces: of each network, by name; without any, there is no plot.
    """
    is_many = len(evaluations) > FEW
    wrong = np.array([evaluation.answers != evaluation.labels for evaluation in evaluations])
    hardest = (
        _hardest(evaluations, wrong, is_many)[:HARDEST] if len(evaluations) > 1 else np.array([], np.int64)
    )
    top = [surest_errors(one.labels, one.probabilities)[:SHOWN] for one in evaluations]
    shown = [space.images for space in spaces.values()]
    sprite = Sprite(images, np.concatenate([*shown, *top, hardest]).tolist())
    networks = len(evaluations)
    seeds = families(evaluations)
    pairs = compare_pairs([evaluation.name for evaluation in evaluations], ~wrong)
    family_pairs = compare_families(seeds)
    counts = np.bincount(wrong.sum(axis=0), minlength=networks + 1).tolist()
    shared_head, shared = _shared(counts)
    which = "These" if counts[-1] <= HARDEST else f"The {HARDEST} hardest of those"
    ranked = ranking(evaluations)
    stands = standing(ranked, pairs) if is_many else None
    return fill(
        "report/testing/page.html",
        title=title,
        sprite=sprite,
        overview=[_row(evaluation) for evaluation in evaluations],
        nouns=nouns(evaluations[0].classes),
        noun=noun(evaluations[0].classes),
        on=evaluations[0].on,
        families=[_family_row(family) for family in seeds],
        family_pairs=family_pairs,
        family_summary=summary(family_pairs) if len(family_pairs) > MOST_SENTENCES else "",
        identical=[identical_text(names) for names in identical(evaluations)],
        standing=stands,
        ranking_plot=ranking_plot(ranked, stands) if stands else None,
        pairs=pairs,
        summary=_summary(pairs) if len(pairs) > MOST_SENTENCES else "",
        level=f"{LEVEL:g}",
        shared_head=("networks that get it wrong", *shared_head),
        shared=("images", *shared),
        which=f"The {len(hardest)} images that the most networks get wrong"
        if is_many
        else f"{which} all get wrong",
        hardest=[_hard(evaluations, int(image)) for image in hardest],
        votes=any(evaluation.engine == "sonn" for evaluation in evaluations),
        plot=space_plot({evaluation.name: evaluation for evaluation in evaluations}, spaces, sprite)
        if spaces
        else None,
        few=FEW,
        sections=[network_section(one, stands.of(one.name) if stands else "") for one in evaluations],
        folded=[_folded(one) if is_many else "" for one in evaluations],
        reliability_plot=reliability_plot,
    )


def _folded(one: Evaluation) -> str:
    """What is said beside the name of a network whose details are folded."""
    return f"{percent_text(one.accuracy)}, {counted(one.errors, 'error')}"


def _shared(counts: Sequence[int]) -> tuple[list[str], list[str]]:
    """How many images so many networks get wrong: the numbers of networks, and of images, as texts.

    counts: of the images that 0, 1, … all networks get wrong. Of many networks, numbers are put together:
    each range is about twice as long as the one before.
    """
    most = len(counts) - 1
    begins = [*range(most)] if most <= FEW else [0, *(2**power for power in range(most.bit_length()))]
    edges = [begin for begin in begins if begin < most] + [most]
    heads, images = [], []
    for begin, end in pairwise(edges):
        heads.append(f"{begin}" if end == begin + 1 else f"{begin} to {end - 1}")
        images.append(f"{sum(counts[begin:end]):,}")
    return [*heads, f"all {most}"], [*images, f"{counts[-1]:,}"]


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


def _hardest(evaluations: Sequence[Evaluation], wrong: np.ndarray, also_some: bool) -> np.ndarray:
    """The images that all networks get wrong; first those whose label gets the least probability.

    also_some: whether images follow, or come first, that fewer networks get wrong, but more than one: the
    order is then that of how many do.
    """
    by = wrong.sum(axis=0)
    hardest = np.flatnonzero(by > 1 if also_some else by == len(wrong))
    labels = evaluations[0].labels[hardest]
    given = sum(evaluation.probabilities[hardest, labels] for evaluation in evaluations)
    return hardest[np.lexsort((given, -by[hardest]))]


def _hard(evaluations: Sequence[Evaluation], image: int) -> dict[str, object]:
    """An image that all networks get wrong, or many, and their answers."""
    answers = [int(evaluation.probabilities[image].argmax()) for evaluation in evaluations]
    classes = evaluations[0].classes
    said = f"they say {', '.join(classes[one] for one in answers)}"
    if len(set(answers)) == 1:
        said = f"all say {classes[answers[0]]}"
    elif len(answers) > FEW:
        said = f"they say {', '.join(f'{classes[one]} ({n})' for one, n in Counter(answers).most_common())}"
    number = int(evaluations[0].numbers[image])
    return {
        "image": image,
        "number": number,
        "what": one_of(evaluations[0].labels[image], classes),
        "said": said,
    }
