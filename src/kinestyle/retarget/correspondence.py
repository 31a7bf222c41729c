"""A rig's correspondence to the canonical skeleton: motion onto it, and changes of motion back.

A rig's zero pose proves nothing: in some files all bones point along one axis, in others the arms
hang. So the correspondence is read from the motion. For every mapped joint a constant turn `align`
is found with

    canonical world rotation = axes * rig world rotation * align

which `kinestyle.retarget.alignment` reads from bones, hinges and averages.

The way back carries changes only. A joint that turns by `change` in the world on the canonical
skeleton turns by the same change on the rig, so nothing that the canonical skeleton does not know
is lost, and no change gives the clip back. Whole motion goes onto a rig in the same way, as the
change of one of the rig's own poses (`from_canonical`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from kinestyle.motion import rotation
from kinestyle.motion.canonical import CANONICAL, HIPS, LEG_LENGTH_M
from kinestyle.motion.canonical import UP as UP
from kinestyle.motion.clip import Clip
from kinestyle.motion.rotation import Array
from kinestyle.motion.skeleton import Skeleton, forward_kinematics, world_to_local_rotation
from kinestyle.retarget.alignment import Alignment
from kinestyle.rig.mapping import JointMapping, map_joints

_SAMPLE_FRAMES = 96


@dataclass(frozen=True, eq=False)
class Correspondence:
    """How one rig stands to the canonical skeleton.

    mapping: which joint plays which role
    axes: (4,) the turn from the file's world axes to Y up
    scale_to_canonical: canonical metres to one file unit, so that the rig's legs become as long as the
        canonical ones
    floor: height of the ground in file units along the file's up axis
    align: (21, 4) the constant turns described above; identity for roles the rig lacks
    root_motion_joints: the joints, hips or above, by which the file moves the body over the ground and up and
        down
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


def correspond(clip: Clip, mapping: JointMapping | None = None) -> Correspondence:
    """Find the correspondence of a clip's rig. Raises RigError where no humanoid can be found in
    it.
    """
    mapping = mapping or map_joints(clip)
    frames = np.unique(np.linspace(0, clip.frame_count - 1, _SAMPLE_FRAMES).round().astype(int))
    axes = rotation.between(np.asarray(mapping.up, dtype=float), UP)
    position = rotation.rotate(axes, clip.world_position[frames])
    world_rotation = rotation.multiply(axes, clip.world_rotation[frames])
    align = Alignment(clip.skeleton, mapping.joints, position, world_rotation).solve()
    joint = mapping.joints
    leg = np.mean(
        [
            np.median(
                np.linalg.norm(
                    position[:, joint[f"{side}_{a}"]] - position[:, joint[f"{side}_{b}"]], axis=-1
                )
            )
            for side in ("left", "right")
            for a, b in (("thigh", "shin"), ("shin", "foot"))
        ]
    )
    root_motion_joints = _root_motion_joints(clip, joint["hips"], axes)
    found = Correspondence(
        clip.skeleton,
        mapping,
        axes,
        LEG_LENGTH_M / (2.0 * float(leg)),
        0.0,
        align,
        root_motion_joints,
    )
    # The floor is where the canonical feet, not the rig's, come to stand: soles differ in thickness
    # between rigs.
    lowest = to_canonical(clip, found).world_position[:, _FEET, 1] - _FEET_REST_HEIGHT
    floor = float(np.percentile(lowest.min(axis=1), 5.0)) / found.scale_to_canonical
    return replace(found, floor=floor)


def to_canonical(clip: Clip, correspondence: Correspondence) -> Clip:
    """The clip on the canonical skeleton: metres, Y up, floor at 0, at the clip's own frame rate.
    Headings are kept.
    """
    c = correspondence
    world = np.empty((clip.frame_count, CANONICAL.joint_count, 4))
    rig_rotation = rotation.multiply(c.axes, clip.world_rotation[:, c.joints])
    world[:, c.roles] = rotation.multiply(rig_rotation, c.align[c.roles])
    for role in range(CANONICAL.joint_count):
        if role not in c.roles:
            world[:, role] = world[:, CANONICAL.parents[role]]
    root = rotation.rotate(c.axes, clip.world_position[:, c.mapping.joints["hips"]]) - c.floor * UP
    return canonical_clip(root * c.scale_to_canonical, world, clip.frame_time_seconds, clip.name)


def canonical_clip(
    root_position: Array, world_rotation: Array, frame_time_seconds: float, name: str = "clip"
) -> Clip:
    """root_position: (T, 3) metres, world_rotation: (T, 21, 4) -> a clip on the canonical skeleton."""
    local_position = np.tile(CANONICAL.offsets, (len(root_position), 1, 1))
    local_position[:, HIPS] = root_position
    return Clip(
        CANONICAL,
        local_position,
        world_to_local_rotation(CANONICAL, world_rotation),
        frame_time_seconds,
        name,
    )


def apply_change(
    clip: Clip, correspondence: Correspondence, rotation_change: Array, root_change: Array
) -> Clip:
    """Turn the rig's joints by what changed on the canonical skeleton.

    rotation_change: (T, 21, 4) canonical world rotation after, times the inverse of the one before
    root_change: (T, 3) metres, the move of the hips on the canonical skeleton, heading not removed

    Joints without a role keep their local motion, except along the spine and neck, where joints
    between two mapped ones share the bend in proportion to their place, so that it does not all
    fall on one joint.
    """
    c = correspondence
    skeleton = clip.skeleton
    change = rotation.multiply(rotation.multiply(rotation.inverse(c.axes), rotation_change), c.axes)
    role_of = dict(zip(c.joints.tolist(), c.roles.tolist(), strict=True))
    turned = {
        joint: rotation.multiply(change[:, role], clip.world_rotation[:, joint])
        for joint, role in role_of.items()
    }
    for joint, (above, below, weight) in _shared_joints(skeleton, role_of).items():
        turn = rotation.interpolate(
            change[:, above], change[:, below], np.full(len(change), weight)
        )
        turned[joint] = rotation.multiply(turn, clip.world_rotation[:, joint])
    local_rotation = set_world_rotations(clip, turned)
    return clip.with_motion(offset_root(clip, c, local_rotation, root_change), local_rotation)


def from_canonical(canonical: Clip, correspondence: Correspondence, pose: Clip) -> Clip:
    """The inverse of `to_canonical`: a clip on the canonical skeleton -> the same motion on a rig,
    in the file's axes and units.

    pose: on the rig, as long as the clip, or of one frame, which is held. Mapped joints get the
    world rotations, and the hips the place, that `to_canonical` makes the clip from, whatever the
    pose is. All others keep their local motion in the pose, but for the joints between two of the
    trunk, which share its bend.
    """
    c = correspondence
    if pose.frame_count == 1:
        pose = pose.with_motion(
            *(
                np.repeat(a, canonical.frame_count, axis=0)
                for a in (pose.local_position, pose.local_rotation)
            )
        )
    assert pose.frame_count == canonical.frame_count, (
        f"{pose.frame_count} poses for {canonical.frame_count} frames"
    )
    held = to_canonical(pose, c)
    change = rotation.multiply(canonical.world_rotation, rotation.inverse(held.world_rotation))
    moved = apply_change(
        pose, c, change, canonical.world_position[:, HIPS] - held.world_position[:, HIPS]
    )
    return replace(moved, frame_time_seconds=canonical.frame_time_seconds, name=canonical.name)


def set_world_rotations(clip: Clip, world_rotation: Mapping[int, Array]) -> Array:
    """Local rotations (T, J, 4) with which some joints have given world rotations (T, 4) and all
    others their local ones.
    """
    local = clip.local_rotation.copy()
    world = np.empty_like(local)
    for joint, parent in enumerate(clip.skeleton.parents):
        if joint in world_rotation:
            world[:, joint] = world_rotation[joint]
            turned = (
                rotation.multiply(rotation.inverse(world[:, parent]), world[:, joint])
                if parent >= 0
                else world[:, joint]
            )
            # the same hemisphere as before, so that an unchanged joint keeps its numbers
            flip = np.sum(turned * local[:, joint], axis=-1, keepdims=True) < 0
            local[:, joint] = np.where(flip, -turned, turned)
        else:
            world[:, joint] = (
                rotation.multiply(world[:, parent], local[:, joint])
                if parent >= 0
                else local[:, joint]
            )
    return local


def offset_root(
    clip: Clip, c: Correspondence, new_local_rotation: Array, root_change: Array
) -> Array:
    """The local positions (T, J, 3) that put the hips where they were plus `root_change` (metres,
    canonical axes).

    Only what the file itself moves the body by is changed: mostly the hips' own translation, but
    where the travel is in a joint above, and perhaps the bounce in the hips, so it is in the
    result. Joints above keep their place, whatever they rotate by.
    """
    local_position = clip.local_position.copy()
    over_ground, upwards = c.root_motion_joints
    shares = [(over_ground, root_change)] if over_ground == upwards else []
    shares = shares or [(over_ground, root_change * (1.0 - UP)), (upwards, root_change * UP)]
    for joint, change in shares:
        move = rotation.rotate(rotation.inverse(c.axes), change / c.scale_to_canonical)
        parent = int(clip.skeleton.parents[joint])
        if parent >= 0:
            _, above = forward_kinematics(clip.skeleton, local_position, new_local_rotation)
            move = rotation.rotate(rotation.inverse(above[:, parent]), move)
        local_position[:, joint] += move
    return local_position


def _root_motion_joints(clip: Clip, hips: int, axes: Array) -> tuple[int, int]:
    """The joints, among the hips and those above them, that move the body over the ground, and up
    and down.

    A joint that is at its offset all the time may have no way of its own in the file, unless it is
    the root.
    """
    skeleton = clip.skeleton
    movers = []
    for joint in (hips, *skeleton.ancestors(hips)):
        place, parent = clip.local_position[:, joint], int(skeleton.parents[joint])
        own = np.abs(place - skeleton.offsets[joint]).max() > 1e-6 * max(
            1.0, float(np.abs(skeleton.offsets[joint]).max())
        )
        if own or parent < 0:
            turn = axes if parent < 0 else rotation.multiply(axes, clip.world_rotation[:, parent])
            extent = np.ptp(rotation.rotate(turn, place - place.mean(axis=0)), axis=0)
            movers.append((joint, float(np.hypot(extent[0], extent[2])), float(extent[1])))
    # of equals the one nearest to the hips
    return max(movers, key=lambda mover: mover[1])[0], max(movers, key=lambda mover: mover[2])[0]


def _shared_joints(
    skeleton: Skeleton, role_of: dict[int, int]
) -> dict[int, tuple[int, int, float]]:
    """For joints between two mapped joints of the trunk: the roles above and below, and how far
    down the chain they are.
    """
    trunk = {CANONICAL.index(name) for name in ("spine", "chest", "neck", "head")}
    shared: dict[int, tuple[int, int, float]] = {}
    for joint, role in role_of.items():
        if role not in trunk:
            continue
        chain: list[int] = []
        for above in skeleton.ancestors(joint):
            if above in role_of:
                for step, between in enumerate(reversed(chain), start=1):
                    shared[between] = (role_of[above], role, step / (len(chain) + 1))
                break
            chain.append(above)
    return shared


_FEET = np.array(
    [CANONICAL.index(f"{side}_{part}") for side in ("left", "right") for part in ("foot", "toe")]
)
_REST_POSITION, _ = forward_kinematics(
    CANONICAL, CANONICAL.offsets, np.tile(rotation.IDENTITY, (CANONICAL.joint_count, 1))
)
_FEET_REST_HEIGHT = _REST_POSITION[_FEET, 1]
