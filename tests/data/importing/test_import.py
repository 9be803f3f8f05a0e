"""Every kind of source becomes the dataset that it holds."""

import errno
import gzip
import os
import shutil
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from drawn_shapes import SHAPES, drawn, photographed_sheet, write_folder
from PIL import Image

from MNIST import files
from MNIST.data import About, Dataset, idx, load
from MNIST.data.importing import Wishes, import_dataset, tables
from MNIST.data.importing.dataset import divided, equal_images
from MNIST.data.importing.shapes import Preparation
from MNIST.data.importing.source import Part
from MNIST.errors import DataError


@pytest.fixture(scope="module")
def digits(digits_folder: Path) -> Dataset:
    return load(digits_folder)


def as_sorted(images: np.ndarray, labels: np.ndarray) -> list[tuple[int, bytes]]:
    return sorted(zip(labels.tolist(), map(np.ndarray.tobytes, images), strict=True))


def same_images(one: Dataset, other: Dataset) -> bool:
    """Whether two datasets have the same images with the same labels, in whatever order."""
    return all(
        as_sorted(*pair(one)) == as_sorted(*pair(other))
        for pair in (
            lambda dataset: (dataset.train_images, dataset.train_labels),
            lambda dataset: (dataset.test_images, dataset.test_labels),
        )
    )


def write_pictures(folder: Path, dataset: Dataset, most: int) -> None:
    """The first images of each set as PNG files in folders train/0 to test/9."""
    sets = {
        "train": (dataset.train_images, dataset.train_labels),
        "test": (dataset.test_images, dataset.test_labels),
    }
    for kind, (images, labels) in sets.items():
        for number, (image, label) in enumerate(zip(images[:most], labels[:most], strict=True)):
            place = folder / kind / str(label)
            place.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(place / f"{number}.png")


def first(dataset: Dataset, most: int) -> Dataset:
    return Dataset(
        dataset.about,
        dataset.train_images[:most],
        dataset.train_labels[:most],
        dataset.test_images[:most],
        dataset.test_labels[:most],
        "",
    )


def test_images_in_folders_come_as_they_are(digits, tmp_path):
    write_pictures(tmp_path / "pictures", digits, 60)
    imported = import_dataset(tmp_path / "pictures", tmp_path / "data")
    assert same_images(load(tmp_path / "data"), first(digits, 60))
    assert imported.dataset.digest == load(tmp_path / "data").digest
    assert load(tmp_path / "data").about == About(
        "data", digits.classes, "bright", "digit", str(tmp_path / "pictures")
    )


def test_each_of_several_on_a_sheet_becomes_an_image(tmp_path):
    for shape in SHAPES:
        (tmp_path / "sheets" / shape).mkdir(parents=True)
        for seed in range(2):
            photographed_sheet(shape, seed, 3, 4).save(tmp_path / "sheets" / shape / f"{seed}.jpg")
    imported = import_dataset(tmp_path / "sheets", tmp_path / "data", Wishes(form="sheet", test=0.25))
    assert "72 images found on 6 sheets" in imported.notes
    dataset = load(tmp_path / "data")
    assert np.bincount(dataset.train_labels).tolist() == [18, 18, 18]
    assert np.bincount(dataset.test_labels).tolist() == [6, 6, 6]
    assert dataset.about.form == "digit"
    assert all(
        19 <= np.ptp(np.argwhere(image > 64), axis=0).max() + 1 <= 20 for image in dataset.train_images
    )
    with pytest.raises(DataError, match="sheets are pictures in a folder with a subfolder for each class"):
        import_dataset(tmp_path / "data", tmp_path / "other", Wishes(form="sheet"))


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
    assert tracemalloc.get_traced_memory()[1] < 90 * 2**20  # it is 59 MB; of 500 rows it would be 141
    tracemalloc.stop()
    done: list[int] = []
    tables.read_csv(tmp_path / "large.csv", Preparation("whole"), lambda count, _: done.append(count))
    assert done == [976, 1000]


def test_the_array_file_that_keras_has(digits, tmp_path):
    arrays = {"x_train": digits.train_images, "y_train": digits.train_labels}
    arrays |= {"x_test": digits.test_images, "y_test": digits.test_labels.astype(np.int64)}
    np.savez(tmp_path / "mnist.npz", **arrays)
    import_dataset(tmp_path / "mnist.npz", tmp_path / "data")
    assert load(tmp_path / "data").digest == digits.digest


def test_labels_beyond_a_byte_and_numbers_that_are_no_digits(tmp_path):
    labels = np.arange(900) % 300
    images = np.random.default_rng(0).integers(0, 256, (900, 28, 28), dtype=np.uint8)
    np.savez(tmp_path / "many.npz", x_train=images, y_train=labels)
    imported = import_dataset(tmp_path / "many.npz", tmp_path / "many").dataset
    dataset = load(tmp_path / "many")
    assert dataset.digest == imported.digest
    assert (len(dataset.classes), dataset.classes[-1]) == (300, "299")
    assert max(dataset.train_labels) == 299
    np.savez(tmp_path / "few.npz", x_train=images, y_train=labels % 3)
    assert import_dataset(tmp_path / "few.npz", tmp_path / "few").dataset.classes == ("0", "1", "2")


def test_pixels_from_0_to_1_become_grey_levels(digits, tmp_path):
    grey = digits.train_images[:100] / np.float32(255)
    np.savez(tmp_path / "some.npz", x_train=grey[..., None], y_train=digits.train_labels[:100, None])
    dataset = import_dataset(tmp_path / "some.npz", tmp_path / "data").dataset
    images = np.concatenate([dataset.train_images, dataset.test_images])
    assert sorted(map(bytes, images)) == sorted(map(bytes, digits.train_images[:100]))


IDX_NAMES = {
    "unzipped": "{set}-{what}.idx{rank}-ubyte",
    "torchvision": "MNIST/raw/{set}-{what}-idx{rank}-ubyte",
    "kaggle": "{set}-{what}-idx{rank}-ubyte/{set}-{what}-idx{rank}-ubyte",
    "converted": "{set}-{what}-idx{rank}-ubyte.gz",
    "apart": "{set}/{what}/{set}-{what}-idx{rank}-ubyte",
}


@pytest.mark.parametrize("layout", IDX_NAMES)
def test_idx_files_of_all_names_in_use(digits, tmp_path, layout):
    test = "test" if layout == "converted" else "t10k"
    sets = {
        "train": (digits.train_images, digits.train_labels),
        test: (digits.test_images, digits.test_labels),
    }
    for kind, arrays in sets.items():
        for what, array in zip(("images", "labels"), arrays, strict=True):
            path = tmp_path / "source" / IDX_NAMES[layout].format(set=kind, what=what, rank=array.ndim)
            path.parent.mkdir(parents=True, exist_ok=True)
            content = idx.encode(array)
            path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    import_dataset(tmp_path / "source", tmp_path / "data")
    assert load(tmp_path / "data").digest == digits.digest


def write_idx(folder: Path, prefix: str, sets: dict[str, tuple[np.ndarray, np.ndarray]], labels="idx1-ubyte"):
    folder.mkdir(exist_ok=True)
    for kind, (images, numbers) in sets.items():
        (folder / f"{prefix}-{kind}-images-idx3-ubyte").write_bytes(idx.encode(images))
        (folder / f"{prefix}-{kind}-labels-{labels}").write_bytes(idx.encode(numbers))


def test_emnist_lies_on_its_side_and_counts_from_1(digits, tmp_path):
    on_side = digits.train_images[:200].transpose(0, 2, 1).copy()
    letters = (np.arange(200) % 26 + 1).astype(np.uint8)
    write_idx(tmp_path / "gzip", "emnist-letters", {"train": (on_side, letters), "test": (on_side, letters)})
    imported = import_dataset(tmp_path / "gzip", tmp_path / "data")
    dataset = imported.dataset
    assert np.array_equal(dataset.train_images, digits.train_images[:200])
    assert dataset.classes == tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
    assert np.array_equal(dataset.train_labels, letters - 1)
    said = " ".join(imported.notes)
    assert "rows and columns are exchanged" in said
    assert "labels from 1 to 26 became 0 to 25" in said
    assert "200 of the test images are also among the training images" in said


def test_of_several_datasets_one_is_named_by_its_file(digits, tmp_path):
    some = {"train": (digits.train_images[:20], digits.train_labels[:20])}
    for prefix in ("one", "two"):
        write_idx(tmp_path / "both", prefix, some)
    with pytest.raises(DataError, match="several datasets; say which by one of its files: one-train-images"):
        import_dataset(tmp_path / "both", tmp_path / "data")
    import_dataset(tmp_path / "both" / "two-train-images-idx3-ubyte", tmp_path / "data")
    assert len(load(tmp_path / "data").train_images) + len(load(tmp_path / "data").test_images) == 20


def write_raw(folder: Path, dataset: Dataset, test: bool = True) -> Path:
    """Unzipped files under MNIST's names; return that of the training images."""
    folder.mkdir(parents=True)
    sets = {"train": (dataset.train_images, dataset.train_labels)}
    sets |= {"t10k": (dataset.test_images, dataset.test_labels)} if test else {}
    for kind, (images, labels) in sets.items():
        (folder / f"{kind}-images-idx3-ubyte").write_bytes(idx.encode(images))
        (folder / f"{kind}-labels-idx1-ubyte").write_bytes(idx.encode(labels))
    return folder / "train-images-idx3-ubyte"


@pytest.mark.parametrize("whole", [True, False])
def test_datasets_of_different_folders_are_not_mixed(digits, tmp_path, whole):
    ours = write_raw(tmp_path / "tv" / "MNIST" / "raw", first(digits, 20))
    write_raw(tmp_path / "tv" / "Fashion" / "raw", first(digits, 30), whole)
    with pytest.raises(DataError, match=rf"several datasets; .*: Fashion.*, MNIST\{os.sep}raw\{os.sep}train"):
        import_dataset(tmp_path / "tv", tmp_path / "data")
    import_dataset(ours, tmp_path / "data")
    assert same_images(load(tmp_path / "data"), first(digits, 20))


def test_a_file_that_is_named_is_the_one_that_is_read(digits, tmp_path):
    named = write_raw(tmp_path / "n", first(digits, 20))
    write_raw(tmp_path / "n" / "Fashion" / "raw", first(digits, 30))
    twin = named.with_name(f"{named.name}.gz")
    twin.write_bytes(gzip.compress(idx.encode(255 - digits.train_images[:20])))
    import_dataset(named, tmp_path / "data")
    assert same_images(load(tmp_path / "data"), first(digits, 20))
    dataset = import_dataset(twin, tmp_path / "turned", Wishes(invert="no")).dataset
    assert np.array_equal(dataset.train_images, 255 - digits.train_images[:20])
    (tmp_path / "n" / "an-idx-file").touch()
    with pytest.raises(DataError, match="expected a file of images and one of their labels"):
        import_dataset(tmp_path / "n" / "an-idx-file", tmp_path / "other")


def test_a_file_in_a_folder_of_its_name_is_read_with_the_others(digits, tmp_path):
    whole = write_raw(tmp_path / "archive", first(digits, 20))
    for path in list(whole.parent.iterdir()):
        path.rename(tmp_path / "moved")
        path.mkdir()
        (tmp_path / "moved").rename(path / path.name)
    import_dataset(whole / whole.name, tmp_path / "data")
    assert same_images(load(tmp_path / "data"), first(digits, 20))


def test_qmnists_labels_are_the_first_of_eight_numbers(digits, tmp_path):
    labels = np.zeros((100, 8), np.int32)
    labels[:, 0] = digits.train_labels[:100]
    labels[:, 1:] = 7_000_000
    write_idx(tmp_path / "qmnist", "qmnist", {"train": (digits.train_images[:100], labels)}, "idx2-int")
    dataset = import_dataset(tmp_path / "qmnist", tmp_path / "data").dataset
    assert sorted([*dataset.train_labels, *dataset.test_labels]) == sorted(digits.train_labels[:100])


@pytest.mark.parametrize("case", ["01_converted", "01_dotted", "01_plain_mirror", "05_labels_int32"])
def test_public_cases_are_read_as_they_are(case, public_cases, tmp_path):
    dataset = load(public_cases / case)
    assert dataset.train_labels[:5].tolist() == [5, 0, 4, 1, 9]
    imported = import_dataset(public_cases / case, tmp_path / "data").dataset
    assert imported.digest == dataset.digest


@pytest.mark.parametrize("form", ["digit", "whole"])
def test_drawn_shapes_get_the_form_that_is_wished(tmp_path, form):
    write_folder(tmp_path / "shapes", 20)
    dataset = import_dataset(tmp_path / "shapes", tmp_path / "data", Wishes(form)).dataset
    assert dataset.classes == SHAPES
    assert (dataset.about.ink, dataset.about.form) == ("bright", form)
    assert np.bincount(dataset.test_labels).tolist() == [3, 3, 3]
    edges = dataset.train_images[:, [0, -1]]
    assert int(np.median(edges)) == 0
    heights = [np.ptp(np.flatnonzero(image.any(axis=1))) + 1 for image in dataset.train_images > 60]
    assert (max(heights) - min(heights) <= 2) == (form == "digit")


@pytest.mark.parametrize("kind", ["folder", "arrays", "idx"])
def test_pictures_of_28_pixels_among_larger_ones_get_bright_ink_as_these_do(tmp_path, kind):
    source, sets = tmp_path / "shapes", {}
    for name, start, side in (("train", 0, 28), ("test", 50, 90)):
        write_folder(source / name, 4, start, side=side)
        files = sorted((source / name).glob("*/*.png"))
        sets[name] = np.stack([np.asarray(Image.open(path)) for path in files]), np.arange(12) // 4
    if kind == "arrays":
        source = tmp_path / "a.npz"
        arrays = {f"{what}_{name}": pair[n] for name, pair in sets.items() for n, what in enumerate("xy")}
        np.savez(source, **arrays)
    elif kind == "idx":
        write_idx(source := tmp_path / "idx", "a", {n: (x, y.astype(np.uint8)) for n, (x, y) in sets.items()})
    dataset = import_dataset(source, tmp_path / "data").dataset
    for images in (dataset.train_images, dataset.test_images):
        assert images[:, [0, -1]].max() == 0
        assert images.max() == 255


def test_dark_ink_stays_dark_if_that_is_wished(tmp_path):
    write_folder(tmp_path / "shapes", 10)
    wishes = Wishes("whole", invert="no")
    about = import_dataset(tmp_path / "shapes", tmp_path / "data", wishes).dataset.about
    assert (about.ink, about.paper) == ("dark", 255)
    assert load(tmp_path / "data").about == about


@pytest.mark.parametrize(("side", "form"), [(8, "whole"), (20, "digit"), (26, "whole")])
def test_images_that_stay_as_they_are_have_the_form_that_they_show(tmp_path, side, form):
    images = np.zeros((40, 28, 28), np.uint8)
    shown = slice(14 - side // 2, 14 + side // 2)
    images[:, shown, shown] = np.arange(100, 140)[:, None, None]
    np.savez(tmp_path / "a.npz", x_train=images, y_train=np.arange(40) % 2)
    assert import_dataset(tmp_path / "a.npz", tmp_path / "data").dataset.about.form == form


def test_what_is_written_of_the_ink_is_what_the_pixels_show(digits, tmp_path):
    arrays = {"y_train": digits.train_labels[:200], "x_train": 255 - digits.train_images[:200]}
    np.savez(tmp_path / "dark.npz", **arrays)
    stays = import_dataset(tmp_path / "dark.npz", tmp_path / "stays", Wishes(invert="no")).dataset.about
    assert (stays.ink, stays.form) == ("dark", "digit")
    np.savez(tmp_path / "bright.npz", **arrays | {"x_train": digits.train_images[:200]})
    turned = import_dataset(tmp_path / "bright.npz", tmp_path / "turned", Wishes(invert="yes"))
    assert (turned.dataset.about.ink, turned.dataset.about.form) == ("dark", "digit")
    assert "and is dark now" in turned.notes[0]


def table_of(labels: list[str], between: str = ",") -> str:
    """A table of images of 2×2 pixels, with these labels."""
    rows = [f"{label},0,9,{20 * row},{200 - row}" for row, label in enumerate(labels)]
    return "\n".join(["label,a,b,c,d", *rows]).replace(",", between)


@pytest.mark.parametrize("header", ["label,0,1,2,3\n", "kind,1,2,3,4\n", "0,1,2,3,4\n", ""])
def test_columns_named_by_numbers_are_told_from_pixels(tmp_path, header):
    rows = [f"{label},{40 * pixel},9,99,0" for pixel, label in enumerate("ynnynn")]
    (tmp_path / "a.csv").write_text(header + "\n".join(rows))
    dataset = import_dataset(tmp_path / "a.csv", tmp_path / "data").dataset
    assert dataset.classes == ("n", "y")
    assert len(dataset.train_images) + len(dataset.test_images) == 6


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


@pytest.mark.skipif(sys.platform == "darwin", reason="its file system refuses names that are no text")
def test_names_and_sources_of_any_characters_can_be_read_again(tmp_path):
    source = write_folder(tmp_path / "some\u200cshapes\udc80", 4)
    dataset = import_dataset(source, tmp_path / "da\u200cta").dataset
    assert load(tmp_path / "da\u200cta").about == dataset.about
    assert dataset.about.source.endswith("some?shapes?")


def test_folders_that_are_neither_training_nor_test_are_named(tmp_path):
    for start, kind in enumerate(["train", "testing", "Test", "val"]):
        write_folder(tmp_path / "source" / kind, 3, start=3 * start)
    imported = import_dataset(tmp_path / "source", tmp_path / "data")
    assert imported.notes[0] == "not read: 'testing', 'val'"
    (tmp_path / "source" / "val" / "list.txt").touch()
    assert import_dataset(tmp_path / "source" / "val", tmp_path / "val").notes[0] == "not read: 'list.txt'"


def test_a_class_may_be_called_train(tmp_path):
    source = write_folder(tmp_path / "source", 3)
    (source / "circle").rename(source / "train")
    assert import_dataset(source, tmp_path / "data").dataset.classes == ("square", "star", "train")


def test_all_that_cannot_be_read_is_listed_and_nothing_is_written(tmp_path):
    source = write_folder(tmp_path / "shapes", 10)
    (source / "circle" / "notes.txt").write_text("not a picture")
    (source / "star" / "cut.png").write_bytes((source / "star" / "000.png").read_bytes()[:100])
    Image.new("L", (90, 90), 255).save(source / "square" / "blank.png")
    (source / "star" / ".DS_Store").write_bytes(b"left by a system")
    (source / "triangle").mkdir()
    with pytest.raises(DataError) as caught:
        import_dataset(source, tmp_path / "data")
    lines = str(caught.value).splitlines()
    assert "nothing is written" in lines[0]
    assert [line.split(":")[0].strip() for line in lines[1:]] == [
        "triangle",
        "circle/notes.txt",
        "square/blank.png",
        "star/cut.png",
    ]
    assert not (tmp_path / "data").exists()
    imported = import_dataset(source, tmp_path / "data", Wishes(skip=True))
    assert len(imported.left_out) == 4
    assert imported.dataset.classes == SHAPES
    assert len(imported.dataset.train_images) + len(imported.dataset.test_images) == 30


def test_a_test_picture_that_also_trains_is_refused_or_left_out(tmp_path):
    write_folder(tmp_path / "source" / "train", 3)
    write_folder(tmp_path / "source" / "test", 3, start=2)
    with pytest.raises(DataError) as caught:
        import_dataset(tmp_path / "source", tmp_path / "data")
    assert [line.strip() for line in str(caught.value).splitlines()[1:]] == [
        f"test{os.sep}{shape}{os.sep}000.png: it is a training image too" for shape in SHAPES
    ]
    assert not (tmp_path / "data").exists()
    dataset = import_dataset(tmp_path / "source", tmp_path / "data", Wishes(skip=True)).dataset
    assert len(dataset.train_images) == 9
    assert np.bincount(dataset.test_labels).tolist() == [2, 2, 2]


def test_of_copies_none_tests_what_another_one_trains(tmp_path):
    source = write_folder(tmp_path / "source", 20)
    for path in list(source.glob("*/00?.png")):
        shutil.copy(path, path.with_name(f"copy_{path.name}"))
    for seed in range(3):
        dataset = import_dataset(source, tmp_path / str(seed), Wishes(test=0.5, seed=seed)).dataset
        tested = {image.tobytes() for image in dataset.test_images}
        assert tested.isdisjoint(image.tobytes() for image in dataset.train_images)
        assert len(dataset.train_images) + len(dataset.test_images) == 90
        assert len(tested) > 15


def test_copies_are_drawn_together_and_the_test_set_keeps_its_size():
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (200, 28, 28), dtype=np.uint8)
    labels = np.arange(200) % 2
    alone = divided(Part(images, labels), 2, 0.15, 0)[1]
    assert idx.sha256(alone.images).startswith(
        "ea62be28d4fbc6a4"
    )  # seeds draw what they have drawn in all versions
    order = random.permutation(400)
    train, test = divided(Part(images.repeat(2, 0)[order], labels.repeat(2)[order]), 2, 0.15, 0)
    assert np.bincount(test.labels).tolist() == [30, 30]
    assert equal_images(train.images, test.images) == 0


def test_the_test_set_is_said_to_be_as_large_as_it_is(tmp_path):
    notes = import_dataset(write_folder(tmp_path / "few", 4), tmp_path / "data").notes
    assert "15% of each class, drawn by seed 0, are the test set; in all, it has 25% of the images" in notes
    notes = import_dataset(tmp_path / "few", tmp_path / "half", Wishes(test=0.5)).notes
    assert "50% of each class, drawn by seed 0, are the test set" in notes


def test_classes_that_differ_in_capitals_alone_are_refused(tmp_path):
    source = write_folder(tmp_path / "source" / "train", 3).parent
    write_folder(source / "test", 3, start=3)
    (source / "test" / "circle").rename(source / "test" / "Circle")
    with pytest.raises(DataError, match="two names of one class, or of two\\? 'Circle' and 'circle'"):
        import_dataset(source, tmp_path / "data")
    (tmp_path / "labels.csv").write_text(table_of(["yes", "no", "Yes"] * 3))
    with pytest.raises(DataError, match="'Yes' and 'yes'; rename"):
        import_dataset(tmp_path / "labels.csv", tmp_path / "data")
    (tmp_path / "letters.csv").write_text(table_of(["a", "A"] * 3))
    assert import_dataset(tmp_path / "letters.csv", tmp_path / "data").dataset.classes == ("A", "a")


def test_a_folder_with_data_is_left_alone(digits, digits_folder, tmp_path):
    shutil.copytree(digits_folder, tmp_path / "data")
    write_folder(tmp_path / "shapes", 3)
    with pytest.raises(DataError, match="has data already"):
        import_dataset(tmp_path / "shapes", tmp_path / "data")
    assert load(tmp_path / "data").digest == digits.digest


@pytest.mark.parametrize("written", range(6))
def test_an_import_that_was_cut_short_is_completed_by_the_same_one(written, tmp_path, monkeypatch):
    write_folder(tmp_path / "shapes", 5)
    whole = import_dataset(tmp_path / "shapes", tmp_path / "whole").dataset
    real, count = files.write_atomically, 0

    def cut_short(path, content, alone=False):
        nonlocal count
        count += 1
        if count > written:
            raise OSError(errno.ENOSPC, "no space left")
        real(path, content, alone)

    with monkeypatch.context() as patch:
        patch.setattr(files, "write_atomically", cut_short)
        with pytest.raises(OSError, match="no space left"):
            import_dataset(tmp_path / "shapes", tmp_path / "data")
    if written >= 2:  # dataset.json is there
        with pytest.raises(DataError, match="was interrupted; repeat that command to complete it"):
            load(tmp_path / "data")
    if written >= 5:  # some of the images are
        with pytest.raises(DataError, match="has data already"):
            import_dataset(tmp_path / "shapes", tmp_path / "data", Wishes(seed=1))
    assert import_dataset(tmp_path / "shapes", tmp_path / "data").dataset.digest == whole.digest
    assert load(tmp_path / "data").digest == whole.digest


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes with a name")
def test_a_pipe_in_place_of_a_file_is_refused_and_not_read(tmp_path):
    write_folder(tmp_path / "shapes", 5)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "dataset.json").write_text("{}")
    os.mkfifo(tmp_path / "data" / "train-labels-idx1-ubyte.gz")
    with pytest.raises(DataError, match="has data already"):
        import_dataset(tmp_path / "shapes", tmp_path / "data")


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        (
            "a.csv",
            "label,a,b,c\n1,2,3,4\n",
            "expected square images, 784 pixels for 28×28, found 3 in each row",
        ),
        ("a.csv", "1,2,3,4,5\n2,3,4,5,6\n", "it cannot be told in which"),
        ("a.csv", "label,a,b,c,d\n1,2,3,4,5\n2,3,4,5,600\n", "expected pixels from 0 to 255"),
        ("a.csv", "label,a,b,c,d\n1,2,3,4,5\n2,3,4\n", "fewer values than the others"),
        ("a.csv", "label,a,b,c,d\n1,2,3,4,x\n", "expected numbers as pixels"),
        ("a.csv", "", "not a table"),
        ("a.csv", table_of(["yes", "no", "", "no"]), "row 3: there is no label"),
        ("a.csv", "label,a,b,c,d\n1,2,2,2,2\n0,2,2,2,2\n", "no image can be read; a.csv, row 0"),
        ("a-idx3-ubyte", "", "expected a file of images and one of their labels"),
        ("a.npz", "no archive", "not a file of NumPy's arrays"),
        ("a.zip", "", "must be unpacked first"),
    ],
)
def test_what_is_no_source_says_what_is_expected(tmp_path, name, content, reason):
    (tmp_path / name).write_text(content)
    with pytest.raises(DataError, match=reason):
        import_dataset(tmp_path / name, tmp_path / "data")
    assert not (tmp_path / "data").exists()


@pytest.mark.slow
def test_many_pictures_are_read_by_several_processes_alike(tmp_path):
    write_folder(tmp_path / "shapes", 150, side=40)
    alone = import_dataset(tmp_path / "shapes", tmp_path / "one").dataset
    seen = []
    shared = import_dataset(
        tmp_path / "shapes",
        tmp_path / "two",
        Wishes(workers=2),
        lambda done, count: seen.append((done, count)),
    ).dataset
    assert alone.digest == shared.digest
    assert seen[-1] == (450, 450)


def test_one_shape_looks_like_another_picture_of_it():
    assert drawn("star", 1).tobytes() == drawn("star", 1).tobytes() != drawn("star", 2).tobytes()
