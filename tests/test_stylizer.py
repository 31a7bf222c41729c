"""Restyling: what must hold for every bundle, with weights that were never trained, and what the
released one must do.
"""

from __future__ import annotations

import contextlib
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kinestyle.errors import ClipError, KinestyleError, StyleError
from kinestyle.formats.table import read_motion, write_motion
from kinestyle.motion import rotation
from kinestyle.motion.canonical import CANONICAL
from kinestyle.motion.clip import Clip
from kinestyle.motion.rotation import Array
from kinestyle.retarget.contacts import CONTACT_JOINTS, find_contacts
from kinestyle.retarget.correspondence import correspond, to_canonical
from kinestyle.runtime.cue import Cue
from kinestyle.runtime.graphs import STRIDE
from kinestyle.runtime.sequences import SHORTEST_FRAMES
from kinestyle.runtime.stylizer import Stylizer
from made_rigs import (
    AXES_TO_Y_UP,
    as_rig,
    rig_names,
    square_axes,
    stand,
    walk,
)
from stylizer_checks import BvhText, assert_sound, cut, degrees_apart, place_apart, placed

BVH_FILES = Path(__file__).parent / "files" / "bvh"

# ---------------------------------------------------------------- strength and seed


def test_strength_0_writes_the_same_bytes(
    tiny: Stylizer, walk_file: Path, walk_clip: Clip, tmp_path: Path
) -> None:
    out = tmp_path / "out.bvh"
    same = tiny.stylize(walk_clip, "proud", strength=0.0)
    np.testing.assert_array_equal(same.local_position, walk_clip.local_position)
    np.testing.assert_array_equal(same.local_rotation, walk_clip.local_rotation)
    write_motion(same, out)
    assert out.read_bytes() == walk_file.read_bytes()
    write_motion(tiny.stylize(walk_clip, like=walk_clip, strength=0, seed=4), out)
    assert out.read_bytes() == walk_file.read_bytes()


def test_strength_0_still_needs_a_style_that_there_is(tiny: Stylizer, walk_clip: Clip) -> None:
    with pytest.raises(StyleError, match="no style is called 'furious'"):
        tiny.stylize(walk_clip, "furious", strength=0.0)


@pytest.mark.parametrize("strength", [0.0, 0.3, 1.0])
def test_a_little_more_strength_changes_little(
    tiny: Stylizer, walk_clip: Clip, strength: float
) -> None:
    analysis, code = tiny.analyse(walk_clip), tiny.style_of("one/calm")
    whole = degrees_apart(tiny.apply(analysis, code, strength=1.0), walk_clip).max()
    result, more, further = (
        tiny.apply(analysis, code, strength=strength + step) for step in (0.0, 1e-6, 1e-3)
    )
    assert whole > 1.0
    # nowhere is the curve steeper than several times a straight line, and the first step is no jump
    for other, step in ((more, 1e-6), (further, 1e-3)):
        assert degrees_apart(result, other).max() < 20.0 * whole * step + 1e-5
        assert place_apart(result, other) < 1000.0 * step + 1e-5  # centimetres


def test_more_strength_goes_farther_from_the_input(released: Stylizer, walk_clip: Clip) -> None:
    analysis = released.analyse(walk_clip)
    for style in ("old", "proud"):
        code = released.style_of(style)
        results = [
            released.apply(analysis, code, strength=strength)
            for strength in (0.0, 0.25, 0.5, 0.75, 1.0, 1.5)
        ]
        turned = np.array([degrees_apart(result, walk_clip).mean() for result in results])
        assert (np.diff(turned) > 0.1).all()
        assert turned[2] == pytest.approx(0.5 * turned[4], rel=0.25)
        assert all(place_apart(result, walk_clip) < 500.0 for result in results)


@pytest.mark.parametrize("strength", [-0.1, float("nan"), float("inf"), float("-inf")])
def test_a_strength_that_is_none_is_refused(
    tiny: Stylizer, walk_clip: Clip, strength: float
) -> None:
    with pytest.raises(StyleError, match=r"strength is .*, expected a number from 0 to 1000000"):
        tiny.stylize(walk_clip, "proud", strength=strength)


@pytest.mark.parametrize("strength", [30.0, 1e6])
def test_a_strength_beyond_all_sense_still_gives_a_sound_clip(
    tiny: Stylizer, walk_clip: Clip, strength: float
) -> None:
    assert_sound(tiny.stylize(walk_clip, "proud", strength=strength))


def test_a_strength_that_overflows_is_refused(tiny: Stylizer, walk_clip: Clip) -> None:
    with pytest.raises(KinestyleError):
        tiny.stylize(walk_clip, "proud", strength=1e300)


def test_seed_0_is_the_middle_and_others_are_draws_that_repeat(tiny: Stylizer) -> None:
    style = tiny.bundle.style("proud")
    np.testing.assert_array_equal(tiny.style_of("proud"), style.mean)
    np.testing.assert_array_equal(tiny.style_of("proud", 0), style.mean)
    draws = np.array([tiny.style_of("proud", seed) for seed in range(1, 301)])
    np.testing.assert_array_equal(draws[6], Stylizer.load(tiny.bundle.path).style_of("proud", 7))
    assert len(np.unique(draws, axis=0)) == 300
    np.testing.assert_allclose(draws.mean(axis=0), style.mean, atol=5 * 0.5 / np.sqrt(300))
    np.testing.assert_allclose(draws.std(axis=0), style.std, rtol=0.25)


def test_seeds_differ_in_what_comes_out_and_repeat(tiny: Stylizer, walk_clip: Clip) -> None:
    results = [tiny.stylize(walk_clip, "proud", seed=seed) for seed in (0, 1, 2, 2)]
    for a, b in ((0, 1), (0, 2), (1, 2)):
        assert degrees_apart(results[a], results[b]).max() > 0.1
    np.testing.assert_array_equal(results[2].local_rotation, results[3].local_rotation)
    np.testing.assert_array_equal(results[2].local_position, results[3].local_position)


def test_a_negative_seed_is_refused_or_a_draw(tiny: Stylizer) -> None:
    with contextlib.suppress(KinestyleError):
        assert np.isfinite(tiny.style_of("proud", -1)).all()


def test_seeds_of_a_reference_are_draws_around_its_likeliest_style(
    tiny: Stylizer, walk_clip: Clip
) -> None:
    mean = tiny.style_of(Cue.of(like=walk_clip))
    np.testing.assert_array_equal(mean, tiny.style_of(Cue.of(like=walk_clip), 0))
    one, two = tiny.style_of(Cue.of(like=walk_clip), 1), tiny.style_of(Cue.of(like=walk_clip), 2)
    assert not np.array_equal(one, two)
    np.testing.assert_array_equal(one, tiny.style_of(Cue.of(like=walk_clip), 1))


# ---------------------------------------------------------------- styles and references


def test_a_cue_is_needed_and_one_alone(tiny: Stylizer, walk_clip: Clip) -> None:
    with pytest.raises(StyleError, match="neither style nor like nor random is given"):
        tiny.stylize(walk_clip)
    with pytest.raises(StyleError, match="a whole cue is given, and parts of one"):
        tiny.stylize(walk_clip, Cue.of("proud"), like=walk_clip)


def test_an_unknown_style_is_answered_with_the_known_ones(tiny: Stylizer, walk_clip: Clip) -> None:
    with pytest.raises(StyleError, match=r"'furious'.*tiny.kinestyle knows Not-Tired, calm, proud"):
        tiny.stylize(walk_clip, "furious")


def test_styles_differ_in_what_comes_out(tiny: Stylizer, walk_clip: Clip) -> None:
    results = [tiny.stylize(walk_clip, style.name) for style in tiny.styles]
    assert min(degrees_apart(a, b).max() for i, a in enumerate(results) for b in results[:i]) > 1.0


def test_a_clip_in_the_style_of_one_on_another_rig(tiny: Stylizer, walk_clip: Clip) -> None:
    reference = as_rig(walk(2.0, 60.0).clip, metres_per_unit=0.01, up="Z")
    result = tiny.stylize(walk_clip, like=reference)
    assert_sound(result)
    assert result.skeleton is walk_clip.skeleton
    assert result.frame_count == walk_clip.frame_count
    assert degrees_apart(result, walk_clip).max() > 0.5
    assert degrees_apart(result, tiny.stylize(walk_clip, like=stand())).max() > 0.5


def test_the_style_of_a_motion_does_not_depend_on_the_rig(tiny: Stylizer) -> None:
    motion = walk().clip
    code = tiny.style_of(Cue.of(like=motion))
    spread = np.abs(code - tiny.style_of(Cue.of(like=stand()))).max()
    rigs = [
        as_rig(motion),
        as_rig(motion, metres_per_unit=0.0254, up="Z"),
        as_rig(motion, square_axes(2, len(rig_names()))),
        as_rig(motion, square_axes(3, len(rig_names(True))), moving_root=True),
    ]
    for rig in rigs:
        assert np.abs(tiny.style_of(Cue.of(like=rig)) - code).max() < 0.01 * spread


def test_the_own_style_as_reference_changes_nothing_much(tiny: Stylizer, walk_clip: Clip) -> None:
    # restyled and unchanged come from one code and cancel out
    result = tiny.stylize(walk_clip, like=walk_clip)
    assert degrees_apart(result, walk_clip).max() < 1e-4
    assert place_apart(result, walk_clip) < 1e-4


@pytest.mark.parametrize("where", ["local_position", "local_rotation"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_motion_that_is_not_finite_is_refused(
    tiny: Stylizer, walk_clip: Clip, where: str, value: float
) -> None:
    array = getattr(walk_clip, where).copy()
    array[70, -1, 1] = value
    broken = replace(walk_clip, **{where: array})
    with pytest.raises(
        ClipError, match="walk has positions or rotations that are not finite numbers"
    ):
        tiny.stylize(broken, "proud")
    with pytest.raises(KinestyleError, match="not finite"):
        tiny.stylize(walk_clip, like=broken)


# ---------------------------------------------------------------- lengths and rates


@pytest.mark.parametrize("frames", [1, 2, 15, 16, 17, 23, 1000])
def test_any_length_comes_back_as_long(
    tiny: Stylizer, walk_clip: Clip, tmp_path: Path, frames: int
) -> None:
    times = -(-frames // walk_clip.frame_count)
    there_and_back = [walk_clip.local_rotation, walk_clip.local_rotation[::-1]] * times
    places = [walk_clip.local_position, walk_clip.local_position[::-1]] * times
    path, out = tmp_path / "in.bvh", tmp_path / "out.bvh"
    write_motion(
        walk_clip.with_motion(
            np.concatenate(places)[:frames], np.concatenate(there_and_back)[:frames]
        ),
        path,
    )
    clip = read_motion(path)
    result = tiny.stylize(clip, "one/calm")
    assert_sound(result)
    write_motion(result, out)
    before, after = BvhText.read(path), BvhText.read(out)
    assert (after.head, after.frames, after.frame_time) == (
        before.head,
        before.frames,
        before.frame_time,
    )
    assert len(after.rows) == int(after.frames) == frames
    assert (
        degrees_apart(result, clip).max(axis=1).min() > 0.1
    )  # every frame, also those beyond the last whole stride
    short = [
        f"in lasts {frames} frames at 30 frames/s, too short to show a style well; 16 or more "
        f"are better"
    ]
    assert list(result.warnings) == (short if frames < SHORTEST_FRAMES else [])


@pytest.mark.parametrize("rate", ["24", "30", "40", "60", "119.88", "120"])
@pytest.mark.parametrize("digits", [17, 6])
def test_any_rate_comes_back_as_it_was_written(
    tiny: Stylizer, tmp_path: Path, rate: str, digits: int
) -> None:
    path, out = tmp_path / "in.bvh", tmp_path / "out.bvh"
    write_motion(as_rig(walk(1.3, float(rate)).clip), path)
    text = f"{1.0 / float(rate):.{digits}f}"
    path.write_text(re.sub(r"Frame Time:.*", f"Frame Time: {text}", path.read_text()))
    clip = read_motion(path)
    result = tiny.stylize(clip, "one/calm")
    assert_sound(result)
    write_motion(result, out)
    before, after = BvhText.read(path), BvhText.read(out)
    assert (after.head, after.frames, after.frame_time) == (before.head, before.frames, text)
    assert len(after.rows) == len(before.rows)
    assert degrees_apart(result, clip).max(axis=1).min() > 0.1


def test_the_rate_of_a_clip_does_not_change_what_is_done_to_it(tiny: Stylizer) -> None:
    slow, fast = (as_rig(walk(2.0, rate).clip) for rate in (30.0, 120.0))
    changes = [tiny.stylize(clip, "one/calm") for clip in (slow, fast)]
    apart = np.degrees(
        rotation.angle(
            rotation.multiply(
                rotation.inverse(changes[0].world_rotation), changes[1].world_rotation[::4]
            )
        )
    )
    upper = [
        slow.skeleton.index(name)
        for name in ("Hips", "Spine", "Spine2", "Head", "LeftArm", "RightForeArm")
    ]
    moved = degrees_apart(changes[0], slow)[:, upper].mean()
    assert apart[:, upper].mean() < 0.1 * moved


def gliding(frame_rate: float) -> Clip:
    """A rig that glides 3 m/s faster than its legs walk: no foot is planted, so that only the
    networks say how it travels.
    """
    made = walk(2.0, frame_rate).clip
    time = np.arange(made.frame_count) / frame_rate
    position = made.local_position.copy()
    position[:, 0] += np.stack([0.0 * time, 0.0 * time, 3.0 * time], axis=-1)
    return as_rig(made.with_motion(position, made.local_rotation))


def test_without_planted_feet_the_networks_say_how_far_it_goes(tiny: Stylizer) -> None:
    def travelled(frame_rate: float, strength: float) -> Array:
        clip = gliding(frame_rate)
        analysis = tiny.analyse(clip)
        assert not analysis.contact.any()
        result = tiny.apply(analysis, tiny.style_of("one/calm"), strength=strength)
        hips = clip.skeleton.index("Hips")
        return (result.world_position - clip.world_position)[-1, hips] * [1.0, 0.0, 1.0]

    whole = travelled(30.0, 1.0)
    assert np.linalg.norm(whole) > 0.02
    np.testing.assert_allclose(travelled(30.0, 0.5), 0.5 * whole, atol=1e-6)
    np.testing.assert_allclose(travelled(120.0, 1.0), whole, atol=0.15 * np.linalg.norm(whole))


def test_what_comes_later_in_a_long_clip_does_not_change_its_beginning(
    tiny: Stylizer, walk_clip: Clip
) -> None:
    long = tiny.analyse(walk_clip)
    short = tiny.analyse(cut(walk_clip, 96), long.correspondence)
    code = tiny.style_of("one/calm")
    # the networks see a few strides to each side, and no more
    whole, start = (tiny.graphs.generate(analysis.content, code) for analysis in (long, short))
    steps = start.shape[1] - 6 * STRIDE // 4
    np.testing.assert_allclose(whole[:, :steps], start[:, :steps], atol=1e-4)


def test_a_clip_that_stands_still_and_one_that_is_upside_down_in_time(
    tiny: Stylizer, walk_clip: Clip
) -> None:
    for clip in (
        stand(),
        cut(walk_clip, 40),
        walk_clip.with_motion(walk_clip.local_position[::-1], walk_clip.local_rotation[::-1]),
    ):
        result = tiny.stylize(clip, "one/calm")
        assert_sound(result)
        assert result.frame_count == clip.frame_count


# ---------------------------------------------------------------- position, heading and unit


@pytest.mark.parametrize(
    ("yaw", "shift"),
    [(0.7, [100.0, 0.0, -50.0]), (3.0, [0.0, 0.0, 0.0]), (-1.6, [-2000.0, 45.0, 300.0])],
)
def test_a_clip_turned_and_moved_gives_the_result_turned_and_moved(
    tiny: Stylizer, walk_clip: Clip, yaw: float, shift: list[float]
) -> None:
    turn, move = rotation.about_y(yaw), np.array(shift)
    result = tiny.stylize(placed(walk_clip, turn, move), "one/calm")
    expected = placed(tiny.stylize(walk_clip, "one/calm"), turn, move)
    assert place_apart(result, expected) < 1e-3  # centimetres
    assert degrees_apart(result, expected).max() < 1e-3


def test_a_clip_with_z_up_gives_the_same_result_with_z_up(tiny: Stylizer) -> None:
    y_up, z_up = (as_rig(walk(2.0).clip, up=up) for up in "YZ")
    expected = placed(
        tiny.stylize(y_up, "one/calm"), rotation.inverse(AXES_TO_Y_UP["Z"]), np.zeros(3)
    )
    result = tiny.stylize(z_up, "one/calm")
    assert place_apart(result, expected) < 1e-5
    assert degrees_apart(result, z_up).max() > 1.0


@pytest.mark.parametrize("metres_per_unit", [0.01, 0.0254, 1.7])
def test_a_clip_in_other_units_gives_the_same_result_in_them(
    tiny: Stylizer, metres_per_unit: float
) -> None:
    in_metres, scaled = (
        as_rig(walk(2.0).clip, metres_per_unit=size) for size in (1.0, metres_per_unit)
    )
    a, b = (tiny.stylize(clip, "one/calm") for clip in (in_metres, scaled))
    np.testing.assert_allclose(b.world_position * metres_per_unit, a.world_position, atol=1e-5)


# ---------------------------------------------------------------- how it is used


def test_one_analysis_serves_many_styles(tiny: Stylizer, walk_clip: Clip) -> None:
    analysis = tiny.analyse(walk_clip)
    for style in ("proud", "one/calm", "proud"):
        once = tiny.stylize(walk_clip, style, strength=0.8, seed=3)
        again = tiny.apply(analysis, tiny.style_of(style, 3), strength=0.8)
        np.testing.assert_array_equal(once.local_rotation, again.local_rotation)
        np.testing.assert_array_equal(once.local_position, again.local_position)


def test_the_input_is_left_alone(tiny: Stylizer, walk_file: Path) -> None:
    clip = read_motion(walk_file)
    before = clip.local_position.copy(), clip.local_rotation.copy()
    tiny.stylize(clip, "proud", strength=1.5)
    np.testing.assert_array_equal(clip.local_position, before[0])
    np.testing.assert_array_equal(clip.local_rotation, before[1])


def test_restyling_loads_neither_torch_nor_the_exporter(
    tiny_bundle: Path, walk_file: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.bvh"
    script = (
        "import sys\n"
        "from kinestyle import Stylizer, read_motion, write_motion\n"
        f"result = Stylizer.load({str(tiny_bundle)!r}).stylize(read_motion({str(walk_file)!r}), "
        f"'proud')\n"
        f"write_motion(result, {str(out)!r})\n"
        "unwanted = {'torch', 'onnx', 'onnxscript', 'PIL', 'click', 'kinestyle.learn'} & "
        "set(sys.modules)\n"
        "sys.exit(f'loaded {unwanted}' if unwanted else 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert out.exists()


# ---------------------------------------------------------------- the bundle that ships


def test_the_bundle_that_ships_restyles_the_example(
    released: Stylizer, walk_clip: Clip, tmp_path: Path
) -> None:
    correspondence = correspond(walk_clip)
    before = to_canonical(walk_clip, correspondence)
    contact = find_contacts(before)
    for style in released.styles:
        result = released.stylize(walk_clip, style.name)
        assert_sound(result)
        assert 0.3 < degrees_apart(result, walk_clip)[:, correspondence.joints].mean() < 40.0
        after = to_canonical(result, correspondence)
        # it is still a walk on the same floor: the hips stay at a human height and planted feet
        # slide no more than they did
        hips = after.world_position[:, CANONICAL.index("hips"), 1]
        assert 0.5 < hips.min() < hips.max() < 1.2
        speed = [
            np.linalg.norm(np.diff(clip.world_position[:, CONTACT_JOINTS], axis=0), axis=-1) * 30.0
            for clip in (before, after)
        ]
        planted = contact[:-1] & contact[1:]
        assert speed[1][planted].mean() < speed[0][planted].mean() + 0.02


def test_an_old_walk_differs_from_a_proud_one(released: Stylizer, walk_clip: Clip) -> None:
    old, proud = (
        to_canonical(clip, correspond(clip))
        for clip in (released.stylize(walk_clip, s) for s in ("old", "proud"))
    )
    heads = [clip.world_position[:, CANONICAL.index("head"), 1].mean() for clip in (old, proud)]
    assert heads[0] < heads[1] - 0.01
