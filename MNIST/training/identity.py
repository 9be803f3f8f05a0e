"""A run's identity: it names all that decides the run's numbers. Runs with the same identity are the same."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace

from MNIST.engines import Arrays
from MNIST.language import ModelSpec, canonical_text, simplify

NUMBERS = 2  # raise it whenever a change of this program changes even one bit of what a run computes
ADDED = {"start": ""}  # settings that older runs did not name, with their values; older identities stay valid


@dataclass(frozen=True)
class RunSettings:
    """Everything beside the model's text that decides the numbers of a run, bit for bit.

    data_digest: the SHA-256 of the four files. images: how many of the shuffled training images are used;
    None for all. split: the proportion of them to train on. engine: its name with its libraries' versions.
    device: what computes, and its libraries' switches that the environment sets. precision: "float32",
    "bfloat16" or "float64". threads: how many compute one operation (the order of sums changes their
    rounding). start: the digest of the initial weights, or "" if they are drawn from the seed.
    """

    data_digest: str
    images: int | None
    split: float
    seed: int
    engine: str
    device: str
    precision: str
    threads: int
    start: str = ""

    def changes_from(self, before: Mapping[str, object]) -> str:
        """Say in words what differs from earlier settings, given as a dictionary; "" if nothing does."""
        now, before = asdict(self), ADDED | dict(before)
        names = [name for name in now if before.get(name) != now[name]]
        return "; ".join(
            f"{name.replace('_', ' ')} {_shown(before.get(name))}, now {_shown(now[name])}" for name in names
        )

    def __str__(self) -> str:
        threads = f"{self.threads} thread{'s' * (self.threads != 1)}"
        return f"{self.engine}\n{self.device}, {self.precision}, {threads}, seed {self.seed}"


def run_identity(spec: ModelSpec, settings: RunSettings) -> str:
    """SHA-256, in hex, of a run's content.

    The number of epochs is not part of it, because a run of 15 epochs begins with exactly the run of 5. But
    it is part of it if the schedule depends on that number (Cosine, OneCycle).
    """
    return run_identities(spec, [settings])[0]


def run_identities(spec: ModelSpec, each: Sequence[RunSettings]) -> tuple[str, ...]:
    """The identities of one network's runs under each of several settings."""
    simple = simplify(spec)
    text = canonical_text(simple if simple.schedule.needs_length else replace(simple, epochs=1))
    contents = [{"numbers": NUMBERS, "model": text, **_hashed(settings)} for settings in each]
    return tuple(
        hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest() for content in contents
    )


def identity_elsewhere(spec: ModelSpec, settings: RunSettings, weights: str) -> str:
    """The identity of a run of another program, whose weights cannot be computed here again.

    weights: their file's digest. It is a part of the identity, because nothing else vouches for them.
    """
    content = {"run": run_identity(spec, settings), "weights": weights}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def other_text(spec: ModelSpec) -> str:
    """Say in words what differs from a run that has the same settings but another identity."""
    schedule = type(spec.schedule).__name__
    if spec.schedule.needs_length:
        return (
            "another model text, optimizer, batch size or number of epochs, by which "
            f"{schedule} sets every rate"
        )
    return "another model text, optimizer or batch size"


def weights_digest(weights: Arrays) -> str:
    """The SHA-256, in hex, of weights with their names, types and shapes."""
    digest = hashlib.sha256()
    for name, array in sorted(weights.items()):
        digest.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def _hashed(settings: RunSettings) -> dict[str, object]:
    values = asdict(settings)
    return {name: value for name, value in values.items() if name not in ADDED or value != ADDED[name]}


def _shown(value: object) -> object:
    if value is None:  # of the images
        return "all"
    return "none" if value == "" else value
