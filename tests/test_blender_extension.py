"""The Blender extension in Blender: its zip is installed, and restyles as the command line does.

KINESTYLE_BPY names an interpreter that has bpy, or Blender; without it all of this is skipped. The
zip is built from this checkout, for which pip has to get one wheel, or KINESTYLE_BLENDER_ZIP names
it.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from blender_program import BPY, ROOT, command, environment, zip_for
from command_line import kinestyle
from extension_rigs import Rig, rigs, to_blender
from kinestyle import read_motion

WITHIN_M = 1e-4
RIGS = ("cmu", "mixamo", "rigify", "vrm", "vrm with hair", "unreal", "auto-rig-pro")

pytestmark = [
    pytest.mark.skipif(not BPY, reason="KINESTYLE_BPY names no Blender"),
    pytest.mark.slow,
]


@pytest.fixture(scope="module")
def made() -> dict[str, Rig]:
    return {rig.name: rig for rig in rigs()}


@pytest.fixture(scope="module")
def zip_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return zip_for(str(BPY), tmp_path_factory.mktemp("zip"))


@pytest.fixture(scope="module")
def place(made: dict[str, Rig], zip_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of what Blender made of all rigs; `found.json` is what else it said."""
    place = tmp_path_factory.mktemp("blender")
    specs = [rig.spec(place) for rig in made.values()]
    cmu = made["cmu"]
    specs[0]["legs"] = {
        cmu.joint(f"{side}_shin"): cmu.joint(f"{side}_foot") for side in ("left", "right")
    }
    specs[0]["arms"] = [
        cmu.joint(f"{side}_{role}")
        for side in ("left", "right")
        for role in ("clavicle", "upper_arm", "forearm", "hand")
    ]
    (place / "spec.json").write_text(json.dumps({"zip": str(zip_file), "rigs": specs}))
    done = subprocess.run(
        command(str(BPY), ROOT / "tests/blender_extension.py", place / "spec.json", place),
        env=environment(place / "user"),
        capture_output=True,
        text=True,
        timeout=540,
        check=False,
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-6000:]
    return place


@pytest.fixture(scope="module")
def found(place: Path) -> dict[str, Any]:
    return json.loads((place / "found.json").read_text())


def test_the_zip_installs_as_blender_does_it(found: dict[str, Any]) -> None:
    said = found["install"]
    assert said["done"] == ["FINISHED"]
    assert said["enabled"]
    assert said["panel"]
    # its own wheel, and not this checkout
    assert "user_default" in said["from"] or ".local" in said["from"]
    assert len(said["stills"]) > 10
    assert all(min(size) > 0 for size in said["stills"]), "a style without a picture"
    assert said["seconds"] < 120.0


def test_bones_are_posed_as_blender_poses_them(found: dict[str, Any]) -> None:
    """Any rotation mode, hinges, bones without the parent's scale, local location off."""
    assert found["kinematics"]["pose"] < 1e-4
    assert found["kinematics"]["basis"] < 1e-4


@pytest.mark.parametrize("name", RIGS)
def test_a_rig_is_restyled_as_the_command_line_does_it(
    made: dict[str, Rig], place: Path, found: dict[str, Any], name: str, tmp_path: Path
) -> None:
    rig = made[name]
    said = found["rigs"][name]
    assert said["done"] == ["FINISHED"]
    assert said["new"]
    assert said["kept"], "the old action was changed"
    file, up = rig.asked_of(place)
    out = tmp_path / f"out{file.suffix}"
    assert kinestyle("stylize", file, *rig.words, "-o", out).exit_code == 0
    expected = read_motion(out)
    with np.load(place / f"{name}.npz") as file:
        shown = dict(file)
    world = shown["world"]
    # as the armature's object stands: turned, moved and scaled
    place_m = to_blender(expected.world_position, up) @ world[:3, :3].T + world[:3, 3]
    names = shown["names"].tolist()
    prefix = "DEF-" if rig.stands.get("controlled") else ""
    wanted = [prefix + joint for joint in expected.skeleton.names]
    joints = [i for i, joint in enumerate(wanted) if joint in names]
    assert len(joints) > 0.9 * len(wanted)
    order = [names.index(wanted[i]) for i in joints]
    assert len(shown["heads"]) == expected.frame_count
    apart = np.linalg.norm(shown["heads"][:, order] - place_m[:, joints], axis=-1)
    assert apart.max() < WITHIN_M


def test_the_modes_of_rotations_and_the_range_stay(found: dict[str, Any]) -> None:
    said = found["rigs"]
    modes = {name: one["modes"] for name, one in said.items()}
    assert modes["rigify"] == ["YXZ"]
    assert modes["vrm"] == ["AXIS_ANGLE"]
    for name in ("cmu", "mixamo", "rigify", "vrm", "auto-rig-pro"):
        assert said[name]["made_range"] == said[name]["range"], name
    assert said["cmu"]["mode"] == "POSE"


def test_undo_is_one_step(found: dict[str, Any]) -> None:
    said = found["undo"]
    assert said["made"] != said["source"]
    assert said["after"] == said["source"]
    assert said["actions"] == [said["source"]]
    assert said["redone"] == said["made"]


def test_results_choices_and_the_mapping_are_saved(found: dict[str, Any]) -> None:
    said = found["saved"]
    assert said["apart"] == 0.0
    assert said["style"]
    assert said["actions"] == ["cmu", "cmu old"]
    assert said["joints"]["head"] == ""
    assert said["joints"]["hips"]


def test_a_mapping_is_found_corrected_and_forgotten(
    made: dict[str, Rig], found: dict[str, Any]
) -> None:
    rig, said = made["cmu"], found["mapping"]
    names = list(rig.clip.skeleton.names)
    assert len(said["found"]) == 21
    for role, bone in said["found"].items():
        assert names.index(bone) in rig.expected[role], role
    assert "every role needs a joint of its own" in said["wrong"][0]
    assert said["forgotten"] == ["FINISHED"]


def test_strength_0_is_a_copy_key_by_key(found: dict[str, Any]) -> None:
    assert found["zero"] == {"same": True, "new": True}


def test_a_strips_influence_blends_with_the_source(found: dict[str, Any]) -> None:
    said = found["strip"]
    assert said["tracks"] == ["cmu", "cmu old"]
    assert said["none"] < 1e-5
    assert said["full"] > 0.05
    assert said["alone"] < 1e-5


def test_several_armatures_at_once(found: dict[str, Any]) -> None:
    said = found["several"]
    assert len(said["before"]) == 2
    assert all(said["after"][name] == f"{before} old" for name, before in said["before"].items())


def test_inverse_kinematics_is_baked_on_request_and_released(found: dict[str, Any]) -> None:
    said = found["ik"]
    assert "turn on Bake" in said["refused"]
    assert said["apart"] < WITHIN_M
    assert said["influences"] == [0.0, 0.0]
    assert said["released"] == [["FINISHED"], [1.0, 1.0]]
    assert said["back"] < WITHIN_M


@pytest.mark.parametrize("way", ["parts", "collections"])
def test_only_parts_of_the_body(made: dict[str, Rig], found: dict[str, Any], way: str) -> None:
    rig = made["cmu"]
    arms = [
        rig.joint(f"{side}_{role}")
        for side in ("left", "right")
        for role in ("clavicle", "upper_arm", "forearm", "hand")
    ]
    assert set(arms) <= set(found[way]["changed"])
    trunk_and_legs = {rig.joint(role) for role in ("hips", "spine", "left_thigh", "right_shin")}
    assert not trunk_and_legs & set(found[way]["changed"])


def test_like_another_action(found: dict[str, Any]) -> None:
    assert found["like"] == {"done": ["FINISHED"], "made": "cmu like Other"}


def test_linked_and_overridden_rigs_play_the_result_after_loading(found: dict[str, Any]) -> None:
    linked, overridden = found["linked"]["linked"], found["linked"]["overridden"]
    assert linked == {"done": ["FINISHED"], "playing": [[True, "cmu old", 0]]}
    assert overridden == {"done": ["FINISHED"], "playing": [[True, "cmu old", 21]]}


def test_keys_between_frames_stay_there_and_other_curves_follow_the_tempo(
    found: dict[str, Any],
) -> None:
    said = found["subframes"]
    assert said["kept"] < 1e-3
    assert said["step"] == pytest.approx(0.8, abs=1e-3)
    assert said["counts"][1] != said["counts"][0]
    assert said["range"][0] == 10.5
    first, middle, last = said["note"]
    assert first == [10.5, 0.0]
    assert last[0] == pytest.approx(said["range"][1], abs=0.01)
    # half of the clip is not half of the time, but near
    assert 0.3 < (middle[0] - first[0]) / (last[0] - first[0]) < 0.7


def test_it_is_switched_off_and_on_without_a_trace(found: dict[str, Any]) -> None:
    assert [set(there) for there in found["off_and_on"]["there"]] == [{True}, {False}] * 2
