"""Diagnostics: what looks wrong in a clip. Nothing here is refused, but users should know of it.

Thresholds let people walk, lie, jump and dance. They are in metres and seconds, so that unit and
frame rate make no difference.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kinestyle.motion import rotation
from kinestyle.motion.canonical import (
    CANONICAL,
    HIPS,
    LEG_LENGTH_M,
    REST_POSITION_M,
    UP,
    mirror_name,
)
from kinestyle.motion.clip import Clip
from kinestyle.motion.skeleton import rest_position
from kinestyle.retarget.correspondence import Correspondence, to_canonical
from kinestyle.rig.body_frame import axis_name, standing_axis

_AHEAD = np.array([0.0, 0.0, 1.0])
_STRETCH = (0.03, 0.01)
"""How much a bone may change: a share of its length, or metres."""
_FLOOR_M = 0.15
"""How far from zero the floor may be."""
_AIR_M = 0.30
"""How high the lower foot may be in the median frame."""
_HIPS_M_S, _JOINT_M_S = 12.0, 30.0
"""Speeds that nobody reaches: of the hips in the world, and of a joint relative to the hips."""
_FLIP_RADIANS = np.radians(100.0)
"""No joint turns by more from one frame to the next at 30 frames a second."""
_SIDES_RATIO = 1.2
"""Between a bone's length and that of its mirror image."""
_FOLDED = np.cos(np.radians(60.0))
_ALONG = np.cos(np.radians(45.0))
_ANKLE_M = float(REST_POSITION_M[CANONICAL.index("left_foot"), 1])
_POSSIBLE_LEG_M = (0.1, 3.0)
"""Outside this range a wrong unit is stated. Children and giants are inside."""
_STILL = 1e-9
_FEW = 5
"""Names or frames that a sentence lists."""


@dataclass(frozen=True)
class Diagnostic:
    """One thing that looks wrong. kind: a word for programs; message: a sentence for people."""

    kind: str
    message: str


def find_diagnostics(clip: Clip, correspondence: Correspondence) -> tuple[Diagnostic, ...]:
    """All that looks wrong in a clip whose motion is finite."""
    canonical = to_canonical(clip, correspondence)
    found: list[Diagnostic] = []
    for kind, messages in (
        ("stretching", _stretching(clip, correspondence)),
        ("floor", _off_the_floor(canonical, correspondence)),
        ("duplicates", _duplicates(clip)),
        ("jumps", _jumps(clip, correspondence)),
        ("sides", _uneven_sides(clip, correspondence)),
        ("hips", _folded_hips(canonical)),
        ("unit", _impossible_unit(correspondence)),
        ("rest", _rest_pose(clip, correspondence)),
    ):
        found += [Diagnostic(kind, message) for message in messages]
    return tuple(found)


def facing(clip: Clip, correspondence: Correspondence) -> tuple[str, float]:
    """The axis of the file's world that the body faces in the first frame, and the angle to it,
    radians.
    """
    hips = to_canonical(clip, correspondence).world_rotation[0, HIPS]
    ahead = rotation.rotate(hips, _AHEAD) * (1.0 - UP)
    in_file = rotation.rotate(rotation.inverse(correspondence.axes), rotation.normalize(ahead))
    axis = axis_name(in_file)
    return axis, float(np.arccos(np.clip(np.abs(in_file).max(), 0.0, 1.0)))


def _few(names: list[str]) -> str:
    return ", ".join(names[:_FEW]) + (f" and {len(names) - _FEW} more" if len(names) > _FEW else "")


def _stretching(clip: Clip, c: Correspondence) -> list[str]:
    names, worst = [], 0.0
    hips, carried = c.mapping.joints["hips"], dict(c.mapping.carried)
    for joint in c.joints.tolist():
        while joint != hips and joint >= 0:
            if joint in carried:  # its parent is far away
                joint = carried[joint]
                continue
            length = np.linalg.norm(clip.local_position[:, joint], axis=-1)
            change = float(np.ptp(length))
            share = change / max(float(np.median(length)), 1e-12)
            if (
                share > _STRETCH[0]
                and change * c.scale_to_canonical > _STRETCH[1]
                and clip.skeleton.names[joint] not in names
            ):
                names.append(clip.skeleton.names[joint])
                worst = max(worst, change * c.scale_to_canonical)
            joint = int(clip.skeleton.parents[joint])
    return (
        [f"bones change their length, by up to {100.0 * worst:.1f} cm: those to {_few(names)}"]
        if names
        else []
    )


def _off_the_floor(canonical: Clip, c: Correspondence) -> list[str]:
    found = []
    floor = c.floor * c.scale_to_canonical
    if abs(floor) > _FLOOR_M:
        side = "above" if floor > 0 else "below"
        found.append(f"the floor that the feet stand on lies {abs(floor):.2f} m {side} zero")
    feet = [CANONICAL.index(f"{side}_foot") for side in ("left", "right")]
    lower = canonical.world_position[:, feet, 1].min(axis=1) - _ANKLE_M
    if float(np.median(lower)) > _AIR_M:
        found.append(
            f"for most of the clip both feet are far off the floor, {np.median(lower):.2f} m in "
            f"the middle"
        )
    return found


def _duplicates(clip: Clip) -> list[str]:
    if clip.frame_count < 3:
        return []
    moved = np.abs(np.diff(clip.local_rotation, axis=0)).max(axis=(1, 2))
    size = max(float(np.abs(clip.local_position).max()), 1e-12)
    same = (moved < _STILL) & (
        np.abs(np.diff(clip.local_position, axis=0)).max(axis=(1, 2)) < _STILL * size
    )
    count = int(same.sum())
    if count == len(same):
        return ["nothing moves: all frames are the same"]
    if count > max(2, 0.02 * len(same)):
        first = int(np.argmax(same)) + 2
        return [
            f"{count} of {clip.frame_count} frames are the same as the one before, frame {first} "
            f"the first of them"
        ]
    return []


def _jumps(clip: Clip, c: Correspondence) -> list[str]:
    if clip.frame_count < 2:
        return []
    position = clip.world_position[:, c.joints] * c.scale_to_canonical
    hips = position[:, c.joints.tolist().index(c.mapping.joints["hips"])]
    # both count: steps of a slow file are long, and noise of a fast file is fast
    step = np.linalg.norm(np.diff(hips, axis=0), axis=-1)
    apart = np.linalg.norm(np.diff(position - hips[:, None], axis=0), axis=-1)
    seconds = clip.frame_time_seconds
    found = []
    frames = np.flatnonzero((step / seconds > _HIPS_M_S) & (step > 0.1)) + 2
    if len(frames):
        found.append(f"the body jumps by up to {step.max():.2f} m within a frame, {_at(frames)}")
    limbs = (apart / seconds > _JOINT_M_S) & (apart > 0.2)
    if limbs.any():
        joints = [clip.skeleton.names[joint] for joint in c.joints[limbs.any(axis=0)]]
        found.append(
            f"{_few(joints)} jump within a frame, {_at(np.flatnonzero(limbs.any(axis=1)) + 2)}"
        )
    angle = rotation.angle(
        rotation.multiply(rotation.inverse(clip.local_rotation[:-1]), clip.local_rotation[1:])
    )[:, c.joints]
    flips = angle > _FLIP_RADIANS * max(1.0, 30.0 * seconds)
    if flips.any():
        joints = [clip.skeleton.names[joint] for joint in c.joints[flips.any(axis=0)]]
        frames = np.flatnonzero(flips.any(axis=1)) + 2
        found.append(
            f"{_few(joints)} turn by up to {np.degrees(angle.max()):.0f} degrees within a frame, "
            f"{_at(frames)}"
        )
    return found


def _at(frames: np.ndarray) -> str:
    """frames: numbers, counted from 1 -> in words."""
    if frames.tolist() == [2]:
        return "after the first, which may be a rest pose in front of the motion"
    shown = ", ".join(map(str, frames[:_FEW].tolist()))
    return f"at frame{'s' if len(frames) > 1 else ''} {shown}" + (
        f" and {len(frames) - _FEW} more" if len(frames) > _FEW else ""
    )


def _uneven_sides(clip: Clip, c: Correspondence) -> list[str]:
    found = []
    joints = c.mapping.joints
    if c.mapping.swapped:
        found.append(
            "knees and feet point as if left and right were swapped: a mirrored file, or sides "
            "named wrongly"
        )
    for role in joints:
        above = CANONICAL.names[int(CANONICAL.parents[CANONICAL.index(role)])]
        pair = mirror_name(role), mirror_name(above)
        if (
            role.startswith("left_")
            and above.startswith("left_")
            and above in joints
            and set(pair) <= joints.keys()
        ):
            ends = ((role, above), pair)
            left, right = (
                np.median(
                    np.linalg.norm(
                        clip.world_position[:, joints[a]] - clip.world_position[:, joints[b]],
                        axis=-1,
                    )
                )
                for a, b in ends
            )
            ratio = float(left / max(float(right), 1e-12))
            if (
                max(ratio, 1.0 / max(ratio, 1e-12)) > _SIDES_RATIO
                and max(left, right) * c.scale_to_canonical > 0.05
            ):
                what = above.removeprefix("left_").replace("_", " ")
                found.append(f"the left {what} is {ratio:.2f} times as long as the right one")
    return found


def _folded_hips(canonical: Clip) -> list[str]:
    hips = rotation.rotate(canonical.world_rotation[:, HIPS], UP)
    position = canonical.world_position
    trunk = rotation.normalize(position[:, CANONICAL.index("chest")] - position[:, HIPS])
    legs = (
        position[:, [CANONICAL.index("left_shin"), CANONICAL.index("right_shin")]].mean(axis=1)
        - position[:, HIPS]
    )
    found = []
    if float(np.median(np.sum(hips * trunk, axis=-1))) < _FOLDED:
        found.append(
            "the hips are turned away from the trunk for most of the clip: perhaps another joint "
            "is the hips"
        )
    if float(np.median(np.sum(trunk * rotation.normalize(legs), axis=-1))) > _FOLDED:
        found.append("the legs are folded up to the trunk for most of the clip")
    return found


def _impossible_unit(c: Correspondence) -> list[str]:
    """A stated unit that makes the body a dwarf's or a giant's. Restyling does not depend on it."""
    metres = c.mapping.metres_per_unit
    leg_m = LEG_LENGTH_M / c.scale_to_canonical * metres
    if c.mapping.unit == "unknown" or _POSSIBLE_LEG_M[0] <= leg_m <= _POSSIBLE_LEG_M[1]:
        return []
    return [f"in the unit that is stated, {metres:g} m, the leg is {leg_m:.3g} m long"]


def _rest_pose(clip: Clip, c: Correspondence) -> list[str]:
    """A rest pose in which no body stands, or along another axis than in motion."""
    skeleton, joints = clip.skeleton, c.mapping.joints
    rest = rest_position(skeleton)
    top = rest[joints.get("head", joints.get("neck", joints["chest"]))]
    ankles = 0.5 * (rest[joints["left_foot"]] + rest[joints["right_foot"]])
    stands = standing_axis(rest[joints["hips"]], top, ankles)
    if stands is None:
        return [
            "the rest pose, all joints unturned, is no standing body; the motion was looked at "
            "instead"
        ]
    if stands @ c.mapping.up < _ALONG:
        return [
            f"at rest the body stands along {axis_name(stands)}, in motion along "
            f"{axis_name(c.mapping.up)}"
        ]
    return []
