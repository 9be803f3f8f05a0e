"""`{classes}` in a model file: not a value to explore, but the dataset's number of classes."""

import re

CLASSES = "classes"

_IN_PLACE_OF_A_VALUE = re.compile(r"\{\s*(?ai:" + CLASSES + r")\s*\}")
_OUTSIDE_COMMENTS = re.compile(r"(?<![^\r\n])[^#\r\n]+")  # from the beginning of a line


def fill_classes(text: str, classes: int | None) -> str:
    """The text of a model file with the number of classes in place of each {classes} outside comments.

    The text is unchanged if `classes` is None.
    """
    if classes is None:
        return text
    return _OUTSIDE_COMMENTS.sub(lambda code: _IN_PLACE_OF_A_VALUE.sub(str(classes), code[0]), text)


def asks_for_classes(text: str) -> bool:
    """Whether a model file takes its number of classes from the dataset."""
    return fill_classes(text, 0) != text
