"""What is read of glTF files: characters as exporters write them, scales, several rigs."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pygltflib
import pytest

from gltf_clips import BLENDER, CENTIMETRES, OWN, RIG, SHORT, WALK, frame_times, plain, restyled
from kinestyle.errors import MotionFileError
from kinestyle.formats.gltf import GltfSource, format_gltf, parse_gltf, read_gltf
from kinestyle.motion.clip import Clip
from kinestyle.rig.mapping import map_joints
from kinestyle.rig.world_frame import mirror_axis
from made_gltf import Made, accessor, character, see
from made_rigs import RIG_NAMES, as_rig


def check_character(
    made: Made, expected: Clip, prefix: str = "mixamorig:", atol: float = 1e-5
) -> Clip:
    """A made file is read as the world that the specification says it shows."""
    data = made.glb()
    clip = parse_gltf(data, "character.glb")
    assert isinstance(clip.source, GltfSource)
    seen = see(data, clip.source.grid.times())
    for j, name in enumerate(clip.skeleton.names):
        np.testing.assert_allclose(clip.world_position[:, j], seen.place(name), atol=1e-5)
    for j, name in enumerate(expected.skeleton.names):
        found = clip.skeleton.names.index(prefix + name)
        np.testing.assert_allclose(
            clip.world_position[:, found], expected.world_position[:, j], atol=atol
        )
    assert (clip.frame_count, clip.frame_time_seconds) == (
        expected.frame_count,
        expected.frame_time_seconds,
    )
    return clip


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("skinned", [False, True])
@pytest.mark.parametrize("start", [0.0, 1.0 / 24.0])
def test_a_character_as_exporters_write_it(reverse: bool, skinned: bool, start: float) -> None:
    clip = check_character(
        character(
            CENTIMETRES, armature=BLENDER, reverse=reverse, skinned=skinned, start_seconds=start
        ),
        RIG,
    )
    mapping = map_joints(clip)
    names = clip.skeleton.names
    assert {role: names[joint] for role, joint in mapping.joints.items()} == {
        role: "mixamorig:" + name for role, name in RIG_NAMES.items()
    }
    assert (mapping.family, mapping.unit) == ("Mixamo", "m")
    assert names[0] == "Armature"
    assert clip.warnings == (
        "character.glb holds 2 animations; 'Walk', the one that moves most, was read; name another "
        "as animation: 'T-Pose'",
    )


def test_what_is_no_gltf() -> None:
    for data in (b"", b"  \n", b"HIERARCHY", b"{}", b"[]", b"glTF", b"glTF" + b"\0" * 40):
        with pytest.raises(MotionFileError):
            parse_gltf(data, "x.glb")


def test_the_ways_in_which_numbers_are_stored() -> None:
    """Normalised integers, rows between other rows, sparse accessors, and accessors that start as
    zeros.
    """
    for dtype, atol in (("<i2", 2e-4), ("<i1", 0.05)):
        check_character(character(CENTIMETRES, armature=BLENDER, dtype=dtype), RIG, atol=atol)

    made = character(CENTIMETRES, armature=BLENDER)
    expected = parse_gltf(made.glb(), "plain.glb")
    outputs = [sampler["output"] for sampler in made.tree["animations"][0]["samplers"][:3]]
    stored = [see_accessor(made, number) for number in outputs]
    between = np.concatenate(stored[:2], axis=1).astype("<f4")
    view = made.view(between.tobytes(), byteStride=32)
    for i, number in enumerate(outputs[:2]):
        made.tree["accessors"][number] |= {"bufferView": view, "byteOffset": 16 * i}
    rows = np.arange(0, len(stored[2]), 3)
    sparse = {
        "count": len(rows),
        "indices": {"bufferView": made.view(rows.astype("<u2").tobytes()), "componentType": 5123},
        "values": {"bufferView": made.view(stored[2][rows].astype("<f4").tobytes())},
    }
    made.tree["accessors"][outputs[2]]["sparse"] = sparse
    changed = stored[2].copy()
    changed[rows] = 0.0  # what stands below is not what counts
    place = made.tree["bufferViews"][made.tree["accessors"][outputs[2]]["bufferView"]]
    made.blob[place["byteOffset"] : place["byteOffset"] + place["byteLength"]] = changed.astype(
        "<f4"
    ).tobytes()
    found = parse_gltf(made.glb(), "stored.glb")
    np.testing.assert_array_equal(found.local_rotation, expected.local_rotation)

    written = parse_gltf(format_gltf(restyled(found), "x.glb")[0], "x.glb")
    np.testing.assert_allclose(written.world_position, restyled(expected).world_position, atol=1e-5)

    all_sparse = made.tree["accessors"][outputs[2]]
    del all_sparse["bufferView"]
    all_sparse["sparse"] = {
        "count": len(stored[2]),
        "indices": {
            "bufferView": made.view(np.arange(len(stored[2])).astype("<u4").tobytes()),
            "componentType": 5125,
        },
        "values": {"bufferView": made.view(stored[2].astype("<f4").tobytes())},
    }
    np.testing.assert_array_equal(
        parse_gltf(made.glb(), "x.glb").local_rotation, expected.local_rotation
    )


def see_accessor(made: Made, number: int) -> np.ndarray:
    return accessor(pygltflib.GLTF2.load_from_bytes(made.glb()), number)


def test_scales_and_mirrors_above_the_joints() -> None:
    for armature in (
        {"scale": [0.01, 0.01, -0.01]},
        {"scale": [-0.01, 0.01, 0.01], "translation": [1.0, 2.0, 3.0]},
        {"scale": [-0.01, -0.01, -0.01], "rotation": [0.5, 0.5, 0.5, 0.5]},
        {"matrix": [0.0, 0, -0.01, 0, 0, 0.01, 0, 0, 0.01, 0, 0, 0, 4.0, 5.0, 6.0, 1.0]},
        {"matrix": [-0.01, 0, 0, 0, 0, 0.01, 0, 0, 0, 0, 0.01, 0, 4.0, 5.0, 6.0, 1.0]},
    ):
        data = character(SHORT, armature=armature).glb()
        clip = parse_gltf(data, "x.glb")
        seen = see(data, frame_times(clip))
        for j, name in enumerate(clip.skeleton.names):
            np.testing.assert_allclose(clip.world_position[:, j], seen.place(name), atol=1e-5)
        changed = restyled(clip)
        written = format_gltf(changed, "x.glb")[0]
        seen = see(written, frame_times(clip))
        for j, name in enumerate(clip.skeleton.names):
            np.testing.assert_allclose(changed.world_position[:, j], seen.place(name), atol=1e-5)


def scaled(node: str, scale: list[float], grows: bool = False) -> bytes:
    made = character(SHORT, armature=BLENDER, props=False)
    number = next(i for i, n in enumerate(made.tree["nodes"]) if n["name"] == node)
    made.tree["nodes"][number]["scale"] = scale
    if grows:
        animation = made.tree["animations"][0]
        values = np.linspace(scale, [0.5 * s for s in scale], SHORT.frame_count)
        animation["channels"].append(
            {"sampler": len(animation["samplers"]), "target": {"node": number, "path": "scale"}}
        )
        animation["samplers"].append(
            {"input": animation["samplers"][0]["input"], "output": made.array(values)}
        )
    return made.glb()


def test_scaled_joints() -> None:
    for data in (
        scaled("mixamorig:Spine", [1.2] * 3),
        scaled("mixamorig:Hips", [1.5] * 3, grows=True),
        scaled("mixamorig:LeftToe", [1.0, 2.0, 3.0]),  # nothing hangs on it
        scaled("mixamorig:LeftFoot", [1.0, 2.0, 3.0]),  # only a toe does, which it merely moves
    ):
        clip = parse_gltf(data, "x.glb")
        changed = restyled(clip)
        for one, motion in ((data, clip), (format_gltf(changed, "x.glb")[0], changed)):
            seen = see(one, frame_times(clip))
            for j, name in enumerate(clip.skeleton.names):
                np.testing.assert_allclose(motion.world_position[:, j], seen.place(name), atol=1e-5)
    # a little of it is read, as nearly as bones can have it, and said
    clip = parse_gltf(scaled("mixamorig:Spine", [1.0, 1.05, 1.0]), "x.glb")
    assert any("without its shear" in warning for warning in clip.warnings)
    changed = restyled(clip)
    back = parse_gltf(format_gltf(changed, "x.glb")[0], "x.glb")
    np.testing.assert_allclose(back.world_position, changed.world_position, atol=1e-5)
    for data in (
        scaled("mixamorig:Spine", [1.0, 2.0, 1.0]),
        scaled("Armature", [0.01, 0.02, 0.01]),
    ):
        with pytest.raises(
            MotionFileError,
            match=r"nodes\[\d+\]: found a scale of .* would bend the joints .* apply the scale",
        ):
            parse_gltf(data, "x.glb")


def test_a_rig_that_is_mirrored_in_its_file_maps_as_it_looks() -> None:
    """The numbers of a left-handed rig below a mirror: what is seen is a proper body."""
    mirrored = mirror_axis(as_rig(WALK, OWN, metres_per_unit=0.01))
    clip = check_character(character(mirrored, armature={"scale": [-0.01, 0.01, 0.01]}), RIG)
    mapping = map_joints(clip)
    assert not mapping.swapped
    assert not [warning for warning in mapping.warnings if "swapped" in warning]


UNREACHED = [
    "../secret.bin",
    "/etc/passwd",
    "file:///etc/passwd",
    "http://a.b/c.bin",
    "//host/c.bin",
    "a\\b.bin",
]
UNREACHED += ["x/../../secret.bin", "%2e%2e/secret.bin", "http://[", "link.bin"]


@pytest.mark.parametrize("uri", [*UNREACHED, "", "\0"])
def test_a_file_reaches_for_no_others(uri: str, tmp_path: Path) -> None:
    (tmp_path / "secret.bin").write_bytes(bytes(4096))
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "link.bin").symlink_to(tmp_path / "secret.bin")
    tree = {**Made().tree, "buffers": [{"uri": uri, "byteLength": 16}]}
    path = folder / "x.gltf"
    path.write_text(json.dumps(tree), encoding="utf-8")
    with pytest.raises(
        MotionFileError,
        match=r"buffers\[0\].uri: found .*, expected the name of a file beside this one",
    ):
        read_gltf(path)
    with pytest.raises(MotionFileError, match="beside this one"):
        parse_gltf(path.read_bytes(), "x.gltf")


def test_which_of_several_animations_and_rigs_is_read() -> None:
    made = character(CENTIMETRES, armature=BLENDER)
    made.tree["animations"].reverse()
    clip = parse_gltf(made.glb(), "x.glb")
    assert clip.source.animation == 1
    changed = restyled(clip)
    result = plain(format_gltf(changed, "x.glb")[0])
    assert result["animations"][0] == made.tree["animations"][0]

    # a small second rig beside it, and two nodes of one name
    first = len(made.tree["nodes"])
    made.put("nodes", {"name": "mixamorig:Hips", "children": [first + 1]})
    made.put("nodes", {"name": "Tail", "translation": [0.0, 0.0, 1.0]})
    made.put("skins", {"joints": [first, first + 1]})
    made.tree["scenes"][0]["nodes"].append(first)
    clip = parse_gltf(made.glb(), "x.glb")
    (note,) = [note for note in clip.warnings if "characters" in note]
    assert note.startswith("x.glb holds 2 characters ('Armature', 'mixamorig:Hips'); number 1 was")
    assert (clip.characters, clip.character) == (("Armature", "mixamorig:Hips"), 1)
    made.tree["nodes"][3]["name"] = made.tree["nodes"][2]["name"]
    clip = parse_gltf(made.glb(), "x.glb")
    assert any("several nodes named" in warning for warning in clip.warnings)
    assert len(set(clip.skeleton.names)) == len(clip.skeleton.names)
    del made.tree["nodes"][4]["name"]
    assert "node_4" in parse_gltf(made.glb(), "x.glb").skeleton.names


def test_a_small_skin_on_a_body_of_bare_nodes() -> None:
    """A hat with a skin on one joint: the body that the animation moves is the rig all the same."""
    made = character(CENTIMETRES, armature=BLENDER)
    names = [node.get("name") for node in made.tree["nodes"]]
    made.tree["skins"][0] = {"joints": [names.index("mixamorig:Head")]}
    assert len(map_joints(parse_gltf(made.glb(), "x.glb")).joints) == 21
