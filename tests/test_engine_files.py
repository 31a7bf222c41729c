"""Files that engines take: FBX and GLB of six rigs, restyled, as assimp and Blender read them. Each
is asked where it is installed.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from assimp_dump import COMMAND, import_file
from blender_oracle import IMPORTER, examine
from kinestyle import Stylizer, edit, read_motion, write_motion
from kinestyle.motion.clip import Clip
from kinestyle.rig.world_frame import bring_into_world
from kinestyle.runtime.settings import Settings
from retarget_rigs import MADE

BLENDER = os.environ.get("KINESTYLE_BPY")
NEEDS_ASSIMP = pytest.mark.skipif(
    COMMAND is None, reason="assimp is not installed (apt-get install assimp-utils)"
)
NEEDS_BLENDER = pytest.mark.skipif(
    not BLENDER, reason="KINESTYLE_BPY names no interpreter that has bpy"
)
EXAMPLE = Path(__file__).resolve().parents[1] / "src" / "kinestyle" / "examples" / "walk.bvh"
RIGS = {**MADE, "with fingers and a prop": read_motion(EXAMPLE)}
SUFFIXES = [".glb", ".fbx"]
TOLERANCE_M = 1e-4


@pytest.fixture(scope="module")
def restyled() -> dict[str, Clip]:
    stylizer = Stylizer.load()
    return {name: stylizer.stylize(clip, "old", root="auto") for name, clip in RIGS.items()}


@NEEDS_ASSIMP
@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("rig", RIGS)
def test_a_restyled_clip_is_imported_as_it_is_meant(restyled, rig, suffix, tmp_path):
    clip = restyled[rig]
    path = tmp_path / f"clip{suffix}"
    write_motion(clip, path)
    found = import_file(path)
    assert found.animations == [clip.name]
    assert found.frames == clip.frame_count
    assert found.seconds == pytest.approx(clip.duration_seconds, abs=1e-3)
    stated = read_motion(path).world.metres_per_unit
    assert stated is not None, "the file states its unit, or an engine takes it for another"
    expected = bring_into_world(clip)[0].world_position
    for joint, name in enumerate(clip.skeleton.names):
        apart = stated * found.position[name] - expected[:, joint]
        assert np.abs(apart).max() < TOLERANCE_M, f"{name} is elsewhere"


@NEEDS_BLENDER
@pytest.mark.slow
@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("rig", RIGS)
def test_blender_imports_a_restyled_clip_as_it_is_meant(restyled, rig, suffix, tmp_path):
    clip, out = restyled[rig], tmp_path / "found.npz"
    path = tmp_path / f"{clip.name}{suffix}"
    write_motion(clip, path)
    command = [str(BLENDER), str(IMPORTER), str(out), repr(clip.frame_rate), str(path)]
    subprocess.run(command, capture_output=True, check=True)
    with np.load(out) as found:
        verdict = examine(clip, suffix, dict(found))
    assert not verdict.wrong


@NEEDS_ASSIMP
@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("bone", ["root", "hips"])
def test_travel_is_on_the_bone_that_the_engine_takes_it_from(suffix, bone, tmp_path):
    """`--root-motion root` for engines that take it from the root bone, `hips` for the others."""
    clip = MADE["a moving joint above the hips"]
    clip = edit(clip, Settings(root_motion="root"))
    path = tmp_path / f"clip{suffix}"
    write_motion(edit(clip, Settings(root_motion=bone)), path)
    found = import_file(path).position
    metres = read_motion(path).world.metres_per_unit or 1.0
    root, hips = (metres * found[name][:, [0, 2]] for name in clip.skeleton.names[:2])
    assert np.ptp(hips, axis=0).max() > 1.0
    if bone == "root":
        assert np.ptp(root, axis=0).max() > 1.0
        assert np.ptp(hips - root, axis=0).max() < 0.5, "the hips sway about the root"
    else:
        assert np.abs(root - root[0]).max() < 1e-4
