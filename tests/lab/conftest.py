"""A laboratory, open in a browser."""

import pytest
from lab_in_use import MODEL, OTHER

from MNIST.data import load
from MNIST.lab import LabModel, lab_page


@pytest.fixture(scope="module")
def file(digits_folder, tmp_path_factory):
    """A laboratory with scikit-learn's digits."""
    path = tmp_path_factory.mktemp("lab") / "lab.html"
    content = lab_page(load(digits_folder), [LabModel("first", MODEL), LabModel("other", OTHER)])
    path.write_text(content, encoding="utf-8")
    return path


@pytest.fixture
def lab(file, browser_page):
    """That laboratory, open; after the test nothing has failed or used the network."""
    browser_page.goto(file.as_uri())
    return browser_page
