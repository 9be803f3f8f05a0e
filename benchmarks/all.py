"""Measures the figures of docs/measured.md anew, each of them or some, and writes the page.

    python -m benchmarks.all <dataset-dir> [<names>]

Without <names> everything is measured, which takes many hours; give it to an idle machine. <names>, separated
by commas, chooses some networks or benchmarks: `Optimal,threshold`, or a pattern in quotation marks:
`"Sonn*"`. `none` measures nothing and only writes the page. Networks are trained in the folder Measured/,
where an interrupted training goes on; one that is trained to its end there is only tested.

Every accuracy, time and ratio goes to benchmarks/measured.json as soon as it is there, with the machine and
the day. The page shows what that file holds, so a figure that was not measured again keeps its machine and
its day. (The oldest have no day.)
"""

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterable, Sequence
from contextlib import chdir
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from platform import python_version
from typing import Any

from benchmarks.arguments import read_arguments
from MNIST.files import write_atomically

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
STORE = HERE / "measured.json"
TEMPLATE = HERE / "measured.md.jinja"
PAGE = ROOT / "docs" / "measured.md"
FOLDER = "Measured"
PACKAGES = {
    "TensorFlow": "tensorflow",
    "Keras": "keras",
    "NumPy": "numpy",
    "SciPy": "scipy",
    "PyTorch": "torch",
}

TESTED = ("errors", "accuracy", "accuracy_interval", "loss")  # kept of what `test --json` prints

# The networks: what `train Data NAME` is given for each.
NETWORKS = {
    "Optimal": "optimized_model",
    "Explored": "explored_model",
    "Example": "example_model",
    "Fast99": "fast99",
    "Small": "small",
    "Mlp995": "mlp995 --engine numpy",
    "Random": "random_features",
    "Best": "best",
    "Mlp": "mlp --engine numpy",
    "LeNet5": "lenet5",
    "AlexNet": "alexnet",
    "VGG16": "vgg16",
    "GoogLeNet": "googlenet",
    "ResNet20": "resnet20",
    "KerasCNN": "keras_cnn",
    "Modules": "optimized_model --engine modules",
    "Sonn": "sonn",
    "Sonn1": "sonn --seed 1",
    "Sonn2": "sonn --seed 2",
}

# The benchmarks: what each is given. Fast99 is the network above. Numbers stand where the usual size takes
# hours, or a smaller one shows the same.
BENCHMARKS = {
    "train_optimal": "Data",
    "onednn": "Data 1 4000 3",
    "fast99": "Data",
    "start_up": "Data",
    "engines": "Data 4 10000",
    "augmentation": "Data 1 20000",
    "explore": "Data 1",
    "search_peers": "Data",
    "plan": "Data 6 6000",
    "tpe": "",
    "bookkeeping": "",
    "dispatch": "",
    "threshold": "",
    "least_squares": "",
    "read_data": "Data",
    "pictures": "Data Fast99 300",
    "browser": "Data",
}


@dataclass(frozen=True)
class Figure:
    """What was measured: the command, when, and on which machine.

    found: the numbers of a network, by name; or what a benchmark printed.
    day: "" for a figure from before the days were kept. remark: "" or what else must be known of it.
    """

    command: str
    machine: str
    found: Any
    day: str = ""
    remark: str = ""


class Store:
    """All figures by name, and the machines by letter, in a file."""

    def __init__(self, path: Path = STORE) -> None:
        self.path = path
        content = json.loads(path.read_text())
        self.machines: dict[str, str] = content["machines"]
        self.figures = {name: Figure(**figure) for name, figure in content["figures"].items()}

    def keep(self, name: str, command: str, day: str, found: Any) -> None:
        """Keep a figure that this machine has given."""
        here = machine()
        letters = {description: letter for letter, description in self.machines.items()}
        letter = letters.get(here) or chr(ord("A") + len(letters))
        self.machines[letter] = here
        self.figures[name] = Figure(command, letter, found, day)
        in_order = {key: vars(self.figures[key]) for key in (*NETWORKS, *BENCHMARKS) if key in self.figures}
        content = {"machines": self.machines, "figures": in_order}
        write_atomically(self.path, json.dumps(content, indent=1, ensure_ascii=False) + "\n")


def machine() -> str:
    """This machine in words: cores, processor, and what is installed."""
    from MNIST.engines.processor import cores, processor

    versions = [f"Python {python_version()}"]
    for library, package in PACKAGES.items():
        try:
            versions.append(f"{library} {version(package)}")
        except PackageNotFoundError:
            continue
    return f"{cores()} cores of an {processor()}; {', '.join(versions)}"


def measure_network(name: str, data: Path) -> tuple[str, str, dict[str, Any]]:
    """Train a network and test it; return the command, the day when its training ended, and the numbers."""
    command = f"train Data {name} {NETWORKS[name]}"
    program = str(ROOT / "MNIST")
    _run([program, *command.split()], data, kept=False)
    tested = json.loads(_run([program, "test", "Test", "Data", name, "--json", "--quiet"], data))
    with chdir(FOLDER):
        day, numbers = training_of(name)
    return command, day, numbers | {key: tested["networks"][0][key] for key in TESTED}


def training_of(name: str) -> tuple[str, dict[str, Any]]:
    """Of a network in Model_Output/: the day on which its training ended, and what it came to."""
    from MNIST import training
    from MNIST.language import lay_out, parse_spec

    trained = training.describe(name)
    record, kept = trained.record, trained.kept
    return trained.finished.date().isoformat(), {
        "parameters": record.parameters,
        "mflops": lay_out(parse_spec(training.read_model_text(name))).flops / 1e6,
        "epochs": record.epochs,
        "seconds": record.seconds,
        "training_accuracy": kept.accuracy,
        "training_loss": kept.loss,
        "validation_accuracy": kept.val_accuracy,
        "validation_loss": kept.val_loss,
    }


def measure_benchmark(name: str, data: Path) -> tuple[str, str, str]:
    """Run a benchmark; return its command, the day, and what it printed."""
    command = f"benchmarks.{name} {BENCHMARKS[name]}".strip()
    printed = _run(["-m", *command.split()], data, fine=(0, 1))  # 1: it missed a target
    return command, datetime.now(UTC).date().isoformat(), printed


def _run(words: Iterable[str], data: Path, kept: bool = True, fine: tuple[int, ...] = (0,)) -> str:
    """Run Python in FOLDER, with the data's place for the word Data; return what it prints, if that is kept.

    fine: the exit codes that are no error. A traceback is one whatever the code, and so is silence.
    """
    command = [sys.executable, *(str(data) if word == "Data" else word for word in words)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    output = subprocess.PIPE if kept else None
    result = subprocess.run(command, cwd=FOLDER, env=environment, stdout=output, stderr=output, text=True)
    print(result.stderr or "", end="", file=sys.stderr)
    if result.returncode not in fine or (kept and ("Traceback" in result.stderr or not result.stdout)):
        raise SystemExit(f"{shlex.join(command)} ended in {result.returncode}")
    return result.stdout or ""


def page(store: Store) -> str:
    """The text of docs/measured.md."""
    from jinja2 import Environment, StrictUndefined

    environment = Environment(
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    return environment.from_string(TEMPLATE.read_text()).render(
        machines=store.machines,
        networks=lambda *names: "\n".join([*HEAD, *(network_row(name, store) for name in names)]),
        network=lambda name: store.figures[name].found,
        measured=store.figures,
        benchmark=lambda name: benchmark_text(name, store),
    )


COLUMNS = (
    *("command", "parameters", "MFLOPs", "epochs", "training took", "training", "validation"),
    *("test, with its 95 % interval", "errors", "measured"),
)
HEAD = (f"| {' | '.join(COLUMNS)} |", "|" + " --- |" * len(COLUMNS))


def network_row(name: str, store: Store) -> str:
    """A row of a table of networks; its cells are those of COLUMNS."""
    figure = store.figures[name]
    found = figure.found
    low, high = found["accuracy_interval"]
    cells = (
        f"`{figure.command}`",
        f"{found['parameters']:,}",
        f"{found['mflops']:.3g}",
        f"{found['epochs']}",
        minutes(found["seconds"]),
        percent(found["training_accuracy"]),
        percent(found["validation_accuracy"]),
        f"{percent(found['accuracy'])} ({100 * low:.2f} to {100 * high:.2f})",
        f"{found['errors']}",
        measured(figure),
    )
    return f"| {' | '.join(cells)} |"


def benchmark_text(name: str, store: Store) -> str:
    """A benchmark's command, the first sentence of what it measures, and what it printed."""
    figure = store.figures[name]
    title = (import_module(f"benchmarks.{name}").__doc__ or "").splitlines()[0]
    printed = "\n".join(f"    {line}".rstrip() for line in figure.found.strip("\n").splitlines())
    return f"**`python -m {figure.command}`** ({measured(figure)}). {title}\n\n{printed}"


def measured(figure: Figure) -> str:
    """On which machine, when, and what else is to be known."""
    return ", ".join(filter(None, (figure.machine, figure.day, figure.remark)))


def percent(part: float | None) -> str:
    """An accuracy as it is printed; "" where it was not kept."""
    return "" if part is None else f"{100 * part:.2f} %"


def minutes(seconds: float | None) -> str:
    """A time as it is printed, "6.1 s" or "12:47"; "" where it was not kept."""
    if seconds is None:
        return ""
    return f"{seconds:.3g} s" if seconds < 60 else f"{round(seconds) // 60}:{round(seconds) % 60:02}"


def chosen(patterns: Sequence[str]) -> list[str]:
    """The networks and benchmarks that are meant. Ends the process if one of the patterns means none."""
    every = (*NETWORKS, *BENCHMARKS)
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in (*every, "none")):
            raise SystemExit(f"{pattern}: nothing is called so; there are {', '.join(every)}")
    return [name for name in every if any(fnmatchcase(name, pattern) for pattern in patterns)]


def main(data: Path, patterns: Sequence[str], store: Store, place: Path = PAGE) -> None:
    """Measure what is wanted; after each, keep it and write the page to its place."""
    for name in chosen(patterns):
        print(f"\n{name}", flush=True)
        Path(FOLDER).mkdir(exist_ok=True)
        measure = measure_network if name in NETWORKS else measure_benchmark
        store.keep(name, *measure(name, data))
        write_atomically(place, page(store))
    write_atomically(place, page(store))


if __name__ == "__main__":
    given = read_arguments(__doc__, "dataset", names="*")
    main(Path(given.dataset).resolve(), given.names.split(","), Store())
