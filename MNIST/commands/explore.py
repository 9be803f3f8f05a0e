"""Scan a grid of hyper-parameters with Talos; what one training can answer is trained once.

Usage:
    python MNIST explore <dataset-dir> <model-name> [--set AXIS]... [options]
    python MNIST explore --help

Fills a template, a model file with {placeholders}, with each combination of values, trains what is new
in worker processes, and writes Hyperparam_Search/<model-name>/: results.csv, best.txt (the winner as a model
file), pictures, parallel.html, Talos's own log. The winner itself is kept as the trained network
<model-name>, for `test`. Interrupted? Start the same command again: it goes on after the last whole epoch.

Arguments:
    <dataset-dir>              where `download` put the data
    <model-name>               letters, digits, _ and -

What to explore:
    -t, --template FILE        a model file with {placeholders}; its section Explore: has the values to
                               try [default: explore]
    --set AXIS                 other values for a placeholder: rate=0.001,0.01 or conv=16:64:16, which is
                               16, 32, 48, 64; for two that change together: layers+dense=1+64,2+32.
                               May be repeated
    --design KIND              grid: all combinations; random: the part of them that --fraction says;
                               one: all first values, then one change at a time [default: grid]
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

With what:
    --workers N                trials at once; as many as there are cores unless given
    --threads N                threads of each trial [default: 1]
    --cluster ADDRESS          train on a Ray cluster: HOST:PORT, auto for the one that this machine belongs
                               to, or local to start one here
    --timeout TIME             a trial without a new epoch for so long is stopped and tried again
                               [default: 1h]
    -s, --split SPLIT          the proportion of the training images that is trained on; the rest
                               validates and decides the winner [default: 0.9]
    --images N                 use only the first N of the shuffled training images
    --seed N                   decides everything random [default: 0]
    --engine NAME              what computes: keras, numpy, tensors, autograd, modules (PyTorch), sonn;
                               keras unless given, or the only one that the template can be trained by
    --precision KIND           float32, float64, bfloat16 (keras), or auto: bfloat16 where the engine
                               is faster in it, else float32 [default: auto]

    -f, --file FILE            draw the pictures of an earlier results.csv, and train nothing
"""

import os
import shlex
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from MNIST.commands.explore_wishes import DESIGNS, Wishes, read_wishes
from MNIST.errors import TrainingError, UsageError
from MNIST.files import only_one, write_atomically
from MNIST.language import parse_spec
from MNIST.paths import HYPERPARAM_SEARCH, checked_name
from MNIST.program import program

if TYPE_CHECKING:
    from MNIST.data import Dataset
    from MNIST.explore.exploration import Search
    from MNIST.explore.workers.protocol import Executor
    from MNIST.training import RunSettings

CHECKPOINTS = HYPERPARAM_SEARCH / "checkpoints"
SOME_FAILED = 3  # the exit code


def run(options: Mapping[str, Any]) -> int:
    """Check every value, then explore, or draw the pictures of an earlier exploration."""
    name = checked_name(options["<model-name>"], "model name")
    folder = HYPERPARAM_SEARCH / name
    if folder == CHECKPOINTS:
        raise UsageError(f"{folder}/ holds the checkpoints of all explorations: take another name")
    if options["--file"] is not None:
        return _draw(_existing_results(options["--file"], folder), folder)
    wishes = read_wishes(options)
    # At once; what follows takes seconds to import.
    print(f"{name}: {DESIGNS[wishes.design]}, filled into {wishes.template.source}", flush=True)

    from MNIST.data import load, split  # numpy, from here on

    dataset = load(Path(options["<dataset-dir>"]))
    data = split(dataset, wishes.split, wishes.seeds[0], wishes.images)
    if len(data.validation) == 0:
        raise UsageError(f"--split {wishes.split:g} leaves no image to validate, which decides the winner")
    with _workers(wishes, dataset) as executor:
        search = _search(wishes, _settings(dataset, wishes, executor))
        images = f"{len(data.train):,} images to train on, {len(data.validation):,} to validate"
        _introduce(f"{dataset.name}: {images}", search, executor)
        if options["--plan"]:
            return _show_plan(search, len(data.train), executor)
        busy = f"{name} is being explored by another process; wait for it, or take another name"
        with only_one(folder / ".lock", busy):
            return _explore(options, folder, search, wishes, len(data.train), executor)


@contextmanager
def _workers(wishes: Wishes, dataset: "Dataset") -> "Iterator[Executor]":
    """The workers that are asked for; they end with the context."""
    executor: Executor
    if wishes.cluster is None:
        from MNIST.explore.workers.local import LocalWorkers

        workers = wishes.workers or max(1, (os.cpu_count() or 1) // wishes.threads)
        executor = LocalWorkers(workers, dataset, CHECKPOINTS, wishes.engine)
    else:
        from MNIST.explore.workers.cluster import ClusterWorkers

        executor = ClusterWorkers(
            wishes.cluster, wishes.workers, wishes.threads, dataset, CHECKPOINTS, wishes.engine
        )
    try:
        yield executor
    finally:
        executor.close()


def _settings(dataset: "Dataset", wishes: Wishes, executor: "Executor") -> "RunSettings":
    """The settings of all trials but for their seeds, on the machines that train."""
    from MNIST.explore.workers import worker
    from MNIST.training import RunSettings

    ((engine, device, precision),) = executor.map(worker.describe, [(wishes.engine, wishes.precision)])
    return RunSettings(
        data_digest=dataset.digest,
        images=wishes.images,
        split=wishes.split,
        seed=wishes.seeds[0],
        engine=engine,
        device=device,
        precision=precision,
        threads=wishes.threads,
    )


def _search(wishes: Wishes, settings: "RunSettings") -> "Search":
    from MNIST.explore.exploration import make_search

    return make_search(
        wishes.space,
        wishes.template,
        settings,
        design=wishes.design,
        fraction=wishes.fraction,
        seeds=wishes.seeds,
        halving=wishes.halving,
        reducer=wishes.reducer,
    )


def _introduce(data: str, search: "Search", executor: "Executor") -> None:
    from MNIST.explore.summary import counted, left_out

    print(data, flush=True)
    for trial in list(search.plan.trials.values())[:1]:  # they differ in their seeds only
        print(f"{trial.settings}, {counted(executor.workers, 'worker')}\n", flush=True)
    for machine in executor.left_out:
        print(f"not used: {machine}", flush=True)
    if search.plan.infeasible:
        print(left_out(search.plan.infeasible), flush=True)
    if not search.plan.points:
        raise UsageError(f"none of the {search.plan.infeasible.total():,} points makes a network that works")


def _show_plan(search: "Search", images: int, executor: "Executor") -> int:
    """All that would be done and how long it would take, by a timed step of each shape of network."""
    from MNIST.explore import forecast, summary
    from MNIST.explore.plan import epochs_left
    from MNIST.explore.store import open_store

    plan = search.plan
    with open_store(HYPERPARAM_SEARCH / "trials.sqlite") as store:
        histories = store.histories(plan.trials)
    known = sum(min(len(histories[identity]), trial.horizon) for identity, trial in plan.trials.items())
    print(summary.expectation(search, known, HYPERPARAM_SEARCH), flush=True)
    left = {
        identity: epochs_left(trial, histories[identity], trial.horizon)
        for identity, trial in plan.trials.items()
    }
    shapes = forecast.shapes(plan)
    distinct = summary.counted(len(set(shapes.values())), "distinct shape")
    print(f"Timing a step of each of {distinct} ...", flush=True)
    seconds = forecast.timed(search, shapes, left, images, executor)
    print(f"All of it takes {forecast.spoken_time(seconds)}. Nothing was trained; without --plan it will be.")
    return 0


def _explore(
    options: Mapping[str, Any],
    folder: Path,
    search: "Search",
    wishes: Wishes,
    images: int,
    executor: "Executor",
) -> int:
    """Say what will be done, do it, say and keep what came out."""
    from MNIST.explore import exploration, summary
    from MNIST.explore.forecast import Forecast, guessed_speed, spoken_time
    from MNIST.explore.progress import progress
    from MNIST.explore.store import open_store
    from MNIST.explore.trials import TrialService

    deadline = time.monotonic() + wishes.time_limit
    with open_store(HYPERPARAM_SEARCH / "trials.sqlite") as store:
        service = TrialService(
            search.plan, store, CHECKPOINTS, executor, patience=wishes.patience, deadline=deadline
        )
        known = service.known_epochs()
        service.expect(search.first_stage())
        forecast = Forecast(search, service, images, guessed_speed(search.plan.settings.precision), executor)
        print(summary.expectation(search, known, HYPERPARAM_SEARCH), end="")
        print(f"What is left takes {spoken_time(forecast.look().seconds_left)}.\n", flush=True)
        try:
            with progress(service, forecast) as show:
                outcome = exploration.explore(search, service, folder, show)
        except KeyboardInterrupt:
            print(f"Stopped; every finished epoch is kept, and what is known is in {folder}/results.csv.")
            print("The same command goes on.", flush=True)
            raise
        if outcome.time_is_up:
            print("The time is up. Every finished epoch is kept; the same command goes on.")
        summary.print_outcome(service, outcome)
        if outcome.candidates:
            epochs = outcome.candidates[0].reading.epochs[0].epoch
            print(f"Keeping the winner's network, after {summary.counted(epochs, 'epoch')} ...", flush=True)
            winner = exploration.train_winner(outcome, service, executor, folder, options["words"])
            _draw(folder / "results.csv", folder)
            try:
                _keep(options, folder, next(winner))
            except TrainingError as error:
                print(f"The winner's network cannot be kept: {error}\nIts text is {folder}/best.txt.")
        return SOME_FAILED if service.failures else 0


def _keep(options: Mapping[str, Any], folder: Path, files: dict[str, bytes]) -> None:
    """Keep the winner as the trained network of the exploration's name; say what to do next."""
    from MNIST import training

    name, data = options["<model-name>"], shlex.quote(options["<dataset-dir>"])
    busy = f"{name} is being trained by another process: the winner is only in {folder}/best.txt"
    with only_one(training.output_folder(name) / ".lock", busy):
        replaced = training.write_trained(name, files)
        write_atomically(training.output_folder(name) / "curves.png", _curves(name, files), alone=True)
    if replaced:
        print(f"{training.output_folder(name)} held another network: the winner has taken its place.")
    print(f"The winner is {training.output_folder(name)}, its text {folder}/best.txt.")
    print(f"Next: {program()} test Results {data} {name}")
    if options["--images"] is not None:
        same = {"--split": "0.9", "--seed": "0", "--engine": None, "--precision": "auto"}
        words = [
            word
            for option, usual in same.items()
            if options[option] != usual
            for word in (option, options[option])
        ]
        more = " ".join(map(shlex.quote, [f"best_of_{name[:56]}", f"{folder}/best.txt", *words]))
        print(f"or, on all images: {program()} train {data} {more}")


def _curves(name: str, files: dict[str, bytes]) -> bytes:
    """The winner's learning curves, from the files of its network."""
    from MNIST import training
    from MNIST.report.curves import curves_png

    record = training.read_record(name)
    history = training.read_history(name)
    spec = parse_spec(files["spec.txt"].decode())
    steps = ceil(record.training_images / record.batch_size)
    return curves_png(history, name, record.kept_epoch, training.run_rates(spec, steps, history))


def _draw(results: Path, folder: Path) -> int:
    from MNIST.explore.results import read_results
    from MNIST.report.exploring.parallel_coordinates import parallel_coordinates
    from MNIST.report.exploring.pictures import draw_scan

    metrics, parameters = read_results(results)
    files = {f"{name}.png": content for name, content in draw_scan(metrics, parameters).items()}
    files["parallel.html"] = parallel_coordinates(metrics, parameters, folder.name).encode()
    for name, content in files.items():
        write_atomically(folder / name, content)
    print(f"Drawn in {folder}/: {', '.join(files)}")
    return 0


def _existing_results(description: str, folder: Path) -> Path:
    """The results file that the user means: a path, or a file's name in the exploration's folder."""
    for path in (Path(description), folder / description):
        if path.is_file():
            return path
    raise UsageError(f"--file: there is no {description[:64]!r}, here or in {folder}/")
