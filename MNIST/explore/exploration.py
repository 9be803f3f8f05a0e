"""Explore: one call that puts workers, store, trial service and forecast together.

The command `explore`, the benchmarks and notebooks use it, each with its own watcher.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from MNIST import training
from MNIST.data import Dataset, TrainingData, class_count, load
from MNIST.data import split as split_images
from MNIST.engines.processor import cores
from MNIST.errors import TrainingError, UsageError
from MNIST.explore import loop, timing
from MNIST.explore.choices import check_search, chosen_engine
from MNIST.explore.designs import Space, axes_of, make_space
from MNIST.explore.forecast import Forecast, guessed_speed
from MNIST.explore.live import LivePage
from MNIST.explore.proposals import POINTS
from MNIST.explore.ranking import Candidate
from MNIST.explore.readings import Readings
from MNIST.explore.search import Search, make_search
from MNIST.explore.store import open_store
from MNIST.explore.trials import TrialService
from MNIST.explore.workers import worker
from MNIST.explore.workers.protocol import Event, Executor
from MNIST.files import only_one
from MNIST.language import Template, parse_template, read_text
from MNIST.paths import CHECKPOINTS, STORE, exploration_folder, find_model_file
from MNIST.training import RunSettings

BESIDES = 3.0  # seconds that Python's start, the pictures and the winner's files take; see benchmarks.plan
Show = Callable[[Event | None], None]


@dataclass(frozen=True)
class Exploration:
    """The result of an exploration.

    name: of its folder below Hyperparam_Search/, and of the winner's network below Model_Output/.
    candidates: the distinct answers, best first. failures: why trials failed, by identity.
    time_is_up: whether the time limit came before all points were answered.
    seconds: how long all of it will take, if it was only planned.
    lost: why the winner's network could not be kept, or None.
    """

    name: str
    search: Search
    candidates: Sequence[Candidate] = ()
    failures: Mapping[str, str] | None = None
    time_is_up: bool = False
    seconds: float | None = None
    lost: str | None = None

    @property
    def folder(self) -> Path:
        return exploration_folder(self.name)

    @property
    def table(self) -> Any:
        """The rows of results.csv, as a pandas DataFrame."""
        import pandas

        return pandas.read_csv(self.folder / "results.csv")

    @property
    def best_text(self) -> str:
        """The winner as a model file."""
        return (self.folder / "best.txt").read_text(encoding="utf-8")


class Watcher(Protocol):
    """An object that is told about each step of an exploration."""

    def planned(self, dataset: Dataset, data: TrainingData, search: Search, executor: Executor) -> None:
        """The points are known, and the workers are ready."""
        ...

    def timing(
        self, search: Search, known_epochs: int, shapes: int
    ) -> AbstractContextManager[Callable[[], None]]:
        """To plan, an epoch of each shape of network is timed while the context lasts. shapes: how many.

        It yields the function to call after each shape.
        """
        ...

    def running(
        self, search: Search, service: TrialService, forecast: Forecast
    ) -> AbstractContextManager[Show]:
        """Trials are trained while the context lasts. It yields the function to call with each event."""
        ...

    def answered(self, service: TrialService, outcome: loop.Outcome, keeping: bool) -> Mapping[str, bytes]:
        """No more answers will come. keeping: whether the winner's network is being made.

        Returns pictures for live.html, PNG files by name; a watcher that draws none returns {}.
        """
        ...

    def illustrated(self, files: Mapping[str, bytes]) -> Mapping[str, bytes]:
        """The winner's files, and whatever is to lie beside them, by name."""
        ...

    def kept(self, replaced: bool) -> None:
        """The winner's files are written, its lock is still held. replaced: whether another network was."""
        ...


class Silent:
    """A watcher that does nothing."""

    def planned(self, dataset: Dataset, data: TrainingData, search: Search, executor: Executor) -> None:
        pass

    def timing(
        self, search: Search, known_epochs: int, shapes: int
    ) -> AbstractContextManager[Callable[[], None]]:
        return nullcontext(lambda: None)

    def running(
        self, search: Search, service: TrialService, forecast: Forecast
    ) -> AbstractContextManager[Show]:
        return nullcontext(lambda event: None)

    def answered(self, service: TrialService, outcome: loop.Outcome, keeping: bool) -> Mapping[str, bytes]:
        return {}

    def illustrated(self, files: Mapping[str, bytes]) -> Mapping[str, bytes]:
        return files

    def kept(self, replaced: bool) -> None:
        pass


def explore(
    dataset: Dataset | Path | str,
    *,
    template: Template | str = "explore",
    values: Space | Mapping[str, Sequence[object]] | None = None,
    name: str = "exploration",
    design: str = "grid",
    fraction: float = 1.0,
    points: int = POINTS,
    halving: bool = False,
    reducer: str | None = None,
    split: float = 0.9,
    images: int | None = None,
    seeds: Sequence[int] = (0,),
    engine: str | None = None,
    precision: str = "auto",
    threads: int = 1,
    workers: int | None = None,
    cluster: str | None = None,
    patience: float = 3600,
    time_limit: float = float("inf"),
    plan: bool = False,
    command: Sequence[str] = (),
    watcher: Watcher | None = None,
) -> Exploration:
    """Train a template with every combination of values, each distinct trial once, and keep the best.

    dataset: a folder, or what `MNIST.data.load` returned.
    template: a model file with placeholders: its name, or the parsed template.
    values: the values to try for each placeholder, in place of the template's own. Two placeholders that
    change together share a key: {"layers+dense": ["1+64", "2+32"]}.
    design: "grid", "random" (the fraction of the grid), "one" (one change at a time), "tpe" (so many points,
    proposed from the answers so far) or "halving" (a grid with halving).
    halving: train only the better half of the networks on, after each number of epochs.
    reducer: one of Talos's. images: use only the first so many of the shuffled training images.
    seeds: each point is trained under all of them.
    engine: the default is Keras, or the only engine that can train the template.
    workers: the default is one for every `threads` cores. cluster: a Ray cluster's address.
    patience: after so many seconds without a new epoch, a trial is stopped and tried again.
    time_limit: in seconds. command: noted in the winner's record.
    plan: train nothing, and only say how long all of it takes.
    The same call continues an interrupted one. Raises UsageError for choices that do not go together,
    BusyError if another process explores under this name.
    """
    if workers is not None and workers < 1:
        raise UsageError(f"workers: expected at least 1, found {workers}")
    begun, watcher = time.monotonic(), watcher or Silent()
    folder = exploration_folder(name)
    if not isinstance(template, Template):
        file = find_model_file(template)
        known = len(dataset.classes) if isinstance(dataset, Dataset) else class_count(Path(dataset))
        template = parse_template(read_text(file), str(file), known)
    space = values if isinstance(values, Space) else make_space(template, axes_of(values or {}))
    halving = halving or design == "halving"
    check_search(template, space, design, fraction, reducer, len(seeds), halving=halving, points=points)
    engine = chosen_engine(engine, template, space)
    given = "<dataset-dir>" if isinstance(dataset, Dataset) else str(dataset)
    if not isinstance(dataset, Dataset):
        dataset = load(Path(dataset))
    data = split_images(dataset, split, seeds[0], images)
    if len(data.validation) == 0:
        raise UsageError(f"--split {split:g} leaves no image to validate, which decides the winner")
    with _workers(dataset, workers, threads, cluster, engine) as executor:
        ((version, device, resolved),) = executor.map(worker.describe, [(engine, precision)])
        settings = RunSettings(
            data_digest=dataset.digest,
            images=images,
            split=split,
            seed=seeds[0],
            engine=version,
            device=device,
            precision=resolved,
            threads=threads,
        )
        search = make_search(
            space,
            template,
            settings,
            design=design,
            fraction=fraction,
            seeds=seeds,
            halving=halving,
            reducer=reducer,
            points=points,
        )
        watcher.planned(dataset, data, search, executor)
        if not search.plan.points:
            raise UsageError(
                f"none of the {search.plan.infeasible.total():,} points makes a network that works"
            )
        if plan:
            ready = time.monotonic() - begun
            return Exploration(name, search, seconds=ready + _seconds(search, executor, watcher) + BESIDES)
        busy = f"{name} is being explored by another process; wait for it, or take another name"
        with only_one(folder / ".lock", busy), open_store(STORE) as store:
            deadline = time.monotonic() + time_limit
            service = TrialService(
                search.plan, store, _checkpoints(), executor, patience=patience, deadline=deadline
            )
            with LivePage(service, name, command, given) as live:
                return _explored(name, search, service, len(data.train), executor, command, watcher, live)


def _explored(
    name: str,
    search: Search,
    service: TrialService,
    images: int,
    executor: Executor,
    command: Sequence[str],
    watcher: Watcher,
    live: LivePage,
) -> Exploration:
    """Have all points answered, and keep the winner's network."""
    first = search.stages[0]
    if search.proposals is not None:
        first = search.proposals.foresee(service.readings, service.drop)
    service.expect(first)
    speed = guessed_speed(search.plan.settings.precision)
    forecast = Forecast(search, service, images, speed, executor)
    folder, lost = exploration_folder(name), None
    # The watcher may end it before anything is trained: then the page of an earlier exploration stays.
    with watcher.running(search, service, forecast) as show, live.running(forecast) as write:

        def tell(event: Event | None) -> None:
            show(event)
            write(event)

        outcome = loop.ask_all(search, service, folder, tell)
    winner = None
    if outcome.time_is_up and outcome.candidates and not loop.is_at_hand(outcome, service):
        lost = "the time is up, and it would have to be trained again from its first epoch"
    elif outcome.candidates:  # a worker may start on it now, while the watcher draws
        winner = loop.train_winner(outcome, service, executor, folder, command)
    keeping = winner is not None
    live.answered(outcome, watcher.answered(service, outcome, keeping), keeping)
    if winner is not None:
        try:
            files = next(winner)
            loop.compare_winner(outcome, service, files)
        except TrainingError as error:
            lost = str(error)
        else:
            busy = f"{name} is being trained by another process: the winner is only in {folder}/best.txt"
            with only_one(training.output_folder(name) / ".lock", busy):
                watcher.kept(training.write_trained(name, watcher.illustrated(files)))
    live.over(lost)
    return Exploration(name, search, outcome.candidates, outcome.failures, outcome.time_is_up, lost=lost)


def _seconds(search: Search, executor: Executor, watcher: Watcher) -> float:
    """Seconds that a search will take, estimated by timing an epoch of each shape of network."""
    plan = search.plan
    with open_store(STORE) as store:
        readings = Readings(plan, store)
        if search.proposals is not None:
            search.proposals.foresee(readings, drop=lambda identities, epochs: None)
        readings.catch_up()
    left = search.epochs_left(readings)
    shapes = timing.shapes(plan)
    if not search.trainings_to_come:  # those that are may have any shape
        shapes = {identity: shape for identity, shape in shapes.items() if left.get(identity)}
    with watcher.timing(search, readings.known_epochs(), len(set(shapes.values()))) as on_shape:
        return timing.timed(search, shapes, left, executor, on_shape) if shapes else 0.0


def _checkpoints() -> Path:
    """The checkpoints' folder as an absolute path: workers may run in another working directory."""
    return CHECKPOINTS.absolute()


@contextmanager
def _workers(
    dataset: Dataset, workers: int | None, threads: int, cluster: str | None, engine: str
) -> Iterator[Executor]:
    """Start the workers that the caller wants; they end with the context."""
    executor: Executor
    if cluster is None:
        from MNIST.explore.workers.local import LocalWorkers

        count = max(1, cores() // threads) if workers is None else workers
        executor = LocalWorkers(count, dataset, _checkpoints(), engine)
    else:
        from MNIST.explore.workers.cluster import ClusterWorkers

        executor = ClusterWorkers(cluster, workers, threads, dataset, _checkpoints(), engine)
    try:
        yield executor
    finally:
        executor.close()
