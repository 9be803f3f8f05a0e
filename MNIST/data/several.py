"""Several digits in one picture: found as groups of pieces, and put in reading order.

A stroke that the pen left out, a dot or a bar goes with the digit that it lies above, below or beside.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from MNIST.data.strokes import Ink, pieces

TALL = 0.5  # of the tallest piece's height: a digit, not a dot, a bar or a dash
INKED = 0.15  # of the usual ink of tall pieces, at least, that a digit has; a 1 has little
ABOVE = 0.5  # of the narrower one's width: pieces that overlap so far lie above one another
NEAR = 0.1  # of a digit's height: pieces above one another with a smaller gap are one digit
LEVEL = 0.7  # of the lower one's height: near pieces that overlap less are the strokes of an open 4
BESIDE = 0.3  # of a digit's height: a bar or a dot so near belongs to it
LINE = 0.5  # of the lower one's height: digits that overlap so far may stand in one line
TOUCHING = 1.3  # times as wide as high, at least, are two digits that touch; 1 in 70 of MNIST's is so wide
MIDDLE = 0.3, 0.7  # of the width: where they touch
THIN = 0.33  # of the height: ink in that column, at most
BOTH = 0.8  # of the height that either side takes


@dataclass(frozen=True)
class _Box:
    """A rectangle, in pixels; the ends are excluded."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def height(self) -> int:
        return self.bottom - self.top

    def beside(self, other: "_Box") -> int:
        """The columns that both have; below 0, the gap between them."""
        return min(self.right, other.right) - max(self.left, other.left)

    def above(self, other: "_Box") -> int:
        """The rows that both have; below 0, the gap between them."""
        return min(self.bottom, other.bottom) - max(self.top, other.top)


def lines_of_digits(ink: Ink) -> list[list[Ink]]:
    """The digits in each line of a picture, in reading order; each is an ink map of its own.

    ink: float32 (rows, columns) in [0, 1], with some ink. Pieces that belong to no digit, such as dashes, are
    left out. What seems to be one digit is returned whole.
    """
    from scipy import ndimage

    labels, masses = pieces(ink)
    boxes = [
        _Box(rows.start, rows.stop, columns.start, columns.stop)
        for rows, columns in ndimage.find_objects(labels)
    ]
    digits = _digits(boxes, masses)
    if len(digits) < 2:
        return [[ink]]
    around = [_around([boxes[number] for number in digit]) for digit in digits]

    def only(digit: int) -> Ink:
        mine = np.isin(labels, [number + 1 for number in digits[digit]])
        return np.where(mine, ink, np.float32(0))

    return [[only(digit) for digit in line] for line in _reading_order(around)]


def may_be_two(digit: NDArray[np.floating]) -> bool:
    """Whether connected ink may be two digits that touch: wide, with little ink in a column in the middle.

    digit: the ink (rows, columns) in the smallest rectangle around it. 2 in 1,000 of MNIST's digits are so;
    of pairs of them, pushed together until they touch, two thirds are.
    """
    height, width = digit.shape
    if width <= TOUCHING * height:
        return False
    columns = digit.sum(axis=0)
    return any(
        columns[column] <= THIN * height
        and all(side.any(axis=1).sum() >= BOTH * height for side in np.split(digit, [column], axis=1))
        for column in range(*(int(part * width) for part in MIDDLE))
    )


def _digits(boxes: Sequence[_Box], masses: NDArray[np.float64]) -> list[list[int]]:
    """The numbers of the pieces of each digit."""
    highest = max(box.height for box in boxes)
    tall = [number for number, box in enumerate(boxes) if box.height >= TALL * highest]
    usual = np.median(masses[tall])
    tall = [number for number in tall if masses[number] >= INKED * usual]
    height = float(np.median([boxes[number].height for number in tall]))
    groups = _connected(len(tall), lambda one, two: _are_one(boxes[tall[one]], boxes[tall[two]], height))
    digits = [[tall[number] for number in group] for group in groups]
    for number in sorted(set(range(len(boxes))) - set(tall)):
        distances = [min(_distance(boxes[number], boxes[each]) for each in digit) for digit in digits]
        nearest = int(np.argmin(distances))
        if distances[nearest] <= BESIDE * height:
            digits[nearest].append(number)
    return digits


def _are_one(one: _Box, two: _Box, height: float) -> bool:
    """Whether two tall pieces are strokes of one digit. height: a digit's, in pixels."""
    if min(one.beside(two), one.above(two)) < -NEAR * height:
        return False
    narrower = min(one.right - one.left, two.right - two.left)
    return one.beside(two) >= ABOVE * narrower or one.above(two) < LEVEL * min(one.height, two.height)


def _distance(one: _Box, two: _Box) -> float:
    return max(0, -one.beside(two)) + max(0, -one.above(two))


def _around(boxes: Sequence[_Box]) -> _Box:
    return _Box(
        min(box.top for box in boxes),
        max(box.bottom for box in boxes),
        min(box.left for box in boxes),
        max(box.right for box in boxes),
    )


def _reading_order(boxes: Sequence[_Box]) -> list[list[int]]:
    """The numbers of the boxes in each line, left to right, from the highest line to the lowest.

    A digit is in the line of the nearest one to its right that is as high up; so a line may rise or fall.
    """
    order = sorted(range(len(boxes)), key=lambda number: boxes[number].left + boxes[number].right)
    following = {}
    for place, number in enumerate(order):
        box = boxes[number]
        level = (
            other
            for other in order[place + 1 :]
            if box.above(boxes[other]) >= LINE * min(box.height, boxes[other].height)
        )
        following[number] = next(level, None)
    lines = _connected(len(boxes), lambda one, two: following[one] == two)
    ordered = [sorted(line, key=order.index) for line in lines]
    return sorted(ordered, key=lambda line: float(np.mean([boxes[number].top for number in line])))


def _connected(count: int, are_one: Callable[[int, int], bool]) -> list[list[int]]:
    """The groups of numbers below count that are linked, directly or through others."""
    from scipy import sparse
    from scipy.sparse import csgraph

    links = [[one == two or are_one(one, two) for two in range(count)] for one in range(count)]
    number, group = csgraph.connected_components(sparse.csr_array(np.array(links)), directed=False)
    return [np.flatnonzero(group == each).tolist() for each in range(number)]
