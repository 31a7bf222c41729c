"""From outcomes to the figures of a row: each with its interval, beside the judge's accuracy on
real clips.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter

import numpy as np

from kinestyle.evaluate.judge import Judge
from kinestyle.evaluate.outcomes import (
    Diversity,
    Outcome,
    RealClip,
    RealClips,
    content_right,
    style_right,
)
from kinestyle.evaluate.protocol import Protocol
from kinestyle.evaluate.statistics import Estimate, estimate, frechet_distance, over_repeats
from kinestyle.motion.rotation import Array

FEWEST_FOR_FID = 100
"""Vectors on either side. With fewer, a Frechet distance says more about their number than about
them.
"""


@dataclass(frozen=True)
class Accuracy:
    """How often a judge predicts what it should, how often it does on real clips, and the one as a
    share of the other.
    """

    value: float
    interval: float
    on_real_clips: float
    share: float
    share_interval: float

    @classmethod
    def of(cls, found: Estimate, real: Estimate) -> Accuracy:
        possible = real.value or float("nan")
        return cls(
            found.value,
            found.interval,
            real.value,
            found.value / possible,
            found.interval / possible,
        )


@dataclass(frozen=True)
class JudgeFigures:
    """What one judge says of the outcomes of one row.

    style: among the styles of the target's set; style_of_all: among those of all sets
    style_fid: against the real test clips of the target's set; content_fid: against the inputs
    """

    style: Accuracy
    content: Accuracy
    style_of_all: float
    style_fid: Estimate
    content_fid: Estimate


@dataclass(frozen=True)
class TruthFigures:
    """Distances to the nearest real clip of the target cell, metres a joint, over the outputs that
    have such a cell.
    """

    outputs: int
    output_m: float
    input_m: float
    floor_m: float
    ratio: Estimate


@dataclass(frozen=True)
class GeometryFigures:
    """Ratios to the input's for planted feet and jerk; shares of frames in which a foot skates;
    radians; metres; shares of joints and frames beyond the input's.
    """

    planted_speed: Estimate
    skating: Estimate
    input_skating: float
    jerk: Estimate
    floor_m: float
    geodesic: Estimate
    path_m: Estimate
    path_share: Estimate
    beyond_limits: Estimate
    flips: int


@dataclass(frozen=True)
class Row:
    """One mode of one protocol.

    judges: by name
    style_apart, content_apart: between the judges' shares
    same_style: the share of outputs for which they predict the same style
    geometry: None where results have no frames in common with their inputs
    by_repeat, by_target, by_content: the main figures of parts of the outputs
    """

    mode: str
    outputs: int
    inputs: int
    judges: Mapping[str, JudgeFigures]
    style_apart: float
    content_apart: float
    same_style: float
    truth: TruthFigures
    geometry: GeometryFigures | None
    by_repeat: Sequence[Mapping[str, float]]
    by_target: Mapping[str, Mapping[str, float]]
    by_content: Mapping[str, Mapping[str, float]]


@dataclass(frozen=True)
class RealAccuracy:
    """A judge's own accuracies on real clips."""

    style: Estimate
    content: Estimate
    style_of_all: float


def contents_of(protocol: Protocol, real: RealClips) -> list[RealClip]:
    """The real clips that are a protocol's contents."""
    return [r for r in real.clips.values() if protocol.has_content(r.clip)]


def styles_of(set_name: str, real: RealClips) -> list[RealClip]:
    """The real test clips of a set."""
    return [
        r for r in real.clips.values() if r.clip.set_name == set_name and r.clip.split == "test"
    ]


def real_accuracy(
    judge: Judge, index: int, style_clips: Sequence[RealClip], content_clips: Sequence[RealClip]
) -> RealAccuracy:
    """index: the judge's among all. A real clip counts as a result that copies it would."""
    style = [style_right(r.predictions[index], r.clip.style) for r in style_clips]
    content = [content_right(judge.contents, r.predictions[index], r.clip) for r in content_clips]
    return RealAccuracy(
        estimate(style, [r.clip.cell for r in style_clips]),
        estimate(np.array(content, dtype=float), [r.clip.cell for r in content_clips]),
        float(np.mean([r.predictions[index].style == r.clip.style for r in style_clips])),
    )


def summarize(
    mode: str,
    outcomes: Sequence[Outcome],
    protocol: Protocol,
    judges: Sequence[Judge],
    real: RealClips,
) -> Row:
    """The row for all outcomes of one mode of one protocol."""
    style_clips, content_clips = styles_of(protocol.styles, real), contents_of(protocol, real)
    figures = {
        judge.name: _judge_figures(outcomes, index, judge, style_clips, content_clips)
        for index, judge in enumerate(judges)
    }
    agreed = [
        len({prediction.style_in[protocol.styles] for prediction in outcome.predictions}) == 1
        for outcome in outcomes
    ]

    def by(key: str) -> dict[str, dict[str, float]]:
        return {
            name: _main_figures(group, judges, real)
            for name, group in _split(outcomes, attrgetter(key)).items()
        }

    return Row(
        mode=mode,
        outputs=len(outcomes),
        inputs=len({o.case.clip.path for o in outcomes}),
        judges=figures,
        style_apart=_apart([f.style.share for f in figures.values()]),
        content_apart=_apart([f.content.share for f in figures.values()]),
        same_style=float(np.mean(agreed)),
        truth=truth_figures(outcomes, real),
        geometry=geometry_figures(outcomes),
        by_repeat=list(by("case.repeat").values()),
        by_target=by("case.target"),
        by_content=by("case.clip.content"),
    )


def _judge_figures(
    outcomes: Sequence[Outcome],
    index: int,
    judge: Judge,
    style_clips: Sequence[RealClip],
    content_clips: Sequence[RealClip],
) -> JudgeFigures:
    own = real_accuracy(judge, index, style_clips, content_clips)
    style, content = hits(outcomes, index, judge)
    of_all = [o.predictions[index].style == o.case.target for o in outcomes]
    return JudgeFigures(
        style=Accuracy.of(estimate(style, groups(outcomes)), own.style),
        content=Accuracy.of(estimate(content, groups(outcomes)), own.content),
        style_of_all=float(np.mean(of_all)),
        style_fid=_fid(outcomes, index, "style_vector", style_clips),
        content_fid=_fid(outcomes, index, "content_vector", content_clips),
    )


def hits(outcomes: Sequence[Outcome], index: int, judge: Judge) -> tuple[Array, Array]:
    """1 or 0 for each outcome's style and content by one judge; NaN for a content that the judge
    never learned.
    """
    style = [style_right(o.predictions[index], o.case.target) for o in outcomes]
    content = [content_right(judge.contents, o.predictions[index], o.case.clip) for o in outcomes]
    return np.array(style, dtype=float), np.array(content, dtype=float)


def groups(outcomes: Sequence[Outcome]) -> list[tuple[str, str]]:
    """The cell of each outcome. Within one, outcomes are not independent: their clips may be cuts
    of one take.
    """
    return [o.case.clip.cell for o in outcomes]


def _apart(shares: Sequence[float]) -> float:
    return float(np.ptp(shares)) if shares else float("nan")


def _split(
    outcomes: Sequence[Outcome], key: Callable[[Outcome], object]
) -> dict[str, list[Outcome]]:
    found: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        found.setdefault(str(key(outcome)), []).append(outcome)
    return dict(sorted(found.items()))


def _main_figures(
    outcomes: Sequence[Outcome], judges: Sequence[Judge], real: RealClips
) -> dict[str, float]:
    """The main figures of a part of a row, without intervals."""
    figures = {
        "outputs": float(len(outcomes)),
        "truth_ratio": truth_figures(outcomes, real).ratio.value,
    }
    for index, judge in enumerate(judges):
        style, content = hits(outcomes, index, judge)
        figures[f"style, {judge.name}"] = estimate(style, groups(outcomes)).value
        figures[f"content, {judge.name}"] = estimate(content, groups(outcomes)).value
    return figures


def _fid(
    outcomes: Sequence[Outcome], index: int, vector: str, real: Sequence[RealClip]
) -> Estimate:
    """The Frechet distance of each repeat's outcomes to real clips; NaN where there are too few."""
    wanted = np.stack([getattr(r.predictions[index], vector) for r in real])
    found = []
    for group in _split(outcomes, lambda o: o.case.repeat).values():
        made = np.stack([getattr(o.predictions[index], vector) for o in group])
        if min(len(made), len(wanted)) >= FEWEST_FOR_FID:
            found.append(frechet_distance(made, wanted))
    return over_repeats(found)


def truth_figures(outcomes: Sequence[Outcome], real: RealClips) -> TruthFigures:
    """The distances of the outcomes that have a truth, and the floor over the cells that have more
    than one clip.
    """
    known = [o for o in outcomes if np.isfinite(o.truth) and np.isfinite(o.input_truth)]
    cells = [real.cell(o.case.target, o.case.clip.content) for o in known]
    floors = [cell.floor for cell in cells if cell is not None and np.isfinite(cell.floor)]
    output, source = np.array([o.truth for o in known]), np.array([o.input_truth for o in known])
    return TruthFigures(
        len(known),
        _mean(output),
        _mean(source),
        _mean(np.array(floors)),
        estimate(output, groups(known), source),
    )


def geometry_figures(outcomes: Sequence[Outcome]) -> GeometryFigures | None:
    """Ratios of sums: every planted frame counts the same for the feet, every clip for the jerk.
    None without geometry.
    """
    measured = [o for o in outcomes if o.geometry is not None]
    if not measured:
        return None
    cells, found = groups(measured), [o.geometry for o in measured if o.geometry is not None]

    def values(key: str) -> Array:
        return np.array([getattr(geometry, key) for geometry in found], dtype=float)

    return GeometryFigures(
        planted_speed=estimate(values("planted_speed"), cells, values("input_planted_speed")),
        skating=estimate(values("skating"), cells),
        input_skating=float(values("input_skating").mean()),
        jerk=estimate(values("jerk"), cells, values("input_jerk")),
        floor_m=float(values("floor").mean()),
        geodesic=estimate(values("geodesic"), cells),
        path_m=estimate(values("path"), cells),
        path_share=estimate(values("path"), cells, values("path_length")),
        beyond_limits=estimate(values("beyond_limits") - values("input_beyond_limits"), cells),
        flips=int(values("flips").sum()),
    )


def _mean(values: Array) -> float:
    return float(values.mean()) if len(values) else float("nan")


@dataclass(frozen=True)
class DiversityRow:
    """How unlike the variations of one input and style are.

    vectors: the distance of style vectors, by judge
    metres: between joints in equal frames
    right: the share of variations with the right style and content, by judge
    all_right: the share of inputs of which every variation is right, by judge
    """

    mode: str
    inputs: int
    variations: int
    vectors: Mapping[str, Estimate]
    metres: Estimate
    right: Mapping[str, Estimate]
    all_right: Mapping[str, Estimate]


def summarize_diversity(
    mode: str, found: Sequence[Diversity], variations: int, judges: Sequence[Judge]
) -> DiversityRow:
    """The row of one mode. variations: of each input"""
    cells = [diversity.case.clip.cell for diversity in found]

    def by_judge(key: str) -> dict[str, Estimate]:
        return {
            judge.name: estimate([getattr(diversity, key)[i] for diversity in found], cells)
            for i, judge in enumerate(judges)
        }

    return DiversityRow(
        mode,
        len(found),
        variations,
        by_judge("vectors"),
        estimate([diversity.metres for diversity in found], cells),
        by_judge("right"),
        by_judge("all_right"),
    )
