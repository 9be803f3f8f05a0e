"""What is said about networks that cost less than the best: which, by how much, and if there is none."""

from dataclasses import replace

import pytest
from stub_exploration import epoch_of, service_of

from MNIST.explore.cheaper import cheaper_words
from MNIST.explore.ranking import ranked
from MNIST.explore.store import open_store

CHANGES = {"epochs": [1], "opt": ["Adam"], "mom": [0.25]}


def said(folder, answers: dict[int, list[float]], seconds: dict[int, float] | None = None) -> str:
    """The words about networks with 2, 4, … filters. answers: their accuracies, one for each seed."""
    seeds = range(len(next(iter(answers.values()))))
    with open_store(folder / "s") as store:
        service = service_of(store, folder, seeds=seeds, **CHANGES, conv=list(answers))
    for point in service.plan.points:
        filters = point.values["conv"]
        for identity, accuracy in zip(point.identities, answers[filters], strict=True):
            epoch = replace(
                epoch_of(identity, 1), val_accuracy=accuracy, seconds=(seconds or {}).get(filters, 1)
            )
            service.readings.histories[identity] = [epoch]
    return cheaper_words(service.plan, ranked(service.readings, service.plan.points), ["conv"])


def test_of_those_near_the_best_the_cheapest_is_named_with_what_it_saves(tmp_path):
    words = said(tmp_path, {16: [0.9843], 8: [0.9834], 2: [0.9836], 1: [0.9832]})
    assert words == (
        "Within 0.1 points of the best (98.43%): conv 2, 98.36%, with an eighth of the parameters"
        " (13,550 instead of 108,330) and an eighth of the MFLOPs (0.0514 instead of 0.411).\n"
    )


def test_a_difference_of_exactly_a_tenth_of_a_point_is_near_whatever_the_rounding(tmp_path):
    assert "conv 2, 98.33%" in said(tmp_path, {16: [0.9843], 2: [0.9833]})


def test_each_cost_may_have_another_cheapest_and_what_costs_more_is_told_too(tmp_path):
    words = said(tmp_path, {16: [0.98], 4: [0.98], 8: [0.98]}, {16: 10.0, 4: 30.0, 8: 5.0}).splitlines()
    assert len(words) == 2
    assert "conv 4, 98.00%, with a quarter of the parameters" in words[0]
    assert words[0].endswith(", but more seconds (30.0 instead of 10.0).")
    assert "conv 8, 98.00%, with half of the parameters" in words[1]
    assert words[1].endswith("half of the seconds (5.0 instead of 10.0).")


def test_if_nothing_near_costs_less_the_first_step_down_is_told(tmp_path):
    words = said(tmp_path, {16: [0.98], 15: [0.98], 8: [0.95], 4: [0.96]})
    assert words.startswith(
        "Nothing that costs less is within 0.1 points of the best (98.00%). With fewer parameters,"
    )
    assert "the best is conv 4, 96.00%, 2.00 points below, with a quarter of the parameters" in words


def test_if_the_best_is_the_cheapest_that_is_said(tmp_path):
    words = said(tmp_path, {2: [0.98], 8: [0.97]})
    assert words == "No network of this exploration costs much less than the best (98.00%).\n"


def test_one_network_alone_is_compared_with_none(tmp_path):
    assert said(tmp_path, {2: [0.98]}) == ""


def test_of_several_seeds_the_test_decides_and_not_the_distance(tmp_path):
    answers = {
        16: [0.9599, 0.96, 0.97],
        8: [0.97, 0.95, 0.965],  # better under one seed: not distinguishable
        2: [0.9594, 0.9595, 0.9695],  # worse by 0.05 points under each seed: distinguishable, though near
    }
    words = said(tmp_path, answers)
    assert words.startswith(
        "3 seeds cannot tell it from the best (96.33% ± 0.58%): conv 8, 96.17% ± 1.04%, 0.16 points below,"
    )
    assert words.count("\n") == 1
    words = said(tmp_path / "b", {16: answers[16], 2: answers[2]})
    assert words.startswith(
        "All that cost less are worse than the best (96.33% ± 0.58%), as far as 3 seeds can tell."
    )
    assert "conv 2, 96.28% ± 0.58%, 0.05 points below" in words


@pytest.mark.parametrize(("seconds", "part"), [(0.3, "0.30%"), (4.0, "4%"), (52.0, "half"), (45.0, "45%")])
def test_proportions_are_fractions_if_one_is_close(tmp_path, seconds, part):
    words = said(tmp_path, {4: [0.98], 5: [0.98]}, {4: 100.0, 5: seconds})
    assert f"with {part} of the seconds" in words
