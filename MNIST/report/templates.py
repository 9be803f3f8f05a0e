"""Web pages from templates: files *.html beside the Python that fills them.

Every page is one file that works from the disk; its own policy forbids the browser to fetch anything.
Values are escaped, unless a template says that they are HTML or a script already.
"""

from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jinja2 import Environment


def fill(template: str, **values: Any) -> str:
    """The text of a template with its values. template: a path below MNIST/, such as report/page.html."""
    return _environment().get_template(template).render(values)


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
