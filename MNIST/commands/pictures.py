"""Draw the pictures of `explore` from a table of any program: which parameters matter, and what is best.

Usage:
    python MNIST pictures <table-file> [<folder>] [options]
    python MNIST pictures --help

The table is a CSV file with a row for each trial: of `explore`, of plain Talos, of Optuna
(study.trials_dataframe()), of scikit-learn (cv_results_), of a spreadsheet, or your own. Commas, semicolons
or tabs may stand between the cells, and numbers may have a decimal point or a decimal comma. No data is
needed, and nothing is trained.

It writes the pictures and parallel.html into the folder. All other columns count as parameters, except
times, dates, other metrics and columns that only name the rows; those left out are told.

Arguments:
    <table-file>       the table
    <folder>           where the pictures go; without it, my_table_pictures/ for my_table.csv

Options:
    --metric NAME      the column that says how good a row is. An accuracy may be a proportion or in percent.
                       Without it, that is val_accuracy, val_acc or mean_test_score
    --best WHICH       highest or lowest: which number of the metric is the best. Without it, the lowest of a
                       loss or an error, and else the highest
    -q, --quiet        print only warnings and errors
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from MNIST.commands.values import one_of
from MNIST.errors import UsageError, quoted
from MNIST.files import make_folder, write_atomically
from MNIST.words import counted

if TYPE_CHECKING:
    from MNIST.explore.judged import Judged

BEST = ("highest", "lowest")
PARALLEL = "parallel.html"
LABELS = {"val_accuracy": "validation accuracy", "val_loss": "validation loss"}


def run(options: Mapping[str, Any]) -> int:
    """Read the table, say what its columns are, and draw the pictures."""
    best = options["--best"]
    if best is not None:
        best = one_of(best, "--best", BEST)
    table = Path(options["<table-file>"])
    if not table.is_file():
        raise UsageError(f"there is no file {quoted(str(table))}")
    folder = Path(options["<folder>"] or f"{table.stem}_pictures")
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file: name a folder for the pictures")

    from MNIST.explore.judged import read_judged

    judged = read_judged(table, options["--metric"], best)
    _refuse_others(folder)
    _tell(table, judged)
    files = _drawn(judged, table.stem)
    make_folder(folder)
    for name, content in files.items():
        write_atomically(folder / name, content)
    print(f"Drawn in {folder}/: {', '.join(files)}")
    return 0


def _tell(table: Path, judged: "Judged") -> None:
    """Say what the columns were taken for."""
    metrics, parameters, _ = judged.results
    rows = len(metrics[judged.metric])
    which = "lowest" if judged.lower else "highest"
    print(f"{table}: {counted(rows, 'row')}, judged by {judged.metric}; the {which} is the best.")
    print(f"{counted(len(parameters), 'parameter')}: {', '.join(parameters) or 'none'}")
    if judged.unfinished:
        print(f"Not counted: {counted(judged.unfinished, 'trial')} that did not come to the end.")
    for reason, names in judged.left_out.items():
        print(f"No parameter, but {reason}: {', '.join(names)}")


def _drawn(judged: "Judged", title: str) -> dict[str, bytes]:
    """The files by name."""
    from MNIST.report.exploring.goal import Goal
    from MNIST.report.exploring.parallel_coordinates import parallel_coordinates
    from MNIST.report.exploring.pictures import draw_scan

    metrics, parameters, runs = judged.results
    label = LABELS.get(judged.metric, judged.metric)
    goal = Goal(judged.metric, label, judged.percent, judged.lower)
    pictures = draw_scan(metrics, parameters, runs, goal)
    files = {f"{name}.png": content for name, content in pictures.items()}
    return {**files, PARALLEL: parallel_coordinates(metrics, parameters, title, goal).encode()}


def _refuse_others(folder: Path) -> None:
    """Raise UsageError if the folder has some of the files, but not all, as this command would leave them."""
    from MNIST.report.exploring.pictures import PICTURES

    names = [*(f"{name}.png" for name in PICTURES), PARALLEL]
    there = [name for name in names if (folder / name).exists()]
    if there and len(there) < len(names):
        raise UsageError(f"{folder / there[0]} is there, and not from this command: name another folder")
