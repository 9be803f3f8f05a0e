"""What the report's page says of one network: its errors, the digits one by one, and its sureness."""

from html import escape
from math import isnan

import numpy as np

from MNIST.report.html_table import html_table
from MNIST.report.percentages import percent_text
from MNIST.report.png import data_uri
from MNIST.report.sprite import Sprite
from MNIST.report.testing.calibration import calibrate
from MNIST.report.testing.comparison import Evaluation
from MNIST.report.testing.confusion_picture import error_shades
from MNIST.report.testing.error_gallery import ACROSS, DOWN, caption
from MNIST.report.testing.metrics import ClassFigures, class_figures, confusion_matrix, surest_errors

SHOWN = ACROSS * DOWN


def network_section(evaluation: Evaluation, sprite: Sprite, reliability: bytes) -> str:
    """HTML of one network's part. sprite: has its surest errors; reliability: its diagram as a PNG file."""
    confusion = confusion_matrix(evaluation.labels, evaluation.answers)
    name = escape(evaluation.name)
    calibration = calibrate(evaluation.labels, evaluation.probabilities)
    return (
        f'<section><h2 id="of-{name}">{name}</h2>\n'
        f'<div class="beside"><div>{_errors(evaluation, sprite)}\n'
        f"<h3>Does it know when it does not know?</h3>\n<p>{escape(str(calibration))}</p>\n"
        f'<div class="wide"><img src="{data_uri(reliability)}" alt="{RELIABILITY}"></div>\n'
        f"<p>{escape(calibration.example())}</p></div>\n"
        f"<div><h3>What it takes each digit for</h3>\n{_confusion(confusion)}\n"
        f"<h3>Digit by digit</h3>\n{_classes(class_figures(confusion))}</div></div></section>"
    )


RELIABILITY = "Reliability diagram: how many of the answers are right that were about equally sure"


def _errors(evaluation: Evaluation, sprite: Sprite) -> str:
    errors = surest_errors(evaluation.labels, evaluation.probabilities)
    if not len(errors):
        return "<p>It has answered every image right.</p>"
    figures = "\n".join(_figure(evaluation, int(image), sprite) for image in errors[:SHOWN])
    of = "All its errors" if len(errors) <= SHOWN else f"Its {SHOWN} surest errors of {len(errors):,}"
    return (
        f"<h3>{of}, the surest first</h3>\n<p>Below each, what the network made of it: the probability of its"
        f' answer, and of the right one.</p>\n<div class="gallery">{figures}</div>'
    )


def _figure(evaluation: Evaluation, image: int, sprite: Sprite) -> str:
    label = int(evaluation.labels[image])
    lines = [_unbroken(line) for line in caption(image, label, evaluation.probabilities[image])]
    digit = sprite.digit(image, f"test image {image}, a {label}")
    return f"<figure>{digit}<figcaption><b>{lines[0]}</b><br>{lines[1]}<br>{lines[2]}</figcaption></figure>"


def _unbroken(text: str) -> str:
    return escape(text).replace(" %", "&nbsp;%").replace(": ", ":&nbsp;")


def _confusion(confusion: np.ndarray) -> str:
    """The matrix as a table, coloured as `confusion_png` is."""
    shades = error_shades(confusion)
    rows = []
    for digit, counts in enumerate(confusion.tolist()):
        cells = [
            f'<td class="right">{count:,}</td>'
            if answer == digit
            else f'<td style="--shade:{shades[digit, answer] * 100:.0f}%">{count or ""}</td>'
            for answer, count in enumerate(counts)
        ]
        rows.append(f'<tr><th scope="row">{digit}</th>{"".join(cells)}</tr>')
    head = "".join(f'<th scope="col">{digit}</th>' for digit in range(len(confusion)))
    return (
        '<div class="wide"><table class="confusion"><thead><tr><td></td>'
        f'<td colspan="{len(confusion)}">its answer</td></tr><tr><th>digit</th>{head}</tr></thead>\n'
        f"<tbody>{''.join(rows)}</tbody></table></div>\n"
        "<p>How many images of each digit got each answer. The colour is that number's part of the row, on a"
        " logarithmic scale that is the same for every network.</p>"
    )


def _classes(figures: list[ClassFigures]) -> str:
    head = ("digit", "images", "answers", "precision", "recall", "F1")
    rows = [
        (
            str(digit),
            f"{one.images:,}",
            f"{one.answers:,}",
            *map(_percent, (one.precision, one.recall, one.f1)),
        )
        for digit, one in enumerate(figures)
    ]
    return html_table(head, rows) + (
        "\n<p>Precision: of the times it gave this answer, how often that was right. Recall: of the images of"
        " this digit, how many it found. F1: the harmonic mean of the two.</p>"
    )


def _percent(proportion: float) -> str:
    return "–" if isnan(proportion) else percent_text(proportion)


STYLE = """\
.beside { display: flex; flex-wrap: wrap; gap: 0 2.5rem; align-items: flex-start; }
.beside > div { min-width: 0; max-width: 45rem; }
.beside > div + div { max-width: 28rem; }
.gallery { display: grid; grid-template-columns: repeat(auto-fill, minmax(8.2rem, 1fr)); gap: 1rem .5rem; }
.gallery .digit { --side: 70px; }
figure { margin: 0; text-align: center; font-size: .78rem; line-height: 1.35; }
section img { width: 100%; min-width: 28rem; max-width: 36rem; height: auto; border-radius: .4rem; }
.confusion { --error: #d55e00; --right: #dce9f2; }
.confusion td, .confusion th { text-align: center; min-width: 2.3rem; padding: .3rem 0; }
.confusion tbody td { border: 1px solid var(--faint);
  background: color-mix(in srgb, var(--error) var(--shade, 0%), var(--ground)); }
.confusion tbody td.right { background: var(--right); }
@media (prefers-color-scheme: dark) { .confusion { --error: #c25500; --right: #25384a; } }
@media (max-width: 30rem) {
  .gallery { grid-template-columns: repeat(3, 1fr); gap: .75rem .25rem; }
  figure { font-size: .62rem; }
  .confusion { font-size: .68rem; }
  .confusion td, .confusion th { min-width: 1.85rem; }
}
"""
