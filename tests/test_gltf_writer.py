"""Motion goes into the file that a clip came from, whose own content stays."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from gltf_clips import (
    BLENDER,
    CENTIMETRES,
    RIG,
    check_new_file,
    frame_times,
    plain,
    restyled,
    same_rotations,
    two_joints,
)
from kinestyle.cli import main
from kinestyle.errors import MotionFileError
from kinestyle.formats.gltf import format_gltf, parse_gltf, read_gltf, write_gltf
from kinestyle.formats.table import read_motion, write_motion
from kinestyle.motion import rotation
from kinestyle.rig.world_frame import bring_into_world
from kinestyle.runtime.stylizer import Stylizer
from made_gltf import PNG, accessor, character, see
from made_rigs import rig_names


def test_a_character_keeps_all_but_the_motion_that_changed() -> None:
    data = character(CENTIMETRES, armature=BLENDER, reverse=True).glb()
    clip = restyled(parse_gltf(data, "character.glb"))
    result, notes = format_gltf(clip, "out.glb")
    assert notes == ()
    before, after = plain(data), plain(result)
    assert {**before, "accessors": 0} == {**after, "accessors": 0}
    a, b = see(data, frame_times(clip)), see(result, frame_times(clip))
    changed = {"mixamorig:LeftArm", "mixamorig:Hips"}
    changed_accessors = set()
    for channel, sampler in zip(
        before["animations"][0]["channels"], before["animations"][0]["samplers"], strict=True
    ):
        name, path = a.names[channel["target"]["node"]], channel["target"]["path"]
        if (name, path) in {("mixamorig:LeftArm", "rotation"), ("mixamorig:Hips", "translation")}:
            changed_accessors.add(sampler["output"])
        else:
            assert name not in changed or (name, path) == ("mixamorig:Hips", "rotation")
    for i in range(len(before["accessors"])):
        same = np.array_equal(accessor(a.file, i), accessor(b.file, i))
        assert same == (i not in changed_accessors), before["accessors"][i]
        assert same == (
            before["accessors"][i] == after["accessors"][i]
        )  # least and greatest values
    for j, name in enumerate(clip.skeleton.names):
        np.testing.assert_allclose(b.place(name), clip.world_position[:, j], atol=1e-5)
    arm = before["animations"][0]["samplers"][list(rig_names()).index("LeftArm")]["output"]
    np.testing.assert_array_equal(accessor(a.file, arm)[:10], accessor(b.file, arm)[:10])


def test_an_unchanged_clip_gives_back_its_file(tmp_path: Path) -> None:
    data = character(CENTIMETRES, armature=BLENDER).glb()
    path, out = tmp_path / "in.glb", tmp_path / "out.glb"
    path.write_bytes(data)
    clip = read_gltf(path)
    assert write_gltf(clip, out) == ()
    assert out.read_bytes() == data
    flipped = clip.with_motion(clip.local_position, -clip.local_rotation)
    assert format_gltf(flipped, "out.glb")[0] == data


def test_a_character_in_another_style(released: Stylizer) -> None:
    """The whole way: read, map, restyle, write, read. The rig's names, everything else of the file
    and its places are right.
    """
    data = character(CENTIMETRES, armature=BLENDER, reverse=True).glb()
    clip = parse_gltf(data, "character.glb")
    result = released.stylize(clip, style="old")
    written = parse_gltf(format_gltf(result, "out.glb")[0], "out.glb")
    assert written.skeleton.names == clip.skeleton.names
    np.testing.assert_allclose(written.world_position, result.world_position, atol=1e-5)
    assert np.abs(written.world_position - clip.world_position).max() > 0.02
    # the same motion on the same rig in another file changes in the same way
    bare = replace(RIG.skeleton, end_parents=np.zeros(0, dtype=int), end_offsets=np.zeros((0, 3)))
    plain_result = released.stylize(replace(RIG, skeleton=bare), style="old")
    for j, name in enumerate(RIG.skeleton.names):
        found = written.skeleton.names.index("mixamorig:" + name)
        np.testing.assert_allclose(
            written.world_position[:, found], plain_result.world_position[:, j], atol=2e-3
        )
    assert format_gltf(released.stylize(clip, style="old", strength=0.0), "out.glb")[0] == data


@pytest.mark.parametrize("interpolation", ["LINEAR", "STEP", "CUBICSPLINE"])
@pytest.mark.parametrize("every", [1, 3])
def test_new_motion_on_curves_of_all_kinds(interpolation: str, every: int) -> None:
    t = np.arange(31)[::every] / 30.0
    frames = rotation.exp(np.stack([0 * t, np.sin(t), 0 * t], axis=-1))
    rows = np.stack([frames, frames, frames], axis=1) if interpolation == "CUBICSPLINE" else frames
    data = two_joints([*t.tolist(), 31 / 30.0], np.concatenate([rows, rows[-1:]]), interpolation)
    clip = parse_gltf(data, "x.glb")
    assert clip.frame_count == 32
    turned = clip.with_motion(
        clip.local_position,
        rotation.multiply(clip.local_rotation, rotation.exp(np.array([0.3, 0.2, 0.1]))),
    )
    found = parse_gltf(format_gltf(turned, "x.glb")[0], "x.glb")
    assert (found.frame_count, found.frame_time_seconds) == (32, clip.frame_time_seconds)
    same_rotations(found.local_rotation, turned.local_rotation)
    assert format_gltf(clip, "x.glb")[0] == data


def test_a_clip_cut_short_keeps_its_character() -> None:
    data = character(CENTIMETRES, armature=BLENDER).glb()
    clip = parse_gltf(data, "character.glb")
    cut = clip.with_motion(clip.local_position[5:25], clip.local_rotation[5:25])
    result, notes = format_gltf(cut, "cut.glb")
    assert notes == ("cut.glb: what moves beside the rig kept its own times",)
    found = parse_gltf(result, "cut.glb")
    assert (found.frame_count, found.frame_time_seconds) == (20, clip.frame_time_seconds)
    np.testing.assert_allclose(found.world_position, cut.world_position, atol=1e-5)
    assert plain(result)["meshes"] == plain(data)["meshes"]
    bare = parse_gltf(character(CENTIMETRES, armature=BLENDER, props=False).glb(), "x.glb")
    assert (
        format_gltf(
            bare.with_motion(bare.local_position[5:25], bare.local_rotation[5:25]), "cut.glb"
        )[1]
        == ()
    )
    slower = replace(clip, frame_time_seconds=0.05)
    found = parse_gltf(format_gltf(slower, "x.glb")[0], "x.glb")
    assert (found.frame_count, found.frame_time_seconds) == (clip.frame_count, 0.05)
    np.testing.assert_allclose(found.world_position, clip.world_position, atol=1e-5)


def test_another_rig_on_the_source_of_a_character_is_a_file_of_its_own() -> None:
    clip = parse_gltf(character(CENTIMETRES, armature=BLENDER).glb(), "character.glb")
    check_new_file(replace(RIG, source=clip.source))


def test_curves_that_share_their_numbers_are_parted() -> None:
    """One accessor for two joints, one sampler for two channels, and bytes that two accessors
    share: only one of them changes.
    """
    still = np.tile(rotation.IDENTITY, (RIG.frame_count, 1))
    sharing = RIG.with_motion(RIG.local_position, RIG.local_rotation.copy())
    names = list(rig_names())
    left, right, neck = (names.index(name) for name in ("LeftArm", "RightArm", "Neck"))
    sharing.local_rotation[:, [left, right, neck]] = still[:, None]
    for how in ("accessor", "sampler", "bytes"):
        made = character(sharing, props=False)
        samplers, channels = (made.tree["animations"][0][key] for key in ("samplers", "channels"))
        if how == "accessor":
            samplers[right]["output"] = samplers[left]["output"]
        elif how == "sampler":
            channels[right]["sampler"] = channels[left]["sampler"]
        else:
            accessors = made.tree["accessors"]
            accessors[samplers[right]["output"]]["bufferView"] = accessors[
                samplers[left]["output"]
            ]["bufferView"]
        clip = parse_gltf(made.glb(), "x.glb")
        changed = restyled(clip)
        found = parse_gltf(format_gltf(changed, "x.glb")[0], "x.glb")
        same_rotations(found.local_rotation, changed.local_rotation)


def test_joints_without_curves_get_some_when_they_move() -> None:
    made = character(CENTIMETRES, armature=BLENDER, props=False)
    animation = made.tree["animations"][0]
    names = list(rig_names())
    gone = {(names.index("LeftArm"), "rotation"), (names.index("Hips"), "translation")}
    animation["channels"] = [
        c for c in animation["channels"] if (c["target"]["node"], c["target"]["path"]) not in gone
    ]
    # a node that stands by a matrix may not move by a curve
    arm = made.tree["nodes"][names.index("LeftArm")]
    matrix = np.eye(4)
    matrix[:3, :3] = rotation.to_matrix(np.array(arm.pop("rotation"))[[3, 0, 1, 2]])
    matrix[:3, 3] = arm.pop("translation")
    arm["matrix"] = matrix.T.ravel().tolist()
    clip = parse_gltf(made.glb(), "x.glb")
    hips = clip.skeleton.index("mixamorig:Hips")
    assert np.ptp(clip.local_position[:, hips], axis=0).max() == 0.0
    changed = restyled(clip)
    found = parse_gltf(format_gltf(changed, "x.glb")[0], "x.glb")
    np.testing.assert_allclose(found.world_position, changed.world_position, atol=1e-5)
    assert "matrix" not in found.source.document.root.fields["nodes"][names.index("LeftArm")]


def test_gltf_as_text_with_files_beside_it(tmp_path: Path) -> None:
    made = character(CENTIMETRES, armature=BLENDER)
    expected = parse_gltf(made.glb(), "x.glb")
    image = made.tree["images"][0]
    tree = {**made.tree, "images": [{"uri": "cloth%20one.png", "name": "cloth"}], "buffers": []}
    half = len(made.blob) // 2 // 4 * 4
    while any(
        v["byteOffset"] < half < v["byteOffset"] + v["byteLength"] for v in tree["bufferViews"]
    ):
        half += 4
    views = [
        v if v["byteOffset"] < half else {**v, "buffer": 1, "byteOffset": v["byteOffset"] - half}
        for v in tree["bufferViews"]
    ]
    coded = base64.b64encode(made.blob[half:]).decode()
    tree["bufferViews"] = views
    tree["buffers"] = [
        {"uri": "data%20one.bin", "byteLength": half},
        {
            "uri": "data:application/octet-stream;base64," + coded,
            "byteLength": len(made.blob) - half,
        },
    ]
    (tmp_path / "data one.bin").write_bytes(made.blob[:half])
    (tmp_path / "cloth one.png").write_bytes(PNG)
    path = tmp_path / "character.gltf"
    path.write_text(json.dumps(tree, indent=1), encoding="utf-8")
    clip = read_motion(path)
    np.testing.assert_array_equal(clip.local_rotation, expected.local_rotation)
    for changed in (clip, restyled(clip)):
        for name in ("out.glb", "out.gltf"):
            out = tmp_path / "elsewhere" / name
            out.parent.mkdir(exist_ok=True)
            assert write_motion(changed, out) == ()
            found = read_motion(out)
            np.testing.assert_allclose(found.world_position, changed.world_position, atol=1e-5)
            assert found.source.document.root.fields["meshes"] == made.tree["meshes"]
            taken = found.source.document.root.fields["images"][0]
            assert (taken["name"], taken["mimeType"]) == ("cloth", "image/png")
            view = found.source.document.views[taken["bufferView"]].fields
            start = view.get("byteOffset", 0)
            assert found.source.document.buffers[0][start : start + view["byteLength"]] == PNG
    alone = read_motion(tmp_path / "elsewhere" / "out.gltf")
    assert format_gltf(alone, "x.gltf")[0] == (tmp_path / "elsewhere" / "out.gltf").read_bytes()
    (tmp_path / "cloth one.png").unlink()
    assert "cloth%20one.png" in write_motion(clip, tmp_path / "out.glb")[0]
    (tmp_path / "data one.bin").unlink()
    with pytest.raises(MotionFileError, match=r"data one\.bin was not found"):
        read_motion(path)
    assert image["mimeType"] == "image/png"


@pytest.mark.parametrize("broken", ["position", "rotation", "frames"])
def test_what_cannot_be_written(broken: str, tmp_path: Path) -> None:
    position, turn = RIG.local_position.copy(), RIG.local_rotation.copy()
    if broken == "position":
        position[3, 2] = np.nan
    elif broken == "rotation":
        turn[3, 2] = np.inf
    else:
        position, turn = position[:0], turn[:0]
    with pytest.raises(MotionFileError, match=r"x\.glb cannot be written: found a"):
        write_gltf(RIG.with_motion(position, turn), tmp_path / "x.glb")
    assert not list(tmp_path.iterdir())


def test_through_the_command_line(
    walk_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """BVH in and glTF out, glTF in and out, a style across formats, nothing at strength 0, and
    what is in a file.
    """
    monkeypatch.chdir(tmp_path)
    Path("character.glb").write_bytes(character(CENTIMETRES, armature=BLENDER).glb())

    def kinestyle(line: str) -> str:
        result = CliRunner().invoke(main, line.split())
        assert (result.exit_code, result.exception) == (0, None), result.output
        return result.stdout

    assert kinestyle(f"stylize {walk_file} --style old -o old.glb") == "old.glb\n"
    kinestyle(f"stylize {walk_file} --style old -o old.bvh")
    np.testing.assert_allclose(
        read_motion("old.glb").world_position,
        bring_into_world(read_motion("old.bvh"))[0].world_position,
        atol=1e-4,
    )
    kinestyle(f"stylize character.glb --like {walk_file} -o like.glb")
    kinestyle(f"stylize {walk_file} --like character.glb -o like.bvh")
    before, after = read_motion("character.glb"), read_motion("like.glb")
    assert after.skeleton.names == before.skeleton.names
    assert np.abs(after.world_position - before.world_position).max() > 0.005
    kinestyle("stylize character.glb --style proud --strength 0 -o same.glb")
    assert Path("same.glb").read_bytes() == Path("character.glb").read_bytes()
    found = json.loads(kinestyle("inspect character.glb --json"))
    assert (found["up"], found["unit"], found["family"], found["missing"]) == (
        "+Y",
        "m",
        "Mixamo",
        [],
    )
