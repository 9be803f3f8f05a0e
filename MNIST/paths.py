"""The project's folders, model files by name, and a check that names are safe before any file is touched."""

import errno
import os
import re
from pathlib import Path

from MNIST.errors import UsageError, did_you_mean

MODELS = Path("Models")
MODEL_OUTPUT = Path("Model_Output")
HYPERPARAM_SEARCH = Path("Hyperparam_Search")
CHECKPOINTS = HYPERPARAM_SEARCH / "checkpoints"  # of the trials of all explorations
STORE = HYPERPARAM_SEARCH / "trials.sqlite"  # what is known of these trials
REPRODUCED = Path("Reproduced")
RECORD = "run.json"  # the file that a trained network has in its folder

_PACKAGE = Path(__file__).resolve().parent
_SHIPPED = (_PACKAGE.parent / "Models", _PACKAGE / "shipped_models")  # in a checkout; in an installation

LONGEST_NAME = 64  # characters
TOGETHER = "+"  # joins the names of networks that answer as one, an ensemble
_NAME = re.compile(rf"[A-Za-z0-9_-]{{1,{LONGEST_NAME}}}")
_DEVICES = re.compile(r"con|prn|aux|nul|(com|lpt)[0-9]", re.IGNORECASE)  # reserved on Windows


def is_name(text: str) -> bool:
    """Whether a text is safe as a file name: at most 64 letters, digits, `_` and `-`."""
    return _NAME.fullmatch(text) is not None and not _DEVICES.fullmatch(text)


def checked_name(name: str, what: str) -> str:
    """Return `name` if it is safe as a file name.

    what: what the name is for, as the message calls it ("model name").
    Raises UsageError for anything else.
    """
    if not is_name(name):
        shown = name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 3] + "..."
        raise UsageError(
            f"{what} {shown!r} is not usable: letters, digits, '_' and '-', 1 to {LONGEST_NAME} of them, "
            "and none of Windows's device names"
        )
    return name


def members(name: str) -> list[str]:
    """The names of the networks of an ensemble, "A+B"; of a network, its own."""
    return name.split(TOGETHER)


def short_name(name: str) -> str:
    """What an ensemble is called in tables and file names: "net_0+29_more" if "net_0+net_1+…" is too long."""
    first, *others = members(name)
    return name if len(name) <= LONGEST_NAME else f"{first}{TOGETHER}{len(others)}_more"


def name_from(text: str) -> str:
    """A name made of other words: `_` for what a name cannot have, at most 64 characters; "" of nothing."""
    return re.sub(r"[^A-Za-z0-9_-]+", "_", text)[:LONGEST_NAME]


def refuse_no_folder(folder: Path) -> None:
    """Raise OSError if there is something in a folder's place that is none."""
    if os.path.lexists(folder) and not folder.is_dir():
        found = "a link that leads to no folder" if folder.is_symlink() else "a file"
        lack = f"expected a folder, found {found}; remove it, or give it another name"
        raise OSError(errno.ENOTDIR, lack, str(folder))


def has_data(folder: Path) -> bool:
    """Whether a folder seems to hold a dataset, by the name of one of its files."""
    try:
        return any(folder.glob("train-images*"))
    except (OSError, ValueError):
        return False


def exploration_folder(name: str) -> Path:
    """The folder of the exploration of this name. Raises UsageError for a name that is not safe, or taken."""
    folder = HYPERPARAM_SEARCH / checked_name(name, "model name")
    if name.lower() == CHECKPOINTS.name:  # to many file systems, upper and lower case are one
        raise UsageError(f"{folder}/ holds the checkpoints of all explorations: take another name")
    return folder


def trained_names() -> list[str]:
    """The names of all trained networks, in order. Whether they can be trusted is not known yet.

    Raises OSError if something else is in the place of their folder.
    """
    refuse_no_folder(MODEL_OUTPUT)
    return sorted(path.parent.name for path in MODEL_OUTPUT.glob(f"*/{RECORD}") if is_name(path.parent.name))


def model_file_names() -> list[str]:
    """The names of the model files in `Models/` and of the shipped ones, in order."""
    return sorted({path.stem for folder in (MODELS, *_SHIPPED) for path in folder.glob("*.txt")})


def find_model_file(description: str) -> Path:
    """Find a model file by its path or its name, with or without `.txt`.

    A name is looked up in `Models/`, in the current folder, and then among the shipped model files.
    Raises UsageError, with the most similar name, if there is no such file.
    """
    if "\0" in description:
        raise UsageError("the model file's name has a NUL character in it")
    is_name = Path(description).name == description
    folders = (MODELS, Path(), *_SHIPPED) if is_name else (Path(),)
    try:
        for folder in folders:
            for candidate in (folder / description, folder / f"{description}.txt"):
                if candidate.exists() and not candidate.is_dir():
                    return candidate
        is_folder = description != "" and Path(description).is_dir()
    except OSError as error:
        raise UsageError(f"model file {description[:64]!r}: {error.strerror}") from None
    if is_folder:
        raise UsageError(f"model file {description[:64]!r} is a folder; expected a text file")
    place = f" in {MODELS}/" if MODELS.is_dir() else ""
    known = model_file_names()
    hint = did_you_mean(Path(description).stem, known) or f"; there are: {', '.join(known)}"
    raise UsageError(f"no model file {description[:64]!r}{place}{hint}")
