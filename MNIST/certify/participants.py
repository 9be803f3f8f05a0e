"""Who takes part in a certificate: every engine that learns by gradients, Keras once a backend."""

from dataclasses import dataclass

from MNIST import engines
from MNIST.engines.keras.backends import BACKENDS, chosen_backend, refuse_missing
from MNIST.errors import UsageError


@dataclass(frozen=True)
class Participant:
    """An engine; of Keras, with its backend.

    elsewhere: Keras reads its backend once a process, so the other backends need processes of their own.
    """

    engine: str
    backend: str | None = None

    @property
    def name(self) -> str:
        return f"{self.engine} on {self.backend}" if self.backend else self.engine

    @property
    def elsewhere(self) -> bool:
        return self.backend is not None and self.backend != chosen_backend()


def installed() -> tuple[list[Participant], dict[str, str]]:
    """The participants that are installed, and of the others, by name, what they lack."""
    found, missing = [], {}
    for participant in _all():
        try:
            if participant.backend:
                refuse_missing(participant.backend)
            else:
                engines.version(participant.engine)
        except UsageError as error:
            missing[participant.name] = str(error)
        else:
            found.append(participant)
    return found, missing


def _all() -> list[Participant]:
    """NumPy's first, which is the measure of the others: it is the one that can be read."""
    own = [name for name in engines.ENGINES if name not in engines.WITHOUT_GRADIENTS | {"keras"}]
    return [*map(Participant, own), *(Participant("keras", backend) for backend in BACKENDS)]
