"""`predict` as a user types it: disguised test images, several networks, files that are not pictures."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from examples import is_quick
from PIL import Image

from MNIST import cli, training
from MNIST.commands import explain, predict
from MNIST.data import load
from MNIST.data.catalogue import about_published
from MNIST.data.importing import Wishes, import_dataset
from MNIST.engines.saved_arrays import write_arrays

ROOT = Path(__file__).parents[2]
MODEL = "Layers:\nFlatten\nDense,{units},relu\nDense,10,softmax\nOptimizer:\n0.003,0\n{epochs}\n50\n"

DISGUISES = {
    "plain": lambda image: image,
    "inverted": lambda image: 255 - image,
    "enlarged": lambda image: np.pad(np.kron(image, np.ones((3, 3), np.uint8)), ((7, 31), (50, 2))),
    "shifted": lambda image: np.roll(
        image, [-np.flatnonzero(image.any(axis=1 - a))[0] for a in (0, 1)], (0, 1)
    ),
}


@pytest.fixture(scope="module")
def trained(digits_folder, tmp_path_factory) -> Path:
    """A directory where `small` and `large` have been trained on the digits."""
    folder, before = tmp_path_factory.mktemp("predict"), Path.cwd()
    os.chdir(folder)
    try:
        for name, units, epochs in (("small", 2, 1), ("large", 64, 8)):
            Path(f"{name}.txt").write_text(MODEL.format(units=units, epochs=epochs))
            words = ["train", str(digits_folder), name, f"{name}.txt", "--engine", "numpy"]
            assert cli.main(words) == 0
    finally:
        os.chdir(before)
    return folder


@pytest.fixture
def here(trained, tmp_path, monkeypatch) -> Path:
    """A directory of the test's own with these networks."""
    monkeypatch.chdir(tmp_path)
    Path("Model_Output").symlink_to(trained / "Model_Output")
    return tmp_path


def _seven(path: str, ink: int = 0, paper: int = 255) -> str:
    picture = np.full((100, 80), paper, np.uint8)
    picture[20:30, 20:60] = picture[20:80, 50:60] = ink
    Image.fromarray(picture).save(path)
    return path


def _answers(shown: str) -> list[int]:
    """The column Answer of a table for one network."""
    return [int(line.split("│")[2]) for line in shown.splitlines() if line.startswith("│")]


def test_test_images_in_disguise_keep_their_answers(mnist_folder, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("net.txt").write_text(MODEL.format(units=64, epochs=3))
    words = [str(mnist_folder), "net", "net.txt", "--engine", "numpy", "--images", "10000"]
    assert cli.main(["train", *words]) == 0
    images = load(mnist_folder).test_images[: 100 if is_quick() else 300]
    expected = training.load_trained("net").engine.logits(images).argmax(axis=1)
    for name, disguise in DISGUISES.items():
        files = [f"{name}{place:03}.png" for place in range(len(images))]
        for file, image in zip(files, images, strict=True):
            Image.fromarray(disguise(image)).save(file)
        capsys.readouterr()
        assert cli.main(["predict", "net", *files]) == 0
        assert (_answers(capsys.readouterr().out) == expected).mean() >= 0.99


def test_each_network_answers_each_disguise_alike(here, capsys):
    for number, (ink, paper) in enumerate(((0, 255), (255, 0), (60, 190))):
        assert cli.main(["predict", "small,large", _seven(f"{number}.png", ink, paper)]) == 0
    shown = capsys.readouterr().out
    assert shown.count("Network") == 3
    rows = [line for line in shown.splitlines() if line.startswith("│")]
    assert len({tuple(row.split("│")[3:5]) for row in rows[::2]}) == 1  # each disguise gets the same answer


def test_disagreement_is_said(here, capsys):
    shutil.copytree("Model_Output/large", "own/Model_Output/large")
    os.chdir("own")
    for name in ("same", "other"):
        shutil.copytree("Model_Output/large", f"Model_Output/{name}")
    arrays = training.load_trained("other").engine.get_weights()
    for name in ("dense_3/kernel", "dense_3/bias"):  # each answer becomes the next digit
        arrays[name] = np.roll(arrays[name], 1, axis=-1)
    content = write_arrays(arrays)
    Path("Model_Output/other/weights.npz").write_bytes(content)
    record = Path("Model_Output/other/run.json")
    values = json.loads(record.read_text())
    values["files"]["weights.npz"] = hashlib.sha256(content).hexdigest()
    record.write_text(json.dumps(values))
    assert cli.main(["predict", "large,same", _seven("seven.png")]) == 0
    assert "they disagree" not in capsys.readouterr().out
    assert cli.main(["predict", "large,other", "seven.png"]) == 0
    said = re.search(r"seven\.png: they disagree: large (\d), other (\d)", capsys.readouterr().out)
    assert int(said[2]) == (int(said[1]) + 1) % 10


def test_a_network_that_has_learned_clothes_names_them(here, capsys):
    shutil.copytree("Model_Output/large", "own/Model_Output/large")
    os.chdir("own")
    record = Path("Model_Output/large/run.json")
    values = json.loads(record.read_text()) | {"dataset": "fashion", "form": "whole", "ink": "dark"}
    record.write_text(json.dumps(values | {"classes": list(about_published("fashion").classes)}))
    assert cli.main(["predict", "large", _seven("good.png")]) == 0
    names = "|".join(map(re.escape, about_published("fashion").classes))
    assert re.search(rf"│ +good.png +│ +({names}) +│", capsys.readouterr().out)
    values.pop("classes")  # as records were before they named the classes
    record.write_text(json.dumps(values))
    assert cli.main(["predict", "large", _seven("good.png")]) == 0
    assert "Ankle boot" in capsys.readouterr().out


@pytest.mark.parametrize("form", ["whole", None])
def test_a_whole_picture_of_16_bits_becomes_what_import_made_of_it(tmp_path, form):
    random = np.random.default_rng(0)
    for kind, brightest in (("dim", 1_000), ("mid", 1_100), ("bright", 65_535)):
        (tmp_path / "deep" / kind).mkdir(parents=True)
        for number in range(2):
            levels = random.integers(100, 900, (28, 28)).astype(np.uint16)
            levels[10, 10] = brightest
            Image.fromarray(levels).save(tmp_path / "deep" / kind / f"{number}.png")
    made = import_dataset(tmp_path / "deep", tmp_path / "data", Wishes(form, test=0.5)).dataset
    images = {image.tobytes() for image in (*made.train_images, *made.test_images)}
    assert sorted(max(image) for image in images) == [4, 4, 4, 4, 255, 255]
    about = replace(made.about, form="whole")
    for file in (tmp_path / "deep").rglob("*.png"):
        ((found,),) = predict._lines(str(file), [("whole", "bright")], single=False)
        assert found["whole", "bright"].image.tobytes() in images
        assert explain._from_file(file, SimpleNamespace(about=about))[2].tobytes() in images


def test_what_cannot_be_read_is_named_and_the_others_are_answered(here, capsys):
    Path("text.png").write_text("no picture")
    Image.new("L", (50, 50)).save("blank.png")
    bad = ["text.png", "blank.png", "none.png", "/dev/zero", "."]
    assert cli.main(["predict", "large", *bad, _seven("good.png")]) == 1
    shown = capsys.readouterr()
    assert len(_answers(shown.out)) == 1
    lines = shown.err.splitlines()
    assert [line.split(":")[0] for line in lines] == bad
    assert cli.main(["predict", "large", *bad]) == 1
    assert capsys.readouterr().out == ""


def test_networks_that_are_missing_are_named_and_the_others_answer(here, capsys):
    assert cli.main(["predict", "larg,large", _seven("good.png")]) == 1
    shown = capsys.readouterr()
    assert "no trained network 'larg' in Model_Output/; did you mean 'large'?" in shown.err
    assert len(_answers(shown.out)) == 1
    assert cli.main(["predict", "none", "good.png"]) == 1
    assert capsys.readouterr().out == ""


def test_a_picture_with_several_digits_is_answered_digit_by_digit(here, capsys):
    _seven("one.png")
    one = np.asarray(Image.open("one.png"))
    Image.fromarray(np.hstack([one] * 4)).save("four.png")
    assert cli.main(["predict", "large", "one.png", "four.png", "--steps", "s.png"]) == 0
    shown = capsys.readouterr().out
    answers = _answers(shown)
    assert len(answers) == 5
    assert len(set(answers)) == 1
    assert "four.png 4/4" in shown
    assert f"four.png: 4 found, in reading order: {str(answers[0]) * 4}" in shown
    assert cli.main(["predict", "large", "four.png", "--single"]) == 0
    assert len(_answers(capsys.readouterr().out)) == 1
    Image.fromarray(np.vstack([np.hstack([one] * 3), np.hstack([one] * 3)])).save("six.png")
    assert cli.main(["predict", "small,large", "six.png"]) == 0
    three = str(answers[0]) * 3
    assert f"large {three} / {three}" in capsys.readouterr().out


def test_the_steps_of_the_first_digits_are_drawn(here, capsys, monkeypatch):
    monkeypatch.setattr(predict, "MOST_STEPS", 3)
    one = np.asarray(Image.open(_seven("one.png")))
    Image.fromarray(np.vstack([np.hstack([one] * 2)] * 2)).save("four.png")
    assert cli.main(["predict", "large", "four.png", "--steps", "s.png"]) == 0
    assert "Written: s.png, of the first 3 digits" in capsys.readouterr().out


def test_a_picture_with_two_pages_is_said_to_have_them(here, public_cases, capsys):
    assert cli.main(["predict", "large", str(public_cases / "12_two_pages_3_then_7.tif")]) == 0
    assert "it has 2 pages, and the first one is answered" in capsys.readouterr().err


@pytest.mark.skipif(os.name == "nt", reason="such names are for systems that allow them")
def test_names_may_hold_anything(here, capsys):
    names = [
        "<script>alert(1)<.png",
        "[red]x:smile:.png",
        "a\x1b[2Jb.png",
        "a\nb.png",
        "größe 模型 $x^2$.png",
    ]
    for name in names:
        _seven(name)
    assert cli.main(["predict", "large", *names, "--steps", "s.png", "--show"]) == 0
    shown = capsys.readouterr().out
    assert "\x1b[2J" not in shown
    assert len(_answers(shown)) == len(names)
    for text in ("<script>alert(1)<.png", "[red]x:smile:.png", r"a\x1b[2Jb.png", r"a\nb.png"):
        assert f"│ {text}" in shown
    assert "模型" in shown
    assert Image.open("s.png").format == "PNG"


def test_the_steps_are_shown_and_written(here, capsys):
    assert cli.main(["predict", "large", _seven("seven.png"), "--show", "--steps", "steps.png"]) == 0
    shown = capsys.readouterr().out
    for step in ("picture", "ink", "cut out", "28 × 28", "Written: steps.png"):
        assert step in shown
    assert {path.name for path in here.iterdir()} == {"Model_Output", "seven.png", "steps.png"}


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["large,large", "a.png"], "large stands there twice"),
        (["../x", "a.png"], "not usable"),
        (["large", "a.png", "--steps", "steps.jpg"], "ends in .png"),
        (["large", "a.png", "--steps", "./a.png"], "would overwrite './a.png'"),
        (["large", *["a.png"] * 51, "--steps", "s.png"], "at most 50 pictures, found 51"),
        (["large", "a.png", "--engine", "nunpy"], "did you mean 'numpy'"),
        (["large", "a.png", "--threads", "0"], "--threads"),
        (["large"], "<image> is missing"),
        (["large", "a.png", "--sho"], "did you mean '--show'"),
    ],
)
def test_wrong_words_are_refused_before_anything_is_done(words, reason, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["predict", *words]) == 2
    shown = capsys.readouterr()
    assert reason in shown.err
    assert shown.out == ""
    assert list(tmp_path.iterdir()) == []


def test_steps_that_cannot_be_written_end_in_a_line(here, capsys):
    words = ["predict", "large", _seven("seven.png"), "--steps", "seven.png/steps.png"]
    assert cli.main(words) == 1
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_plain_locale_shows_letters(here):
    _seven("seven.png")
    words = [sys.executable, str(ROOT / "MNIST"), "predict", "large", "seven.png", "--show"]
    plain = {**os.environ, "LC_ALL": "C", "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    result = subprocess.run(words, capture_output=True, env=plain)
    assert result.returncode == 0, result.stderr
    assert result.stderr == b""
    assert b"#######" in result.stdout
    assert b"???" not in result.stdout
