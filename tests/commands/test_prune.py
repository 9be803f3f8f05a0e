"""`prune`: what takes how much room; it removes what is named, nothing else, and nothing that is in use."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from train_command import start, wait_for_epoch

from MNIST import cli, training
from MNIST.explore.plan import Trial
from MNIST.explore.store import open_store
from MNIST.files import ABANDONED
from MNIST.language import parse_spec

TEXT = "Layers:\nFlatten\nDense,10,softmax\nOptimizer:\nSGD,0.05\nepochs={}\nbatch=50\n"
GRID = "-r 0.01,0.02 -e 1 -b 100 -c 4 -l 1 -z 8 -o Adam -v 1 -k 3 -p 2 -m 0.5 -d 0.25 --engine numpy"
TRIALS, TRIAL_CHECKPOINTS = Path("Hyperparam_Search/trials.sqlite"), Path("Hyperparam_Search/checkpoints")

needs_links = pytest.mark.skipif(os.name == "nt", reason="needs symbolic links")


@pytest.fixture(scope="module")
def trained(digits_folder, tmp_path_factory) -> Path:
    """A folder with two networks, an unfinished training, and what other commands leave.

    `explore` takes seconds to start, so its trials are trained by `train`.
    """
    folder, before = tmp_path_factory.mktemp("prune"), Path.cwd()
    os.chdir(folder)
    try:
        Path("short.txt").write_text(TEXT.format(1))
        Path("long.txt").write_text(TEXT.format(100_000))
        with pytest.MonkeyPatch.context() as patch, open_store(TRIALS) as store:
            patch.setattr("MNIST.training.record.remove_checkpoints", lambda _: None)
            for name, seed in ("net", "0"), ("net_2", "1"):
                words = "train", str(digits_folder), name, "short.txt", "--engine", "numpy", "--seed", seed
                assert cli.main([*words]) == 0
                record = training.read_record(name)
                store.begin(Trial(record.identity, parse_spec(TEXT.format(1)), record.settings))
                store.record(record.identity, training.read_history(name))
                shutil.move(training.checkpoint_folder(name), TRIAL_CHECKPOINTS / record.identity)
        shutil.copytree(TRIAL_CHECKPOINTS / record.identity, "Model_Output/half/checkpoint")
        Path("Model_Output/half/live.html").write_text("how it was trained until it stopped")
        files = "Hyperparam_Search/scan/results.csv", "Hyperparam_Search/scan/talos/00001/log.csv"
        for file in *files, "Reproduced/net/reproduced.json", "Model_Output/net/explained/test_1.png":
            Path(file).parent.mkdir(parents=True)
            Path(file).write_bytes(b"x" * 1000)
    finally:
        os.chdir(before)
    return folder


def _rows(output: str) -> dict[tuple[str, str], str]:
    """The size of each row of the table, by its option and its name."""
    rows = re.findall(r"^ *--(\S+) +(\S+) +([\d.,]+ \w+)", output, re.MULTILINE)
    return {(kind, name): size for kind, name, size in rows}


def _files() -> set[str]:
    return {str(path) for path in Path().rglob("*") if path.is_file()}


def _below(*folders: str) -> set[str]:
    return {file for file in _files() if file.startswith(folders)}


@contextmanager
def held(lock: str) -> Iterator[None]:
    """Another process holds a lock meanwhile, as a training or an exploration does."""
    program = (
        "import sys; from pathlib import Path; from MNIST.files import only_one\n"
        "with only_one(Path(sys.argv[1])): print(flush=True); sys.stdin.read()"
    )
    root = Path(cli.__file__).parents[1]
    with subprocess.Popen(
        [sys.executable, "-c", program, lock],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(root)},
    ) as process:
        process.stdout.readline()
        yield
        process.stdin.close()


def test_without_a_name_it_shows_what_is_there_and_removes_nothing(here, run):
    before = _files()
    code, output, errors = run("prune")
    assert (code, errors) == (0, "")
    kinds = [kind for kind, _ in _rows(output)]
    assert kinds == [
        *("networks", "networks", "checkpoints", "explained", "reproduced"),
        *("explorations", "trials", "trial-checkpoints"),
    ]
    assert _rows(output)["explained", "net"] == "1.0 kB"
    assert "not trained to its end, 1 epoch kept" in output
    assert "2 trials, 2 epochs" in output
    assert "Nothing was removed." in output
    assert _files() == before


def test_it_removes_what_is_named_and_nothing_else(here, run):
    before = _files()
    gone = {
        ("--explained", "net"): ("Model_Output/net/explained",),
        ("--checkpoints", "half"): ("Model_Output/half",),
        ("--reproduced", "net"): ("Reproduced/net",),
        ("--explorations", "s?an"): ("Hyperparam_Search/scan",),
        ("--trial-checkpoints",): ("Hyperparam_Search/checkpoints",),
        ("--networks", "net"): ("Model_Output/net/", "Model_Output/net.txt"),
    }
    for words, places in gone.items():
        expected = before - _below(*places)
        code, planned, _ = run("prune", *words, "--plan")
        assert (code, _files()) == (0, before)
        code, output, errors = run("prune", *words)
        assert (code, errors) == (0, "")
        assert _files() == expected
        assert not any(Path(place).exists() for place in places)
        room = [re.search(r", ([\d.,]+ \w+)\n", text)[1] for text in (planned, output)]
        assert room[0] == room[1]
        assert f"Room on the disk: {room[0]} more.\n" in output
        before = expected
    assert set(_rows(run("prune")[1])) == {("networks", "net_2"), ("trials", "-")}
    assert "no trained network 'net'" in run("list", "--diff", "net", "net_2")[2]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--networks", "net*"], "networks are removed one by one; name each in full"),
        (["--networks", "*"], "networks are removed one by one"),
        (["--networks", "net,nett"], "there is nothing called 'nett'; did you mean 'net'?"),
        (["--networks", "half"], "there is nothing called 'half'"),
        (["--networks", ""], "there is nothing called ''"),
        (["--networks", "../D"], "there is nothing called '../D'"),
        (["--explorations", "scan,checkpoints"], "there is nothing called 'checkpoints'"),
        (["--explorations", "scan", "--reproduced", "x*"], "there is nothing with a name like 'x*'"),
        (["--explorations", "scan", "--leftovers"], "--leftovers: there is nothing to remove"),
        (["net"], "'net' is one word too many"),
    ],
)
def test_a_name_that_fits_nothing_removes_nothing(words, message, here, run):
    before = _files()
    code, output, errors = run("prune", *words)
    assert (code, output) == (2, "")
    assert message in errors
    assert _files() == before


def test_a_training_under_way_keeps_what_it_uses(here, run, digits_folder):
    with start(digits_folder, "net", "long.txt", "--engine", "numpy", cwd=here) as process:
        wait_for_epoch(process, 1)
        code, output, errors = run("prune", "--networks", "net,net_2", "--explained", "*")
    assert code == 1
    assert errors == "net is being trained by another process; it stays\n" * 2
    assert "Removed: the network net_2, " in output
    assert Path("Model_Output/net/explained").exists()
    assert json.loads(Path("Model_Output/net/run.json").read_text())["epochs"] == 1
    assert run("prune", "--checkpoints", "net")[0] == 0
    assert "of a new training" not in run("prune")[1]
    assert run("prune", "--networks", "net")[0] == 0


def test_an_exploration_under_way_keeps_what_it_uses(here, run):
    trial = sorted(TRIAL_CHECKPOINTS.glob("*/"))[0]
    before = _files()
    with held("Hyperparam_Search/scan/.lock"):
        code, _, errors = run("prune", "--explorations", "scan", "--trials")
        assert code == 1
        assert "scan is being explored by another process; it stays\n" in errors
        assert "the exploration scan is running, and it uses the trials; they stay\n" in errors
    assert _files() == before
    with held(f"{trial}.lock"):
        code, _, errors = run("prune", "--trial-checkpoints")
    assert (code, errors) == (1, "1 trial is being trained: their checkpoints stay\n")
    assert [path for path in TRIAL_CHECKPOINTS.iterdir() if path.is_dir()] == [trial]
    with held("Reproduced/net/.lock"):
        assert run("prune", "--reproduced", "net")[0] == 1


@pytest.mark.slow
def test_without_its_trials_an_exploration_computes_them_again(here, run, digits_folder):
    command = ["explore", str(digits_folder), "new", *GRID.split()]
    assert run(*command, "--quiet") == (0, "", "")
    assert "4 trials, 4 epochs" in run("prune")[1]
    assert run("prune", "--trials")[0] == 0
    assert ("trials", "-") not in _rows(run("prune")[1])
    assert not TRIAL_CHECKPOINTS.exists()
    assert "0 epochs are known from before." in run(*command)[1]


def test_what_is_damaged_can_be_removed(here, run):
    Path("Model_Output/net/run.json").write_text("[")
    Path("Model_Output/net_2/run.json").unlink()
    Path("Hyperparam_Search/scan/results.csv").write_bytes(b"\0")
    TRIALS.write_bytes(b"no database")
    output = run("prune")[1]
    assert output.count("damaged: it cannot be used as a network") == 2
    assert "trials.sqlite is damaged" in output
    words = "--networks", "net,net_2", "--explorations", "scan", "--trials"
    code, _, errors = run("prune", *words)
    assert (code, errors) == (0, "")
    assert set(_rows(run("prune")[1])) == {("checkpoints", "half"), ("reproduced", "net")}


def test_a_database_of_another_program_stays(here, run):
    import sqlite3

    TRIALS.unlink()
    with sqlite3.connect(TRIALS) as connection:
        connection.execute("CREATE TABLE mine (x)")
    connection.close()
    code, _, errors = run("prune", "--trials")
    assert code == 1
    assert "is a database of another program" in errors
    assert TRIALS.exists()


@needs_links
def test_links_are_removed_and_not_followed(here, run, tmp_path):
    other = tmp_path / "elsewhere"
    (other / "deep").mkdir(parents=True)
    (other / "mine.txt").write_text("mine")
    (other / "deep" / "too.txt").write_text("mine")
    shutil.copy("Model_Output/net_2/run.json", other)
    shutil.rmtree(TRIAL_CHECKPOINTS)
    TRIALS.unlink()
    links = (
        "Model_Output/link",
        "Model_Output/net/inside",
        "Hyperparam_Search/scan/talos/link",
        "Reproduced/x",
    )
    for link in *links, "Hyperparam_Search/far", TRIAL_CHECKPOINTS, "Model_Output/net/.complete":
        Path(link).symlink_to(other, target_is_directory=True)
    Path("Model_Output/nowhere").symlink_to(tmp_path / "nothing")
    TRIALS.symlink_to(other / "mine.txt")
    assert _rows(run("prune")[1])["networks", "link"] == "0 bytes"
    words = "--networks", "net,link,nowhere", "--explorations", "scan,far", "--reproduced", "x"
    code, _, errors = run("prune", *words, "--trials", "--trial-checkpoints")
    assert (code, errors) == (0, "")
    assert not [path for path in Path().rglob("*") if path.is_symlink()]
    assert {path.name for path in other.rglob("*")} == {"mine.txt", "deep", "too.txt", "run.json"}


def test_a_training_that_was_killed_while_it_wrote_is_still_no_network(here, run):
    Path("Model_Output/half/.live.html.abcdefgh.tmp").touch()
    Path("Model_Output/half/.DS_Store").touch()
    rows = _rows(run("prune")[1])
    assert ("checkpoints", "half") in rows
    assert ("networks", "half") not in rows
    assert run("prune", "--checkpoints", "half")[0] == 0
    assert not Path("Model_Output/half").exists()


def test_a_network_and_what_was_explained_of_it_leave_nothing(here, run):
    assert Path("Model_Output/net/explained").is_dir()
    assert run("prune", "--networks", "net", "--explained", "net")[0] == 0
    assert not Path("Model_Output/net").exists()


def test_leftovers_that_nobody_uses_go_even_if_others_are_in_use(here, run):
    for name in "net", "net_2":
        Path(f"Model_Output/{name}/.incoming").mkdir()
    with held("Model_Output/net/.lock"):
        code, _, errors = run("prune", "--leftovers")
    assert (code, errors) == (1, "net is being trained by another process; it stays\n")
    assert Path("Model_Output/net/.incoming").exists()
    assert not Path("Model_Output/net_2/.incoming").exists()


def test_leftovers_are_files_that_nobody_has_written_to_for_an_hour(here, run):
    new = Path("Model_Output/net/.curves.png.abcd_123.tmp")
    old = Path("Hyperparam_Search/scan/.results.csv.0abcdefg.tmp")
    mine = Path("Model_Output/net/.mine.tmp")
    part = Path("Model_Output/net/.incoming/spec.txt")
    part.parent.mkdir()
    for path in new, old, mine, part:
        path.touch()
        os.utime(path, (0, path.stat().st_mtime - (path != new) * (ABANDONED + 60)))
    assert run("prune", "--leftovers")[0] == 0
    assert [path.exists() for path in (new, old, mine, part)] == [True, False, True, False]


def test_where_nothing_is_kept(tmp_path, monkeypatch, run):
    monkeypatch.chdir(tmp_path)
    assert run("prune") == (0, "Nothing is kept here that could be removed.\n", "")
    assert run("prune", "--trials")[0] == 2
    assert list(tmp_path.iterdir()) == []
