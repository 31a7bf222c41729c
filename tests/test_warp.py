"""A motion in another time: every joint goes along, and so does what its file holds beside it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from kinestyle.formats.bvh import format_bvh, parse_bvh
from kinestyle.formats.fbx import format_fbx, parse_fbx
from kinestyle.formats.fbx.curves import curve_node_record, curve_record
from kinestyle.formats.fbx.records import parse, record, serialize
from kinestyle.formats.fbx.ticks import TICKS_A_SECOND
from kinestyle.formats.gltf import format_gltf, parse_gltf
from kinestyle.motion import rotation
from kinestyle.motion.clip import Clip
from kinestyle.motion.skeleton import Skeleton
from kinestyle.motion.warp import Warped, frame_after, source_at, warp, warped_again
from kinestyle.motion.window import collect
from made_gltf import character, see
from test_characters import two_persons

MOMENTS = np.interp(np.arange(45), [0, 20, 44], [0.0, 16.0, 29.0])
"""Of a clip of 30 frames: first slower than it was, then slower still."""


def body_and_prop(frames: int = 30) -> Clip:
    """A root that goes along a curve, and a prop that is picked up in frame 12."""
    skeleton = Skeleton(
        ("root", "prop"), np.array([-1, 0]), np.zeros((2, 3)), np.array([1]), np.zeros((1, 3))
    )
    t = np.arange(frames) / 30.0
    position, turned = np.zeros((frames, 2, 3)), np.tile([1.0, 0, 0, 0], (frames, 2, 1))
    position[:, 0, 0], position[12:, 1, 1] = np.sin(3.0 * t), 1.0
    turned[:, 0] = rotation.exp(np.stack([0 * t, np.sin(2.0 * t), 0 * t], axis=-1))
    return Clip(skeleton, position, turned, 1.0 / 30.0, "made")


def test_a_body_moves_on_its_curve_and_what_jumps_does_not_swing() -> None:
    clip = body_and_prop()
    found = warp(clip, MOMENTS, {0})
    t = MOMENTS / 30.0
    assert isinstance(found, Clip)
    assert (found.frame_count, found.frame_time_seconds) == (45, clip.frame_time_seconds)
    inner = slice(5, -5)  # a spline knows less at its ends
    assert np.abs(found.local_position[inner, 0, 0] - np.sin(3.0 * t[inner])).max() < 1e-4
    wanted = rotation.exp(np.stack([0 * t, np.sin(2.0 * t), 0 * t], axis=-1))
    apart = rotation.multiply(rotation.inverse(wanted), found.local_rotation[:, 0])
    assert rotation.angle(apart)[inner].max() < 1e-4
    prop = found.local_position[:, 1, 1]
    assert (prop.min(), prop.max()) == (0.0, 1.0), "a spline would go beyond both"
    straight = warp(clip, MOMENTS, set()).local_position[:, 0, 0]
    jerk = [np.abs(np.diff(x, n=3)).mean() for x in (straight, found.local_position[:, 0, 0])]
    assert jerk[1] < 0.6 * jerk[0], "straight lines have corners"


def test_a_moment_that_is_a_frame_is_that_very_frame() -> None:
    clip = body_and_prop()
    found = warp(clip, MOMENTS, {0, 1})
    whole = np.flatnonzero(MOMENTS.round() == MOMENTS)
    assert len(whole) > 4
    frames = MOMENTS[whole].astype(int)
    np.testing.assert_array_equal(found.local_position[whole], clip.local_position[frames])
    np.testing.assert_array_equal(found.local_rotation[whole], clip.local_rotation[frames])
    same = warp(clip, np.arange(30.0), {0, 1})
    np.testing.assert_array_equal(same.local_rotation, clip.local_rotation)


def test_windows_give_what_the_whole_gives() -> None:
    clip = body_and_prop(300)
    moments = np.linspace(0.0, 299.0, 411)
    whole, motion = warp(clip, moments, {0}), Warped(clip, moments, frozenset({0}), ("told",))
    for start, stop in ((0, 50), (50, 201), (201, 411)):
        part = motion.window(start, stop)
        assert np.abs(part.local_position - whole.local_position[start:stop]).max() < 1e-8
        assert np.abs(part.local_rotation - whole.local_rotation[start:stop]).max() < 1e-8
    only = motion.window(100, 120, [0])
    assert only.skeleton.names == ("root",)
    np.testing.assert_array_equal(
        only.local_position, motion.window(100, 120).local_position[:, :1]
    )
    sampled = motion.sample(np.array([3, 200]))
    assert np.abs(sampled.local_position - whole.local_position[[3, 200]]).max() < 1e-8
    assert collect(motion).warnings == motion.with_warnings().warnings == ("told",)


def test_where_frames_went() -> None:
    frames = np.array([-2.0, 0.0, 8.0, 16.0, 29.0, 31.5])
    after = frame_after(MOMENTS, frames)
    np.testing.assert_allclose(after, [-2.0, 0.0, 10.0, 20.0, 44.0, 46.5])
    again = warped_again(MOMENTS, np.array([0.0, 10.0, 44.0]))
    np.testing.assert_allclose(again, [0.0, 8.0, 29.0])
    assert source_at(None, MOMENTS) is None


def test_the_other_person_of_a_bvh_file_goes_along() -> None:
    text, _, other = two_persons()
    clip = parse_bvh(text.encode(), "two.bvh")
    moments = np.linspace(0.0, clip.frame_count - 1.0, 2 * clip.frame_count - 1)
    written = format_bvh(warp(clip, moments, {0}), "two.bvh")[0]
    back = parse_bvh(written, "two.bvh", character=2)
    assert back.frame_count == len(moments)
    wanted = warp(other, moments, set())
    assert (
        np.abs(back.world_position - wanted.world_position).max() < 0.05
    )  # centimetres: angles went straight
    before, after = (text.split("MOTION")[0], written.decode().split("MOTION")[0])
    assert before == after


@pytest.mark.parametrize("keep", [False, True])
def test_what_moves_beside_a_gltf_rig_goes_along(walk_clip: Clip, keep: bool) -> None:
    rig = walk_clip.with_motion(walk_clip.local_position[:30], walk_clip.local_rotation[:30])
    data = character(rig).glb()
    clip = parse_gltf(data, "x.glb")
    found = warp(clip, MOMENTS, range(clip.skeleton.joint_count))
    if keep:
        found = replace(found, animation="slower")
    result, notes = format_gltf(found, "x.glb")
    assert notes == ()
    back = parse_gltf(result, "x.glb")
    np.testing.assert_allclose(back.world_position, found.world_position, atol=1e-3)
    was = see(data, MOMENTS * clip.frame_time_seconds)
    now = see(result, np.arange(45) * clip.frame_time_seconds, -1 if keep else 0)
    assert np.ptp(was.place("Lantern"), axis=0).max() > 0.1
    np.testing.assert_allclose(now.place("Lantern"), was.place("Lantern"), atol=1e-4)


def test_what_moves_beside_an_fbx_rig_goes_along(walk_clip: Clip) -> None:
    rig = walk_clip.with_motion(walk_clip.local_position[:30], walk_clip.local_rotation[:30])
    document = parse(format_fbx(rig, "x.fbx")[0], "x.fbx")
    objects, links = document.find("Objects").children, document.find("Connections").children
    layer = next(item for item in objects if item.name == "AnimationLayer").decoded()[0]
    ticks = (np.arange(0, 30, 10) * TICKS_A_SECOND // 30).astype(np.int64)
    objects.append(record("Model", np.int64(71), "Face\x00\x01Model", "Null", children=[]))
    objects.append(curve_node_record(72, "blink", np.zeros(3)))
    objects.append(curve_record(73, ticks, np.arange(3.0)))
    links.append(record("C", "OO", np.int64(71), np.int64(0)))
    links.append(record("C", "OO", np.int64(72), layer))
    links.append(record("C", "OP", np.int64(72), np.int64(71), "blink"))
    links.append(record("C", "OP", np.int64(73), np.int64(72), "d|X"))
    clip = parse_fbx(serialize(document), "x.fbx")
    found = warp(clip, MOMENTS, range(clip.skeleton.joint_count))
    result, _ = format_fbx(found, "x.fbx")
    back = parse_fbx(result, "x.fbx")
    assert back.frame_count == 45
    np.testing.assert_allclose(back.world_position, found.world_position, atol=1e-2)
    curves = parse(result, "x.fbx").find("Objects").all("AnimationCurve")
    (blink,) = [item for item in curves if item.decoded()[0] == 73]
    keys = blink.find("KeyTime")
    assert keys is not None
    seconds = np.asarray(keys.decoded()[0]) / TICKS_A_SECOND
    np.testing.assert_allclose(
        30.0 * seconds, frame_after(MOMENTS, np.arange(0, 30, 10)), atol=1e-3
    )
