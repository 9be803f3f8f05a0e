"""Answers in words: the right digit comes first, and names are shown as text whatever they contain."""

import io

import numpy as np
from rich.console import Console

from MNIST.report.testing.predictions import Answers, bars, disagreements, percent, table
from MNIST.words import DIGITS

ANSWERS = {
    "one": Answers(np.array([[0.0, 0.75, 0.25] + [0.0] * 7, [0.0] * 9 + [1.0]]), DIGITS),
    "two": Answers(np.array([[0.0, 0.75, 0.25] + [0.0] * 7, [0.0] * 8 + [0.5, 0.4999]]), DIGITS),
}


def _shown(what) -> list[str]:
    stream = io.StringIO()
    Console(file=stream, width=90, highlight=False).print(what)
    return stream.getvalue().splitlines()


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.split("│")[1:-1]]


def test_each_picture_and_network_has_a_row():
    rows = [_cells(line) for line in _shown(table(["a.png", "[red]b.png"], ANSWERS)) if line.startswith("│")]
    assert rows == [
        ["a.png", "one", "1", "75.00%", "2 (25.00%)"],
        ["", "two", "1", "75.00%", "2 (25.00%)"],
        ["[red]b.png", "one", "9", "100.00%", "0 (0.00%)"],
        ["", "two", "8", "50.00%", "9 (49.99%)"],
    ]


def test_a_bar_is_as_long_as_its_probability():
    title, _, *rows = _shown(bars("[red]:smile:", 1, ANSWERS))
    assert title.strip() == "[red]:smile:"
    assert len(rows) == 10
    assert rows[9].split() == ["9", "█" * 20, "100.00%", "█" * 10, "49.99%"]
    assert rows[0].split() == ["0", "0.00%", "0.00%"]


def test_of_many_classes_the_likeliest_are_shown_by_their_names():
    names = [f"[b]class {label}" for label in range(300)]
    probabilities = np.full((1, 300), 0.5 / 299)
    probabilities[0, 77] = 0.5
    _, head, *rows = _shown(bars("a.png", 0, {"net": Answers(probabilities, names)}))
    assert head.split() == ["class", "net"]
    assert len(rows) == 10
    assert rows[-1].split() == ["[b]class", "77", "█" * 10, "50.00%"]


def test_only_what_differs_is_said_to():
    assert list(disagreements(["a", "b"], ANSWERS)) == ["b: they disagree: one 9, two 8"]


def test_only_certainty_is_100_percent():
    assert [percent(each) for each in (0, 0.5, 0.99999, 1)] == ["0.00%", "50.00%", "99.99%", "100.00%"]
