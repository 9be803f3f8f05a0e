"""Pictures in folders become the dataset that they show, or are named."""

import os
from pathlib import Path

import numpy as np
import pytest
from drawn_shapes import SHAPES, drawn, photographed_sheet, write_folder
from PIL import Image
from sources import first, same_images

from MNIST.data import About, Dataset, load
from MNIST.data.importing import Wishes, folders, import_dataset
from MNIST.errors import DataError, MNISTError


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


def test_folders_that_are_neither_training_nor_test_are_named(tmp_path):
    for start, kind in enumerate(["train", "testing", "Test", "val"]):
        write_folder(tmp_path / "source" / kind, 3, start=3 * start)
    imported = import_dataset(tmp_path / "source", tmp_path / "data")
    assert imported.notes[0] == "not read: 'testing', 'val'"
    (tmp_path / "source" / "val" / "list.txt").touch()
    assert import_dataset(tmp_path / "source" / "val", tmp_path / "val").notes[0] == "not read: 'list.txt'"


def test_hidden_folders_are_passed_over_and_linked_ones_named(tmp_path):
    source = write_folder(tmp_path / "source", 3)
    write_folder(tmp_path / "others", 3, start=3)
    (tmp_path / "others" / "star").rename(source / "star" / ".ipynb_checkpoints")
    (tmp_path / "others" / "circle").rename(source / "circle" / "more")
    (source / "square" / "linked").symlink_to(tmp_path / "others" / "square")
    imported = import_dataset(source, tmp_path / "data")
    assert imported.notes[0] == f"not read: 'square{os.sep}linked'"
    labels = np.concatenate([imported.dataset.train_labels, imported.dataset.test_labels])
    assert np.bincount(labels).tolist() == [6, 3, 3]


def test_files_with_several_pages_are_named(tmp_path):
    source = write_folder(tmp_path / "source", 4)
    scan, *others = (drawn("star", seed) for seed in range(4, 8))
    scan.save(source / "star" / "scan.tif", save_all=True, append_images=others)
    scan.save(source / "star" / "page.tif")
    imported = import_dataset(source, tmp_path / "data", Wishes(skip=True))
    assert f"of a file with several pages, the first one is read: 'star{os.sep}scan.tif'" in imported.notes


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


def _die(*_) -> None:
    os._exit(9)


def test_a_process_that_is_killed_while_it_reads_is_named(tmp_path, monkeypatch):
    write_folder(tmp_path / "shapes", 1, side=40)
    monkeypatch.setattr(folders, "ALONE", 1)
    monkeypatch.setattr(folders, "_read", _die)
    with pytest.raises(
        MNISTError, match=r"^a process that read pictures was killed, .* run the command again$"
    ):
        import_dataset(tmp_path / "shapes", tmp_path / "data", Wishes(workers=2))
    assert not (tmp_path / "data").exists()


def test_one_shape_looks_like_another_picture_of_it():
    assert drawn("star", 1).tobytes() == drawn("star", 1).tobytes() != drawn("star", 2).tobytes()


def test_pictures_of_12_bits_that_become_equal_are_said_to_be_dim(tmp_path):
    for level, kind in enumerate("aabb", start=1_050):
        (tmp_path / "deep" / kind).mkdir(parents=True, exist_ok=True)
        picture = Image.fromarray(np.full((28, 28), level, np.uint16))
        picture.save(tmp_path / "deep" / kind / f"{level}.png")
    with pytest.raises(DataError, match="different ones; the brightest pixel is 4, and white is 255"):
        import_dataset(tmp_path / "deep", tmp_path / "data", Wishes("whole"))
