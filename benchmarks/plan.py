"""What `explore --plan` promises against what the exploration then takes: whole commands, in one run.

    python -m benchmarks.plan <dataset-dir> [<epochs> [<images> [<cases>]]]

For the first so many CASES, each in a folder of its own, the plan is asked for, then the exploration is run,
and then, where nothing is known, the plan is asked for once more: 4 trainings of 20 epochs on 10,000 images.
It prints the ratio of the promise (the mean of both, since the machine may become slower or faster meanwhile)
to the time that the whole command took, and in how many cases it is between 0.75 and 1.25. The target is all.
"""

import subprocess
import sys
import tempfile
import time
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from benchmarks.arguments import read_arguments
from benchmarks.own_process import in_own_process

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
TEMPLATE = "template.txt"
LEAST, MOST = 0.75, 1.25


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
    """Print the ratio of each case; return 1 if one misses the target."""
    ratios = []
    for name, case in list(CASES.items())[:cases]:
        text = case.model.format(epochs=epochs, batch=case.batch, augmented=case.augmented)
        count = max(1, round(images * case.part))
        with tempfile.TemporaryDirectory() as first, tempfile.TemporaryDirectory() as second:
            for folder in (first, second):
                (Path(folder) / TEMPLATE).write_text(text, encoding="utf-8")
            before = in_own_process(promise, data, first, case, count)
            taken = explore(data, first, case, count)
            promised = fmean((before, in_own_process(promise, data, second, case, count)))
        ratios.append(promised / taken)
        print(f"{name}: promised {promised:.1f} s, taken {taken:.1f} s: ratio {ratios[-1]:.2f}", flush=True)
    good = sum(LEAST <= ratio <= MOST for ratio in ratios)
    print(f"between {LEAST} and {MOST}: {good} of {len(ratios)} cases")
    return 0 if good == len(ratios) else 1


def promise(data: Path, folder: str, case: Case, images: int) -> float:
    """The seconds that the plan promises, before `explore --plan` rounds them to minutes or hours."""
    from MNIST.explore import explore

    with chdir(folder):
        found = explore(
            data, template=TEMPLATE, engine=case.engine, images=images, workers=case.workers, plan=True
        )
    assert found.seconds is not None
    return found.seconds


def explore(data: Path, folder: str, case: Case, images: int) -> float:
    """The seconds that the command takes."""
    command = [
        *(sys.executable, str(ROOT / "MNIST"), "explore", str(data), "scan", "-t", TEMPLATE),
        *("--engine", case.engine, "--images", str(images), "--workers", str(case.workers)),
    ]
    begun = time.perf_counter()
    outcome = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert outcome.returncode == 0, outcome.stderr
    return time.perf_counter() - begun


if __name__ == "__main__":
    given = read_arguments(__doc__, "dataset", epochs=20, images=10_000, cases=None)
    sys.exit(main(Path(given.dataset).absolute(), given.epochs, given.images, given.cases))
