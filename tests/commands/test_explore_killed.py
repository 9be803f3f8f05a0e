"""`explore` when things are killed: a worker, the parent, a trial that always dies, one that hangs.

The tests run the real command and find its processes in Linux's /proc. NumPy's engine starts in a second.
Slow tests kill a worker and the parent with Keras too, where most of the code that gets killed is not ours.
"""

import csv
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
WORDS = [
    *("-r", "0.01", "-m", "0.25,0.75", "-d", "0.25", "-b", "50", "--images", "300"),
    *("-l", "1", "-c", "4", "-z", "16", "-k", "3", "-p", "2", "-v", "1", "--workers", "2"),
]  # 8 points, 3 runs
EPOCHS = {"numpy": "2,20", "keras": "2,8"}  # large enough that a run takes a second or more
WAIT = 600  # seconds; an exploration that takes longer hangs

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")


@pytest.fixture(scope="module")
def whole(digits_folder, tmp_path_factory) -> Callable[[str], list[tuple]]:
    """A function that returns the table of an engine's exploration when nothing disturbs it."""

    @cache
    def undisturbed(engine: str) -> list[tuple]:
        place = tmp_path_factory.mktemp("whole")
        assert start(engine, digits_folder, place).wait(WAIT) == 0, (place / "out").read_text()
        return table(place)

    return undisturbed


def start(engine: str, data: Path, place: Path, *words: str) -> subprocess.Popen:
    return started(data, place, *WORDS, "--engine", engine, "-e", EPOCHS[engine], *words)


def started(data: Path, place: Path, *words: str) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, str(ROOT / "MNIST"), "explore", str(data), "scan1", *words],
        cwd=place,
        stdout=(place / "out").open("a"),
        stderr=subprocess.STDOUT,
        start_new_session=True,  # so that all of its processes can be found by their session
    )


def table(place: Path) -> list[tuple]:
    """The rows of results.csv, without what depends on the machine and the moment."""
    with (place / "Hyperparam_Search" / "scan1" / "results.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    return [tuple(v for name, v in row.items() if name not in ("seconds", "peak_memory_mb")) for row in rows]


def alive(session: int) -> list[int]:
    """The processes of a session, without zombies."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, _, its_session = stat.read_text().rsplit(")", 1)[1].split()[:4]
        except OSError:
            continue
        if int(its_session) == session and state != "Z":
            found.append(int(stat.parent.name))
    return found


def trainers(session: int) -> dict[int, str]:
    """The workers that are training: for each process id, the identity of the run whose lock it holds."""
    found = {}
    for process in alive(session):
        for target in open_files(process):
            if target.endswith(".lock") and len(Path(target).stem) == 64:
                found[process] = Path(target).stem
    return found


def open_files(process: int) -> Iterator[str]:
    """What a process has open; it may end at any moment."""
    with suppress(OSError):
        for link in Path(f"/proc/{process}/fd").iterdir():
            with suppress(OSError):
                yield str(link.readlink())


@contextmanager
def disturbed(process: subprocess.Popen, disturb: Callable[[dict[int, str]], object]) -> Iterator[None]:
    """While the context lasts, call `disturb` again and again with the workers that are training."""
    over = threading.Event()

    def look() -> None:
        while not over.wait(0.05):
            disturb(trainers(process.pid))

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()


@pytest.mark.slow
@pytest.mark.parametrize(("engine", "most"), [("numpy", 6), ("keras", 3)])
def test_a_killed_worker_costs_an_epoch_and_changes_nothing(engine, most, digits_folder, whole, tmp_path):
    chance, killed = random.Random(1), []

    def kill_now_and_then(workers):
        for worker, identity in workers.items():
            now = not killed or chance.random() < 0.03
            # After a third time, a trial would count as failed.
            if now and killed.count(identity) < 2 and len(killed) < most:
                os.kill(worker, signal.SIGKILL)
                killed.append(identity)

    process = start(engine, digits_folder, tmp_path)
    with disturbed(process, kill_now_and_then):
        assert process.wait(WAIT) == 0, (tmp_path / "out").read_text()
    assert killed
    assert table(tmp_path) == whole(engine)


@pytest.mark.slow
def test_a_trial_that_always_dies_fails_after_three_tries_and_the_others_finish(
    digits_folder, whole, tmp_path
):
    victims: list[str] = []
    killed: set[int] = set()

    def kill_the_first_trial(workers):
        for worker, identity in workers.items():
            victims.append(identity)
            if identity == victims[0] and worker not in killed:
                killed.add(worker)
                os.kill(worker, signal.SIGKILL)

    process = start("numpy", digits_folder, tmp_path)
    with disturbed(process, kill_the_first_trial):
        assert process.wait(WAIT) == 3, (tmp_path / "out").read_text()
    assert len(killed) >= 3
    assert "its worker died or hung 3 times" in (tmp_path / "out").read_text()
    found = [row if row[-1] == "" else None for row in table(tmp_path)]
    failed = found.count(None)
    assert 0 < failed <= 4  # one run answers two numbers of epochs and, with Adam, two momenta
    assert [row for row in found if row] == [row for row, it in zip(whole("numpy"), found, strict=True) if it]


@pytest.mark.slow
def test_a_hung_trial_is_stopped_and_tried_again(digits_folder, whole, tmp_path):
    stopped: list[int] = []

    def stop_one(workers):
        if not stopped and workers:
            stopped.append(next(iter(workers)))
            os.kill(stopped[0], signal.SIGSTOP)

    process = start("numpy", digits_folder, tmp_path, "--timeout", "12s")
    with disturbed(process, stop_one):
        assert process.wait(WAIT) == 0, (tmp_path / "out").read_text()
    assert stopped[0] not in alive(process.pid)
    assert table(tmp_path) == whole("numpy")


@pytest.mark.slow
@pytest.mark.parametrize(("engine", "kills"), [("numpy", 5), ("keras", 2)])
def test_the_parent_killed_at_random_moments(engine, kills, digits_folder, whole, tmp_path):
    chance = random.Random(kills)
    seconds = {"numpy": 3, "keras": 9}[engine]
    for _ in range(kills):
        process = start(engine, digits_folder, tmp_path)
        time.sleep(chance.uniform(0.5, seconds))
        process.kill()
        process.wait()
        deadline = time.monotonic() + 5
        while left := alive(process.pid):
            assert time.monotonic() < deadline, left
            time.sleep(0.05)
    (tmp_path / "out").unlink()  # a worker whose parent died while it started may have complained
    assert start(engine, digits_folder, tmp_path).wait(WAIT) == 0, (tmp_path / "out").read_text()
    assert table(tmp_path) == whole(engine)
    assert "Traceback" not in (tmp_path / "out").read_text()


@pytest.mark.slow
def test_proposals_are_the_same_for_any_workers_after_kills_and_on_a_cluster(digits_folder, tmp_path):
    pytest.importorskip("optuna")
    words = [
        *("--design", "tpe", "--points", "16", "--halving"),
        *("-e", "1,2,6", "-r", "0.001..0.05", "-z", "8..32"),
        *("-c", "4", "-k", "3", "-p", "2", "-l", "1", "-v", "1", "-b", "50", "--images", "300"),
        *("--engine", "numpy"),
    ]

    def explored(name: str, *more: str) -> subprocess.Popen:
        (tmp_path / name).mkdir(exist_ok=True)
        return started(digits_folder, tmp_path / name, *words, *more)

    tables = []
    for workers in "14":
        process = explored(workers, "--workers", workers)
        assert process.wait(WAIT) == 0, (tmp_path / workers / "out").read_text()
        tables.append(table(tmp_path / workers))
    chance = random.Random(0)
    for _ in range(3):
        process = explored("killed")
        time.sleep(chance.uniform(0.5, 3))
        process.kill()
        process.wait()
    assert explored("killed").wait(WAIT) == 0, (tmp_path / "killed" / "out").read_text()
    tables.append(table(tmp_path / "killed"))
    if find_spec("ray"):
        assert explored("ray", "--cluster", "local").wait(WAIT) == 0, (tmp_path / "ray" / "out").read_text()
        tables.append(table(tmp_path / "ray"))
    assert len(tables[0]) > 16 + 8
    assert all(each == tables[0] for each in tables[1:])
