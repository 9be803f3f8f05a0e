"""What decides a run's numbers, and nothing else: two runs with one identity are one run."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace

from MNIST.spec import ModelSpec, canonical_text, simplify

NUMBERS = 2  # raised with each change of this program that changes a bit of what any run computes


@dataclass(frozen=True)
class RunSettings:
    """Everything beside the model's text that decides the numbers of a run, bit for bit.

    data_digest: SHA-256 of the four files; images: how many of the shuffled training images, or None
    for all; split: the proportion that is trained on; engine: its name with its libraries' versions;
    device: what computes, and switches of its libraries that are set in the environment; precision:
    "float32" or "bfloat16"; threads: of one operation (sums in another order round otherwise).
    """

    data_digest: str
    images: int | None
    split: float
    seed: int
    engine: str
    device: str
    precision: str
    threads: int

    def changes_from(self, before: Mapping[str, object]) -> str:
        """In words, what is different from settings of before, as a dictionary; "" if nothing is."""
        now = asdict(self)
        names = [name for name in now if before.get(name) != now[name]]
        return "; ".join(f"{name.replace('_', ' ')} {before.get(name)}, now {now[name]}" for name in names)

    def __str__(self) -> str:
        threads = f"{self.threads} thread{'s' * (self.threads != 1)}"
        return f"{self.engine}\n{self.device}, {self.precision}, {threads}, seed {self.seed}"


def run_identity(spec: ModelSpec, settings: RunSettings) -> str:
    """SHA-256, in hex, of a run's content. The number of epochs is no part of it.

    A run of 5 epochs is the exact prefix of one of 15, so that they are readings of one run.
    """
    return run_identities(spec, [settings])[0]


def run_identities(spec: ModelSpec, each: Sequence[RunSettings]) -> tuple[str, ...]:
    """The identities of one network's runs under each of several settings."""
    text = canonical_text(replace(simplify(spec), epochs=1))
    contents = [{"numbers": NUMBERS, "model": text, **asdict(settings)} for settings in each]
    return tuple(
        hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest() for content in contents
    )
