"""What comes of every kind of source: its form, ink, classes, test set and files; and what is refused."""

import errno
import os
import shutil
import sys

import numpy as np
import pytest
from drawn_shapes import SHAPES, write_folder
from PIL import Image
from sources import table_of, write_idx

from MNIST import files
from MNIST.data import idx, load
from MNIST.data.importing import Wishes, import_dataset
from MNIST.data.importing.dataset import divided, equal_images
from MNIST.data.importing.source import Part
from MNIST.errors import DataError


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


@pytest.mark.parametrize("kind", ["folder", "table", "arrays", "idx"])
def test_what_is_cut_out_and_centred_has_the_form_of_digits_whatever_it_looks_like(tmp_path, kind):
    """A note's stem reaches the border, because its heavy head is in the middle."""
    images = np.zeros((12, 90, 90), np.uint8)
    for number, note in enumerate(images):
        note[50:70, 20:40] = note[5 + number : 50, 38:40] = 255
    images[::2] = images[::2, ::-1]
    labels = np.arange(12, dtype=np.uint8) % 2
    source = tmp_path / "notes"
    if kind == "folder":
        for number, image in enumerate(images):
            (source / "ud"[number % 2]).mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(source / "ud"[number % 2] / f"{number}.png")
    elif kind == "table":
        source = tmp_path / "a.csv"
        np.savetxt(
            source,
            np.c_[labels, images.reshape(12, -1)],
            "%d",
            ",",
            header=f"label{',p' * 8100}",
            comments="",
        )
    elif kind == "arrays":
        source = tmp_path / "a.npz"
        np.savez(source, x_train=images, y_train=labels)
    else:
        write_idx(source, "a", {"train": (images, labels)})
    dataset = import_dataset(source, tmp_path / "data").dataset
    assert dataset.train_images[:, [0, 1, -2, -1]].any(axis=(1, 2)).all()
    assert dataset.about.form == "digit"


def test_dark_ink_stays_dark_if_that_is_wished(tmp_path):
    write_folder(tmp_path / "shapes", 10)
    wishes = Wishes("whole", invert="no")
    about = import_dataset(tmp_path / "shapes", tmp_path / "data", wishes).dataset.about
    assert (about.ink, about.paper) == ("dark", 255)
    assert load(tmp_path / "data").about == about


def test_the_form_of_digits_has_bright_ink_unless_dark_ink_is_asked_for(tmp_path):
    write_folder(tmp_path / "shapes", 4)
    said = "the form of digits has bright ink; --invert yes makes it dark"
    for invert, ink in (("auto", "bright"), ("no", "bright"), ("yes", "dark")):
        imported = import_dataset(tmp_path / "shapes", tmp_path / invert, Wishes(invert=invert))
        assert imported.dataset.about.ink == ink
        assert (said in imported.notes) == (invert == "no")


@pytest.mark.parametrize(("side", "form"), [(8, "whole"), (20, "digit"), (26, "whole")])
def test_images_that_stay_as_they_are_have_the_form_that_they_show(tmp_path, side, form):
    images = np.zeros((40, 28, 28), np.uint8)
    shown = slice(14 - side // 2, 14 + side // 2)
    images[:, shown, shown] = np.arange(100, 140)[:, None, None]
    np.savez(tmp_path / "a.npz", x_train=images, y_train=np.arange(40) % 2)
    assert import_dataset(tmp_path / "a.npz", tmp_path / "data").dataset.about.form == form
    (tmp_path / "data" / "dataset.json").unlink()
    assert load(tmp_path / "data").about.form == form


def test_what_is_written_of_the_ink_is_what_the_pixels_show(digits, tmp_path):
    arrays = {"y_train": digits.train_labels[:200], "x_train": 255 - digits.train_images[:200]}
    np.savez(tmp_path / "dark.npz", **arrays)
    stays = import_dataset(tmp_path / "dark.npz", tmp_path / "stays", Wishes(invert="no")).dataset.about
    assert (stays.ink, stays.form) == ("dark", "digit")
    (tmp_path / "stays" / "dataset.json").unlink()
    assert (load(tmp_path / "stays").about.ink, load(tmp_path / "stays").about.form) == ("dark", "digit")
    np.savez(tmp_path / "bright.npz", **arrays | {"x_train": digits.train_images[:200]})
    turned = import_dataset(tmp_path / "bright.npz", tmp_path / "turned", Wishes(invert="yes"))
    assert (turned.dataset.about.ink, turned.dataset.about.form) == ("dark", "digit")
    assert "and is dark now" in turned.notes[0]


@pytest.mark.skipif(sys.platform == "darwin", reason="its file system refuses names that are no text")
def test_names_and_sources_of_any_characters_can_be_read_again(tmp_path):
    source = write_folder(tmp_path / "some\u200cshapes\udc80", 4)
    dataset = import_dataset(source, tmp_path / "da\u200cta").dataset
    assert load(tmp_path / "da\u200cta").about == dataset.about
    assert dataset.about.source.endswith("some?shapes?")


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
        ("a.csv", "label,a,b,c,d\n1,2,3,4,600\n", "row 1: pixel 4 is 600; expected numbers"),
        ("a.csv", "label,a,b,c,d\n1,2,3\n", "row 1: pixel 3 is missing"),
        ("a.csv", "label,a,b,c,d\n1,2,3,4,x\n", "row 1: pixel 4 is 'x'; expected numbers"),
        ("a.csv", "label,a,b,c,d\n1,True,2,3,4\n", "row 1: pixel 1 is 'True'; expected numbers"),
        ("a.csv", "", "not a table"),
        ("a.csv", table_of(["yes", "no", "", "no"]), "row 3: there is no label"),
        ("a.csv", "label,a,b,c,d\n1,2,2,2,2\n0,2,2,2,2\n", "no image can be read; a.csv, row 1: blank"),
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
