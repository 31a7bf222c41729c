"""Where a motion's travel over the ground is: taken away, or carried by another bone.

Travel is the path of the hips over the ground without their sway from step to step. Of a cycle it
goes on over the seam.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil
from typing import Any, Self

import numpy as np

from kinestyle.motion import rotation
from kinestyle.motion.canonical import UP
from kinestyle.motion.clip import Clip
from kinestyle.motion.rotation import Array
from kinestyle.motion.smoothing import smooth_in_time
from kinestyle.motion.window import WINDOWS, Motion, OfMotion, WindowSize, gather, sample_frames
from kinestyle.note import Note
from kinestyle.retarget.changes import offset_root
from kinestyle.retarget.correspondence import Correspondence
from kinestyle.retarget.legs import role_position

SWAY_SECONDS = 0.5
"""Of the filter between travel and sway: a step takes about as long, and less than a hundredth of
its sway passes for travel."""


def find_travel(
    motion: Motion, c: Correspondence, turn: float | None = None, size: WindowSize = WINDOWS
) -> Array:
    """(T, 3) canonical metres over the ground, Y up, from where the hips are in the first frame.

    turn: radians about the up axis that a cycle turns in a round, whose last frame is its first
        once more; None for a motion that begins and ends
    """
    joints, hips_alone = c.part(["hips"])
    windows = size.cut(motion.frame_count, motion.frame_time_seconds)
    (path,) = gather(
        windows,
        lambda window: (
            role_position(motion.window(window.start, window.stop, joints), hips_alone, "hips"),
        ),
    )
    step = np.diff(path * (1.0 - UP), axis=0)
    if not len(step):
        return np.zeros((1, 3))
    sigma = SWAY_SECONDS / motion.frame_time_seconds
    around = _around(step, turn, ceil(3.0 * sigma))
    margin = (len(around) - len(step)) // 2
    steady = smooth_in_time(around, sigma)[margin : margin + len(step)]
    return np.concatenate([np.zeros((1, 3)), np.cumsum(steady, axis=0)])


def _around(step: Array, turn: float | None, margin: int) -> Array:
    """step: (N, 3) from frame to frame -> (N + 2 margin, 3) with what goes before and after."""
    number = np.arange(-margin, len(step) + margin)
    rounds, at = np.divmod(number, len(step))
    if turn is None:
        # as it was, backwards: who stops, stands still beyond the end, and who walks, walks on
        return step[np.where(rounds % 2 == 0, at, len(step) - 1 - at)]
    return rotation.rotate(rotation.about_y(turn * rounds), step[at])


@dataclass(frozen=True, eq=False)
class _Placed(OfMotion, ABC):
    """A motion with something done to each frame's positions."""

    motion: Motion
    correspondence: Correspondence
    travel: Array
    warnings: tuple[str, ...]

    @property
    def frame_count(self) -> int:
        return self.motion.frame_count

    def window(self, start: int, stop: int, joints: Sequence[int] | None = None) -> Clip:
        """As `Clip.window`."""
        clip = self.motion.window(start, stop)
        placed = self._placed(clip, self.travel[start:stop])
        source = _fitting(clip.source, clip.local_position, placed)
        return replace(clip, local_position=placed, source=source, warnings=self.warnings).window(
            0, stop - start, joints
        )

    @abstractmethod
    def _placed(self, clip: Clip, travel: Array) -> Array:
        """(T, J, 3) the positions of the joints of a clip that travels by (T, 3)."""

    def sample(self, frames: np.ndarray) -> Clip:
        """As `Clip.sample`."""
        return sample_frames(self, frames)

    def with_warnings(self, *more: str) -> Self:
        """As `Clip.with_warnings`."""
        return replace(self, warnings=(*self.warnings, *more))


class _InPlace(_Placed):
    def _placed(self, clip: Clip, travel: Array) -> Array:
        return offset_root(clip, self.correspondence, clip.local_rotation, -travel)


@dataclass(frozen=True, eq=False)
class _OnRoot(_Placed):
    """joint: above the hips, whose positions change, all below it staying where they are
    first: (3,) its position in the first frame
    """

    joint: int
    first: Array
    to_root: bool

    def _placed(self, clip: Clip, travel: Array) -> Array:
        c, position = self.correspondence, clip.local_position.copy()
        back = rotation.inverse(c.axes)
        if self.to_root:
            wanted = self.first + rotation.rotate(back, travel / c.scale_to_canonical)
        else:
            wanted = np.broadcast_to(self.first, travel.shape)
        # over the ground: the height is not travel
        moved = rotation.rotate(c.axes, wanted - position[:, self.joint]) * (1.0 - UP)
        moved = rotation.rotate(back, moved)
        position[:, self.joint] += moved
        against = rotation.rotate(rotation.inverse(clip.local_rotation[:, self.joint]), moved)
        for child in clip.skeleton.children[self.joint]:
            position[:, child] -= against
        return position


def in_place(motion: Motion, c: Correspondence, turn: float | None = None) -> Motion:
    """The motion without its travel. A clip, if that is one. turn: as in `find_travel`"""
    return _whole(_InPlace(motion, c, find_travel(motion, c, turn), motion.warnings), motion)


def with_travel_on(
    motion: Motion, c: Correspondence, which: str, turn: float | None = None
) -> Motion:
    """The motion with its travel on the root of the rig, or on the hips; no joint but the root
    moves in the world. A clip, if that is one.

    which: "root" or "hips"; turn: as in `find_travel`
    """
    hips = c.mapping.joints["hips"]
    above = c.skeleton.ancestors(hips)
    if not above:
        note = Note(
            f"{motion.name} has no bone above its hips, {c.skeleton.names[hips]!r}, that could "
            f"carry the travel instead; it stays on the hips",
            "root-motion",
            "No bone above the hips could carry the travel: they keep it",
        )
        return motion.with_warnings(note)
    root, carrier = above[-1], c.root_motion_joints[0]
    if carrier == (root if which == "root" else hips):
        return motion
    joint = root if which == "root" else carrier
    travel: Array = np.zeros((motion.frame_count, 3))
    if which == "root":
        travel = find_travel(motion, c, turn)
    first = motion.window(0, 1).local_position[0, joint]
    placed = _OnRoot(motion, c, travel, motion.warnings, joint, first, which == "root")
    return _whole(placed, motion)


def _whole(placed: _Placed, motion: Motion) -> Motion:
    return placed.window(0, placed.frame_count) if isinstance(motion, Clip) else placed


def _fitting(source: Any, before: Array, after: Array) -> Any:
    """What a file's format keeps of a clip, unless its layout has no place for the translation of a
    joint that is translated now: then the file gets another one.
    """
    translates = getattr(source, "translates", None)
    if translates is None:
        return source
    moved = np.flatnonzero(np.abs(after - before).max(axis=(0, 2), initial=0.0) > 0.0)
    return source if all(translates(int(joint)) for joint in moved) else None
