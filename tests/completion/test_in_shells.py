"""Completion in real shells: Tab is pressed in a terminal, and the line that comes of it is read."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from waiting import eventually

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.skipif(os.name == "nt", reason="needs a pseudo-terminal")

# Each notes the line that is edited, in the file OUT, when Ctrl-X and d are pressed.
NOTE = {
    "bash": """bind -x '"\\C-xd": printf "%s\\n" "$READLINE_LINE" >> "$OUT"'""",
    "zsh": (
        "note() { print -r -- $BUFFER >> $OUT }; zle -N note; bindkey '^Xd' note;"
        " autoload -Uz compinit; compinit -u -d $HOME/.zcompdump"
    ),
}
START = {"bash": ["bash", "--norc", "--noprofile", "-i"], "zsh": ["zsh", "-f", "-i"]}

LINES = {
    "mnist tra": "mnist train ",
    "mnist test R D --engine=ten": "mnist test R D --engine=tensors ",
    "mnist test R D --engine ten": "mnist test R D --engine tensors ",
    "mnist test R D net,oth": "mnist test R D net,other ",
    "mnist test R D net+oth": "mnist test R D net+other ",
    "mnist check my": "mnist check my\\ file.txt ",
    "mnist check lenet": "mnist check lenet5 ",
    "mnist train Fol": "mnist train Folder/",
    "mnist test Fol": "mnist test Fol",
    "mnist export net --w": "mnist export net --with ",
    "python MNIST lis": "python MNIST list ",
    "python -m MNIST lis": "python -m MNIST list ",
    "python MNIST/ check lenet": "python MNIST/ check lenet5 ",
    "python my": "python my\\ file.txt ",
    "python elsewhere/MNIST lis": "python elsewhere/MNIST lis",
}


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    """A folder with networks and files, this MNIST as in a checkout, another MNIST, and programs to start."""
    folder = tmp_path_factory.mktemp("shells")
    for name in "net", "other":
        (folder / "Model_Output" / name).mkdir(parents=True)
        (folder / "Model_Output" / name / "run.json").touch()
    (folder / "my file.txt").touch()
    (folder / "Folder").mkdir()
    (folder / "elsewhere" / "MNIST").mkdir(parents=True)
    (folder / "elsewhere" / "MNIST" / "__main__.py").write_text(
        "open('was_started', 'w')\nprint('files\\nlist')"
    )
    (folder / "MNIST").symlink_to(ROOT / "MNIST")
    (folder / "bin").mkdir()
    for name, words in ("python", ""), ("mnist", f" '{ROOT / 'MNIST'}'"):
        (folder / "bin" / name).write_text(f"#!/bin/sh\nexec '{sys.executable}'{words} \"$@\"\n")
        (folder / "bin" / name).chmod(0o755)
    return folder


def environment(place: Path, out: Path) -> dict[str, str]:
    path = f"{place / 'bin'}{os.pathsep}{os.environ['PATH']}"
    return {
        **os.environ,
        "PATH": path,
        "HOME": str(out.parent),
        "OUT": str(out),
        "TERM": "xterm",
        "PS1": "$ ",
    }


@pytest.fixture
def pressed(place, tmp_path) -> Iterator[Callable[..., list[str]]]:
    """A function that types lines into a shell, each with Tab behind it, and returns what becomes of them."""
    import pty
    import threading

    out, started = tmp_path / "lines", []

    def type_lines(shell: str, lines: list[str], before: str = ":") -> list[str]:
        if shutil.which(shell) is None:
            pytest.skip(f"{shell} is not installed")
        outside, inside = pty.openpty()
        process = subprocess.Popen(
            START[shell],
            cwd=place,
            env=environment(place, out),
            stdin=inside,
            stdout=inside,
            stderr=inside,
            start_new_session=True,
        )
        os.close(inside)
        reader = threading.Thread(target=_read_all, args=(outside,), daemon=True)  # else the shell would wait
        reader.start()
        started.append((process, outside, reader))
        for line in (NOTE[shell], before, f'eval "$(mnist completion {shell})"', 'echo ready >> "$OUT"'):
            os.write(outside, f"{line}\r".encode())
        eventually(lambda: out.exists() and out.read_text() == "ready\n")
        for number, line in enumerate(lines, start=1):
            os.write(outside, f"{line}\t\x18d".encode())
            eventually(lambda number=number: out.read_text().count("\n") > number)
            os.write(outside, b"\x15")  # which empties the line
        return out.read_text().splitlines()[1:]

    yield type_lines
    for process, outside, reader in started:
        process.kill()
        process.wait()
        reader.join()  # else it would read from what next has the number of the closed terminal
        os.close(outside)


def _read_all(terminal: int) -> None:
    try:
        while os.read(terminal, 10_000):
            pass
    except OSError:  # the shell has ended
        pass


@pytest.mark.parametrize("shell", ["bash", pytest.param("zsh", marks=pytest.mark.slow)])
def test_tab_completes(shell, pressed, place):
    assert dict(zip(LINES, pressed(shell, [*LINES]), strict=True)) == LINES
    assert not (place / "was_started").exists()  # nobody else's program is started to ask what fits


def test_what_completed_python_in_bash_before_still_does(pressed):
    before = "_mine() { COMPREPLY=(--mine); }; complete -F _mine python"
    lines = ["python --m", "python MNIST lis", "python -m jso"]
    assert pressed("bash", lines, before) == ["python --mine ", "python MNIST list ", "python -m --mine "]


@pytest.mark.slow
def test_zsh_still_completes_pythons_modules(pressed):
    (line,) = pressed("zsh", ["python -m zipap"])
    assert line == "python -m zipapp "


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("fish") is None, reason="fish is not installed")
def test_fish_completes(place, tmp_path):
    asked = "\n".join(f"echo '# {line}'; complete -C '{line}'" for line in LINES)
    result = subprocess.run(
        ["fish", "--no-config", "-c", f"mnist completion fish | source\n{asked}"],
        cwd=place,
        env=environment(place, tmp_path / "out"),
        capture_output=True,
        text=True,
    )
    assert (result.returncode, result.stderr) == (0, "")
    found: dict[str, list[str]] = {}
    for line in result.stdout.splitlines():
        if line.startswith("# "):
            found[last := line[2:]] = []
        else:
            found[last].append(line.split("\t")[0])
    assert [*found] == [*LINES], result
    for line, completed in LINES.items():
        *before, typed = line.split(" ")
        expected = " ".join([*before, *found[line][:1]]) if found[line] else line
        assert expected == completed.strip().replace("\\", ""), (line, typed)
    assert not (place / "was_started").exists()
