"""The learning curves: they show the numbers of the history and the rates of the steps."""

import io
from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib.image import imread

from MNIST.language import parse_spec
from MNIST.report.curves import curves_png, draw_curves
from MNIST.training import run_rates

MODEL = "Layers:\nFlatten\nDense,10,softmax\nOptimizer:\n0.001,{decay}\n{epochs}\n100\n{schedule}"


def history_of(epochs, validation=True):
    nan = float("nan")
    return [
        SimpleNamespace(
            epoch=epoch,
            loss=1 / epoch,
            accuracy=1 - 0.5 / epoch,
            val_loss=2 / epoch if validation else nan,
            val_accuracy=1 - 0.6 / epoch if validation else nan,
        )
        for epoch in range(1, epochs + 1)
    ]


def rates_of(history, schedule="", decay="0", steps=540):
    text = MODEL.format(decay=decay, epochs=len(history), schedule=schedule)
    return run_rates(parse_spec(text), steps, history)


def lines(axes):
    """The lines drawn, by their name in the legend: all x and all y."""
    return {line.get_label(): line.get_data() for line in axes.lines}


@pytest.mark.parametrize("epochs", [1, 5, 60])
def test_each_epochs_figures_stand_at_its_end(epochs):
    history = history_of(epochs)
    loss, accuracy = draw_curves(history, "net").axes
    for axes, name in ((loss, "loss"), (accuracy, "accuracy")):
        drawn = lines(axes)
        assert set(drawn) == {"training", "validation"}
        for label, prefix in (("training", ""), ("validation", "val_")):
            np.testing.assert_array_equal(drawn[label][0], range(1, epochs + 1))
            np.testing.assert_array_equal(drawn[label][1], [getattr(each, prefix + name) for each in history])


def test_a_single_epoch_can_be_seen():
    loss, accuracy, rate = draw_curves(history_of(1), "net", rates=rates_of(history_of(1))).axes
    assert all(line.get_markersize() > 0 for axes in (loss, accuracy) for line in axes.lines)
    assert len(rate.lines[0].get_xdata()) == 540


@pytest.mark.parametrize("accuracy", [1.0, 0.999, 0.5])
def test_no_tick_of_the_accuracy_in_sight_is_above_all(accuracy):
    history = history_of(1)
    history[0].accuracy = accuracy
    history[0].val_accuracy = accuracy
    axes = draw_curves(history, "net").axes[1]
    low, high = axes.get_ylim()
    assert low < accuracy < high
    assert max(tick for tick in axes.get_yticks() if low <= tick <= high) <= 1


def test_without_validation_there_is_one_line():
    for axes in draw_curves(history_of(3, validation=False), "net").axes:
        assert set(lines(axes)) == {"training"}


def test_the_rates_within_an_epoch_are_drawn_where_they_are():
    rates = rates_of(history_of(2), "Schedule:\nOneCycle,0.01\n")
    rate = draw_curves(history_of(2), "net", rates=rates).axes[-1]
    ((x, y),) = lines(rate).values()
    np.testing.assert_array_equal(y, np.concatenate(rates))
    assert x[y.argmax()] == pytest.approx(0.6, abs=0.002)  # the warm-up takes 0.3 of two epochs
    assert (x.min() > 0, x.max() < 2, rate.get_yscale()) == (True, True, "linear")


def test_of_very_many_steps_those_at_the_ends_of_each_epoch_are_drawn():
    rates = rates_of(history_of(100), "Schedule:\nStep,every=1,factor=0.9\n", steps=1000)
    ((x, y),) = lines(draw_curves(history_of(100), "net", rates=rates).axes[-1]).values()
    assert len(x) <= 4000
    for epoch, of_epoch in enumerate(rates):
        of_its_own = y[(x > epoch) & (x < epoch + 1)]
        assert (of_its_own[0], of_its_own[-1]) == (of_epoch[0], of_epoch[-1])


@pytest.mark.parametrize(
    ("schedule", "decay", "scale"),
    [
        ("", "1e-4", "linear"),
        ("Schedule:\nCosine,warmup=0.1\n", "0", "linear"),
        ("Schedule:\nOneCycle,0.01\n", "0", "linear"),
        ("Schedule:\nStep,every=5,factor=0.1\n", "0", "log"),
        ("Schedule:\nPlateau,factor=0.1,patience=1\n", "0", "log"),
    ],
)
def test_rates_that_are_mostly_far_below_the_largest_are_drawn_by_their_logarithms(schedule, decay, scale):
    history = history_of(20)
    for result in history:
        result.val_loss = 1.0  # it never improves
    rate = draw_curves(history, "net", rates=rates_of(history, schedule, decay)).axes[-1]
    assert rate.get_yscale() == scale
    assert scale == "log" or rate.get_ylim()[0] == 0


def test_an_epoch_before_the_last_is_marked():
    def marks(kept):
        return [axes.lines[-1].get_xdata()[0] for axes in draw_curves(history, "net", kept, rates).axes]

    history, rates = history_of(3), rates_of(history_of(3))
    assert marks(2) == [2, 2, 2]
    assert "kept: epoch 2" in lines(draw_curves(history, "net", 2).axes[0])
    assert not any("kept" in name for axes in draw_curves(history, "net", 3).axes for name in lines(axes))


@pytest.mark.parametrize("loss", [1e-7, 2.5, 98765.4])
@pytest.mark.parametrize("rate", [2.5e-05, 0.00125, 12.5])
def test_no_label_is_cut_off_or_lies_on_another_panel(loss, rate):
    history = history_of(4)
    for result in history:
        result.loss *= loss
        result.val_loss *= loss
    figure = draw_curves(history, "net", 2, [np.full(5, rate)] * 4)
    figure.draw_without_rendering()
    free = 0.0  # pixels, from the left
    for axes in figure.axes:
        labels = [axes.yaxis.label, *axes.get_yticklabels()]
        assert min(label.get_window_extent().x0 for label in labels if label.get_text()) > free
        bottom = [axes.xaxis.label, *axes.get_xticklabels()]
        assert min(label.get_window_extent().y0 for label in bottom if label.get_text()) > 0
        free = axes.bbox.x1
    (title,) = (text for text in figure.texts if text.get_text() == "net")
    assert title.get_window_extent().y0 > figure.axes[0].bbox.y1


def test_it_is_a_picture_and_an_odd_title_does_no_harm():
    picture = imread(io.BytesIO(curves_png(history_of(2), "x_$_\\", rates=rates_of(history_of(2)))))
    assert picture.shape[0] > 400
    assert picture.shape[1] > 3 * 400
