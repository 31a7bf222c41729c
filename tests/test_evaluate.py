"""The drawing of cases, predictions of judges, and results evaluated as they were written."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kinestyle.errors import BundleError
from kinestyle.evaluate.evaluator import Evaluator, evaluate_clip, through_file
from kinestyle.evaluate.judge import Judge
from kinestyle.evaluate.measures import jerk, path_error
from kinestyle.evaluate.outcomes import Outcome, RealClips, content_right
from kinestyle.evaluate.parallel import Setup, evaluate_clips, run_cases, run_diversity
from kinestyle.evaluate.protocol import (
    NEEDS_REFERENCE,
    PROTOCOLS,
    RETIMED,
    STOCHASTIC,
    STYLED,
    TRIVIAL,
    Case,
    Protocol,
    TestClip,
    draw_cases,
    one_of_each_cell,
)
from kinestyle.evaluate.truth import body_positions, warped_distances
from kinestyle.formats.table import read_motion, write_motion
from kinestyle.motion.clip import Clip
from kinestyle.retarget.correspondence import correspond, to_canonical
from kinestyle.retarget.features import LAYOUT, clip_to_features
from kinestyle.runtime.settings import Settings
from kinestyle.runtime.stylizer import Stylizer
from made_judges import write_judge
from made_rigs import as_rig, walk

# ---------------------------------------------------------------- cases

ONE, TWO = ("old", "proud", "sad"), ("active", "calm", "elderly", "young")


def made_clips() -> list[TestClip]:
    """Two sets of three and four styles, two contents each, with five test clips and one of
    training in every cell.
    """
    return [
        TestClip(
            Path(f"{content}_{style}_{i}.bvh"),
            name,
            f"{name}/{style}",
            f"{name}/{content}",
            "test" if i < 5 else "train",
        )
        for name, styles in (("bandai1", ONE), ("bandai2", TWO))
        for style in styles
        for content in ("walk", "bow")
        for i in range(6)
    ]


def pairs(cases: list[Case]) -> Counter[tuple[str, str]]:
    return Counter((case.clip.style, case.target) for case in cases)


@pytest.mark.parametrize("contents", ["bandai1", "bandai2"])
@pytest.mark.parametrize("styles", ["bandai1", "bandai2"])
@pytest.mark.parametrize("targets", [1, 2, 99])
def test_each_clip_gets_targets_of_other_styles_in_every_mode(
    contents: str, styles: str, targets: int
) -> None:
    clips = made_clips()
    modes = (*STYLED, *TRIVIAL)
    cases = draw_cases(Protocol("p1", contents, styles, targets=targets), clips, modes)
    for case in cases:
        assert case.target != case.clip.style
        assert case.target.startswith(f"{styles}/")
        assert case.clip.set_name == contents
        assert case.clip.split == case.reference.split == "test"
        assert case.reference.style == case.target
        assert (case.settings.seed > 0) == (case.mode in STOCHASTIC)
    others = len({clip.style for clip in clips if clip.set_name == styles}) - (contents == styles)
    for clip in (clip for clip in clips if clip.set_name == contents and clip.split == "test"):
        of_mode = [
            [(c.target, c.reference) for c in cases if c.clip is clip and c.mode == mode]
            for mode in modes
        ]
        # in all modes the same targets and references, so that they can be compared
        assert all(found == of_mode[0] for found in of_mode)
        assert len({target for target, _ in of_mode[0]}) == len(of_mode[0]) == min(targets, others)


def test_all_ordered_pairs_come_up_equally_often() -> None:
    clips = made_clips()
    protocol = Protocol("p1", "bandai2", "bandai2")
    once = draw_cases(protocol, clips, ("label",))
    found = pairs(once)
    assert len(found) == 4 * 3
    assert max(found.values()) - min(found.values()) <= 1
    # a repeat goes on: after as many repeats as there are other styles, each clip had each of them
    # once
    thrice = [
        case for repeat in range(3) for case in draw_cases(protocol, clips, ("label",), repeat)
    ]
    assert Counter((case.clip.path, case.target) for case in thrice).most_common(1)[0][1] == 1
    assert set(pairs(thrice).values()) == {10}
    references = Counter(case.reference.path for case in thrice)
    assert len(references) == 40
    assert max(references.values()) - min(references.values()) <= 2


def test_cases_are_drawn_the_same_from_the_same_seed() -> None:
    protocol = Protocol("p2", "bandai2", "bandai1")
    first, again, other, repeated = (
        draw_cases(protocol, clips, STYLED, repeat, seed)
        for clips, repeat, seed in (
            (made_clips(), 0, 1),
            (made_clips()[::-1], 0, 1),
            (made_clips(), 0, 2),
            (made_clips(), 1, 1),
        )
    )
    assert first == again
    assert first != other
    draws = [
        {case.settings.seed for case in cases if case.mode == "draw"}
        for cases in (first, other, repeated)
    ]
    assert all(len(seeds) == 40 for seeds in draws)
    assert not draws[0] & draws[2]


def test_contents_may_be_of_the_training_split_but_references_never() -> None:
    cases = draw_cases(
        Protocol("p3", "bandai1", "bandai2", splits=("train", "test")), made_clips(), ("reference",)
    )
    assert Counter(case.clip.split for case in cases) == {"test": 30, "train": 6}
    assert {case.reference.split for case in cases} == {"test"}


def test_a_sample_has_one_clip_of_every_cell_and_the_references_of_all() -> None:
    clips = made_clips()
    sample = one_of_each_cell(clip for clip in clips if clip.split == "test")
    assert Counter(clip.cell for clip in sample) == dict.fromkeys({clip.cell for clip in clips}, 1)
    cases = draw_cases(
        Protocol("p1", "bandai2", "bandai2", targets=3), clips, ("label",), among=sample
    )
    assert {case.clip for case in cases} == {clip for clip in sample if clip.set_name == "bandai2"}
    assert {case.reference for case in cases} - set(sample)


def test_the_protocols_are_those_that_the_results_speak_of() -> None:
    assert [(p.part, p.contents, p.styles, p.zero_shot) for p in PROTOCOLS] == [
        ("p1", "bandai2", "bandai2", False),
        ("p2", "bandai2", "bandai1", False),
        ("p2", "bandai1", "bandai1", False),
        ("p3", "bandai1", "bandai2", True),
        ("p3", "bandai1", "bandai2", True),
    ]


# ---------------------------------------------------------------- judges


@pytest.fixture(scope="module")
def judge_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A judge of made styles that was never trained."""
    styles, contents = (
        ("one/calm", "one/proud", "two/Not-Tired", "two/calm"),
        ("one/walk", "two/stand", "two/walk"),
    )
    return write_judge(tmp_path_factory.mktemp("judge") / "judge.onnx", styles, contents)


@pytest.fixture(scope="module")
def judge(judge_file: Path) -> Judge:
    return Judge(judge_file)


def test_a_judge_predicts_a_style_and_a_content_in_each_set(judge: Judge) -> None:
    random = np.random.default_rng(0)
    base = clip_to_features(walk().clip)
    contents = set()
    for _ in range(30):
        found = judge.predict(base * random.normal(1.0, 1.0, LAYOUT.size))
        contents.add(found.content_in["two"])
        assert found.style == judge.styles[int(found.style_logits.argmax())]
        assert found.style in found.style_in.values()
        # the likeliest of a set is the one with the highest logit among the set's
        for set_name, labels, logits, likeliest in (
            ("one", judge.styles, found.style_logits, found.style_in),
            ("two", judge.styles, found.style_logits, found.style_in),
            ("one", judge.contents, found.content_logits, found.content_in),
            ("two", judge.contents, found.content_logits, found.content_in),
        ):
            of_set = {
                label: logit
                for label, logit in zip(labels, logits.tolist(), strict=True)
                if label.startswith(f"{set_name}/")
            }
            assert likeliest[set_name] == max(of_set, key=of_set.__getitem__)
    assert contents == {"two/stand", "two/walk"}


def test_no_judge_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"the judge .*nowhere.onnx cannot be read"):
        Judge(tmp_path / "nowhere.onnx")
    (tmp_path / "odd.onnx").write_text("no graph")
    with pytest.raises(BundleError, match="is no sound ONNX file"):
        Judge(tmp_path / "odd.onnx")


# ---------------------------------------------------------------- the evaluator


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> list[TestClip]:
    """A walk, and three of the style that it is to get: two of them walks, of which one is on
    another rig.
    """
    folder = tmp_path_factory.mktemp("clips")
    write_motion(as_rig(walk(2.0).clip, metres_per_unit=0.01), folder / "calm_walk.bvh")
    write_motion(as_rig(walk(1.5, 60.0, 1.0).clip, up="Z"), folder / "proud_walk_1.bvh")
    write_motion(as_rig(walk(1.8, heel_rise=0.5).clip), folder / "proud_walk_2.bvh")
    write_motion(as_rig(walk(1.2, start_heading=2.0).clip), folder / "proud_stand.bvh")
    return [
        TestClip(folder / "calm_walk.bvh", "two", "two/calm", "two/walk"),
        TestClip(folder / "proud_walk_1.bvh", "one", "one/proud", "one/walk"),
        TestClip(folder / "proud_walk_2.bvh", "one", "one/proud", "one/walk"),
        TestClip(folder / "proud_stand.bvh", "one", "one/proud", "one/stand"),
    ]


@pytest.fixture(scope="module")
def cases(clips: list[TestClip]) -> list[Case]:
    return [
        Case(clips[0], "one/proud", mode, clips[1], Settings(seed=7 if mode in STOCHASTIC else 0))
        for mode in (*STYLED, *TRIVIAL)
    ]


@pytest.fixture(scope="module")
def evaluator(tiny: Stylizer, judge: Judge, clips: list[TestClip]) -> Evaluator:
    real = RealClips({clip.path.stem: evaluate_clip(clip, (judge,)) for clip in clips})
    return Evaluator(tiny, (judge,), real)


def by_mode(outcomes: list[Outcome]) -> dict[str, Outcome]:
    return {outcome.case.mode: outcome for outcome in outcomes}


def test_a_result_of_no_strength_measures_as_its_input(
    evaluator: Evaluator, cases: list[Case]
) -> None:
    for found in evaluator.run(
        [
            case.with_settings(Settings(strength=0.0))
            for case in cases
            if case.mode in (*STYLED, "copy content")
        ]
    ):
        geometry = found.geometry
        assert geometry is not None
        assert geometry.floor == pytest.approx(0.0, abs=1e-6)
        assert geometry.jerk == pytest.approx(geometry.input_jerk, rel=1e-3)
        assert geometry.planted_speed == pytest.approx(
            geometry.input_planted_speed, rel=1e-2, abs=1e-2
        )
        assert geometry.planted_samples > 50
        assert geometry.geodesic == pytest.approx(0.0, abs=1e-4)
        assert geometry.path == pytest.approx(0.0, abs=1e-5)
        assert geometry.path_length == pytest.approx(
            path_error(walk(2.0).clip, walk(2.0).clip)[1], rel=1e-3
        )
        assert geometry.flips == 0
        assert found.truth == pytest.approx(found.input_truth, abs=1e-4)


def test_a_result_is_evaluated_as_it_was_written(
    evaluator: Evaluator, tiny: Stylizer, judge: Judge, cases: list[Case]
) -> None:
    outcomes = by_mode(evaluator.run(cases))
    assert set(outcomes) == {*STYLED, *TRIVIAL}
    jerks = {mode: o.geometry.jerk for mode, o in outcomes.items() if o.geometry is not None}
    assert set(jerks) == {*STYLED, "copy content", "statistics"}
    assert len(set(jerks.values())) == 6
    assert jerks["copy content"] == outcomes["label"].geometry.input_jerk  # type: ignore[union-attr]
    made = through_file(tiny.stylize(read_motion(cases[0].clip.path), "one/proud"))
    by_hand = to_canonical(made, correspond(made))
    assert jerks["label"] == pytest.approx(jerk(by_hand), rel=0.05)
    prediction = judge.predict(clip_to_features(by_hand))
    assert outcomes["label"].predictions[0].style == prediction.style
    np.testing.assert_allclose(
        outcomes["label"].predictions[0].style_vector, prediction.style_vector, rtol=0.1, atol=0.05
    )


def test_the_truth_is_every_clip_of_the_cell_but_the_reference(
    evaluator: Evaluator, clips: list[TestClip], cases: list[Case]
) -> None:
    cell = evaluator.real.cell("one/proud", "two/walk")
    assert cell is not None
    assert {take.name for take in cell.takes} == {"proud_walk_1", "proud_walk_2"}
    assert evaluator.real.cell("one/proud", "two/wave") is None
    given = read_motion(clips[0].path)
    distances = cell.distances(
        body_positions(clip_to_features(to_canonical(given, correspond(given))))
    )
    for found in evaluator.run(cases):
        wanted = (
            distances["proud_walk_2"]
            if found.case.mode in NEEDS_REFERENCE
            else min(distances.values())
        )
        assert found.input_truth == pytest.approx(wanted, rel=1e-3)
    copied = by_mode(evaluator.run(cases))["copy style"]
    between = cell.distances(next(take.body for take in cell.takes if take.name == "proud_walk_1"))
    assert copied.truth == pytest.approx(between["proud_walk_2"], rel=1e-6)
    assert copied.predictions is evaluator.real.clips["proud_walk_1"].predictions
    nowhere = evaluator.run([replace(cases[0], clip=replace(clips[0], content="two/wave"))])[0]
    assert math.isnan(nowhere.truth)
    assert math.isnan(nowhere.input_truth)


def test_the_nearest_real_clip_in_the_input_s_time(
    evaluator: Evaluator, clips: list[TestClip], cases: list[Case]
) -> None:
    case = replace(cases[0], mode=RETIMED)
    (found,) = evaluator.run([case])
    assert found.geometry is None
    # it is not its own truth: it is as far from the other take as two takes are from each other
    takes = [evaluator.real.clips[f"proud_walk_{i}"] for i in (1, 2)]
    between = warped_distances(takes[0].body, [takes[1].body])[0]
    assert 0.5 * between < found.truth < 2.0 * between
    for take in takes:  # nor is it either of them as it is
        assert not np.allclose(
            found.predictions[0].style_vector, take.predictions[0].style_vector, rtol=1e-3
        )
    assert evaluator.run([replace(case, clip=replace(clips[0], content="two/wave"))]) == []


def test_the_truth_of_set_2_has_test_clips_only(evaluator: Evaluator) -> None:
    real = next(iter(evaluator.real.clips.values()))
    made = {
        f"{set_name} {split}": replace(
            real, clip=replace(real.clip, set_name=set_name, style=f"{set_name}/x", split=split)
        )
        for set_name in ("bandai1", "bandai2")
        for split in ("train", "test")
    }
    cells = {
        style: [take.name for take in cell.takes]
        for (style, _), cell in RealClips(made).cells.items()
    }
    assert cells == {"bandai1/x": ["bandai1 train", "bandai1 test"], "bandai2/x": ["bandai2 test"]}


def test_a_content_that_a_judge_never_learned_is_neither_right_nor_wrong(
    evaluator: Evaluator, clips: list[TestClip]
) -> None:
    found = replace(
        evaluator.real.clips["calm_walk"].predictions[0], content_in={"two": "two/walk"}
    )
    stand, kick = (replace(clips[0], content=f"two/{name}") for name in ("stand", "kick"))
    assert content_right(("two/walk",), found, clips[0]) is True
    assert content_right(("two/walk", "two/stand"), found, stand) is False
    assert content_right(("two/walk",), found, kick) is None


def test_the_diversity_of_variations_of_one_case(evaluator: Evaluator, cases: list[Case]) -> None:
    draw = next(case for case in cases if case.mode == "draw")
    found = evaluator.diversity([replace(draw, settings=Settings(seed=seed)) for seed in (1, 2, 3)])
    assert found.metres > 1e-4
    assert found.vectors[0] > 1e-4
    assert 0.0 <= found.right[0] <= 1.0
    assert found.all_right[0] == (found.right[0] == 1.0)
    same = evaluator.diversity([draw, draw])
    assert same.metres == 0.0
    assert same.vectors == (0.0,)


def test_cases_run_in_other_processes_as_they_do_here(
    tiny: Stylizer,
    judge_file: Path,
    clips: list[TestClip],
    cases: list[Case],
    evaluator: Evaluator,
    tmp_path: Path,
) -> None:
    real = evaluate_clips(clips, (judge_file,), 1)
    setup = Setup(tiny.bundle.path, (judge_file,), real, 1)
    (tmp_path / "broken.bvh").write_text("no motion")
    broken = replace(cases[0], clip=replace(clips[0], path=tmp_path / "broken.bvh"))
    *outcomes, refused = run_cases([*cases, broken, replace(broken, mode="draw")], setup)
    assert isinstance(refused, str)
    assert refused.startswith("broken.bvh, line 1")
    for found, wanted in zip(outcomes, evaluator.run(cases), strict=True):
        assert isinstance(found, Outcome)
        assert (found.case, found.geometry, found.truth) == (
            wanted.case,
            wanted.geometry,
            wanted.truth,
        )
        np.testing.assert_array_equal(
            found.predictions[0].content_vector, wanted.predictions[0].content_vector
        )
    draw = next(case for case in cases if case.mode == "draw")
    variations = [replace(draw, settings=Settings(seed=seed)) for seed in (1, 2)]
    assert run_diversity([variations], setup) == [evaluator.diversity(variations)]


def test_through_a_file_and_back(walk_clip: Clip) -> None:
    made = replace(as_rig(walk(1.0).clip), source=None)
    back = through_file(made)
    # a file names children below their parents, whatever their order was
    order = [back.skeleton.index(name) for name in made.skeleton.names]
    np.testing.assert_allclose(back.world_position[:, order], made.world_position, atol=1e-5)
    np.testing.assert_array_equal(through_file(walk_clip).source.values, walk_clip.source.values)
