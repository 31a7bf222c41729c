"""What every rig gets back from restyling: hierarchy, names, channels, tips, rate, length, and all
motion that has no role.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from kinestyle.formats.table import read_motion, write_motion
from kinestyle.motion.clip import Clip
from kinestyle.runtime.stylizer import Stylizer

LONGEST = 150
STYLES = ("old", "proud", "childish")
BANDAI = "bandai/Bandai-Namco-Research-Motiondataset-"
RIGS = {
    "bandai": f"{BANDAI}2/data/dataset-2_walk_normal_022.bvh",
    "bandai, travel in the root": f"{BANDAI}1/data/dataset-1_walk_normal_002.bvh",
    **{
        name: f"wild/{name}.bvh"
        for name in ("bvh_test1", "bvh_test2", "bvh_test3", "cmu_12_01_walk", "dab", "jesse_dance")
    },
    **{
        name: f"wild/{name}.bvh"
        for name in ("jumping", "jumping_jacks", "sample", "scaled_131_01", "wave_hello", "zombie")
    },
    **{
        f"hdm05 {actor}": f"unlabelled/hdm05/HDM_{actor}_*.amc"
        for actor in ("bd", "bk", "dg", "mm", "tr")
    },
    **{
        f"cmu {name}": f"unlabelled/cmu/{name}.bvh"
        for name in ("01_01", "01_03", "131_01", "131_02", "131_03")
    },
    "character rig": "unlabelled/cmu/iclone/002_01.bvh",
}


def opened(data_dir: Path, pattern: str) -> Clip:
    """The beginning of the first clip whose path fits."""
    whole = read_motion(min(data_dir.glob(pattern)))
    frames = slice(0, LONGEST)
    return whole.with_motion(whole.local_position[frames], whole.local_rotation[frames])


@pytest.mark.parametrize("rig", RIGS)
def test_every_rig_keeps_its_contract(
    released: Stylizer, data_dir: Path, tmp_path: Path, rig: str
) -> None:
    clip = opened(data_dir, RIGS[rig])
    given = tmp_path / "given.bvh"
    write_motion(clip, given)
    clip = read_motion(given)
    analysis = released.analyse(clip)
    same = released.apply(analysis, released.style_of("old"), strength=0.0)
    assert same.local_rotation is clip.local_rotation
    assert same.local_position is clip.local_position
    role_less = [
        j
        for j in range(clip.skeleton.joint_count)
        if j not in analysis.correspondence.mapping.joints.values()
    ]
    hips = analysis.correspondence.mapping.joints["hips"]
    above = {*clip.skeleton.ancestors(hips), hips}
    trunk = {
        j
        for role in ("chest", "head")
        if role in analysis.correspondence.mapping.joints
        for j in clip.skeleton.ancestors(analysis.correspondence.mapping.joints[role])
    }
    own = [j for j in role_less if j not in trunk - above]
    for style in STYLES:
        result = released.apply(analysis, released.style_of(style))
        out = tmp_path / f"{style}.bvh"
        assert write_motion(result, out) == ()
        again = read_motion(out)
        assert again.source.head_text == clip.source.head_text
        assert again.source.frame_time_text == clip.source.frame_time_text
        assert again.frame_count == clip.frame_count
        np.testing.assert_array_equal(again.skeleton.end_offsets, clip.skeleton.end_offsets)
        np.testing.assert_array_equal(again.local_rotation[:, own], clip.local_rotation[:, own])
        still = [j for j in range(clip.skeleton.joint_count) if j not in above]
        np.testing.assert_array_equal(again.local_position[:, still], clip.local_position[:, still])
        np.testing.assert_allclose(
            again.world_position,
            result.world_position,
            atol=1e-4 / analysis.correspondence.scale_to_canonical,
        )
