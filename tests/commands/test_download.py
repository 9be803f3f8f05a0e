"""`download` as a user types it, in a process of its own."""

import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from MNIST import cli
from MNIST.data import load

ROOT = Path(__file__).parents[2]
NAMES = [
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
]


def start(*words: object, **environment: str) -> subprocess.Popen:
    """Start `python MNIST download …` with pipes. It sees MNIST_MIRROR and proxies only if given here."""
    unset = {"MNIST_MIRROR", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"}
    inherited = {name: value for name, value in os.environ.items() if name.upper() not in unset}
    return subprocess.Popen(
        [sys.executable, "MNIST", "download", *map(str, words)],
        cwd=ROOT,
        env=inherited | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )


def finish(process: subprocess.Popen) -> tuple[int, str, str]:
    output, errors = process.communicate(timeout=300)
    return process.returncode, output, errors


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_fetches_once_and_says_what_is_there(mnist_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "dossier é 1"
    code, output, errors = finish(start(folder, MNIST_MIRROR=mnist_folder.as_uri()))
    assert (code, errors) == (0, "")
    lines = output.splitlines()
    assert lines[0] == f"train-images-idx3-ubyte.gz: from {mnist_folder.as_uri()}/"
    assert lines[4:] == [f"mnist: 60,000 training and 10,000 test images in {folder}"]
    assert names_in(folder) == NAMES
    assert load(folder).name == "mnist"
    code, output, errors = finish(start(folder))
    assert (code, errors) == (0, "")
    assert output.splitlines()[0] == "train-images-idx3-ubyte.gz: already there"


def test_digits_need_no_network(tmp_path: Path) -> None:
    code, output, errors = finish(start(tmp_path, "--dataset", "digits"))
    assert (code, errors) == (0, "")
    assert output.splitlines()[-1] == f"digits: 1,500 training and 297 test images in {tmp_path}"
    code, _, errors = finish(start(tmp_path))
    assert code == 1
    assert errors == (
        f"{tmp_path}/train-images-idx3-ubyte.gz: expected mnist data, found digits data; "
        "to overwrite it, add --replace\n"
    )


def test_all_mirrors_fail(serve, tmp_path: Path) -> None:
    def refuse(request: BaseHTTPRequestHandler, content: bytes) -> None:
        request.send_error(503)

    proxy = serve(tmp_path, refuse)  # it keeps the command away from the published mirrors
    code, _, errors = finish(start(tmp_path / "data", HTTP_PROXY=proxy.url, HTTPS_PROXY=proxy.url))
    assert code == 1
    lines = errors.splitlines()
    assert lines[0] == "no mirror could give train-images-idx3-ubyte.gz:"
    assert len(lines) == 6
    assert lines[3].startswith("    http://yann.lecun.com/exdb/mnist/train-images-idx3-ubyte.gz: HTTP 503")
    assert "--dataset digits" in lines[4]
    assert names_in(tmp_path / "data") == []


def test_killed_midway_then_again(serve, mnist_folder: Path, tmp_path: Path) -> None:
    halfway = threading.Event()

    def send_half(request: BaseHTTPRequestHandler, content: bytes) -> None:
        request.send_response(200)
        request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        request.wfile.write(content[: len(content) // 2])
        halfway.set()
        request.server.closing.wait()  # type: ignore[attr-defined]

    process = start(tmp_path / "data", "--mirror", serve(mnist_folder, send_half).url)
    assert halfway.wait(30)
    process.kill()
    finish(process)
    assert not set(NAMES) & set(names_in(tmp_path / "data"))
    code, _, errors = finish(start(tmp_path / "data", "--mirror", serve(mnist_folder).url))
    assert (code, errors) == (0, "")
    assert names_in(tmp_path / "data") == NAMES


def test_two_at_once_fetch_once(serve, mnist_folder: Path, tmp_path: Path) -> None:
    mirror = serve(mnist_folder)
    both = [start(tmp_path / "data", "--mirror", mirror.url) for _ in range(2)]
    assert [finish(process)[0] for process in both] == [0, 0]
    assert len(mirror.requests) == 4
    assert names_in(tmp_path / "data") == NAMES


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--dataset", "fasion"], "unknown dataset 'fasion'; did you mean 'fashion'?"),
        (
            ["--mirror", "ftp://host/"],
            "mirror 'ftp://host/': expected a folder, or an http, https or file URL of one",
        ),
        (["--mirrors", "x"], "unknown option '--mirrors'; did you mean '--mirror'?"),
    ],
)
def test_wrong_words_exit_with_2(tmp_path: Path, words: list[str], message: str) -> None:
    code, _, errors = finish(start(tmp_path / "data", *words))
    assert code == 2
    assert errors.startswith(message)
    assert not (tmp_path / "data").exists()


def test_no_folder_is_not_the_current_one(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main(["download", "", "--dataset", "digits"]) == 2
    assert "<dataset-dir> is empty" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_help_imports_nothing_heavy() -> None:
    script = (
        "import sys; from MNIST import cli; cli.main(['download', '--help']); "
        "print(sorted({'numpy', 'requests', 'rich', 'sklearn'} & set(sys.modules)))"
    )
    output = subprocess.check_output([sys.executable, "-c", script], cwd=ROOT, text=True)
    assert "--dataset NAME" in output
    assert output.splitlines()[-1] == "[]"
