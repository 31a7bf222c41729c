"""What a clip that was read from glTF keeps of its file."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from kinestyle.formats.gltf.document import Document
from kinestyle.formats.gltf.keys import FrameGrid
from kinestyle.motion.clip import Clip
from kinestyle.motion.resampling import resample_vector
from kinestyle.motion.rotation import Array
from kinestyle.motion.skeleton import Skeleton
from kinestyle.motion.warp import frame_after, warped_again

GENERATOR, BODY = "Kinestyle", "Body"
"""What new files of ours say of their maker and their mesh."""
_SAME_TIME = 1e-9
_SAME_SIZE = 1e-4


@dataclass(frozen=True, eq=False)
class GltfSource:
    """A glTF file, and how its numbers became a clip: enough to put changed motion back and leave
    everything else as it is.

    animation: number of the animation that was read, -1 where the nodes were read at rest
    nodes: for each joint its node
    channels: (node, path) -> number of the animation's channel, for paths "translation",
        "rotation", "scale"
    grid: the frames
    skeleton, local_position, local_rotation: what was read, (T, J, 3) and (T, J, 4)
    parent_scale: (T, J, 3) by which a joint's local position is longer than in the file; it has the
        signs of the scales above
    parent_sign: (J, 3) of +1 and -1, the signs alone
    name: what the clip calls that animation, "" without one
    scale: (T, J, 3) of the nodes themselves; None where all are 1
    is_default: whether that animation is read without being asked for, whatever its style
    moments: (M,) fractional numbers of the frames, at which the clip was sampled again; None where
        it has those that were read
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
    name: str = ""
    scale: Array | None = None
    is_default: bool = True
    moments: Array | None = None

    def at(self, at_frame: Array) -> GltfSource:
        """The source of a clip that has the frames at (M,) fractional frame numbers."""
        return replace(self, moments=warped_again(self.moments, at_frame))

    def sizes(self, sizes: Array, frame_count: int) -> Array:
        """sizes: (T, J, 3) of the frames that were read, such as `parent_scale` -> those of a
        clip's frames; of a clip of unknown origin, those of the first frame.
        """
        if self.is_resampled(frame_count):
            return resample_vector(sizes, np.asarray(self.moments))
        if len(sizes) == frame_count and self.moments is None:
            return sizes
        return np.broadcast_to(sizes[:1], (frame_count, *sizes.shape[1:]))

    def is_resampled(self, frame_count: int) -> bool:
        """Whether a clip with so many frames is the one that was sampled again."""
        return self.moments is not None and len(self.moments) == frame_count

    def times_after(self, seconds: Array, frame_time_seconds: float) -> Array:
        """seconds: (N,) of keys in the file -> where they are in the clip that was sampled again,
        whose frames are `frame_time_seconds` long.
        """
        assert self.moments is not None, "asked of clips that were sampled again"
        grid = self.grid
        frame = (seconds - grid.start_seconds) / grid.frame_time_seconds
        pace = grid.frame_time_seconds / frame_time_seconds
        after = frame_after(self.moments, frame, pace)
        return np.asarray(grid.start_seconds + after * frame_time_seconds)

    @property
    def holds_meshes(self) -> bool:
        """Whether the file shows more than a skeleton and the plain body that Kinestyle makes."""
        fields = self.document.root.fields
        asset, meshes = fields.get("asset"), fields.get("meshes")
        own = isinstance(asset, dict) and asset.get("generator") == GENERATOR
        found = meshes if isinstance(meshes, list) else []
        names = [mesh.get("name") for mesh in found if isinstance(mesh, dict)]
        return bool(names) and not (own and names == [BODY])

    @property
    def changes_in_size(self) -> bool:
        """Whether the scale of any joint changes over time, by more than curves are rounded."""
        if not self.parent_scale.strides[0]:
            return False
        allowed = _SAME_SIZE * np.abs(self.parent_scale[:1])
        return bool((np.abs(self.parent_scale - self.parent_scale[:1]) > allowed).any())

    def is_at(self, clip: Clip) -> bool:
        """Whether the frames of a clip are those that were read."""
        return self.moments is None and self._has(clip, len(self.local_rotation))

    def is_variant(self, clip: Clip) -> bool:
        """Whether the frames of a clip are those that were read, or were sampled from them."""
        if self.moments is not None:
            return len(self.moments) == clip.frame_count
        return self._has(clip, len(self.local_rotation))

    def _has(self, clip: Clip, frame_count: int) -> bool:
        return frame_count == clip.frame_count and (
            abs(clip.frame_time_seconds - self.grid.frame_time_seconds)
            <= _SAME_TIME * clip.frame_time_seconds
        )


def mirror_rotation(q: Array, sign: Array) -> Array:
    """q: (..., 4), sign: (..., 3) of +1 and -1 -> the same rotations with the axes of sign -1
    reversed. Twice gives `q` again.
    """
    hand = np.prod(sign, axis=-1, keepdims=True)
    return np.concatenate([q[..., :1], q[..., 1:] * sign * hand], axis=-1)
