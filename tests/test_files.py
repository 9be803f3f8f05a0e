"""Whole files or nothing, and one writer at a time."""

import errno
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from MNIST.errors import MNISTError
from MNIST.files import only_one, remove_stale, write_atomically, write_together

STEPS = ("mkstemp", "fsync", "chmod", "replace")


@pytest.mark.parametrize("step", STEPS)
def test_a_disk_that_fails_leaves_the_old_file_and_nothing_else(step, tmp_path, monkeypatch):
    path = tmp_path / "file.txt"
    write_atomically(path, "old")

    def fail(*arguments, **named):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(f"MNIST.files.{'tempfile' if step == 'mkstemp' else 'os'}.{step}", fail)
    with pytest.raises(OSError, match="No space left") as failure:
        write_atomically(path, "new")
    assert failure.value.filename == str(path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("step", STEPS[:3])
def test_of_files_that_belong_together_none_is_written_if_one_cannot_be(step, tmp_path, monkeypatch):
    files = [tmp_path / name for name in ("first.txt", "second.txt")]
    write_together({path: f"old {path.name}" for path in files})
    module = tempfile if step == "mkstemp" else os
    real, calls = getattr(module, step), []

    def fail_the_second_time(*arguments, **named):
        calls.append(step)
        if len(calls) == 2:
            raise OSError(28, "No space left on device")
        return real(*arguments, **named)

    monkeypatch.setattr(module, step, fail_the_second_time)
    with pytest.raises(OSError, match="No space left") as failure:
        write_together(dict.fromkeys(files, "new"))
    assert failure.value.filename == str(files[1])
    assert sorted(tmp_path.iterdir()) == files
    assert [path.read_text() for path in files] == ["old first.txt", "old second.txt"]
    write_together(dict.fromkeys(files, "new"))
    assert [path.read_text() for path in files] == ["new", "new"]


@pytest.mark.skipif(os.name == "nt", reason="making a link takes rights there")
@pytest.mark.parametrize("found", ["a file", "a link that leads to no folder", "in a circle"])
@pytest.mark.parametrize("write", [write_atomically, lambda path, _: only_one(path).__enter__()])
def test_what_is_in_a_folders_place_is_named(found, write, tmp_path):
    place = tmp_path / "place"
    if found == "a file":
        place.touch()
    else:
        place.symlink_to(place if found == "in a circle" else "/no/such/folder")
    with pytest.raises(NotADirectoryError, match=r"expected a folder, found a (file|link)") as failure:
        write(place / "below" / "file.txt", "text")
    assert failure.value.filename == str(place)


def test_a_folder_in_a_files_place_is_named(tmp_path):
    (tmp_path / "file.txt").mkdir()
    with pytest.raises(OSError, match=r"file\.txt'$") as failure:
        write_atomically(tmp_path / "file.txt", "text")
    assert (failure.value.filename, failure.value.filename2) == (str(tmp_path / "file.txt"), None)
    assert list(tmp_path.iterdir()) == [tmp_path / "file.txt"]


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_writer_killed_at_any_step_leaves_the_old_file_or_the_new(step, when, tmp_path):
    path = tmp_path / "file.txt"
    write_atomically(path, "old")
    program = f"""
import os, signal, tempfile
from pathlib import Path
from MNIST.files import write_atomically
module = {"tempfile" if step == "mkstemp" else "os"}
real = module.{step}
def killed(*arguments, **named):
    if {when == "after"}:
        real(*arguments, **named)
    os.kill(os.getpid(), signal.SIGKILL)
module.{step} = killed
write_atomically(Path({str(path)!r}), "new")
"""
    result = subprocess.run([sys.executable, "-c", program])
    assert result.returncode == -9
    assert path.read_text() == ("new" if (step, when) == ("replace", "after") else "old")
    remove_stale(path)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", ["file.txt", "a[1]*.png"])
def test_what_a_killed_writer_left_an_hour_ago_is_removed_by_the_next_one(name, tmp_path):
    path, other = tmp_path / name, tmp_path / ".other.txt.abc.tmp"
    old, new = (tmp_path / f".{name}.{word}.tmp" for word in ("old", "new"))
    for temporary in (old, new, other):
        temporary.touch()
    for temporary in (old, other):
        os.utime(temporary, (time.time() - 4_000,) * 2)
    write_atomically(path, "text")
    assert set(tmp_path.iterdir()) == {path, new, other}
    write_atomically(path, "text", alone=True)
    assert set(tmp_path.iterdir()) == {path, other}


@pytest.mark.skipif(os.name == "nt", reason="POSIX permissions")
def test_a_written_file_has_the_permissions_that_the_user_wants(tmp_path):
    mask = os.umask(0o022)
    try:
        write_atomically(tmp_path / "file.txt", "text")
    finally:
        os.umask(mask)
    assert (tmp_path / "file.txt").stat().st_mode & 0o777 == 0o644


def test_a_second_process_is_refused_while_the_first_holds_the_lock(tmp_path):
    lock = tmp_path / "lock"
    program = f"""
from pathlib import Path
from MNIST.files import only_one
with only_one(Path({str(lock)!r})):
    print("held", flush=True)
    input()
"""
    first = subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert first.stdout.readline() == "held\n"
    with pytest.raises(MNISTError, match="busy"), only_one(lock, busy="busy"):
        pass
    first.kill()  # a killed process releases its lock
    first.wait()
    with only_one(lock, busy="busy"):
        pass


@pytest.mark.skipif(os.name == "nt", reason="POSIX locks")
def test_a_file_system_that_refuses_locks_is_named_with_a_way_out(tmp_path, monkeypatch):
    import fcntl

    monkeypatch.setattr(fcntl, "flock", lambda *_: _refuse(errno.ENOLCK))
    with pytest.raises(OSError, match=r"cannot be locked .* \(No locks available\); work in one") as failure:
        only_one(tmp_path / ".lock").__enter__()
    assert failure.value.filename == str(tmp_path)


@pytest.mark.skipif(os.name == "nt", reason="POSIX locks")
def test_where_the_system_has_no_locks_the_file_is_one(tmp_path, monkeypatch, recwarn):
    import fcntl

    monkeypatch.setattr(fcntl, "flock", lambda *_: _refuse(errno.ENOSYS))
    with only_one(tmp_path / ".lock"), pytest.raises(MNISTError, match="busy"):
        only_one(tmp_path / ".lock", busy="busy").__enter__()
    with only_one(tmp_path / ".lock", busy="busy"):
        pass
    assert (list(tmp_path.iterdir()), list(recwarn)) == ([], [])


def _refuse(number: int) -> None:
    raise OSError(number, os.strerror(number))


def test_a_folder_that_is_made_for_a_lock_stays_if_something_is_written_in_it(tmp_path):
    for name in "empty", "full":
        with only_one(tmp_path / name / ".lock", busy="busy"):
            (tmp_path / "full").mkdir(exist_ok=True)
            (tmp_path / "full" / "file").touch()
    assert [path.name for path in tmp_path.iterdir()] == ["full"]
    (tmp_path / "mine").mkdir()
    with only_one(tmp_path / "mine" / ".lock", busy="busy"):
        pass
    assert (tmp_path / "mine").exists()


NOBODY = 65534


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() != 0, reason="only root can be another user")
def test_a_lock_that_another_users_killed_process_left_bars_nobody():
    folder = Path(tempfile.mkdtemp(dir="/tmp"))
    folder.chmod(0o777)
    lock = folder / ".lock"
    lock.touch(0o644)

    def as_nobody() -> int:
        child = os.fork()
        if child:
            return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
        try:
            with only_one(lock, busy="busy"):
                pass
        except PermissionError as error:
            os._exit(2 if "another user's process holds this lock" in str(error) else 3)
        except BaseException:  # noqa: BLE001 - the child must not go on as pytest
            os._exit(4)
        os._exit(0)

    assert as_nobody() == 0
    assert not lock.exists()
    with only_one(lock):
        lock.chmod(0o644)
        assert as_nobody() == 2
    shutil.rmtree(folder)
