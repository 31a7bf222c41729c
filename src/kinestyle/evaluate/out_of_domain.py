"""P4, robustness: clips that belong to no labelled set (squats, kicks, jogs in circles, dances,
clips of other rigs), restyled.

Nobody knows what a squat looks like in a style of another set, so that no judge is asked. What can
be measured is whether the result is still motion of a body: no joint explodes, no bone flips, no
planted foot slides more than it did.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from pathlib import Path

import numpy as np

from kinestyle.errors import DataError
from kinestyle.evaluate.outcomes import Geometry, Outcome
from kinestyle.evaluate.protocol import Case, TestClip
from kinestyle.evaluate.statistics import Estimate, estimate
from kinestyle.formats.table import FORMATS

FOLDERS = ("unlabelled", "wild")
TARGETS = 2
"""Styles for each clip."""
MOST_JERK, MOST_SLIDING = 1.3, 1.2
"""The targets, as multiples of the input's. Any bone flip misses its target."""
FEWEST_PLANTED = 10
"""Planted joints and frames. A clip with fewer has no foot speed to compare."""


def unlabelled_clips(data: Path, count: int, seed: int = 0) -> list[TestClip]:
    """A sample of the motion files under a data folder that are in no labelled set. The content of
    each is the file's path from there.

    Every source (a folder in `unlabelled`, or `wild`) gives equally many, as long as it has more,
    drawn from its sorted names. Raises DataError where there is none.
    """
    found = (path for folder in FOLDERS for path in (data / folder).rglob("*"))
    sources: dict[tuple[str, ...], list[TestClip]] = {}
    for path in sorted(path for path in found if path.suffix.lower() in FORMATS):
        name = path.relative_to(data)
        sources.setdefault(name.parts[:-1][:2], []).append(TestClip(path, "", "", name.as_posix()))
    if not sources:
        folders = " or ".join(str(data / folder) for folder in FOLDERS)
        raise DataError(f"no motion file is under {folders}; unpack the unlabelled clips there")
    random = np.random.default_rng(seed)
    shuffled = [[clips[i] for i in random.permutation(len(clips))] for clips in sources.values()]
    in_turn = [clip for turn in zip_longest(*shuffled) for clip in turn if clip is not None]
    return sorted(in_turn[:count], key=lambda clip: clip.content)


def draw_unlabelled_cases(
    clips: Sequence[TestClip], labelled: Sequence[TestClip], modes: Sequence[str]
) -> list[Case]:
    """Each clip into `TARGETS` styles, all styles in turn. The test clips of a style are its
    references, in turn.
    """
    of_style: dict[str, list[TestClip]] = {}
    for clip in sorted(labelled, key=lambda clip: clip.path.name):
        if clip.split == "test":
            of_style.setdefault(clip.style, []).append(clip)
    styles = sorted(of_style)
    cases = []
    for i, clip in enumerate(clips):
        for k in range(TARGETS):
            target = styles[(i + k * (len(styles) // TARGETS)) % len(styles)]
            reference = of_style[target][i % len(of_style[target])]
            case = Case(clip, target, modes[0], reference)
            cases += [replace(case, mode=mode) for mode in modes]
    return cases


@dataclass(frozen=True)
class Robustness:
    """One row of P4. Ratios are to the input's.

    within_...: the share of results within a target; within: within all three
    worst: the results furthest out, by name of clip and style
    """

    mode: str
    outputs: int
    jerk: Estimate
    jerk_worst: float
    planted_speed: Estimate
    planted_speed_worst: float
    flips: int
    within_jerk: Estimate
    within_planted_speed: Estimate
    within_flips: Estimate
    within: Estimate
    worst: Sequence[Mapping[str, str | float]]


def summarize_unlabelled(mode: str, outcomes: Sequence[Outcome]) -> Robustness:
    """The row of one mode. Every clip counts the same, however long it is."""
    found = [(o, o.geometry) for o in outcomes if o.geometry is not None]
    clips = [outcome.case.clip.path for outcome, _ in found]
    jerk = np.array([_ratio(g.jerk, g.input_jerk) for _, g in found])
    sliding = np.array([sliding_ratio(g) for _, g in found])
    flips = np.array([g.flips for _, g in found])
    # a clip that plants no foot cannot slide
    smooth, planted, unflipped = jerk <= MOST_JERK, ~(sliding > MOST_SLIDING), flips == 0
    order = np.argsort(-np.maximum(jerk / MOST_JERK, np.nan_to_num(sliding) / MOST_SLIDING) - flips)
    worst = [
        {
            "clip": found[i][0].case.clip.content,
            "style": found[i][0].case.target,
            "jerk": float(jerk[i]),
            "planted_speed": float(sliding[i]),
            "planted_m_s": _ratio(found[i][1].planted_speed, found[i][1].planted_samples),
            "flips": int(flips[i]),
        }
        for i in order[:8]
    ]
    return Robustness(
        mode=mode,
        outputs=len(found),
        jerk=estimate(jerk, clips),
        jerk_worst=float(np.nanmax(jerk)),
        planted_speed=estimate(sliding, clips),
        planted_speed_worst=float(np.nanmax(sliding)),
        flips=int(flips.sum()),
        within_jerk=estimate(smooth, clips),
        within_planted_speed=estimate(planted, clips),
        within_flips=estimate(unflipped, clips),
        within=estimate(smooth & planted & unflipped, clips),
        worst=worst,
    )


def sliding_ratio(geometry: Geometry) -> float:
    """Speed of planted feet to the input's; NaN where too few are planted."""
    if geometry.planted_samples < FEWEST_PLANTED:
        return float("nan")
    return _ratio(geometry.planted_speed, geometry.input_planted_speed)


def _ratio(value: float, of: float) -> float:
    return value / of if of > 0 else float("nan")
