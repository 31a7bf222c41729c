"""Reading and replacing files as a whole, with refusals a user can act on."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from kinestyle.errors import MotionFileError

_GROWN_BYTES = 2**20
"""Read at a time of a file that is longer than it said."""


def read_bytes(path: Path, limit_bytes: int) -> bytes:
    """The content of a file of at most `limit_bytes`. Raises MotionFileError when it cannot be read
    or is larger.
    """
    if path.is_dir():
        raise MotionFileError(f"{path.name} is a folder, expected a file")
    if not path.exists():
        raise MotionFileError(f"{path.name} was not found; check the path {path}")
    if not path.is_file():
        # opening a pipe or a device could wait for ever
        raise MotionFileError(f"{path.name} is not a regular file")
    try:
        with path.open("rb") as file:
            # read() takes the memory for all that it is asked for at once
            data = file.read(min(os.fstat(file.fileno()).st_size, limit_bytes) + 1)
            while len(data) <= limit_bytes and (more := file.read(_GROWN_BYTES)):
                data += more
    except OSError as error:
        raise MotionFileError(f"{path.name} cannot be read: {error.strerror or error}") from error
    if len(data) > limit_bytes:
        raise MotionFileError(
            f"{path.name} has {path.stat().st_size} bytes, more than the limit of {limit_bytes}"
        )
    return data


def replace_bytes(path: Path, data: bytes) -> None:
    """Put `data` at `path`, all of it or nothing: a reader never sees half a file. Raises
    MotionFileError.
    """
    with replacing(path) as file:
        file.write(data)


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A file to write to, which takes the place of `path` when the block ends, and leaves no trace
    where it does not. Raises MotionFileError.
    """
    if path.is_dir():
        raise MotionFileError(f"{path.name} cannot be written because it is a folder")
    if not path.parent.is_dir():
        raise MotionFileError(
            f"{path.name} cannot be written because the folder {path.parent} does not exist; "
            f"create it first"
        )
    beside = path.with_name(f".{secrets.token_hex(8)}.tmp")
    try:
        with beside.open("xb") as file:
            yield file
        beside.replace(path)
    except OSError as error:
        raise MotionFileError(
            f"{path.name} cannot be written: {error.strerror or error}"
        ) from error
    finally:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)


def clear_unfinished(folder: Path) -> None:
    """Delete what `replacing` left in a folder where its process was killed. Nobody else may be
    writing there.
    """
    for path in folder.glob(".*.tmp"):
        if re.fullmatch(r"\.[0-9a-f]{16}\.tmp", path.name):
            path.unlink(missing_ok=True)
