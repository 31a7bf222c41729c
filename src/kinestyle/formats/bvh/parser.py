"""Reading BVH: a strict, iterative parser. Its refusals name the file, the line, what was found and
what was expected.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

import numpy as np

from kinestyle.errors import MotionFileError
from kinestyle.formats.bvh.layout import CHANNELS, BvhLayout, decode
from kinestyle.formats.bvh.rows import parse_rows
from kinestyle.formats.characters import choose_character, with_characters
from kinestyle.formats.limits import (
    MAX_FILE_BYTES,
    MAX_FRAMES,
    MAX_JOINTS,
    MAX_MAGNITUDE,
    check_size,
    joint_frame_limit,
)
from kinestyle.formats.text_files import NUMBER, decode_text, encoding_warnings, quoted
from kinestyle.formats.unique_names import unique_names
from kinestyle.motion.clip import Clip
from kinestyle.motion.rotation import Array
from kinestyle.motion.skeleton import Skeleton
from kinestyle.storage import name_of, read_bytes

MIN_FRAME_TIME_SECONDS, MAX_FRAME_TIME_SECONDS = 1e-6, 10.0
DOUBTFUL_SECONDS = 0.5
"""Between two frames. Nobody captures so slowly: what is longer is mostly meant in milliseconds."""

# \s of text patterns would take the no-break space that Latin-1 names may hold
_TOKEN = re.compile(r"[{}]|[^\s{}]+", re.ASCII)
_LINE_REST = re.compile(r"[^\r\n{}]*")
_LINE_END = re.compile(r"\r\n|\r|\n")
_FRAMES = re.compile(r"frames\s*:", re.ASCII | re.IGNORECASE)
_FRAME_TIME = re.compile(r"frame\s*time\s*:", re.ASCII | re.IGNORECASE)
_WORD = re.compile(r"\S+", re.ASCII)
_COMMA = re.compile(r"(?<![^\s])([+-]?[0-9]+),([0-9]+(?:[eE][+-]?[0-9]+)?)(?![^\s])", re.ASCII)
_POINT = re.compile(r"[0-9]\.[0-9]|\s[+-]?\.[0-9]", re.ASCII)
"""A number with a decimal comma, and what a number with a decimal point has."""
_ONE_FRAME_SECONDS = 1.0 / 30.0
"""Of a pose whose file states none: nothing depends on it."""
_CHANNEL_NAMES = {name.lower(): name for name in CHANNELS}


def read_bvh(path: str | Path, fps: float | None = None, character: int | None = None) -> Clip:
    """The clip in a BVH file, in its own units and axes, with a `BvhLayout` as its source.

    fps: frames a second, whatever the file says; None: what it says, if that can be believed
    character: which of several roots, see `Reading`

    Raises MotionFileError for a file that cannot be read or is not sound BVH.
    """
    path = Path(path)
    return parse_bvh(read_bytes(path, MAX_FILE_BYTES), name_of(path), fps, character)


def parse_bvh(
    data: bytes, name: str, fps: float | None = None, character: int | None = None
) -> Clip:
    """data: the bytes of a BVH file, name: what messages call it, fps, character: as in `read_bvh`
    -> the clip, named after `name` without its suffix.

    Raises MotionFileError with one sentence that says where, what was found and what was expected.
    """
    check_size(data, name)
    text, encoding, mark = decode_text(data, name, "BVH", "HIERARCHY")
    body, notes = data[len(mark) :], list[str]()
    with_points = _with_points(text)
    if with_points is not None:
        text, body = with_points, with_points.encode(encoding)
        notes.append(f"{name} has decimal commas; they were read as points, and are written so")
    head = parse_head(text, encoding, mark, name, len(data), fps)
    joints = len(head.hierarchy.names)
    rows = parse_rows(
        text,
        body,
        head.end,
        name,
        head.last_line,
        head.channel_count,
        head.frame_count,
        MAX_MAGNITUDE,
        min(MAX_FRAMES, max(1, joint_frame_limit(len(data)) // joints)),
    )
    hierarchy = head.hierarchy
    names = [hierarchy.names[root] for root in hierarchy.roots]
    index, more = choose_character(names, character, 0, name)
    layout = head.layout(rows.values, rows.decimals, rows.shortest, index)
    local_position, local_rotation = decode(layout, rows.values)
    clip = Clip(
        layout.skeleton,
        local_position,
        local_rotation,
        head.frame_time_seconds,
        Path(name).stem,
        layout,
        (*head.warnings(len(rows.values), index), *notes, *rows.notes, *more),
    )
    return with_characters(clip, names, index)


def _with_points(text: str) -> str | None:
    """The text with points for decimal commas; None where it has none, or where points in the rows
    make it doubtful what commas are.
    """
    if "," not in text:
        return None
    rows = _FRAME_TIME.search(text)
    mixed = rows is not None and _POINT.search(text, rows.end()) is not None
    end = len(text) if not mixed or rows is None else _line_end_after(text, rows.end())
    found, count = _COMMA.subn(r"\1.\2", text[:end])
    return found + text[end:] if count else None


def _line_end_after(text: str, at: int) -> int:
    match = _LINE_END.search(text, at)
    return match.start() if match else len(text)


@dataclass(frozen=True)
class Head:
    """All that a file says before its rows.

    text: of the file up to the frame time at least; end: where in it the frame time ends
    frame_count: as declared; the rows may be more or fewer
    count_at, time_at: where the frame count and the frame time are in the text, each from and to
    encoding, byte_order_mark: how the text was in bytes
    """

    name: str
    text: str
    hierarchy: Hierarchy
    frame_count: int
    count_at: tuple[int, int]
    frame_time_seconds: float
    time_at: tuple[int, int]
    encoding: str
    byte_order_mark: bytes

    @property
    def end(self) -> int:
        return self.time_at[1]

    @property
    def last_line(self) -> int:
        """The number of the line that has the frame time."""
        return _line(self.text, self.end)

    @property
    def channel_count(self) -> int:
        """C, how many values a row has."""
        return sum(map(len, self.hierarchy.channels))

    def layout(self, values: Array, decimals: int, shortest: bool, character: int = 0) -> BvhLayout:
        """values: (T, C); decimals, shortest: see `BvhLayout`; character: the index of the root."""
        joints = self.hierarchy.joints_of(character)
        line_end = _LINE_END.search(self.text, self.end)
        return BvhLayout(
            skeleton=self.hierarchy.skeleton(character),
            channels=tuple(self.hierarchy.channels[joints]),
            first_columns=tuple(self.hierarchy.first_columns()[joints]),
            column_count=self.channel_count,
            head_text=self.text[: self.count_at[0]],
            between_text=self.text[self.count_at[1] : self.time_at[0]],
            frame_time_text=self.text[slice(*self.time_at)],
            values=values,
            decimals=decimals,
            shortest=shortest,
            newline=line_end.group() if line_end else "\n",
            encoding=self.encoding,
            byte_order_mark=self.byte_order_mark,
        )

    def warnings(self, found_count: int, character: int = 0) -> tuple[str, ...]:
        """What is odd about the file; found_count: how many rows it has; character: the index of
        the root that is read.
        """
        odd = encoding_warnings(self.name, self.encoding)
        renamed = self.hierarchy.unique_names(character)[1]
        if renamed:
            odd.append(
                f"{self.name} has several joints named {', '.join(map(quoted, renamed[:5]))}; they "
                f"were told apart by numbers, and the file's text stays"
            )
        if found_count != self.frame_count:
            odd.append(
                f"{self.name}, line {_line(self.text, self.count_at[0])}: the header declares "
                f"{self.frame_count} frames but the file holds {found_count}; all rows were read"
            )
        return tuple(odd)


def parse_head(
    text: str,
    encoding: str,
    mark: bytes,
    name: str,
    file_bytes: int,
    fps: float | None = None,
) -> Head:
    """text: of file `name` up to the frame time at least; encoding, mark: as `decode_text` finds
    them; file_bytes: size of the whole file; fps: as in `read_bvh`. Raises MotionFileError.
    """
    scanner = _Scanner(text, name)
    hierarchy = _parse_hierarchy(scanner)
    count_from, count_to, declared = _frame_count(scanner)
    time_from, time_to, stated = _frame_time(scanner)
    if fps is None:
        _check_frame_time(scanner, stated, declared)
    joints = len(hierarchy.names)
    limit = joint_frame_limit(file_bytes)
    if declared * joints > limit:
        scanner.fail(
            count_from,
            f"{declared} frames of {joints} joints",
            f"at most {limit} frames times joints in a file of this size",
        )
    return Head(
        name,
        text,
        hierarchy,
        declared,
        (count_from, count_to),
        (stated or _ONE_FRAME_SECONDS) if fps is None else 1.0 / fps,
        (time_from, time_to),
        encoding,
        mark,
    )


def _line(text: str, at: int) -> int:
    """The number of the line with a character of the text, from 1 on."""
    return 1 + sum(1 for _ in _LINE_END.finditer(text, 0, at))


class _Scanner:
    """A cursor that steps through the text from token to token."""

    def __init__(self, text: str, name: str) -> None:
        self.text, self.name, self.at, self.end = text, name, 0, 0

    def fail(self, at: int, found: str, expected: str) -> NoReturn:
        """Refuse the file: `at` is an index into the text; `expected` says what should be there
        and, where it helps, what to do.
        """
        column = at - max(self.text.rfind("\n", 0, at), self.text.rfind("\r", 0, at))
        raise MotionFileError(
            f"{self.name}, line {_line(self.text, at)}, column {column}: found {found}, expected "
            f"{expected}"
        )

    def refuse(self, expected: str) -> NoReturn:
        """Refuse the token just read."""
        token = self.text[self.at : self.end]
        self.fail(self.at, quoted(token) if token else "the end of the file", expected)

    def next(self) -> str:
        """The next token, or the empty string at the end of the file."""
        match = _TOKEN.search(self.text, self.end)
        self.at, self.end = match.span() if match else (len(self.text), len(self.text))
        return match.group() if match else ""

    def expect(self, word: str, expected: str) -> None:
        if self.next().lower() != word:
            self.refuse(expected)

    def match(self, pattern: re.Pattern[str], expected: str) -> None:
        """Step over `pattern`, which must come next after blanks."""
        self.next()
        match = pattern.match(self.text, self.at)
        if not match:
            self.refuse(expected)
        self.end = match.end()

    def word(self) -> str:
        """The next run of characters without blanks, or the empty string."""
        match = _WORD.search(self.text, self.end)
        self.at, self.end = match.span() if match else (len(self.text), len(self.text))
        return match.group() if match else ""

    def rest_of_line(self) -> str:
        """The words up to a brace or the line's end; of the next line that has any, if this one has
        none.
        """
        self.next()
        if self.text[self.at : self.end] in ("", "{", "}"):
            return ""
        match = _LINE_REST.match(self.text, self.at)
        assert match, "a token was found here"
        self.end = match.end()
        return match.group().strip(" \t\f\v")

    def number(self, of: str) -> float:
        if not NUMBER.fullmatch(token := self.next()):
            self.refuse(
                f"a number for {of}"
                + (" with a decimal point instead of a comma" if "," in token else "")
            )
        value = float(token)
        if abs(value) > MAX_MAGNITUDE:
            self.refuse(f"a number for {of} of at most {MAX_MAGNITUDE:g}")
        return value


@dataclass
class Hierarchy:
    """The joints so far; offsets and channels are None for a joint that has not stated its own."""

    names: list[str] = field(default_factory=list)
    parents: list[int] = field(default_factory=list)
    offsets: list[list[float] | None] = field(default_factory=list)
    stated_channels: list[tuple[str, ...] | None] = field(default_factory=list)
    ends: list[tuple[int, list[float]]] = field(default_factory=list)

    @property
    def channels(self) -> list[tuple[str, ...]]:
        """For each joint the names of its channels."""
        return [names or () for names in self.stated_channels]

    def shown(self, joint: int) -> str:
        """A joint, for a message."""
        return f"joint {quoted(self.names[joint])}"

    def has_children(self, joint: int) -> bool:
        """Whether the innermost open joint has a child or an end site yet."""
        return joint < len(self.names) - 1 or bool(self.ends and self.ends[-1][0] == joint)

    @property
    def roots(self) -> list[int]:
        return [joint for joint, parent in enumerate(self.parents) if parent < 0]

    def joints_of(self, character: int) -> slice:
        """The joints of one root, by its index."""
        starts = [*self.roots, len(self.names)]
        return slice(starts[character], starts[character + 1])

    def skeleton(self, character: int = 0) -> Skeleton:
        joints = self.joints_of(character)
        first = joints.start
        parents = [parent - first if parent >= 0 else -1 for parent in self.parents[joints]]
        ends = [one for one in self.ends if joints.start <= one[0] < joints.stop]
        return Skeleton(
            names=self.unique_names(character)[0],
            parents=np.array(parents),
            offsets=np.array(self.offsets[joints], dtype=float),
            end_parents=np.array([parent - first for parent, _ in ends], dtype=int),
            end_offsets=np.array([offset for _, offset in ends], dtype=float).reshape(-1, 3),
        )

    def unique_names(self, character: int = 0) -> tuple[tuple[str, ...], list[str]]:
        """The names with numbers behind those that occurred before, and these."""
        return unique_names(self.names[self.joints_of(character)], " ")

    def first_columns(self) -> list[int]:
        return [0, *np.cumsum([len(names) for names in self.channels])[:-1].tolist()]


def _parse_hierarchy(scanner: _Scanner) -> Hierarchy:
    """From the start of the file to the keyword MOTION. A stack of open joints, no recursion:
    chains may be very deep.
    """
    hierarchy = Hierarchy()
    scanner.expect("hierarchy", "HIERARCHY, the first word of every BVH file")
    scanner.expect("root", "ROOT")
    open_joints = [_begin_joint(scanner, hierarchy, -1)]
    while open_joints or _begins_another(scanner, hierarchy, open_joints):
        joint = open_joints[-1]
        word = scanner.next().lower()
        if word == "}":
            if hierarchy.offsets[joint] is None:
                scanner.refuse(f"OFFSET before the closing brace of {hierarchy.shown(joint)}")
            open_joints.pop()
        elif word == "offset":
            _parse_offset(scanner, hierarchy, joint)
        elif word == "channels":
            _parse_channels(scanner, hierarchy, joint)
        elif word == "joint":
            open_joints.append(_begin_joint(scanner, hierarchy, joint))
        elif word == "end":
            _parse_end_site(scanner, hierarchy, joint)
        elif word in ("", "motion"):
            scanner.refuse(
                f"a closing brace for {hierarchy.shown(joint)}; braces still open: "
                f"{len(open_joints)}"
            )
        else:
            scanner.refuse(
                f"OFFSET, CHANNELS, JOINT, End Site or a closing brace within "
                f"{hierarchy.shown(joint)}"
            )
    if not any(hierarchy.stated_channels):
        scanner.refuse("at least one joint with channels before MOTION")
    return hierarchy


def _begins_another(scanner: _Scanner, hierarchy: Hierarchy, open_joints: list[int]) -> bool:
    """After the closing brace of a root: whether another root follows, which is begun, or the
    keyword MOTION.
    """
    word = scanner.next().lower()
    if word == "root":
        open_joints.append(_begin_joint(scanner, hierarchy, -1))
        return True
    if word != "motion":
        scanner.refuse("MOTION after the closing brace of the root")
    return False


def _begin_joint(scanner: _Scanner, hierarchy: Hierarchy, parent: int) -> int:
    """After ROOT or JOINT: the name and the opening brace."""
    name = scanner.rest_of_line()
    if not name:
        scanner.refuse("the name of a joint")
    if len(hierarchy.names) == MAX_JOINTS:
        scanner.refuse(f"at most {MAX_JOINTS} joints")
    scanner.expect("{", f"an opening brace after joint {quoted(name)}")
    hierarchy.names.append(name)
    hierarchy.parents.append(parent)
    hierarchy.offsets.append(None)
    hierarchy.stated_channels.append(None)
    return len(hierarchy.names) - 1


def _parse_offset(scanner: _Scanner, hierarchy: Hierarchy, joint: int) -> None:
    """After OFFSET: three numbers."""
    shown = hierarchy.shown(joint)
    if hierarchy.offsets[joint] is not None or hierarchy.has_children(joint):
        scanner.refuse(f"one OFFSET for {shown}, before its children")
    hierarchy.offsets[joint] = [scanner.number(f"OFFSET {axis} of {shown}") for axis in "XYZ"]


def _parse_channels(scanner: _Scanner, hierarchy: Hierarchy, joint: int) -> None:
    """After CHANNELS: a count and so many different names."""
    shown = hierarchy.shown(joint)
    if hierarchy.stated_channels[joint] is not None or hierarchy.has_children(joint):
        scanner.refuse(f"one CHANNELS line for {shown}, before its children")
    token = scanner.next()
    if token not in {"0", "1", "2", "3", "4", "5", "6"}:
        scanner.refuse(f"a number of channels from 0 to 6 for {shown}")
    names: list[str] = []
    for _ in range(int(token)):
        word = scanner.next()
        channel = _CHANNEL_NAMES.get(word.lower())
        if channel is None:
            scanner.refuse(
                f"channel {len(names) + 1} of {token} of {shown}: one of {', '.join(CHANNELS)}"
            )
        if channel in names:
            scanner.refuse(f"each channel of {shown} once")
        names.append(channel)
    before = scanner.at, scanner.end
    if scanner.next().lower() in _CHANNEL_NAMES:
        scanner.refuse(f"no more than the {token} channels that {shown} declares")
    scanner.at, scanner.end = before
    hierarchy.stated_channels[joint] = tuple(names)


def _parse_end_site(scanner: _Scanner, hierarchy: Hierarchy, joint: int) -> None:
    """After End: the offset of an end site."""
    shown = hierarchy.shown(joint)
    scanner.expect("site", "the word Site after End")
    scanner.expect("{", f"an opening brace after the End Site of {shown}")
    scanner.expect("offset", f"OFFSET, the only entry of the End Site of {shown}")
    offset = [scanner.number(f"OFFSET {axis} of the End Site of {shown}") for axis in "XYZ"]
    scanner.expect("}", f"the closing brace of the End Site of {shown}")
    hierarchy.ends.append((joint, offset))
    if len(hierarchy.ends) > MAX_JOINTS:
        scanner.refuse(f"at most {MAX_JOINTS} end sites")


def _frame_count(scanner: _Scanner) -> tuple[int, int, int]:
    """Start and end of the frame count in the text, and the count."""
    scanner.match(_FRAMES, '"Frames:" after MOTION')
    token = scanner.word()
    if not re.fullmatch("[0-9]+", token):
        scanner.refuse("the number of frames, a whole number")
    # a number of thousands of digits is not worth converting, and Python refuses to
    if len(token.lstrip("0")) > 9 or int(token) > MAX_FRAMES:
        scanner.refuse(f"at most {MAX_FRAMES} frames")
    return scanner.at, scanner.end, int(token)


def _frame_time(scanner: _Scanner) -> tuple[int, int, float]:
    """Start and end of the frame time in the text, and the time in seconds."""
    scanner.match(_FRAME_TIME, '"Frame Time:" after the number of frames')
    token = scanner.word()
    if not NUMBER.fullmatch(token):
        scanner.refuse("the frame time in seconds, such as 0.033333")
    found = scanner.at, scanner.end, float(token)
    if re.compile(r"[ \t\f\v]*[^\s]", re.ASCII).match(scanner.text, scanner.end):
        scanner.word()
        scanner.refuse("a line break after the frame time")
    return found


def _check_frame_time(scanner: _Scanner, seconds: float, frames: int) -> None:
    """Refuse the frame time just read where it cannot be believed. The time of a single frame does
    not matter.
    """
    most = MAX_FRAME_TIME_SECONDS if frames == 1 else DOUBTFUL_SECONDS
    if seconds < MIN_FRAME_TIME_SECONDS and not (seconds == 0.0 and frames == 1):
        scanner.refuse(
            f"a frame time of at least {MIN_FRAME_TIME_SECONDS:g} seconds; state the true rate as "
            f"fps"
        )
    if seconds > most:
        rate = 1000.0 / seconds
        meant = f", which is {rate:.4g} if this is in milliseconds" if rate >= 1.0 else ""
        scanner.refuse(
            f"a frame time of at most {most:g} seconds; state the true rate as fps{meant}"
        )
