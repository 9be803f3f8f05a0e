"""Reads files of Weights & Biases with W&B's own messages: 7 bytes, then a log in LevelDB's format."""

import json
import struct
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

BLOCK, HEADER = 32 * 1024, 7
WHOLE, LAST = 1, 4


def wandb_rows(file: Path) -> list[dict[str, Any]]:
    """The rows in a finished run's file, each a dictionary."""
    return [
        {item.key or "/".join(item.nested_key): json.loads(item.value_json) for item in record.history.item}
        for record in finished_records(file)
        if record.HasField("history")
    ]


def finished_records(file: Path) -> list[Any]:
    """The records of a finished run's file. W&B's own process may write them shortly after `finish`."""
    deadline = time.monotonic() + 300
    while not any(record.HasField("exit") for record in wandb_records(file)):
        assert time.monotonic() < deadline, f"{file} does not end"
        time.sleep(0.1)
    return list(wandb_records(file))


def wandb_records(file: Path) -> Iterator[Any]:
    """The records that a `.wandb` file has so far. Each part: checksum, size, kind, then the bytes."""
    from wandb.proto.wandb_internal_pb2 import Record

    content, place, parts = file.read_bytes(), HEADER, b""
    while place + HEADER <= len(content):
        left = BLOCK - place % BLOCK
        if left < HEADER:
            place += left
            continue
        _, size, kind = struct.unpack_from("<IHB", content, place)
        place += HEADER + size
        if place > len(content):
            return  # only half of this record is written so far
        parts += content[place - size : place]
        if kind in (WHOLE, LAST):
            yield Record.FromString(parts)
            parts = b""
