"""The laboratory's training in a real Chromium, without its page."""

import os
import shutil
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from MNIST.browser import bundle, kernels_in_base64, language_table, variable
from MNIST.data import Dataset

LABORATORY = "browser/training/laboratory.js"
WORKER = "browser/training/worker.js"
BEGIN = """({ worker, table, kernels, about, arrays }) => {
  const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const dataset = { ...about };
  for (const [name, text] of Object.entries(arrays)) {
    dataset[name] = name.endsWith("Labels") ? Uint16Array.from(text) : bytes(text);
  }
  kernels = { simd: bytes(kernels.simd), plain: bytes(kernels.plain) };
  window.laboratory = new Laboratory({ worker, table, kernels, dataset });
  return laboratory.workers;
}"""
# Debian's chromium-headless-shell is Chromium without its user interface: tests take half the processor time.
PROGRAMS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")


def find_chromium() -> str | None:
    """The program that CHROMIUM names, or the first one that is installed, or None."""
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, PROGRAMS)), None)


@contextmanager
def chromium() -> Iterator[Any]:
    """This machine's Chromium without a window, as Playwright's Browser."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=["--no-sandbox"])
        yield browser
        browser.close()


@contextmanager
def laboratory(browser: Any, dataset: Dataset, images: int | None = None) -> Iterator[Any]:
    """A page whose global `laboratory` trains on a dataset in workers, as many as there are cores.

    images: how many training images there are, the first of the dataset; None: all.
    """
    page = browser.new_page()
    page.add_script_tag(content=f"{bundle(LABORATORY)}Object.assign(globalThis, {variable(LABORATORY)});")
    about = {"name": dataset.name, "classes": list(dataset.classes), "ink": dataset.about.ink}
    arrays = {
        "trainImages": b64encode(dataset.train_images[:images].tobytes()).decode(),
        "trainLabels": dataset.train_labels[:images].tolist(),
        "testImages": b64encode(dataset.test_images.tobytes()).decode(),
        "testLabels": dataset.test_labels.tolist(),
    }
    what = {"worker": bundle(WORKER), "table": language_table(), "kernels": kernels_in_base64()}
    page.evaluate(BEGIN, {**what, "about": about | {"form": dataset.about.form}, "arrays": arrays})
    yield page
    page.close()
