"""`import my_net.zip`: what a laboratory saved becomes a trained network, or leaves nothing behind."""

import json
from pathlib import Path

import pytest
from saved_networks import MODEL, Student, hostile

from MNIST.data import About

OTHER = Student("other", 7)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("my_net.zip").write_bytes(Student().packed())
    return tmp_path


def test_a_network_is_there_for_every_command(run, digits_folder):
    code, output, errors = run("import", "my_net.zip")
    assert (code, errors) == (0, "")
    assert output.startswith("my_net: 2,472 parameters, 3 epochs, 75.00% of the validation images right")
    assert Path("Model_Output/my_net.txt").read_text().splitlines()[3] == "Validation Accuracy\t0.75"
    record = json.loads(Path("Model_Output/my_net/run.json").read_text())
    assert record["settings"]["engine"] == "browser (3.0.0)"
    assert record["command"] == ["python", "MNIST", "import", "my_net.zip"]
    assert run("test", "Results", digits_folder, "my_net")[0] == 0
    assert run("page", "my_net", "draw.html")[0] == 0
    assert run("explain", "my_net", "--image", "0", "--data", digits_folder)[0] == 0
    code, _, errors = run("test", "Results", digits_folder, "my_net", "--on", "validation")
    assert (code, "was trained in a laboratory" in errors) == (2, True)


def test_training_does_not_go_on_with_it_but_may_begin_from_it(run, digits_folder):
    run("import", "my_net.zip")
    Path("text.txt").write_text(MODEL)
    short = "--engine", "numpy", "--images", "200", "--epochs", "1"
    code, output, _ = run("train", digits_folder, "next", "text.txt", "--from", "my_net", *short)
    assert (code, "begin as those of my_net" in output) == (0, True)
    code, _, errors = run("train", digits_folder, "my_net", "text.txt", *short)
    assert code == 0
    assert "holds a network from a laboratory, whose training cannot go on here" in errors


def test_the_same_network_again_is_said_to_be_there(run):
    run("import", "my_net.zip")
    before = Path("Model_Output/my_net/run.json").stat().st_mtime_ns
    code, output, errors = run("import", "my_net.zip")
    assert (code, errors) == (0, "")
    assert output.startswith("my_net: the same network is there already\n")
    assert Path("Model_Output/my_net/run.json").stat().st_mtime_ns == before


def test_a_name_that_is_taken_is_refused_unless_told_otherwise(run):
    run("import", "my_net.zip")
    Path("new.zip").write_bytes(Student(seed=1).packed())
    code, output, errors = run("import", "new.zip")
    assert (code, output) == (2, "")
    assert errors.startswith("new.zip: refused: the name my_net is taken by another network; --as NAME")
    assert run("import", "new.zip", "--as", "a/b")[0] == 2
    assert run("import", "new.zip", "--as", "second")[0] == 0
    assert Path("Model_Output/second/weights.npz").read_bytes() == Student(seed=1).members()["weights.npz"]
    Path("Model_Output/my_net/curves.png").touch()
    assert run("import", "new.zip", "--replace")[0] == 0
    assert Path("Model_Output/my_net/weights.npz").read_bytes() == Student(seed=1).members()["weights.npz"]
    assert not Path("Model_Output/my_net/curves.png").exists()


def test_networks_of_one_command_do_not_replace_one_another(run):
    for seed in range(3):
        Path(f"handed_in/{seed}").mkdir(parents=True)
        Path(f"handed_in/{seed}/my_net.zip").write_bytes(Student(seed=seed).packed())
    code, output, errors = run("import", "handed_in", "--replace")
    assert (code, output.splitlines()[-1].split()[-1]) == (2, "my_net")
    assert Path("Model_Output/my_net/weights.npz").read_bytes() == Student().members()["weights.npz"]
    said = (
        "refused: handed_in/0/my_net.zip has taken the name my_net before; --by-file calls each as its file"
    )
    assert errors.splitlines()[:2] == [f"handed_in/{seed}/my_net.zip: {said}" for seed in (1, 2)]
    assert run("import", "handed_in/1", "handed_in/2", "--replace")[0] == 2  # the first one replaces another
    assert Path("Model_Output/my_net/weights.npz").read_bytes() == Student(seed=1).members()["weights.npz"]
    assert run("import", "handed_in", "--by-file")[0] == 0


def test_the_hint_fits_the_command(run):
    run("import", "my_net.zip")
    for seed, name in enumerate(("Anna!", "Anna?"), start=1):
        Path(f"{name}.zip").write_bytes(Student(seed=seed).packed())
    _, _, errors = run("import", "Anna!.zip", "Anna?.zip")
    assert "is taken by another network; --by-file calls each as its file, --replace puts" in errors
    code, output, errors = run("import", "Anna!.zip", "Anna?.zip", "--by-file", "--replace")
    assert (code, output.splitlines()[-1].split()[-1]) == (2, "Anna_")
    said = "Anna?.zip: refused: Anna!.zip has taken the name Anna_ before; rename one of the two files\n"
    assert errors.startswith(said)
    _, _, errors = run("import", "Anna?.zip", "--by-file")
    assert "the name Anna_ is taken by another network; rename this file, --replace puts" in errors


def test_a_training_that_is_not_finished_keeps_its_name(run):
    checkpoint = Path("Model_Output/my_net/checkpoint/epoch_00001.npz")
    checkpoint.parent.mkdir(parents=True)
    checkpoint.touch()
    code, _, errors = run("import", "my_net.zip")
    assert (code, "a network that is not trained to its end" in errors) == (2, True)
    assert checkpoint.exists()


def test_each_of_several_is_reported_and_the_good_ones_are_imported(run, folder):
    handed_in = folder / "handed in"
    for student, name in (("Anna M.", "my_net"), ("Ben", "my_net"), ("Cem", "net (1)")):
        (handed_in / student).mkdir(parents=True)
        content = Student(seed=len(student)).packed()
        (handed_in / student / f"{name}.zip").write_bytes(content[: 5000 if student == "Ben" else None])
    (handed_in / "__MACOSX").mkdir()
    (handed_in / "__MACOSX" / "._my_net.zip").touch()
    code, output, errors = run("import", handed_in, "my_net.zip", "--by-file")
    assert code == 1
    assert [line.split(":")[0] for line in output.splitlines()] == [
        "Anna_M_my_net",
        "Cem_net_1_",
        "my_net",
        "Next",
    ]
    assert output.endswith(" test Results <dataset-dir> Anna_M_my_net,Cem_net_1_,my_net\n")
    assert "Ben/my_net.zip: refused: " in errors
    assert "1 of 4 networks are refused" in errors
    assert not Path("Model_Output/Ben_my_net").exists()
    assert run("import", handed_in, "--as", "x")[0] == 2


def test_two_zips_are_two_networks_and_no_dataset(run):
    Path("other.zip").write_bytes(OTHER.packed())
    code, output, _ = run("import", "my_net.zip", "other.zip")
    assert (code, output.splitlines()[-1].split()[-1]) == (0, "my_net,other")


def test_what_is_hostile_leaves_nothing(run):
    names = (
        "nothing",
        "a path in a name",
        "a bomb",
        "another name",
        "a weight that is no number",
        "a wrong text",
    )
    for name, (content, _) in hostile(Student()).items():
        if name in names:
            Path("bad.zip").write_bytes(content)
            code, output, errors = run("import", "bad.zip")
            assert (code, output) == (2 if name == "another name" else 1, "")
            assert errors.startswith("bad.zip: refused: ")
            assert not Path("Model_Output").exists()


def test_its_classes_are_its_own(run, digits_folder):
    Path("shapes.zip").write_bytes(Student("shapes", about=About("s", ("round", "</script>"))).packed())
    assert run("import", "shapes.zip")[0] == 0
    assert run("page", "shapes", "draw.html")[0] == 0
    code, _, errors = run("test", "Results", digits_folder, "shapes")
    assert (code, "tells 2 classes (round, </script>) apart" in errors) == (1, True)


@pytest.mark.parametrize(
    ("words", "code", "hint"),
    [
        (["absent.zip"], 1, "absent.zip: refused: there is no such file"),
        (["pictures"], 2, "to make a dataset: "),
        (["my_net.zip", "MyData"], 1, "an archive must be unpacked first"),
    ],
)
def test_what_is_no_network(words, code, hint, run):
    found, _, errors = run("import", *words)
    assert (found, hint in errors) == (code, True)
