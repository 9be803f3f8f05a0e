"""Who takes part in a certificate: every engine that learns by gradients, Keras once for each backend."""

from dataclasses import dataclass

from MNIST import engines
from MNIST.engines.keras.backends import BACKENDS, chosen_backend, refuse_missing
from MNIST.errors import UsageError


@dataclass(frozen=True)
class Participant:
    """An engine; Keras also has its backend.

    elsewhere: Keras reads its backend once in a process, so other backends need separate processes.
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
    """The installed participants, and for the others what is missing, by name."""
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
    """All participants. NumPy comes first, as the reference, because its code can be read."""
    own = [name for name in engines.ENGINES if name not in engines.WITHOUT_GRADIENTS | {"keras"}]
    return [*map(Participant, own), *(Participant("keras", backend) for backend in BACKENDS)]
