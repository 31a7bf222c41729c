"""SMPL's poses: a rotation for each joint, and where the pelvis is.

AMASS's `.npz`, what video-pose models save, and arrays with a row of numbers for each frame. The
files hold no skeleton: bones come from SMPL's body model and the file's `betas`, and the model may
not be shipped. The clip has the bones of an average adult; what is written back are rotations and
the pelvis, which need none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod

import numpy as np

from kinestyle.formats.arrays.joint_sets import INDEX, JOINT_COUNT, NAMES, PARENTS
from kinestyle.formats.arrays.rotations import SIX, SIZE, Form, decode, encode, fits
from kinestyle.formats.unchanged import same_rotation
from kinestyle.motion import paged, rotation
from kinestyle.motion.rotation import Array
from kinestyle.motion.skeleton import Skeleton
from kinestyle.motion.window import Progress

_REST_CM = {
    "left_hip": (6, -9, -1),
    "left_knee": (4, -38, 1),
    "left_ankle": (-1, -42, -4),
    "left_foot": (4, -6, 12),
    "spine1": (0, 12, -3),
    "spine2": (0, 13, 2),
    "spine3": (0, 6, 0),
    "neck": (0, 21, -4),
    "head": (0, 9, 5),
    "left_collar": (7, 11, -3),
    "left_shoulder": (12, 5, -1),
    "left_elbow": (26, -1, -2),
    "left_wrist": (25, 0, 0),
}
"""An adult's T-pose with the feet a little apart, by eye, to the centimetre; the right is its
mirror image.
"""
_LOOKED_AT = 2**14
"""Frames of a long motion by which it is told how its poses are written."""
_IMPLAUSIBLE = -0.6
"""A pose whose knees bend about other axes than their hinges by so much more, radians, is none."""


def rest_skeleton() -> Skeleton:
    """SMPL's 22 joints, metres, at rest in a T-pose, Y up, facing +Z."""
    offsets = np.zeros((JOINT_COUNT, 3))
    for joint, name in enumerate(NAMES):
        given = _REST_CM.get(name.replace("right_", "left_"), (0, 0, 0))
        offsets[joint] = np.array(given) * 0.01 * ([-1, 1, 1] if "right_" in name else [1, 1, 1])
    return Skeleton(NAMES, PARENTS.copy(), offsets)


@dataclass(frozen=True)
class Part:
    """Rotations of some joints, one after the other, in the rows of one array.

    key: of the array, "" in a file that is one array
    start: the first of its columns, counted over all axes but the first
    first, count: the joints
    """

    key: str
    start: int
    first: int
    count: int
    form: Form

    @property
    def columns(self) -> slice:
        return slice(self.start, self.start + self.count * SIZE[self.form])


@dataclass(frozen=True)
class PoseLayout:
    """Where a file has its poses.

    parts: rotations, joint after joint, of at least 22
    translation: the key of an array and the first of its three columns; None where there is none
    """

    parts: tuple[Part, ...]
    translation: tuple[str, int] | None

    def rotations(self, arrays: Mapping[str, Array]) -> Array:
        """The arrays by key -> (T, 22, 4)."""
        frames = len(arrays[self.parts[0].key])
        found = paged.empty((frames, JOINT_COUNT, 4))
        for part in self.parts:
            count = min(part.count, JOINT_COUNT - part.first)
            into = found[:, part.first : part.first + count]
            start = 0
            for rows in paged.parts(_rows(arrays[part.key])):
                numbers = rows[:, part.columns].reshape(-1, part.count, SIZE[part.form])
                paged.put(into, start, decode(numbers[:, :count], part.form))
                start += len(rows)
        return found

    def root(self, arrays: Mapping[str, Array]) -> Array | None:
        """(T, 3), in metres."""
        if self.translation is None:
            return None
        key, start = self.translation
        return _rows(arrays[key])[:, start : start + 3].astype(float)

    def put_back(
        self,
        arrays: Mapping[str, Array],
        local_rotation: Array,
        root: Array,
        progress: Progress | None = None,
    ) -> dict[str, Array]:
        """The arrays with other rotations (T, 22, 4) of the body and another root (T, 3). What did
        not change stays as it was; where there are other frames, what is not the body's is that of
        the first one.
        """
        frames = len(local_rotation)
        same_length = frames == len(arrays[self.parts[0].key])
        keys = {part.key for part in self.parts}
        if self.translation is not None:
            keys.add(self.translation[0])
        old = {key: _rows(arrays[key]) for key in keys}
        new = {key: paged.empty((frames, rows.shape[1])) for key, rows in old.items()}
        start = 0
        for q in paged.parts(local_rotation):
            some = slice(start, start + len(q)) if same_length else np.zeros(len(q), dtype=int)
            rows = {key: np.array(paged.taken(values[some]), float) for key, values in old.items()}
            for part in self.parts:
                _put_back(part, rows[part.key], q[:, part.first : part.first + part.count])
            if self.translation is not None:
                key, column = self.translation
                rows[key][:, column : column + 3] = root[start : start + len(q)]
            for key, values in rows.items():
                paged.put(new[key], start, values)
            start += len(q)
            if progress is not None:
                progress(start / frames)
        return {key: rows.reshape(len(rows), *arrays[key].shape[1:]) for key, rows in new.items()}


def _put_back(part: Part, rows: Array, body: Array) -> None:
    """Set rotations (T, J, 4) in rows (T, N) of a file, where they are not those that are there."""
    size = SIZE[part.form]
    numbers = rows[:, part.columns].reshape(len(body), part.count, size)[:, : body.shape[1]]
    changed = ~same_rotation(body, decode(numbers, part.form))
    values = np.where(changed[..., None], encode(body, part.form), numbers)
    rows[:, part.start : part.start + body.shape[1] * size] = values.reshape(len(body), -1)


def _rows(array: Array) -> Array:
    """An array as rows, one a frame."""
    return array.reshape(len(array), -1)


def _some(array: Array) -> Array:
    """Frames of an array that show what is in it: of a long one, some that lie evenly."""
    if len(array) <= _LOOKED_AT:
        return array
    some = np.array(array[:: -(-len(array) // _LOOKED_AT)])
    paged.give_back(array)
    return some


def find_rows(array: Array, key: str = "") -> PoseLayout | None:
    """The layout of an array with all of a pose in each row; None where it shows no poses."""
    if array.ndim < 2 or not len(array):
        return None
    array = _some(array)
    columns = prod(array.shape[1:])
    inner = array.shape[-2:] == (3, 3) and array.ndim == 4
    best, most = None, _IMPLAUSIBLE
    for layout in _whole_rows(columns, key, inner):
        arrays = {key: array}
        part = layout.parts[0]
        numbers = _rows(array)[:, part.columns].reshape(-1, part.count, SIZE[part.form])
        if not np.isfinite(numbers).all() or not fits(numbers[:, :JOINT_COUNT], part.form):
            continue
        if (score := _plausibility(layout.rotations(arrays))) > most:
            best, most = layout, score
    return best


def _whole_rows(columns: int, key: str, inner: bool) -> Iterator[PoseLayout]:
    """The layouts that rows of so many numbers may have."""
    if columns == 322:  # Motion-X: root, body, hands, jaw, expression, face, translation, betas
        yield PoseLayout((Part(key, 0, 0, 52, "vector"),), (key, 309))
    forms: tuple[Form, ...] = ("matrix",) if inner else ("vector", *SIX)
    for form in forms:
        for joints in (22, 24, 52, 55):
            rest = columns - joints * SIZE[form]
            # alone; before or behind a translation; behind contacts and a translation, as in EDGE
            for start, translation in {0: ((0, None),), 3: ((0, -3), (3, 0)), 7: ((7, 4),)}.get(
                rest, ()
            ):
                at = None if translation is None else (key, translation % columns)
                yield PoseLayout((Part(key, start, 0, joints, form),), at)


def _plausibility(q: Array) -> float:
    """q: (T, 22, 4) -> how far the knees flex, and about nothing but their hinge, radians."""
    knees = rotation.log(q[:, [INDEX["left_knee"], INDEX["right_knee"]]])
    aside = np.linalg.norm(knees[..., 1:], axis=-1)
    return float(np.mean(np.minimum(knees[..., 0], 2.5) - 2.0 * aside))


_WHOLE = ("poses", "pose", "fullpose", "full_pose", "smpl_poses", "smpl_pose", "thetas", "theta")
_ROOT = ("root_orient", "global_orient", "pose_root", "root_pose", "orient")
_BODY = ("pose_body", "body_pose", "poses_body")
_TRANSLATION = (
    *("trans", "transl", "smpl_trans", "translation", "translations", "root_trans"),
    *("root_translation", "root_positions", "cam_trans"),
)
RATE_KEYS = (
    *("mocap_framerate", "mocap_frame_rate", "fps", "framerate", "frame_rate"),
    *("motioncapture_framerate", "mocap_fps"),
)


def find_poses(arrays: Mapping[str, Array]) -> PoseLayout | None:
    """The layout of the arrays of an archive; None where they hold no poses."""
    whole = next((key for key in _WHOLE if key in arrays), None)
    frames, layout = 0, None
    if whole is not None:
        layout = find_rows(arrays[whole], whole)
        frames = len(arrays[whole])
    if layout is None:
        layout = _split(arrays)
        frames = len(arrays[layout.parts[0].key]) if layout else 0
    if layout is None or layout.translation is not None:
        return layout
    root = next((key for key in _TRANSLATION if key in arrays), None)
    if root is None or arrays[root].size != 3 * frames:
        return layout
    return PoseLayout(layout.parts, (root, 0))


def _split(arrays: Mapping[str, Array]) -> PoseLayout | None:
    """The layout of archives in which the root is apart from the body."""
    root = next((key for key in _ROOT if key in arrays), None)
    body = next((key for key in _BODY if key in arrays), None)
    if root is None or body is None or not len(arrays[root]):
        return None
    if len(arrays[root]) != len(arrays[body]):
        return None
    best, most = None, _IMPLAUSIBLE
    forms: tuple[Form, ...] = ("vector", *SIX, "matrix")
    for form in forms:
        if prod(arrays[root].shape[1:]) != SIZE[form]:
            continue
        count, over = divmod(prod(arrays[body].shape[1:]), SIZE[form])
        if over or not JOINT_COUNT - 1 <= count <= 54:
            continue
        parts = Part(root, 0, 0, 1, form), Part(body, 0, 1, count, form)
        few = {key: _some(arrays[key]) for key in (root, body)}
        numbers = _rows(few[body])[:, : (JOINT_COUNT - 1) * SIZE[form]]
        numbers = numbers.reshape(len(numbers), -1, SIZE[form])
        if np.isfinite(numbers).all() and fits(numbers, form):
            layout = PoseLayout(parts, None)
            if (score := _plausibility(layout.rotations(few))) > most:
                best, most = layout, score
    return best
