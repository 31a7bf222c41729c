"""Restyle the test clips and judge what comes out, read back from files.

Every clip of the test split is restyled into other styles than its own, by label and by reference (a test clip of the target
style); the result is written as BVH, read back, brought onto the canonical skeleton, and judged beside the input, the
reference and the real clips. Nothing is judged on latents or on features that never were a file.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kinestyle.evaluate.judge import Judge
from kinestyle.evaluate.measures import floor_error, interval, jerk, planted_speed
from kinestyle.motion.clip import Clip
from kinestyle.motion.contacts import find_contacts
from kinestyle.motion.features import clip_to_features
from kinestyle.motion.formats import read_motion, write_motion
from kinestyle.motion.retarget import correspond, to_canonical
from kinestyle.runtime.stylizer import Stylizer

MODES = ("label", "draw", "reference")
"""By label: the middle of the style, and a random draw from it; by reference: a real clip of the style, its likeliest code."""


@dataclass(frozen=True)
class TestClip:
    """A real clip of the test split and what it is: set "bandai1" or "bandai2", style and content as "set/label"."""

    __test__ = False  # not a test case, whatever pytest makes of the name

    path: Path
    set_name: str
    style: str
    content: str


@dataclass(frozen=True)
class Case:
    """One restyling: a clip, a target style, a mode, the reference for reference mode, and the seed of the draw."""

    clip: TestClip
    target: str
    mode: str
    reference: TestClip
    seed: int


@dataclass(frozen=True)
class Outcome:
    """What was judged and measured of one result. Speeds in m/s, jerks in m/s^3, floor in m."""

    case: Case
    style: str
    style_in_set: str
    content: str
    planted_speed: float
    input_planted_speed: float
    planted_samples: int
    jerk: float
    input_jerk: float
    floor: float


def draw_cases(clips: Sequence[TestClip], styles_of_set: str, contents_of_set: str, targets: int | None, seed: int) -> list[Case]:
    """For each clip of one set, `targets` styles of a set other than its own (None: all of them), in both modes.

    References are drawn from the test clips of the target style.
    """
    random = np.random.default_rng(seed)
    by_style: dict[str, list[TestClip]] = {}
    for clip in clips:
        by_style.setdefault(clip.style, []).append(clip)
    styles = sorted(style for style in by_style if style.startswith(f"{styles_of_set}/"))
    cases = []
    for clip in clips:
        if clip.set_name != contents_of_set:
            continue
        others = [style for style in styles if style != clip.style]
        chosen = (
            others
            if targets is None
            else [others[i] for i in random.choice(len(others), min(targets, len(others)), replace=False)]
        )
        for target in chosen:
            reference = by_style[target][int(random.integers(len(by_style[target])))]
            draw = int(random.integers(1, 2**31))
            cases += [Case(clip, target, mode, reference, draw if mode == "draw" else 0) for mode in MODES]
    return cases


@dataclass
class Examiner:
    """Holds what one process needs to run cases: opened once, used for many."""

    stylizer: Stylizer
    judge: Judge
    strength: float = 1.0

    def run(self, case: Case) -> Outcome:
        clip = read_motion(case.clip.path)
        analysis = self.stylizer.analyse(clip)
        if case.mode == "reference":
            code = self.stylizer.reference_code(read_motion(case.reference.path), case.seed)
        else:
            code = self.stylizer.style_code(case.target, case.seed)
        result = through_file(self.stylizer.apply(analysis, code, self.strength))
        before, after = (to_canonical(c, correspond(c)) for c in (clip, result))
        features = clip_to_features(after)
        verdict = self.judge(features, case.clip.set_name)
        contact = find_contacts(before)
        speed, input_speed = planted_speed(after, contact), planted_speed(before, contact)
        return Outcome(
            case,
            style=verdict.style,
            style_in_set=self.judge.style_in(features, case.target.split("/")[0]),
            content=verdict.content,
            planted_speed=float(speed.sum()),
            input_planted_speed=float(input_speed.sum()),
            planted_samples=len(speed),
            jerk=jerk(after),
            input_jerk=jerk(before),
            floor=floor_error(after, before),
        )


def through_file(clip: Clip) -> Clip:
    """The clip as a user would get it: written to a file and read back."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "result.bvh"
        write_motion(clip, path)
        return read_motion(path)


_examiner: Examiner | None = None


def _start(bundle: Path | None, judge: Path | None, strength: float) -> None:
    global _examiner
    os.environ["OMP_NUM_THREADS"] = "1"
    _examiner = Examiner(Stylizer.load(bundle), Judge(judge), strength)


def _examine(case: Case) -> Outcome:
    assert _examiner is not None, "the pool's processes are started by _start"
    return _examiner.run(case)


def run_cases(
    cases: Sequence[Case],
    bundle: Path | None = None,
    judge: Path | None = None,
    strength: float = 1.0,
    processes: int = 2,
) -> list[Outcome]:
    """Run all cases on several processes."""
    with ProcessPoolExecutor(processes, initializer=_start, initargs=(bundle, judge, strength)) as pool:
        return list(pool.map(_examine, cases, chunksize=4))


@dataclass(frozen=True)
class RealAccuracy:
    """A judge on real test clips: the most that a result can be expected to reach."""

    clips: int
    style: float
    style_in_set: float
    content: float


def judge_real(clips: Iterable[TestClip], judge: Judge) -> RealAccuracy:
    """The judge's own accuracy on real clips. Content counts only where the training split has that content."""
    style, in_set, content = [], [], []
    for clip in clips:
        motion = read_motion(clip.path)
        features = clip_to_features(to_canonical(motion, correspond(motion)))
        verdict = judge(features, clip.set_name)
        style.append(verdict.style == clip.style)
        in_set.append(judge.style_in(features, clip.set_name) == clip.style)
        if clip.content in judge.contents:
            content.append(verdict.content == clip.content)
    return RealAccuracy(
        len(style), float(np.mean(style)), float(np.mean(in_set)), float(np.mean(content)) if content else float("nan")
    )


@dataclass(frozen=True)
class Summary:
    """One row of the table: accuracies with their 95 % intervals, and ratios to the input."""

    outputs: int
    style: float
    style_interval: float
    style_in_set: float
    content: float
    content_interval: float
    planted_speed_ratio: float
    jerk_ratio: float
    floor_m: float


def summarize(outcomes: Sequence[Outcome], judge: Judge) -> Summary:
    """The row for some outcomes. Planted speed is pooled over all planted frames of all clips, jerk over clips."""
    style = np.array([o.style == o.case.target for o in outcomes], dtype=float)
    in_set = np.array([o.style_in_set == o.case.target for o in outcomes], dtype=float)
    known = [o for o in outcomes if o.case.clip.content in judge.contents]
    content = np.array([o.content == o.case.clip.content for o in known], dtype=float)
    return Summary(
        outputs=len(outcomes),
        style=float(style.mean()),
        style_interval=interval(style),
        style_in_set=float(in_set.mean()),
        content=float(content.mean()) if len(content) else float("nan"),
        content_interval=interval(content),
        planted_speed_ratio=sum(o.planted_speed for o in outcomes) / sum(o.input_planted_speed for o in outcomes),
        jerk_ratio=float(np.mean([o.jerk for o in outcomes]) / np.mean([o.input_jerk for o in outcomes])),
        floor_m=float(np.mean([o.floor for o in outcomes])),
    )
