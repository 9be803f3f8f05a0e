"""The trained networks in `Model_Output/`, as their records describe them; no weights are read."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from MNIST import engines
from MNIST.errors import ModelError
from MNIST.paths import MODEL_OUTPUT, RECORD, is_name, trained_names
from MNIST.training.checkpoint import EpochResult, newest_epoch
from MNIST.training.network_files import checkpoint_folder, usual_place
from MNIST.training.record import RunRecord, read_history, read_record
from MNIST.training.tested import Tested, read_tested


@dataclass(frozen=True)
class Trained:
    """A trained network. kept: the epoch whose weights it has. tested: None if it was not tested yet."""

    name: str
    record: RunRecord
    kept: EpochResult
    tested: Tested | None

    @property
    def engine(self) -> str:
        """The name of the engine that trained it; "browser" for a network from a laboratory."""
        return engines.name_of(self.record.settings.engine)

    @property
    def finished(self) -> datetime:
        """When its training ended, in UTC; of a record that does not say so, when it was written."""
        if self.record.finished:
            return datetime.fromisoformat(self.record.finished)
        return datetime.fromtimestamp(usual_place(self.name, RECORD).stat().st_mtime, UTC)


def unfinished() -> Iterator[tuple[str, int]]:
    """The networks that are not trained to their end, and how many epochs of each are kept."""
    names = {path.parent.name for path in MODEL_OUTPUT.glob("*/checkpoint")}
    for name in sorted(filter(is_name, names.difference(trained_names()))):
        if epochs := newest_epoch(checkpoint_folder(name)):
            yield name, epochs


def describe(name: str) -> Trained:
    """Describe a trained network. Raises ModelError if its record or its history cannot be trusted."""
    record = read_record(name)
    try:
        kept = record.kept(read_history(name))
    except ModelError as error:
        raise ModelError(f"{name}: {error}") from None
    return Trained(name, record, kept, read_tested(name, record))
