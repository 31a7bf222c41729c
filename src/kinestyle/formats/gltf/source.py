"""What a clip that was read from glTF keeps of its file."""

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
    everything else as it is.

    animation: number of the animation that was read
    nodes: for each joint its node
    channels: (node, path) -> number of the animation's channel, for paths "translation",
        "rotation", "scale"
    grid: the frames
    skeleton, local_position, local_rotation: what was read, (T, J, 3) and (T, J, 4)
    parent_scale: (T, J, 3) by which a joint's local position is longer than in the file; it has the
        signs of the scales above
    parent_sign: (J, 3) of +1 and -1, the signs alone
    """

    document: Document
    animation: int
    nodes: tuple[int, ...]
    channels: dict[tuple[int, str], int]
    grid: FrameGrid
    skeleton: Skeleton
    local_position: Array
    local_rotation: Array
    parent_scale: Array
    parent_sign: Array


def mirror_rotation(q: Array, sign: Array) -> Array:
    """q: (..., 4), sign: (..., 3) of +1 and -1 -> the same rotations with the axes of sign -1
    reversed. Twice gives `q` again.
    """
    hand = np.prod(sign, axis=-1, keepdims=True)
    return np.concatenate([q[..., :1], q[..., 1:] * sign * hand], axis=-1)
