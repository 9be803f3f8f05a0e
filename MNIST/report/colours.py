"""The colours of all pictures and pages. Colour-blind readers can tell them apart too.

Source: Okabe and Ito, Color Universal Design (2008).
"""

BLUE, ORANGE, GREEN = "#0072B2", "#D55E00", "#009E73"
LIGHT_BLUE, LIGHT_ORANGE = "#56B4E9", "#FF9A4D"  # the same two on a dark page
PALE_BLUE = "#DCE9F2"  # behind what is correct
GREY = "#999999"  # lines that only guide the eye
FAINT = "0.35"  # less important words: the part of white in their grey, as Matplotlib reads it

# One for each digit: Okabe and Ito's colours and two more. The colour of the text replaces their black,
# because it is light on a dark page.
DIGITS = ("text", "#E69F00", LIGHT_BLUE, GREEN, "#F0E442", BLUE, ORANGE, "#CC79A7", GREY, "#8C510A")


def rgb(colour: str) -> tuple[int, ...]:
    """A colour such as #0072B2 as its red, green and blue, each from 0 to 255."""
    return tuple(bytes.fromhex(colour.removeprefix("#")))
