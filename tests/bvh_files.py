"""The BVH files of the tests, and how two clips of BVH are compared."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from kinestyle.formats.bvh import (
    BvhLayout,
    format_bvh,
    parse_bvh,
)
from kinestyle.motion import rotation
from kinestyle.motion.canonical import CANONICAL
from kinestyle.motion.clip import Clip

FILES = Path(__file__).parent / "files" / "bvh"
PLAIN = FILES / "valid" / "plain.bvh"
TEXT = PLAIN.read_text(encoding="utf-8")


def layout_of(clip: Clip) -> BvhLayout:
    assert isinstance(clip.source, BvhLayout)
    return clip.source


def again(clip: Clip) -> Clip:
    """Written and read back, with nothing left out."""
    data, notes = format_bvh(clip, "again.bvh")
    assert notes == ()
    return parse_bvh(data, "again.bvh")


def assert_same_file(a: Clip, b: Clip) -> None:
    """The same numbers, hierarchy text, names, channels, end sites and frame time."""
    one, two = layout_of(a), layout_of(b)
    np.testing.assert_array_equal(one.values, two.values)
    assert one.channels == two.channels
    assert one.frame_time_text == two.frame_time_text
    assert one.head_text == two.head_text
    assert a.skeleton.names == b.skeleton.names
    np.testing.assert_array_equal(a.skeleton.parents, b.skeleton.parents)
    np.testing.assert_array_equal(a.skeleton.end_offsets, b.skeleton.end_offsets)


def turned_by(a: np.ndarray, b: np.ndarray) -> float:
    """The largest angle between two arrays of rotations, in radians."""
    return float(rotation.angle(rotation.multiply(rotation.inverse(a), b)).max())


def random_clip(seed: int = 0, frames: int = 40) -> Clip:
    """Smooth motion of the canonical skeleton, without a source."""
    rng = np.random.default_rng(seed)
    joints = CANONICAL.joint_count
    steps = rotation.exp(0.1 * rng.normal(size=(frames, joints, 3)))
    turns = [rotation.exp(rng.normal(size=(joints, 3)))]
    for step in steps[1:]:
        turns.append(rotation.normalize(rotation.multiply(turns[-1], step)))
    position = np.array(np.broadcast_to(CANONICAL.offsets, (frames, joints, 3)))
    position[:, 0] += np.cumsum(0.01 * rng.normal(size=(frames, 3)), axis=0)
    return Clip(CANONICAL, position, np.stack(turns), 1 / 30, "random")
