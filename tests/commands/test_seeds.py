"""`train --seeds`, and what `test` says of networks that differ in their seed alone."""

import json
import os
from pathlib import Path

import pytest

from MNIST import cli
from MNIST.commands import values

TEXT = "Layers:\nFlatten\nDense,10,softmax\nOptimizer:\nSGD,0.05\nepochs=1\nbatch=50\n"


@pytest.fixture(scope="module")
def trained(digits_folder, tmp_path_factory):
    """A folder in which three networks of one text and two of another were trained."""
    folder, before = tmp_path_factory.mktemp("seeds"), Path.cwd()
    os.chdir(folder)
    try:
        Path("numpy.txt").write_text(TEXT)
        Path("fast.txt").write_text(TEXT.replace("0.05", "0.2"))
        short = "--engine", "numpy", "--images", "300"
        assert cli.main(["train", *short, "--seeds", "0-2", str(digits_folder), "numpy", "numpy"]) == 0
        assert cli.main(["train", str(digits_folder), "fast", "fast", "--seeds=3,7", *short]) == 0
    finally:
        os.chdir(before)
    return folder


@pytest.fixture
def here(trained, monkeypatch):
    monkeypatch.chdir(trained)


def record(name):
    return json.loads(Path(f"Model_Output/{name}/run.json").read_text())


def test_each_network_is_the_one_that_its_recorded_command_trains(here, run, digits_folder):
    command = record("numpy_2")["command"]
    assert command[:6] == ["python", "MNIST", "train", str(digits_folder), "numpy_2", "numpy"]
    assert {"--seed=2", "--engine=numpy", "--images=300"} <= set(command)
    code, output, _ = run(*command[2:])
    assert (code, "numpy_2 is trained already" in output) == (0, True)
    assert [record(f"numpy_{seed}")["settings"]["seed"] for seed in range(3)] == [0, 1, 2]
    code, output, _ = run(
        "train", digits_folder, "alone", "numpy", "--images=300", "--engine=numpy", "--seed=1"
    )
    assert code == 0
    assert record("alone")["files"]["weights.npz"] == record("numpy_1")["files"]["weights.npz"]


def test_families_are_told_in_the_terminal_and_on_the_page(here, run, digits_folder):
    names = "numpy_0,numpy_1,numpy_2,fast_3,fast_7"
    code, output, _ = run("test", "Results", digits_folder, names)
    rows = [line.split("\t") for line in Path("Results.txt").read_text().splitlines()[1:]]
    mean = sum(float(row[2]) for row in rows[:3]) / 3
    assert code == 0
    assert f"\nnumpy, 3 seeds: mean accuracy {100 * mean:.2f} % (95 % interval " in output
    assert "\nfast, 2 seeds: mean accuracy " in output
    assert " points in the mean: " in output
    page = Path("Results/report.html").read_text()
    assert "What does a text reach, whatever the seed?" in page
    assert f"{100 * mean:.2f} %" in page
    run("test", "Others", digits_folder, "numpy_0,fast_3")
    assert "whatever the seed" not in Path("Others/report.html").read_text()


def test_seeds_that_stop_at_different_epochs_are_one_family(here, run, digits_folder):
    Path("patient.txt").write_text(TEXT.replace("epochs=1", "epochs=9") + "Stop:\naccuracy=0.6\n")
    words = "--engine", "numpy", "--images", "300", "--seeds", "0-3"
    assert run("train", digits_folder, "patient", "patient", *words)[0] == 0
    epochs = {record(f"patient_{seed}")["epochs"] for seed in range(4)}
    assert len(epochs) > 1
    assert "\npatient, 4 seeds: mean accuracy " in run("test", "Patience", digits_folder, "patient_*")[1]


def test_a_seed_that_diverges_does_not_stop_the_others(here, run, digits_folder):
    Path("wild.txt").write_text(TEXT.replace("Dense,10", "Dense,16,linear\nDense,10").replace("0.05", "1e20"))
    code, _, errors = run("train", digits_folder, "wild", "wild", "--seeds", "0,1", "--engine", "numpy")
    assert (code, errors.count("diverged at epoch 1")) == (1, 2)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--seeds", "0-2", "--seed", "1"), "give one of them"),
        (("--seeds", "2-0"), "--seeds: expected a whole number, from 2 to"),
        (("--seeds", "1,0-3"), "a seed stands there twice"),
        (("--seeds", "0-99999"), "at most 1,000 seeds"),
        (("--seeds", "a"), "--seeds: expected seeds such as 0-9 or 0,3,7, found 'a'"),
        (("--seeds", "-3"), "expected seeds such as"),
        (("--seeds", "0-"), "expected seeds such as 0-9 or 0,3,7, found '0-'"),
        (("--seeds", "0,,1"), "expected seeds such as 0-9 or 0,3,7, found '0,,1'"),
        (("--seeds", ""), "expected seeds such as"),
    ],
)
def test_what_are_no_seeds_is_said(here, run, digits_folder, words, said):
    code, _, errors = run("train", digits_folder, "net", "numpy", *words)
    assert code == 2
    assert said in errors


def test_no_seed_is_trained_if_one_of_their_names_is_wrong(here, run, digits_folder):
    longest = "n" * 62
    for name, words in (("net", ("--seeds", "7,8", "--from", "net_8")), (longest, ("--seeds", "9,10"))):
        code, _, errors = run("train", digits_folder, name, "numpy", "--engine", "numpy", *words)
        assert code == 2
        assert "cannot begin from itself" in errors or "is not usable" in errors
    assert not Path("Model_Output/net_7").exists()
    assert not Path(f"Model_Output/{longest}_9").exists()


def test_a_pattern_stands_for_all_names_like_it(here, run, digits_folder):
    assert run("test", "Pattern", digits_folder, "fast_*,numpy_?")[0] == 0
    rows = [line.split("\t")[0] for line in Path("Pattern.txt").read_text().splitlines()[1:]]
    assert rows == ["fast_3", "fast_7", "numpy_0", "numpy_1", "numpy_2"]
    code, _, errors = run("test", "Pattern", digits_folder, "slow_*")
    assert (code, "no trained network has a name like 'slow_*'" in errors) == (2, True)
    code, _, errors = run("test", "Pattern", digits_folder, "numpy_*,numpy_1")
    assert (code, "numpy_1 stands there twice" in errors) == (2, True)


def test_numbers_in_names_are_counted(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in "net_10", "net_2", "net_1", "other":
        Path("Model_Output", name).mkdir(parents=True)
        Path("Model_Output", name, "run.json").touch()
    assert values.model_names("net_*") == ["net_1", "net_2", "net_10"]
    assert values.model_names("*") == ["net_1", "net_2", "net_10", "other"]
