"""A style of one's own, from clips as they come."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import resources
from math import isfinite

from kinestyle.formats.table import read_motion
from kinestyle.motion.window import Motion, Progress, part_of_progress
from kinestyle.runtime.own_styles import OwnStyle, describe, hear_style
from kinestyle.runtime.stylizer import Stylizer


def learn_style(
    stylizer: Stylizer, name: str, clips: Sequence[Motion], progress: Progress | None = None
) -> OwnStyle:
    """The style that clips on any rigs have in common, in any contents. `style_files.write_style`
    keeps it.

    progress: as in `Stylizer.analyse`

    Raises StyleError, RigError, ClipError.
    """
    heard = [
        stylizer.reference_style(
            clip,
            progress=part_of_progress(progress, i / len(clips), (i + 1) / len(clips)),
            posture=True,
        )
        for i, clip in enumerate(clips)
    ]
    return hear_style(name, heard, stylizer.bundle.manifest.styles)


def told(style: OwnStyle, stylizer: Stylizer) -> list[str]:
    """What was heard, which clips disagree, and how sure that is: a line each."""
    lines = [f"{style.label}: {style.seconds:.0f} s in {len(style.clips)} clips"]
    with resources.as_file(resources.files("kinestyle") / "examples" / "walk.bvh") as walk:
        plain = stylizer.reference_style(read_motion(walk), posture=True).posture
    if style.posture is None or plain is None:
        lines.append("heard: the code alone, for nobody stands, walks or runs in them")
    else:
        words = describe(style.posture, plain) or ("little",)
        lines.append(f"heard, beside a plain walk: {', '.join(words)}")
    disagree = [clip.name for clip in style.clips if clip.disagrees]
    if disagree:
        lines.append(
            "unlike the others, in style or in what is done, and counted less: "
            + ", ".join(disagree)
        )
    if isfinite(style.apart):
        lines.append(
            f"how sure: clips are {style.apart:.2f} from what they have in common, which is known "
            f"to {style.known_to:.2f} (learned styles are 1 apart)"
        )
    return lines
