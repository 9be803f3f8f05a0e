"""What looks wrong in a dataset is said by every command that a user might turn to first."""

import re
from pathlib import Path

import pytest

from MNIST import cli

MODEL = "Layers:\nFlatten\nDense,10,softmax\nOptimizer:\n{rate}\n1\n100\nExplore:\nrate=0.01,0.1\n"
NUMPY = "--engine", "numpy", "--images", "200"


@pytest.mark.parametrize(
    "words",
    [
        ["show", "CASE", "--png", "x.png"],
        ["train", "CASE", "net", "net.txt", *NUMPY],
        ["explore", "CASE", "scan", "--template", "grid.txt", "--plan", "--workers", "1", *NUMPY],
    ],
    ids=lambda words: words[0],
)
@pytest.mark.parametrize(
    ("case", "said"),
    [("02_inverted", "dark ink on bright paper"), ("03_zero_one", "the brightest pixel is 1")],
)
def test_it_is_said_before_anything_is_done(words, case, said, public_cases, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("grid.txt").write_text(MODEL)
    Path("net.txt").write_text(MODEL.replace("{rate}", "0.01").split("Explore:")[0])
    assert cli.main([str(public_cases / case) if word == "CASE" else word for word in words]) == 0
    assert re.search(rf"^{re.escape(str(public_cases / case))}: .*{said}", capsys.readouterr().err, re.M)


def test_pixels_that_are_all_equal_are_refused_before_they_are_standardized(
    public_cases, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    text = public_cases / "03_standardize.txt"
    words = ["train", str(public_cases / "03_zeros"), "net", str(text), "--engine", "numpy"]
    assert cli.main(words) != 0
    assert "every pixel of the 225 training images is 0" in capsys.readouterr().err
    assert not [path for path in Path("Model_Output").rglob("*") if path.is_file()]
    case = str(public_cases / "03_zero_one")
    assert cli.main(["train", case, "net", str(text), "--engine", "numpy", "--epochs", "1"]) == 0
    assert cli.main(["test", "Results", case, "net"]) == 0
