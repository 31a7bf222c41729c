"""Foot locking: feet that are planted in the input stay planted after a change of motion.

While the input's foot is planted, the result's foot moves as the input's does, up to one constant
position and heading for each step, and without a part of its slow drift. Around a step it first
follows the input, then passes over into the result's own trajectory: a foot lands and leaves the
ground as it did. The legs reach for the foot by inverse kinematics (`leg_ik`); the hips come down
where a leg is too short. All that goes beyond keeping feet in place grows with how much the clip
was changed: a change that vanishes leaves the input.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kinestyle.motion import rotation
from kinestyle.motion.canonical import CANONICAL, LEFT, SIDES, UP
from kinestyle.motion.clip import Clip
from kinestyle.motion.rotation import Array
from kinestyle.motion.smoothing import largest_within, segments, smooth_in_time, smootherstep
from kinestyle.retarget.changes import offset_root, set_world_rotations
from kinestyle.retarget.contacts import find_still
from kinestyle.retarget.correspondence import Correspondence
from kinestyle.retarget.leg_ik import reach
from kinestyle.retarget.legs import LEG, LegTrajectory, both_positions, leg_trajectory

FADE_SECONDS = 0.25
"""How long before and after a step the foot takes between its own trajectory and the locked one."""

FAR_M, FAR_RADIANS = 0.1, 0.7
"""How far the correction around a step may get from the one at its edge: a file may jump from a
rest pose into its motion.
"""

STEADY, STEADY_M_S = 0.5, 0.15
"""The share of a planted foot's drift that is taken away, and the speed up to which it is. From
twice that speed on, the foot slides as it did.
"""

REACH = 0.985
"""The longest a leg may become, as a share of thigh and shin in one line: a knee that passes
through straight snaps. A leg that was longer in the input keeps its length where little changed.
"""

EVEN_SECONDS = 0.1
"""Hips that come down, and feet that are lifted off the floor, begin and end this much earlier and
later, to do so smoothly.
"""

CHANGED_M = 0.02
"""Change of the distances between hips and ankles that counts as large."""


def stance_velocity(
    before: Clip, after: Clip, correspondence: Correspondence, contact: np.ndarray
) -> tuple[Array, Array]:
    """How much faster the hips must move over the ground for planted feet to stay planted, as the
    changed legs tell.

    before, after: the same rig; contact: (T, 4) of the input
    -> change of velocity (T, 3) in canonical metres a frame, and its weight (T,), 1 where a foot is
    planted
    """
    c = correspondence
    hips = c.mapping.joints["hips"]
    votes = np.zeros((before.frame_count, 3))
    weight = np.zeros(before.frame_count)
    locked = locked_feet(before, c, contact)
    for column, side in enumerate(SIDES):
        foot = c.mapping.joints.get(f"{side}_toe", c.mapping.joints[f"{side}_foot"])
        relative = [
            clip.world_position[:, foot] - clip.world_position[:, hips] for clip in (after, before)
        ]
        moved = rotation.rotate(c.axes, relative[0] - relative[1]) * c.scale_to_canonical
        step = np.zeros_like(moved)
        step[:-1] = np.diff(moved, axis=0)
        planted = locked[:, column].copy()
        planted[:-1] &= planted[1:]
        votes -= planted[:, None] * step
        weight += planted
    return votes / np.maximum(weight, 1.0)[:, None] * (1.0 - UP), np.minimum(weight, 1.0)


def lock_feet(
    before: Clip,
    after: Clip,
    correspondence: Correspondence,
    contact: np.ndarray,
    share: Array | float = 1.0,
) -> Clip:
    """The result with its feet locked where the input's are planted.

    before, after: input and result on the same rig; contact: (T, 4) of the input
    share: (T,) how much of the change is present at each moment, or one for all; where it is 0,
        legs stay as they were
    """
    amount = _changed(before, after, correspondence) * np.broadcast_to(share, before.frame_count)
    return lock_feet_to(
        [leg_trajectory(before, correspondence, side) for side in SIDES],
        after,
        correspondence,
        locked_feet(before, correspondence, contact),
        amount,
    )


def lock_feet_to(
    trajectories: Sequence[LegTrajectory],
    after: Clip,
    correspondence: Correspondence,
    locked: np.ndarray,
    amount: Array,
) -> Clip:
    """The clip `after` with its feet locked to trajectories of the left and the right leg.

    locked: (T, 2) bool, when
    amount: (T,) 0 to 1, how much the clip was changed; at 0 feet follow their trajectories and
        nothing beyond that is done
    """
    if not locked.any():
        return after
    legs = [
        _Leg(trajectory, after, correspondence, side, locked[:, column], amount)
        for column, (side, trajectory) in enumerate(zip(SIDES, trajectories, strict=True))
    ]
    drop = np.max([leg.too_far() for leg in legs], axis=0)
    lowered = -_smoothly_over(drop, after.frame_time_seconds)[:, None] * UP
    world_rotation: dict[int, Array] = {}
    for leg in legs:
        world_rotation |= leg.world_rotations(lowered)
    local_rotation = set_world_rotations(after, world_rotation)
    local_position = offset_root(
        after, correspondence, local_rotation, lowered * correspondence.scale_to_canonical
    )
    return after.with_motion(local_position, local_rotation)


def locked_feet(clip: Clip, c: Correspondence, contact: np.ndarray) -> np.ndarray:
    """contact: (T, 4) of the clip -> (T, 2) bool, left and right: a foot is to be locked, because
    it is in contact or still.
    """
    ankles = both_positions(clip, c, "foot").swapaxes(0, 1)
    return contact.reshape(-1, 2, 2).any(axis=-1) | find_still(
        ankles * c.scale_to_canonical, clip.frame_time_seconds
    )


def _changed(before: Clip, after: Clip, c: Correspondence) -> float:
    """How much hips and legs changed, 0 to 1.

    Compared are heights of hips and ankles and their distances over the ground, which heading and
    travel do not change.
    """
    pose = []
    for clip in (before, after):
        hip, ankle = both_positions(clip, c, "thigh"), both_positions(clip, c, "foot")
        level = np.linalg.norm((ankle - hip)[..., [0, 2]], axis=-1)
        pose.append(np.stack([hip[..., 1], hip[..., 1] - ankle[..., 1], level]))
    difference = np.sqrt(np.mean(np.sum((pose[1] - pose[0]) ** 2, axis=0)))
    return float(1.0 - np.exp(-difference * c.scale_to_canonical / CHANGED_M))


class _Leg:
    """One leg of the result and where its foot should be. Positions in file units, rotated to Y up.

    locked: (T,) bool, when its foot is locked; amount: (T,) how much was changed, 0 to 1
    """

    def __init__(
        self,
        trajectory: LegTrajectory,
        after: Clip,
        correspondence: Correspondence,
        side: str,
        locked: np.ndarray,
        amount: Array,
    ):
        self.axes, self.locked, self.amount = correspondence.axes, locked, amount
        self.metres = correspondence.scale_to_canonical
        joints = correspondence.mapping.joints
        self.thigh, self.shin, self.foot = (joints[f"{side}_{part}"] for part in LEG)
        self.toe = joints.get(f"{side}_toe")
        self.after = after
        self.position = [
            rotation.rotate(self.axes, after.world_position[:, j])
            for j in (self.thigh, self.shin, self.foot)
        ]
        was = (trajectory.thigh, trajectory.shin, trajectory.foot)
        align = correspondence.align[CANONICAL.index(f"{side}_thigh")]
        self.hinge = rotation.rotate(
            rotation.multiply(
                self.axes, rotation.multiply(after.world_rotation[:, self.thigh], align)
            ),
            np.broadcast_to(LEFT, was[0].shape),
        )
        length = np.linalg.norm(was[1] - was[0], axis=-1) + np.linalg.norm(was[2] - was[1], axis=-1)
        stretched = np.maximum(np.linalg.norm(was[2] - was[0], axis=-1) - REACH * length, 0.0)
        self.longest = REACH * length + (1.0 - amount) * stretched
        self._aim(trajectory)

    def _aim(self, trajectory: LegTrajectory) -> None:
        """Find where the ankle should be, `wanted` (T, 3), and the world rotations (T, 4) of foot
        and toe, `end_rotation`.
        """
        ends = [self.foot] if self.toe is None else [self.foot, self.toe]
        frame_time_seconds, was = self.after.frame_time_seconds, trajectory.foot
        new = [rotation.multiply(self.axes, self.after.world_rotation[:, j]) for j in ends]
        old = [q for q in (trajectory.foot_rotation, trajectory.toe_rotation) if q is not None]
        pivot_new = rotation.rotate(self.axes, self.after.world_position[:, ends[-1]])
        pivot_old = trajectory.foot if trajectory.toe is None else trajectory.toe
        shift = np.zeros_like(was)
        correction = [np.zeros_like(was) for _ in ends]
        rise = self._rise([(was, self.position[2]), (pivot_old, pivot_new)], frame_time_seconds)
        own = self.position[2] + rise[:, None] * UP
        steadied = was + self._against_drift(was, pivot_old, frame_time_seconds)
        steps = segments(self.locked)
        fade = max(1, round(FADE_SECONDS / frame_time_seconds))
        for (start, stop), weight in zip(steps, _weights(steps, len(was), fade), strict=True):
            step, around = slice(start, stop), np.flatnonzero(weight)
            nearest, share = np.clip(around, start, stop - 1) - around[0], weight[around, None]
            changed = rotation.mean(rotation.multiply(new[0][step], rotation.inverse(old[0][step])))
            heading = rotation.about_y(2.0 * np.arctan2(changed[2], changed[0]))
            centre = pivot_old[step].mean(axis=0) + (steadied - was)[step].mean(axis=0)
            new_centre = np.where(UP > 0.0, centre, pivot_new[step].mean(axis=0))
            wanted = rotation.rotate(heading, steadied[around] - centre) + new_centre
            shift[around] += share * _not_far(wanted - own[around], nearest, FAR_M / self.metres)
            for i in range(len(ends)):
                off = rotation.multiply(
                    rotation.multiply(heading, old[i][around]), rotation.inverse(new[i][around])
                )
                correction[i][around] += share * _not_far(rotation.log(off), nearest, FAR_RADIANS)
        self.wanted = own + shift
        self.end_rotation = {
            joint: rotation.multiply(rotation.exp(correction[i]), new[i])
            for i, joint in enumerate(ends)
        }

    def _rise(self, joints: list[tuple[Array, Array]], frame_time_seconds: float) -> Array:
        """joints: positions (T, 3) of ankle and toe, in the input and now -> (T,) how far both must
        rise not to sink into the floor.

        The floor is where the input's joint stands, or where it is at the moment, if that is lower.
        """
        lack = [
            np.minimum(was[:, 1], np.percentile(was[:, 1], 5.0)) - now[:, 1] for was, now in joints
        ]
        return _smoothly_over(np.maximum(np.max(lack, axis=0), 0.0), frame_time_seconds)

    def _against_drift(self, ankle: Array, toe: Array, frame_time_seconds: float) -> Array:
        """ankle, toe: (T, 3) of the input -> (T, 3) to be added to take away a part of a planted
        foot's drift.

        What drifts is the slowest point between ankle and toe: a foot that rolls over its heel or
        its toe does not drift. Taking away a part of that point's step makes neither ankle nor toe
        faster.
        """
        a, b = (np.diff(p, axis=0) * (1.0 - UP) for p in (ankle, toe))
        apart = np.sum((a - b) ** 2, axis=-1)
        share = np.clip(np.sum(a * (a - b), axis=-1) / np.maximum(apart, 1e-12), 0.0, 1.0)
        drift = a + share[:, None] * (b - a)
        speed = np.linalg.norm(drift, axis=-1) * self.metres / frame_time_seconds
        slow = 1.0 - smootherstep(speed / STEADY_M_S - 1.0)
        locked = self.locked[1:] & self.locked[:-1]
        step = -(self.amount[1:] * STEADY * slow * locked)[:, None] * drift
        return np.concatenate([np.zeros((1, 3)), np.cumsum(step, axis=0)])

    def too_far(self) -> Array:
        """(T,) how far the hips must come down for the foot to be within reach."""
        to_foot = self.wanted - self.position[0]
        level = np.sum(to_foot[:, [0, 2]] ** 2, axis=-1)
        deepest = np.sqrt(np.maximum(self.longest**2 - level, 0.0))
        return np.maximum(-to_foot[:, 1] - deepest, 0.0)

    def world_rotations(self, translation: Array) -> dict[int, Array]:
        """translation: (T, 3) of the hips -> world rotations (T, 4) in file axes of thigh, shin,
        foot and toe.
        """
        hip, knee, ankle = (position + translation for position in self.position)
        bones = reach(hip, knee, ankle, self.wanted, self.hinge, self.amount)
        back = rotation.inverse(self.axes)
        world_rotation = {}
        for joint, change in zip((self.thigh, self.shin), bones, strict=True):
            in_file = rotation.multiply(rotation.multiply(back, change), self.axes)
            world_rotation[joint] = rotation.multiply(in_file, self.after.world_rotation[:, joint])
        return world_rotation | {
            joint: rotation.multiply(back, world) for joint, world in self.end_rotation.items()
        }


def _not_far(correction: Array, nearest: np.ndarray, most: float) -> Array:
    """correction: (T, 3); nearest: (T,) for each frame, the nearest one of the step -> the same, at
    most `most` away from what it is there.
    """
    beyond = correction - correction[nearest]
    return correction[nearest] + beyond / np.sqrt(
        1.0 + np.sum(beyond**2, axis=-1, keepdims=True) / most**2
    )


def _smoothly_over(values: Array, frame_time_seconds: float) -> Array:
    """values: (T,) -> the same, smoothed, and hardly anywhere below what they were."""
    # widened before it is smoothed: it is still enough where it is most needed
    window = max(1, round(EVEN_SECONDS / frame_time_seconds))
    return smooth_in_time(largest_within(values, window), window / 2)


def _weights(steps: list[tuple[int, int]], frames: int, fade: int) -> list[Array]:
    """steps: segments in which the foot is locked -> for each (frames,), 1 in the segment, fading
    to 0 before and after it.

    In a gap shorter than the fade, one segment passes smoothly into the next.
    """
    weights = []
    edges = [(0, -fade), *steps, (frames + fade, frames)]
    frame = np.arange(frames)
    for (_, before), (start, stop), (after, _) in zip(edges, edges[1:], edges[2:], strict=False):
        rising = 1.0 - (start - frame) / (min(fade, start - before) + 1)
        falling = 1.0 - (frame - stop + 1) / (min(fade, after - stop) + 1)
        weights.append(smootherstep(np.minimum(rising, falling)))
    return weights
