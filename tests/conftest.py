"""What several rooms' tests share: the real MNIST files, when this machine has them."""

import os
import shutil
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

import pytest

MNIST_FILES = (
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
)


@pytest.fixture(scope="session")
def mnist_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the four real MNIST files, copied from a file URL in MNIST_MIRROR; else a skip."""
    for mirror in os.environ.get("MNIST_MIRROR", "").split(","):
        source = Path(url2pathname(urlsplit(mirror.strip()).path))
        if mirror.strip().startswith("file:") and all((source / name).is_file() for name in MNIST_FILES):
            folder = tmp_path_factory.mktemp("mnist")
            for name in MNIST_FILES:
                shutil.copyfile(source / name, folder / name)
            return folder
    pytest.skip("needs real MNIST: set MNIST_MIRROR to the file:// URL of a folder with its four files")
