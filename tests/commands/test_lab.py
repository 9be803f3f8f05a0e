"""`lab` as a user types it: what is in the file that it writes, and what is refused."""

import base64
import gzip
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from MNIST import __version__, cli
from MNIST.browser.table import language_table
from MNIST.data import About, idx, load, split
from MNIST.data.importing.dataset import write_dataset
from MNIST.data.importing.source import Part


class Tags(HTMLParser):
    """The texts of a page's script tags that have an id, by it; and its policy and title."""

    def __init__(self, text):
        super().__init__()
        self.texts, self._open = {}, None
        self.policy = self.title = ""
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        if tag == "meta" and found.get("http-equiv") == "Content-Security-Policy":
            self.policy = found["content"]
        self._open = found.get("id") if tag == "script" else "title" if tag == "title" else None
        if self._open:
            self.texts[self._open] = ""

    def handle_data(self, data):
        if self._open:
            self.texts[self._open] += data

    def handle_endtag(self, tag):
        self._open = None


def array(tags, name):
    """The IDX file in a tag."""
    content = gzip.decompress(base64.b64decode(tags.texts[name]))
    return idx.decode(content, content[3], types=tuple(idx.TYPES))


@pytest.fixture
def lab(tmp_path, monkeypatch, capsys):
    """A function that runs `lab` in an empty folder: its exit code, its output and its errors."""
    monkeypatch.chdir(tmp_path)

    def command(*words):
        capsys.readouterr()
        return cli.main(["lab", *map(str, words)]), *capsys.readouterr()

    return command


def test_all_of_a_dataset_is_in_the_file(lab, digits_folder):
    code, output, errors = lab(digits_folder, "lab")
    assert (code, errors) == (0, "")
    assert output.startswith("Written: lab.html (")
    assert "1,500 training images and 297 test images of digits, 10 digits." in output
    text = Path("lab.html").read_text()
    tags, digits = Tags(text), load(digits_folder)
    np.testing.assert_array_equal(array(tags, "train-images"), digits.train_images)
    np.testing.assert_array_equal(array(tags, "train-labels"), digits.train_labels)
    np.testing.assert_array_equal(array(tags, "test-images"), digits.test_images)
    np.testing.assert_array_equal(array(tags, "test-labels"), digits.test_labels)
    assert json.loads(tags.texts["table"]) == json.loads(json.dumps(language_table()))
    about = json.loads(tags.texts["about"])
    assert about == {
        "name": "digits",
        "digest": digits.digest,
        "classes": list("0123456789"),
        "ink": "bright",
        "form": "digit",
        "counts": {"training": 1500, "test": 297, "allTraining": 1500},
        "note": "",
        "version": __version__,
    }
    models = json.loads(tags.texts["models"])
    assert models[0]["name"] == "example_model"
    assert len(models) > 3
    for name in ("kernels", "kernels-plain"):
        assert base64.b64decode(tags.texts[name]).startswith(b"\0asm")
    assert tags.texts["worker"].startswith('"use strict"')
    lab(digits_folder, "again.html")
    same = Path("again.html").read_text() == text
    assert same


def test_its_policy_lets_nothing_out(lab, digits_folder):
    lab(digits_folder, "lab.html")
    policy = Tags(Path("lab.html").read_text()).policy
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert {name: sorted(rule.split()) for name, rule in rules.items()} == {
        "default-src": ["'none'"],
        "script-src": ["'unsafe-inline'", "'wasm-unsafe-eval'"],
        "style-src": ["'unsafe-inline'"],
        "img-src": ["blob:", "data:"],
        "worker-src": ["blob:"],
    }


def test_a_smaller_one_holds_what_train_takes_and_says_so(lab, digits_folder):
    code, output, _ = lab(digits_folder, "small.html", "--images", "100")
    assert (code, "100 training images and 297 test images" in output) == (0, True)
    tags, digits = Tags(Path("small.html").read_text()), load(digits_folder)
    taken = split(digits, 0.9, 0, 100)
    taken = np.concatenate([taken.train, taken.validation])
    np.testing.assert_array_equal(array(tags, "train-images"), digits.train_images[taken])
    np.testing.assert_array_equal(array(tags, "train-labels"), digits.train_labels[taken])
    about = json.loads(tags.texts["about"])
    assert about["counts"] == {"training": 100, "test": 297, "allTraining": 1500}
    assert about["digest"] == digits.digest
    assert about["note"].startswith("100 of the 1,500 training images are here: ")


def test_the_texts_that_are_asked_for(lab, digits_folder):
    Path("my net.txt").write_text("Layers:\nFlatten\nDense,{classes},softmax\nOptimizer:\n0.001,0\n1\n100\n")
    assert lab(digits_folder, "lab.html", "--models", "lenet5,my net.txt")[0] == 0
    models = json.loads(Tags(Path("lab.html").read_text()).texts["models"])
    assert [model["name"] for model in models] == ["lenet5", "my_net"]
    assert "Dense,10,softmax" in models[1]["text"]


@pytest.mark.parametrize("count", [2, 1000])
def test_any_dataset_works(lab, tmp_path, count):
    """Names that try to end a script tag stay names; more than 256 classes take labels of two bytes."""
    names = ("</script><script>alert(1)</script>", "<!--", *(f"class {number}" for number in range(2, count)))
    labels = np.arange(count).repeat(2)
    images = np.random.default_rng(0).integers(0, 256, (2 * count, 28, 28), np.uint8)
    about = About("mine", names[:count], "dark", "whole")
    write_dataset(tmp_path / "Mine", about, Part(images, labels), Part(images[:count], labels[:count]))
    assert lab("Mine", "lab.html")[0] == 0
    tags = Tags(Path("lab.html").read_text())
    np.testing.assert_array_equal(array(tags, "train-labels"), labels)
    found = json.loads(tags.texts["about"])
    assert (found["classes"], found["ink"], found["form"]) == (list(names[:count]), "dark", "whole")
    models = json.loads(tags.texts["models"])
    assert all(re.search(f"^Dense,{count},softmax", model["text"], re.MULTILINE) for model in models)
    assert not any(model["text"].startswith("#") for model in models)


@pytest.mark.parametrize(
    ("words", "code", "hint"),
    [
        (["Absent", "x.html"], 1, "download"),
        (["{data}", "x.txt"], 2, "ends in .html"),
        (["{data}", "notes.html"], 2, "no page of this command"),
        (["{data}", "x.html", "--images", "0"], 2, "--images"),
        (["{data}", "x.html", "--images", "1501"], 2, "expected 1 to 1,500"),
        (["{data}", "x.html", "--models", "absent"], 2, "no model file"),
        (["{data}", "x.html", "--models", "mlp,mlp"], 2, "stands there twice"),
        (["{data}", "x.html", "--models", "sonn"], 2, "learns by ParallelDelta, which no laboratory has"),
        (["{data}", "x.html", "--models", "random_features"], 2, "LeastSquares, which no laboratory has"),
        (["{data}", "x.html", "--models", "wrong.txt"], 2, "did you mean 'Dense'?"),
        (["{data}", "x.html", "--models", "mlp,"], 2, "model file"),
        (["{data}", "a\0b"], 2, "NUL"),
    ],
)
def test_what_cannot_be_is_refused(words, code, hint, lab, digits_folder, tmp_path):
    Path("notes.html").write_text("<title>mine</title>")
    Path("wrong.txt").write_text("Layers:\nFlatten\nDens,10,softmax\nOptimizer:\n0.001,0\n1\n100\n")
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    found, output, errors = lab(*(digits_folder if word == "{data}" else word for word in words))
    assert (found, output, hint in errors) == (code, "", True)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_page_may_be_written_again(lab, digits_folder):
    assert lab(digits_folder, "lab.html")[0] == 0
    assert lab(digits_folder, "lab.html", "--images", "100")[0] == 0


def test_too_large_a_page_is_refused_with_a_way_out(lab, digits_folder, monkeypatch):
    monkeypatch.setattr("MNIST.lab.assemble.MOST_BYTES", 300_000)
    code, _, errors = lab(digits_folder, "lab.html")
    assert (code, "take fewer (--images)" in errors) == (2, True)
    assert not Path("lab.html").exists()
