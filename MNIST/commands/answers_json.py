"""What `test` and `predict` tell, as documents for other programs."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from MNIST.report.testing.comparison import Evaluation
    from MNIST.report.testing.predictions import Answers


def comparison_as_json(
    comparison: str, dataset: str, on: str, evaluations: "Sequence[Evaluation]"
) -> dict[str, Any]:
    """The figures of each network, of each family, and of each pair of them.

    Intervals are of 95 %. p: corrected by Holm's method for all pairs compared together.
    """
    import numpy as np

    from MNIST.report.testing.families import compare_families, families
    from MNIST.report.testing.significance import compare_pairs

    found = families(evaluations)
    names = [one.name for one in evaluations]
    pairs = compare_pairs(names, np.array([one.answers == one.labels for one in evaluations]))
    return {
        "comparison": comparison,
        "dataset": dataset,
        "on": on,
        "networks": [*map(_network, evaluations)],
        "pairs": [
            {
                "networks": [pair.first, pair.second],
                "only_first_right": pair.only_first,
                "only_second_right": pair.only_second,
                "p": pair.p,
            }
            for pair in pairs
        ],
        "families": [
            {
                "name": one.name,
                "networks": one.members,
                "mean_accuracy": one.mean,
                "mean_accuracy_interval": one.interval,
                "standard_deviation": one.deviation,
            }
            for one in found
        ],
        "family_pairs": [
            {"better": pair.better.name, "worse": pair.worse.name, "p": pair.p}
            for pair in compare_families(found)
        ],
    }


def _network(evaluation: "Evaluation") -> dict[str, Any]:
    return {
        "name": evaluation.name,
        "engine": evaluation.engine,
        "parameters": evaluation.parameters,
        "images": evaluation.images,
        "errors": evaluation.errors,
        "accuracy": evaluation.accuracy,
        "accuracy_interval": evaluation.interval,
        "loss": evaluation.loss,
    }


class Digit(Protocol):
    """A digit in a picture: what it is called, and what is unusual about it."""

    @property
    def name(self) -> str: ...

    @property
    def warnings(self) -> Sequence[str]: ...


def answers_as_json(
    pictures: Sequence[tuple[str, Sequence[Digit]]], answers: "Mapping[str, Answers]"
) -> dict[str, Any]:
    """Each network's answer and probabilities for each digit of each picture, in reading order.

    pictures: the file of each, and its digits. answers: by the network's name, for all digits one after
    another.
    """
    place, found = 0, []
    for file, digits in pictures:
        each = []
        for digit in digits:
            given = {name: _answer(one, place) for name, one in answers.items()}
            each.append({"name": digit.name, "answers": given, "warnings": list(digit.warnings)})
            place += 1
        found.append({"file": file, "digits": each})
    return {"networks": list(answers), "pictures": found}


def _answer(answers: "Answers", place: int) -> dict[str, Any]:
    probabilities = answers.probabilities[place].tolist()
    return {
        "answer": answers.best(place),
        "probabilities": dict(zip(answers.classes, probabilities, strict=True)),
    }
