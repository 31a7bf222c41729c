"""Reading HumanML3D arrays.

Only positions are read. The features hold rotations as well, but those of most models do not fit
their positions. The clip's rotations are fitted to the positions, see `pose_fitting`.
"""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np

from kinestyle.errors import MotionFileError
from kinestyle.formats.humanml3d.joints import JOINT_COUNT, PARENTS
from kinestyle.formats.humanml3d.pose_fitting import fit_pose
from kinestyle.formats.limits import MAX_FILE_BYTES, MAX_FRAMES
from kinestyle.motion import rotation
from kinestyle.motion.clip import METRES_Y_UP, Clip
from kinestyle.motion.rotation import Array
from kinestyle.storage import name_of, read_bytes

FRAME_TIME_SECONDS = 0.05
MAX_DISTANCE_M = 1e4
FEATURE_COUNT = 263
ROOT_YAW_VELOCITY, ROOT_XZ_VELOCITY, ROOT_HEIGHT = 0, slice(1, 3), 3
"""Half the change of heading to the next frame, radians; travel to the next frame in the heading
frame, metres; metres.
"""
POSITIONS = slice(4, 4 + 3 * (JOINT_COUNT - 1))
ROTATIONS = slice(POSITIONS.stop, POSITIONS.stop + 6 * (JOINT_COUNT - 1))
VELOCITIES = slice(ROTATIONS.stop, ROTATIONS.stop + 3 * JOINT_COUNT)
CONTACTS = slice(VELOCITIES.stop, VELOCITIES.stop + 4)

_UNEVEN_BONES, _UNIT_ERROR = 0.25, 0.5
"""Above these, features are not those of a body: mean relative deviation of the bones' lengths, and
median error of the lengths of vectors that should have length 1.
"""


def read_npy(path: str | Path) -> Clip:
    """The clip in a HumanML3D array, on its 22 joints. Raises MotionFileError for any other array
    and for damaged files.
    """
    path = Path(path)
    return parse_npy(read_bytes(path, MAX_FILE_BYTES), name_of(path))


def parse_npy(data: bytes, name: str) -> Clip:
    """data: the bytes of a .npy file; name: what messages call it -> the clip, named after `name`
    without its suffix. Raises MotionFileError.
    """
    array = _read_array(data, name)
    shape = array.shape
    while array.ndim > 2 and array.shape[0] == 1 and array.shape[1:] != (JOINT_COUNT, 3):
        array = array[0]
    if (array.ndim == 3 and array.shape[1:] == (JOINT_COUNT, 3)) or (
        array.ndim == 2 and array.shape[1] == FEATURE_COUNT
    ):
        with np.errstate(all="ignore"):  # what is no finite number is refused below
            position = array.astype(float)
    else:
        raise MotionFileError(
            f"{name} holds an array of shape {shape}, expected {_EXPECTED}{_advice(array)}"
        )
    if not 0 < len(position) <= MAX_FRAMES:
        raise MotionFileError(f"{name} holds {len(position)} frames, expected 1 to {MAX_FRAMES}")
    if not np.isfinite(position).all():
        raise MotionFileError(
            f"{name} holds numbers that are not finite; let the model make the motion again"
        )
    if position.ndim == 2:
        _check_physical(position, name)
        position = features_to_positions(position)
    if (farthest := float(np.abs(position).max())) > MAX_DISTANCE_M:
        raise MotionFileError(
            f"{name} holds a joint {farthest:g} m from the origin, expected metres and at most "
            f"{MAX_DISTANCE_M:g}"
        )
    skeleton, local_position, local_rotation = fit_pose(position)
    return Clip(
        skeleton,
        local_position,
        local_rotation,
        FRAME_TIME_SECONDS,
        Path(name).stem,
        world=METRES_Y_UP,
    )


_EXPECTED = (
    f"(frames, {JOINT_COUNT}, 3) joint positions or (frames, {FEATURE_COUNT}) features of HumanML3D"
)


def _advice(array: Array) -> str:
    """What to do with an array of a common other shape."""
    if array.ndim == 3 and array.shape[:2] == (JOINT_COUNT, 3):
        return "; put the frames first with np.transpose(a, (2, 0, 1))"
    if array.ndim == 4 and array.shape[1:3] == (JOINT_COUNT, 3):
        return "; save one motion at a time, the frames first: np.transpose(a[0], (2, 0, 1))"
    if (array.ndim == 4 and array.shape[2:] == (JOINT_COUNT, 3)) or (
        array.ndim == 3 and array.shape[2] == FEATURE_COUNT
    ):
        return "; save one motion at a time, such as a[0]"
    return ""


def _read_array(data: bytes, name: str) -> Array:
    """The array in a .npy file. Its header must fit its size: a false one could ask for any amount
    of memory. Raises MotionFileError.
    """
    file = io.BytesIO(data)
    try:
        version = np.lib.format.read_magic(file)
        if version not in ((1, 0), (2, 0)):
            raise ValueError(f"version {version} of the format")
        read_header = (
            np.lib.format.read_array_header_1_0
            if version == (1, 0)
            else np.lib.format.read_array_header_2_0
        )
        shape, fortran_order, dtype = read_header(file)
    except Exception as error:  # numpy does not document what it raises for a damaged header
        found = str(error).partition("\n")[0][:120]
        raise MotionFileError(
            f"{name} is not a sound .npy file ({found}); write it with np.save"
        ) from error
    if dtype.hasobject:
        raise MotionFileError(
            f"{name} holds Python objects, which are not read because they may run programs; "
            f"expected an array of {_EXPECTED}: save one motion out of it with np.save"
        )
    if dtype.kind not in "fiu" or dtype.shape:
        raise MotionFileError(f"{name} holds values of the type {dtype}, expected numbers")
    rest = len(data) - file.tell()
    size = int(np.prod([int(n) for n in shape], dtype=object)) * dtype.itemsize
    if size != rest or any(n < 0 for n in shape):
        raise MotionFileError(
            f"{name} is damaged: found {rest} bytes of numbers, expected {size} for the shape "
            f"{shape}"
        )
    array = np.frombuffer(data, dtype, offset=file.tell())
    return array.reshape(shape, order="F" if fortran_order else "C")


def features_to_positions(features: Array) -> Array:
    """features: (T, 263) in physical units -> (T, 22, 3) metres, starting above the origin and
    facing +Z.
    """
    yaw = np.zeros(len(features))
    yaw[1:] = -2.0 * np.cumsum(features[:-1, ROOT_YAW_VELOCITY])
    heading = rotation.about_y(yaw)
    step = np.zeros((len(features), 3))
    step[1:, [0, 2]] = features[:-1, ROOT_XZ_VELOCITY]
    root = np.cumsum(rotation.rotate(heading, step), axis=0)
    floor = root.copy()
    root[:, 1] = features[:, ROOT_HEIGHT]
    others = features[:, POSITIONS].reshape(len(features), -1, 3)
    return np.concatenate(
        [root[:, None], rotation.rotate(heading[:, None], others) + floor[:, None]], axis=1
    )


def _check_physical(features: Array, name: str) -> None:
    """Raises MotionFileError for features that show no body, such as a model's output that is still
    normalised.
    """
    joints = np.concatenate(
        [np.zeros((len(features), 1, 3)), features[:, POSITIONS].reshape(len(features), -1, 3)],
        axis=1,
    )
    joints[:, 0, 1] = features[:, ROOT_HEIGHT]
    bones = np.linalg.norm(joints[:, 1:] - joints[:, PARENTS[1:]], axis=-1)
    uneven = float(np.mean(bones.std(axis=0) / (bones.mean(axis=0) + 1e-9)))
    columns = np.linalg.norm(features[:, ROTATIONS].reshape(len(features), -1, 3), axis=-1)
    unit_error = float(np.median(np.abs(columns - 1.0)))
    legs = bones[:, [3, 4, 6, 7]].mean()
    if uneven > _UNEVEN_BONES or (unit_error > _UNIT_ERROR and not 0.1 < legs < 1.0):
        raise MotionFileError(
            f"{name} holds features of no body, for its bones change by {uneven:.0%} of their "
            f"length: they look normalised; multiply them by the data set's deviation and add its "
            f"mean (Std.npy and Mean.npy) before saving"
        )
