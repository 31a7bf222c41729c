"""Features of HumanML3D: 12 J - 1 numbers a frame for J joints, 263 for SMPL's 22, 251 for KIT's
21, 623 for SMPL's 52.

They hold rotations as well, but those of most models do not fit their positions: only positions
are read.
"""

from __future__ import annotations

import numpy as np

from kinestyle.errors import MotionFileError
from kinestyle.formats.arrays.joint_sets import HUMANML3D, JOINT_SETS, PARENTS, JointSet
from kinestyle.motion import rotation
from kinestyle.motion.rotation import Array

ROOT_YAW_VELOCITY, ROOT_XZ_VELOCITY, ROOT_HEIGHT = 0, slice(1, 3), 3
"""Half the change of heading to the next frame, radians; travel to the next frame in the heading
frame; height of the root; both in the array's unit.
"""
_UNEVEN_BONES, _UNIT_ERROR = 0.25, 0.5
"""Above these, features are not those of a body: mean relative deviation of the bones' lengths, and
median error of the lengths of vectors that should have length 1.
"""
FEATURE_SETS: dict[int, JointSet] = {12 * count - 1: JOINT_SETS[count] for count in (22, 21, 52)}
"""By the number of features."""


def positions_slice(joints: int) -> slice:
    """Where the positions of all joints but the root are."""
    return slice(4, 4 + 3 * (joints - 1))


def _rotations_slice(joints: int) -> slice:
    start = positions_slice(joints).stop
    return slice(start, start + 6 * (joints - 1))


def features_to_positions(features: Array, joints: int = 22) -> Array:
    """features: (T, 12 J - 1) in physical units -> (T, J, 3), starting above the origin and facing
    +Z.
    """
    yaw = np.zeros(len(features))
    yaw[1:] = -2.0 * np.cumsum(features[:-1, ROOT_YAW_VELOCITY])
    heading = rotation.about_y(yaw)
    step = np.zeros((len(features), 3))
    step[1:, [0, 2]] = features[:-1, ROOT_XZ_VELOCITY]
    root = np.cumsum(rotation.rotate(heading, step), axis=0)
    floor = root.copy()
    root[:, 1] = features[:, ROOT_HEIGHT]
    others = features[:, positions_slice(joints)].reshape(len(features), -1, 3)
    return np.concatenate(
        [root[:, None], rotation.rotate(heading[:, None], others) + floor[:, None]], axis=1
    )


def check_physical(features: Array, joints: JointSet, name: str) -> None:
    """Raises MotionFileError for features that show no body, such as a model's output that is still
    normalised.
    """
    count = joints.count
    position = np.concatenate(
        [
            np.zeros((len(features), 1, 3)),
            features[:, positions_slice(count)].reshape(len(features), -1, 3),
        ],
        axis=1,
    )
    position[:, 0, 1] = features[:, ROOT_HEIGHT]
    smpl = np.einsum("jk,tkc->tjc", joints.weights, position)
    bones = np.linalg.norm(smpl[:, 1:] - smpl[:, PARENTS[1:]], axis=-1)
    uneven = float(np.mean(bones.std(axis=0) / (bones.mean(axis=0) + 1e-9)))
    columns = features[:, _rotations_slice(count)].reshape(len(features), -1, 3)
    unit_error = float(np.median(np.abs(np.linalg.norm(columns, axis=-1) - 1.0)))
    legs = bones[:, [3, 4, 6, 7]].mean()
    strange = joints is HUMANML3D and not 0.1 < legs < 1.0
    if uneven > _UNEVEN_BONES or (unit_error > _UNIT_ERROR and strange):
        raise MotionFileError(
            f"{name} holds features of no body, for its bones change by {uneven:.0%} of their "
            f"length: they look normalised; multiply them by the data set's deviation and add its "
            f"mean (Std.npy and Mean.npy) before saving"
        )
