"""Write a page on which you draw digits and trained networks answer.

Usage:
    python MNIST page <model-names> <html-file>
    python MNIST page --help

Writes one HTML file that opens in any browser. It needs no server, no network and no other file: send it,
put it on a stick, or open it years later. The networks compute in the browser while you draw. Several
networks stand side by side.

Arguments:
    <model-names>    networks trained by `train`, comma separated
    <html-file>      the file to write, such as digits.html; .html is added if it has no ending
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from MNIST.commands import values
from MNIST.errors import UsageError
from MNIST.files import write_atomically


def run(options: Mapping[str, Any]) -> int:
    """Write the page with all networks; if one of them cannot be trusted, write nothing."""
    names = values.model_names(options["<model-names>"])
    file = _page_file(options["<html-file>"])

    from MNIST.page import draw_page

    content = draw_page([_plan(name) for name in names]).encode()
    write_atomically(file, content)
    print(f"Written: {file} ({len(content) / 1e6:.1f} MB). Open it in a browser, and draw.")
    return 0


def _plan(name: str) -> Any:
    from MNIST import training
    from MNIST.page import plan_network

    model = training.load_trained(name)
    weights = model.engine.get_weights()
    model.engine.close()
    record, about = model.record, model.record.about
    statistics = record.pixel_statistics
    return plan_network(name, model.network, weights, statistics, about.classes, about.form, about.ink)


def _page_file(text: str) -> Path:
    """The file to write. Its name must end in .html, and a file that it replaces must be such a page."""
    from MNIST.page import is_draw_page

    if "\0" in text:
        raise UsageError("the page's name has a NUL character in it")
    file = Path(text if Path(text).suffix else f"{text}.html")
    if file.suffix.lower() not in (".html", ".htm"):
        raise UsageError(f"{text[:64]!r}: expected a name that ends in .html")
    if file.is_dir():
        raise UsageError(f"{file} is a folder: take another name")
    if file.exists() and not is_draw_page(file):
        raise UsageError(f"{file} is there and no page of this command: take another name")
    return file
