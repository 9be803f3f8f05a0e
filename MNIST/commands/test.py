"""Evaluate trained networks on the test set, or on other images.

Usage:
    python MNIST test <comparison-name> <dataset-dir> <model-names> [options]
    python MNIST test <comparison-name> <dataset-dir> --all [options]
    python MNIST test --help

Writes <comparison-name>.txt (a row for each network) and the folder <comparison-name>/. In it, report.html is
a page that shows everything, and tables give each network's confusion matrix, the precision and recall of
each class, and the errors, the surest first.

With --examples, a row for each image comes before the table. Tabs separate the network, the example's
number (from 0), the expected answer, the given answer, and whether it is right or wrong.
`| head` shows the first of them, `| grep wrong` the errors, `| grep -c wrong` their number.

Arguments:
    <comparison-name>    what to call this comparison: letters, digits, _ and -
    <dataset-dir>        where `download` put the data
    <model-names>        networks trained by `train`, comma separated, or "net_*"; A+B is an ensemble, whose
                         answer is the mean of its networks' probabilities; a file whose name ends in .txt has
                         one name or pattern in each line

Options:
    --all                test all trained networks; those that have learned other classes are left out
    --on SET             test, training (all of its images), or validation (those that the networks were
                         validated on). The surest errors on training images are where wrong labels hide
                         [default: test]
    --examples           print every answer
    --pictures           write the page's confusion matrix, errors and reliability diagram as PNG files too
    --engine NAME        compute with this engine, in float32: keras, numpy, tensors, autograd, modules, sonn;
                         without it, each network's own engine computes, in the precision it trained with
                         (and numpy for networks from a laboratory)
    --threads N          threads for one operation; without it, all cores
    --json               print the figures as JSON, for other programs; the tables then go to stderr
    -q, --quiet          print only warnings and errors; with --json, the JSON too
"""

import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from MNIST.commands import values
from MNIST.commands.answers_json import comparison_as_json
from MNIST.commands.evaluations_table import print_evaluations, progress_of
from MNIST.commands.trained_networks import answering, answering_side_by_side, are_many
from MNIST.commands.values import MOST_THREADS, optional_whole_number
from MNIST.errors import ModelError, UsageError
from MNIST.files import LOCK, only_one, write_together
from MNIST.output import print_json
from MNIST.paths import checked_name, members, refuse_no_folder
from MNIST.words import counted

if TYPE_CHECKING:
    import numpy as np

    from MNIST.commands.trained_networks import Answering
    from MNIST.data import Dataset
    from MNIST.report.testing.comparison import Evaluation
    from MNIST.report.testing.embedding import Space
    from MNIST.training import RunRecord, TrainedModel

COMPUTATIONS = 15 * 10**9  # at most, for one network's last hidden layer: 0.5 to 4 s of a core
FEWEST_IMAGES = 100  # images shown in a network's space, however large the network is


def run(options: Mapping[str, Any]) -> int:
    """Evaluate every network that can be trusted; if others cannot, name them and return 1."""
    comparison = checked_name(options["<comparison-name>"], "comparison name")
    names = None if options["--all"] else values.model_names(options["<model-names>"])
    threads = optional_whole_number(options["--threads"], "--threads", MOST_THREADS)
    engine = values.engine(options["--engine"])
    on = values.one_of(options["--on"], "--on", ("test", "training", "validation"))

    from MNIST.data import load
    from MNIST.report.testing.comparison import is_results
    from MNIST.report.testing.files import foreign_file

    table = Path(f"{comparison}.txt")
    if table.exists() and not is_results(table):
        raise UsageError(f"{table} exists and is no table of results: take another comparison name")
    if Path(comparison).is_file():
        raise UsageError(
            f"{comparison} is a file, and the report would be a folder: take another comparison name"
        )
    refuse_no_folder(Path(comparison))
    if foreign := foreign_file(Path(comparison)):
        raise UsageError(f"{comparison}/ has {foreign}, which is no report's: take another comparison name")
    dataset = load(Path(options["<dataset-dir>"]))
    names = _all_of(dataset) if names is None else names
    asked = _asked(names, dataset, on)
    evaluations, spaces = _evaluate(names, dataset, asked, threads, engine)
    if options["--json"]:
        print_json(comparison_as_json(comparison, dataset.name, on, evaluations))
    if not evaluations:
        return 1
    _write(comparison, evaluations, spaces, dataset.name, asked, options["--pictures"])
    if options["--examples"]:
        _print_examples(evaluations)
    print_evaluations(evaluations, dataset.name, engine)
    print(f"\nWritten: {comparison}.txt, and {comparison}/ with report.html (open it in a browser),")
    print(f"tables {'and pictures ' * options['--pictures']}of each network's errors and classes.")
    return 0 if len(evaluations) == len(names) else 1


def _all_of(dataset: "Dataset") -> list[str]:
    """The names of all trained networks that have learned the classes of a dataset; name the others."""
    from MNIST import training

    names = []
    for name in values.all_names():
        try:
            training.refuse_other_classes(name, training.read_record(name), dataset.about)
        except UsageError as error:
            print(f"{error}; it is left out", file=sys.stderr)
            continue
        except ModelError:
            pass  # it will be named when it is asked
        names.append(name)
    if not names:
        raise UsageError(f"no trained network tells the classes of {dataset.name} apart")
    return names


@dataclass(frozen=True)
class _Asked:
    """The images that the networks are asked about, their labels, and their numbers in the set `on`."""

    on: str
    images: "np.ndarray"
    labels: "np.ndarray"
    numbers: "np.ndarray"


def _asked(names: Sequence[str], dataset: "Dataset", on: str) -> _Asked:
    """The images of a set. Raises UsageError if the networks were not validated on the same images."""
    import numpy as np

    if on == "test":
        return _Asked(on, dataset.test_images, dataset.test_labels, np.arange(len(dataset.test_images)))
    numbers = np.arange(len(dataset.train_images))
    if on == "validation":
        numbers = _validation(names, dataset)
    return _Asked(on, dataset.train_images[numbers], dataset.train_labels[numbers], numbers)


def _validation(names: Sequence[str], dataset: "Dataset") -> "np.ndarray":
    """The numbers of the images that all these networks were validated on, in order."""
    import numpy as np

    from MNIST import engines, training
    from MNIST.data import split

    divisions = {}
    for name in chain.from_iterable(map(members, names)):
        with suppress(ModelError):  # it will be named when it is asked
            settings = training.read_record(name).settings
            if engines.name_of(settings.engine) in engines.ELSEWHERE:
                raise UsageError(
                    f"{name} was trained in a laboratory, which validates on images of its own choice"
                )
            divisions[name] = settings.split, settings.seed, settings.images, settings.data_digest
    if len(set(divisions.values())) > 1:
        raise UsageError(f"{' and '.join(divisions)} were not validated on the same images: test them apart")
    for proportion, seed, images, digest in divisions.values():
        if digest != dataset.digest:
            raise UsageError("--on validation needs the dataset that the networks were trained on")
        numbers = np.sort(split(dataset, proportion, seed, images).validation)
        if len(numbers):
            return numbers
    raise UsageError(f"no images validated {' or '.join(names)}")


def _evaluate(
    names: Sequence[str], dataset: "Dataset", asked: _Asked, threads: int | None, engine: str | None
) -> "tuple[list[Evaluation], dict[str, Space]]":
    """The Evaluation of each network that can be trusted, and for each name the images in its space.

    Of more than FEW networks there are no spaces: each takes time and room, and nobody looks at so many. An
    ensemble has no last hidden layer, and so no space.
    """
    from MNIST import training
    from MNIST.report.testing.comparison import FEW, Evaluation

    evaluations, spaces = [], {}
    with progress_of(names) as in_turn:
        answers = (
            answering_side_by_side(names, asked.images, threads, engine, in_turn)
            if are_many(names, engine)
            else answering(names, lambda _: asked.images, threads, engine, in_turn)
        )
        for one in answers:
            try:
                for record in one.records:
                    training.refuse_other_classes(one.name, record, dataset.about)
            except UsageError as error:
                print(f"{error}; it is left out", file=sys.stderr)
                continue
            if others := {_learned(record, dataset) for record in one.records} - {""}:
                learned = ", ".join(sorted(others))
                print(f"{one.name} learned from {learned}, not from {dataset.name}", file=sys.stderr)
            evaluation = Evaluation(
                one.name,
                engine or one.engines,
                sum(record.parameters for record in one.records),
                training.cross_entropy(one.logits, asked.labels),
                asked.labels,
                training.softmax(one.logits),
                dataset.classes,
                asked.numbers,
                on=asked.on,
                family=one.family,
            )
            evaluations.append(evaluation)
            _note(one, evaluation, dataset)
            if one.network and len(names) <= FEW:
                spaces[one.name] = _space(one.network, evaluation, one.logits, asked.images)
    return evaluations, spaces


def _learned(record: "RunRecord", dataset: "Dataset") -> str:
    """The data from which a network has learned, in words, if it was not this dataset."""
    if record.settings.data_digest == dataset.digest:
        return ""
    learned = record.dataset if record.dataset != dataset.name else "other images"
    same = record.ink == dataset.about.ink
    return learned if same else f"{learned} with {record.ink} ink instead of {dataset.about.ink}"


def _note(one: "Answering", evaluation: "Evaluation", dataset: "Dataset") -> None:
    """Note, for `list`, what a network reached on the test set of the dataset that it learned from."""
    from MNIST import training

    (record, *others) = one.records
    if others or evaluation.on != "test" or record.settings.data_digest != dataset.digest:
        return
    correct = evaluation.images - evaluation.errors
    try:
        training.note_tested(one.name, record, evaluation.engine, evaluation.images, correct)
    except OSError as error:
        print(f"{one.name}: `list` will not show this result: {error.strerror}", file=sys.stderr)


def _space(
    model: "TrainedModel", evaluation: "Evaluation", logits: "np.ndarray", images: "np.ndarray"
) -> "Space":
    """Some test images as the network's last hidden layer sees them: as many as COMPUTATIONS allows.

    Columns have no hidden layer; for them, the votes are used.
    """
    from MNIST.engines.scratch.inspection import Inspection
    from MNIST.report.testing.embedding import MOST_IMAGES, choose_images, reduce_to_space

    most = max(FEWEST_IMAGES, min(MOST_IMAGES, COMPUTATIONS // max(1, model.network.flops)))
    shown = choose_images(evaluation.labels, evaluation.probabilities, most)
    if model.network.only_engine:
        return reduce_to_space(shown, logits[shown])
    weights = model.engine.get_weights()
    inspection = Inspection(model.network, weights, model.record.pixel_statistics)
    return reduce_to_space(shown, inspection.last_features(images[shown]))


def _write(
    comparison: str,
    evaluations: "Sequence[Evaluation]",
    spaces: "Mapping[str, Space]",
    dataset_name: str,
    asked: _Asked,
    pictures: bool,
) -> None:
    from MNIST.report.testing.comparison import results_text
    from MNIST.report.testing.files import OURS, report_files

    several = f"{len(evaluations)} networks" if len(evaluations) > 1 else evaluations[0].name
    title = f"{comparison}: {several} on {counted(len(asked.images), f'{asked.on} image')} of {dataset_name}"
    files = report_files(title, asked.images, evaluations, spaces, pictures)
    folder, table = Path(comparison), Path(f"{comparison}.txt")
    with only_one(folder / LOCK):
        write_together(
            {folder / file: content for file, content in files.items()} | {table: results_text(evaluations)}
        )
        for path in folder.iterdir():
            if path.name not in files and path.name.endswith(OURS):
                path.unlink()  # of an earlier comparison, which this one replaces


def _print_examples(evaluations: "Sequence[Evaluation]") -> None:
    print("network", "example", "expected", "got", "answer", sep="\t")
    for evaluation in evaluations:
        classes = evaluation.classes
        answers = zip(evaluation.labels.tolist(), evaluation.answers.tolist(), strict=True)
        for example, (expected, got) in zip(evaluation.numbers.tolist(), answers, strict=True):
            answer = "right" if got == expected else "wrong"
            print(evaluation.name, example, classes[expected], classes[got], answer, sep="\t")
    print()
