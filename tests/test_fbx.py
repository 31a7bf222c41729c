"""FBX: what is newly written reads back, what was read is written into its file, what is damaged is
refused with a sentence.
"""

from __future__ import annotations

import contextlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("ufbx", reason="reading FBX needs the fbx extra")
from hypothesis import given, settings
from hypothesis import strategies as st

from gltf_clips import RIG
from kinestyle.errors import MotionFileError
from kinestyle.formats.fbx import format_fbx, parse_fbx
from kinestyle.formats.fbx.curves import curve_node_record, property_record
from kinestyle.formats.fbx.records import Document, parse, record, serialize
from kinestyle.formats.table import read_motion, write_motion
from kinestyle.motion import rotation
from kinestyle.motion.clip import Clip, StatedWorld
from kinestyle.rig.world_frame import bring_into_world
from made_rigs import walk

CENTIMETRES = StatedWorld(0.01, (0.0, 1.0, 0.0))


def written(clip: Clip) -> bytes:
    return format_fbx(clip, "made.fbx")[0]


def distance_m(a: Clip, b: Clip) -> float:
    """The farthest that any joint lies apart in any frame, both clips in their stated worlds."""
    a, b = (bring_into_world(clip)[0] for clip in (a, b))
    assert a.world_position.shape == b.world_position.shape, "clips of different length or size"
    return float(np.linalg.norm(a.world_position - b.world_position, axis=-1).max())


@pytest.fixture(scope="module")
def made() -> Clip:
    return replace(walk(1.5).clip, world=StatedWorld(1.0, (0.0, 1.0, 0.0)))


def test_a_clip_reads_back_as_it_was(walk_clip):
    back = parse_fbx(written(walk_clip), "walk.fbx")
    assert back.skeleton.names == walk_clip.skeleton.names
    assert np.array_equal(back.skeleton.parents, walk_clip.skeleton.parents)
    assert np.array_equal(back.skeleton.end_parents, walk_clip.skeleton.end_parents)
    assert back.frame_time_seconds == pytest.approx(walk_clip.frame_time_seconds, rel=1e-12)
    assert back.world == CENTIMETRES
    assert distance_m(back, walk_clip) < 1e-6
    turn = rotation.multiply(
        rotation.inverse(back.world_rotation),
        bring_into_world(walk_clip, CENTIMETRES)[0].world_rotation,
    )
    assert rotation.angle(turn).max() < 1e-6
    tips = bring_into_world(walk_clip, CENTIMETRES)[0].skeleton.end_offsets
    assert back.skeleton.end_offsets == pytest.approx(tips, abs=1e-6)


@pytest.mark.parametrize(
    "rate", [24.0, 30.0, 1000.0, 30 / 1.001, 120 / 1.001, 12.5, 1 / 0.0333333, 1 / 0.00833]
)
def test_the_frame_rate_comes_back_exactly(made, rate):
    back = parse_fbx(written(replace(made, frame_time_seconds=1.0 / rate)), "made.fbx")
    assert back.frame_count == made.frame_count
    assert back.frame_rate == pytest.approx(rate, rel=1e-12)
    assert distance_m(back, made) < 1e-5


def test_angles_run_on_without_jumps():
    """Two full turns of the root: what an editor draws between two keys must not spin back."""
    clip = walk(2.0).clip
    spin = rotation.about_y(np.linspace(0.0, 4.0 * np.pi, clip.frame_count))
    local = clip.local_rotation.copy()
    local[:, 0] = rotation.multiply(spin, local[:, 0])
    document = parse(written(clip.with_motion(clip.local_position, local)), "spin.fbx")
    curves = [
        item.find("KeyValueFloat").decoded()[0]
        for item in document.find("Objects").all("AnimationCurve")
    ]
    assert max(np.abs(np.diff(values)).max() for values in curves) < 40.0
    assert max(np.ptp(values) for values in curves) > 700.0


def test_real_clips_of_many_rigs_read_back(data_dir, tmp_path):
    files = sorted((data_dir / "wild").glob("*.bvh"))
    assert files
    for file in files:
        clip = read_motion(file)
        if clip.frame_count * clip.skeleton.joint_count > 5_000:
            continue
        write_motion(clip, tmp_path / "clip.fbx")
        back = read_motion(tmp_path / "clip.fbx")
        assert distance_m(back, clip) < 1e-5, file.name
        assert back.frame_time_seconds == pytest.approx(clip.frame_time_seconds, rel=1e-12), (
            file.name
        )


def test_the_record_tree_is_written_back_byte_for_byte(made):
    data = written(made)
    assert serialize(parse(data, "made.fbx")) == data
    document = parse(data, "made.fbx")
    document.version = 7700
    wide = serialize(document)
    assert serialize(parse(wide, "wide.fbx")) == wide
    document.find("Objects").children.append(
        record("Extra", "text", 7, np.int64(2**40), np.arange(100.0), children=[])
    )
    longer = parse(serialize(document), "longer.fbx").find("Objects").children[-1]
    assert longer.closed
    assert [*longer.decoded()[:3]] == ["text", 7, 2**40]
    assert np.array_equal(longer.decoded()[3], np.arange(100.0))


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "empty"),
        (b"HIERARCHY\nROOT Hips", "is not sound FBX"),
        (b"\x00" * 5000, "is not sound FBX"),
        (b"Kaydara FBX Binary  \x00\x1a\x00", "does not begin"),
        (b"; FBX 7.4.0 project file\nObjects: {\n", "no skeleton"),
    ],
)
def test_what_is_no_fbx_is_refused(data, says):
    with pytest.raises(MotionFileError, match=says):
        parse_fbx(data, "bad.fbx")


def test_an_existing_file_stays_when_writing_fails(made, tmp_path):
    target = tmp_path / "out.fbx"
    target.write_bytes(b"precious")
    broken = made.with_motion(made.local_position * np.nan, made.local_rotation)
    with pytest.raises(MotionFileError, match="not finite"):
        write_motion(broken, target)
    assert target.read_bytes() == b"precious"
    assert [path.name for path in Path(tmp_path).iterdir()] == ["out.fbx"]


def odd_file(clip: Clip) -> bytes:
    """A file as other programs write them: fixed turns, pivots, orders of rotation, a scaled node
    above, things nobody knows.
    """
    document = parse(written(clip), "odd.fbx")
    random = np.random.default_rng(5)
    models = [
        item for item in document.find("Objects").all("Model") if item.decoded()[2] == "LimbNode"
    ]
    for i, model in enumerate(models):
        properties = model.find("Properties70").children
        if i % 2:
            properties.append(
                property_record(
                    "PreRotation", "Vector3D", "Vector", "", *random.uniform(-90, 90, 3).tolist()
                )
            )
        if i % 3 == 0:
            properties.append(
                property_record(
                    "PostRotation", "Vector3D", "Vector", "", *random.uniform(-90, 90, 3).tolist()
                )
            )
        if i % 4 == 0:
            for name in ("RotationPivot", "RotationOffset", "ScalingPivot", "ScalingOffset"):
                properties.append(
                    property_record(
                        name, "Vector3D", "Vector", "", *random.uniform(-3, 3, 3).tolist()
                    )
                )
        properties.append(property_record("RotationOrder", "enum", "", "", i % 6))
    above = [
        property_record("Lcl Translation", "Lcl Translation", "", "A", 10.0, -20.0, 30.0),
        property_record("Lcl Rotation", "Lcl Rotation", "", "A", -90.0, 15.0, 0.0),
        property_record("Lcl Scaling", "Lcl Scaling", "", "A", 2.0, 2.0, 2.0),
    ]
    null = record(
        "Model",
        np.int64(77),
        "Above\x00\x01Model",
        "Null",
        children=[record("Properties70", children=above)],
    )
    document.find("Objects").children += [
        null,
        record("Mystery", np.int64(78), "What\x00\x01Ever", "", children=[]),
    ]
    root = np.int64(models[0].decoded()[0])
    links = document.find("Connections")
    old = next(link for link in links.children if link.decoded()[1:3] == [root, np.int64(0)])
    old.replace_value(2, np.int64(77))
    links.children.append(record("C", "OO", np.int64(77), np.int64(0)))
    return serialize(document)


def bent(clip: Clip, joints: list[int]) -> Clip:
    """Some joints turned otherwise, by an amount that changes over time."""
    local = clip.local_rotation.copy()
    swing = 0.4 * np.sin(np.linspace(0.5, 9.0, clip.frame_count))
    for joint in joints:
        local[:, joint] = rotation.multiply(
            local[:, joint], rotation.exp(swing[:, None] * np.array([0.5, -0.7, 0.3]))
        )
    return clip.with_motion(clip.local_position, local)


def test_an_unchanged_clip_gives_its_file_back(made):
    for data in (written(made), odd_file(made)):
        assert written(parse_fbx(data, "odd.fbx")) == data


def test_changed_joints_are_put_into_the_file(made):
    data = odd_file(made)
    clip = parse_fbx(data, "odd.fbx")
    joints = [0, 3, 4, 11, 14, 17]
    changed = bent(clip, joints)
    position = changed.local_position.copy()
    position[:, 0] += [1.0, 2.0, -3.0]
    changed = changed.with_motion(position, changed.local_rotation)
    out, notes = format_fbx(changed, "out.fbx")
    assert notes == ()
    back = parse_fbx(out, "out.fbx")
    assert back.skeleton.names == clip.skeleton.names
    size = np.ptp(clip.world_position)
    assert np.abs(back.world_position - changed.world_position).max() < 1e-5 * size
    assert (
        rotation.angle(
            rotation.multiply(rotation.inverse(back.local_rotation), changed.local_rotation)
        ).max()
        < 1e-5
    )

    before, after = parse(data, "a"), parse(out, "b")
    added = len(after.find("Objects").children) - len(before.find("Objects").children)
    unlike = [
        old.name
        for old, new in zip(
            before.find("Objects").children, after.find("Objects").children, strict=False
        )
        if serialize(Document(7400, [old])) != serialize(Document(7400, [new]))
    ]
    # three curves of each turned joint and of the placed root; those with pivots get new ones for
    # where they are
    assert set(unlike) == {"AnimationCurve"}
    assert len(unlike) == 3 * len(joints) + 3
    assert 0 <= added <= 4 * len(joints)
    for name in ("GlobalSettings", "Takes", "Documents", "FBXHeaderExtension"):
        assert serialize(Document(7400, [before.find(name)])) == serialize(
            Document(7400, [after.find(name)])
        ), name


def test_newer_files_with_wide_offsets_are_patched_too(made):
    document = parse(odd_file(made), "odd.fbx")
    document.version, document.footer = 7700, b""
    data = serialize(document)
    clip = parse_fbx(data, "new.fbx")
    changed = bent(clip, [4])
    out, notes = format_fbx(changed, "out.fbx")
    assert (notes, parse(out, "out.fbx").version) == ((), 7700)
    assert np.abs(
        parse_fbx(out, "out.fbx").world_position - changed.world_position
    ).max() < 1e-5 * np.ptp(clip.world_position)


def state(document: Document, name: str, value: int) -> None:
    """Put another value into the properties of that name, of settings and takes."""
    takes = [*document.find("Objects").all("AnimationStack"), document.find("GlobalSettings")]
    for item in (row for take in takes for row in take.find("Properties70").children):
        if item.decoded()[0] == name:
            item.replace_value(4, value)


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        (
            "LocalStop",
            np.int64(2**61),
            r"an animation from 0 to [0-9e.+]+ seconds, expected at most",
        ),
        (
            "LocalStop",
            np.int64(46_186_158_000 * 20_000),
            r"[0-9]+ frames of 21 joints, expected at most",
        ),
    ],
)
def test_animations_without_end_are_refused(made, name, value, says):
    document = parse(written(made), "long.fbx")
    state(document, name, value)
    with pytest.raises(MotionFileError, match=says):
        parse_fbx(serialize(document), "long.fbx")


def test_left_handed_axes_are_said(made):
    document = parse(written(made), "left.fbx")
    state(document, "CoordAxisSign", -1)
    assert any(
        "left-handed" in warning for warning in parse_fbx(serialize(document), "left.fbx").warnings
    )
    assert not parse_fbx(written(made), "right.fbx").warnings


def test_motion_that_is_not_finite_is_refused(made):
    document = parse(written(made), "nan.fbx")
    curve = next(document.find("Objects").all("AnimationCurve")).find("KeyValueFloat")
    for value, says in ((np.nan, "not finite"), (np.inf, "not finite"), (1e30, "expected at most")):
        curve.replace_value(0, np.full(made.frame_count, value, dtype=np.float32))
        with pytest.raises(MotionFileError, match=says):
            parse_fbx(serialize(document), "nan.fbx")


def test_a_joint_without_curves_gets_some(made):
    document = parse(written(made), "made.fbx")
    links = document.find("Connections").children
    model = next(
        item
        for item in document.find("Objects").all("Model")
        if item.decoded()[1].startswith("left_forearm")
    )
    links[:] = [
        link for link in links if link.decoded()[2:] != [model.decoded()[0], "Lcl Rotation"]
    ]
    clip = parse_fbx(serialize(document), "still.fbx")
    joint = clip.skeleton.index("left_forearm")
    assert np.ptp(clip.local_rotation[:, joint], axis=0).max() < 1e-9
    changed = bent(clip, [joint])
    out, notes = format_fbx(changed, "out.fbx")
    assert notes == ()
    back = parse_fbx(out, "out.fbx")
    assert np.abs(back.world_position - changed.world_position).max() < 1e-3
    after = parse(out, "out.fbx")
    counts = {
        item.decoded()[0]: item.find("Count").decoded()[0]
        for item in after.find("Definitions").all("ObjectType")
    }
    kinds = [item.name for item in after.find("Objects").children]
    assert counts["AnimationCurve"] == kinds.count("AnimationCurve")
    assert counts["AnimationCurveNode"] == kinds.count("AnimationCurveNode")


def test_layers_are_merged_with_a_note(made):
    document = parse(written(made), "made.fbx")
    objects, links = document.find("Objects"), document.find("Connections")
    stack = next(objects.all("AnimationStack")).decoded()[0]
    model = next(
        item for item in objects.all("Model") if item.decoded()[1].startswith("chest")
    ).decoded()[0]
    layer = record("AnimationLayer", np.int64(501), "Upper\x00\x01AnimLayer", "", children=[])
    node = curve_node_record(502, "R", np.array([20.0, 0.0, 0.0]))
    objects.children += [layer, node]
    for child, parent, channel in ((501, stack, ""), (502, 501, ""), (502, model, "Lcl Rotation")):
        ends = (np.int64(child), np.int64(parent))
        links.children.append(
            record("C", "OP", *ends, channel) if channel else record("C", "OO", *ends)
        )
    data = serialize(document)
    clip = parse_fbx(data, "layers.fbx")
    assert (
        np.abs(clip.world_position - parse_fbx(written(made), "made.fbx").world_position).max()
        > 1.0
    )
    assert written(clip) == data
    changed = bent(clip, [clip.skeleton.index("chest")])
    out, notes = format_fbx(changed, "out.fbx")
    assert len(notes) == 1
    assert "layers of 'chest'" in notes[0]
    assert np.abs(parse_fbx(out, "out.fbx").world_position - changed.world_position).max() < 1e-3


def test_a_shorter_clip_is_put_into_the_file(made):
    clip = parse_fbx(odd_file(made), "odd.fbx")
    short = clip.with_motion(clip.local_position[:20], clip.local_rotation[:20])
    back = parse_fbx(written(short), "short.fbx")
    assert back.frame_count == 20
    assert np.abs(back.world_position - short.world_position).max() < 1e-5 * np.ptp(
        clip.world_position
    )


def test_several_animations_and_skeletons_are_said(made):
    document = parse(written(made), "made.fbx")
    objects, links = document.find("Objects").children, document.find("Connections").children
    objects.append(
        record("AnimationStack", np.int64(90), "Second\x00\x01AnimStack", "", children=[])
    )
    objects.append(record("Model", np.int64(91), "Stray\x00\x01Model", "LimbNode", children=[]))
    links.append(record("C", "OO", np.int64(91), np.int64(0)))
    clip = parse_fbx(serialize(document), "two.fbx")
    assert ["2 animations" in clip.warnings[0], "2 characters" in clip.warnings[1]] == [True, True]
    assert set(clip.skeleton.names) == set(made.skeleton.names)


@pytest.mark.parametrize(
    ("joint", "is_said"), [("RightHand", False), ("RightUpLeg", True), ("Hips", True)]
)
def test_shear_is_said_where_it_puts_joints_elsewhere(joint: str, is_said: bool) -> None:
    """Not of every uneven scale: at the end of a chain it reshapes nothing but a mesh."""
    document = parse(written(replace(RIG, world=CENTIMETRES)), "x.fbx")
    (model,) = [
        item
        for item in document.find("Objects").all("Model")
        if str(item.decoded()[1]).split("\x00")[0] == joint
    ]
    properties = model.find("Properties70")
    assert properties is not None
    for item in properties.children:
        if item.decoded()[0] == "Lcl Scaling":
            item.replace_value(4, 1.3)
    clip = parse_fbx(serialize(document), "x.fbx")
    assert any("without its shear" in warning for warning in clip.warnings) == is_said


ASCII = """; FBX 7.4.0 project file
FBXHeaderExtension:  {
    FBXVersion: 7400
}
GlobalSettings:  {
    Properties70:  {
        P: "UpAxis", "int", "Integer", "",2
        P: "UpAxisSign", "int", "Integer", "",1
        P: "FrontAxis", "int", "Integer", "",1
        P: "FrontAxisSign", "int", "Integer", "",-1
        P: "CoordAxis", "int", "Integer", "",0
        P: "CoordAxisSign", "int", "Integer", "",1
        P: "UnitScaleFactor", "double", "Number", "",100
        P: "TimeMode", "enum", "", "",11
    }
}
Objects:  {
    Model: 1, "Model::Hip", "LimbNode" {
        Properties70:  {
            P: "Lcl Translation", "Lcl Translation", "", "A",1,2,3
        }
    }
    Model: 2, "Model::Hip", "LimbNode" {
        Properties70:  {
            P: "Lcl Translation", "Lcl Translation", "", "A",0,0,1
            P: "Lcl Rotation", "Lcl Rotation", "", "A",0,0,90
        }
    }
}
Connections:  {
    C: "OO",1,0
    C: "OO",2,1
}
"""


def test_text_is_read_and_written_anew_with_a_sentence():
    clip = parse_fbx(ASCII.encode(), "text.fbx")
    assert clip.skeleton.names == ("Hip", "Hip 2")
    assert clip.frame_count == 1
    assert clip.frame_rate == pytest.approx(24.0)
    assert clip.world == StatedWorld(1.0, (0.0, 0.0, 1.0))
    assert clip.world_position[0] == pytest.approx(np.array([[1.0, 2.0, 3.0], [1.0, 2.0, 4.0]]))
    assert format_fbx(clip, "same.fbx") == (ASCII.encode(), ())
    out, notes = format_fbx(
        bent(clip.with_motion(clip.local_position + 0.5, clip.local_rotation), [1]), "new.fbx"
    )
    assert "because the file that it comes from is ASCII FBX" in notes[0]
    assert "meshes" in notes[0]
    assert parse_fbx(out, "new.fbx").world == CENTIMETRES


def test_damaged_files_are_refused_or_read_but_never_crash(made):
    """Cut and scrambled files. Each costs a process, so that only those go to the library that our
    own parser lets pass.
    """
    data = odd_file(made)
    random = np.random.default_rng(11)
    for cut in random.integers(0, len(data) - 200, 60):
        with pytest.raises(MotionFileError):
            parse_fbx(data[:cut], "cut.fbx")
    for _ in range(12):
        damaged = bytearray(data)
        for at in random.integers(27, len(data), random.integers(1, 30)):
            damaged[at] = random.integers(0, 256)
        with contextlib.suppress(MotionFileError):
            written(parse_fbx(bytes(damaged), "damaged.fbx"))


@given(st.binary(max_size=300), st.booleans())
@settings(max_examples=200, deadline=None)
def test_the_record_parser_survives_anything(noise, with_head):
    head = b"Kaydara FBX Binary  \x00\x1a\x00\xe8\x1c\x00\x00" if with_head else b""
    with contextlib.suppress(MotionFileError):
        document = parse(head + noise, "noise.fbx")
        for item in document.records:
            item.decoded()


def test_arrays_may_not_unpack_to_more_than_the_limit(made, monkeypatch):
    data = written(made)
    monkeypatch.setattr("kinestyle.formats.fbx.records.MAX_ARRAY_BYTES", 10_000)
    with pytest.raises(MotionFileError, match="bytes of arrays"):
        parse_fbx(data, "bomb.fbx")


def test_a_library_that_dies_is_told_of(made, monkeypatch, tmp_path):
    """The library's process may crash on a file; then there is a sentence, not a traceback and no
    wait.
    """
    data = written(made)
    script = tmp_path / "dies.py"
    script.write_text("import os, sys\nsys.stdin.buffer.read(10)\nos.abort()\n")
    monkeypatch.setattr("kinestyle.formats.fbx.sampler.__file__", str(script))
    with pytest.raises(MotionFileError, match="the FBX library failed on it"):
        parse_fbx(data, "made.fbx")
