"""Rotations for joints of which only positions are known: SMPL's 22 joints on bones of constant
length, at rest in a T-pose.

A bone's direction leaves its twist open. At pelvis and chest, where several bones meet, their
triangle shows it. Upper arms and thighs take it from the plane in which elbow or knee bends, since
those bend about one axis and to one side; while a limb is straight, frames around that moment and
the trunk decide. Hands, toes and the head follow the bone before them.
"""

from __future__ import annotations

from typing import cast

import numpy as np

from kinestyle.formats.arrays.joint_sets import INDEX as _INDEX
from kinestyle.formats.arrays.joint_sets import JOINT_COUNT, NAMES, PARENTS
from kinestyle.motion import rotation
from kinestyle.motion.canonical import SIDES
from kinestyle.motion.rotation import Array
from kinestyle.motion.skeleton import Skeleton, world_to_local_rotation

X, Y, Z = cast(tuple[Array, Array, Array], tuple(np.eye(3)))
_LIMBS = {
    # the bone that is twisted -> the next joint, the end, the direction of the bone at rest, and
    # the axis about which the next one bends
    "left_shoulder": ("left_elbow", "left_wrist", X, -Y),
    "right_shoulder": ("right_elbow", "right_wrist", -X, Y),
    "left_hip": ("left_knee", "left_ankle", -Y, X),
    "right_hip": ("right_knee", "right_ankle", -Y, X),
}
_STRAIGHT = 0.03
"""Squared sine of a bend that counts as much as the twist of the trunk."""
_SLIGHT, _CLEAR = 1.0 - np.cos(np.radians([20.0, 45.0]))
"""One minus the cosine of bends that show the sense in which a limb bends: not at all, and for
certain.
"""
_MEMORY_FRAMES, _LONG_MEMORY_FRAMES = 4.0, 20.0
"""Standard deviations, in frames, of the average over time of the hinge, and of its sense."""
_SHOULDER_WEIGHT = 0.25
"""Of the shoulders for the chest's rotation: they are far apart, but the clavicles move them."""
_FLAT_SHARE = 0.2
"""The share of frames, those with the lowest toes, in which a foot counts as flat."""


def fit_pose(position: Array) -> tuple[Skeleton, Array, Array]:
    """position: (T, 22, 3) metres, Y up -> the skeleton, local positions (T, 22, 3) and local
    rotations (T, 22, 4).
    """
    at = {name: position[:, joint] for name, joint in _INDEX.items()}
    length = np.median(
        np.linalg.norm(position - position[:, np.maximum(PARENTS, 0)], axis=-1), axis=0
    )
    world = np.empty((*position.shape[:2], 4))
    rest = np.zeros((JOINT_COUNT, 3))

    across = at["left_hip"] - at["right_hip"]
    up = at["spine1"] - 0.5 * (at["left_hip"] + at["right_hip"])
    pelvis, rest_hips = _fit_body(
        across,
        up,
        at["pelvis"],
        [at[name] for name in ("left_hip", "right_hip", "spine1")],
        np.ones(3),
    )
    across = at["left_shoulder"] - at["right_shoulder"] + at["left_collar"] - at["right_collar"]
    around = [
        at[name]
        for name in ("neck", "left_collar", "right_collar", "left_shoulder", "right_shoulder")
    ]
    weight = np.array([1.0, 1.0, 1.0, _SHOULDER_WEIGHT, _SHOULDER_WEIGHT])
    chest, rest_chest = _fit_body(across, at["neck"] - at["spine3"], at["spine3"], around, weight)
    _put(world, "pelvis", pelvis)
    _put(world, "spine3", chest)
    children = ("left_hip", "right_hip", "spine1", "neck", "left_collar", "right_collar")
    for name, offset in zip(children, (*rest_hips, *rest_chest[:3]), strict=True):
        rest[_INDEX[name]] = rotation.normalize(offset) * length[_INDEX[name]]

    # the spine shares the rotation from pelvis to chest
    for name, child, share in (("spine1", "spine2", 1.0 / 3.0), ("spine2", "spine3", 2.0 / 3.0)):
        between = rotation.interpolate(pelvis, chest, np.full(len(pelvis), share))
        _put(world, name, _swing(between, Y, at[child] - at[name]))
        rest[_INDEX[child]] = Y * length[_INDEX[child]]
    _put(world, "neck", _swing(chest, Y, at["head"] - at["neck"]))
    _put(world, "head", world[:, _INDEX["neck"]])
    rest[_INDEX["head"]] = Y * length[_INDEX["head"]]
    for side, outward in (("left", X), ("right", -X)):
        collar, shoulder = f"{side}_collar", f"{side}_shoulder"
        _put(world, collar, _swing(chest, outward, at[shoulder] - at[collar]))
        rest[_INDEX[shoulder]] = outward * length[_INDEX[shoulder]]

    for upper, (middle, end, along, hinge) in _LIMBS.items():
        first, second = at[middle] - at[upper], at[end] - at[middle]
        carried = _swing(world[:, PARENTS[_INDEX[upper]]], along, first)
        axis = _hinge(rotation.normalize(first), rotation.normalize(second), carried, hinge)
        _put(world, upper, _aim(first, axis, along, hinge))
        _put(world, middle, _aim(second, axis, along, hinge))
        for joint in (middle, end):
            rest[_INDEX[joint]] = along * length[_INDEX[joint]]
        _put(world, end, world[:, _INDEX[middle]])
    for side in SIDES:
        ankle, toe = _INDEX[f"{side}_ankle"], _INDEX[f"{side}_foot"]
        bone = position[:, toe] - position[:, ankle]
        along = _flat_foot(bone, position[:, toe, 1])
        world[:, ankle] = _aim(bone, rotation.rotate(world[:, PARENTS[ankle]], X), along, X)
        world[:, toe] = world[:, ankle]
        rest[toe] = along * length[toe]

    skeleton = Skeleton(NAMES, PARENTS.copy(), rest)
    local_position = np.tile(rest, (len(position), 1, 1))
    local_position[:, 0] = position[:, 0]
    return skeleton, local_position, rotation.continuous(world_to_local_rotation(skeleton, world))


def _put(world: Array, name: str, q: Array) -> None:
    """Set the world rotation (T, 4) of a joint."""
    world[:, _INDEX[name]] = q


def _fit_body(
    across: Array, up: Array, center: Array, points: list[Array], weight: Array
) -> tuple[Array, Array]:
    """The rotation of a rigid part of the trunk (T, 4), and the positions of `points` in it at rest
    (N, 3).

    across, up: (T, 3) vectors that point left and up in it: the first guess, which defines its rest
    center: (T, 3); points: N of (T, 3); weight: (N,)
    """
    guess = rotation.from_axes(rotation.normalize(across), rotation.normalize(up))
    arms = np.stack(points, axis=1) - center[:, None]
    rest = np.median(rotation.rotate(rotation.inverse(guess)[:, None], arms), axis=0)
    # the rotation that brings the rest nearest to each frame (Kabsch)
    spread = np.einsum("tni,nj,n->tij", arms, rest, weight)
    left, _, right = np.linalg.svd(spread)
    left[..., -1] *= np.linalg.det(left @ right)[:, None]
    return rotation.from_matrix(left @ right), rest


def _swing(q: Array, along: Array, bone: Array) -> Array:
    """q: (T, 4) -> the nearest rotation whose `along` (3,) points down `bone` (T, 3)."""
    before = rotation.rotate(q, along)
    return rotation.multiply(rotation.between(before, _directions(bone, before)), q)


def _directions(bone: Array, otherwise: Array) -> Array:
    """bone: (T, 3) -> unit vectors; `otherwise` where a bone has no length."""
    unit = rotation.normalize(bone)
    return np.where(np.any(unit != 0.0, axis=-1, keepdims=True), unit, otherwise)


def _aim(bone: Array, axis: Array, along: Array, hinge: Array) -> Array:
    """(T, 4) the rotations that bring `along` (3,) to `bone` (T, 3), and `hinge` (3,) as near to
    `axis` (T, 3) as possible.
    """
    to = rotation.from_axes(_directions(bone, along), axis)
    return rotation.multiply(to, rotation.inverse(rotation.from_axes(along, hinge)))


def _hinge(first: Array, second: Array, carried: Array, hinge: Array) -> Array:
    """(T, 3) the axes about which a limb bends. While it is straight, frames around that moment and
    the trunk decide.

    first, second: (T, 3) unit vectors along its bones
    carried: (T, 4) the first bone's rotation with the trunk's twist
    hinge: (3,) the axis at rest
    """
    bend = 1.0 - np.sum(first * second, axis=-1, keepdims=True)
    # weighted with its own length, the sine of the bend: a straight limb has no say
    cross = np.cross(first, second)
    seen = rotation.rotate(
        rotation.inverse(carried), cross * np.linalg.norm(cross, axis=-1, keepdims=True)
    )
    # a clear bend is a flexion and shows the sense of the hinge; a slight one may be an arm that
    # overstretches, and takes the sense from clear ones near it
    share = np.clip((bend - _SLIGHT) / (_CLEAR - _SLIGHT), 0.0, 1.0)
    clear = share * share * (3.0 - 2.0 * share)
    sense = rotation.normalize(_smooth(clear * seen, _LONG_MEMORY_FRAMES) + _STRAIGHT * hinge)
    agreement = np.sum(rotation.normalize(seen) * sense, axis=-1, keepdims=True)
    seen = seen * (clear + (1.0 - clear) * agreement)
    return rotation.normalize(
        rotation.rotate(carried, seen + _smooth(seen, _MEMORY_FRAMES) + _STRAIGHT * sense)
    )


def _smooth(vector: Array, deviation_frames: float) -> Array:
    """vector: (T, 3) -> (T, 3) under a Gaussian in time, with the first and last repeated."""
    reach = int(3 * deviation_frames)
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / deviation_frames) ** 2)
    padded = np.pad(vector, ((reach, reach), (0, 0)), mode="edge")
    return np.stack(
        [np.convolve(column, kernel / kernel.sum(), mode="valid") for column in padded.T], axis=-1
    )


def _flat_foot(bone: Array, toe_height: Array) -> Array:
    """bone: (T, 3) ankle to toe -> (3,) its direction at rest: to the front, and as far down as on
    a flat foot.
    """
    standing = toe_height <= np.quantile(toe_height, _FLAT_SHARE)
    unit = rotation.normalize(bone[standing])
    drop = float(np.clip(np.median(unit[:, 1]), -0.8, 0.0))
    return np.array([0.0, drop, np.sqrt(1.0 - drop * drop)])
