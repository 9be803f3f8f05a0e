"""Web pages from templates: files *.html beside the Python that fills them.

Every page is one file that works from the disk; its own policy forbids the browser to fetch anything.
Values are escaped, unless a template says that they are HTML or a script already.
"""

from collections.abc import Collection
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from MNIST.files import NotAFileError, read_whole

if TYPE_CHECKING:
    from jinja2 import Environment

MOST_BYTES = 100_000_000  # of a page; browsers still open one of this size easily


def fill(template: str, **values: Any) -> str:
    """The text of a template with its values. template: a path below MNIST/, such as report/page.html.

    A question mark stands for what UTF-8 does not have: the bytes of a file's name in another encoding.
    """
    return _environment().get_template(template).render(values).encode(errors="replace").decode()


def has_title(path: Path, titles: Collection[str]) -> bool:
    """Whether a file begins like a page with one of these titles."""
    with suppress(NotAFileError):
        begin = read_whole(path, 1_000)
        return any(f"<title>{title}</title>".encode() in begin for title in titles)
    return False


@cache
def _environment() -> "Environment":
    from jinja2 import Environment, PackageLoader, StrictUndefined

    from MNIST.report import colours

    environment = Environment(
        loader=PackageLoader("MNIST", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["colours"] = colours
    environment.policies["json.dumps_kwargs"] = {"separators": (",", ":")}
    return environment
