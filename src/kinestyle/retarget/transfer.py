"""The motion of one rig on another: any proportions, zero pose, units and axes, with or without
toes, clavicles and fingers.

Bones point where they pointed, travel is scaled by the length of the legs, and feet are planted
where they were planted, so scaled. Two things are the other rig's own: how high its ankles and toes
are above the floor when it stands, and how its feet and toes are pitched then. Without that, one
rig's flat foot would be another's foot on tiptoe, for rigs put the ankle anywhere from 2 to 12 cm
above the sole.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from kinestyle.motion import rotation
from kinestyle.motion.canonical import CANONICAL, FORWARD, LEFT, UP
from kinestyle.motion.clip import Clip
from kinestyle.motion.rotation import Array
from kinestyle.retarget.contacts import find_contacts
from kinestyle.retarget.correspondence import (
    Correspondence,
    canonical_clip,
    correspond,
    from_canonical,
    offset_root,
    to_canonical,
)
from kinestyle.retarget.feet import (
    SIDES,
    LegTrajectory,
    end_place,
    lock_feet_to,
    locked_feet,
    place_of,
)

_STEEPEST = np.radians(45.0)
"""A foot pitched farther than this from the canonical one does not stand flat, whatever its height
and speed say.
"""

_ENDS = ("foot", "toe")


@dataclass(frozen=True)
class Stance:
    """How a rig stands on flat feet, both sides alike: of ankles and toes the height in metres and
    the pitch in radians.

    pitch: of the canonical foot, positive with the toes down; not a number where the clip never
        shows flat feet
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
    the target's, time the clip's.

    target: any motion of the other rig; joints without a role stay as they are in its first frame

    Raises RigError where no humanoid is found in either.
    """
    c, t = source_correspondence or correspond(clip), target_correspondence or correspond(target)
    pose = target.with_motion(target.local_position[:1], target.local_rotation[:1])
    canonical = to_canonical(clip, c)
    contact = find_contacts(canonical)
    stood = _stance(clip, c, canonical, contact)
    shown = to_canonical(target, t)
    stands = _stance(target, t, shown, find_contacts(shown))

    world = canonical.world_rotation.copy()
    for end in _ENDS:
        pitch = rotation.exp(np.nan_to_num(stands.pitch[end] - stood.pitch[end]) * LEFT)
        for side in SIDES:
            role = CANONICAL.index(f"{side}_{end}")
            world[:, role] = rotation.multiply(world[:, role], pitch)
    upright = canonical_clip(
        canonical.world_position[:, 0], world, clip.frame_time_seconds, clip.name
    )
    moved = from_canonical(upright, t, pose)

    thighs = [f"{side}_thigh" for side in SIDES]
    shift = np.mean([place_of(clip, c, role) - place_of(moved, t, role) for role in thighs], axis=0)
    shift += _to_floor(moved, t, upright, contact, shift[:, 1], stands) * UP
    moved = moved.with_motion(
        offset_root(moved, t, moved.local_rotation, shift), moved.local_rotation
    )

    ways = [_leg_way(clip, c, canonical, moved, t, side, stood, stands) for side in SIDES]
    planted = lock_feet_to(
        ways, moved, t, locked_feet(clip, c, contact), np.zeros(clip.frame_count)
    )
    return replace(planted, warnings=(*clip.warnings, *c.mapping.warnings, *t.mapping.warnings))


def _stance(clip: Clip, c: Correspondence, canonical: Clip, contact: np.ndarray) -> Stance:
    """How the rig of a clip stands while its feet are planted: joint by joint in height, flat on
    the floor in pitch.
    """
    flat = np.stack([contact[:, 2 * k] & contact[:, 2 * k + 1] for k in range(len(SIDES))], axis=1)
    height_m, pitch = {}, {}
    for column, end in enumerate(_ENDS):
        roles = [f"{side}_{end}" for side in SIDES]
        heights = np.stack([end_place(clip, c, canonical, role)[:, 1] for role in roles], axis=1)
        height_m[end] = _lowest(heights, contact[:, column::2])
        ahead = np.stack(
            [
                rotation.rotate(canonical.world_rotation[:, CANONICAL.index(r)], FORWARD)
                for r in roles
            ],
            axis=1,
        )
        pitches = np.arctan2(-ahead[..., 1], np.linalg.norm(ahead[..., [0, 2]], axis=-1))
        pitch[end] = float(np.median(pitches[flat])) if flat.any() else np.nan
    steep = max(abs(value) for value in pitch.values()) > _STEEPEST
    return Stance(height_m, dict.fromkeys(_ENDS, np.nan) if steep else pitch)


def _lowest(heights: Array, planted: np.ndarray) -> float:
    """heights, planted: (T, 2) of both sides -> where a joint is when it stands, or without that,
    about its lowest place.
    """
    return float(
        np.median(heights[planted]) if planted.any() else np.percentile(heights.min(axis=1), 5.0)
    )


def _to_floor(
    moved: Clip,
    t: Correspondence,
    canonical: Clip,
    contact: np.ndarray,
    shift: Array,
    stands: Stance,
) -> float:
    """How far the moved clip must rise, in metres, after a `shift` (T,), for its feet to stand as
    its rig stands.
    """
    end, column = ("toe", 1) if "left_toe" in t.mapping.joints else ("foot", 0)
    heights = np.stack(
        [end_place(moved, t, canonical, f"{side}_{end}")[:, 1] + shift for side in SIDES], axis=1
    )
    return stands.height_m[end] - _lowest(heights, contact[:, column::2])


def _leg_way(
    clip: Clip,
    c: Correspondence,
    canonical: Clip,
    moved: Clip,
    t: Correspondence,
    side: str,
    stood: Stance,
    stands: Stance,
) -> LegTrajectory:
    """Where a leg of the other rig should go, in its file's units: on the clip's way, feet turned
    as they are in `moved`.

    What stands on the floor is the toe where the rig has one; the ankle is where the rig's own foot
    then puts it.
    """

    def in_file(place: Array) -> Array:
        return place / t.scale_to_canonical + t.floor * UP

    joints = t.mapping.joints
    rise = (stands.height_m["foot"] - stood.height_m["foot"]) * UP
    thigh, shin, foot = (
        in_file(place_of(clip, c, f"{side}_{part}") + rise) for part in ("thigh", "shin", "foot")
    )
    foot_rotation = rotation.multiply(t.axes, moved.world_rotation[:, joints[f"{side}_foot"]])
    if f"{side}_toe" not in joints:
        return LegTrajectory(thigh, shin, foot, None, foot_rotation, None)
    rise = (stands.height_m["toe"] - stood.height_m["toe"]) * UP
    toe = in_file(end_place(clip, c, canonical, f"{side}_toe") + rise)
    ahead = [moved.world_position[:, joints[f"{side}_{end}"]] for end in _ENDS]
    foot = toe - rotation.rotate(t.axes, ahead[1] - ahead[0])
    toe_rotation = rotation.multiply(t.axes, moved.world_rotation[:, joints[f"{side}_toe"]])
    return LegTrajectory(thigh, shin, foot, toe, foot_rotation, toe_rotation)
