"""Which parameters matter, in a picture and on a live page: once there is enough to tell; else the reason."""

import pytest

from MNIST.report.exploring.influence import Influence, measure_influence
from MNIST.report.exploring.networks import networks_of

RATES = [0.001, 0.01, 0.1] * 10
OPTIMIZERS = ["Adam", "", "<b>SGD</b>", "Adam", "SGD"] * 6  # it does not matter in some
FIVE_RATES = [0.02, 0.03, 0.04, 0.05, 0.06]
FEW = "Too few to tell which parameters matter:"
RUNS = [str(run) for run in range(30)]


def accuracies(rates):
    return [0.5 + rate * 4 for rate in rates]


def test_the_parameter_that_decides_is_the_first():
    parameters = {"opt": OPTIMIZERS, "rate": RATES, "batch": [100] * 30}
    networks = networks_of(parameters, 30, RUNS)
    found = measure_influence([*accuracies(RATES)[:-1], float("nan")], parameters, networks)
    assert isinstance(found, Influence)
    (first, most), (second, less) = found.bars  # one value of a parameter tells nothing
    assert (first, second) == ("rate", "opt")
    assert most > 0.5 > abs(less)
    assert found.importance.explained > 0.9
    assert found.rows == 29
    assert not found.importance.is_chance()


@pytest.mark.parametrize(
    ("known", "runs", "accuracy", "reason"),
    [
        (0, RUNS, accuracies(RATES), "No combination has a validation accuracy."),
        (1, RUNS, accuracies(RATES), "No parameter of this scan has more than one value."),
        (9, RUNS, accuracies(RATES), f"{FEW} 9 combinations with a\nvalidation accuracy; it takes 10."),
        (
            30,
            ["a", "b", "c"] * 10,
            accuracies(RATES),
            f"{FEW} 3 networks,\nother seeds and numbers of epochs not counted; it takes 4.",
        ),
        (30, RUNS, [0.5] * 30, "All combinations have the same validation accuracy."),
    ],
)
def test_what_is_too_little_to_tell_is_said(known, runs, accuracy, reason):
    rates = [*FIVE_RATES, *RATES]
    networks = networks_of({"rate": rates[:known]}, known, runs[:known])
    assert measure_influence(accuracy[:known], {"rate": rates[:known]}, networks) == reason


def test_in_our_tables_only_numbers_of_epochs_make_no_other_network():
    parameters = {"repeat": [1, 2, 2], "epochs": [3, 3, 4]}
    assert networks_of(parameters, 3, ["a", "b", "b"]) == [0, 1, 1]
    assert networks_of(parameters, 3) == [0, 0, 0]
