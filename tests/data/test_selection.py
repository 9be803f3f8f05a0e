"""A selection has no image twice, is the same for the same seed, and has a single label if asked."""

import numpy as np

from MNIST.data import select

LABELS = np.random.default_rng(0).integers(0, 10, 500).astype(np.uint8)


def test_images_are_different_and_the_seed_decides_which():
    chosen = select(LABELS, 100, seed=3)
    assert len(set(chosen.tolist())) == 100
    assert np.array_equal(chosen, select(LABELS, 100, seed=3))
    assert not np.array_equal(chosen, select(LABELS, 100, seed=4))
    assert np.array_equal(chosen[:7], select(LABELS, 7, seed=3))


def test_of_one_label_there_are_no_others_and_no_more_than_there_are():
    assert set(LABELS[select(LABELS, 20, 0, label=7)]) == {7}
    everyone = select(LABELS, 1000, 0, label=7)
    assert sorted(everyone) == np.flatnonzero(LABELS == 7).tolist()
    assert len(select(LABELS[LABELS != 7], 10, 0, label=7)) == 0


def test_in_the_long_run_each_image_comes_as_often():
    counts = np.bincount(np.concatenate([select(LABELS[:20], 5, seed) for seed in range(2000)]), minlength=20)
    assert (abs(counts - 500) < 5 * np.sqrt(500 * 3 / 4)).all()  # five standard deviations
