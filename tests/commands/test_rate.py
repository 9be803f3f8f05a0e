"""`rate` as a user types it."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from waiting import eventually

from MNIST.cli import main

ROOT = Path(__file__).resolve().parent.parent.parent
MODEL = "Layers:\nFlatten\nDense,32,relu\nDense,{classes},softmax\nOptimizer:\nAdam,0.003\n1\n50\n"
QUICK = ["--engine", "numpy", "--steps", "40", "--threads", "1"]


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("net.txt").write_text(MODEL)


def rate(*words):
    return main(["rate", *map(str, words)])


def test_it_suggests_rates_and_writes_a_picture_and_nothing_else(digits_folder, capsys):
    assert rate(digits_folder, "net.txt", *QUICK) == 0
    shown = capsys.readouterr().out
    low, high = map(float, re.search(r"a learning rate from (\S+) to (\S+),", shown).groups())
    assert 1e-4 < low < high < 0.1
    assert " steps of 50 images in " in shown
    assert "; --steps 40 repeats them" in shown
    assert re.search(r"The rate of the file, 0.003, (is one of these|is lower|is higher)", shown)
    assert "━ suggested, ▲ the file's rate" in shown
    assert shown.endswith("Written: net_rates.png.\n")
    assert Path("net_rates.png").read_bytes().startswith(b"\x89PNG")
    assert sorted(path.name for path in Path().iterdir()) == ["net.txt", "net_rates.png"]
    chart = [line for line in shown.splitlines() if "│" in line]
    assert rate(digits_folder, "net.txt", *QUICK, "--png", "other.png") == 0
    again = capsys.readouterr().out
    assert [line for line in again.splitlines() if "│" in line] == chart
    assert Path("other.png").read_bytes() == Path("net_rates.png").read_bytes()


@pytest.mark.parametrize(("own", "verdict"), [("1e-6", "is lower"), ("9.5", "is higher")])
def test_the_file_s_rate_is_compared(own, verdict, digits_folder, capsys):
    Path("net.txt").write_text(MODEL.replace("0.003", own))
    assert rate(digits_folder, "net.txt", *QUICK) == 0
    assert f"The rate of the file, {float(own):g}, {verdict}: " in capsys.readouterr().out


def test_one_cycle_has_a_peak(digits_folder, capsys):
    Path("net.txt").write_text(MODEL + "Schedule:\nOneCycle,0.004\n")
    assert rate(digits_folder, "net.txt", *QUICK) == 0
    assert "The peak of the file, 0.004, " in capsys.readouterr().out


def test_where_nothing_falls_nothing_is_suggested(digits_folder, capsys):
    assert rate(digits_folder, "net.txt", *QUICK, "--to", "1e-5") == 0
    shown = capsys.readouterr().out
    assert "The loss hardly fell at any of these rates, so nothing is suggested." in shown
    assert "suggested, ▲" not in shown


def test_time_that_is_over_is_told(digits_folder, capsys):
    words = ["--engine", "numpy", "--from", "1e-12", "--steps", "100000", "--seconds", "1"]
    assert rate(digits_folder, "net.txt", *words) == 0
    shown = capsys.readouterr().out
    assert re.search(r"--steps 100000 repeats them, given the time: cut after \d+ of 100000, at ", shown)
    assert "The time was over before the loss fell, so nothing is suggested." in shown


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["sonn"], "without gradients: a range test of learning rates does not apply to it"),
        (["random_features"], "LeastSquares learns without gradients"),
        (["net.txt", "--from", "1", "--to", "0.1"], "expected a first rate below the last one"),
        (["net.txt", "--from", "0"], "--from: expected a number"),
        (["net.txt", "--steps", "2"], "--steps: expected a whole number, from 3"),
        (["net.txt", "--png", "a.txt"], "--png: expected a file's name that ends in .png"),
        (["net.txt", "--engine", "numpi"], "--engine: expected one of"),
        (["net.txt", "--engine", "sonn"], "the layers of this network are others"),
    ],
)
def test_what_is_wrong_is_told_before_anything_is_trained(words, message, digits_folder, capsys):
    assert rate(digits_folder, *words) == 2
    assert message in capsys.readouterr().err
    assert [path.name for path in Path().iterdir()] == ["net.txt"]


@pytest.mark.skipif(os.name == "nt", reason="sends SIGINT")
def test_ctrl_c_ends_it(digits_folder, tmp_path):
    words = ["rate", digits_folder, "net.txt", "--engine", "numpy", "--steps", "100000"]
    with (tmp_path / "shown").open("w") as shown:
        process = subprocess.Popen(
            [sys.executable, "-m", "MNIST", *map(str, words)],
            env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"},
            stdout=shown,
            stderr=subprocess.PIPE,
            text=True,
        )
        eventually(lambda: "seed 0" in (tmp_path / "shown").read_text())
        process.send_signal(signal.SIGINT)
        code = process.wait(60)
    # If the interrupt comes while Python makes a dataclass out of text, Python ends by the signal itself; a
    # shell then reports 130 too.
    assert code in (130, -signal.SIGINT)
    assert process.stderr.read() == "interrupted\n"
    assert not Path("net_rates.png").exists()
