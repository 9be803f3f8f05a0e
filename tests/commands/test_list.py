"""`list`: what was trained here, what all agree in, what differs, and what cannot be trusted."""

import hashlib
import json
import os
import shutil
from pathlib import Path

import pytest
from saved_networks import Student

from MNIST import cli

SHORT = "Layers:\nFlatten\nDense,10,softmax\nOptimizer:\nSGD,0.05\nepochs=2\nbatch=50\n"
WIDE = SHORT.replace("Dense,10", "Dense,16,relu\nDense,10")


@pytest.fixture(scope="module")
def trained(digits_folder, tmp_path_factory) -> Path:
    """A folder in which three networks were trained: two texts, two seeds."""
    folder, before = tmp_path_factory.mktemp("list"), Path.cwd()
    os.chdir(folder)
    try:
        Path("short.txt").write_text(SHORT)
        Path("wide.txt").write_text(WIDE)
        for name, file, seed in ("b", "short", 0), ("a", "short", 1), ("0", "wide", 0):
            words = "train", str(digits_folder), name, f"{file}.txt", "--seed", str(seed), "--engine", "numpy"
            assert cli.main([*words]) == 0
    finally:
        os.chdir(before)
    return folder


def _rows(output: str) -> list[list[str]]:
    """The words of each row of the table, below its rule."""
    lines = [line.split() for line in output.splitlines()]
    rule = next(place for place, line in enumerate(lines) if line and set("".join(line)) == {"─"})
    return [line for line in lines[rule + 1 :] if line]


def test_networks_stand_in_a_table_without_what_they_agree_in(here, run):
    code, output, errors = run("list")
    assert (code, errors) == (0, "")
    assert output.startswith("All 3: dataset digits; images 1,350; epochs 2; engine numpy\n")
    heading = next(line for line in output.splitlines() if "Network" in line)
    assert heading.split() == ["Network", "Model", "Parameters", "Validation", "Seed", "When", "Time"]
    rows = _rows(output)
    assert [row[:3] for row in rows] == [
        ["b", "short", "7,850"],
        ["a", "short", "7,850"],
        ["0", "wide", "12,730"],
    ]
    for row in rows:
        figures = Path(f"Model_Output/{row[0]}.txt").read_text().splitlines()
        assert row[3] == f"{float(figures[3].split()[-1]):.2%}"
    assert [row[4] for row in rows] == ["0", "1", "0"]


@pytest.mark.parametrize(
    ("column", "order"), [("name", "0ab"), ("parameters", "ab0"), ("seed", "0ba"), ("model", "ab0")]
)
def test_it_is_sorted_as_asked(here, run, column, order):
    assert "".join(row[0] for row in _rows(run("list", "--sort", column)[1])) == order


def test_the_best_comes_first(here, run, digits_folder):
    for column in "validation", "test":
        run("test", "Results", digits_folder, "a,b,0")
        found = json.loads(run("list", "--json", "--sort", column)[1])["networks"]
        key = {"validation": "validation_accuracy", "test": "test_correct"}[column]
        assert found == sorted(found, key=lambda one: -one[key])


def test_a_test_is_noted_until_the_network_is_another(here, run, digits_folder):
    assert run("test", "Results", digits_folder, "b", "--on", "training")[0] == 0
    assert "Test" not in run("list")[1]
    assert run("test", "Results", digits_folder, "b")[0] == 0
    results = Path("Results.txt").read_text().splitlines()[1].split("\t")
    accuracy, low, high = (float(results[place]) for place in (2, 5, 6))
    assert f"{accuracy:.2%} ({100 * low:.2f}–{100 * high:.2f})" in run("list")[1]
    (found,) = (one for one in json.loads(run("list", "--json")[1])["networks"] if one["name"] == "b")
    assert found["test_correct"] == round(accuracy * found["test_images"])
    shutil.copy("Model_Output/b/tested.json", "Model_Output/a/tested.json")
    Path("Model_Output/0/tested.json").write_text('{"network": 3')
    assert sum("(" in line for line in run("list")[1].splitlines() if "Test" not in line) == 1
    run("train", digits_folder, "b", "wide.txt", "--engine", "numpy")
    assert not Path("Model_Output/b/tested.json").exists()


def test_what_differs_between_two_networks(here, run):
    code, output, _ = run("list", "--diff", "b", "0")
    assert (code, output) == (0, "- b\n+ 0\n\n+ Dense,16,relu\n")
    assert run("list", "--diff", "b", "a")[1] == "seed: 0, then 1\n"
    assert run("list", "--diff", "a", "a")[1] == "a and a: the same text and settings\n"
    shutil.copytree("Model_Output/a", "Model_Output/coloured")
    text = SHORT.replace("softmax", "softmax  # \x1b[31mred")
    Path("Model_Output/coloured/spec.txt").write_text(text)
    record = json.loads(Path("Model_Output/coloured/run.json").read_text())
    record["files"]["spec.txt"] = hashlib.sha256(text.encode()).hexdigest()
    Path("Model_Output/coloured/run.json").write_text(json.dumps(record))
    assert "+ Dense,10,softmax  # ·[31mred\n" in run("list", "--diff", "a", "coloured")[1]
    code, _, errors = run("list", "--diff", "a", "d")
    assert (code, errors.startswith("no trained network 'd'")) == (1, True)


def test_what_cannot_be_trusted_is_named_and_the_others_are_listed(here, run):
    Path("Model_Output/a/history.csv").write_text("changed")
    Path("Model_Output/b/run.json").write_text("[" * 100_000)
    shutil.rmtree("Model_Output/0/checkpoint", ignore_errors=True)
    code, output, errors = run("list")
    assert code == 0
    assert errors.count("\n") == 2
    assert _rows(output)[0][0] == "0"
    record = json.loads(Path("Model_Output/0/run.json").read_text())
    Path("Model_Output/0/run.json").write_text(json.dumps(record | {"model_file": "\x1b[31m"}))
    assert "\x1b" not in "".join(run("list")[1:])


def test_unfinished_networks_explorations_and_networks_of_a_laboratory(here, run, digits_folder):
    Path("Model_Output/half/checkpoint").mkdir(parents=True)
    Path("Model_Output/half/checkpoint/epoch_00003.npz").touch()
    Path("my_net.zip").write_bytes(Student().packed())
    assert run("import", "my_net.zip")[0] == 0
    grid = "-r 0.01,0.02 -e 1 -b 100 -c 4 -l 1 -z 8 -o Adam -v 1 -k 3 -p 2 -m 0.5 -d 0.25"
    assert run("explore", digits_folder, "scan", *grid.split(), "--engine", "numpy")[0] == 0
    output = run("list")[1]
    assert "half is not trained to its end: 3 epochs kept. Its `train` command goes on." in output
    assert "The exploration scan: 2 distinct combinations, the best with" in output
    assert {row[0] for row in _rows(output)} - {"half", "The"} == {"a", "b", "0", "my_net", "scan"}
    found = json.loads(run("list", "--json")[1])
    assert [one["name"] for one in found["explorations"]] == ["scan"]
    assert {one["engine"].split()[0] for one in found["networks"]} == {"numpy", "browser"}


@pytest.mark.parametrize("folder", ["Model_Output", "Hyperparam_Search"])
@pytest.mark.parametrize("command", ["list", "prune"])
def test_a_file_in_the_place_of_a_folder_is_no_empty_folder(folder, command, tmp_path, monkeypatch, run):
    monkeypatch.chdir(tmp_path)
    Path(folder).touch()
    code, _, errors = run(command)
    assert (code, errors.startswith(f"{folder}: expected a folder, found a file;")) == (1, True)


def test_where_nothing_is_trained(tmp_path, monkeypatch, run):
    monkeypatch.chdir(tmp_path)
    code, output, _ = run("list")
    assert (code, output.startswith("No network is trained here yet.")) == (0, True)
    assert json.loads(run("list", "--json")[1]) == {"networks": [], "explorations": []}
    code, _, errors = run("list", "--sort", "beauty")
    assert (code, "expected one of name, model" in errors) == (2, True)
