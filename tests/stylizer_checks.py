"""What the tests of restyling share: BVH files taken apart, clips moved, cut and compared."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import numpy as np

from kinestyle.motion import rotation
from kinestyle.motion.clip import Clip
from kinestyle.motion.rotation import Array


class BvhText(NamedTuple):
    """A BVH file taken apart without Kinestyle: everything up to the frame count, the two header
    values, words of the rows.
    """

    head: str
    frames: str
    frame_time: str
    rows: list[list[str]]

    @classmethod
    def read(cls, path: Path) -> BvhText:
        found = re.fullmatch(
            r"(.*\bFrames:\s*)(\d+)\s+Frame Time:\s*(\S+)\s*\n(.*)", path.read_text(), re.DOTALL
        )
        assert found is not None
        return cls(*found.groups()[:3], [line.split() for line in found[4].strip().splitlines()])

    def columns(self, joint: str) -> slice:
        """The columns of one joint, counted off the CHANNELS lines."""
        column = 0
        for name, count in re.findall(
            r"(?:ROOT|JOINT)\s+(\S+)[^{]*\{\s*OFFSET[^\n]*\n\s*CHANNELS\s+(\d)", self.head
        ):
            if name == joint:
                return slice(column, column + int(count))
            column += int(count)
        raise AssertionError(f"no joint {joint}")


def cut(clip: Clip, frames: int) -> Clip:
    return clip.with_motion(clip.local_position[:frames], clip.local_rotation[:frames])


def placed(clip: Clip, turn: Array, shift: Array) -> Clip:
    """The whole clip turned by (4,), then moved by (3,), in the file's axes and units."""
    position, local = clip.local_position.copy(), clip.local_rotation.copy()
    position[:, 0] = rotation.rotate(turn, position[:, 0]) + shift
    local[:, 0] = rotation.multiply(turn, local[:, 0])
    return clip.with_motion(position, local)


def degrees_apart(a: Clip, b: Clip) -> Array:
    """(T, J) degrees between local rotations."""
    return np.degrees(
        rotation.angle(rotation.multiply(rotation.inverse(a.local_rotation), b.local_rotation))
    )


def place_apart(a: Clip, b: Clip) -> float:
    """The farthest that any joint of one is from where it is in the other, in file units."""
    return float(np.abs(a.world_position - b.world_position).max())


def assert_sound(clip: Clip) -> None:
    assert np.isfinite(clip.local_position).all()
    np.testing.assert_allclose(np.linalg.norm(clip.local_rotation, axis=-1), 1.0, atol=1e-9)
