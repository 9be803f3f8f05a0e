"""The page as one file: its markup, style and scripts, with each network's plan and weights."""

from base64 import b64encode
from collections.abc import Sequence
from contextlib import suppress
from importlib.resources import files
from pathlib import Path

from MNIST.browser import bundle, variable
from MNIST.errors import UsageError
from MNIST.files import NotAFileError, read_whole
from MNIST.page.plan import Plan
from MNIST.report.templates import fill
from MNIST.words import DIGITS

TITLES = "Draw a digit", "Draw a picture"  # of a page on which all networks know digits, and of any other
WORKER_SCRIPTS = "engine.js", "worker.js"
DRAWING = "colours", "picture", "drawing", "maps", "bars"  # modules of browser/drawing, used by their names
PAGE_SCRIPTS = "cards.js", "page.js"
MOST_BYTES = 100_000_000  # of a page; browsers still open one of this size easily


def draw_page(plans: Sequence[Plan]) -> str:
    """The HTML of a page on which these networks answer.

    Raises UsageError if it would be larger than MOST_BYTES.
    """
    size = sum(4 * len(plan.numbers) // 3 for plan in plans)  # as base64
    if size > MOST_BYTES:
        raise UsageError(
            f"a page of {', '.join(plan.name for plan in plans)} would take {size / 1e6:,.0f} MB, "
            f"and {MOST_BYTES / 1e6:,.0f} are the most: take {'fewer or ' * (len(plans) > 1)}smaller networks"
        )
    return fill(
        "page/page.html",
        title=TITLES[any(plan.classes != DIGITS for plan in plans)],
        style=_read("page.css"),
        plans=[_described(plan) for plan in plans],
        numbers=[b64encode(plan.numbers).decode() for plan in plans],
        worker=_strict(WORKER_SCRIPTS),
        script=_drawing() + _strict(PAGE_SCRIPTS),
    )


def is_draw_page(path: Path) -> bool:
    """Whether a file begins like a page of `draw_page`."""
    with suppress(NotAFileError):
        begin = read_whole(path, 1_000)
        return any(f"<title>{title}</title>".encode() in begin for title in TITLES)
    return False


def _described(plan: Plan) -> dict[str, object]:
    return {
        "name": plan.name,
        "parameters": plan.parameters,
        "flops": plan.flops,
        "classes": plan.classes,
        "form": plan.form,
        "ink": plan.ink,
        "operations": plan.operations,
    }


def _strict(names: Sequence[str]) -> str:
    """Several scripts joined into one, in strict mode."""
    text = '"use strict";\n' + "".join(map(_read, names))
    assert "</script" not in text
    return text


def _drawing() -> str:
    """The modules for drawing; what they export has a global name."""
    places = [f"browser/drawing/{name}.js" for name in DRAWING]
    return bundle(*places) + "".join(f"Object.assign(globalThis, {variable(place)});\n" for place in places)


def _read(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")
