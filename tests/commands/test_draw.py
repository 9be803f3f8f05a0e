"""`draw` as a user types it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from MNIST.architecture import architecture_svg
from MNIST.cli import main
from MNIST.language import read_spec

ROOT = Path(__file__).resolve().parent.parent.parent
OPEN = "Layers:\nFlatten\nDense,{classes},softmax\nOptimizer:\n0.001\n5\n100\n"


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_a_picture_is_called_after_its_model_file(capsys):
    assert main(["draw", "lenet5"]) == 0
    svg = Path("lenet5.svg").read_text(encoding="utf-8")
    assert svg == architecture_svg(read_spec(ROOT / "Models" / "lenet5.txt"), "lenet5")
    assert capsys.readouterr().out.startswith(f"Written: lenet5.svg ({len(svg.encode()):,} bytes)")
    assert main(["draw", "mlp", "lenet5"]) == 0  # takes the place of a picture
    assert ">mlp<" in Path("lenet5.svg").read_text(encoding="utf-8")


def test_the_number_of_classes(capsys):
    Path("open.txt").write_text(OPEN)
    assert main(["draw", "open.txt", "ten.svg"]) == 0
    assert main(["draw", "open.txt", "letters.svg", "--classes", "26"]) == 0
    assert "7,850 parameters" in Path("ten.svg").read_text(encoding="utf-8")
    assert "20,410 parameters" in Path("letters.svg").read_text(encoding="utf-8")
    assert main(["draw", "mlp", "--classes", "26"]) == 2
    assert "this dataset has 26 classes" in capsys.readouterr().err
    assert main(["draw", "mlp", "--classes", "1"]) == 2
    assert "--classes: expected a whole number, from 2 to 1000, found '1'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["mlp", "net.png"], "'net.png': expected a name that ends in .svg"),
        (["mlp", "there.svg"], "there.svg is there and no picture of this command: take another name"),
        (["mlp", "folder.svg"], "folder.svg is a folder: take another name"),
        (["mlp", "."], "expected a file for the picture, found the folder '.'"),
        (["mlp", "new/"], "expected a file for the picture, found the folder 'new/'"),
        (["mlp", "a\0b"], "the picture's name has a NUL character in it"),
        (["nosuchmodel"], "no model file 'nosuchmodel'"),
        (["explore"], "this file is a template, for `explore`, and no model yet"),
    ],
)
def test_a_wrong_word_is_told_and_nothing_is_written(words, message, capsys):
    Path("folder.svg").mkdir()
    Path("there.svg").write_text("<svg/>")
    assert main(["draw", *words]) == 2
    assert message in capsys.readouterr().err
    assert sorted(path.name for path in Path().iterdir()) == ["folder.svg", "there.svg"]
    assert Path("there.svg").read_text() == "<svg/>"


def test_a_mistake_is_told_as_check_tells_it(capsys):
    Path("wrong.txt").write_text(OPEN.replace("Flatten", "Flaten\nConv,3"))
    assert main(["draw", "wrong.txt"]) == main(["check", "wrong.txt"]) == 2
    first, second = capsys.readouterr().err.split("wrong.txt, line 2: unknown layer 'Flaten'")[1:]
    assert first == second
    assert not Path("wrong.svg").exists()


def test_a_name_that_is_no_usual_one_is_made_usual():
    Path("my net & more.txt").write_text(OPEN)
    assert main(["draw", "my net & more.txt"]) == 0
    assert "<title>my net &amp; more</title>" in Path("my_net_more.svg").read_text(encoding="utf-8")


def test_draw_imports_nothing_heavy():
    code = (
        "import sys; from MNIST.cli import main; main(['draw', 'optimized_model']);"
        "heavy = {'numpy', 'pandas', 'keras', 'tensorflow', 'torch', 'talos', 'rich', 'matplotlib'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout.endswith("[]\n")
