"""How images of any size come to 28×28 while they are imported."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from MNIST.data.centring import SIDE
from MNIST.data.importing.source import Part
from MNIST.data.pictures import as_whole, like_mnist, lines_in_form
from MNIST.errors import DataError


@dataclass(frozen=True)
class Preparation:
    """What is done to each image.

    form: "digit" (MNIST's form), "whole" (the whole picture, scaled), or None: as it is if it has 28×28
    pixels, else as a digit; `for_all` decides that for all pictures of a source. transpose: whether rows and
    columns are exchanged first. sheets: whether a picture in a folder holds several images of its class.
    """

    form: str | None = None
    transpose: bool = False
    sheets: bool = False

    def for_all(self, sizes: Iterable[tuple[int, ...]]) -> "Preparation":
        """The preparation of pictures with these sizes: if not all have 28×28 pixels, all become digits.

        Those that stayed as they are would keep dark ink, and the others would get bright ink.
        """
        if self.form is None and any(size != (SIDE, SIDE) for size in sizes):
            return replace(self, form="digit")
        return self

    def one(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """An image, uint8 (28, 28), of a picture, uint8 (rows, columns). Raises DataError if it is blank."""
        if self.transpose:
            picture = picture.T
        if picture.shape == (SIDE, SIDE) and self.form != "digit":
            return picture
        if self.form == "whole":
            return as_whole(picture, turn=False).image
        return like_mnist(np.ascontiguousarray(picture)).image

    def each(self, sheet: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
        """The images, uint8 (28, 28), on a sheet, uint8 (rows, columns). Raises DataError if it is blank."""
        picture = np.ascontiguousarray(sheet.T if self.transpose else sheet)
        return [prepared.image for line in lines_in_form(picture) for prepared in line]

    def part(
        self, pictures: NDArray[np.uint8], labels: NDArray[np.int64], where: str
    ) -> tuple[Part, list[str]]:
        """Pictures, uint8 (n, rows, columns), with their labels, and what is wrong with those left out."""
        if pictures.shape[1:] == (SIDE, SIDE) and self.form != "digit":
            images = pictures.transpose(0, 2, 1) if self.transpose else pictures
            return Part(np.ascontiguousarray(images), labels), []
        images, kept, problems = np.zeros((len(pictures), SIDE, SIDE), np.uint8), [], []
        for place, picture in enumerate(pictures):
            try:
                images[place] = self.one(picture)
                kept.append(place)
            except DataError as error:
                problems.append(f"{where}, image {place:,}: {error}")
        return Part(images[kept], labels[kept]), problems
