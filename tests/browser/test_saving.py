"""What leaves the page as a file: Python reads what it saves, and the page opens nothing else."""

import base64
import contextlib
import io
from pathlib import Path

import numpy as np
import pytest
from saved_networks import HISTORY, MODEL, Student, as_json, hostile, open_saving, saved

from MNIST import cli
from MNIST.data import About, load
from MNIST.training import load_trained, read_history, read_laboratory_network, read_model_text

SHAPES = About("shapes", ("○", "square", 'a "star"', "</script>"), "dark", "whole")


@pytest.fixture(scope="module")
def page(modules):
    return open_saving(modules)


def test_a_network_is_saved_byte_for_byte_as_python_would(page, tmp_path):
    students = (
        Student(),
        Student("other", 7, about=SHAPES),
        Student("plain", text=MODEL.replace("\n", "\r\n")),
    )
    for student, content in zip(students, saved(page, *students), strict=True):
        assert content == student.packed()
        path = tmp_path / "net.zip"
        path.write_bytes(content)
        network = read_laboratory_network(path)
        assert network.name == student.name
        assert network.note.classes == list(student.about.classes)
        assert network.history == HISTORY


def test_it_comes_back_as_it_left(page):
    student = Student("other", 7, about=SHAPES)
    script = """(one) => {
      const before = trained(one);
      const after = openNetwork(saveNetwork(before, one.about));
      const differs = (name) => JSON.stringify(before[name]) !== JSON.stringify(after[name]);
      const different = Object.keys(before).filter((name) => name !== "history" && differs(name));
      const weights = Object.values(after.weights).every((array) => array instanceof Float32Array);
      return [different, after.history.map(({ peakMemory, ...result }) => result), after.about, weights];
    }"""
    different, history, about, floats = page.evaluate(script, student.trained())
    assert different == []
    assert about == {name: value for name, value in student.trained()["about"].items() if name != "counts"}
    assert history == student.trained()["history"]
    assert floats


def test_saved_again_by_another_page_it_stays_what_it_was(page):
    student = Student("other", 7, about=SHAPES)
    note = student.note() | {"images": None}
    others = Student(about=About("mnist", SHAPES.classes), digest="f" * 64).trained()["about"]
    others |= {"version": "9.9.9", "counts": {"training": 500, "allTraining": 1000}}
    script = "([file, about]) => encode(saveNetwork(openNetwork(decode(file)), about))"
    packed = student.packed(network=as_json(note))
    again = page.evaluate(script, [base64.b64encode(packed).decode(), others])
    assert base64.b64decode(again) == packed


def test_a_page_with_a_part_of_the_images_says_how_many(page, tmp_path):
    script = "(one) => encode(saveNetwork(trained(one), one.about))"
    for everything, images in ((60_000, 1000), (1000, None)):
        trained = Student().trained() | {"images": None}
        trained["about"]["counts"]["allTraining"] = everything
        (tmp_path / "net.zip").write_bytes(base64.b64decode(page.evaluate(script, trained)))
        assert read_laboratory_network(tmp_path / "net.zip").note.images == images


def test_what_was_never_trained_is_not_saved(page):
    script = """(one) => {
      try { saveNetwork(trained(one), one.about); return ""; }
      catch (error) { return error.message; }
    }"""
    said = page.evaluate(script, Student().trained() | {"history": [], "keptEpoch": 0})
    assert said == "my_net has no whole epoch yet: train it for one, and then save it"


def test_large_gradients_are_saved_opened_and_imported(page, tmp_path):
    trained = Student().trained()
    for result in trained["history"]:
        result["gradientNormVariance"] = 1e17
    script = """(one) => {
      const file = saveNetwork(trained(one), one.about);
      openNetwork(file);
      return encode(file);
    }"""
    (tmp_path / "net.zip").write_bytes(base64.b64decode(page.evaluate(script, trained)))
    assert read_laboratory_network(tmp_path / "net.zip").history[0].gradient_norm_variance == 1e17


def test_a_training_without_validation_has_no_figures_of_it(page, tmp_path):
    trained = Student().trained() | {"validationImages": 0, "trainingImages": 1000, "split": 1}
    trained["history"] = [result | {"valLoss": None, "valAccuracy": None} for result in trained["history"]]
    script = "(one) => encode(saveNetwork(trained(one), one.about))"
    (tmp_path / "net.zip").write_bytes(base64.b64decode(page.evaluate(script, trained)))
    network = read_laboratory_network(tmp_path / "net.zip")
    assert np.isnan([result.val_loss for result in network.history]).all()


@pytest.mark.parametrize("name", ["", "a b", "../x", "a" * 65, "NUL"])
def test_a_name_that_is_none_is_not_saved(page, name):
    script = """(one) => {
      try { saveNetwork(trained(one), one.about); return ""; }
      catch (error) { return error.message; }
    }"""
    assert "letters, digits" in page.evaluate(script, Student(name).trained())


def test_nothing_else_is_opened(page):
    """Whatever is wrong, an Error tells it in a sentence."""
    script = """(files) => files.map((file) => {
      try { openNetwork(decode(file)); return ""; }
      catch (error) { return error instanceof TypeError || error instanceof RangeError ? "" : error.message; }
    })"""
    files = {name: found for name, found in hostile(Student()).items() if name != "a fifth of a gigabyte"}
    said = page.evaluate(script, [base64.b64encode(content).decode() for content, _ in files.values()])
    opened = [name for name, text in zip(files, said, strict=True) if not text]
    assert opened == []


def test_what_is_longer_than_it_can_be_is_not_read(page):
    """A record of a hundred megabytes would take gigabytes as JSON, on the page's own thread."""
    script = "(file) => { try { openNetwork(decode(file)); } catch (error) { return error.message; } }"
    history = Student().members()["history.csv"]
    for content in (
        Student().packed(network=b"[" + b"{}," * 2**19 + b"0]"),
        Student().packed(history=history + b"\n" * 300 * len(HISTORY)),
    ):
        said = page.evaluate(script, base64.b64encode(content).decode())
        assert said == "a text in it is longer than any that a laboratory writes"


@pytest.fixture(scope="module")
def imported(page, tmp_path_factory):
    """Thirty networks as students hand them in, and the folder in which one command has imported them."""
    folder = tmp_path_factory.mktemp("class")
    students = [Student(f"student_{number}", number) for number in range(30)]
    (folder / "handed_in").mkdir()
    for student, content in zip(students, saved(page, *students), strict=True):
        (folder / "handed_in" / f"{student.name}.zip").write_bytes(content)
    with contextlib.chdir(folder):
        assert cli.main(["import", "handed_in"]) == 0
    return folder, students


def test_thirty_networks_are_imported_by_one_command(imported):
    folder, students = imported
    with contextlib.chdir(folder):
        for student in students[::7]:
            model = load_trained(student.name)
            for name, array in student.weights.items():
                np.testing.assert_array_equal(model.engine.get_weights()[name], array)
            assert read_history(student.name) == HISTORY
            assert read_model_text(student.name) == MODEL.replace("{classes}", "10")


@pytest.mark.parametrize("count", [3, pytest.param(30, marks=pytest.mark.slow)])
def test_they_are_compared_by_another(count, imported, digits_folder, capsys):
    folder, students = imported
    names = [student.name for student in students[:count]]
    with contextlib.chdir(folder):
        assert cli.main(["test", "Results", str(digits_folder), ",".join(names)]) == 0
        rows = [line.split("\t")[0] for line in Path("Results.txt").read_text().splitlines()]
    assert sorted(rows[1:]) == sorted(names)
    assert "student_0 learned from mnist, not from digits" in capsys.readouterr().err


def test_drawn_digits_become_a_dataset(page, digits_folder, tmp_path, capsys):
    digits = load(digits_folder)
    some = np.flatnonzero((digits.train_labels > 0) & (digits.train_labels < 4))[:40]
    images, labels = digits.train_images[some], digits.train_labels[some].tolist()
    script = """([images, labels, about]) => encode(saveDigits({ images: decode(images), labels }, about))"""
    names = ["zero", *(f"class {number}" for number in range(1, 9)), "größe"]
    about = {"classes": names, "form": "whole", "ink": "dark"}  # unlike what the images would be taken for
    sent = [base64.b64encode(images.tobytes()).decode(), labels, about]
    content = base64.b64decode(page.evaluate(script, sent))
    with np.load(io.BytesIO(content)) as file:
        np.testing.assert_array_equal(file["x_train"], images)
        np.testing.assert_array_equal(file["y_train"], labels)
    with contextlib.chdir(tmp_path):
        Path("digits.npz").write_bytes(content)
        assert cli.main(["import", "digits.npz", "MyData"]) == 0
    dataset = load(tmp_path / "MyData")
    assert {"classes": list(dataset.classes), "form": dataset.about.form, "ink": dataset.about.ink} == about
    assert sorted(map(bytes, [*dataset.train_images, *dataset.test_images])) == sorted(map(bytes, images))
    assert len(dataset.train_images) + len(dataset.test_images) == 40
    assert set(dataset.train_labels.tolist()) == {1, 2, 3}
