"""Ink as pieces: which of them belong to what was written, and how wide its lines are.

Paper brings ink of its own: the rules of a writing pad, the box on a form, the edge of a sheet, specks. Each
has a shape that tells it from a digit.
"""

import numpy as np
from numpy.typing import NDArray

from MNIST.data.centring import BOX, cropped

Ink = NDArray[np.float32]

USUAL_WIDTH = 2.0  # of the lines in MNIST's images, whose median is 1.96
LEAST_INK = 0.04  # of the largest piece's: less belongs to no stroke
SUBSTANTIAL = (
    0.15  # of another piece's ink: so much inside a frame, or away from the border, is what was meant
)
FRAME = 0.15  # of a piece's sides: a frame has nearly all its ink so near to its own edges
INSIDE_FRAME = 0.3  # of a frame's ink, at most, is further inside
RULE = 0.5  # of a side: straight runs of ink as long as this are parts of a rule
SMALLEST = 30  # pixels of a side: in fewer, a rule cannot be told from a stroke
WHOLE = 0.95  # of a side: a rule spans so much of it


def pieces(ink: NDArray[np.floating]) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """The number of the piece that each pixel belongs to, from 1 (0: no ink), and the ink of each piece."""
    from scipy import ndimage

    labels, count = ndimage.label(ink > 0, np.ones((3, 3)))  # corners connect
    return labels, ndimage.sum_labels(ink, labels, np.arange(1, count + 1))


def written(ink: Ink) -> Ink:
    """What was written, without specks, rules, frames, and what runs in from the border."""
    return _without_strangers(_without_rules(without_specks(ink)))


def without_specks(ink: Ink) -> Ink:
    """Keep only the pieces that are at least one pixel high or wide in MNIST's form."""
    from scipy import ndimage

    labels, _ = pieces(ink)
    sizes = [max(part.stop - part.start for part in box) for box in ndimage.find_objects(labels)]
    keep = np.array([False, *(size >= max(sizes) / BOX for size in sizes)])
    return np.where(keep[labels], ink, np.float32(0))


def _without_rules(ink: Ink) -> Ink:
    """Take out straight lines from border to border, if there are several, and close what they cross.

    A single one may be a stroke of a digit that is cut close.
    """
    from scipy import ndimage

    for axis in (0, 1):
        length = ink.shape[axis]
        if length < SMALLEST:
            continue
        across = [3, 3]
        across[axis] = 1
        straight = in_long_runs(ink > 0, int(RULE * length), axis)
        straight = ndimage.binary_dilation(straight, np.ones(across)) & (ink > 0)
        labels, _ = ndimage.label(straight, np.ones((3, 3)))
        boxes = ndimage.find_objects(labels)
        whole = [n for n, box in enumerate(boxes, 1) if box[axis].stop - box[axis].start >= WHOLE * length]
        if len(whole) < 2:
            continue
        rules = np.isin(labels, whole)
        rest = np.where(rules, np.float32(0), ink)
        if rest.sum() < SUBSTANTIAL / 2 * ink.sum():
            continue  # nothing else is there
        width = int(np.median(rules.sum(axis=1 - axis)) / len(whole))
        bridge = [1, 1]
        bridge[1 - axis] = 2 * width + 3
        ink = np.where(rules, ndimage.grey_closing(rest, size=bridge), rest).astype(np.float32)
    return ink


def in_long_runs(there: NDArray[np.bool_], least: int, axis: int) -> NDArray[np.bool_]:
    """Whether each pixel is one of at least `least` that follow one another along an axis.

    there, and what is returned: bool (height, width).
    """
    from scipy import ndimage

    size = [1, 1]
    size[axis] = least
    # The same as `binary_opening`, whose time grows with the length of the run.
    return ndimage.grey_opening(there, size=size, mode="constant", cval=0)


def _without_strangers(ink: Ink) -> Ink:
    """Keep the pieces that were meant: no frame around others, nothing that runs in from the border.

    Faint pieces go too. What touches the border stays if there is nothing else that is substantial.
    """
    from scipy import ndimage

    labels, masses = pieces(ink)
    boxes = ndimage.find_objects(labels)
    keep = np.array([not _is_frame(number, labels, ink, boxes, masses) for number in range(len(boxes))])
    ends = [
        (part.start == 0, part.stop == length)
        for box in boxes
        for part, length in zip(box, ink.shape, strict=True)
    ]
    at_border = np.array(ends).reshape(len(boxes), -1).any(axis=1)
    free = masses[keep & ~at_border]
    if len(free) and free.max() >= SUBSTANTIAL * masses[keep].max():
        keep &= ~at_border
    keep &= masses >= LEAST_INK * masses[keep].max()
    return np.where(np.concatenate([[False], keep])[labels], ink, np.float32(0))


def _is_frame(
    number: int,
    labels: NDArray[np.int32],
    ink: Ink,
    boxes: list[tuple[slice, slice]],
    masses: NDArray[np.float64],
) -> bool:
    """Whether a piece runs around another substantial one, near to its own edges."""
    rows, columns = boxes[number]
    inside = [
        other
        for other, (r, c) in enumerate(boxes)
        if rows.start < r.start and r.stop < rows.stop and columns.start < c.start and c.stop < columns.stop
    ]
    if not inside or masses[inside].max() < SUBSTANTIAL * masses[number]:
        return False
    piece = np.where(labels[rows, columns] == number + 1, ink[rows, columns], 0)
    down, aside = (max(1, int(FRAME * side)) for side in piece.shape)
    return bool(piece[down:-down, aside:-aside].sum() < INSIDE_FRAME * piece.sum())


def line_width(ink: NDArray[np.floating]) -> float:
    """The mean line width in pixels of MNIST's form: twice the ink divided by the outline's length."""
    padded = np.pad(cropped(ink), 1).astype(np.float64)
    outline = sum(np.abs(np.diff(padded, axis=axis)).sum() for axis in (0, 1))
    return float(2 * padded.sum() / outline * BOX / (max(padded.shape) - 2))


def thickened(ink: Ink) -> Ink:
    """Thicken each line until it is as wide as most lines of MNIST, in ink as dark as its darkest."""
    from scipy import ndimage

    more = (USUAL_WIDTH - line_width(ink)) / 2 * max(cropped(ink).shape) / BOX
    padded = np.pad(ink, int(more) + 2)
    darkest = padded.max()  # below 1 where what was darker did not belong to it
    distance = ndimage.distance_transform_edt(padded < darkest / 2)
    return np.maximum(padded, darkest * np.clip(more + 0.5 - distance, 0, 1)).astype(np.float32)
