"""The images that engines train on, and the thread that makes them: when it works, and that it ends."""

import threading
from dataclasses import replace

import numpy as np
import pytest

from MNIST.data import augment
from MNIST.errors import TrainingError
from MNIST.language import lay_out, parse_spec
from MNIST.training import Run, continue_run, epoch_images
from MNIST.training.draws import augmentation_seed, epoch_order
from MNIST.training.memory import least_memory

PLAIN = "Layers:\nFlatten\nDense,10,softmax\nOptimizer:\n0.01\n{epochs}\n100\n"
AUGMENT = "Augment:\nRotate,10\nShift,0.1\nZoom,0.1\nShear,10\nElastic,34,4\n"


def _spec(epochs=3, augment=AUGMENT):
    return parse_spec(PLAIN.format(epochs=epochs) + augment)


@pytest.fixture
def made(monkeypatch):
    """A growing list: for each part of an epoch's images, the epoch's seed and the thread that made it."""
    made = []

    def noted(images, which, augmentations, seed, paper):
        made.append((seed, threading.current_thread()))
        return augment(images, which, augmentations, seed, paper)

    monkeypatch.setattr(epoch_images, "augment", noted)
    return made


def _makers():
    return [thread for thread in threading.enumerate() if thread.name.startswith("next epoch")]


def _received(run, monkeypatch):
    """All images that a run gives to its engine from now on: to train on, and to answer."""
    trained, asked = [], []
    train_epoch, logits = run.engine.train_epoch, run.engine.logits

    def train(images, labels, *others):
        trained.append((images.copy(), labels.copy()))
        return train_epoch(images, labels, *others)

    def answer(images):
        asked.append(images.copy())
        return logits(images)

    monkeypatch.setattr(run.engine, "train_epoch", train)
    monkeypatch.setattr(run.engine, "logits", answer)
    return trained, asked


def test_every_engine_trains_on_the_same_images_and_validates_on_plain_ones(digits, settings_of, monkeypatch):
    run = Run(_spec(2), digits, settings_of, epochs=2)
    trained, asked = _received(run, monkeypatch)
    run.train()
    assert len(trained) == len(asked) == 2
    for epoch, (images, labels) in enumerate(trained, start=1):
        order = epoch_order(digits.train, 0, epoch)
        expected = augment(digits.images, order, run.spec.augment, augmentation_seed(0, epoch))
        assert images.dtype == np.uint8
        assert np.array_equal(images, expected)
        assert not np.array_equal(images, digits.images[order])
        assert np.array_equal(labels, digits.labels[order])
    for images in asked:
        assert np.array_equal(images, digits.images[digits.validation])


def test_without_augment_the_images_are_as_they_are_and_no_thread_works(digits, settings, monkeypatch, made):
    run = Run(_spec(augment=""), digits, settings, epochs=2)
    trained, _ = _received(run, monkeypatch)
    monkeypatch.setattr(epoch_images, "ThreadPoolExecutor", pytest.fail)
    run.train()
    for epoch, (images, _) in enumerate(trained, start=1):
        assert np.array_equal(images, digits.images[epoch_order(digits.train, 0, epoch)])
    assert not made


def test_amounts_of_0_are_no_augmentation(digits, settings):
    nothing = continue_run(_spec(augment="Augment:\nRotate,0\nElastic,0,4\n"), digits, settings, epochs=2)
    plain = continue_run(_spec(augment=""), digits, settings, epochs=2)
    changed = continue_run(_spec(), digits, settings, epochs=2)
    assert [result.loss for result in nothing] == [result.loss for result in plain]
    assert changed[0].loss != plain[0].loss


def test_a_resumed_run_equals_an_uninterrupted_one(digits, settings, tmp_path):
    whole = Run(_spec(), digits, settings, epochs=4)
    whole.train()
    Run(_spec(), digits, settings, epochs=2, checkpoint=tmp_path).train()
    resumed = Run(_spec(), digits, settings, epochs=4, checkpoint=tmp_path)
    assert len(resumed.history) == 2
    resumed.train()
    assert [result.numbers for result in resumed.history] == [result.numbers for result in whole.history]
    weights = whole.engine.get_weights()
    for name, weight in resumed.engine.get_weights().items():
        assert np.array_equal(weight, weights[name])


def test_each_epoch_is_made_once_and_none_that_is_not_trained(digits, settings, made):
    continue_run(_spec(), digits, settings, epochs=3)
    assert [seed for seed, _ in made] == [augmentation_seed(0, epoch) for epoch in (1, 2, 3)]
    assert [thread is threading.main_thread() for _, thread in made] == [True, False, False]
    assert not _makers()


def test_an_epoch_asked_for_again_is_that_epoch(digits):
    images = epoch_images.EpochImages(digits, _spec().augment, seed=0, epochs=3)
    received = []
    for epoch in (1, 1, 2):
        with images.of(epoch) as (pixels, _):
            received.append(pixels)
    assert np.array_equal(received[0], received[1])
    assert not np.array_equal(received[1], received[2])


def test_the_next_epoch_is_made_while_this_one_trains(digits, settings, monkeypatch, made):
    run = Run(_spec(), digits, settings, epochs=2)
    noted, train_epoch, begun = epoch_images.augment, run.engine.train_epoch, []
    second = threading.Event()

    def make(*arguments):
        images = noted(*arguments)
        if len(made) == 2:
            second.set()
        return images

    def train(*arguments):
        assert second.wait(60)
        begun.append(len(made))
        return train_epoch(*arguments)

    monkeypatch.setattr(epoch_images, "augment", make)
    monkeypatch.setattr(run.engine, "train_epoch", train)
    run.train()
    assert begun == [2, 2]  # both epochs' images were made before the first epoch ended, and no others


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_an_error_stops_the_thread_at_once(error, digits, settings, monkeypatch, made):
    monkeypatch.setattr(epoch_images, "PART", 1)  # an epoch has 540 parts
    run = Run(_spec(), digits, settings, epochs=3)
    noted, begun, stop = epoch_images.augment, threading.Event(), threading.Event()

    def make(*arguments):
        if threading.current_thread() is not threading.main_thread():
            begun.set()
            stop.wait(60)
        return noted(*arguments)

    def fail(*arguments):
        assert begun.wait(60)
        assert _makers()
        raise error

    monkeypatch.setattr(epoch_images, "augment", make)
    monkeypatch.setattr(epoch_images, "Event", lambda: stop)
    with monkeypatch.context() as patch:
        patch.setattr(run.engine, "train_epoch", fail)
        with pytest.raises(error):
            run.train()
    assert not _makers()
    assert stop.is_set()
    assert len(made) == 540 + 1  # of the next epoch, only the part that was already begun
    monkeypatch.undo()
    again = run.train()  # the unfinished images of the thread are not used
    whole = continue_run(_spec(), digits, settings, epochs=3)
    assert [result.numbers for result in again] == [result.numbers for result in whole]


def test_an_error_in_the_thread_is_raised_in_the_loop(digits, settings, monkeypatch):
    def fail_in_epoch_3(images, which, augmentations, seed, paper):
        if seed == augmentation_seed(0, 3):
            raise MemoryError
        return augment(images, which, augmentations, seed, paper)

    monkeypatch.setattr(epoch_images, "augment", fail_in_epoch_3)
    run = Run(_spec(), digits, settings, epochs=4)
    with pytest.raises(MemoryError):
        run.train()
    assert len(run.history) == 2  # it failed during epoch 2, which is not lost
    assert not _makers()


def test_what_a_listener_raises_leaves_no_thread(digits, settings):
    def fail(result):
        raise ValueError

    with pytest.raises(ValueError, match=r"^$"):
        Run(_spec(), digits, settings, epochs=3).train(on_epoch=fail)
    assert not _makers()


def test_the_next_epoch_counts_among_what_must_fit(digits, settings, monkeypatch):
    step = least_memory(lay_out(_spec()), 64, "float32", gradients=2)  # of a batch in two pieces
    images = 540 * 784
    monkeypatch.setattr("MNIST.training.memory.available_memory", lambda: step + images - 1)
    Run(_spec(augment=""), digits, settings, epochs=2)
    Run(_spec(), digits, settings, epochs=1)  # it has no next epoch
    with pytest.raises(TrainingError, match="out of memory"):
        Run(_spec(), digits, settings, epochs=2)
    monkeypatch.setattr("MNIST.training.memory.available_memory", lambda: step + images)
    Run(_spec(), digits, settings, epochs=2)


def test_it_learns_from_few_images(digits, settings):
    few = replace(digits, train=digits.train[:7])
    history = continue_run(_spec(), few, settings, epochs=3)
    assert np.isfinite([result.loss for result in history]).all()
