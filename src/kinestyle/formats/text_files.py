"""What readers of text formats share: bytes to text, what a number looks like, quoting the file in
a message.
"""

from __future__ import annotations

import codecs
import re

from kinestyle.errors import MotionFileError

NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
"""A number. Unlike `float` it takes no "nan", "inf", "1_000" or digits of other scripts."""


def quoted(found: str) -> str:
    """A piece of the file for a message, cut to 40 characters."""
    return repr(found if len(found) <= 40 else found[:37] + "...")


def decode_text(data: bytes, name: str, kind: str, first: str) -> tuple[str, str, bytes]:
    """data: the bytes of file `name`, a file of `kind` that starts with `first` -> text, encoding
    and byte-order mark.

    What is not UTF-8 or UTF-16 is read as Latin-1. Raises MotionFileError for an empty file, and
    for one that is no text.
    """
    encoding, mark = _encoding(data)
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


def _encoding(data: bytes) -> tuple[str, bytes]:
    """The encoding of a text and its byte-order mark, as its first bytes show them."""
    marks = {
        codecs.BOM_UTF8: "utf-8",
        codecs.BOM_UTF16_LE: "utf-16-le",
        codecs.BOM_UTF16_BE: "utf-16-be",
    }
    for mark, encoding in marks.items():
        if data.startswith(mark):
            return encoding, mark
    # without a mark UTF-16 still shows: every other byte of plain English is zero
    even, odd = data[0:8:2], data[1:8:2]
    if len(data) >= 8 and all(even) and not any(odd):
        return "utf-16-le", b""
    if len(data) >= 8 and all(odd) and not any(even):
        return "utf-16-be", b""
    return "utf-8", b""


def latin_1_warning(name: str) -> str:
    """The warning for a file that names its joints in Latin-1."""
    return f"{name} is not UTF-8 text; its names were read as Latin-1"
