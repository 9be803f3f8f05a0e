"""A page that is written while a command works: at most so often, and whatever happens, with one warning."""

import os
import stat
import time

import pytest

from MNIST.live_file import LiveFile, Pace


def test_it_writes_when_it_is_due_and_tells_how_long_that_takes(tmp_path):
    warnings = []
    file = LiveFile(tmp_path / "live.html", warnings.append, least=3600)
    file.write_if_due(lambda: "first")
    file.write_if_due(lambda: pytest.fail("this is not due for an hour"))
    assert file.path.read_text() == "first"
    file.write(lambda: "second")
    assert (file.path.read_text(), warnings) == ("second", [])
    assert [path.name for path in tmp_path.iterdir()] == ["live.html"]


def test_what_takes_long_is_done_less_often():
    pace = Pace(least=1, share=0.01)
    for _ in range(2):  # the first time does not count: it imports what it needs
        assert pace.interval == 1
        with pace.taken():
            time.sleep(0.1)
    assert pace.interval >= 10
    assert not pace.is_due()
    assert not Pace(least=0, first=3600).is_due()


def test_a_file_that_cannot_be_written_is_told_once_and_nothing_else_happens(tmp_path):
    (tmp_path / "live.html").mkdir()  # as no user, not even root, can replace it by a file
    warnings = []
    file = LiveFile(tmp_path / "live.html", warnings.append, least=0)
    for _ in range(3):
        file.write(lambda: "page")
    file.write_last(lambda: "page")
    file.put_back(None)
    file.put_back(b"page")
    assert file.content() is None
    (warning,) = warnings
    assert warning.startswith(f"{file.path} cannot be written: ")
    assert [path.name for path in tmp_path.iterdir()] == ["live.html"]


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="needs a folder that cannot be written")
def test_a_folder_that_is_read_only(tmp_path):
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    warnings = []
    file = LiveFile(tmp_path / "live.html", warnings.append, least=0)
    file.write(lambda: "page")
    file.write_last(lambda: "page")
    tmp_path.chmod(stat.S_IRWXU)
    assert warnings == [f"{file.path} cannot be written: Permission denied"]


def test_a_fault_of_the_page_ends_nothing(tmp_path):
    warnings = []
    file = LiveFile(tmp_path / "live.html", warnings.append, least=0)
    file.write(lambda: "page")
    file.write(lambda: str(1 / 0))
    file.write_last(lambda: str(1 / 0))
    assert warnings == [f"{file.path} cannot be written: ZeroDivisionError: division by zero"]
    assert file.path.read_text() == "page"


def test_the_page_from_before_comes_back(tmp_path):
    file = LiveFile(tmp_path / "live.html", pytest.fail, least=0)
    before = file.content()
    file.write(lambda: "new")
    file.put_back(before)
    assert not file.path.exists()
    file.write(lambda: "old")
    before = file.content()
    file.write(lambda: "new")
    file.put_back(before)
    assert file.path.read_text() == "old"
