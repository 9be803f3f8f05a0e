"""`explore` as a user types it: wrong input, the plan, the files, Ctrl-C, pictures of an earlier scan.

NumPy's engine, which starts in a second, tries what is no matter of an engine. `demo` explores with Keras.
"""

import csv
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from functools import partial
from html import escape
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from another_process import another_process, run_command
from matplotlib.image import imread

from MNIST import cli
from MNIST.commands import explore as explore_command
from MNIST.language import parse_template, read_text
from MNIST.report.exploring.pictures import PICTURES

ROOT = Path(__file__).resolve().parents[2]
SMALL = [
    *("-l", "1", "-c", "2", "-z", "8", "-k", "5", "-p", "4", "-v", "1", "-d", "0.1", "-b", "50"),
    *("--images", "200"),
]
NUMPY = "--engine", "numpy"


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def start(*words: object, **environment: str) -> subprocess.CompletedProcess:
    """Run a command in the current folder as a user does."""
    return subprocess.run(
        [sys.executable, str(ROOT / "MNIST"), *map(str, words)],
        capture_output=True,
        text=True,
        env=os.environ | environment,
    )


@pytest.fixture(scope="module")
def command() -> Iterator[Callable[..., subprocess.CompletedProcess]]:
    """Run commands in the current folder, one after another in one process, which imports Talos once."""
    with another_process() as process:
        yield lambda *words: process.submit(run_command, [*map(str, words)], Path.cwd()).result()


@pytest.fixture
def explore(command, here) -> Callable[..., subprocess.CompletedProcess]:
    return partial(command, "explore")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["-r", "0.001,abc"], r"explore.txt, line \d+: .*number.*\{rate\} = 'abc'"),
        (["-r", "0"], r"line \d+: .*\{rate\} = '0'"),
        (["--rate", "nan"], r"\{rate\} = 'nan'"),
        (["-b", "0"], r"\{batch\} = '0'"),
        (["-l", "-1"], r"\{layers\} = '-1'"),
        (["-c", "16,"], "--conv.*value"),
        (["-o", "Adma"], "'Adma'.*did you mean 'Adam'"),
        (["-d", "1"], r"\{dropout\} = '1'"),
        (["-e", "1.5"], r"\{epochs\} = '1.5'"),
        (["-z", ""], "--dense.*value"),
        (["-k", "9999999999999"], r"\{kernel\}"),
        (["-p", "0x10"], r"\{pool\} = '0x10'"),
        (["-y", "-0.1"], r"\{decay\}"),
        (["-m", "1e400"], r"\{mom\}"),
        (["-v", "1,1"], "--convlayers: 1 is given twice"),
        (["-r", "0.001,1e-3"], "--rate: .* is given twice"),
        (["-s", "0"], "--split"),
        (["--fraction", "0.0001"], "of a grid of 2,304 points leaves none"),
        (["-b", "1:1000"], "2,304,000 points"),
        (["--precision", "half"], "--precision"),
        (["--engine", "nunpy"], "--engine: expected one of keras, .*; did you mean 'numpy'"),
        (["--images", "0"], "--images"),
        (["--rats", "1"], "unknown option '--rats'; did you mean '--rate'"),
        (["-f", "nowhere.csv"], "--file: there is no 'nowhere.csv'"),
        (["--set", "rate"], "--set"),
        (["--set", "rats=1"], "no placeholder 'rats'; did you mean 'rate'"),
        (["--set", "rate=1", "-r", "2"], "gives 'rate' already"),
        (["--template", "explor"], "no model file 'explor'.*did you mean 'explore'"),
        (["--template", "example_model", "-r", "1"], "has no placeholder 'rate'"),
        (["--design", "all"], "--design: expected one of grid, random, one"),
        (["--design", "random"], "--design random needs a part"),
        (["--design", "one", "--halving"], "--design one"),
        (["--halving", "-e", "5"], "--halving needs several numbers of epochs"),
        (["--halving", "--reduce", "trees"], "do not go together"),
        (["--reduce", "gamify"], "--reduce: expected one of correlation"),
        (["--time-limit", "soon"], "--time-limit: expected a length of time such as 90s"),
        (["--workers", "0"], "--workers"),
        (["--repeats", "0"], "--repeats"),
        (["--repeats", "100", "-b", "1:20"], "at most 1,000,000"),
        (
            [*SMALL, "-e", "1,2", "-m", "0.5", "--halving", "--fraction", "0.3"],  # of 2 networks
            "leaves none",
        ),
        (["--timeout", "-1s"], "--timeout"),
    ],
)
def test_a_wrong_value_is_named_and_nothing_is_begun(here, capsys, words, message):
    assert cli.main(["explore", "Data", "scan1", *words]) == 2

    assert re.search(message, capsys.readouterr().err)
    assert list(here.iterdir()) == []


def test_a_wrong_name_touches_nothing(here, capsys):
    assert cli.main(["explore", "Data", "checkpoints"]) == 2
    assert cli.main(["explore", "Data", "../x"]) == 2
    assert cli.main(["explore", "nowhere", "scan1"]) == 1
    assert "python MNIST download nowhere" in capsys.readouterr().err
    assert list(here.iterdir()) == []


def test_all_images_trained_on_leaves_nothing_to_judge_by(here, capsys, digits_folder):
    assert cli.main(["explore", str(digits_folder), "scan1", "-s", "1"]) == 2
    assert "no image to validate" in capsys.readouterr().err


def test_the_defaults_that_the_usage_names_are_those_of_the_shipped_template():
    named = dict(re.findall(r"--(\w+) VALUES +[^(\n]*\(([^)]*)\)", explore_command.__doc__))
    axes = parse_template(read_text(ROOT / "Models" / "explore.txt")).axes
    assert named == {axis.names[0]: ",".join(value[0] for value in axis.values) for axis in axes}


def test_a_small_scan_from_beginning_to_end(here, digits_folder):
    """It has two optimizers, momenta and numbers of epochs, and a kernel that cannot fit; git is missing."""
    words = [digits_folder, "scan1", *SMALL, *NUMPY, "-e", "1,2", "-m", "0.25,0.5"]
    words[words.index("-k") + 1] = "5,29"
    outcome = start("explore", *words, PATH="")
    assert outcome.returncode == 0, outcome.stderr
    for expected in (
        "8 combinations need only 3 trainings: 6 epochs instead of 12 (50% saved).",
        "0 epochs are known from before",
        "opt Adam, mom any",
        "The winner is Model_Output/scan1, its text Hyperparam_Search/scan1/best.txt",
        "best_of_scan1 Hyperparam_Search/scan1/best.txt",
    ):
        assert expected in outcome.stdout
    assert "8 combinations left out, because they make no network" in outcome.stderr
    assert "its 29×29 window does not fit" in outcome.stderr
    folder = here / "Hyperparam_Search" / "scan1"
    rows = list(csv.DictReader((folder / "results.csv").open()))
    assert len(rows) == 8
    assert (folder / "best.txt").read_text().startswith("# The best of exploration scan1")
    assert json.loads((here / "Model_Output/scan1/run.json").read_text())["model_file"] == "scan1/best"
    assert {path.stem for path in folder.glob("*.png")} == set(PICTURES)
    assert "<html" in (folder / "parallel.html").read_text()
    assert "Watch it: Hyperparam_Search/scan1/live.html, in a browser" in outcome.stdout
    live = (folder / "live.html").read_text()
    assert live.count("data:image/png;base64,") == len(PICTURES)
    for expected in (
        *("Finished.", "3/3 trainings · 6/6 epochs", "8 × ", "its 29×29 window does not fit"),
        escape((folder / "best.txt").read_text().strip()),
        escape(f"python MNIST test Results {digits_folder} scan1"),
        escape(f"train {digits_folder} best_of_scan1 Hyperparam_Search/scan1/best.txt --engine numpy"),
    ):
        assert expected in live
    assert "refresh" not in live
    assert "Traceback" not in outcome.stderr
    assert not list((here / "Hyperparam_Search").rglob("*.lock"))


@pytest.mark.slow
def test_a_second_time_nothing_is_trained_and_a_table_is_drawn_again(here, digits_folder, explore):
    words = [digits_folder, "scan1", *SMALL, *NUMPY, "-e", "1,2", "-m", "0.25,0.5"]
    assert explore(*words).returncode == 0
    table = here / "Hyperparam_Search" / "scan1" / "results.csv"
    before = table.read_bytes()
    again = explore(*words, "--workers", "1")
    assert "6 epochs are known" in again.stdout
    assert table.read_bytes() == before
    drawn = explore(digits_folder, "again", "-f", table)
    assert drawn.returncode == 0
    assert len(list((here / "Hyperparam_Search" / "again").glob("*.png"))) == len(PICTURES)


@pytest.mark.slow
def test_another_exploration_of_the_same_name_is_told(here, digits_folder, explore):
    words = [digits_folder, "scan1", *SMALL, *NUMPY, "-e", "1", "-m", "0.5"]
    said = "Hyperparam_Search/scan1/ holds another exploration, and this one"
    assert said not in explore(*words).stderr
    assert said not in explore(*words, "-r", "0.001,0.01").stderr  # it shares a training with the first
    assert f"{said} would take its place." in explore(*words, "--seed", "1", "--plan").stderr


@pytest.mark.slow
def test_if_all_trainings_fail_no_picture_of_an_earlier_exploration_stays(here, digits_folder, explore):
    words = [digits_folder, "scan1", *SMALL, *NUMPY, "-e", "1", "-m", "0.5"]
    assert explore(*words).returncode == 0
    folder = here / "Hyperparam_Search" / "scan1"
    assert len(list(folder.glob("*.png"))) == len(PICTURES)
    assert explore(*words, "-r", "1e30").returncode == 3
    assert not [*folder.glob("*.png"), *folder.glob("parallel.html"), *folder.glob("best.txt")]


def test_a_machine_that_is_left_out_while_it_goes_on_is_named_once(here, capsys, monkeypatch):
    printed = explore_command._Printed({"<model-name>": "scan1"}, wishes=None)
    printed._executor = SimpleNamespace(left_out=["a: gone"])
    shown = []
    monkeypatch.setattr("MNIST.explore.progress.progress", lambda *_: nullcontext(shown.append))
    monkeypatch.setattr("MNIST.explore.summary.expectation", lambda *_: "")
    for name in "_tell_of_another", "_announce_if_long":
        monkeypatch.setattr(printed, name, lambda *_: None)
    forecast = SimpleNamespace(look=lambda: SimpleNamespace(seconds_left=1.0))
    service = SimpleNamespace(readings=SimpleNamespace(known_epochs=lambda: 0))
    with printed.running(None, service, forecast) as show:
        show(1)
        printed._executor.left_out.append("b: gone")
        show(2)
        show(3)
    assert shown == [1, 2, 3]
    assert capsys.readouterr().err == "not used: a: gone\nnot used: b: gone\n"


@pytest.mark.slow
def test_the_winner_is_the_network_that_train_would_make(here, digits_folder):
    """The best answer is the beginning of a longer run, so its network has to be trained again."""
    words = "-e", "1,3", "-m", "0.5", "-r", "0.5,0.001", "--workers", "1"
    outcome = start("explore", digits_folder, "scan1", *SMALL, *words)
    assert outcome.returncode == 0, outcome.stderr
    best = here / "Hyperparam_Search" / "scan1" / "best.txt"
    trained = start("train", digits_folder, "same", best, "--images", "200", "--threads", "1")
    assert trained.returncode == 0, trained.stderr
    kept, same = (here / "Model_Output" / name for name in ("scan1", "same"))
    assert (kept / "model.keras").read_bytes() == (same / "model.keras").read_bytes()
    assert (here / "Model_Output" / "scan1.txt").read_text() == (
        here / "Model_Output" / "same.txt"
    ).read_text()


@pytest.mark.slow
def test_another_engine_explores_alike_with_one_worker_and_two(here, digits_folder, explore, command):
    words = [digits_folder, "scan1", *SMALL, "-e", "1,2", "-m", "0.5", "-r", "0.01,0.001", *NUMPY]
    rows, networks = [], []
    for workers in ("1", "2"):
        (here / workers).mkdir()
        os.chdir(here / workers)
        outcome = explore(*words, "--workers", workers)
        assert outcome.returncode == 0, outcome.stderr
        assert "\nnumpy (" in outcome.stdout
        folder = Path("Hyperparam_Search") / "scan1"
        of_moment = dict.fromkeys(("seconds", "peak_memory_mb"))
        rows.append([row | of_moment for row in csv.DictReader((folder / "results.csv").open())])
        networks.append((Path("Model_Output") / "scan1" / "weights.npz").read_bytes())
    assert rows[0] == rows[1]
    assert {row["engine"] for row in rows[0]} == {"numpy"}
    assert networks[0] == networks[1]
    options = ["--images", "200", "--threads", "1", *NUMPY]
    trained = command("train", digits_folder, "same", folder / "best.txt", *options)
    assert trained.returncode == 0, trained.stderr
    assert Path("Model_Output/same/weights.npz").read_bytes() == networks[0]


@pytest.mark.slow
def test_runs_that_stop_are_finished_and_the_winner_is_the_network_that_train_would_make(
    here, digits_folder, explore, command
):
    (here / "net.txt").write_text(
        "Layers:\nFlatten\nDense,16,relu\nDense,10,softmax\nOptimizer:\nAdam,0.03\nepochs={epochs}\n50\n"
        "Stop:\npatience={patience}\nExplore:\nepochs=3,100\npatience=1,2\n"
    )
    words = [digits_folder, "mine", "--template", "net.txt", "--images", "300", *NUMPY]
    outcome = explore(*words)
    assert outcome.returncode == 0, outcome.stderr
    assert "`Stop:` may end a training sooner." in outcome.stdout
    folder = here / "Hyperparam_Search" / "mine"
    rows = list(csv.DictReader((folder / "results.csv").open()))
    assert [(row["epochs"], row["patience"], row["failure"]) for row in rows] == [
        *(("3", "1", ""), ("3", "2", ""), ("100", "1", ""), ("100", "2", "")),
    ]
    assert all(int(row["round_epochs"]) < 100 for row in rows)
    before = (folder / "results.csv").read_bytes(), (here / "Model_Output/mine/weights.npz").read_bytes()
    options = ["--images", "300", "--threads", "1", *NUMPY]
    trained = command("train", digits_folder, "nime", folder / "best.txt", *options)
    assert trained.returncode == 0, trained.stderr
    assert (here / "Model_Output/nime/weights.npz").read_bytes() == before[1]
    curves = (imread(here / f"Model_Output/{name}/curves.png") for name in ("mine", "nime"))
    assert np.array_equal(*(picture[40:] for picture in curves))  # without the title, which takes 40 rows
    assert (here / "Model_Output/nime.txt").read_bytes() == (here / "Model_Output/mine.txt").read_bytes()
    again = explore(*words)
    trained_before = sum(max(int(row["round_epochs"]) for row in rows if row["patience"] == p) for p in "12")
    assert f"{trained_before} epochs are known from before" in again.stdout
    assert "What is left takes about 1 s." in again.stdout
    after = (folder / "results.csv").read_bytes(), (here / "Model_Output/mine/weights.npz").read_bytes()
    assert after == before
    planned = explore(*words, "--plan")
    assert planned.returncode == 0, planned.stderr
    assert re.search(r"All of it takes about \d+ s\.", planned.stdout)


@pytest.mark.slow
def test_a_template_that_one_engine_alone_can_train_chooses_it(here, digits_folder, explore):
    (here / "net.txt").write_text(
        "Input:\nThreshold,1,128\nLayers:\nColumns,{neurons},10\nOptimizer:\nParallelDelta,0.05\n"
        "epochs={epochs}\n50\nExplore:\nneurons=20,50\nepochs=1,2\n"
    )
    words = [digits_folder, "mine", "--template", "net.txt", "--images", "300"]
    outcome = explore(*words)
    assert outcome.returncode == 0, outcome.stderr
    rows = list(csv.DictReader((here / "Hyperparam_Search" / "mine" / "results.csv").open()))
    assert [(row["neurons"], row["epochs"], row["engine"]) for row in rows] == [
        ("20", "1", "sonn"),
        ("50", "1", "sonn"),
        ("20", "2", "sonn"),
        ("50", "2", "sonn"),
    ]
    refused = explore(*words, "--engine", "keras")
    assert refused.returncode == 2
    assert "--engine sonn" in refused.stderr


@pytest.mark.slow
def test_any_template_one_change_at_a_time_under_two_seeds(here, digits_folder, explore):
    (here / "net.txt").write_text(
        "Layers:\nFlatten\nDense,{units},{how}\nDense,10,softmax\nOptimizer:\n{opt},{rate}\n1\n50\n"
        "Explore:\nunits=4:8:4\nopt+rate=Adam+0.01,SGD+0.1\n"
    )
    words = [digits_folder, "mine", "--template", "net.txt", "--design", "one", "--set", "how=relu,sigmoid"]
    outcome = explore(*words, "--repeats", "2", "--images", "200", *NUMPY)
    assert outcome.returncode == 0, outcome.stderr
    assert "4 combinations under 2 seeds need 8 trainings: 8 epochs." in outcome.stdout
    assert "2 seeds cannot tell these from the best" in outcome.stdout
    rows = list(csv.DictReader((here / "Hyperparam_Search" / "mine" / "results.csv").open()))
    changes = [(row["units"], row["how"], row["opt"], row["rate"]) for row in rows]
    assert changes == [
        ("4", "relu", "Adam", "0.01"),
        ("8", "relu", "Adam", "0.01"),
        ("4", "relu", "SGD", "0.1"),
        ("4", "sigmoid", "Adam", "0.01"),
    ]
    assert all(float(row["val_accuracy_deviation"]) >= 0 and row["peak_memory_mb"] for row in rows)


def test_a_plan_shows_everything_and_trains_nothing(here, digits_folder, explore):
    words = [digits_folder, "scan1", *SMALL, *NUMPY, "-e", "1,2", "-m", "0.25,0.5"]
    words[words.index("-z") + 1] = "4,8"
    outcome = explore(*words, "--plan")
    assert outcome.returncode == 0, outcome.stderr
    assert "Timing an epoch of each of 4 distinct shapes" in outcome.stdout
    assert re.search(r"All of it takes about \d+ \w+\. Nothing was trained", outcome.stdout)
    assert not (here / "Hyperparam_Search" / "scan1").exists()
    assert not (here / "Hyperparam_Search" / "checkpoints").exists()


@pytest.mark.slow
def test_halving_and_reducers_from_the_command_line(here, digits_folder, explore):
    words = [digits_folder, "scan1", *SMALL, *NUMPY, "-e", "1,2", "-m", "0.5", "-r", "0.1,0.01,0.001,0.0001"]
    halved = explore(*words, "--halving")
    assert halved.returncode == 0, halved.stderr
    assert "Successive halving needs at most 12 epochs" in halved.stdout
    folder = here / "Hyperparam_Search"
    rows = list(csv.DictReader((folder / "scan1" / "results.csv").open()))
    assert [row["epochs"] for row in rows] == ["1"] * 8 + ["2"] * 4
    assert len([path for path in (folder / "checkpoints").iterdir() if path.is_dir()]) == 4
    reduced = explore(*words, "--reduce", "correlation")  # it acts after 50 points at the earliest
    assert reduced.returncode == 0, reduced.stderr
    assert "12 epochs are known from before" in reduced.stdout


@pytest.mark.slow
def test_when_the_time_is_up_it_stops_in_order_and_goes_on_later(here, digits_folder, explore):
    words = [
        digits_folder,
        "scan1",
        *SMALL,
        *NUMPY,
        "-o",
        "Adam",
        "-m",
        "0.25",
        "-r",
        "0.01,0.001",
    ]
    first = explore(*words, "-e", "6000", "--time-limit", "1s")  # less than 12,000 checkpoints take
    assert first.returncode == 0, first.stderr
    assert "The time is up" in first.stdout
    assert ("Keeping" in first.stdout) == ("The winner is" in first.stdout)
    last = explore(*words, "-e", "60")
    assert last.returncode == 0
    rows = list(csv.DictReader((here / "Hyperparam_Search" / "scan1" / "results.csv").open()))
    assert all(row["val_accuracy"] for row in rows)


@pytest.mark.slow
def test_a_diverging_trial_ends_in_3_and_the_others_are_answered(here, digits_folder, explore):
    outcome = explore(
        digits_folder, "scan1", *SMALL, *NUMPY, "-o", "SGD", "-r", "0.01,1e20", "-e", "1,2", "-m", "0.5"
    )
    assert outcome.returncode == 3, outcome.stderr
    assert "failed, 1 ×: diverged at epoch 1" in outcome.stderr
    rows = list(csv.DictReader((here / "Hyperparam_Search" / "scan1" / "results.csv").open()))
    assert [bool(row["val_accuracy"]) for row in rows] == [True, False, True, False]


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_ctrl_c_ends_in_130_and_says_how_to_go_on(here, digits_folder):
    words = [digits_folder, "scan1", *SMALL, *NUMPY, "-e", "5000", "-m", "0.25"]
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "MNIST"), "explore", *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    for line in process.stdout:
        if " trainings · " in line:
            break
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 130, errors
    assert "The same command goes on." in errors
    assert "Traceback" not in errors
    folder = here / "Hyperparam_Search" / "scan1"
    assert (folder / "results.csv").exists()
    assert '<p class="headline">Stopped.</p>' in (folder / "live.html").read_text()
