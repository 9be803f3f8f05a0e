"""The images in space: which ones are chosen, and what three dimensions keep, compared with NumPy's SVD."""

import numpy as np
import pytest

from MNIST.report.testing.embedding import choose_images, reduce_to_space


def test_errors_come_before_others_the_surest_first():
    labels = np.zeros(1000, np.uint8)
    probabilities = np.tile([0.9, 0.1], (1000, 1))
    wrong = np.arange(0, 1000, 10)
    probabilities[wrong] = np.column_stack([0.4 - wrong / 10_000, 0.6 + wrong / 10_000])
    chosen = choose_images(labels, probabilities, 200)
    assert len(chosen) == len(set(chosen)) == 200
    assert list(chosen) == sorted(chosen)
    assert {*range(400, 1000, 10)} <= set(chosen)  # 60 of 100 errors: the surest
    assert set(choose_images(labels, probabilities, 5000)) == set(range(1000))


def test_the_same_images_are_drawn_for_every_network():
    labels = np.zeros(1000, np.uint8)
    right = np.tile([0.9, 0.1], (1000, 1))
    other = right.copy()
    other[7] = 0.1, 0.9
    first, second = (set(choose_images(labels, one, 200)) for one in (right, other))
    assert len(first & second) >= 199
    assert 7 in second


@pytest.mark.parametrize("images", [60, 6])  # more than there are units, and fewer
def test_the_three_directions_are_those_of_the_largest_variance(images):
    features = np.random.default_rng(0).normal(size=(images, 8)) * [9, 1, 5, 1, 3, 1, 1, 1] + 100
    space = reduce_to_space(np.arange(images), features.astype(np.float32))
    centred = features - features.mean(axis=0)
    _, singular, directions = np.linalg.svd(centred, full_matrices=False)
    assert space.explained == pytest.approx((singular[:3] ** 2).sum() / (singular**2).sum())
    expected = centred @ directions[:3].T
    assert np.abs(space.points) == pytest.approx(np.abs(expected), abs=1e-4)  # each direction may be reversed


@pytest.mark.parametrize("shape", [(1, 5), (2, 5), (3, 3), (50, 1), (50, 2), (50, 3)])
def test_few_images_and_narrow_layers_have_a_space(shape):
    space = reduce_to_space(np.arange(shape[0]), np.random.default_rng(0).normal(size=shape))
    assert space.points.shape == (shape[0], 3)
    assert np.isfinite(space.points).all()
    assert space.explained == pytest.approx(1)


def test_a_dead_layer_is_one_point():
    space = reduce_to_space(np.arange(50), np.zeros((50, 5), np.float32))
    assert not space.points.any()
