"""`-` in the place of a file: standard input and standard output."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from kinestyle.errors import MotionFileError
from kinestyle.storage import scratch_folder

STREAM = "-"


def is_stream(path: Path | str) -> bool:
    return str(path) == STREAM


@contextmanager
def as_files(clip: Path, out: Path, suffix: str | None) -> Iterator[tuple[Path, Path]]:
    """Files for both places, of which either may be `-`. What was written for standard output is
    sent there, whole, when the block ends well.

    suffix: the format of standard output; None: that of the clip

    Raises MotionFileError for input of no format that is known.
    """
    if not (is_stream(clip) or is_stream(out)):
        yield clip, out
        return
    with scratch_folder() as folder:
        if is_stream(clip):
            clip = _standard_input(folder)
        written = folder / f"stdout{suffix or clip.suffix}"
        yield clip, written if is_stream(out) else out
        if is_stream(out):
            with click.open_file(STREAM, "wb") as stream:
                stream.write(written.read_bytes())


def _standard_input(folder: Path) -> Path:
    """All of it, as a file of the format that its beginning shows."""
    from kinestyle.formats.limits import MAX_FILE_BYTES
    from kinestyle.formats.sniff import suffix_of

    if sys.stdin is None or sys.stdin.isatty():
        raise MotionFileError("standard input is a terminal; send a motion file to it, with < or |")
    with click.open_file(STREAM, "rb") as stream:
        data = stream.read(MAX_FILE_BYTES + 1)
    if len(data) > MAX_FILE_BYTES:
        raise MotionFileError(
            f"standard input has more bytes than the limit of {MAX_FILE_BYTES}; give a shorter clip"
        )
    path = folder / f"stdin{suffix_of(data, 'standard input')}"
    path.write_bytes(data)
    return path
