"""The clips in a file that may hold several animations, each with a name that can be part of a
file's name.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from kinestyle.formats.reading import ALL, Reading
from kinestyle.formats.table import open_as, read_animations, read_as
from kinestyle.formats.unique_names import unique_names
from kinestyle.motion.clip import Clip
from kinestyle.motion.window import Motion


def read_all(clip: Path, reading: Reading) -> list[tuple[str, Clip]]:
    """What is asked for of a file: a clip with "", or with `ALL` one for each animation, with its
    name as a part of a file's name, no two alike. Raises MotionFileError.
    """
    if reading.animation != ALL:
        return [("", read_as(clip, reading))]
    clips = list(read_animations(clip, **reading._asdict()))
    if not clips[0].animation:
        return [("", clips[0])]
    plain = [re.sub(r"[^\w.+-]+", "_", clip.animation).strip("_.") or "_" for clip in clips]
    parts = unique_names(plain, "_")[0]
    return [
        (part, replace(clip, name=f"{clip.name}_{part}"))
        for part, clip in zip(parts, clips, strict=True)
    ]


def open_all(clip: Path, reading: Reading) -> list[tuple[str, Motion]]:
    """As `read_all`, with long motion read a window at a time where that is possible."""
    if reading.animation != ALL:
        return [("", open_as(clip, reading))]
    motion = open_as(clip, reading._replace(animation=None))
    return [*read_all(clip, reading)] if getattr(motion, "animations", ()) else [("", motion)]


def with_animation(path: Path, name: str) -> Path:
    """Where the result of an animation goes. name: "" where it is the file's only one"""
    return path.with_stem(f"{path.stem}_{name}") if name else path
