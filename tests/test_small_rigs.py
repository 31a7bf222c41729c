"""Rigs whose unit is a kilometre or more: a body of a millionth of a unit is read, restyled and
written as well as any other.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from kinestyle.formats.table import read_motion, write_motion
from kinestyle.motion.clip import Clip
from kinestyle.runtime.stylizer import Stylizer
from made_rigs import as_rig, walk

SCALES = (1e-3, 1e-6, 1e-9)


@pytest.fixture(scope="module")
def metres() -> Clip:
    return as_rig(walk(2.0).clip)


def scaled(scale: float) -> Clip:
    return as_rig(walk(2.0).clip, metres_per_unit=1.0 / scale)


@pytest.mark.parametrize("scale", SCALES)
def test_what_is_written_keeps_the_precision_of_other_rigs(
    tmp_path: Path, metres: Clip, scale: float
) -> None:
    found = []
    for clip, factor in ((metres, 1.0), (scaled(scale), scale)):
        write_motion(clip, tmp_path / "a.bvh")
        read = read_motion(tmp_path / "a.bvh")
        order = [read.skeleton.index(name) for name in clip.skeleton.names]
        error = np.abs(read.world_position[:, order] - clip.world_position).max() / factor
        assert error < 5e-6
        found.append(read.world_position / factor)
    np.testing.assert_allclose(found[1], found[0], atol=5e-6)


@pytest.mark.parametrize("scale", SCALES)
def test_a_small_rig_is_restyled_as_any_other(
    tmp_path: Path, tiny: Stylizer, metres: Clip, scale: float
) -> None:
    found = []
    for clip, factor in ((metres, 1.0), (scaled(scale), scale)):
        path = tmp_path / "a.bvh"
        write_motion(clip, path)
        write_motion(tiny.stylize(read_motion(path), "proud"), path)
        found.append(read_motion(path).world_position / factor)
    moved = np.abs(found[0] - metres.world_position.mean()).max()
    np.testing.assert_allclose(found[1], found[0], atol=1e-4 * moved)


def test_rigs_of_the_usual_sizes_have_six_decimals(tmp_path: Path, metres: Clip) -> None:
    for clip in (metres, as_rig(walk(1.0).clip, metres_per_unit=0.01)):
        write_motion(clip, tmp_path / "a.bvh")
        rows = (tmp_path / "a.bvh").read_text().split("Frame Time:")[1].split()[1:]
        assert {len(number.partition(".")[2]) for number in rows} == {6}
