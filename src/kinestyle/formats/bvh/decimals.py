"""Thousands of decimal numbers at once between text and float64. The results are exactly those of
`float` and of "%.6f".

A number of at most 16 digits is a whole number over a power of ten. Where both are exact in a
float64, their quotient is the float64 nearest to the text, which is what `float` promises (the fast
path of Clinger 1990). Eight digits are read as one 64-bit word with three multiplications (Lemire's
method), for all numbers of a piece of text side by side. The few numbers that are longer or have
exponents go through `float`, one by one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

import numpy as np

from kinestyle.motion.rotation import Array

_PIECE_BYTES = 2**18
"""Of text at a time: enough for calls to cost little, and few enough for the work to stay in the
processor's cache.
"""
_WORD = 8
"""Digits, and bytes, of one 64-bit word."""
_PADDING = b"\n" + b" " * (4 * _WORD)
"""Behind a piece: the end of its last line, and room to load whole words at its last digit."""
_EXACT = 2**53
"""Whole numbers below are exact in a float64."""
_DIGITS = 16
"""The fewest digits of which some numbers are beyond that."""
_BLANK = re.compile(rb"[\x00-\x20]")
_OF_NUMBERS = b"0123456789+-.eE"
_POWERS = 10 ** np.arange(_WORD + 1, dtype=np.uint64)
_ROOM = np.uint64(_EXACT) // _POWERS
_MOST_PLACES = 15
"""Of a fraction that 10 ** places makes a number of less than 2 ** 51."""
_WHOLE_LIMIT = 1e7
_MARK = 1
"""The character, foreign to numbers, in place of one that is printed on its own."""
_PIECE_VALUES = 2**14
_DIVISORS = 10.0 ** np.arange(2 * _WORD + 1)


@dataclass(frozen=True, eq=False)
class Decimals:
    """values: (N,) as `float` reads them
    before_line_end: (L,) int, for each line feed how many numbers stand before it
    places: the most digits after a point, of numbers without exponent
    exponents: whether any number has one
    """

    values: Array
    before_line_end: np.ndarray
    places: int
    exponents: bool


def parse_decimals(text: bytes | memoryview, most: int) -> Decimals | None:
    """text: numbers between blanks -> at most `most` of them; None where anything is odd.

    Odd are a token that is no number, a control character, and one number more than `most`. The
    caller finds out which, and where. The end of the text ends a line.
    """
    values = np.empty(min(most, len(text) // 2 + 1))
    before_line_end = []
    count = places = start = 0
    exponents = False
    while start < len(text):
        cut = _BLANK.search(text, start + _PIECE_BYTES)
        stop = cut.end() if cut else len(text)
        piece = b"".join((text[start:stop], _PADDING))
        characters = np.frombuffer(piece, dtype=np.uint8)
        # each piece ends with a blank, the last one with the line feed of the padding
        blank_at = np.flatnonzero(characters[: stop - start + (stop == len(text))] <= ord(" "))
        blank = characters[blank_at]
        line_feed = blank == ord("\n")
        if not (
            (blank == ord(" "))
            | (blank == ord("\t"))
            | line_feed
            | (blank == ord("\f"))
            | (blank == ord("\v"))
        ).all():
            return None
        starts = np.empty_like(blank_at)
        starts[0], starts[1:] = 0, blank_at[:-1] + 1
        filled = starts < blank_at
        ends, whole = blank_at, filled.all()
        if not whole:
            starts, ends = starts[filled], ends[filled]
        if count + len(ends) > len(values):
            return None
        lines = np.flatnonzero(line_feed)
        before_line_end.append(count + 1 + lines if whole else count + np.cumsum(filled)[lines])
        if len(ends):
            found = _parse_piece(piece, characters, starts, ends, values[count : count + len(ends)])
            if found is None:
                return None
            places, exponents = max(places, found[0]), exponents or found[1]
        count, start = count + len(ends), stop
    return Decimals(
        values[:count],
        np.concatenate(before_line_end or [np.zeros(0, dtype=int)]),
        places,
        exponents,
    )


def _parse_piece(
    piece: bytes, characters: np.ndarray, starts: np.ndarray, ends: np.ndarray, values: Array
) -> tuple[int, bool] | None:
    """starts, ends: (N,) int, the numbers of one piece, of which none is empty; values: (N,) to put
    them.

    The most digits after a point, of numbers without exponent, and whether any has one; None where
    one is no number.
    """
    words = np.frombuffer(piece, dtype="<u8", count=len(piece) // _WORD)
    first = characters[starts]
    negative = first == ord("-")
    digits_at = starts + (negative | (first == ord("+")))
    points, place_count = _points(piece, characters, starts, ends, digits_at)
    whole_count = points - digits_at
    most, places = int(whole_count.max()), int(place_count.max())
    number, odd = _digits(
        _load(words, digits_at), whole_count if most <= _WORD else np.minimum(whole_count, _WORD)
    )
    if most > _WORD:
        odd |= whole_count > _WORD
    odd |= whole_count + place_count < 1
    for word in range(0, min(places, 2 * _WORD), _WORD):
        digits = np.minimum(np.maximum(place_count - word, 0), _WORD)
        further, wrong = _digits(_load(words, points + (1 + word)), digits)
        odd |= wrong
        if most + places >= _DIGITS:
            odd |= number >= _ROOM[digits]
        number *= _POWERS[digits]
        number += further
    if places > 2 * _WORD:
        odd |= place_count > 2 * _WORD
        place_count = np.minimum(place_count, 2 * _WORD)
    np.divide(number, _DIVISORS[place_count], out=values)
    values *= np.where(negative, -1.0, 1.0)
    if not odd.any():
        return places, False
    rest = np.flatnonzero(odd)
    tokens = [piece[a:b] for a, b in zip(starts[rest].tolist(), ends[rest].tolist(), strict=True)]
    joined = b"".join(tokens)
    if joined.translate(None, _OF_NUMBERS):
        return None
    try:
        values[rest] = list(map(float, tokens))
    except ValueError:
        return None
    if b"e" not in joined and b"E" not in joined:
        return places, False
    fixed = [
        len(token) - 1 - token.rfind(b".")
        for token in tokens
        if b"." in token and not {*b"eE"} & {*token}
    ]
    return max([*fixed, int(np.broadcast_to(place_count, odd.shape)[~odd].max(initial=0))]), True


def _points(
    piece: bytes,
    characters: np.ndarray,
    starts: np.ndarray,
    ends: np.ndarray,
    digits_at: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """(N,) where each number's last point is, its end for one without; (N,) or () how many digits
    follow.
    """
    # nearly every file has as many places in one number as in the next
    places = int(ends[0]) - 1 - piece.find(b".", starts[0], ends[0])
    points = ends - (1 + places)
    if (
        places < ends[0] - starts[0]
        and (characters[points] == ord(".")).all()
        and (points >= digits_at).all()
    ):
        return points, np.array(places)
    points = np.flatnonzero(characters[starts[0] : ends[-1]] == ord(".")) + starts[0]
    if len(points) != len(starts) or (points < digits_at).any() or (points >= ends).any():
        found, points = points, ends.copy()
        points[np.searchsorted(ends, found)] = found
    return points, np.maximum(ends - points - 1, 0)


def _load(words: np.ndarray, at: np.ndarray) -> np.ndarray:
    """words: the text as uint64, at: (N,) int -> (N,) uint64, the eight characters from each index
    on, the first one lowest.

    Two aligned loads and two shifts are faster than one unaligned load.
    """
    index = at >> 3
    shift = ((at & 7) << 3).astype(np.uint64)
    low = words.take(index)
    low >>= shift
    index += 1
    high = words.take(index)
    # a shift by all 64 bits gives zero, as numpy defines it
    high <<= np.uint64(64) - shift
    low |= high
    return low


def _digits(word: np.ndarray, count: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """word: (N,) uint64 of text, of which the first `count` (N,) characters should be digits -> the
    number they make, and whether any is no digit.
    """
    shift = ((_WORD - count) * 8).astype(np.uint64)
    # the first digit is the lowest byte; zeros move in below it
    word = word ^ np.uint64(0x3030303030303030)
    word <<= shift
    high = word + np.uint64(0x7676767676767676)
    high |= word
    high &= np.uint64(0x8080808080808080)
    word *= np.uint64(1 + (10 << 8))
    word >>= np.uint64(8)
    word &= np.uint64(0x00FF00FF00FF00FF)
    word *= np.uint64(1 + (100 << 16))
    word >>= np.uint64(16)
    word &= np.uint64(0x0000FFFF0000FFFF)
    word *= np.uint64(1 + (10000 << 32))
    word >>= np.uint64(32)
    return word, high != 0


def format_decimals(values: Array, places: int, newline: str) -> bytes:
    """values: (T, C) finite -> T lines that end in `newline`, of C numbers with `places` digits
    after the point, as "%.6f" gives them. places is 3 or more."""
    size = max(1, _PIECE_VALUES // values.shape[1])
    row = b" ".join([b"%%.%df" % places] * values.shape[1]) + newline.encode()
    lines = []
    for start in range(0, len(values), size):
        piece = values[start : start + size]
        if places > _MOST_PLACES:
            lines.append(row * len(piece) % tuple(piece.ravel().tolist()))
        else:
            lines.append(_format_piece(piece, places, newline))
    return b"".join(lines)


def _format_piece(values: Array, places: int, newline: str) -> bytes:
    """As `format_decimals`. Each number gets columns of four characters; zero bytes are dropped at
    the end.
    """
    number = values.ravel()
    size = np.abs(number)
    whole = np.floor(size)
    # exact so far, since the two differ by less than the larger one
    scaled = size - whole
    scaled *= 10.0**places
    part = np.rint(scaled)
    # the product is off by half a last digit at most: where that could change the rounding, "%.6f"
    # decides
    slack = np.abs(scaled - part)
    scaled *= 2.0**-52
    slack += scaled
    odd = slack >= 0.5
    odd |= part >= 10.0**places
    largest = whole.max()
    if largest >= _WHOLE_LIMIT:
        odd |= whole >= _WHOLE_LIMIT
        whole[odd] = 0.0
    rest = part.astype(np.uint32 if places <= 9 else np.uint64)
    rest[odd] = 0
    tables = _tables()
    columns = []
    sign = np.signbit(number) * np.uint32(1000)
    head = whole.astype(np.uint32)
    if largest < 1000.0:
        head += sign
        columns.append(tables.signed.take(head))
    else:
        thousands = head // np.uint32(10000)
        head -= thousands * np.uint32(10000)
        head += (thousands == 0) * np.uint32(10000)
        thousands += sign
        columns += [tables.signed_or_empty.take(thousands), tables.four.take(head)]
    left = places - 3
    group = rest // rest.dtype.type(10**left)
    columns.append(tables.point_three.take(group))
    while left >= 4:
        rest -= group * rest.dtype.type(10**left)
        left -= 4
        group = rest // rest.dtype.type(10**left)
        columns.append(tables.four.take(group))
    rest -= group * rest.dtype.type(10**left)
    columns.append(tables.last[left].take(rest))
    characters = np.stack(columns, axis=-1)
    if odd.any():
        characters[odd] = 0
        characters[odd, 0] = _MARK
        characters[odd, -1] = tables.last[0][0]
    bytes_of_rows = characters.view(np.uint8).reshape(*values.shape, -1)
    ends = bytes_of_rows[:, -1, -4:]
    ends[ends == ord(" ")] = ord(newline[-1])
    text = characters.tobytes().translate(None, b"\0")
    if odd.any():
        printed = [b"%.*f" % (places, value) for value in number[odd].tolist()]
        pieces = text.split(bytes([_MARK]))
        text = b"".join(
            piece for pair in zip(pieces, [*printed, b""], strict=True) for piece in pair
        )
    return text if len(newline) == 1 else text.replace(newline[-1].encode(), newline.encode())


@dataclass(frozen=True, eq=False)
class _Tables:
    """Four characters for each number, as uint32, zero bytes where there is none.

    signed: (2000,) whole numbers below 1000, and the same with a minus
    signed_or_empty: (2000,) likewise, with nothing for 0
    four: (20000,) numbers below 10000 with their leading zeros, and the same without
    point_three: (1000,) the point and three digits
    last: for 0 to 3 digits, the digits and a blank
    """

    signed: np.ndarray
    signed_or_empty: np.ndarray
    four: np.ndarray
    point_three: np.ndarray
    last: tuple[np.ndarray, ...]


@cache
def _tables() -> _Tables:
    """Made by arithmetic on digits: formatting so many numbers would take as long as writing a clip
    of some seconds.
    """
    digit = np.full((10000, 4), ord("0"), np.uint8)
    for column, power in enumerate((1000, 100, 10, 1)):
        digit[:, column] += (np.arange(10000) // power % 10).astype(np.uint8)
    point_three, minus = digit[:1000].copy(), np.zeros((1000, 4), np.uint8)
    point_three[:, 0] = ord(".")
    whole = np.arange(10000).astype("S4").view(np.uint8).reshape(-1, 4)
    minus[:, 0], minus[:, 1:] = ord("-"), whole[:1000, :3]
    signed = np.concatenate([whole[:1000], minus])
    signed_or_empty = signed.copy()
    signed_or_empty[0], signed_or_empty[1000, 1] = 0, 0
    last = []
    for digits in range(4):
        ends = np.zeros((10**digits, 4), np.uint8)
        ends[:, :digits], ends[:, digits] = digit[: 10**digits, 4 - digits :], ord(" ")
        last.append(_words(ends))
    return _Tables(
        _words(signed),
        _words(signed_or_empty),
        _words(np.concatenate([digit, whole])),
        _words(point_three),
        tuple(last),
    )


def _words(characters: np.ndarray) -> np.ndarray:
    """(N, 4) bytes -> (N,) uint32."""
    return characters.view(np.uint32)[:, 0]
