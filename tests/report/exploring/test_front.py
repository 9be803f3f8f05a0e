"""The front: what no other row beats, drawn for each cost that a table has."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from MNIST.report.exploring.front import front
from MNIST.report.exploring.front_picture import DEVIATION, cost

numbers = st.sampled_from([0.0, 1.0, 2.0, 3.0, np.nan, np.inf])


@given(st.lists(st.tuples(numbers, numbers), max_size=8))
def test_the_front_is_what_no_other_row_beats(rows):
    """The definition itself decides, by comparing every row with every other one."""
    finite = {place for place, row in enumerate(rows) if np.isfinite(row).all()}
    beaten = {
        this
        for this, other in itertools.permutations(finite, 2)
        if rows[other][0] <= rows[this][0]
        and rows[other][1] >= rows[this][1]
        and (rows[other] != rows[this] or other < this)
    }
    costs, merits = zip(*rows, strict=True) if rows else ((), ())
    places = front(costs, merits).tolist()
    assert set(places) == finite - beaten
    assert [costs[place] for place in places] == sorted(costs[place] for place in places)


ACCURACY = np.array([0.90, 0.97, 0.95, 0.98, np.nan])


def texts(figure) -> str:
    parts = [part for axes in figure.axes for part in (*axes.texts, axes.xaxis.label, axes.yaxis.label)]
    legends = [text for axes in figure.axes if axes.get_legend() for text in axes.get_legend().get_texts()]
    return "\n".join(part.get_text() for part in (*parts, *legends))


def test_a_panel_for_each_cost_that_differs():
    costs = {
        "parameters": np.array([1e3, 2e3, 3e3, 2e5, 1.0]),
        "mflops": np.ones(5),
        "seconds": np.arange(5.0),
    }
    figure = cost({"val_accuracy": ACCURACY}, {}, costs)
    parameters, seconds = figure.axes
    (line,) = parameters.get_lines()
    assert line.get_xydata().tolist() == [[1e3, 90], [2e3, 97], [2e5, 98], [2e5, 98]]
    assert (parameters.get_xscale(), seconds.get_xscale()) == ("log", "linear")
    assert "seconds of training" in texts(figure)
    assert "deviation" not in texts(figure)
    several = cost({"val_accuracy": ACCURACY}, {}, costs | {DEVIATION: np.full(5, 0.01)})
    assert "± one standard deviation of the seeds" in texts(several)


def test_a_cost_that_no_judged_row_has_is_not_drawn():
    seconds = np.array([np.nan, np.nan, 12.0, 13.0])
    accuracy = np.array([0.5, 0.6, np.nan, np.nan])
    assert "does not say what a combination costs" in texts(
        cost({"val_accuracy": accuracy}, {}, {"seconds": seconds})
    )


@pytest.mark.parametrize(
    ("accuracy", "costs", "reason"),
    [
        (ACCURACY, {}, "does not say what a combination costs"),
        (ACCURACY, {"mflops": np.ones(5)}, "All combinations cost the same: MFLOPs"),
        (np.full(5, np.nan), {"mflops": np.arange(5.0)}, "No combination has a validation accuracy"),
    ],
)
def test_where_there_is_no_front_the_picture_says_so(accuracy, costs, reason):
    assert reason in texts(cost({"val_accuracy": accuracy}, {}, costs))
