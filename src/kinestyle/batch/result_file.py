"""The result of one clip, in its file: for one clip alone, and for each of many."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from kinestyle.bundle import Style
from kinestyle.formats.table import write_motion
from kinestyle.motion.clip import Clip
from kinestyle.motion.window import Motion, Progress, part_of_progress
from kinestyle.runtime.analysis import Analysis
from kinestyle.runtime.cue import Cue
from kinestyle.runtime.settings import Settings
from kinestyle.runtime.stylizer import Stylizer


def make_result(
    stylizer: Stylizer,
    analysis: Analysis[Motion],
    cue: Cue[Style],
    settings: Settings,
    target: Path,
    progress: Progress | None = None,
) -> tuple[int, tuple[str, ...]]:
    """Write the analysed clip in a style to a file. How many frames it has, and what its user is to
    know of it beyond the clip itself, with what the file could not express.
    """
    # of a long clip, about half of the work is done while its result is written
    code = stylizer.style_of(cue, settings.seed)
    result = stylizer.apply(analysis, code, settings, part_of_progress(progress, 0.0, 0.5))
    notes = result.warnings[len(analysis.clip.warnings) :]
    called = _called(result, target, settings)
    notes += write_motion(called, target, part_of_progress(progress, 0.5, 1.0))
    return result.frame_count, notes


def _called(result: Motion, target: Path, settings: Settings) -> Motion:
    """The result, called as its file where it is to be a further animation of that."""
    if settings.keep_original and isinstance(result, Clip) and result.animation:
        return replace(result, animation=target.stem)
    return result


def clip_notes(analysis: Analysis[Motion], wanted: Settings) -> tuple[str, ...]:
    """What a user is to know of a clip, whatever its style."""
    return (*analysis.clip.warnings, *analysis.notes(wanted))
