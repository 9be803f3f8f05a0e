"""`check` as a user types it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from MNIST.cli import main
from MNIST.commands import check
from MNIST.language import parse_spec
from MNIST.training.checkpoint import EpochResult
from MNIST.training.rates import run_rates
from MNIST.training.stopping import is_over

ROOT = Path(__file__).resolve().parent.parent.parent

BLOCKS = """\
Input:
Threshold,1,128
Layers:
Repeat,2:
    Residual:                      # narrows the map
        Conv,8,3,3,relu,padding=same,stride=2
        BatchNorm
GlobalAvgPool
Dense,10,softmax
Optimizer:
Nesterov,0.01
epochs=1
batch=64
"""

TRAINING = """\
Layers:
Flatten
Dense,10,softmax
Optimizer:
Adam,0.001
epochs=20
batch=128
label_smoothing=0.10
Schedule:
OneCycle,0.01,warmup=0.25,final=0
Augment:
Shift,0.1
rotate,10.0
Stop:
accuracy=0.99,patience=5
monitor=loss
"""

TEMPLATE = """\
Layers:
Flatten
Repeat,{hidden}:
    Dropout,{dropout}        # a comment
    Dense,{units},relu
Dense,10,softmax
Optimizer:
{rate}
5
100
Explore:
hidden+dropout=0+0,1+0.25
units=8:800:8
"""


@pytest.fixture(autouse=True)
def _at_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


@pytest.fixture
def blocks(tmp_path: Path) -> Path:
    file = tmp_path / "blocks.txt"
    file.write_text(BLOCKS, encoding="utf-8")
    return file


def test_a_table_of_a_network_with_blocks(blocks: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(blocks)]) == 0
    assert capsys.readouterr().out == (Path(__file__).parent / "check_blocks.expected").read_text(
        encoding="utf-8"
    ).replace("{file}", str(blocks))


def test_what_is_special_about_a_training_is_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "training.txt"
    file.write_text(TRAINING, encoding="utf-8")
    assert main(["check", str(file)]) == 0
    assert capsys.readouterr().out == (Path(__file__).parent / "check_training.expected").read_text(
        encoding="utf-8"
    ).replace("{file}", str(file))


def test_several_files_and_a_template(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "optimized_model", "example_model.txt", "Models/demo.txt", "explore"]) == 0
    shown = capsys.readouterr().out
    assert shown.count("MFLOPs") == 3
    assert "12 layers                      227,754   14.43" in shown
    explore = "python MNIST explore Data NAME --template Models/explore.txt"
    assert f"  A template with 13 placeholders; `{explore}` explores it.\n" in shown
    assert "  {dropout}     0.1,0.25       lines 6, 10: Dropout,{dropout}\n" in shown
    assert "  2,304 points in the whole grid" in shown


def test_a_template_with_many_values_joined_ones_and_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "a template.txt"
    file.write_text(TEMPLATE, encoding="utf-8")
    assert main(["check", str(file)]) == 0
    assert capsys.readouterr().out == (Path(__file__).parent / "check_template.expected").read_text(
        encoding="utf-8"
    ).replace("{file}", str(file))


def test_a_template_s_values_are_checked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "t.txt"
    file.write_text(TEMPLATE.replace("0+0,", "").replace("8:800:8", "8,0") + "rate=0.1\n")
    assert main(["check", str(file)]) == 2
    assert f"{file}, line 5: units: expected a whole number" in capsys.readouterr().err


def test_all_files_are_read_and_all_mistakes_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = tmp_path / "first.txt", tmp_path / "second.txt"
    first.write_text("Layers:\nDens,10,softmax\nOptimizer:\n0.001\n5\n1\n")
    second.write_text("Layers:\nFlatten\nDense,10,softmax\nOptimizer:\n0\n5\n1\n")
    assert main(["check", str(first), "demo", str(second), "nosuchmodel"]) == 2
    printed = capsys.readouterr()
    assert "Models/demo.txt" in printed.out
    assert f"{first}, line 2: unknown layer 'Dens'; did you mean 'Dense'?" in printed.err
    assert f"{second}, line 5: rate: expected a number above 0" in printed.err
    assert "no model file 'nosuchmodel'" in printed.err


@pytest.mark.parametrize("width", [30, 60, 200])
def test_a_narrow_terminal_shortens_the_layers_only(
    width: int, blocks: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(check, "_terminal_width", lambda: width)
    assert main(["check", str(blocks)]) == 0
    table = [line for line in capsys.readouterr().out.splitlines()[1:] if "  " in line]
    assert max(map(len, table)) <= max(width, 58)
    assert any("…" in line for line in table) == (width < 80)


def test_check_imports_nothing_heavy() -> None:
    code = (
        "import sys; from MNIST.cli import main; main(['check', 'optimized_model']);"
        "heavy = {'numpy', 'pandas', 'keras', 'tensorflow', 'torch', 'talos', 'rich'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert result.stdout.endswith("[]\n")


@pytest.mark.parametrize(
    ("name", "remark"),
    [
        (
            "25_both_patient",
            "remark     Plateau lowers the rate only after a gain of at most 0.0001: `Stop:` ends",
        ),
        ("28_upside_down", "remark     Rotate turns some images upside down, and a 6 upside down is a 9"),
    ],
)
def test_what_is_probably_not_meant_is_remarked(name, remark, public_cases, capsys):
    assert main(["check", str(public_cases / f"{name}.txt")]) == 0
    assert remark in capsys.readouterr().out


@pytest.mark.parametrize(
    ("delta", "what"),
    [("0", "never lowers the rate"), ("0.05", "lowers the rate only after a gain of at most 0.05")],
)
def test_what_is_remarked_about_plateau_is_true(delta: str, what: str) -> None:
    plateau = f"Schedule:\nPlateau,delta={delta}\nStop:\npatience=3\n"
    spec = parse_spec(f"Layers:\nFlatten\nDense,10,softmax\nOptimizer:\n0.1\n9\n100\n{plateau}")
    ends = "`Stop:` ends the training 3 epochs after the best one"
    assert [*check.remarks(spec)] == [f"Plateau {what}: {ends}"]
    falling = [EpochResult(n, 1, 0.5, 1 - n / 100, 0.5, 0.1, 1, 0, 1, 0) for n in range(1, 9)]
    assert not is_over(spec.stop, falling)
    assert (run_rates(spec, 1, falling)[-1] < 0.09) == (delta != "0")


def test_what_a_terminal_would_obey_is_not_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "t.txt"
    file.write_text(
        TEMPLATE.replace("8:800:8", "\x1b[31mred,\x1b]0;x\x07").replace("{rate}", "{rate},\x1b[2J")
    )
    assert main(["check", str(file)]) == 0
    shown = capsys.readouterr().out
    assert "·[31mred,·]0;x·" in shown
    assert "{rate},·[2J" in shown
    assert not set(shown) & set("\x1b\x07")


def test_a_terminal_that_does_not_tell_its_width_shortens_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    end, terminal = os.openpty()  # both say that they have 0 columns
    with os.fdopen(terminal, "w") as stdout, os.fdopen(end):
        monkeypatch.setattr(sys, "stdout", stdout)
        assert check._terminal_width() is None


def test_a_folder_without_data_has_no_classes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    assert main(["check", "mlp", "--data", str(tmp_path)]) == 2
    assert "has no dataset" in capsys.readouterr().err
    (tmp_path / "classes.txt").write_text("a\nb\n")
    assert main(["check", "mlp", "--data", str(tmp_path)]) == 2
    assert "this dataset has 2 classes" in capsys.readouterr().err
