"""Which part of a motion is taken, as a cycle, in place, on which bone and at which rate."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from kinestyle.cli import main
from kinestyle.errors import ClipError, StyleError
from kinestyle.formats.bvh import read_bvh, write_bvh
from kinestyle.formats.table import open_motion, read_motion, write_motion
from kinestyle.motion import rotation
from kinestyle.motion.clip import Clip
from kinestyle.retarget.correspondence import correspond
from kinestyle.retarget.legs import role_position
from kinestyle.runtime.cycles import find_cycle
from kinestyle.runtime.edits import edit, plan_edit
from kinestyle.runtime.settings import Settings
from kinestyle.runtime.stylizer import Stylizer
from long_motion import long_clip
from made_rigs import as_rig, rig_names, square_axes, walk

PLANTED_M_S = 0.05
"""How fast the slower of ankle and toe may be on a foot that stands."""


def text_rows(path: Path) -> list[str]:
    lines = path.read_text().splitlines()
    (at,) = [i for i, line in enumerate(lines) if line.startswith("Frame Time")]
    return lines[at + 1 :]


def run(*words: Any) -> Result:
    return CliRunner().invoke(main, [*map(str, words)], catch_exceptions=False)


# ---------------------------------------------------------------- what is said


@pytest.mark.parametrize(
    ("said", "kept"), [(1.5, 1.5), ("1.5", 1.5), ("45f", "45f"), (" 007F ", "7f"), (None, None)]
)
def test_a_moment_is_seconds_or_a_frame(said: Any, kept: Any) -> None:
    assert Settings(start=said).start == kept


@pytest.mark.parametrize("said", [-1, "f", "4.5f", "soon", float("nan"), float("inf"), True])
def test_what_is_no_moment_is_refused_with_the_word_that_was_typed(said: Any) -> None:
    with pytest.raises(StyleError, match=r"^from is .* expected a time in the clip"):
        Settings(start=said)


def test_a_part_that_is_not_there_is_refused(walk_clip: Clip) -> None:
    last = walk_clip.frame_count - 1
    with pytest.raises(ClipError, match=f"behind the end of .* {last + 1} frames"):
        edit(walk_clip, Settings(start=f"{last + 1}f"))
    with pytest.raises(ClipError, match="from is 2f and to 1f"):
        edit(walk_clip, Settings(start="2f", stop="1f"))
    with pytest.raises(ClipError, match="expected 22 frames or more"):
        edit(walk_clip, Settings(start="0f", stop="20f", loop=10))
    with pytest.raises(ClipError, match=r"out_fps is 0\.05"):
        edit(walk_clip, Settings(out_fps=0.05))
    assert edit(walk_clip, Settings(stop=1e9)) is walk_clip


# ---------------------------------------------------------------- from, to


def test_a_part_of_a_file_has_the_very_text_of_its_frames(walk_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "part.bvh"
    assert run("convert", walk_file, out, "--from", "10f", "--to", "20f").exit_code == 0
    assert text_rows(out) == text_rows(walk_file)[10:21], "the frame at --to is the last"
    same = tmp_path / "same.bvh"
    words = "--strength", "0", "--from", "10f", "--to", "20f", "-o", same
    assert run("stylize", walk_file, "--style", "old", *words).exit_code == 0
    assert text_rows(same) == text_rows(out)


def test_seconds_are_the_frames_at_them(walk_clip: Clip) -> None:
    rate = walk_clip.frame_rate
    plan = plan_edit(walk_clip, Settings(start=0.5, stop=1.0))
    assert (plan.start, plan.stop) == (round(0.5 * rate), round(1.0 * rate) + 1)


@pytest.mark.parametrize("style", ["one/calm", "one/proud"])
def test_a_part_of_a_result_is_the_result_cut_afterwards(
    tiny: Stylizer, walk_clip: Clip, style: str
) -> None:
    whole = tiny.stylize(walk_clip, style)
    part = tiny.stylize(walk_clip, style, start="20f", stop="50f")
    np.testing.assert_array_equal(part.local_rotation, whole.local_rotation[20:51])
    np.testing.assert_array_equal(part.local_position, whole.local_position[20:51])


def test_times_are_those_of_the_clip_where_the_result_has_another_tempo(
    timely: Stylizer, walk_clip: Clip
) -> None:
    last = walk_clip.frame_count - 1
    whole = timely.stylize(walk_clip, "elderly", timing="style")
    half = timely.stylize(walk_clip, "elderly", timing="style", stop=f"{last // 2}f")
    assert whole.frame_count != walk_clip.frame_count
    share = half.frame_count / whole.frame_count
    assert share == pytest.approx(0.5, abs=0.06)
    np.testing.assert_array_equal(half.local_rotation, whole.local_rotation[: half.frame_count])


def test_a_part_of_a_long_file_is_read_where_it_is(
    tmp_path: Path,
) -> None:
    path = tmp_path / "long.bvh"
    write_bvh(long_clip(200.0), path)
    motion = open_motion(path)
    assert not isinstance(motion, Clip)
    part = edit(motion, Settings(start=100.0, stop=160.0))
    assert not isinstance(part, Clip)
    write_motion(part, tmp_path / "part.bvh")
    first = round(100.0 / motion.frame_time_seconds)
    assert text_rows(tmp_path / "part.bvh") == text_rows(path)[first : first + part.frame_count]


# ---------------------------------------------------------------- rate


@pytest.mark.parametrize("fps", [15.0, 24.0, 60.0, 23.976])
def test_another_rate_lasts_as_long_and_keeps_the_frames_that_are_both(
    walk_clip: Clip, fps: float
) -> None:
    result = edit(walk_clip, Settings(out_fps=fps))
    assert result.frame_rate == pytest.approx(fps)
    assert 0.0 <= walk_clip.duration_seconds - result.duration_seconds < 1.0 / fps
    if fps in (15.0, 60.0):
        every, its = (2, 1) if fps == 15.0 else (1, 2)
        a, b = walk_clip.local_rotation[::every], result.local_rotation[::its]
        np.testing.assert_array_equal(b[: len(a)], a[: len(b)])
    pace = result.frame_time_seconds / walk_clip.frame_time_seconds
    moments = (np.arange(result.frame_count) * pace).round().astype(int)
    near = walk_clip.world_position[np.minimum(moments, walk_clip.frame_count - 1)]
    step = np.linalg.norm(np.diff(walk_clip.world_position, axis=0), axis=-1).max()
    assert np.linalg.norm(result.world_position - near, axis=-1).max() <= step


def test_a_longer_motion_is_edited_as_the_clip_is(walk_clip: Clip, tmp_path: Path) -> None:
    path = tmp_path / "long.bvh"
    write_bvh(long_clip(130.0), path)
    long, whole, c = open_motion(path), read_bvh(path), correspond(walk_clip)
    assert not isinstance(long, Clip)
    for settings in (Settings(out_fps=24.0, start=3.0, stop=99.0), Settings(in_place=True)):
        a, b = edit(long, settings, c), edit(whole, settings, c)
        assert (a.frame_count, a.frame_time_seconds) == (b.frame_count, b.frame_time_seconds)
        np.testing.assert_allclose(
            a.window(500, 590).world_position, b.window(500, 590).world_position, atol=1e-6
        )


# ---------------------------------------------------------------- cycles


def planted_speed(clip: Clip, frames: slice) -> tuple[float, int]:
    """Metres a second of feet that stand, the slower of ankle and toe, in the mean; and how often
    one stands.
    """
    from kinestyle.retarget.contacts import find_contacts
    from kinestyle.retarget.correspondence import to_canonical
    from kinestyle.retarget.foot_lock import locked_feet
    from kinestyle.retarget.legs import both_positions

    c = correspond(clip)
    locked = locked_feet(clip, c, find_contacts(to_canonical(clip, c)))
    speed = np.min(
        [
            np.linalg.norm(np.diff(both_positions(clip, c, part), axis=1)[..., [0, 2]], axis=-1)
            for part in ("foot", "toe")
        ],
        axis=0,
    )
    stands = (locked[1:] & locked[:-1]).T[:, frames]
    speed = speed[:, frames] * c.scale_to_canonical / clip.frame_time_seconds
    return float(speed[stands].mean()), int(stands.sum())


@pytest.mark.parametrize("settings", [Settings(loop=12), Settings(start=1.0, stop="104f", loop=10)])
def test_blended_ends_make_a_cycle_that_others_see(walk_clip: Clip, settings: Settings) -> None:
    c = correspond(walk_clip)
    plan = plan_edit(walk_clip, settings)
    result = edit(walk_clip, settings)
    assert result.frame_count == plan.stop - plan.start - settings.loop
    found = find_cycle(result, c)
    assert found is not None
    assert found.period == result.frame_count - 1
    assert found.turn == 0.0, "a walk straight on goes straight on"
    assert np.linalg.norm(found.travel) > 1.0
    hips = c.mapping.joints["hips"]
    pose = (result.world_position - result.world_position[:, [hips]]) * c.scale_to_canonical
    np.testing.assert_allclose(pose[-1], pose[0], atol=1e-6)
    bend = np.linalg.norm((pose[1] - pose[0]) - (pose[-1] - pose[-2]), axis=-1).max()
    usual = np.linalg.norm(np.diff(pose, 2, axis=0), axis=-1).max(axis=1)
    assert bend <= usual.max(), "no jerk over the seam"
    own = slice(settings.loop, result.frame_count - 1)
    cut = walk_clip.local_rotation[plan.start : plan.stop - settings.loop]
    far = np.abs(result.local_rotation[own] - cut[own]).max(axis=(1, 2))
    assert np.median(far) == 0.0, "what is far from the blend keeps its very numbers"
    assert "is a cycle of" in result.warnings[-1] or "is a cycle of" in result.warnings[-2]


@pytest.mark.parametrize("settings", [Settings(loop=12), Settings(start=1.0, stop=3.13, loop=10)])
def test_feet_that_stand_keep_standing_in_the_blend(walk_clip: Clip, settings: Settings) -> None:
    held = edit(walk_clip, settings)
    free = edit(walk_clip, replace(settings, feet="free"))
    blend = slice(0, settings.loop)
    slides, stands = planted_speed(held, blend)
    assert slides < PLANTED_M_S
    assert stands >= planted_speed(free, blend)[1]
    assert planted_speed(free, blend)[0] > 2.0 * slides, "they slid before"


def test_a_clip_that_hardly_travels_becomes_a_round_in_place() -> None:
    wave = read_motion(Path(__file__).parents[1] / "src/kinestyle/examples/wave.bvh")
    result = edit(wave, Settings(loop=15))
    c = correspond(wave)
    path = role_position(result, c, "hips")[:, [0, 2]]
    np.testing.assert_allclose(path[-1], path[0], atol=1e-5)
    assert planted_speed(result, slice(None))[0] < 1e-3, "both feet stay where they are"


def test_a_turning_walk_turns_on_from_round_to_round(walk_clip: Clip) -> None:
    """A quarter of a circle: the next round begins where this one ends, facing as it does."""
    c = correspond(walk_clip)
    angle = np.linspace(0.0, np.pi / 2.0, walk_clip.frame_count)
    roots = np.flatnonzero(walk_clip.skeleton.parents < 0)
    about = rotation.multiply(
        rotation.multiply(rotation.inverse(c.axes), rotation.about_y(angle)), c.axes
    )
    position, turned = walk_clip.local_position.copy(), walk_clip.local_rotation.copy()
    position[:, roots] = rotation.rotate(about[:, None], position[:, roots])
    turned[:, roots] = rotation.multiply(about[:, None], turned[:, roots])
    clip = replace(walk_clip.with_motion(position, turned), source=None)
    result = edit(clip, Settings(loop=6))
    found = find_cycle(result, correspond(result), asked=True)
    assert found is not None
    share = (result.frame_count - 1) / (clip.frame_count - 1)
    assert found.turn == pytest.approx(np.pi / 2.0 * share, abs=0.4)


def test_a_cycle_at_another_rate_still_ends_where_it_begins(walk_clip: Clip) -> None:
    result = edit(walk_clip, Settings(start=1.0, loop=10, out_fps=25.0, in_place=True))
    c = correspond(result)
    hips = role_position(result, c, "hips")
    first, last = result.local_rotation[[0, -1], 1:]
    np.testing.assert_allclose(last, first, atol=1e-6)
    np.testing.assert_allclose(hips[-1], hips[0], atol=2e-3)
    assert result.frame_rate == pytest.approx(25.0)


def test_the_better_end_that_is_named_is_better(walk_clip: Clip) -> None:
    (note,) = [w for w in edit(walk_clip, Settings(loop=12)).warnings if "apart in a joint" in w]
    better = edit(walk_clip, Settings(loop=12, stop=note.split()[-1]))
    apart = [w for w in better.warnings if "apart in a joint" in w]
    assert not apart or float(apart[0].split(" cm ")[0].split()[-1]) < float(
        note.split(" cm ")[0].split()[-1]
    )


# ---------------------------------------------------------------- place


@pytest.mark.parametrize("moving_root", [False, True])
@pytest.mark.parametrize("up", ["Y", "Z"])
def test_in_place_takes_the_travel_and_leaves_the_sway(moving_root: bool, up: str) -> None:
    own = square_axes(3, len(rig_names(moving_root)))
    clip = as_rig(walk(5.0).clip, own, 0.01, up, moving_root)
    c = correspond(clip)
    result = edit(clip, Settings(in_place=True), c)
    before, after = (role_position(each, c, "hips") for each in (clip, result))
    assert np.ptp(before[:, [0, 2]], axis=0).max() > 1.0
    assert np.ptp(after[:, [0, 2]], axis=0).max() < 0.15
    np.testing.assert_allclose(after[:, 1], before[:, 1], atol=1e-6)
    np.testing.assert_allclose(after[0], before[0], atol=1e-9)
    np.testing.assert_array_equal(result.local_rotation, clip.local_rotation)


def test_a_looped_walk_in_place_has_a_belt_of_one_speed(walk_clip: Clip) -> None:
    from kinestyle.retarget.treadmill import find_belt

    result = edit(walk_clip, Settings(start=1.0, stop="104f", loop=10, in_place=True))
    belt = find_belt(result, correspond(result), repeats=True)
    assert belt is not None
    assert np.linalg.norm(belt) > 0.8
    assert find_cycle(result, correspond(result)) is not None


def with_root(clip: Clip) -> Clip:
    """The clip on a rig with a root on the floor above its hips, and a prop that hangs on that."""
    from kinestyle.motion.skeleton import Skeleton

    s = clip.skeleton
    skeleton = Skeleton(
        ("root", *s.names, "prop"),
        np.concatenate([[-1], s.parents + 1, [0]]),
        np.concatenate([np.zeros((1, 3)), s.offsets, [[10.0, 0.0, 0.0]]]),
        s.end_parents + 1,
        s.end_offsets,
    )
    still = np.zeros((clip.frame_count, 1, 3))
    aside = still + np.array([10.0, 0.0, 0.0])
    q = np.broadcast_to(rotation.IDENTITY, (clip.frame_count, 1, 4))
    return replace(
        clip,
        skeleton=skeleton,
        local_position=np.concatenate([still, clip.local_position, aside], axis=1),
        local_rotation=np.concatenate([q, clip.local_rotation, q], axis=1),
        source=None,
    )


def test_travel_goes_onto_the_root_and_back_and_nothing_else_moves(walk_clip: Clip) -> None:
    clip = with_root(walk_clip)
    c = correspond(clip)
    on_root = edit(clip, Settings(root_motion="root"), c)
    np.testing.assert_allclose(on_root.world_position[:, 1:], clip.world_position[:, 1:], atol=1e-9)
    root = on_root.local_position[:, 0] * c.scale_to_canonical
    assert np.linalg.norm(root[-1] - root[0]) > 3.0
    np.testing.assert_array_equal(root[:, 1], clip.local_position[:, 0, 1])
    hips = on_root.local_position[:, 1] * c.scale_to_canonical
    assert np.ptp(hips[:, [0, 2]], axis=0).max() < 0.15, "they sway against it"
    bend = np.linalg.norm(np.diff(root, 2, axis=0), axis=-1).max()
    assert bend < 1e-3, "a root does not sway"
    back = edit(on_root, Settings(root_motion="hips"))
    np.testing.assert_allclose(back.world_position[:, 1:], clip.world_position[:, 1:], atol=1e-6)
    np.testing.assert_allclose(back.local_position[:, 0], clip.local_position[:, 0], atol=1e-6)


def test_hips_without_place_for_a_position_get_a_new_layout(
    walk_clip: Clip, tmp_path: Path
) -> None:
    """A BVH whose root travels and whose hips only turn: their positions need channels."""
    path, out = tmp_path / "root.bvh", tmp_path / "hips.bvh"
    clip = edit(with_root(walk_clip), Settings(root_motion="root"))
    pinned = clip.local_position.copy()
    pinned[:, 1] = clip.skeleton.offsets[1]
    clip = clip.with_motion(pinned, clip.local_rotation)
    write_bvh(clip, path)
    given = read_bvh(path)
    assert not given.source.translates(1)
    assert run("convert", path, out, "--root-motion", "hips").exit_code == 0
    np.testing.assert_allclose(
        read_bvh(out).world_position[:, 1:], given.world_position[:, 1:], atol=1e-4
    )


def test_a_rig_without_a_root_says_so(walk_clip: Clip) -> None:
    result = edit(walk_clip, Settings(root_motion="root"))
    assert "has no bone above its hips" in result.warnings[-1]
    np.testing.assert_array_equal(result.local_position, walk_clip.local_position)


# ---------------------------------------------------------------- feet


def test_free_feet_go_where_the_style_takes_them(released: Stylizer, walk_clip: Clip) -> None:
    locked = released.stylize(walk_clip, "old")
    free = released.stylize(walk_clip, "old", feet="free")
    slides, _ = planted_speed(locked, slice(None))
    assert planted_speed(free, slice(None))[0] > 2.0 * slides
    above = [walk_clip.skeleton.index(name) for name in ("Spine", "LeftArm", "Head")]
    np.testing.assert_allclose(
        free.local_rotation[:, above], locked.local_rotation[:, above], atol=1e-9
    )


# ---------------------------------------------------------------- files


@pytest.mark.parametrize("ending", [".bvh", ".glb", ".fbx"])
@pytest.mark.parametrize(
    "settings",
    [
        Settings(start="30f", stop="60f"),
        Settings(start=1.0, stop=3.0, out_fps=24.0),
        Settings(start=1.0, loop=10, in_place=True, out_fps=25.0),
    ],
    ids=["part", "rate", "all"],
)
def test_what_was_edited_is_what_is_read_back(
    walk_clip: Clip, tmp_path: Path, ending: str, settings: Settings
) -> None:
    given, out = tmp_path / f"given{ending}", tmp_path / f"out{ending}"
    write_motion(walk_clip, given)
    clip = read_motion(given)
    result = edit(clip, settings)
    write_motion(result, out)
    back = read_motion(out)
    assert back.frame_count == result.frame_count
    assert back.frame_rate == pytest.approx(result.frame_rate, rel=1e-6)
    size = np.ptp(clip.world_position[0], axis=0).max()
    np.testing.assert_allclose(back.world_position, result.world_position, atol=1e-4 * size)


def test_a_folder_is_converted_with_a_part_of_each(walk_clip: Clip, tmp_path: Path) -> None:
    clips, out = tmp_path / "clips", tmp_path / "out"
    clips.mkdir()
    write_motion(walk_clip, clips / "a.bvh")
    assert run("convert", clips, out, "--to", ".glb").exit_code == 0, "as it was"
    assert read_motion(out / "a.glb").frame_count == walk_clip.frame_count
    assert run("convert", clips, out, "--format", "bvh", "--to", "9f").exit_code == 0
    assert read_motion(out / "a.bvh").frame_count == 10
