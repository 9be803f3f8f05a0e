"""Ask several trained networks, one after another or side by side, and name those that cannot be trusted."""

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, redirect_stderr, suppress
from dataclasses import dataclass, replace
from functools import cache
from io import StringIO
from typing import TYPE_CHECKING

from MNIST.errors import ModelError, UsageError
from MNIST.paths import TOGETHER, members, short_name

if TYPE_CHECKING:
    import numpy as np

    from MNIST.training import RunRecord, TrainedModel

Images = Callable[["RunRecord"], "np.ndarray"]
MOST_PROCESSES = 4  # each takes some 400 MB


@dataclass(frozen=True)
class Answering:
    """A network, or an ensemble of several, and its logits for some images.

    name: the network's, or "A+B". records: of each of its networks. logits: (n, classes), finite; of an
    ensemble, the logarithms of the mean of the networks' probabilities. network: the only network; None for
    an ensemble, and where another process has asked. It is open until the next one answers, which may take
    over its engine.
    """

    name: str
    records: "Sequence[RunRecord]"
    logits: "np.ndarray"
    network: "TrainedModel | None" = None

    @property
    def engines(self) -> str:
        """The names of the engines that trained its networks, each once, such as "keras"."""
        from MNIST import engines

        return ", ".join(dict.fromkeys(engines.name_of(record.settings.engine) for record in self.records))

    @property
    def family(self) -> str:
        """A key that is equal for networks that differ in their seed alone: see `RunRecord.family`.

        An ensemble has no family: "".
        """
        return self.records[0].family if len(self.records) == 1 else ""


def answering(
    names: Sequence[str],
    images_for: Images,
    threads: int | None,
    engine: str | None,
    in_turn: Iterable[str] | None = None,
) -> Iterator[Answering]:
    """Yield what each network or ensemble answers to its images, one after another.

    images_for: gives the images for the network with a record, uint8 (n, 28, 28). A network that cannot be
    trusted is named and left out, and so is each ensemble that it belongs to. A network that stands before an
    ensemble of it is asked once. in_turn: the same names, from what tells of the progress. Raises UsageError
    if the engine is not installed.
    """
    from MNIST import engines

    if engine is not None:
        engines.version(engine)  # raised here, because a missing library is no network's fault
    needed = {member for name in names if TOGETHER in name for member in members(name)}
    known: dict[str, Answering | None] = {}  # of those: the answer, or None if the network was left out
    with closing(_Asker(threads, engine)) as asker:
        for name in in_turn or names:
            if TOGETHER not in name:
                if name in known and known[name] is None:
                    continue
                answer = asker.ask(name, images_for)
                if name in needed:
                    known[name] = _closed(answer)
                if answer:
                    yield answer
                continue
            for member in members(name):
                if member not in known:
                    known[member] = _closed(asker.ask(member, images_for))
            if together := _together(name, known):
                yield together


def are_many(names: Sequence[str], engine: str | None) -> bool:
    """Whether it pays to ask these networks side by side: whether Keras computes for many of them.

    Between its operations, Keras uses one core. Other engines start at once, or use all cores.
    """
    from MNIST import engines, training
    from MNIST.engines.processor import cores
    from MNIST.report.testing.comparison import FEW

    if cores() == 1 or len(names) <= FEW:  # of few, the report shows what only an open network tells
        return False
    singles = {member for name in names for member in members(name)}
    computing = []
    for name in singles:
        with suppress(ModelError):  # it will be named when it is asked
            computing.append(engine or engines.reader_of(training.read_record(name).settings.engine))
    return computing.count("keras") > FEW


def answering_side_by_side(
    names: Sequence[str],
    images: "np.ndarray",
    threads: int | None,
    engine: str | None,
    in_turn: Iterable[str] | None = None,
) -> Iterator[Answering]:
    """Yield what `answering` yields, in the same order, while other processes ask the networks to come.

    images: for all networks, uint8 (n, 28, 28). No network is open. Raises UsageError if the engine is not
    installed.
    """
    singles = dict.fromkeys(member for name in names for member in members(name))
    known: dict[str, Answering | None] = {}
    with _answers(list(singles), images, threads, engine) as answers:
        for name in in_turn or names:
            while any(member not in known for member in members(name)):
                single, answer, words = next(answers)
                known[single] = answer
                print(words, end="", file=sys.stderr)
            if answer := _together(name, known) if TOGETHER in name else known[name]:
                yield answer


@contextmanager
def _answers(
    names: Sequence[str], images: "np.ndarray", threads: int | None, engine: str | None
) -> Iterator[Iterator[tuple[str, Answering | None, str]]]:
    """What each network answers, in their order, and what is to be said about it; None if it is left out."""
    from MNIST.engines.processor import cores
    from MNIST.explore.workers.local import LocalWorkers
    from MNIST.explore.workers.protocol import WorkerDied

    workers = LocalWorkers(min(cores(), MOST_PROCESSES), None)

    def answers() -> Iterator[tuple[str, Answering | None, str]]:
        left = list(names)
        while left:
            asked = workers.map(_asked_alone, [(name, images, threads, engine) for name in left])
            with suppress(StopIteration):
                while True:
                    try:
                        answer, words = next(asked)
                    except WorkerDied as error:  # it ends what `map` yields
                        answer, words = None, f"{left[0]}: {error}; it is left out\n"
                    yield left.pop(0), answer, words

    try:
        yield answers()
    finally:
        workers.close()


def _asked_alone(
    name: str, images: "np.ndarray", threads: int | None, engine: str | None
) -> tuple[Answering | None, str]:
    """In another process: what a network answers, and what is to be said about it."""
    from MNIST import engines

    if engine is not None:
        engines.version(engine)  # raised here, because a missing library is no network's fault
    with redirect_stderr(StringIO()) as words:
        answer = _asker_of_this_process(threads, engine).ask(name, lambda _: images)
    return _closed(answer), words.getvalue()


@cache
def _asker_of_this_process(threads: int | None, engine: str | None) -> "_Asker":
    """What asks in this worker process. Its last network stays open until the process ends."""
    return _Asker(threads, engine)


def _closed(answer: Answering | None) -> Answering | None:
    """An answer to keep after its network is closed."""
    return replace(answer, network=None) if answer else None


class _Asker:
    """Asks networks one after another. The last one stays open, because the next may take over its engine."""

    def __init__(self, threads: int | None, engine: str | None) -> None:
        self._threads, self._engine = threads, engine
        self._open: TrainedModel | None = None

    def ask(self, name: str, images_for: Images) -> Answering | None:
        """What a network answers; None, and a word, if it cannot be trusted."""
        import numpy as np

        from MNIST import training

        last, self._open = self._open, None
        try:
            model = training.load_trained(name, self._threads, self._engine, instead_of=last)
        except (ModelError, UsageError) as error:
            print(error, file=sys.stderr)
            return None
        self._open = model
        logits = model.engine.logits(images_for(model.record))
        if np.isfinite(logits).all():
            return Answering(name, [model.record], logits, model)
        print(f"{name}: its answers are not finite numbers; it is left out", file=sys.stderr)
        return None

    def close(self) -> None:
        """Close the network that is open."""
        if self._open is not None:
            self._open.engine.close()
            self._open = None


def _together(name: str, answers: "Mapping[str, Answering | None]") -> Answering | None:
    """The mean answer of an ensemble; None, and a word, if its networks cannot answer as one."""
    from MNIST import training

    parts = {member: answers[member] for member in members(name)}
    if missing := [member for member, part in parts.items() if part is None]:
        print(f"{short_name(name)} is left out, because {' and '.join(missing)} is", file=sys.stderr)
        return None
    found = [part for part in parts.values() if part is not None]
    records = [record for part in found for record in part.records]
    try:
        refuse_unlike(name, records)
    except UsageError as error:
        print(f"{error}; it is left out", file=sys.stderr)
        return None
    return Answering(short_name(name), records, training.mean_logits([part.logits for part in found]))


def refuse_unlike(name: str, records: "Sequence[RunRecord]", same_images: bool = False) -> None:
    """Raise UsageError if the networks of an ensemble tell other classes apart, and so have no mean answer.

    same_images: also if they have learned from pictures in another form or polarity, where all will get the
    same pixels.
    """
    abouts = [record.about for record in records]
    told = {about.classes: about.told_apart() for about in abouts}
    if len(told) > 1:
        raise UsageError(f"{short_name(name)}: these networks tell {' and '.join(told.values())} apart")
    if same_images and len({(about.form, about.ink) for about in abouts}) > 1:
        raise UsageError(f"{short_name(name)}: these networks have learned pictures in different forms")
