"""What a trained network reached on its test set: `test` notes it beside the network, and `list` shows it."""

import json
from contextlib import suppress
from dataclasses import asdict, dataclass

from MNIST.engines import MODEL_FILES
from MNIST.errors import ModelError
from MNIST.files import write_atomically
from MNIST.training.network_files import MOST_OF_A_RECORD, TESTED, output_folder, read_file
from MNIST.training.record import RunRecord


@dataclass(frozen=True)
class Tested:
    """A network's answers to the test images of the dataset that it learned from.

    network: the SHA-256 of its file of weights. engine: the name of the engine that computed the answers.
    images: how many were asked. correct: how many answers were right.
    """

    network: str
    engine: str
    images: int
    correct: int


def note_tested(name: str, record: RunRecord, engine: str, images: int, correct: int) -> None:
    """Note what the trained network `name`, whose record this is, reached on its own test set.

    Raises OSError if it cannot be written.
    """
    content = json.dumps(asdict(Tested(_weights_of(record), engine, images, correct)), indent=2)
    write_atomically(output_folder(name) / TESTED, content + "\n")


def read_tested(name: str, record: RunRecord) -> Tested | None:
    """What was noted of this network; None if nothing was, or if it is of other weights."""
    with suppress(FileNotFoundError, ModelError, ValueError, TypeError, RecursionError):
        tested = Tested(**json.loads(read_file(name, TESTED, MOST_OF_A_RECORD)))
        counts = tested.images, tested.correct
        if all(type(count) is int for count in counts) and 0 <= tested.correct <= tested.images > 0:
            return tested if tested.network == _weights_of(record) else None
    return None


def _weights_of(record: RunRecord) -> str:
    """The digest of a network's file of weights; "" if its record names none."""
    return next((digest for file, digest in record.files.items() if file in MODEL_FILES), "")
