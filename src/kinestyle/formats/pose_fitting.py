"""Rotations for joints of which only positions are known: SMPL's 22 joints on bones of constant
length, at rest in a T-pose.

A bone's direction leaves its twist open. Where several bones meet (pelvis, chest) their triangle
tells it; upper arms and thighs take it from the plane in which elbow or knee bends, for those bend
about one axis and to one side; where a limb is straight, the moments around it and the trunk tell.
What is beyond (hands, toes, the head's own turn) follows the bone before.
"""

from __future__ import annotations

from typing import cast

import numpy as np

from kinestyle.formats.smpl_joints import JOINT_COUNT, NAMES, PARENTS
from kinestyle.motion import rotation
from kinestyle.motion.rotation import Array
from kinestyle.motion.skeleton import Skeleton, world_to_local_rotation

X, Y, Z = cast(tuple[Array, Array, Array], tuple(np.eye(3)))
_INDEX = {name: joint for joint, name in enumerate(NAMES)}
_LIMBS = {
    # the bone that is twisted, the next joint, the end; the way of the bone at rest, and the axis
    # about which the next one bends
    "left_shoulder": ("left_elbow", "left_wrist", X, -Y),
    "right_shoulder": ("right_elbow", "right_wrist", -X, Y),
    "left_hip": ("left_knee", "left_ankle", -Y, X),
    "right_hip": ("right_knee", "right_ankle", -Y, X),
}
_STRAIGHT = 0.03
"""Squared sine of a bend that counts as much as what the trunk says of the twist."""
_SLIGHT, _CLEAR = 1.0 - np.cos(np.radians([20.0, 45.0]))
"""One minus the cosine of bends that show which way a limb bends: not at all, and for certain."""
_MEMORY_FRAMES, _LONG_MEMORY_FRAMES = 4.0, 20.0
"""Deviation in frames of how far around a moment others are looked at: for the hinge, and for which
way it bends.
"""
_SHOULDER_WEIGHT = 0.25
"""Of the shoulders for the chest's turn: they lie wide, but the clavicles move them."""
_FLAT_SHARE = 0.2
"""The share of frames, those with the lowest toes, in which a foot is taken to stand flat."""


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

    across, up = (
        at["left_hip"] - at["right_hip"],
        at["spine1"] - 0.5 * (at["left_hip"] + at["right_hip"]),
    )
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

    # the spine shares the turn from pelvis to chest
    for name, child, share in (("spine1", "spine2", 1.0 / 3.0), ("spine2", "spine3", 2.0 / 3.0)):
        turn = rotation.interpolate(pelvis, chest, np.full(len(pelvis), share))
        _put(world, name, _swing(turn, Y, at[child] - at[name]))
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
    for side in ("left", "right"):
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


def _put(world: Array, name: str, turn: Array) -> None:
    world[:, _INDEX[name]] = turn


def _fit_body(
    across: Array, up: Array, center: Array, points: list[Array], weight: Array
) -> tuple[Array, Array]:
    """How a rigid part of the trunk is turned: (T, 4), and where `points` lie in it at rest: (N,
    3).

    across, up: (T, 3) what points left and up in it, for a first guess that fixes what its rest is;
        center: (T, 3);
    points: N of (T, 3); weight: (N,)
    """
    turn = rotation.from_axes(rotation.normalize(across), rotation.normalize(up))
    arms = np.stack(points, axis=1) - center[:, None]
    rest = np.median(rotation.rotate(rotation.inverse(turn)[:, None], arms), axis=0)
    # the turn that brings the rest nearest to each frame (Kabsch)
    spread = np.einsum("tni,nj,n->tij", arms, rest, weight)
    left, _, right = np.linalg.svd(spread)
    left[..., -1] *= np.linalg.det(left @ right)[:, None]
    return rotation.from_matrix(left @ right), rest


def _swing(turn: Array, along: Array, bone: Array) -> Array:
    """turn: (T, 4) -> the nearest turn whose `along` (3,) points down `bone` (T, 3)."""
    return rotation.multiply(
        rotation.between(
            rotation.rotate(turn, along), _directions(bone, rotation.rotate(turn, along))
        ),
        turn,
    )


def _directions(bone: Array, otherwise: Array) -> Array:
    """bone: (T, 3) -> unit vectors; `otherwise` where a bone has no length."""
    unit = rotation.normalize(bone)
    return np.where(np.any(unit != 0.0, axis=-1, keepdims=True), unit, otherwise)


def _aim(bone: Array, axis: Array, along: Array, hinge: Array) -> Array:
    """(T, 4) the turns that bring `along` (3,) to `bone` (T, 3) and `hinge` (3,) as near as may be
    to `axis` (T, 3).
    """
    to = rotation.from_axes(_directions(bone, along), axis)
    return rotation.multiply(to, rotation.inverse(rotation.from_axes(along, hinge)))


def _hinge(first: Array, second: Array, carried: Array, hinge: Array) -> Array:
    """(T, 3) the axes about which a limb bends: as it is bent; where it is not, as around that
    moment or as the trunk carries it.

    first, second: (T, 3) unit vectors along its bones; carried: (T, 4) the first bone's turn with
        the trunk's twist.
    """
    bend = 1.0 - np.sum(first * second, axis=-1, keepdims=True)
    cross = np.cross(
        first, second
    )  # its length is the sine of the bend, so that squares weigh as they should
    seen = rotation.rotate(
        rotation.inverse(carried), cross * np.linalg.norm(cross, axis=-1, keepdims=True)
    )
    # a clear bend is a flexion and shows the hinge with its sense; a slight one may as well be an
    # arm stretched too far, and takes the sense from the clear ones near it
    share = np.clip((bend - _SLIGHT) / (_CLEAR - _SLIGHT), 0.0, 1.0)
    clear = share * share * (3.0 - 2.0 * share)
    sense = rotation.normalize(_smooth(clear * seen, _LONG_MEMORY_FRAMES) + _STRAIGHT * hinge)
    agreement = np.sum(rotation.normalize(seen) * sense, axis=-1, keepdims=True)
    seen = seen * (clear + (1.0 - clear) * agreement)
    return rotation.normalize(
        rotation.rotate(carried, seen + _smooth(seen, _MEMORY_FRAMES) + _STRAIGHT * sense)
    )


def _smooth(vector: Array, deviation_frames: float) -> Array:
    """vector: (T, 3) -> (T, 3), each the mean of its neighbours in time."""
    reach = int(3 * deviation_frames)
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / deviation_frames) ** 2)
    padded = np.pad(vector, ((reach, reach), (0, 0)), mode="edge")
    return np.stack(
        [np.convolve(column, kernel / kernel.sum(), mode="valid") for column in padded.T], axis=-1
    )


def _flat_foot(bone: Array, toe_height: Array) -> Array:
    """bone: (T, 3) ankle to toe -> (3,) its direction at rest: to the front, and down as far as
    when the foot stands.
    """
    standing = toe_height <= np.quantile(toe_height, _FLAT_SHARE)
    unit = rotation.normalize(bone[standing])
    drop = float(np.clip(np.median(unit[:, 1]), -0.8, 0.0))
    return np.array([0.0, drop, np.sqrt(1.0 - drop * drop)])
