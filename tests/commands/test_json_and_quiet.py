"""`--json` gives one document on stdout, `--quiet` nothing; warnings and errors stay on stderr."""

import csv
import json
import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from MNIST import cli
from MNIST.output import directed, print_json

ROOT = Path(__file__).parents[2]
TEXT = "Layers:\nFlatten\nDense,10,softmax\nOptimizer:\nSGD,0.05\nepochs=2\nbatch=50\n"
WRONG = "Layers:\nFlatten\n    Dens,10,softmax\nOptimizer:\nSGD,0.05\nepochs=0\nbatch=50\n"


@pytest.fixture(scope="module")
def trained(digits_folder, tmp_path_factory) -> Path:
    """A folder in which a network was trained under two seeds."""
    folder, before = tmp_path_factory.mktemp("json"), Path.cwd()
    os.chdir(folder)
    try:
        Path("short.txt").write_text(TEXT)
        words = "train", str(digits_folder), "net", "short.txt", "--seeds=0,1", "--engine", "numpy"
        assert cli.main([*words]) == 0
    finally:
        os.chdir(before)
    return folder


def _never(word: str) -> None:
    raise AssertionError(f"{word} is no JSON")


def read(output: str):
    """The document that is all of the output, in strict JSON."""
    return json.loads(output, parse_constant=_never)


def test_check_gives_the_layers_of_each_file(run, monkeypatch):
    monkeypatch.chdir(ROOT)
    code, output, errors = run("check", "resnet20", "explore", "--json")
    assert (code, errors) == (0, "")
    network, template = read(output)["files"]
    assert network["problems"] == template["problems"] == []
    assert network["input_shape"] == [28, 28, 1]
    table = run("check", "resnet20")[1].splitlines()
    total = next(line.split() for line in table if " layers " in line)
    assert f"{network['parameters']:,}" == total[2]
    assert f"{network['mflops']:,.2f}" == total[3]
    assert network["parameters"] == sum(layer["parameters"] for layer in network["layers"])
    for layer in network["layers"]:
        shown = next(line for line in table if line.split()[:1] == [str(layer["line"])])
        assert "  " * layer["depth"] + layer["text"] in shown
        assert "×".join(map(str, layer["output_shape"])) in shown
    assert {name["name"]: name["lines"] for name in template["placeholders"]}["dropout"] == [6, 10]
    assert template["points"] == 2304


@pytest.mark.skipif(os.name == "nt", reason="such names are for systems that allow them")
def test_check_gives_every_mistake(here, run):
    Path("wrong.txt").write_text(WRONG)
    Path("\x1b[31m.txt").write_text("\x1b")
    code, output, errors = run("check", "wrong.txt", "short.txt", "none", "\x1b[31m.txt", "--json")
    assert (code, errors) == (2, "")
    wrong, short, none, hostile = read(output)["files"]
    mistakes = [(one["line"], one["column"], one["message"].split(";")[0]) for one in wrong["problems"]]
    assert [(line, column) for line, column, _ in mistakes] == [(3, 5), (3, 5), (6, 8)]
    assert mistakes[1][2] == "unknown layer 'Dens'"
    assert short["problems"] == []
    assert short["layers"][1]["text"] == "Dense,10,softmax"
    assert none["problems"][0]["message"].startswith("no model file 'none'")
    assert (none["problems"][0]["line"], len(hostile["problems"]) > 0) == (None, True)
    assert "\x1b" not in output


def test_test_gives_what_its_table_has(here, run, digits_folder):
    code, output, errors = run("test", "Results", digits_folder, "net_0,net_1,none", "--json")
    assert (code, errors.startswith("no trained network 'none'")) == (1, True)
    assert "Written: Results.txt" in errors
    found = read(output)
    assert (found["comparison"], found["dataset"], found["on"]) == ("Results", "digits", "test")
    rows = list(csv.DictReader(Path("Results.txt").read_text().splitlines(), delimiter="\t"))
    for row, network in zip(rows, found["networks"], strict=True):
        assert row["Model_Name"] == network["name"]
        assert float(row["Test_Loss"]) == network["loss"]
        assert float(row["Test_Accuracy"]) == network["accuracy"] == 1 - network["errors"] / network["images"]
        assert [float(row["Accuracy_Low"]), float(row["Accuracy_High"])] == network["accuracy_interval"]
        assert (row["Engine"], network["parameters"]) == (network["engine"], 7850)
    (pair,) = found["pairs"]
    assert pair["networks"] == ["net_0", "net_1"]
    assert pair["only_second_right"] - pair["only_first_right"] == (
        found["networks"][0]["errors"] - found["networks"][1]["errors"]
    )
    assert 0 <= pair["p"] <= 1
    (family,) = found["families"]
    assert family["networks"] == ["net_0", "net_1"]
    assert family["mean_accuracy"] == pytest.approx(np.mean([one["accuracy"] for one in found["networks"]]))
    assert found["family_pairs"] == []
    code, output, _ = run("test", "Results", digits_folder, "none", "--json", "--quiet")
    assert (code, read(output)["networks"]) == (1, [])


def test_predict_gives_each_answer_with_its_probabilities(here, run):
    picture = np.full((100, 200), 255, np.uint8)
    picture[20:80, 40:50] = picture[20:30, 120:160] = picture[20:80, 150:160] = 0
    Image.fromarray(picture).save("17.png")
    code, output, errors = run("predict", "net_0,net_1", "17.png", "none.png", "--json", "--show")
    assert (code, "none.png: " in errors) == (1, True)
    found = read(output)
    assert found["networks"] == ["net_0", "net_1"]
    (file,) = found["pictures"]
    assert file["file"] == "17.png"
    assert [digit["name"] for digit in file["digits"]] == ["17.png 1/2", "17.png 2/2"]
    for digit in file["digits"]:
        for answer in digit["answers"].values():
            probabilities = answer["probabilities"]
            assert list(probabilities) == list("0123456789")
            assert sum(probabilities.values()) == pytest.approx(1)
            assert answer["answer"] == max(probabilities, key=probabilities.get)
    Image.fromarray(np.full((28, 28), 255, np.uint8)).save("blank.png")
    warned = read(run("predict", "net_0", "blank.png", "--json")[1])["pictures"]
    assert all(digit["warnings"] for picture in warned for digit in picture["digits"])


def test_what_is_not_finite_is_null_and_nothing_else_comes_between(capsys):
    with directed(quiet=False, with_document=True):
        print("a table")
        print_json({"loss": math.nan, "all": [math.inf, 1.5, (True, None)]})
    output, errors = capsys.readouterr()
    assert read(output) == {"loss": None, "all": [None, 1.5, [True, None]]}
    assert errors == "a table\n"


def test_nothing_is_printed_if_all_goes_well(here, run, digits_folder):
    data = str(digits_folder)
    for words in (
        ["train", data, "new", "short.txt", "--engine", "numpy"],
        ["train", data, "new", "short.txt", "--engine", "numpy"],
        ["draw", "short.txt"],
    ):
        assert run(*words, "-q") == (0, "", ""), words
    record = json.loads(Path("Model_Output/new/run.json").read_text())
    assert record["command"] == ["python", "MNIST", "train", data, "new", "short.txt", "--engine", "numpy"]
    assert Path("short.svg").exists()


@pytest.mark.slow
def test_nothing_is_printed_by_the_others_either(here, run, digits_folder):
    data = str(digits_folder)
    images = np.arange(40 * 784, dtype=np.uint8).reshape(40, 28, 28)
    np.savez("few.npz", x_train=images, y_train=np.arange(40) % 2)
    for words in (
        ["download", "D", "--dataset", "digits"],
        ["train", data, "more", "short.txt", "--engine", "numpy", "--seeds", "2,3"],
        ["test", "R", data, "net_0"],
        ["reproduce", "net_0", data],
        ["page", "net_0", "page.html"],
        ["rate", data, "short.txt", "--engine", "numpy", "--steps", "20"],
        ["export", "net_0", "net.py", "--with", "numpy"],
        ["import", "few.npz", "Few"],
        ["lab", "D", "lab.html", "--images", "100"],
    ):
        assert run(*words, "-q") == (0, "", ""), words
    assert "quiet" not in Path("Model_Output/more_2/run.json").read_text()
    files = "R.txt", "R/report.html", "short_rates.png", "net.py", "page.html", "Few/dataset.json", "lab.html"
    assert all(Path(file).exists() for file in files)


def test_warnings_and_errors_are_printed_all_the_same(here, run, digits_folder):
    Path("diverges.txt").write_text(
        TEXT.replace("Dense,10", "Dense,16,relu\nDense,10").replace("0.05", "1e30")
    )
    for words, code, message in (
        (["train", digits_folder, "net_0", "short.txt", "--engine", "numpy", "--seed=7"], 0, "will take its"),
        (["train", digits_folder, "bad", "diverges.txt", "--engine", "numpy"], 1, "diverged"),
        (["page", "net_1", "short.txt"], 2, "expected a name that ends in .html"),
    ):
        found, output, errors = run(*words, "--quiet")
        assert (found, output) == (code, "")
        assert message in errors
    rows = Path("Model_Output/net_1/history.csv").read_text()
    Path("Model_Output/net_1/history.csv").write_text(rows.replace("0", "1"))
    code, output, errors = run("reproduce", "net_1", digits_folder, "--quiet")
    assert (code, output, bool(errors)) == (1, "", True)


def test_what_other_processes_and_libraries_print_is_silenced_too():
    program = (
        "import os, subprocess, sys\n"
        "from MNIST.output import directed\n"
        "with directed(quiet=True, with_document=False):\n"
        "    print(1)\n"
        "    os.write(1, b'2')\n"
        "    subprocess.run([sys.executable, '-c', 'print(3)'])\n"
        "    subprocess.run([sys.executable, '-c', 'raise SystemExit(4)'])\n"
        "print(5)\n"
    )
    result = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert (result.stdout, result.stderr) == ("5\n", "")


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="needs a pseudo-terminal")
def test_no_display_moves_in_a_terminal(here, digits_folder):
    import pty

    outside, inside = pty.openpty()
    words = ["train", str(digits_folder), "new", "short.txt", "--engine", "numpy", "--quiet"]
    words = [sys.executable, str(ROOT / "MNIST"), *words]
    code = subprocess.run(words, stdout=inside, stderr=inside).returncode
    os.write(inside, b"end")
    shown = os.read(outside, 10_000)
    os.close(inside)
    os.close(outside)
    assert (code, shown) == (0, b"end")
    assert Path("Model_Output/new/run.json").exists()
