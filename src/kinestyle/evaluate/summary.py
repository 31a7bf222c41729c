"""From outcomes to the figures of a row: each with its interval, beside what the judge reaches on
real clips.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from kinestyle.evaluate.examine import Outcome, Real, RealClip, Spread, content_right, style_right
from kinestyle.evaluate.judge import Judge
from kinestyle.evaluate.protocol import Protocol
from kinestyle.evaluate.statistics import Estimate, estimate, frechet_distance, over_repeats
from kinestyle.motion.rotation import Array

FEWEST_FOR_FID = 100
"""Vectors on either side below which a Frechet distance says more about their number than about
them.
"""


@dataclass(frozen=True)
class Accuracy:
    """How often a judge sees what it should, how often it does on real clips, and the one as a
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

    style: among the styles of the target's set, style_of_all: among those of all sets
    style_fid: against the real test clips of the target's set, content_fid: against the inputs
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
    """Ratios to the input's for planted feet and jerk; radians; metres; shares of joints and frames
    beyond the input's.
    """

    planted_speed: Estimate
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
    style_apart, content_apart: between the judges' shares; same_style: the share of outputs in
    which they see the same style geometry: None where results have no frames in common with their
    inputs
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
class Ceiling:
    """A judge's own accuracies on real clips."""

    style: Estimate
    content: Estimate
    style_of_all: float


def inputs_of(protocol: Protocol, real: Real) -> list[RealClip]:
    """The real clips that are a protocol's contents."""
    return [
        r
        for r in real.clips.values()
        if r.clip.set_name == protocol.contents and r.clip.split in protocol.splits
    ]


def styles_of(set_name: str, real: Real) -> list[RealClip]:
    """The real test clips of a set: what its styles look like."""
    return [
        r for r in real.clips.values() if r.clip.set_name == set_name and r.clip.split == "test"
    ]


def ceiling(
    judge: Judge, place: int, style_clips: Sequence[RealClip], content_clips: Sequence[RealClip]
) -> Ceiling:
    """place: the judge's among all. A real clip is judged as a result would be that copies it."""
    style = [style_right(r.opinions[place], r.clip.style) for r in style_clips]
    content = [content_right(judge.contents, r.opinions[place], r.clip) for r in content_clips]
    return Ceiling(
        estimate(style, [r.clip.cell for r in style_clips]),
        estimate(np.array(content, dtype=float), [r.clip.cell for r in content_clips]),
        float(np.mean([r.opinions[place].style == r.clip.style for r in style_clips])),
    )


def summarize(
    mode: str, outcomes: Sequence[Outcome], protocol: Protocol, judges: Sequence[Judge], real: Real
) -> Row:
    """The row for all outcomes of one mode of one protocol."""
    style_clips, content_clips = styles_of(protocol.styles, real), inputs_of(protocol, real)
    figures = {}
    for place, judge in enumerate(judges):
        own = ceiling(judge, place, style_clips, content_clips)
        style, content = hits(outcomes, place, judge)
        figures[judge.name] = JudgeFigures(
            style=Accuracy.of(estimate(style, groups(outcomes)), own.style),
            content=Accuracy.of(estimate(content, groups(outcomes)), own.content),
            style_of_all=float(
                np.mean([o.opinions[place].style == o.case.target for o in outcomes])
            ),
            style_fid=_fid(outcomes, place, "style_vector", style_clips),
            content_fid=_fid(outcomes, place, "content_vector", content_clips),
        )
    return Row(
        mode=mode,
        outputs=len(outcomes),
        inputs=len({o.case.clip.path for o in outcomes}),
        judges=figures,
        style_apart=_apart([f.style.share for f in figures.values()]),
        content_apart=_apart([f.content.share for f in figures.values()]),
        same_style=float(
            np.mean(
                [
                    len({opinion.style_in[protocol.styles] for opinion in o.opinions}) == 1
                    for o in outcomes
                ]
            )
        ),
        truth=truth_figures(outcomes, real),
        geometry=geometry_figures(outcomes),
        by_repeat=[
            _plain(group, judges, real)
            for group in _split(outcomes, lambda o: str(o.case.repeat)).values()
        ],
        by_target={
            target: _plain(group, judges, real)
            for target, group in _split(outcomes, lambda o: o.case.target).items()
        },
        by_content={
            content: _plain(group, judges, real)
            for content, group in _split(outcomes, lambda o: o.case.clip.content).items()
        },
    )


def hits(outcomes: Sequence[Outcome], place: int, judge: Judge) -> tuple[Array, Array]:
    """1 or 0 for each outcome's style and content in one judge's eyes; content not a number where
    the judge never learned it.
    """
    style = [style_right(o.opinions[place], o.case.target) for o in outcomes]
    content = [content_right(judge.contents, o.opinions[place], o.case.clip) for o in outcomes]
    return np.array(style, dtype=float), np.array(content, dtype=float)


def groups(outcomes: Sequence[Outcome]) -> list[tuple[str, str]]:
    """What is not independent: outcomes of one cell, whose clips may be cuts of one take."""
    return [o.case.clip.cell for o in outcomes]


def _apart(shares: Sequence[float]) -> float:
    return float(np.ptp(shares)) if shares else float("nan")


def _split(outcomes: Sequence[Outcome], key: Callable[[Outcome], str]) -> dict[str, list[Outcome]]:
    found: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        found.setdefault(key(outcome), []).append(outcome)
    return dict(sorted(found.items()))


def _plain(outcomes: Sequence[Outcome], judges: Sequence[Judge], real: Real) -> dict[str, float]:
    """The main figures of a part of a row, without intervals."""
    figures = {
        "outputs": float(len(outcomes)),
        "truth_ratio": truth_figures(outcomes, real).ratio.value,
    }
    for place, judge in enumerate(judges):
        style, content = hits(outcomes, place, judge)
        figures[f"style, {judge.name}"] = estimate(style, groups(outcomes)).value
        figures[f"content, {judge.name}"] = estimate(content, groups(outcomes)).value
    return figures


def _fid(
    outcomes: Sequence[Outcome], place: int, vector: str, real: Sequence[RealClip]
) -> Estimate:
    """The Frechet distance of each repeat's outcomes to real clips; unknown where either are too
    few.
    """
    wanted = np.stack([getattr(r.opinions[place], vector) for r in real])
    found = []
    for group in _split(outcomes, lambda o: str(o.case.repeat)).values():
        made = np.stack([getattr(o.opinions[place], vector) for o in group])
        if min(len(made), len(wanted)) >= FEWEST_FOR_FID:
            found.append(frechet_distance(made, wanted))
    return over_repeats(found)


def truth_figures(outcomes: Sequence[Outcome], real: Real) -> TruthFigures:
    """The distances of the outcomes that have a truth, and the floor over the cells that have more
    than one clip.
    """
    known = [o for o in outcomes if np.isfinite(o.truth) and np.isfinite(o.input_truth)]
    cells = [real.cell(o.case.target, o.case.clip.content) for o in known]
    floors = [cell.floor for cell in cells if cell is not None and np.isfinite(cell.floor)]
    output, given = np.array([o.truth for o in known]), np.array([o.input_truth for o in known])
    return TruthFigures(
        len(known),
        _mean(output),
        _mean(given),
        _mean(np.array(floors)),
        estimate(output, groups(known), given),
    )


def geometry_figures(outcomes: Sequence[Outcome]) -> GeometryFigures | None:
    """Ratios of sums: every planted frame counts the same in the feet's, every clip in the jerk's.
    None without geometry.
    """
    measured = [
        (o.geometry, group)
        for o, group in zip(outcomes, groups(outcomes), strict=True)
        if o.geometry is not None
    ]
    if not measured:
        return None
    found, of_cell = zip(*measured, strict=True)
    return GeometryFigures(
        planted_speed=estimate(
            [g.planted_speed for g in found], of_cell, [g.input_planted_speed for g in found]
        ),
        jerk=estimate([g.jerk for g in found], of_cell, [g.input_jerk for g in found]),
        floor_m=float(np.mean([g.floor for g in found])),
        geodesic=estimate([g.geodesic for g in found], of_cell),
        path_m=estimate([g.path for g in found], of_cell),
        path_share=estimate([g.path for g in found], of_cell, [g.path_length for g in found]),
        beyond_limits=estimate([g.beyond_limits - g.input_beyond_limits for g in found], of_cell),
        flips=sum(g.flips for g in found),
    )


def _mean(values: Array) -> float:
    return float(values.mean()) if len(values) else float("nan")


@dataclass(frozen=True)
class Diversity:
    """How unlike the takes of one input and style are. By judge: the distance of style vectors, the
    share of takes in which style and content are right, the share of inputs of which every take is.
    metres: between joints in equal frames."""

    mode: str
    inputs: int
    takes: int
    vectors: Mapping[str, Estimate]
    metres: Estimate
    right: Mapping[str, Estimate]
    all_right: Mapping[str, Estimate]


def summarize_spreads(
    mode: str, spreads: Sequence[Spread], takes: int, judges: Sequence[Judge]
) -> Diversity:
    """The row for the spreads of one mode."""
    cells = [spread.case.clip.cell for spread in spreads]

    def by_judge(of: Callable[[Spread], Sequence[float]]) -> dict[str, Estimate]:
        return {
            judge.name: estimate([of(spread)[i] for spread in spreads], cells)
            for i, judge in enumerate(judges)
        }

    return Diversity(
        mode,
        len(spreads),
        takes,
        by_judge(lambda s: s.vectors),
        estimate([s.metres for s in spreads], cells),
        by_judge(lambda s: s.right),
        by_judge(lambda s: s.all_right),
    )
