"""The program calls itself by the name it was started with, and points only to what is there."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from MNIST import cli, program

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Pretend that the package is installed, and that the user typed the command `mnist`."""
    package = tmp_path / "site-packages" / "MNIST"
    monkeypatch.setattr(program, "_PACKAGE", package)
    monkeypatch.setattr(sys, "argv", ["/somewhere/bin/mnist"])
    return package


@pytest.mark.parametrize(
    ("started", "name"),
    [
        ("MNIST", "python MNIST"),
        ("../project/MNIST", "python ../project/MNIST"),
        ("../a project/MNIST", "python '../a project/MNIST'"),
        ("/project/MNIST/__main__.py", "python -m MNIST"),
        ("/somewhere/bin/mnist", "mnist"),
        ("mnist.exe", "mnist"),
        ("ipykernel_launcher.py", "python MNIST"),  # a notebook in a checkout
        ("/tools/pytest/__main__.py", "python MNIST"),
    ],
)
def test_the_name_is_the_one_it_was_started_with(started, name, monkeypatch):
    monkeypatch.setattr(sys, "argv", [started])
    assert program.program() == name


@pytest.mark.parametrize(
    ("word", "elsewhere", "on_windows"),
    [
        ("Data", "Data", "Data"),
        ("0.001,0.01", "0.001,0.01", "0.001,0.01"),
        (r"Models\net.txt", r"'Models\net.txt'", r"Models\net.txt"),
        ("my data\\", "'my data\\'", '"my data\\\\"'),
        ("R&D\\", "'R&D\\'", '"R&D\\\\"'),
        ("x=(),(Adam,1)", "'x=(),(Adam,1)'", '"x=(),(Adam,1)"'),
        ("", "''", '""'),
    ],
)
def test_a_word_to_type_is_quoted_for_the_shell_of_the_system(word, elsewhere, on_windows, monkeypatch):
    for system, quoted in ("posix", elsewhere), ("nt", on_windows):
        monkeypatch.setattr(program, "_SYSTEM", system)
        assert program.as_typed("train", word) == f"train {quoted}"


def test_what_a_command_says_to_type_is_for_that_shell(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(program, "_SYSTEM", "nt")
    monkeypatch.chdir(tmp_path)
    Path("a net.txt").write_text("Layers:\nFlatten\nDense,{n},softmax\nOptimizer:\n0.01\n1\n100\n")
    assert cli.main(["check", "a net.txt"]) == 0
    assert 'explore Data NAME --template "a net.txt"' in capsys.readouterr().out
    assert cli.main(["show", "no data"]) == 1
    assert 'download "no data"' in capsys.readouterr().err


def test_no_other_file_quotes_words_to_type():
    code = "".join(file.read_text() for file in (ROOT / "MNIST").rglob("*.py") if file.name != "program.py")
    assert not re.search(r"shlex\.(quote|join)", code)


@pytest.mark.parametrize("started", ["mnist", "Mnist", "./mnist/"])
def test_the_folder_may_be_typed_in_another_case_where_the_system_ignores_it(started, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    Path(started).mkdir()
    monkeypatch.setattr(sys, "argv", [started])
    assert program.program() == f"python {started.strip('./')}"


def test_a_notebook_beside_an_installation_is_told_of_the_installed_command(installed, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["ipykernel_launcher.py"])
    assert program.program() == "mnist"


@pytest.mark.parametrize("words", [["MNIST"], ["-m", "MNIST"]])
def test_every_word_of_advice_carries_that_name(words, tmp_path):
    name = " ".join(["python", *words])
    for command, code in (["--help"], 0), (["tain"], 2), (["train"], 2), (["show", "Nowhere"], 1):
        result = subprocess.run([sys.executable, *words, *command], cwd=ROOT, capture_output=True, text=True)
        assert result.returncode == code
        advice = re.findall(r"(?:python|mnist)\b.*", result.stdout + result.stderr)
        assert advice
        assert all(line.startswith(name) for line in advice), advice


@pytest.mark.parametrize("command", cli.COMMANDS)
def test_an_installed_program_points_to_nothing_that_only_a_checkout_has(
    command, installed, monkeypatch, tmp_path, capsys
):
    monkeypatch.chdir(tmp_path)
    assert cli.main([command, "--help"]) == 0
    assert cli.main([command, "--no-such-option"]) == 2
    told = "".join(capsys.readouterr())
    assert f"mnist {command}" in told
    assert not re.search(r"python MNIST|'\.\[|requirements\.txt|README|Models/|docs/|\bmake\b", told), told


def test_the_overview_names_where_the_installed_model_files_are(installed, capsys):
    assert cli.main(["--help"]) == 0
    told = capsys.readouterr().out
    assert f"see {installed / 'shipped_models'}/" in told
    assert "Model_Specification.md" not in told


def test_what_is_missing_is_installed_from_where_the_program_came(installed, monkeypatch):
    assert program.install_command("torch") == 'python -m pip install "mnist-text-networks[torch]"'
    assert program.install_command() == "python -m pip install mnist-text-networks"
    monkeypatch.undo()
    assert program.install_command("torch") == 'python -m pip install ".[torch]"'
    assert program.install_command() == "python -m pip install -r requirements.txt"


def test_what_is_saved_does_not_depend_on_the_name(monkeypatch, tmp_path, digits_folder):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small.txt").write_text("Layers:\nFlatten\nDense,10,softmax\nOptimizer:\n0.01\n1\n100\n")
    words = ["train", str(digits_folder), "net", "small.txt", "--engine", "numpy"]
    for started in "MNIST", "/somewhere/bin/mnist":
        monkeypatch.setattr(sys, "argv", [started])
        assert cli.main(words) == 0
        record = json.loads((tmp_path / "Model_Output" / "net" / "run.json").read_text())
        assert record["command"] == ["python", "MNIST", *words]
