"""The seconds around a moment of a clip, which are shown before all of it is restyled."""

from __future__ import annotations

from math import ceil, floor
from typing import Any

from kinestyle.motion.clip import Clip
from kinestyle.motion.window import Window
from kinestyle.runtime.cue import Cue
from kinestyle.runtime.curve import Curve
from kinestyle.runtime.settings import EDITS, Settings

PART_SECONDS, STEP_SECONDS, HALO_SECONDS = 8.0, 2.0, 1.0
"""How much is shown; in which steps it moves along, so that its analysis serves a while; and what
is restyled on either side of it, where feet and filters reach into."""


PREVIEW_SECONDS = 4.0
"""How much of a clip the card of a style shows."""


def cut_around(at_seconds: float, clip: Clip, seconds: float = PART_SECONDS) -> Window:
    """The frames around a moment, most of them behind it, because the clip plays on. seconds: how
    much
    """
    rate, count = clip.frame_rate, clip.frame_count
    size = max(2, ceil(seconds * rate))
    begins = STEP_SECONDS * (floor(at_seconds / STEP_SECONDS) - 1)
    start = max(0, min(round(begins * rate), count - size))
    stop, halo = min(start + size, count), round(HALO_SECONDS * rate)
    return Window(start, stop, max(0, start - halo), min(count, stop + halo))


_MOVING = (*EDITS, "timing", "output", "t_pose")
"""Settings with which a frame of the result is not that of the clip, or elsewhere."""


def has_part(cue: Cue[Any], settings: Settings) -> bool:
    """Whether a part by itself is what it is in the whole."""
    plain = Settings()
    return not (
        any(getattr(settings, name) != getattr(plain, name) for name in _MOVING)
        or isinstance(settings.strength, Curve)
        or isinstance(cue.weights, Curve)
    )
