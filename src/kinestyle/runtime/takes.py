"""Takes to choose from: variations of a style that differ as far as they can.

A variation is a draw from a style, and draws crowd together: of eight in a row, two mostly look
alike. So more of them are looked at than are wanted, on some seconds of the clip itself, and of
those each next one is taken that is farthest from all that were taken before. A variation keeps its
number, which makes it again.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from kinestyle.bundle import Style
from kinestyle.motion.canonical import HIPS, joints_from_hips
from kinestyle.motion.rotation import Array
from kinestyle.motion.window import Motion, Progress, part_of_progress
from kinestyle.retarget.correspondence import to_canonical
from kinestyle.runtime.cue import Cue
from kinestyle.runtime.settings import Settings

if TYPE_CHECKING:
    from kinestyle.runtime.analysis import Analysis
    from kinestyle.runtime.stylizer import Stylizer

PROBE_SECONDS = 5.0
"""Of the middle of a clip, on which takes are compared."""

CANDIDATES = 3
"""How many variations are looked at for each take that is wanted."""

MOST_FURTHER = 48
"""Variations that are looked at beyond those wanted, at most: a tenth of a second each."""

_PROBE_FRAMES = 40


def choose_takes(
    stylizer: Stylizer,
    analysis: Analysis[Any],
    cue: Cue[Motion | Style],
    count: int,
    settings: Settings | None = None,
    progress: Progress | None = None,
) -> tuple[int, ...]:
    """The numbers of `count` variations, ascending, that differ most on an analysed clip: seeds
    for `Stylizer.style_of`. The first is that of the settings; the same for the same clip, cue and
    settings.

    cue: best with references that `Stylizer.read_references` has read
    progress: as in `Stylizer.analyse`

    Raises StyleError, RigError, ClipError.
    """
    settings = deciding_settings(settings or Settings())
    first = settings.seed
    further = min((CANDIDATES - 1) * count, MOST_FURTHER)
    if count < 2 or settings.strength == 0:
        return tuple(range(first, first + count))
    seeds = list(range(first, first + count + further))
    probe = _probe(stylizer, analysis, part_of_progress(progress, 0.0, 0.1))
    shown = replace(settings, cycle="no", feet="free")
    bodies = []
    for i, seed in enumerate(seeds):
        bodies.append(_body(stylizer, probe, cue, replace(shown, seed=seed)))
        if progress is not None:
            progress(0.1 + 0.9 * (i + 1) / len(seeds))
    return tuple(sorted(seeds[i] for i in farthest(np.stack(bodies), count)))


def deciding_settings(settings: Settings) -> Settings:
    """What of the settings decides which takes are chosen; the rest, with curves over the whole
    clip, is the same in every take, and as it is by default.
    """
    return Settings(
        strength=0.0 if settings.strength == 0 else 1.0,
        seed=settings.seed,
        parts=settings.parts,
        reference=settings.reference,
        action=settings.action,
        out_of_domain=settings.out_of_domain,
        cycle=settings.cycle,
    )


def farthest(bodies: Array, count: int) -> list[int]:
    """bodies: (N, F, J, 3) -> `count` of the N, the first of them and then always the one that is
    farthest from its nearest among those before (Gonzalez 1985): mean distances of a joint.
    """
    chosen = [0]
    away = np.full(len(bodies), np.inf)
    for _ in range(count - 1):
        away = np.minimum(away, joint_distances(bodies, bodies[chosen[-1]]))
        away[chosen] = -1.0
        chosen.append(int(away.argmax()))
    return chosen


def joint_distances(bodies: Array, body: Array) -> Array:
    """bodies: (N, F, J, 3), body: (F, J, 3), metres -> (N,) metres, means over joints and
    frames.
    """
    return np.asarray(np.linalg.norm(bodies - body, axis=-1).mean(axis=(1, 2)))


def _probe(stylizer: Stylizer, analysis: Analysis[Any], progress: Progress | None) -> Analysis[Any]:
    """Of the middle of the clip, behind a T-pose in front of it."""
    clip, lead_in = analysis.clip, analysis.seen.lead_in
    length = round(PROBE_SECONDS / clip.frame_time_seconds)
    start = max(lead_in, (lead_in + clip.frame_count - length) // 2)
    piece = clip.window(start, min(clip.frame_count, start + length))
    return stylizer.analyse(piece, analysis.correspondence, progress=progress, cycle="no")


def _body(
    stylizer: Stylizer, probe: Analysis[Any], cue: Cue[Motion | Style], settings: Settings
) -> Array:
    """(F, 21, 3) metres from the floor below the hips, of a few frames of a variation."""
    result = stylizer.apply(probe, stylizer.style_of(cue, settings.seed), settings)
    frames = np.linspace(0, result.frame_count - 1, min(_PROBE_FRAMES, result.frame_count))
    canonical = to_canonical(
        result.sample(np.unique(frames.round().astype(int))), probe.correspondence
    )
    body = joints_from_hips(canonical.world_rotation)
    body[..., 1] += canonical.world_position[:, HIPS, 1, None]
    return np.asarray(body)
