"""Tables become the dataset that they hold, however their labels and columns are written."""

import tracemalloc
from pathlib import Path

import numpy as np
import pandas
import pytest
from sources import as_sorted, table_of

from MNIST.data import load
from MNIST.data.importing import Wishes, import_dataset, tables
from MNIST.data.importing.shapes import Preparation
from MNIST.errors import DataError


@pytest.mark.parametrize("header", ["label," + ",".join(f"pixel{n}" for n in range(784)), None])
@pytest.mark.parametrize("place", ["first", "last"])
def test_a_table_as_kaggle_has_it(digits, tmp_path, header, place):
    pixels = digits.train_images[:500].reshape(500, 784)
    labels = digits.train_labels[:500, None]
    if header and place == "last":
        header = ",".join([*header.split(",")[1:], "label"])
    table = np.hstack([labels, pixels] if place == "first" else [pixels, labels])
    with (tmp_path / "train.csv").open("w") as stream:
        stream.write(f"{header}\n" if header else "")
        np.savetxt(stream, table, "%d", ",")
    import_dataset(tmp_path / "train.csv", tmp_path / "data", Wishes(test=0.2))
    dataset = load(tmp_path / "data")
    images = np.concatenate([dataset.train_images, dataset.test_images])
    found = as_sorted(images, np.concatenate([dataset.train_labels, dataset.test_labels]))
    assert found == as_sorted(digits.train_images[:500], digits.train_labels[:500])
    counts, whole = np.bincount(dataset.test_labels), np.bincount(digits.train_labels[:500])
    assert np.array_equal(counts, [round(0.2 * count) for count in whole.tolist()])


def test_of_a_table_of_large_pictures_fewer_rows_are_in_memory_at_once(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (250, 64 * 64))
    pixels[:, -1] = 0  # a corner, which is no label
    rows = [f"{place % 3},{','.join(map(str, row))}\n" for place, row in enumerate(pixels.tolist())]
    (tmp_path / "large.csv").write_text("".join(rows * 4))
    tracemalloc.start()
    assert tables._label_column(tmp_path / "large.csv") == (0, False)
    assert tracemalloc.get_traced_memory()[1] < 30 * 2**20  # it is 10 MB, of however many rows
    tracemalloc.stop()
    done: list[int] = []
    tables.read_csv(tmp_path / "large.csv", Preparation("whole"), lambda count, _: done.append(count))
    assert done == [976, 1000]


def test_a_lack_of_memory_is_not_called_a_fault_of_the_table(tmp_path, monkeypatch):
    def read_csv(*_: object, **__: object) -> None:
        raise pandas.errors.ParserError("Error tokenizing data. C error: out of memory")  # as pandas says it

    (tmp_path / "a.csv").write_text("0,1,2,3,4")
    monkeypatch.setattr(pandas, "read_csv", read_csv)
    for read in (lambda path: [*tables._tables(path, 0, False)], tables._label_column):
        with pytest.raises(MemoryError):
            read(tmp_path / "a.csv")


@pytest.mark.parametrize("header", ["label,0,1,2,3\n", "kind,1,2,3,4\n", "0,1,2,3,4\n", ""])
def test_columns_named_by_numbers_are_told_from_pixels(tmp_path, header):
    rows = [f"{label},{40 * pixel},9,99,0" for pixel, label in enumerate("ynnynn")]
    (tmp_path / "a.csv").write_text(header + "\n".join(rows))
    dataset = import_dataset(tmp_path / "a.csv", tmp_path / "data").dataset
    assert dataset.classes == ("n", "y")
    assert len(dataset.train_images) + len(dataset.test_images) == 6


def _corners(first: np.ndarray, last: np.ndarray) -> str:
    """A table of images of 2×2 pixels: a column, three of pixels in any level, a column."""
    middle = np.random.default_rng(1).integers(0, 256, (len(first), 3))
    return "\n".join(",".join(map(str, row)) for row in np.column_stack([first, middle, last]).tolist())


RARE = (np.arange(500) % 20 == 0).astype(int)  # 95 % of these images are of one class
PHOTOS = np.random.default_rng(0).integers(0, 256, 500)
NOISE = np.where(np.arange(500) % 50 == 0, 3, 0)


@pytest.mark.parametrize(
    ("labels", "pixels"),
    [
        (RARE, PHOTOS),
        (np.array(["good", "bad"])[RARE], PHOTOS),
        (RARE, np.full(500, 255)),
        (np.repeat([0, 1], 250), np.full(500, 0)),
        (np.arange(500) % 10, NOISE),
        (np.repeat([3, 7], 250), NOISE),
        (np.repeat([0, 1], 250), PHOTOS / 256),
        (np.array([3, 7])[RARE], np.full(500, 255)),
        (np.arange(500) % 10, np.append(np.full(499, "0"), "?")),
        (np.append(np.full(400, "5"), np.full(100, "A")), np.full(500, 0)),
    ],
    ids=[
        "rare",
        "rare words",
        "rare, one level",
        "sorted",
        "noise",
        "3 and 7",
        "fractions",
        "rare 7",
        "a mistake",
        "hex",
    ],
)
def test_labels_are_told_from_the_pixels_of_a_corner(tmp_path, labels, pixels):
    (tmp_path / "a.csv").write_text(_corners(labels, pixels))
    assert tables._label_column(tmp_path / "a.csv") == (0, False)
    (tmp_path / "b.csv").write_text(_corners(pixels, labels))
    assert tables._label_column(tmp_path / "b.csv") == (4, False)


@pytest.mark.parametrize(
    ("first", "last"),
    [
        (RARE, np.arange(500) % 256),
        (np.repeat([3, 7], 250), RARE),
        (np.array(["good", "bad"])[RARE], np.array(["a.png", "7"])[np.arange(500) % 2]),
        (np.zeros(500, int), np.zeros(500, int)),
    ],
)
def test_what_may_be_labels_or_pixels_is_not_guessed(tmp_path, first, last):
    (tmp_path / "a.csv").write_text(_corners(first, last))
    with pytest.raises(DataError, match="cannot be told in which"):
        tables._label_column(tmp_path / "a.csv")


def _maxima(path: Path) -> list[int]:
    """Of each image in a table."""
    return tables.read_csv(path, Preparation("whole"), lambda *_: None).train.images.max(axis=(1, 2)).tolist()


def _write(path: Path, rows: list[str]) -> None:
    """A table of images of 2×2 pixels, of two classes by turns."""
    path.write_text("\n".join(["label,a,b,c,d", *(f"{place % 2},{row}" for place, row in enumerate(rows))]))


@pytest.mark.parametrize(
    ("rows", "maxima"),
    [
        (["0,1,0,0", "0,0,1,1", "0,1,0,1", "0,0.5,1,0.25"], [255] * 4),
        (["0,1,0,0", "0,0,1,1", "1.0,0,0,0", "0,1,1,1"], [255] * 4),
        (["0,1,0,0", "0,0,1,1", "0,1,0,1", "0,9,200,1"], [1, 1, 1, 200]),
    ],
    ids=["the last is grey", "black and white", "the first are dark"],
)
def test_all_images_of_a_table_have_one_white(tmp_path, monkeypatch, rows, maxima):
    monkeypatch.setattr("MNIST.data.importing.tables.CELLS", 10)  # two rows
    _write(tmp_path / "a.csv", rows)
    assert _maxima(tmp_path / "a.csv") == maxima


@pytest.mark.parametrize(
    ("usual", "wrong"),
    [
        ("0,9,200,30", {"0,9,0.5,0": "3 is 0.5", "0,256,1,0": "2 is 256", "0,-1,3,4": "2 is -1"}),
        ("0,9,200,30", {"0,9": "3 is missing", "0,True,3,3": "2 is 'True'", "0,,inf,3": "2 is missing"}),
        ("0,0.5,1,0.25", {"0,0.5,1.5,0": "3 is 1.5", "0,255,1,0": "2 is 255", "0,nan,1,1": "2 is 'nan'"}),
    ],
)
def test_each_wrong_row_is_listed_and_may_be_left_out(tmp_path, monkeypatch, usual, wrong):
    monkeypatch.setattr("MNIST.data.importing.tables.CELLS", 1_500)  # 300 rows
    rows = [usual] * 1_000
    rows[400:1_000:200] = wrong
    _write(tmp_path / "a.csv", rows)
    with pytest.raises(DataError) as refusal:
        import_dataset(tmp_path / "a.csv", tmp_path / "data", Wishes("whole"))
    assert not (tmp_path / "data").exists()
    lines = [line.split("; expected")[0].strip() for line in str(refusal.value).splitlines()[1:]]
    numbered = zip((401, 601, 801), wrong.values(), strict=True)
    assert lines == [f"a.csv, row {row}: pixel {what}" for row, what in numbered]
    found = tables.read_csv(tmp_path / "a.csv", Preparation("whole"), lambda *_: None)
    assert found.train.labels.tolist() == [place % 2 for place, row in enumerate(rows) if row == usual]
    assert len(found.train.images) == 997


@pytest.mark.parametrize(
    "names", ["p0,p1,p2,p3", "pixel1,pixel2,pixel3,pixel4", "1x1,1x2,2x1,2x2", "0,1,2,3"]
)
def test_a_name_unlike_those_of_the_pixels_is_that_of_the_labels(tmp_path, names):
    table = _corners(np.repeat([0, 1], 250), PHOTOS % 2)
    (tmp_path / "a.csv").write_text(f"category,{names}\n{table}")
    assert tables._label_column(tmp_path / "a.csv") == (0, True)
    (tmp_path / "b.csv").write_text(f"{names},category\n{table}")
    assert tables._label_column(tmp_path / "b.csv") == (4, True)


@pytest.mark.parametrize(
    ("labels", "classes"),
    [(["05", "06", "05", "0A", "05", "0A"], ("05", "06", "0A")), (["2.0", "01", "1", "2"], ("1", "2"))],
)
def test_labels_are_numbers_only_if_all_of_them_are(tmp_path, monkeypatch, labels, classes):
    monkeypatch.setattr("MNIST.data.importing.tables.CELLS", 15)  # three rows
    (tmp_path / "a.csv").write_text(table_of(labels))
    assert import_dataset(tmp_path / "a.csv", tmp_path / "data").dataset.classes == classes


@pytest.mark.parametrize("name", ["labels.csv", "labels.tsv"])
def test_words_such_as_na_are_labels(tmp_path, name):
    path = tmp_path / name
    path.write_text(table_of(["NA", "None", "nan"] * 3, "\t" if name.endswith("tsv") else ","))
    assert import_dataset(path, tmp_path / "data").dataset.classes == ("NA", "None", "nan")


@pytest.mark.parametrize("accented", ["e\u0301", "\u00e9"])
def test_an_accent_of_its_own_is_part_of_its_letter(tmp_path, accented):
    (tmp_path / "a.csv").write_text(table_of(["e\u0301", *"foz", accented, *"foz"]), encoding="utf-8")
    imported = import_dataset(tmp_path / "a.csv", tmp_path / "data", Wishes("whole", test=0.5)).dataset
    assert imported.classes == ("f", "o", "z", "\u00e9")
    assert np.bincount(imported.train_labels).tolist() == [1, 1, 1, 1]
