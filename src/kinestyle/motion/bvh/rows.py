"""The numbers below MOTION: one stream of values, parsed fast and checked so that nothing odd passes for a number."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from kinestyle.errors import MotionFileError
from kinestyle.motion.rotation import Array
from kinestyle.motion.text_files import NUMBER, quoted

MAX_DECIMALS = 20
_ALLOWED = b"0123456789+-.eE \t\n\f\v"
_NUMBER = re.compile(NUMBER.pattern.encode())


@dataclass(frozen=True, eq=False)
class Rows:
    """values: (T, C) as in the file; decimals: the most digits after a point; shortest: whether a fixed number of digits
    after the point cannot print them all."""

    values: Array
    decimals: int
    shortest: bool


def parse_rows(text: str, name: str, first_line: int, channel_count: int, declared: int, limit: float) -> Rows:
    """text: everything after the frame time, which stands on line `first_line` of file `name`.

    channel_count: C, declared: the frame count of the header, limit: the largest magnitude to accept. Rows may be wrapped
    over lines and may be one more or one fewer than declared. Raises MotionFileError.
    """
    # one byte for each character, so that places in text and block agree; "?" is not allowed in a number
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    block = text.encode("ascii", errors="replace") + b"\n"
    characters = np.frombuffer(block, dtype=np.uint8)
    blank = characters <= ord(" ")
    starts = np.flatnonzero(np.concatenate([[~blank[0]], blank[:-1] & ~blank[1:]]))
    ends = np.flatnonzero(~blank[:-1] & blank[1:]) + 1

    def where(token: int) -> str:
        at = int(starts[token])
        line, column = first_line + block.count(b"\n", 0, at), at - block.rfind(b"\n", 0, at)
        return f"{name}, line {line}, column {column}"

    def refuse_token(token: int) -> MotionFileError:
        found = text[starts[token] : ends[token]]
        hint = " with a decimal point instead of a comma" if "," in found else ""
        column = f"value {token % channel_count + 1} of {channel_count} of frame {token // channel_count + 1}"
        return MotionFileError(f"{where(token)}: found {quoted(found)}, expected a number{hint} as {column}")

    if block.translate(None, _ALLOWED):
        for token, (start, end) in enumerate(zip(starts.tolist(), ends.tolist(), strict=True)):
            if not _NUMBER.fullmatch(block, start, end):
                raise refuse_token(token)
        raise MotionFileError(f"{name}, line {first_line} or later: found a control character, expected numbers")
    _check_counts(name, first_line, block, starts, channel_count, declared)
    try:
        values = np.fromiter(map(float, block.split()), dtype=float, count=len(starts))
    except ValueError:
        for token, (start, end) in enumerate(zip(starts.tolist(), ends.tolist(), strict=True)):
            if not _NUMBER.fullmatch(block, start, end):
                raise refuse_token(token) from None
        raise
    beyond = np.abs(values) > limit
    if beyond.any():
        token = int(np.argmax(beyond))
        found = text[starts[token] : ends[token]][:40]
        raise MotionFileError(f"{where(token)}: found {found!r}, expected a number of at most {limit:g}")
    values = values.reshape(-1, channel_count)
    values.flags.writeable = False
    return Rows(values, *_decimals(characters, ends))


def _check_counts(name: str, first_line: int, block: bytes, starts: np.ndarray, channel_count: int, declared: int) -> None:
    """Refuse rows that are too short or too long, and frames too few or too many."""
    if not len(starts):
        wanted = f"{declared} frames of {channel_count} values"
        raise MotionFileError(f"{name}, line {first_line}: found the end of the file after the frame time, expected {wanted}")
    line_ends = np.flatnonzero(np.frombuffer(block, dtype=np.uint8) == ord("\n"))
    before = np.concatenate([[0], np.searchsorted(starts, line_ends)])
    per_line = np.diff(before)
    whole = per_line == channel_count
    in_step = before[:-1] % channel_count == 0
    frames, rest = divmod(len(starts), channel_count)
    out_of_step = (whole & ~in_step).any()
    mostly_whole = 2 * whole.sum() >= np.count_nonzero(per_line)
    if out_of_step or (rest and mostly_whole):
        # rows stand on lines of their own: the first line that is not whole is the one to mend
        line = int(np.argmax((per_line > 0) & ~whole))
        raise MotionFileError(
            f"{name}, line {first_line + line}: found {per_line[line]} values, expected {channel_count}, one for each channel"
        )
    if rest:
        raise MotionFileError(
            f"{name}, from line {first_line + 1}: found {len(starts)} values in all, which is {frames} frames and {rest} values, "
            f"expected a multiple of {channel_count}, the number of channels"
        )
    if abs(frames - declared) > 1:
        raise MotionFileError(
            f"{name}, from line {first_line + 1}: found {frames} frames of {channel_count} values, "
            f"expected {declared} as the header declares; "
            + ("the file is cut off" if frames < declared else "correct the number after Frames:")
        )


def _decimals(characters: np.ndarray, ends: np.ndarray) -> tuple[int, bool]:
    """The most digits that any value has after its point, and whether so many cannot print them all."""
    points = np.flatnonzero(characters == ord("."))
    tokens = np.searchsorted(ends, points)
    digits = ends[tokens] - points - 1
    exponents = np.searchsorted(ends, np.flatnonzero((characters | 0x20) == ord("e")))
    digits = digits[~np.isin(tokens, exponents)] if len(exponents) else digits
    most = int(digits.max(initial=0))
    return min(most, MAX_DECIMALS), most > MAX_DECIMALS or len(exponents) > 0
