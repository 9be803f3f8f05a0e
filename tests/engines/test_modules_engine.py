"""The modules engine, judged by formulas written out in float64."""

import os
import subprocess
import sys
from pathlib import Path as FilePath

import numpy as np
import pytest

from MNIST import engines
from MNIST.language import LAYERS, lay_out, optimizers, parse_spec
from MNIST.language.layer import ACTIVATION
from MNIST.language.layers import Columns, Path, Repeat
from MNIST.training import softmax
from MNIST.training.draws import initial_weights
from MNIST.training.rates import epoch_rates

torch = pytest.importorskip("torch", reason="needs PyTorch: python -m pip install '.[torch]'")

from MNIST.engines.modules.custom import Dropout  # noqa: E402
from MNIST.engines.modules.layers import ACTIVATIONS, BUILDERS  # noqa: E402
from MNIST.engines.modules.optimizers import OPTIMIZERS  # noqa: E402
from MNIST.engines.torch_backend import memory_errors  # noqa: E402

END = "Dense,10,softmax\nOptimizer:\n{optimizer}\n1\n32\n"
ROWS = "Layers:\nFlatten\n" + END
DROPPING = "Layers:\nConv,4,3,3,relu\nDropout,0.3\nFlatten\nDense,8,tanh\nDropout,0.5\n" + END
IMAGES = np.random.default_rng(0).integers(0, 256, (70, 28, 28), dtype=np.uint8)
LABELS = (np.arange(70) % 10).astype(np.uint8)
PIXELS = (0.13, 0.31)
_THREADS = os.cpu_count()


def _engine(text, precision="float64", threads=_THREADS, draws=None):
    network = lay_out(parse_spec(text))
    weights = initial_weights(network, seed=0)
    return engines.create(
        "modules",
        network,
        precision=precision,
        threads=threads,
        pixel_statistics=PIXELS,
        weights=weights,
        draws=draws,
    )


def _train(engine, text, epoch=1, images=IMAGES, labels=LABELS, seed=7):
    rates = epoch_rates(parse_spec(text), epoch, -(-len(images) // 32))
    return engine.train_epoch(images, labels, rates, seed, lambda *step: None)


def _same(arrays, others):
    return arrays.keys() == others.keys() and all(
        np.array_equal(arrays[name], others[name]) and arrays[name].dtype == others[name].dtype
        for name in arrays
    )


@pytest.mark.slow
def test_pytorch_starts_without_its_compiler_and_repeats_its_results():
    started = (
        "import sys, torch, MNIST.engines.torch_backend\n"
        "print(torch.are_deterministic_algorithms_enabled(), 'torch._inductor' in sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", started], capture_output=True, text=True, check=True)
    assert result.stdout == "True False\n"


def test_every_layer_activation_and_optimizer_of_the_language_has_its_place():
    elsewhere = {Path, Repeat, Columns}  # the first two are laid out away, the last is the engine sonn's
    assert set(BUILDERS) == set(LAYERS.values()) - elsewhere
    assert set(ACTIVATIONS) == set(ACTIVATION.choices) - {"softmax", "swish"}  # the loss's; another spelling
    assert set(OPTIMIZERS) == {o for o in optimizers.OPTIMIZERS.values() if o.follows_gradients}


def _adam_step(o, w, g, slots, learning_rate, n):
    m, s = (slots.setdefault(name, np.zeros_like(w)) for name in "ms")
    m += (1 - o.beta1) * (g - m)
    s += (1 - o.beta2) * (g**2 - s)
    return w - learning_rate * np.sqrt(1 - o.beta2**n) / (1 - o.beta1**n) * m / (np.sqrt(s) + o.epsilon)


def _adamw_step(o, w, g, slots, learning_rate, n):
    return _adam_step(o, w - learning_rate * o.weight_decay * w, g, slots, learning_rate, n)


def _sgd_step(o, w, g, slots, learning_rate, n):
    v = slots["v"] = o.momentum * slots.get("v", 0.0) - learning_rate * g
    return w + o.momentum * v - learning_rate * g if o.nesterov else w + v


def _rmsprop_step(o, w, g, slots, learning_rate, n):
    s = slots["s"] = o.rho * slots.get("s", 0.0) + (1 - o.rho) * g**2
    v = slots["v"] = o.momentum * slots.get("v", 0.0) + learning_rate * g / np.sqrt(s + o.epsilon)
    return w - v


def _adagrad_step(o, w, g, slots, learning_rate, n):
    s = slots["s"] = slots.get("s", o.accumulator) + g**2
    return w - learning_rate * g / np.sqrt(s + o.epsilon)


FORMULAS = {
    "SGD,0.5,decay=0.1": _sgd_step,
    "SGD,0.5,decay=0.1,momentum=0.9": _sgd_step,
    "SGD,0.5,decay=0.1,momentum=0.9,nesterov=true": _sgd_step,
    "RMSprop,0.01,decay=0.1,epsilon=1e-3": _rmsprop_step,
    "RMSprop,0.01,decay=0.1,momentum=0.5": _rmsprop_step,
    "Adam,0.01,decay=0.1": _adam_step,
    "Adam,0.01,decay=0.1,epsilon=0.1,beta1=0.5,beta2=0.9": _adam_step,
    "AdamW,0.01,decay=0.1,weight_decay=0.1": _adamw_step,
    "Adagrad,0.01,decay=0.1": _adagrad_step,
    "Adagrad,0.01,decay=0.1,accumulator=0,epsilon=0.01": _adagrad_step,
}


@pytest.mark.parametrize("optimizer", FORMULAS)
def test_steps_follow_the_optimizers_formula(optimizer):
    """Six steps in two epochs of softmax regression, where ∂L/∂W = xᵀ(p − y)/n and ∂L/∂b = Σ(p − y)/n."""
    text = ROWS.format(optimizer=optimizer)
    engine, spec = _engine(text), parse_spec(text)
    weights = engine.get_weights()
    slots = {name: {} for name in weights}
    for epoch in (1, 2):
        norms = []
        metrics = _train(engine, text, epoch)
        for step, rate in enumerate(epoch_rates(spec, epoch, 3).astype(np.float64)):
            batch = slice(32 * step, 32 * step + 32)  # the last step has 6 images
            x = IMAGES[batch].reshape(-1, 784) / 255
            logits = x @ weights["dense_2/kernel"] + weights["dense_2/bias"]
            error = (softmax(logits) - np.eye(10)[LABELS[batch]]) / len(x)
            gradients = {"dense_2/kernel": x.T @ error, "dense_2/bias": error.sum(axis=0)}
            norms.append(np.sqrt(sum((g**2).sum() for g in gradients.values())))
            for name, g in gradients.items():
                n = 3 * (epoch - 1) + step + 1
                weights[name] = FORMULAS[optimizer](spec.optimizer, weights[name], g, slots[name], rate, n)
        assert metrics.gradient_norm_mean == pytest.approx(np.mean(norms), rel=1e-11)
        assert metrics.gradient_norm_variance == pytest.approx(np.var(norms), rel=1e-9)
    for name, weight in engine.get_weights().items():
        # PyTorch divides where the formula multiplies: each step may differ in the sixteenth digit.
        assert weight == pytest.approx(weights[name], rel=1e-11, abs=1e-13)


ACTIVATION_FORMULAS = {
    "linear": lambda x: x,
    "relu": lambda x: np.maximum(x, 0),
    "leaky_relu": lambda x: np.where(x < 0, 0.2 * x, x),
    "elu": lambda x: np.where(x < 0, np.expm1(np.minimum(x, 0)), x),
    "silu": lambda x: x / (1 + np.exp(-x)),
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "tanh": np.tanh,
    "softplus": lambda x: np.logaddexp(0, x),
}


@pytest.mark.parametrize("name", sorted({*ACTIVATION.choices} - {"softmax", "swish"}))
def test_activations_follow_their_formula(name):
    x = np.linspace(-60, 60, 121)
    expected = ACTIVATION_FORMULAS[name](x)
    assert ACTIVATIONS[name]()(torch.tensor(x)).numpy() == pytest.approx(expected, rel=1e-13, abs=1e-25)


def _layer(line, x):
    """The output of one layer in training for some maps, both float64 (batch, rows, columns, channels)."""
    text = f"Input:\nThreshold,{','.join(str(n + 1) for n in range(x.shape[-1]))}\nLayers:\n{line}\nFlatten\n"
    network = _engine(text + END.format(optimizer="SGD,1"))._network
    maps = torch.tensor(x).permute(0, 3, 1, 2)
    return network.body[0](maps).detach().permute(0, 2, 3, 1).numpy(), network


def test_padded_places_are_not_counted_and_never_win():
    x = np.random.default_rng(1).normal(size=(2, 28, 28, 3)) - 9  # below the zeros of the padding
    for window, stride in [((2, 2), 1), ((4, 3), 2), ((3, 2), 3), ((2, 3), 5)]:
        line = f"Pool,{window[0]},{window[1]},stride={stride},padding=same"
        means, largest = _layer(f"Avg{line}", x)[0], _layer(f"Max{line}", x)[0]
        places = -(-28 // stride)
        assert means.shape == largest.shape == (2, places, places, 3)
        before = [max((places - 1) * stride + side - 28, 0) // 2 for side in window]
        for row in range(places):
            for column in range(places):
                begins = [place * stride - b for place, b in zip((row, column), before, strict=True)]
                rows, columns = (slice(max(b, 0), b + side) for b, side in zip(begins, window, strict=True))
                seen = x[:, rows, columns]
                assert means[:, row, column] == pytest.approx(seen.mean(axis=(1, 2)), rel=1e-12)
                assert np.array_equal(largest[:, row, column], seen.max(axis=(1, 2)))


def test_local_response_norm_follows_its_formula():
    x = np.random.default_rng(1).normal(size=(2, 28, 28, 7))
    ours, _ = _layer("LocalResponseNorm,size=5,alpha=0.1", x)
    for channel in range(7):
        near = x[..., max(0, channel - 2) : channel + 3]
        expected = x[..., channel] / (2.0 + 0.1 * (near**2).sum(axis=-1)) ** 0.75
        assert ours[..., channel] == pytest.approx(expected, rel=1e-12)


def test_batch_norm_keeps_the_variance_that_it_divides_by():
    x = np.random.default_rng(1).normal(2, 3, size=(5, 28, 28, 3))
    ours, network = _layer("BatchNorm,momentum=0.9,epsilon=0.5", x)
    mean, variance = x.mean(axis=(0, 1, 2)), x.var(axis=(0, 1, 2))
    assert ours == pytest.approx((x - mean) / np.sqrt(variance + 0.5), rel=1e-9, abs=1e-12)
    moving = {name: weight.detach().numpy() for name, weight in network.weights.items()}
    assert moving["batchnorm_1/moving_mean"] == pytest.approx(0.1 * mean, rel=1e-12)
    assert moving["batchnorm_1/moving_variance"] == pytest.approx(0.9 + 0.1 * variance, rel=1e-12)


def test_batch_norm_takes_a_batch_of_one_image():
    text = ("Layers:\nFlatten\nBatchNorm\n" + END).format(optimizer="SGD,0.1")
    engine = _engine(text)
    _train(engine, text, images=IMAGES[:33], labels=LABELS[:33])
    weights = engine.get_weights()
    assert all(np.isfinite(weight).all() for weight in weights.values())
    x = IMAGES[:33].reshape(33, 784) / 255
    expected = 0.99 * (0.99 + 0.01 * x[:32].var(axis=0))  # one image has no variance
    assert weights["batchnorm_2/moving_variance"] == pytest.approx(expected, rel=1e-12)


def test_dropout_keeps_its_proportion_and_the_mean():
    values = torch.ones(200_000, dtype=torch.float64)
    text = ("Layers:\nFlatten\nDropout,0.3\n" + END).format(optimizer="SGD,1")
    modules = _engine(text)._network.modules()
    (dropout,) = (module for module in modules if isinstance(module, Dropout))
    out = dropout(values)
    assert set(out.unique().tolist()) == {0.0, 1 / 0.7}
    # Four standard deviations of the proportion dropped: 4 √(0.3 · 0.7 / 200,000).
    assert (out == 0).double().mean().item() == pytest.approx(0.3, abs=0.0041)
    assert torch.equal(dropout.eval()(values), values)


def test_an_epoch_depends_on_its_seed_alone():
    text = DROPPING.format(optimizer="Adam,0.01")
    engine = _engine(text)
    state = engine.get_state()
    one = _train(engine, text, seed=1)
    torch.rand(5)  # draws by others change nothing
    engine.set_state(state)
    assert _train(engine, text, seed=2) != one
    engine.set_state(state)
    assert _train(engine, text, seed=1) == one


def test_another_engines_threads_change_nothing():
    text = DROPPING.format(optimizer="Adam,0.01")
    alone = _engine(text, "float32", threads=1)
    _train(alone, text)
    beside = _engine(text, "float32", threads=1)
    _engine(text, "float32", threads=2).logits(IMAGES)
    _train(beside, text)
    assert _same(alone.get_weights(), beside.get_weights())


def test_out_of_memory_is_pythons_memory_error():
    with pytest.raises(MemoryError), memory_errors():
        torch.ones(2**45)  # 128 TiB
    with pytest.raises(RuntimeError, match="size"), memory_errors():
        torch.ones(2) @ torch.ones(3)


@pytest.mark.slow
def test_nothing_is_said_on_the_screen():
    """Read-only NumPy arrays, which PyTorch warns about, must not print anything either."""
    script = """
import numpy as np
from MNIST import engines
from MNIST.language import lay_out, parse_spec
from MNIST.training.draws import initial_weights
images, labels = np.zeros((8, 28, 28), np.uint8), np.zeros(8, np.uint8)
images.flags.writeable = labels.flags.writeable = False
text = "Layers:\\nConv,4,2,2,relu,padding=same\\nFlatten\\nDense,10,softmax\\n"
network = lay_out(parse_spec(text + "Optimizer:\\nAdam,0.1\\n1\\n8\\n"))
weights = initial_weights(network, 0)
for weight in weights.values():
    weight.flags.writeable = False
engine = engines.create(
    "modules", network, precision="float32", threads=1, pixel_statistics=(0.1, 0.3), weights=weights
)
engine.train_epoch(images, labels, np.zeros(1, np.float32), 0, lambda *_: None)
engine.logits(images)
print(engines.version("modules"), "on", engines.device("modules"))
"""
    outcome = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=FilePath(__file__).parents[2]
    )
    assert outcome.returncode == 0, outcome.stderr
    assert outcome.stderr == ""
    assert outcome.stdout.startswith(f"modules (PyTorch {torch.__version__}, NumPy {np.__version__}) on ")
