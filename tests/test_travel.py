"""Where a result travels, and that it says so."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest

from kinestyle.motion.canonical import HIPS, canonical_clip
from kinestyle.motion.clip import Clip
from kinestyle.motion.rotation import Array
from kinestyle.retarget.correspondence import correspond
from kinestyle.retarget.legs import role_position
from kinestyle.retarget.travel import carried_along, end_distance_m
from kinestyle.runtime.restyled import FAR_END_M, travel_notes
from kinestyle.runtime.stylizer import Stylizer
from made_rigs import Y, as_rig, turned, walk

RATE = 60.0
TIME = np.arange(round(8.0 * RATE)) / RATE
LEVEL = np.zeros(len(TIME))


def to_and_fro(size_m: float, seconds: float) -> Array:
    there = size_m * np.sin(2.0 * np.pi * TIME / seconds)
    return np.stack([there, 0.3 * there], axis=-1)


def circle(radius_m: float, speed_m_s: float) -> Array:
    angle = TIME * speed_m_s / radius_m
    return radius_m * np.stack([np.cos(angle), np.sin(angle)], axis=-1)


def straight(speed_m_s: float) -> Array:
    return np.stack([0.0 * TIME, speed_m_s * TIME], axis=-1)


@pytest.mark.parametrize(
    "hips", [straight(0.5), straight(1.3), straight(4.0), circle(1.5, 1.2), circle(3.0, 2.5)]
)
def test_walks_and_runs_are_carried_by_their_feet(hips: Array) -> None:
    assert carried_along(hips, LEVEL, 1.0 / RATE)[60:-60].min() > 0.9


@pytest.mark.parametrize("hips", [straight(0.0), straight(0.15), to_and_fro(0.3, 1.5)])
def test_standing_and_dancing_are_not(hips: Array) -> None:
    assert carried_along(hips, LEVEL, 1.0 / RATE)[60:-60].max() < 0.1


def test_jumps_go_as_far_as_they_went() -> None:
    flight = np.where(abs(TIME - 4.0) < 0.25, 0.3, 0.0)
    carried = carried_along(straight(1.5), flight, 1.0 / RATE)
    assert carried[abs(TIME - 4.0) < 0.5].max() < 0.15
    assert carried[abs(TIME - 4.0) > 2.0].min() > 0.9


def test_one_frame_travels_nowhere() -> None:
    np.testing.assert_array_equal(carried_along(np.zeros((1, 2)), np.zeros(1), 0.03), 0.0)


def dancing() -> Clip:
    """Steps of a walk, while the hips only sway."""
    clip = walk(8.0).clip
    sway = 0.25 * np.sin(2.0 * np.pi * np.arange(clip.frame_count) / 45.0)
    root = clip.world_position[:, HIPS] * Y + sway[:, None] * [1.0, 0.0, 0.3]
    return canonical_clip(root, clip.world_rotation, clip.frame_time_seconds, "dancing")


@pytest.mark.parametrize("style", ["old", "youthful", "angry", "active", "giant", "proud"])
def test_a_dance_ends_where_it_ended(released: Stylizer, style: str) -> None:
    clip = as_rig(dancing())
    analysis = released.analyse(clip)
    code = released.style_of(style)
    result = released.apply(analysis, code)
    assert end_distance_m(clip, result, analysis.correspondence) < 0.25
    assert not any("the result ends" in warning for warning in result.warnings)


def test_a_walk_has_the_stride_of_its_style(released: Stylizer) -> None:
    clip = as_rig(walk(6.0).clip)
    analysis = released.analyse(clip)
    code = released.style_of("youthful")
    auto, planted, copied = (
        end_distance_m(clip, released.apply(analysis, code, root=root), analysis.correspondence)
        for root in ("auto", "planted", "copied")
    )
    assert planted > 0.3
    assert auto == pytest.approx(planted, rel=0.05)
    assert copied < 1e-3


@pytest.mark.parametrize("style", ["giant", "youthful"])
def test_a_result_says_how_far_from_the_clips_end_it_ends(released: Stylizer, style: str) -> None:
    clip = as_rig(walk(6.0).clip)
    analysis = released.analyse(clip)
    far = released.apply(analysis, released.style_of(style), root="planted")
    apart = end_distance_m(clip, far, analysis.correspondence)
    assert apart > FAR_END_M
    (note,) = [warning for warning in far.warnings if "the result ends" in warning]
    assert (
        note == f'the result ends {apart:.2f} m from the clip\'s end; root "keep" stays on its path'
    )
    assert len(note.split()) <= 15
    near = released.apply(analysis, released.style_of(style), root="keep")
    assert not any("the result ends" in warning for warning in near.warnings)
    assert travel_notes(FAR_END_M) == ()


@pytest.mark.parametrize("move", [lambda clip: clip, lambda clip: turned(clip, 0.0, 2.0 * Y)])
def test_the_distance_of_two_ends_is_over_the_ground(move: Callable[[Clip], Clip]) -> None:
    clip = walk(2.0).clip
    rig, moved = (
        as_rig(clip, metres_per_unit=0.01),
        as_rig(turned(move(clip), 0.0, np.array([0.3, 0.0, 0.4])), metres_per_unit=0.01),
    )
    c = correspond(rig)
    hips = [role_position(each, c, "hips")[-1] for each in (rig, moved)]
    away = [np.linalg.norm((b - a)[[0, 2]]) for a, b in pairwise(hips)]
    assert end_distance_m(rig, moved, c) == pytest.approx(away[0])
    assert end_distance_m(rig, moved, c) == pytest.approx(0.5, rel=0.05)
    assert end_distance_m(rig, rig, c) == 0.0
