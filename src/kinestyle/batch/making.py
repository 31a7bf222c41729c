"""Making results: one, and all of a clip, of which none stops the others."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

from kinestyle.batch.manifest import Outcome, State
from kinestyle.batch.order import Order, Result, Work, strength_tag, tags_of
from kinestyle.batch.places import Results, as_file
from kinestyle.batch.result_file import clip_notes, make_result
from kinestyle.bundle import Style
from kinestyle.errors import KinestyleError, MissingExtraError, one_line, sentence_of
from kinestyle.formats.every_animation import open_all, with_animation
from kinestyle.formats.table import open_as
from kinestyle.motion.window import Motion
from kinestyle.runtime.analysis import Analysis
from kinestyle.runtime.cue import STYLE_FILE, Cue
from kinestyle.runtime.part_names import split_style
from kinestyle.runtime.stylizer import Stylizer, bundle_for


class Maker:
    """Makes the results of one order, clip by clip, below a folder."""

    def __init__(self, order: Order, results: Results) -> None:
        """Raises StyleError, BundleError, MotionFileError."""
        self.order, self.results = order, results
        self.stylizer = Stylizer.load(bundle_for(order.cues[0], order.bundle), order.own_styles)

    def with_known_styles(self) -> tuple[Order, tuple[str, ...]]:
        """The order with its references read, and what is to be said of its styles. Raises
        StyleError, RigError, ClipError, MotionFileError for a style that cannot be taken.
        """
        cues: list[Cue[Style]] = []
        notes: list[str] = []
        for cue in self.order.cues:
            opened = cue.map(
                lambda reference: (
                    reference
                    if isinstance(reference, Style)
                    else open_as(Path(reference), self.order.like_reading)
                )
            )
            known = self.stylizer.read_references(opened)
            notes += self.stylizer.style_of(known, self.order.settings.seed).notes
            cues.append(known)
        self.order = replace(
            self.order,
            cues=tuple(map(_anywhere, cues)),
            bundle=None if self.order.bundle is None else _known_anywhere(self.order.bundle),
            own_styles=tuple(map(_known_anywhere, self.order.own_styles)),
        )
        return self.order, tuple(dict.fromkeys(notes))

    def make(self, work: Work) -> Iterator[Outcome]:
        """Make each result that is wanted of a clip; an outcome for each, whatever goes wrong."""
        began = time.monotonic()
        with ExitStack() as stack:  # long motion is read while results are written
            try:
                opened = open_all(stack.enter_context(as_file(work.clip.place)), self.order.reading)
                known = [self._analysed(name, motion) for name, motion in opened]
            except Exception as error:
                state, why = became_of(error)
                seconds = round(time.monotonic() - began, 3)
                for result in work.results:
                    yield self.outcome(work, result, state, why=why, seconds=seconds)
                return
            for result in work.results:
                yield self._made(work, result, known, began)
                began = time.monotonic()

    def _analysed(self, name: str, motion: Motion) -> tuple[str, Analysis[Motion], tuple[str, ...]]:
        wanted = self.order.settings
        analysis = self.stylizer.analyse(motion, rig=wanted.rig, cycle=wanted.cycle)
        return name, analysis, clip_notes(analysis, wanted)

    def _made(
        self,
        work: Work,
        result: Result,
        known: list[tuple[str, Analysis[Motion], tuple[str, ...]]],
        began: float,
    ) -> Outcome:
        folder = PurePosixPath(result.out).parent
        files: list[str] = []
        notes: list[str] = []
        frames = size = 0
        settings, cue = self.order.seeded(result.seed), self.order.cues[result.cue]
        try:
            with self.results.writing(result.out) as target:
                for name, analysis, of_clip in known:
                    place = with_animation(target, name)
                    count, more = make_result(self.stylizer, analysis, cue, settings, place)
                    frames, size = frames + count, size + place.stat().st_size
                    notes += (*of_clip, *more)
                    files.append((folder / place.name).as_posix())
        except Exception as error:
            state, why = became_of(error)
            seconds = round(time.monotonic() - began, 3)
            return self.outcome(work, result, state, why=why, seconds=seconds)
        return self.outcome(
            work,
            result,
            "made",
            notes=tuple(dict.fromkeys(map(one_line, notes))),
            files=tuple(files),
            size=size,
            frames=frames,
            seconds=round(time.monotonic() - began, 3),
        )

    def outcome(self, work: Work, result: Result, state: State, **more: Any) -> Outcome:
        return outcome_of(self.order, work, result, state, **more)


def _known_anywhere(place: str) -> str:
    """A name that processes in other folders know too; what ships with the package stays."""
    return str(Path(place).absolute()) if Path(place).exists() else place


def _anywhere(cue: Cue[Style]) -> Cue[Style]:
    """The cue with style files by names that other folders know too."""
    names = []
    for style in cue.style:
        name, parts = split_style(style)
        if name.lower().endswith(STYLE_FILE):
            style = f"{_known_anywhere(name)}{'' if parts is None else f'@{parts}'}"
        names.append(style)
    return replace(cue, style=tuple(names))


def outcome_of(order: Order, work: Work, result: Result, state: State, **more: Any) -> Outcome:
    """The line of one result."""
    strength = order.settings.strength
    return Outcome(
        work.clip.name,
        tags_of(order)[result.cue],
        float(strength) if isinstance(strength, float | int) else strength_tag(strength),
        result.seed,
        result.out,
        result.key,
        state,
        **more,
    )


def became_of(error: Exception) -> tuple[State, str]:
    """Whether a result is refused, or another try may make it; and the sentence."""
    sentence = sentence_of(error)
    if sentence is None:
        place = error.__traceback__
        while place is not None and place.tb_next is not None:
            place = place.tb_next
        where = "" if place is None else f" in {place.tb_frame.f_code.co_name}"
        return "failed", one_line(f"a fault in Kinestyle{where}: {type(error).__name__}: {error}")
    of_machine = isinstance(error, OSError | MemoryError | MissingExtraError) or isinstance(
        error.__cause__, OSError
    )
    return "refused" if isinstance(error, KinestyleError) and not of_machine else "failed", sentence
