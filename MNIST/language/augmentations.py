"""The lines of `Augment:`: how the images that are trained on are changed, anew in every epoch.

Whatever a file says, an image is moved by all of them at once; the order of the lines means nothing.
The arithmetic is in `MNIST/data/augmentation.py`.
"""

from dataclasses import dataclass

from MNIST.language.grammar import positional, real


@dataclass(frozen=True)
class Augmentation:
    """What all augmentations share: each draws its amounts evenly between their negative and themselves."""


@dataclass(frozen=True)
class Rotate(Augmentation):
    """About the centre, by up to so many degrees either way."""

    degrees: float = positional(real(0, 180))


@dataclass(frozen=True)
class Shift(Augmentation):
    """Up or down, and left or right, each by up to this fraction of the image's side."""

    fraction: float = positional(real(0, 1))


@dataclass(frozen=True)
class Zoom(Augmentation):
    """Rows and columns larger or smaller, each by its own factor from 1 − fraction to 1 + fraction."""

    fraction: float = positional(real(0, 1, below=True))


@dataclass(frozen=True)
class Shear(Augmentation):
    """Upright strokes slanted by up to so many degrees either way; what lies stays lying."""

    degrees: float = positional(real(0, 90, below=True))


@dataclass(frozen=True)
class Elastic(Augmentation):
    """Every pixel by its own way, neighbours by much the same.

    The way is, in rows and in columns, evenly drawn noise from −1 to 1, smoothed by a Gaussian of standard
    deviation sigma pixels, times alpha pixels.
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
