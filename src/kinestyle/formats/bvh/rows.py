"""The numbers below MOTION: one stream of values, parsed fast, in which nothing odd passes for a
number.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import islice

import numpy as np

from kinestyle.errors import MotionFileError
from kinestyle.formats.bvh.decimals import Decimals, parse_decimals
from kinestyle.formats.text_files import NUMBER, quoted
from kinestyle.motion.rotation import Array

MAX_DECIMALS = 20
_RUN_TOGETHER = re.compile(rb"(?:%s){2}" % NUMBER.pattern.encode())
_ALLOWED = b"0123456789+-.eE \t\n\f\v"
_NO_NUMBER = re.compile(
    rb"(?<![^\x00-\x20])(?!(?:%s)(?![^\x00-\x20]))[^\x00-\x20]+" % NUMBER.pattern.encode()
)
_BEGUN = re.compile(rb"[+-]?([0-9]+\.?[0-9]*|\.[0-9]*)?([eE][+-]?[0-9]*)?")
"""A number, or the beginning of one."""
_TOKEN = re.compile(rb"[^\x00-\x20]+")


@dataclass(frozen=True, eq=False)
class Rows:
    """values: (T, C) as in the file
    decimals: the most digits after a point
    shortest: whether a fixed number of digits after the point cannot print them all
    notes: what was odd about them
    """

    values: Array
    decimals: int
    shortest: bool
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Expected:
    """What the rows should hold, and where: they begin on the line after `first_line` of file
    `name`.
    """

    name: str
    first_line: int
    channel_count: int
    declared: int
    limit: float
    most: int


def parse_rows(
    text: str,
    body: bytes,
    start: int,
    name: str,
    first_line: int,
    channel_count: int,
    declared: int,
    limit: float,
    most: int,
) -> Rows:
    """text, body: a whole file `name`, decoded and not; start: where in the text the frame time
    ends, on line `first_line`.

    channel_count: C, declared: the frame count of the header, limit: the largest magnitude to
    accept, most: the largest number of frames. Rows may be wrapped over lines, and be more or fewer
    than declared; a last row that is cut off, as a recorder leaves it that was stopped, is left
    out. Raises MotionFileError.
    """
    expected = _Expected(name, first_line, channel_count, declared, limit, most)
    # one byte for each character: an index means the same in both; "?" is not allowed in a number
    plain = text.isascii() and len(body) == len(text)
    block = memoryview(body)[start:] if plain else text[start:].encode("ascii", errors="replace")
    if "\r" in text:
        text, start = text[start:].replace("\r\n", "\n").replace("\r", "\n"), 0
        block = bytes(block).replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    found = parse_decimals(block, most * channel_count)
    notes: tuple[str, ...] = ()
    whole = _without_cut_row(block, found, expected)
    if whole is not None:
        found, notes = whole
    if found is None:
        raise _refusal(text, start, bytes(block) + b"\n", expected)
    _check_counts(expected, found.before_line_end, len(found.values))
    if found.values.max() > limit or found.values.min() < -limit:
        token = int(np.argmax(np.abs(found.values) > limit))
        at, end = next(islice(_TOKEN.finditer(block), token, None)).span()
        shown = repr(text[start + at : start + end][:40])
        raise MotionFileError(
            f"{_place(bytes(block), at, expected)}: found {shown}, expected a number of at most "
            f"{limit:g}"
        )
    values = found.values.reshape(-1, channel_count)
    values.flags.writeable = False
    return Rows(
        values,
        min(found.places, MAX_DECIMALS),
        found.places > MAX_DECIMALS or found.exponents,
        notes,
    )


def _without_cut_row(
    block: bytes | memoryview, found: Decimals | None, expected: _Expected
) -> tuple[Decimals, tuple[str, ...]] | None:
    """The numbers without the last line, and a note, where that line is the beginning of a row and
    every line before it a whole one; else None.

    found: all numbers, None where anything is odd
    """
    channel_count = expected.channel_count
    if found is not None and len(found.values) % channel_count == 0:
        return None
    lines = bytes(block).rstrip()
    cut = lines.rfind(b"\n") + 1
    words = lines[cut:].split()
    if not cut or not 0 < len(words) <= channel_count or not _BEGUN.fullmatch(words[-1]):
        return None
    if found is None and NUMBER.fullmatch(words[-1].decode()):
        return None
    rest = parse_decimals(lines[:cut], expected.most * channel_count)
    if rest is None or not len(rest.values):
        return None
    per_line = np.diff(rest.before_line_end, prepend=0)
    if not np.isin(per_line, (0, channel_count)).all():
        return None
    line = expected.first_line + lines.count(b"\n")
    note = (
        f"{expected.name}, line {line}: the last row is cut off after {len(words)} of "
        f"{channel_count} values; it was left out"
    )
    return rest, (note,)


def _place(block: bytes, at: int, expected: _Expected) -> str:
    line, column = expected.first_line + block.count(b"\n", 0, at), at - block.rfind(b"\n", 0, at)
    return f"{expected.name}, line {line}, column {column}"


def _refusal(text: str, start: int, block: bytes, expected: _Expected) -> MotionFileError:
    """The error for rows that hold something other than numbers. Raises the error for too many or
    too few numbers itself.
    """
    match = _NO_NUMBER.search(block)
    readable = not match and not block.translate(None, _ALLOWED)
    if readable:
        characters = np.frombuffer(block, dtype=np.uint8)
        blank = characters <= ord(" ")
        starts = np.flatnonzero(~blank & np.concatenate([[True], blank[:-1]]))
        line_feeds = np.flatnonzero(characters == ord("\n"))
        _check_counts(expected, np.searchsorted(starts, line_feeds), len(starts))
    if match:
        at, end = match.span()
        blank = np.frombuffer(block, dtype=np.uint8, count=at) <= ord(" ")
        token = np.count_nonzero(blank[1:] & ~blank[:-1])
        found = text[start + at : start + end]
        hint = " with a decimal point instead of a comma" if "," in found else ""
        if not hint and _RUN_TOGETHER.fullmatch(match.group()):
            hint = ", or two with a blank between them,"
        frame, channel = divmod(token, expected.channel_count)
        column = f"value {channel + 1} of {expected.channel_count} of frame {frame + 1}"
        return MotionFileError(
            f"{_place(block, at, expected)}: found {quoted(found)}, expected a number{hint} as "
            f"{column}"
        )
    assert not readable, "a file is not refused for sound numbers of the right count"
    return MotionFileError(
        f"{expected.name}, line {expected.first_line} or later: found a control character, "
        f"expected numbers"
    )


def _check_counts(expected: _Expected, before_line_end: np.ndarray, count: int) -> None:
    """Raises MotionFileError for rows that are too short or too long, and for too few or too many
    frames.

    count: of all values; before_line_end: (L,) int, how many of them stand before each line feed
    """
    name, first_line, channel_count = expected.name, expected.first_line, expected.channel_count
    if not count:
        wanted = f"{expected.declared or 'rows'}{' frames' * bool(expected.declared)} of "
        wanted += f"{channel_count} values"
        raise MotionFileError(
            f"{name}, line {first_line}: found the end of the file after the frame time, expected "
            f"{wanted}"
        )
    before = np.concatenate([[0], before_line_end])
    per_line = np.diff(before)
    whole = per_line == channel_count
    in_step = before[:-1] % channel_count == 0
    frames, rest = divmod(count, channel_count)
    out_of_step = (whole & ~in_step).any()
    mostly_whole = 2 * whole.sum() >= np.count_nonzero(per_line)
    filled = per_line[per_line > 0]
    alike = len(filled) and filled.min() == filled.max()
    if alike and filled[0] != channel_count and filled[0] > 0.5 * channel_count:
        lines = len(filled)
        if lines > 1 and abs(lines - expected.declared) <= 1:
            raise MotionFileError(
                f"{name}, line {first_line + int(np.argmax(per_line > 0))}: found {filled[0]} "
                f"values in each of {lines} rows, expected {channel_count}, one for each channel; "
                f"correct CHANNELS or the rows"
            )
    if out_of_step or (rest and mostly_whole):
        # each row stands on a line of its own: the first line that is not whole is the faulty one
        line = int(np.argmax((per_line > 0) & ~whole))
        raise MotionFileError(
            f"{name}, line {first_line + line}: found {per_line[line]} values, expected "
            f"{channel_count}, one for each channel"
        )
    if rest:
        raise MotionFileError(
            f"{name}, from line {first_line + 1}: found {count} values in all, which is {frames} "
            f"frames and {rest} values, expected a multiple of {channel_count}, the number of "
            f"channels"
        )
    if frames > expected.most:
        raise MotionFileError(
            f"{name}, from line {first_line + 1}: found {frames} frames, expected at most "
            f"{expected.most} in a file of this size"
        )
