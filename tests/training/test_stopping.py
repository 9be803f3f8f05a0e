"""When a training ends early, and which epoch is kept: as Keras's EarlyStopping decides."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from MNIST.language import Stop
from MNIST.training import EpochResult, is_over, kept_epoch, why_over

NAN = float("nan")
# Few values, so that many are equal. If the first epoch is nan, Keras counts one epoch more.
VALUES = st.sampled_from([0.1, 0.2, 0.3, 0.4, 0.5, NAN])
SEQUENCES = st.lists(VALUES, min_size=1, max_size=12).filter(lambda values: not math.isnan(values[0]))


def history_of(losses: list[float], accuracies: list[float] | None = None) -> list[EpochResult]:
    """Epochs with these validation losses and accuracies."""
    epoch = EpochResult(1, 0.5, 0.5, 0.5, 0.5, 0.01, 1.0, 0.1, 1.0, 4096)
    return [
        replace(epoch, epoch=number, val_loss=loss, val_accuracy=accuracy)
        for number, (loss, accuracy) in enumerate(zip(losses, accuracies or losses, strict=True), 1)
    ]


def trained(stop: Stop | None, history: list[EpochResult]) -> tuple[int, int]:
    """How many of these epochs a training has, and which of them it keeps."""
    epochs = next((n for n in range(1, len(history) + 1) if is_over(stop, history[:n])), len(history))
    return epochs, kept_epoch(stop, history[:epochs]).epoch


@pytest.fixture(scope="module")
def early_stopping() -> type:
    """Keras's callback. Its import takes seconds, which must not count for one of the examples."""
    from keras.callbacks import EarlyStopping

    from MNIST.engines.keras.backend import set_threads

    set_threads()  # for later tests: once TensorFlow has compared two numbers, the number is fixed
    return EarlyStopping


def trained_by_keras(
    early_stopping: type, monitor: str, patience: int, values: list[float]
) -> tuple[int, int]:
    """The same, decided by that callback on a model whose only weight is the number of the epoch."""

    class Model:
        stop_training = False
        weights = 0

        def get_weights(self):
            return self.weights

        def set_weights(self, weights):
            self.weights = weights

    model = Model()
    mode = "max" if monitor == "accuracy" else "min"
    rule = early_stopping(monitor, patience=patience, mode=mode, restore_best_weights=True)
    rule.set_model(model)
    rule.on_train_begin()
    for epoch, value in enumerate(values):
        model.weights = epoch + 1
        rule.on_epoch_end(epoch, {monitor: value})
        if model.stop_training:
            break
    epochs = model.weights
    rule.on_train_end()
    return epochs, model.weights


@given(st.sampled_from(["loss", "accuracy"]), st.integers(1, 4), SEQUENCES)
def test_patience_ends_and_keeps_as_keras_does(early_stopping, monitor, patience, values):
    found = trained(Stop(patience=patience, monitor=monitor), history_of(values))
    assert found == trained_by_keras(early_stopping, monitor, patience, values)


@given(st.sampled_from([0.2, 0.4]), SEQUENCES)
def test_an_accuracy_ends_at_the_first_epoch_that_has_it_and_keeps_that(accuracy, values):
    expected = next((n for n, value in enumerate(values, 1) if value >= accuracy), len(values))
    assert trained(Stop(accuracy=accuracy), history_of(values)) == (expected, expected)


@given(
    st.integers(1, 4),
    st.sampled_from([0.2, 0.4]),
    st.lists(st.tuples(VALUES, VALUES), min_size=1, max_size=12),
)
def test_of_both_what_comes_first_ends_it_and_the_best_so_far_is_kept(patience, accuracy, values):
    history = history_of(*map(list, zip(*values, strict=True)))
    epochs, kept = trained(Stop(patience=patience, accuracy=accuracy), history)
    assert epochs == min(
        trained(stop, history)[0] for stop in (Stop(patience=patience), Stop(accuracy=accuracy))
    )
    assert kept == trained(Stop(patience=len(values) + 1), history[:epochs])[1]


def test_without_either_all_epochs_are_trained_and_the_last_is_kept():
    assert trained(None, history_of([0.1, 0.5, 0.9])) == (3, 3)


def test_equal_is_not_better_and_a_nan_never_is():
    assert trained(Stop(patience=2), history_of([0.2, 0.2, 0.2, 0.1])) == (3, 1)
    assert trained(Stop(patience=2), history_of([0.2, NAN, NAN, 0.1])) == (3, 1)
    assert trained(Stop(patience=3), history_of([NAN, NAN, 0.3, 0.4])) == (4, 3)
    assert not is_over(Stop(accuracy=0.1), history_of([NAN]))


def test_before_the_first_epoch_nothing_is_over():
    assert not is_over(Stop(patience=1, accuracy=0.5), [])


@pytest.mark.parametrize(
    ("stop", "reason"),
    [
        (Stop(patience=1), "no better validation loss for 1 epoch"),
        (Stop(patience=2, monitor="accuracy"), "no better validation accuracy for 2 epochs"),
        (Stop(patience=9, accuracy=0.985), "its validation accuracy, 98.72%, has reached 98.5%"),
        (Stop(patience=3, accuracy=0.99), ""),
    ],
)
def test_the_reason_in_words(stop, reason):
    history = history_of([0.1, 0.2, 0.3], [0.99, 0.98, 0.9872])
    assert why_over(stop, history) == reason
