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
