"""Writing BVH: what the clip's file said stays as it was. Only motion that changed is converted to
angles.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from kinestyle.errors import MotionFileError
from kinestyle.formats.bvh.decimals import format_decimals
from kinestyle.formats.bvh.layer import as_written
from kinestyle.formats.bvh.layout import BvhLayout, decode
from kinestyle.formats.euler_curves import euler_curves
from kinestyle.formats.unchanged import (
    UNCHANGED,
    further_decimals,
    same_position,
    same_rotation,
    unit_of,
)
from kinestyle.motion import rotation
from kinestyle.motion.clip import Clip, check_writable
from kinestyle.motion.rotation import Array
from kinestyle.motion.skeleton import Skeleton, same_skeleton
from kinestyle.motion.window import WINDOWS, Motion, Progress, collect, one_by_one
from kinestyle.storage import name_of, replacing

MIN_DECIMALS = 6
EXPRESSED = 1e-6
"""Radians and relative positions that a layout may leave unsaid without a note."""
_POSITIONS = ("Xposition", "Yposition", "Zposition")
_ROTATIONS = ("Zrotation", "Xrotation", "Yrotation")
_MAX_INDENT = 32
_CHUNK_ROTATIONS = 2**12
_CHUNK_CURVES = 2**14
"""Computed at a time: intermediate arrays stay in the processor's cache."""


def write_bvh(
    motion: Motion, path: str | Path, progress: Progress | None = None
) -> tuple[str, ...]:
    """Write a clip, or a longer motion, to `path`, whole or not at all, and return a sentence for
    each thing its layout could not express. Of one that lies over another, the layer is written,
    see `kinestyle.formats.bvh.layer`.

    What was read from BVH keeps its hierarchy text, channel order, frame time and encoding, and the
    very numbers of the file wherever its motion is unchanged. Any other clip gets a hierarchy made
    from its skeleton. Long motion is written window by window. Raises MotionFileError when the
    motion is not finite or the file cannot be written.
    """
    path = Path(path)
    text = _Text(motion, name_of(path))
    with replacing(path) as file:
        for piece in text.pieces(progress):
            file.write(piece)
    return text.notes


def format_bvh(motion: Motion, name: str) -> tuple[bytes, tuple[str, ...]]:
    """The bytes that `write_bvh` writes, and its notes; `name` is what messages call the file.
    Raises MotionFileError.
    """
    text = _Text(motion, name)
    return b"".join(text.pieces()), text.notes


class _Text:
    """The text of a file: its pieces, and then notes on what it leaves out."""

    def __init__(self, motion: Motion, name: str) -> None:
        self.motion, self.name = as_written(motion), name
        self.notes: tuple[str, ...] = ()

    def pieces(self, progress: Progress | None = None) -> Iterator[bytes]:
        """Raises MotionFileError."""
        motion, name = self.motion, self.name
        encoder: Encoder | None = None
        windows = WINDOWS.cut(motion.frame_count, motion.frame_time_seconds)
        for window in one_by_one(windows, progress):
            clip = motion.window(window.start, window.stop)
            check_writable(clip, name, window.start)
            if encoder is None:
                encoder = _encoder(motion, clip, name)
                yield _head(motion, encoder.layout)
            yield _rows(encoder.encode(clip), encoder.layout)
        assert encoder is not None, "motion is at least one window"
        self.notes = tuple(f"{name}: {note}" for note in encoder.notes())


def _encoder(motion: Motion, first: Clip, name: str) -> Encoder:
    """For the layout of the motion's file, or for a new one. first: the motion's first frames."""
    source = motion.source if isinstance(motion, Clip) else first.source
    if isinstance(source, BvhLayout) and same_skeleton(
        source.skeleton, first.skeleton, UNCHANGED * unit_of(source.skeleton)
    ):
        # a clip that was cut has other frames than its file
        whole = motion if isinstance(motion, Clip) else first
        return Encoder(source, keeps_values=len(whole.source.values) == whole.frame_count)
    return Encoder(layout_for(motion if isinstance(motion, Clip) else collect(motion), name))


def _head(motion: Motion, layout: BvhLayout) -> bytes:
    """All that stands before the rows."""
    head = "".join(
        (
            layout.head_text,
            str(motion.frame_count),
            layout.between_text,
            _frame_time_text(motion, layout),
            layout.newline,
        )
    )
    return layout.byte_order_mark + head.encode(layout.encoding)


class Encoder:
    """The values of a motion in the columns of a layout, in degrees and file units: one clip after
    the other, of which each continues the curves of the one before.

    keeps_values: the source of each clip is such a layout, with the values of its frames; they are
        kept wherever the clip's motion is unchanged
    """

    def __init__(self, layout: BvhLayout, keeps_values: bool = False) -> None:
        self.layout, self.keeps_values = layout, keeps_values
        joints = layout.skeleton.joint_count
        self._most, self._least = (np.full((joints, 3), sign * np.inf) for sign in (-1.0, 1.0))
        self._missed = np.zeros(joints)
        self._last: tuple[Array, Array] | None = None

    def encode(self, clip: Clip) -> Array:
        """(T, C) the values of the next T frames."""
        layout = self.layout
        local_position = np.asarray(clip.local_position, dtype=float)
        local_rotation = np.asarray(clip.local_rotation, dtype=float)
        frames = len(local_rotation)
        known = clip.source.values if self.keeps_values else None
        values = np.zeros((frames, layout.channel_count)) if known is None else np.array(known)
        if known is None and layout.column_count and len(layout.values):
            values[:] = layout.values[0]  # other characters stand as in their first frame
        position_kept, rotation_kept = _unchanged(local_position, local_rotation, layout, known)

        joint, axis, column = layout.position_columns
        values[:, column] = np.where(
            position_kept[:, joint, axis], values[:, column], local_position[:, joint, axis]
        )
        np.maximum(self._most, local_position.max(axis=0), out=self._most)
        np.minimum(self._least, local_position.min(axis=0), out=self._least)

        for group in layout.rotation_groups:
            changed = ~rotation_kept[:, group.joints].all(axis=0)
            moved, columns = group.joints[changed], group.columns[changed]
            size = max(1, _CHUNK_CURVES // frames)
            for start in range(0, len(moved), size):
                some = slice(start, start + size)
                missed = self._encode_rotations(
                    values,
                    local_rotation,
                    rotation_kept,
                    group.order,
                    moved[some],
                    columns[some],
                )
                self._missed[moved[some]] = np.maximum(self._missed[moved[some]], missed)
        if layout.shortest:
            # the file's own numbers stay as they are; new angles need no more digits than they have
            kept = False if known is None else values == known
            values = np.where(kept, values, np.round(values, _decimals(layout)))
        self._last = values[-1], local_rotation[-1]
        return values

    def _encode_rotations(
        self,
        values: Array,
        local_rotation: Array,
        rotation_kept: np.ndarray,
        order: str,
        joints: np.ndarray,
        columns: np.ndarray,
    ) -> Array:
        """Put the angles of `joints` (G,) into their `columns` (G, N) of `values`, about the N axes
        of `order`.

        Returns (G,) radians, each joint's error in its worst frame; zeros with three axes.
        """
        q = rotation.normalize(local_rotation[:, joints])
        angles: Array = np.zeros((*q.shape[:2], 0))
        if order:
            given = np.radians(values[:, columns])
            kept = rotation_kept[:, joints]
            angles = self._curves(q, order, kept, given, joints, columns)
            # a zero is +0 or -0 by a rounding, which is another one where other frames are windows
            degrees = np.degrees(angles) + 0.0
            values[:, columns] = np.where(kept[..., None], values[:, columns], degrees)
        if len(order) == 3:
            return np.zeros(len(joints))
        return rotation.angle(
            rotation.multiply(rotation.inverse(q), rotation.from_euler(angles, order))
        ).max(axis=0)

    def _curves(
        self,
        q: Array,
        order: str,
        kept: np.ndarray,
        given: Array,
        joints: np.ndarray,
        columns: np.ndarray,
    ) -> Array:
        """(T, G, N) radians that continue from the last frame of the clip before."""
        if self._last is None:
            return euler_curves(q, order, kept, given, given[0] if self.keeps_values else None)
        last_values, last_rotation = self._last
        q = np.concatenate([rotation.normalize(last_rotation[joints])[None], q])
        kept = np.concatenate([np.ones((1, len(joints)), dtype=bool), kept])
        given = np.concatenate([np.radians(last_values[columns])[None], given])
        return euler_curves(q, order, kept, given)[1:]

    def notes(self) -> list[str]:
        """What the columns could not hold of the frames so far."""
        skeleton = self.layout.skeleton
        off = np.maximum(self._most - skeleton.offsets, skeleton.offsets - self._least)
        unsaid = off > EXPRESSED * np.maximum(unit_of(skeleton), np.abs(skeleton.offsets))
        joint, axis, _ = self.layout.position_columns
        unsaid[joint, axis] = False
        notes = [
            f"joint {skeleton.names[j]!r} has no position channels for its translation; it was "
            f"written at its OFFSET"
            for j in np.flatnonzero(unsaid.any(axis=1))
        ]
        for group in self.layout.rotation_groups:
            notes += [
                f"joint {skeleton.names[j]!r} has too few rotation channels; it was written up to "
                f"{np.degrees(self._missed[j]):.3g} degrees off"
                for j in group.joints
                if self._missed[j] > EXPRESSED
            ]
        return notes


def _unchanged(
    local_position: Array, local_rotation: Array, layout: BvhLayout, known: Array | None
) -> tuple[np.ndarray, np.ndarray]:
    """known: (T, C) values of the file, if there are any -> (T, J, 3) and (T, J) bool: which
    positions and rotations are those of the file.
    """
    frames, joints = local_rotation.shape[:2]
    position_kept = np.zeros((frames, joints, 3), dtype=bool)
    rotation_kept = np.zeros((frames, joints), dtype=bool)
    if known is None:
        return position_kept, rotation_kept
    size, unit = max(1, _CHUNK_ROTATIONS // joints), unit_of(layout.skeleton)
    for start in range(0, frames, size):
        piece = slice(start, start + size)
        source_position, source_rotation = decode(layout, known[piece])
        position_kept[piece] = same_position(local_position[piece], source_position, unit)
        if np.array_equal(local_rotation[piece], source_rotation):
            rotation_kept[piece] = True
            continue
        q = rotation.normalize(local_rotation[piece])
        rotation_kept[piece] = same_rotation(q, source_rotation)
    return position_kept, rotation_kept


def _deviation(local_position: Array, skeleton: Skeleton) -> Array:
    """local_position: (T, J, 3) -> (J, 3), each joint's largest distance from its offset on each
    axis.
    """
    most, least = local_position.max(axis=0), local_position.min(axis=0)
    return np.maximum(most - skeleton.offsets, skeleton.offsets - least)


def layout_for(clip: Clip, name: str = "clip") -> BvhLayout:
    """A layout made from the clip's skeleton, with an end site at the tip of each chain.

    The root and joints that are translated have position and ZXY rotation channels, all others have
    ZXY. Raises MotionFileError for joint names that BVH cannot hold.
    """
    skeleton = clip.skeleton
    smallest = 0.5 * 10.0**-MIN_DECIMALS * unit_of(skeleton)
    shifts = _deviation(clip.local_position, skeleton).max(axis=1) > smallest
    shifts[skeleton.parents < 0] = True
    channels = tuple(_POSITIONS + _ROTATIONS if shift else _ROTATIONS for shift in shifts)
    order, text = _hierarchy_text(skeleton, channels, name)
    first_columns = np.zeros(skeleton.joint_count, dtype=int)
    first_columns[order] = np.concatenate([[0], np.cumsum([len(channels[j]) for j in order])[:-1]])
    return BvhLayout(
        skeleton=skeleton,
        channels=channels,
        first_columns=tuple(first_columns.tolist()),
        head_text=text + "MOTION\nFrames: ",
        between_text="\nFrame Time: ",
        frame_time_text=_shortest(clip.frame_time_seconds),
        values=np.zeros((0, sum(map(len, channels)))),
    )


def _check_hierarchy(skeleton: Skeleton, name: str) -> None:
    """Raises MotionFileError for joints that BVH cannot hold; name: what messages call the file."""
    for j, joint_name in enumerate(skeleton.names):
        if (
            not joint_name
            or joint_name != joint_name.strip()
            or any(c in "{}" or ord(c) < 32 for c in joint_name)
        ):
            wanted = "a name without braces, line breaks and blanks around it"
            raise MotionFileError(
                f"{name} cannot be written: found {joint_name!r} as the name of joint {j}, "
                f"expected {wanted}"
            )
    if len(set(skeleton.names)) < skeleton.joint_count or (skeleton.parents < 0).sum() > 1:
        raise MotionFileError(
            f"{name} cannot be written: expected one root and joint names that differ"
        )


def _hierarchy_text(
    skeleton: Skeleton, channels: tuple[tuple[str, ...], ...], name: str
) -> tuple[list[int], str]:
    """The joints in the order in which the file names them, and the text up to MOTION."""
    _check_hierarchy(skeleton, name)
    tips: dict[int, list[Array]] = {}
    for parent, offset in zip(skeleton.end_parents.tolist(), skeleton.end_offsets, strict=True):
        tips.setdefault(parent, []).append(offset)

    order: list[int] = []
    decimals = MIN_DECIMALS + further_decimals(skeleton)
    lines = ["HIERARCHY"]
    # a joint index to open, or the indentation of a brace to close
    waiting: list[tuple[int, int, bool]] = [(0, 0, True)]
    while waiting:
        joint, depth, opening = waiting.pop()
        # deep chains would otherwise be mostly tabs
        tab = "\t" * min(depth, _MAX_INDENT)
        if not opening:
            lines.append(f"{tab}}}")
            continue
        order.append(joint)
        children = skeleton.children[joint]
        lines += [
            f"{tab}{'JOINT' if depth else 'ROOT'} {skeleton.names[joint]}",
            f"{tab}{{",
            f"{tab}\tOFFSET {_numbers(skeleton.offsets[joint], decimals)}",
            f"{tab}\tCHANNELS {len(channels[joint])} {' '.join(channels[joint])}",
        ]
        # other tools require an end site where a chain ends
        for offset in tips.get(joint, [] if children else [np.zeros(3)]):
            lines += [
                f"{tab}\tEnd Site",
                f"{tab}\t{{",
                f"{tab}\t\tOFFSET {_numbers(offset, decimals)}",
                f"{tab}\t}}",
            ]
        waiting.append((joint, depth, False))
        waiting += [(child, depth + 1, True) for child in reversed(children)]
    return order, "\n".join(lines) + "\n"


def _frame_time_text(clip: Motion, layout: BvhLayout) -> str:
    written = float(layout.frame_time_text)
    unchanged = abs(written - clip.frame_time_seconds) <= 1e-9 * written
    if not written and clip.frame_count == 1:  # a pose, whose file states none
        unchanged = True
    return layout.frame_time_text if unchanged else _shortest(clip.frame_time_seconds)


def _shortest(value: float) -> str:
    """The fewest digits that read back as `value`, without an exponent."""
    return np.format_float_positional(value, trim="0")


def _decimals(layout: BvhLayout) -> int:
    """Digits after the point of all values."""
    return max(layout.decimals, MIN_DECIMALS + further_decimals(layout.skeleton))


def _numbers(vector: Array, decimals: int) -> str:
    return " ".join(f"{value:.{decimals}f}" for value in vector)


def _rows(values: Array, layout: BvhLayout) -> bytes:
    """values: (T, C) -> T lines of text."""
    if layout.shortest:
        # `repr` is the shortest text that reads back as the same number
        rows = "".join(
            " ".join(map(repr, row)) + layout.newline for row in values.tolist()
        ).encode()
    else:
        rows = format_decimals(values, _decimals(layout), layout.newline)
    plain = layout.encoding in ("utf-8", "latin-1")
    return rows if plain else rows.decode("ascii").encode(layout.encoding)
