"""The numbers that explain one answer, and how numbers become colours."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from MNIST.report.colours import BLUE, ORANGE
from MNIST.report.percentages import probability_text

MOST_CLASSES = 10  # whose scores are shown
MAPS = 16  # of a layer that are shown at first


@dataclass(frozen=True)
class LayerView:
    """A layer: its line, its output for the image, and its kernels.

    text: as in the model file; kind: its first word. output: float32 (rows, columns, channels) or (units,).
    kernels: of a convolution, float32 (rows, columns, channels, filters). inside: a block's layers.
    lesson: what such a layer does, for beginners. passes_through: whether it changes nothing.
    """

    text: str
    kind: str
    output: np.ndarray
    kernels: np.ndarray | None = None
    inside: tuple["LayerView", ...] = ()
    lesson: str = ""
    passes_through: bool = False

    @property
    def shape(self) -> str:
        return "×".join(map(str, self.output.shape))


@dataclass(frozen=True)
class Explanation:
    """One image, one network's answer, and how the network arrives at it.

    network: its name. subject: the image in words. image: uint8 (28, 28), on bright paper if has_dark_ink.
    label: its class, if known. names: of the classes. probabilities: (classes,). shown: the likeliest
    classes, and the right one, in order. slopes: float32 (shown, 28, 28), how these classes' scores grow
    with the ink of each pixel: the gradient with respect to the pixel, or its opposite if ink is dark.
    layers: those outside all blocks, in order; the last makes the scores.
    """

    network: str
    subject: str
    image: np.ndarray
    label: int | None
    names: tuple[str, ...]
    probabilities: np.ndarray
    shown: list[int]
    slopes: np.ndarray
    layers: tuple[LayerView, ...]
    has_dark_ink: bool = False

    @property
    def ink(self) -> np.ndarray:
        """How much ink each pixel has: uint8 (28, 28)."""
        return 255 - self.image if self.has_dark_ink else self.image

    @property
    def answer(self) -> int:
        return int(self.probabilities.argmax())

    @property
    def asked(self) -> list[int]:
        """The classes whose slopes are shown first: the answer, and the right one if it is wrong."""
        return [self.answer] if self.label in (None, self.answer) else [self.answer, self.label]

    def slopes_of(self, classes: Sequence[int]) -> np.ndarray:
        """The slopes of some of the shown classes, in the order given."""
        return self.slopes[[self.shown.index(each) for each in classes]]

    @property
    def verdict(self) -> str:
        """A sentence: what the network answers, and whether that is right."""
        answer, sure = self.names[self.answer], self.probabilities[self.answer]
        if self.label is None:
            return f"The answer is {answer}, with a probability of {probability_text(sure)}."
        verdict = "which is right" if self.label == self.answer else f"but it is {self.names[self.label]}"
        return f"The answer is {answer}, with a probability of {probability_text(sure)}, {verdict}."


@dataclass(frozen=True)
class Scale:
    """From numbers to colours: from dark (0) to bright, or with white for 0 if some are negative."""

    low: float
    high: float

    @classmethod
    def of(cls, values: np.ndarray) -> "Scale":
        """The scale of a layer's numbers, the same for all of its maps."""
        most = float(np.abs(values).max(initial=0.0))
        return cls(-most if values.min(initial=0.0) < 0 else 0.0, most)

    def paint(self, values: np.ndarray) -> np.ndarray:
        """Colours, uint8 (…, 3), of numbers."""
        part = (values - self.low) / ((self.high - self.low) or 1.0)
        return palette(self.low < 0)[np.rint(np.clip(part, 0, 1) * 255).astype(int)]


@cache
def palette(signed: bool) -> np.ndarray:
    """256 colours, uint8 (256, 3): from dark to bright, or from orange over white to blue.

    They are Viridis, and Okabe and Ito's blue and vermilion: colour-blind readers can read both.
    """
    from matplotlib import colormaps
    from matplotlib.colors import LinearSegmentedColormap

    diverging = ("#7A2E00", ORANGE, "#FFFFFF", BLUE, "#00304D")
    colours = LinearSegmentedColormap.from_list("signed", diverging) if signed else colormaps["viridis"]
    return colours(np.arange(256), bytes=True)[:, :3]


def tiles(maps: np.ndarray, per_row: int, scale: Scale, gap: int = 1) -> np.ndarray:
    """Maps side by side in their colours, uint8 (…, …, 4), transparent between them.

    maps: (rows, columns, n).
    """
    rows, columns, count = maps.shape
    lines = -(-count // per_row)
    width = min(per_row, count)
    sheet = np.zeros((lines * (rows + gap) - gap, width * (columns + gap) - gap, 4), np.uint8)
    for place in range(count):
        y, x = (place // per_row) * (rows + gap), (place % per_row) * (columns + gap)
        sheet[y : y + rows, x : x + columns, :3] = scale.paint(maps[..., place])
        sheet[y : y + rows, x : x + columns, 3] = 255
    return sheet


def outlined(picture: np.ndarray, ink: np.ndarray) -> np.ndarray:
    """A picture, uint8 (28 · k, 28 · k, 3), with the outline of an image's ink drawn into it."""
    times = len(picture) // len(ink)
    ink = np.pad((ink > 127).repeat(times, axis=0).repeat(times, axis=1), 1)
    inner = ink[1:-1, 1:-1] & ink[:-2, 1:-1] & ink[2:, 1:-1] & ink[1:-1, :-2] & ink[1:-1, 2:]
    return np.where((ink[1:-1, 1:-1] & ~inner)[..., None], np.uint8(40), picture)


def number(value: float) -> str:
    """A number in a few characters, with a true minus sign."""
    return f"{value:.3g}".replace("-", "−")
