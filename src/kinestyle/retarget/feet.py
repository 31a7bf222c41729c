"""Feet that stay where they are planted, after a change of motion.

Where the input's foot is planted, the result's foot moves as the input's did, up to one constant
place and heading for each step and up to a part of its slow drift, which is taken away. Around a
step it goes on as the input's did and passes over into the result's own way, so that a foot lands
and leaves as it did. Two bones of the leg reach for that place, knees to the front; the hips come
down where a leg would be too short. What goes beyond keeping feet in place grows with how much the
clip was changed: a change that vanishes leaves the input.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kinestyle.motion import rotation
from kinestyle.motion.canonical import CANONICAL, LEFT, UP
from kinestyle.motion.clip import Clip
from kinestyle.motion.rotation import Array
from kinestyle.motion.smoothing import smooth_in_time
from kinestyle.retarget.contacts import CONTACT_JOINTS, find_still, segments
from kinestyle.retarget.correspondence import Correspondence, offset_root, set_world_rotations

FADE_SECONDS = 0.25
"""How long before and after a step the foot is on its way between its own path and the planted one.
"""

FAR_M, FAR_RADIANS = 0.1, 0.7
"""By how much the correction around a step may differ from that at its edge: a file may jump from a
rest pose to its motion.
"""

STEADY, STEADY_M_S = 0.5, 0.15
"""The share of a planted foot's drift that is taken away, and up to which speed; from twice that
speed on it slides as it did.
"""

REACH = 0.985
"""The longest a leg may become, as a share of thigh and shin in one line (or what it was in the
input, if that is more and little was changed): a knee that passes through straight snaps."""

EVEN_SECONDS = 0.1
"""Over which hips that come down, and feet that are lifted off the floor, do so early and late
enough to do it smoothly.
"""

CHANGED_M = 0.02
"""Of hips and ankles against each other, which counts as much changed."""

SIDES = ("left", "right")
_LEG = ("thigh", "shin", "foot")

# From which flexion the plane of a knee is taken as it is, if it is bent to the front, and if
# backwards, which may be overstretching; and how much the front weighs in the plane of a knee that
# is not bent at all.
_CLEAR, _CLEAR_BACKWARDS = np.radians(30.0), np.radians(60.0)
_FRONT = 0.5


@dataclass(frozen=True, eq=False)
class LegTrajectory:
    """Where a leg goes. Positions (T, 3) in file units, turned to Y up, and rotations (T, 4) in the
    world so turned.

    toe, toe_rotation: None on a rig without toes
    """

    thigh: Array
    shin: Array
    foot: Array
    toe: Array | None
    foot_rotation: Array
    toe_rotation: Array | None


def leg_trajectory(clip: Clip, correspondence: Correspondence, side: str) -> LegTrajectory:
    """The way of a clip's own leg."""
    c, joints = correspondence, correspondence.mapping.joints
    thigh, shin, foot = (
        rotation.rotate(c.axes, clip.world_position[:, joints[f"{side}_{part}"]]) for part in _LEG
    )
    turned = rotation.multiply(c.axes, clip.world_rotation[:, joints[f"{side}_foot"]])
    toe = joints.get(f"{side}_toe")
    if toe is None:
        return LegTrajectory(thigh, shin, foot, None, turned, None)
    toe_turned = rotation.multiply(c.axes, clip.world_rotation[:, toe])
    return LegTrajectory(
        thigh, shin, foot, rotation.rotate(c.axes, clip.world_position[:, toe]), turned, toe_turned
    )


def stance_velocity(
    before: Clip, after: Clip, correspondence: Correspondence, contact: np.ndarray
) -> tuple[Array, Array]:
    """How the hips must move over the ground, beyond how they did, for planted feet to stay: what
    the legs themselves say.

    before, after: the same rig; contact: (T, 4) of the input -> change of velocity (T, 3) in
    canonical metres a frame, and how much of each frame it speaks for (T,), 1 where a foot is
    planted.
    """
    c = correspondence
    hips = c.mapping.joints["hips"]
    votes = np.zeros((before.frame_count, 3))
    weight = np.zeros(before.frame_count)
    held = locked_feet(before, c, contact)
    for column, side in enumerate(SIDES):
        foot = c.mapping.joints.get(f"{side}_toe", c.mapping.joints[f"{side}_foot"])
        relative = [
            clip.world_position[:, foot] - clip.world_position[:, hips] for clip in (after, before)
        ]
        moved = rotation.rotate(c.axes, relative[0] - relative[1]) * c.scale_to_canonical
        step = np.zeros_like(moved)
        step[:-1] = np.diff(moved, axis=0)
        planted = held[:, column].copy()
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
    """before, after: input and result on the same rig, contact: (T, 4) of the input -> the result
    with its feet planted.

    share: (T,) how much of the change there is at each moment, or one for all; where it is 0, legs
        are left as they were
    """
    held = locked_feet(before, correspondence, contact)
    amount = _changed(before, after, correspondence) * np.broadcast_to(share, before.frame_count)
    return lock_feet_to(
        [leg_trajectory(before, correspondence, side) for side in SIDES],
        after,
        correspondence,
        held,
        amount,
    )


def lock_feet_to(
    ways: Sequence[LegTrajectory],
    after: Clip,
    correspondence: Correspondence,
    held: np.ndarray,
    amount: Array,
) -> Clip:
    """The clip `after` with its feet on the ways of the left and the right leg wherever they are
    held, (T, 2).

    amount: (T,) how much the clip was changed, 0 to 1; at 0 feet are kept on their ways and nothing
        is done beyond that
    """
    if not held.any():
        return after
    legs = [
        _Leg(way, after, correspondence, side, held[:, column], amount)
        for column, (side, way) in enumerate(zip(SIDES, ways, strict=True))
    ]
    drop = np.max([leg.too_far() for leg in legs], axis=0)
    lowered = -_smoothly_over(drop, after.frame_time_seconds)[:, None] * UP
    turned: dict[int, Array] = {}
    for leg in legs:
        turned |= leg.reach(lowered)
    local_rotation = set_world_rotations(after, turned)
    local_position = offset_root(
        after, correspondence, local_rotation, lowered * correspondence.scale_to_canonical
    )
    return after.with_motion(local_position, local_rotation)


def place_of(clip: Clip, c: Correspondence, role: str) -> Array:
    """(T, 3) where a role's own joint is, in canonical metres above the floor."""
    return (
        rotation.rotate(c.axes, clip.world_position[:, c.mapping.joints[role]]) - c.floor * UP
    ) * c.scale_to_canonical


def end_place(clip: Clip, c: Correspondence, canonical: Clip, role: str) -> Array:
    """(T, 3) as `place_of`, of an ankle or a toe; on a rig without toes, where the canonical foot
    has its toe.
    """
    if role in c.mapping.joints:
        return place_of(clip, c, role)
    foot, joint = CANONICAL.parents[CANONICAL.index(role)], CANONICAL.index(role)
    ahead = canonical.world_position[:, joint] - canonical.world_position[:, foot]
    return place_of(clip, c, CANONICAL.names[foot]) + ahead


def contact_places(clip: Clip, c: Correspondence, canonical: Clip) -> Array:
    """(T, 4, 3) the rig's own joints of `CONTACT_JOINTS`, in canonical metres: a foot that stands
    still there does stand still.

    On the canonical skeleton it may seem to slide, if the rig's hips are higher above its thighs
    and sway.
    """
    return np.stack(
        [end_place(clip, c, canonical, CANONICAL.names[joint]) for joint in CONTACT_JOINTS], axis=1
    )


def locked_feet(clip: Clip, c: Correspondence, contact: np.ndarray) -> np.ndarray:
    """contact: (T, 4) of the clip -> (T, 2), left and right: where a foot is to be held, in contact
    or still.
    """
    ankles = _places(clip, c, "foot").swapaxes(0, 1)
    return contact.reshape(-1, 2, 2).any(axis=-1) | find_still(
        ankles * c.scale_to_canonical, clip.frame_time_seconds
    )


def _places(clip: Clip, c: Correspondence, part: str) -> Array:
    """(2, T, 3) where a part of the left and the right leg is, in file units, Y up."""
    return np.stack(
        [
            rotation.rotate(c.axes, clip.world_position[:, c.mapping.joints[f"{side}_{part}"]])
            for side in SIDES
        ]
    )


def _changed(before: Clip, after: Clip, c: Correspondence) -> float:
    """How much hips and legs changed, 0 to 1.

    Measured in heights, and distances over the ground, of hips and ankles, so that turning and
    travelling are no change.
    """
    pose = []
    for clip in (before, after):
        hip, ankle = _places(clip, c, "thigh"), _places(clip, c, "foot")
        level = np.linalg.norm((ankle - hip)[..., [0, 2]], axis=-1)
        pose.append(np.stack([hip[..., 1], hip[..., 1] - ankle[..., 1], level]))
    difference = np.sqrt(np.mean(np.sum((pose[1] - pose[0]) ** 2, axis=0)))
    return float(1.0 - np.exp(-difference * c.scale_to_canonical / CHANGED_M))


class _Leg:
    """One leg of the result and where its foot should be. Positions in file units, turned to Y up.

    held: (T,) where its foot is to be held, amount: (T,) how much was changed, 0 to 1
    """

    def __init__(
        self,
        way: LegTrajectory,
        after: Clip,
        correspondence: Correspondence,
        side: str,
        held: np.ndarray,
        amount: Array,
    ):
        self.axes, self.held, self.amount = correspondence.axes, held, amount
        self.metres = correspondence.scale_to_canonical
        joints = correspondence.mapping.joints
        self.thigh, self.shin, self.foot = (
            joints[f"{side}_{part}"] for part in ("thigh", "shin", "foot")
        )
        self.toe = joints.get(f"{side}_toe")
        self.after = after
        self.position = [
            rotation.rotate(self.axes, after.world_position[:, j])
            for j in (self.thigh, self.shin, self.foot)
        ]
        was = (way.thigh, way.shin, way.foot)
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
        self._aim(way)

    def _aim(self, way: LegTrajectory) -> None:
        """Find where the ankle should be, `wanted` (T, 3), and how foot and toe should be turned,
        `end_rotation` (T, 4) each.
        """
        ends = [self.foot] if self.toe is None else [self.foot, self.toe]
        frame_time_seconds, was = self.after.frame_time_seconds, way.foot
        new = [rotation.multiply(self.axes, self.after.world_rotation[:, j]) for j in ends]
        old = [turned for turned in (way.foot_rotation, way.toe_rotation) if turned is not None]
        pivot_new = rotation.rotate(self.axes, self.after.world_position[:, ends[-1]])
        pivot_old = way.foot if way.toe is None else way.toe
        shift = np.zeros_like(was)
        turn = [np.zeros_like(was) for _ in ends]
        rise = self._rise([(was, self.position[2]), (pivot_old, pivot_new)], frame_time_seconds)
        own = self.position[2] + rise[:, None] * UP
        steadied = was + self._against_drift(was, pivot_old, frame_time_seconds)
        found = segments(self.held)
        fade = max(1, round(FADE_SECONDS / frame_time_seconds))
        for (start, stop), weight in zip(found, _weights(found, len(was), fade), strict=True):
            run, around = slice(start, stop), np.flatnonzero(weight)
            nearest, share = np.clip(around, start, stop - 1) - around[0], weight[around, None]
            changed = rotation.mean(rotation.multiply(new[0][run], rotation.inverse(old[0][run])))
            heading = rotation.about_y(2.0 * np.arctan2(changed[2], changed[0]))
            centre = pivot_old[run].mean(axis=0) + (steadied - was)[run].mean(axis=0)
            place = np.where(UP > 0.0, centre, pivot_new[run].mean(axis=0))
            wanted = rotation.rotate(heading, steadied[around] - centre) + place
            shift[around] += share * _not_far(wanted - own[around], nearest, FAR_M / self.metres)
            for i in range(len(ends)):
                off = rotation.multiply(
                    rotation.multiply(heading, old[i][around]), rotation.inverse(new[i][around])
                )
                turn[i][around] += share * _not_far(rotation.log(off), nearest, FAR_RADIANS)
        self.wanted = own + shift
        self.end_rotation = {
            joint: rotation.multiply(rotation.exp(turn[i]), new[i]) for i, joint in enumerate(ends)
        }

    def _rise(self, joints: list[tuple[Array, Array]], frame_time_seconds: float) -> Array:
        """joints: places (T, 3) of ankle and toe, in the input and now -> (T,) how far both must
        rise not to sink into the floor.

        The floor is where the input's joint is when it stands, or where it is just then, if that is
        lower.
        """
        lack = [
            np.minimum(was[:, 1], np.percentile(was[:, 1], 5.0)) - now[:, 1] for was, now in joints
        ]
        return _smoothly_over(np.maximum(np.max(lack, axis=0), 0.0), frame_time_seconds)

    def _against_drift(self, ankle: Array, toe: Array, frame_time_seconds: float) -> Array:
        """ankle, toe: (T, 3) of the input -> (T, 3) what is to be added to take a part of a planted
        foot's drift away.

        What drifts is the slowest point between ankle and toe: a foot that rolls over its heel or
        its toe does not drift. Whatever part of that point's step is taken away, neither ankle nor
        toe becomes faster.
        """
        a, b = (np.diff(p, axis=0) * (1.0 - UP) for p in (ankle, toe))
        apart = np.sum((a - b) ** 2, axis=-1)
        share = np.clip(np.sum(a * (a - b), axis=-1) / np.maximum(apart, 1e-12), 0.0, 1.0)
        drift = a + share[:, None] * (b - a)
        speed = np.linalg.norm(drift, axis=-1) * self.metres / frame_time_seconds
        slow = 1.0 - _ease(speed / STEADY_M_S - 1.0)
        held = self.held[1:] & self.held[:-1]
        step = -(self.amount[1:] * STEADY * slow * held)[:, None] * drift
        return np.concatenate([np.zeros((1, 3)), np.cumsum(step, axis=0)])

    def too_far(self) -> Array:
        """(T,) how far the hips must come down for the foot to be within reach."""
        reach = self.wanted - self.position[0]
        level = np.sum(reach[:, [0, 2]] ** 2, axis=-1)
        deepest = np.sqrt(np.maximum(self.longest**2 - level, 0.0))
        return np.maximum(-reach[:, 1] - deepest, 0.0)

    def reach(self, moved: Array) -> dict[int, Array]:
        """moved: (T, 3) what the hips moved by -> world rotations (T, 4) in file axes for thigh,
        shin, foot and toe.
        """
        hip, knee, ankle = (position + moved for position in self.position)
        thigh, shin, wanted = knee - hip, ankle - knee, self.wanted - hip
        a, b = np.linalg.norm(thigh, axis=-1), np.linalg.norm(shin, axis=-1)
        line, along = rotation.normalize(ankle - hip), rotation.normalize(wanted)
        swing = rotation.between(line, along)
        pole, share = self._pole(line, rotation.normalize(thigh), rotation.normalize(shin))
        length = np.clip(
            np.linalg.norm(wanted, axis=-1), np.abs(a - b) + 1e-6 * a, (a + b) * (1.0 - 1e-9)
        )
        flexion = share * (np.pi - _corner(a, b, length))
        length = np.sqrt(a * a + b * b + 2.0 * a * b * np.cos(flexion))
        lean = _corner(a, length, b)[:, None]
        new_thigh = a[:, None] * (
            np.cos(lean) * along + np.sin(lean) * rotation.rotate(swing, pole)
        )
        back = rotation.inverse(self.axes)
        turned = {}
        for joint, was, now in (
            (self.thigh, thigh, new_thigh),
            (self.shin, shin, length[:, None] * along - new_thigh),
        ):
            bend = rotation.between(
                rotation.normalize(rotation.rotate(swing, was)), rotation.normalize(now)
            )
            in_file = rotation.multiply(
                rotation.multiply(back, rotation.multiply(bend, swing)), self.axes
            )
            turned[joint] = rotation.multiply(in_file, self.after.world_rotation[:, joint])
        return turned | {
            joint: rotation.multiply(back, world) for joint, world in self.end_rotation.items()
        }

    def _pole(self, line: Array, thigh: Array, shin: Array) -> tuple[Array, Array]:
        """Which way the knee is to bend. line, thigh, shin: (T, 3) unit vectors of the leg before
        it reaches -> the way (T, 3), square to the line, and the share (T,) of the bend that is
        left.

        A leg that is nearly straight shows no plane of its own: the less it is bent, the more the
        front of its thigh decides. One that is bent by more than a knee overstretches shows it
        surely, whatever was taken for its hinge. Where a knee goes over from being left bent
        backwards to being bent to the front, it passes through straight: there its share is below
        1.
        """
        off = 0.5 * (thigh - shin)
        off -= np.sum(off * line, axis=-1, keepdims=True) * line
        front = rotation.normalize(np.cross(line, self.hinge))
        flexion = rotation.angle(rotation.between(thigh, shin))
        backwards = 0.5 - 0.5 * np.sum(rotation.normalize(off) * front, axis=-1)
        clear = _CLEAR + (_CLEAR_BACKWARDS - _CLEAR) * backwards**2
        pole = off + (self.amount * _FRONT * (1.0 - _ease(flexion / clear)))[:, None] * front
        size = np.linalg.norm(pole, axis=-1)
        share = np.minimum(size / np.maximum(np.linalg.norm(off, axis=-1), 1e-9), 1.0)
        return rotation.normalize(np.where(size[:, None] > 1e-9, pole, front)), share


def _corner(a: Array, b: Array, opposite: Array) -> Array:
    """The angle in radians between sides a and b of a triangle, whose third side is `opposite`."""
    return np.arccos(
        np.clip((a * a + b * b - opposite * opposite) / np.maximum(2.0 * a * b, 1e-12), -1.0, 1.0)
    )


def _not_far(correction: Array, nearest: np.ndarray, most: float) -> Array:
    """correction: (T, 3), nearest: (T,) for each frame, that of the step -> the same, at most so
    far from what it is there.
    """
    beyond = correction - correction[nearest]
    return correction[nearest] + beyond / np.sqrt(
        1.0 + np.sum(beyond**2, axis=-1, keepdims=True) / most**2
    )


def _smoothly_over(values: Array, frame_time_seconds: float) -> Array:
    """values: (T,) -> the same, smoothed, and hardly anywhere below what they were."""
    # widened before it is smoothed, so that it is still enough where it is most needed
    window = max(1, round(EVEN_SECONDS / frame_time_seconds))
    padded = np.pad(values, window, mode="edge")
    return smooth_in_time(
        np.lib.stride_tricks.sliding_window_view(padded, 2 * window + 1).max(axis=1), window / 2
    )


def _weights(found: list[tuple[int, int]], frames: int, fade: int) -> list[Array]:
    """found: the planted runs -> for each (frames,), 1 in the run, fading to 0 after it and before
    it.

    In a gap shorter than the fade, one run passes smoothly into the next.
    """
    weights = []
    edges = [(0, -fade), *found, (frames + fade, frames)]
    frame = np.arange(frames)
    for (_, before), (start, stop), (after, _) in zip(edges, edges[1:], edges[2:], strict=False):
        rising = 1.0 - (start - frame) / (min(fade, start - before) + 1)
        falling = 1.0 - (frame - stop + 1) / (min(fade, after - stop) + 1)
        weights.append(_ease(np.minimum(rising, falling)))
    return weights


def _ease(x: Array) -> Array:
    """x: (N,) -> 0 below 0, 1 above 1, smooth between."""
    x = np.clip(x, 0.0, 1.0)
    return x * x * x * (10.0 + x * (6.0 * x - 15.0))
