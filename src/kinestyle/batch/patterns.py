"""What a name of clips or of a folder stands for, as far as the name alone says. A command for one
clip asks this too, so that this module imports nothing of ours.
"""

from __future__ import annotations

import glob
import os


def is_url(place: str) -> bool:
    return "://" in place


def is_pattern(place: str) -> bool:
    """Whether a name stands for several files, such as "clips/**/*.bvh"."""
    if is_url(place):
        return glob.has_magic(place)
    return glob.has_magic(place) and not os.path.lexists(place)
