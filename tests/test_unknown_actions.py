"""P5: which clips are drawn, what is measured of a result, and the rows made of it."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kinestyle.errors import DataError
from kinestyle.evaluate.evaluator import Evaluator
from kinestyle.evaluate.outcomes import RealClips
from kinestyle.evaluate.protocol import Case, TestClip
from kinestyle.evaluate.unknown_actions import (
    LIMBS,
    ActionOutcome,
    action_of,
    change_left,
    draw_action_cases,
    height_kept,
    never_learned,
    summarize_actions,
    unknown_clips,
)
from kinestyle.formats.table import write_motion
from kinestyle.motion import rotation
from kinestyle.motion.canonical import CANONICAL, part_of
from kinestyle.runtime.settings import Settings
from kinestyle.runtime.stylizer import Stylizer
from made_rigs import as_rig, stand, thrown_about, walk

FILES = (
    "unlabelled/hdm05/HDM_bd_squat1Reps_001_120.amc",
    "unlabelled/hdm05/HDM_bd_squat1Reps_002_120.amc",
    "unlabelled/hdm05/HDM_mm_squat1Reps_003_120.amc",
    "unlabelled/hdm05/HDM_tr_throwBasketball_001_120.amc",
    "unlabelled/hdm05/HDM_bd.asf",
    "extra/cmu_dance/salsa/01.bvh",
    "extra/style100_synthetic/Angry/Angry_FW.bvh",
    "wild/dab.bvh",
)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    for name in FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def test_every_action_and_folder_is_drawn_from(data: Path) -> None:
    names = [clip.content for clip in unknown_clips(data, 4)]
    assert [name for name in names if "squat" not in name] == [FILES[5], FILES[3], FILES[7]]
    assert len(names) == 4
    assert len(unknown_clips(data, 99)) == 6
    assert unknown_clips(data, 4, seed=1) == unknown_clips(data, 4, seed=1)
    with pytest.raises(DataError, match="no motion file is under"):
        unknown_clips(data / "wild", 4)


def test_what_is_never_learned_from_is_known_by_name(data: Path) -> None:
    assert action_of(Path(FILES[3])) == "throwBasketball"
    assert action_of(Path("HDM_bd.asf")) == action_of(Path("dab.bvh")) == ""
    held_out = [clip.content for clip in unknown_clips(data, 99) if never_learned(clip)]
    assert held_out == [FILES[5], FILES[3]]


def test_all_styles_come_up_equally_often() -> None:
    references = {f"s/{name}": [TestClip(Path("r.bvh"), "s", "", "")] for name in "abcdef"}
    clips = [TestClip(Path(f"{i}.bvh"), "", "", str(i)) for i in range(6)]
    some = draw_action_cases(clips, references, "label", 2)
    assert set(Counter(case.target for case in some).values()) == {2}
    assert all(len({c.target for c in some if c.clip == clip}) == 2 for clip in clips)
    assert len(draw_action_cases(clips, references, "label")) == 36
    assert len(draw_action_cases(clips, references, "label", 99)) == 36


def test_the_height_of_a_jump_that_is_kept() -> None:
    assert height_kept(0.3, 0.4) == pytest.approx(0.75)
    assert height_kept(0.5, 0.4) == pytest.approx(0.75)
    assert height_kept(0.9, 0.4) == 0.0


def test_what_is_left_of_a_change_is_told_limb_by_limb() -> None:
    before = stand(5)

    def turned(radians: float, *names: str) -> Any:
        local = before.local_rotation.copy()
        for name in names:
            local[:, CANONICAL.index(name)] = rotation.exp(np.array([radians, 0.0, 0.0]))
        return before.with_motion(before.local_position, local)

    free = turned(0.4, "head", "left_forearm")
    left = change_left(before, turned(0.1, "head", "left_forearm"), free)
    assert left == {"trunk": pytest.approx(0.25), "arms": pytest.approx(0.25), "legs": left["legs"]}
    assert math.isnan(left["legs"])
    braked = change_left(before, turned(0.4, "head"), free)
    assert (braked["trunk"], braked["arms"]) == (pytest.approx(1.0), 0.0)


def test_every_joint_belongs_to_one_limb() -> None:
    parts = Counter(part for limb in LIMBS.values() for part in limb)
    assert parts == Counter({part_of(name) for name in CANONICAL.names})


def outcome(name: str, **changes: Any) -> ActionOutcome:
    clip = TestClip(Path(name).with_suffix(".bvh"), "", "", name)
    given = ActionOutcome(
        Case(clip, "s/old", "label", clip),
        kept=(True, True, False),
        correlations=(0.9, 0.5),
        jumps=(0.6,),
        step_m=0.0,
        in_body=0.0,
        overextended=0.0,
        aside=0.0,
        twists=0,
        jerk=1.2,
        domain=1.0,
        style_left={"trunk": 1.0, "arms": 0.4, "legs": float("nan")},
    )
    return replace(given, **changes)


def test_events_count_each_and_results_of_a_gated_clip_have_no_style_left() -> None:
    whole, held_out, cmu, dance = summarize_actions(
        [
            outcome("unlabelled/cmu/1.bvh"),
            outcome("unlabelled/cmu/1.bvh", kept=(True,), step_m=0.051, jumps=(), jerk=1.0),
            outcome(
                "extra/cmu_dance/salsa/2.bvh",
                domain=0.5,
                in_body=0.02,
                kept=(),
                overextended=0.01,
                aside=0.3,
                twists=2,
                jerk=float("nan"),
            ),
        ]
    )[:4]
    assert (whole.group, whole.clips, whole.outputs, whole.events) == ("all", 2, 3, 4)
    assert whole.kept.value == pytest.approx(3 / 4)
    assert whole.correlation.value == pytest.approx(0.7)
    assert (whole.jumps, whole.jump_height.value) == (2, pytest.approx(0.6))
    assert (whole.pops, whole.overextended, whole.twists) == (1, 1, 1)
    assert whole.aside.value == pytest.approx(0.1)
    assert whole.jerk.value == pytest.approx(1.1)
    assert whole.in_body.value == pytest.approx(0.02 / 3)
    assert whole.body_within.value == pytest.approx(2 / 3)
    assert whole.style_left.value == pytest.approx(0.7)
    assert (held_out.group, held_out.outputs) == ("never learned from", 1)
    assert math.isnan(held_out.kept.value)
    assert math.isnan(held_out.style_left.value)
    assert (dance.group, cmu.group) == ("unlabelled/cmu", "extra/cmu_dance")
    assert [one["clip"] for one in whole.worst] == ["unlabelled/cmu/1.bvh"] * 2
    assert whole.worst[0]["kept"] == pytest.approx(2 / 3)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> TestClip:
    path = tmp_path_factory.mktemp("actions") / "walk.bvh"
    rig = as_rig(walk(14.0, start_heading=1.0).clip)
    write_motion(thrown_about(rig, "Spine", "LeftArm", "RightArm"), path)
    return TestClip(path, "", "", "walk.bvh")


def test_an_untouched_clip_keeps_everything(tiny: Stylizer, clip: TestClip) -> None:
    evaluator = Evaluator(tiny, (), RealClips({}))
    case = Case(clip, "one/proud", "label", clip)
    still, free = Settings(strength=0.0), Settings(action="free")
    same, changed = evaluator.actions([case.with_settings(still), case.with_settings(free)])
    assert len(same.kept) >= 4
    assert all(same.kept)
    assert min(same.correlations) > 0.999
    assert abs(same.step_m) < 1e-3
    assert same.in_body == 0.0
    # random weights throw limbs about, and nothing holds the change back
    assert min(changed.correlations) < min(same.correlations)
    assert changed.domain == 1.0
    assert [changed.style_left[limb] for limb in LIMBS] == [pytest.approx(1.0, abs=1e-3)] * 3


def test_what_keeps_an_action_counts_as_a_gate(released: Stylizer, clip: TestClip) -> None:
    evaluator = Evaluator(released, (), RealClips({}))
    case = Case(clip, "bandai2/elderly", "label", clip)
    settings = [Settings(action=action, out_of_domain="ignore") for action in ("free", "keep")]
    free, kept = evaluator.actions([case.with_settings(each) for each in settings])
    assert free.style_left["arms"] == pytest.approx(1.0, abs=1e-3)
    assert kept.style_left["arms"] < 0.95
    assert min(kept.correlations) > min(free.correlations)
