"""The sonn engine, judged by plain loops that follow its layer and its rule; and on real MNIST."""

import io
from dataclasses import replace
from math import sqrt

import numpy as np
import pytest
from examples import slowly

from MNIST import engines
from MNIST.data import About, load, split
from MNIST.engines.columns import engine as sonn_engine
from MNIST.engines.columns.binary_maps import threshold
from MNIST.errors import ModelError, UsageError
from MNIST.language import lay_out, parse_spec, read_text
from MNIST.training import Run, load_trained, resolve_settings, save_trained
from MNIST.training.draws import initial_weights

LEVELS, NEURONS, CONNECTIONS, SPREAD = (1, 100, 200), 6, 4, 9
TEXT = """
Input:
Threshold,1,100,200
Layers:
Columns,6,4,spread=9
Optimizer:
ParallelDelta,0.5,decay=0.1,reach=1.5,lessons=0.3,prune=0.2
epochs=3
batch=50
"""
IMAGES = np.random.default_rng(0).integers(0, 256, (150, 28, 28), dtype=np.uint8)
LABELS = np.random.default_rng(1).integers(0, 10, 150).astype(np.uint8)
SPEC = parse_spec(TEXT)
INPUTS = 28 * 28 * len(LEVELS)


def _weights(seed=0, text=TEXT):
    return initial_weights(lay_out(parse_spec(text)), seed)


def _engine(text=TEXT, weights=None, name="sonn"):
    return engines.create(
        name,
        lay_out(parse_spec(text)),
        precision="float32",
        threads=1,
        pixel_statistics=(0.1, 0.3),
        weights=weights or _weights(text=text),
    )


def _train(engine, images=IMAGES, labels=LABELS, rates=(0.5, 0.25, 0.125), seed=7):
    return engine.train_epoch(images, labels, np.array(rates, np.float32), seed, lambda *step: None)


def _inputs(image):
    """The binary input of one image, as the language defines it."""
    return [int(pixel >= level) for pixel in image.ravel() for level in LEVELS]


def _sum(weights, digit, neuron, inputs):
    """By how much a neuron's sum exceeds its threshold."""
    sources, strengths = (weights[f"columns_1/{name}"][digit, neuron] for name in ("sources", "weights"))
    total = np.float32(0)
    for source, strength in zip(sources, strengths, strict=True):
        total += strength * np.float32(inputs[int(source)])
    return total - weights["columns_1/thresholds"][digit, neuron]


def _votes(weights, inputs):
    return [sum(_sum(weights, digit, n, inputs) > 0 for n in range(NEURONS)) for digit in range(10)]


def test_a_map_for_each_level_as_the_language_defines_it():
    maps = threshold(IMAGES, LEVELS)
    assert maps.dtype == bool
    assert np.array_equal(np.moveaxis(maps, 0, -1), IMAGES[..., None] >= np.array(LEVELS, np.uint8))
    assert threshold(IMAGES[:0], (255,)).shape == (1, 0, 28, 28)


def test_connections_begin_in_a_window_somewhere_in_the_image():
    for spread in (1, 9, 28):
        weights = _weights(text=TEXT.replace("Columns,6,4,spread=9", f"Columns,500,20,spread={spread}"))
        sources = weights["columns_1/sources"]
        assert np.array_equal(sources, np.floor(sources))
        channel, pixel = sources % 3, sources // 3
        assert np.array_equal(np.unique(channel), [0, 1, 2])
        for place in (pixel // 28, pixel % 28):
            assert np.array_equal(np.unique(place), np.arange(28))
            width = (place.max(axis=-1) - place.min(axis=-1)).max()
            assert width == spread - 1
    assert abs(weights["columns_1/weights"].std() - 1) < 0.01
    assert not weights["columns_1/thresholds"].any()


def test_logits_are_the_votes_of_plain_loops():
    weights = _weights()
    engine = _engine()
    expected = [_votes(weights, _inputs(image)) for image in IMAGES[:20]]
    logits = engine.logits(IMAGES[:20])
    assert (logits.dtype, logits.shape) == (np.float32, (20, 10))
    assert logits == pytest.approx(np.array(expected) * 4 / sqrt(NEURONS), abs=1e-6)
    assert engine.logits(IMAGES[:0]).shape == (0, 10)


def test_an_epoch_is_that_of_plain_loops():
    """Without pruning, it follows the rule image by image and neuron by neuron."""
    text = TEXT.replace("prune=0.2", "prune=0")
    weights, engine = _weights(), _engine(text)
    lead, reach, rates, right, taught = 1.0, 1.5, (0.5, 0.25, 0.125), 0, 0
    for step, rate in enumerate(rates):
        batch = range(50 * step, 50 * step + 50)
        growth = np.zeros_like(weights["columns_1/weights"])
        lowering = np.zeros_like(weights["columns_1/thresholds"])
        leads = []
        for image in batch:
            inputs, label = _inputs(IMAGES[image]), int(LABELS[image])
            votes = _votes(weights, inputs)
            right += votes.index(max(votes)) == label
            others = [-1 if digit == label else count for digit, count in enumerate(votes)]
            rival = others.index(max(others))
            leads.append(votes[label] - votes[rival])
            if leads[-1] >= lead:
                continue
            taught += 1
            for digit, sign in ((label, 1), (rival, -1)):
                for neuron in range(NEURONS):
                    if abs(_sum(weights, digit, neuron, inputs)) > reach:
                        continue
                    sources = weights["columns_1/sources"][digit, neuron].astype(int)
                    growth[digit, neuron] += [sign * inputs[source] for source in sources]
                    lowering[digit, neuron] += sign
        weights["columns_1/weights"] += np.float32(rate) * growth
        weights["columns_1/thresholds"] -= np.float32(rate) * lowering
        lead = 0.95 * lead + 0.05 * max(1.0, np.quantile(leads, 0.3))
    metrics = _train(engine, rates=rates)
    assert 0 < taught < 150
    assert metrics.accuracy == right / 150
    assert np.isnan(metrics.gradient_norm_mean)
    for name, array in engine.get_weights().items():
        assert np.array_equal(array, weights[name]), name
    assert engine.get_state()["optimizer/lead"] == lead


def test_what_is_reported_is_the_loss_and_the_accuracy_before_each_step():
    engine, reports = _engine(), []
    rates = np.zeros(3, np.float32)  # so that no step changes a weight
    logits = engine.logits(IMAGES).astype(np.float64)
    metrics = engine.train_epoch(IMAGES, LABELS, rates, 7, lambda *step: reports.append(step))
    losses = np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(150), LABELS]
    right = logits.argmax(axis=1) == LABELS
    assert [step for step, _, _ in reports] == [1, 2, 3]
    for (_, loss, accuracy), seen in zip(reports, (50, 100, 150), strict=True):
        assert loss == pytest.approx(losses[:seen].mean(), abs=1e-6)
        assert accuracy == right[:seen].mean()
    assert reports[-1][1:] == (metrics.loss, metrics.accuracy)
    assert {type(number) for report in reports for number in report[1:]} == {float}


def test_the_weakest_connections_grow_anew_nearby():
    images = IMAGES.copy()
    images[:, :9] = 0  # a connection to these rows has no effect, however large its weight is
    before, engine = _weights(), _engine()
    _train(engine, images, rates=(0, 0, 0))
    after = engine.get_weights()
    old, new = before["columns_1/sources"], after["columns_1/sources"]
    grown = (after["columns_1/weights"] == 0) & (before["columns_1/weights"] != 0)
    assert grown.sum() == int(0.2 * 10 * NEURONS * CONNECTIONS)
    assert np.array_equal(old[~grown], new[~grown])
    assert np.array_equal(before["columns_1/weights"][~grown], after["columns_1/weights"][~grown])
    deviations = np.array([_inputs(image) for image in images]).std(axis=0)
    strengths = abs(before["columns_1/weights"]) * deviations[old.astype(int)]
    assert strengths[grown].max() <= strengths[~grown].min()
    for digit, neuron, connection in np.argwhere(grown):
        pixel = new[digit, neuron, connection] // 3
        near = old[digit, neuron] // 3
        rows, columns = abs(pixel // 28 - near // 28), abs(pixel % 28 - near % 28)
        assert (np.maximum(rows, columns) < SPREAD).any()
    again = _engine()
    _train(again, images, rates=(0, 0, 0))
    assert np.array_equal(again.get_weights()["columns_1/sources"], new)
    other = _engine()
    _train(other, images, rates=(0, 0, 0), seed=8)
    assert not np.array_equal(other.get_weights()["columns_1/sources"], new)


def test_how_many_are_computed_at_once_changes_nothing(monkeypatch):
    whole = _engine()
    metrics = _train(whole)
    monkeypatch.setattr(sonn_engine, "MOST_NUMBERS", 7 * 10 * NEURONS)  # 7 images
    parts = _engine()
    assert _train(parts).accuracy == metrics.accuracy
    for name, array in whole.get_state().items():
        assert np.array_equal(array, parts.get_state()[name]), name
    assert np.array_equal(whole.logits(IMAGES), parts.logits(IMAGES))


def test_a_resumed_run_equals_an_uninterrupted_one(digits_folder, tmp_path):
    data = split(load(digits_folder), 0.9, seed=0, images=600)
    settings = resolve_settings("digits", images=600, split=0.9, seed=0, engine="sonn")
    whole = Run(SPEC, data, settings, epochs=3)
    whole.train()
    for epochs in (1, 2):
        Run(SPEC, data, settings, epochs=epochs, checkpoint=tmp_path).train()
    resumed = Run(SPEC, data, settings, epochs=3, checkpoint=tmp_path)
    assert len(resumed.history) == 2
    resumed.train()
    assert [result.numbers for result in resumed.history] == [result.numbers for result in whole.history]
    for name, array in whole.engine.get_state().items():
        assert np.array_equal(array, resumed.engine.get_state()[name]), name


def test_what_a_run_leaves_reads_back_equal(digits_folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    data = split(load(digits_folder), 0.9, seed=0, images=300)
    run = Run(SPEC, data, resolve_settings("x", images=300, split=0.9, seed=0, engine="sonn"), epochs=1)
    run.train()
    save_trained("columns", run, TEXT, About("digits"), ["train"])
    model = load_trained("columns")
    assert np.array_equal(model.engine.logits(data.images), run.engine.logits(data.images))
    assert ",nan,nan," in (tmp_path / "Model_Output/columns/history.csv").read_text()


def _saved(**changed):
    arrays = {name: changed.get(name.partition("/")[2], array) for name, array in _weights().items()}
    stream = io.BytesIO()
    np.savez(stream, allow_pickle=False, **arrays)
    return stream.getvalue()


def _sources(first):
    sources = _weights()["columns_1/sources"].copy()
    sources[0, 0, 0] = first
    return sources


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (_saved(sources=_sources(INPUTS)), "whole numbers from 0 to 2,351"),
        (_saved(sources=_sources(-1)), "whole numbers"),
        (_saved(sources=_sources(0.5)), "whole numbers"),
        (_saved(sources=_sources(np.nan)), "whole numbers"),
        (_saved(sources=_sources(np.inf)), "whole numbers"),
        (_saved(sources=_sources(1).astype(np.int64)), "sources is not an array <f4"),
        (_saved(weights=np.zeros((10, 6, 5), np.float32)), "weights is not an array <f4"),
        (b"", "not a .npz file"),
    ],
)
def test_a_file_that_is_not_this_networks_own_is_refused(content, reason):
    with pytest.raises(ModelError, match=reason):
        _engine().load(content)


def test_saved_and_read_it_is_the_same_network():
    engine = _engine()
    _train(engine)
    name, content = engine.save()
    assert name in engines.MODEL_FILES
    again = engines.read_saved(
        "sonn", lay_out(SPEC), content, precision="float32", threads=1, pixel_statistics=(0.1, 0.3)
    )
    assert again.save() == (name, content)
    assert np.array_equal(again.logits(IMAGES), engine.logits(IMAGES))


def test_wrong_weights_are_refused():
    engine = _engine()
    with pytest.raises(ValueError, match="names differ"):
        engine.set_weights({})
    with pytest.raises(ValueError, match="columns_1/weights"):
        engine.set_weights({**_weights(), "columns_1/weights": np.zeros(3, np.float32)})


def test_state_is_a_copy_not_a_view():
    engine = _engine()
    state = engine.get_state()
    kept = {name: array.copy() for name, array in state.items()}
    _train(engine)
    assert all(np.array_equal(state[name], kept[name]) for name in state)
    engine.set_state(state)
    _train(engine)
    assert all(np.array_equal(state[name], kept[name]) for name in state)


def test_each_network_has_its_engines():
    dense = "Layers:\nFlatten\nDense,10,softmax\nOptimizer:\nAdam,0.001\n1\n10\n"
    with pytest.raises(
        UsageError, match="Columns learns by a rule of its own, not by gradients: --engine sonn"
    ):
        _engine(name="keras")
    with pytest.raises(UsageError, match="are others: --engine keras"):
        _engine(dense, name="sonn")
    with pytest.raises(UsageError, match="--engine sonn"):
        engines.read_saved(
            "keras", lay_out(SPEC), b"", precision="float32", threads=1, pixel_statistics=(0.1, 0.3)
        )
    with pytest.raises(UsageError, match="cannot compute in bfloat16"):
        engines.resolve_precision("sonn", "bfloat16")
    assert engines.resolve_precision("sonn", "auto") == "float32"


@pytest.mark.parametrize("seed", [0, *slowly(range(1, 5))])
def test_half_of_a_hundred_images_are_right_after_thirty_passes_over_a_hundred(seed, shipped, mnist_folder):
    data = split(load(mnist_folder), 0.5, seed, images=200)
    settings = resolve_settings("mnist", images=200, split=0.5, seed=seed, engine="sonn")
    history = Run(replace(shipped, batch_size=10), data, settings, epochs=30).train()
    assert history[-1].val_accuracy >= 0.5


@pytest.mark.slow
def test_nine_of_ten_are_right_after_two_passes_over_ten_thousand(shipped, mnist_folder):
    data = split(load(mnist_folder), 0.9, seed=0, images=12_000)
    settings = resolve_settings("mnist", images=12_000, split=0.9, seed=0, engine="sonn")
    history = Run(shipped, data, settings, epochs=2).train()
    assert history[-1].val_accuracy >= 0.9


@pytest.fixture(scope="module")
def shipped(request):
    return parse_spec(read_text(request.config.rootpath / "Models" / "sonn.txt"))
