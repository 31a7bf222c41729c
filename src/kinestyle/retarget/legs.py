"""Where a rig's legs and feet are: in its file's units, and in canonical metres above the floor."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kinestyle.motion import rotation
from kinestyle.motion.canonical import CANONICAL, SIDES, UP
from kinestyle.motion.clip import Clip
from kinestyle.motion.rotation import Array
from kinestyle.retarget.contacts import CONTACT_JOINTS
from kinestyle.retarget.correspondence import Correspondence

LEG = ("thigh", "shin", "foot")


@dataclass(frozen=True, eq=False)
class LegTrajectory:
    """Where a leg goes: positions (T, 3) in file units and world rotations (T, 4), both rotated to
    Y up.

    toe, toe_rotation: None on a rig without toes
    """

    thigh: Array
    shin: Array
    foot: Array
    toe: Array | None
    foot_rotation: Array
    toe_rotation: Array | None

    @property
    def pivot(self) -> Array:
        """(T, 3) what stands on the ground: the toe, or the foot of a rig without toes."""
        return self.foot if self.toe is None else self.toe

    @property
    def end_rotations(self) -> list[Array]:
        """(T, 4) of the foot, and of the toe where there is one."""
        return [q for q in (self.foot_rotation, self.toe_rotation) if q is not None]


def leg_trajectories(clip: Clip, c: Correspondence) -> list[LegTrajectory]:
    """The trajectories of a clip's own legs, the left one and the right one."""
    joints = c.mapping.joints
    parts = [[f"{side}_{part}" for part in (*LEG, "toe")] for side in SIDES]
    roles = [role for leg in parts for role in leg if role in joints]
    ends = [role for role in roles if role.endswith(("_foot", "_toe"))]
    place = clip.world_position[:, [joints[role] for role in roles]]
    turned = clip.world_rotation[:, [joints[role] for role in ends]]
    # all of them at once: what it takes is mostly a matter of how often
    positions = dict(zip(roles, rotation.rotate(c.axes, place).swapaxes(0, 1), strict=True))
    rotations = dict(zip(ends, rotation.multiply(c.axes, turned).swapaxes(0, 1), strict=True))
    return [
        LegTrajectory(
            positions[thigh],
            positions[shin],
            positions[foot],
            positions.get(toe),
            rotations[foot],
            rotations.get(toe),
        )
        for thigh, shin, foot, toe in parts
    ]


def y_up_position(clip: Clip, c: Correspondence, role: str) -> Array:
    """(T, 3) the position of a role's joint in file units, rotated to Y up."""
    return rotation.rotate(c.axes, clip.position_of(c.mapping.joints[role]))


def role_position(clip: Clip, c: Correspondence, role: str) -> Array:
    """(T, 3) the position of a role's own joint in canonical metres above the floor."""
    return (y_up_position(clip, c, role) - c.floor * UP) * c.scale_to_canonical


def end_position(clip: Clip, c: Correspondence, canonical: Clip, role: str) -> Array:
    """(T, 3) as `role_position`, of an ankle or a toe. On a rig without toes it is the toe of the
    canonical foot, ahead of the rig's own ankle.

    canonical: what `to_canonical` makes of the clip
    """
    if role in c.mapping.joints:
        return role_position(clip, c, role)
    foot, joint = CANONICAL.parents[CANONICAL.index(role)], CANONICAL.index(role)
    ahead = canonical.world_position[:, joint] - canonical.world_position[:, foot]
    return role_position(clip, c, CANONICAL.names[foot]) + ahead


def contact_positions(clip: Clip, c: Correspondence, canonical: Clip) -> Array:
    """(T, 4, 3) the rig's own joints of `CONTACT_JOINTS` in canonical metres. A foot that stands
    still in the file stands still here.

    On the canonical skeleton it may seem to slide, if the rig's hips lie higher above its thighs
    and sway.

    canonical: what `to_canonical` makes of the clip
    """
    return np.stack(
        [end_position(clip, c, canonical, CANONICAL.names[joint]) for joint in CONTACT_JOINTS],
        axis=1,
    )


def both_positions(clip: Clip, c: Correspondence, part: str) -> Array:
    """(2, T, 3) a part of the left and the right leg in file units, rotated to Y up."""
    return np.stack([y_up_position(clip, c, f"{side}_{part}") for side in SIDES])
