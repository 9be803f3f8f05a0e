"""The colours of all pictures and pages. Colour-blind readers can tell them apart too.

Source: Okabe and Ito, Color Universal Design (2008).
"""

from colorsys import hls_to_rgb

BLUE, ORANGE, GREEN = "#0072B2", "#D55E00", "#009E73"
LIGHT_BLUE, LIGHT_ORANGE = "#56B4E9", "#FF9A4D"  # the same two on a dark page
PALE_BLUE = "#DCE9F2"  # behind what is correct
GREY = "#999999"  # lines that only guide the eye
FAINT = "0.35"  # less important words: the part of white in their grey, as Matplotlib reads it

# One for each of ten classes: Okabe and Ito's colours and two more. The colour of the text replaces their
# black, because it is light on a dark page.
TEN = ("text", "#E69F00", LIGHT_BLUE, GREEN, "#F0E442", BLUE, ORANGE, "#CC79A7", GREY, "#8C510A")


def of_classes(count: int) -> list[str]:
    """A colour for each class; if there are more than ten, neighbours differ in hue and lightness."""
    if count <= len(TEN):
        return list(TEN[:count])
    golden = 0.61803  # of a turn: the hues fill the circle evenly, however many there are
    hues = ((each * golden % 1, 0.45 if each % 2 else 0.65) for each in range(count))
    return [
        "#" + bytes(round(255 * part) for part in hls_to_rgb(hue, light, 0.7)).hex() for hue, light in hues
    ]


def rgb(colour: str) -> tuple[int, ...]:
    """A colour such as #0072B2 as its red, green and blue, each from 0 to 255."""
    return tuple(bytes.fromhex(colour.removeprefix("#")))
