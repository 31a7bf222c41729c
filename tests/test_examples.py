"""The example clips: made by examples/make_clips.py, mapped without doubt, and moving as people
walk and wave.
"""

from __future__ import annotations

import importlib.util
from itertools import pairwise
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from kinestyle.formats.table import read_motion
from kinestyle.inspection.report import inspect_clip
from kinestyle.motion import rotation
from kinestyle.motion.canonical import CANONICAL
from kinestyle.motion.clip import Clip
from kinestyle.motion.rotation import Array
from kinestyle.motion.skeleton import tip_position
from kinestyle.motion.smoothing import segments
from kinestyle.retarget.contacts import find_contacts
from kinestyle.retarget.correspondence import correspond, to_canonical

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = ROOT / "src" / "kinestyle" / "examples"
NAMES = ("walk", "wave")
SIDES = ("Left", "Right")
LIMBS = {"UpLeg": "thigh", "Leg": "shin", "Foot": "foot", "ToeBase": "toe"} | {
    "Shoulder": "clavicle",
    "Arm": "upper_arm",
    "ForeArm": "forearm",
    "Hand": "hand",
}
ROLES = {"hips": "Hips", "spine": "Spine", "chest": "Spine2", "neck": "Neck", "head": "Head"} | {
    f"{side.lower()}_{role}": side + joint for side in SIDES for joint, role in LIMBS.items()
}
PLANTED_M_S = 0.03


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_clips", ROOT / "examples" / "make_clips.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def clips() -> dict[str, Clip]:
    return {name: read_motion(EXAMPLES / f"{name}.bvh") for name in NAMES}


def position_m(clip: Clip, joint: str) -> Array:
    """(T, 3) metres, where a joint is; the files are in centimetres."""
    return clip.world_position[:, clip.skeleton.index(joint)] / 100.0


def speed_m_s(position: Array, clip: Clip) -> Array:
    """position: (T, 3) metres -> (T - 1,) metres a second from each frame to the next."""
    return np.linalg.norm(np.diff(position, axis=0), axis=-1) / clip.frame_time_seconds


def bend(clip: Clip, joints: tuple[str, str, str]) -> tuple[Array, Array]:
    """The bend at the middle joint: (T,) radians, 0 for straight, and (T, 3) the hinge, in world
    axes.
    """
    a, b, c = (position_m(clip, joint) for joint in joints)
    cross = np.cross(rotation.normalize(b - a), rotation.normalize(c - b))
    straight = np.sum(rotation.normalize(b - a) * rotation.normalize(c - b), axis=-1)
    return np.arctan2(np.linalg.norm(cross, axis=-1), straight), rotation.normalize(cross)


def facing(clip: Clip) -> tuple[Array, Array]:
    """(T, 3) to the body's left and (T, 3) ahead."""
    left = rotation.rotate(
        clip.world_rotation[:, clip.skeleton.index("Hips")], np.array([1.0, 0.0, 0.0])
    )
    return left, np.cross(left, [0.0, 1.0, 0.0])


def test_the_files_are_what_the_script_makes(script, tmp_path):
    written = script.write_examples(tmp_path)
    assert [path.name for path in written] == [f"{name}.bvh" for name in NAMES]
    for path in written:
        made, kept = (np.array(file.read_text().split()) for file in (path, EXAMPLES / path.name))
        numbers = np.array([is_number(word) for word in kept])
        assert len(made) == len(kept), f"run examples/make_clips.py: {path.name} is out of date"
        assert (made[~numbers] == kept[~numbers]).all(), (
            f"run examples/make_clips.py: {path.name} is out of date"
        )
        # the last digit is the processor's
        np.testing.assert_allclose(
            made[numbers].astype(float), kept[numbers].astype(float), atol=2e-6
        )


def is_number(word: str) -> bool:
    return word.lstrip("-").replace(".", "", 1).isdigit()


@pytest.mark.parametrize("name", NAMES)
def test_the_rig_is_mapped_without_doubt(clips, name):
    found = inspect_clip(clips[name])
    names = clips[name].skeleton.names
    assert {role: names[joint] for role, joint in found.mapping.joints.items()} == ROLES
    assert set(ROLES) == set(CANONICAL.names)
    assert min(found.mapping.confidence.values()) > 0.9
    assert found.mapping.unit == "cm"
    assert found.warnings == ()
    assert abs(found.correspondence.floor) < 1.0, "the floor is not at 0 cm"
    assert {"Lantern", "LeftHandThumb1", "RightHandMiddle3"} <= set(found.mapping.unmapped)


@pytest.mark.parametrize("name", NAMES)
def test_five_seconds_without_jerks(clips, name):
    clip = clips[name]
    assert clip.duration_seconds == pytest.approx(5.0)
    assert clip.frame_rate == pytest.approx(30.0)
    turn = rotation.multiply(rotation.inverse(clip.local_rotation[:-1]), clip.local_rotation[1:])
    velocity = rotation.log(turn) / clip.frame_time_seconds
    acceleration = (
        np.linalg.norm(np.diff(velocity, axis=0), axis=-1).max(axis=0) / clip.frame_time_seconds
    )
    at_most = {"Leg": 230.0, "Foot": 230.0, "ToeBase": 250.0, "UpLeg": 110.0, "ForeArm": 80.0}
    for joint, found in zip(clip.skeleton.names, acceleration, strict=True):
        limit = at_most.get(joint.removeprefix("Left").removeprefix("Right"), 60.0)
        assert found < limit, f"{joint} accelerates by {found:.0f} rad/s2"


@pytest.mark.parametrize("name", NAMES)
def test_knees_and_elbows_bend_the_human_way(clips, name):
    clip = clips[name]
    left, _ = facing(clip)
    for side in SIDES:
        angle, hinge = bend(clip, (f"{side}UpLeg", f"{side}Leg", f"{side}Foot"))
        assert angle.min() > 0.05, f"the {side} knee locks"
        assert (np.sum(hinge * left, axis=-1) > 0.85).all(), (
            f"the {side} knee bends forwards or sideways"
        )
        angle, hinge = bend(clip, (f"{side}Arm", f"{side}ForeArm", f"{side}Hand"))
        assert 0.1 < angle.min() <= angle.max() < 2.4, (
            f"the {side} elbow is at {angle.min():.2f} to {angle.max():.2f} rad"
        )
        # the rig's elbow is a hinge about its own vertical: against it there would be an
        # overstretched arm
        upper = clip.world_rotation[:, clip.skeleton.index(f"{side}Arm")]
        inner = rotation.rotate(upper, np.array([0.0, -1.0 if side == "Left" else 1.0, 0.0]))
        assert (np.sum(hinge * inner, axis=-1) > 0.9).all()


def test_the_walk_has_the_pace_of_a_walk(clips, script):
    clip = clips["walk"]
    hips = position_m(clip, "Hips")
    speed = speed_m_s(hips * [1.0, 0.0, 1.0], clip)
    assert 1.15 < speed.mean() < 1.3
    assert speed.min() > 0.9
    assert 0.03 < np.ptp(hips[:, 1]) < 0.06, "the pelvis rises and sinks by a few centimetres"
    contact = find_contacts(to_canonical(clip, correspond(clip)))
    strikes = sorted(
        start
        for foot in (contact[:, :2].any(axis=1), contact[:, 2:].any(axis=1))
        for start, _ in segments(foot)
        if start > 0
    )
    steps_a_second = (len(strikes) - 1) / ((strikes[-1] - strikes[0]) * clip.frame_time_seconds)
    assert steps_a_second == pytest.approx(script.STEPS_A_SECOND, rel=0.05)


def test_feet_stand_by_turns_for_the_longer_part_of_a_cycle(clips):
    clip = clips["walk"]
    contact = find_contacts(to_canonical(clip, correspond(clip)))
    feet = np.stack([contact[:, :2].any(axis=1), contact[:, 2:].any(axis=1)], axis=1)
    assert feet.any(axis=1).all(), "someone who walks never leaves the floor"
    strikes: list[tuple[int, int]] = []
    for side in (0, 1):
        starts = [start for start, _ in segments(feet[:, side]) if start > 0]
        assert len(starts) >= 4
        # the contact rule wants a foot slow and low, so it sees the stance of 61 in a hundred a
        # little shorter
        stance = feet[starts[0] : starts[-1], side].mean()
        assert 0.53 < stance < 0.65, f"a foot stands for {stance:.2f} of a cycle"
        strikes += [(start, side) for start in starts]
    order = [side for _, side in sorted(strikes)]
    assert all(a != b for a, b in pairwise(order)), f"the feet do not alternate: {order}"


def test_planted_feet_stand_still(clips):
    for clip in clips.values():
        canonical = to_canonical(clip, correspond(clip))
        contact = find_contacts(canonical)
        for side, name in enumerate(SIDES):
            # the first and last frames of a contact are landing and leaving
            inner = [
                np.arange(start + 1, stop - 2) for start, stop in segments(contact[:, 2 * side + 1])
            ]
            planted = np.concatenate(inner)
            assert len(planted) > 45
            on_rig = speed_m_s(position_m(clip, f"{name}ToeBase"), clip)[planted]
            assert on_rig.max() < PLANTED_M_S, (
                f"{clip.name}: the {name} foot slides at {on_rig.max():.3f} m/s"
            )
            toe = canonical.world_position[:, CANONICAL.index(f"{name.lower()}_toe")]
            assert speed_m_s(toe, clip)[planted].max() < PLANTED_M_S


def test_soles_stay_on_or_above_the_floor(clips, script):
    for clip in clips.values():
        skeleton = clip.skeleton
        tips = tip_position(skeleton, clip.world_position, clip.world_rotation)[..., 1] / 100.0
        toes = [
            i
            for i, joint in enumerate(skeleton.end_parents)
            if skeleton.names[joint].endswith("ToeBase")
        ]
        assert len(toes) == 2
        assert tips[:, toes].min() > 0.0
        for side in SIDES:
            foot = clip.world_rotation[:, skeleton.index(f"{side}Foot")]
            heel = position_m(clip, f"{side}Foot") + rotation.rotate(foot, script.HEEL_FROM_ANKLE_M)
            assert heel[:, 1].min() > -0.002
            clearance = np.minimum(position_m(clip, f"{side}ToeBase")[:, 1], heel[:, 1])
            assert clip.name != "walk" or clearance.max() > 0.02, f"the {side} foot shuffles"


def test_the_knee_yields_in_stance_and_swings_through(clips):
    clip = clips["walk"]
    contact = find_contacts(to_canonical(clip, correspond(clip)))
    for side, name in enumerate(SIDES):
        knee, _ = bend(clip, (f"{name}UpLeg", f"{name}Leg", f"{name}Foot"))
        flat = contact[:, 2 * side] & contact[:, 2 * side + 1]
        assert 0.9 < knee[~contact[:, 2 * side + 1]].max() < 1.25
        assert 0.2 < knee[flat].max() < 0.6


def test_arms_swing_against_the_legs_and_bend_more_in_front(clips):
    clip = clips["walk"]
    _, ahead = facing(clip)
    hips = position_m(clip, "Hips")
    for arm, leg in zip(SIDES, reversed(SIDES), strict=True):
        hand, foot, own = (
            np.sum((position_m(clip, joint) - hips) * ahead, axis=-1)
            for joint in (f"{arm}Hand", f"{leg}Foot", f"{arm}Foot")
        )
        assert np.corrcoef(hand, foot)[0, 1] > 0.7
        assert np.corrcoef(hand, own)[0, 1] < -0.7
        assert 0.3 < np.ptp(hand) < 0.8
        elbow, _ = bend(clip, (f"{arm}Arm", f"{arm}ForeArm", f"{arm}Hand"))
        assert (
            elbow[hand > np.quantile(hand, 0.8)].mean()
            > elbow[hand < np.quantile(hand, 0.2)].mean() + 0.2
        )


def test_no_two_strides_are_equal(clips):
    clip = clips["walk"]
    stride = 33
    turn = rotation.multiply(
        rotation.inverse(clip.local_rotation[:-stride]), clip.local_rotation[stride:]
    )
    different = rotation.angle(turn).max(axis=0)
    for joint in ("Spine2", "Head", "LeftArm", "RightForeArm", "LeftUpLeg", "RightHandIndex1"):
        assert different[clip.skeleton.index(joint)] > 0.005, f"{joint} repeats like a machine"


def test_the_lantern_swings_a_bit_and_hangs(clips):
    for clip, least in ((clips["walk"], 0.1), (clips["wave"], 0.0)):
        lantern = clip.world_rotation[:, clip.skeleton.index("Lantern")]
        hanging = rotation.rotate(lantern, np.array([0.0, -1.0, 0.0]))
        away = np.arccos(np.clip(-hanging[:, 1], -1.0, 1.0))
        assert least <= away.max() < 0.6
        assert np.abs(hanging.mean(axis=0)[[0, 2]]).max() < 0.15, "it swings about the vertical"


def test_the_right_hand_waves_above_the_shoulder(clips):
    clip = clips["wave"]
    hand, elbow, shoulder, head = (
        position_m(clip, joint) for joint in ("RightHand", "RightForeArm", "RightArm", "Head")
    )
    raised = slice(57, 94)
    assert (hand[raised, 1] > shoulder[raised, 1]).all()
    assert (hand[raised, 0] < head[raised, 0] - 0.2).all(), "the hand waves beside the head"
    sideways = (hand - elbow)[raised, 0]
    turns = np.sum(np.diff(np.sign(np.diff(sideways))) != 0)
    assert 3 <= turns <= 8
    assert np.ptp(sideways) > 0.08
    for end in (0, -1):
        assert hand[end, 1] < position_m(clip, "Hips")[end, 1], "the arm hangs before and after"
    assert speed_m_s(position_m(clip, "Hips"), clip).max() < 0.05
