"""Many clips in many styles, in this process; `kinestyle.batch` does it in several."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, Protocol
from warnings import warn

from kinestyle.errors import KinestyleError, KinestyleWarning, wrong_type
from kinestyle.formats.table import open_motion
from kinestyle.motion.window import Motion
from kinestyle.runtime.cue import Cue
from kinestyle.runtime.finish import with_notes
from kinestyle.runtime.reference import StyleCode
from kinestyle.runtime.settings import Settings


class _Stylizer(Protocol):
    """What is asked of a `Stylizer`, whose module knows this one."""

    def style_of(self, cue: Cue[Any], seed: int = 0) -> StyleCode: ...

    @property
    def analyse(self) -> Callable[..., Any]: ...

    @property
    def apply(self) -> Callable[..., Any]: ...


class Stylized(NamedTuple):
    """One clip in one style.

    clip, style: as they were given
    result: None where the clip could not be restyled; error: why
    """

    clip: Motion | Path | str
    style: Any
    result: Motion | None
    error: KinestyleError | None = None


def stylize_many(
    stylizer: _Stylizer,
    clips: Iterable[Motion | Path | str],
    styles: Iterable[Any],
    settings: Settings,
) -> Iterator[Stylized]:
    """See `Stylizer.stylize_many`."""
    if isinstance(clips, str | Path) or not isinstance(clips, Iterable):
        raise wrong_type("clips", clips, "several clips, or paths of such, in a list")
    if isinstance(styles, str) or not isinstance(styles, Iterable):
        raise wrong_type("styles", styles, 'several styles in a list, such as ["old", "proud"]')
    codes = []
    for style in styles:
        cue: Cue[Any] = style if isinstance(style, Cue) else Cue.of(style)
        codes.append((style, stylizer.style_of(cue, settings.seed)))
    return _one_by_one(stylizer, clips, codes, settings)


def _one_by_one(
    stylizer: _Stylizer,
    clips: Iterable[Motion | Path | str],
    codes: list[tuple[Any, StyleCode]],
    settings: Settings,
) -> Iterator[Stylized]:
    for clip in clips:
        try:
            motion = open_motion(clip) if isinstance(clip, str | Path) else clip
            analysis = stylizer.analyse(motion, rig=settings.rig, cycle=settings.cycle)
        except KinestyleError as error:
            for style, _ in codes:
                yield Stylized(clip, style, None, error)
            continue
        for style, code in codes:
            try:
                result = stylizer.apply(analysis, code, settings)
            except KinestyleError as error:
                yield Stylized(clip, style, None, error)
            else:
                result = with_notes(result, analysis, code, settings)
                for note in result.warnings:
                    warn(note, KinestyleWarning, stacklevel=2)
                yield Stylized(clip, style, result)
