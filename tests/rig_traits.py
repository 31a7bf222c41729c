"""Traits that a generated rig may have on top: the same motion in a tree of another shape, or under
other names.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from generated_rigs import Made
from kinestyle.motion import rotation
from kinestyle.motion.clip import Clip
from kinestyle.motion.skeleton import Skeleton


def hung_on(clip: Clip, parents: dict[int, int]) -> Clip:
    """The same motion with some joints on others, which come before them."""
    new = clip.skeleton.parents.copy()
    for joint, parent in parents.items():
        new[joint] = parent
    above = np.maximum(new, 0)
    position, world = clip.world_position, clip.world_rotation
    back = rotation.inverse(world[:, above])
    local_position = rotation.rotate(back, position - position[:, above])
    local_rotation = rotation.multiply(back, world)
    roots = new < 0
    local_position[:, roots], local_rotation[:, roots] = position[:, roots], world[:, roots]
    old = clip.skeleton
    skeleton = Skeleton(old.names, new, local_position[0], old.end_parents, old.end_offsets)
    return replace(
        clip, skeleton=skeleton, local_position=local_position, local_rotation=local_rotation
    )


def feet_on_the_root(made: Made) -> Made:
    """Feet for inverse kinematics: they hang on the root, and lie where they lay."""
    feet = {min(made.expected[f"{side}_foot"]): 0 for side in ("left", "right")}
    return replace(made, clip=hung_on(made.clip, feet), about=f"{made.about}, feet on the root")
