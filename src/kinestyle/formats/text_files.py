"""What readers of text formats share: limits, how bytes become text, what a number looks like, how
finds are shown.
"""

from __future__ import annotations

import codecs
import re

from kinestyle.errors import MotionFileError

MAX_FILE_BYTES = 512 * 2**20
MAX_JOINTS = 4096
MAX_FRAMES = 2**20
MAX_JOINT_FRAMES = 2**25
"""Frames times joints."""
_FREE_JOINT_FRAMES, _JOINT_FRAMES_PER_BYTE = 2**18, 4
MAX_MAGNITUDE = 1e12
"""Of any number: beyond it squares and sums overflow later, far from the file that is to blame."""

NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
"""The whole of it: no "nan", "inf", "1_000" or digits of other scripts, all of which `float` takes.
"""


def joint_frame_limit(file_bytes: int) -> int:
    """The most frames times joints that a text file of so many bytes may hold.

    Four for each byte: a few bytes a frame over thousands of joints without channels must not fill
    the memory. A joint with three channels takes six bytes a frame at least.
    """
    return min(MAX_JOINT_FRAMES, _FREE_JOINT_FRAMES + _JOINT_FRAMES_PER_BYTE * file_bytes)


def quoted(found: str) -> str:
    """A piece of the file for a message, not longer than a line can bear."""
    return repr(found if len(found) <= 40 else found[:37] + "...")


def decode_text(data: bytes, name: str, kind: str, first: str) -> tuple[str, str, bytes]:
    """data: the bytes of file `name`, a file of `kind` that starts with `first` -> text, encoding
    and byte-order mark.

    What is not UTF-8 or UTF-16 is read as Latin-1. Raises MotionFileError for what is empty or no
    text.
    """
    marks = {
        codecs.BOM_UTF8: "utf-8",
        codecs.BOM_UTF16_LE: "utf-16-le",
        codecs.BOM_UTF16_BE: "utf-16-be",
    }
    mark = next((mark for mark in marks if data.startswith(mark)), b"")
    encoding = marks.get(mark, "utf-8")
    # without a mark UTF-16 still shows: every other byte of plain English is zero
    if not mark and len(data) >= 8 and not any(data[1:8:2]) and all(data[0:8:2]):
        encoding = "utf-16-le"
    elif not mark and len(data) >= 8 and not any(data[0:8:2]) and all(data[1:8:2]):
        encoding = "utf-16-be"
    body = data[len(mark) :]
    try:
        text = body.decode(encoding)
    except UnicodeDecodeError as error:
        if encoding != "utf-8":
            at = error.start + len(mark)
            raise MotionFileError(
                f"{name} starts as {encoding} text but its byte {at} is not; save it as UTF-8"
            ) from error
        text, encoding = body.decode("latin-1"), "latin-1"
    if not text or text.isspace():
        raise MotionFileError(f"{name}, line 1: found an empty file, expected {first}")
    if "\0" in text:
        raise MotionFileError(
            f"{name} holds zero bytes: it is a binary or damaged file, expected {kind} text"
        )
    return text, encoding, mark


def latin_1_warning(name: str) -> str:
    """What to say of a file that names its joints in Latin-1."""
    return f"{name} is not UTF-8 text; its names were read as Latin-1"
