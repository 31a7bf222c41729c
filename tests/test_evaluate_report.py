"""From outcomes to rows, targets and pages: arithmetic on made outcomes, and the whole benchmark on
made clips.
"""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kinestyle.bundle import Bundle, Manifest, write_bundle
from kinestyle.errors import BundleError, DataError
from kinestyle.evaluate import page
from kinestyle.evaluate.judge import Prediction
from kinestyle.evaluate.out_of_domain import (
    draw_unlabelled_cases,
    summarize_unlabelled,
    unlabelled_clips,
)
from kinestyle.evaluate.outcomes import Diversity, Geometry, Outcome, RealClip, RealClips
from kinestyle.evaluate.protocol import RETIMED, STYLED, TRIVIAL, Case, Protocol, TestClip
from kinestyle.evaluate.report import (
    QUICK,
    Budget,
    Request,
    benchmark,
    check_zero_shot,
    compare,
    modes_for,
    possible_parts,
)
from kinestyle.evaluate.summary import FEWEST_FOR_FID, summarize, summarize_diversity
from kinestyle.evaluate.targets import Target, check_targets
from kinestyle.evaluate.trivial import JointStatistics
from kinestyle.evaluate.unseen_styles import UnseenSet
from kinestyle.formats.table import write_motion
from made_judges import write_judge
from made_rigs import as_rig, walk

STYLES = ("bandai1/old", "bandai1/proud", "bandai2/active", "bandai2/elderly")
CONTENTS = ("bandai1/walk", "bandai2/walk", "bandai2/wave")


class FakeJudge:
    """Knows two contents; what it predicts is made up by each test."""

    def __init__(
        self, name: str = "a", contents: tuple[str, ...] = ("bandai2/walk", "bandai2/wave")
    ):
        self.name, self.contents, self.styles, self.sha256 = name, contents, STYLES, "0" * 64


def prediction(style: str, content: str, vector: float = 0.0) -> Prediction:
    return Prediction(
        style_logits=np.zeros(4),
        content_logits=np.zeros(3),
        style_vector=np.full(2, vector),
        content_vector=np.full(3, vector),
        style=style,
        style_in={"bandai2": style, "bandai1": "bandai1/old"},
        content_in={"bandai2": content},
    )


GEOMETRY = Geometry(1.0, 1.0, 10, 0.0, 0.0, 5.0, 5.0, 0.0, 0.1, 0.2, 2.0, 0.0, 0.0, 0)


def outcome(number: int, predicted: str, content: str = "bandai2/walk", **changes: Any) -> Outcome:
    """A clip of elderly that is to become active."""
    clip = TestClip(
        Path(f"clip_{number}.bvh"),
        "bandai2",
        "bandai2/elderly",
        changes.pop("clip_content", "bandai2/walk"),
    )
    case = Case(clip, "bandai2/active", "label", clip, repeat=changes.pop("repeat", 0))
    given = Outcome(case, (prediction(predicted, content),), GEOMETRY, truth=0.04, input_truth=0.08)
    return replace(given, **changes)


def real_clips() -> RealClips:
    """The judge is right in three of four styles and in both contents."""
    predicted = ["bandai2/active", "bandai2/active", "bandai2/elderly", "bandai2/active"]
    bodies = [np.full((5, 21, 3), 0.1 * i, dtype=np.float32) for i in range(4)]
    statistics = JointStatistics(np.zeros((21, 4)), np.zeros((21, 3)), 0.0, 0.0)
    clips = {}
    for i, style in enumerate(("active", "active", "elderly", "elderly")):
        clip = TestClip(Path(f"clip_{i}.bvh"), "bandai2", f"bandai2/{style}", "bandai2/walk")
        clips[clip.path.stem] = RealClip(
            clip, (prediction(predicted[i], "bandai2/walk"),), bodies[i], statistics
        )
    return RealClips(clips)


P1 = Protocol("p1", "bandai2", "bandai2")


def row(outcomes: list[Outcome], judge: Any = None) -> Any:
    return summarize("label", outcomes, P1, [judge or FakeJudge()], real_clips())


def test_accuracies_are_shares_of_the_judges_own() -> None:
    found = row(
        [
            outcome(2, "bandai2/active"),
            outcome(3, "bandai2/elderly", "bandai2/wave"),
            # predicted as a style of the other set; among the target's set it is the target
            outcome(
                3,
                "bandai1/old",
                predictions=(
                    replace(prediction("bandai2/active", "bandai2/walk"), style="bandai1/old"),
                ),
            ),
            # a content that the judge never learned counts for style only
            outcome(3, "bandai2/active", "bandai2/walk", clip_content="bandai2/kick"),
        ]
    )
    assert (found.outputs, found.inputs) == (4, 2)
    judged = found.judges["a"]
    assert judged.style.value == 0.75
    assert judged.style.on_real_clips == 0.75
    assert judged.style.share == 1.0
    assert judged.style_of_all == 0.5
    assert judged.content.value == pytest.approx(2.0 / 3.0)
    assert judged.content.share == pytest.approx(2.0 / 3.0)
    assert math.isnan(judged.style_fid.value)
    assert found.by_target["bandai2/active"]["outputs"] == 4.0
    assert found.by_content["bandai2/kick"]["style, a"] == 1.0
    assert math.isnan(found.by_content["bandai2/kick"]["content, a"])


def test_judges_that_see_unlike_things_are_apart() -> None:
    predicted = (
        prediction("bandai2/active", "bandai2/walk"),
        # among all styles it predicts one of the other set, which does not count
        replace(prediction("bandai2/elderly", "bandai2/walk"), style="bandai1/old"),
    )
    # nor does it where the judges agree on a style of the target's set
    elsewhere = replace(predicted[0], style="bandai1/old")
    real = RealClips(
        {
            name: replace(clip, predictions=clip.predictions * 2)
            for name, clip in real_clips().clips.items()
        }
    )
    second = (elsewhere, predicted[1])
    outcomes = [outcome(i, "", predictions=(predicted[0], second[i % 2])) for i in range(4)]
    judges: Any = [FakeJudge("a"), FakeJudge("b")]
    found = summarize("label", outcomes, P1, judges, real)
    assert found.style_apart == pytest.approx(1.0 / 0.75 - 0.5 / 0.75)
    assert found.content_apart == 0.0
    assert found.same_style == 0.5


def test_geometry_and_truth_are_ratios_of_sums() -> None:
    found = row(
        [
            outcome(
                0,
                "",
                geometry=replace(
                    GEOMETRY, planted_speed=3.0, jerk=10.0, floor=0.01, beyond_limits=0.02
                ),
            ),
            outcome(
                1,
                "",
                geometry=replace(
                    GEOMETRY,
                    input_planted_speed=7.0,
                    jerk=20.0,
                    input_jerk=15.0,
                    input_beyond_limits=0.01,
                    flips=2,
                ),
                truth=0.1,
            ),
            outcome(2, "", geometry=None, truth=float("nan"), input_truth=float("nan")),
        ]
    )
    geometry = found.geometry
    assert geometry.planted_speed.value == pytest.approx(4.0 / 8.0)
    assert geometry.jerk.value == pytest.approx(30.0 / 20.0)
    assert geometry.floor_m == pytest.approx(0.005)
    assert geometry.beyond_limits.value == pytest.approx((0.02 - 0.01) / 2)
    assert geometry.path_share.value == pytest.approx(0.1)
    assert geometry.flips == 2
    assert found.truth.outputs == 2
    assert found.truth.ratio.value == pytest.approx(0.14 / 0.16)
    assert found.truth.floor_m == pytest.approx(0.1 * math.sqrt(3.0))
    assert row([outcome(0, "", geometry=None)]).geometry is None


def test_a_frechet_distance_needs_many_and_is_of_repeats() -> None:
    random = np.random.default_rng(0)
    real = real_clips()
    template = real.clips["clip_0"]
    many = RealClips(
        {
            str(i): replace(
                template,
                predictions=(replace(template.predictions[0], style_vector=random.normal(size=2)),),
            )
            for i in range(2 * FEWEST_FOR_FID)
        }
    )
    outcomes = [
        outcome(
            i,
            "",
            repeat=i % 2,
            predictions=(replace(prediction("", ""), style_vector=random.normal((3.0, 0.0))),),
        )
        for i in range(2 * FEWEST_FOR_FID)
    ]
    judges: Any = [FakeJudge()]
    found = summarize("label", outcomes, P1, judges, many).judges["a"].style_fid
    assert found.value == pytest.approx(9.0, rel=0.25)
    assert found.interval > 0.0
    assert math.isnan(
        summarize("label", outcomes[:-1], P1, judges, many).judges["a"].style_fid.interval
    )


def test_diversity_is_of_inputs_not_of_variations() -> None:
    case = outcome(0, "").case
    each = [
        Diversity(
            replace(case, clip=replace(case.clip, content=f"bandai2/{i}")),
            (metres,),
            metres,
            (right,),
            (right == 1.0,),
        )
        for i, (metres, right) in enumerate([(0.01, 1.0), (0.03, 0.5)])
    ]
    judges: Any = [FakeJudge()]
    found = summarize_diversity("draw", each, 8, judges)
    assert (found.inputs, found.variations) == (2, 8)
    assert found.metres.value == pytest.approx(0.02)
    assert found.right["a"].value == 0.75
    assert found.all_right["a"].value == 0.5


# ---------------------------------------------------------------- unlabelled clips


def test_unlabelled_clips_are_drawn_from_every_source(tmp_path: Path) -> None:
    for name in (
        "unlabelled/hdm/a.amc",
        "unlabelled/hdm/b.amc",
        "unlabelled/cmu/rig/c.bvh",
        "wild/d.bvh",
        "wild/LICENCE.txt",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    three = [clip.content for clip in unlabelled_clips(tmp_path, 3)]
    assert {Path(name).parts[0] for name in three} == {"unlabelled", "wild"}
    assert {"unlabelled/cmu/rig/c.bvh", "wild/d.bvh"} < set(three)
    assert len(unlabelled_clips(tmp_path, 99)) == 4
    assert unlabelled_clips(tmp_path, 3) == unlabelled_clips(tmp_path, 3)
    with pytest.raises(DataError, match="no motion file is under"):
        unlabelled_clips(tmp_path / "wild", 3)


def test_unlabelled_cases_take_all_styles_in_turn() -> None:
    labelled = [
        TestClip(Path(f"{i}.bvh"), "s", f"s/{style}", "s/walk", split)
        for style in "abcd"
        for i, split in enumerate(("test", "train"))
    ]
    clips = [TestClip(Path(f"u{i}.bvh"), "", "", f"u{i}") for i in range(4)]
    cases = draw_unlabelled_cases(clips, labelled, ("label", "reference"))
    assert [case.target for case in cases if case.mode == "label"] == [
        f"s/{style}" for style in "acbdcadb"
    ]
    assert {case.reference.split for case in cases} == {"test"}


def test_robustness_counts_what_is_within_each_target() -> None:
    changes: list[dict[str, Any]] = [
        {},
        {"jerk": 7.0},
        {"planted_speed": 1.3},
        {"planted_speed": 5.0, "planted_samples": 4},
        {"flips": 1},
    ]
    outcomes = [
        outcome(i, "", geometry=replace(GEOMETRY, **change)) for i, change in enumerate(changes)
    ]
    found = summarize_unlabelled("label", outcomes)
    assert found.outputs == 5
    assert found.jerk.value == pytest.approx((4 + 1.4) / 5)
    assert found.jerk_worst == pytest.approx(1.4)
    assert found.planted_speed_worst == pytest.approx(1.3)
    assert (
        found.within_jerk.value,
        found.within_planted_speed.value,
        found.within_flips.value,
    ) == (0.8, 0.8, 0.8)
    assert found.within.value == 0.4
    assert found.worst[0]["flips"] == 1


# ---------------------------------------------------------------- the whole


@pytest.fixture(scope="module")
def made(
    tmp_path_factory: pytest.TempPathFactory,
    tiny_graphs: dict[str, bytes],
    tiny_manifest: Manifest,
) -> Request:
    """Made clips under the names of both sets, a bundle of random weights that knows their styles,
    and two judges.
    """
    folder = tmp_path_factory.mktemp("benchmark")
    clips = []
    for i, style in enumerate(STYLES):
        for content in ("walk", "wave") if style.startswith("bandai2") else ("walk",):
            for take, split in enumerate(("test", "test", "train")):
                set_name, label = style.split("/")
                path = folder / f"{set_name}_{content}_{label}_{take}.bvh"
                write_motion(
                    as_rig(walk(1.0 + 0.2 * take, start_heading=float(i), heel_rise=0.1 * i).clip),
                    path,
                )
                clips.append(TestClip(path, set_name, style, f"{set_name}/{content}", split))
    (folder / "wild").mkdir()
    write_motion(as_rig(walk(1.0).clip, up="Z"), folder / "wild" / "other.bvh")
    styles = tuple(
        replace(style, name=name) for style, name in zip(tiny_manifest.styles, STYLES, strict=True)
    )
    manifest = replace(tiny_manifest, styles=styles)
    write_bundle(folder / "made.kinestyle", manifest, tiny_graphs)
    training = {"commit": "abc", "recipe": {"left_out": ["bandai1"]}}
    unseen = replace(manifest, training=training, styles=styles[2:])
    write_bundle(folder / "unseen.kinestyle", unseen, tiny_graphs)
    write_bundle(folder / "unlabelled.kinestyle", replace(manifest, styles=()), tiny_graphs)
    judges = [
        write_judge(folder / f"{name}.onnx", STYLES, CONTENTS, name, seed)
        for seed, name in enumerate(("first", "second"))
    ]
    budget = Budget(repeats=2, variations=2, diversity_inputs=2, strength_inputs=1)
    return Request(
        folder,
        clips,
        folder / "made.kinestyle",
        folder / "unseen.kinestyle",
        (),
        budget,
        judges,
        processes=1,
        unseen=[UnseenSet("by hand", tuple(clips), "bandai2/active", ("bandai2/elderly",))],
    )


@pytest.fixture(scope="module")
def result(made: Request) -> dict[str, Any]:
    return benchmark(made)


def test_the_benchmark_has_every_part_and_mode(result: dict[str, Any], made: Request) -> None:
    assert json.loads(json.dumps(result, allow_nan=False)) == result
    assert result["parts"] == ["judges", "p1", "p2", "p3", "p4", "p5", "p6"]
    protocols = [
        (p["part"], p["contents"], p["styles"], p["splits"], p["repeats"])
        for p in result["protocols"]
    ]
    assert protocols == [
        ("p1", "bandai2", "bandai2", ["test"], 2),
        ("p2", "bandai2", "bandai1", ["test"], 2),
        ("p2", "bandai1", "bandai1", ["test"], 2),
        ("p3", "bandai1", "bandai2", ["test"], 2),
        ("p3", "bandai1", "bandai2", ["train", "test"], 2),
    ]
    for protocol in result["protocols"]:
        assert [row["mode"] for row in protocol["rows"]] == [*STYLED, RETIMED, *TRIVIAL]
        for found in protocol["rows"]:
            assert set(found["judges"]) == {"first", "second"}
            assert (found["geometry"] is None) == (found["mode"] in ("copy style", RETIMED))
            assert found["truth"]["outputs"] > 0
        copied = next(row for row in protocol["rows"] if row["mode"] == "copy content")
        assert copied["truth"]["ratio"]["value"] == 1.0
    assert [row["inputs"] for row in result["diversity"]] == [2, 2]
    assert {(point["mode"], point["strength"]) for point in result["strength"]} == {
        (mode, strength)
        for mode in ("label", "reference")
        for strength in (0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5)
    }
    assert {p["truth_ratio"]["value"] for p in result["strength"] if p["strength"] == 0.0} == {1.0}
    assert [row["mode"] for row in result["unlabelled"]["rows"]] == [
        "label",
        "reference",
        "statistics",
    ]
    assert result["unlabelled"]["clips"] == 1
    actions, hearings = result["actions"], result["hearings"]
    assert (actions["mode"], actions["styles"], actions["clips"]) == ("label", 4, 1)
    assert [(row["group"], row["outputs"]) for row in actions["rows"]] == [("all", 4), ("wild", 4)]
    assert {(r["set_name"], r["kind"], r["mode"], r["learned"]) for r in hearings["rows"]} == {
        ("by hand", kind, mode, 1)
        for kind in ("same action", "another action")
        for mode in ("reference", "statistics")
    }
    assert all(set(row["seen"]) == {"first", "second"} for row in hearings["rows"])
    about = result["about"]
    assert (about["bundle"]["name"], about["zero_shot"]["left_out"]) == (
        "made.kinestyle",
        ["bandai1"],
    )
    assert about["bundle"]["sha256"] == Bundle.open(made.bundle).sha256


def test_the_page_says_all_that_was_measured(result: dict[str, Any], tmp_path: Path) -> None:
    text = page.as_page(result, "kinestyle evaluate made.kinestyle --data DATA")
    for heading in (
        "## Targets",
        "## P1",
        "## P2",
        "## P3",
        "## P4",
        "## P5",
        "## P6",
        "### Diversity",
        "### Strength",
        "## How it is measured",
    ):
        assert text.count(f"\n{heading}\n") == 1
    assert "`unseen.kinestyle`" in text
    assert result["about"]["data_sha256"][:16] in text
    for block in text.split("\n\n"):
        if block.startswith("|"):
            assert len({line.count("|") for line in block.splitlines()}) == 1
    path = tmp_path / "RESULTS.md"
    page.write_page(text, path)
    assert path.read_text() == text
    path.write_text(f"old\n{page.KEPT}\n\n## Speed\n\nfast\n")
    page.write_page(text, path)
    assert path.read_text() == f"{text}\n{page.KEPT}\n\n## Speed\n\nfast\n"


def test_the_data_are_known_by_their_content(
    made: Request, result: dict[str, Any], tmp_path: Path
) -> None:
    (tmp_path / "wild").symlink_to(made.data / "wild")
    moved = []
    for clip in made.clips:
        (tmp_path / clip.path.name).write_bytes(clip.path.read_bytes())
        moved.append(replace(clip, path=tmp_path / clip.path.name))
    again = benchmark(replace(made, data=tmp_path, clips=moved, parts=("p4",)))
    assert again["about"]["data_sha256"] == result["about"]["data_sha256"]
    assert again["unlabelled"] == result["unlabelled"]
    moved[0].path.write_text(
        moved[0].path.read_text().replace("Frame Time: 0.0", "Frame Time:  0.0")
    )
    other = benchmark(replace(made, data=tmp_path, clips=moved, parts=("p4",)))
    assert other["about"]["data_sha256"] != result["about"]["data_sha256"]


def test_targets_are_met_or_not(result: dict[str, Any]) -> None:
    found = {(t["where"], t["what"]): t for t in result["targets"]}
    assert (
        found["P1 bandai2 → bandai2, label", "style, share of the judge's own"]["wanted"]
        == "≥ 0.92"
    )
    assert found["P4 reference", "bone flips"]["wanted"] == "≤ 0"
    assert found["P5", "pops"]["wanted"] == "≤ 0"
    assert ("P5", "events kept") not in found  # the walk reaches nowhere
    for kind, wanted in (("same action", "≥ 0.85"), ("another action", "≥ 0.7")):
        assert found[f"P6 by hand, {kind}", "cosine"]["wanted"] == wanted
    assert not any("all its clips" in where for where, _ in found)
    p1 = next(p for p in result["protocols"] if p["part"] == "p1")
    label = dict(p1["rows"][0])
    good = {**label["judges"]["first"], "style": {"share": 0.98}, "content": {"share": 0.99}}
    judges = {"first": good, "second": {**good, "style": {"share": 0.96}}}
    ratio = {"ratio": {"value": 0.45}}
    row = {**label, "judges": judges, "truth": ratio, "style_apart": 0.02, "content_apart": 0.06}
    row["geometry"] = {**label["geometry"], "planted_speed": {"value": 1.0}}
    row["geometry"]["jerk"] = {"value": 1.2}
    row["by_target"] = {"bandai2/active": {"style, first": 0.9, "style, second": 0.8}}

    def check(timing: str, *rows: dict[str, Any]) -> dict[str, Target]:
        of = {"about": {"timing": timing}, "protocols": [{**p1, "rows": rows}]}
        return {target.what: target for target in check_targets(of)}

    checked = {what: (t.found, t.met) for what, t in check("keep", row).items()}
    assert checked == {
        "style, share of the judge's own": (0.96, True),
        "style, judges apart": (0.02, True),
        "content, share of the judge's own": (0.99, True),
        "content, judges apart": (0.06, False),
        "distance to the truth, of the input's": (0.45, True),
        "planted foot speed, of the input's": (1.0, True),
        "jerk, of the input's": (1.2, False),
    }
    with_tempo = check("style", row)
    assert not with_tempo["style, share of the judge's own"].met  # of .97
    active = with_tempo["*active*, accuracy"]
    assert (active.found, active.wanted, active.met) == (0.8, "≥ 0.85", False)
    real = {**row, "mode": RETIMED, "geometry": None, "truth": {"ratio": {"value": 0.4}}}
    beside = {
        what: target.retimed
        for what, target in check("keep", {**row, "style_apart": 0.9}, real).items()
    }
    assert (beside["style, judges apart"], beside["distance to the truth, of the input's"]) == (
        0.02,
        0.4,
    )
    assert beside["planted foot speed, of the input's"] is None


def test_parts_without_data_are_left_out_unless_they_are_asked_for(
    made: Request, tmp_path: Path
) -> None:
    alone = replace(made, data=tmp_path, unseen=(), budget=QUICK)
    assert set(possible_parts(alone)) == {"judges", "p1", "p2", "p3"}
    assert possible_parts(replace(made, zero_shot=None)) == ["judges", "p1", "p2", "p4", "p5", "p6"]
    with pytest.raises(DataError, match="no clip for P6 is among the data"):
        benchmark(replace(alone, parts=("p6",)))
    with pytest.raises(DataError, match="no motion file is under"):
        benchmark(replace(alone, parts=("p5",)))


def test_a_bundle_that_saw_set_1_is_no_zero_shot(made: Request) -> None:
    assert check_zero_shot(Bundle.open(made.zero_shot)).path == made.zero_shot
    with pytest.raises(
        BundleError, match=r"made.kinestyle was trained with the clips of set 1 .*left out no set"
    ):
        benchmark(replace(made, zero_shot=made.bundle))
    with pytest.raises(
        BundleError, match="p3 needs a bundle that never saw set 1; name it with --zero-shot"
    ):
        benchmark(replace(made, zero_shot=None, parts=("p3",)))


def test_a_bundle_without_labels_is_asked_by_reference_only(made: Request) -> None:
    assert modes_for(made.bundle, "bandai1") == STYLED
    assert modes_for(made.zero_shot, "bandai1") == ("reference", "reference draw")
    found = benchmark(
        replace(
            made,
            bundle=made.data / "unlabelled.kinestyle",
            zero_shot=None,
            parts=("p1", "p4"),
            budget=QUICK,
        )
    )
    assert [row["mode"] for row in found["protocols"][0]["rows"]] == [
        "reference",
        "reference draw",
        RETIMED,
        *TRIVIAL,
    ]
    assert [row["mode"] for row in found["unlabelled"]["rows"]] == ["reference", "statistics"]
    assert "| reference draw |" in page.as_page(found, "kinestyle evaluate")


def test_variants_are_compared_on_the_same_cases(made: Request) -> None:
    rows = compare(
        {"one": made.bundle, "again": made.bundle, "no labels": made.data / "unlabelled.kinestyle"},
        made,
    )
    assert [(row["bundle"], row["mode"]) for row in rows] == [
        *((name, mode) for name in ("one", "again") for mode in ("label", "reference")),
        ("no labels", "reference"),
    ]
    for first, again in zip(rows[:2], rows[2:4], strict=True):
        assert {**first, "bundle": ""} == {**again, "bundle": ""}
    # all test clips, each in two styles, or one of every cell, in one
    assert all(row["outputs"] == 8 * 2 for row in rows)
    sampled = compare({"one": made.bundle}, replace(made, budget=QUICK))
    assert [row["outputs"] for row in sampled] == [4, 4]
    for row in (*rows, *sampled):
        assert len(row["cases"]["of"]) == row["outputs"]
        for judge, figures in row["judges"].items():
            right = row["cases"]["style"][judge]
            assert np.mean(right) == pytest.approx(figures["style"]["value"])
    table = page.as_comparison(rows)
    assert table.count("\n| one | ") == 2
    assert len({line.count("|") for line in table.splitlines() if line}) == 1


def test_data_without_a_set_is_refused(made: Request) -> None:
    with pytest.raises(DataError, match=r"no clip for P2, bandai2 → bandai1, is among the data"):
        benchmark(
            replace(
                made,
                clips=[clip for clip in made.clips if clip.set_name == "bandai2"],
                parts=("p2",),
            )
        )
