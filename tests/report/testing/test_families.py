"""Families of networks: their mean with its interval, and Welch's test, as SciPy has them."""

import numpy as np
import pytest
from scipy import stats

from MNIST.report.testing.comparison import Evaluation
from MNIST.report.testing.families import Family, compare_families, families
from MNIST.report.testing.significance import holm

DIGITS = tuple("0123456789")


def evaluation(name, family, correct, images=1000):
    labels = np.zeros(images, np.int64)
    probabilities = np.eye(10)[(np.arange(images) >= correct).astype(int)]
    return Evaluation(name, "numpy", 1, 0.5, labels, probabilities, DIGITS, np.arange(images), family=family)


def test_networks_of_one_family_are_told_together():
    some = [
        evaluation("net_0", "a", 970),
        evaluation("alone", "b", 900),
        evaluation("net_1", "a", 980),
        evaluation("x", "c", 910),
        evaluation("net_10", "a", 985),
        evaluation("y", "c", 911),
        evaluation("copy_of_x", "c", 910),  # the same probabilities: no other seed
        evaluation("no family", "", 910),
        evaluation("none either", "", 910),
    ]
    net, other = families(some)
    assert net == Family(("net_0", "net_1", "net_10"), (0.97, 0.98, 0.985), 1000)
    assert (net.name, other.name) == ("net", "x and 1 more")
    assert other.accuracies == (0.91, 0.911)
    low, high = stats.t.interval(0.95, 2, np.mean(net.accuracies), stats.sem(net.accuracies))
    assert net.interval == pytest.approx((low, min(1, high)))
    assert net.deviation == pytest.approx(np.std(net.accuracies, ddof=1))
    assert str(net).startswith("net, 3 seeds: mean accuracy 97.83 % (95 % interval 95.94 to 99.73 %)")


def test_families_are_compared_as_welch_does_and_corrected():
    one, two, three = (
        Family(("a_0", "a_1", "a_2"), (0.97, 0.98, 0.975), 10_000),
        Family(("b_0", "b_1"), (0.99, 0.991), 10_000),
        Family(("c_0", "c_1", "c_2", "c_3"), (0.9, 0.93, 0.92, 0.91), 10_000),
    )
    pairs = compare_families([one, two, three])
    assert [(pair.better.name, pair.worse.name) for pair in pairs] == [("b", "a"), ("a", "c"), ("b", "c")]
    plain = [stats.ttest_ind(p.better.accuracies, p.worse.accuracies, equal_var=False).pvalue for p in pairs]
    assert [pair.p for pair in pairs] == pytest.approx(holm(plain))
    assert str(pairs[1]).startswith(
        "a is better than c by 6.00 points in the mean: distinguishable (p = 0.00"
    )


def test_seeds_that_happen_to_agree_are_spread_by_one_image():
    same, other = Family(("a", "b"), (0.9, 0.9), 100), Family(("c", "d"), (0.88, 0.88), 100)
    assert compare_families([same, other])[0].p == pytest.approx(2 * stats.t.sf(2, 2))
    assert compare_families([same, Family(("e", "f"), (0.9, 0.9), 100)])[0].p == 1
    margin = stats.t.ppf(0.975, 1) * 0.01 / 2**0.5
    assert same.interval == pytest.approx((0.9 - margin, 0.9 + margin))
    assert "standard deviation 0.00" in str(same)


def test_families_of_the_same_name_are_told_apart():
    some = [evaluation(f"student_{place}", "ab"[place % 2], 900 + place) for place in range(6)]
    one, other = families(some)
    assert (one.name, other.name) == ("student_0 and 2 more", "student_1 and 2 more")
