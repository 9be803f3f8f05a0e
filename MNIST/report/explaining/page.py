"""An explanation as one web page: every layer, with a sentence on what its kind does."""

import io
from collections.abc import Sequence

import numpy as np

from MNIST.report.canvas import enlarged
from MNIST.report.explaining.explanation import (
    MAPS,
    Explanation,
    LayerView,
    Scale,
    number,
    outlined,
    palette,
    tiles,
)
from MNIST.report.percentages import probability_text
from MNIST.report.png import data_uri
from MNIST.report.templates import fill
from MNIST.words import counted

PER_ROW = 8  # maps side by side: on a phone each is 40 pixels wide
MOST_MAPS = 1_024
SIDE, STRIP = 64, 32  # pixels of a map's side on a wide screen; numbers of a dense layer in one row
LEAST = 16  # pixels of a small map's side, at least, so that the gaps between maps look narrow
KERNELS = 8  # filters and channels of a later convolution that are shown


def explanation_page(explained: Explanation) -> str:
    """The page as HTML."""
    last, names = explained.layers[-1], explained.names
    scores = last.output.ravel().tolist()
    most = max(map(abs, scores)) or 1.0
    return fill(
        "report/explaining/page.html",
        title=f"How {explained.network} arrives at its answer",
        subject=explained.subject[0].upper() + explained.subject[1:],
        verdict=explained.verdict,
        image_uri=_data_uri(np.repeat(explained.image[..., None], 3, axis=-1)),
        asked=_slopes(explained, explained.asked),
        slopes=_slopes(explained, explained.shown),
        probabilities=[
            {
                "name": names[label],
                "answer": label == explained.answer,
                "words": probability_text(explained.probabilities[label]),
            }
            | _bar(explained.probabilities[label])
            for label in explained.shown
        ],
        layers=[_layer(layer) for layer in explained.layers[:-1]],
        last=last,
        scores=[
            {"name": names[label], "answer": label == explained.answer, "words": number(scores[label])}
            | _bar(scores[label] / most, signed=True)
            for label in explained.shown
        ],
        classes=len(names),
        scales={"plain": _stops(False), "signed": _stops(True)},
    )


def _slopes(explained: Explanation, classes: Sequence[int]) -> list[dict[str, object]]:
    """The slopes of these classes' scores as pictures, on one scale."""
    slopes = explained.slopes_of(classes)
    scale = Scale.of(slopes)
    pictures = [outlined(enlarged(scale.paint(each), 4), explained.ink) for each in slopes]
    return [
        {"name": explained.names[label], "uri": _data_uri(picture)}
        for label, picture in zip(classes, pictures, strict=True)
    ]


def _layer(layer: LayerView) -> dict[str, object]:
    """The values for a layer's part of the page."""
    shown: dict[str, object] = {
        "text": layer.text,
        "shape": layer.shape,
        "lesson": layer.lesson,
        "inside": [_layer(each) for each in layer.inside],
        "maps": None,
        "others": None,
        "kernels": None,
    }
    if layer.passes_through:
        return shown
    shown |= {"maps": _strip(layer)} if layer.output.ndim == 1 else _maps(layer)
    return shown | ({} if layer.kernels is None else {"kernels": _kernels(layer.kernels)})


def _maps(layer: LayerView) -> dict[str, object]:
    """The first maps of a layer, and the other maps, which a click opens."""
    maps, scale = layer.output[..., :MOST_MAPS], Scale.of(layer.output)
    count = maps.shape[-1]
    first = _sheet(maps[..., :MAPS], scale, f"{counted(min(count, MAPS), 'map')} of {layer.text}")
    if count <= MAPS:
        return {"maps": first}
    left_out = layer.output.shape[-1] - count
    more = f", and {left_out:,} more are not shown" if left_out else ""
    others = _sheet(maps[..., MAPS:], scale, f"the other maps of {layer.text}")
    return {"maps": first, "others": others | {"summary": f"The other {counted(count - MAPS, 'map')}{more}"}}


def _strip(layer: LayerView) -> dict[str, object]:
    """The numbers of a dense layer as squares, in their order."""
    count = len(layer.output)
    per_row = STRIP if count <= STRIP**2 else 4 * STRIP
    words = f"{count:,} numbers of {layer.text}"
    return _sheet(
        layer.output[None, None], Scale.of(layer.output), words, per_row, side=640 // per_row, gap=0
    )


def _kernels(kernels: np.ndarray) -> dict[str, object]:
    """The kernels if they see one map; otherwise some, with a row for each filter, a column for each map."""
    rows, columns, channels, filters = kernels.shape
    if channels == 1:
        shown, per_row, note = kernels[:, :, 0, :MOST_MAPS], PER_ROW, ""
        summary = f"The {counted(filters, 'kernel')}, in the order of the maps"
    else:
        first = kernels[:, :, :KERNELS, :KERNELS]
        shown, per_row = first.transpose(0, 1, 3, 2).reshape(rows, columns, -1), first.shape[2]
        summary = f"Some kernels of {filters:,}×{channels:,}"
        note = (
            f"A row for each of the first {first.shape[3]} filters; in it, how it weighs each of the first"
            f" {per_row} of the {counted(channels, 'map')} that come in."
        )
    sheet = _sheet(shown, Scale.of(shown), f"kernels of {rows}×{columns} weights", per_row, 40)
    return sheet | {"open": channels == 1, "summary": summary, "note": note}


def _bar(part: float, signed: bool = False) -> dict[str, object]:
    """A bar of a length from 0 to 1.

    signed: the length is from −1 to 1, and the bar goes from the middle to the left or right.
    """
    length, begin = (abs(part) / 2, 0.5 + min(part, 0) / 2) if signed else (part, 0.0)
    return {"below": part < 0, "length": f"{length:.1%}", "begin": f"{begin:.1%}"}


def _sheet(
    maps: np.ndarray, scale: Scale, words: str, per_row: int = PER_ROW, side: int = SIDE, gap: int = 1
) -> dict[str, object]:
    """Maps side by side as one image, with their scale. words: describe it to those who cannot see it."""
    times = 1 if gap == 0 else max(1, LEAST // max(maps.shape[:2]))
    return {
        "uri": _data_uri(tiles(enlarged(maps, times), per_row, scale, gap)),
        "width": min(per_row, maps.shape[-1]) * side,
        "words": words,
        "low": number(scale.low),
        "high": number(scale.high),
        "scale": "signed" if scale.low < 0 else "plain",
    }


def _data_uri(picture: np.ndarray) -> str:
    """A picture, uint8 (…, …, 3 or 4), as a PNG in a URI."""
    from matplotlib.image import imsave

    stream = io.BytesIO()
    imsave(stream, np.ascontiguousarray(picture), format="png")
    return data_uri(stream.getvalue())


def _stops(signed: bool) -> str:
    """The colours of a scale, as CSS."""
    return ", ".join(f"rgb({r} {g} {b})" for r, g, b in palette(signed)[::15])
