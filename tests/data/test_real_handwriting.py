"""Real handwriting by many people, and pictures from public reports, answered by a network of MNIST."""

import csv
from pathlib import Path

import numpy as np
import pytest

from MNIST.data import Prepared, like_mnist, lines_in_form, load, read_picture, split
from MNIST.errors import DataError
from MNIST.language import parse_spec
from MNIST.training import Run, resolve_settings

# Quick, and with enough filters: Models/fast99.txt has fewer, and knows MNIST as well, but other hands less.
MODEL = """Layers:
Conv,16,5,5,relu,stride=2,init=he_normal
Conv,32,3,3,relu,init=he_normal
MaxPool,2,2
Conv,64,3,3,linear,init=he_normal
BatchNorm,momentum=0.9
Activation,relu
Flatten
Dense,10,softmax
Optimizer:
Adam,0.001,beta2=0.98
epochs=2
batch=128
Schedule:
OneCycle,0.01,warmup=0.2
"""


@pytest.fixture(scope="module")
def engine(mnist_folder):
    """A network trained on half of MNIST, which takes half the time."""
    dataset = load(mnist_folder)
    settings = resolve_settings(dataset.digest, images=30_000, split=0.99, seed=0, precision="float32")
    spec = parse_spec(MODEL)
    run = Run(spec, split(dataset, 0.99, 0, 30_000), settings, epochs=spec.epochs)
    run.train()
    return run.engine


def image_of(path: Path) -> np.ndarray:
    """The picture in MNIST's form."""
    return like_mnist(read_picture(path)).image


@pytest.fixture(scope="module")
def single(handwriting) -> list[tuple[dict[str, str], list[list[Prepared]]]]:
    """The pictures of one digit that stands upright: their rows of labels.csv, and what is found in them."""
    rows = [row for row in csv.DictReader((handwriting / "labels.csv").open()) if len(row["digits"]) == 1]
    upright = [row for row in rows if "side" not in row["kind"]]
    return [(row, lines_in_form(read_picture(handwriting / row["file"]))) for row in upright]


@pytest.mark.slow
def test_most_digits_are_answered_right(engine, single):
    answers = engine.logits(np.stack([lines[0][0].image for _, lines in single])).argmax(axis=1)
    right = np.array([str(answer) == row["digits"] for answer, (row, _) in zip(answers, single, strict=True)])
    photos = np.array([row["kind"] == "photo" for row, _ in single])
    assert len(right) > 200
    assert right.mean() >= 0.95
    assert right[photos].mean() >= 0.92


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        "10_box_1",
        "10_control",
        "10_graph_paper",
        "10_margin_line",
        "10_on_a_dark_table",
        "10_ruled",
        "13_red_on_green",
    ],
)
def test_what_paper_brings_along_is_not_taken_for_ink(engine, public_cases, name):
    assert engine.logits(image_of(public_cases / f"{name}.png")[None]).argmax() == 3


SEVERAL = {
    "person_04/11.jpg": ["134678", "912532"],
    "person_04/12.jpg": ["12345", "67890"],
    "person_08/02.jpg": ["12", "1"],
    "person_14/40.png": ["2026"],
    "person_14/41.png": ["6666"],
    "person_22/01.jpg": ["05221859"],
    "person_22/02.jpg": ["12345", "6879", "88888", "66666", "77777"],
}


@pytest.mark.slow
@pytest.mark.parametrize(("file", "written"), SEVERAL.items(), ids=SEVERAL)
def test_several_digits_are_answered_in_reading_order(engine, handwriting, file, written):
    lines = lines_in_form(read_picture(handwriting / file))
    assert [len(line) for line in lines] == [len(line) for line in written]
    answers = engine.logits(np.stack([digit.image for line in lines for digit in line])).argmax(axis=1)
    right = sum(str(answer) == digit for answer, digit in zip(answers, "".join(written), strict=True))
    assert right >= len(answers) - 1


@pytest.mark.slow
def test_single_digits_are_not_taken_apart(single):
    assert [row["file"] for row, lines in single if [len(line) for line in lines] != [1]] == []


def test_two_digits_that_touch_are_warned_of(public_cases):
    prepared = like_mnist(read_picture(public_cases / "14_two_touching.png"))
    assert "two digits that touch" in " ".join(prepared.warnings)


def test_one_scan_in_8_and_in_16_bits_is_one_image(public_cases):
    eight, sixteen = (image_of(public_cases / f"11_one_{bits}bit.png") for bits in (8, 16))
    assert np.array_equal(eight, sixteen)


def test_a_heic_picture_is_called_so_whatever_its_name(public_cases):
    with pytest.raises(DataError, match="a HEIC picture, as phones take them, whatever its name says"):
        read_picture(public_cases / "12_heic_named_jpg_IMG_0001.jpg")
