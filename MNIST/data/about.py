"""What belongs to a dataset besides its pixels: the names of its classes, and how its images were made.

`classes.txt` beside the four files has a name a line, the first for label 0. `dataset.json` says where the
images came from, their polarity and their form. A folder may lack both: then the classes are the digits.
"""

import json
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from MNIST.errors import DataError, quoted
from MNIST.files import NotAFileError, read_whole
from MNIST.language.layer import FEWEST_CLASSES, MOST_CLASSES
from MNIST.words import DIGITS

CLASSES_FILE, ABOUT_FILE = "classes.txt", "dataset.json"
CLOTHES = (  # of Fashion-MNIST
    *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
    *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
)
LONGEST_NAME = 64  # characters
LONGEST_TEXT = 1_000  # characters of the name and of the source
FORMS = "digit", "whole"
POLARITIES = "bright", "dark"

_FORMAT = 1
_MOST_BYTES = 1_000_000


@dataclass(frozen=True)
class About:
    """What a dataset's images show, and in what form.

    name: one of `DATASETS`, or the user's; "custom" without one. classes: what each label means, from 0.
    ink: whether the ink is "bright" on dark paper, as MNIST's, or "dark" on bright paper.
    form: "digit" if what an image shows is sized and centred as MNIST's digits are, "whole" if a whole
    picture was scaled. source: where the images came from, in words; "" if that is not known.
    """

    name: str = "custom"
    classes: tuple[str, ...] = DIGITS
    ink: str = "bright"
    form: str = "digit"
    source: str = ""

    @property
    def paper(self) -> int:
        """The value of a pixel without ink: 0 or 255."""
        return 255 if self.ink == "dark" else 0

    @property
    def shows_digits(self) -> bool:
        """Whether the classes are the ten digits, in order."""
        return self.classes == DIGITS

    def told_apart(self) -> str:
        """The classes in a few words: "10 digits", "3 classes (circle, square, star)"."""
        if self.shows_digits:
            return "10 digits"
        some = ", ".join(self.classes[:5]) + (", …" if len(self.classes) > 5 else "")
        return f"{len(self.classes):,} classes ({some})"


def read_classes(folder: Path) -> tuple[str, ...] | None:
    """The names in a folder's `classes.txt`; None if there is no such file.

    Raises DataError, with the line, for names that cannot be told apart or shown, or for too few or many.
    """
    path = Path(folder) / CLASSES_FILE
    content = _content(path)
    if content is None:
        return None
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise DataError(f"{path}: expected text in UTF-8, a class's name on each line") from None
    return checked_classes([line.strip() for line in text.rstrip().splitlines()], str(path))


def class_count(folder: Path) -> int:
    """How many classes the dataset in a folder has, told without reading its images.

    Raises DataError if its `classes.txt` cannot be used.
    """
    return len(read_classes(folder) or DIGITS)


def checked_classes(names: Sequence[Any], source: str) -> tuple[str, ...]:
    """Names of classes, in Unicode's composed form. Raises DataError, beginning with `source`, for others."""
    if not all(isinstance(name, str) for name in names):
        raise DataError(f"{source}: expected text, found something else")
    names = [unicodedata.normalize("NFC", name) for name in names]
    seen: dict[str, int] = {}
    for number, name in enumerate(names, start=1):
        if not name:
            raise DataError(f"{source}, line {number}: expected a class's name, found nothing")
        if len(name) > LONGEST_NAME:
            raise DataError(f"{source}, line {number}: a class's name has at most {LONGEST_NAME} characters")
        if name != name.strip():
            raise DataError(f"{source}, line {number}: {quoted(name)} begins or ends with a space")
        if not name.isprintable():
            raise DataError(f"{source}, line {number}: {quoted(name)} has a character that cannot be shown")
        if name in seen:
            raise DataError(f"{source}, line {number}: {quoted(name)} stands in line {seen[name]} already")
        seen[name] = number
    if not FEWEST_CLASSES <= len(names) <= MOST_CLASSES:
        expected = f"the names of {FEWEST_CLASSES} to {MOST_CLASSES:,} classes"
        raise DataError(f"{source}: expected {expected}, found {len(names):,}")
    return tuple(names)


def read_about(folder: Path) -> tuple[About, str | None]:
    """What the files beside the images say, and the digest that `dataset.json` expects of the four files.

    Raises DataError if one of the files is not as this program writes it.
    """
    about = About(classes=read_classes(folder) or DIGITS)
    path = Path(folder) / ABOUT_FILE
    content = _content(path)
    if content is None:
        return about, None
    try:
        values = json.loads(content)
        if values["format"] != _FORMAT:
            raise ValueError(f"format {values['format']!r:.20}")
        texts = {name: values[name] for name in ("name", "ink", "form", "source", "digest")}
        for name, text in texts.items():
            if not isinstance(text, str) or len(text) > LONGEST_TEXT or not text.isprintable():
                raise ValueError(f"{name} is {text!r:.40}")
        if texts["ink"] not in POLARITIES or texts["form"] not in FORMS:
            raise ValueError(f"ink {texts['ink']!r:.20}, form {texts['form']!r:.20}")
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise DataError(f"{path}: not written by this program ({error}); remove it") from None
    digest = texts.pop("digest")
    return replace(about, **texts), digest


def about_files(about: About, digest: str) -> dict[str, bytes]:
    """The contents of `classes.txt` and `dataset.json`, by name. digest: of the dataset's four files."""
    values = {
        "format": _FORMAT,
        "name": about.name,
        "source": about.source,
        "ink": about.ink,
        "form": about.form,
        "digest": digest,
    }
    return {
        CLASSES_FILE: "".join(f"{name}\n" for name in about.classes).encode(),
        ABOUT_FILE: (json.dumps(values, indent=2, ensure_ascii=False) + "\n").encode(),
    }


def _content(path: Path) -> bytes | None:
    try:
        content = read_whole(path, _MOST_BYTES)
    except FileNotFoundError:
        return None
    except NotAFileError:
        raise DataError(f"{path}: expected a file, found something else") from None
    if len(content) > _MOST_BYTES:
        raise DataError(f"{path}: expected at most {_MOST_BYTES:,} bytes, found more")
    return content
