"""The clips of actions that examples/make_actions.py makes: feet that stand do not slide, a body in
the air is thrown, hands get where they have to.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest

from kinestyle.formats.table import read_motion
from kinestyle.inspection.report import inspect_clip
from kinestyle.motion.clip import Clip
from kinestyle.motion.rotation import Array

ROOT = Path(__file__).resolve().parents[1]
sys.path.append(str(ROOT / "examples"))
make_actions = importlib.import_module("make_actions")

NAMES = ("punch", "pick_up", "jump")
CENTIMETRES = 100.0
PLANTED_M_S = 0.02
GRAVITY_M_S2 = 9.81


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("actions")
    assert [path.stem for path in make_actions.write_actions(folder)] == list(NAMES)
    return folder


@pytest.fixture(scope="module")
def clips(folder: Path) -> dict[str, Clip]:
    return {name: read_motion(folder / f"{name}.bvh") for name in NAMES}


def position_m(clip: Clip, joint: str) -> Array:
    """(T, 3) metres."""
    return clip.world_position[:, clip.skeleton.index(joint)] / CENTIMETRES


def speed_m_s(clip: Clip, joint: str) -> Array:
    """(T - 1,)"""
    steps: Array = np.linalg.norm(np.diff(position_m(clip, joint), axis=0), axis=-1)
    return steps / clip.frame_time_seconds


def test_the_same_bytes_each_time(folder: Path, tmp_path: Path) -> None:
    for path in make_actions.write_actions(tmp_path):
        assert path.read_bytes() == (folder / path.name).read_bytes()


@pytest.mark.parametrize("name", NAMES)
def test_the_rig_is_recognised_without_doubt(clips: dict[str, Clip], name: str) -> None:
    found = inspect_clip(clips[name])
    assert found.as_dict()["family"] == "Mixamo"
    assert found.warnings == ()


@pytest.mark.parametrize("name", NAMES)
def test_the_ball_of_a_standing_foot_stays(clips: dict[str, Clip], name: str) -> None:
    clip = clips[name]
    seconds = np.arange(clip.frame_count - 1) * clip.frame_time_seconds
    stands = np.ones(len(seconds), bool)
    if name == "jump":
        frame = clip.frame_time_seconds
        leaves, lands = make_actions.TAKE_OFF_SECONDS, make_actions.LANDING_SECONDS
        stands = (seconds + frame < leaves) | (seconds > lands + frame)
    for side in ("Left", "Right"):
        assert speed_m_s(clip, f"{side}ToeBase")[stands].max() < PLANTED_M_S


@pytest.mark.parametrize("name", NAMES)
def test_no_hand_and_no_foot_is_faster_than_a_body_is(clips: dict[str, Clip], name: str) -> None:
    for joint in ("LeftHand", "RightHand", "LeftFoot", "RightFoot"):
        assert speed_m_s(clips[name], joint).max() < 9.0


def test_in_the_air_the_hips_fall(clips: dict[str, Clip]) -> None:
    clip = clips["jump"]
    height = position_m(clip, "Hips")[:, 1]
    seconds = np.arange(clip.frame_count) * clip.frame_time_seconds
    flying = (seconds > make_actions.TAKE_OFF_SECONDS) & (seconds < make_actions.LANDING_SECONDS)
    fall = np.polyfit(seconds[flying], height[flying], 2)[0]
    assert 2.0 * fall == pytest.approx(-GRAVITY_M_S2, abs=0.3)
    middle = int((make_actions.TAKE_OFF_SECONDS + 0.2) / clip.frame_time_seconds)
    assert position_m(clip, "LeftToeBase")[middle, 1] > 0.15
    travelled = position_m(clip, "Hips")[-1, 2] - position_m(clip, "Hips")[0, 2]
    assert travelled == pytest.approx(make_actions.FAR_M, abs=0.03)


def test_the_hand_gets_to_the_floor_and_comes_up_to_the_chest(clips: dict[str, Clip]) -> None:
    hand = position_m(clips["pick_up"], "RightHand")
    assert hand[:, 1].min() < 0.2
    assert hand[-1, 1] > 1.05


def test_both_fists_go_out_and_come_back(clips: dict[str, Clip]) -> None:
    clip = clips["punch"]
    for side, moments in (("Left", make_actions.JABS), ("Right", make_actions.CROSSES)):
        reach = position_m(clip, f"{side}Hand")[:, 2] - position_m(clip, "Hips")[:, 2]
        for moment in moments:
            assert reach[round(moment / clip.frame_time_seconds)] > 0.55
        assert reach[-1] < 0.4
