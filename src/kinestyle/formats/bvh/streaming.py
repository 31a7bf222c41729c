"""Long BVH files, of which frames are read when they are asked for.

One run over the file checks every number and notes where each row begins; nothing else of the rows
is kept. What is odd about a file is for `read_bvh` to say or to read: such a file is not streamed.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from io import BufferedReader
from pathlib import Path
from typing import Self

import numpy as np

from kinestyle.errors import MotionFileError
from kinestyle.formats.bvh.decimals import parse_decimals
from kinestyle.formats.bvh.layout import BvhLayout, decode
from kinestyle.formats.bvh.parser import Head, parse_head, read_bvh
from kinestyle.formats.bvh.rows import MAX_DECIMALS
from kinestyle.formats.limits import MAX_FILE_BYTES, MAX_FRAMES, MAX_MAGNITUDE
from kinestyle.formats.text_files import decode_text
from kinestyle.motion.clip import UNSTATED, Clip, StatedWorld
from kinestyle.motion.rotation import Array
from kinestyle.motion.skeleton import Skeleton
from kinestyle.motion.window import WINDOWS, Motion
from kinestyle.storage import name_of

_STREAMED_BYTES = 2 * 2**20
"""Smaller files are read at once, whatever they hold."""
_HEAD_BYTES = _LINE_BYTES = 2**20
"""Of the head and of a line at most: what is longer is not streamed."""
_BLOCK_BYTES = 2**20
"""Of rows that are checked at a time."""
_FRAME_TIME_LINE = re.compile(rb"frame\s*time\s*:[^\r\n]*\r?\n", re.IGNORECASE)


def open_bvh(
    path: str | Path,
    fps: float | None = None,
    world: StatedWorld = UNSTATED,
    character: int | None = None,
) -> Motion:
    """The motion in a BVH file: a clip as `read_bvh` reads it, or, where that would be long, one
    whose frames are read when they are asked for.

    fps, character: as in `read_bvh`; world: what is known of the file's

    Raises MotionFileError for a file that cannot be read or is not sound BVH.
    """
    path = Path(path)
    streamed = None
    if path.is_file():
        try:
            with path.open("rb") as file:
                streamed = None if character else _scan(path, file, fps)
        except (OSError, MotionFileError):
            pass  # the reader of whole files says what is wrong
    if streamed is not None:
        return replace(streamed, world=world)
    return replace(read_bvh(path, fps, character), world=world)


@dataclass(frozen=True, eq=False)
class StreamedBvh:
    """A BVH file as a `Motion`. Its frames raise MotionFileError if it changes while it is read.

    layout: of the file, without its values
    frame_count: T; row_at: (T + 1,) int, where in the file each row begins, and the last one ends
    state: size and time of the file when it was checked
    """

    path: Path
    name: str
    frame_time_seconds: float
    layout: BvhLayout
    row_at: np.ndarray
    state: tuple[int, int]
    warnings: tuple[str, ...] = ()
    world: StatedWorld = UNSTATED

    @property
    def skeleton(self) -> Skeleton:
        return self.layout.skeleton

    @property
    def frame_count(self) -> int:
        return len(self.row_at) - 1

    def window(self, start: int, stop: int, joints: Sequence[int] | None = None) -> Clip:
        """As `Clip.window`."""
        return self._clip([(start, stop)], joints)

    def sample(self, frames: np.ndarray) -> Clip:
        """As `Clip.sample`."""
        return self._clip([(frame, frame + 1) for frame in frames.tolist()])

    def with_warnings(self, *more: str) -> Self:
        """As `Clip.with_warnings`."""
        return replace(self, warnings=(*self.warnings, *more))

    def _clip(self, ranges: list[tuple[int, int]], joints: Sequence[int] | None = None) -> Clip:
        values = self._values(ranges)
        source = replace(self.layout, values=values) if joints is None else None
        layout = self.layout if joints is None else self.layout.only(joints)
        return Clip(
            layout.skeleton,
            *decode(layout, values),
            self.frame_time_seconds,
            self.name,
            source,
            self.warnings,
            self.world,
        )

    def _values(self, ranges: list[tuple[int, int]]) -> Array:
        """(T, C) the values of some ranges of frames."""
        try:
            with self.path.open("rb") as file:
                if _state(file) != self.state:
                    raise self._changed()
                rows = []
                for start, stop in ranges:
                    file.seek(self.row_at[start])
                    rows.append(file.read(int(self.row_at[stop] - self.row_at[start])))
        except OSError as error:
            raise MotionFileError(
                f"{name_of(self.path)} cannot be read: {error.strerror or error}"
            ) from error
        shape = sum(stop - start for start, stop in ranges), self.layout.channel_count
        # the last row of the file may lack its line end
        found = parse_decimals(_line_feeds(b"\n".join(rows)), shape[0] * shape[1])
        if found is None or len(found.values) != shape[0] * shape[1]:
            raise self._changed()
        values = found.values.reshape(shape)
        values.flags.writeable = False
        return values

    def _changed(self) -> MotionFileError:
        return MotionFileError(
            f"{name_of(self.path)} changed while it was read; try again when nothing writes to it"
        )


def _scan(path: Path, file: BufferedReader, fps: float | None) -> StreamedBvh | None:
    """Check a whole file. None where `read_bvh` should read it: it is short, or odd."""
    state = _state(file)
    if not _STREAMED_BYTES <= state[0] <= MAX_FILE_BYTES:
        return None
    head = _head(name_of(path), file, state[0], fps)
    if (
        head is None
        or len(head.hierarchy.roots) > 1
        or not head.frame_count
        or len(WINDOWS.cut(head.frame_count, head.frame_time_seconds)) == 1
    ):
        return None
    start = len(head.byte_order_mark) + len(head.text[: head.end].encode(head.encoding))
    if head.frame_count > MAX_FRAMES:
        return None
    rows = _scan_rows(file, start, state[0], head)
    if rows is None:
        return None
    found = len(rows.row_at) - 1
    if found > MAX_FRAMES or abs(found - head.frame_count) > 1:
        return None
    layout = head.layout(
        np.zeros((0, head.channel_count)),
        min(rows.places, MAX_DECIMALS),
        rows.places > MAX_DECIMALS or rows.exponents,
    )
    return StreamedBvh(
        path,
        Path(name_of(path)).stem,
        head.frame_time_seconds,
        layout,
        rows.row_at,
        state,
        head.warnings(found),
    )


def _head(name: str, file: BufferedReader, file_bytes: int, fps: float | None) -> Head | None:
    """What stands before the rows; None where they could be streamed no more: in UTF-16, or behind
    a head that is far too long. Raises MotionFileError.
    """
    data = file.read(_HEAD_BYTES)
    last_line = _FRAME_TIME_LINE.search(data)
    if last_line is None:
        return None
    text, encoding, mark = decode_text(data[: last_line.end()], name, "BVH", "HIERARCHY")
    if encoding not in ("utf-8", "latin-1"):
        return None
    return parse_head(text, encoding, mark, name, file_bytes, fps)


@dataclass(frozen=True, eq=False)
class _Rows:
    """row_at: (T + 1,) int, as in `StreamedBvh`; places, exponents: as in `decimals.Decimals`."""

    row_at: np.ndarray
    places: int
    exponents: bool


def _scan_rows(file: BufferedReader, start: int, file_bytes: int, head: Head) -> _Rows | None:
    """Check all that stands behind byte `start`. None unless it is rows of numbers in bounds, each
    on a line of its own, and hardly more than the head declares.
    """
    file.seek(start)
    row_at, places, exponents = [], 0, False
    channel_count, room = head.channel_count, (head.frame_count + 2) * head.channel_count
    while lines := file.read(_BLOCK_BYTES):
        lines += file.readline(_LINE_BYTES)
        if not lines.endswith(b"\n") and file.tell() < file_bytes:
            return None
        found = parse_decimals(_line_feeds(lines), room)
        if found is None:
            return None
        room -= len(found.values)
        characters = np.frombuffer(lines, dtype=np.uint8)
        begins = np.concatenate([[0], np.flatnonzero(characters == ord("\n")) + 1])
        per_line = np.diff(found.before_line_end, prepend=0)
        if len(per_line) != len(begins) or not np.isin(per_line, (0, channel_count)).all():
            return None
        if len(found.values) and np.abs(found.values).max() > MAX_MAGNITUDE:
            return None
        row_at.append(start + begins[per_line > 0])
        places, exponents = max(places, found.places), exponents or found.exponents
        start += len(lines)
    return _Rows(np.concatenate([*row_at, [start]]), places, exponents)


def _line_feeds(text: bytes) -> bytes:
    """Text whose lines end in line feeds."""
    return text.replace(b"\r\n", b"\n").replace(b"\r", b"\n") if b"\r" in text else text


def _state(file: BufferedReader) -> tuple[int, int]:
    """Size and time of an open file."""
    stat = os.fstat(file.fileno())
    return stat.st_size, stat.st_mtime_ns
