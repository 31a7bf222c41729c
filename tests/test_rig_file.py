"""Rigs as files and presets: what is written comes back, what does not fit is refused with the
joint that fails.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from driving_motion import made_motions
from generated_rigs import generate
from kinestyle.cli import main
from kinestyle.errors import RigError
from kinestyle.formats.table import read_motion, write_motion
from kinestyle.motion.clip import Clip
from kinestyle.retarget.correspondence import correspond, to_canonical
from kinestyle.rig.body_frame import axis_name
from kinestyle.rig.mapping import map_joints, rig_of
from kinestyle.rig.presets import PRESETS, preset
from kinestyle.rig.rig_file import NEEDED_ROLES, Rig, read_rig, write_rig
from kinestyle.runtime.stylizer import Stylizer
from made_rigs import as_rig, misnamed, walk

FAMILY_OF_PRESET = {
    "cmu": "CMU",
    "mixamo": "Mixamo",
    "lafan1": "LAFAN1",
    "bandai": "Bandai-Namco",
    "xsens": "Xsens/Poser",
    "smpl": "SMPL",
    "rokoko": "Rokoko",
    "unreal": "Unreal",
    "biped": "Biped",
    "rigify": "Rigify",
    "vrm": "VRM",
    "cc3": "CC3",
}


@pytest.fixture(scope="module")
def clip() -> Clip:
    return as_rig(walk(2.0).clip, metres_per_unit=0.01, up="Z")


@pytest.fixture
def rig_file(clip: Clip, tmp_path: Path) -> Path:
    path = tmp_path / "my_rig.json"
    write_rig(rig_of(clip, map_joints(clip)), path)
    return path


def edited(path: Path, **joints: object) -> Path:
    found = json.loads(path.read_text(encoding="utf-8"))
    found["joints"] |= joints
    path.write_text(json.dumps(found), encoding="utf-8")
    return path


def test_what_is_written_comes_back(clip: Clip, rig_file: Path) -> None:
    found, given = map_joints(clip), map_joints(clip, read_rig(rig_file))
    assert given.joints == found.joints
    assert set(given.confidence.values()) == {1.0}
    assert (axis_name(given.up), given.metres_per_unit, given.unit) == ("+Z", 0.01, "cm")
    assert given.unmapped == found.unmapped


def test_a_rig_says_what_names_and_shape_do_not(clip: Clip) -> None:
    """Names that lie: the rig is believed, and the motion comes out as it is."""
    lying, joints = misnamed(clip)
    rig = Rig("it", joints, "+Z", 0.01)
    honest, told = (
        to_canonical(c, correspond(c, map_joints(c, r))) for c, r in ((clip, None), (lying, rig))
    )
    np.testing.assert_allclose(told.world_position, honest.world_position, atol=1e-9)


def test_up_and_unit_of_a_rig_are_believed(clip: Clip) -> None:
    rig = replace(rig_of(clip, map_joints(clip)), up="+X", metres_per_unit=0.02)
    mapping = map_joints(clip, rig)
    assert (axis_name(mapping.up), mapping.metres_per_unit, mapping.up_margin) == ("+X", 0.02, 1.0)
    assert any("states +X up" in warning for warning in mapping.warnings)
    silent = map_joints(clip, replace(rig, up=None, metres_per_unit=None))
    assert (axis_name(silent.up), silent.unit) == ("+Z", "cm")


def test_swapped_sides_in_a_rig_are_followed_and_said(clip: Clip) -> None:
    rig = rig_of(clip, map_joints(clip))
    other = {
        role.replace("left", "R").replace("right", "left").replace("R", "right"): n
        for role, n in rig.joints.items()
    }
    mapping = map_joints(clip, replace(rig, joints=other))
    assert clip.skeleton.names[mapping.joints["left_thigh"]] == "RightUpLeg"
    assert mapping.swapped
    assert any("as if left and right were swapped" in warning for warning in mapping.warnings)


@pytest.mark.parametrize(
    ("edit", "sentence"),
    [
        (
            {"left_thigh": "LeftUpLegs"},
            r"left_thigh is 'LeftUpLegs', but the clip has no joint of that name; did you mean",
        ),
        ({"left_thigh": "RightUpLeg"}, r"'RightUpLeg' for both"),
        ({"left_thigh": ["Nothing", "RightUpLeg"]}, r"are both 'RightUpLeg'"),
        (
            {"left_thigh": "LeftFoot", "left_foot": "LeftUpLeg"},
            r"left_shin is 'LeftLeg', which does not lie below 'LeftFoot'",
        ),
        ({"left_upper_arm": "RightArm", "right_upper_arm": "LeftArm"}, r"which does not lie below"),
        ({"left_hip": "LeftUpLeg"}, r"'left_hip', which is no role; did you mean 'left_"),
        ({"hips": None}, r"no joint is named for hips"),
        ({"hips": 7}, r"expected the name of a joint"),
        ({"hips": ["Hips", ""]}, r"expected the name of a joint"),
    ],
)
def test_what_does_not_fit_is_refused(
    clip: Clip, rig_file: Path, edit: dict[str, object], sentence: str
) -> None:
    with pytest.raises(RigError, match=sentence):
        map_joints(clip, read_rig(edited(rig_file, **edit)))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "no JSON"),
        ("[" * 100_000, "no JSON"),
        ("[1]", "is no rig"),
        ("{}", "is no rig"),
        ('{"kinestyle_rig": 2}', "version 2, expected 1"),
        ('{"kinestyle_rig": 1}', 'no "joints"'),
        ('{"kinestyle_rig": 1, "joints": {}}', "no joint is named for hips"),
        ('{"kinestyle_rig": 1, "joints": {}, "scale": 1}', "'scale', which means nothing"),
        ('{"kinestyle_rig": 1, "up": "Y", "joints": {}}', "expected one of"),
        ('{"kinestyle_rig": 1, "up": [], "joints": {}}', "expected one of"),
        ('{"kinestyle_rig": ' + "1" * 5000 + "}", "no JSON"),
        ("\xff\xfe", "no text in UTF-8"),
    ],
)
def test_what_is_no_rig(tmp_path: Path, text: str, sentence: str) -> None:
    path = tmp_path / "rig.json"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(RigError, match=sentence):
        read_rig(path)


@pytest.mark.parametrize(
    ("edit", "outcome"),
    [
        ({"metres_per_unit": None, "unit": "inch"}, 0.0254),
        ({"metres_per_unit": None, "unit": "unknown"}, None),
        ({"metres_per_unit": 0.5, "unit": None}, 0.5),
        ({"metres_per_unit": None, "unit": "ell"}, "the unit 'ell'"),
        ({"metres_per_unit": 0.01, "unit": "m"}, "but also that it is"),
        ({"metres_per_unit": -1}, "expected a number"),
        ({"metres_per_unit": True}, "expected a number"),
        ({"metres_per_unit": float("nan")}, "expected a number"),
    ],
)
def test_the_unit_of_a_rig(
    rig_file: Path, edit: dict[str, object], outcome: float | str | None
) -> None:
    rig_file.write_text(json.dumps(json.loads(rig_file.read_text()) | edit), encoding="utf-8")
    if isinstance(outcome, str):
        with pytest.raises(RigError, match=outcome):
            read_rig(rig_file)
    else:
        assert read_rig(rig_file).metres_per_unit == outcome


@pytest.mark.parametrize("name", FAMILY_OF_PRESET)
def test_presets_agree_with_what_is_found(name: str) -> None:
    motion = made_motions()[0]
    for seed in range(5):
        made = generate(seed, FAMILY_OF_PRESET[name], motion)
        given = preset(name).joints_in(made.clip.skeleton, "it")
        # of double hips, a preset takes the ones with the name
        wrong = {
            k: v
            for k, v in given.items()
            if k not in ("hips", "spine") and v not in made.expected.get(k, ())
        }
        (hips,) = made.expected["hips"]
        assert given["hips"] in (hips, int(made.clip.skeleton.parents[hips]))
        assert not wrong, (
            made.about,
            {role: made.clip.skeleton.names[joint] for role, joint in wrong.items()},
        )
        assert set(NEEDED_ROLES) <= given.keys()


def test_presets_cover_every_family_and_refuse_the_others(clip: Clip) -> None:
    assert set(FAMILY_OF_PRESET) | {"acclaim"} == set(PRESETS)
    assert preset("HumanML3D") is preset("smpl")
    with pytest.raises(RigError, match="no rig is called 'kermit'; known are cmu, mixamo"):
        preset("kermit")
    with pytest.raises(
        RigError,
        match=r"the rig 'unreal' does not fit made rig: hips is 'pelvis', but the clip has no "
        r"joint",
    ):
        map_joints(clip, preset("unreal"))


def test_real_files_fit_their_preset(data_dir: Path) -> None:
    for pattern, name in (
        ("unlabelled/cmu/01_01.bvh", "cmu"),
        ("wild/jesse_dance.bvh", "mixamo"),
        ("wild/sample.bvh", "xsens"),
        ("unlabelled/hdm05/HDM_bd_kick*.amc", "acclaim"),
        ("unlabelled/cmu/iclone/*.bvh", "cc3"),
        ("bandai/*-1/data/*.bvh", "bandai"),
    ):
        path = next(iter(sorted(data_dir.glob(pattern))), None)
        if path is None:
            continue
        real = read_motion(path)
        found, given = map_joints(real), map_joints(real, preset(name))
        assert {k: v for k, v in given.joints.items() if k != "spine"} == {
            k: v for k, v in found.joints.items() if k != "spine"
        }, path.name


def test_a_rig_goes_through_restyling(tiny: Stylizer, clip: Clip) -> None:
    rig = rig_of(clip, map_joints(clip))
    style = tiny.styles[0].name
    plain, given = tiny.stylize(clip, style), tiny.stylize(clip, style, rig=rig)
    np.testing.assert_array_equal(plain.local_rotation, given.local_rotation)
    with pytest.raises(RigError, match="does not fit"):
        tiny.stylize(clip, style, rig=preset("vrm"))


# ---- the command line


def run(*words: object) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words])


def test_map_edit_use(walk_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "my_rig.json"
    result = run("map", walk_file, "-o", out)
    assert result.exit_code == 0, result.output
    found = json.loads(out.read_text(encoding="utf-8"))
    assert found["kinestyle_rig"] == 1
    assert found["confidence"]["hips"] > 0.5
    told = json.loads(run("inspect", walk_file, "--rig", out, "--json").stdout)
    assert {role: row["joint"] for role, row in told["joints"].items()} == {
        role: name for role, name in found["joints"].items() if name
    }
    edited(out, left_thigh="Lantern")
    refused = run("inspect", walk_file, "--rig", out)
    assert refused.exit_code == 1
    assert "my_rig.json does not fit walk.bvh" in refused.output.replace("walk:", "walk.bvh:")
    assert run("render", walk_file, "--rig", out, "-o", tmp_path / "sheet.png").exit_code == 1
    assert not (tmp_path / "sheet.png").exists()


def test_a_blank_form(walk_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "form.json"
    assert run("map", walk_file, "--blank", "-o", out).exit_code == 0
    form = json.loads(out.read_text(encoding="utf-8"))
    assert set(form["joints"].values()) == {None}
    assert set(form["without_a_role"]) == set(read_motion(walk_file).skeleton.names)
    assert "no joint is named for hips" in run("inspect", walk_file, "--rig", out).output


def test_map_keeps_what_is_there(walk_file: Path, tmp_path: Path) -> None:
    wrong = run("map", walk_file, "-o", tmp_path / "rig.txt")
    assert wrong.exit_code == 1
    assert "expected .json" in wrong.output
    assert "no rig is called 'mixmo'" in run("inspect", walk_file, "--rig", "mixmo").output
    assert "was not found" in run("inspect", walk_file, "--rig", tmp_path / "none.json").output


def test_convert_there_and_back(walk_file: Path, tmp_path: Path) -> None:
    glb, bvh = tmp_path / "walk.glb", tmp_path / "walk.bvh"
    assert run("convert", walk_file, glb).exit_code == 0
    assert run("convert", glb, bvh).exit_code == 0
    first, back = read_motion(walk_file), read_motion(bvh)
    assert back.frame_count == first.frame_count
    scale = map_joints(back).metres_per_unit / map_joints(first).metres_per_unit
    common = [name for name in first.skeleton.names if name in back.skeleton.names]
    assert len(common) == first.skeleton.joint_count
    for name in common:
        a, b = (c.world_position[:, c.skeleton.index(name)] for c in (first, back))
        np.testing.assert_allclose(b * scale, a, atol=1e-3)
    assert "also an input" in run("convert", walk_file, walk_file).output
    assert run("convert", walk_file, tmp_path / "walk.xyz").exit_code == 1


def test_convert_a_folder(clip: Clip, tmp_path: Path) -> None:
    clips, out = tmp_path / "clips", tmp_path / "out"
    (clips / "inner").mkdir(parents=True)
    write_motion(clip, clips / "one.bvh")
    write_motion(clip, clips / "one.glb")
    write_motion(clip, clips / "inner" / "two.bvh")
    (clips / "notes.txt").write_text("not motion")
    (clips / "broken.bvh").write_text("HIERARCHY")
    result = run("convert", clips, out, "--to", "glb")
    assert result.exit_code == 1
    assert "1 of 4 files could not be converted" in result.output
    made = sorted(str(path.relative_to(out)) for path in out.rglob("*") if path.is_file())
    assert made == ["inner/two.glb", "one.bvh.glb", "one.glb.glb"]
    assert run("convert", clips, out).exit_code == 2
    assert run("convert", clips / "inner", out, "--to", ".bvh", "--rig", "unreal").exit_code == 1
