"""Join JavaScript modules into one script, so that a page needs no other file.

A module of this room begins with its imports, one a line, and says `export` before each name that others use:

    import { layOut, walk } from "./network.js";
    export { layOut, walk } from "./network.js";
    export function parseSpec(text) { … }

The second line passes names on, and brings them into the module as the first one does.
Each becomes a function of its own, called once; so names of different modules never meet.
"""

import re
from importlib.resources import files
from importlib.resources.abc import Traversable
from posixpath import dirname, join, normpath

_IMPORT = re.compile(r'^import \{([^}]*)\} from "(\.[^"]+)";\n', re.MULTILINE)
_PASSED_ON = re.compile(r"^export (?=\{([^}]*)\} from )", re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:function\*?|const|let|class) (\w+))", re.MULTILINE)


def bundle(*modules: str, room: str = "MNIST") -> str:
    """One script, in strict mode, that runs these modules after the modules that they import.

    modules: their places below the package, such as "browser/language/parse.js". room: the package.
    Raises ValueError if modules import one another in a circle, or a name that is not exported.
    """
    parts: dict[str, str] = {}
    exported: dict[str, set[str]] = {}
    for module in modules:
        _add(files(room), module, parts, exported, ())
    script = '"use strict";\n' + "".join(parts.values())
    assert "</script" not in script
    return script


def _add(
    root: Traversable,
    module: str,
    parts: dict[str, str],
    exported: dict[str, set[str]],
    importers: tuple[str, ...],
) -> None:
    """Add a module to `parts`, after those that it imports."""
    if module in parts:
        return
    if module in importers:
        raise ValueError(f"modules import one another: {' → '.join((*importers, module))}")
    written = root.joinpath(module).read_text(encoding="utf-8")
    text = _PASSED_ON.sub("import ", written)
    for names, place in _IMPORT.findall(text):
        other = normpath(join(dirname(module), place))
        _add(root, other, parts, exported, (*importers, module))
        if missing := {name.split(" as ")[0] for name in _words(names)} - exported[other]:
            raise ValueError(f"{module} imports {', '.join(sorted(missing))}, which {other} does not export")
    passed_on = {name.split(" as ")[-1] for names in _PASSED_ON.findall(written) for name in _words(names)}
    exported[module] = passed_on | set(_EXPORT.findall(text))

    def imported(match: re.Match[str]) -> str:
        names = ", ".join(_words(match[1])).replace(" as ", ": ")
        return f"const {{ {names} }} = {variable(normpath(join(dirname(module), match[2])))};\n"

    body = _EXPORT.sub("", _IMPORT.sub(imported, text))
    names = ", ".join(sorted(exported[module]))
    parts[module] = f"const {variable(module)} = (() => {{\n{body}return {{ {names} }};\n}})();\n"


def _words(names: str) -> list[str]:
    return [name.strip() for name in names.split(",") if name.strip()]


def variable(module: str) -> str:
    """The name of a module's exports in the script."""
    return "module_" + re.sub(r"\W", "_", module.removesuffix(".js"))
