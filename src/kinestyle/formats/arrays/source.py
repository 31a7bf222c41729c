"""What a clip that was read from arrays keeps of its file, and how changed motion goes back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from kinestyle.formats.arrays.body_poses import PoseLayout
from kinestyle.formats.arrays.features import features_to_positions
from kinestyle.formats.arrays.joint_sets import JointSet
from kinestyle.formats.arrays.kimodo import FOLLOWING, KimodoLayout
from kinestyle.formats.arrays.positions import PositionLayout
from kinestyle.formats.unchanged import same_position, same_rotation
from kinestyle.motion import paged, rotation
from kinestyle.motion.clip import Clip
from kinestyle.motion.rotation import Array
from kinestyle.motion.window import Progress


@dataclass(frozen=True)
class FeatureLayout:
    """Features of HumanML3D's kind. joints: whose positions they hold"""

    joints: JointSet


Layout = PositionLayout | FeatureLayout | PoseLayout | KimodoLayout


@dataclass(frozen=True, eq=False)
class ArraySource:
    """An array file and how its numbers became a clip.

    data: the file's bytes; suffix: ".npy" or ".npz"
    keys: of the arrays that the motion was read from; "" in a .npy file
    held: the keys of all arrays of the file
    motion: which of the motions in the array
    read: the clip as it was read, without source
    """

    data: bytes
    suffix: str
    layout: Layout
    keys: tuple[str, ...]
    held: tuple[str, ...]
    motion: int
    read: Clip


def has_rate_of(clip: Clip, read: Clip) -> bool:
    """Whether a clip has the frame rate that was read."""
    return abs(clip.frame_time_seconds / read.frame_time_seconds - 1.0) < 1e-9


def is_unchanged(clip: Clip, read: Clip) -> bool:
    """Whether a clip has the very motion that was read, at its rate."""
    return (
        has_rate_of(clip, read)
        and clip.skeleton.names == read.skeleton.names
        and clip.local_position.shape == read.local_position.shape
        and _all(same_position, clip.local_position, read.local_position)
        and _all(same_rotation, clip.local_rotation, read.local_rotation)
    )


def _all(same: Callable[[Array, Array], np.ndarray], now: Array, was: Array) -> bool:
    """Whether two arrays are the same everywhere."""
    both = zip(paged.parts(now), paged.parts(was), strict=True)
    return all(bool(same(*part).all()) for part in both)


def changed_arrays(
    clip: Clip,
    source: ArraySource,
    arrays: Mapping[str, Array],
    progress: Progress | None = None,
) -> tuple[dict[str, Array], tuple[str, ...]]:
    """The arrays of a file with a clip's motion, and a sentence for each thing that they cannot
    hold or that does not fit the motion any more.

    arrays: those of the file, by key
    """
    layout, notes = source.layout, []
    if isinstance(layout, PositionLayout):
        old = arrays[source.keys[0]]
        points = _points(clip, source.read, layout.motions(old)[source.motion], layout.joints)
        return {source.keys[0]: layout.put_back(old, points, source.motion)}, ()
    if isinstance(layout, FeatureLayout):
        features = arrays[source.keys[0]]
        features = features.reshape(-1, features.shape[-1]).astype(float)
        old = features_to_positions(features, layout.joints.count)
        note = (
            "the features became positions, frames x joints x 3; HumanML3D's scripts make "
            "features of them"
        )
        return {source.keys[0]: _points(clip, source.read, old, layout.joints)}, (note,)
    if isinstance(layout, PoseLayout):
        root, _ = clip.joint(0)
        found = layout.put_back(arrays, clip.local_rotation, root, progress)
        moved = not same_position(root - root[:1], np.zeros_like(root)).all()
        if layout.translation is None and moved:
            notes.append("travel was left out: the file has no place for a translation")
        return found, tuple(notes)
    found = layout.put_back(arrays, clip.world_position, clip.world_rotation, clip.local_rotation)
    stale = [key for key in FOLLOWING if key in source.held]
    if stale:
        notes.append(f"{', '.join(stale)} are those of the motion that was read")
    return found, tuple(notes)


def _points(clip: Clip, read: Clip, old: Array, joints: JointSet) -> Array:
    """(T, K, 3) points of an array for a clip's motion.

    A joint moves as far as it moved in the clip: that bones were given one length does not show
    where nothing changed. Points that are no joint move with the joint that carries them.

    old: (T', K, 3) in the file
    """
    carrier = np.array(joints.carriers)
    new, new_rotation = clip.world_position[:, carrier], clip.world_rotation[:, carrier]
    was, was_rotation = read.world_position[:, carrier], read.world_rotation[:, carrier]
    if len(new) != len(old):
        old, was, was_rotation = old[:1], was[:1], was_rotation[:1]
    turned = rotation.multiply(new_rotation, rotation.inverse(was_rotation))
    pivot = np.einsum("jk,tkc->tjc", joints.weights, old)[:, carrier]
    moved = new + (pivot - was) if len(old) == len(new) else new
    points = moved + rotation.rotate(turned, old - pivot)
    if len(old) != len(new):
        return points
    own = joints.joint_of >= 0
    same = same_position(new, was).all(axis=-1) & (own | same_rotation(new_rotation, was_rotation))
    return np.where(same[..., None], old, points)
