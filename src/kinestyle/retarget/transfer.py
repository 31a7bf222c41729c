"""The motion of one rig on another: any proportions, zero pose, units and axes, with or without
toes, clavicles and fingers.

Bones keep their directions, travel is scaled by the length of the legs, and feet are planted where
they were planted, at that scale. Two things are the other rig's own: how high its ankles and toes
are above the floor when it stands, and how its feet and toes are pitched then. Rigs put the ankle
anywhere from 2 to 12 cm above the sole; without the two, one rig's flat foot would be another's
foot on tiptoe.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from kinestyle.motion import rotation
from kinestyle.motion.canonical import CANONICAL, FORWARD, LEFT, SIDES, UP, canonical_clip
from kinestyle.motion.clip import Clip
from kinestyle.motion.percentile import median, percentile
from kinestyle.motion.rotation import Array
from kinestyle.retarget.changes import from_canonical, offset_root
from kinestyle.retarget.contacts import find_contacts
from kinestyle.retarget.correspondence import Correspondence, correspond, to_canonical
from kinestyle.retarget.foot_lock import lock_feet_to, locked_feet
from kinestyle.retarget.legs import LEG, LegTrajectory, end_position, role_position

_STEEPEST = np.radians(45.0)
"""A foot pitched farther than this from the canonical one does not stand flat, whatever its height
and speed say.
"""

_ENDS = ("foot", "toe")


@dataclass(frozen=True)
class Stance:
    """How a rig stands on flat feet, both sides taken together.

    height_m: "foot" and "toe" -> metres of ankle and toe above the floor
    pitch: the same -> radians of the canonical foot and toe, positive with the toes down; NaN where
        the clip never shows flat feet
    """

    height_m: dict[str, float]
    pitch: dict[str, float]


def transfer(
    clip: Clip,
    target: Clip,
    source_correspondence: Correspondence | None = None,
    target_correspondence: Correspondence | None = None,
) -> Clip:
    """The motion of `clip` on the rig of `target`: hierarchy, channels, units, axes and floor are
    the target's; the frames are the clip's. Written into the target's file, it is a further
    animation of that.

    target: any motion of the other rig; joints without a role stay as they are in its first frame

    Raises RigError where no humanoid is found in either.
    """
    c, t = source_correspondence or correspond(clip), target_correspondence or correspond(target)
    pose = target.with_motion(target.local_position[:1], target.local_rotation[:1])
    canonical = to_canonical(clip, c)
    contact = find_contacts(canonical)
    stance = _stance(clip, c, canonical, contact)
    canonical_target = to_canonical(target, t)
    new_stance = _stance(target, t, canonical_target, find_contacts(canonical_target))

    world = canonical.world_rotation.copy()
    for end in _ENDS:
        pitch = rotation.exp(np.nan_to_num(new_stance.pitch[end] - stance.pitch[end]) * LEFT)
        for side in SIDES:
            role = CANONICAL.index(f"{side}_{end}")
            world[:, role] = rotation.multiply(world[:, role], pitch)
    pitched = canonical_clip(
        canonical.world_position[:, 0], world, clip.frame_time_seconds, clip.name
    )
    moved = from_canonical(pitched, t, pose)

    thighs = [f"{side}_thigh" for side in SIDES]
    shift = np.mean(
        [role_position(clip, c, role) - role_position(moved, t, role) for role in thighs], axis=0
    )
    shift += _to_floor(moved, t, pitched, contact, shift[:, 1], new_stance) * UP
    moved = moved.with_motion(
        offset_root(moved, t, moved.local_rotation, shift), moved.local_rotation
    )

    trajectories = [
        _leg_trajectory(clip, c, canonical, moved, t, side, stance, new_stance) for side in SIDES
    ]
    locked = lock_feet_to(
        trajectories, moved, t, locked_feet(clip, c, contact), np.zeros(clip.frame_count)
    )
    return replace(
        locked,
        name=_title(clip),
        warnings=(*clip.warnings, *c.mapping.warnings, *t.mapping.warnings),
        animation="",
    )


def _title(clip: Clip) -> str:
    """What a clip's motion is called: of a file with several, by the name that it has there."""
    several = sum(animation.moves for animation in clip.animations) > 1
    return clip.animation if several and clip.animation else clip.name


def _stance(clip: Clip, c: Correspondence, canonical: Clip, contact: np.ndarray) -> Stance:
    """How the rig of a clip stands. Heights are taken joint by joint while it is planted, pitches
    while the whole foot is.
    """
    flat = np.stack([contact[:, 2 * k] & contact[:, 2 * k + 1] for k in range(len(SIDES))], axis=1)
    height_m, pitch = {}, {}
    for column, end in enumerate(_ENDS):
        roles = [f"{side}_{end}" for side in SIDES]
        heights = np.stack([end_position(clip, c, canonical, role)[:, 1] for role in roles], axis=1)
        height_m[end] = _lowest(heights, contact[:, column::2])
        ahead = np.stack(
            [
                rotation.rotate(canonical.world_rotation[:, CANONICAL.index(r)], FORWARD)
                for r in roles
            ],
            axis=1,
        )
        pitches = np.arctan2(-ahead[..., 1], np.linalg.norm(ahead[..., [0, 2]], axis=-1))
        pitch[end] = float(median(pitches[flat])) if flat.any() else np.nan
    steep = max(abs(value) for value in pitch.values()) > _STEEPEST
    return Stance(height_m, dict.fromkeys(_ENDS, np.nan) if steep else pitch)


def _lowest(heights: Array, planted: np.ndarray) -> float:
    """heights, planted: (T, 2) of both sides -> the height of a joint while it is planted, or about
    its lowest, if it never is.
    """
    return float(
        median(heights[planted]) if planted.any() else percentile(heights.min(axis=1), 5.0)
    )


def _to_floor(
    moved: Clip,
    t: Correspondence,
    canonical: Clip,
    contact: np.ndarray,
    shift: Array,
    stance: Stance,
) -> float:
    """How far the moved clip must rise, in metres, after a `shift` (T,), for its feet to be as high
    as in its rig's stance.
    """
    end, column = ("toe", 1) if "left_toe" in t.mapping.joints else ("foot", 0)
    heights = np.stack(
        [end_position(moved, t, canonical, f"{side}_{end}")[:, 1] + shift for side in SIDES], axis=1
    )
    return stance.height_m[end] - _lowest(heights, contact[:, column::2])


def _leg_trajectory(
    clip: Clip,
    c: Correspondence,
    canonical: Clip,
    moved: Clip,
    t: Correspondence,
    side: str,
    stance: Stance,
    new_stance: Stance,
) -> LegTrajectory:
    """Where a leg of the other rig should go, in its file's units: along the clip's trajectory,
    with feet rotated as they are in `moved`.

    On a rig with toes the toe stands on the floor, and the rig's own foot puts the ankle where it
    belongs.
    """

    def in_file(position: Array) -> Array:
        return position / t.scale_to_canonical + t.floor * UP

    joints = t.mapping.joints
    rise = (new_stance.height_m["foot"] - stance.height_m["foot"]) * UP
    thigh, shin, foot = (in_file(role_position(clip, c, f"{side}_{part}") + rise) for part in LEG)
    foot_rotation = rotation.multiply(t.axes, moved.world_rotation[:, joints[f"{side}_foot"]])
    if f"{side}_toe" not in joints:
        return LegTrajectory(thigh, shin, foot, None, foot_rotation, None)
    rise = (new_stance.height_m["toe"] - stance.height_m["toe"]) * UP
    toe = in_file(end_position(clip, c, canonical, f"{side}_toe") + rise)
    ahead = [moved.world_position[:, joints[f"{side}_{end}"]] for end in _ENDS]
    foot = toe - rotation.rotate(t.axes, ahead[1] - ahead[0])
    toe_rotation = rotation.multiply(t.axes, moved.world_rotation[:, joints[f"{side}_toe"]])
    return LegTrajectory(thigh, shin, foot, toe, foot_rotation, toe_rotation)
