"""Every layer, block, activation and input step in the browser: its numbers are those of the numpy engine."""

from importlib.resources import files

import numpy as np
import pytest
from engine_page import ask, digits, open_engine, posed, problem_data

from MNIST import engines
from MNIST.certify.answers import built
from MNIST.language import lay_out, parse_spec
from MNIST.language.layer import ACTIVATION
from MNIST.training.draws import initial_weights

TOLERANCE = 1e-5  # of each array's largest value: one engine sums in float32, the other in float64
NETWORKS = {
    "valid": "Conv,5,3,2,linear",
    "valid, stride": "Conv,5,4,3,linear,stride=3",
    "same": "Conv,5,4,3,linear,padding=same\nConv,3,2,4,linear,padding=same",
    "same, stride": "Conv,5,4,3,linear,stride=3,padding=same\nConv,9,3,4,tanh,stride=2,padding=same",
    "same, larger than the map": "MaxPool,14,14\n" + 2 * "Conv,5,5,4,linear,padding=same\n",
    "narrower than its stride": "Conv,5,3,3,linear\nConv,6,1,2,linear,stride=3",
    "many filters": "Conv,17,5,5,relu,stride=4\nConv,33,3,3,relu",
    "DepthwiseConv": "Conv,5,3,3,linear\nDepthwiseConv,4,2,linear",
    "DepthwiseConv, stride, same": "Conv,5,3,3,linear\nDepthwiseConv,4,3,tanh,stride=3,padding=same",
    "DepthwiseConv, first": "DepthwiseConv,4,3,silu\nConv,4,3,3,linear",
    "SeparableConv": "Conv,5,3,3,linear\nSeparableConv,6,4,2,tanh",
    "SeparableConv, stride, same": "Conv,5,3,3,linear\nSeparableConv,4,4,3,silu,stride=3,padding=same",
    "MaxPool": "Conv,4,3,3,linear\nMaxPool,3,2",
    "MaxPool, two by two": "Conv,8,4,4,linear\nMaxPool,2,2",
    "MaxPool, two by two, five channels": "Conv,5,4,4,linear\nMaxPool,2,2",
    "MaxPool, stride, same": "Conv,4,3,3,linear\nMaxPool,3,2,stride=2,padding=same",
    "AvgPool": "Conv,5,3,3,linear\nAvgPool,3,2",
    "AvgPool, stride, same": "Conv,4,3,3,linear\nAvgPool,3,2,stride=2,padding=same",
    "GlobalAvgPool": "Conv,7,3,3,linear\nGlobalAvgPool\nDense,10,linear",
    "BatchNorm": "Conv,4,3,3,linear\nBatchNorm,epsilon=1e-5",
    "BatchNorm of a row": "Flatten\nDense,12,linear\nBatchNorm",
    "BatchNorm behind what keeps a shift": "Conv,6,3,3,linear\nMaxPool,2,2\nBatchNorm\nActivation,relu",
    "BatchNorm, several": "Conv,6,3,3,linear\nBatchNorm\nActivation,elu\nConv,5,3,3,tanh,stride=2\nBatchNorm",
    "BatchNorm in blocks": "Conv,4,3,3,relu,stride=2\nResidual:\n  BatchNorm\n  Conv,4,3,3,elu,padding=same\n"
    "  BatchNorm\nParallel:\n  Path:\n    BatchNorm\n  Path:\n    Conv,3,1,1,linear\n    BatchNorm",
    "LocalResponseNorm": "Conv,6,3,3,linear\nLocalResponseNorm,size=3,alpha=0.2,beta=0.6,k=1",
    "LocalResponseNorm, as usual": "Conv,9,3,3,linear\nLocalResponseNorm,alpha=0.1",
    "LocalResponseNorm, wider than the map": "Conv,3,3,3,linear\nLocalResponseNorm,size=9,alpha=0.2",
    "Pad": "Conv,3,3,3,linear\nPad,1,3\nConv,4,3,3,linear",
    "Dropout": "Dropout,0.5\nConv,4,3,3,linear\nDropout,0.3",
    "GaussianNoise": "GaussianNoise,0.5\nConv,4,3,3,linear\nGaussianNoise,0.5",
    "Residual": "Conv,4,3,3,linear\nResidual:\n    Conv,4,3,3,relu,padding=same",
    "Residual, projected": "Conv,4,3,3,linear\nResidual:\n    Conv,6,3,3,relu,stride=3,padding=same",
    "Residual of a row": "Flatten\nDense,8,tanh\nResidual:\n    Dense,8,relu",
    "Parallel": "Conv,3,3,3,elu\nParallel:\n  Path:\n    Conv,3,1,1,relu\n"
    "  Path:\n    Pad,1,1\n    Conv,4,3,3,tanh",
    "Parallel of rows": "Conv,3,3,3,elu\nParallel:\n  Path:\n    Flatten\n  Path:\n    GlobalAvgPool",
    "no layer but the last": "",
} | {name: f"Conv,4,3,3,{name}\nActivation,{name}" for name in ACTIVATION.choices if name != "softmax"}
INPUTS = {"Scale": "Scale", "Standardize": "Standardize", "Threshold": "Threshold,1,100,200"}
COLUMNS = (
    "Input:\nThreshold,1,64,128\nLayers:\nColumns,60,12,spread=9\nOptimizer:\nParallelDelta,0.05\n1\n32\n"
)


def _text(layers, prepared="Scale", smoothing=0):
    body = f"Input:\n{prepared}\nLayers:\n{layers}\nFlatten\nDense,10,softmax\nOptimizer:\nSGD,0.1\n1\n32\n"
    return body + f"label_smoothing={smoothing}\n"


TEXTS = (
    {name: _text(layers) for name, layers in NETWORKS.items()}
    | {name: _text("Conv,4,3,3,relu", step) for name, step in INPUTS.items()}
    | {"smoothed labels": _text("Conv,4,3,3,relu", smoothing=0.3)}
)


@pytest.fixture(scope="module")
def page(modules):
    return open_engine(modules, "browser/engine/memory.js")


def _close(found, expected, floor=0.0):
    atol = max(TOLERANCE * np.abs(expected).max(), floor)
    np.testing.assert_allclose(found.reshape(expected.shape), expected, rtol=0, atol=atol)


@pytest.mark.parametrize("name", TEXTS)
def test_logits_loss_and_every_gradient(name, page):
    problem = posed(TEXTS[name])
    with built(problem, "numpy") as engine:
        loss, gradients = engine.gradients(problem.images, problem.labels)
        logits = engine.logits(problem.images)
    found = ask(page, "answer", problem=problem_data(problem, TEXTS[name]))
    assert found["loss"] == pytest.approx(loss, rel=TOLERANCE)
    _close(found["logits"], logits)
    rounding = 1e-12 * max(np.abs(each).max() for each in gradients.values())
    assert found["gradients"].keys() == gradients.keys()
    for path, each in gradients.items():
        _close(found["gradients"][path], each, floor=rounding)


ANSWERS = """({ text, weights, images, statistics }) => {
  const how = { pixelStatistics: statistics, training: false };
  const engine = Engine.create(kernels.simd, layOut(parseSpec(text)), how);
  engine.setWeights(weights);
  return { logits: engine.logits(images), seen: engine.look(images.subarray(0, 784)) };
}"""


@pytest.mark.parametrize("text", [COLUMNS, "everything"], ids=["Columns", "everything"])
def test_answers_of_trained_networks(text, page):
    if text == "everything":
        text = (files("MNIST").joinpath("../tests/certify/everything.txt")).read_text(encoding="utf-8")
    network, images = lay_out(parse_spec(text)), digits()[0][:70]
    weights = initial_weights(network, 0)
    how = {"precision": "float32", "threads": 1, "pixel_statistics": (0.13, 0.31), "weights": weights}
    engine = engines.create(network.only_engine or "numpy", network, **how)
    expected = engine.logits(images)
    engine.close()
    flat = {name: each.ravel().astype("f4") for name, each in weights.items()}
    statistics = {"mean": 0.13, "deviation": 0.31}
    found = ask(page, ANSWERS, text=text, weights=flat, images=images.ravel(), statistics=statistics)
    _close(found["logits"], expected)
    assert [seen["path"] for seen in found["seen"]] == _in_order(network.to_logits())
    for seen in found["seen"]:
        assert seen["values"].size == np.prod(seen["shape"])
        assert seen["text"].startswith(seen["kind"])
    _close(found["seen"][-1]["values"], expected[0])


def _in_order(nodes):
    """The paths of nodes in the order of computation, without those of Path."""
    paths = []
    for node in nodes:
        paths += _in_order(node.children)
        if type(node.layer).__name__ != "Path":
            paths.append(node.path)
    return paths


STATES = """async ({ problem }) => {
  const { text, weights } = problem;
  const workers = new Workers(problem, 1, "simd");
  const [engine] = workers.engines;
  const run = async (some) => { await some.differentiate(); some.update(0.01); };
  await run(workers);
  const state = engine.getState();
  await run(workers);
  const again = new Workers(problem, 1, "simd");
  again.engines[0].setState(state);
  await run(again);
  const norms = engine.gradientNorms();
  const [refused, short] = [[], new Float32Array(1)];
  for (const wrong of [{}, { ...weights, more: short }, { ...weights, "conv_1/bias": short }]) {
    try { engine.setWeights(wrong); } catch (error) { refused.push(error.message); }
  }
  const [one, other] = [engine.getState(), again.engines[0].getState()];
  const { gradients } = await workers.differentiate();
  return { one, other, norms, gradients, refused, slots: engine.slots() };
}"""


def test_a_state_goes_on_where_it_was_taken_and_wrong_arrays_are_refused(page):
    text = _text("Conv,4,3,3,linear,stride=2\nBatchNorm\nDropout,0.5").replace("SGD,0.1", "Adam,0.01")
    found = ask(page, STATES, problem=problem_data(posed(text), text))
    np.testing.assert_equal(found["other"], found["one"])
    assert found["one"]["optimizer/steps"] == 2
    assert {"optimizer/conv_1/kernel/1", "batchnorm_2/moving_mean"} < found["one"].keys()
    assert found["slots"].size == 2 * sum(each.size for each in found["gradients"].values())
    assert [norm["path"] for norm in found["norms"]] == ["conv_1", "batchnorm_2", "dense_5"]
    assert all(norm["norm"] > 0 for norm in found["norms"])
    empty, more, short = found["refused"]
    assert "conv_1/kernel" in empty
    assert more.endswith(": more")
    assert short.endswith(": conv_1/bias")


DRAWN = """({ text, seeds }) => seeds.map((seed) => {
  const network = layOut(parseSpec(text));
  const engine = Engine.create(kernels.simd, network, { pixelStatistics: { mean: 0, deviation: 1 } });
  engine.drawWeights(seed);
  return engine.getWeights();
})"""


def test_initial_weights_have_their_variances_and_streams_of_their_own(page):
    inits = "glorot_uniform", "glorot_normal", "he_uniform", "he_normal", "lecun_uniform", "lecun_normal"
    layers = "\n".join(f"Dense,{100 + k},relu,init={init}" for k, init in enumerate(inits))
    text = _text("Flatten\n" + layers + "\nBatchNorm")
    one, same, other = ask(page, DRAWN, text=text, seeds=[3, 3, 4])
    np.testing.assert_equal(one, same)
    expected = initial_weights(lay_out(parse_spec(text)), 3)
    assert one.keys() == expected.keys()
    for name, each in expected.items():
        found = one[name]
        if each.std() == 0:
            np.testing.assert_array_equal(found, each.ravel())
            continue
        assert not np.array_equal(found, other[name])
        assert found.std() == pytest.approx(each.std(), rel=0.05)
        assert abs(found.mean()) < 0.05 * each.std() * np.sqrt(10_000 / found.size)
        assert np.abs(found).max() == pytest.approx(np.abs(each).max(), rel=0.2)


REFUSALS = """({ texts, leafImages }) => texts.map((text) => {
  try {
    const how = { pixelStatistics: { mean: 0, deviation: 1 }, leafImages, leaves: 8 };
    Engine.create(kernels.simd, layOut(parseSpec(text)), how);
  } catch (error) {
    return [error instanceof TooLarge, error.message];
  }
})"""


def test_what_cannot_be_trained_here_is_refused_with_a_sentence(page):
    large = _text("Flatten\nDense,400000,relu")
    columns, too_large = ask(page, REFUSALS, texts=[COLUMNS, large], leafImages=4)
    assert columns == [
        False,
        "ParallelDelta is a learning rule without gradients: the browser only computes its answers",
    ]
    assert too_large[0]
    assert "with its batches it needs 7.1 GiB of memory" in too_large[1]


def test_gradients_agree_with_finite_differences(page):
    """Without the numpy engine: two losses of the browser's engine decide."""
    text = _text("Conv,3,5,5,tanh,stride=4\nConv,4,3,3,softplus\nBatchNorm", smoothing=0.1)
    problem = posed(text)
    data = problem_data(problem, text)
    gradients = ask(page, "answer", problem=data)["gradients"]
    for name, gradient in gradients.items():
        if name == "conv_2/bias" or not gradient.any():
            continue
        losses = []
        for sign in (1, -1):
            step = np.float32(sign * 0.01) * gradient / np.linalg.norm(gradient)
            moved = {**data["weights"], name: data["weights"][name] + step}
            losses.append(ask(page, "answer", problem={**data, "weights": moved})["loss"])
        slope = (losses[0] - losses[1]) / 0.02
        assert slope == pytest.approx(np.linalg.norm(gradient), rel=2e-3), name
