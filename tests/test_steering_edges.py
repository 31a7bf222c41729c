"""Parts and curves where clips are long, hurried, cycles, or have a pose in front."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from kinestyle.cli import main
from kinestyle.formats.bvh import read_bvh
from kinestyle.formats.table import read_motion, write_motion
from kinestyle.motion import rotation
from kinestyle.motion.clip import Clip
from kinestyle.motion.window import WindowSize
from kinestyle.runtime.analysis import Analysis
from kinestyle.runtime.cue import Cue
from kinestyle.runtime.curve import Curve
from kinestyle.runtime.settings import Settings
from kinestyle.runtime.stylizer import Stylizer
from long_motion import EXAMPLES
from made_cycles import walk_cycle

SMALL = WindowSize(whole_frames=0, whole_seconds=0.0, frames=128)
WALK = EXAMPLES / "walk.bvh"


@pytest.fixture(scope="module")
def walked(released: Stylizer) -> Analysis[Clip]:
    return released.analyse(read_motion(WALK))


def apart(a: Clip, b: Clip) -> float:
    """Radians, the most that a local rotation differs by."""
    change = rotation.multiply(rotation.inverse(a.local_rotation), b.local_rotation)
    return float(rotation.angle(change).max())


@pytest.mark.parametrize(
    "changes",
    [
        {"parts": "upper,left_leg=.5"},
        {"parts": "spine,head", "keep": "world"},
        {"strength": "1:0,2:1,3.5:.8,4:0"},
    ],
    ids=str,
)
def test_windows_give_what_the_whole_gives(
    released: Stylizer, walked: Analysis[Clip], changes: dict[str, str]
) -> None:
    settings = Settings(**changes)  # type: ignore[arg-type]
    in_windows = Stylizer(released.bundle, SMALL)
    piecewise = in_windows.apply(
        in_windows.analyse(walked.clip), in_windows.style_of("old"), settings
    )
    whole = released.apply(walked, released.style_of("old"), settings)
    assert apart(whole, piecewise) < 2e-3
    np.testing.assert_allclose(piecewise.local_position, whole.local_position, atol=0.1)


def test_keys_are_times_of_the_input_in_another_tempo(
    released: Stylizer, walked: Analysis[Clip]
) -> None:
    code = released.style_of("exhausted")
    settings = Settings(timing="style", strength="0:1,1:1,2:0")
    timed = released.in_time(walked, code, settings)
    assert timed.moments is not None
    result = released.apply(walked, code, settings)
    assert result.frame_count == timed.clip.frame_count
    styled = timed.moments * walked.clip.frame_time_seconds < 2.0
    assert abs(styled.sum() - 60) > 1, "of a style in another tempo"
    changed = np.abs(result.local_rotation - timed.clip.local_rotation).max(axis=(1, 2)) > 0.0
    assert not changed[~styled].any()
    assert changed[styled].all()


def test_one_frame_without_strength_makes_no_pop(released: Stylizer) -> None:
    """Also where it lies between two of the 30 frames a second that the networks see."""
    clip = read_motion(WALK)
    clip = clip.with_motion(clip.local_position[:120], clip.local_rotation[:120])
    clip = Clip(clip.skeleton, clip.local_position, clip.local_rotation, 1 / 47)
    analysis = released.analyse(clip)
    result = released.apply(analysis, released.style_of("old"), strength="20f:1,61f:0,100f:1")
    np.testing.assert_array_equal(result.local_rotation[61], clip.local_rotation[61])
    turn = rotation.log(
        rotation.multiply(rotation.inverse(clip.local_rotation), result.local_rotation)
    )
    bend = np.linalg.norm(np.diff(turn, n=2, axis=0), axis=-1).max(axis=1)
    assert bend[58:63].max() < 0.02


def test_a_mix_over_time_has_the_tempo_of_each_moment(
    released: Stylizer, walked: Analysis[Clip]
) -> None:
    def frames(weights: str | tuple[float, ...]) -> int:
        cue = Cue[Clip].of(["active", "elderly"], weights=weights)
        timed = released.in_time(walked, released.style_of(cue), timing="style")
        return timed.clip.frame_count

    quick, slow = frames((1.0, 0.0)), frames((0.0, 1.0))
    assert quick < slow
    assert quick < frames("0:1,0;5:0,1") < slow
    assert abs(frames("4.9:1,0;5:0,1") - quick) <= 1


def test_a_cycle_begins_with_its_first_strength_and_ends_with_its_last(released: Stylizer) -> None:
    """With another strength at its end than at its beginning it is no cycle any more."""
    clip = walk_cycle()
    analysis = released.analyse(clip)
    assert analysis.is_cycle
    end = clip.duration_seconds
    code = released.style_of("old")
    result = released.apply(analysis, code, strength=Curve([0.0, end], [[0.0], [1.0]]))
    whole = released.apply(analysis, code, cycle="no")
    same = [released.apply(analysis, code, strength=0.0), whole]
    for frame, other in zip((0, -1), same, strict=True):
        change = rotation.multiply(
            rotation.inverse(other.local_rotation[frame]), result.local_rotation[frame]
        )
        upper = analysis.correspondence.mapping.joints["head"]
        assert rotation.angle(change[upper]) < 0.01
    closed = released.apply(analysis, code, strength=f"0:.5,{end / 2:.3f}:1,{end:.3f}:.5")
    seam = rotation.multiply(rotation.inverse(closed.local_rotation[0]), closed.local_rotation[-1])
    own = rotation.multiply(rotation.inverse(clip.local_rotation[0]), clip.local_rotation[-1])
    assert rotation.angle(seam).max() < rotation.angle(own).max() + 0.01


def test_seconds_count_from_the_first_frame_of_the_file(released: Stylizer) -> None:
    """Also where that is a pose in front of the motion, which is left alone."""
    clip = read_motion(WALK)
    posed = released.stylize(clip, "old", strength=0.0, t_pose=True)
    at = clip.frame_time_seconds * 60.5
    in_front = released.stylize(posed, "old", strength=Curve([at, at + 1.0], [[0.0], [1.0]]))
    changed = np.abs(in_front.local_rotation - posed.local_rotation).max(axis=(1, 2)) > 1e-9
    assert np.flatnonzero(changed)[0] == 61


def test_masks_leave_the_words_of_a_file(released: Stylizer, tmp_path: Path) -> None:
    out = tmp_path / "out.bvh"
    write_motion(released.stylize(read_motion(WALK), "old", parts="arms"), out)
    before, after = read_bvh(WALK), read_bvh(out)
    moved = {
        name
        for j, name in enumerate(before.skeleton.names)
        if not np.array_equal(before.local_rotation[:, j], after.local_rotation[:, j])
    }
    arms = ("Shoulder", "Arm", "ForeArm", "Hand")
    assert moved == {f"{side}{part}" for side in ("Left", "Right") for part in arms}
    np.testing.assert_array_equal(before.local_position, after.local_position)


def test_the_command_line_says_the_same_as_python(released: Stylizer, tmp_path: Path) -> None:
    out, curve = tmp_path / "out.bvh", tmp_path / "curve.csv"
    curve.write_text("seconds,strength\n0,0\n3,1\n")
    cue = Cue[Clip].of(["old@spine,head", "proud@arms"])
    expected = released.stylize(read_motion(WALK), cue, strength="0:0,3:1")
    for strength in ("0:0,3:1", str(curve), "0f:0,90f:1"):
        words = ["stylize", str(WALK), "--style", "old@spine,head", "--style", "proud@arms"]
        done = CliRunner().invoke(main, [*words, "--strength", strength, "-o", str(out)])
        assert done.exit_code == 0, done.output
        assert apart(read_motion(out), expected) < 1e-5
    words = ["stylize", str(WALK), "--style", "old", "--style", "proud", "--mix", "0:1,0;3:0,1"]
    done = CliRunner().invoke(main, [*words, "-o", str(out)])
    assert done.exit_code == 0, done.output
    mixed = released.stylize(read_motion(WALK), ["old", "proud"], weights="0:1,0;3:0,1")
    assert apart(read_motion(out), mixed) < 1e-5
    for wrong, said in (
        (["--strength", "much.csv"], "the curve much.csv cannot be read"),
        (["--parts", "left_am"], "did you mean 'left_arm'?"),
        (["--style", "proud", "--mix", "0:1,0;3:0"], "is no key, expected 2 numbers at each time"),
        (["--style", "proud@arms", "--mix", "0:1,0;3:0,1"], "give one of the two"),
    ):
        words = ["stylize", str(WALK), "--style", "old", *wrong, "-o", str(out)]
        done = CliRunner().invoke(main, words)
        assert done.exit_code == 1
        assert said in done.output


def test_a_curve_goes_back_onto_the_path(released: Stylizer, walked: Analysis[Clip]) -> None:
    """What the hips travel elsewhere while a style is there is taken back before it is gone."""
    code = released.style_of("old")
    whole = released.apply(walked, code)
    gone = np.linalg.norm((whole.local_position - walked.clip.local_position)[-1, 0])
    assert gone > 0.1, "the style has another stride"
    there = released.apply(walked, code, strength="0:1,2.5:1,4:0")
    np.testing.assert_array_equal(there.local_position[-20:], walked.clip.local_position[-20:])
    before = released.apply(walked, code, strength="1:0,2:1")
    np.testing.assert_array_equal(before.local_position[:31], walked.clip.local_position[:31])
    assert not np.array_equal(before.local_position[-1], walked.clip.local_position[-1])
