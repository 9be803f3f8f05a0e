"""`classes.txt` and `dataset.json`: what belongs to a dataset besides its pixels."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from MNIST.data import About
from MNIST.data.about import DIGITS, about_files, checked_classes, class_count, read_about, read_classes
from MNIST.errors import DataError

LETTERS = About("letters", ("Ä", "ß", "ж"), "dark", "whole", "a stack of paper")


def written(folder: Path, about: About = LETTERS) -> Path:
    for name, content in about_files(about, "d" * 64).items():
        (folder / name).write_bytes(content)
    return folder


def test_what_is_written_is_read_back(tmp_path):
    assert read_about(written(tmp_path)) == (LETTERS, "d" * 64)
    assert class_count(tmp_path) == 3
    assert LETTERS.told_apart() == "3 classes (Ä, ß, ж)"
    assert LETTERS.paper == 255


def test_without_them_the_classes_are_the_digits(tmp_path):
    assert read_about(tmp_path) == (About(), None)
    assert read_classes(tmp_path) is None
    assert class_count(tmp_path) == 10
    assert About().told_apart() == "10 digits"
    assert "".join(DIGITS) == "0123456789"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a\n", "expected the names of 2 to 1,000 classes, found 1"),
        ("".join(f"{n}\n" for n in range(1001)), "found 1,001"),
        ("a\n\nb\n", "line 2: expected a class's name, found nothing"),
        ("a\nb\na\n", "line 3: 'a' stands in line 1 already"),
        ("a\n" + "b" * 65 + "\n", "line 2: a class's name has at most 64 characters"),
        ("a\nb\x1b[31m\n", "line 2: .* has a character that cannot be shown"),
        (b"a\n\xff\n", "expected text in UTF-8"),
        (b"a" * 1_000_001, "expected at most 1,000,000 bytes"),
    ],
)
def test_names_that_cannot_be_used_are_refused_with_the_line(tmp_path, text, reason):
    content = text if isinstance(text, bytes) else text.encode()
    (tmp_path / "classes.txt").write_bytes(content)
    with pytest.raises(DataError, match=reason):
        read_classes(tmp_path)


def test_a_name_with_a_space_around_it_is_refused():
    with pytest.raises(DataError, match="'a ' begins or ends with a space"):
        checked_classes(["a", "a "], "shapes")


def test_one_name_written_in_two_ways_is_one(tmp_path):
    (tmp_path / "classes.txt").write_text(
        "e\N{COMBINING ACUTE ACCENT}\n\N{LATIN SMALL LETTER E WITH ACUTE}\n"
    )
    with pytest.raises(DataError, match=r"line 2: .* stands in line 1 already"):
        read_classes(tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        {"format": 2},
        {"ink": "red"},
        {"form": "round"},
        {"name": 3},
        {"name": "\x1b[31m"},
        {"source": None},
        {"digest": ["d"]},
    ],
)
def test_a_description_of_another_kind_is_refused(tmp_path, change):
    path = written(tmp_path) / "dataset.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(DataError, match=r"dataset\.json: not written by this program"):
        read_about(tmp_path)


def test_a_folder_in_its_place_is_refused(tmp_path):
    (tmp_path / "classes.txt").mkdir()
    with pytest.raises(DataError, match="expected a file"):
        read_about(tmp_path)


def test_bright_ink_is_on_dark_paper():
    assert (About().paper, replace(LETTERS, ink="bright").paper) == (0, 0)
