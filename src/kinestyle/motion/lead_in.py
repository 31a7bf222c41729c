"""Poses in front of a motion that are no part of it: a T-pose, an A-pose, the bind pose.

Many tools write one as the first frame, or hold it for some. What follows begins with a jump, and
nothing in the motion looks as it does. `find_lead_in` counts such frames; `without_lead_in` gives
the motion behind them, and `Joined` puts them back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from kinestyle.motion import paged
from kinestyle.motion.clip import Clip, StatedWorld
from kinestyle.motion.part import Part
from kinestyle.motion.percentile import percentile
from kinestyle.motion.rotation import Array
from kinestyle.motion.skeleton import Skeleton
from kinestyle.motion.window import Motion, sample_frames

LONGEST_SECONDS, COMPARED_SECONDS = 10.0, 2.0
"""How long a pose may be held, and how much of the motion behind it the jump is compared with."""

SHORTEST_FRAMES = 6
"""Of motion behind a lead-in: of fewer frames it cannot be said what is usual in them."""

HELD, MOVED = 1e-3, 2.5e-4
"""Mean distance of the joints, as a share of the body's size, up to which a pose is the same one
still; and from one frame to the next from which on a body moves."""

JUMP, TIMES_STEP, TIMES_BEND = 0.08, 2.5, 3.5
"""The least jump, as such a share. How many times as large it is as a large step in the motion, and
as many times its first frames, continued backwards, miss the pose as they miss each other. Over 200
recordings without a lead-in the two were at most 2.5 and 2, never both; on those with one at least
3 and 4, on most more than 10."""

_LARGE = 90.0
"""The percentile that is a large step: captures have single frames that jump."""


def find_lead_in(motion: Motion) -> int:
    """How many frames at the start are one held pose, with a jump from it into the motion; 0 where
    the motion begins at once.
    """
    longest, compared = (
        int(np.ceil(seconds / motion.frame_time_seconds))
        for seconds in (LONGEST_SECONDS, COMPARED_SECONDS)
    )
    if motion.frame_count <= SHORTEST_FRAMES or _begins_at_once(_poses(motion, 2)):
        return 0
    pose = _poses(motion, 2 * compared)
    held = _held(pose[:compared], compared)
    if held is None:
        pose = _poses(motion, longest + compared)
        held = _held(pose, longest)
    if held is None or motion.frame_count - held < SHORTEST_FRAMES:
        return 0
    pose = pose[: held + compared]
    return held if _jumps(pose[held - 1], pose[held:]) else 0


def _begins_at_once(pose: Array) -> bool:
    """pose: (2, J, 3) the first two -> whether they are neither held nor a jump apart, as in nearly
    all motion.
    """
    return bool(HELD < _distance(pose[1:] - pose[:1])[0] < JUMP)


def _poses(motion: Motion, count: int) -> Array:
    """(N, J, 3) the joints of the first frames about their centre, in sizes of the body."""
    position = motion.window(0, min(count, motion.frame_count)).world_position
    centred = position - position.mean(axis=1, keepdims=True)
    return centred / max(float(np.sqrt(np.sum(centred[0] ** 2, axis=-1).mean())), 1e-12)


def _held(pose: Array, longest: int) -> int | None:
    """How many frames are like the first one; None where more than `longest` are."""
    moved = np.flatnonzero(_distance(pose - pose[:1]) > HELD)
    return int(moved[0]) if len(moved) and moved[0] <= longest else None


def _jumps(pose: Array, motion: Array) -> bool:
    """pose: (J, 3) before motion (N, J, 3) -> whether it is no part of it."""
    step, bend = (_large(_distance(np.diff(motion, order, axis=0))) for order in (1, 2))
    jump, missed = _distance(np.stack([motion[0] - pose, 2.0 * motion[0] - motion[1] - pose]))
    return bool(jump > max(JUMP, TIMES_STEP * step) and missed > TIMES_BEND * bend)


def _distance(vectors: Array) -> Array:
    """(N, J, 3) -> (N,) mean over the joints."""
    return np.asarray(np.linalg.norm(vectors, axis=-1).mean(axis=-1))


def _large(distances: Array) -> float:
    """Of those that are not at rest; a motion that is held at times does not step less."""
    moved = distances[distances > MOVED]
    return float(percentile(moved, _LARGE)) if len(moved) else 0.0


def without_lead_in(motion: Motion) -> tuple[Motion, int]:
    """The motion behind its lead-in, and of how many frames that is."""
    count = find_lead_in(motion)
    if not count:
        return motion, 0
    if isinstance(motion, Clip):
        return motion.window(count, motion.frame_count), count
    return Part(motion, count, motion.frame_count), count


def with_lead_in(lead_in: Motion, count: int, rest: Motion) -> Motion:
    """The first frames of one motion in front of another on the same rig. A clip, if that is one.

    lead_in: of at least so many frames
    """
    if not count:
        return rest
    joined = Joined(lead_in, count, rest)
    return joined.window(0, joined.frame_count) if isinstance(rest, Clip) else joined


@dataclass(frozen=True, eq=False)
class Joined:
    """A `Motion` that begins as one and goes on as another, on the same rig.

    first: which it begins as, for `count` frames, and which says what there is to tell
    """

    first: Motion
    count: int
    rest: Motion

    @property
    def skeleton(self) -> Skeleton:
        return self.first.skeleton

    @property
    def name(self) -> str:
        return self.rest.name

    @property
    def frame_time_seconds(self) -> float:
        return self.first.frame_time_seconds

    @property
    def frame_count(self) -> int:
        return self.count + self.rest.frame_count

    @property
    def warnings(self) -> tuple[str, ...]:
        return self.first.warnings

    @property
    def world(self) -> StatedWorld:
        return self.rest.world

    def window(self, start: int, stop: int, joints: Sequence[int] | None = None) -> Clip:
        """As `Clip.window`."""
        if stop <= self.count:
            return self.first.window(start, stop, joints)
        after = self.rest.window(max(start - self.count, 0), stop - self.count, joints)
        after = replace(after, warnings=self.warnings)
        if start >= self.count:
            return after
        before = self.first.window(start, self.count, joints)
        join = getattr(before.source, "followed_by", None)
        return replace(
            after,
            local_position=paged.concatenate([before.local_position, after.local_position]),
            local_rotation=paged.concatenate([before.local_rotation, after.local_rotation]),
            source=after.source if join is None else join(after.source),
        )

    def sample(self, frames: np.ndarray) -> Clip:
        """As `Clip.sample`."""
        return sample_frames(self, frames)

    def with_warnings(self, *more: str) -> Self:
        """As `Clip.with_warnings`."""
        return replace(self, first=self.first.with_warnings(*more))
