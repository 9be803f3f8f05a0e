"""What comes of training a network again as its record says, compared bit for bit with what it records."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np

from MNIST.engines import Arrays
from MNIST.errors import ModelError
from MNIST.language import ModelSpec, parse_spec
from MNIST.training.checkpoint import REPEATED, EpochResult
from MNIST.training.identity import RunSettings, run_identity
from MNIST.training.record import SPEC, RunRecord, machine, read_model_text

FORMAT = 1


@dataclass(frozen=True)
class Difference:
    """The first figure that is not what was recorded.

    epoch: from 1. recorded, found: the figure; None on the side that has no such epoch.
    """

    epoch: int
    figure: str
    recorded: float | None
    found: float | None

    def __str__(self) -> str:
        if self.recorded is None or self.found is None:
            lacking = "was not recorded" if self.recorded is None else "does not come, because of `Stop:`"
            return f"epoch {self.epoch}, which {lacking}"
        return (
            f"epoch {self.epoch}, {self.figure}: {self.recorded!r} was recorded, {self.found!r} comes out"
            f" ({abs(self.recorded - self.found):.1e} apart)"
        )


def first_difference(recorded: Sequence[EpochResult], found: Sequence[EpochResult]) -> Difference | None:
    """The first figure in which two histories differ by even one bit; None if there is none.

    Of the longer one, the epochs that the other lacks count as different.
    """
    for before, now in zip(recorded, found, strict=False):
        for figure, one, other in zip(REPEATED, before.numbers, now.numbers, strict=True):
            if one is not other and one != other:  # there is one nan object
                return Difference(before.epoch, figure, one, other)
    both = min(len(recorded), len(found))
    if len(recorded) > both:
        return Difference(both + 1, "loss", recorded[both].loss, None)
    if len(found) > both:
        return Difference(both + 1, "loss", None, found[both].loss)
    return None


def largest_difference(recorded: Arrays, found: Arrays) -> float:
    """The largest absolute difference of two networks' weights.

    Raises ModelError if they have other names or shapes.
    """
    if {name: array.shape for name, array in recorded.items()} != {
        name: array.shape for name, array in found.items()
    }:
        raise ModelError("the weights that were recorded have other names or shapes than those trained here")
    pairs = [(recorded[name].astype(np.float64), found[name].astype(np.float64)) for name in recorded]
    return max((float(np.abs(one - other).max()) for one, other in pairs if one.size), default=0.0)


def changes_here(record: RunRecord, settings: RunSettings) -> str:
    """Say in words what differs here from a record: settings, system, Python; "" if nothing does.

    settings: those of the new run.
    """
    here = machine()
    found = [settings.changes_from(asdict(record.settings))]
    found += [
        f"{name} {record.machine[name]}, now {here[name]}"
        for name in ("system", "python")
        if record.machine.get(name) not in (None, here[name])
    ]
    return "; ".join(filter(None, found))


def recorded_spec(name: str, record: RunRecord, asked: int | None = None) -> ModelSpec:
    """The model that a run trained, with its epochs and its batch size, from its text and its record.

    asked: the number of epochs that its command asked for; `Stop:` may have ended it before.
    Raises ModelError if the two do not belong together: one of them was changed, or the network was trained
    by a version of this program whose numbers were others.
    """
    spec = parse_spec(read_model_text(name), SPEC, len(record.about.classes))
    for epochs in filter(None, (record.epochs, spec.epochs, asked)):
        candidate = replace(spec, epochs=epochs, batch_size=record.batch_size)
        if run_identity(candidate, record.settings) == record.identity:
            return candidate
    raise ModelError(
        f"the text and the settings of {name} are not those of its identity: one of them was changed, or"
        " it was trained by another version of this program"
    )


@dataclass(frozen=True)
class Reproduction:
    """What came of training a network again.

    epochs: how many were compared. difference: the first one of a figure. weights_equal: whether every bit of
    the weights is; weights_apart: their largest difference; both None if not all epochs were trained again.
    weights_fit: whether the recorded weights answer as the history says; None if they are the same, or were
    not asked. changes: what is different here, in words. accuracies: the recorded and the new accuracy on
    the images that `judged_by` names, after the last epoch compared; agree: whether they agree within what
    chance allows; both None if no accuracies can be compared.
    """

    name: str
    record: RunRecord
    epochs: int
    difference: Difference | None
    weights_equal: bool | None
    weights_apart: float | None
    weights_fit: bool | None
    changes: str
    accuracies: tuple[float, float] | None
    agree: bool | None

    @property
    def is_same(self) -> bool:
        """Whether all that was compared is the same to the last bit."""
        return self.difference is None and self.weights_equal is not False

    @property
    def is_whole(self) -> bool:
        """Whether every epoch and the weights were compared."""
        return self.weights_equal is not None

    @property
    def judged_by(self) -> str:
        """On which images the accuracies are measured: "validation", or "training" if there are no others."""
        return "validation" if self.record.validation_images else "training"

    @property
    def holds(self) -> bool:
        """Whether the record holds: the same bits, or on another machine an accuracy that chance explains.

        On another machine, the recorded weights must still answer as the recorded history says.
        """
        return self.is_same or bool(self.changes and self.agree and self.weights_fit is not False)

    def certificate(self, settings: RunSettings, version: str, when: str) -> str:
        """The text of reproduced.json. settings: those of the new run; when: the moment, as ISO 8601."""
        content = {
            "format": FORMAT,
            "name": self.name,
            "holds": self.holds,
            "same_bits": self.is_same,
            "epochs_compared": self.epochs,
            "epochs_recorded": self.record.epochs,
            "weights_compared": self.is_whole,
            "largest_difference_of_a_weight": self.weights_apart,
            "recorded_weights_answer_as_recorded": self.weights_fit,
            "first_difference": self.difference and asdict(self.difference),
            f"{self.judged_by}_accuracies": self.accuracies,
            "accuracies_agree_within_chance": self.agree,
            "differs_here": self.changes,
            "identity": self.record.identity,
            "files": self.record.files,
            "recorded": {"settings": asdict(self.record.settings), "machine": self.record.machine},
            "here": {"settings": asdict(settings), "machine": machine()},
            "version": version,
            "when": when,
        }
        return json.dumps(content, indent=2) + "\n"
