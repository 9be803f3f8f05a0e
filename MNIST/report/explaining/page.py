"""An explanation as one web page: every layer, with a sentence on what its kind does."""

import io
from collections.abc import Iterator
from html import escape

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
from MNIST.report.html_page import html_page
from MNIST.report.percentages import probability_text
from MNIST.report.png import data_uri

PER_ROW = 8  # maps beside one another: on a phone each has 40 pixels
MOST_MAPS = 1_024
SIDE, STRIP = 64, 32  # of a map on a wide screen, in pixels; numbers of a dense layer in a row
LEAST = 16  # pixels of a small map's side, so that what lies between it and the next is narrow
KERNELS = 8  # filters and channels of a later convolution that are shown


def explanation_page(explained: Explanation) -> str:
    """The page as HTML."""
    body = [
        f"<p>{escape(explained.subject[0].upper() + explained.subject[1:])}. {escape(explained.verdict)}</p>",
        *_head(explained),
        "<h2>Layer by layer</h2>",
        "<p>Each layer has a scale of its own, the same for all its maps: from dark (0) to bright; or, where"
        " some numbers are below 0, from <b>orange</b> (below) by white (0) to <b>blue</b> (above).</p>",
        *(piece for layer in explained.layers[:-1] for piece in _layer(layer, 2)),
        *_scores(explained),
    ]
    return html_page(f"How {explained.network} arrives at its answer", body, STYLE + _scales())


def _head(explained: Explanation) -> Iterator[str]:
    """The image, its slopes and all probabilities."""
    yield '<div class="side">'
    yield _figure(
        np.repeat(explained.image[..., None], 3, axis=-1), 224, "What the network sees", "the image"
    )
    scale = Scale.of(explained.slopes[explained.asked])
    for digit in explained.asked:
        name = explained.names[digit]
        yield _figure(
            _slope(explained, digit, scale),
            224,
            f"The score of {escape(name)}: <b>blue</b> grows, <b>orange</b> shrinks with more ink there",
            f"the slope of the score of {name} along each pixel",
        )
    yield '<table class="bars"><tbody>'
    for digit, probability in enumerate(explained.probabilities):
        mark = ' class="answer"' if digit == explained.answer else ""
        yield f"<tr{mark}>{_bar(explained.names[digit], probability, probability_text(probability))}</tr>"
    yield "</tbody></table></div>"
    yield (
        "<p>The coloured picture is the slope of a score along each pixel: how the score would grow, or fall,"
        " if that pixel had a little more ink. The line is the outline of the ink.</p>"
    )
    yield "<details><summary>The slopes of all ten scores, on one scale</summary><div class='side'>"
    scale = Scale.of(explained.slopes)
    for digit, name in enumerate(explained.names):
        yield _figure(_slope(explained, digit, scale), 112, escape(name), f"the slope of the score of {name}")
    yield "</div></details>"


def _slope(explained: Explanation, digit: int, scale: Scale) -> np.ndarray:
    return outlined(enlarged(scale.paint(explained.slopes[digit]), 4), explained.image)


def _layer(layer: LayerView, level: int) -> Iterator[str]:
    """A layer's section; that of a block has those of its layers in it."""
    yield f"<h{level}><code>{escape(layer.text)}</code> <small>{layer.shape}</small></h{level}>"
    yield f"<p>{layer.lesson}</p>"
    if layer.inside:
        yield f"<details><summary>{_counted(len(layer.inside), 'layer')} inside this block</summary>"
        for each in layer.inside:
            yield from _layer(each, min(level + 1, 6))
        yield "</details>"
    if layer.passes_through:
        return
    if layer.output.ndim == 1:
        yield from _strip(layer)
    else:
        yield from _maps(layer)
    if layer.kernels is not None:
        yield from _kernels(layer.kernels)


def _maps(layer: LayerView) -> Iterator[str]:
    maps, scale = layer.output[..., :MOST_MAPS], Scale.of(layer.output)
    count = maps.shape[-1]
    yield _legend(scale)
    yield _sheet(maps[..., :MAPS], scale, f"{min(count, MAPS)} maps of {layer.text}")
    if count > MAPS:
        left_out = layer.output.shape[-1] - count
        more = f", and {left_out:,} more are not shown" if left_out else ""
        yield f"<details><summary>The other {count - MAPS:,} maps{more}</summary>"
        yield _sheet(maps[..., MAPS:], scale, f"the other maps of {layer.text}")
        yield "</details>"


def _strip(layer: LayerView) -> Iterator[str]:
    """The numbers of a dense layer as squares, in their order."""
    scale, count = Scale.of(layer.output), len(layer.output)
    yield _legend(scale)
    squares = layer.output[None, None]
    per_row = STRIP if count <= STRIP**2 else 4 * STRIP
    yield _sheet(squares, scale, f"{count:,} numbers of {layer.text}", per_row, side=640 // per_row, gap=0)


def _kernels(kernels: np.ndarray) -> Iterator[str]:
    """The kernels that see a few maps, whole; of others a corner: a row a filter, a column a map it sees."""
    rows, columns, channels, filters = kernels.shape
    if channels == 1:
        yield f"<details open><summary>The {filters:,} kernels, in the order of the maps</summary>"
        shown, per_row, note = kernels[:, :, 0, :MOST_MAPS], PER_ROW, ""
    else:
        first = kernels[:, :, :KERNELS, :KERNELS]
        shown, per_row = first.transpose(0, 1, 3, 2).reshape(rows, columns, -1), first.shape[2]
        yield f"<details><summary>Some kernels of {filters:,}×{channels:,}</summary>"
        note = (
            f"<p>A row for each of the first {first.shape[3]} filters; in it, how it weighs each of the first"
            f" {per_row} of the {channels:,} maps that come in.</p>"
        )
    scale = Scale.of(shown)
    yield note + _legend(scale) + _sheet(shown, scale, f"kernels of {rows}×{columns} weights", per_row, 40)
    yield "</details>"


def _scores(explained: Explanation) -> Iterator[str]:
    """The last layer: ten numbers, as bars."""
    layer = explained.layers[-1]
    yield f"<h2><code>{escape(layer.text)}</code> <small>{layer.shape}</small></h2>"
    yield (
        "<p>Ten scores, one a class, to the right where they are above 0, to the left where they are below."
        " Softmax makes the probabilities of them:"
        " it takes e to the power of each, and divides by the sum of all ten.</p>"
    )
    most = float(np.abs(layer.output).max()) or 1.0
    yield '<table class="bars"><tbody>'
    for digit, score in enumerate(layer.output.tolist()):
        mark = ' class="answer"' if digit == explained.answer else ""
        yield f"<tr{mark}>{_bar(explained.names[digit], score / most, number(score), signed=True)}</tr>"
    yield "</tbody></table>"


def _bar(name: str, part: float, words: str, signed: bool = False) -> str:
    """The cells of a row: a name, a bar of a length from 0 to 1, and the number in words.

    signed: the length is one from −1 to 1, and the bar goes from the middle to the left or to the right.
    """
    sign = ' class="below"' if part < 0 else ""
    length, begin = (abs(part) / 2, 0.5 + min(part, 0) / 2) if signed else (part, 0.0)
    bar = f'<i{sign} style="width:{length:.1%};margin-left:{begin:.1%}"></i>'
    return f'<th scope="row">{escape(name)}</th><td>{bar}</td><td>{words}</td>'


def _sheet(
    maps: np.ndarray, scale: Scale, words: str, per_row: int = PER_ROW, side: int = SIDE, gap: int = 1
) -> str:
    """Maps side by side as one image, as wide as there is room. words: for those who do not see it."""
    times = 1 if gap == 0 else max(1, LEAST // max(maps.shape[:2]))
    picture = tiles(enlarged(maps, times), per_row, scale, gap)
    width = min(per_row, maps.shape[-1]) * side
    return f'<img class="maps" style="width:{width}px" src="{_data_uri(picture)}" alt="{escape(words)}">'


def _figure(picture: np.ndarray, width: int, caption: str, words: str) -> str:
    """An image with a caption, which is HTML; words: as in `_sheet`."""
    image = f'<img style="width:{width}px" src="{_data_uri(picture)}" alt="{escape(words)}">'
    return f'<figure style="width:{width}px">{image}<figcaption>{caption}</figcaption></figure>'


def _legend(scale: Scale) -> str:
    kind = "signed" if scale.low < 0 else "plain"
    return f'<p class="scale">{number(scale.low)} <i class="{kind}"></i> {number(scale.high)}</p>'


def _data_uri(picture: np.ndarray) -> str:
    """A picture, uint8 (…, …, 3 or 4), as a PNG in a URI."""
    from matplotlib.image import imsave

    stream = io.BytesIO()
    imsave(stream, np.ascontiguousarray(picture), format="png")
    return data_uri(stream.getvalue())


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'s' * (count != 1)}"


def _scales() -> str:
    """The colours of both kinds of scale, as CSS."""
    css = ""
    for name, signed in (("plain", False), ("signed", True)):
        stops = ", ".join(f"rgb({r} {g} {b})" for r, g, b in palette(signed)[::15])
        css += f".scale .{name} {{ background: linear-gradient(to right, {stops}); }}\n"
    return css


STYLE = """\
h2, h3, h4, h5, h6 { font-size: 1.05rem; margin: 1.5rem 0 0; overflow-wrap: anywhere; }
small { font-weight: normal; margin-left: .5rem; }
img { display: block; max-width: 100%; height: auto; image-rendering: pixelated; }
figure { margin: 0; max-width: 100%; }
figure img { border: 1px solid var(--faint); box-sizing: border-box; }
figcaption { font-size: .85rem; }
.side { display: flex; flex-wrap: wrap; gap: 1rem 1.5rem; align-items: flex-start; margin: .75rem 0; }
.maps { margin: .25rem 0; }
.bars { width: min(100%, 26rem); }
.bars th, .bars td { border: 0; padding: .1rem .4rem; white-space: nowrap; font-weight: inherit; }
.bars td:nth-child(2) { width: 100%; text-align: left; }
.bars i { display: inline-block; height: .8rem; min-width: 1px; background: #0072b2; vertical-align: middle; }
.bars .below { background: #d55e00; }
.answer { font-weight: bold; }
.scale { display: flex; align-items: center; gap: .4rem; font-size: .85rem; }
.scale i { width: 6rem; height: .7rem; border: 1px solid var(--faint); }
details { margin: .5rem 0; padding-left: .75rem; border-left: 2px solid var(--faint); }
summary { cursor: pointer; }
"""
