"""How a result travels, and what of the networks' output counts."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from kinestyle.errors import StyleError
from kinestyle.evaluate.measures import planted_speed
from kinestyle.formats.table import read_motion, write_motion
from kinestyle.motion import rotation
from kinestyle.motion.clip import Clip
from kinestyle.motion.rotation import Array
from kinestyle.motion.smoothing import smooth_in_time
from kinestyle.retarget.contacts import find_contacts
from kinestyle.retarget.correspondence import to_canonical
from kinestyle.retarget.features import at_feature_rate
from kinestyle.runtime.change import HEIGHT_CLAMP_M, soft_clamp_height
from kinestyle.runtime.residual import style_residual
from kinestyle.runtime.sequences import SMOOTHING_FRAMES
from kinestyle.runtime.settings import Root
from kinestyle.runtime.stylizer import Stylizer
from made_rigs import (
    as_rig,
    walk,
)
from stylizer_checks import degrees_apart


def hips_path(clip: Clip) -> Array:
    """(T, 3) where the hips are, in file units."""
    return clip.world_position[:, clip.skeleton.index("Hips")]


@pytest.mark.parametrize("moving_root", [False, True])
def test_kept_root_is_the_input_s_to_the_last_digit(
    tiny: Stylizer, tmp_path: Path, moving_root: bool
) -> None:
    clip, path, out = (
        as_rig(walk(2.0).clip, moving_root=moving_root),
        tmp_path / "in.bvh",
        tmp_path / "out.bvh",
    )
    write_motion(clip, path)
    clip = read_motion(path)
    result = tiny.stylize(clip, "one/calm", root="keep")
    np.testing.assert_array_equal(result.local_position, clip.local_position)
    np.testing.assert_allclose(hips_path(result), hips_path(clip), atol=1e-9)
    assert degrees_apart(result, clip).max() > 1.0
    write_motion(result, out)
    np.testing.assert_array_equal(read_motion(out).local_position, clip.local_position)


def test_a_copied_root_goes_over_the_ground_as_the_input_s_and_rises_with_the_style(
    tiny: Stylizer,
) -> None:
    clip = as_rig(walk(2.0).clip, metres_per_unit=1.0)
    result = tiny.stylize(clip, "one/calm", root="copied")
    change = hips_path(result) - hips_path(clip)
    np.testing.assert_allclose(change[:, [0, 2]], 0.0, atol=1e-9)
    assert np.abs(change[:, 1]).max() > 0.001


def test_a_predicted_root_goes_as_the_global_motion_predictor_says(tiny: Stylizer) -> None:
    clip = as_rig(walk(2.0).clip, metres_per_unit=1.0)
    analysis, code, strength = tiny.analyse(clip), tiny.style_of("one/calm"), 0.8
    graphs = tiny.graphs
    velocity = []
    for style in (code, analysis.style.mean):
        features = smooth_in_time(
            graphs.decode(graphs.generate(analysis.content, style)).astype(float), SMOOTHING_FRAMES
        )
        velocity.append(graphs.root_velocity(features[: clip.frame_count]).astype(float))
    step = np.zeros((clip.frame_count, 3))
    step[:, [0, 2]] = strength * (velocity[0] - velocity[1])
    expected = np.cumsum(rotation.rotate(rotation.about_y(analysis.heading), step), axis=0)[:-1]
    change = hips_path(tiny.apply(analysis, code, strength=strength, root="predicted")) - hips_path(
        clip
    )
    scale = analysis.correspondence.scale_to_canonical  # the rig's metres to canonical ones
    np.testing.assert_allclose(scale * change[1:, [0, 2]], expected[:, [0, 2]], atol=1e-6)
    assert np.abs(expected).max() > 0.005


def test_planted_feet_carry_the_hips_only_where_they_are_planted(
    tiny: Stylizer, walk_clip: Clip
) -> None:
    code = tiny.style_of("one/calm")

    def paths(clip: Clip) -> dict[Root, Array]:
        analysis = tiny.analyse(clip)
        return {root: hips_path(tiny.apply(analysis, code, root=root)) for root in get_args(Root)}

    walking = paths(walk_clip)
    assert np.abs(walking["planted"] - walking["predicted"])[:, [0, 2]].max() > 0.5  # centimetres
    away = walk(2.0).clip
    position = away.local_position.copy()
    position[:, 0, 2] += 0.1 * np.arange(
        len(position)
    )  # 3 m/s faster than the legs walk: no foot is planted
    gliding = paths(as_rig(away.with_motion(position, away.local_rotation)))
    np.testing.assert_array_equal(gliding["planted"], gliding["predicted"])
    assert np.abs(gliding["planted"] - gliding["copied"])[:, [0, 2]].max() > 0.01


@pytest.mark.parametrize("root", get_args(Root))
def test_every_root_gives_the_clip_back_at_strength_0(
    tiny: Stylizer, walk_clip: Clip, root: Root
) -> None:
    same = tiny.stylize(walk_clip, "proud", strength=0.0, root=root)
    np.testing.assert_array_equal(same.local_rotation, walk_clip.local_rotation)
    np.testing.assert_array_equal(same.local_position, walk_clip.local_position)
    little = tiny.stylize(walk_clip, "proud", strength=1e-6, root=root)
    assert np.abs(little.world_position - walk_clip.world_position).max() < 0.01  # centimetres


def test_a_root_that_is_none_is_refused(tiny: Stylizer, walk_clip: Clip) -> None:
    with pytest.raises(
        StyleError,
        match="root is 'floating', expected one of auto, planted, predicted, copied, keep",
    ):
        tiny.stylize(walk_clip, "proud", root="floating")  # type: ignore[arg-type]


@pytest.mark.parametrize("root", get_args(Root))
@pytest.mark.parametrize("name", ["cmu_12_01_walk", "zombie"])
def test_feet_stay_planted_on_real_rigs_whatever_the_root_does(
    released: Stylizer, data_dir: Path, name: str, root: Root
) -> None:
    clip = read_motion(data_dir / "wild" / f"{name}.bvh")
    analysis = released.analyse(clip)
    result = released.apply(analysis, released.style_of("elderly"), root=root)
    before, after = (
        at_feature_rate(to_canonical(c, analysis.correspondence)) for c in (clip, result)
    )
    contact = find_contacts(before)
    assert planted_speed(after, contact).mean() <= 1.25 * planted_speed(before, contact).mean()
    if root == "keep":
        np.testing.assert_array_equal(result.local_position, clip.local_position)


def test_what_is_missed_slowly_is_style_unless_it_is_too_much() -> None:
    steps = np.arange(60)
    lasting = np.full((8, 60), 0.3, dtype=np.float32)
    np.testing.assert_allclose(style_residual(lasting), lasting, atol=1e-6)
    quick = np.broadcast_to(0.3 * np.where(steps % 2, 1.0, -1.0), (8, 60)).astype(np.float32)
    assert np.abs(style_residual(quick)[:, 10:-10]).max() < 0.01
    np.testing.assert_array_equal(style_residual(10.0 * lasting), np.zeros((8, 60)))
    between = style_residual(3.0 * lasting)
    assert 0.0 < between.min() <= between.max() < 0.9


def test_hips_rise_as_far_as_a_style_can_be_believed() -> None:
    rise = np.linspace(-1.0, 1.0, 2001)
    taken = soft_clamp_height(rise)
    np.testing.assert_allclose(taken, -taken[::-1], atol=1e-12)
    small = np.abs(rise) <= HEIGHT_CLAMP_M[0]
    np.testing.assert_array_equal(taken[small], rise[small])
    assert 0.9 * HEIGHT_CLAMP_M[1] < taken.max() < HEIGHT_CLAMP_M[1]
    slope = np.diff(taken) / np.diff(rise)
    assert np.abs(np.diff(slope)).max() < 0.02, "a corner would be seen as a jolt"
