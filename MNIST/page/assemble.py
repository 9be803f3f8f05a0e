"""The page as one file: its markup, style and scripts, with each network's text and weights."""

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import asdict
from importlib.resources import files
from pathlib import Path

from MNIST.browser import bundle, kernels_in_base64, language_table
from MNIST.errors import UsageError
from MNIST.page.networks import PageEnsemble, PageNetwork
from MNIST.report.templates import MOST_BYTES, fill, has_title
from MNIST.words import DIGITS

TITLES = "Draw a digit", "Draw a picture"  # of a page on which all networks know digits, and of any other


def draw_page(answering: Sequence[PageNetwork | PageEnsemble]) -> str:
    """The HTML of a page on which these networks and ensembles answer, each on a card.

    A network stands in it once, however many ensembles it belongs to. Raises UsageError if the page would be
    larger than MOST_BYTES.
    """
    of_cards = {one.name: one.networks if isinstance(one, PageEnsemble) else (one,) for one in answering}
    networks = list({network.name: network for some in of_cards.values() for network in some}.values())
    places = {network.name: place for place, network in enumerate(networks)}
    size = sum(4 * len(network.numbers) // 3 for network in networks)  # as base64
    if size > MOST_BYTES:
        names = ", ".join(network.name for network in networks)
        raise UsageError(
            f"a page of {names} would take {size / 1e6:,.0f} MB, and {MOST_BYTES / 1e6:,.0f} are the most: "
            f"take {'fewer or ' * (len(networks) > 1)}smaller networks"
        )
    return fill(
        "page/page.html",
        title=TITLES[any(network.classes != DIGITS for network in networks)],
        style=files(__package__).joinpath("page.css").read_text(encoding="utf-8"),
        cards=[
            {"name": name, "networks": [places[network.name] for network in some]}
            for name, some in of_cards.items()
        ],
        networks=[_described(network) for network in networks],
        numbers=[b64encode(network.numbers).decode() for network in networks],
        table=language_table(),
        kernels=kernels_in_base64(),
        worker=bundle("page/worker.js"),
        script=bundle("page/page.js"),
    )


def is_draw_page(path: Path) -> bool:
    """Whether a file begins like a page of `draw_page`."""
    return has_title(path, TITLES)


def _described(network: PageNetwork) -> dict[str, object]:
    """What the page's scripts read about a network; its bytes stand elsewhere."""
    return {name: value for name, value in asdict(network).items() if name != "numbers"}
