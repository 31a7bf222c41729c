"""What changed from one motion of a rig to another, as an additive layer.

A layer lies on the right: a joint's local rotation with the layer is its rotation below, times the
layer's, so that the layer turns the joint in the joint's own axes. Its translation is added to the
joint's local position, in the parent's axes and the file's unit. A weight takes a part of both: the
rotation to that power, the translation times it. Blender's NLA combines actions in this way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from kinestyle.errors import ClipError
from kinestyle.motion import rotation
from kinestyle.motion.clip import Clip
from kinestyle.motion.rotation import Array
from kinestyle.motion.smoothing import scale_rotation
from kinestyle.motion.window import EachFrame, Motion, Progress, collect


@dataclass(frozen=True, eq=False)
class Layer:
    """T frames of what is added to a rig's motion.

    names: of the J joints
    rotation: (T, J, 4) unit quaternions wxyz, the inverse of a local rotation times what becomes of
        it
    translation: (T, J, 3) file units, in the parent's axes
    """

    names: tuple[str, ...]
    rotation: Array
    translation: Array

    @property
    def frame_count(self) -> int:
        return len(self.rotation)


def layer_between(before: Clip, after: Clip) -> Layer:
    """What makes one motion of a rig the other. Raises ClipError for two of another length or of
    other joints.
    """
    _check(before, after.frame_count, after.skeleton.names, after.name)
    turned = rotation.multiply(
        rotation.inverse(rotation.normalize(before.local_rotation)),
        rotation.normalize(after.local_rotation),
    )
    # the shorter way round: a quaternion and its negative are one rotation, but not their powers
    turned = np.where(turned[..., :1] < 0.0, -turned, turned)
    return Layer(after.skeleton.names, turned, after.local_position - before.local_position)


def add_layer(clip: Clip, layer: Layer, weight: float | Array = 1.0) -> Clip:
    """The clip with a layer on it.

    weight: how much of it, 0 none and 1 all; or (T,) at each frame

    Raises ClipError for a clip of another length or with other joints than the layer.
    """
    _check(clip, layer.frame_count, layer.names, "the layer")
    share = np.broadcast_to(np.asarray(weight, dtype=float), clip.frame_count)[:, None, None]
    turned = rotation.multiply(clip.local_rotation, scale_rotation(layer.rotation, share))
    # what the layer leaves alone keeps its very numbers
    still = (layer.rotation == rotation.IDENTITY).all(axis=-1, keepdims=True) | (share == 0.0)
    turned = np.where(still, clip.local_rotation, rotation.normalize(turned))
    return clip.with_motion(clip.local_position + share * layer.translation, turned)


def _check(clip: Clip, frame_count: int, names: Sequence[str], other: str) -> None:
    if clip.frame_count != frame_count:
        raise ClipError(
            f"{clip.name} has {clip.frame_count} frames and {other} {frame_count}; a layer needs "
            f"frame for frame the same"
        )
    if clip.skeleton.names != tuple(names):
        strange = [name for name in names if name not in clip.skeleton.names]
        raise ClipError(
            f"{other} moves other joints than {clip.name} has, "
            f"{', '.join(map(repr, strange[:3])) or 'or in another order'}; a layer fits the rig "
            f"that it was made on"
        )


@dataclass(frozen=True, eq=False)
class Layered(EachFrame):
    """A longer motion that is written as a layer over another one: its windows have a `base`."""

    motion: Motion
    base: Motion

    def window(self, start: int, stop: int, joints: Sequence[int] | None = None) -> Clip:
        """As `Clip.window`."""
        base = self.base.window(start, stop, joints)
        return replace(self.motion.window(start, stop, joints), base=base)


def over(motion: Motion, base: Motion) -> Motion:
    """A motion that is written as a layer over another. A clip, if that is one."""
    if isinstance(motion, Clip):
        whole = base if isinstance(base, Clip) else collect(base)
        return replace(motion, base=whole)
    return Layered(motion, base)


def collect_layered(motion: Motion, progress: Progress | None = None) -> Clip:
    """As `collect`, with what the motion lies over."""
    if not isinstance(motion, Layered):
        return collect(motion, progress=progress)
    return replace(collect(motion.motion, progress=progress), base=collect(motion.base))
