"""Write a page on which you draw digits and trained networks answer.

Usage:
    python MNIST page <model-names> <html-file> [options]
    python MNIST page --help

Writes one HTML file that opens in any browser. It needs no server, no network and no other file: send it,
put it on a stick, or open it years later. The networks compute in the browser while you draw. Several
networks stand side by side, and the page counts how many of them say what.

Arguments:
    <model-names>    networks trained by `train`, comma separated, or "net_*"; A+B is an ensemble, whose
                     answer is the mean of its networks' probabilities; a file whose name ends in .txt has one
                     name or pattern in each line
    <html-file>      the file to write, such as digits.html; .html is added if it has no ending

Options:
    -q, --quiet      print only warnings and errors
"""

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

from MNIST.commands import values
from MNIST.commands.trained_networks import refuse_unlike
from MNIST.commands.written_files import own_file
from MNIST.files import write_atomically
from MNIST.paths import members, short_name


def run(options: Mapping[str, Any]) -> int:
    """Write the page with all networks; if one of them cannot be trusted, write nothing."""
    names = values.model_names(options["<model-names>"])

    from MNIST.page import draw_page, is_draw_page

    file = own_file(options["<html-file>"], (".html", ".htm"), "page", is_draw_page)
    content = draw_page(_cards(names)).encode()
    write_atomically(file, content)
    print(f"Written: {file} ({len(content) / 1e6:.1f} MB). Open it in a browser, and draw.")
    return 0


def _cards(names: Sequence[str]) -> list[Any]:
    """What the page needs of each network or ensemble; a network is read once."""
    from MNIST import training
    from MNIST.page import PageEnsemble

    each = {name: members(name) for name in names}
    for name, some in each.items():
        refuse_unlike(name, [training.read_record(member) for member in some])
    read = {member: _network(member) for member in dict.fromkeys(chain(*each.values()))}
    return [
        PageEnsemble(short_name(name), tuple(read[member] for member in some))
        if len(some) > 1
        else read[name]
        for name, some in each.items()
    ]


def _network(name: str) -> Any:
    from MNIST import training
    from MNIST.page import page_network

    model = training.load_trained(name)
    weights = model.engine.get_weights()
    model.engine.close()
    record, about = model.record, model.record.about
    statistics = record.pixel_statistics
    return page_network(name, model.network, weights, statistics, about.classes, about.form, about.ink)
