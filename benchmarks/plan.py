"""What `explore --plan` promises against what the exploration then takes: whole commands, in one run.

    python -m benchmarks.plan <dataset-dir> [<epochs> [<images> [<cases>]]]

For the first so many CASES, each in a folder of its own, the plan is asked for, then the exploration is run,
and then, where nothing is known, the plan is asked for once more: 4 trainings of 20 epochs on 10,000 images.
It prints the ratio of the promise (the mean of both, since the machine may become slower or faster meanwhile)
to the time that the whole command took. It must be between 0.75 and 1.25.
"""

import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from benchmarks.arguments import read_arguments

ROOT = Path(__file__).resolve().parent.parent
CONVOLUTION = """Layers:
Conv,8,3,3,relu
MaxPool,2,2
Flatten
Dense,{{units}},relu
Dense,10,softmax
Optimizer:
Adam,{{rate}}
epochs={epochs}
batch={batch}
{augmented}Explore:
units=16,32
rate=0.001,0.003
"""
COLUMNS = """Input:
Threshold,1,64,128,192
Layers:
Columns,{{neurons}},24,spread=10
Optimizer:
ParallelDelta,{{rate}}
epochs={epochs}
batch={batch}
{augmented}Explore:
neurons=100,200
rate=0.05,0.02
"""
AUGMENT = "Augment:\nRotate,10\nElastic,1,8\n"
SECONDS = {"s": 1, "min": 60, "h": 3600}


@dataclass(frozen=True)
class Case:
    """What differs between explorations. part: the part of the images that it takes."""

    engine: str
    batch: int = 100
    augmented: str = ""
    workers: int = 2
    model: str = CONVOLUTION
    part: float = 1


CASES = {
    "numpy": Case("numpy"),
    "numpy, batches of 8": Case("numpy", batch=8),
    "numpy, augmented, one worker": Case("numpy", augmented=AUGMENT, workers=1),
    "keras": Case("keras"),
    "keras, batches of 8": Case("keras", batch=8),
    "keras, augmented": Case("keras", augmented=AUGMENT),
    "keras, augmented, one worker": Case("keras", augmented=AUGMENT, workers=1),
    "tensors": Case("tensors"),
    "tensors, batches of 8": Case("tensors", batch=8, part=0.2),
    "autograd": Case("autograd"),
    "modules": Case("modules"),
    "modules, batches of 8": Case("modules", batch=8, part=0.2),
    "sonn": Case("sonn", model=COLUMNS),
    "sonn, batches of 8": Case("sonn", batch=8, model=COLUMNS, part=0.2),
}


def main(data: Path, epochs: int, images: int, cases: int | None) -> int:
    """Print the ratio of each case; return 1 if one is out of bounds."""
    ratios = []
    for name, case in list(CASES.items())[:cases]:
        text = case.model.format(epochs=epochs, batch=case.batch, augmented=case.augmented)
        count = max(1, round(images * case.part))
        words = ["--engine", case.engine, "--images", str(count), "--workers", str(case.workers)]
        with tempfile.TemporaryDirectory() as first, tempfile.TemporaryDirectory() as second:
            before = promise(data, first, text, words)
            _, taken = explore(data, first, text, words)
            promised = fmean((before, promise(data, second, text, words)))
        ratios.append(promised / taken)
        print(f"{name}: promised {promised:.0f} s, taken {taken:.1f} s: ratio {ratios[-1]:.2f}", flush=True)
    return 0 if all(0.75 <= ratio <= 1.25 for ratio in ratios) else 1


def promise(data: Path, folder: str, text: str, words: list[str]) -> float:
    """The seconds that the plan promises."""
    said, _ = explore(data, folder, text, [*words, "--plan"])
    found = re.search(r"All of it takes about (\d+) (s|min|h)\.", said)
    assert found, said
    return int(found[1]) * SECONDS[found[2]]


def explore(data: Path, folder: str, text: str, words: list[str]) -> tuple[str, float]:
    """The output of `explore`, and its seconds."""
    (Path(folder) / "template.txt").write_text(text, encoding="utf-8")
    begun = time.perf_counter()
    command = [
        sys.executable,
        str(ROOT / "MNIST"),
        "explore",
        str(data),
        "scan",
        "-t",
        "template.txt",
        *words,
    ]
    outcome = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert outcome.returncode == 0, outcome.stderr
    return outcome.stdout, time.perf_counter() - begun


if __name__ == "__main__":
    given = read_arguments(__doc__, "dataset", epochs=20, images=10_000, cases=None)
    sys.exit(main(Path(given.dataset).absolute(), given.epochs, given.images, given.cases))
