"""A style of one's own, from clips as they come."""

from __future__ import annotations

from collections.abc import Sequence

from kinestyle.motion.window import Motion, Progress, part_of_progress
from kinestyle.runtime.own_styles import OwnStyle, hear_style
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
