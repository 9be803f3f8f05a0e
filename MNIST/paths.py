"""Where things are: the project's folders, and names made safe before any file is touched."""

import re
from pathlib import Path

from MNIST.errors import UsageError

MODELS = Path("Models")
MODEL_OUTPUT = Path("Model_Output")
HYPERPARAM_SEARCH = Path("Hyperparam_Search")

_PACKAGE = Path(__file__).resolve().parent
_SHIPPED = (_PACKAGE.parent / "Models", _PACKAGE / "shipped_models")  # a checkout; an installation

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


def checked_name(name: str, what: str) -> str:
    """Return `name` if it is safe as a file name: letters, digits, `_`, `-`, at most 64.

    what: how the command line calls it, for the message ("model name").
    Raises UsageError for anything else.
    """
    if not _NAME.fullmatch(name):
        shown = name if len(name) <= 64 else name[:61] + "..."
        raise UsageError(f"{what} {shown!r} is not usable: letters, digits, '_' and '-', 1 to 64 of them")
    return name


def shipped_models() -> list[Path]:
    """The model files that the project ships, sorted by name."""
    folder = next((folder for folder in _SHIPPED if folder.is_dir()), None)
    return sorted(folder.glob("*.txt")) if folder else []


def find_model_file(description: str) -> Path:
    """Find a model file: a path, or a name in `Models/` or among the shipped ones, `.txt` or not.

    Raises UsageError, with the nearest names there are, if there is none.
    """
    if "\0" in description:
        raise UsageError("the model file's name has a NUL character in it")
    folders = [Path(), MODELS, *_SHIPPED]
    if Path(description).name != description:
        folders = folders[:1]  # a path means that path, nothing else
    try:
        for folder in folders[1:] + folders[:1]:
            for candidate in (folder / description, folder / f"{description}.txt"):
                if candidate.exists() and not (folder == Path() and candidate.is_dir()):
                    return candidate
    except OSError as error:
        raise UsageError(f"model file {description[:64]!r}: {error.strerror}") from None
    raise UsageError(_no_such_model_file(description))


def _no_such_model_file(description: str) -> str:
    import difflib

    known = {path.stem for folder in (MODELS, *_SHIPPED) for path in folder.glob("*.txt")}
    near = difflib.get_close_matches(Path(description).stem, sorted(known), n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(sorted(known))}"
    return f"no model file {description[:64]!r} in {MODELS}/; {hint}"
