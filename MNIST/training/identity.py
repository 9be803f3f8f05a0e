"""What decides a run's numbers, and nothing else: two runs with one identity are one run."""

import hashlib
import json
from dataclasses import asdict, dataclass, replace

from MNIST.spec import ModelSpec, canonical_text, simplify


@dataclass(frozen=True)
class RunSettings:
    """Everything beside the model's text that decides the numbers of a run, bit for bit.

    data_digest: SHA-256 of the four files; images: how many of the shuffled training images, or None
    for all; split: the proportion that is trained on; engine: its name with its libraries' versions;
    precision: "float32" or "bfloat16"; threads: of one operation (sums in another order round otherwise).
    """

    data_digest: str
    images: int | None
    split: float
    seed: int
    engine: str
    precision: str
    threads: int

    def __str__(self) -> str:
        threads = f"{self.threads} thread{'s' * (self.threads != 1)}"
        return f"{self.engine}, {self.precision}, {threads}, seed {self.seed}"


def run_identity(spec: ModelSpec, settings: RunSettings) -> str:
    """SHA-256, in hex, of a run's content. The number of epochs is no part of it.

    A run of 5 epochs is the exact prefix of one of 15, so that they are readings of one run.
    """
    text = canonical_text(replace(simplify(spec), epochs=1))
    content = json.dumps({"model": text, **asdict(settings)}, sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()
