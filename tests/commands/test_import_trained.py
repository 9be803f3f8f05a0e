"""`import` of a network that somebody has trained with `train`: the folder or a zip of it, checked."""

import contextlib
import hashlib
import json
import re
import shutil
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from MNIST import cli, training

MODEL = "Layers:\nFlatten\nDense,8,relu\nDense,10,softmax\nOptimizer:\n0.005,0\n1\n50\n"


@pytest.fixture(scope="module")
def trained(digits_folder, tmp_path_factory) -> Path:
    """A folder with Anna's network, as she hands it in, and the digits in Data."""
    folder = tmp_path_factory.mktemp("handed_in")
    with contextlib.chdir(folder):
        Path("Data").symlink_to(digits_folder)
        Path("my_net.txt").write_text(MODEL)
        words = ["Data", "my_net", "my_net.txt", "--engine", "numpy", "--images", "200"]
        assert cli.main(["train", *words]) == 0
        Path("anna").mkdir()
        shutil.move("Model_Output/my_net", "anna/my_net")
        shutil.rmtree("Model_Output")
    return folder


def _zipped(folder: str, file: str, inside: str = "my_net/", **changes: bytes) -> None:
    """A zip as systems make it: compressed, with the folder in it."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(Path(folder).iterdir()):
            archive.writestr(inside + path.name, changes.pop(path.stem, path.read_bytes()))


def _imported() -> dict[str, bytes]:
    folder = Path("Model_Output/my_net")
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != ".lock"}


@pytest.mark.parametrize("inside", [None, "my_net/", "handed in/my_net/", ""])
def test_the_folder_and_a_zip_of_it_become_the_same_network(inside, here, run):
    if inside is not None:
        _zipped("anna/my_net", "my_net.zip", inside)
    code, shown, errors = run("import", "anna/my_net" if inside is None else "my_net.zip")
    assert (code, errors) == (0, "")
    assert shown.startswith("my_net: 6,370 parameters, 1 epoch, ")
    files = {path.name: path.read_bytes() for path in Path("anna/my_net").iterdir()}
    copied = _imported()
    assert {"run.json", "spec.txt", "history.csv", "weights.npz"} <= set(copied)
    assert copied == {name: files[name] for name in copied}
    assert Path("Model_Output/my_net.txt").read_text().startswith("Training Loss\t")
    assert run("test", "Results", "Data", "my_net")[0] == 0
    assert run("import", "anna/my_net")[1].startswith("my_net: the same network is there already")
    assert run("reproduce", "my_net", "Data")[0] == 0


def test_a_folder_of_folders_stands_for_all_and_by_file_gives_names(here, run):
    shutil.copytree("anna", "ben")
    _zipped("anna/my_net", "ben/second.zip")
    Path("all").mkdir()
    for person in ("anna", "ben"):
        shutil.move(person, f"all/{person}")
    code, shown, errors = run("import", "all", "--by-file")
    assert (code, errors) == (0, "")
    assert "test Results <dataset-dir> anna_my_net,ben_second,ben_my_net" in shown
    assert sorted(path.name for path in Path("Model_Output").iterdir() if path.is_dir()) == [
        *("anna_my_net", "ben_my_net", "ben_second"),
    ]


def test_of_a_long_path_the_end_makes_the_name(here, run):
    place = Path("Computer science 7b, third assignment, hand in your network by Friday")
    for person in ("anna", "ben"):
        shutil.copytree("anna/my_net", place / person / "my_net")
    code, shown, errors = run("import", str(place.parent / place), "--by-file")
    assert (code, errors) == (0, "")
    shutil.rmtree("Model_Output")
    assert "<dataset-dir> anna_my_net,ben_my_net" in shown
    shutil.move(place, Path("all") / place)
    assert "<dataset-dir> anna_my_net,ben_my_net" in run("import", "all", "--by-file")[1]


def test_what_is_not_read_is_named_beside_the_others(here, run):
    Path("anna/ida/long/checkpoint").mkdir(parents=True)
    Path("anna/ida/long/checkpoint/epoch_00001.npz").touch()
    shutil.copytree("anna/ida", "anna/Reproduced")  # no hand-in, but a look at one
    Path("anna/kim.tar.gz").touch()
    code, shown, errors = run("import", "anna")
    assert (code, errors.splitlines()) == (
        1,
        [
            "anna/kim.tar.gz: refused: of archives, only a .zip is read;"
            " unpack this one, and import the folder",
            "anna/ida/long: refused: it is not trained to its end; start its `train` command again",
            "2 of 3 networks are refused",
        ],
    )
    assert shown.startswith("my_net: 6,370 parameters")


def _two_networks(archive: zipfile.ZipFile) -> None:
    archive.writestr("my_net/run.json", "{}")
    archive.writestr("second/run.json", "{}")


def _a_zip_in_it(archive: zipfile.ZipFile) -> None:
    archive.writestr("my_net.zip", "")


def _many_files(archive: zipfile.ZipFile) -> None:
    for number in range(10_001):
        archive.writestr(f"my_net/{number}", "")


def _packed_anew(archive: zipfile.ZipFile) -> None:
    archive.writestr("my_net/network.json", "{}")


@pytest.mark.parametrize(
    ("fill", "said"),
    [
        (_two_networks, "there are 2 trained networks in it; unpack it, and import the folder"),
        (_a_zip_in_it, "there is no trained network in it; unpack it, and import the folder"),
        (_many_files, "there are more than 10,000 files in it; import the folder of the network"),
        (_packed_anew, "it was packed anew; if you can unpack it, import the folder"),
    ],
)
def test_what_else_a_zip_may_hold_is_said(fill, said, here, run):
    with zipfile.ZipFile("other.zip", "w") as archive:
        fill(archive)
    code, shown, errors = run("import", "other.zip")
    assert (code, shown) == (1, "")
    assert errors.startswith("other.zip: refused: ")
    assert errors.endswith(f"{said}\n")


def _without_history(folder: Path) -> None:
    (folder / "history.csv").unlink()


def _other_weights(folder: Path) -> None:
    content = bytearray((folder / "weights.npz").read_bytes())
    content[-100] ^= 1
    (folder / "weights.npz").write_bytes(bytes(content))


def _other_text(folder: Path) -> None:
    (folder / "spec.txt").write_text(MODEL.replace("Dense,8", "Dense,9"))


def _no_record(folder: Path) -> None:
    (folder / "run.json").write_text("[" * 100_000)


def _change_record(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    record = json.loads((folder / "run.json").read_text())
    change(record)
    (folder / "run.json").write_text(json.dumps(record))


def _foreign_file(folder: Path) -> None:
    _change_record(folder, lambda record: record["files"].update({"../../escaped.txt": "0" * 64}))


def _other_parameters(folder: Path) -> None:
    _change_record(folder, lambda record: record.update(parameters=7))


def _terminal_codes(folder: Path) -> None:
    _change_record(folder, lambda record: record["settings"].update(device="\x1b[31mcpu"))


def _rewrite_history(folder: Path, text: str) -> None:
    (folder / "history.csv").write_text(text)
    digest = hashlib.sha256(text.encode()).hexdigest()
    _change_record(folder, lambda record: record["files"].update({"history.csv": digest}))


def _other_epochs(folder: Path) -> None:
    _rewrite_history(folder, (folder / "history.csv").read_text().replace("\n1,", "\n2,"))


def _no_csv(folder: Path) -> None:
    _rewrite_history(folder, "a" * 140_000)  # more than a field of Python's csv may have


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (_without_history, "history.csv is missing"),
        (_other_weights, "weights.npz is not the file that run.json describes"),
        (_other_text, "spec.txt is not the file that run.json describes"),
        (_no_record, "run.json"),
        (_foreign_file, "escaped.txt"),
        (_other_parameters, "run.json says 7 parameters, and spec.txt has 6,370"),
        (_terminal_codes, r"device '\x1b[31mcpu'"),
        (_other_epochs, "its epochs are not numbered from 1 on"),
        (_no_csv, "history.csv: refused: field larger than field limit"),
    ],
)
@pytest.mark.parametrize("zipped", [False, True])
def test_what_its_record_does_not_describe_is_refused(spoil, said, zipped, here, run):
    spoil(Path("anna/my_net"))
    if zipped:
        _zipped("anna/my_net", "my_net.zip")
    code, shown, errors = run("import", "my_net.zip" if zipped else "anna/my_net")
    assert code in (1, 2)
    assert shown == ""
    assert errors.startswith("my_net.zip: refused: " if zipped else "anna/my_net: refused: ")
    assert said in errors
    assert str(Path.cwd()) not in errors
    assert tempfile.gettempdir() not in errors  # where a zip is unpacked
    assert len(errors.splitlines()) == 1
    assert not list(Path().rglob("Model_Output/my_net/*.*"))
    assert not Path("escaped.txt").exists()


def test_a_zip_that_would_unpack_to_too_much_is_refused_before(here, run):
    _zipped("anna/my_net", "my_net.zip", weights=bytes(200_000_000))
    assert Path("my_net.zip").stat().st_size < 1_000_000
    code, _, errors = run("import", "my_net.zip")
    assert code == 1
    assert "weights.npz is larger than this network can need" in errors


def _long_history(folder: Path) -> None:
    """As many epochs as make a larger history than a network of this size has bytes of weights."""
    header, row = (folder / "history.csv").read_text().splitlines()
    rows = [f"{epoch},{row.split(',', 1)[1]}" for epoch in range(1, 19_001)]
    text = "\n".join([header, *rows, ""])
    record = json.loads((folder / "run.json").read_text())
    record["files"]["history.csv"] = hashlib.sha256(text.encode()).hexdigest()
    (folder / "history.csv").write_text(text)
    (folder / "run.json").write_text(json.dumps(record | {"epochs": len(rows)}))


@pytest.mark.parametrize("zipped", [False, True])
def test_a_long_history_comes_whole(zipped, here, run):
    _long_history(Path("anna/my_net"))
    assert Path("anna/my_net/history.csv").stat().st_size > 2**20 + 64 * 6_370
    if zipped:
        _zipped("anna/my_net", "my_net.zip")
    assert run("import", "my_net.zip" if zipped else "anna/my_net")[0] == 0
    assert _imported()["history.csv"] == Path("anna/my_net/history.csv").read_bytes()
    assert "my_net" in run("list")[1]


def test_a_zip_of_another_version_is_refused(here, run):
    _zipped("anna/my_net", "my_net.zip")
    content = bytearray(Path("my_net.zip").read_bytes())
    content[content.index(b"PK\x01\x02") + 6] = 255  # the version that a program needs to unpack it
    Path("my_net.zip").write_bytes(content)
    code, _, errors = run("import", "my_net.zip")
    assert code == 1
    assert errors.startswith("my_net.zip: refused: ")


def test_a_damaged_zip_is_refused_in_a_line(here, run):
    _zipped("anna/my_net", "my_net.zip")
    with zipfile.ZipFile("my_net.zip") as archive:
        begin = archive.getinfo("my_net/weights.npz").header_offset + 60
    content = bytearray(Path("my_net.zip").read_bytes())
    content[begin : begin + 240] = bytes(240)
    Path("my_net.zip").write_bytes(bytes(content))
    code, _, errors = run("import", "my_net.zip")
    assert code == 1
    assert errors.startswith("my_net.zip: refused: ")
    assert len(errors.splitlines()) == 1


def test_a_zip_of_another_compression_that_is_damaged_does_not_keep_the_others_out(here, run):
    with zipfile.ZipFile("anna/a.zip", "w", zipfile.ZIP_LZMA) as archive:
        for path in Path("anna/my_net").iterdir():
            archive.write(path, f"my_net/{path.name}")
        begin = archive.getinfo("my_net/spec.txt").header_offset + 60
    content = bytearray(Path("anna/a.zip").read_bytes())
    content[begin : begin + 20] = bytes(20)
    Path("anna/a.zip").write_bytes(bytes(content))
    code, shown, errors = run("import", "anna")
    assert (code, errors.splitlines()[1:]) == (1, ["1 of 2 networks are refused"])
    assert errors.startswith("anna/a.zip: refused: it cannot be unpacked: ")
    assert shown.startswith("my_net: 6,370 parameters")


def test_not_even_a_fault_of_ours_keeps_the_others_out(here, run, monkeypatch):
    shutil.copytree("anna/my_net", "anna/bad")
    read = training.read_handed_in

    def faulty(path: Path) -> training.HandedIn:
        return {}["no such key"] if path.name == "bad" else read(path)

    monkeypatch.setattr(training, "read_handed_in", faulty)
    code, shown, errors = run("import", "anna")
    assert (code, "anna/bad: refused: it cannot be read (KeyError: 'no such key')" in errors) == (1, True)
    assert shown.startswith("my_net: 6,370 parameters")


@pytest.mark.parametrize(
    ("inside", "name"),
    [("my_net copy/", "my_net_copy"), ("a/../", "_"), ("con/", None), ("ä" * 99 + "/", "_")],
)
def test_it_is_called_by_a_name_that_a_network_can_have(inside, name, here, run):
    """A copy has a space in its name, and a hostile zip a way out of its folder."""
    _zipped("anna/my_net", "handed in.zip", inside)
    Path("run.json").write_text("mine")
    code, _, errors = run("import", "handed in.zip", "--replace")
    there = [path.name for path in Path("Model_Output").iterdir() if path.is_dir()] if name else []
    assert (code, there, Path("run.json").read_text()) == (0 if name else 2, [name] if name else [], "mine")
    assert name or "network name 'con' is not usable" in errors


def test_nothing_of_the_network_before_stays_beside_the_new_one(here, run):
    run("import", "anna/my_net")
    for file in "curves.png", "tensorboard/events.out.tfevents.1", "explained/digit.html":
        path = Path("Model_Output/my_net", file)
        path.parent.mkdir(exist_ok=True)
        path.touch()
    _change_record(Path("anna/my_net"), lambda record: record.update(identity="0" * 64))
    _change_record(Path("anna/my_net"), lambda record: record["files"].pop("curves.png", None))
    assert run("import", "anna/my_net", "--replace")[1].startswith("my_net: the same network is there")
    _change_record(Path("anna/my_net"), lambda record: record["files"].update({"spec.txt": _respelled()}))
    assert run("import", "anna/my_net", "--replace")[0] == 0
    left = {str(path.relative_to("Model_Output/my_net")) for path in Path("Model_Output/my_net").rglob("*")}
    assert left.isdisjoint({"curves.png", "explained", "tensorboard/events.out.tfevents.1"})


def _respelled() -> str:
    """Write the text with a comment more, and return its digest."""
    Path("anna/my_net/spec.txt").write_text(f"{MODEL}# mine\n")
    return hashlib.sha256(f"{MODEL}# mine\n".encode()).hexdigest()


def test_where_it_cannot_be_written_is_told(here, run):
    Path("Model_Output").write_text("a file in the place of the folder")
    code, shown, errors = run("import", "anna/my_net")
    assert (code, shown) == (1, "")
    assert re.fullmatch(r"anna/my_net: refused: Model_Output\S*: .+\n", errors)
