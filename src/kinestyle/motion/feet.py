"""Feet that stay where they are planted, after a change of motion.

Where the input's foot is planted, the result's foot moves exactly as the input's did, up to one constant place and heading
for each step; between steps the correction fades. Two bones of the leg reach for that place, the hips come down where a leg
would be too short. So planted feet slide as much as they did in the input, whatever was done to the body above them.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from kinestyle.motion import rotation
from kinestyle.motion.canonical import CANONICAL
from kinestyle.motion.clip import Clip
from kinestyle.motion.contacts import runs
from kinestyle.motion.retarget import LEFT, UP, Correspondence, move_hips, turn_joints
from kinestyle.motion.rotation import Array
from kinestyle.motion.smoothing import smooth_in_time

FADE_SECONDS = 0.25
REACH = 0.985
"""The longest a leg may become, as a share of thigh and shin in one line (or what it was in the input, if that is more): a
knee that passes through straight snaps."""

_CLEAR_SINE = 0.35  # of a knee's flexion, from which its plane is taken as it is
_OVERSTRETCHED_SINE = 0.5  # of more than knees overstretch
_OVERSTRETCHED = np.radians(5.0)  # of the input's knee, from which it is kept as it is
_THROUGH_SHARE = 0.004  # of the leg's length, by which an overstretched leg becomes shorter while it passes through straight

SIDES = (("left", slice(0, 2)), ("right", slice(2, 4)))
"""The sides, with their columns of the contact array."""


def stance_velocity(before: Clip, after: Clip, correspondence: Correspondence, contact: np.ndarray) -> tuple[Array, Array]:
    """How the hips must move over the ground, beyond how they did, for planted feet to stay: what the legs themselves say.

    before, after: the same rig; contact: (T, 4) of the input -> change of velocity (T, 3) in canonical metres a frame, and how
    much of each frame it speaks for (T,), 1 where a foot is planted.
    """
    c = correspondence
    hips = c.mapping.joints["hips"]
    votes = np.zeros((before.frame_count, 3))
    weight = np.zeros(before.frame_count)
    for side, columns in SIDES:
        foot = c.mapping.joints.get(f"{side}_toe", c.mapping.joints[f"{side}_foot"])
        relative = [clip.world_position[:, foot] - clip.world_position[:, hips] for clip in (after, before)]
        moved = rotation.rotate(c.axes, relative[0] - relative[1]) * c.metres_per_unit
        step = np.zeros_like(moved)
        step[:-1] = np.diff(moved, axis=0)
        planted = np.array(contact[:, columns].any(axis=1))
        planted[:-1] &= planted[1:]
        votes -= planted[:, None] * step
        weight += planted
    return votes / np.maximum(weight, 1.0)[:, None] * (1.0 - UP), np.minimum(weight, 1.0)


def plant_feet(before: Clip, after: Clip, correspondence: Correspondence, contact: np.ndarray) -> Clip:
    """before, after: input and result on the same rig, contact: (T, 4) of the input -> the result with its feet planted."""
    legs = [_Leg(before, after, correspondence, side, np.array(contact[:, columns].any(axis=1))) for side, columns in SIDES]
    if not any(leg.planted.any() for leg in legs):
        return after
    drop = np.max([leg.too_far() for leg in legs], axis=0)
    # widened before it is smoothed, so that it is still enough where it is most needed
    window = max(1, round(0.1 / before.frame_time_seconds))
    padded = np.pad(drop, window, mode="edge")
    drop = smooth_in_time(np.lib.stride_tricks.sliding_window_view(padded, 2 * window + 1).max(axis=1), window / 2)
    lowered = -drop[:, None] * UP
    turned: dict[int, Array] = {}
    for leg in legs:
        turned |= leg.reach(lowered)
    local_rotation = turn_joints(after, turned)
    local_position = move_hips(after, correspondence, local_rotation, lowered * correspondence.metres_per_unit)
    return after.with_motion(local_position, local_rotation)


class _Leg:
    """One leg of the result and where its foot should be. Positions in file units, turned to Y up."""

    def __init__(self, before: Clip, after: Clip, correspondence: Correspondence, side: str, planted: np.ndarray):
        self.axes, self.planted = correspondence.axes, planted
        joints = correspondence.mapping.joints
        self.thigh, self.shin, self.foot = (joints[f"{side}_{part}"] for part in ("thigh", "shin", "foot"))
        self.toe = joints.get(f"{side}_toe")
        self.after = after
        self.position = [rotation.rotate(self.axes, after.world_position[:, j]) for j in (self.thigh, self.shin, self.foot)]
        was = [rotation.rotate(self.axes, before.world_position[:, j]) for j in (self.thigh, self.shin, self.foot)]
        align = correspondence.align[CANONICAL.index(f"{side}_thigh")]
        hinges = [
            rotation.rotate(
                rotation.multiply(self.axes, rotation.multiply(clip.world_rotation[:, self.thigh], align)),
                np.broadcast_to(LEFT, was[0].shape),
            )
            for clip in (before, after)
        ]
        _, _, _, flexion_before = _knee(was[1] - was[0], was[2] - was[1], hinges[0])
        self.overstretched_before = np.maximum(-flexion_before, 0.0)
        self.hinge = hinges[1]
        length = np.linalg.norm(was[1] - was[0], axis=-1) + np.linalg.norm(was[2] - was[1], axis=-1)
        self.longest = np.maximum(REACH * length, np.linalg.norm(was[2] - was[0], axis=-1))
        self._aim(before, was[2])

    def _aim(self, before: Clip, was: Array) -> None:
        """Find the corrections: `shift` (T, 3) of the ankle, `turn` of foot and toe (T, 4) each, from the planted runs."""
        ends = [self.foot] if self.toe is None else [self.foot, self.toe]
        new = [rotation.multiply(self.axes, self.after.world_rotation[:, j]) for j in ends]
        old = [rotation.multiply(self.axes, before.world_rotation[:, j]) for j in ends]
        pivot = ends[-1]
        pivot_new = rotation.rotate(self.axes, self.after.world_position[:, pivot])
        pivot_old = rotation.rotate(self.axes, before.world_position[:, pivot])
        frames = len(was)
        shift = np.zeros((frames, 3))
        turn = np.zeros((len(ends), frames, 3))
        found = runs(self.planted)
        for start, stop in found:
            span = slice(start, stop)
            changed = rotation.mean(rotation.multiply(new[0][span], rotation.inverse(old[0][span])))
            heading = rotation.about_y(2.0 * np.arctan2(changed[2], changed[0]))
            place = pivot_new[span].mean(axis=0)
            centre = pivot_old[span].mean(axis=0)
            place[1] = centre[1]
            wanted = rotation.rotate(heading, was[span] - centre) + place
            shift[span] = wanted - self.position[2][span]
            for i in range(len(ends)):
                turn[i, span] = rotation.log(
                    rotation.multiply(rotation.multiply(heading, old[i][span]), rotation.inverse(new[i][span]))
                )
        fade = max(1, round(FADE_SECONDS / before.frame_time_seconds))
        self.wanted = self.position[2] + _fade_between(shift, found, fade)
        self.end_rotation = {
            joint: rotation.multiply(rotation.exp(_fade_between(turn[i], found, fade)), new[i]) for i, joint in enumerate(ends)
        }

    def too_far(self) -> Array:
        """(T,) how far the hips must come down for the foot to be within reach."""
        reach = self.wanted - self.position[0]
        level = np.sum(reach[:, [0, 2]] ** 2, axis=-1)
        deepest = np.sqrt(np.maximum(self.longest**2 - level, 0.0))
        return np.maximum(-reach[:, 1] - deepest, 0.0)

    def reach(self, moved: Array) -> dict[int, Array]:
        """moved: (T, 3) what the hips moved by -> world rotations (T, 4) in file axes for thigh, shin, foot and toe."""
        hip, knee, ankle = (position + moved for position in self.position)
        thigh, shin = knee - hip, ankle - knee
        a, b = np.linalg.norm(thigh, axis=-1), np.linalg.norm(shin, axis=-1)
        line, wanted = ankle - hip, self.wanted - hip
        now = np.linalg.norm(line, axis=-1)
        then = np.clip(np.linalg.norm(wanted, axis=-1), np.abs(a - b) + 1e-6 * a, np.maximum(a + b, now) * (1.0 - 1e-9))
        normal, hinge, clear, flexion = _knee(thigh, shin, self.hinge)
        axis = rotation.normalize(clear[:, None] * normal + (1.0 - clear[:, None]) * hinge)
        # Knees bend to the front. Only where the input's own knee was overstretched is that kept, as long as the leg need not
        # become shorter; then it passes through straight, early enough for the foot to be missed by millimetres.
        keeps = _ease(self.overstretched_before / _OVERSTRETCHED) * (1.0 - _ease((now - then) / (a + b) / _THROUGH_SHARE))
        front = np.where(flexion < 0.0, 1.0 - 2.0 * keeps, 1.0)
        wanted_flexion = front * (np.pi - _corner(a, b, then))
        reached = np.sqrt(a * a + b * b + 2.0 * a * b * np.cos(wanted_flexion))
        hip_turn = np.sign(wanted_flexion) * _corner(a, reached, b) - np.sign(flexion) * _corner(a, now, b)
        thigh_turn = rotation.exp(-axis * hip_turn[:, None])
        shin_turn = rotation.exp(-axis * (hip_turn + flexion - wanted_flexion)[:, None])
        landed = rotation.rotate(thigh_turn, thigh) + rotation.rotate(shin_turn, shin)
        swing = rotation.between(rotation.normalize(landed), rotation.normalize(wanted))
        back = rotation.inverse(self.axes)
        turned = {}
        for joint, turn in ((self.thigh, thigh_turn), (self.shin, shin_turn)):
            in_file = rotation.multiply(rotation.multiply(back, rotation.multiply(swing, turn)), self.axes)
            turned[joint] = rotation.multiply(in_file, self.after.world_rotation[:, joint])
        return turned | {joint: rotation.multiply(back, world) for joint, world in self.end_rotation.items()}


def _knee(thigh: Array, shin: Array, hinge: Array) -> tuple[Array, Array, Array, Array]:
    """How a knee is bent. thigh, shin, hinge: (T, 3) -> the normal of its plane and the hinge square to the leg (T, 3), how
    clear the plane is, 0 to 1 (T,), and the flexion in radians, below 0 where it is overstretched (T,).

    A leg that is nearly straight shows no plane of its own: the less it is bent, the more its hinge decides. One that is bent
    by more than a knee overstretches, or sideways, shows it surely, whatever was taken for its hinge.
    """
    a, b = np.linalg.norm(thigh, axis=-1), np.linalg.norm(shin, axis=-1)
    along = rotation.normalize(thigh + shin)
    hinge = rotation.normalize(hinge - np.sum(hinge * along, axis=-1, keepdims=True) * along)
    cross = np.cross(thigh, shin) / (a * b)[:, None]
    bend = np.linalg.norm(cross, axis=-1)
    as_it_bends = (np.sum(cross * hinge, axis=-1) > -0.5 * bend) | (bend > _OVERSTRETCHED_SINE)
    clear = np.where(as_it_bends, _ease(bend / _CLEAR_SINE), 0.0)
    flexion = np.arctan2(bend, np.sum(thigh * shin, axis=-1) / (a * b))
    return rotation.normalize(cross), hinge, clear, np.where(as_it_bends, flexion, -flexion)


def _corner(a: Array, b: Array, opposite: Array) -> Array:
    """The angle in radians between sides a and b of a triangle, whose third side is `opposite`."""
    return np.arccos(np.clip((a * a + b * b - opposite * opposite) / np.maximum(2.0 * a * b, 1e-12), -1.0, 1.0))


def _fade_between(correction: Array, found: list[tuple[int, int]], fade: int) -> Array:
    """correction: (T, N), meant in the runs `found` -> the same with gaps filled: fading out after a run and in before one.

    In a gap shorter than the fade, one correction passes smoothly into the next.
    """
    filled = correction.copy()
    if not found:
        return filled
    edges = [(0, 0), *found, (len(correction), len(correction))]
    for (_, stop), (start, _) in pairwise(edges):
        gap = start - stop
        if gap <= 0:
            continue
        steps = np.arange(1, gap + 1)
        length = min(fade, gap) + 1
        if stop > 0:
            filled[stop:start] += _ease(1.0 - steps / length)[:, None] * correction[stop - 1]
        if start < len(correction):
            filled[stop:start] += _ease(1.0 - (gap + 1 - steps) / length)[:, None] * correction[start]
    return filled


def _ease(x: Array) -> Array:
    """x: (N,) -> 0 below 0, 1 above 1, smooth between."""
    x = np.clip(x, 0.0, 1.0)
    return x * x * (3.0 - 2.0 * x)
