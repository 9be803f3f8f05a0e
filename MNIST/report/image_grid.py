"""Images of a dataset with their labels, in the terminal and as a picture, and counts of them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from rich.cells import cell_len, set_cell_size

from MNIST.report.canvas import Canvas, enlarged
from MNIST.report.colours import FAINT
from MNIST.report.half_blocks import half_blocks

SIDE = 28

# In the terminal, in columns:
GAP = 2  # between two images
FEWEST = 5  # images side by side; if these do not fit, each is halved
BRIGHTER = 1.4  # factor for the pixels of a halved image, so that thin strokes stay visible
COUNT = 8  # columns for a count
BARS = 3, 20  # the least and the most for a bar

# In the picture, in pixels:
TIMES, PER_ROW, MARGIN = 3, 10, 20
CELL, LINE, HEAD = SIDE * TIMES + 12, SIDE * TIMES + 44, 34


@dataclass(frozen=True)
class Images:
    """Some images of a set, uint8 (n, 28, 28), with the name and the number in the set of each."""

    title: str
    images: np.ndarray
    names: Sequence[str]
    numbers: Sequence[int]


def terminal_grid(shown: Images, width: int, colour: bool, ascii_only: bool) -> Iterator[str]:
    """Lines of at most `width` columns or one image, with name and #number below each image.

    colour, ascii_only: as for `half_blocks`.
    """
    fit = width >= FEWEST * (SIDE + GAP) - GAP
    pictures = [half_blocks(image if fit else halved(image), colour, ascii_only) for image in shown.images]
    captions = [f"{name} #{number}" for name, number in zip(shown.names, shown.numbers, strict=True)]
    side = SIDE if fit else SIDE // 2
    cell = max(side, *map(cell_len, captions), 0)
    per_row = max(1, (width + GAP) // (cell + GAP))
    beside = " " * (cell - side + GAP)  # escape codes have no width, so lines cannot be padded by length
    for start in range(0, len(pictures), per_row):
        row = slice(start, start + per_row)
        yield from (beside.join(lines) for lines in zip(*pictures[row], strict=True))
        yield (" " * GAP).join(set_cell_size(caption, cell) for caption in captions[row]).rstrip()
        yield ""


def halved(image: np.ndarray) -> np.ndarray:
    """An image at half its size: each 2×2 pixels become one, a little brighter than their mean."""
    means = image.reshape(len(image) // 2, 2, -1, 2).mean(axis=(1, 3))
    return np.minimum(255, np.rint(BRIGHTER * means)).astype(np.uint8)


def count_table(
    names: Sequence[str], labels: Mapping[str, np.ndarray], width: int, ascii_only: bool
) -> Iterator[str]:
    """How many images each class has: one line for each class, with a bar beside each count.

    labels: the labels of all images of each set, by the set's name; names: what each label means.
    """
    first = max(map(cell_len, names))
    least, most = BARS
    longest = min(most, max(least, (width - first) // len(labels) - COUNT - 3))
    counts = {title: np.bincount(of_set, minlength=len(names)) for title, of_set in labels.items()}
    ink, space = "#" if ascii_only else "▀", " " * (longest + 1)
    yield "  ".join([" " * first, *(f"{title:>{COUNT}}{space}" for title in counts)]).rstrip()
    for label, name in enumerate(names):
        cells = [
            f"{of_set[label]:{COUNT},} {ink * round(longest * of_set[label] / max(of_set)):{longest}}"
            for of_set in counts.values()
        ]
        yield "  ".join([set_cell_size(name, first), *cells]).rstrip()
    totals = [f"{of_set.sum():{COUNT},}{space}" for of_set in counts.values()]
    yield "  ".join([f"{'':{first}}", *totals]).rstrip()


def grid_png(sets: Sequence[Images], title: str) -> bytes:
    """The images of some sets as the bytes of a PNG file, enlarged, with name and number below each."""
    rows = [-(-len(shown.images) // PER_ROW) for shown in sets]
    height = MARGIN + HEAD + sum(HEAD + count * LINE for count in rows)
    canvas = Canvas(2 * MARGIN + PER_ROW * CELL, height)
    canvas.write(title, MARGIN, MARGIN, 18, weight="bold")
    top = MARGIN + HEAD
    for shown, count in zip(sets, rows, strict=True):
        canvas.write(shown.title, MARGIN, top)
        for place, image in enumerate(shown.images):
            row, column = divmod(place, PER_ROW)
            x, y = MARGIN + column * CELL, top + 26 + row * LINE
            canvas.place(enlarged(image, TIMES), x, y)
            canvas.write(shown.names[place], x, y + SIDE * TIMES + 3)
            canvas.write(f"#{shown.numbers[place]}", x, y + SIDE * TIMES + 20, 11, color=FAINT)
        top += HEAD + count * LINE
    return canvas.png()
