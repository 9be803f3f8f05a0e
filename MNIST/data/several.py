"""Several digits in one picture: found as groups of pieces, and put in reading order.

A stroke that the pen left out, a dot or a bar goes with the digit that it lies above, below or beside. Bars
one above the other are one sign, as in = and ÷; so are two dots, if there is nothing else.
"""

import numpy as np
from numpy.typing import NDArray

from MNIST.data.strokes import Ink, pieces

MOST = 500  # pieces: a picture with more is a pattern
TALL = 0.5  # of the tallest piece's height: a digit, not a dot, a bar or a dash
INKED = 0.15  # of the usual ink of tall pieces, at least, that a digit has; a 1 has little
ABOVE = 0.5  # of the narrower one's width: pieces that overlap so far lie above one another
NEAR = 0.1  # of a digit's height: pieces above one another with a smaller gap are one digit
LEVEL = 0.7  # of the lower one's height: near pieces that overlap less are the strokes of an open 4
DOT = 0.6  # times as wide as high, at least, is a dot
BAR = 2.0  # times as wide as high, at least, is a bar
SOLID = 0.75  # of the rectangle with the same spread is ink: in a dot or a bar, however it is turned
STACK = 0.75  # of the wider one's width, at most, is the gap between the pieces of = or ÷
COLON = 3.0  # of the wider one's width, at most, is the gap between the dots of a colon
BESIDE = 0.3  # of a digit's height: a bar or a dot so near belongs to it
LINE = 0.5  # of the lower one's height: digits that overlap so far may stand in one line
TOUCHING = 1.3  # times as wide as high, at least, are two digits that touch; 1 in 70 of MNIST's is so wide
MIDDLE = 0.3, 0.7  # of the width: where they touch
THIN = 0.33  # of the height: ink in that column, at most
BOTH = 0.8  # of the height that either side takes

Places = NDArray[np.int64]  # (n,): where each of n rectangles begins, or ends, in pixels


def lines_of_digits(ink: Ink) -> list[list[Ink]]:
    """The digits in each line of a picture, in reading order; each is an ink map of its own.

    ink: float32 (rows, columns) in [0, 1], with some ink. Pieces that belong to no digit, such as dashes, are
    left out. What seems to be one digit is returned whole; around each of several, one pixel of paper is left
    where the picture does not end.
    """
    from scipy import ndimage

    labels, masses = pieces(ink)
    found = ndimage.find_objects(labels)
    if not 1 < len(found) <= MOST:
        return [[ink]]
    ends = np.array([(rows.start, rows.stop, columns.start, columns.stop) for rows, columns in found])
    solid = np.array([_is_solid(labels[box] == number) for number, box in enumerate(found, 1)])
    digit_of = _digits(ends, masses, solid)
    count = digit_of.max() + 1
    if count < 2:
        return [[ink]]
    of_each = [ends[digit_of == digit] for digit in range(count)]
    around = np.array([(*each.min(axis=0)[[0, 2]], *each.max(axis=0)[[1, 3]]) for each in of_each])
    top, left, bottom, right = around.T

    def only(digit: int) -> Ink:
        part = tuple(
            slice(max(0, begin[digit] - 1), end[digit] + 1) for begin, end in ((top, bottom), (left, right))
        )
        mine = np.isin(labels[part], np.flatnonzero(digit_of == digit) + 1)
        return np.where(mine, ink[part], np.float32(0))

    return [[only(digit) for digit in line] for line in _reading_order(top, bottom, left, right)]


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


def _is_solid(piece: NDArray[np.bool_]) -> bool:
    """Whether a piece has no hole, bend or branch: it is nearly as large as a rectangle of its spread.

    piece: (rows, columns), with some pixels.
    """
    places = np.argwhere(piece)
    deviation = places - places.mean(axis=0)
    spread = deviation.T @ deviation / len(places) + np.eye(2) / 12  # that of a pixel's own side
    return len(places) >= SOLID * 12 * float(np.sqrt(np.linalg.det(spread)))


def _digits(
    ends: NDArray[np.int64], masses: NDArray[np.float64], solid: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """The number, from 0, of the digit that each piece belongs to; -1: to none.

    ends: (n, 4), each piece's first row, the row after its last one, and the same of its columns. solid: as
    `_is_solid` says.
    """
    top, bottom, left, right = ends.T
    heights, widths = bottom - top, right - left
    tall = heights >= TALL * heights.max()
    tall &= masses >= INKED * np.median(masses[tall])
    height = np.median(heights[tall])
    aside, above = _shared(left, right), _shared(top, bottom)
    near = np.minimum(aside, above) >= -NEAR * height
    stacked = aside >= ABOVE * np.minimum.outer(widths, widths)
    stepped = above < LEVEL * np.minimum.outer(heights, heights)
    wider = np.maximum.outer(widths, widths)
    dots, bars = (solid & (widths >= times * heights) for times in (DOT, BAR))
    alone = tall.sum() == 2
    gap = np.where(np.logical_or.outer(bars, bars), STACK, COLON * alone) * wider
    sign = stacked & np.logical_and.outer(dots, dots) & (-above <= gap)
    strokes_of_one = near & (stacked | stepped) | sign
    digits = np.full(len(top), -1)
    digits[tall] = _groups(strokes_of_one[np.ix_(tall, tall)])
    distances = (np.maximum(0, -aside) + np.maximum(0, -above))[:, tall]
    belongs = ~tall & (distances.min(axis=1) <= BESIDE * height)
    digits[belongs] = digits[tall][distances[belongs].argmin(axis=1)]
    return digits


def _reading_order(top: Places, bottom: Places, left: Places, right: Places) -> list[list[int]]:
    """The numbers of the digits in each line, left to right, from the highest line to the lowest.

    A digit is in the line of the nearest one to its right that is as high up; so a line may rise or fall.
    """
    heights = bottom - top
    level = _shared(top, bottom) >= LINE * np.minimum.outer(heights, heights)
    order = np.argsort(left + right, kind="stable")
    links = np.zeros_like(level)
    for place, digit in enumerate(order):
        following = order[place + 1 :][level[digit, order[place + 1 :]]]
        links[digit, following[:1]] = True
    line_of = _groups(links)
    lines = [order[line_of[order] == line].tolist() for line in range(line_of.max() + 1)]
    return sorted(lines, key=lambda line: float(top[line].mean()))


def _shared(begin: Places, end: Places) -> NDArray[np.int64]:
    """How many pixels each two of n stretches share, (n, n); below 0, the gap between them."""
    return np.minimum.outer(end, end) - np.maximum.outer(begin, begin)


def _groups(links: NDArray[np.bool_]) -> NDArray[np.int32]:
    """The number of the group that each of n things is in, (n,); linked ones, (n, n), are in one."""
    from scipy import sparse
    from scipy.sparse import csgraph

    return csgraph.connected_components(sparse.csr_array(links), directed=False)[1]
