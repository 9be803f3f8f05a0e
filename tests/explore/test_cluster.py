"""A Ray cluster gives the numbers of this machine, whatever happens to its workers and machines.

NumPy's engine starts in a second. The cluster of several machines computes with Keras.
"""

import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, fields, replace
from importlib import import_module
from pathlib import Path

import pytest
from stub_exploration import points_of
from waiting import eventually

import MNIST
from MNIST import engines
from MNIST.data import Dataset, load, split
from MNIST.errors import MNISTError, UsageError
from MNIST.explore.plan import Plan, Trial, make_plan
from MNIST.explore.store import open_store
from MNIST.explore.trials import TrialService
from MNIST.explore.workers import worker
from MNIST.explore.workers.cluster import ClusterWorkers
from MNIST.explore.workers.cluster_connection import PASSED_ON, connect
from MNIST.explore.workers.local import LocalWorkers
from MNIST.explore.workers.protocol import Ended, EpochDone, Event, Executor, Task, Waiting, WorkerDied
from MNIST.files import only_one
from MNIST.language import parse_template
from MNIST.training import RunSettings, continue_run, resolve_settings

needs_ray = pytest.mark.skipif(
    not any((Path(place) / "ray").is_dir() for place in sys.path), reason="Ray is not installed"
)
TEMPLATE = """
Layers:
Conv,2,3,3,relu
MaxPool,4,4
Dropout,0.2
Flatten
Dense,10,softmax
Optimizer:
{opt},{rate}
epochs={epochs}
batch=50
"""
GRID = {"epochs": [1, 3], "opt": ["Adam", "RMSprop"], "rate": [0.003, 0.001]}


@pytest.fixture(scope="module")
def dataset(digits_folder) -> Dataset:
    return load(digits_folder)


def settings_for(engine: str, dataset: Dataset) -> RunSettings:
    wanted = {"images": 300, "split": 0.8, "seed": 3, "precision": "float32", "threads": 1}
    return resolve_settings(dataset.digest, **wanted, engine=engine)


@pytest.fixture(scope="module")
def settings(dataset) -> RunSettings:
    return settings_for("numpy", dataset)


@pytest.fixture(scope="module")
def plan(settings) -> Plan:
    return make_plan(points_of(GRID), parse_template(TEMPLATE), settings)


def two_long_trials(settings: RunSettings) -> Plan:
    """Two trials of many epochs, in the midst of which something can happen."""
    epochs = 60 if engines.name_of(settings.engine) == "numpy" else 30  # Keras's take longer
    grid = {"epochs": [epochs], "opt": ["Adam", "RMSprop"], "rate": [0.002]}
    return make_plan(points_of(grid), parse_template(TEMPLATE), settings)


@pytest.fixture(scope="module")
def long_plan(settings) -> Plan:
    return two_long_trials(settings)


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("exploration") / "checkpoints"


@pytest.fixture(scope="module")
def local(dataset, checkpoints) -> Iterator[ClusterWorkers]:
    """Two workers on a cluster that runs on this machine while the tests need it."""
    pickle_by_value = pytest.importorskip("ray").cloudpickle.register_pickle_by_value
    pickle_by_value(sys.modules[__name__])  # workers can import the package, but not the tests
    unpacked = checkpoints.parent / "unpacked"
    unpacked.mkdir()
    values = {field.name: getattr(dataset, field.name) for field in fields(Dataset)}
    cluster = started_here(Counted(**values, folder=str(unpacked)), checkpoints)
    yield cluster
    cluster.close()


def started_here(dataset: Dataset, checkpoints: Path) -> ClusterWorkers:
    """A cluster of two workers. Ray has half a minute to start it; a busy machine may need three attempts."""
    for _ in range(2):
        with suppress(MNISTError):
            return ClusterWorkers("local", 2, 1, dataset, checkpoints, "numpy")
    return ClusterWorkers("local", 2, 1, dataset, checkpoints, "numpy")


def table(plan: Plan, executor: Executor, folder: Path, checkpoints: Path) -> list[tuple]:
    """The numbers of all points, answered by a trial service."""
    with open_store(folder / "trials.sqlite") as store:
        service = TrialService(plan, store, checkpoints, executor)
        service.expect(plan.points)
        found = [service.answer(point, lambda _: None).epochs[0].numbers for point in plan.points]
        under_way = set(service.running)  # all points are answered, but some trials may not be over
    while under_way:
        under_way -= {event.identity for event in executor.events(0.5) if isinstance(event, Ended)}
    return found


def train(plan: Plan, executor: Executor, on_event: Callable[[Event], None]) -> dict[str, list]:
    """Train all trials, again if their worker dies; return the epochs of each, as they were reported."""
    told: dict[str, list] = {identity: [] for identity in plan.trials}
    waiting, running = list(plan.trials.values()), set()
    while waiting or running:
        while waiting and len(running) < executor.workers:
            trial = waiting.pop(0)
            executor.start(Task(trial, trial.horizon))
            running.add(trial.identity)
        for event in executor.events(0.5):
            if isinstance(event, EpochDone):
                told[event.identity].append(event.result)
            elif isinstance(event, Ended):
                running.remove(event.identity)
                if event.error:
                    assert isinstance(event.error, WorkerDied)
                    waiting.append(plan.trials[event.identity])
            on_event(event)
    return told


def alone(plan: Plan, dataset: Dataset) -> dict[str, list[tuple]]:
    """The numbers of each trial's epochs when it is trained alone.

    This happens in another process, because the number of threads can be set only once.
    """
    executor = LocalWorkers(1, dataset, Path("nowhere"), engines.name_of(plan.settings.engine))
    try:
        histories = list(executor.map(_alone, [(trial, dataset) for trial in plan.trials.values()]))
    finally:
        executor.close()
    return dict(zip(plan.trials, histories, strict=True))


def _alone(trial: Trial, dataset: Dataset) -> list[tuple]:
    data = split(dataset, trial.settings.split, trial.settings.seed, trial.settings.images)
    history = continue_run(trial.spec, data, trial.settings, epochs=trial.horizon)
    return [epoch.numbers for epoch in history]


def numbers(told: dict[str, list]) -> dict[str, list[tuple]]:
    """The numbers of each epoch once. An epoch that is reported twice must be identical, even its seconds."""
    for epochs in told.values():
        first = {epoch.epoch: epoch for epoch in reversed(epochs)}
        assert all(epoch == first[epoch.epoch] for epoch in epochs)
    return {
        identity: [epoch.numbers for epoch in sorted(set(epochs), key=lambda epoch: epoch.epoch)]
        for identity, epochs in told.items()
    }


def processes(cluster: ClusterWorkers) -> set[int]:
    """The process ids of the workers that are free now."""
    return set(cluster.map(os.getpid, [()] * 8))


def both(pids: set[int]) -> set[int]:
    """The process ids if there are two of them; an empty set while one worker is not ready."""
    return pids if len(pids) == 2 else set()


class Once:
    """Calls a function once, when an epoch after a trial's second is reported."""

    def __init__(self, function: Callable[[], None]) -> None:
        self.function: Callable[[], None] | None = function

    def __call__(self, event: Event) -> None:
        if isinstance(event, EpochDone) and event.result.epoch > 2 and self.function:
            function, self.function = self.function, None
            function()


@dataclass(frozen=True)
class Counted(Dataset):
    """A dataset that leaves a file in a folder whenever a process unpacks it."""

    folder: str = ""

    def __reduce__(self):
        return unpack, (self.folder, *(getattr(self, field.name) for field in fields(Dataset)))


def unpack(folder: str, *values) -> Dataset:
    os.close(tempfile.mkstemp(dir=folder)[0])
    return Dataset(*values)


def owns_its_images() -> bool:
    """On a worker: whether it has its own copy of the images."""
    return worker._dataset.train_images.flags.owndata


def shipped() -> tuple[str, set[str], list[str]]:
    """On a worker: the folder of this package, its files, and the content of the working directory."""
    package = Path(MNIST.__file__).parent
    files = {path.relative_to(package).as_posix() for path in package.rglob("*") if path.is_file()}
    return (
        str(package),
        {name for name in files if "__pycache__" not in name},
        [path.name for path in Path().iterdir()],
    )


def test_without_ray_the_message_says_how_to_install_it(monkeypatch, dataset, tmp_path):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UsageError, match=r'python -m pip install "\.\[cluster\]"'):
        ClusterWorkers("local", 1, 1, dataset, tmp_path)


def test_a_ray_that_cannot_be_loaded_is_not_called_missing(monkeypatch, dataset, tmp_path):
    (tmp_path / "ray.py").write_text("raise ImportError('libray.so: no such file')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "ray", raising=False)
    with pytest.raises(
        UsageError, match=r"needs Ray, which is installed but cannot be loaded: libray\.so: no"
    ):
        ClusterWorkers("local", 1, 1, dataset, tmp_path)


@pytest.mark.parametrize("address", ["", "remote", "host", "host:", ":6379", "host:ray", "host:70000"])
def test_what_is_no_address_is_refused(address):
    with pytest.raises(UsageError, match="expected auto, local, or HOST:PORT"):
        connect(address, 1)


def test_an_address_where_nothing_listens_is_answered_without_ray(monkeypatch):
    """Ray itself would retry it for a quarter of an hour."""
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MNISTError, match="ray start --head --port=") as caught:
        connect(f"127.0.0.1:{free_port()}", 1)
    assert "\n" not in str(caught.value)


def test_workers_have_the_switches_that_decide_digits():
    switches = {"KERAS_BACKEND"}
    for name in ("keras.backend", "torch_backend", "scratch.on_numpy"):
        with suppress(ModuleNotFoundError):  # PyTorch may be missing
            switches.update(import_module(f"MNIST.engines.{name}").SWITCHES)
    assert set(PASSED_ON) >= switches


@needs_ray
@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_a_running_cluster_is_joined_loses_a_machine_and_goes_on(dataset, tmp_path):
    """Four machines: one would compute other digits, one has not all it takes, one goes away."""
    plan = two_long_trials(settings_for("keras", dataset))
    (tmp_path / "keras.py").write_text("raise ModuleNotFoundError(\"No module named 'keras'\")")
    with running_cluster() as (address, add_machine):
        add_machine(ONEDNN_MAX_CPU_ISA="SSE41")
        add_machine(PYTHONPATH=str(tmp_path))
        machine = add_machine()
        cluster = ClusterWorkers(address, None, 1, dataset, tmp_path / "checkpoints")
        try:
            assert cluster.workers == 2
            assert cluster.description == worker.describe("keras", "float32")
            lacking, other = sorted(cluster.left_out, key=len)
            assert lacking.endswith(
                "No module named 'keras'; there: python -m pip install -r requirements.txt"
            )
            assert "ONEDNN_MAX_CPU_ISA=SSE41" in other
            told = train(plan, cluster, Once(machine.kill))
            assert numbers(told) == alone(plan, dataset)
            eventually(lambda: (processes(cluster), cluster.workers)[1] == 1)  # Ray needs time to be sure
            assert [line.endswith("has gone") for line in cluster.left_out] == [False, False, True]
        finally:
            cluster.close()
        again = ClusterWorkers("auto", 1, 1, dataset, tmp_path / "checkpoints", "numpy")
        try:
            assert again.workers == 1
        finally:
            again.close()


@needs_ray
@pytest.mark.slow
def test_the_table_is_that_of_this_machine(local, plan, dataset, checkpoints, tmp_path):
    here = LocalWorkers(1, dataset, tmp_path / "checkpoints", "numpy")
    try:
        on_this_machine = table(plan, here, tmp_path, tmp_path / "checkpoints")
    finally:
        here.close()
    each = alone(plan, dataset)
    assert table(plan, local, checkpoints.parent, checkpoints) == on_this_machine
    assert on_this_machine == [each[point.identities[0]][point.epochs - 1] for point in plan.points]
    left = {path.relative_to(checkpoints).as_posix() for path in checkpoints.rglob("*.npz")}
    assert left == {f"{identity}/epoch_00003.npz" for identity in plan.trials}


@needs_ray
@pytest.mark.slow
def test_the_data_reach_a_worker_once_and_not_with_each_trial(local, plan, checkpoints):
    trials = list(plan.trials.values())
    for _ in range(3):
        train(replace(plan, trials={trial.identity: trial for trial in trials}), local, lambda _: None)
    assert len(list((checkpoints.parent / "unpacked").iterdir())) == local.workers
    assert list(local.map(owns_its_images, [()] * 4)) == [False] * 4  # a machine's workers share them


@needs_ray
@pytest.mark.slow
def test_this_package_travels_and_nothing_else(local):
    package, files, working_directory = next(local.map(shipped, [()]))
    assert Path(package) != Path(MNIST.__file__).parent
    assert files == shipped()[1]
    assert working_directory == []


@needs_ray
@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_a_killed_worker_costs_the_epoch_under_way(local, long_plan, dataset):
    pid, other = eventually(lambda: both(processes(local)))
    told = train(long_plan, local, Once(lambda: os.kill(pid, signal.SIGKILL)))
    assert numbers(told) == alone(long_plan, dataset)
    assert local.workers == 2
    now = eventually(lambda: both(processes(local)))
    assert other in now
    assert pid not in now
    assert local.left_out == []


@needs_ray
@pytest.mark.slow
def test_a_worker_is_renewed_after_so_many_trials(local, plan, monkeypatch):
    monkeypatch.setattr("MNIST.explore.workers.cluster.TRIALS_A_WORKER", 1)
    before = eventually(lambda: both(processes(local)))
    train(replace(plan, trials=dict(list(plan.trials.items())[:1])), local, lambda _: None)
    assert local.workers == 2
    after = eventually(lambda: both(processes(local)))
    assert len(before & after) == 1


@needs_ray
@pytest.mark.slow
def test_a_run_that_another_process_trains_is_waited_for(local, plan, checkpoints):
    trial = next(iter(plan.trials.values()))
    with only_one(checkpoints / f"{trial.identity}.lock"):
        local.start(Task(trial, trial.horizon))
        assert {type(event) for _ in range(3) for event in local.events(0.5)} == {Waiting}
    events = list(local.events(5))
    while not isinstance(events[-1], Ended):
        events += local.events(5)
    assert [event.result.epoch for event in events if isinstance(event, EpochDone)] == [1, 2, 3]
    assert events[-1].error is None


@needs_ray
@pytest.mark.slow
def test_a_stopped_trial_ends_as_if_its_worker_had_died(local, long_plan, checkpoints):
    trial = next(iter(long_plan.trials.values()))
    for path in (checkpoints / trial.identity).glob("*"):
        path.unlink()
    local.start(Task(trial, trial.horizon))
    local.stop(trial.identity)
    (event,) = local.events(5)
    assert isinstance(event.error, WorkerDied)
    with only_one(checkpoints / f"{trial.identity}.lock", busy="its lock is still held"):
        pass


@needs_ray
@pytest.mark.slow
def test_values_come_in_order_and_errors_as_they_are(local):
    assert list(local.map(pow, [(n, 2) for n in range(9)])) == [n**2 for n in range(9)]
    with pytest.raises(FileNotFoundError, match="nowhere"):
        list(local.map(os.stat, [("/nowhere",)]))
    assert list(local.map(len, [("four",)])) == [4]


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@contextmanager
def running_cluster() -> Iterator[tuple[str, Callable[..., subprocess.Popen]]]:
    """A cluster of one machine with one processor, made by `ray start`.

    Yields its address and a function that adds a machine and returns its process; killing the process
    removes the machine.
    """
    ray = str(Path(sys.executable).parent / "ray")
    command = [ray, "start", "--block", "--num-cpus=1"]
    quick = {f"RAY_health_check_{name}": "500" for name in ("initial_delay_ms", "period_ms")}
    basics = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "token", "PYTHONUNBUFFERED": "1"}
    address = f"127.0.0.1:{free_port()}"
    machines = []

    def start(*words: str, **changes: str) -> subprocess.Popen:
        for _ in range(3):  # a machine under load may miss its own first health checks
            process = subprocess.Popen(
                [*command, *words],
                env=os.environ | quick | basics | changes,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
            machines.append(process)
            said = ""
            for line in iter(process.stdout.readline, ""):
                said += line
                if "runtime started" in line:
                    return process
        raise AssertionError(said)

    if not (Path.home() / ".ray" / "auth_token").exists():  # `ray start` asks for one and makes none
        subprocess.run([ray, "get-auth-token", "--generate"], check=True, capture_output=True)
    try:
        start("--head", f"--port={address.split(':')[1]}", "--include-dashboard=false")
        yield address, lambda **changes: start(f"--address={address}", **changes)
    finally:
        for machine in reversed(machines):
            machine.terminate()
            machine.wait(30)
