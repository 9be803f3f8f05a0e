"""Python source: expressions as `ruff format` lays them out, pieces of a module, needed imports."""

import ast
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from MNIST.language import Node
from MNIST.words import escaped

WIDTH = 88  # ruff's default
PARTS = Path(__file__).parent / "parts"


@dataclass(frozen=True)
class Call:
    """A call, or a list, as source: `opening` ends in its bracket. Arguments are such sources too.

    long: whether each argument gets a line of its own, even if they fit on one. comment: at the end of its
    line, if it fits there.
    """

    opening: str
    arguments: tuple["Code", ...]
    long: bool = False
    comment: str = ""

    def __str__(self) -> str:
        return f"{self.opening}{', '.join(map(str, self.arguments))}{self.closing}"

    @property
    def closing(self) -> str:
        return {"(": ")", "[": "]"}[self.opening[-1]]


Code = str | Call


def call(function: str, /, *arguments: object, **named: object) -> Call:
    """A call of a function; strings and calls are arguments as they are, other values as Python writes them.

    A named argument that is None is left out; a named string is written with quotes.
    """
    given = tuple(value if isinstance(value, Call | str) else repr(value) for value in arguments)
    options = (f'{key}="{value}"' if isinstance(value, str) else f"{key}={value!s}"
               for key, value in named.items() if value is not None)  # fmt: skip
    return Call(f"{function}(", (*given, *options))


def sequence(function: str, arguments: Iterable[Code]) -> Call:
    """A call with each argument on a line of its own."""
    return Call(f"{function}(", tuple(arguments), long=True)


def written(code: Code, indent: int, before: str = "", after: str = "") -> list[str]:
    """The lines of an expression between two texts, as `ruff format` lays them out."""
    margin = " " * indent
    line = f"{margin}{before}{code}{after}"
    if isinstance(code, str) or (len(line) <= WIDTH and not _is_long(code)):
        comment = getattr(code, "comment", "")
        return [f"{line}  # {comment}" if comment and len(line) + len(comment) + 4 <= WIDTH else line]
    inside = f"{margin}    {', '.join(map(str, code.arguments))}"
    if len(inside) <= WIDTH and not _is_long(code):
        middle = [inside]
    else:
        comma = "," if code.long or len(code.arguments) > 1 else ""
        middle = [line for each in code.arguments for line in written(each, indent + 4, after=comma)]
    return [f"{margin}{before}{code.opening}", *middle, f"{margin}{code.closing}{after}"]


def applied(code: Call, indent: int, before: str, argument: str) -> list[str]:
    """The lines of a statement that calls what an expression returns, as `ruff format` lays them out."""
    margin = " " * indent
    opening = f"{margin}{before}{code}("
    if len(opening) + len(argument) + 1 > WIDTH >= len(opening) and not _is_long(code):
        return [opening, f"{margin}    {argument}", f"{margin})"]
    return written(code, indent, before, f"({argument})")


def _is_long(code: Code) -> bool:
    return isinstance(code, Call) and (code.long or any(map(_is_long, code.arguments)))


def maps(node: Node) -> str:
    """The shape of the maps that a layer makes, in words; "" if it makes none."""
    if len(node.output_shape) != 3:
        return ""
    rows, columns, channels = node.output_shape
    return f"{channels} map{'s' * (channels != 1)} of {rows} by {columns}"


def as_comment(text: str) -> str:
    """Any text as Python's comments: no character of it can begin a new line of code."""
    return "\n".join(f"# {escaped(line.expandtabs(4))}".rstrip() for line in text.splitlines())


def parts(module: str, names: Collection[str]) -> str:
    """The source of these definitions of a module in `parts/`, and of those that they need, in its order."""
    text, definitions = _definitions(module)
    needed: set[str] = set()
    asked = set(names)
    while asked:
        needed |= asked
        uses = set().union(*(used_names(definitions[name]) for name in asked))
        asked = (uses & definitions.keys()) - needed
    found = [(name, definitions[name]) for name in definitions if name in needed]
    return "\n\n\n".join(str(ast.get_source_segment(text, each)) for _, each in found)


@cache
def _definitions(module: str) -> tuple[str, dict[str, ast.stmt]]:
    text = (PARTS / f"{module}.py").read_text(encoding="utf-8")
    found: dict[str, ast.stmt] = {}
    for each in ast.parse(text).body:
        if isinstance(each, ast.ClassDef | ast.FunctionDef):
            found[each.name] = each
    return text, found


def used_names(tree: ast.AST) -> set[str]:
    """All names that some code reads."""
    return {each.id for each in ast.walk(tree) if isinstance(each, ast.Name)}


def without_idle_imports(source: str) -> str:
    """A module's source without the imported names that it never uses. Each import has its line."""
    tree = ast.parse(source)
    used = used_names(tree)
    lines = source.split("\n")
    for each in reversed(tree.body):
        if isinstance(each, ast.Import | ast.ImportFrom):
            kept = [alias for alias in each.names if (alias.asname or alias.name).split(".")[0] in used]
            if not kept:
                del lines[each.lineno - 1]
            elif len(kept) < len(each.names):
                each.names = kept
                lines[each.lineno - 1] = ast.unparse(each)
    return "\n".join(lines)
