"""Starting from a trained network: its weights begin another run, whichever engines the two runs use."""

import hashlib
import json
from dataclasses import asdict, replace

import numpy as np
import pytest
from examples import slowly
from small_model import TEXT

from MNIST.data import About
from MNIST.errors import ModelError, UsageError
from MNIST.language import canonical_text, lay_out, parse_spec, simplify
from MNIST.training import Run, load_trained, resolve_settings, run_identity, save_trained, weights_of
from MNIST.training.checkpoint import Checkpoint, save_checkpoint
from MNIST.training.identity import NUMBERS, weights_digest

SPEC = parse_spec(TEXT, "net.txt")


@pytest.fixture
def start(small) -> dict[str, np.ndarray]:
    return weights_of("small", SPEC)


def _begun(start, settings, digits, **changes) -> Run:
    settings = replace(settings, start=weights_digest(start))
    return Run(SPEC, digits, settings, epochs=2, start=start, **changes)


def test_the_new_run_begins_with_those_very_weights(start, settings, digits, trained):
    run = _begun(start, settings, digits)
    before = trained[1].engine.get_weights()
    assert all(np.array_equal(array, before[name]) for name, array in run.engine.get_weights().items())
    assert run.history == []
    assert run.train()[0].loss < trained[1].history[0].loss


def test_it_is_resumed_to_the_same_bits(start, settings, digits, tmp_path):
    whole = _begun(start, settings, digits)
    whole.train()
    first = _begun(start, settings, digits, checkpoint=tmp_path / "checkpoint")
    first.epochs = 1
    first.train()
    resumed = _begun(start, settings, digits, checkpoint=tmp_path / "checkpoint")
    assert len(resumed.history) == 1
    resumed.train()
    state = resumed.engine.get_state()
    assert all(np.array_equal(array, state[name]) for name, array in whole.engine.get_state().items())


def test_the_weights_are_a_part_of_the_runs_identity(start, settings):
    begun = replace(settings, start=weights_digest(start))
    assert run_identity(SPEC, begun) != run_identity(SPEC, settings)
    key = next(iter(start))
    other = {**start, key: np.nextafter(start[key], 1, dtype=start[key].dtype)}
    assert weights_digest(other) != weights_digest(start)
    assert settings.changes_from(asdict(begun)).endswith(", now none")
    whole, some = replace(settings, images=None), replace(settings, images=100)
    assert some.changes_from(asdict(whole)) == "images all, now 100"


def test_a_run_with_drawn_weights_is_who_it_was_before_there_were_others(settings):
    content = {
        "numbers": NUMBERS,
        "model": canonical_text(replace(simplify(SPEC), epochs=1)),
        **{name: value for name, value in asdict(settings).items() if name != "start"},
    }
    expected = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    assert run_identity(SPEC, settings) == expected


def test_records_and_checkpoints_of_before_are_still_read(small, settings, keras_settings, digits, tmp_path):
    record = json.loads((small / "run.json").read_text())
    del record["settings"]["start"]
    (small / "run.json").write_text(json.dumps(record))
    assert load_trained("small").record.settings == keras_settings

    run = Run(SPEC, digits, settings, epochs=1)
    run.train()
    before = {name: value for name, value in asdict(settings).items() if name != "start"}
    checkpoint = Checkpoint(run.identity, before, run.history, run.engine.get_state())
    save_checkpoint(tmp_path / "checkpoint", checkpoint)
    assert len(Run(SPEC, digits, settings, epochs=1, checkpoint=tmp_path / "checkpoint").history) == 1
    warnings = []
    seed_1 = replace(settings, seed=1)
    Run(SPEC, digits, seed_1, epochs=1, checkpoint=tmp_path / "checkpoint", warn=warnings.append)
    assert warnings == ["starting afresh: the checkpoint there is of another run (seed 0, now 1)"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("Conv,4", "Conv,5"), "net.txt, line 3: conv_1/kernel takes 3×3×1×5 weights, and small has 3×3×1×4"),
        (
            ("Flatten", "Flatten\nDense,16,relu"),
            "net.txt, line 6: dense_4/kernel takes 144×16 weights, and small has none",
        ),
        (("Conv,4,3,3,relu\nMaxPool,4,4\n", ""), "net.txt, line 5: dense_3/kernel takes 784×10"),
    ],
)
def test_a_network_of_another_shape_is_told_by_its_first_layer_that_differs(change, message, small):
    with pytest.raises(UsageError) as refused:
        weights_of("small", parse_spec(TEXT.replace(*change), "net.txt"))
    assert str(refused.value).startswith(message)


def test_a_layer_without_weights_may_be_put_in_between(start, small):
    spec = parse_spec(TEXT.replace("Flatten", "Dropout,0.1\nFlatten"), "net.txt")
    moved = weights_of("small", spec)
    assert list(moved) == ["conv_1/kernel", "conv_1/bias", "dense_6/kernel", "dense_6/bias"]
    assert all(np.array_equal(one, other) for one, other in zip(moved.values(), start.values(), strict=True))


def test_weights_that_no_layer_takes_are_told(small):
    from MNIST.training.start import refuse_other_layers

    weights = {**load_trained("small").engine.get_weights(), "dense_9/kernel": np.zeros(3)}
    with pytest.raises(UsageError, match="small has weights that this network has no layer for: dense_9"):
        refuse_other_layers("small", weights, lay_out(SPEC))


def test_a_damaged_network_begins_nothing(small):
    with (small / "model.keras").open("ab") as stream:
        stream.write(b"x")
    with pytest.raises(ModelError, match="not the file that run"):
        weights_of("small", SPEC)


def test_other_weights_than_the_settings_name_are_a_mistake_of_ours(start, settings, digits):
    with pytest.raises(ValueError, match="not the weights that the settings name"):
        Run(SPEC, digits, settings, epochs=1, start=start)


@pytest.mark.parametrize(
    "engine", ["keras", "numpy", *slowly(["modules", "tensors", "autograd"])], indirect=True
)
def test_any_engine_goes_on_from_keras(engine, start, digits, trained):
    """Logits of about 10 may differ by 1e-4: float32 has seven digits, and the order of sums differs."""
    settings = resolve_settings(
        "digits", images=600, split=0.9, seed=0, engine=engine, precision="float32", start=start
    )
    run = Run(SPEC, digits, settings, epochs=1, start=start)
    assert all(np.array_equal(array, start[name]) for name, array in run.engine.get_weights().items())
    expected = trained[1].engine.logits(digits.images)
    assert np.allclose(run.engine.logits(digits.images), expected, atol=1e-4)
    assert run.train()[0].loss < trained[1].history[0].loss


@pytest.mark.parametrize(
    "engine", ["keras", "numpy", *slowly(["modules", "tensors", "autograd"])], indirect=True
)
def test_any_engine_computes_what_keras_has_trained(engine, small, digits, trained):
    model = load_trained("small", engine=engine)
    expected = trained[1].engine.logits(digits.images)
    assert np.allclose(model.engine.logits(digits.images), expected, atol=1e-4)


def test_columns_keep_the_map_that_they_are_connected_to(digits, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = "Input:\nThreshold,64,128\nLayers:\nColumns,20,8\nOptimizer:\nParallelDelta,0.05\n1\n100\n"
    settings = resolve_settings("digits", images=600, split=0.9, seed=0, engine="sonn", precision="float32")
    run = Run(parse_spec(text), digits, settings, epochs=1)
    run.train()
    save_trained("columns", run, text, About("digits"), [])
    assert weights_of("columns", parse_spec(text))
    with pytest.raises(
        UsageError, match=r"connected to a map of 28×28×2, and this network to one of 28×28×1"
    ):
        weights_of("columns", parse_spec(text.replace("64,128", "64")))
