"""Bring a user's own picture to the form of MNIST's images, and warn where it is unlike them."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from MNIST.data.centring import HALF, SIDE, centred, cropped, weights
from MNIST.data.ink import ink_map
from MNIST.data.several import lines_of_digits, may_be_two
from MNIST.data.strokes import line_width, pieces, thickened

# What is usual. 1 in 2,000 of MNIST's 60,000 training images exceeds each limit, unless a comment says
# otherwise.
FEWEST_PIXELS = 12  # of the digit's longer side; MNIST's have 19 or 20
WIDEST = 1.67  # width divided by height
FULLEST = 0.76  # share of ink in the rectangle around the digit
THINNEST, THICKEST = 1.03, 4.84  # mean width of the lines, in pixels of MNIST's form
NEXT_PIECE = 0.5  # ink, as a share of the largest piece's; a few fives and fours have two pieces
BRIGHT = 127  # paper with a higher level is bright
AT_BORDER = 0.15  # border pixels with at least half ink, per pixel of the longer side; 1 in 1,000


@dataclass(frozen=True)
class Prepared:
    """A picture in MNIST's form, uint8 (28, 28); the steps to it, as named pictures; warnings in words."""

    image: NDArray[np.uint8]
    steps: tuple[tuple[str, NDArray[np.uint8]], ...]
    warnings: tuple[str, ...]


def like_mnist(picture: NDArray[np.uint8]) -> Prepared:
    """Bring a picture of one digit to MNIST's form.

    picture: uint8 (rows, columns), dark on light or light on dark.
    Raises DataError if it is blank.
    """
    return _in_form_of_mnist(picture, ink_map(picture))


def lines_in_form(picture: NDArray[np.uint8], ink: str = "bright") -> list[list[Prepared]]:
    """The digits in each line of a picture, in reading order, in MNIST's form; ink: as in `About`.

    picture: uint8 (rows, columns), dark on light or light on dark. Raises DataError if it is blank.
    """
    lines = lines_of_digits(ink_map(picture))
    return [[_in_polarity(_in_form_of_mnist(picture, digit), ink) for digit in line] for line in lines]


def _in_form_of_mnist(picture: NDArray[np.uint8], ink: NDArray[np.float32]) -> Prepared:
    """ink: of one digit, float32 (rows, columns) in [0, 1]."""
    drawn = ink if line_width(ink) >= THINNEST else thickened(ink)
    image = centred(drawn)
    steps = (
        *(("picture", picture), ("ink", _bytes(ink))),
        ("cut out" if drawn is ink else "cut out, thickened", _bytes(cropped(drawn))),
        ("28 × 28", image),
    )
    return Prepared(image, steps, tuple(_warnings(ink)))


def in_form(picture: NDArray[np.uint8], form: str = "digit", ink: str = "bright") -> Prepared:
    """Bring a picture to the form and the polarity of a dataset. form, ink: as in `About`.

    picture: uint8 (rows, columns). Raises DataError if a digit is asked for and it is blank.
    """
    return _in_polarity(like_mnist(picture) if form == "digit" else as_whole(picture), ink)


def _in_polarity(prepared: Prepared, ink: str) -> Prepared:
    if ink == "bright":
        return prepared
    *before, (name, image) = prepared.steps
    return replace(prepared, image=255 - image, steps=(*before, (name, 255 - image)))


def as_whole(picture: NDArray[np.uint8], turn: bool = True) -> Prepared:
    """Scale a whole picture to 28×28; one that is not square gets margins of its paper.

    picture: uint8 (rows, columns). turn: whether bright paper becomes dark, and what is on it bright.
    """
    border = np.concatenate([picture[0], picture[-1], picture[:, 0], picture[:, -1]])
    paper = float(np.median(border))
    rows, columns = picture.shape
    side = max(rows, columns)
    square = np.full((side, side), paper)
    top, left = (side - rows) // 2, (side - columns) // 2
    square[top : top + rows, left : left + columns] = picture
    grey = weights(side, SIDE) @ square @ weights(side, SIDE).T
    image = np.floor((255 - grey if turn and paper > BRIGHT else grey) + HALF).astype(np.uint8)
    return Prepared(image, (("picture", picture), ("28 × 28", image)), ())


def _warnings(ink: NDArray[np.float32]) -> Iterator[str]:
    digit = cropped(ink)
    height, width = digit.shape
    longer = max(height, width)
    border = np.concatenate([ink[0], ink[-1], ink[1:-1, 0], ink[1:-1, -1]])
    _, masses = pieces(ink)
    large = int((masses >= NEXT_PIECE * masses.max()).sum())
    full = float(digit.mean())
    lines = line_width(ink)
    if longer < FEWEST_PIXELS:
        read = f"the digit is read at {longer} pixels high or wide"
        yield f"tiny: {read}; 20 or more keep its shape, so cut it out of a large picture"
    if large > 1:
        yield f"{large} separate pieces: are these several digits? Each needs a picture of its own"
    if width > WIDEST * height:
        yield "wider than any digit: turned, or several?"
    elif large == 1 and may_be_two(digit):
        yield "wide and thin in the middle: are these two digits that touch?"
    if (border >= 0.5).sum() >= AT_BORDER * longer:
        yield "it touches the picture's border: is a part cut off?"
    if full > FULLEST:
        yield f"{full:.0%} of the rectangle around it is ink: is it a digit?"
    elif lines > THICKEST:
        yield f"thick lines: {lines:.1f} pixels of 28, MNIST's have 2; take a thinner pen"


def _bytes(ink: NDArray[np.float32]) -> NDArray[np.uint8]:
    return np.rint(ink * 255).astype(np.uint8)
