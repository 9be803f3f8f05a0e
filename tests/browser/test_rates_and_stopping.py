"""Rates, stopping, streams of random numbers and the split in the browser, beside the functions in Python."""

import math

import numpy as np
import pytest

from MNIST.browser.table import language_table
from MNIST.data.counter_random import splitmix64
from MNIST.language import parse_spec
from MNIST.training.checkpoint import EpochResult
from MNIST.training.rates import epoch_rates
from MNIST.training.stopping import keeps_best, kept_epoch, why_over

HISTORIES = (  # validation losses and accuracies, epoch by epoch
    ([], []),
    ([0.5], [0.8]),
    ([0.5, 0.4, 0.41, 0.40005, 0.45], [0.8, 0.9, 0.9, 0.89, 0.90125]),
    ([0.5, 0.6, 0.7, 0.8, 0.3], [0.5, 0.4, 0.3, 0.2, 0.981255]),
    ([math.nan] * 4, [math.nan] * 4),
    ([0.3, math.nan, 0.2, 0.2, 0.2], [0.9, math.nan, 0.98125, 0.98125, 0.98125]),
)
SCHEDULES = (
    "",
    "Schedule:\nCosine",
    "Schedule:\nCosine,warmup=0.25,final=1e-5",
    "Schedule:\nOneCycle,0.01,warmup=0.2",
    "Schedule:\nOneCycle,0.02,warmup=0,final=0.001",
    "Schedule:\nStep,2,0.3",
    "Schedule:\nPlateau,patience=1",
    "Schedule:\nPlateau,factor=0.1,patience=2,min=0.01,monitor=accuracy,delta=0",
)
STOPS = (
    "",
    "Stop:\npatience=1",
    "Stop:\npatience=2,monitor=accuracy",
    "Stop:\naccuracy=0.981",
    "Stop:\naccuracy=0.9,patience=3",
)


def text(schedule="", stop=""):
    layers = "Layers:\nFlatten\nDense,10,softmax\nOptimizer:\nAdam,0.003,decay=1e-3\nepochs=5\nbatch=100\n"
    return f"{layers}{schedule}\n{stop}\n"


def results(losses, accuracies):
    return [
        EpochResult(number, 1.0, 0.5, loss, accuracy, 0.001, 1.0, 0.0, 1.0, 0)
        for number, (loss, accuracy) in enumerate(zip(losses, accuracies, strict=True), 1)
    ]


@pytest.fixture(scope="module")
def page(modules):
    names = ("random", "draws", "split", "rates", "stopping", "leaves", "metrics")
    places = ["browser/language/language.js", *(f"browser/training/{name}.js" for name in names)]
    page = modules(*places)
    page.evaluate("table => setLanguage(table)", language_table())
    page.evaluate(
        """() => globalThis.historyOf = (losses, accuracies) => losses.map((valLoss, place) =>
             ({epoch: place + 1, valLoss: valLoss ?? NaN, valAccuracy: accuracies[place] ?? NaN}))"""
    )
    return page


def sent(history):
    """A history as two lists, in which None is nan."""
    pairs = zip(*history, strict=True)
    return [
        [None if math.isnan(value) else value for value in values] for values in zip(*pairs, strict=True)
    ] or [
        [],
        [],
    ]


def test_rates_are_those_of_the_command_line(page):
    cases = [
        (text(schedule), history, epoch, steps)
        for schedule in SCHEDULES
        for history in HISTORIES
        for epoch in (1, 2, 5, 6)
        for steps in (1, 7)
    ]
    expected = [
        epoch_rates(parse_spec(words), epoch, steps, results(*history))
        for words, history, epoch, steps in cases
    ]
    found = page.evaluate(
        """cases => cases.map(([text, [losses, accuracies], epoch, steps]) =>
             [...epochRates(parseSpec(text), epoch, steps, historyOf(losses, accuracies))])""",
        [(words, sent(history), epoch, steps) for words, history, epoch, steps in cases],
    )
    for case, ours, theirs in zip(cases, found, expected, strict=True):
        np.testing.assert_allclose(np.float32(ours), theirs, rtol=1.2e-7, atol=0, err_msg=repr(case))


def test_training_ends_and_keeps_as_on_the_command_line(page):
    for stop in STOPS:
        spec = parse_spec(text(stop=stop)).stop
        for history in HISTORIES:
            past = results(*history)
            expected = [keeps_best(spec), why_over(spec, past), kept_epoch(spec, past).epoch if past else 0]
            found = page.evaluate(
                """([text, [losses, accuracies]]) => {
                     const { stop } = parseSpec(text);
                     const history = historyOf(losses, accuracies);
                     const kept = history.length ? keptEpoch(stop, history).epoch : 0;
                     return [keepsBest(stop), whyOver(stop, history), kept];
                   }""",
                [text(stop=stop), sent(history)],
            )
            assert found == expected, (stop, history)


def test_random_numbers_are_the_hash_of_augmentation(page):
    seeds = np.array([0, 1, 2**32 - 1, 2**63 + 12345, 2**64 - 1], np.uint64)
    places = np.array([0, 1, 1000, 2**31, 2**32 - 1, 2**40], np.int64)
    found = page.evaluate(
        "([seeds, places]) => seeds.map((seed) => places.map((place) => splitmix64(seed, place)))",
        [[[int(seed) & 0xFFFFFFFF, int(seed) >> 32] for seed in seeds], places.tolist()],
    )
    halves = np.array(found, np.uint64)
    with np.errstate(over="ignore"):
        expected = splitmix64(seeds[:, None], places)
    assert np.array_equal(halves[..., 0] | halves[..., 1] << np.uint64(32), expected)


def test_streams_differ_by_purpose_and_orders_are_even(page):
    seeds = page.evaluate(
        """() => {
             const leaves = [[1, 0, 0], [1, 0, 1], [1, 1, 0], [2, 0, 0]].map((leaf) => leafSeed(0, ...leaf));
             const others = [augmentationSeed(0, 1), augmentationSeed(0, 2), augmentationSeed(1, 1)];
             return [...leaves, ...others].map(String);
           }"""
    )
    assert len(set(seeds)) == len(seeds)
    orders = np.array(
        page.evaluate(
            "() => Array.from({length: 6000}, (_, epoch) => [...permutation(5, streamSeed(1, epoch))])"
        )
    )
    counts = np.array([np.bincount(orders[:, place], minlength=5) for place in range(5)])
    chi_squared = ((counts - 1200) ** 2 / 1200).sum()
    assert chi_squared < 50  # of 16 degrees of freedom; it would be above 50 by chance once in 40,000 times


def test_a_split_is_a_partition_and_says_what_is_wrong(page):
    found = page.evaluate(
        """() => {
             const { train, validation } = split(1000, 0.85, 3, 50);
             const again = split(1000, 0.85, 3, 50);
             const failed = (...wishes) => {
               try { split(...wishes); return null; } catch (error) { return error.message; }
             };
             return {
               train: [...train], validation: [...validation], again: [...again.train],
               other: [...split(1000, 0.85, 4, 50).train], all: split(1000, 1, 3).train.length,
               errors: [[0.9, 0, 1001], [0.4, 0, 1], [0, 0], [2, 0]].map((wishes) => failed(1000, ...wishes)),
             };
           }"""
    )
    assert len(found["train"]) == 42  # Python's round(42.5)
    assert len({*found["train"], *found["validation"]}) == 50
    assert found["again"] == found["train"] != found["other"]
    assert found["all"] == 1000
    assert found["errors"] == [
        "images: expected 1 to 1,000, which the dataset has, found 1,001",
        "a split of 0.4 of 1 images leaves none to train on",
        "split: expected a number above 0 and at most 1",
        "split: expected a number above 0 and at most 1",
    ]


def test_statistics_of_pixels_and_figures_of_logits(page):
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (20, 784), np.uint8)
    logits = generator.normal(0, 5, (40, 7)).astype(np.float32)
    logits[0, 2] = logits[0, 4] = 50  # the first of two equal ones is the answer
    labels = generator.integers(0, 7, 40)
    labels[0] = 2
    found = page.evaluate(
        """([images, places, logits, labels]) => {
             const counts = pixelCounts(Uint8Array.from(images), places, 784);
             const even = (() => { try { pixelStatistics(pixelCounts(new Uint8Array(1568), [0, 1], 784), 2); }
                                   catch (error) { return error.message; } })();
             const z = Float32Array.from(logits);
             const statistics = pixelStatistics(counts, places.length);
             const figures = measure(z, Int32Array.from(labels), 7);
             return { ...statistics, ...figures, even, probabilities: [...probabilitiesOf(z, 7)] };
           }""",
        [images.ravel().tolist(), [3, 4, 11], logits.ravel().tolist(), labels.tolist()],
    )
    pixels = images[[3, 4, 11]] / 255
    shifted = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    log_probabilities = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    assert math.isclose(found["mean"], pixels.mean(), rel_tol=1e-12)
    assert math.isclose(found["deviation"], pixels.std(), rel_tol=1e-12)
    assert found["even"] == "every pixel of the 2 training images is 0: there is nothing to learn from"
    assert math.isclose(found["loss"], -log_probabilities[np.arange(40), labels].sum(), rel_tol=1e-12)
    assert found["correct"] == (logits.argmax(axis=1) == labels).sum()
    np.testing.assert_allclose(
        np.array(found["probabilities"]).reshape(40, 7), np.exp(log_probabilities), rtol=1e-6
    )


def test_every_image_has_one_leaf_and_one_place_in_each_epoch(page):
    for count in 0, 5, 8, 25, 403:
        leaves = page.evaluate(
            """n => Array.from({ length: 8 }, (_, leaf) =>
                 [...leafOf(Int32Array.from({ length: n }, (_, place) => place), leaf)])""",
            count,
        )
        assert [place for leaf in leaves for place in leaf] == [*range(count)]
        assert [len(leaf) for leaf in leaves] == [(i + 1) * count // 8 - i * count // 8 for i in range(8)]
        begins = page.evaluate("n => Array.from({ length: 9 }, (_, leaf) => leafBegin(n, leaf))", count)
        assert begins == [i * count // 8 for i in range(9)]
    divided = page.evaluate("[...splitOrder(50, 3)]")
    assert sorted(divided) == [*range(50)] != divided
    assert divided != page.evaluate("[...splitOrder(50, 4)]")
    orders = page.evaluate(
        "[1, 2].map(epoch => [...epochOrder(Int32Array.of(7, 9, 30, 31, 44, 2), 3, epoch)])"
    )
    assert [sorted(order) for order in orders] == [[2, 7, 9, 30, 31, 44]] * 2
    assert orders[0] != orders[1]
    again = page.evaluate("[...epochOrder(Int32Array.of(7, 9, 30, 31, 44, 2), 3, 1)]")
    assert again == orders[0]  # whatever came before


def test_the_answer_is_the_first_of_the_likeliest_classes(page):
    probabilities = np.float32([[0.1, 0.8, 0.1], [0.4, 0.2, 0.4], [0, math.nan, 1], [math.nan] * 3])
    found = page.evaluate(
        "values => answersOf(Float32Array.from(values, (value) => value ?? NaN), 3)",
        [None if math.isnan(value) else float(value) for value in probabilities.ravel()],
    )
    assert found == probabilities.argmax(axis=1).tolist() == [1, 0, 1, 0]
