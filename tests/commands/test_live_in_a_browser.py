"""live.html of a real exploration and a real training, as somebody watches it in a browser."""

import re
import shlex
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
import train_command
from waiting import eventually

ROOT = Path(__file__).resolve().parents[2]
WORDS = [
    *(
        "-e",
        "2,100000",
        "-r",
        "0.01,0.001",
        "-m",
        "0.5",
        "-d",
        "0.25",
        "-b",
        "50",
        "--images",
        "300",
        "-o",
        "Adam",
    ),
    *(
        "-l",
        "1",
        "-c",
        "4",
        "-z",
        "16",
        "-k",
        "3",
        "-p",
        "2",
        "-v",
        "1",
        "--workers",
        "2",
        "--engine",
        "numpy",
        "--yes",
    ),
]
RUNS = '<div class="news runs"'

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals"),
]


@contextmanager
def explore(data, place):
    """Start `python MNIST explore …` in a folder; kill it at the end if it still runs."""
    command = [sys.executable, str(ROOT / "MNIST"), "explore", str(data), "scan1", *WORDS]
    out = (place / "out").open("a")
    with out, subprocess.Popen(command, cwd=place, stdout=out, stderr=subprocess.STDOUT) as process:
        try:
            yield process
        finally:
            process.kill()


def written(file):
    """When a live page was written, in seconds since 1970; 0 if it is not there yet."""
    found = re.search(r'data-written="([\d.]+)"', file.read_text()) if file.exists() else None
    return float(found[1]) if found else 0.0


def test_an_exploration_while_it_runs_after_a_kill_and_after_ctrl_c(digits_folder, tmp_path, browser_page):
    page, file = browser_page, tmp_path / "Hyperparam_Search/scan1/live.html"
    with explore(digits_folder, tmp_path):
        eventually(file.exists)
        page.goto(file.as_uri())
        page.locator("figure.chart path.now").first.wait_for(state="attached")  # it has loaded itself again
        assert re.match(r"\d+ of 100000", page.locator("#now + .wide tbody th").first.inner_text())
        assert page.locator("pre").first.inner_text() == shlex.join(
            ["python", "MNIST", "explore", str(digits_folder), "scan1", *WORDS]
        )
        page.locator("#best").wait_for()  # two epochs answer a combination
    assert RUNS in file.read_text()  # nobody could tell the page
    page.clock.set_fixed_time(time.time() + 300)
    silence = "No news for 5 minutes: the process may have ended. The same command goes on."
    page.locator("#silence", has_text=silence).wait_for()
    before = written(file)
    with explore(digits_folder, tmp_path) as process:
        eventually(lambda: written(file) > before)
        process.send_signal(signal.SIGINT)
        assert process.wait(300) == 130, (tmp_path / "out").read_text()
    page.goto(file.as_uri())
    assert page.locator(".headline").inner_text() == "Stopped."
    assert page.get_by_text("Every finished epoch is kept. The same command goes on.").count() == 1
    assert page.locator("#pause, #silence").count() == 0
    assert "# The best of exploration scan1" in page.locator("pre").nth(1).inner_text()


def test_a_training_while_it_runs_after_ctrl_c_and_after_its_end(digits_folder, tmp_path, browser_page):
    page, file = browser_page, tmp_path / "Model_Output/net/live.html"
    (tmp_path / "net.txt").write_text(train_command.MODEL.format(epochs=100_000))
    words = digits_folder, "net", "net.txt", *train_command.NUMPY
    with train_command.start(*words, "--fresh", cwd=tmp_path) as process:
        eventually(file.exists)
        page.goto(file.as_uri())
        page.locator("path.validation").first.wait_for(state="attached")  # it has loaded itself again
        assert re.search(r"About [\d:]+ left", page.locator("#news").inner_text())
        process.send_signal(signal.SIGINT)
        code, _, errors = train_command.finish(process)
    assert code == 130, errors
    page.locator(".headline", has_text="Stopped.").wait_for()
    done = train_command.epochs_done(tmp_path)
    goes_on = "The same command without --fresh goes on."
    assert goes_on in errors
    assert page.get_by_text(f"{done} of 100,000 epochs are kept. {goes_on}").count() == 1
    assert "--fresh" not in page.locator("pre").first.inner_text()
    code, _, errors = train_command.start_and_finish(*words, "--epochs", done + 1, cwd=tmp_path)
    assert (code, errors) == (0, "")
    page.goto(file.as_uri())
    assert page.locator(".headline").inner_text() == "Finished."
    assert len(page.locator("#epochs + .wide tbody tr").all()) == min(50, done + 1)
    assert f"test Results {digits_folder} net" in page.locator("main").inner_text()
    assert page.locator("#pause, #silence").count() == 0
