"""The lines of `Input:`: how pixels (0 to 255) become what the first layer sees."""

from dataclasses import dataclass

from MNIST.language.grammar import many, whole


@dataclass(frozen=True)
class InputStep:
    """What all steps share."""

    @property
    def channels(self) -> int:
        """How many channels the image has after the step."""
        return 1


@dataclass(frozen=True)
class Scale(InputStep):
    """Pixels divided by 255: values in [0, 1]. A file without `Input:` has this step."""


@dataclass(frozen=True)
class Standardize(InputStep):
    """Pixels minus their mean, divided by their standard deviation, both over all training images."""


@dataclass(frozen=True)
class Threshold(InputStep):
    """One binary map for each level: 1 where the pixel is at least the level, 0 elsewhere."""

    levels: tuple[int, ...] = many(whole(1, 255))

    @property
    def channels(self) -> int:
        return len(self.levels)


INPUTS: dict[str, type[InputStep]] = {"Scale": Scale, "Standardize": Standardize, "Threshold": Threshold}
