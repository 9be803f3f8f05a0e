"""The curve of a range test, as lines and as a picture."""

from types import SimpleNamespace

import numpy as np
import pytest

from MNIST.report.rate_curve import draw_rate_curve, rate_lines

RATES = np.geomspace(1e-4, 1, 41)
LOSSES = np.concatenate([np.linspace(2, 1, 31), np.linspace(2, 400, 10)])
CURVE = SimpleNamespace(
    rates=RATES, losses=LOSSES, smoothed=LOSSES, suggestion=SimpleNamespace(low=0.01, high=0.1)
)


def test_lines_in_letters_of_ascii():
    assert rate_lines(CURVE, 0.001, 49, ascii_only=True) == [
        "   2.31 |                               '''''''''",
        "        |",
        "        |'..",
        "        |   ''..",
        "        |       ''..                   '",
        "        |           '''..",
        "        |                ''..",
        "        |                    ''..",
        "        |                        ''..",
        "   0.94 |                            ''",
        "        +--------------------==========----------",
        "         0.0001    0.001    0.01      0.1       1",
        "                   ^",
        "         = suggested, ^ the file's rate",
    ]


@pytest.mark.parametrize("width", [1, 40, 80, 300])
def test_lines_fit_the_terminal(width):
    lines = rate_lines(CURVE, 0.001, width)
    assert max(map(len, lines)) <= max(width, 40)


def test_a_rate_outside_and_no_suggestion_leave_no_mark():
    curve = SimpleNamespace(**{**vars(CURVE), "suggestion": None})
    assert not {"━", "▲"} & set("".join(rate_lines(curve, 5.0, 80)))


def test_what_diverged_does_not_make_the_picture_flat():
    losses = np.append(LOSSES[:-1], np.inf)
    smoothed = np.append(LOSSES[:-1], np.nan)
    curve = SimpleNamespace(**{**vars(CURVE), "losses": losses, "smoothed": smoothed})
    (axes,) = draw_rate_curve(curve, "a $title", 0.001).axes
    bottom, top = axes.get_ylim()
    assert 0.9 < bottom < 1
    assert 2 < top < 2.5
    assert axes.get_xscale() == "log"
    labels = axes.get_legend_handles_labels()[1]
    assert labels == ["each step's batch", "smoothed", "suggested", "the file's rate"]
