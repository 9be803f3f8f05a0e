"""Many networks at once: `--all`, and a file of names in place of names."""

import contextlib
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from MNIST import cli
from MNIST.commands import trained_networks, values
from MNIST.data import load
from MNIST.errors import UsageError
from MNIST.training import load_trained

MODEL = "Layers:\nFlatten\nDense,10,softmax\nOptimizer:\n0.01,0\n1\n50\n"


@pytest.fixture(scope="module")
def trained(digits_folder, tmp_path_factory) -> Path:
    """A directory with the networks of twelve students, of whom ten have copied from the first."""
    folder = tmp_path_factory.mktemp("students")
    with contextlib.chdir(folder):
        Path("net.txt").write_text(MODEL)
        words = ["train", str(digits_folder), "student", "net.txt", "--engine", "numpy", "--images", "300"]
        assert cli.main([*words, "--seeds", "0-1"]) == 0
        for place in range(2, 12):
            shutil.copytree("Model_Output/student_0", f"Model_Output/student_{place}")
    return folder


def _tested(name="Results"):
    return [line.split("\t")[0] for line in Path(f"{name}.txt").read_text().splitlines()[1:]]


def test_all_leaves_out_networks_of_other_classes_and_does_not_fail(here, run, digits_folder):
    record = json.loads(Path("Model_Output/student_4/run.json").read_text())
    record["classes"] = list("abcdefghij")
    Path("Model_Output/student_4/run.json").write_text(json.dumps(record))
    code, shown, errors = run("test", "Results", digits_folder, "--all")
    assert code == 0
    assert len(errors.splitlines()) == 1
    assert errors.endswith("show 10 digits; it is left out\n")
    assert _tested() == [f"student_{place}" for place in range(12) if place != 4]
    lines = shown.splitlines()
    assert "student_0, student_2, student_3, student_5, " in shown
    assert " and student_11 are identical: the same probabilities" in shown
    assert "surest error" not in shown
    assert [line.split()[0] for line in lines[-15:-4]] == _tested()  # the table comes last
    page = Path("Results/report.html").read_text()
    assert len(page) < 1_000_000
    assert "leaves out how each of them sees the images" in page
    assert "student, 2 seeds" in shown  # copies are no seeds of their own
    Path("Model_Output/student_5/weights.npz").write_bytes(b"x")
    code, _, errors = run("test", "Results", digits_folder, "--all")
    assert code == 1
    assert "student_5: refused" in errors


def test_a_pipe_gets_a_whole_row_for_each_network(here, run, digits_folder):
    names = [f"{'a' * 60}_{number}" for number in range(11)]
    for name in names:
        shutil.move(f"Model_Output/student_{names.index(name)}", f"Model_Output/{name}")
    code, shown, _ = run("test", "Results", digits_folder, ",".join(names))
    assert code == 0
    rows = [line.split() for line in shown.splitlines() if line.startswith(" a")]
    assert sorted(row[0] for row in rows if row[1].endswith("%")) == sorted(names)


def test_without_networks_all_says_so(digits_folder, tmp_path, monkeypatch, run):
    monkeypatch.chdir(tmp_path)
    code, _, errors = run("test", "Results", digits_folder, "--all")
    assert (code, errors) == (2, "there is no trained network yet: `train` one first\n")
    assert list(tmp_path.iterdir()) == []


def test_a_file_names_networks_wherever_names_may_stand(here, run, digits_folder):
    Path("class 7b.txt").write_text("\ufeff# our class\nstudent_2\n\nstudent_1?   # two of them\r\n", "utf-8")
    assert values.model_names("class 7b.txt") == ["student_2", "student_10", "student_11"]
    assert run("test", "Results", digits_folder, "class 7b.txt")[0] == 0
    assert _tested() == ["student_2", "student_10", "student_11"]
    assert run("page", "class 7b.txt", "draw.html")[0] == 0
    assert '"name":"student_11"' in Path("draw.html").read_text().replace('": ', '":')


def test_every_mistake_of_a_file_is_named_with_its_line(here):
    Path("class.txt").write_text("student_1\nstudnet_2\n# no\nstudent_?\nabc/def\nx*\n")
    with pytest.raises(UsageError) as raised:
        values.model_names("class.txt")
    one, two, three, four = str(raised.value).splitlines()
    assert one == "class.txt, line 2: no trained network 'studnet_2'; did you mean 'student_2'?"
    assert two == "class.txt, line 4: student_1 stands in line 1 already"
    assert three.startswith("class.txt, line 5: model name 'abc/def' is not usable")
    assert four == "class.txt, line 6: no trained network has a name like 'x*'"
    Path("class.txt").write_text("\n".join(f"none_of_them_{place}" for place in range(30)))
    with pytest.raises(UsageError) as raised:
        values.model_names("class.txt")
    assert len(str(raised.value).splitlines()) == values.MOST_MISTAKES + 1
    assert str(raised.value).endswith("and 20 more mistakes")


def test_a_file_names_no_ensemble_twice(here):
    long = ["student_" + "1" * 50, "student_" + "2" * 50, "student_" + "3" * 50]
    for name in long:
        Path("Model_Output", name).mkdir()
        Path("Model_Output", name, "run.json").touch()
    lines = ["student_1+student_2", "student_2+student_1", "+".join(long), "+".join([long[0], *long[:0:-1]])]
    Path("class.txt").write_text("\n".join([*lines, f"{long[0]}+student_1+student_2"]))
    with pytest.raises(UsageError) as raised:
        values.model_names("class.txt")
    assert str(raised.value).splitlines() == [
        "class.txt, line 2: student_2+student_1 stands in line 1 already",
        f"class.txt, line 4: {long[0]}+2_more stands in line 3 already",
        f"class.txt, line 5: {long[0]}+2_more stands in line 3 already",
    ]


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"# nobody\n\n", "class.txt has no name"),
        (b"student_\xff\n", "class.txt: expected text in UTF-8"),
        (None, "there is no file class.txt"),
        (b"#" * (values.LARGEST_NAMES_FILE + 1), "class.txt is larger than a file of names can be"),
    ],
)
def test_what_is_no_file_of_names_is_refused(content, error, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    if content is not None:
        Path("class.txt").write_bytes(content)
    with pytest.raises(UsageError, match=error):
        values.model_names("class.txt")
    Path("class.txt").unlink(missing_ok=True)
    Path("class.txt").mkdir()
    with pytest.raises(UsageError, match=r"class\.txt: "):
        values.model_names("class.txt")


@pytest.mark.slow
def test_side_by_side_networks_answer_as_one_after_another(tmp_path, monkeypatch, digits_folder, capsys):
    monkeypatch.chdir(tmp_path)
    Path("net.txt").write_text(MODEL.replace("Flatten", "Conv,2,3,3,relu\nDropout,0.5\nFlatten"))
    words = ["train", str(digits_folder), "net", "net.txt", "--images", "300", "--seeds", "0-1"]
    assert cli.main(words) == 0
    for place in range(2, 11):
        shutil.copytree("Model_Output/net_0", f"Model_Output/net_{place}")
    Path("Model_Output/net_3/model.keras").write_bytes(b"x")
    names = ["net_2", "net_0+net_1", "net_3+net_0", *(f"net_{place}" for place in (3, 0, 1, *range(4, 11)))]
    images = load(digits_folder).test_images
    assert trained_networks.are_many(names, None)
    assert not trained_networks.are_many(names, "numpy")
    assert not trained_networks.are_many([name for name in names if "+" not in name][:10], None)
    capsys.readouterr()
    alone = list(trained_networks.answering(names, lambda _: images, None, None))
    said = capsys.readouterr().err
    together = list(trained_networks.answering_side_by_side(names, images, None, None))
    assert capsys.readouterr().err == said
    assert len(said.splitlines()) == 2  # net_3 is refused, and so is its ensemble
    assert [one.name for one in together] == [one.name for one in alone] == [*names[:2], *names[4:]]
    for name in "net_1", "net_2":
        fresh = load_trained(name).engine.logits(images)
        assert [one.logits.tobytes() for one in alone if one.name == name] == [fresh.tobytes()]
    for one, other in zip(alone, together, strict=True):
        assert one.logits.tobytes() == other.logits.tobytes()
        assert one.records == other.records


@pytest.mark.slow
def test_a_network_of_which_processes_die_is_left_out(monkeypatch):
    monkeypatch.setattr(trained_networks, "_asked_alone", dies_of_b)
    with trained_networks._answers(["a", "b", "c"], np.zeros((1, 28, 28), np.uint8), None, None) as answers:
        (a, _, said_of_a), (b, _, said_of_b), (c, _, said_of_c) = answers
    assert (a, b, c) == ("a", "b", "c")
    assert (said_of_a, said_of_c) == ("a\n", "c\n")
    assert said_of_b.startswith("b: a worker process died")
    assert said_of_b.endswith("; it is left out\n")


def dies_of_b(name, images, threads, engine):
    if name == "b":
        os._exit(1)
    return None, f"{name}\n"
