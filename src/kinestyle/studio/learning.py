"""Hearing a style of one's own in clips, and refining it, in a worker: what `kinestyle learn` does
with files.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from kinestyle.errors import KinestyleError
from kinestyle.extras import needs_extra
from kinestyle.motion.window import part_of_progress
from kinestyle.runtime.own_styles import OwnStyle, hear_style
from kinestyle.runtime.style_files import format_style
from kinestyle.runtime.stylizer import Stylizer
from kinestyle.runtime.teaching import told
from kinestyle.studio.choices import REFINING
from kinestyle.studio.warm_clips import WarmClip
from kinestyle.studio.wire import Message

if TYPE_CHECKING:
    from kinestyle.learn.refining import Refined
    from kinestyle.runtime.reference import ReferenceStyle

HEARD_SHARE = 0.1
"""Of the work, where the style is refined as well."""


def learn(
    stylizer: Stylizer,
    clips: Sequence[WarmClip],
    name: str,
    refine: bool,
    progress: Callable[[str, float], None],
) -> Message:
    """A style file, and what the command line says of it. name: its whole name

    Raises StyleError, RigError, ClipError; BundleError, MissingExtraError where it is refined.
    """
    # what is not installed is said before anything is heard
    refine_style = _refining() if refine else None
    taken, heard, left_out = _heard(stylizer, clips, HEARD_SHARE if refine else 1.0, progress)
    style = hear_style(name, heard, stylizer.bundle.manifest.styles)
    said, refinement = told(style, stylizer), None
    if refine_style is not None:
        done = refine_style(
            stylizer,
            name,
            [one.clip for one in taken],
            [one.rig for one in taken],
            progress=part_of_progress(lambda at: progress("refining", at), HEARD_SHARE, 1.0),
            heard=heard,
        )
        style, refinement = done.style, _refinement(done)
        said.append(str(done))
    answer = {
        "facts": facts_of_style(style),
        "said": said,
        "disagree": [clip.name for clip in style.clips if clip.disagrees],
        "left_out": left_out,
        "refined": refinement,
    }
    return Message(answer, (format_style(style, stylizer.bundle),))


def facts_of_style(style: OwnStyle) -> dict[str, Any]:
    """What the server says of a style file."""
    return {
        "name": style.name,
        "label": style.label,
        "seconds": style.seconds,
        "warnings": list(style.notes),
    }


def _refining() -> Callable[..., Refined]:
    """`refine_style`, with torch. Raises MissingExtraError."""
    with needs_extra("train", REFINING):
        from kinestyle.learn.refining import refine_style
    return refine_style


def _heard(
    stylizer: Stylizer,
    clips: Sequence[WarmClip],
    until: float,
    progress: Callable[[str, float], None],
) -> tuple[list[WarmClip], list[ReferenceStyle], list[str]]:
    """Each clip in which something can be heard, its style, and why others are left out. until: the
    share of the work that is done then
    """
    taken, heard, left_out = [], [], []
    for i, one in enumerate(clips):
        part = part_of_progress(
            lambda at: progress("listening", at),
            until * i / len(clips),
            until * (i + 1) / len(clips),
        )
        try:
            heard.append(stylizer.reference_style(one.clip, None, one.rig, part, posture=True))
            taken.append(one)
        except KinestyleError as error:
            if len(clips) == 1:
                raise
            left_out.append(str(error))
    return taken, heard, left_out


def _refinement(done: Refined) -> dict[str, Any]:
    return {
        "taken": done.is_better,
        "held_out": done.held_out,
        "left": done.refined and round(done.refined.left, 4),
        "left_as_heard": done.heard and round(done.heard.left, 4),
    }
