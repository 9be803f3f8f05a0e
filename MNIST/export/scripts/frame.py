"""What surrounds the layers of a script: its template is filled, and idle imports are removed."""

import textwrap
from functools import cache
from typing import TYPE_CHECKING, Any

from MNIST.export.scripts.source import as_comment, parts, without_idle_imports
from MNIST.export.shared_network import SharedNetwork
from MNIST.language import AUGMENTATIONS, inputs

if TYPE_CHECKING:
    from jinja2 import Environment


class Frame:
    """What a script will hold beside its layers.

    parts: the names of the definitions that are copied into it. before_training: lines of its `train`.
    """

    def __init__(self, shared: SharedNetwork) -> None:
        self.shared = shared
        self.parts: set[str] = set()
        self.before_training: list[str] = []

    def use(self, *names: str) -> None:
        """Copy these definitions, and those that they need."""
        self.parts |= set(names)

    def copied(self, module: str) -> str:
        """The source of the definitions that are used, followed by two empty lines; "" if there are none."""
        return f"{parts(module, self.parts)}\n\n\n" if self.parts else ""


def filled(template: str, frame: Frame, **values: Any) -> str:
    """The source of a script, without the imports that it does not use.

    template: the name of a file of this folder. values: what it needs beside the frame and the spec.
    Raises jinja2.UndefinedError if it needs more.
    """
    shared = frame.shared
    (step,) = shared.network.spec.input  # a simplified spec has one
    text = (
        _environment()
        .get_template(template)
        .render(
            frame=frame,
            shared=shared,
            spec=shared.network.spec,
            classes=shared.network.classes,
            text=as_comment(shared.text.rstrip()),
            data=parts("data_parts", ["load_data"]),
            levels=list(step.levels) if isinstance(step, inputs.Threshold) else None,
            standardize=isinstance(step, inputs.Standardize),
            augment=dict.fromkeys(AUGMENTATIONS)
            | {type(each).__name__: each for each in shared.network.spec.augment},
            **values,
        )
    )
    return without_idle_imports(text)


def executed(source: str) -> dict[str, Any]:
    """The names that a script defines. Its `main` is not run."""
    names = {"__name__": "script"}
    exec(compile(source, "the script", "exec"), names)
    return names


@cache
def _environment() -> "Environment":
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(  # nothing is escaped: it makes Python, and comes from checked values
        loader=PackageLoader("MNIST.export.scripts", ""),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["indent4"] = lambda text: textwrap.indent(text, "    ")
    return environment
