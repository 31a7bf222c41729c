"""The comparison with Blender sees what is wrong; Blender itself is asked by
`scripts/blender_check`.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from blender_oracle import examine, expected_positions
from kinestyle.formats.fbx import scene
from kinestyle.formats.table import read_motion
from kinestyle.motion import rotation
from kinestyle.motion.canonical import CANONICAL
from kinestyle.motion.clip import METRES_Y_UP, Clip
from kinestyle.motion.skeleton import Skeleton

PLAIN = Path(__file__).parent / "files" / "bvh" / "valid" / "plain.bvh"


def imported(clip: Clip, suffix: str) -> dict[str, np.ndarray]:
    """What a Blender without faults would have."""
    return {
        "objects": np.array(["ARMATURE Armature", "MESH Body"]),
        "rate": np.array(clip.frame_rate),
        "actions": np.array(["walk"]),
        "range": np.array([1.0, clip.frame_count]),
        "bones": np.array(clip.skeleton.names),
        "heads": expected_positions(clip, suffix)[0],
    }


def test_the_same_is_the_same_and_every_fault_is_seen() -> None:
    clip = read_motion(PLAIN)
    for suffix in (".bvh", ".glb", ".fbx"):
        found = imported(clip, suffix)
        assert examine(clip, suffix, found).wrong == ()
        shifted = found["heads"].copy()
        shifted[1, 2] += 0.2 if suffix == ".bvh" else 0.002
        faults = {
            "off on frame 2": {"heads": shifted},
            "armatures": {"objects": np.array(["EMPTY a"])},
            "actions": {"actions": np.array([])},
            "frames a second": {"rate": found["rate"] * 1.01},
            "frames instead of": {"range": np.array([1.0, 7.0])},
            "no bones for 1 of": {"bones": np.array(["other", *clip.skeleton.names[1:]])},
        }
        for words, fault in faults.items():
            assert any(words in wrong for wrong in examine(clip, suffix, found | fault).wrong), (
                words
            )


def test_up_in_the_file_is_z_in_blender() -> None:
    position, metres = expected_positions(read_motion(PLAIN), ".bvh")
    clip = read_motion(PLAIN)
    np.testing.assert_array_equal(position[..., 2], clip.world_position[..., 1])
    np.testing.assert_array_equal(position[..., 1], -clip.world_position[..., 2])
    assert metres > 0


def test_fbx_keeps_hips_that_travel_off_the_line_on_which_blender_would_hold_them() -> None:
    names = ("floor", *CANONICAL.names)
    parents = np.concatenate([[-1], CANONICAL.parents + 1])
    offsets = np.concatenate([np.zeros((1, 3)), CANONICAL.offsets])
    offsets[1] = [0.0, 0.95, 0.0]
    skeleton = Skeleton(names, parents, offsets)
    position = np.array(np.broadcast_to(offsets, (4, len(names), 3)))
    position[:, 1, 2] += np.arange(4)
    clip = Clip(
        skeleton,
        position,
        np.array(np.broadcast_to(rotation.IDENTITY, (4, len(names), 4))),
        1 / 30,
        world=METRES_Y_UP,
    )
    for moving in (
        clip,
        replace(clip, local_position=np.array(np.broadcast_to(offsets, position.shape))),
    ):
        pose = scene._unconnected(moving, scene.find_bind_pose(moving))
        rest = pose.local_position
        straight = np.hypot(rest[1:, 0], rest[1:, 2]) < 1e-6 * np.linalg.norm(rest[1:], axis=-1)
        assert not (straight & scene._translated(moving, rest)[1:] & (rest[1:, 1] > 0)).any()
