"""`certify` as a user types it."""

from pathlib import Path

import pytest

from MNIST.cli import main

ROOT = Path(__file__).resolve().parents[2]
SMALL = "Layers:\nConv,3,5,5,relu,stride=3\nFlatten\nDense,10,softmax\nOptimizer:\nAdam,0.001\n1\n8\n"
WEIGHTS = ("conv_1/kernel", "conv_1/bias", "dense_3/kernel", "dense_3/bias")


@pytest.fixture
def small(tmp_path: Path) -> str:
    file = tmp_path / "small.txt"
    file.write_text(SMALL, encoding="utf-8")
    return str(file)


@pytest.mark.slow
def test_all_engines_agree_on_every_layer(capsys: pytest.CaptureFixture[str]) -> None:
    """This includes Keras on each backend that is installed, each in a process of its own."""
    file = ROOT / "tests" / "certify" / "everything.txt"
    assert main(["certify", str(file), "--batch", "8", "--entries", "1"]) == 0
    shown = capsys.readouterr().out
    assert "keras on tensorflow" in shown
    assert "engines agree: loss, gradients and weights lie" in shown
    assert "✗" not in shown


def test_a_wrong_engine_fails_and_is_named(
    small: str, wrong_engine: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["certify", small, "--batch", "4"]) == 1
    shown = capsys.readouterr().out
    rows = [line.split() for line in shown.splitlines() if any(name in line for name in WEIGHTS)]
    assert [row[0] for row in rows[:4]] == ["✗", *WEIGHTS[1:]]
    assert rows[0][:6] == ["✗", wrong_engine, "5×5×1×3", "2.0e+00", "0", "wrong"]
    assert shown.endswith(
        f"The 3 engines do not agree: they lie 2.0e+00 apart (tolerance 1.0e-9), wrong farthest off, "
        f"in {wrong_engine}.\n"
    )


def test_finite_differences_fail_alone(
    small: str, wrong_engine: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """All engines agree with one another, and all are wrong."""
    from MNIST.engine_names import ENGINES

    monkeypatch.setitem(ENGINES, "numpy", ENGINES["wrong"])
    monkeypatch.setitem(ENGINES, "again", ENGINES["wrong"])
    assert main(["certify", small, "--batch", "4"]) == 1
    shown = capsys.readouterr().out
    assert "The 3 engines agree" in shown
    assert f"But finite differences of numpy's loss lie 2.0e+00 from its gradient of {wrong_engine}" in shown


@pytest.mark.parametrize(
    ("smooth", "words"),
    [
        ((), "Finite differences of numpy's loss could judge nothing: a kink at each of the 45 entries"),
        (WEIGHTS[2:], f"; left unjudged, all at kinks: {WEIGHTS[0]}, {WEIGHTS[1]}."),
    ],
)
def test_weights_that_finite_differences_cannot_judge_are_named(
    smooth: tuple[str, ...],
    words: str,
    small: str,
    wrong_engine: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from MNIST.certify import differences
    from MNIST.engine_names import ENGINES

    monkeypatch.delitem(ENGINES, "wrong")
    slope = differences._slope
    monkeypatch.setattr(
        differences, "_slope", lambda line, *how: slope(line, *how) if line.name in smooth else None
    )
    assert main(["certify", small, "--batch", "4"]) == 0
    assert words in capsys.readouterr().out


def test_a_dataset_of_ones_own_and_no_differences(
    small: str,
    wrong_engine: str,
    digits_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from MNIST.engine_names import ENGINES

    monkeypatch.delitem(ENGINES, "wrong")
    assert main(["certify", small, "--data", str(digits_folder), "--batch", "5", "--entries", "0"]) == 0
    shown = capsys.readouterr().out
    assert "5 images of digits" in shown
    assert "Differences" not in shown
    assert shown.endswith("lie 0 apart at most (tolerance 1.0e-9).\n")


def test_hundreds_of_classes(small: str, wrong_engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from MNIST.engine_names import ENGINES

    monkeypatch.delitem(ENGINES, "wrong")
    Path(small).write_text(SMALL.replace("10,softmax", "300,softmax"))
    assert main(["certify", small, "--batch", "2", "--entries", "0"]) == 0


def test_an_engine_that_is_not_installed_is_left_out_with_what_it_lacks(
    small: str, wrong_engine: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("MNIST.certify.participants.BACKENDS", ("nowhere",))
    main(["certify", small, "--batch", "2", "--entries", "0"])
    shown = capsys.readouterr().out
    assert "keras on nowhere: left out; KERAS_BACKEND=nowhere: not installed; python -m pip" in shown


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["explore"], "a placeholder, '{convlayers}': this file is a template"),
        (["sonn"], "sonn.txt: ParallelDelta learns without gradients, and certify compares gradients"),
        (["random_features"], "LeastSquares learns without gradients"),
        (["optimized_model", "--batch", "10000"], "try --batch 346"),
        (["optimized_model", "--batch", "0"], "--batch: expected a whole number"),
        (["tests/certify/everything.txt", "--batch", "1"], "--batch: expected at least 2"),
        (["nosuchmodel"], "no model file 'nosuchmodel'"),
    ],
)
def test_what_cannot_be_certified_is_refused(
    words: list[str], message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    assert main(["certify", *words]) == 2
    assert message in capsys.readouterr().err
