"""The plan: which points share a run, what sharing saves, what cannot work."""

from pathlib import Path

from stub_exploration import GRID, SETTINGS, plan_of, points_of

from MNIST.cli import parse
from MNIST.commands import explore
from MNIST.commands.explore_wishes import read_wishes
from MNIST.explore.plan import make_plan
from MNIST.explore.search import make_search
from MNIST.language import lay_out, parse_template, read_text

SHIPPED = Path(explore.__file__).parents[2] / "Models" / "explore.txt"


def test_points_that_differ_in_what_cannot_matter_are_one_run():
    plan = plan_of()
    assert len(plan.points) == 16
    assert len(plan.trials) == 2 * (1 + 2)  # Adam has no momentum
    assert {trial.horizon for trial in plan.trials.values()} == {3}
    assert (plan.epochs_asked, plan.epochs_shared) == (8 * 1 + 8 * 3, 6 * 3)


def test_no_dropout_and_dropout_of_nothing_are_one_run():
    template = parse_template(
        "Layers:\nFlatten\nRepeat,{layers}:\n    Dense,8,relu\nDropout,{dropout}\nDense,10,softmax\n"
        "Optimizer:\nAdam,{rate}\n1\n10\n"
    )
    grid = {"layers": [1], "dropout": [0.0], "rate": [0.001]}
    other = parse_template(
        "Layers:\nFlatten\nDense,8,relu\nDense,10,softmax\nOptimizer:\nAdam,{rate}\n1\n10\n"
    )
    trials = make_plan(points_of(grid), template, SETTINGS).trials
    assert list(trials) == list(make_plan([{"rate": "1e-3"}], other, SETTINGS).trials)


def test_runs_stand_in_the_order_of_their_first_question():
    plan = plan_of()
    assert list(plan.trials) == list(dict.fromkeys(point.identities[0] for point in plan.points))


def test_points_whose_shapes_cannot_work_are_counted_with_their_reason():
    plan = plan_of(kernel=[3, 29])
    assert len(plan.points) == 16
    (reason,) = [reason for reason in plan.infeasible if "{conv} = '2'" in reason]
    assert "line 3" in reason
    assert "29×29" in reason
    assert plan.infeasible.total() == 16


def test_each_seed_has_its_own_run():
    plan = plan_of(seeds=[5, 6])
    assert len(plan.trials) == 2 * 6
    assert {trial.settings.seed for trial in plan.trials.values()} == {5, 6}
    assert [plan.trials[identity].settings.seed for identity in plan.points[0].identities] == [5, 6]
    assert plan.epochs_asked == 2 * (8 * 1 + 8 * 3)


def test_a_run_under_a_seed_is_the_run_of_that_seed_alone():
    assert plan_of(seeds=[0, 1]).points[3].identities[:1] == plan_of().points[3].identities


def test_networks_are_those_of_the_runs():
    plan = plan_of()
    for trial in plan.trials.values():
        assert plan.network(trial) == lay_out(trial.spec)


def test_the_default_exploration_is_nothing_but_its_file():
    wishes = read_wishes(parse("explore", explore.__doc__, ["Data", "scan1"]))
    assert wishes.space.axes[0].names == ("epochs",)
    search = make_search(wishes.space, parse_template(read_text(SHIPPED)), SETTINGS)
    plan = search.plan
    assert len(plan.points) == 2304
    assert len(plan.trials) == 512
    assert (plan.epochs_asked, plan.epochs_shared) == (23040, 7680)
    assert not plan.infeasible


def test_the_order_of_the_values_is_kept():
    assert [point.epochs for point in plan_of(epochs=[3, 1]).points[:8]] == [3] * 8
    assert GRID["epochs"] == [1, 3]
