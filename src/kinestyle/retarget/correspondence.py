"""A rig's correspondence to the canonical skeleton: how it is found, and motion onto that skeleton.

A rig's zero pose proves nothing: in some files all bones point along one axis, in others the arms
hang. So the correspondence is read from the motion. Every mapped joint has a constant rotation
`align` with

    canonical world rotation = axes * rig world rotation * align

which `kinestyle.retarget.alignment` reads from bones, hinges and averages.

The way back is `kinestyle.retarget.changes`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from kinestyle.motion import rotation
from kinestyle.motion.canonical import CANONICAL, LEG_LENGTH_M, SIDES, UP, canonical_clip
from kinestyle.motion.clip import Clip
from kinestyle.motion.rotation import Array
from kinestyle.motion.skeleton import Skeleton
from kinestyle.retarget.alignment import Alignment
from kinestyle.retarget.contacts import CONTACT_JOINTS, CONTACT_REST_HEIGHT_M
from kinestyle.rig.mapping import JointMapping, map_joints

_SAMPLE_FRAMES = 96


@dataclass(frozen=True, eq=False)
class Correspondence:
    """How a rig relates to the canonical skeleton.

    mapping: which joint plays which role
    axes: (4,) the rotation from the file's world axes to Y up
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


def correspond(clip: Clip, mapping: JointMapping | None = None) -> Correspondence:
    """Find the correspondence of a clip's rig. Raises RigError where no humanoid is found in it."""
    mapping = mapping or map_joints(clip)
    frames = np.unique(np.linspace(0, clip.frame_count - 1, _SAMPLE_FRAMES).round().astype(int))
    axes = rotation.between(np.asarray(mapping.up, dtype=float), UP)
    position = rotation.rotate(axes, clip.world_position[frames])
    world_rotation = rotation.multiply(axes, clip.world_rotation[frames])
    found = Correspondence(
        skeleton=clip.skeleton,
        mapping=mapping,
        axes=axes,
        scale_to_canonical=LEG_LENGTH_M / _leg_length(mapping, position),
        floor=0.0,
        align=Alignment(clip.skeleton, mapping.joints, position, world_rotation).solve(),
        root_motion_joints=_root_motion_joints(clip, mapping.joints["hips"], axes),
    )
    # The floor is where the canonical feet, not the rig's, come to stand: soles differ in thickness
    # between rigs.
    lowest = to_canonical(clip, found).world_position[:, CONTACT_JOINTS, 1] - CONTACT_REST_HEIGHT_M
    floor = float(np.percentile(lowest.min(axis=1), 5.0)) / found.scale_to_canonical
    return replace(found, floor=floor)


def to_canonical(clip: Clip, correspondence: Correspondence) -> Clip:
    """The clip on the canonical skeleton: metres, Y up, floor at 0, at the clip's own frame rate
    and with its own headings.
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


def _leg_length(mapping: JointMapping, position: Array) -> float:
    """position: (F, J, 3) -> hip to ankle along the bones, the mean of both sides."""
    joint = mapping.joints
    bone = np.mean(
        [
            np.median(
                np.linalg.norm(
                    position[:, joint[f"{side}_{a}"]] - position[:, joint[f"{side}_{b}"]], axis=-1
                )
            )
            for side in SIDES
            for a, b in (("thigh", "shin"), ("shin", "foot"))
        ]
    )
    return 2.0 * float(bone)


def _root_motion_joints(clip: Clip, hips: int, axes: Array) -> tuple[int, int]:
    """The joints, among the hips and those above them, that move the body over the ground, and up
    and down.

    A joint that is always at its offset may have no translation in the file, unless it is the root.
    """
    skeleton = clip.skeleton
    movers = []
    for joint in (hips, *skeleton.ancestors(hips)):
        position, parent = clip.local_position[:, joint], int(skeleton.parents[joint])
        translated = np.abs(position - skeleton.offsets[joint]).max() > 1e-6 * max(
            1.0, float(np.abs(skeleton.offsets[joint]).max())
        )
        if translated or parent < 0:
            to_y_up = (
                axes if parent < 0 else rotation.multiply(axes, clip.world_rotation[:, parent])
            )
            extent = np.ptp(rotation.rotate(to_y_up, position - position.mean(axis=0)), axis=0)
            movers.append((joint, float(np.hypot(extent[0], extent[2])), float(extent[1])))
    # of equals the one nearest to the hips
    return max(movers, key=lambda mover: mover[1])[0], max(movers, key=lambda mover: mover[2])[0]
