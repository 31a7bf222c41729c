"""What a clip does is kept where the networks do not know it: heights, reaches and timing of hands
and feet, while the rest of the body carries the style.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from kinestyle.motion import rotation
from kinestyle.motion.body_shape import depth_in_body
from kinestyle.motion.canonical import CANONICAL, HIPS, canonical_clip
from kinestyle.motion.clip import Clip
from kinestyle.motion.rotation import Array
from kinestyle.motion.smoothing import scale_rotation
from kinestyle.motion.window import WINDOWS, WindowSize
from kinestyle.retarget.features import heading
from kinestyle.runtime.action import LIMBS, Action, find_action, find_hold, keep_action
from kinestyle.runtime.change import Change
from kinestyle.runtime.stylizer import Stylizer
from made_rigs import X, Y, Z, as_rig, walk

WHOLE = WINDOWS
CUT = WindowSize(whole_frames=60, whole_seconds=2.0, frames=60, seconds=2.0)


def reaching(seconds: float = 4.0) -> Clip:
    """Somebody who walks and raises the right hand above the head twice."""
    clip = walk(seconds).clip
    time = np.arange(clip.frame_count) * clip.frame_time_seconds
    raised = np.sin(np.pi * time / 2.0) ** 4
    world = clip.world_rotation.copy()
    for joint in ("right_upper_arm", "right_forearm", "right_hand"):
        k = CANONICAL.index(joint)
        lift = rotation.exp(raised[:, None] * np.radians(-130.0) * Z)
        world[:, k] = rotation.multiply(lift, world[:, k])
    return canonical_clip(clip.world_position[:, HIPS], world, clip.frame_time_seconds, "reaching")


def style_of(clip: Clip, wobble: float, inwards: float = 20.0) -> Change:
    """A bent back and lowered arms that, in addition, wave about as a failing decoder's do."""
    time = np.arange(clip.frame_count) * clip.frame_time_seconds
    turns = np.tile(rotation.IDENTITY, (clip.frame_count, CANONICAL.joint_count, 1))
    for joint in ("spine", "chest", "neck", "head"):
        turns[:, CANONICAL.index(joint)] = rotation.exp(np.radians(15.0) * X)
    waving = wobble * np.sin(2.0 * np.pi * time / 1.3)[:, None]
    for joint in ("right_upper_arm", "right_forearm", "right_hand"):
        turns[:, CANONICAL.index(joint)] = rotation.exp(np.radians(inwards) * Z + waving * X)
    return Change(turns, np.full(clip.frame_count, -0.03), np.zeros((clip.frame_count, 3)), None)


def doubted(clip: Clip, *limbs: str) -> Action:
    facing = rotation.about_y(-heading(clip))[:, None]
    doubt = np.zeros((clip.frame_count, len(LIMBS)))
    doubt[:, [LIMBS.index(limb) for limb in limbs]] = 1.0
    free = rotation.multiply(facing, clip.world_rotation)
    still = np.zeros(clip.frame_count)
    return Action(
        free, clip.world_position[:, HIPS, 1], doubt, doubt, still, still, np.zeros((len(still), 2))
    )


def restyled(clip: Clip, change: Change) -> Clip:
    return canonical_clip(
        clip.world_position[:, HIPS] + change.rise[:, None] * Y,
        rotation.multiply(change.rotation, clip.world_rotation),
        clip.frame_time_seconds,
        clip.name,
    )


def hand_height(clip: Clip) -> Array:
    return clip.world_position[:, CANONICAL.index("right_hand"), 1]


def test_a_doubted_hand_gets_as_high_and_as_low_as_it_did_and_when_it_did() -> None:
    clip = reaching()
    free = style_of(clip, wobble=0.8)
    kept = keep_action(doubted(clip, "right_arm"), heading(clip), free, WHOLE)
    was, without, now = (
        hand_height(each) for each in (clip, restyled(clip, free), restyled(clip, kept))
    )
    span = np.ptp(was)
    assert span > 0.6, "the hand goes up and down"
    assert abs(without.max() - was.max()) > 0.15 * span, "a style that takes the action away"
    assert abs(now.max() - was.max()) < 0.1 * span
    assert abs(now.min() - was.min()) < 0.1 * span
    assert np.corrcoef(was, without)[0, 1] < 0.95 < 0.99 < np.corrcoef(was, now)[0, 1]


def test_a_squat_stays_as_deep_where_legs_are_doubted() -> None:
    clip = reaching()
    time = np.arange(clip.frame_count) * clip.frame_time_seconds
    dip = 0.45 * np.exp(-0.5 * ((time - 2.0) / 0.4) ** 2)
    root = clip.world_position[:, HIPS] - dip[:, None] * Y
    squat = canonical_clip(root, clip.world_rotation, clip.frame_time_seconds, "squat")
    shallow = replace(style_of(clip, wobble=0.0), rise=0.4 * dip)
    for limbs, most in ((["left_leg"], 0.05), ([], 0.181)):
        kept = keep_action(doubted(squat, *limbs), heading(squat), shallow, WHOLE)
        assert most - 0.01 < kept.rise[dip.argmax()] <= most


def test_the_rest_of_the_body_carries_the_style() -> None:
    clip = reaching()
    free = style_of(clip, wobble=0.8)
    kept = keep_action(doubted(clip, "right_arm"), heading(clip), free, WHOLE)
    arm = [CANONICAL.index(f"right_{bone}") for bone in ("upper_arm", "forearm")]
    rest = np.delete(np.arange(CANONICAL.joint_count), arm)
    bent = rotation.angle(kept.rotation[:, rest]) - rotation.angle(free.rotation[:, rest])
    assert np.abs(bent).mean() < np.radians(0.5)
    np.testing.assert_array_equal(kept.pace, free.pace)


def test_shoulders_give_way_with_the_trunk() -> None:
    """A hand overhead is too far for a trunk that bows, which rises then; shoulders with it."""
    clip = reaching()
    change = style_of(clip, wobble=0.0)
    bowed = rotation.exp(np.radians(45.0) * X)
    upper = [
        CANONICAL.index(name)
        for name in ("spine", "chest", "neck", "head", "left_clavicle", "right_clavicle")
    ]
    change.rotation[:, upper] = bowed
    action = doubted(clip, "right_arm")
    kept = keep_action(action, heading(clip), change, WHOLE)
    leaning = rotation.angle(kept.rotation[:, upper])
    assert leaning.min() < np.radians(35.0), "it gives way"
    np.testing.assert_allclose(leaning, np.broadcast_to(leaning[:, :1], leaning.shape), atol=1e-6)


@pytest.mark.parametrize("limb", LIMBS)
def test_a_limb_that_is_known_is_left_to_the_style(limb: str) -> None:
    clip = reaching()
    free = style_of(clip, wobble=0.4, inwards=-20.0)
    others = [other for other in LIMBS if other != limb]
    kept = keep_action(doubted(clip, *others), heading(clip), free, WHOLE)
    side, kind = limb.split("_")
    bone = CANONICAL.index(f"{side}_{'upper_arm' if kind == 'arm' else 'thigh'}")
    assert degrees(kept.rotation[:, bone], free.rotation[:, bone]) < 1e-6


def test_without_a_doubt_nothing_changes_to_the_last_digit() -> None:
    clip = reaching()
    change = style_of(clip, wobble=0.4, inwards=-20.0)
    kept = keep_action(doubted(clip), heading(clip), change, WHOLE)
    np.testing.assert_array_equal(kept.rotation, change.rotation)
    np.testing.assert_array_equal(kept.rise, change.rise)


def test_a_suspected_limb_does_not_flip() -> None:
    clip = reaching()
    change = style_of(clip, wobble=0.0)
    arm = CANONICAL.index("right_upper_arm")
    turns = change.rotation.copy()
    turns[60:, arm] = rotation.exp(np.radians(150.0) * X)
    flipped = replace(change, rotation=turns)
    action = doubted(clip, "right_arm")
    action = replace(action, doubt=np.zeros_like(action.doubt))
    kept = keep_action(action, heading(clip), flipped, WHOLE)
    elbow = CANONICAL.index("right_forearm")
    longest = [
        np.linalg.norm(np.diff(each.world_position[:, elbow], axis=0), axis=-1).max()
        for each in (clip, restyled(clip, flipped), restyled(clip, kept))
    ]
    assert longest[1] > longest[0] + 0.1
    assert longest[2] < longest[0] + 0.05


def test_a_suspected_limb_that_goes_over_half_a_turn_fades_without_a_jump() -> None:
    clip = reaching()
    angle = np.radians(np.linspace(120.0, 240.0, clip.frame_count))  # 180 in the middle
    free = style_of(clip, wobble=0.0)
    for joint in ("right_upper_arm", "right_forearm", "right_hand"):
        free.rotation[:, CANONICAL.index(joint)] = rotation.exp(angle[:, None] * X)
    action = doubted(clip)
    partly = np.zeros_like(action.suspicion)
    partly[:, LIMBS.index("right_arm")] = 0.5
    kept = keep_action(replace(action, suspicion=partly), heading(clip), free, WHOLE)
    arm = CANONICAL.index("right_upper_arm")
    turned = rotation.angle(
        rotation.multiply(rotation.inverse(kept.rotation[:-1, arm]), kept.rotation[1:, arm])
    )
    assert turned.max() < np.radians(5.0)
    assert np.ptp(rotation.angle(kept.rotation[:, arm])) > np.radians(20.0), "some of it is left"


def test_a_suspected_limb_goes_one_way_as_strength_grows() -> None:
    clip = reaching()
    free = style_of(clip, wobble=0.0)
    for joint in ("right_upper_arm", "right_forearm", "right_hand"):
        free.rotation[:, CANONICAL.index(joint)] = rotation.exp(np.radians(75.0) * X)
    action = doubted(clip)
    action.suspicion[:, LIMBS.index("right_arm")] = 1.0
    arm = CANONICAL.index("right_upper_arm")
    turned = []
    for strength in np.linspace(0.1, 1.0, 10):
        less = replace(free, rotation=scale_rotation(free.rotation, strength))
        kept = keep_action(action, heading(clip), less, WHOLE, strength)
        turned.append(rotation.angle(kept.rotation[:, arm]).max())
    whole = keep_action(action, heading(clip), free, WHOLE)
    assert turned[-1] == rotation.angle(whole.rotation[:, arm]).max(), "at 1 nothing is new"
    assert 0.0 < turned[-1] < np.radians(40.0)
    assert (np.diff(turned) > 0.0).all()


def test_an_elbow_of_a_suspected_limb_is_bent_between_what_it_was_and_would_be() -> None:
    clip = reaching()
    bones = [CANONICAL.index(f"right_{bone}") for bone in ("upper_arm", "forearm", "hand")]
    bent = [np.radians(degrees) * X for degrees in (0.0, -60.0, -60.0)]
    world = clip.world_rotation.copy()
    for bone, turn in zip(bones, bent, strict=True):
        world[:, bone] = rotation.multiply(rotation.exp(turn), world[:, bones[0]])
    clip = canonical_clip(clip.world_position[:, HIPS], world, clip.frame_time_seconds)
    # nearly half a turn of the upper arm, a little more of the forearm: opposite ways round
    free = style_of(clip, wobble=0.0)
    for bone, degrees in zip(bones, (165.0, 190.0, 190.0), strict=True):
        free.rotation[:, bone] = rotation.exp(np.radians(degrees) * Y)
    action = doubted(clip)
    partly = np.zeros_like(action.suspicion)
    partly[:, LIMBS.index("right_arm")] = 0.5
    kept = keep_action(replace(action, suspicion=partly), heading(clip), free, WHOLE)

    def flexion(change: Change) -> Array:
        upper, lower = (rotation.multiply(change.rotation, world)[:, bone] for bone in bones[:2])
        straight = rotation.multiply(rotation.inverse(upper), lower)
        forearm = CANONICAL.offsets[bones[2]] / np.linalg.norm(CANONICAL.offsets[bones[2]])
        return np.degrees(np.arccos(rotation.rotate(straight, forearm) @ forearm))

    none = replace(free, rotation=np.tile(rotation.IDENTITY, (*free.rotation.shape[:-1], 1)))
    ends = np.stack([flexion(none), flexion(free)])
    assert (flexion(kept) > ends.min(axis=0) - 10.0).all()
    assert (flexion(kept) < ends.max(axis=0) + 10.0).all()


def test_where_there_is_no_style_a_doubted_foot_is_where_it_was() -> None:
    clip = reaching()
    free = style_of(clip, wobble=0.0)
    shin = CANONICAL.index("right_shin")
    free.rotation[:, shin] = rotation.exp(np.radians(40.0) * X)
    share = np.where(np.arange(clip.frame_count) < clip.frame_count // 2, 1.0, 0.0)
    faded = replace(free, rotation=rotation.power(free.rotation, share[:, None]), share=share)
    kept = keep_action(doubted(clip, *LIMBS), heading(clip), replace(faded, rise=0 * share), WHOLE)
    foot = CANONICAL.index("right_foot")
    before, after = (each.world_position[:, foot] for each in (clip, restyled(clip, kept)))
    apart = np.linalg.norm(after - before, axis=-1)
    assert apart[share == 1.0].max() > 0.05
    long_gone = len(share) // 2 + 8  # an abrupt end of a style is smoothed
    assert apart[long_gone:].max() < 1e-3


def test_hands_stay_out_of_the_body() -> None:
    clip = walk(3.0).clip
    change = style_of(clip, wobble=0.0)
    turns = change.rotation.copy()
    # both arms pressed into the hips, as on a rig with wider hips than the learned ones
    for side, sign in (("left", -1.0), ("right", 1.0)):
        for bone in ("upper_arm", "forearm", "hand"):
            turns[:, CANONICAL.index(f"{side}_{bone}")] = rotation.exp(sign * np.radians(25.0) * Z)
    pressed = replace(change, rotation=turns)
    kept = keep_action(doubted(clip), heading(clip), pressed, WHOLE)
    deepest = [
        depth_in_body(each.world_position, each.world_rotation).max()
        for each in (clip, restyled(clip, pressed), restyled(clip, kept))
    ]
    assert deepest[1] > 0.04
    assert deepest[2] < max(deepest[0], 0.01)


def test_hands_that_are_kept_where_they_were_stay_out_of_legs_that_a_style_lifts() -> None:
    clip = carrying(0.3, -72.0, 10.0)
    change = style_of(clip, wobble=0.0)
    lift = rotation.exp(np.radians(-50.0) * rotation.rotate(rotation.about_y(heading(clip)), X))
    turns = np.tile(rotation.IDENTITY, (*change.rotation.shape[:-1], 1))
    for side in ("left", "right"):
        turns[:, CANONICAL.index(f"{side}_thigh")] = lift
    lifted = replace(change, rotation=turns, rise=0.0 * change.rise)
    kept = keep_action(doubted(clip, "left_arm", "right_arm"), heading(clip), lifted, WHOLE)
    deepest = [
        depth_in_body(each.world_position, each.world_rotation).max()
        for each in (clip, restyled(clip, lifted), restyled(clip, kept))
    ]
    assert deepest[0] < 0.0 < 0.02 < deepest[1]
    assert deepest[2] < 0.0


def carrying(apart_m: float = 0.3, lowest: float = -30.0, lifted: float = 70.0) -> Clip:
    """Somebody who walks and lifts a box with both hands, by so many degrees."""
    clip = walk(4.0).clip
    time = np.arange(clip.frame_count) * clip.frame_time_seconds
    facing = rotation.about_y(heading(clip))
    world = clip.world_rotation.copy()
    lift = np.radians(lowest) + np.radians(lifted) * np.sin(np.pi * time / 2.0) ** 2
    width = 0.5 * apart_m - CANONICAL.offsets[CANONICAL.index("left_upper_arm"), 0]
    for side, sign in (("left", 1.0), ("right", -1.0)):
        # arms straight ahead, level with each other, as far apart as the box is wide
        yaw = np.arcsin(np.clip((width - 0.15) / 0.55, -1.0, 1.0))
        ahead = rotation.exp(-sign * (0.5 * np.pi - yaw) * Y)
        for bone in ("clavicle", "upper_arm", "forearm", "hand"):
            turned = ahead if bone != "clavicle" else rotation.IDENTITY
            raised = rotation.exp(-lift[:, None] * X) if bone != "clavicle" else rotation.IDENTITY
            world[:, CANONICAL.index(f"{side}_{bone}")] = rotation.multiply(
                facing, rotation.multiply(raised, turned)
            )
    for bone in ("hips", "spine", "chest", "neck", "head"):
        world[:, CANONICAL.index(bone)] = facing
    return canonical_clip(clip.world_position[:, HIPS], world, clip.frame_time_seconds, "carrying")


def hands(clip: Clip) -> Array:
    return clip.world_position[:, [CANONICAL.index(f"{side}_hand") for side in ("left", "right")]]


def test_hands_that_hold_one_thing_keep_it_between_them() -> None:
    clip = carrying()
    between = np.diff(hands(clip), axis=1)[:, 0]
    assert np.ptp(np.linalg.norm(between, axis=-1)) < 0.01, "a box"
    assert np.ptp(hands(clip)[:, 0, 1]) > 0.3, "that is lifted"
    action = find_action(
        *(doubted(clip).rotation, doubted(clip).height, doubted(clip).rotation),
        np.ones(clip.frame_count),
        np.zeros(clip.frame_count),
    )
    assert action.hold.min() > 0.9
    assert action.notes() == ("Hands are kept together throughout",)
    style = style_of(clip, wobble=0.1, inwards=15.0)
    kept = keep_action(action, heading(clip), style, WHOLE)
    without, now = (np.diff(hands(restyled(clip, each)), axis=1)[:, 0] for each in (style, kept))
    assert np.linalg.norm(without - between, axis=-1).max() > 0.1
    assert np.linalg.norm(now - between, axis=-1).max() < 0.03
    loose = find_hold(hands(walk(4.0).clip))
    assert loose.max() == 0.0, "arms that swing hold nothing"


def test_a_clap_meets() -> None:
    clip = carrying()
    time = np.arange(clip.frame_count) * clip.frame_time_seconds
    apart = 0.4 * np.abs(np.sin(np.pi * time))
    palms = np.stack([0.5 * apart, 0.5 * apart], axis=1)[..., None] * np.array([[X], [-X]])[:, 0]
    held = find_hold(palms + np.array([0.0, 1.2, 0.3]))
    assert held[apart < 0.05].min() > 0.85
    assert held[apart > 0.38].max() < 0.3


def test_a_hand_on_the_floor_stays_on_it() -> None:
    clip = walk(3.0).clip
    low = canonical_clip(
        clip.world_position[:, HIPS] - 0.70 * Y, clip.world_rotation, clip.frame_time_seconds, "low"
    )
    reach_m = hands(low)[..., 1]
    assert reach_m.max() < 0.2, "hands hang to the floor"
    action = find_action(
        *(doubted(low).rotation, doubted(low).height, doubted(low).rotation),
        np.ones(low.frame_count),
        np.zeros(low.frame_count),
    )
    on_floor = action.support > 0.99
    assert on_floor.mean() > 0.3
    assert not find_action(
        *(doubted(clip).rotation, doubted(clip).height, doubted(clip).rotation),
        np.ones(clip.frame_count),
        np.zeros(clip.frame_count),
    ).support.any()
    style = style_of(low, wobble=0.2, inwards=-20.0)
    kept = keep_action(action, heading(low), style, WHOLE)
    off = [
        np.linalg.norm(hands(restyled(low, each)) - hands(low), axis=-1)[on_floor]
        for each in (style, kept)
    ]
    assert np.percentile(off[0], 90) > 0.1
    assert np.percentile(off[1], 90) < 0.05


def test_windows_give_what_the_whole_gives() -> None:
    clip = reaching(24.0)
    action = doubted(clip, "right_arm", "left_leg")
    change = style_of(clip, wobble=0.8)
    whole = keep_action(action, heading(clip), change, WHOLE)
    pieces = keep_action(action, heading(clip), change, CUT)
    assert degrees(whole.rotation, pieces.rotation) < 1e-3
    np.testing.assert_allclose(whole.rise, pieces.rise, atol=1e-6)


def test_a_limb_is_doubted_for_what_its_rendering_misses() -> None:
    clip = reaching()
    action = doubted(clip)
    level = np.zeros(clip.frame_count)
    foreign, learned = np.full(clip.frame_count, 2.8), np.ones(clip.frame_count)
    same = find_action(action.rotation, action.height, action.rotation, foreign, level)
    assert not same.doubt.any()
    assert not same.suspicion.any()
    off = action.rotation.copy()
    arm = CANONICAL.index("right_upper_arm")
    off[40:80, arm] = rotation.multiply(rotation.exp(np.radians(40.0) * Z), off[40:80, arm])
    found = find_action(action.rotation, action.height, off, foreign, level).doubt
    assert found[60, LIMBS.index("right_arm")] > 0.99
    assert found[110, LIMBS.index("right_arm")] < 0.01
    assert not np.delete(found, LIMBS.index("right_arm"), axis=1).any()
    # on learned motion such an arm is a lively one
    assert not find_action(action.rotation, action.height, off, learned, level).doubt.any()


def test_on_unfamiliar_motion_all_limbs_are_doubted_and_an_unknown_error_doubts_none() -> None:
    clip = reaching()
    action = doubted(clip)
    args = action.rotation, action.height, action.rotation
    level = np.zeros(clip.frame_count)
    assert find_action(*args, np.full(clip.frame_count, 6.0), level).doubt.min() > 0.99
    assert not find_action(*args, np.full(clip.frame_count, np.nan), level).doubt.any()


def test_a_kick_stays_a_kick(released: Stylizer) -> None:
    """With the bundle that ships: the foot of a kick at head height gets there in every style."""
    clip = as_rig(kicking())
    analysis = released.analyse(clip)
    foot = analysis.correspondence.mapping.joints["left_foot"]

    def highest(restyled: Clip) -> float:
        return float(restyled.world_position[:, foot, 1].max())

    range_ = highest(clip) - float(clip.world_position[:, foot, 1].min())
    off = {
        kept: [
            abs(highest(released.apply(analysis, style.mean, action=kept)) - highest(clip))
            for style in released.styles[::4]
        ]
        for kept in ("keep", "free")
    }
    assert max(off["keep"]) < 0.12 * range_
    assert max(off["free"]) > 2.0 * max(off["keep"])


def kicking() -> Clip:
    """Somebody who walks and kicks up to the height of the chest."""
    clip = walk(4.0).clip
    time = np.arange(clip.frame_count) * clip.frame_time_seconds
    lift = np.exp(-0.5 * ((time - 2.0) / 0.25) ** 2)
    world = clip.world_rotation.copy()
    across = rotation.rotate(rotation.about_y(heading(clip)), np.broadcast_to(X, (len(time), 3)))
    for bone in ("thigh", "shin", "foot", "toe"):
        k = CANONICAL.index(f"left_{bone}")
        turned = rotation.exp(np.radians(-110.0) * lift[:, None] * across)
        world[:, k] = rotation.multiply(turned, world[:, k])
    return canonical_clip(clip.world_position[:, HIPS], world, clip.frame_time_seconds, "kick")


def test_which_limbs_are_kept_and_when_is_said() -> None:
    clip = reaching()
    arm = doubted(clip, "left_arm")
    assert doubted(clip).notes() == ()
    assert arm.notes() == ("Left arm is kept as in the clip throughout (unfamiliar)",)
    some = arm.doubt.copy()
    some[[*range(36), *range(60, len(some))]] = 0.0
    assert replace(arm, doubt=some).notes() == (
        "Left arm is kept as in the clip from 1.2 to 2.0 s (unfamiliar)",
    )
    both = some + doubted(clip, "right_arm", "right_leg").doubt * (some.max(axis=1) > 0)[:, None]
    (sentence,) = replace(arm, doubt=both).notes()
    assert sentence.startswith("Arms and right leg are kept as in the clip from 1.2 to 2.0 s")
    often = np.sin(np.arange(len(some)) / 3.0)[:, None] * doubted(clip, *LIMBS).doubt
    (sentence,) = replace(arm, doubt=often).notes()
    assert sentence.startswith("Arms and legs are kept as in the clip at 7 moments from 0.1 to ")
    assert len(sentence.split()) <= 18


def test_the_trunk_carries_a_style_where_limbs_are_kept(released: Stylizer) -> None:
    """On a clip at which all of the style faded before, the trunk has all of it now."""
    clip = as_rig(kicking())
    analysis = released.analyse(clip)
    error_cm = np.full(len(analysis.heading), 12.0 * analysis.domain.reference_cm)  # type: ignore[operator]
    odd = replace(analysis, domain=replace(analysis.domain, error_cm=error_cm, lying=None))
    code = released.style_of("tired")
    kept, faded, whole = (
        released.apply(odd, code, action=action, out_of_domain=beyond)  # type: ignore[arg-type]
        for action, beyond in (("keep", "fade"), ("free", "fade"), ("free", "ignore"))
    )
    trunk = [analysis.correspondence.mapping.joints[name] for name in ("spine", "chest", "neck")]
    changed = [
        rotation.angle(
            rotation.multiply(
                rotation.inverse(clip.local_rotation[:, trunk]), each.local_rotation[:, trunk]
            )
        ).mean()
        for each in (kept, faded, whole)
    ]
    assert changed[1] < 0.35 * changed[2], "the whole-body gate"
    assert changed[0] > 0.65 * changed[2], "it gives way where a limb is too short, no more"
    lying = replace(odd, domain=replace(odd.domain, lying=np.ones(len(error_cm))))
    down = released.apply(lying, code)
    assert down.warnings[-1] == kept.warnings[-1]
    np.testing.assert_allclose(
        down.local_rotation[:, trunk], faded.local_rotation[:, trunk], atol=0.02
    )


def degrees(a: Array, b: Array) -> float:
    return float(np.degrees(rotation.angle(rotation.multiply(rotation.inverse(a), b))).max())
