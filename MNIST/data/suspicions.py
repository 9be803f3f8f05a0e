"""What a dataset's pixels and labels tell: its polarity, its form, and what looks wrong in it."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from MNIST.words import counted

if TYPE_CHECKING:
    from MNIST.data.datasets import Dataset

DIM = 16  # of 255: the brightest level of pictures with 12 bits in files with 16
LOOKED_AT = 2_000  # images, evenly from the whole set
FEWEST_ONES = 5  # images of a 1, to say that a dataset lies on its side
MOST_NAMED = 5  # classes without images
FRAME = 2  # rows and columns at the border that are empty in most images of MNIST's form
FULL_FRAME = 0.2  # the part of images with ink there from which on they are no longer of that form
SMALLEST = 16  # pixels of the longer side of what is shown, mostly; MNIST's has 19 or 20, EMNIST's more


def suspicions(dataset: "Dataset") -> Iterator[str]:
    """Each thing that looks wrong, in a sentence without its end."""
    images, labels = dataset.train_images, dataset.train_labels
    if int(images.min()) == int(images.max()):
        yield f"all pixels of the training images are {images.max()}: there is nothing to learn from"
    elif dim := dimness(images, dataset.test_images):
        yield dim
    elif dataset.about.ink == "dark":
        yield (
            "dark ink on bright paper, where MNIST has bright ink on dark; a network learns it so, and"
            " pictures that it is shown are brought to that"
        )
    if dataset.about.shows_digits and lies_on_its_side(images, labels, dataset.about.paper):
        yield "the images lie on their side: rows and columns seem to be exchanged, as in EMNIST's files"
    for kind, of_set in (("training", images), ("test", dataset.test_images)):
        pixels = of_set.reshape(len(of_set), -1)
        blank = int(np.count_nonzero(pixels.max(axis=1) == pixels.min(axis=1)))
        if 0 < blank < len(of_set):
            yield f"{counted(blank, f'{kind} image is', f'{kind} images are')} blank"
    for kind, of_set in (("training", labels), ("test", dataset.test_labels)):
        counts = np.bincount(of_set, minlength=len(dataset.classes))
        missing = [dataset.classes[label] for label in np.flatnonzero(counts == 0)]
        if missing:
            more = ", …" if len(missing) > MOST_NAMED else ""
            some = ", ".join(missing[:MOST_NAMED]) + more
            yield f"{counted(len(missing), 'class', 'classes')} without {kind} images: {some}"


def dimness(*sets: NDArray[np.uint8]) -> str:
    """What is to be said of images without a bright pixel; "" if they have one, or are all black."""
    brightest = max(int(images.max(initial=0)) for images in sets)
    if not 1 <= brightest <= DIM:
        return ""
    cure = "were the pixels divided by 255 before?" if brightest == 1 else "brighten the pictures first"
    return f"the brightest pixel is {brightest}, and white is 255: {cure}"


def has_dark_ink(images: NDArray[np.uint8]) -> bool:
    """Whether the paper is bright: whether most of the pixels at the edges of the images are.

    images: uint8 (n, 28, 28).
    """
    some = _some(images)
    edges = np.concatenate([some[:, [0, -1]].reshape(-1), some[:, :, [0, -1]].reshape(-1)])
    return bool(np.median(edges) > 127 and edges.mean() > some.mean())


def form_of(images: NDArray[np.uint8], ink: str) -> str:
    """The form that images show: "digit" if most are as large as MNIST's and have no ink at their border.

    images: uint8 (n, 28, 28). ink, and what is returned: as in `About`.
    """
    some = 255 - _some(images) if ink == "dark" else _some(images)
    inner = some[:, FRAME:-FRAME, FRAME:-FRAME].sum(axis=(1, 2), dtype=np.int64)
    outer = some.sum(axis=(1, 2), dtype=np.int64) - inner
    fill_the_frame = (outer > 0.02 * np.maximum(inner, 1)).mean() > FULL_FRAME
    inked = some > some.max() / 2
    longer = np.maximum(*(_extents(inked.any(axis=axis)) for axis in (1, 2)))
    return "whole" if fill_the_frame or np.median(longer) < SMALLEST else "digit"


def _extents(inked: NDArray[np.bool_]) -> NDArray[np.int64]:
    """From the first to the last pixel with ink in each line, (n, 28) to (n,); all pixels if none has any."""
    return inked.shape[1] - inked.argmax(axis=1) - inked[:, ::-1].argmax(axis=1)


def lies_on_its_side(images: NDArray[np.uint8], labels: NDArray[np.unsignedinteger], paper: int) -> bool:
    """Whether rows and columns are exchanged, told from the ones: upright, they are taller than wide.

    images: uint8 (n, 28, 28), of digits; labels: (n,). paper: the value of a pixel without ink.
    """
    ones = _some(images[labels == 1])
    if len(ones) < FEWEST_ONES:
        return False
    ink = np.abs(ones.astype(np.float64) - paper)
    tall, wide = (_spread(ink.sum(axis=axis)) for axis in (2, 1))
    return bool(np.median(wide) > 1.3 * np.median(tall))


def _spread(ink: NDArray[np.float64]) -> NDArray[np.float64]:
    """How far ink lies from its middle along an axis, as a standard deviation in pixels: (n, 28) to (n,)."""
    total = np.maximum(ink.sum(axis=1), 1e-9)
    place = np.arange(ink.shape[1])
    middle = ink @ place / total
    return np.sqrt(np.maximum(ink @ place**2 / total - middle**2, 0))


def _some(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return images[:: max(1, len(images) // LOOKED_AT)]
