"""The rows of `real_cases` for FBX, glTF and VRM files."""

from __future__ import annotations

from pathlib import Path

from kinestyle.formats.table import read_motion
from real_cases import Case


def _reads_the_motion_of_32_frames(path: Path) -> None:
    clip = read_motion(path)
    assert clip.frame_count == 32, f"found {clip.frame_count} frames, expected 32"


CHARACTERS: tuple[Case, ...] = (
    Case(
        "characters/mixamo_two_takes_nomesh.fbx",
        "the active animation is read, not the T-pose before it",
        _reads_the_motion_of_32_frames,
    ),
)
