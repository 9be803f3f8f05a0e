"""What `explore --plan` promises against what the exploration then takes: whole commands, in one run.

    python -m benchmarks.plan <dataset-dir> [<epochs> [<images> [<cases>]]]

For the first so many CASES, each in a folder of its own, the plan is asked for, and then the exploration is
run: 4 trainings of 20 epochs on 10,000 images. It prints the ratio of the promise to the time that the whole
command took. It must be between 0.75 and 1.25.
"""

import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.arguments import read_arguments

ROOT = Path(__file__).resolve().parent.parent
MODEL = """Layers:
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
CASES = {
    "numpy": ("numpy", 100, ""),
    "numpy, batches of 10": ("numpy", 10, ""),
    "keras": ("keras", 100, ""),
    "keras, batches of 10": ("keras", 10, ""),
    "keras, augmented": ("keras", 100, "Augment:\nRotate,10\nElastic,1,8\n"),
}
SECONDS = {"s": 1, "min": 60, "h": 3600}


def main(data: Path, epochs: int, images: int, cases: int | None) -> int:
    """Print the ratio of each case; return 1 if one is out of bounds."""
    ratios = []
    for name, (engine, batch, augmented) in list(CASES.items())[:cases]:
        with tempfile.TemporaryDirectory() as folder:
            text = MODEL.format(epochs=epochs, batch=batch, augmented=augmented)
            (Path(folder) / "template.txt").write_text(text, encoding="utf-8")
            words = ["--template", "template.txt", "--engine", engine, "--images", str(images)]
            said, _ = explore(data, folder, *words, "--plan")
            _, taken = explore(data, folder, *words)
        found = re.search(r"All of it takes about (\d+) (s|min|h)\.", said)
        assert found, said
        promised = int(found[1]) * SECONDS[found[2]]
        ratios.append(promised / taken)
        print(f"{name}: promised {promised} s, taken {taken:.1f} s: ratio {ratios[-1]:.2f}", flush=True)
    return 0 if all(0.75 <= ratio <= 1.25 for ratio in ratios) else 1


def explore(data: Path, folder: str, *words: str) -> tuple[str, float]:
    """The output of `explore`, and its seconds."""
    begun = time.perf_counter()
    command = [sys.executable, str(ROOT / "MNIST"), "explore", str(data), "scan", *words]
    outcome = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert outcome.returncode == 0, outcome.stderr
    return outcome.stdout, time.perf_counter() - begun


if __name__ == "__main__":
    given = read_arguments(__doc__, "dataset", epochs=20, images=10_000, cases=None)
    sys.exit(main(Path(given.dataset).absolute(), given.epochs, given.images, given.cases))
