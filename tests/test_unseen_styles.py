"""P6: which references are drawn, and how far a result goes towards the real styled clip."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kinestyle.evaluate.evaluator import Evaluator, evaluate_clip, read_canonical
from kinestyle.evaluate.outcomes import RealClips
from kinestyle.evaluate.protocol import STATISTICS, Case, TestClip
from kinestyle.evaluate.truth import body_positions
from kinestyle.evaluate.unseen_styles import (
    ANOTHER,
    LEFT_OUT_STYLES,
    SAME,
    Heard,
    Hearing,
    UnseenSet,
    bandai_set,
    draw_hearings,
    position_statistics,
    spread_of,
    style100_set,
    summarize_hearings,
    way_gone,
)
from kinestyle.formats.table import write_motion
from kinestyle.motion import rotation
from kinestyle.motion.clip import Clip
from kinestyle.retarget.features import clip_to_features
from kinestyle.runtime.settings import Settings
from kinestyle.runtime.stylizer import Stylizer
from made_rigs import as_rig, walk


def clips_of(style: str, *contents: str, takes: int = 1) -> list[TestClip]:
    return [
        TestClip(Path(f"{content}_{style}_{i}.bvh"), "s", f"s/{style}", f"s/{content}")
        for content in contents
        for i in range(takes)
    ]


def test_each_style_is_asked_with_the_same_action_and_with_another() -> None:
    clips = (
        *clips_of("normal", "walk", "run", "wave"),
        *clips_of("old", "walk", "run", "bow"),
        *clips_of("sad", "walk"),
        *clips_of("happy", "wave", takes=2),
    )
    found = UnseenSet("s", clips, "s/normal", ("s/old", "s/sad", "s/happy"))
    hearings = draw_hearings(found, ("reference",))
    assert {(h.case.target, h.case.clip.content, h.kind) for h in hearings} == {
        ("s/old", "s/walk", SAME),
        ("s/old", "s/walk", ANOTHER),
        ("s/old", "s/run", SAME),
        ("s/old", "s/run", ANOTHER),
        ("s/sad", "s/walk", SAME),
        ("s/happy", "s/wave", SAME),
    }
    for hearing in hearings:
        assert hearing.case.clip.style == "s/normal"
        assert hearing.case.reference.style == hearing.styled.style == hearing.case.target
        assert hearing.styled.content == hearing.case.clip.content
        same = hearing.case.reference.content == hearing.case.clip.content
        assert same == (hearing.kind == SAME)
    # of two takes, the reference is not the one that says where to go
    happy = next(h for h in hearings if h.case.target == "s/happy")
    assert happy.case.reference != happy.styled
    assert len(draw_hearings(found, ("reference",), contents=1)) == 4
    assert draw_hearings(found, seed=3) == draw_hearings(found, seed=3)
    assert len(draw_hearings(found)) == 2 * len(hearings)


def test_the_sets_are_found_by_name(tmp_path: Path) -> None:
    clips = [
        TestClip(Path(f"{style}.bvh"), "bandai1", style, "bandai1/walk")
        for style in ("bandai1/old", "bandai1/normal", "bandai1/angry", "bandai2/normal")
    ]
    found = bandai_set(clips)
    assert [clip.style for clip in found.clips] == ["bandai1/old", "bandai1/normal"]
    assert found.styles == LEFT_OUT_STYLES
    folder = tmp_path / "extra" / "style100_synthetic"
    for name in (
        "Neutral/Neutral_FW",
        "Angry/Angry_FW",
        "Old/Old_FW",
        "Old/Old_BR",
        "Zombie/Zombie_FW",
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.bvh").touch()
    half = style100_set(tmp_path)
    assert half.styles == ("style100/Old",)
    assert {clip.content for clip in half.clips} == {"style100/FW", "style100/BR"}
    assert {h.case.clip.path.stem for h in draw_hearings(half)} == {"Neutral_FW"}
    assert style100_set(tmp_path / "nowhere").clips == ()


def test_the_way_is_a_share_of_the_step_and_the_cosine_its_direction() -> None:
    neutral, styled = np.zeros(4), np.array([0.0, 2.0, 0.0, 0.0])
    one = np.ones(4)
    assert way_gone(neutral, styled, 0.5 * styled, one) == (pytest.approx(1.0), pytest.approx(0.5))
    assert way_gone(neutral, styled, -styled, one) == (pytest.approx(-1.0), pytest.approx(-1.0))
    aside = np.array([2.0, 2.0, 0.0, 0.0])
    assert way_gone(neutral, styled, aside, one) == (pytest.approx(0.5**0.5), pytest.approx(1.0))
    # what varies much among real clips counts for less
    wide = np.array([10.0, 1.0, 1.0, 1.0])
    assert way_gone(neutral, styled, aside, wide)[0] > 0.99
    assert way_gone(neutral, styled, neutral, one) == (0.0, 0.0)
    assert np.isnan(way_gone(neutral, neutral, styled, one)[1])


def test_positions_are_compared_by_mean_and_deviation_over_time() -> None:
    body = np.zeros((10, 21, 3), dtype=np.float32)
    body[::2, 4, 1] = 2.0
    found = position_statistics(body)
    assert found.shape == (126,)
    assert found[3 * 4 + 1] == found[63 + 3 * 4 + 1] == 1.0
    assert np.count_nonzero(found) == 2
    spread = spread_of([body, 2.0 * body])
    assert spread[3 * 4 + 1] == pytest.approx(0.5 + 1e-3)
    assert spread[0] == pytest.approx(1e-3)


def heard(style: str, kind: str, cosine: float, seen: str) -> Heard:
    clip = TestClip(Path("n.bvh"), "s", "s/normal", "s/walk")
    return Heard(
        Hearing(Case(clip, style, "reference", clip), clip, kind, "s"), cosine, 0.5, (seen,)
    )


def test_rows_are_by_kind_and_say_what_was_learned() -> None:
    rows = summarize_hearings(
        [
            heard("s/old", SAME, 0.8, "s/old"),
            heard("s/old", SAME, 0.6, "s/sad"),
            heard("s/sad", SAME, 0.4, "s/sad"),
            heard("s/sad", ANOTHER, 0.2, "s/old"),
        ],
        {"judge": ("s/old", "s/sad")},
        ["s/old"],
    )
    same, another = rows
    assert (same.kind, same.styles, same.learned, same.outputs) == (SAME, 2, 1, 3)
    assert same.cosine.value == pytest.approx(0.6)
    assert same.seen == {"judge": pytest.approx(2 / 3)}
    assert same.by_style["s/old"]["cosine"] == pytest.approx(0.7)
    assert (another.kind, another.cosine.value) == (ANOTHER, 0.2)
    # a judge that never learned one of the styles cannot be asked
    assert (
        summarize_hearings([heard("s/old", SAME, 0.8, "s/x")], {"judge": ("s/x",)}, [])[0].seen
        == {}
    )


def bent(rig: Clip) -> Clip:
    """The clip with a bent back and one arm raised to the side."""
    local = rig.local_rotation.copy()
    for name, vector in (("Spine", (0.6, 0.0, 0.0)), ("LeftArm", (0.0, 0.0, 1.0))):
        joint = rig.skeleton.index(name)
        local[:, joint] = rotation.multiply(rotation.exp(np.array(vector)), local[:, joint])
    return rig.with_motion(rig.local_position, local)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> UnseenSet:
    """A walk, and the same walk in a style: a bent trunk and raised arms."""
    folder = tmp_path_factory.mktemp("unseen")
    clips = []
    for style in ("normal", "odd"):
        for content, seconds in (("walk", 2.0), ("stroll", 1.6)):
            rig = as_rig(walk(seconds, heel_rise=0.2).clip, up="Z")
            path = folder / f"{content}_{style}.bvh"
            write_motion(bent(rig) if style == "odd" else rig, path)
            clips.append(TestClip(path, "s", f"s/{style}", f"s/{content}"))
    return UnseenSet("s", tuple(clips), "s/normal", ("s/odd",))


def test_a_result_is_compared_with_the_real_styled_clip(tiny: Stylizer, found: UnseenSet) -> None:
    real = RealClips({clip.path.stem: evaluate_clip(clip, ()) for clip in found.clips})
    evaluator = Evaluator(tiny, (), real)
    hearings = draw_hearings(found, ("reference", STATISTICS, "copy content"))
    walked = [h for h in hearings if h.case.clip.content == "s/walk"]
    results = {(h.hearing.kind, h.hearing.case.mode): h for h in evaluator.hear(walked)}
    assert len(results) == 6
    assert (results[SAME, "copy content"].way, results[SAME, "copy content"].cosine) == (0.0, 0.0)
    # the statistics of the very clip lead to it
    assert results[SAME, STATISTICS].cosine > 0.7
    # and so does its posture; the code of a bundle that learned nothing leads nowhere
    assert results[SAME, "reference"].cosine > 0.7
    by_code = [
        replace(h, case=h.case.with_settings(Settings(reference="code")))
        for h in walked
        if (h.kind, h.case.mode) == (SAME, "reference")
    ]
    assert evaluator.hear(by_code)[0].cosine < 0.5
    assert results[SAME, "reference"].way != results[ANOTHER, "reference"].way
    # clips that are among no real ones are read from their files
    outside = Evaluator(tiny, (), RealClips({"x": next(iter(real.clips.values()))}))
    assert outside.hear(walked[:1])[0].hearing == walked[0]


def test_the_styled_clip_itself_is_all_of_the_way(found: UnseenSet) -> None:
    features = [
        position_statistics(body_positions(clip_to_features(read_canonical(clip.path))))
        for clip in found.clips
    ]
    neutral, styled = features[0], features[2]
    cosine, way = way_gone(neutral, styled, styled, np.ones(126))
    assert (cosine, way) == (pytest.approx(1.0), pytest.approx(1.0))
