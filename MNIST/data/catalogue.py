"""The published datasets: their files, known by content, and where they can be fetched."""

import hashlib
from dataclasses import dataclass

from MNIST.data.about import CLOTHES, About
from MNIST.words import DIGITS


@dataclass(frozen=True)
class PublishedFile:
    """A file of a dataset: its name without `.gz`; size and SHA-256 of its uncompressed bytes."""

    name: str
    size: int
    sha256: str

    @property
    def gz_name(self) -> str:
        return f"{self.name}.gz"

    @property
    def largest_gz(self) -> int:
        """The most bytes that the file can have as gzip, when compression does not help."""
        return self.size + self.size // 1000 + 1024

    @property
    def rank(self) -> int:
        return 3 if "images" in self.name else 1


@dataclass(frozen=True)
class PublishedDataset:
    """A dataset's four files, in the order of `FILE_NAMES`, and the URLs of folders that hold them.

    classes: what each label means. form: as in `About`.
    """

    files: tuple[PublishedFile, ...]
    mirrors: tuple[str, ...]
    classes: tuple[str, ...] = DIGITS
    form: str = "digit"

    @property
    def digest(self) -> str:
        """As in `Dataset`."""
        return hashlib.sha256("".join(file.sha256 for file in self.files).encode()).hexdigest()

    @property
    def train_count(self) -> int:
        return self.files[1].size - 8  # a label is a byte; the header has 8

    @property
    def test_count(self) -> int:
        return self.files[3].size - 8


FILE_NAMES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)


def _published(
    mirrors: tuple[str, ...],
    *sizes_and_sums: tuple[int, str],
    classes: tuple[str, ...] = DIGITS,
    form: str = "digit",
) -> PublishedDataset:
    named = zip(FILE_NAMES, sizes_and_sums, strict=True)
    files = tuple(PublishedFile(name, size, sha) for name, (size, sha) in named)
    return PublishedDataset(files, mirrors, classes, form)


DATASETS = {
    "mnist": _published(
        (
            "https://ossci-datasets.s3.amazonaws.com/mnist/",
            "https://storage.googleapis.com/cvdf-datasets/mnist/",
            "http://yann.lecun.com/exdb/mnist/",  # the origin; has refused downloads for years
        ),
        (47040016, "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"),
        (60008, "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"),
        (7840016, "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"),
        (10008, "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"),
    ),
    "fashion": _published(
        ("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",),  # published without https
        (47040016, "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888"),
        (60008, "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9"),
        (7840016, "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b"),
        (10008, "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34"),
        classes=CLOTHES,
        form="whole",
    ),
    "digits": _published(
        (),  # made here, by digits.py
        (1176016, "e7f605191abd945177ef1ec9bfd420634f2b67399274993251710dc3b075eaf8"),
        (1508, "a51cb50022cf64ff873fdb947f9cc76fe899e4361beeaff6a249e68c626d1b23"),
        (232864, "8416cddb19d5cc15d99dab59ad5f1184f9347f476bc8397ec2d78181fa3a4a7c"),
        (305, "0f3e23c9b80c28d5bf0cc56b1bf9310e3312621d07a5bd82b95d0a05c4a89fa7"),
    ),
}


@dataclass(frozen=True)
class SourceFile:
    """A file as it is published: its name, its size in bytes or a little more, and the MD5 of its bytes."""

    name: str
    size: int
    md5: str


@dataclass(frozen=True)
class Collection:
    """A dataset that is published in another form: its files are fetched and imported.

    mirrors: URLs of folders that hold the files. prefix: that of the IDX files in a zip archive. first_test:
    how many of the test images are left out, because they are MNIST's.
    """

    files: tuple[SourceFile, ...]
    mirrors: tuple[str, ...]
    classes: tuple[str, ...] = DIGITS
    form: str = "digit"
    prefix: str = ""
    first_test: int = 0


LETTERS = tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
BALANCED = (*DIGITS, *LETTERS, *"abdefghnqrt")
_EMNIST = SourceFile("gzip.zip", 562_000_000, "58c8d27c78d21e728a6bc7b3cc06412e")
_OF_EMNIST = ("https://biometrics.nist.gov/cs_links/EMNIST/",)

# The MD5 sums are those of torchvision (torchvision/datasets/mnist.py).
COLLECTIONS = {
    "kmnist": Collection(
        (
            SourceFile("train-images-idx3-ubyte.gz", 20_000_000, "bdb82020997e1d708af4cf47b453dcf7"),
            SourceFile("train-labels-idx1-ubyte.gz", 100_000, "e144d726b3acfaa3e44228e80efcd344"),
            SourceFile("t10k-images-idx3-ubyte.gz", 4_000_000, "5c965bf0a639b31b8f53240b1b52f4d7"),
            SourceFile("t10k-labels-idx1-ubyte.gz", 100_000, "7320c461ea6c1c855c0b718fb2a4b134"),
        ),
        ("http://codh.rois.ac.jp/kmnist/dataset/kmnist/",),  # published without https
        ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"),
        form="whole",
    ),
    "qmnist": Collection(
        (
            SourceFile("qmnist-train-images-idx3-ubyte.gz", 12_000_000, "ed72d4157d28c017586c42bc6afe6370"),
            SourceFile("qmnist-train-labels-idx2-int.gz", 2_000_000, "0058f8dd561b90ffdd0f734c6a30e5e4"),
            SourceFile("qmnist-test-images-idx3-ubyte.gz", 12_000_000, "1394631089c404de565df7b7aeaf9412"),
            SourceFile("qmnist-test-labels-idx2-int.gz", 2_000_000, "5b5b05890a5e13444e108efe57b788aa"),
        ),
        ("https://raw.githubusercontent.com/facebookresearch/qmnist/master/",),
        first_test=10_000,
    ),
    "emnist-letters": Collection((_EMNIST,), _OF_EMNIST, LETTERS, prefix="emnist-letters-"),
    "emnist-balanced": Collection((_EMNIST,), _OF_EMNIST, BALANCED, prefix="emnist-balanced-"),
}

_OWNERS = {file.sha256: name for name, published in DATASETS.items() for file in published.files}


def owner(sha256: str) -> str:
    """The name of the dataset that a file of that content belongs to, or "custom"."""
    return _OWNERS.get(sha256, "custom")


def about_published(name: str) -> About:
    """What the images of the dataset with that name show; those of an unknown one show digits."""
    if name not in DATASETS:
        return About(name)
    return About(name, DATASETS[name].classes, form=DATASETS[name].form)
