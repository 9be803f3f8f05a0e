"""scipy.ndimage judges the augmentation; an image's change depends only on its own index and the seed."""

import hashlib
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from examples import most
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage, stats
from threadpoolctl import threadpool_limits

from MNIST.data import augment, augmentation
from MNIST.data.augmentation import draw_amounts, elastic_displacements, gaussian_matrix
from MNIST.data.counter_random import splitmix64
from MNIST.language import Augmentation, Elastic, Rotate, Shear, Shift, Zoom
from MNIST.training.draws import augmentation_seed
from MNIST.training.identity import NUMBERS

ALL = (Rotate(15.0), Shift(0.1), Zoom(0.15), Shear(10.0), Elastic(34.0, 4.0))
ROUNDING = 0.5 + 0.005  # half a grey level, and float32 positions below 32: 255 · 2⁻¹⁸ is 0.001


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    """200 images in which neighbouring pixels differ, so that a test notices a wrong position."""
    return np.random.default_rng(0).integers(0, 256, (200, 28, 28), dtype=np.uint8)


def keys_of(which: np.ndarray, seed: int) -> np.ndarray:
    return splitmix64(np.uint64(seed), which)


def sources_by_matrices(amounts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The inverse of one image's map: its matrix on (row, column), and its offset."""
    angle, down, right, taller, wider, slant = amounts
    zoom = np.diag([1 + taller, 1 + wider])
    shear = np.array([[1, 0], [-np.tan(slant), 1]])
    rotate = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    inverse = np.linalg.inv(rotate @ shear @ zoom)
    return inverse, 13.5 - inverse @ (13.5 + np.array([down, right]))


@pytest.mark.parametrize(
    "augmentations",
    [*[(each,) for each in ALL[:4]], ALL[:4], (Rotate(180.0), Zoom(0.9), Shear(80.0))],
    ids=str,
)
def test_scipy_agrees_on_affine_maps(augmentations: tuple[Augmentation, ...], images: np.ndarray) -> None:
    which = np.arange(200)
    ours = augment(images, which, augmentations, 7)
    for image, mine, amounts in zip(
        images, ours, draw_amounts(augmentations, keys_of(which, 7)).T, strict=True
    ):
        matrix, offset = sources_by_matrices(amounts)
        judged = ndimage.affine_transform(
            image.astype(np.float64), matrix, offset, order=1, mode="grid-constant"
        )
        assert np.abs(mine - judged).max() < ROUNDING
    assert not np.array_equal(ours, images)


def noise_of(which: np.ndarray, seed: int) -> np.ndarray:
    """The noise of each image: int8, (n, 2, 28, 28)."""
    return splitmix64(keys_of(which, seed)[:, None], 6 + np.arange(196)).view(np.int8).reshape(-1, 2, 28, 28)


@pytest.mark.parametrize("elastic", [Elastic(8.0, 0.5), Elastic(34.0, 4.0), Elastic(900.0, 28.0)])
def test_scipy_agrees_on_displacements(elastic: Elastic) -> None:
    which = np.arange(5)
    noise = (noise_of(which, 7) + 0.5) / 128
    sigmas = (0, 0, elastic.sigma, elastic.sigma)
    judged = elastic.alpha * ndimage.gaussian_filter(noise, sigmas, mode="constant", truncate=8)
    ours = elastic_displacements(elastic, keys_of(which, 7))
    # Each weight is rounded down by less than 2⁻²²; at most 28 add up in the rows, and 28 in the columns.
    assert np.abs(ours - judged).max() < elastic.alpha * 56 / 2**22
    assert np.abs(ours).max() > 1


def test_scipy_agrees_on_all_together(images: np.ndarray) -> None:
    which = np.arange(200)
    ours = augment(images, which, ALL, 7)
    ways = 34 * ndimage.gaussian_filter(
        (noise_of(which, 7) + 0.5) / 128, (0, 0, 4, 4), mode="constant", truncate=8
    )
    pixels = np.mgrid[:28, :28].reshape(2, -1)
    for image, mine, amounts, way in zip(
        images, ours, draw_amounts(ALL, keys_of(which, 7)).T, ways, strict=True
    ):
        matrix, offset = sources_by_matrices(amounts)
        sources = (matrix @ pixels + offset[:, None]).reshape(2, 28, 28) + way
        judged = ndimage.map_coordinates(image.astype(np.float64), sources, order=1, mode="grid-constant")
        # Sources may differ by 34 · 56 · 2⁻²² pixels, so values by less than 0.3.
        assert np.abs(mine - judged).max() < ROUNDING + 0.3


def test_what_lies_stays_lying_under_shear(images: np.ndarray) -> None:
    lines = np.zeros((100, 28, 28), np.uint8)
    lines[:, 10] = 200
    sheared = augment(lines, np.arange(100), [Shear(40.0)], 0)
    assert not sheared[:, np.arange(28) != 10].any()
    assert (sheared[:, 10, 8:20] == 200).all()


def test_the_smoothing_is_exact_so_that_its_order_cannot_matter() -> None:
    for sigma in (0.5, 4.0, 28.0):
        G = gaussian_matrix(sigma)
        assert (G.sum(axis=0) <= 1).all()
        integers = (G * 2**22).astype(np.int64)
        assert np.array_equal(integers, G * 2**22)
        noise = np.concatenate([noise_of(np.arange(3), 1).reshape(-1, 28, 28), np.full((2, 28, 28), -128)])
        by_integers = integers @ (2 * noise.astype(np.int64) + 1) @ integers  # below 2⁵³ in size
        assert np.array_equal(by_integers, (G @ (noise + 0.5) @ G) * 2.0**45)


@pytest.mark.parametrize(
    "augmentations", [(), (Rotate(0.0), Shift(0.0), Zoom(0.0), Shear(0.0), Elastic(0.0, 4.0))], ids=str
)
def test_no_change_is_no_change(augmentations: tuple[Augmentation, ...], images: np.ndarray) -> None:
    which = np.random.default_rng(1).permutation(200)
    assert np.array_equal(augment(images, which, augmentations, 3), images[which])


def test_an_image_changes_alike_in_any_order_and_company(
    images: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = augment(images, np.arange(200), ALL, 3)
    order = np.random.default_rng(1).permutation(200)
    assert np.array_equal(augment(images, order, ALL, 3), whole[order])
    assert np.array_equal(augment(images, np.array([17]), ALL, 3), whole[[17]])
    assert np.array_equal(augment(images, np.array([5, 5]), ALL, 3), whole[[5, 5]])
    assert augment(images, np.arange(0), ALL, 3).shape == (0, 28, 28)
    for chunk in (1, 7, 1000):
        monkeypatch.setattr(augmentation, "CHUNK", chunk)
        assert np.array_equal(augment(images, np.arange(200), ALL, 3), whole)


def test_an_image_changes_alike_on_any_number_of_threads(images: np.ndarray) -> None:
    which = np.arange(200)
    with threadpool_limits(1):
        alone = augment(images, which, ALL, 3)
    with threadpool_limits(2), ThreadPoolExecutor(2) as threads:
        for result in threads.map(lambda _: augment(images, which, ALL, 3), range(4)):
            assert np.array_equal(result, alone)


def test_what_others_draw_does_not_change_with_an_augmentation() -> None:
    keys = keys_of(np.arange(100), 0)
    assert np.array_equal(draw_amounts(ALL, keys)[0], draw_amounts([Rotate(15.0)], keys)[0])
    assert np.array_equal(draw_amounts(ALL, keys)[5], draw_amounts([Shear(10.0)], keys)[5])


N = 20_000
MOST = np.array([np.radians(15), 2.8, 2.8, 0.15, 0.15, np.radians(10)])


def test_amounts_are_even_over_their_whole_range() -> None:
    amounts = draw_amounts(ALL, keys_of(np.arange(N), 5)) / MOST[:, None]
    for each in amounts:
        assert stats.kstest(each, "uniform", (-1, 2)).pvalue > 0.001  # never by chance: the seed is fixed
        assert each.min() < -0.999
        assert each.max() > 0.999


def test_amounts_have_nothing_to_do_with_one_another() -> None:
    which = np.arange(N)
    here = draw_amounts(ALL, keys_of(which, augmentation_seed(0, 1)))
    others = [
        here,  # the same image
        np.roll(here, 1, axis=1),  # the image beside it
        draw_amounts(ALL, keys_of(which, augmentation_seed(0, 2))),  # the next epoch
        draw_amounts(ALL, keys_of(which, augmentation_seed(1, 1))),  # another seed
    ]
    for number, other in enumerate(others):
        correlation = np.corrcoef(here, other)[:6, 6:]
        if number == 0:
            correlation -= np.eye(6)
        assert np.abs(correlation).max() < 4.5 / N**0.5  # standard errors


def test_noise_has_nothing_to_do_with_another() -> None:
    noise = noise_of(np.arange(500), 5).reshape(500, -1) + 0.5
    assert abs(noise.mean()) < 4 * 128 / (3 * noise.size) ** 0.5  # standard errors
    assert noise.var() == pytest.approx(128**2 / 3, rel=0.01)
    for other in (np.roll(noise, 1, axis=0), np.roll(noise, 1, axis=1), np.roll(noise, 784, axis=1)):
        assert abs((noise * other).mean()) / noise.var() < 4.5 / noise.size**0.5
    assert len(np.unique(splitmix64(keys_of(np.arange(500), 5)[:, None], np.arange(202)))) == 500 * 202


augmentations = st.tuples(
    st.builds(Rotate, st.floats(0, 180)),
    st.builds(Shift, st.floats(0, 1)),
    st.builds(Zoom, st.floats(0, 1, exclude_max=True)),
    st.builds(Shear, st.floats(0, 90, exclude_max=True)),
    st.builds(Elastic, st.floats(0, 1000), st.floats(0.5, 28)),
).flatmap(lambda five: st.lists(st.sampled_from(five), unique=True))


@most(50)
@given(
    arrays(np.uint8, st.tuples(st.integers(1, 3), st.just(28), st.just(28))),
    augmentations,
    st.integers(0, 2**64 - 1),
    st.data(),
)
def test_any_augmentation_of_any_image_is_an_image(
    images: np.ndarray, augmentations: list[Augmentation], seed: int, data: st.DataObject
) -> None:
    which = np.array(data.draw(st.lists(st.integers(0, len(images) - 1), max_size=4)), np.int64)
    before = images.copy()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        changed = augment(images, which, augmentations, seed)
    assert changed.shape == (len(which), 28, 28)
    assert changed.dtype == np.uint8
    for one, index in zip(changed, which, strict=True):  # values lie between the image's, or are 0
        assert one.max() <= images[index].max()
    assert np.array_equal(images, before)


def test_the_numbers_are_those_of_this_version() -> None:
    """If this fails, runs with `Augment:` get different numbers than before: raise `identity.NUMBERS`."""
    images = (np.arange(20 * 784) * 37 % 256).astype(np.uint8).reshape(20, 28, 28)
    digest = hashlib.sha256(augment(images, np.arange(20), ALL, 2**63 + 1).tobytes()).hexdigest()
    assert (NUMBERS, digest[:16]) == (2, "07c48780e1ca811e")
