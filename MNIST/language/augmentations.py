"""The lines of `Augment:`: how the training images are changed, anew in every epoch.

All lines of a file change an image together, so the order of the lines has no effect.
The arithmetic is in `MNIST/data/augmentation.py`.
"""

from dataclasses import dataclass

from MNIST.language.grammar import positional, real


@dataclass(frozen=True)
class Augmentation:
    """What all augmentations share: amounts are drawn evenly between minus and plus the value in the file."""


@dataclass(frozen=True)
class Rotate(Augmentation):
    """Rotate about the centre, by up to this many degrees either way."""

    degrees: float = positional(real(0, 180))


@dataclass(frozen=True)
class Shift(Augmentation):
    """Shift up or down, and left or right, each by up to this fraction of the image's side."""

    fraction: float = positional(real(0, 1))


@dataclass(frozen=True)
class Zoom(Augmentation):
    """Scale the height and the width, each by its own factor from 1 − fraction to 1 + fraction."""

    fraction: float = positional(real(0, 1, below=True))


@dataclass(frozen=True)
class Shear(Augmentation):
    """Slant upright strokes by up to this many degrees either way; horizontal strokes stay horizontal."""

    degrees: float = positional(real(0, 90, below=True))


@dataclass(frozen=True)
class Elastic(Augmentation):
    """Move every pixel by its own displacement; neighbours move by almost the same one.

    Down and to the right, the displacement is noise, drawn evenly from −1 to 1, smoothed by a Gaussian of
    standard deviation sigma pixels, times alpha pixels.
    Source: Simard, Steinkraus and Platt (2003), Best practices for convolutional neural networks applied to
    visual document analysis.
    """

    alpha: float = positional(real(0, 1000))
    sigma: float = positional(real(0.5, 28))


AUGMENTATIONS: dict[str, type[Augmentation]] = {
    "Rotate": Rotate,
    "Shift": Shift,
    "Zoom": Zoom,
    "Shear": Shear,
    "Elastic": Elastic,
}
"""In the order of the canonical text."""
