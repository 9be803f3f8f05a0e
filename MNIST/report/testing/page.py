"""The report of a test as one web page: the networks beside one another, then each of them.

The page carries all it needs, works from the disk, and fetches nothing.
"""

from collections.abc import Mapping, Sequence
from html import escape

import numpy as np

from MNIST.report.html_page import html_page
from MNIST.report.html_table import html_table
from MNIST.report.sprite import Sprite
from MNIST.report.testing import network_section as section
from MNIST.report.testing import space_plot as plot
from MNIST.report.testing.calibration import calibrate
from MNIST.report.testing.comparison import Evaluation
from MNIST.report.testing.embedding import Space
from MNIST.report.testing.metrics import surest_errors
from MNIST.report.testing.significance import LEVEL, Pair, compare_pairs

HARDEST = 20  # images that all get wrong, of which so many are shown
MOST_SENTENCES = 10  # pairs of networks that are listed at once; of more, on a click


def report_page(
    title: str,
    images: np.ndarray,
    evaluations: Sequence[Evaluation],
    spaces: Mapping[str, Space],
    reliability: Mapping[str, bytes],
    names: Sequence[str],
) -> str:
    """The page.

    images: uint8 (n, 28, 28), the test set; spaces, reliability: each network's, by its name; reliability
    diagrams as PNG files. names: what each label means, from 0.
    """
    wrong = np.array([evaluation.answers != evaluation.labels for evaluation in evaluations])
    hardest = _hardest(evaluations, wrong)[:HARDEST] if len(evaluations) > 1 else np.array([], np.int64)
    top = [surest_errors(one.labels, one.probabilities)[: section.SHOWN] for one in evaluations]
    shown = [space.images for space in spaces.values()]
    sprite = Sprite(images, np.concatenate([*shown, *top, hardest]).tolist())
    by_name = {evaluation.name: evaluation for evaluation in evaluations}
    several = [_differences(evaluations, ~wrong), _shared_errors(evaluations, wrong, hardest, sprite)]
    votes = VOTES if any(evaluation.engine == "sonn" for evaluation in evaluations) else ""
    body = [
        _overview(evaluations),
        _legend(names),
        *(several if len(evaluations) > 1 else []),
        f"<h2>The images as the network sees them</h2>\n<p>{SEEN}{votes}</p>",
        plot.space_plot(by_name, spaces, sprite),
        *(
            section.network_section(evaluation, sprite, reliability[evaluation.name])
            for evaluation in evaluations
        ),
    ]
    style = sprite.style() + section.STYLE + plot.STYLE + STYLE
    return html_page(title, body, style, evaluates=True)


SEEN = (
    "Each dot is a test image, placed by what the network's last layer sees of it: of the numbers from which"
    " that layer makes its answer, the three directions in which the images differ most (principal"
    " components). Images that lie together look alike to it; an error tends to lie among the digits for"
    " which it was taken. The colour is the digit that the image shows, and a number stands in the middle of"
    " its digit's dots. Drag to turn, and click on a name below the plot to hide its dots."
)

VOTES = " Of <code>Columns</code>, which have no such layer, it is their ten votes."


def _legend(names: Sequence[str]) -> str:
    """What the digits stand for, where they are no digits."""
    if list(names) == [str(label) for label in range(len(names))]:
        return ""
    meant = ", ".join(f"{label} {escape(name)}" for label, name in enumerate(names))
    return f"<p>The digits stand for classes: {meant}.</p>"


def _overview(evaluations: Sequence[Evaluation]) -> str:
    head = (
        "network",
        "accuracy",
        "95 % interval",
        "errors",
        "loss",
        "calibration error",
        "parameters",
        "engine",
    )
    rows = []
    for one in evaluations:
        low, high = one.interval
        accuracy = f"{one.accuracy * 100:.2f} %", f"{low * 100:.2f} to {high * 100:.2f} %"
        error = f"{calibrate(one.labels, one.probabilities).error * 100:.2f} %"
        losses = f"{one.errors:,}", f"{one.loss:.4f}", error
        rows.append((one.name, *accuracy, *losses, f"{one.parameters:,}", one.engine))
    return html_table(head, rows, linked=True)


def _differences(evaluations: Sequence[Evaluation], correct: np.ndarray) -> str:
    """Which of the differences chance alone could have made, in words."""
    pairs = compare_pairs([evaluation.name for evaluation in evaluations], correct)
    items = "\n".join(f"<li>{escape(str(pair))}</li>" for pair in pairs)
    listed = f"<ul>\n{items}\n</ul>"
    if len(pairs) > MOST_SENTENCES:
        listed = (
            f"<p>{_summary(pairs)}</p>\n<details><summary>All {len(pairs)} pairs</summary>{listed}</details>"
        )
    corrected = f", corrected by Holm for all {len(pairs)} pairs" if len(pairs) > 1 else ""
    return (
        f"<h2>Which differences are more than chance?</h2>\n{listed}\n<p>p is the probability that chance"
        f" alone splits these images so unevenly (McNemar's exact test{corrected}); below {LEVEL:g} the two"
        " count as distinguishable. It compares these trained networks, not their texts: another seed trains"
        " another network.</p>"
    )


def _summary(pairs: Sequence[Pair]) -> str:
    apart = sum(pair.distinguishable for pair in pairs)
    alike = [f"{pair.first} and {pair.second}" for pair in pairs if not pair.distinguishable]
    text = f"{apart} of {len(pairs)} pairs are distinguishable."
    if alike:
        text += f" Not distinguishable: {'; '.join(alike)}."
    return escape(text)


def _hardest(evaluations: Sequence[Evaluation], wrong: np.ndarray) -> np.ndarray:
    """The images that all get wrong, those first to whose label they give the least probability."""
    hardest = np.flatnonzero(wrong.all(axis=0))
    labels = evaluations[0].labels[hardest]
    given = sum(evaluation.probabilities[hardest, labels] for evaluation in evaluations)
    return hardest[np.argsort(given, kind="stable")]


def _shared_errors(
    evaluations: Sequence[Evaluation], wrong: np.ndarray, hardest: np.ndarray, sprite: Sprite
) -> str:
    """How many images how many networks get wrong, and those that all get wrong."""
    networks = len(evaluations)
    counts = np.bincount(wrong.sum(axis=0), minlength=networks + 1).tolist()
    head = ("networks that get it wrong", *map(str, range(networks)), f"all {networks}")
    table = html_table(head, [("images", *(f"{count:,}" for count in counts))])
    figures = "\n".join(_figure(evaluations, int(image), sprite) for image in hardest)
    which = "These" if counts[-1] <= HARDEST else f"The {HARDEST} hardest of those"
    gallery = f'<p>{which} all get wrong:</p>\n<div class="gallery">{figures}</div>' if counts[-1] else ""
    return f"<h2>Do they make the same errors?</h2>\n{table}\n{gallery}"


def _figure(evaluations: Sequence[Evaluation], image: int, sprite: Sprite) -> str:
    label = int(evaluations[0].labels[image])
    answers = [int(evaluation.probabilities[image].argmax()) for evaluation in evaluations]
    said = (
        "all say " + str(answers[0]) if len(set(answers)) == 1 else "they say " + ", ".join(map(str, answers))
    )
    digit = sprite.digit(image, f"test image {image}, a {label}")
    return f"<figure>{digit}<figcaption><b>a {label}</b>; {said}<br>image {image}</figcaption></figure>"


STYLE = """\
h2 { margin-top: 2rem; overflow-wrap: anywhere; }
h3 { font-size: 1rem; margin: 1rem 0 .25rem; }
a { color: inherit; }
li { max-width: 72rem; overflow-wrap: anywhere; }
td { white-space: nowrap; }
thead th { vertical-align: bottom; }
"""
