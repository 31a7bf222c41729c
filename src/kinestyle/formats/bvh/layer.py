"""A layer as BVH: rotations and translations that are added, on the hierarchy of the rig.

The hierarchy at rest is a layer that adds nothing: a joint's rotation channels are the layer's own
rotation, its position channels its OFFSET and what is added.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from kinestyle.formats.bvh.layout import BvhLayout
from kinestyle.motion.clip import Clip
from kinestyle.motion.layer import Layered, layer_between
from kinestyle.motion.window import EachFrame, Motion


def as_written(motion: Motion) -> Motion:
    """What is written of a motion: itself, or where it lies over another, the layer."""
    if isinstance(motion, Clip):
        return motion if motion.base is None else _delta(motion)
    return _Deltas(motion) if isinstance(motion, Layered) else motion


def _delta(clip: Clip) -> Clip:
    """The layer of a clip that has a base, as a clip."""
    assert clip.base is not None, "only what lies over something is a layer"
    layer, source = layer_between(clip.base, clip), clip.source
    if isinstance(source, BvhLayout):
        # its numbers are those of the motion below
        source = replace(source, values=np.zeros((0, source.channel_count)))
    return replace(
        clip,
        local_position=clip.skeleton.offsets + layer.translation,
        local_rotation=layer.rotation,
        source=source,
        base=None,
    )


@dataclass(frozen=True, eq=False)
class _Deltas(EachFrame):
    """The layer of a longer motion."""

    motion: Layered

    def window(self, start: int, stop: int, joints: Sequence[int] | None = None) -> Clip:
        """As `Clip.window`."""
        return _delta(self.motion.window(start, stop, joints))
