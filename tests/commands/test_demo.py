"""`demo`: what a newcomer runs first, with and without a network."""

import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NAME = f"python {shlex.quote(str(ROOT / 'MNIST'))}"  # what the program calls itself if `start` starts it


def start(cwd: Path, mirror: str = "", **options) -> subprocess.Popen:
    """Start `python MNIST demo`. Nothing listens at its proxy, so it cannot reach the published mirrors."""
    nowhere = "http://127.0.0.1:9"
    return subprocess.Popen(
        [sys.executable, str(ROOT / "MNIST"), "demo"],
        cwd=cwd,
        env={**os.environ, "MNIST_MIRROR": mirror, "HTTPS_PROXY": nowhere, "HTTP_PROXY": nowhere},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


@pytest.fixture(scope="module")
def offline(tmp_path_factory) -> tuple[Path, str]:
    """The folder in which `demo` ran without a network connection, and its output."""
    folder = tmp_path_factory.mktemp("demo")
    process = start(folder)
    output, errors = process.communicate(timeout=600)
    assert (process.returncode, errors) == (0, "")
    return folder, output


def test_without_a_network(offline):
    folder, output = offline
    assert "MNIST's mirrors are out of reach" in output
    assert f"{NAME} train Demo/Digits/ my_net my_net.txt" in output
    assert f"Copy {ROOT / 'Models' / 'demo.txt'} to my_net.txt" in output
    named = re.findall(r"^    (\S+)  +\S", output.split("These files are in Demo/ now")[1], re.MULTILINE)
    assert len(named) == 13
    assert all((folder / "Demo" / name).exists() for name in named), named


def test_a_mirror_may_be_a_folder_beside_its_own(mnist_folder, tmp_path):
    (tmp_path / "files").symlink_to(mnist_folder)
    with start(tmp_path, "files") as process:
        line = next((line for line in process.stdout if " test images in Data" in line), "")
        process.kill()
    assert line == "mnist: 60,000 training and 10,000 test images in Data\n"


@pytest.mark.slow
def test_and_then_with_one(mnist_folder, offline):
    """A file `demo.txt` in Demo/ is found before the shipped one: this one is as good and quicker."""
    shipped = (ROOT / "Models" / "demo.txt").read_text()
    quicker = shipped.replace("3,3,relu", "3,3,relu,stride=2", 1).replace("epochs=3", "epochs=1")
    (offline[0] / "Demo" / "demo.txt").write_text(quicker)
    online = start(offline[0], mnist_folder.as_uri())
    output, errors = online.communicate(timeout=600)
    assert online.returncode == 0
    assert errors.count("take") == 3  # the places of the networks and of the exploration of the digits
    assert "out of reach" not in output
    assert "mnist: 54,000 images to train on" in output
    assert "10,000 test images of mnist" in output


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_an_interrupt_ends_it(tmp_path):
    process = start(tmp_path)
    seen = []
    for line in process.stdout:
        seen.append(line)
        if line.strip().startswith("1/9"):
            break
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 130
    assert f"$ {NAME} check demo\n" in seen
    assert f"$ {NAME} test" not in output
