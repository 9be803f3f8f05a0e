"""The command line: what it refuses, with which message and which exit code (faults 13 to 15)."""

import os
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from MNIST import cli

ROOT = Path(__file__).resolve().parent.parent


def _mnist(*words: str, cwd: Path = ROOT, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "MNIST" if cwd == ROOT else str(ROOT / "MNIST"), *words],
        cwd=cwd,
        capture_output=True,
        text=True,
        errors="replace",  # a child may be told to write in another encoding
        env={**os.environ, **environment},
    )


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["tain"], "did you mean 'train'?"),
        (["train", "Data", "a", "optimized_model", "--epo", "3"], "did you mean '--epochs'?"),
        (["train", "Data", "a", "optimized_model", "--seeed=3"], "did you mean '--seed'?"),
        (["train", "Data", "a", "optimized_model", "-w"], "unknown option '-w'"),
        (["train", "Data", "a"], "<model-description-file> is missing"),
        (["train", "Data", "a", "optimized_model", "extra"], "'extra' is one word too many"),
        (["train", "Data", "a", "optimized_model", "--epochs"], "an option lacks its value"),
        (["train", "Data", "a", "optimized_model", "--epochs", "-1"], "--epochs: expected a whole number"),
        (["train", "Data", "a", "optimized_model", "--epochs", "abc"], "found 'abc'"),
        (["train", "Data", "a", "optimized_model", "--batch", "nan"], "found 'nan'"),
        (["train", "Data", "a", "optimized_model", "--batch", "1e3"], "found '1e3'"),
        (["train", "Data", "a", "optimized_model", "--epochs", "٣"], "found '٣'"),
        (["train", "Data", "a", "optimized_model", "--batch", "2000000"], "from 1 to 1000000"),
        (["train", "Data", "a", "optimized_model", "--seed", "1" + "0" * 23], "from 0 to 2147483647"),
        (["train", "Data", "a", "optimized_model", "-s", "0"], "--split: expected a proportion"),
        (["train", "Data", "a", "optimized_model", "-s", "1.5"], "--split: expected a number"),
        (["train", "Data", "a", "optimized_model", "--precision", "float16"], "expected one of auto"),
        (["train", "Data", "a", "."], "model file '.' is a folder"),
        (["train", "Data", "a", ""], "no model file ''"),
        (["train", "Data", "a", "optimised_model"], "did you mean 'optimized_model'?"),
        (["test", "Results", "Data", "a,a"], "stands there twice"),
    ],
)
def test_a_wrong_command_line_is_explained_and_exits_with_2(words, hint, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.main(words) == 2
    message = capsys.readouterr().err
    assert hint in message
    assert "Option(" not in message
    assert "Traceback" not in message
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "name", ["../x", "/x", "a\0b", "x" * 300, "hf://x", "x.h5", "", "ü", "a b", "nul", "COM1"]
)
@pytest.mark.parametrize(
    "command",
    [
        ["train", "Data", "NAME", "optimized_model"],
        ["test", "NAME", "Data", "a"],
        ["explore", "Data", "NAME"],
    ],
)
def test_an_unsafe_name_is_refused_before_anything_is_created(name, command, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.main([name if word == "NAME" else word for word in command]) == 2
    assert "name" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "command", [["train", "No such data", "a", "optimized_model"], ["test", "R", "No such data", "a"]]
)
def test_missing_data_says_which_download_to_run(command, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.main(command) == 1
    assert "python MNIST download 'No such data'" in capsys.readouterr().err


def test_a_fault_of_the_program_is_one_line_unless_debugging(monkeypatch, capsys):
    from MNIST.commands import check

    monkeypatch.setattr(check, "run", lambda options: 1 // 0)
    assert cli.main(["check", "x"]) == 1
    message = capsys.readouterr().err
    assert "internal error: ZeroDivisionError" in message
    assert "Traceback" not in message
    assert cli.main(["check", "x", "--debug"]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_debugging_changes_no_exit_code(capsys):
    assert cli.main(["check", "no_such_model", "--debug"]) == 2
    assert "Traceback" in capsys.readouterr().err


def test_a_library_that_is_missing_is_named(monkeypatch, capsys):
    from MNIST.commands import check

    def fail(options):
        raise ModuleNotFoundError("No module named 'docopt'", name="docopt")

    monkeypatch.setattr(check, "run", fail)
    assert cli.main(["check", "x"]) == 1
    assert "docopt is not installed in this Python" in capsys.readouterr().err


BROKEN = "raise ImportError('libx.so: no such file', name='_x', path='_x.so')"


@pytest.mark.parametrize(
    "source",
    [
        BROKEN,
        # as TensorFlow and NumPy do
        f"import traceback\ntry:\n    {BROKEN}\nexcept ImportError:\n"
        "    raise ImportError(f'{traceback.format_exc()}\\n\\nFailed to load the native runtime.\\nSee https://x')",
        f"try:\n    {BROKEN}\nexcept ImportError as error:\n"
        "    raise ImportError('\\n\\nPLEASE READ THIS\\n\\nIt can have many reasons.') from error",
        # as in a library with a faster part that is not installed
        f"try:\n    import no_such_library\nexcept ImportError:\n    {BROKEN}",
        "raise ImportError('\\nlibx.so: no such file\\nSee https://x')",
    ],
)
def test_a_library_that_cannot_be_loaded_is_named(source, tmp_path, monkeypatch, capsys):
    from MNIST.commands import check

    (tmp_path / "broken_library.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(check, "run", lambda options: import_module("broken_library"))
    assert cli.main(["check", "x"]) == 1
    told = capsys.readouterr().err
    assert told == "broken_library is installed but cannot be loaded: libx.so: no such file\n"


def test_a_name_that_the_program_itself_lacks_is_its_fault(monkeypatch, capsys):
    from MNIST.commands import check

    line = "from MNIST.words import no_such_name"
    monkeypatch.setattr(check, "run", lambda options: exec(line, {"__name__": check.__name__}))
    assert cli.main(["check", "x"]) == 1
    assert "internal error: ImportError" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (KeyboardInterrupt(), 130, "interrupted"),
        (MemoryError(), 1, "out of memory"),
        (
            OSError(28, "No space left on device", "Model_Output/x"),
            1,
            "Model_Output/x: No space left on device",
        ),
    ],
)
def test_the_system_saying_no_is_one_line(error, code, message, monkeypatch, capsys):
    from MNIST.commands import check

    def fail(options):
        raise error

    monkeypatch.setattr(check, "run", fail)
    assert cli.main(["check", "x"]) == code
    assert message in capsys.readouterr().err


def test_every_command_has_a_help_that_names_it():
    for command in cli.COMMANDS:
        result = _mnist(command, "--help")
        assert result.returncode == 0
        assert f"python MNIST {command}" in result.stdout


def test_all_three_ways_to_start_are_the_same_but_for_the_name():
    absolute = _mnist("--help", cwd=ROOT.parent).stdout
    module = subprocess.run(
        [sys.executable, "-m", "MNIST", "--help"], cwd=ROOT, capture_output=True, text=True
    )
    relative = subprocess.run([sys.executable, "MNIST", "--help"], cwd=ROOT, capture_output=True, text=True)
    expected = relative.stdout
    assert absolute.replace(str(ROOT / "MNIST"), "MNIST") == expected
    assert module.stdout.replace("python -m MNIST", "python MNIST") == expected
    assert "Neural networks as text files" in expected


def test_no_words_show_the_usage_and_exit_with_2():
    result = _mnist()
    assert result.returncode == 2
    assert "Usage:" in result.stdout


@pytest.mark.skipif(os.name == "nt", reason="POSIX pipes")
def test_a_reader_that_has_left_ends_it_with_141():
    theirs, ours = os.pipe()
    os.close(theirs)
    words = [sys.executable, "MNIST", "check", "optimized_model"]
    result = subprocess.run(words, cwd=ROOT, stdout=ours, stderr=subprocess.PIPE, text=True)
    os.close(ours)
    assert (result.returncode, result.stderr) == (141, "")


def test_a_plain_locale_does_no_harm():
    for encoding in ("ascii", "latin-1"):
        result = _mnist("check", "optimized_model", LC_ALL="C", PYTHONIOENCODING=encoding, PYTHONUTF8="0")
        assert result.returncode == 0
        assert "Error" not in result.stderr


@pytest.mark.parametrize("words", ["list", "check mlp", "check mlp --json"])
def test_closed_streams_do_no_harm(words, tmp_path):
    program = f"{sys.executable} {ROOT / 'MNIST'} {words}"
    for closed in "<&- >&-", ">&-", "<&- >&- 2>&-":
        result = subprocess.run(["bash", "-c", f"{program} {closed}"], cwd=tmp_path, capture_output=True)
        assert (result.returncode, result.stdout, result.stderr) == (0, b"", b""), closed


def test_paths_with_spaces_and_unicode_work(tmp_path):
    folder = tmp_path / "Modèle 模型"
    folder.mkdir()
    (folder / "my net.txt").write_text((ROOT / "Models" / "example_model.txt").read_text())
    result = _mnist("check", str(folder / "my net.txt"), cwd=tmp_path)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["train", "Data"], "<model-name> and <model-description-file> are missing"),
        (["train", "Data", "a", "b", "c"], "'c' is one word too many"),
        (["test", "Results", "Data"], "<model-names> is missing"),
        (["test", "Results", "Data", "a", "--all"], "'a' is one word too many"),
        (["test", "Results", "--all"], "<dataset-dir> is missing"),
        (["check"], "<model-description-file> is missing"),
        (["pictures"], "<table-file> is missing"),  # and its folder may be
        (["completion"], "<shell> is missing"),
        (["reproduce"], "<model-name> is missing"),
        (["list", "--diff", "one"], "<model-name> is missing"),
        (["list", "--diff", "one", "two", "three"], "'three' is one word too many"),
        (["explain", "net"], "<image-file> is missing"),
        (["explain", "net", "--image", "1", "x"], "'x' is one word too many"),
        (["explore", "Data", "s", "-r", "0.001,", "0.01"], "'0.001,' ends in a comma: write a list without"),
        (["test", "R", "Data", "a,", "b"], "'a,' ends in a comma: write a list without spaces"),
        (["explore", "Data", "s", "--lr", "0.1"], "unknown option '--lr'; here it is '--rate'"),
        (
            ["train", "Data", "a", "b", "--batch-size", "9"],
            "unknown option '--batch-size'; here it is '--batch'",
        ),
        (
            ["explore", "Data", "s", "-r", "0,001"],
            "--rate: '0,001' are two values; if it is one number, write 0.001",
        ),
        (["explore", "Data", "s", "-r", "0.001:0.01"], "a step of 1 leads from 0.001 beyond 0.01"),
    ],
)
def test_what_does_not_fit_is_named(words, reason, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert cli.main(words) == 2
    assert reason in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_two_arguments_in_the_wrong_order_are_recognised(capsys, digits_folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["train", "net", str(digits_folder), "lenet5"]) == 2
    assert "has the data: it belongs in the place of <dataset-dir>, and net in" in capsys.readouterr().err


def test_what_follows_two_dashes_is_no_option(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for word in "-7.txt", "--debug":
        assert cli.main(["check", "--", word]) == 2
        assert capsys.readouterr().err.startswith(f"no model file '{word}'")


@pytest.mark.parametrize("word", ["-s=0.8", "-s0.8", "--split=0.8"])
def test_a_value_may_follow_an_equals_sign(word):
    usage = import_module("MNIST.commands.explore").__doc__
    assert cli.parse("explore", usage, ["Data", "scan", word])["--split"] == "0.8"


def test_a_misspelt_folder_is_answered_with_the_one_that_exists(capsys, digits_folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(digits_folder, "Data")
    shutil.copytree(digits_folder, "Another")
    shutil.copy("Another/train-images-idx3-ubyte.gz", "Another/train-images.idx3-ubyte.gz")
    assert cli.main(["show", "Dta"]) == 1
    assert capsys.readouterr().err.strip().endswith("; there is a dataset in Data")


def test_the_demos_networks_are_pointed_to(capsys, digits_folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("Demo/Model_Output/demo").mkdir(parents=True)
    Path("Demo/Model_Output/demo/run.json").touch()
    assert cli.main(["test", "Results", str(digits_folder), "demo"]) == 1
    assert "no trained network 'demo' here, but in Demo/Model_Output/" in capsys.readouterr().err


def test_a_number_in_place_of_an_image_file_gets_the_option(capsys, digits_folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("net.txt").write_text("Layers:\nFlatten\nDense,10,softmax\nOptimizer:\n0.01\n1\n100\n")
    assert (
        cli.main(["train", str(digits_folder), "net", "net.txt", "--engine", "numpy", "--images", "100"]) == 0
    )
    assert cli.main(["explain", "net", "24"]) == 2
    assert "no file '24'; for test image 24, write --image 24" in capsys.readouterr().err
