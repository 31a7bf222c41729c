"""Any clip of another format gets a sound glTF file, with a plain body."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gltf_clips import CENTIMETRES, OWN, RIG, WALK, character_at_rest, check_new_file
from kinestyle.formats.gltf import format_gltf
from kinestyle.formats.table import read_motion, write_motion
from kinestyle.motion import rotation
from kinestyle.motion.clip import Clip, StatedWorld
from kinestyle.motion.skeleton import Skeleton
from kinestyle.rig.world_frame import bring_into_world
from made_gltf import accessor, see
from made_rigs import any_rotations, as_rig, rig_names


@pytest.mark.parametrize("up", ["Y", "Z"])
@pytest.mark.parametrize("metres_per_unit", [1.0, 0.01, 0.0254])
@pytest.mark.parametrize("moving_root", [False, True])
def test_any_rig_in_a_new_file(up: str, metres_per_unit: float, moving_root: bool) -> None:
    own = any_rotations(7, len(rig_names(moving_root)))
    check_new_file(
        as_rig(WALK, own, metres_per_unit=metres_per_unit, up=up, moving_root=moving_root)
    )


@pytest.mark.parametrize(
    "frame_time", [0.0083333, 1.0 / 120.0, 0.0333333, 1.0 / 30.0, 0.04, 0.01668335]
)
def test_frame_times_are_kept(frame_time: float) -> None:
    check_new_file(replace(RIG, frame_time_seconds=frame_time))


def test_the_example(walk_clip: Clip, tmp_path: Path) -> None:
    check_new_file(walk_clip)
    path = tmp_path / "walk.glb"
    assert write_motion(walk_clip, path) == ()
    again = tmp_path / "walk.bvh"
    write_motion(read_motion(path), again)
    np.testing.assert_allclose(
        read_motion(again).world_position, bring_into_world(walk_clip)[0].world_position, atol=1e-4
    )


@pytest.mark.parametrize(
    "file",
    [
        "zombie",
        "dab",
        "jumping",
        "wave_hello",
        "jesse_dance",
        "jumping_jacks",
        "bvh_test1",
        "bvh_test2",
        "bvh_test3",
        "sample",
        "scaled_131_01",
        "cmu_12_01_walk",
    ],
)
def test_real_clips_in_a_new_file(data_dir: Path, file: str) -> None:
    check_new_file(read_motion(data_dir / "wild" / f"{file}.bvh"))


def test_the_body_of_a_new_file() -> None:
    """The mesh is skinned to the joints, stands in a T-pose, and is where the bones are."""
    _, seen = check_new_file(as_rig(WALK, OWN, up="Z", metres_per_unit=0.01))
    file = seen.file
    skin, primitive = file.skins[0], file.meshes[0].primitives[0]
    vertices, joints = (
        accessor(file, primitive.attributes.POSITION),
        accessor(file, primitive.attributes.JOINTS_0),
    )
    weights, indices = (
        accessor(file, primitive.attributes.WEIGHTS_0),
        accessor(file, primitive.indices)[:, 0].astype(int),
    )
    np.testing.assert_allclose(weights.sum(axis=1), 1.0)
    assert joints.max() < len(skin.joints)
    assert indices.max() < len(vertices)
    rest = see(character_at_rest(file), np.zeros(1))
    bind = accessor(file, skin.inverseBindMatrices).reshape(-1, 4, 4).transpose(0, 2, 1)
    # what is drawn is joint matrix times inverse bind matrix; in the rest pose that changes nothing
    np.testing.assert_allclose(
        rest.world[0, skin.joints] @ bind, np.tile(np.eye(4), (len(skin.joints), 1, 1)), atol=1e-5
    )
    places = rest.world[0, :, :3, 3]
    assert vertices[:, 1].min() == pytest.approx(0.0, abs=0.06)
    assert vertices[:, 1].max() == pytest.approx(1.70, abs=0.1)
    left, right = (places[rest.names.index(f"{side}Hand")] for side in ("Left", "Right"))
    shoulder = places[rest.names.index("LeftArm")]
    assert left[0] - right[0] > 1.2  # arms spread, left along +X
    assert abs(left[1] - shoulder[1]) < 0.05
    drawn = np.einsum(
        "vij,vj->vi",
        (rest.world[0, skin.joints] @ bind)[joints[:, 0].astype(int)],
        np.c_[vertices, np.ones(len(vertices))],
    )
    followed = places[np.array(skin.joints)[joints[:, 0].astype(int)]]
    assert np.linalg.norm(drawn[:, :3] - followed, axis=1).max() < 0.65
    corners = vertices[indices].reshape(-1, 3, 3)
    facing = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals = accessor(file, primitive.attributes.NORMAL)[indices].reshape(-1, 3, 3).mean(axis=1)
    assert (np.sum(facing * normals, axis=-1) > 0).mean() > 0.99


def test_a_clip_without_a_body_in_a_new_file() -> None:
    """A swinging rod: what is assumed of its world is said, and it can be seen."""
    skeleton = Skeleton(
        ("top", "rod"), np.array([-1, 0]), np.array([[0.0, 100.0, 0.0], [0.0, -90.0, 0.0]])
    )
    turn = np.tile(rotation.IDENTITY, (10, 2, 1))
    turn[:, 0] = rotation.exp(np.linspace(-1.0, 1.0, 10)[:, None] * [0.0, 0.0, 1.0])
    rod = Clip(skeleton, np.tile(skeleton.offsets, (10, 1, 1)), turn, 0.04, "rod")
    _, seen = check_new_file(rod)
    notes = format_gltf(rod, "x.glb")[1]
    assert len(notes) == 2
    assert "centimetres were assumed" in notes[0]
    assert len(seen.file.accessors) > 0
    alone = Clip(
        Skeleton(("top",), np.array([-1]), np.zeros((1, 3))),
        np.zeros((3, 1, 3)),
        turn[:3, :1],
        0.04,
        "one joint",
    )
    check_new_file(alone)
    stated = replace(CENTIMETRES, world=StatedWorld(0.01, (0.0, 0.0, 1.0)))
    assert format_gltf(stated, "x.glb")[1] == ()
    check_new_file(stated)
