"""Parts of the body: does the styled part show the style, and the rest the input's?"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from kinestyle.errors import DataError
from kinestyle.evaluate.evaluator import read_back, read_canonical
from kinestyle.evaluate.measures import planted_speed
from kinestyle.evaluate.part_judge import PartJudge
from kinestyle.evaluate.protocol import Case, TestClip
from kinestyle.evaluate.retiming import frames_along, nearest_in_time, retimed
from kinestyle.evaluate.statistics import Estimate, estimate
from kinestyle.evaluate.truth import body_positions
from kinestyle.formats.table import read_motion
from kinestyle.motion.clip import Clip
from kinestyle.motion.rotation import Array
from kinestyle.retarget.correspondence import to_canonical
from kinestyle.retarget.features import at_feature_rate, clip_to_features, heading_free_rotation
from kinestyle.runtime.stylizer import Stylizer

HALVES = ("upper", "lower")
"""The parts that are styled, one at a time; the other one is left out."""

LEARNED_OF_CELL = 5
"""Training clips of every style and content that the judges learn from."""

LEAST_SEEN = 0.85
"""The share of its own accuracy that a judge is to have on a part in its style, or left out."""


@dataclass(frozen=True)
class PartRow:
    """Results with one part styled.

    part: the one; judge: of which part it is that looks
    real: how often that judge knows the style of real test clips
    seen: how often it sees the wanted style in the part that is styled, or the input's in the one
        that is left out
    whole, retimed: the same of results without a mask, and of the nearest real clip of the wanted
        style in the input's time; None where nothing is styled that the judge looks at
    planted_cm_s: of feet, and planted_cm_s_input that of the inputs
    """

    part: str
    judge: str
    outputs: int
    real: Estimate
    seen: Estimate
    whole: Estimate | None
    retimed: Estimate | None
    planted_cm_s: float
    planted_cm_s_input: float


def learned_clips(clips: Iterable[TestClip]) -> list[TestClip]:
    """Training clips of set 2, equally many of every cell."""
    cells: dict[tuple[str, str], list[TestClip]] = {}
    for clip in sorted(clips, key=lambda clip: clip.path.name):
        if clip.split == "train" and clip.set_name == "bandai2":
            cells.setdefault(clip.cell, []).append(clip)
    return [clip for of_cell in cells.values() for clip in of_cell[:LEARNED_OF_CELL]]


def learn_judges(clips: Sequence[TestClip]) -> dict[str, PartJudge]:
    """A judge of each of `HALVES`. Raises DataError where clips show fewer than two styles."""
    if len({clip.style for clip in clips}) < 2:
        raise DataError(
            "the judges of parts of the body learn from training clips of two styles or more of "
            "bandai2, which are not there; unpack them (see DATA_CARD.md)"
        )
    shown = [_rotations(read_canonical(clip.path)) for clip in clips]
    styles = [clip.style for clip in clips]
    return {part: PartJudge.learn(part, shown, styles) for part in HALVES}


def measure_parts(
    cases: Sequence[Case],
    clips: Sequence[TestClip],
    judges: dict[str, PartJudge],
    stylizer: Stylizer,
    progress: Callable[[float], None] = lambda share: None,
) -> list[PartRow]:
    """cases: by label, into other styles than their clips'; clips: real test clips, among them some
    of each content in each wanted style
    """
    cells = _Cells(clips)
    bound: dict[str, list[bool]] = {part: [] for part in HALVES}
    kept: dict[str, list[_Seen]] = {part: [] for part in (*HALVES, "all")}
    real: dict[str, list[bool]] = {part: [] for part in HALVES}
    for done, case in enumerate(cases):
        analysis = stylizer.analyse(read_motion(case.clip.path))
        code = stylizer.style_of(case.target)
        before = to_canonical(analysis.clip, analysis.correspondence)
        own = _predictions(judges, before)
        nearest = _predictions(judges, cells.retimed(before, case))
        for part in HALVES:
            real[part].append(own[part] == case.clip.style)
            bound[part].append(nearest[part] == case.target)
        # the clip as fast as the style is, whose feet are planted when those of results are
        timed = stylizer.in_time(analysis, code, case.settings)
        settings = replace(case.settings, timing="keep")
        for part, seen in kept.items():
            made = stylizer.apply(timed, code, replace(settings, parts=part))
            after = to_canonical(*read_back(made, timed))
            slides = (
                100.0 * float(planted_speed(clip, of.contact).mean())
                for clip, of in ((after, timed), (before, analysis))
            )
            seen.append(_Seen(_predictions(judges, after), *slides))
        progress((done + 1) / len(cases))
    groups = [case.clip.cell for case in cases]

    def share(found: Sequence[_Seen], judge: str, of_target: bool) -> Estimate:
        right = [
            one.style[judge] == (case.target if of_target else case.clip.style)
            for one, case in zip(found, cases, strict=True)
        ]
        return estimate(right, groups)

    return [
        PartRow(
            part,
            judge,
            len(cases),
            estimate(real[judge], groups),
            share(kept[part], judge, judge == part),
            share(kept["all"], judge, True) if judge == part else None,
            estimate(bound[judge], groups) if judge == part else None,
            float(np.mean([one.planted for one in kept[part]])),
            float(np.mean([one.planted_input for one in kept[part]])),
        )
        for part in HALVES
        for judge in HALVES
    ]


@dataclass(frozen=True)
class _Seen:
    """style: what each judge sees; planted, planted_input: centimetres a second"""

    style: dict[str, str]
    planted: float
    planted_input: float


class _Cells:
    """Real clips by content and style, on the canonical skeleton, and their `body_positions`, read
    when they are asked for.
    """

    def __init__(self, clips: Sequence[TestClip]) -> None:
        self._clips = clips
        self._known: dict[tuple[str, str], tuple[list[Clip], list[Array]]] = {}

    def retimed(self, canonical: Clip, case: Case) -> Clip:
        """The real clip of a case's content in its wanted style that is nearest to `canonical`, in
        its time.
        """
        cell = case.clip.content, case.target
        if cell not in self._known:
            paths = [one.path for one in self._clips if (one.content, one.style) == cell]
            clips = [at_feature_rate(read_canonical(path)) for path in paths]
            self._known[cell] = clips, [body_positions(clip_to_features(one)) for one in clips]
        others, bodies = self._known[cell]
        features = clip_to_features(canonical)
        best, path = nearest_in_time(body_positions(features), bodies)
        at_frame = frames_along(path, len(features), others[best].frame_count)
        return retimed(others[best], at_frame)


def _predictions(judges: dict[str, PartJudge], canonical: Clip) -> dict[str, str]:
    shown = _rotations(canonical)
    return {part: judge.predict(shown) for part, judge in judges.items()}


def _rotations(canonical: Clip) -> Array:
    """(T30, 21, 4) as a `PartJudge` reads it."""
    return heading_free_rotation(clip_to_features(canonical).astype(float))
