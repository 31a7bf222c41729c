"""References in styles that were not learned: heard by their posture, in every interface."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from kinestyle.bundle import Style
from kinestyle.cli import main
from kinestyle.formats.table import write_motion
from kinestyle.motion import rotation
from kinestyle.motion.canonical import CANONICAL, MIRROR, canonical_clip
from kinestyle.motion.clip import Clip
from kinestyle.motion.rotation import Array
from kinestyle.motion.window import WindowSize
from kinestyle.runtime.cue import Cue
from kinestyle.runtime.out_of_domain import DomainScore
from kinestyle.runtime.posture import find_posture, own_posture, take_posture, vary_posture
from kinestyle.runtime.reference import ReferenceStyle, StyleCode, hear
from kinestyle.runtime.stylizer import Stylizer
from made_rigs import walk

X, Z = np.eye(3)[[0, 2]]
CHEST, ARM = CANONICAL.index("chest"), CANONICAL.index("left_upper_arm")


def held(clip: Clip, bend: float = 30.0, lift: float = 50.0) -> Clip:
    """A canonical clip with its chest bent forward and its left arm away from the body, degrees."""
    local = clip.local_rotation.copy()
    for joint, axis, degrees in ((CHEST, X, bend), (ARM, Z, lift)):
        turn = rotation.exp(np.radians(degrees) * axis)
        local[:, joint] = rotation.multiply(turn, local[:, joint])
    return clip.with_motion(clip.local_position, local)


@pytest.fixture(scope="module")
def plain() -> Clip:
    return walk(seconds=4.0).clip


def body(clip: Clip) -> tuple[Array, Array]:
    """World rotations and height of the hips, as `find_posture` takes them."""
    return clip.world_rotation, clip.world_position[:, 0, 1]


def reference(
    released: Stylizer, clip: Clip, unfamiliar: float = 1.0, unsure: float = 0.0
) -> ReferenceStyle:
    """The style of a clip as one that is so far from what was learned."""
    style = released.reference_style(clip)
    posture = find_posture(*body(clip), np.ones(clip.frame_count))
    assert isinstance(style, ReferenceStyle)
    assert posture is not None
    heard = replace(style, posture=posture, unfamiliar=unfamiliar, unsure=unsure)
    return replace(heard, notes=("heard",))


def degrees_off(result: Clip, wanted: Clip, joint: int) -> float:
    means = [rotation.mean(clip.local_rotation[:, joint]) for clip in (result, wanted)]
    return float(
        np.degrees(rotation.angle(rotation.multiply(rotation.inverse(means[0]), means[1])))
    )


# ---------------------------------------------------------------- posture


def test_a_posture_is_taken_over_and_the_walk_stays(plain: Clip) -> None:
    wanted = find_posture(*body(held(plain)), np.ones(plain.frame_count))
    assert wanted is not None
    own = own_posture(*body(plain))
    lower = replace(wanted, height=own.height - 0.1, doing=None)
    world, height = take_posture(*body(plain), own, lower)
    np.testing.assert_allclose(world, held(plain).world_rotation, atol=0.02)
    np.testing.assert_allclose(height, body(plain)[1] - 0.1, atol=1e-6)


def test_its_own_posture_changes_nothing(plain: Clip) -> None:
    own = own_posture(*body(plain))
    world, height = take_posture(*body(plain), own, own)
    np.testing.assert_allclose(world, plain.world_rotation, atol=1e-6)
    np.testing.assert_allclose(height, body(plain)[1], atol=1e-9)


def test_a_posture_varies_on_both_sides_alike_and_leaves_the_legs(plain: Clip) -> None:
    posture = own_posture(*body(plain))
    assert vary_posture(posture, 0) is posture
    varied, again, other = (vary_posture(posture, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(varied.mean, again.mean)
    turn = rotation.log(rotation.multiply(varied.mean, rotation.inverse(posture.mean)))
    angle = np.degrees(np.linalg.norm(turn, axis=-1))
    legs = [i for i, name in enumerate(CANONICAL.names) if name.endswith(("thigh", "shin", "foot"))]
    assert angle[[0, *legs]].max() < 1e-5
    assert 1.0 < angle[ARM] < 15.0
    np.testing.assert_allclose(turn[MIRROR] * [1.0, -1.0, -1.0], turn, atol=1e-9)
    np.testing.assert_allclose(
        varied.swing[MIRROR] * posture.swing, varied.swing * posture.swing[MIRROR], atol=1e-12
    )
    assert np.abs(other.mean - varied.mean).max() > 1e-3
    assert other.height == posture.height


def test_a_raised_hand_stays_where_it_is(plain: Clip) -> None:
    raised = slice(50, 90)
    local = plain.local_rotation.copy()
    up = rotation.exp(np.radians(110.0) * Z)
    local[raised, ARM] = rotation.multiply(up, local[raised, ARM])
    waving = plain.with_motion(plain.local_position, local)
    hand = CANONICAL.index("left_hand")
    assert (waving.world_position[60:80, hand, 1] > 1.35).all()
    wanted = find_posture(*body(held(plain)), np.ones(plain.frame_count))
    assert wanted is not None
    world, _ = take_posture(*body(waving), own_posture(*body(waving)), wanted)
    arm = [CANONICAL.index(f"left_{bone}") for bone in ("upper_arm", "forearm", "hand")]
    np.testing.assert_allclose(world[60:80, arm], waving.world_rotation[60:80, arm], atol=1e-2)
    turned = rotation.multiply(
        world[60:80, CHEST], rotation.inverse(waving.world_rotation[60:80, CHEST])
    )
    assert np.degrees(rotation.angle(turned)).mean() > 20.0, "the trunk carries the style"


def with_raised_hand(clip: Clip) -> Clip:
    """A canonical clip that waves with its left hand, above its head, all the while."""
    local = clip.local_rotation.copy()
    swing = np.radians(110.0 + 20.0 * np.sin(0.4 * np.arange(clip.frame_count)))
    local[:, ARM] = rotation.multiply(rotation.exp(swing[:, None] * Z), local[:, ARM])
    return clip.with_motion(clip.local_position, local)


def standing(clip: Clip) -> Clip:
    """The first frame of a clip, held."""
    first = np.zeros(clip.frame_count, dtype=int)
    return clip.with_motion(clip.local_position[first], clip.local_rotation[first])


def test_who_stands_and_waves_says_nothing_of_that_arm_nor_of_steps(plain: Clip) -> None:
    clip = with_raised_hand(standing(held(plain, lift=0.0)))
    wanted = find_posture(*body(clip), np.ones(clip.frame_count))
    assert wanted is not None
    np.testing.assert_allclose(wanted.arms, [0.0, 1.0], atol=1e-6)
    assert wanted.stepping == pytest.approx(0.0, abs=1e-6)
    world, height = take_posture(*body(plain), own_posture(*body(plain)), wanted)
    still = [CANONICAL.index(f"left_{bone}") for bone in ("upper_arm", "hand", "thigh", "shin")]
    np.testing.assert_allclose(world[:, still], plain.world_rotation[:, still], atol=1e-2)
    np.testing.assert_allclose(height, body(plain)[1], atol=1e-3)
    turned = rotation.multiply(world[:, CHEST], rotation.inverse(plain.world_rotation[:, CHEST]))
    assert np.degrees(rotation.angle(turned)).mean() > 20.0, "the trunk is heard"


def test_who_waves_takes_how_another_one_waves_and_nobody_else_does(plain: Clip) -> None:
    clip = with_raised_hand(standing(plain))
    lower = held(with_raised_hand(standing(plain)), lift=-35.0)
    own = own_posture(*body(clip))
    wanted = find_posture(*body(lower), np.ones(clip.frame_count))
    assert wanted is not None
    world, height = take_posture(*body(clip), own, wanted)
    np.testing.assert_allclose(world, lower.world_rotation, atol=0.02)
    np.testing.assert_allclose(height, body(lower)[1], atol=1e-6)
    # who waves for a moment only does something else
    local = clip.local_rotation.copy()
    arm = [CANONICAL.index(f"left_{bone}") for bone in ("upper_arm", "forearm", "hand")]
    local[40:, arm] = plain.local_rotation[0, arm]
    briefly = clip.with_motion(clip.local_position, local)
    world, _ = take_posture(*body(briefly), own_posture(*body(briefly)), wanted)
    np.testing.assert_allclose(world[:20, arm], briefly.world_rotation[:20, arm], atol=1e-2)


def test_a_hand_that_is_raised_in_all_of_a_walk_is_style(plain: Clip) -> None:
    wanted = find_posture(*body(with_raised_hand(plain)), np.ones(plain.frame_count))
    assert wanted is not None
    assert wanted.arms.min() == pytest.approx(1.0)
    assert wanted.stepping == pytest.approx(1.0)
    world, _ = take_posture(*body(plain), own_posture(*body(plain)), wanted)
    turned = rotation.multiply(world[:, ARM], rotation.inverse(plain.world_rotation[:, ARM]))
    assert np.degrees(rotation.angle(turned)).mean() > 60.0


def test_nobody_who_sits_has_a_posture_to_take(plain: Clip) -> None:
    world, height = body(plain)
    assert find_posture(world, height - 0.5, np.ones(len(height))) is None


# ---------------------------------------------------------------- what is heard


def listen(
    clip: Clip, code: float, frames: int | None = None, sits: float = 0.0, nearest: str = "old"
) -> ReferenceStyle:
    """What is heard of a clip whose code is so far from `nearest`; styles are 1 apart."""
    world, height = body(clip)
    learned = [
        Style(f"set/{name}", 9.0, np.array([at, 0.0]), np.ones(2))
        for name, at in ((nearest, 0), ("sad", 1))
    ]
    read = Style("strut", 4.0, np.array([0.0, code]), np.ones(2))
    domain = DomainScore("strut", np.zeros(len(height[:frames])), 1.0)
    return hear(read, world[:frames], height[:frames] - sits, domain, learned)


def test_posture_is_heard_where_no_learned_style_is_near(plain: Clip) -> None:
    near, far = listen(plain, 0.2), listen(plain, 0.8)
    assert (near.unfamiliar, near.posture, near.notes) == (0.0, None, ())
    assert far.unfamiliar == 1.0
    assert far.posture is not None
    assert "not learned" in far.notes[0]
    assert "is old" in far.notes[0]


def test_a_reference_that_only_passes_for_learned_may_say_more(plain: Clip) -> None:
    surely, hardly = listen(plain, 0.2), listen(plain, 0.35)
    assert (surely.unsure, surely.posture) == (0.0, None)
    assert (hardly.unfamiliar, hardly.unsure, hardly.notes) == (0.0, 1.0, ())
    assert hardly.posture is not None
    same = own_posture(*body(plain))
    still = own_posture(*body(with_raised_hand(standing(plain))))
    assert hardly.share_in(same) == 1.0
    assert hardly.share_in(still) == surely.share_in(same) == 0.0
    assert listen(plain, 0.8).share_in(still) == 1.0


def test_a_reference_without_a_style_is_said_to_have_none(plain: Clip) -> None:
    heard = listen(plain, 0.2, nearest="normal")
    assert "hardly any style of its own" in heard.notes[0]
    assert "is normal" in heard.notes[0]
    assert (heard.posture, heard.unfamiliar) == (None, 0.0)


def test_what_cannot_be_heard_is_said_with_the_nearest_style(plain: Clip) -> None:
    short, sitting = listen(plain, 0.8, frames=10), listen(plain, 0.8, sits=0.5)
    assert "too short" in short.notes[0]
    assert "no style that can be heard" in sitting.notes[0]
    for style in (short, sitting):
        assert style.unfamiliar == 0.0
        assert style.posture is None
        assert "is old" in style.notes[0]


# ---------------------------------------------------------------- restyling


def test_a_clip_takes_the_posture_of_a_reference(released: Stylizer, plain: Clip) -> None:
    wanted = held(plain)
    style = reference(released, wanted)
    result = released.stylize(plain, like=style)
    assert result.warnings[-1] == "heard"
    for joint in (CHEST, ARM):
        assert degrees_off(result, wanted, joint) < 0.25 * degrees_off(plain, wanted, joint)
    half = released.stylize(plain, like=style, strength=0.5)
    assert 0.3 < degrees_off(half, wanted, CHEST) / degrees_off(plain, wanted, CHEST) < 0.7
    by_code = released.stylize(plain, like=style, reference="code")
    assert degrees_off(by_code, wanted, CHEST) > degrees_off(result, wanted, CHEST) + 5.0
    none = released.stylize(plain, like=style, strength=0.0)
    np.testing.assert_array_equal(none.local_rotation, plain.local_rotation)


def test_names_have_no_posture_and_are_as_they_were(released: Stylizer, plain: Clip) -> None:
    code = released.style_of("old")
    np.testing.assert_array_equal(code, released.bundle.style("old").mean)
    assert (code.posture, code.share, code.notes) == (None, 0.0, ())
    analysis = released.analyse(plain)
    results = [released.apply(analysis, code, reference=mode) for mode in ("posture", "code")]
    np.testing.assert_array_equal(results[0].local_rotation, results[1].local_rotation)


def test_a_seed_chooses_another_variation_of_what_is_heard(released: Stylizer, plain: Clip) -> None:
    cue = Cue.of(like=reference(released, held(plain)))
    analysis = released.analyse(plain)
    first, second = (
        released.apply(analysis, released.style_of(cue, seed)).local_rotation for seed in (0, 5)
    )
    off = np.degrees(rotation.angle(rotation.multiply(first, rotation.inverse(second))))
    assert 0.5 < off.max() < 30.0
    np.testing.assert_array_equal(
        released.apply(analysis, released.style_of(cue, 5)).local_rotation, second
    )


def test_a_familiar_reference_is_left_to_the_networks(released: Stylizer, plain: Clip) -> None:
    style = reference(released, held(plain), unfamiliar=0.0)
    results = [released.stylize(plain, like=style, reference=mode) for mode in ("posture", "code")]
    np.testing.assert_array_equal(results[0].local_rotation, results[1].local_rotation)


def test_posture_says_more_where_the_reference_does_the_same(
    released: Stylizer, plain: Clip
) -> None:
    same = reference(released, held(plain), 0.0, 1.0)
    another = reference(released, with_raised_hand(standing(held(plain))), 0.0, 1.0)
    for style in (same, another):
        results = {
            mode: released.stylize(plain, like=style, reference=mode)
            for mode in ("posture", "code")
        }
        off = {mode: degrees_off(result, held(plain), ARM) for mode, result in results.items()}
        if style is same:
            assert off["posture"] < 0.25 * degrees_off(plain, held(plain), ARM)
            assert off["code"] > off["posture"] + 10.0
        else:
            np.testing.assert_array_equal(
                results["posture"].local_rotation, results["code"].local_rotation
            )


def test_what_the_networks_do_not_know_is_kept_where_both_do_it(
    released: Stylizer, plain: Clip
) -> None:
    clip = with_raised_hand(standing(plain))
    style = reference(released, held(with_raised_hand(standing(plain)), lift=-35.0))
    hand = CANONICAL.index("left_hand")

    def moved(doubt: float) -> float:
        analysis = released.analyse(clip, cycle="no")
        every = np.full_like(analysis.action.doubt, doubt)
        doubted = replace(analysis.action, doubt=every, suspicion=every)
        analysis.__dict__["action"] = doubted
        made = released.apply(analysis, released.style_of(Cue.of(like=style)), cycle="no")
        off = made.world_position[:, hand] - clip.world_position[:, hand]
        return float(np.linalg.norm(off, axis=-1).mean())

    assert moved(0.0) > 0.15
    assert moved(1.0) < 0.08


def test_names_and_several_references_are_mixed(released: Stylizer, plain: Clip) -> None:
    bent, upright = (reference(released, held(plain, bend, 0.0)) for bend in (40.0, 0.0))
    both = released.style_of(Cue.of(like=[bent, upright]))
    assert both.share == 1.0
    assert both.posture is not None
    assert bent.posture is not None
    degrees = np.degrees(
        [
            rotation.angle(
                rotation.multiply(
                    rotation.inverse(of.posture.mean[CHEST]), both.posture.mean[CHEST]
                )
            )
            for of in (bent, upright)
            if of.posture is not None
        ]
    )
    np.testing.assert_allclose(degrees, 20.0, atol=1.0)
    mixed = released.style_of(Cue.of("old", like=bent, weights=(3.0, 1.0)))
    assert mixed.share == pytest.approx(0.25)
    one, other = (
        released.stylize(plain, style, like=like, weights=weights)
        for style, like, weights in (("old", bent, (1.0, 0.0)), ("old", bent, (1.0, 1e-9)))
    )
    np.testing.assert_allclose(one.local_rotation, other.local_rotation, atol=1e-6)
    np.testing.assert_array_equal(one.local_rotation, released.stylize(plain, "old").local_rotation)


def test_windows_take_the_posture_that_the_whole_takes(plain: Clip) -> None:
    whole, cut = Stylizer.load(), Stylizer.load()
    cut.windows = WindowSize(whole_frames=60, whole_seconds=1.0, frames=64, seconds=2.0)
    style = reference(whole, held(plain))
    results = [each.stylize(plain, like=style, cycle="no").local_rotation for each in (whole, cut)]
    np.testing.assert_allclose(*results, atol=2e-3)


def test_what_is_computed_from_a_code_has_its_numbers_only(released: Stylizer, plain: Clip) -> None:
    code = released.style_of(Cue.of(like=reference(released, held(plain))))
    assert isinstance(code[:3], StyleCode)
    assert (2.0 * code).posture is None


def test_the_command_line_says_how_a_reference_was_heard(tmp_path: Path, plain: Clip) -> None:
    short = canonical_clip(
        plain.world_position[:9, 0], plain.world_rotation[:9], plain.frame_time_seconds, "short"
    )
    paths = tmp_path / "walk.bvh", tmp_path / "short.bvh"
    for clip, path in zip((plain, short), paths, strict=True):
        write_motion(clip, path)
    words = ["stylize", str(paths[0]), "--like", str(paths[1]), "-o", str(tmp_path / "out.bvh")]
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 0
    assert "too short to show a style; the nearest of 22" in done.output
