"""The rows of `real_cases` for BVH files, arrays and rigs."""

from __future__ import annotations

from pathlib import Path

from kinestyle.formats.table import read_motion
from real_cases import Case


def _reads_whole(path: Path) -> None:
    clip = read_motion(path)
    assert clip.frame_count == 30, f"found {clip.frame_count} frames, expected 30"


RECORDINGS: tuple[Case, ...] = (
    Case("bvh/00_reference.bvh", "the walk without any trait is read", _reads_whole),
)
