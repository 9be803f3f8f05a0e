"""A network's files take another's place all at once, whatever happens meanwhile."""

import hashlib
import json
import os
from pathlib import Path

import pytest

from MNIST.errors import ModelError
from MNIST.training.network_files import (
    finish_replacing,
    output_folder,
    read_file,
    remove_network,
    replace_files,
    usual_place,
)

# Whatever changes a folder goes through one of these.
STEPS = ("os.replace", "os.rename", "os.unlink", "os.rmdir", "os.fsync", "tempfile.mkstemp", "os.mkdir")

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


def network(word: str, model: str) -> dict[str, bytes]:
    """The files of a network; `word` tells it from another."""
    files = {name: f"{word} {name}".encode() for name in ("spec.txt", "history.csv", model)}
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    record = {"identity": word, "epochs": 1, "files": digests}
    return {
        **files,
        "run.json": json.dumps(record).encode(),
        "figures.txt": f"{word} figures".encode(),
        "curves.png": f"{word} curves".encode(),
    }


OLD, NEW = network("old", "weights.npz"), network("new", "model.keras")


def which() -> str:
    """Which network is there, as a whole. Fails if it is neither."""
    record = json.loads(read_file("net", "run.json", 10_000))
    for name, digest in record["files"].items():
        assert hashlib.sha256(read_file("net", name, 10_000)).hexdigest() == digest, name
    word = record["identity"]
    assert read_file("net", "figures.txt", 10_000) == f"{word} figures".encode()
    return word


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    replace_files("net", OLD)
    (output_folder("net") / "explained").mkdir()
    (output_folder("net") / "explained" / "image_1.png").write_bytes(b"of the old network")
    (output_folder("net") / "live.html").write_bytes(b"how the old network was trained")
    return output_folder("net")


def assert_only_new(folder: Path) -> None:
    assert which() == "new"
    files = {path.name for path in folder.iterdir()}
    assert files == {"spec.txt", "history.csv", "model.keras", "run.json", "curves.png"}
    assert Path("Model_Output/net.txt").read_text() == "new figures"


def test_a_network_takes_the_place_of_another(folder):
    assert which() == "old"
    replace_files("net", NEW)
    assert_only_new(folder)


def test_what_explain_wrote_stays_if_the_same_run_is_trained_again(folder):
    replace_files("net", OLD)
    assert (folder / "explained" / "image_1.png").exists()
    assert (folder / "live.html").exists()


def test_the_page_of_a_training_becomes_that_of_its_network(folder):
    replace_files("net", NEW | {"live.html": b"how the new network was trained"})
    assert which() == "new"
    assert (folder / "live.html").read_bytes() == b"how the new network was trained"


def test_an_error_names_the_file_in_its_usual_place(folder, monkeypatch):
    (folder / "curves.png").unlink(missing_ok=True)
    (folder / "curves.png").mkdir()
    with pytest.raises(OSError, match="curves") as failure:
        replace_files("net", NEW)
    assert (failure.value.filename, failure.value.filename2) == (str(folder / "curves.png"), None)
    (folder / "curves.png").rmdir()
    finish_replacing("net")
    assert which() == "new"

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="No space") as failure:
        replace_files("net", OLD)
    assert failure.value.filename == str(usual_place("net", next(iter(OLD))))


def _at_step(number: int, when: str, do) -> None:
    """Do something at a call of one of STEPS, before the call or after it."""
    import tempfile

    calls = iter(range(1, 10_000))
    for step in STEPS:
        module, name = (os, step[3:]) if step.startswith("os.") else (tempfile, "mkstemp")

        setattr(module, name, _counted(getattr(module, name), calls, number, when, do))


def _counted(real, calls, number, when, do):
    def counted(*arguments, **named):
        is_it = next(calls) == number
        if is_it and when == "before":
            do()
        result = real(*arguments, **named)
        if is_it:
            do()
        return result

    return counted


@needs_fork
@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_at_any_step_the_whole_old_network_or_the_whole_new_one_is_there(when, folder, tmp_path):
    seen = []
    for number in range(1, 1000):
        replace_files("net", OLD)
        child = os.fork()
        if child == 0:
            _at_step(number, when, lambda: os._exit(9))
            replace_files("net", NEW)
            os._exit(0)
        killed = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
        seen.append(which())
        if number % 2:
            finish_replacing("net")
            assert which() == seen[-1]
        replace_files("net", NEW)
        assert_only_new(folder)
        if not killed:
            break
    assert seen == sorted(seen, reverse=True)  # old ones first
    assert {"old", "new"} == set(seen)


@needs_fork
def test_a_disk_that_is_full_at_any_step_leaves_a_whole_network(folder):
    def fail():
        raise OSError(28, "No space left on device")

    seen = []
    for number in range(1, 1000):
        replace_files("net", OLD)
        child = os.fork()
        if child == 0:
            _at_step(number, "before", fail)
            try:
                replace_files("net", NEW)
            except OSError:
                os._exit(1)
            os._exit(0)
        failed = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1
        seen.append(which())
        if not failed:
            break
    assert {"old", "new"} == set(seen)


@needs_fork
@pytest.mark.parametrize("is_being_replaced", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_a_removal_that_is_killed_at_any_step_leaves_a_whole_network_or_none(is_being_replaced, folder):
    seen = []
    for number in range(1, 1000):
        replace_files("net", OLD)
        if is_being_replaced:  # as after a kill, before the first file moved
            (folder / ".complete").mkdir()
            for file, content in NEW.items():
                (folder / ".complete" / file).write_bytes(content)
        before = which()
        child = os.fork()
        if child == 0:
            _at_step(number, "before", lambda: os._exit(9))
            remove_network("net")
            os._exit(0)
        killed = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
        try:
            seen.append(which() == before)
        except FileNotFoundError:
            seen.append(False)
            with pytest.raises(FileNotFoundError):
                read_file("net", "run.json", 100)
        remove_network("net")
        assert [*folder.iterdir()] == []
        assert not Path("Model_Output/net.txt").exists()
        if not killed:
            break
    assert seen == sorted(seen, reverse=True)  # whole ones first
    assert {True, False} == set(seen)


def test_a_link_in_the_place_of_a_folder_is_not_followed(folder, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "mine.txt").write_text("mine")
    for name in (".incoming", ".complete"):
        (folder / name).symlink_to(other, target_is_directory=True)
        with pytest.raises(OSError, match="this is a link to another place"):
            replace_files("net", NEW)
        (folder / name).unlink()
        assert which() == "old"
    assert [path.name for path in other.iterdir()] == ["mine.txt"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs FIFOs")
@pytest.mark.parametrize("file", ["run.json", "spec.txt", "figures.txt"])
def test_a_pipe_in_the_place_of_a_file_is_no_file(file, folder):
    path = Path("Model_Output/net.txt") if file == "figures.txt" else folder / file
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(ModelError, match="not a file"):
        read_file("net", file, 100)
