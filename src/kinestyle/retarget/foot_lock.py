"""Foot locking: feet that are planted in the input stay planted after a change of motion.

While the input's foot is planted, the result's foot moves as the input's does, up to one constant
position and heading for each step, and without a part of its slow drift. Around a step it first
follows the input, then passes over into the result's own trajectory: a foot lands and leaves the
ground as it did. The legs reach for the foot by inverse kinematics (`limb_ik`); the hips come down
where a leg is too short. All that goes beyond keeping feet in place grows with how much the clip
was changed: a change that vanishes leaves the input.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from kinestyle.motion import rotation
from kinestyle.motion.canonical import CANONICAL, LEFT, SIDES, UP
from kinestyle.motion.clip import Clip
from kinestyle.motion.rotation import Array
from kinestyle.motion.skeleton import joints_first
from kinestyle.motion.smoothing import largest_within, smooth_in_time
from kinestyle.motion.window import Window
from kinestyle.retarget.changes import offset_root, set_world_rotations, with_carried
from kinestyle.retarget.contacts import find_still
from kinestyle.retarget.correspondence import Correspondence
from kinestyle.retarget.footsteps import FADE_SECONDS, FootLock, StepMeasure, floor_of
from kinestyle.retarget.legs import LEG, LegTrajectory, both_positions, leg_trajectories
from kinestyle.retarget.limb_ik import reach

FAR_M, FAR_RADIANS = 0.1, 0.7
"""How far the correction around a step may get from the one at its edge: a file may jump from a
rest pose into its motion.
"""

REACH = 0.985
"""The longest a leg may become, as a share of thigh and shin in one line: a knee that passes
through straight snaps. A leg that was longer in the input keeps its length where little changed,
and one that is longer in the style may be as long as it is there around that moment.
"""

STRAIGHT = 0.999
"""The same of a leg that is straight in its style."""

EVEN_SECONDS = 0.1
"""Hips that come down, and feet that are lifted off the floor, begin and end this much earlier and
later, to do so smoothly.
"""

CHANGED_M = 0.02
"""Change of the distances between hips and ankles that counts as large."""


def stance_velocity(
    before: Clip, after: Clip, correspondence: Correspondence, locked: np.ndarray
) -> tuple[Array, Array]:
    """How much faster the hips must move over the ground for planted feet to stay planted, as the
    changed legs tell.

    before, after: the same rig, of the legs' joints at least; locked: (T, 2) bool, of the input
    -> change of velocity (T, 3) in canonical metres a frame, and its weight (T,), 1 where a foot is
    planted
    """
    c = correspondence
    hips = c.mapping.joints["hips"]
    votes = np.zeros((before.frame_count, 3))
    weight = np.zeros(before.frame_count)
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
    was, now = (leg_trajectories(clip, correspondence) for clip in (before, after))
    squared, count = leg_change(was, now)
    changed = amount_of_change(squared / count, correspondence.scale_to_canonical)
    amount = changed * np.broadcast_to(share, before.frame_count)
    return lock_feet_to(
        was, after, correspondence, locked_feet(before, correspondence, contact), amount
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
    whole = Window.whole(after.frame_count)
    locks = []
    both = zip(trajectories, leg_trajectories(after, correspondence), strict=True)
    for column, (was, now) in enumerate(both):
        steps = StepMeasure(
            locked[:, column], after.frame_time_seconds, correspondence.scale_to_canonical
        )
        steps.add(whole, was, now, amount)
        locks.append(steps.finish(floor_of(was.foot[:, 1]), floor_of(was.pivot[:, 1])))
    return with_legs(
        after,
        correspondence,
        *reach_locks(trajectories, after, correspondence, locks, whole, amount),
    )


def reach_locks(
    trajectories: Sequence[LegTrajectory],
    after: Clip,
    correspondence: Correspondence,
    locks: Sequence[FootLock],
    window: Window,
    amount: Array,
    presence: Array | None = None,
    passed: Callable[[Array], Array] | None = None,
) -> tuple[dict[int, Array], Array]:
    """Both legs reach for what their feet are locked to, in the N frames that a window reads; its
    halo is `lock_halo`.

    trajectories: (N, ...) of the input's legs; after: the result, of the legs' joints at least
    amount: (N,) as in `lock_feet_to`
    presence: (N,) 0 to 1, how much hips may be lowered and feet raised; None: as much as it takes
    passed: makes another translation of the one that is found, which legs reach with

    Returns world rotations (N, 4) by joint, and the translation (N, 3) of the hips in file units,
    rotated to Y up.
    """
    now = leg_trajectories(after, correspondence)
    legs = _Legs(trajectories, now, after, correspondence, locks, window, amount, presence)
    lowered = -_smoothly_over(legs.too_far(), after.frame_time_seconds)[:, None] * UP
    if presence is not None:
        lowered *= presence[:, None]
    if passed is not None:
        lowered = passed(lowered)
    return legs.world_rotations(lowered), lowered


def with_legs(
    after: Clip, correspondence: Correspondence, world_rotation: dict[int, Array], lowered: Array
) -> Clip:
    """The clip with what `reach_locks` returns."""
    local_rotation = set_world_rotations(after, with_carried(after, correspondence, world_rotation))
    local_position = offset_root(
        after, correspondence, local_rotation, lowered * correspondence.scale_to_canonical
    )
    return after.with_motion(local_position, local_rotation)


def lock_halo(frame_time_seconds: float) -> int:
    """How many frames before and after a frame decide what `reach_locks` makes of it."""
    even = max(1, round(EVEN_SECONDS / frame_time_seconds))
    fade = max(1, round(FADE_SECONDS / frame_time_seconds))
    # what lifts the feet and what lowers the hips is widened and smoothed, and a foot on its way to
    # a step goes by that step's edge
    return 2 * (even + int(np.ceil(1.5 * even))) + fade + 1


def locked_feet(clip: Clip, c: Correspondence, contact: np.ndarray) -> np.ndarray:
    """contact: (T, 4) of the clip -> (T, 2) bool, left and right: a foot is to be locked, because
    it is in contact or still.
    """
    ankles = both_positions(clip, c, "foot").swapaxes(0, 1)
    still = find_still(ankles * c.scale_to_canonical, clip.frame_time_seconds)
    return feet_in_contact(contact) | still


def feet_in_contact(contact: np.ndarray) -> np.ndarray:
    """contact: (T, 4) -> (T, 2) bool, left and right: ankle or toe is in contact."""
    return np.asarray(contact.reshape(-1, 2, 2).any(axis=-1))


def leg_change(was: Sequence[LegTrajectory], now: Sequence[LegTrajectory]) -> tuple[float, int]:
    """How far hips and ankles of both legs changed against each other, in file units: a sum of
    squares over legs and frames, and their number.

    Compared are heights of hips and ankles and their distances over the ground, which heading and
    travel do not change.
    """
    pose = []
    for legs in (was, now):
        hip, ankle = np.stack([leg.thigh for leg in legs]), np.stack([leg.foot for leg in legs])
        level = np.linalg.norm((ankle - hip)[..., [0, 2]], axis=-1)
        pose.append(np.stack([hip[..., 1], hip[..., 1] - ankle[..., 1], level]))
    squared = np.sum((pose[1] - pose[0]) ** 2, axis=0)
    return float(squared.sum()), squared.size


def amount_of_change(mean_squared: float, metres: float) -> float:
    """mean_squared: what `leg_change` adds up to over a clip; metres: in one unit of it -> 0 to 1,
    how much hips and legs changed.
    """
    return float(1.0 - np.exp(-np.sqrt(mean_squared) * metres / CHANGED_M))


class _Legs:
    """Both legs of the result, in the N frames of a window, and where their feet should be.
    Positions in file units, rotated to Y up; of both legs, left and right, as one array: what it
    takes is mostly a matter of how often numpy is called.

    amount: (N,) how much was changed, 0 to 1
    presence: as in `reach_locks`
    """

    def __init__(
        self,
        was: Sequence[LegTrajectory],
        now: Sequence[LegTrajectory],
        after: Clip,
        correspondence: Correspondence,
        locks: Sequence[FootLock],
        window: Window,
        amount: Array,
        presence: Array | None = None,
    ):
        self.axes, self.amount, self.presence = correspondence.axes, amount, presence
        self.metres, self.after = correspondence.scale_to_canonical, after
        joints = correspondence.mapping.joints
        self.thighs, self.shins, self.feet = (
            [joints[f"{side}_{part}"] for side in SIDES] for part in LEG
        )
        self.toes = [
            None if leg.toe is None else joints[f"{side}_toe"]
            for side, leg in zip(SIDES, was, strict=True)
        ]
        before = _places(was)
        self.position = _places(now)
        align = correspondence.align[[CANONICAL.index(f"{side}_thigh") for side in SIDES]]
        thighs = rotation.multiply(after.world_rotation[:, self.thighs], align)
        hinge = rotation.rotate(rotation.multiply(self.axes, thighs), LEFT)
        self.hinge = hinge.swapaxes(0, 1)
        length = rotation.length(before[1:3] - before[:2]).sum(axis=0)
        was_longer, now_longer = (
            np.maximum(rotation.length(places[2] - places[0]) - REACH * length, 0.0)
            for places in (before, self.position)
        )
        now_longer = np.minimum(now_longer, (STRAIGHT - REACH) * length)
        sigma = 0.5 * EVEN_SECONDS / after.frame_time_seconds
        now_longer = smooth_in_time(now_longer.T, sigma).T
        self.longest = REACH * length + np.maximum((1.0 - amount) * was_longer, now_longer)
        self._aim(before, _end_rotations(was), _end_rotations(now), locks, window)

    def _aim(
        self, before: Array, old: Array, new: Array, locks: Sequence[FootLock], window: Window
    ) -> None:
        """Find where the ankles should be, `wanted` (2, N, 3), and the world rotations (2, 2, N, 4)
        of feet and toes, `end_rotation`.

        before: as `_places`, old, new: as `_end_rotations`, of the input and the result
        """
        foot = before[2]
        count = foot.shape[1]
        own = self.position[2] + self._rise(before, locks)[..., None] * UP
        shift, correction = np.zeros((2 * count, 3)), np.zeros((2, 2 * count, 3))
        each = [(k, lock.around(window)) for k, lock in enumerate(locks)]
        found = [(k, around) for k, around in each if around is not None]
        if found:
            row = np.concatenate([around.row + k * count for k, around in found])
            counts = np.cumsum([0, *(len(around.row) for _, around in found)])
            nearest = np.concatenate(
                [around.nearest + start for (_, around), start in zip(found, counts, strict=False)]
            )
            share, heading, centre, new_centre, stays = (
                np.concatenate([getattr(around, name) for _, around in found])
                for name in ("share", "heading", "centre", "new_centre", "stays")
            )
            flat_own, flat_foot = own.reshape(-1, 3), foot.reshape(-1, 3)
            steadied = (foot + np.stack([lock.drift[window.read] for lock in locks])).reshape(-1, 3)
            wanted = rotation.rotate(heading, steadied[row] - centre) + new_centre
            wanted = np.where(stays[:, None], flat_foot[row], wanted)
            far = FAR_M / self.metres
            np.add.at(shift, row, share[:, None] * _not_far(wanted - flat_own[row], nearest, far))
            were, are = (turned.reshape(2, -1, 4)[:, row] for turned in (old, new))
            off = rotation.multiply(rotation.multiply(heading, were), rotation.inverse(are))
            off = _not_far(rotation.log(off).swapaxes(0, 1), nearest, FAR_RADIANS)
            np.add.at(correction.swapaxes(0, 1), row, share[:, None, None] * off)
        self.wanted = own + shift.reshape(own.shape)
        self.end_rotation = rotation.multiply(rotation.exp(correction).reshape(new.shape), new)

    def _rise(self, before: Array, locks: Sequence[FootLock]) -> Array:
        """(2, N) how far ankle and pivot must rise not to sink into the floor.

        The floor is where the input's joint stands, or where it is at the moment, if that is lower.
        """
        floors = np.array(
            [[lock.ankle_floor for lock in locks], [lock.pivot_floor for lock in locks]]
        )
        lack = np.minimum(before[2:, ..., 1], floors[..., None]) - self.position[2:, ..., 1]
        lack = np.maximum(lack.max(axis=0), 0.0)
        rise = _smoothly_over(lack.T, self.after.frame_time_seconds).T
        return rise if self.presence is None else rise * self.presence

    def too_far(self) -> Array:
        """(N,) how far the hips must come down for both feet to be within reach."""
        to_foot = self.wanted - self.position[0]
        level = to_foot[..., 0] ** 2 + to_foot[..., 2] ** 2
        deepest = np.sqrt(np.maximum(self.longest**2 - level, 0.0))
        return np.asarray(np.maximum(-to_foot[..., 1] - deepest, 0.0).max(axis=0))

    def world_rotations(self, translation: Array) -> dict[int, Array]:
        """translation: (N, 3) of the hips -> world rotations (N, 4) in file axes of thighs, shins,
        feet and toes.
        """
        hip, knee, ankle = (self.position[:3] + translation).reshape(3, -1, 3)
        amount = np.tile(self.amount, 2)
        bones = reach(
            hip, knee, ankle, self.wanted.reshape(-1, 3), self.hinge.reshape(-1, 3), amount
        )
        back = rotation.inverse(self.axes)
        in_file = rotation.multiply(rotation.multiply(back, np.stack(bones)), self.axes)
        order = [*self.thighs, *self.shins]
        was = joints_first(self.after.world_rotation)[order]
        turned = rotation.multiply(in_file.reshape(was.shape), was)
        world_rotation = dict(zip(order, turned, strict=True))
        ends = rotation.multiply(back, self.end_rotation)
        world_rotation |= zip(self.feet, ends[0], strict=True)
        return world_rotation | {
            joint: turned
            for joint, turned in zip(self.toes, ends[1], strict=True)
            if joint is not None
        }


def _places(legs: Sequence[LegTrajectory]) -> Array:
    """(4, 2, N, 3) thigh, shin, foot and pivot of both legs."""
    parts = ("thigh", "shin", "foot", "pivot")
    return np.array([[getattr(leg, part) for leg in legs] for part in parts])


def _end_rotations(legs: Sequence[LegTrajectory]) -> Array:
    """(2, 2, N, 4) feet and toes of both legs; of a leg without a toe, the foot instead."""
    toes = [leg.foot_rotation if leg.toe_rotation is None else leg.toe_rotation for leg in legs]
    return np.array([[leg.foot_rotation for leg in legs], toes])


def _not_far(correction: Array, nearest: np.ndarray, most: float) -> Array:
    """correction: (T, ..., 3); nearest: (T,) for each frame, the nearest one of the step -> the
    same, at most `most` away from what it is there.
    """
    there = correction[nearest]
    beyond = correction - there
    size = np.sqrt(1.0 + rotation.dot(beyond, beyond) / most**2)
    return there + beyond / size[..., None]


def _smoothly_over(values: Array, frame_time_seconds: float) -> Array:
    """values: (T, ...) -> the same, smoothed, and hardly anywhere below what they were."""
    # widened before it is smoothed: it is still enough where it is most needed
    window = max(1, round(EVEN_SECONDS / frame_time_seconds))
    return smooth_in_time(largest_within(values, window), window / 2)
