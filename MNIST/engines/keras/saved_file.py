"""`.keras` files: written without a date, and read without trusting them.

Nothing in the file is executed: its configuration is checked, but nothing is built from it. The network is
built from the model text, and the file must hold exactly that network's weights: the same names, shapes and
types, each a plain dataset inside the file. So the file cannot make us need more memory than the network.
"""

import io
import json
import zipfile
from collections.abc import Container, Iterable, Iterator
from typing import Any

from MNIST.errors import ModelError, is_of_system

WHOLE = "Functional"  # Keras's class for a network of layers
MEMBERS = {"metadata.json", "config.json", "model.weights.h5"}
_TEXT_LIMIT = 16 * 2**20  # bytes of metadata and configuration
_OVERHEAD = 2**20  # bytes of HDF5 structure besides the weights; each dataset may add 4 KiB

GROUP = "group"

Layout = dict[str, tuple[tuple[int, ...], str]]
"""What a file of weights holds, by path: the shape and type of a dataset, or () and GROUP for a group."""


def without_times(content: bytes) -> bytes:
    """A `.keras` file without the times of writing, so that the same network gives the same bytes."""
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as before, zipfile.ZipFile(stream, "w") as after:
        for name in sorted(before.namelist()):
            member = before.read(name)
            if name == "metadata.json":
                member = json.dumps({**json.loads(member), "date_saved": "1980-01-01@00:00:00"}).encode()
            after.writestr(zipfile.ZipInfo(name), member)  # its time is 1980 too, the earliest in ZIP
    return stream.getvalue()


def weight_layout(weights: bytes, expected: Iterable[str] = ()) -> Layout:
    """The layout of an HDF5 file of weights.

    expected: the only paths that the file may have, if any are given. They also bound the search, even if a
    hostile file links its groups in a circle.
    Raises ModelError for another path, a link to another place or file, a virtual or externally stored
    dataset, or a file that is damaged.
    """
    import h5py

    try:
        with h5py.File(io.BytesIO(weights), "r") as file:
            return dict(_entries(file, "", set(expected), h5py))
    except ModelError:
        raise
    except Exception as error:  # a damaged file makes h5py fail in ways that nobody has listed
        if is_of_system(error):
            raise
        raise ModelError(f"its weights are damaged: {error}") from None


def checked_weights(content: bytes, expected: Layout, own_config: object) -> bytes:
    """The bytes of the HDF5 weights in a `.keras` file, after everything about them has been checked.

    expected, own_config: what the model text's own network would have saved.
    Raises ModelError for anything else: another class (a Lambda), other members, other weights.
    """
    archive = _open(content)
    _refuse_other_members(archive)
    foreign = _class_names(_read_json(archive, "config.json")) - _class_names(own_config) - {WHOLE}
    if foreign:
        raise ModelError(
            f"its configuration names the class {min(foreign)[:80]!r}, not one of this network's"
        )
    size = sum(_bytes(shape, kind) for shape, kind in expected.values() if kind != GROUP)
    weights = _read(archive, "model.weights.h5", size + _OVERHEAD + 4096 * len(expected))
    found = weight_layout(weights, expected)
    for path in sorted(expected.keys() | found.keys()):
        if expected.get(path) != found.get(path):
            raise ModelError(
                f"its weights are not those of the model text: {path} is {_shown(found.get(path))}, "
                f"expected {_shown(expected.get(path))}"
            )
    return weights


def _entries(
    group: Any, place: str, allowed: Container[str], h5py: Any
) -> Iterator[tuple[str, tuple[tuple[int, ...], str]]]:
    for name in group:
        path = f"{place}/{name}"
        link = group.get(name, getlink=True)
        if not isinstance(link, h5py.HardLink):
            raise ModelError(f"its weights hold a link to another place ({path})")
        if allowed and path not in allowed:
            raise ModelError(f"its weights are not those of the model text: {path[:80]!r} is none of theirs")
        item = group[name]
        if isinstance(item, h5py.Group):
            yield path, ((), GROUP)
            yield from _entries(item, path, allowed, h5py)
        elif not isinstance(item, h5py.Dataset) or item.shape is None:
            raise ModelError(f"its weights hold something else ({path})")
        elif item.is_virtual or item.external:
            raise ModelError(f"its weights lie outside the file ({path})")
        elif item.chunks is not None:  # Keras writes none; they might be compressed, and damaged
            raise ModelError(f"its weights lie in pieces ({path})")
        elif len(item.attrs):  # one of them makes Keras round the values
            raise ModelError(f"its weights have attributes ({path})")
        else:
            yield path, (tuple(item.shape), item.dtype.str)


def _open(content: bytes) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(io.BytesIO(content))
    except Exception as error:  # as above, for zipfile
        if is_of_system(error):
            raise
        is_hdf5 = content.startswith(b"\x89HDF\r\n")
        what = "an HDF5 file with another name" if is_hdf5 else "truncated, or something else"
        raise ModelError(f"it is not a .keras file, but {what}") from None


def _refuse_other_members(archive: zipfile.ZipFile) -> None:
    names = archive.namelist()
    if set(names) != MEMBERS or len(names) != len(MEMBERS):
        odd = sorted(set(names) ^ MEMBERS) or ["a member twice"]
        raise ModelError(f"it does not hold what a .keras file of ours holds: {', '.join(odd)[:200]}")


def _class_names(config: object) -> set[str]:
    """The classes that a configuration names. It uses no recursion: a hostile file may nest very deep."""
    names, pending = set(), [config]
    while pending:
        value = pending.pop()
        if isinstance(value, list | tuple):
            pending.extend(value)
        elif isinstance(value, dict):
            if value.get("class_name") is not None:
                names.add(str(value["class_name"]))
            pending.extend(value.values())
    return names


def _read_json(archive: zipfile.ZipFile, member: str) -> Any:
    try:
        return json.loads(_read(archive, member, _TEXT_LIMIT))
    except (ValueError, RecursionError) as error:
        raise ModelError(f"its {member} is not readable: {error}") from None


def _read(archive: zipfile.ZipFile, member: str, limit: int) -> bytes:
    """A member's bytes; at most `limit` + 1 bytes are decompressed."""
    try:
        with archive.open(member) as stream:
            content = stream.read(limit + 1)
    except Exception as error:  # as above
        if is_of_system(error):
            raise
        raise ModelError(f"its {member} is damaged: {error}") from None
    if len(content) > limit:
        raise ModelError(f"its {member} is larger than this network can need ({limit:,} bytes)")
    return content


def _bytes(shape: tuple[int, ...], kind: str) -> int:
    import math

    import numpy as np

    return math.prod(shape) * np.dtype(kind).itemsize


def _shown(entry: tuple[tuple[int, ...], str] | None) -> str:
    return "missing" if entry is None else f"{entry[1]} {entry[0]}"
