"""SVG elements as text: their colours by day and by night, and how wide words are."""

import re
from xml.sax.saxutils import escape, quoteattr

from MNIST.report.colours import BLUE, GREEN, GREY, LIGHT_BLUE, LIGHT_ORANGE, ORANGE

# Each kind's colour on a light page and on a dark one.
COLOURS = {
    "conv": (BLUE, LIGHT_BLUE),
    "pool": (ORANGE, LIGHT_ORANGE),
    "dense": (GREEN, "#2DC79A"),
    "norm": ("#A8478A", "#E29BC6"),
    "input": ("#555555", "#CCCCCC"),
    "none": ("#777777", GREY),
}
INK, INK_IN_THE_DARK = "#1F2328", "#E6EDF3"
OWN = "architecture"  # the class of the whole picture

_NOT_IN_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# Widths in DejaVu Sans, which is wider than most fonts; in parts of the font's size.
_WIDTHS = {**dict.fromkeys("ijl,. ;:'", 0.32), **dict.fromkeys("frt/()", 0.41), **dict.fromkeys("mwMW", 1.0)}


def style() -> str:
    """The style sheet of a picture. It follows the reader's choice between light and dark pages."""
    light, dark = (
        "".join(f".{OWN} .{kind}{{fill:{pair[side]};stroke:{pair[side]}}}" for kind, pair in COLOURS.items())
        for side in (0, 1)
    )
    return (
        f"<style>.{OWN}{{color:{INK};font-family:sans-serif;font-size:10px}}"
        f".{OWN} text{{fill:currentColor;text-anchor:middle}}"
        f".{OWN} .begin{{text-anchor:start}}.{OWN} .title{{font-size:15px;font-weight:bold}}"
        f".{OWN} .name{{font-size:11px;font-weight:bold}}.{OWN} .faint{{fill-opacity:.72}}"
        f".{OWN} .front{{fill-opacity:.42}}.{OWN} .side{{fill-opacity:.2}}"
        f".{OWN} .mark{{fill-opacity:.16;stroke-opacity:.7}}"
        f".{OWN} .line{{fill:none;stroke:currentColor;stroke-opacity:.55;stroke-width:1.2}}"
        f".{OWN} .frame{{fill:none;stroke:currentColor;stroke-opacity:.45;stroke-dasharray:4 3}}"
        f"{light}@media(prefers-color-scheme:dark){{.{OWN}{{color:{INK_IN_THE_DARK}}}{dark}}}</style>"
    )


def element(name: str, content: str = "", /, **attributes: object) -> str:
    """An element. content: elements, or text that is escaped already. A number gets one decimal."""
    written = "".join(f" {key.strip('_')}={_quoted(value)}" for key, value in attributes.items())
    return f"<{name}{written}>{content}</{name}>" if content else f"<{name}{written}/>"


def words(text: str) -> str:
    """Text as the content of an element; a character that XML cannot hold becomes a �."""
    return escape(_NOT_IN_XML.sub("\ufffd", text))


def number(value: float) -> str:
    """A length or a place, in pixels."""
    return f"{round(value, 1) + 0.0:.1f}".removesuffix(".0")  # + 0.0 makes 0 of -0


def width_of(text: str, size: float = 10) -> float:
    """How wide a text is at most in a usual font without serifs, in pixels. size: of the font."""
    return size * sum(_WIDTHS.get(letter, 0.84 if letter in "×…" else 0.66) for letter in text)


def _quoted(value: object) -> str:
    text = number(value) if isinstance(value, int | float) else _NOT_IN_XML.sub("\ufffd", str(value))
    return quoteattr(text)
