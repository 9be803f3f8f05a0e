"""What decides a run's numbers, and nothing else: two runs with one identity are one run."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace

from MNIST.engines import Arrays
from MNIST.language import ModelSpec, canonical_text, simplify

NUMBERS = 2  # raised with each change of this program that changes a bit of what any run computes
ADDED = {"start": ""}  # settings that runs of before did not name, with what they had; identities stay


@dataclass(frozen=True)
class RunSettings:
    """Everything beside the model's text that decides the numbers of a run, bit for bit.

    data_digest: SHA-256 of the four files; images: how many of the shuffled training images, or None
    for all; split: the proportion that is trained on; engine: its name with its libraries' versions;
    device: what computes, and switches of its libraries that are set in the environment; precision:
    "float32", "bfloat16" or "float64"; threads: of one operation (sums in another order round otherwise);
    start: the digest of the weights that it begins with, "" where they are drawn from the seed.
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
        """In words, what is different from settings of before, as a dictionary; "" if nothing is."""
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

    The number of epochs is no part of it: a run of 5 is the exact prefix of one of 15, so that they are
    readings of one run. But where the schedule goes by that number (Cosine, OneCycle), it is.
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


def other_text(spec: ModelSpec) -> str:
    """In words, what is different from a run of another identity whose settings are the same."""
    schedule = type(spec.schedule).__name__
    if spec.schedule.needs_length:
        return (
            "another model text, optimizer, batch size or number of epochs, by which "
            f"{schedule} sets every rate"
        )
    return "another model text, optimizer or batch size"


def weights_digest(weights: Arrays) -> str:
    """SHA-256, in hex, of weights: their names, types, shapes and numbers."""
    digest = hashlib.sha256()
    for name, array in sorted(weights.items()):
        digest.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def _hashed(settings: RunSettings) -> dict[str, object]:
    values = asdict(settings)
    return {name: value for name, value in values.items() if name not in ADDED or value != ADDED[name]}


def _shown(value: object) -> object:
    return "none" if value == "" else value
