"""What a cluster's executor does about machines that break, fall silent or lie; the machines are made up.

The dispatch is that of a real cluster: the trial service and `ClusterWorkers`. Only Ray's part is imitated.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from stub_exploration import answers, epoch_of, plan_of

from MNIST.data import Dataset
from MNIST.explore.store import open_store
from MNIST.explore.trials import TrialService
from MNIST.explore.workers import cluster as module
from MNIST.explore.workers import worker
from MNIST.explore.workers.cluster import ClusterWorkers
from MNIST.explore.workers.cluster_worker import Begun, News
from MNIST.explore.workers.protocol import Task

pytestmark = pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed")


@dataclass
class Machine:
    """A machine of the imitated cluster, and what is wrong with it.

    dies: whether its workers die after the first epoch of every task. silent: whether tasks never arrive.
    digest: what it proves.
    """

    name: str
    processors: int = 2
    dies: bool = False
    silent: bool = False
    digest: str = "as its version says"
    description: tuple[str, str, str] = ("numpy (NumPy 2)", "processor", "float32")
    trained: list[tuple[str, int]] = field(default_factory=list)

    @property
    def node(self) -> dict[str, Any]:
        return {
            "NodeID": self.name.encode().hex().ljust(56, "0"),
            "Alive": True,
            "Resources": {"CPU": self.processors},
            "NodeManagerHostname": self.name,
            "NodeManagerAddress": "10.0.0.1",
        }


class Imitation:
    """What `ClusterWorkers` uses of Ray. A reference has its value, and says whether it is ready."""

    @property
    def exceptions(self) -> Any:
        """Ray's own, imported no sooner: it then reads its settings, which other tests change."""
        return import_module("ray.exceptions")

    def __init__(self, machines: list[Machine]) -> None:
        self.machines = {machine.node["NodeID"]: machine for machine in machines}

    def nodes(self) -> list[dict[str, Any]]:
        return [machine.node for machine in self.machines.values()]

    def put(self, value: object) -> object:
        return value

    def remote(self, actor: type) -> Any:
        return SimpleNamespace(
            options=lambda scheduling_strategy, **_: self._actor(scheduling_strategy.node_id)
        )

    def _actor(self, node_id: str) -> Any:
        machine = self.machines[node_id]
        train = SimpleNamespace(
            options=lambda **_: SimpleNamespace(remote=lambda task, files: Stream(machine, task))
        )
        actor = SimpleNamespace(
            call=SimpleNamespace(remote=lambda *words: Value(machine, *words)), train=train
        )
        return SimpleNamespace(remote=lambda dataset: actor)

    def wait(self, references: list, num_returns: int = 1, timeout: float | None = None) -> tuple[list, list]:
        return [each for each in references if each.is_ready], []

    def get(self, reference: Any, timeout: float) -> Any:
        if isinstance(reference.value, Exception):
            raise reference.value
        return reference.value

    def kill(self, actor: object) -> None:
        pass

    def shutdown(self) -> None:
        pass


class Value:
    """A reference to what a function returns on a machine."""

    is_ready = True

    def __init__(self, machine: Machine, function: Callable[..., Any], words: tuple) -> None:
        if function is worker.describe:
            self.value: Any = machine.description
        else:
            assert function is worker.prove
            self.value = machine.digest


class Stream:
    """References to the news of a training, one after another."""

    def __init__(self, machine: Machine, task: Task) -> None:
        self.is_ready = not machine.silent
        self._news = self._train(machine, task)

    def __next__(self) -> Any:
        return SimpleNamespace(is_ready=True, value=next(self._news))

    def _train(self, machine: Machine, task: Task) -> Iterator[Begun | News | Exception]:
        identity = task.trial.identity
        yield Begun()
        for epoch in range(1, task.epochs + 1):
            if machine.dies and epoch == 2:
                yield import_module("ray.exceptions").ActorDiedError()
            machine.trained.append((identity, epoch))
            yield News(epoch_of(identity, epoch), {})
        yield News(None, {})


@pytest.fixture
def explored(monkeypatch, tmp_path, tiny_dataset) -> Callable[..., tuple[ClusterWorkers, TrialService]]:
    """A function that has a plan's points answered by a cluster of these machines, and checks the answers."""

    def run(*machines: Machine) -> tuple[ClusterWorkers, TrialService]:
        monkeypatch.setattr(module, "connect", lambda *_: Imitation(list(machines)))
        checkpoints = tmp_path / "checkpoints"
        executor = ClusterWorkers("auto", None, 1, tiny_dataset, checkpoints, "numpy")
        with open_store(tmp_path / "trials.sqlite") as store:
            service = TrialService(plan_of(), store, checkpoints, executor)
            found = answers(service)
            service.stop_all()
        assert service.readings.failures == {}
        assert [reading.epochs for reading in found] == [
            (epoch_of(point.identities[0], point.epochs),) for point in service.plan.points
        ]
        return executor, service

    return run


@pytest.fixture
def tiny_dataset(digits_folder: Path) -> Dataset:
    from MNIST.data import load

    return load(digits_folder)


def test_all_machines_train_if_nothing_is_wrong(explored):
    machines = Machine("a"), Machine("b")
    executor, service = explored(*machines)
    assert (executor.workers, executor.left_out) == (4, [])
    both = [epoch for machine in machines for epoch in machine.trained]
    assert sorted(both) == sorted((identity, e) for identity in service.plan.trials for e in (1, 2, 3))


def test_a_machine_on_which_every_worker_dies_fails_no_training_and_is_named(explored):
    executor, _ = explored(Machine("good"), Machine("bad", dies=True))
    assert executor.left_out == ["bad (10.0.0.1): its workers died of trainings that went on elsewhere"]
    assert executor.workers == 2


def test_a_machine_that_takes_no_task_costs_nothing_but_time(explored, monkeypatch):
    monkeypatch.setattr(module, "FETCH_SECONDS", 0.0)
    silent = Machine("silent", processors=1, silent=True)
    _, service = explored(Machine("good", processors=1), silent)
    assert silent.trained == []
    assert set(service.readings.histories) == set(service.plan.trials)


def test_a_machine_that_computes_other_numbers_than_its_equals_is_named(explored):
    other = Machine("other", digest="something else")
    executor, _ = explored(Machine("a"), other, Machine("b"))
    assert executor.left_out == [
        "other (10.0.0.1): computes other numbers than the others with numpy (NumPy 2), processor"
    ]
    assert other.trained == []


@pytest.mark.parametrize(
    "description", [("numpy (NumPy 1)", "processor", "float32"), ("numpy (NumPy 2)", "other", "float32")]
)
def test_another_version_or_processor_is_named_also_if_it_comes_later(explored, monkeypatch, description):
    changed = Machine("changed", dies=True)
    leave = ClusterWorkers._replace

    def replace(self, member):  # as if somebody had installed another version after the machine had joined
        changed.description = description
        leave(self, member)

    monkeypatch.setattr(ClusterWorkers, "_replace", replace)
    executor, _ = explored(Machine("good"), changed)
    assert executor.left_out == [
        f"changed (10.0.0.1): computes with {description[0]}, {description[1]}, the others not"
    ]


@pytest.mark.parametrize("engine", ["numpy", "sonn"])
def test_a_proof_is_repeatable(engine):
    assert worker.prove(engine, 1) == worker.prove(engine, 1)
