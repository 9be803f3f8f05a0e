"""Every engine computes the same step: each layer, block and optimizer, and each shipped model file."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from examples import slowly

from MNIST import certify
from MNIST.certify import Answer, certificate
from MNIST.certify.certificate import Spread, compare, spread
from MNIST.certify.differences import Judged
from MNIST.data.digits import make_digits
from MNIST.errors import CertifyError, UsageError
from MNIST.language import LAYERS, OPTIMIZERS, lay_out, parse_spec, parse_template
from MNIST.language.layer import ACTIVATION

EVERYTHING = (Path(__file__).parent / "everything.txt").read_text(encoding="utf-8")
SMALL = """Layers:
Conv,3,5,5,relu,stride=3
Flatten
Dropout,0.2
Dense,10,softmax
Optimizer:
Adam,0.001
1
8
"""
MODELS = Path(__file__).resolve().parents[2] / "Models"
SMALL_ENOUGH = 100_000_000  # operations in one image's forward pass; all engines then take half a minute
QUICK = 1_000_000  # the same; all engines then take some seconds

OPTIMIZER_LINES = {
    "SGD": "SGD,0.1,decay=0.01",
    "Momentum": "Momentum,0.1",
    "Nesterov": "Nesterov,0.1,momentum=0.8",
    "RMSprop": "RMSprop,0.001,rho=0.8,momentum=0.7",
    "Adam": "Adam,0.003,beta1=0.8",
    "AdamW": "AdamW,0.003,weight_decay=0.1",
    "Adagrad": "Adagrad,0.01",
}


def _shipped() -> list[str]:
    """The model files that are not templates, learn by gradients, and are small enough."""
    names = []
    for file in sorted(MODELS.glob("*.txt")):
        template = parse_template(file.read_text(encoding="utf-8"), str(file))
        spec = None if template.names else template.fill({})
        if spec and spec.optimizer.follows_gradients and lay_out(spec).flops <= SMALL_ENOUGH:
            names.append(file.name)
    return names


@pytest.fixture(scope="session")
def problem_of():
    """A function that poses the problem of a model text, on the first of the embedded digits."""
    images, labels, _, _ = make_digits()

    def posed(text: str, batch: int = 8, seed: int = 0) -> certify.Problem:
        return certify.pose(lay_out(parse_spec(text)), images[:batch], labels[:batch], seed)

    return posed


@pytest.fixture
def in_process() -> list[certify.Participant]:
    """The installed engines that need no process of their own."""
    return [participant for participant in certify.installed()[0] if not participant.elsewhere]


def test_a_batch_of_blank_images_is_refused() -> None:
    blank = np.zeros((3, 28, 28), np.uint8)
    with pytest.raises(UsageError, match="every pixel of the first 3 images is equal; take more"):
        certify.pose(lay_out(parse_spec(SMALL)), blank, np.zeros(3, np.uint8))


def test_the_file_has_everything() -> None:
    words = {line.strip().split(",")[0].split(":")[0] for line in EVERYTHING.splitlines()}
    assert set(LAYERS) - words == {"Columns"}  # it learns without gradients, by ParallelDelta
    assert set(OPTIMIZER_LINES) == {name for name, rule in OPTIMIZERS.items() if rule.follows_gradients}
    activations = {*ACTIVATION.choices} - {"swish"}  # which is another spelling of silu
    assert activations == {*re.findall(rf",({'|'.join(activations)})\b", EVERYTHING)}


@pytest.mark.parametrize("pixels", ["Scale", *slowly(["Standardize", "Threshold,1,64,192"])])
def test_every_layer_is_the_same_in_all_engines(pixels, problem_of, in_process) -> None:
    problem = problem_of(EVERYTHING.replace("Standardize", pixels))
    found = certify.certify(problem, in_process, entries=2)
    assert found.passed, [row for row in found.rows if not row.agrees]
    assert set(found.versions) >= {"numpy", "keras on tensorflow"}
    assert all(row.judged.entries for row in found.rows if row.judged)


@pytest.mark.slow
@pytest.mark.parametrize("line", OPTIMIZER_LINES.values())
def test_every_optimizer_is_the_same_in_all_engines(line, problem_of, in_process) -> None:
    """An update treats every weight alike, whatever layer it belongs to."""
    text = SMALL.replace("Flatten", "BatchNorm\nFlatten").replace("Adam,0.001", line)
    found = certify.certify(problem_of(text), in_process, entries=0)
    assert found.passed, [row for row in found.rows if not row.agrees]


@pytest.mark.slow
@pytest.mark.parametrize("name", _shipped())
def test_every_small_model_file_is_certified(name, problem_of, in_process) -> None:
    text = (MODELS / name).read_text(encoding="utf-8")
    is_large = lay_out(parse_spec(text)).flops > QUICK  # its layers are judged by differences in others
    found = certify.certify(problem_of(text, batch=4), in_process, entries=0 if is_large else 1)
    assert found.passed, [row for row in found.rows if not row.agrees]


def test_a_wrong_sign_is_found_and_named(problem_of, wrong_engine) -> None:
    problem = problem_of(SMALL)
    found = certify.certify(problem, certify.installed()[0], entries=1)
    assert not found.passed
    assert [row.name for row in found.rows if not row.agrees] == [wrong_engine]
    assert found.largest == Spread(pytest.approx(2), "wrong")


def test_answers_about_other_weights_are_no_answers(problem_of) -> None:
    problem = problem_of(SMALL)
    answer = certify.answer(problem, "numpy")
    fewer = replace(answer, gradients={})
    with pytest.raises(CertifyError, match=r"b: its gradients differ .*: conv_1/bias"):
        compare(problem, {"a": answer, "b": fewer})


@pytest.mark.parametrize("place", ["loss", "gradients", "first", "last"])
def test_each_part_of_an_answer_counts(place, problem_of) -> None:
    problem = problem_of(SMALL)
    answer = certify.answer(problem, "numpy")
    assert compare(problem, {"a": answer, "b": answer, "c": answer}).largest.difference == 0
    for factor, passes in ((1 + 1e-10, True), (1 + 1e-8, False), (np.nan, False), (np.inf, False)):
        part = getattr(answer, place)
        changed = part * factor if place == "loss" else part | {"dense_4/bias": part["dense_4/bias"] * factor}
        found = compare(problem, {"a": answer, "b": replace(answer, **{place: changed}), "c": answer})
        assert found.passed == passes
        assert found.largest.engine == "b"


def test_a_gradient_that_is_only_rounding_is_held_against_nobody(problem_of) -> None:
    """A bias before BatchNorm has the gradient 0; each engine rounds its sum differently."""
    text = SMALL.replace("5,relu,stride=3", "5,linear,stride=3\nBatchNorm")
    problem = problem_of(text)
    answer = certify.answer(problem, "numpy")
    assert np.abs(answer.gradients["conv_1/bias"]).max() < 1e-15
    noise = answer.gradients | {"conv_1/bias": np.full(3, 1e-17)}
    assert compare(problem, {"a": answer, "b": replace(answer, gradients=noise)}).passed
    wrong = answer.gradients | {"conv_1/bias": np.full(3, 1e-9)}
    assert not compare(problem, {"a": answer, "b": replace(answer, gradients=wrong)}).passed


def test_a_spread_is_that_of_the_pair_farthest_apart_and_names_the_stray() -> None:
    one, two, three = np.array([4.0, 1.0]), np.array([4.0, 1.5]), np.array([4.0, 0.9])
    assert spread({"one": one, "two": two, "three": three}) == Spread(pytest.approx(0.15), "two")
    assert spread({"one": np.zeros(2), "two": np.zeros(2)}).difference == 0
    assert spread({"one": np.zeros(2), "two": np.array([0.0, 1e-300])}).difference == np.inf
    assert certificate.TOLERANCE == 1e-9


@pytest.mark.parametrize("number", [np.nan, np.inf])
@pytest.mark.parametrize("place", ["gradient", "weights", "judged"])
def test_what_is_not_finite_agrees_with_nothing(place: str, number: float) -> None:
    same = Spread(0.0, "a")
    row = certificate.ParameterRow("w", (2,), same, same, Judged(0.0, 1, 0))
    assert row.agrees
    other = Judged(number, 1, 0) if place == "judged" else Spread(number, "b")
    assert not replace(row, **{place: other}).agrees


def test_a_problem_is_drawn_from_its_seed_and_hides_nothing(problem_of) -> None:
    one, same, other = problem_of(EVERYTHING), problem_of(EVERYTHING), problem_of(EVERYTHING, seed=1)
    for name, weight in one.weights.items():
        assert weight.dtype == np.float64
        assert np.array_equal(weight, same.weights[name])
        assert not np.array_equal(weight, other.weights[name])
        if name.endswith(
            ("bias", "beta", "moving_mean")
        ):  # half are moved, and half keep their initial value
            assert np.count_nonzero(weight) == (weight.size + 1) // 2
    noise, *masks = one.draws.values()
    assert noise.shape == (8, 15, 15, 6)
    assert (abs(noise.mean()), noise.std()) == (pytest.approx(0, abs=0.03), pytest.approx(1, abs=0.03))
    assert {mask.shape for mask in masks} == {(8, 8, 8, 8), (8, 9)}
    assert all(set(np.unique(mask)) == {0, 1} for mask in masks)
    assert one.first(3).draws.keys() == one.draws.keys()
    assert {len(mask) for mask in one.first(3).draws.values()} == {3}


def test_problem_and_answer_survive_their_files(problem_of, tmp_path) -> None:
    problem = problem_of(EVERYTHING)
    problem.write(tmp_path)
    again = certify.Problem.read(tmp_path)
    assert (again.network, again.pixel_statistics) == (problem.network, problem.pixel_statistics)
    answer = certify.answer(again, "numpy")
    answer.write(tmp_path)
    read = Answer.read(tmp_path)
    assert (read.version, read.loss) == (answer.version, answer.loss)
    found = compare(problem, {"before": certify.answer(problem, "numpy"), "after": read})
    assert found.largest.difference == 0


@pytest.fixture
def broken_keras(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], certify.Participant]:
    """A function that lets Keras raise an error in another process; it returns the participant there."""
    folder = tmp_path / "libraries"
    folder.mkdir()
    monkeypatch.setenv("PYTHONPATH", str(folder))

    def broken(error: str) -> certify.Participant:
        for library in "keras", "torch":
            (folder / f"{library}.py").write_text(f"raise {error}", encoding="utf-8")
        return certify.Participant("keras", "torch")

    return broken


def test_an_engine_that_dies_in_its_process_is_named_with_its_last_words(problem_of, broken_keras) -> None:
    with pytest.raises(CertifyError, match=r"keras on torch: .* exit code 1: RuntimeError: out of order"):
        certify.certify(problem_of(SMALL), [broken_keras("RuntimeError('out of order')")], entries=0)


def test_an_engine_whose_library_cannot_be_loaded_is_left_out(
    problem_of, broken_keras, broken_engine
) -> None:
    """In a process of its own, and in this one."""
    elsewhere, here = broken_keras("ImportError('libx.so: no such file')"), certify.Participant(broken_engine)
    lacks: dict[str, str] = {}
    found = certify.certify(
        problem_of(SMALL),
        [elsewhere, here, certify.Participant("numpy")],
        entries=1,
        on_missing=lambda participant, lack: lacks.update({participant.name: lack}),
    )
    assert list(found.versions) == ["numpy"]
    reason = "which is installed but cannot be loaded: libx.so: no such file"
    assert lacks == {
        "keras on torch": f"the engine keras needs keras, {reason}",
        broken_engine: f"the engine {broken_engine} needs broken_library, {reason}",
    }
    with pytest.raises(CertifyError, match="nothing to compare"):
        certify.certify(problem_of(SMALL), [elsewhere, here], entries=1)


def test_an_engine_that_does_not_end_is_given_up(problem_of, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("MNIST.certify.elsewhere.PATIENCE", 0.01)
    nowhere = certify.Participant("keras", "nowhere")
    with pytest.raises(CertifyError, match=r"^keras on nowhere: no answer within 0\.01 seconds; .* ended$"):
        certify.certify(problem_of(SMALL), [nowhere], entries=0)


@pytest.mark.parametrize(
    ("layers", "name"),
    [
        ("Flatten\nDense,4,linear\nBatchNorm", "batchnorm_3"),
        ("Conv,4,28,28,linear\nRepeat,2:\n    BatchNorm\nFlatten", "batchnorm_2"),
        ("GlobalAvgPool\nResidual:\n    BatchNorm", "residual_2.batchnorm_1"),
        ("Conv,4,27,28,linear\nBatchNorm\nFlatten", None),  # each channel has two numbers
    ],
)
def test_batchnorm_of_one_number_is_refused(layers: str, name: str | None) -> None:
    """BatchNorm makes 0 or a rounding error of it, so a relu behind it has either slope by chance."""
    text = f"Layers:\n{layers}\nActivation,relu\nDense,10,softmax\nOptimizer:\n0.1,0\n1\n8\n"
    network = lay_out(parse_spec(text))
    certify.refuse_single_numbers(network, 2)
    if name is None:
        certify.refuse_single_numbers(network, 1)
    else:
        with pytest.raises(UsageError, match=f"^--batch: expected at least 2; .* {name} "):
            certify.refuse_single_numbers(network, 1)


def test_what_is_too_large_is_refused() -> None:
    large = SMALL.replace("Conv,3,5,5,relu,stride=3", "Conv,256,9,9,relu\nConv,256,9,9,relu")
    with pytest.raises(UsageError, match=r"GFLOP for 32 images forward, .* try --batch \d$"):
        certify.refuse_too_large(lay_out(parse_spec(large)), 32, 7)
    huge = lay_out(parse_spec(SMALL.replace("Dense,10", "Dense,200000,relu\nDense,10")))
    with pytest.raises(UsageError, match="700 engines need at least"):
        certify.refuse_too_large(huge, 1, 700)
