"""The architecture of a network as a picture, for reports: from its spec to an SVG file.

parts.py    what is drawn: boxes, blocks, and groups that are repeated
places.py   how large each part is, and where it lies
svg.py      SVG elements, their colours, and the width of words

Needs nothing but Python's standard library.
"""

from MNIST.architecture.places import BEGINNING, architecture_svg

__all__ = ["BEGINNING", "architecture_svg"]
