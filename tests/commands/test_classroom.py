"""The guide for a class, from start to end: thirty networks come together, three with false claims."""

import csv
import hashlib
import json
import re
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest

from MNIST import cli
from MNIST.engines.saved_arrays import write_arrays
from MNIST.language import lay_out, parse_spec
from MNIST.training.draws import initial_weights

pytestmark = pytest.mark.slow

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "classroom.md"
MODEL = "Layers:\nFlatten\nDense,{units},relu\nDense,10,softmax\nOptimizer:\n0.005,0\n2\n50\n"
STUDENTS = [f"student_{number:02}" for number in range(1, 31)]
OTHER_WEIGHTS, OTHER_HISTORY, OTHER_DATA = STUDENTS[4], STUDENTS[11], STUDENTS[22]
COPIED = STUDENTS[7], STUDENTS[19]  # the second one has handed in the network of the first


@pytest.fixture(scope="module")
def handed_in(digits_folder, tmp_path_factory) -> Path:
    """A folder with Data and what thirty students have handed in."""
    folder = tmp_path_factory.mktemp("class")
    (folder / "Data").symlink_to(digits_folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        _other_digits(digits_folder, Path("Others"))
        for seed, student in enumerate(STUDENTS):
            Path("my_net.txt").write_text(MODEL.format(units=8 + seed % 3))
            data = "Others" if student == OTHER_DATA else "Data"
            words = ["--engine", "numpy", "--threads", "1", "--images", "300", "--seed", str(seed)]
            assert cli.main(["train", data, "my_net", "my_net.txt", "-q", *words]) == 0
            shutil.move("Model_Output/my_net", f"handed_in/{student}/my_net")
            shutil.rmtree("Model_Output")
        shutil.rmtree(f"handed_in/{COPIED[1]}/my_net")
        shutil.copytree(f"handed_in/{COPIED[0]}/my_net", f"handed_in/{COPIED[1]}/my_net")
        _with_other_weights(Path(f"handed_in/{OTHER_WEIGHTS}/my_net"))
        _with_another_history(Path(f"handed_in/{OTHER_HISTORY}/my_net"))
        for student in STUDENTS[:3]:  # some pack their folder, as their system does it
            shutil.make_archive(f"handed_in/{student}/my_net", "zip", f"handed_in/{student}", "my_net")
            shutil.rmtree(f"handed_in/{student}/my_net")
        shutil.make_archive(f"handed_in/{STUDENTS[3]}/my_net", "zip", f"handed_in/{STUDENTS[3]}/my_net")
        shutil.rmtree(f"handed_in/{STUDENTS[3]}/my_net")
        Path("handed_in/student_31/my_net").mkdir(parents=True)
        Path("handed_in/student_31/my_net/run.json").write_text("not a record")
    return folder


def _other_digits(source: Path, folder: Path) -> None:
    """The same images, of which one has another label."""
    import gzip

    shutil.copytree(source, folder)
    labels = folder / "train-labels-idx1-ubyte.gz"
    content = bytearray(gzip.decompress(labels.read_bytes()))
    content[8] = (content[8] + 1) % 10
    labels.write_bytes(gzip.compress(bytes(content)))


def _with_other_weights(folder: Path) -> None:
    """Weights that this text did not reach, and a record that describes them."""
    network = lay_out(parse_spec((folder / "spec.txt").read_text()))
    _replaced(folder, "weights.npz", write_arrays(initial_weights(network, 99)))


def _with_another_history(folder: Path) -> None:
    """A better last epoch, and a record that describes it."""
    rows = list(csv.reader((folder / "history.csv").read_text().splitlines()))
    rows[-1][rows[0].index("val_accuracy")] = "0.99"
    _replaced(folder, "history.csv", ("\n".join(map(",".join, rows)) + "\n").encode())


def _replaced(folder: Path, file: str, content: bytes) -> None:
    (folder / file).write_bytes(content)
    record = json.loads((folder / "run.json").read_text())
    record["files"][file] = hashlib.sha256(content).hexdigest()
    (folder / "run.json").write_text(json.dumps(record))


def _commands(section: str) -> list[list[str]]:
    """The commands of a section of the guide."""
    (text,) = re.findall(rf"^## {section}\n(.*?)(?=^## |\Z)", GUIDE.read_text(), re.MULTILINE | re.DOTALL)
    return [shlex.split(line) for line in re.findall(r"^    python MNIST (.*)", text, re.MULTILINE)]


def test_a_class_comes_together_is_compared_and_its_claims_are_checked(handed_in, monkeypatch, run):
    monkeypatch.chdir(handed_in)
    (command,) = _commands("5. Putting them together")
    code, shown, errors = run(*command)
    assert code == 1
    assert re.search(r"student_31/my_net: refused: .*\n1 of 31 networks are refused", errors)
    names = [f"{student}_my_net" for student in STUDENTS]
    assert sorted(path.name for path in Path("Model_Output").iterdir() if path.is_dir()) == names
    assert shown.count("of the validation images right") == 30

    listing, test, together, page = _commands("6. One comparison")
    code, shown, _ = run(*listing)
    assert code == 0
    assert all(student in shown for student in STUDENTS)
    code, shown, errors = run(*test)
    assert code == 0
    assert f"{OTHER_DATA}_my_net learned from custom, not from digits" in errors
    report = Path("Results/report.html").read_text()
    assert all(name in report for name in names)
    assert f"{COPIED[0]}_my_net and {COPIED[1]}_my_net are identical" in shown
    assert len(report) < 5_000_000
    assert run(*together)[0] == 0
    accuracies = [
        [float(row["Test_Accuracy"]) for row in csv.DictReader(table.open(), delimiter="\t")]
        for table in (Path("Results.txt"), Path("Together.txt"))
    ]
    assert accuracies[1][0] > np.mean(accuracies[0])
    assert run(*page)[0] == 0
    assert Path("draw.html").read_text().count('id="numbers-') == 30

    (command,) = _commands("7. Checking the claims")
    code, shown, errors = run(*command)
    assert code == 2  # of the one that learned from other data
    others = f"{OTHER_WEIGHTS}_my_net, {OTHER_HISTORY}_my_net, {OTHER_DATA}_my_net"
    assert f"Not shown to be as recorded: {others}" in errors
    assert "27 of 30 networks are what their records say." in shown
    assert f"The history of {OTHER_WEIGHTS}_my_net is the same, but its weights are not" in errors
    assert re.search(rf"{OTHER_HISTORY}_my_net is not the same, from epoch 2", errors)
    assert f"{OTHER_DATA}_my_net did not learn from these images of digits" in errors


def test_what_is_prepared_before_the_lesson(digits_folder, mnist_folder, tmp_path, monkeypatch, run):
    """The stick is a folder here; pip's commands need the whole of TensorFlow, and are not tried."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MNIST_MIRROR", raising=False)
    shutil.copytree(mnist_folder, "stick")
    (download,) = _commands("2. On each computer, without an internet connection")
    assert run(*(word.replace(r"E:mnist", "stick") for word in download))[0] == 0
    first, lab = _commands("1. Before the lesson")
    assert first == ["download", "Data"]
    assert run(*lab)[0] == 0
    assert Path("lab.html").stat().st_size < 6_000_000
