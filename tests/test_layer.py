"""What changed as an additive layer: on every rig, through every format that has layers."""

from __future__ import annotations

import json
import os
import struct
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from blender_oracle import expected_positions
from kinestyle import add_layer, read_layer
from kinestyle.cli import main
from kinestyle.errors import ClipError, MotionFileError, StyleError
from kinestyle.formats.bvh import read_bvh, write_bvh
from kinestyle.formats.table import open_motion, read_motion, write_motion
from kinestyle.motion import rotation
from kinestyle.motion.clip import Clip
from kinestyle.motion.layer import Layered, layer_between
from kinestyle.motion.rotation import Array
from kinestyle.runtime.settings import Settings
from kinestyle.runtime.stylizer import Stylizer
from long_motion import long_clip
from test_rig_contract import RIGS, opened

WITHIN_M = 1e-4


def apart_m(a: Clip, b: Clip, metres: float) -> float:
    return float(np.abs(a.world_position - b.world_position).max()) * metres


@pytest.mark.parametrize("rig", RIGS)
def test_a_layer_added_to_the_input_is_the_result(
    released: Stylizer, data_dir: Path, tmp_path: Path, rig: str
) -> None:
    clip = replace(opened(data_dir, RIGS[rig]), source=None, name="clip")
    analysis = released.analyse(clip)
    metres = analysis.correspondence.scale_to_canonical
    code = released.style_of("old")
    plain = released.apply(analysis, code)
    layered = released.apply(analysis, code, output="layer")
    np.testing.assert_array_equal(layered.local_rotation, plain.local_rotation)
    assert layered.base is not None
    assert layered.base.local_rotation is clip.local_rotation
    for ending in (".bvh", ".glb", ".fbx"):
        paths = {name: tmp_path / f"{name}{ending}" for name in ("clip", "plain", "layer")}
        for name, motion in (("clip", clip), ("plain", plain), ("layer", layered)):
            assert write_motion(motion, paths[name]) == () or ending != ".bvh"
        before, after = read_motion(paths["clip"]), read_motion(paths["plain"])
        # .glb is in metres, .fbx in centimetres
        unit = {".bvh": metres, ".glb": 1.0, ".fbx": 0.01}[ending]
        if ending == ".fbx":
            together = read_motion(paths["layer"])
        else:
            together = add_layer(before, read_layer(paths["layer"]))
        assert apart_m(together, after, unit) < WITHIN_M, ending
        assert apart_m(before, after, unit) > 0.01, "a style changes something"


def test_a_weight_takes_a_part_of_it(tiny: Stylizer, walk_clip: Clip) -> None:
    after = tiny.stylize(walk_clip, "one/calm")
    layer = layer_between(walk_clip, after)
    none = add_layer(walk_clip, layer, 0.0)
    np.testing.assert_array_equal(none.local_rotation, walk_clip.local_rotation)
    np.testing.assert_array_equal(none.local_position, walk_clip.local_position)
    half = add_layer(walk_clip, layer, 0.5)
    whole = rotation.angle(layer.rotation)
    turned = rotation.angle(layer_between(walk_clip, half).rotation)
    np.testing.assert_allclose(turned, 0.5 * whole, atol=1e-6)
    twice = add_layer(half, replace(layer, rotation=layer_between(walk_clip, half).rotation), 1.0)
    np.testing.assert_allclose(twice.local_rotation, _near(after.local_rotation, twice), atol=1e-6)


def _near(q: Array, clip: Clip) -> Array:
    """The quaternions in the hemisphere of a clip's."""
    return np.where(np.sum(q * clip.local_rotation, axis=-1, keepdims=True) < 0.0, -q, q)


def test_a_weight_may_change_over_time(tiny: Stylizer, walk_clip: Clip) -> None:
    after = tiny.stylize(walk_clip, "one/calm")
    layer = layer_between(walk_clip, after)
    rising = np.linspace(0.0, 1.0, walk_clip.frame_count)
    added = add_layer(walk_clip, layer, rising)
    np.testing.assert_array_equal(added.local_rotation[0], walk_clip.local_rotation[0])
    assert apart_m(added.window(150, 151), after.window(150, 151), 0.01) < 1e-6


def test_a_layer_fits_its_rig_and_its_length_only(tiny: Stylizer, walk_clip: Clip) -> None:
    layer = layer_between(walk_clip, walk_clip)
    with pytest.raises(ClipError, match="frame for frame"):
        add_layer(walk_clip.window(0, 10), layer)
    other = walk_clip.window(0, walk_clip.frame_count, range(20))
    with pytest.raises(ClipError, match="moves other joints"):
        add_layer(other, layer)


def test_a_layer_needs_the_frames_of_the_clip() -> None:
    with pytest.raises(StyleError, match="timing keep"):
        Settings(output="layer", timing="style")


# ---------------------------------------------------------------- what stands in the files


def test_a_layer_in_bvh_is_the_hierarchy_at_rest_and_what_is_added(
    tiny: Stylizer, walk_file: Path, walk_clip: Clip, tmp_path: Path
) -> None:
    layered = tiny.stylize(walk_clip, "one/calm", output="layer")
    path = tmp_path / "layer.bvh"
    assert write_motion(layered, path) == ()
    written = read_bvh(path)
    assert written.source.head_text == walk_clip.source.head_text
    layer = layer_between(walk_clip, layered)
    apart = rotation.multiply(rotation.inverse(layer.rotation), written.local_rotation)
    assert rotation.angle(apart).max() < 1e-6
    np.testing.assert_allclose(
        written.local_position - written.skeleton.offsets, layer.translation, atol=1e-5
    )
    still = walk_clip.skeleton.index("LeftHandThumb1")
    rows = written.source.values
    first = written.source.first_columns[still]
    assert not rows[:, first : first + 3].any(), "what has no role is not in the layer"


def test_a_layer_in_gltf_says_what_it_is(tiny: Stylizer, walk_clip: Clip, tmp_path: Path) -> None:
    path = tmp_path / "walk.glb"
    write_motion(walk_clip, path)
    clip = read_motion(path)
    layered = tiny.stylize(clip, "one/calm", output="layer")
    write_motion(layered, tmp_path / "layer.glb")
    data = (tmp_path / "layer.glb").read_bytes()
    fields = json.loads(data[20 : 20 + struct.unpack_from("<I", data, 12)[0]])
    below, above = fields["animations"]
    assert above["name"] == "walk layer"
    stated = above["extras"]["kinestyle"]["layer"]
    assert stated["over"] == below["name"] == "walk"
    assert stated["rotation"].startswith("rest * inverse(over) * result")
    moved = {fields["nodes"][c["target"]["node"]]["name"] for c in above["channels"]}
    assert "Spine1" in moved
    assert "LeftHandThumb1" not in moved, "what the layer leaves alone has no curve"
    # the clip is what is read where nothing is asked for
    again = read_motion(tmp_path / "layer.glb")
    assert again.animation == "walk"
    np.testing.assert_array_equal(again.local_rotation, clip.local_rotation)
    with pytest.raises(MotionFileError, match="no animation that is a layer"):
        read_layer(path)


def test_the_layer_of_an_fbx_file_lies_over_its_own_animation(
    tiny: Stylizer, walk_clip: Clip, tmp_path: Path
) -> None:
    from kinestyle.formats.fbx.animation_objects import AnimationObjects
    from kinestyle.formats.fbx.records import parse

    path, out = tmp_path / "walk.fbx", tmp_path / "layer.fbx"
    write_motion(walk_clip, path)
    clip = read_motion(path)
    plain = tiny.stylize(clip, "one/calm")
    layered = tiny.stylize(clip, "one/calm", output="layer")
    assert write_motion(layered, out) == ()
    assert apart_m(read_motion(out), plain, 0.01) < WITHIN_M
    objects = AnimationObjects(parse(out.read_bytes(), "layer"))
    assert len(objects.stacks) == 1
    objects.open("walk")
    base, above = objects.layers
    stated = objects.by_number[above].find("Properties70")
    values = {p.decoded()[0]: p.decoded()[-1] for p in stated.children}
    assert values["BlendMode"] == 0, "additive"
    assert values["RotationAccumulationMode"] == 1, "by channel"
    assert values["Weight"] == 100.0
    # without its layer it is the clip
    objects.drop(next(link for link in objects.into[objects.stack] if link.child == above))
    objects.close()
    from kinestyle.formats.fbx.reader import parse_fbx
    from kinestyle.formats.fbx.records import serialize

    alone = parse_fbx(serialize(objects.document), "alone")
    assert base != above
    assert apart_m(alone, clip, 0.01) < WITHIN_M


def test_a_format_without_layers_says_so(tiny: Stylizer, walk_clip: Clip, tmp_path: Path) -> None:
    layered = tiny.stylize(walk_clip, "one/calm", output="layer")
    with pytest.raises(MotionFileError, match="what is asked for is a layer"):
        write_motion(layered, tmp_path / "layer.npz")
    with pytest.raises(MotionFileError, match="what is asked for is a layer"):
        write_motion(layered, tmp_path / "layer.vrma")
    with pytest.raises(MotionFileError, match="base and layer together"):
        read_layer(tmp_path / "layer.fbx")


# ---------------------------------------------------------------- with what else is asked for


def test_the_layer_of_a_part_at_another_rate_lies_over_that_part(
    tiny: Stylizer, walk_clip: Clip, tmp_path: Path
) -> None:
    from kinestyle.runtime.edits import edit

    asked = Settings(start="20f", stop="80f", out_fps=60.0, in_place=True)
    below = edit(walk_clip, replace(asked, in_place=False))
    plain = tiny.stylize(walk_clip, "one/calm", asked)
    layered = tiny.stylize(walk_clip, "one/calm", asked, output="layer")
    write_motion(layered, tmp_path / "layer.bvh")
    together = add_layer(below, read_layer(tmp_path / "layer.bvh"))
    assert apart_m(together, plain, 0.01) < WITHIN_M


def test_a_long_layer_is_written_a_window_at_a_time(tiny: Stylizer, tmp_path: Path) -> None:
    path, out = tmp_path / "long.bvh", tmp_path / "layer.bvh"
    write_bvh(long_clip(130.0), path)
    motion = open_motion(path)
    layered = tiny.stylize(motion, "one/calm", output="layer")
    assert isinstance(layered, Layered)
    write_motion(layered, out)
    plain = tiny.stylize(motion, "one/calm")
    start, stop = 2000, 2060
    whole = read_layer(out)
    part = replace(
        whole, rotation=whole.rotation[start:stop], translation=whole.translation[start:stop]
    )
    together = add_layer(motion.window(start, stop), part)
    assert apart_m(together, plain.window(start, stop), 0.01) < WITHIN_M


def test_the_command_line_writes_a_layer(walk_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "layer.glb"
    words = "stylize", walk_file, "--style", "old", "--output", "layer", "-o", out
    assert CliRunner().invoke(main, [*map(str, words)], catch_exceptions=False).exit_code == 0
    assert read_layer(out).frame_count == read_bvh(walk_file).frame_count


# ---------------------------------------------------------------- in Blender

BPY = os.environ.get("KINESTYLE_BPY")


@pytest.mark.skipif(not BPY, reason="KINESTYLE_BPY names no interpreter that has bpy")
@pytest.mark.parametrize("weight", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("ending", [".bvh", ".glb"])
def test_the_nla_combines_clip_and_layer_to_the_result(
    tiny: Stylizer, walk_clip: Clip, tmp_path: Path, ending: str, weight: float
) -> None:
    clip = walk_clip.window(0, 40)
    layered = tiny.stylize(clip, "one/calm", output="layer")
    given, layer = tmp_path / f"walk{ending}", tmp_path / f"layer{ending}"
    write_motion(clip, given)
    write_motion(layered, layer)
    files = [layer] if ending == ".glb" else [given, layer]
    out = tmp_path / "found.npz"
    script = Path(__file__).with_name("blender_layer.py")
    words = [str(BPY), script, out, clip.frame_rate, weight, *files]
    subprocess.run([*map(str, words)], check=True, capture_output=True, timeout=300)
    found = np.load(out)
    both = add_layer(clip, layer_between(clip, layered), weight)
    expected, metres = expected_positions(both, ending)
    order = [found["bones"].tolist().index(name) for name in clip.skeleton.names]
    apart = metres * np.linalg.norm(found["heads"][:, order] - expected, axis=-1)
    assert apart.max() < WITHIN_M
