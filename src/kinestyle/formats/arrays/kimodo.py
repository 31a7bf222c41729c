"""Kimodo's `.npz`: `posed_joints` with the rotations of every joint in the world."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from kinestyle.formats.arrays.joint_sets import NAMES, PARENTS, SOMA_NAMES
from kinestyle.formats.arrays.rotations import decode
from kinestyle.motion import rotation
from kinestyle.motion.rotation import Array
from kinestyle.motion.skeleton import Skeleton, world_to_local_rotation

POSITIONS, ROOT = "posed_joints", "root_positions"
WORLD, LOCAL = "global_rot_mats", "local_rot_mats"
FRAME_RATE = 30.0
FOLLOWING = ("foot_contacts", "smooth_root_pos", "global_root_heading")
"""What such a file says of its motion beyond that; it stays as it was."""
_FINGERS = ("Thumb", "Index", "Middle", "Ring", "Pinky")


@dataclass(frozen=True)
class KimodoLayout:
    """The J joints of a file. names, parents: theirs"""

    names: tuple[str, ...]
    parents: tuple[int, ...]

    def motion(self, arrays: Mapping[str, Array]) -> tuple[Skeleton, Array, Array]:
        """-> the skeleton, local positions (T, J, 3) and local rotations (T, J, 4)."""
        position = arrays[POSITIONS].astype(float)
        matrices = arrays[WORLD]
        world = decode(matrices.reshape(*matrices.shape[:2], 9), "matrix")
        parents = np.array(self.parents)
        above = np.maximum(parents, 0)
        local = rotation.rotate(rotation.inverse(world[:, above]), position - position[:, above])
        local[:, 0] = position[:, 0]
        offsets = np.median(local, axis=0)
        offsets[0] = 0.0
        skeleton = Skeleton(self.names, parents, offsets)
        return skeleton, local, rotation.continuous(world_to_local_rotation(skeleton, world))

    def put_back(
        self, arrays: Mapping[str, Array], position: Array, world: Array, local: Array
    ) -> dict[str, Array]:
        """Arrays for other motion: world positions (T, J, 3), world and local rotations (T, J,
        4).
        """
        found = {POSITIONS: position, WORLD: rotation.to_matrix(world)}
        if LOCAL in arrays:
            found[LOCAL] = rotation.to_matrix(local)
        if ROOT in arrays:
            found[ROOT] = position[:, 0]
        return found


def find_kimodo(arrays: Mapping[str, Array]) -> KimodoLayout | None:
    """The layout of the arrays of an archive; None where they are not Kimodo's."""
    if POSITIONS not in arrays or WORLD not in arrays:
        return None
    shape = arrays[POSITIONS].shape
    if len(shape) != 3 or shape[2] != 3 or arrays[WORLD].shape != (*shape[:2], 3, 3):
        return None
    if shape[1] == len(NAMES):
        return KimodoLayout(NAMES, tuple(PARENTS.tolist()))
    if shape[1] in SOMA_NAMES:
        known = SOMA_NAMES[shape[1]].split()
        return KimodoLayout(tuple(known), tuple(_soma_parents(known)))
    return None


def _soma_parents(names: list[str]) -> list[int]:
    """The parents of SOMA's joints, in the order of its names: a chain within each limb."""
    begins = {"Jaw": "Head", "LeftEye": "Head", "RightEye": "Head", "HeadEnd": "Head"}
    begins |= {f"{side}Shoulder": "Chest" for side in ("Left", "Right")}
    begins |= {f"{side}Leg": "Hips" for side in ("Left", "Right")}
    begins |= {
        f"{side}Hand{finger}{first}": f"{side}Hand"
        for side in ("Left", "Right")
        for finger in _FINGERS
        for first in ("1", *(("End",) if f"{side}Hand{finger}1" not in names else ()))
    }
    return [
        -1 if not joint else names.index(begins[name]) if name in begins else joint - 1
        for joint, name in enumerate(names)
    ]
