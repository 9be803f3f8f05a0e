"""TensorBoard: each network's folder holds an event file; `tensorboard --logdir Model_Output` shows them all.

tensorboard's record writer writes it. Its other writers would import TensorFlow, which takes seconds and
which an engine from scratch does not need. A file begins with the whole history, so it replaces the files of
earlier starts.
"""

import json
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from MNIST.files import make_folder, refuse_link
from MNIST.tracking.tracker import Confusion, TrackedRun, numbers_of
from MNIST.training import EpochResult

FOLDER = "tensorboard"
FILES = "events.out.tfevents."  # TensorBoard looks for this in a file's name


class EventFile:
    """The open event file of a run. See `Tracker` for what each method promises."""

    def __init__(self, run: TrackedRun) -> None:
        from tensorboard.compat.proto.event_pb2 import Event, SessionLog
        from tensorboard.summary.writer.record_writer import RecordWriter

        self._event = Event
        self._place = run.folder.parent
        folder = run.folder / FOLDER
        refuse_link(folder)
        make_folder(folder)
        earlier = list(folder.glob(f"{FILES}*"))
        self._writer = RecordWriter((folder / f"{FILES}{time.time_ns()}").open("xb"))
        self._clock = time.time() - sum(result.seconds for result in run.history)
        self._epochs = 0
        self._write(file_version="brain.Event:2")
        # If TensorBoard shows this run already, this makes it drop what earlier files said.
        self._write(session_log=SessionLog(status=SessionLog.START))
        self._text("model", _as_code(run.text))
        self._text("settings", _as_code(json.dumps(dict(run.settings), indent=2)))
        for result in run.history:
            self._clock += result.seconds
            self._numbers(result, self._clock)
        self._writer.flush()
        for path in earlier:
            path.unlink()

    def epoch(self, result: EpochResult) -> None:
        self._numbers(result, time.time())
        self._writer.flush()

    def finish(self, record: Mapping[str, object], confusion: Confusion | None) -> None:
        self._text("run.json", _as_code(json.dumps(record, indent=2)))
        if confusion is not None:
            self._text("confusion", _as_table(confusion))
        self._writer.flush()

    def close(self) -> str:
        self._writer.close()
        return f"tensorboard --logdir {self._place}"

    def _numbers(self, result: EpochResult, when: float) -> None:
        """Write an epoch's numbers; TensorBoard shows each as a curve."""
        values = [{"tag": name, "simple_value": value} for name, value in numbers_of(result).items()]
        self._epochs = result.epoch
        self._write(wall_time=when, step=result.epoch, summary={"value": values})

    def _text(self, tag: str, markdown: str) -> None:
        value = {
            "tag": tag,
            "tensor": {"dtype": "DT_STRING", "string_val": [markdown.encode()]},
            "metadata": {"plugin_data": {"plugin_name": "text"}},
        }
        self._write(step=self._epochs, summary={"value": [value]})

    def _write(self, **fields: Any) -> None:
        self._writer.write(self._event(**{"wall_time": time.time(), **fields}).SerializeToString())


def start(run: TrackedRun) -> EventFile:
    """Begin a run's event file with its history, then remove the files of earlier starts."""
    return EventFile(run)


def forget(network: Path) -> bool:
    """Remove the event files of an earlier network from a folder; return whether there were any."""
    refuse_link(network / FOLDER)
    files = list((network / FOLDER).glob(f"{FILES}*"))
    for path in files:
        path.unlink()
    return bool(files)


def _as_code(text: str) -> str:
    """The text as a Markdown code block, which shows it unchanged."""
    return "\n".join(f"    {line}" for line in text.splitlines())


def _as_table(confusion: Confusion) -> str:
    """The counts as a Markdown table: a row for each true class, a column for each answer."""
    classes, counts = [name.replace("|", "\\|") for name in confusion.classes], confusion.counts.tolist()

    def row(cells: Iterable[object]) -> str:
        return f"| {' | '.join(map(str, cells))} |"

    rows = [row(["true \\ answer", *classes]), row(["---:"] * (len(classes) + 1))]
    rows += [row([f"**{name}**", *those]) for name, those in zip(classes, counts, strict=True)]
    return "\n".join(rows)
