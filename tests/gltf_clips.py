"""Clips for the tests of glTF, and what is compared of them."""

from __future__ import annotations

import json
import struct

import numpy as np

from kinestyle.formats.gltf import format_gltf, parse_gltf
from kinestyle.motion import rotation
from kinestyle.motion.clip import METRES_Y_UP, Clip
from kinestyle.motion.skeleton import tip_position
from kinestyle.rig.world_frame import bring_into_world
from made_gltf import Made, Seen, see
from made_rigs import any_rotations, as_rig, rig_names, walk

WALK = walk(2.0).clip
OWN = any_rotations(4, len(rig_names()))
RIG = as_rig(WALK, OWN)
BLENDER = {"scale": [0.01] * 3, "rotation": [-float(np.sqrt(0.5)), 0.0, 0.0, float(np.sqrt(0.5))]}
"""The node above the joints, as exporters write it for a rig in centimetres with Z up."""
CENTIMETRES = as_rig(WALK, OWN, metres_per_unit=0.01, up="Z")
SHORT = CENTIMETRES.with_motion(CENTIMETRES.local_position[:15], CENTIMETRES.local_rotation[:15])


def frame_times(clip: Clip) -> np.ndarray:
    return np.arange(clip.frame_count) * clip.frame_time_seconds


def same_rotations(a: np.ndarray, b: np.ndarray, radians: float = 1e-6) -> None:
    assert rotation.angle(rotation.multiply(rotation.inverse(a), b)).max() < radians


def check_new_file(clip: Clip) -> tuple[Clip, Seen]:
    """A clip of another format through a .glb file: names, hierarchy, times and places are kept,
    and another reader agrees.
    """
    data, _ = format_gltf(clip, "x.glb")
    found = parse_gltf(data, "x.glb")
    expected, _ = bring_into_world(clip)
    assert found.skeleton.names == clip.skeleton.names
    np.testing.assert_array_equal(found.skeleton.parents, clip.skeleton.parents)
    np.testing.assert_array_equal(found.skeleton.end_parents, clip.skeleton.end_parents)
    assert (found.frame_count, found.frame_time_seconds) == (
        clip.frame_count,
        clip.frame_time_seconds,
    )
    assert (found.world, found.warnings) == (METRES_Y_UP, ())
    np.testing.assert_allclose(found.world_position, expected.world_position, atol=1e-4)
    same_rotations(found.local_rotation, expected.local_rotation)
    seen = see(data, frame_times(clip))
    for j, name in enumerate(clip.skeleton.names):
        np.testing.assert_allclose(seen.place(name), expected.world_position[:, j], atol=1e-4)
    tips = tip_position(expected.skeleton, expected.world_position, expected.world_rotation)
    np.testing.assert_allclose(
        tip_position(found.skeleton, found.world_position, found.world_rotation), tips, atol=1e-4
    )
    return found, seen


def character_at_rest(file: object) -> bytes:
    """The same file with an animation that moves nothing."""
    file.animations[0].channels = []  # type: ignore[attr-defined]
    return b"".join(file.save_to_bytes())  # type: ignore[attr-defined]


def plain(data: bytes) -> dict:
    """The JSON of a .glb file."""
    size = struct.unpack_from("<I", data, 12)[0]
    return json.loads(data[20 : 20 + size])


def restyled(clip: Clip) -> Clip:
    """Another motion of the same clip: the hips travel otherwise, the left arm turns otherwise from
    the tenth frame on.
    """
    names = clip.skeleton.names
    hips, arm = (
        next(j for j, name in enumerate(names) if name.endswith(part))
        for part in ("Hips", "LeftArm")
    )
    position, turn = clip.local_position.copy(), clip.local_rotation.copy()
    position[:, hips] += np.linspace(0.0, 0.2, clip.frame_count)[:, None] * [1.0, 0.0, 1.0]
    turn[10:, arm] = rotation.multiply(turn[10:, arm], rotation.exp(np.array([0.0, 0.3, 0.1])))
    return clip.with_motion(position, turn)


def two_joints(
    keys: list[float], turns: np.ndarray, interpolation: str, moves: np.ndarray | None = None
) -> bytes:
    """A joint on another, of which the first turns by the values of a curve, and moves by those of
    another.
    """
    made = Made()
    made.put("nodes", {"name": "a", "children": [1]})
    made.put("nodes", {"name": "b", "translation": [0.0, 1.0, 0.0]})
    at = made.array(np.array(keys))
    curves = [("rotation", turns[..., [1, 2, 3, 0]].reshape(-1, 4))] + (
        [] if moves is None else [("translation", moves.reshape(-1, 3))]
    )
    samplers = [
        {"input": at, "output": made.array(values), "interpolation": interpolation}
        for _, values in curves
    ]
    channels = [
        {"sampler": i, "target": {"node": 0, "path": path}} for i, (path, _) in enumerate(curves)
    ]
    made.put("animations", {"samplers": samplers, "channels": channels})
    return made.glb()
