"""Scan a grid of hyper-parameters with Talos; what one training can answer is trained once.

Usage:
    python MNIST explore <dataset-dir> <model-name> [--set AXIS]... [options]
    python MNIST explore --help

Fills a template, a model file with {placeholders}, with each combination of values, trains what is new
in worker processes, and writes Hyperparam_Search/<model-name>/: results.csv, best.txt (the winner as a model
file), pictures, parallel.html, Talos's own log, and live.html, which shows in a browser how it goes on. The
winner itself is kept as the trained network <model-name>, for `test`. Interrupted? Start the same command
again: it goes on after the last whole epoch.

Arguments:
    <dataset-dir>              where `download` put the data
    <model-name>               letters, digits, _ and -

What to explore:
    -t, --template FILE        a model file with {placeholders}; its section Explore: has the values to
                               try [default: explore]
    --set AXIS                 other values for a placeholder: rate=0.001,0.01 or conv=16:64:16, which is
                               16, 32, 48, 64; for two that change together: layers+dense=1+64,2+32;
                               of several words: schedule=Constant,(OneCycle,0.1). May be repeated
    --design KIND              grid: all combinations; random: the part of them that --fraction says;
                               one: all first values, then one change at a time; tpe: combinations that
                               promise most by the answers so far, proposed by Optuna [default: grid]
    --points N                 how many networks tpe proposes, 50 unless given. Only tpe takes ranges of all
                               numbers, such as rate=0.0001..0.03
    --fraction PROPORTION      explore only this part of the grid, drawn at random
    --repeats N                train each point under N seeds; the best mean wins [default: 1]

Short for --set (in brackets what the template `explore` has where nothing is given):
    -r, --rate VALUES          learning rates (0.001)
    -b, --batch VALUES         images a step (1000)
    -l, --layers VALUES        fully connected layers (1,2)
    -c, --conv VALUES          filters of each convolution (16,32)
    -o, --opt VALUES           optimizers (Adam,RMSProp)
    -d, --dropout VALUES       proportions that Dropout drops (0.1,0.25)
    -e, --epochs VALUES        epochs (5,10,15)
    -z, --dense VALUES         units of each fully connected layer (32,64)
    -k, --kernel VALUES        rows and columns of the kernels (3,5)
    -p, --pool VALUES          rows and columns of the pooling window (2,3)
    -y, --decay VALUES         decays of the learning rate (0.0001)
    -m, --mom VALUES           momenta, for the optimizers that have one (0.25,0.5,0.75)
    -v, --convlayers VALUES    convolutions before the pooling (1,2)

How to search:
    --halving                  successive halving: after each number of epochs (-e) the weaker half of the
                               networks is trained no further
    --reduce NAME              one of Talos's reducers, which drop values that do badly: correlation,
                               spearman, pearson, kendall, trees, forrest
    --plan                     show all that would be done and how long it takes; train nothing
    --time-limit TIME          stop after so long: 90s, 30m, 2h
    --yes                      begin at once. Without it, what takes over an hour begins after ten seconds, in
                               which you see how long it takes and may stop it

With what:
    --workers N                trainings at once; as many as the cores have room for unless given
    --threads N                threads of each training [default: 1]
    --cluster ADDRESS          train on a Ray cluster: HOST:PORT, auto for the one that this machine belongs
                               to, or local to start one here
    --timeout TIME             a training without a new epoch for so long is stopped and tried again
                               [default: 1h]
    -s, --split SPLIT          the proportion of the training images that is trained on; the rest
                               validates and decides the winner [default: 0.9]
    --images N                 use only the first N of the shuffled training images
    --seed N                   decides everything random [default: 0]
    --engine NAME              what computes: keras, numpy, tensors, autograd, modules (PyTorch), sonn;
                               keras unless given, or the only one that the template can be trained by
    --precision KIND           float32, float64, bfloat16 (keras), or auto: bfloat16 where the engine
                               is faster in it, else float32 [default: auto]

    -q, --quiet                print only warnings and errors
    -f, --file FILE            draw the pictures of an earlier results.csv, and train nothing
"""

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from MNIST.commands.explore_wishes import Wishes, read_wishes
from MNIST.commands.pictures import PARALLEL
from MNIST.errors import UsageError
from MNIST.files import write_atomically
from MNIST.language import parse_spec
from MNIST.live_file import LIVE
from MNIST.paths import HYPERPARAM_SEARCH, exploration_folder
from MNIST.program import as_typed, program
from MNIST.words import counted

if TYPE_CHECKING:
    from MNIST.data import Dataset, TrainingData
    from MNIST.explore.exploration import Show
    from MNIST.explore.forecast import Forecast
    from MNIST.explore.loop import Outcome
    from MNIST.explore.search import Search
    from MNIST.explore.trials import TrialService
    from MNIST.explore.workers.protocol import Event, Executor

SOME_FAILED = 3  # the exit code


def run(options: Mapping[str, Any]) -> int:
    """Check every value, then explore, or draw the pictures of an earlier exploration."""
    name = options["<model-name>"]
    folder = exploration_folder(name)
    if options["--file"] is not None:
        _draw(_existing_results(options["--file"], folder), folder)
        return 0
    wishes = read_wishes(options)
    # Print this now; the imports that follow take seconds.
    print(f"{name}: {wishes.asked}, filled into {wishes.template.source}", flush=True)

    from MNIST.explore.exploration import explore  # numpy and Talos, from here on

    printed = _Printed(options, wishes)
    result = explore(
        options["<dataset-dir>"],
        template=wishes.template,
        values=wishes.space,
        name=name,
        design=wishes.design,
        fraction=wishes.fraction,
        points=wishes.points,
        halving=wishes.halving,
        reducer=wishes.reducer,
        split=wishes.split,
        images=wishes.images,
        seeds=wishes.seeds,
        engine=wishes.engine,
        precision=wishes.precision,
        threads=wishes.threads,
        workers=wishes.workers,
        cluster=wishes.cluster,
        patience=wishes.patience,
        time_limit=wishes.time_limit,
        plan=options["--plan"],
        command=options["words"],
        watcher=printed,
    )
    if result.seconds is not None:
        from MNIST.explore.forecast import spoken_time

        print(
            f"All of it takes {spoken_time(result.seconds)}. Nothing was trained; without --plan it will be."
        )
    if result.lost is not None:
        _warn(f"The winner's network cannot be kept: {result.lost}\nIts text is {folder}/best.txt.")
    return SOME_FAILED if result.failures else 0


class _Printed:
    """A watcher that prints how an exploration goes, and draws its pictures."""

    def __init__(self, options: Mapping[str, Any], wishes: Wishes) -> None:
        self._options = options
        self._wishes = wishes
        self._images = 0  # that the dataset has to train on
        self._named = 0  # machines that were named
        self._name = options["<model-name>"]
        self._folder = exploration_folder(self._name)

    def planned(
        self, dataset: "Dataset", data: "TrainingData", search: "Search", executor: "Executor"
    ) -> None:
        from MNIST.data import suspicions
        from MNIST.explore.summary import left_out

        self._images = len(dataset.train_images)
        for suspicion in suspicions(dataset):
            _warn(f"{self._options['<dataset-dir>']}: {suspicion}")
        images = f"{counted(len(data.train), 'image')} to train on, {len(data.validation):,} to validate"
        print(f"{dataset.name}: {images}", flush=True)
        for trial in list(search.plan.trials.values())[:1]:  # they differ in their seeds only
            print(f"{trial.settings}, {counted(executor.workers, 'worker')}\n", flush=True)
        self._executor, self._settings = executor, search.plan.settings
        self._name_machines()
        if search.plan.infeasible:
            _warn(left_out(search.plan.infeasible))

    def _name_machines(self) -> None:
        """Name the machines of a cluster that are left out, each once."""
        new = self._executor.left_out[self._named :]
        self._named += len(new)
        for machine in new:
            _warn(f"not used: {machine}")

    @contextmanager
    def timing(self, search: "Search", known_epochs: int, shapes: int) -> Iterator[Callable[[], None]]:
        """Say what will be timed, and show how far it is."""
        from MNIST.explore.progress import counting
        from MNIST.explore.summary import expectation

        self._tell_of_another(search, "would take")
        print(expectation(search, known_epochs, HYPERPARAM_SEARCH), flush=True)
        if shapes:
            print(f"Timing an epoch of each of {counted(shapes, 'distinct shape')} ...", flush=True)
        with counting(shapes, "shapes timed") as on_shape:
            yield on_shape

    def _tell_of_another(self, search: "Search", takes: str) -> None:
        """Warn if the folder holds another exploration, and this one takes, or would take, its place."""
        from MNIST.explore.results import is_of_another

        if is_of_another(self._folder / "results.csv", search.plan):
            _warn(
                f"{self._folder}/ holds another exploration, and this one {takes} its place. Its epochs stay"
                " in the store: the command that made it gives it again at once.\n"
            )

    @contextmanager
    def running(self, search: "Search", service: "TrialService", forecast: "Forecast") -> "Iterator[Show]":
        """Say what will be done, and show the progress."""
        from MNIST.explore.forecast import spoken_time
        from MNIST.explore.progress import progress
        from MNIST.explore.summary import expectation

        self._tell_of_another(search, "takes")
        print(expectation(search, service.readings.known_epochs(), HYPERPARAM_SEARCH), end="")
        print(f"What is left takes {spoken_time(forecast.look().seconds_left)}.", flush=True)
        self._announce_if_long(search, forecast)
        print(f"Watch it: {self._folder / LIVE}, in a browser.\n", flush=True)
        try:
            with progress(service, forecast) as show:

                def show_and_name(event: "Event | None") -> None:
                    show(event)
                    self._name_machines()

                yield show_and_name
        except KeyboardInterrupt:
            kept = "Stopped; every finished epoch is kept, and what is known is in"
            _warn(f"{kept} {self._folder}/results.csv.\nThe same command goes on.")
            raise

    def _announce_if_long(self, search: "Search", forecast: "Forecast") -> None:
        """Let the user stop what takes over an hour, before anything is trained."""
        from MNIST.commands.explore_long import LONG, announce
        from MNIST.explore.smaller import Asked, smaller

        wishes = self._wishes
        seconds = min(forecast.look().seconds_left, wishes.time_limit)
        if seconds <= LONG or self._options["--yes"]:
            return
        asked = Asked(
            wishes.template,
            wishes.space,
            wishes.design,
            wishes.fraction,
            wishes.points,
            wishes.halving,
            wishes.reducer,
            wishes.seeds,
            self._images,
        )
        shorter = smaller(asked, search.plan.settings, forecast, LONG)
        announce(seconds, forecast.is_guess, self._options["words"][2:], shorter)

    def answered(self, service: "TrialService", outcome: "Outcome", keeping: bool) -> Mapping[str, bytes]:
        """Print and draw the results while a worker makes the winner's network, if it does."""
        from MNIST.explore.summary import print_outcome

        if outcome.time_is_up:
            print("The time is up. Every finished epoch is kept; the same command goes on.")
        print_outcome(service, outcome)
        if keeping:
            epochs = outcome.candidates[0].reading.epochs[0].epoch
            print(f"Keeping the winner's network, after {counted(epochs, 'epoch')} ...", flush=True)
        if not outcome.candidates:
            _remove_pictures(self._folder)
            return {}
        return _draw(self._folder / "results.csv", self._folder, alone=True)  # the exploration's lock is held

    def illustrated(self, files: Mapping[str, bytes]) -> Mapping[str, bytes]:
        """Draw the winner's learning curves."""
        from MNIST.training import CURVES

        return {**files, CURVES: _curves(self._name, files)}

    def kept(self, replaced: bool) -> None:
        """Say what to do next."""
        from MNIST.explore.choices import train_options
        from MNIST.training import output_folder

        network = output_folder(self._name)
        if replaced:
            _warn(f"{network} held another network: the winner has taken its place.")
        print(f"The winner is {network}, its text {self._folder}/best.txt.")
        data = as_typed(self._options["<dataset-dir>"])
        print(f"Next: {program()} test Results {data} {self._name}")
        if self._options["--images"] is not None:
            words = train_options(self._settings)
            best = [f"best_of_{self._name[:56]}", f"{self._folder}/best.txt", *words]
            print(f"or, on all images: {program()} train {data} {as_typed(*best)}")


def _curves(name: str, files: Mapping[str, bytes]) -> bytes:
    """The winner's learning curves, from the files of its network."""
    from MNIST import training
    from MNIST.report.curves import curves_png

    record, history = json.loads(files["run.json"]), training.parse_history(files["history.csv"].decode())
    spec = parse_spec(files["spec.txt"].decode())
    steps = ceil(record["training_images"] / record["batch_size"])
    return curves_png(history, name, record["kept_epoch"], training.run_rates(spec, steps, history))


def _draw(results: Path, folder: Path, alone: bool = False) -> dict[str, bytes]:
    """Draw a table's pictures; return those that are PNG files, by name. alone: as in `write_atomically`."""
    from MNIST.explore.results import read_results
    from MNIST.report.exploring.parallel_coordinates import parallel_coordinates
    from MNIST.report.exploring.pictures import draw_scan

    metrics, parameters, runs = read_results(results)
    pictures = draw_scan(metrics, parameters, runs)
    files = {f"{name}.png": content for name, content in pictures.items()}
    files[PARALLEL] = parallel_coordinates(metrics, parameters, folder.name).encode()
    for name, content in files.items():
        write_atomically(folder / name, content, alone)
    print(f"Drawn in {folder}/: {', '.join(files)}")
    return pictures


def _remove_pictures(folder: Path) -> None:
    """Remove the pictures of an earlier exploration of the same name."""
    from MNIST.report.exploring.pictures import PICTURES

    for file in (*(f"{name}.png" for name in PICTURES), PARALLEL):
        (folder / file).unlink(missing_ok=True)


def _existing_results(description: str, folder: Path) -> Path:
    """The results file that the user means: a path, or the name of a file in the exploration's folder."""
    for path in (Path(description), folder / description):
        if path.is_file():
            return path
    raise UsageError(f"--file: there is no {description[:64]!r}, here or in {folder}/")


def _warn(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
