"""What a clip that was read from glTF remembers of its file."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kinestyle.formats.gltf.document import Document
from kinestyle.formats.gltf.keys import FrameGrid
from kinestyle.motion.rotation import Array
from kinestyle.motion.skeleton import Skeleton


@dataclass(frozen=True, eq=False)
class GltfSource:
    """A glTF file, and how its numbers became a clip: enough to put changed motion back and leave
    all else as it is.

    animation: number of the animation that was read
    nodes: for each joint its node
    channels: (node, path) -> number of the animation's channel, for paths "translation",
        "rotation", "scale"
    grid: the frames
    skeleton, local_position, local_rotation: what was read, (T, J, 3) and (T, J, 4)
    hang: (T, J, 3) by what a joint's translation was multiplied: the scales of the nodes above, and
        their signs
    sign: (J, 3) of +1 and -1, the signs alone
    """

    document: Document
    animation: int
    nodes: tuple[int, ...]
    channels: dict[tuple[int, str], int]
    grid: FrameGrid
    skeleton: Skeleton
    local_position: Array
    local_rotation: Array
    hang: Array
    sign: Array


def mirror_turns(q: Array, sign: Array) -> Array:
    """q: (..., 4), sign: (..., 3) of +1 and -1 -> the same turns with those axes the other way
    round; twice is none.
    """
    hand = np.prod(sign, axis=-1, keepdims=True)
    return np.concatenate([q[..., :1], q[..., 1:] * sign * hand], axis=-1)
