"""A rig's correspondence to the canonical skeleton: how it is found, and motion onto that skeleton.

A rig's zero pose proves nothing: in some files all bones point along one axis, in others the arms
hang. So the correspondence is read from the motion. Every mapped joint has a constant rotation
`align` with

    canonical world rotation = axes * rig world rotation * align

which `kinestyle.retarget.alignment` reads from bones, hinges and averages.

The way back is `kinestyle.retarget.changes`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from kinestyle.motion import rotation
from kinestyle.motion.canonical import CANONICAL, HIPS, LEG_LENGTH_M, SIDES, UP, canonical_clip
from kinestyle.motion.clip import Clip
from kinestyle.motion.percentile import median, percentile
from kinestyle.motion.rotation import Array
from kinestyle.motion.skeleton import Skeleton, joints_first, joints_inside, place_joints
from kinestyle.motion.window import (
    WINDOWS,
    Motion,
    Progress,
    Window,
    WindowSize,
    gather,
    sample_evenly,
)
from kinestyle.note import Note
from kinestyle.retarget.alignment import Alignment
from kinestyle.retarget.contacts import CONTACT_JOINTS, CONTACT_REST_HEIGHT_M
from kinestyle.retarget.tilted_floor import find_floor_normal
from kinestyle.rig.body_frame import axis_name
from kinestyle.rig.mapping import JointMapping, map_joints

_SAMPLE_FRAMES = 96

LEG_ROLES = (
    "hips",
    *(f"{side}_{part}" for side in SIDES for part in ("thigh", "shin", "foot", "toe")),
)
"""All that decides where the feet are."""

_TRUNK = {CANONICAL.index(name) for name in ("spine", "chest", "neck", "head")}

_LEGS = CANONICAL.only(range(len(LEG_ROLES)))
"""The canonical joints of `LEG_ROLES`, which are its first."""


@dataclass(frozen=True, eq=False)
class Correspondence:
    """How a rig relates to the canonical skeleton.

    mapping: which joint plays which role
    axes: (4,) the rotation from the file's world axes to Y up, or to a floor that is level
    scale_to_canonical: canonical metres in one file unit; the rig's legs get the length of the
        canonical ones
    floor: height of the ground in file units along the file's up axis
    align: (21, 4) the constant rotations described above; identity for roles the rig lacks
    root_motion_joints: the joints, hips or above, by which the file moves the body over the ground
        and up and down
    """

    skeleton: Skeleton
    mapping: JointMapping
    axes: Array
    scale_to_canonical: float
    floor: float
    align: Array
    root_motion_joints: tuple[int, int]

    @cached_property
    def roles(self) -> np.ndarray:
        """Canonical joint indices that the rig has, parents first."""
        return np.array(
            [j for j, name in enumerate(CANONICAL.names) if name in self.mapping.joints]
        )

    @cached_property
    def joints(self) -> np.ndarray:
        """The rig's joint for each of `roles`."""
        return np.array([self.mapping.joints[CANONICAL.names[j]] for j in self.roles])

    @cached_property
    def lacking(self) -> list[int]:
        """Canonical joint indices that the rig has not, parents first."""
        has = set(self.roles.tolist())
        return [role for role in range(CANONICAL.joint_count) if role not in has]

    @cached_property
    def shared(self) -> dict[int, tuple[int, int, float]]:
        """For joints between two mapped joints of the trunk: the roles above and below, and how far
        down the chain they are.
        """
        role_of = dict(zip(self.joints.tolist(), self.roles.tolist(), strict=True))
        found: dict[int, tuple[int, int, float]] = {}
        for joint, role in role_of.items():
            if role not in _TRUNK:
                continue
            chain: list[int] = []
            for above in self.skeleton.ancestors(joint):
                if above in role_of:
                    for step, between in enumerate(reversed(chain), start=1):
                        found[between] = (role_of[above], role, step / (len(chain) + 1))
                    break
                chain.append(above)
        return found

    @cached_property
    def body(self) -> tuple[list[int], Correspondence]:
        """The `part` that has all roles: without fingers and props."""
        return self.part(self.mapping.joints)

    @cached_property
    def legs(self) -> tuple[list[int], Correspondence]:
        """The `part` that has `LEG_ROLES`."""
        return self.part(LEG_ROLES)

    @cached_property
    def limbs(self) -> tuple[list[int], Correspondence]:
        """The `part` that has all that decides where hands and feet are from the hips."""
        ends = {"neck", "head", "left_toe", "right_toe"}
        return self.part(role for role in self.mapping.joints if role not in ends)

    def part(self, roles: Iterable[str]) -> tuple[list[int], Correspondence]:
        """The joints that have some roles, with all above them and `root_motion_joints`, ascending;
        and the correspondence of the smaller rig of these joints.
        """
        joints = {role: self.mapping.joints[role] for role in roles if role in self.mapping.joints}
        kept = {*joints.values(), *self.root_motion_joints}
        kept |= {above for joint in kept for above in self.skeleton.ancestors(joint)}
        order = sorted(kept)
        index = {joint: i for i, joint in enumerate(order)}
        mapping = replace(
            self.mapping,
            joints={role: index[joint] for role, joint in joints.items()},
            confidence={role: self.mapping.confidence[role] for role in joints},
            carried=tuple(
                (index[joint], index[carrier])
                for joint, carrier in self.mapping.carried
                if joint in index and carrier in index
            ),
        )
        over_ground, upwards = self.root_motion_joints
        return order, replace(
            self,
            skeleton=self.skeleton.only(order),
            mapping=mapping,
            root_motion_joints=(index[over_ground], index[upwards]),
        )


def correspond(
    motion: Motion,
    mapping: JointMapping | None = None,
    size: WindowSize = WINDOWS,
    progress: Progress | None = None,
) -> Correspondence:
    """Find the correspondence of the rig of a clip, or of a longer motion.

    mapping: what `map_joints` finds, where known; size: of the windows in which motion is read

    Where planted feet show that the floor is tilted, or the clip says so, `axes` bring it to level
    and the mapping's `up` is its normal. Raises RigError where no humanoid is found in it.
    """
    mapping = mapping or map_joints(motion)
    found, normal = _correspond(motion, mapping, size, progress)
    if normal is None:
        return found
    normal = rotation.rotate(rotation.inverse(found.axes), normal)
    tilt = np.degrees(np.arccos(np.clip(normal @ mapping.up, -1.0, 1.0)))
    note = Note(
        f"the floor that the feet stand on is tilted by {tilt:.1f} degrees against "
        f"{axis_name(mapping.up)}: it was worked with as level, and the result has the file's "
        f"world (--no-level works in that)",
        "floor",
        f"The floor is tilted by {tilt:.1f}°: worked with as level",
        tilt_degrees=round(float(tilt), 1),
    )
    levelled = replace(mapping, up=normal, warnings=(*mapping.warnings, note))
    return _correspond(motion, levelled, size, progress)[0]


def _correspond(
    motion: Motion, mapping: JointMapping, size: WindowSize, progress: Progress | None
) -> tuple[Correspondence, Array | None]:
    """The correspondence in the world whose up axis is the mapping's, and the normal (3,) of a
    floor that is tilted against it, Y up.
    """
    sampled = sample_evenly(motion, _SAMPLE_FRAMES)
    axes = rotation.between(np.asarray(mapping.up, dtype=float), UP)
    position = rotation.rotate(axes, sampled.world_position)
    world_rotation = rotation.multiply(axes, sampled.world_rotation)
    hips = mapping.joints["hips"]
    found = Correspondence(
        skeleton=motion.skeleton,
        mapping=mapping,
        axes=axes,
        scale_to_canonical=LEG_LENGTH_M / _leg_length(mapping, position),
        floor=0.0,
        align=Alignment(motion.skeleton, mapping.joints, position, world_rotation).solve(),
        root_motion_joints=(hips, hips),
    )
    joints, legs = found.legs
    movers = [joints.index(joint) for joint in (hips, *motion.skeleton.ancestors(hips))]

    def measure(window: Window) -> tuple[np.ndarray, ...]:
        clip = motion.window(window.first, window.last, joints)
        feet = canonical_feet(clip, legs)[..., 1]
        both = [legs.mapping.joints[f"{side}_foot"] for side in SIDES]
        ankles = rotation.rotate(axes, clip.world_position[:, both])
        lowest = (feet - CONTACT_REST_HEIGHT_M).min(axis=1)
        return lowest, ankles, *_root_motion(clip, movers, axes)

    windows = size.cut(motion.frame_count, motion.frame_time_seconds)
    lowest, ankles, *root_motion = gather(windows, measure, progress)
    normal = find_floor_normal(
        ankles * found.scale_to_canonical,
        motion.frame_time_seconds,
        _body_up(mapping, position),
        motion.world.tilted,
    )
    # The floor is where the canonical feet, not the rig's, come to stand: soles differ in thickness
    # between rigs.
    floor = float(percentile(lowest, 5.0)) / found.scale_to_canonical
    if root_motion:
        over_ground, upwards = _root_motion_joints(legs.skeleton, movers, *root_motion)
        found = replace(found, root_motion_joints=(joints[over_ground], joints[upwards]))
    return replace(found, floor=floor), normal


def _body_up(mapping: JointMapping, position: Array) -> Array:
    """position: (F, J, 3) -> (3,) the direction in which trunk and legs stand, in the mean."""
    joint = mapping.joints
    top = position[:, joint.get("head", joint.get("neck", joint["chest"]))]
    hips = position[:, joint["hips"]]
    ankles = np.mean([position[:, joint[f"{side}_foot"]] for side in SIDES], axis=0)
    upright = rotation.normalize(top - hips) + rotation.normalize(hips - ankles)
    return rotation.normalize(upright.mean(axis=0))


def to_canonical(clip: Clip, correspondence: Correspondence) -> Clip:
    """The clip on the canonical skeleton: metres, Y up, floor at 0, at the clip's own frame rate
    and with its own headings.
    """
    root, world = _canonical_world(clip, correspondence)
    return canonical_clip(root, world, clip.frame_time_seconds, clip.name)


def canonical_feet(clip: Clip, correspondence: Correspondence) -> Array:
    """(T, 4, 3) metres: where `to_canonical` has the joints of `CONTACT_JOINTS`.

    clip, correspondence: of the legs' joints at least
    """
    root, world = _canonical_world(clip, correspondence, _LEGS.joint_count)
    position = place_joints(_LEGS, _LEGS.offsets, world)[:, CONTACT_JOINTS]
    return np.asarray(position + (root - CANONICAL.offsets[HIPS])[:, None])


def _canonical_world(
    clip: Clip, c: Correspondence, joint_count: int = CANONICAL.joint_count
) -> tuple[Array, Array]:
    """The hips (T, 3) in metres, and the world rotations (T, J, 4) of the first so many canonical
    joints.
    """
    world = np.empty((joint_count, clip.frame_count, 4))
    roles, joints = c.roles, c.joints
    if joint_count < CANONICAL.joint_count:
        some = roles < joint_count
        roles, joints = roles[some], joints[some]
    of_rig = rotation.multiply(c.axes, joints_first(clip.world_rotation)[joints])
    world[roles] = rotation.multiply(of_rig, c.align[roles][:, None])
    for role in c.lacking:
        if role < joint_count:
            world[role] = world[CANONICAL.parents[role]]
    root = rotation.rotate(c.axes, clip.position_of(c.mapping.joints["hips"])) - c.floor * UP
    return root * c.scale_to_canonical, joints_inside(world)


def _leg_length(mapping: JointMapping, position: Array) -> float:
    """position: (F, J, 3) -> hip to ankle along the bones, the mean of both sides."""
    joint = mapping.joints
    bone = np.mean(
        [
            median(
                np.linalg.norm(
                    position[:, joint[f"{side}_{a}"]] - position[:, joint[f"{side}_{b}"]], axis=-1
                )
            )
            for side in SIDES
            for a, b in (("thigh", "shin"), ("shin", "foot"))
        ]
    )
    return 2.0 * float(bone)


def _root_motion(clip: Clip, movers: list[int], axes: Array) -> tuple[Array, ...]:
    """movers: the hips and the joints above them -> their local positions (T, K, 3), and the
    rotations (T, K, 4) that bring these to Y up in the world.

    Empty where the hips are the root: no other joint can move the body then.
    """
    if len(movers) == 1:
        return ()
    parents = clip.skeleton.parents[movers]
    to_y_up = rotation.multiply(axes, clip.world_rotation[:, parents])
    to_y_up[:, parents < 0] = axes
    return clip.local_position[:, movers], to_y_up


def _root_motion_joints(
    skeleton: Skeleton, movers: list[int], position: Array, to_y_up: Array
) -> tuple[int, int]:
    """The joints, among the hips and those above them, that move the body over the ground, and up
    and down.

    position, to_y_up: what `_root_motion` finds in the whole clip

    A joint that is always at its offset may have no translation in the file, unless it is the root.
    """
    extents = []
    for k, joint in enumerate(movers):
        offset = skeleton.offsets[joint]
        translated = np.abs(position[:, k] - offset).max() > 1e-6 * max(
            1.0, float(np.abs(offset).max())
        )
        if translated or skeleton.parents[joint] < 0:
            centred = position[:, k] - position[:, k].mean(axis=0)
            x, y, z = np.ptp(rotation.rotate(to_y_up[:, k], centred), axis=0)
            extents.append((joint, float(np.hypot(x, z)), float(y)))
    # of equals the one nearest to the hips
    return max(extents, key=lambda one: one[1])[0], max(extents, key=lambda one: one[2])[0]
