"""What reports call classes: digits are spoken of as "a 7", other classes by their names."""

from collections.abc import Sequence

from MNIST.words import DIGITS

MANY = 30  # from so many classes on, a table or a picture with a row for each cannot be read at a glance


def are_digits(classes: Sequence[str]) -> bool:
    """Whether these are the ten digits, in order."""
    return tuple(classes) == DIGITS


def noun(classes: Sequence[str]) -> str:
    """What one of them is called: "digit" or "class"."""
    return "digit" if are_digits(classes) else "class"


def nouns(classes: Sequence[str]) -> str:
    """What several of them are called: "digits" or "classes"."""
    return "digits" if are_digits(classes) else "classes"


def one_of(label: int, classes: Sequence[str]) -> str:
    """An image of a class in words: "a 7", "Ankle boot"."""
    return f"a {classes[label]}" if are_digits(classes) else classes[label]
