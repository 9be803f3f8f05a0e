"""What a worker on another machine does besides training: it keeps no files, but sends them back.

This file knows nothing about Ray.
"""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from tempfile import TemporaryDirectory
from typing import Any

from MNIST.data import Dataset
from MNIST.explore.workers import worker
from MNIST.explore.workers.protocol import Task
from MNIST.training import EpochResult

PREFIX = "mnist_worker_"  # of temporary folders; the process's id follows

Files = dict[str, bytes]


@dataclass(frozen=True)
class Folder:
    """Replaces the path of a checkpoint folder in a call of a function on another machine."""

    name: str
    files: Files


@dataclass(frozen=True)
class Begun:
    """The worker has the task: if it dies from now on, the task may be the cause."""


@dataclass(frozen=True)
class News:
    """A new epoch, or None when all are done; and the checkpoints that there are now.

    files: all checkpoints to keep, by name; the content is None if the receiver already has it.
    """

    result: EpochResult | None
    files: dict[str, bytes | None]


def read_files(folder: Path) -> Files:
    """The content of a trial's checkpoints, by name; empty if there is no such folder."""
    return {path.name: path.read_bytes() for path in sorted(folder.glob("epoch_*.npz"))}


class ClusterWorker:
    """Trains and computes for another machine, one thing after another.

    All this happens in one thread, since Keras keeps its state per thread; another thread sends the news.
    """

    def __init__(self, dataset: Dataset) -> None:
        _sweep()
        worker.hold(dataset)
        self._thread = ThreadPoolExecutor(max_workers=1)

    def train(self, task: Task, files: Files) -> Iterator[Begun | News]:
        """Train a trial from the given checkpoints, if there are any, and send each new one."""
        yield Begun()
        with _own_folder() as place:
            folder = Path(place) / task.trial.identity
            _write(folder, files)
            known = files
            news: SimpleQueue[News | None] = SimpleQueue()

            def report(result: EpochResult | None) -> None:
                nonlocal known
                now = read_files(folder)
                changed = {name: None if known.get(name) == now[name] else now[name] for name in now}
                known = now
                news.put(News(result, changed))

            training = self._thread.submit(worker.train, task, Path(place), report)
            training.add_done_callback(lambda _: news.put(None))
            while (latest := news.get()) is not None:
                yield latest
            training.result()  # or what it raised
            report(None)
            yield news.get()  # type: ignore[misc]

    def call(self, function: Callable[..., Any], arguments: Sequence[Any]) -> Any:
        """A function's value; each `Folder` among its arguments is written to disk first."""
        with _own_folder() as place:
            words = list(arguments)
            for index, word in enumerate(arguments):
                if isinstance(word, Folder):
                    words[index] = Path(place) / word.name
                    _write(words[index], word.files)
            return self._thread.submit(function, *words).result()


def _write(folder: Path, files: Files) -> None:
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)


def _own_folder() -> TemporaryDirectory[str]:
    return TemporaryDirectory(prefix=f"{PREFIX}{os.getpid()}_", ignore_cleanup_errors=True)


def _sweep() -> None:
    """Remove the folders that workers on this machine left behind when they were killed."""
    if os.name == "nt":  # Windows has no signal 0: `os.kill` would end the process
        return
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}[0-9]*_*"):
        try:
            os.kill(int(folder.name.removeprefix(PREFIX).split("_")[0]), 0)
        except ProcessLookupError:
            shutil.rmtree(folder, ignore_errors=True)
        except OSError:  # the process belongs to somebody else
            pass
