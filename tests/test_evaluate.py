"""Measures on motion whose answer is known, the drawing of cases, the arithmetic of the table, and judges of real files."""

from __future__ import annotations

import json
import math
import warnings
from collections import Counter
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from kinestyle.errors import BundleError
from kinestyle.evaluate.judge import Judge
from kinestyle.evaluate.measures import floor_error, interval, jerk, planted_speed
from kinestyle.evaluate.protocol import (
    MODES,
    Case,
    Examiner,
    Outcome,
    TestClip,
    draw_cases,
    judge_real,
    run_cases,
    summarize,
    through_file,
)
from kinestyle.motion import rotation
from kinestyle.motion.canonical import CANONICAL
from kinestyle.motion.clip import Clip
from kinestyle.motion.contacts import CONTACT_JOINTS
from kinestyle.motion.features import LAYOUT, clip_to_features
from kinestyle.motion.formats import read_motion, write_motion
from kinestyle.motion.retarget import canonical_clip, correspond, to_canonical
from kinestyle.motion.rotation import Array
from kinestyle.runtime.stylizer import Stylizer
from made_rigs import as_rig, stand, turned, walk


def stiff(root: Array, frame_rate: float = 30.0) -> Clip:
    """root: (T, 3) metres -> the T-pose carried along that way, so that every joint moves as the root does."""
    world = np.tile(rotation.IDENTITY, (len(root), CANONICAL.joint_count, 1))
    return canonical_clip(root, world, 1.0 / frame_rate)


def way(frames: int, frame_rate: float, x: Any = 0.0, y: Any = 0.0, z: Any = 0.0) -> Array:
    return np.stack(np.broadcast_arrays(x, y, z, np.arange(frames) / frame_rate), axis=-1)[:, :3]


# ---------------------------------------------------------------- measures


@pytest.mark.parametrize("frame_rate", [24.0, 30.0, 120.0])
def test_the_speed_of_a_foot_that_slides(frame_rate: float) -> None:
    time = np.arange(30) / frame_rate
    # 0.5 m/s along the floor; up and down is no sliding
    clip = stiff(way(30, frame_rate, x=0.3 * time, y=1.0 + np.sin(9.0 * time), z=-0.4 * time), frame_rate)
    speed = planted_speed(clip, np.ones((30, 4), dtype=bool))
    assert speed.shape == (29 * 4,)
    np.testing.assert_allclose(speed, 0.5)


def test_only_planted_frames_count() -> None:
    time = np.arange(20) / 30.0
    clip = stiff(way(20, 30.0, x=np.where(time < time[10], 0.0, 2.0 * (time - time[10]))))
    contact = np.zeros((20, 4), dtype=bool)
    assert len(planted_speed(clip, contact)) == 0
    contact[:11, 2] = True
    np.testing.assert_allclose(planted_speed(clip, contact), np.zeros(10), atol=1e-12)
    contact[:, 2] = False
    contact[12:15, 0] = True
    contact[17, 1] = True  # one frame alone shows no speed
    np.testing.assert_allclose(planted_speed(clip, contact), [2.0, 2.0])


def test_each_contact_is_of_its_own_joint() -> None:
    # the left ankle turns about the hip, the right leg stands
    frames = 16
    world = np.tile(rotation.IDENTITY, (frames, CANONICAL.joint_count, 1))
    swing = rotation.exp(np.linspace(-0.01, 0.01, frames)[:, None] * np.array([1.0, 0.0, 0.0]))
    for name in ("left_thigh", "left_shin", "left_foot", "left_toe"):
        world[:, CANONICAL.index(name)] = swing
    clip = canonical_clip(np.tile([0.0, 0.9, 0.0], (frames, 1)), world, 1.0 / 30.0)
    leg = np.linalg.norm(CANONICAL.offsets[[CANONICAL.index("left_shin"), CANONICAL.index("left_foot")]], axis=-1).sum()
    for column, joint in enumerate(CONTACT_JOINTS):
        contact = np.zeros((frames, 4), dtype=bool)
        contact[:, column] = True
        speed = planted_speed(clip, contact)
        if CANONICAL.names[joint] == "left_foot":
            np.testing.assert_allclose(speed, leg * 0.02 / 15 * 30, rtol=1e-3)
        elif CANONICAL.names[joint].startswith("right"):
            np.testing.assert_allclose(speed, 0.0, atol=1e-12)


@pytest.mark.parametrize("frame_rate", [30.0, 60.0])
def test_the_jerk_of_a_cubic(frame_rate: float) -> None:
    time = np.arange(40) / frame_rate
    cubic = stiff(way(40, frame_rate, x=2.0 * time**3, y=1.0 - 3.0 * time**3 + time**2, z=6.0 * time**3 - time), frame_rate)
    assert jerk(cubic) == pytest.approx(6.0 * 7.0)
    square = stiff(way(40, frame_rate, x=5.0 * time**2, y=1.0 + time), frame_rate)
    assert jerk(square) == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("frames", [1, 2, 3])
def test_too_few_frames_have_no_jerk_and_one_has_no_speed(frames: int) -> None:
    assert jerk(stand(frames)) == 0.0
    assert len(planted_speed(stand(frames), np.ones((frames, 4), dtype=bool))) == 4 * (frames - 1)


def test_the_floor_error_is_how_far_the_lower_foot_is_off() -> None:
    reference = walk().clip
    for lift in (0.07, -0.02):
        assert floor_error(turned(reference, 0.0, np.array([0.0, lift, 0.0])), reference) == pytest.approx(abs(lift))
    assert floor_error(turned(reference, 1.0, np.array([3.0, 0.0, 0.0])), reference) == pytest.approx(0.0, abs=1e-9)
    half = reference.local_position.copy()
    half[: len(half) // 2, 0, 1] += 0.1
    share = (len(half) // 2) / len(half)
    assert floor_error(reference.with_motion(half, reference.local_rotation), reference) == pytest.approx(0.1 * share)
    # a foot that is lifted is not the lower one
    world = np.tile(rotation.IDENTITY, (9, CANONICAL.joint_count, 1))
    for name in ("left_thigh", "left_shin", "left_foot", "left_toe"):
        world[:, CANONICAL.index(name)] = rotation.exp(np.array([-0.9, 0.0, 0.0]))
    on_one_leg = canonical_clip(np.tile(CANONICAL.offsets[0], (9, 1)), world, 1.0 / 30.0)
    assert floor_error(on_one_leg, stand(9)) == pytest.approx(0.0, abs=1e-9)


def test_the_interval_of_a_mean() -> None:
    assert interval(np.array([0.0, 1.0, 0.0, 1.0])) == pytest.approx(1.96 * math.sqrt(1.0 / 3.0) / 2.0)
    assert interval(np.ones(9)) == 0.0
    assert math.isnan(interval(np.ones(1)))
    # in about 95 of 100 experiments the truth is inside
    random = np.random.default_rng(0)
    draws = random.random((400, 200)) < 0.7
    inside = [abs(draw.mean() - 0.7) <= interval(draw.astype(float)) for draw in draws]
    assert 0.91 < np.mean(inside) < 0.98


# ---------------------------------------------------------------- cases


def made_clips() -> list[TestClip]:
    """Two sets: three styles and two styles, two contents each; one style of the first has a clip more."""
    clips = [
        TestClip(Path(f"{set_name}_{content}_{style}.bvh"), set_name, f"{set_name}/{style}", f"{set_name}/{content}")
        for set_name, styles in (("bandai1", ("old", "proud", "sad")), ("bandai2", ("elderly", "active")))
        for style in styles
        for content in ("walk", "bow")
    ]
    return [*clips, replace(clips[0], path=Path("one_more.bvh"))]


@pytest.mark.parametrize("styles_of_set", ["bandai1", "bandai2"])
@pytest.mark.parametrize("contents_of_set", ["bandai1", "bandai2"])
@pytest.mark.parametrize("targets", [None, 1, 2, 99])
def test_each_clip_gets_targets_of_other_styles_in_every_mode(
    styles_of_set: str, contents_of_set: str, targets: int | None
) -> None:
    clips = made_clips()
    cases = draw_cases(clips, styles_of_set, contents_of_set, targets, seed=3)
    for case in cases:
        assert case.target != case.clip.style
        assert case.target.startswith(f"{styles_of_set}/")
        assert case.clip.set_name == contents_of_set
        assert case.reference.style == case.target
        assert case.reference in clips
    styles = {clip.style for clip in clips if clip.set_name == styles_of_set}
    for clip in (clip for clip in clips if clip.set_name == contents_of_set):
        others = len(styles - {clip.style})
        wanted = others if targets is None else min(targets, others)
        mine = [case for case in cases if case.clip is clip]
        for mode in MODES:
            found = [case.target for case in mine if case.mode == mode]
            assert len(found) == len(set(found)) == wanted
        # all modes go for the same targets, so that they can be compared
        assert Counter((case.target, case.mode) for case in mine) == Counter(
            (case.target, mode) for case in mine if case.mode == "label" for mode in MODES
        )


def test_cases_are_drawn_the_same_from_the_same_seed() -> None:
    first, again, other = (draw_cases(made_clips(), "bandai1", "bandai1", 1, seed) for seed in (1, 1, 2))
    assert first == again
    assert first != other
    drawn = [case.seed for case in first if case.mode == "draw"]
    assert 0 not in drawn
    assert len(set(drawn)) == len(drawn)
    # the other modes take the middle of the style and the likeliest code
    assert {case.seed for case in first if case.mode != "draw"} == {0}


def test_every_reference_is_drawn_some_time() -> None:
    drawn = {
        case.reference.path.name
        for seed in range(20)
        for case in draw_cases(made_clips(), "bandai1", "bandai2", None, seed)
        if case.target == "bandai1/old"
    }
    assert drawn == {"bandai1_walk_old.bvh", "bandai1_bow_old.bvh", "one_more.bvh"}


# ---------------------------------------------------------------- the table


def outcome(**changes: Any) -> Outcome:
    clip = TestClip(Path("a.bvh"), "bandai1", "bandai1/old", changes.pop("clip_content", "bandai1/walk"))
    case = Case(clip, "bandai1/proud", "label", clip, 1)
    same = Outcome(case, "bandai1/proud", "bandai1/proud", "bandai1/walk", 1.0, 1.0, 10, 5.0, 5.0, 0.0)
    return replace(same, **changes)


def test_the_row_of_some_outcomes() -> None:
    judge: Any = SimpleNamespace(contents=("bandai1/walk", "bandai1/bow"))
    outcomes = [
        outcome(planted_speed=3.0, input_planted_speed=1.0, jerk=10.0, input_jerk=5.0, floor=0.01),
        outcome(style="bandai2/active", planted_speed=1.0, input_planted_speed=7.0, jerk=20.0, input_jerk=15.0, floor=0.03),
        outcome(style="bandai1/old", style_in_set="bandai1/old", content="bandai1/bow", floor=0.02),
        # a content that the judge never learned counts for style only
        outcome(clip_content="bandai1/kick", content="bandai1/walk", floor=0.02),
    ]
    found = summarize(outcomes, judge)
    assert found.outputs == 4
    assert found.style == 0.5
    assert found.style_interval == pytest.approx(1.96 * math.sqrt(1.0 / 3.0) / 2.0)
    assert found.style_in_set == 0.75
    assert found.content == pytest.approx(2.0 / 3.0)
    assert found.content_interval == pytest.approx(1.96 * math.sqrt(1.0 / 3.0) / math.sqrt(3.0))
    assert found.planted_speed_ratio == pytest.approx((3.0 + 1.0 + 1.0 + 1.0) / (1.0 + 7.0 + 1.0 + 1.0))
    assert found.jerk_ratio == pytest.approx((10.0 + 20.0 + 5.0 + 5.0) / (5.0 + 15.0 + 5.0 + 5.0))
    assert found.floor_m == pytest.approx(0.02)


def test_a_row_without_known_contents_has_no_content() -> None:
    judge: Any = SimpleNamespace(contents=())
    found = summarize([outcome(), outcome()], judge)
    assert math.isnan(found.content)
    assert found.style == 1.0


# ---------------------------------------------------------------- judges


@pytest.fixture(scope="module")
def judge_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A judge of made styles that was never trained."""
    torch, onnx = pytest.importorskip("torch"), pytest.importorskip("onnx")
    from kinestyle.learn.classifiers import ClassifierConfig, Labels, StyleContentClassifier
    from kinestyle.learn.corpus import group_deviation
    from kinestyle.learn.export import classifier_graph

    styles, contents = ("one/calm", "one/proud", "two/Not-Tired", "two/calm"), ("one/walk", "two/stand", "two/walk")
    with torch.random.fork_rng(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's own
        torch.manual_seed(1)
        statistics = group_deviation(clip_to_features(walk().clip).astype(np.float32))
        network = StyleContentClassifier(Labels(styles, contents), ClassifierConfig(width=8), *statistics)
        graph = onnx.load_from_string(classifier_graph(network))
    onnx.helper.set_model_props(graph, {"styles": json.dumps(styles), "contents": json.dumps(contents)})
    path = tmp_path_factory.mktemp("judge") / "judge.onnx"
    path.write_bytes(graph.SerializeToString())
    return path


@pytest.fixture(scope="module")
def judge(judge_file: Path) -> Judge:
    return Judge(judge_file)


def test_a_judge_sees_contents_of_the_asked_set_only(judge: Judge) -> None:
    assert judge.styles[1] == "one/proud"
    random = np.random.default_rng(0)
    base = clip_to_features(walk().clip)
    found: dict[str, set[str]] = {"one": set(), "two": set()}
    for _ in range(30):
        features = base * random.normal(1.0, 1.0, LAYOUT.size)
        for set_name, contents in found.items():
            verdict = judge(features, set_name)
            contents.add(verdict.content)
            assert verdict.style in judge.styles
            assert judge.style_in(features, set_name).startswith(f"{set_name}/")
            if verdict.style.startswith(f"{set_name}/"):
                assert judge.style_in(features, set_name) == verdict.style
    assert found["one"] == {"one/walk"}
    assert found["two"] <= {"two/stand", "two/walk"}


def test_no_judge_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"the judge .*nowhere.onnx cannot be read"):
        Judge(tmp_path / "nowhere.onnx")
    (tmp_path / "odd.onnx").write_text("no graph")
    with pytest.raises(BundleError, match="cannot be loaded by onnxruntime"):
        Judge(tmp_path / "odd.onnx")


# ---------------------------------------------------------------- the whole examination


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> list[Case]:
    """A walk on one rig, to be restyled by label and by a reference on another."""
    folder = tmp_path_factory.mktemp("clips")
    write_motion(as_rig(walk(2.0).clip, metres_per_unit=0.01), folder / "walk.bvh")
    write_motion(as_rig(walk(1.5, 60.0, 1.0).clip, up="Z"), folder / "other.bvh")
    clip = TestClip(folder / "walk.bvh", "two", "two/calm", "two/walk")
    reference = TestClip(folder / "other.bvh", "one", "one/proud", "one/walk")
    return [Case(clip, "one/proud", mode, reference, 7 if mode == "draw" else 0) for mode in MODES]


def test_a_result_of_no_strength_measures_as_its_input(tiny: Stylizer, judge: Judge, cases: list[Case]) -> None:
    for case in cases:
        found = Examiner(tiny, judge, strength=0.0).run(case)
        assert found.case is case
        assert found.floor == pytest.approx(0.0, abs=1e-6)
        assert found.jerk == pytest.approx(found.input_jerk, rel=1e-3)
        assert found.planted_speed == pytest.approx(found.input_planted_speed, rel=1e-2, abs=1e-2)
        assert found.planted_samples > 50
        assert found.style_in_set.startswith("one/")
        assert found.content.startswith("two/")


def test_a_result_is_examined_as_it_was_written(tiny: Stylizer, judge: Judge, cases: list[Case]) -> None:
    outcomes = {case.mode: Examiner(tiny, judge).run(case) for case in cases}
    assert set(outcomes) == {"label", "draw", "reference"}
    assert len({outcome.jerk for outcome in outcomes.values()}) == 3
    (input_jerk,) = {outcome.input_jerk for outcome in outcomes.values()}
    assert input_jerk not in {outcome.jerk for outcome in outcomes.values()}
    assert len({outcome.planted_samples for outcome in outcomes.values()}) == 1
    by_hand = to_canonical(made := tiny.stylize(read_motion(cases[0].clip.path), "one/proud"), correspond(made))
    assert outcomes["label"].jerk == pytest.approx(jerk(by_hand), rel=0.05)


def test_cases_run_in_other_processes_as_they_do_here(tiny: Stylizer, judge: Judge, judge_file: Path, cases: list[Case]) -> None:
    outcomes = run_cases(cases, tiny.bundle.path, judge_file, processes=1)
    assert outcomes == [Examiner(tiny, judge).run(case) for case in cases]


def test_through_a_file_and_back(walk_clip: Clip) -> None:
    made = replace(as_rig(walk(1.0).clip), source=None)
    back = through_file(made)
    # a file names children below their parents, whatever their order was
    order = [back.skeleton.index(name) for name in made.skeleton.names]
    np.testing.assert_allclose(back.world_position[:, order], made.world_position, atol=1e-5)
    np.testing.assert_array_equal(through_file(walk_clip).source.values, walk_clip.source.values)


def test_a_judge_on_real_clips(judge: Judge, cases: list[Case]) -> None:
    clips = [cases[0].clip, cases[0].reference, replace(cases[0].clip, content="two/kick")]
    found = judge_real(clips, judge)
    verdicts = []
    for clip in clips:
        motion = read_motion(clip.path)
        verdicts.append(judge(clip_to_features(to_canonical(motion, correspond(motion))), clip.set_name))
    assert found.clips == 3
    assert found.style == pytest.approx(np.mean([v.style == c.style for v, c in zip(verdicts, clips, strict=True)]))
    # the judge was never shown a kick
    assert found.content == pytest.approx(np.mean([v.content == c.content for v, c in zip(verdicts[:2], clips[:2], strict=True)]))
