"""Motion on a character's file: a further animation, and all that the file held."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gltf_clips import BLENDER, CENTIMETRES, RIG, plain
from kinestyle.formats.fbx import format_fbx, parse_fbx
from kinestyle.formats.fbx.records import Document, parse, serialize
from kinestyle.formats.gltf import format_gltf, parse_gltf
from kinestyle.formats.table import read_motion, write_motion
from kinestyle.motion.clip import Clip, StatedWorld
from kinestyle.retarget.transfer import transfer
from made_gltf import Made, character
from made_rigs import walk

METRES = StatedWorld(1.0, (0.0, 1.0, 0.0))
WALK = replace(walk(1.0).clip, world=METRES, name="walk")
ANIMATION = {"AnimationStack", "AnimationLayer", "AnimationCurveNode", "AnimationCurve"}


# ---------------------------------------------------------------- FBX


def without_a_stop(document: Document) -> None:
    """As Unreal writes an animation of one pose, in a file that states no frame rate."""
    properties = document.find("GlobalSettings").find("Properties70")
    assert properties is not None
    properties.children = [
        item
        for item in properties.children
        if item.decoded()[0] not in ("TimeMode", "CustomFrameRate")
    ]
    for stack in document.find("Objects").all("AnimationStack"):
        stack.children = []


def without_animation(document: Document) -> None:
    """As Unity and asset packs write characters."""
    objects, connections = document.find("Objects"), document.find("Connections")
    gone = {
        int(np.asarray(item.decoded()[0])) for item in objects.children if item.name in ANIMATION
    }
    objects.children = [item for item in objects.children if item.name not in ANIMATION]
    connections.children = [
        item
        for item in connections.children
        if not gone & {int(np.asarray(end)) for end in item.decoded()[1:3]}
    ]
    document.records = [item for item in document.records if item.name != "Takes"]


def as_it_is(document: Document) -> None:
    """Nothing is changed."""


@pytest.mark.parametrize("change", [as_it_is, without_a_stop, without_animation])
@pytest.mark.parametrize("rate", [30.0, 24.0, 120.0])
def test_an_fbx_character_keeps_its_mesh(
    change: Callable[[Document], None], rate: float, tmp_path: Path
) -> None:
    pytest.importorskip("ufbx", reason="reading FBX needs the fbx extra")
    pose = replace(RIG.sample(np.zeros(1, dtype=int)), world=METRES, name="pose")
    frames = np.repeat(0, 1 if change is without_a_stop else 8)
    document = parse(
        format_fbx(replace(pose.sample(frames), frame_time_seconds=1.0 / rate), "character.fbx")[0],
        "character.fbx",
    )
    change(document)
    character_file, out = tmp_path / "character.fbx", tmp_path / "out.fbx"
    character_file.write_bytes(serialize(document))
    target = read_motion(character_file)
    result = transfer(WALK, target)
    notes = write_motion(result, out)
    assert not any("new file" in note for note in notes), notes
    states_rate = change is not without_a_stop
    assert any("frames a second now" in note for note in notes) == (states_rate and rate != 30.0)
    back = read_motion(out)
    assert (back.animation, back.frame_count) == ("walk", WALK.frame_count)
    assert back.frame_rate == pytest.approx(30.0)
    size = np.ptp(result.world_position[0, :, 1])
    np.testing.assert_allclose(back.world_position, result.world_position, atol=1e-4 * size)
    before, after = (parse(path.read_bytes(), "x") for path in (character_file, out))
    kept = ("Geometry", "Deformer", "Model", "NodeAttribute", "Pose")
    for kind in kept:
        assert [serialize_one(item) for item in before.find("Objects").all(kind)] == [
            serialize_one(item) for item in after.find("Objects").all(kind)
        ], kind
    settings = after.find("GlobalSettings").find("Properties70")
    assert settings is not None
    modes = [item for item in settings.children if b"TimeMode" in bytes(item.values)]
    assert [item.decoded()[-1] for item in modes] == [6]
    stacks = [*after.find("Objects").all("AnimationStack")]
    assert len(stacks) == len([*before.find("Objects").all("AnimationStack")]) + 1


def serialize_one(item: object) -> bytes:
    """The bytes of one record."""
    return serialize(Document(7400, [item]))  # type: ignore[list-item]


def test_an_fbx_clip_at_another_rate_stays_in_its_file(tmp_path: Path) -> None:
    """Not of another character: the same motion, slower."""
    pytest.importorskip("ufbx", reason="reading FBX needs the fbx extra")
    clip = parse_fbx(format_fbx(WALK, "walk.fbx")[0], "walk.fbx")
    slower = replace(clip, frame_time_seconds=1.0 / 24.0)
    data, notes = format_fbx(slower, "out.fbx")
    assert any("24 frames a second now" in note for note in notes)
    back = parse_fbx(data, "out.fbx")
    assert (back.frame_count, back.animation) == (slower.frame_count, clip.animation)
    size = np.ptp(clip.world_position[0, :, 1])
    np.testing.assert_allclose(back.world_position, slower.world_position, atol=1e-4 * size)


# ---------------------------------------------------------------- glTF


def with_constant_scales() -> Made:
    """A character whose animation has a scale curve on every joint, all of them constant, as
    exporters of games write them.
    """
    made = character(CENTIMETRES, armature=BLENDER)
    walks = made.tree["animations"][0]
    times = made.array(np.array([0.0, 9.0]))
    ones = made.array(np.ones((2, 3)))
    twos = made.array(np.full((2, 3), 2.0))
    hips = next(i for i, node in enumerate(made.tree["nodes"]) if "Hips" in node["name"])
    for node in range(len(CENTIMETRES.skeleton.names)):
        walks["samplers"].append({"input": times, "output": twos if node == hips else ones})
        walks["channels"].append(
            {"sampler": len(walks["samplers"]) - 1, "target": {"node": node, "path": "scale"}}
        )
    return made


def test_a_gltf_character_gets_an_animation_of_the_clips_length() -> None:
    data = with_constant_scales().glb()
    target = parse_gltf(data, "character.glb")
    result = transfer(WALK, target)
    written, notes = format_gltf(result, "out.glb")
    assert notes == ()
    before, after = plain(data), plain(written)
    assert after["animations"][:-1] == before["animations"]
    for key in ("nodes", "meshes", "skins", "materials", "images"):
        assert before[key] == after[key], key
    new = after["animations"][-1]
    assert new["name"] == "walk"
    ends = [after["accessors"][sampler["input"]]["max"][0] for sampler in new["samplers"]]
    assert max(ends) == pytest.approx(WALK.duration_seconds)
    # a constant scale is there where it is not that of the node, with one key
    scales = [channel for channel in new["channels"] if channel["target"]["path"] == "scale"]
    assert len(scales) == 1
    keys = after["accessors"][new["samplers"][scales[0]["sampler"]]["input"]]
    assert keys["count"] == 1
    back = parse_gltf(written, "out.glb")
    assert (back.animation, back.frame_count) == ("walk", WALK.frame_count)
    np.testing.assert_allclose(back.world_position, result.world_position, atol=1e-4)


def test_the_animation_has_the_name_of_the_one_that_was_taken() -> None:
    several = parse_gltf(with_constant_scales().glb(), "character.glb")
    named = several.with_animations(
        (*several.animations, several.animations[0]._replace(name="Run")), several.animation
    )
    target = parse_gltf(character(CENTIMETRES, armature=BLENDER).glb(), "other.glb")
    assert transfer(named, target).name == several.animation
    assert transfer(WALK, target).name == "walk"
    # and the name is its own, whatever the file holds
    again = replace(transfer(WALK, target), name="Walk")
    names = [row["name"] for row in plain(format_gltf(again, "out.glb")[0])["animations"]]
    assert names == ["Walk", "T-Pose", "Walk 2"]


# ---------------------------------------------------------------- between formats


def note_of(clip: Clip, path: Path) -> bool:
    return any("meshes, skins and materials" in note for note in write_motion(clip, path))


def test_meshes_that_do_not_go_along_are_said(tmp_path: Path) -> None:
    pytest.importorskip("ufbx", reason="reading FBX needs the fbx extra")
    clip = parse_gltf(character(CENTIMETRES, armature=BLENDER).glb(), "character.glb")
    assert note_of(clip, tmp_path / "a.fbx")
    assert not note_of(clip, tmp_path / "a.glb")
    # the plain body that our own files have is made again
    assert not note_of(read_motion(tmp_path / "a.fbx"), tmp_path / "b.glb")
    assert not note_of(read_motion(tmp_path / "b.glb"), tmp_path / "c.fbx")
    assert not note_of(WALK, tmp_path / "d.fbx")
