"""What whole commands take, from start-up to written files, beyond training and the import of TensorFlow.

    python -m benchmarks.start_up <dataset-dir> [<rounds> [<images>]]

Each round imports TensorFlow in a new Python, as any program that uses it must; trains `fast99` with the
command `train`, on all images or the first <images>; and tests that network. For each command it prints the
seconds of the whole; of the training, as run.json has it; and of the import. Two ratios follow: `train` to
training and import, `test` to the import. The target for `train` is at most 1.3 s beyond these two, in the
medians. What is left may be less than nothing: the commands import Keras without what they do not need.
Before the first round TensorFlow is imported once without counting, so that its files lie in memory.
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from benchmarks.arguments import read_arguments

PROGRAM = Path(__file__).resolve().parent.parent / "MNIST"
MOST_LEFT = 1.3  # seconds


def main(data: Path, rounds: int, images: int | None) -> int:
    """Print each round and the medians; return 1 if `train` leaves more than MOST_LEFT."""
    some = [] if images is None else [f"--images={images}"]
    left = []
    with tempfile.TemporaryDirectory() as folder:
        seconds("-c", "import tensorflow", folder=folder)
        for number in range(1, rounds + 1):
            name = f"round_{number}"
            imported = seconds("-c", "import tensorflow", folder=folder)
            whole = seconds(str(PROGRAM), "train", str(data), name, "fast99", *some, folder=folder)
            trained = json.loads((Path(folder) / "Model_Output" / name / "run.json").read_text())["seconds"]
            tested = seconds(str(PROGRAM), "test", "Results", str(data), name, folder=folder)
            left.append((whole - trained - imported, tested - imported))
            print(
                f"train {whole:.2f} s, of which training {trained:.2f} s; test {tested:.2f} s; "
                f"import tensorflow {imported:.2f} s: ratios {whole / (trained + imported):.2f} and "
                f"{tested / imported:.2f}",
                flush=True,
            )
    of_train, of_test = (median(each) for each in zip(*left, strict=True))
    print(
        f"beyond training and that import, in the medians: train {of_train:.2f} s (at most {MOST_LEFT}), "
        f"test {of_test:.2f} s"
    )
    return 0 if of_train <= MOST_LEFT else 1


def seconds(*words: str, folder: str) -> float:
    """How long a new Python takes with these words, in a folder. Raises CalledProcessError if it fails."""
    begun = time.perf_counter()
    subprocess.run([sys.executable, *words], cwd=folder, check=True, capture_output=True)
    return time.perf_counter() - begun


if __name__ == "__main__":
    given = read_arguments(__doc__, "dataset_dir", rounds=5, images=None)
    sys.exit(main(Path(given.dataset_dir).resolve(), given.rounds, given.images))
