"""Clips one after the other."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from kinestyle.errors import ClipError
from kinestyle.motion.clip import Clip

_SAME_RATE = 1e-4
"""How far frame times may differ, as a share."""
_SAME_OFFSET = 1e-4
"""As of `_SAME_RATE`, of the length of the longest bone."""


def concatenate(clips: Iterable[Clip]) -> Clip:
    """The frames of several clips of one rig, one clip after the other, each where it is in its own
    world. What the first one's file holds beside the motion stays.

    Raises ClipError for no clip, and for clips of different rigs or rates.
    """
    several = list(clips)
    if not several:
        raise ClipError("there is no clip to concatenate; give one or more")
    first = several[0]
    for other in several[1:]:
        _require_alike(first, other)
    joined = first.with_motion(
        np.concatenate([clip.local_position for clip in several]),
        np.concatenate([clip.local_rotation for clip in several]),
    )
    warnings = dict.fromkeys(warning for clip in several for warning in clip.warnings)
    return replace(joined, base=None, warnings=tuple(warnings))


def _require_alike(first: Clip, other: Clip) -> None:
    """Raises ClipError."""
    mine, its = first.skeleton, other.skeleton
    size = max(1e-12, float(np.abs(mine.offsets).max(initial=0.0)))
    if (
        mine.names != its.names
        or not np.array_equal(mine.parents, its.parents)
        or not np.allclose(mine.offsets, its.offsets, rtol=0.0, atol=_SAME_OFFSET * size)
    ):
        raise ClipError(
            f"{first.name} and {other.name} are of different rigs; put one on the other's first, "
            f"with kinestyle retarget"
        )
    if abs(other.frame_time_seconds / first.frame_time_seconds - 1.0) > _SAME_RATE:
        raise ClipError(
            f"{first.name} has {first.frame_rate:.4g} frames a second and {other.name} "
            f"{other.frame_rate:.4g}; bring them to one rate first, with kinestyle.resample"
        )
