"""The trial store: it returns what it was given, and never anything else."""

import json
import math
import os
import sqlite3
import subprocess
import sys
import textwrap
from contextlib import closing, suppress
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from stub_exploration import epoch_of, plan_of

from MNIST.errors import StoreError
from MNIST.explore.store import open_store
from MNIST.language import parse_spec

RUN = "a" * 64


def test_epochs_come_back_bit_for_bit(tmp_path):
    epochs = [epoch_of(RUN, 1), replace(epoch_of(RUN, 2), val_loss=1 / 3, loss=math.inf, seconds=1e-300)]
    with open_store(tmp_path / "s") as store:
        store.record(RUN, epochs)
    with open_store(tmp_path / "s") as store:
        assert store.history(RUN) == epochs
        assert store.history("b" * 64) == []


def test_nan_comes_back_as_nan(tmp_path):
    with open_store(tmp_path / "s") as store:
        store.record(RUN, [replace(epoch_of(RUN, 1), val_loss=math.nan)])
        assert math.isnan(store.history(RUN)[0].val_loss)


def test_what_is_known_stays_as_it_is(tmp_path):
    with open_store(tmp_path / "s") as store:
        store.record(RUN, [epoch_of(RUN, 1)])
        store.record(RUN, [replace(epoch_of(RUN, 1), seconds=99.0)])
        assert store.history(RUN) == [epoch_of(RUN, 1)]


def test_a_history_ends_at_its_first_gap(tmp_path):
    with open_store(tmp_path / "s") as store:
        store.record(RUN, [epoch_of(RUN, 1), epoch_of(RUN, 3)])
        assert store.history(RUN) == [epoch_of(RUN, 1)]


def test_failures_and_settings_are_kept(tmp_path):
    trial = next(iter(plan_of().trials.values()))
    with open_store(tmp_path / "s") as store:
        store.begin(trial)
        store.begin(trial)
        store.fail(RUN, "diverged at epoch 2")
    with open_store(tmp_path / "s") as store:
        assert store.failure(RUN) == "diverged at epoch 2"
        assert store.failure(trial.identity) is None
    with closing(sqlite3.connect(tmp_path / "s")) as connection:
        ((identity, model, settings),) = connection.execute("SELECT identity, model, settings FROM runs")
    assert (identity, parse_spec(model)) == (trial.identity, trial.spec)
    assert json.loads(settings) == asdict(trial.settings)


def test_a_store_that_another_process_clears_stays_sound(tmp_path):
    with open_store(tmp_path / "s") as store, open_store(tmp_path / "s") as other:
        store.begin(next(iter(plan_of().trials.values())))
        store.record(RUN, [epoch_of(RUN, 1)])
        store.fail("b" * 64, "diverged at epoch 2")
        assert store.counts() == (1, 1)
        other.clear()
        assert store.counts() == (0, 0)
        assert store.failure("b" * 64) is None
        store.record(RUN, [epoch_of(RUN, 2)])
        assert store.history(RUN) == []
        store.record(RUN, [epoch_of(RUN, 1)])
        assert store.history(RUN) == [epoch_of(RUN, 1), epoch_of(RUN, 2)]


def _filled(path: Path) -> None:
    with open_store(path) as store:
        for number in range(50):
            identity = f"{number:064}"
            store.record(identity, [epoch_of(identity, epoch) for epoch in range(1, 40)])


@pytest.mark.parametrize("kept", [0.9, 0.5, 0.01])
def test_a_torn_store_is_refused_with_a_way_out(tmp_path, kept):
    _filled(tmp_path / "s")
    os.truncate(tmp_path / "s", int((tmp_path / "s").stat().st_size * kept))
    with pytest.raises(StoreError, match="Move it away"), open_store(tmp_path / "s"):
        pass


@pytest.mark.slow
def test_no_flipped_bit_is_ever_believed(tmp_path):
    """Flip one bit at about 97 places: the store is refused, or every number in it is right."""
    _filled(tmp_path / "s")
    content = (tmp_path / "s").read_bytes()
    damaged = tmp_path / "damaged"
    for place in range(100, len(content), len(content) // 97):
        damaged.write_bytes(content[:place] + bytes([content[place] ^ 16]) + content[place + 1 :])
        try:
            with open_store(damaged) as store:
                for number in range(50):
                    identity = f"{number:064}"
                    history = store.history(identity)
                    assert history == [epoch_of(identity, epoch.epoch) for epoch in history]
        except StoreError:
            pass


def test_an_altered_number_is_refused(tmp_path):
    with open_store(tmp_path / "s") as store:
        store.record(RUN, [epoch_of(RUN, 1)])
    with sqlite3.connect(tmp_path / "s") as connection:
        connection.execute("UPDATE epochs SET val_accuracy = 1")
    with open_store(tmp_path / "s") as store, pytest.raises(StoreError, match=r"epoch 1 .* was altered"):
        store.history(RUN)


def test_another_programs_file_is_refused(tmp_path):
    with sqlite3.connect(tmp_path / "s") as connection:
        connection.execute("CREATE TABLE theirs (x)")
    (tmp_path / "t").write_text("this is no database at all, and long enough to be looked at\n" * 20)
    for name in "st":
        with pytest.raises(StoreError, match="away"), open_store(tmp_path / name):
            pass


def test_a_newer_version_is_refused(tmp_path):
    with open_store(tmp_path / "s"):
        pass
    with sqlite3.connect(tmp_path / "s") as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(StoreError, match="version 99"), open_store(tmp_path / "s"):
        pass


def test_an_unusable_place_is_one_line(tmp_path):
    (tmp_path / "s").mkdir()
    with pytest.raises(StoreError, match="no file"), open_store(tmp_path / "s"):
        pass


def test_four_processes_at_once_lose_nothing(tmp_path):
    script = textwrap.dedent("""
        import sys
        from pathlib import Path
        from stub_exploration import epoch_of
        from MNIST.explore.store import open_store
        with open_store(Path(sys.argv[1])) as store:
            for epoch in range(1, 16):
                store.record(sys.argv[2], [epoch_of(sys.argv[2], epoch)])
    """)
    paths = [str(Path(__file__).parent), str(Path(__file__).parents[2])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    names = [f"{number:064}" for number in range(4)]
    writers = [
        subprocess.Popen([sys.executable, "-c", script, str(tmp_path / "s"), name], env=environment)
        for name in names
    ]
    assert [writer.wait(60) for writer in writers] == [0] * 4
    with open_store(tmp_path / "s") as store:
        for name in names:
            assert store.history(name) == [epoch_of(name, epoch) for epoch in range(1, 16)]


def test_a_zero_has_no_sign(tmp_path):
    """SQLite does not keep that of −0.0, which is the loss of a network that is always sure and right."""
    epoch = replace(epoch_of(RUN, 1), val_loss=-0.0)
    assert math.copysign(1, epoch.val_loss) == 1
    with open_store(tmp_path / "s") as store:
        store.record(RUN, [epoch])
        assert store.history(RUN) == [epoch]


def test_a_damaged_byte_in_the_schema_is_damage(tmp_path):
    _filled(tmp_path / "s")
    content = (tmp_path / "s").read_bytes()
    begin = content.index(b"CREATE TABLE epochs")
    for place in range(begin - 60, begin + 330, 3):
        (tmp_path / "s").write_bytes(content[:place] + b"\xff" + content[place + 1 :])
        with suppress(StoreError), open_store(tmp_path / "s") as store:
            identity = f"{7:064}"
            assert store.history(identity) == [
                epoch_of(identity, epoch.epoch) for epoch in store.history(identity)
            ]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs FIFOs")
def test_what_is_no_file_is_no_store(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    for name in ("pipe", "folder"):
        with pytest.raises(StoreError, match="no file"), open_store(tmp_path / name):
            pass
