"""The last of a restyling: what is edited, put in front, or written as a layer."""

from __future__ import annotations

from typing import Any

from kinestyle.motion.layer import over
from kinestyle.motion.window import Motion
from kinestyle.retarget.correspondence import Correspondence
from kinestyle.runtime.analysis import Analysis
from kinestyle.runtime.edits import Edit, apply_edit, edit_base
from kinestyle.runtime.reference import StyleCode
from kinestyle.runtime.settings import Settings
from kinestyle.runtime.t_pose import with_t_pose


def finish(
    result: Motion, clip: Motion, c: Correspondence, plan: Edit, settings: Settings
) -> Motion:
    """A restyled motion as the settings want it written.

    clip: the motion that it was made of, frame for frame, and over which a layer lies
    """
    done = apply_edit(result, plan, settings, c)
    base = edit_base(clip, plan, c) if settings.output == "layer" else None
    if settings.t_pose:
        done = with_t_pose(done, c)
        base = base and with_t_pose(base, c)
    return done if base is None else over(done, base)


def with_notes(
    result: Motion, analysis: Analysis[Any], code: StyleCode, settings: Settings
) -> Motion:
    """A result with all that its user is to know: of the clip, of the style, of both."""
    more = (*analysis.notes(settings), *code.notes)
    return result.with_warnings(*more) if more else result
