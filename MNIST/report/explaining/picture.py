"""An explanation as one picture: the image and the answer, then a row for each layer."""

from collections.abc import Sequence

import numpy as np

from MNIST.report.canvas import Canvas, enlarged
from MNIST.report.colours import BLUE, FAINT, ORANGE, rgb
from MNIST.report.explaining.explanation import MAPS, Explanation, LayerView, Scale, number, outlined
from MNIST.report.percentages import probability_text
from MNIST.words import counted

# In pixels:
MARGIN, LEFT, CELL, GAP = 20, 250, 56, 4
WIDTH = LEFT + MAPS * (CELL + GAP) - GAP + MARGIN
STRIP = MAPS * (CELL + GAP) - GAP
ROW = CELL + 22
DIGIT = 28 * 8
HEAD = 414

MOST_ROWS = 24  # if there are more layers, those in the middle are left out


def explanation_png(explained: Explanation) -> bytes:
    """The picture as the bytes of a PNG file."""
    shown = [layer for layer in explained.layers if not layer.passes_through]
    between = len(shown) - MOST_ROWS
    if between > 0:
        shown = shown[: MOST_ROWS // 2] + shown[-MOST_ROWS // 2 :]
    first = next(place for place, layer in enumerate(shown) if layer.kind != "Pad")
    with_kernels = shown[first].kernels is not None  # a later layer's kernels see many maps each
    note = _left_out(explained.layers, max(0, between))
    canvas = Canvas(WIDTH, HEAD + (len(shown) + with_kernels) * ROW + MARGIN + (24 if note else 0))
    _head(canvas, explained)
    top = HEAD
    for place, layer in enumerate(shown):
        if place == first and with_kernels:
            _kernels(canvas, layer, top)
            top += ROW
        if place == len(shown) - 1:
            _scores(canvas, layer, explained, top)
        else:
            _layer(canvas, layer, top)
        top += ROW
    canvas.write(note, MARGIN, top + 12, 12, color=FAINT)
    return canvas.png()


def _head(canvas: Canvas, explained: Explanation) -> None:
    """Draw the image, the slopes behind the answer, and all probabilities."""
    title = f"{explained.network}: {explained.subject}"
    canvas.write(title, MARGIN, MARGIN, 20 if len(title) < 85 else 13, weight="bold")
    canvas.write(explained.verdict, MARGIN, MARGIN + 30, 15)
    top = 84
    canvas.place(enlarged(explained.image, 8), MARGIN, top)
    canvas.write("what the network sees", MARGIN, top + DIGIT + 6, 13)
    slopes = explained.slopes_of(explained.asked)
    scale = Scale.of(slopes)
    for place, (label, slope) in enumerate(zip(explained.asked, slopes, strict=True), start=1):
        left = MARGIN + place * (DIGIT + 24)
        picture = enlarged(scale.paint(slope), 8)
        _frame(canvas, outlined(picture, explained.ink), left, top)
        name = explained.names[label]
        words = (
            f"the score of {name}:",
            "blue: grows with more ink there",
            "orange: shrinks with more ink there",
        )
        for line, each in enumerate(words):
            canvas.write(each, left, top + DIGIT + 6 + 18 * line, 13)
    left = MARGIN + (len(explained.asked) + 1) * (DIGIT + 24) + 10
    _bars(canvas, explained, left, top)
    canvas.write(
        "Below: what each layer makes of it. Each layer has a scale of its own, beside its first map.",
        MARGIN,
        HEAD - 36,
        13,
        color=FAINT,
    )


def _bars(canvas: Canvas, explained: Explanation, left: int, top: int) -> None:
    """Draw a bar for each class's probability."""
    first = 20 + 8 * max(len(explained.names[label]) for label in explained.shown)
    longest = min(320, WIDTH - MARGIN - left - first - 70)
    for place, label in enumerate(explained.shown):
        probability = explained.probabilities[label]
        y = top + place * 22
        style = {"weight": "bold"} if label == explained.answer else {}
        canvas.write(explained.names[label], left, y, 15, **style)
        length = max(1, round(longest * probability))
        canvas.place(_block(rgb(BLUE), length, 16), left + first, y)
        canvas.write(probability_text(probability), left + first + length + 6, y + 1, 13, **style)


def _layer(canvas: Canvas, layer: LayerView, top: int) -> None:
    """Draw a layer's row: its line, and its first maps or all its numbers."""
    scale = Scale.of(layer.output)
    if layer.output.ndim == 1:
        _label(canvas, layer.text, f"{layer.shape} numbers", scale, top)
        _strip(canvas, scale.paint(layer.output), top)
        return
    count = layer.output.shape[-1]
    shown = f", {MAPS} of {count} maps" if count > MAPS else ""
    _label(canvas, layer.text, f"{layer.shape}{shown}", scale, top)
    _maps(canvas, layer.output[..., :MAPS], scale, top)


def _kernels(canvas: Canvas, layer: LayerView, top: int) -> None:
    """Draw the kernels of the first convolution, each above its map."""
    assert layer.kernels is not None
    rows, columns, channels, _ = layer.kernels.shape
    kernels = layer.kernels[:, :, 0, :MAPS]
    words = f"{rows}×{columns} weights" + (" of the first channel" if channels > 1 else "")
    _label(canvas, "kernels of the first Conv", words, Scale.of(kernels), top)
    _maps(canvas, kernels, Scale.of(kernels), top)


def _maps(canvas: Canvas, maps: np.ndarray, scale: Scale, top: int) -> None:
    """Draw maps side by side, each as large as its cell allows."""
    largest = max(maps.shape[:2])
    every, times = -(-largest // CELL), max(1, CELL // largest)
    for place in range(maps.shape[-1]):
        picture = enlarged(scale.paint(maps[::every, ::every, place]), times)
        _frame(canvas, picture, LEFT + place * (CELL + GAP), top)


def _strip(canvas: Canvas, colours: np.ndarray, top: int) -> None:
    """Draw numbers in their order as squares, as large as possible so that all fit into a row's height."""
    sides = (side for side in range(CELL, 1, -1) if -(-len(colours) // (STRIP // side)) * side <= CELL)
    side = next(sides, 1)
    per_line = STRIP // side
    lines = min(CELL // side, -(-len(colours) // per_line))
    squares = np.full((lines * per_line, 3), 255, np.uint8)
    squares[: len(colours)] = colours[: len(squares)]
    canvas.place(enlarged(squares.reshape(lines, per_line, 3), side), LEFT, top)


def _scores(canvas: Canvas, layer: LayerView, explained: Explanation, top: int) -> None:
    """Draw the last layer's numbers, of the shown classes, as bars, up and down from 0."""
    canvas.write(layer.text, MARGIN, top, 13, family="monospace", weight="bold")
    canvas.write("the score of each class; softmax", MARGIN, top + 20, 12, color=FAINT)
    canvas.write("makes the probabilities of them", MARGIN, top + 36, 12, color=FAINT)
    height = CELL - 16
    scores = layer.output.ravel()[
        explained.shown
    ]  # the output may still be a map of one place, which Flatten makes a row
    most, least = max(0.0, scores.max()), min(0.0, scores.min())
    zero = top + round(height * most / ((most - least) or 1.0))
    step = STRIP // len(scores)
    for place, score in enumerate(scores):
        left, length = LEFT + place * step, round(height * abs(score) / ((most - least) or 1.0))
        bar = _block(rgb(BLUE if score > 0 else ORANGE), 34, length)
        canvas.place(bar, left, zero - length if score > 0 else zero)
        canvas.place(_block((120, 120, 120), 34, 1), left, zero)
        canvas.write(number(score), left + 38, zero - 8, 12, color=FAINT)
        canvas.write(explained.names[explained.shown[place]], left, top + height + 6, 14)


def _label(canvas: Canvas, text: str, shape: str, scale: Scale, top: int) -> None:
    """Draw the words at the left of a row, and its scale."""
    text = text if len(text) <= 27 else text[:26] + "…"
    canvas.write(text, MARGIN, top, 13, family="monospace", weight="bold")
    canvas.write(shape, MARGIN, top + 19, 12, color=FAINT)
    colours = scale.paint(np.linspace(scale.low, scale.high, 90))
    _frame(canvas, np.repeat(colours[None], 8, axis=0), MARGIN + 60, top + 41)
    canvas.write(number(scale.low), MARGIN + 54, top + 38, 11, color=FAINT, ha="right")
    canvas.write(number(scale.high), MARGIN + 156, top + 38, 11, color=FAINT)


def _frame(canvas: Canvas, picture: np.ndarray, left: int, top: int) -> None:
    """Place a picture in a thin frame, so that its edge is visible even where it is white."""
    canvas.place(_block((200, 200, 200), picture.shape[1] + 2, len(picture) + 2), left - 1, top - 1)
    canvas.place(picture, left, top)


def _block(colour: Sequence[int] | np.ndarray, width: int, height: int) -> np.ndarray:
    return np.full((height, width, 3), colour, np.uint8)


def _left_out(layers: Sequence[LayerView], between: int) -> str:
    """A sentence about the layers that have no row; "" if all have one."""
    left_out = [f"{counted(between, 'layer')} in the middle"] if between else []
    left_out += ["layers inside blocks"] if any(layer.inside for layer in layers) else []
    unchanged = " and ".join(dict.fromkeys(layer.kind for layer in layers if layer.passes_through))
    left_out += [f"{unchanged}, through which all goes unchanged"] if unchanged else []
    if not left_out:
        return ""
    return f"Left out: {'; '.join(left_out)}. The page beside this picture has every layer."
