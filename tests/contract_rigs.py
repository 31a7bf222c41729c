"""Rigs of the wild and of data sets, on which every promise about restyling is tried."""

from __future__ import annotations

from pathlib import Path

from kinestyle.formats.table import read_motion
from kinestyle.motion.clip import Clip

LONGEST = 150
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
