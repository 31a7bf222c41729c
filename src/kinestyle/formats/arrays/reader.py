"""Reading arrays: joint positions, features, poses of SMPL's, Kimodo's files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from kinestyle.errors import MotionFileError, shown
from kinestyle.formats.arrays.body_poses import (
    RATE_KEYS,
    PoseLayout,
    find_poses,
    find_rows,
    rest_skeleton,
)
from kinestyle.formats.arrays.features import FEATURE_SETS, check_physical, features_to_positions
from kinestyle.formats.arrays.joint_sets import HUMANML3D, INDEX, JointSet
from kinestyle.formats.arrays.kimodo import FRAME_RATE, KimodoLayout, find_kimodo
from kinestyle.formats.arrays.numpy_files import Archive, parse_array
from kinestyle.formats.arrays.pose_fitting import fit_pose
from kinestyle.formats.arrays.positions import find_layout
from kinestyle.formats.arrays.source import ArraySource, FeatureLayout, Layout
from kinestyle.formats.characters import choose_character, with_characters
from kinestyle.formats.limits import MAX_FILE_BYTES, MAX_FRAMES
from kinestyle.motion import paged, rotation
from kinestyle.motion.canonical import UP
from kinestyle.motion.clip import Clip, StatedWorld
from kinestyle.motion.rotation import Array
from kinestyle.motion.skeleton import forward_kinematics
from kinestyle.rig.body_frame import CLEAR_UP, find_up
from kinestyle.storage import name_of, read_bytes

MAX_DISTANCE = 1e4
"""Of a joint from the origin, in metres; a thousand times as much where the unit is not known."""
_USUAL_RATE = {"positions": 20.0, "poses": 30.0}
"""Frames a second of an array that says nothing of it."""
_SAMPLED_FRAMES = 64
_AT_ZERO = 0.12
"""How far from zero the lowest joints of a body on the floor are, as a share of its height."""
_EXPECTED = (
    "joint positions such as (frames, 22, 3), features of HumanML3D such as (frames, 263), or "
    "poses of SMPL's such as (frames, 72)"
)
_NEEDS_A_MODEL = frozenset({"vertices", "verts", "v", "smpl_vertices", "betas", "cam", "pred_cam"})


def read_arrays(path: str | Path, character: int | None = None) -> Clip:
    """The clip in a .npy or .npz file, on SMPL's 22 joints, or on Kimodo's.

    character: which of several persons or samples, see `Reading`

    Raises MotionFileError for any other array and for damaged files.
    """
    path = Path(path)
    data, name = read_bytes(path, MAX_FILE_BYTES), name_of(path)
    parse = parse_npz if path.suffix.lower() == ".npz" else parse_npy
    return parse(data, name, character)


def parse_npy(data: bytes, name: str, character: int | None = None) -> Clip:
    """data: the bytes of a .npy file; name: what messages call it -> the clip, named after `name`
    without its suffix. Raises MotionFileError.
    """
    array = parse_array(data, name)
    found = _find(array, "", name, character)
    if found is None:
        raise MotionFileError(
            f"{name} holds an array of shape {array.shape}, expected {_EXPECTED}{_hint(array)}"
        )
    clip, layout, motion = found
    source = ArraySource(data, ".npy", layout, ("",), ("",), motion, clip)
    return replace(clip, source=source)


def parse_npz(data: bytes, name: str, character: int | None = None) -> Clip:
    """As `parse_npy`, for an archive of several arrays."""
    archive = Archive(data, name)
    arrays = _numbers(archive)
    rate = archive.number(*RATE_KEYS)
    if rate is not None and not 0.1 <= rate <= 1e5:
        raise MotionFileError(f"{name} states {rate:g} frames a second; give the rate with --fps")
    found = _find_in(arrays, archive, name, character)
    if found is None:
        held = ", ".join(f"{shown(key)} {arrays[key].shape}" for key in list(arrays)[:8])
        raise MotionFileError(
            f"{name} holds {held or 'no arrays of numbers'}, expected poses (with trans and "
            f"mocap_framerate), posed_joints, or {_EXPECTED}{_model_hint(archive)}"
        )
    clip, layout, keys, motion = found
    if rate is not None:
        clip = replace(clip, frame_time_seconds=1.0 / rate)
    elif not isinstance(layout, KimodoLayout):
        clip = _with_rate_note(clip)
    return replace(clip, source=ArraySource(data, ".npz", layout, keys, archive.keys, motion, clip))


def _numbers(archive: Archive) -> dict[str, Array]:
    """The arrays that may hold motion: numbers, and more than a few. Text and objects are passed
    over.
    """
    found: dict[str, Array] = {}
    for key in archive.keys:
        try:
            array = archive.array(key)
        except MotionFileError:
            continue
        if array.ndim >= 1 and array.size > 2:
            found[key] = array
    return found


def _find_in(
    arrays: Mapping[str, Array], archive: Archive, name: str, character: int | None
) -> tuple[Clip, Layout, tuple[str, ...], int] | None:
    """The motion among arrays, its layout, the keys of what holds it, and which of several it
    is.
    """
    kimodo = find_kimodo(arrays)
    if kimodo is not None:
        for key in ("posed_joints", "global_rot_mats"):
            _check(arrays[key], name)
        _check_frames(len(arrays["posed_joints"]), name)
        skeleton, position, local = kimodo.motion(arrays)
        clip = Clip(skeleton, position, local, 1.0 / FRAME_RATE, Path(name).stem)
        return _standing(clip, name, 1.0), kimodo, tuple(arrays), 0
    poses = find_poses(arrays)
    if poses is not None:
        clip = _posed(poses, arrays, name, amass="mocap_framerate" in archive)
        return clip, poses, tuple(arrays), 0
    for key in sorted(arrays, key=lambda key: (key not in ("joints", "motion"), -arrays[key].size)):
        found = _find(arrays[key], key, name, character)
        if found is not None:
            clip, layout, motion = found
            return clip, layout, (key,), motion
    return None


def _find(
    array: Array, key: str, name: str, character: int | None
) -> tuple[Clip, Layout, int] | None:
    """The motion in one array, its layout, and which of several it is; None where there is none."""
    features = array
    while features.ndim > 2 and features.shape[0] == 1:
        features = features[0]
    if features.ndim == 2 and features.shape[1] in FEATURE_SETS:
        return _of_features(features, name)
    if (layout := find_layout(array)) is not None:
        motions = layout.motions(array)
        names = [f"motion {number + 1}" for number in range(len(motions))]
        index, notes = choose_character(names, character, 0, name)
        clip = _positioned(motions[index], layout.joints, name).with_warnings(*notes)
        return with_characters(clip, names, index), layout, index
    if (poses := find_rows(array, key)) is not None:
        clip = _with_rate_note(_posed(poses, {key: array}, name))
        return clip, poses, 0
    return None


def _of_features(features: Array, name: str) -> tuple[Clip, Layout, int]:
    joints = FEATURE_SETS[features.shape[1]]
    numbers = _check(features, name)
    _check_frames(len(numbers), name)
    check_physical(numbers, joints, name)
    position = features_to_positions(numbers, joints.count)
    return _positioned(position, joints, name), FeatureLayout(joints), 0


def _positioned(position: Array, joints: JointSet, name: str) -> Clip:
    """position: (T, K, 3) -> a clip whose rotations are fitted to them."""
    _check_frames(len(position), name)
    position = _check(position, name)
    smpl = position
    if joints is not HUMANML3D:
        smpl = np.einsum("jk,tkc->tjc", joints.weights, position)
    _check_distance(smpl, name, joints.metres_per_unit)
    up = _up(smpl)
    upright = rotation.between(up, UP)
    turned = np.array_equal(up, UP)
    skeleton, local_position, local_rotation = fit_pose(
        smpl if turned else rotation.rotate(upright, smpl)
    )
    if not turned:
        back = rotation.inverse(upright)
        local_position[:, 0] = smpl[:, 0]
        local_rotation[:, 0] = rotation.multiply(back, local_rotation[:, 0])
    rate = joints.frame_rate or _USUAL_RATE["positions"]
    world = StatedWorld(joints.metres_per_unit, _axis(up))
    clip = Clip(skeleton, local_position, local_rotation, 1.0 / rate, Path(name).stem, world=world)
    return clip if joints.frame_rate else _with_rate_note(clip)


def _posed(layout: PoseLayout, arrays: Mapping[str, Array], name: str, amass: bool = False) -> Clip:
    """A clip of poses. amass: Z is up where the motion does not tell"""
    local = layout.rotations(arrays)
    _check_frames(len(local), name)
    if not all(bool(np.isfinite(part).all()) for part in paged.parts(local)):
        raise MotionFileError(_not_finite(name))
    root = layout.root(arrays)
    skeleton = rest_skeleton()
    position = paged.empty((len(local), skeleton.joint_count, 3))
    # joint by joint, and in place: of a long clip, a copy is large
    for joint in range(skeleton.joint_count):
        position[:, joint] = skeleton.offsets[joint]
        local[:, joint] = rotation.continuous(paged.taken(local[:, joint]))
        paged.give_back(position, local)
    position[:, 0] = 0.0 if root is None else _check(root, name)
    _check_distance(position, name, 1.0)
    notes = [
        f"{name} holds rotations and no skeleton: the bones are an average adult's, because those "
        f"of its own body need SMPL's model"
    ]
    if root is None:
        notes.append(f"{name} holds no translation; the body stays in one place")
    clip = Clip(skeleton, position, local, 1.0 / _USUAL_RATE["poses"],
                Path(name).stem, warnings=tuple(notes))  # fmt: skip
    return _standing(clip, name, 1.0, (0.0, 0.0, 1.0) if amass else (0.0, 1.0, 0.0))


def _standing(
    clip: Clip,
    name: str,
    metres: float | None,
    usual: tuple[float, float, float] = (0.0, 1.0, 0.0),
) -> Clip:
    """The clip with its world stated: the axis that it clearly stands along, or else the usual
    one.
    """
    names = clip.skeleton.names
    if names != tuple(INDEX):
        return replace(clip, world=StatedWorld(metres, usual))
    step = max(1, clip.frame_count // _SAMPLED_FRAMES)
    few = clip.sample(np.arange(0, clip.frame_count, step))
    position, _ = forward_kinematics(clip.skeleton, few.local_position, few.local_rotation)
    return replace(clip, world=StatedWorld(metres, _axis(_up(position, np.array(usual)))))


def _up(position: Array, usual: Array = UP) -> Array:
    """position: (T, 22, 3) -> (3,) the signed axis along which the body clearly stands, or else the
    usual one.

    Who lies on the floor of the usual world is as long along it as they were tall: the floor,
    steady and at zero, tells them from somebody who stands in another world.
    """
    few = position[:: max(1, len(position) // _SAMPLED_FRAMES)]
    ankles = 0.5 * (few[:, INDEX["left_ankle"]] + few[:, INDEX["right_ankle"]])
    up, margin = find_up(few[:, INDEX["pelvis"]], few[:, INDEX["head"]], ankles, few)
    if margin <= CLEAR_UP:
        return usual
    size = float(np.linalg.norm(few[:, INDEX["head"]] - ankles, axis=-1).mean())
    lies = _on_a_floor_at_zero(few @ usual, size) and not _on_a_floor_at_zero(few @ up, size)
    return usual if lies else up


def _on_a_floor_at_zero(height: Array, size: float) -> bool:
    """height: (T, 22) along an axis; size: from ankles to head"""
    lowest = height.min(axis=1)
    return bool(np.abs(np.percentile(lowest, [10, 90])).max() < _AT_ZERO * size)


def _axis(up: Array) -> tuple[float, float, float]:
    x, y, z = (np.asarray(up) + 0.0).tolist()
    return x, y, z


def _with_rate_note(clip: Clip) -> Clip:
    return clip.with_warnings(
        f"{clip.name} states no frame rate; {clip.frame_rate:g} frames a second were taken, --fps "
        f"states another"
    )


def _check(numbers: Array, name: str) -> Array:
    """The numbers as floats. Raises MotionFileError where they are not finite."""
    with np.errstate(all="ignore"):
        floats = numbers.astype(float)
    if not np.isfinite(floats).all():
        raise MotionFileError(_not_finite(name))
    return floats


def _not_finite(name: str) -> str:
    return f"{name} holds numbers that are not finite; let the model make the motion again"


def _check_frames(count: int, name: str) -> None:
    if not 0 < count <= MAX_FRAMES:
        raise MotionFileError(f"{name} holds {count} frames, expected 1 to {MAX_FRAMES}")


def _check_distance(position: Array, name: str, metres: float | None) -> None:
    limit = MAX_DISTANCE * (1.0 if metres else 1000.0)
    farthest = max(float(np.abs(part).max()) for part in paged.parts(position))
    if farthest > limit:
        unit = "metres" if metres else "units"
        raise MotionFileError(
            f"{name} holds a joint {farthest:g} {unit} from the origin, expected at most {limit:g}"
        )


def _hint(array: Array) -> str:
    """What to do with an array of a common other shape."""
    if array.ndim == 3 and array.shape[2] in FEATURE_SETS:
        return "; save one motion at a time, such as a[0]"
    if 17 in array.shape and 3 in array.shape:
        return "; 17 joints have neither toes nor fingers' roots, which a style needs"
    if 10475 in array.shape or 6890 in array.shape:
        return "; these are points of a surface, whose joints need SMPL's model: save joints"
    return ""


def _model_hint(archive: Archive) -> str:
    """What to do with an archive that only a body model makes sense of."""
    if _NEEDS_A_MODEL.intersection(archive.keys):
        return (
            "; shapes and surfaces need SMPL's model, which cannot be shipped: let the tool save "
            "its poses and trans, or joints"
        )
    return ""
