"""Restyling: a clip and a style in, the same rig out. A clip goes onto the canonical skeleton and
through the networks; what they change goes back onto its own rig.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack, overload
from warnings import warn

import numpy as np

from kinestyle.bundle import UNSUPERVISED, Bundle, Style
from kinestyle.errors import ClipError, KinestyleWarning, StyleError, wrong_type
from kinestyle.motion.clip import Clip
from kinestyle.motion.lead_in import without_lead_in
from kinestyle.motion.rotation import Array
from kinestyle.motion.window import (
    WINDOWS,
    Motion,
    Progress,
    WindowSize,
    part_of_progress,
    require_motion,
)
from kinestyle.note import Note
from kinestyle.retarget.correspondence import Correspondence, correspond
from kinestyle.retarget.features import FRAME_RATE
from kinestyle.retarget.survey import FeatureFrames, Survey, survey
from kinestyle.retarget.travel import end_distance_m
from kinestyle.rig.mapping import map_joints
from kinestyle.rig.presets import as_rig
from kinestyle.rig.rig_file import Rig
from kinestyle.runtime.analysis import Analysis
from kinestyle.runtime.code_change import (
    CodeChange,
    by_made_style,
    by_posture,
    code_of,
    ends_otherwise,
    presence_of,
    strength_of,
    tempo_of,
)
from kinestyle.runtime.cue import STYLE_FILE, Cue
from kinestyle.runtime.curve import Curve
from kinestyle.runtime.edits import plan_edit
from kinestyle.runtime.finish import finish, with_notes
from kinestyle.runtime.graphs import Graphs
from kinestyle.runtime.out_of_domain import DomainScore, lying_of
from kinestyle.runtime.reference import ReferenceStyle, StyleCode, hear
from kinestyle.runtime.restyled import Restyled, travel_notes
from kinestyle.runtime.seen import AnyMotion, Seen, see
from kinestyle.runtime.sequences import SHORTEST_FRAMES, Encoding, Sequences
from kinestyle.runtime.settings import CycleMode, Settings, SettingsChanges, changed
from kinestyle.runtime.timing import (
    find_moments,
    movement,
    timing_note,
)

if TYPE_CHECKING:
    from kinestyle.runtime.many import Stylized

LONGEST_SECONDS = 12 * 3600.0
"""Of motion that is restyled: 60 kB a second are kept of it."""


class Stylizer:
    """Restyles clips with one bundle.

    `Stylizer.load()` opens the bundle that ships with Kinestyle, `Stylizer.load(path)` another.
    `stylize` is `style_of`, then `analyse`, then `apply`: one analysis serves many styles.
    """

    def __init__(self, bundle: Bundle, windows: WindowSize = WINDOWS):
        """windows: in which clips are restyled, and from which length on"""
        self.bundle, self.windows = bundle, windows
        self.graphs = Graphs(bundle)
        self.at_hand: Mapping[str, Style] = {}
        """Styles by names of `.style` files, which are not read then."""

    @classmethod
    def load(cls, path: Path | str | None = None, styles: Iterable[Path | str] = ()) -> Stylizer:
        """styles: `.style` files, and folders of such, whose styles are known by name as well

        Raises BundleError for a file that is not a bundle of this version; StyleError,
        MotionFileError.
        """
        if path is not None and not isinstance(path, str | PathLike):
            raise wrong_type("path", path, "a .kinestyle file, or the name of a bundle that ships")
        bundle = Bundle.open(path)
        if places := tuple(styles):
            from kinestyle.runtime.style_files import with_own_styles

            bundle = with_own_styles(bundle, places)
        return cls(bundle)

    @property
    def styles(self) -> tuple[Style, ...]:
        """Those that have a name: the bundle's, and one's own."""
        return self.bundle.styles

    def __repr__(self) -> str:
        return f"<Stylizer {self.bundle.path.stem}: {len(self.styles)} styles>"

    @overload
    def stylize(
        self,
        clip: Clip,
        style: Cue[Motion | Style] | str | Sequence[str] | Mapping[str, float] | None = None,
        settings: Settings | None = None,
        *,
        like: Motion | Style | Sequence[Motion | Style] | None = None,
        weights: Sequence[float] | Curve | str | None = None,
        random: bool = False,
        like_rig: Rig | str | Path | None = None,
        **changes: Unpack[SettingsChanges],
    ) -> Clip: ...

    @overload
    def stylize(
        self,
        clip: Motion,
        style: Cue[Motion | Style] | str | Sequence[str] | Mapping[str, float] | None = None,
        settings: Settings | None = None,
        *,
        like: Motion | Style | Sequence[Motion | Style] | None = None,
        weights: Sequence[float] | Curve | str | None = None,
        random: bool = False,
        like_rig: Rig | str | Path | None = None,
        **changes: Unpack[SettingsChanges],
    ) -> Motion: ...

    def stylize(
        self,
        clip: Motion,
        style: Cue[Motion | Style] | str | Sequence[str] | Mapping[str, float] | None = None,
        settings: Settings | None = None,
        *,
        like: Motion | Style | Sequence[Motion | Style] | None = None,
        weights: Sequence[float] | Curve | str | None = None,
        random: bool = False,
        like_rig: Rig | str | Path | None = None,
        **changes: Unpack[SettingsChanges],
    ) -> Motion:
        """The clip in another style, on the same rig, with the same frames; of a longer motion, as
        `open_motion` gives it, a motion whose frames are computed when they are asked for.

        style: a name that the bundle knows, or several that are mixed, also with their shares, as
            {"old": 0.7, "proud": 0.3}, or a whole `Cue`
        like: a clip, on any rig, whose style is taken, or several; mixed with `style` if both are
            given
        weights, random, like_rig: see `Cue`
        settings, changes: how it is restyled, see `Settings`; keywords such as strength=0.5 change
            the settings that are given, or the defaults

        What there is to know of the result stands in its `warnings`, and is said once by Python's
        `warnings`, as a KinestyleWarning. Raises StyleError, RigError, ClipError, and
        WrongTypeError.
        """
        require_motion(clip, "clip")
        cue: Cue[Motion | Style]
        if not isinstance(style, Cue):
            cue = Cue.of(style, like=like, weights=weights, random=random, like_rig=like_rig)
        elif like is not None or weights is not None or random or like_rig is not None:
            raise StyleError("a whole cue is given, and parts of one; give one of the two")
        else:
            cue = style
        settings = changed(settings, changes)
        code = self.style_of(cue, settings.seed)
        analysis = self.analyse(clip, rig=settings.rig, cycle=settings.cycle)
        result = with_notes(self.apply(analysis, code, settings), analysis, code, settings)
        for note in result.warnings:
            warn(note, KinestyleWarning, stacklevel=2)
        return result

    def stylize_many(
        self,
        clips: Iterable[Motion | Path | str],
        styles: Iterable[Cue[Motion | Style] | str | Sequence[str] | Mapping[str, float]],
        settings: Settings | None = None,
        **changes: Unpack[SettingsChanges],
    ) -> Iterator[Stylized]:
        """Every clip in every style, one after the other; each clip is analysed once.

        clips: motions, or files, which are read when it is their turn
        styles: as `stylize` takes one, each for results of its own

        A clip that cannot be restyled stops nothing: its results have an error. Notes stand in the
        warnings of each result, and are given as `stylize` gives them. Raises StyleError, before
        anything is restyled, and WrongTypeError.
        """
        from kinestyle.runtime.many import stylize_many

        return stylize_many(self, clips, styles, changed(settings, changes))

    def style_of(self, cue: Cue[Motion | Style] | str, seed: int = 0) -> StyleCode:
        """(K,) the style code that a cue, or a style's name, asks for, with the posture of its
        references.

        Of a style, or of what a reference's may be, the middle (seed 0) or a draw; the same for the
        same seed. Several are mixed. Raises StyleError, RigError, ClipError.
        """
        cue = cue if isinstance(cue, Cue) else Cue.of(cue)
        seed = Settings(seed=seed).seed
        if cue.random:
            return self._draw(np.random.default_rng(seed)).view(StyleCode)
        styles = [*map(self.style, cue.style_names), *self.read_references(cue).like]
        return code_of(styles, cue.parts, cue.weights, seed)

    def style(self, name: str) -> Style:
        """A style by its name or its label, or by its `.style` file; of files in `at_hand`, the
        style that is there. Raises StyleError, MotionFileError.
        """
        if name in self.at_hand:
            return self.at_hand[name]
        if name.lower().endswith(STYLE_FILE):
            from kinestyle.runtime.style_files import read_style

            return read_style(Path(name), self.bundle)
        return self.bundle.style(name)

    def read_references(
        self, cue: Cue[Motion | Style], progress: Progress | None = None
    ) -> Cue[Style]:
        """The cue with the styles of its reference clips: many seeds need them read only once.

        progress: as in `analyse`
        """
        count = len(cue.like)
        parts = iter(range(count))

        def read(reference: Motion | Style) -> Style:
            part = next(parts)
            if isinstance(reference, Style):
                return reference
            own = part_of_progress(progress, part / count, (part + 1) / count)
            return self.reference_style(reference, rig=cue.like_rig, progress=own)

        return cue.map(read)

    def _draw(self, random: np.random.Generator) -> np.ndarray:
        """(K,) a draw from all styles that the bundle knows.

        A bundle without named styles draws from a standard normal, one with them draws a style,
        each as likely, and then from it.
        """
        learned = self.bundle.manifest.styles
        if learned:
            return learned[int(random.integers(len(learned)))].draw(random)
        if self.bundle.manifest.prior is None:
            name = self.bundle.path.name
            raise StyleError(
                f"the bundle {name} has neither named styles nor a prior to draw from; take the "
                f"style of a clip"
            )
        size = self.graphs.code_size
        return Style("any", 0.0, np.zeros(size), np.ones(size)).draw(random)

    def reference_style(
        self,
        reference: Motion,
        label: str | None = None,
        rig: Rig | str | Path | None = None,
        progress: Progress | None = None,
        posture: bool = False,
    ) -> ReferenceStyle:
        """The style of a clip on any rig: its likeliest code, and how sure that is.

        label: the named style that the clip shows, for bundles whose networks read labels; without
            it they are given none
        posture: find it anyway, not only where no learned style is near
        rig: as in `Settings`
        progress: as in `analyse`

        Raises StyleError for an unknown label, RigError, ClipError.
        """
        size = self.windows
        _require_numbers(reference, "a reference")
        reference, _ = without_lead_in(reference)
        correspondence = correspond(
            reference,
            map_joints(reference, as_rig(rig)),
            size,
            part_of_progress(progress, 0.0, 0.2),
        )
        surveyed = survey(reference, correspondence, size, part_of_progress(progress, 0.2, 0.4))
        frames = FeatureFrames(reference)
        encoding = self._sequences.encode(
            frames, correspondence, surveyed.feature_contact, part_of_progress(progress, 0.4, 1.0)
        )
        style = hear(
            self._read_style(reference, encoding.latent),
            encoding.rotation,
            encoding.height - surveyed.elevation,
            self._domain(reference, encoding),
            self.bundle.manifest.styles,
            posture,
        )
        if posture:
            content = self._sequences.content(encoding.latent).mean(axis=1)
            style = replace(style, content=content.astype(float))
        labels = self.bundle.manifest.label_numbers
        if label is None or not labels:
            return style
        named = self.bundle.style(label)
        return replace(
            style,
            mean=np.concatenate([style.mean[:-labels], named.mean[-labels:]]),
            std=np.concatenate([style.std[:-labels], named.std[-labels:]]),
        )

    def _read_style(self, motion: Motion, latent: np.ndarray) -> Style:
        seconds = (motion.frame_count - 1) * motion.frame_time_seconds
        return Style(motion.name, seconds, *self.graphs.style(latent))

    def _domain(self, motion: Motion, encoding: Encoding) -> DomainScore:
        return DomainScore(
            motion.name,
            encoding.error_cm,
            self.bundle.manifest.reference_error_cm,
            lying_of(encoding.rotation),
        )

    @property
    def _sequences(self) -> Sequences:
        return Sequences(self.graphs, self.windows)

    def analyse(
        self,
        clip: AnyMotion,
        correspondence: Correspondence | None = None,
        rig: Rig | str | Path | None = None,
        progress: Progress | None = None,
        cycle: CycleMode = "auto",
    ) -> Analysis[AnyMotion]:
        """Bring a clip, or a longer motion, onto the canonical skeleton and through the encoders.

        rig, cycle: as in `Settings`
        progress: called with the share that is done; what it raises ends the work

        Raises RigError, ClipError.
        """
        _require_numbers(clip, "clip")
        seconds = clip.frame_count * clip.frame_time_seconds
        if seconds > LONGEST_SECONDS:
            raise ClipError(
                f"{clip.name} lasts {seconds / 3600.0:.0f} hours, at most "
                f"{LONGEST_SECONDS / 3600.0:.0f} are restyled; check its frame time, or cut it"
            )
        size = self.windows
        rest, lead_in = without_lead_in(clip)
        correspondence = correspondence or correspond(
            rest, map_joints(rest, as_rig(rig)), size, part_of_progress(progress, 0.0, 0.12)
        )
        if isinstance(clip, Clip) and clip.frame_count > 1 and clip.is_still:
            clip = clip.with_warnings(
                Note(
                    f"nothing moves in {clip.name}: all of its {clip.frame_count} frames are the "
                    f"same",
                    "still",
                    f"Nothing moves: all {clip.frame_count} frames are the same",
                )
            )
        seen = see(clip, rest, lead_in, correspondence, cycle)
        motion = seen.motion
        surveyed = survey(motion, correspondence, size, part_of_progress(progress, 0.12, 0.28))
        frames = FeatureFrames(motion)
        if frames.frame_count < SHORTEST_FRAMES:
            seen = seen.with_warnings(
                Note(
                    f"{clip.name} lasts {frames.frame_count} frames at {FRAME_RATE:g} frames/s, "
                    f"too short to show a style well; {SHORTEST_FRAMES} or more are better",
                    "short",
                    f"Too short to show a style well: {SHORTEST_FRAMES / FRAME_RATE:.1f} s or "
                    f"more are better",
                )
            )
        return self._encode(seen, cycle, correspondence, surveyed, frames, progress)

    def _encode(
        self,
        seen: Seen[AnyMotion],
        cycle: CycleMode,
        correspondence: Correspondence,
        surveyed: Survey,
        frames: FeatureFrames,
        progress: Progress | None,
    ) -> Analysis[AnyMotion]:
        sequences = self._sequences
        encoding = sequences.encode(
            frames, correspondence, surveyed.feature_contact, part_of_progress(progress, 0.28, 0.76)
        )
        content = sequences.content(encoding.latent)
        style = self._read_style(seen.whole, encoding.latent)
        own = sequences.generate(content, style.mean)
        latent = sequences.with_residual(own, encoding.latent)
        return Analysis(
            seen,
            cycle,
            correspondence,
            surveyed,
            content,
            style,
            sequences.render(latent, frames.frame_count, part_of_progress(progress, 0.82, 1.0)),
            encoding.heading,
            encoding.rotation,
            encoding.height,
            self._domain(seen.whole, encoding),
        )

    def in_time(
        self,
        analysis: Analysis[AnyMotion],
        code: np.ndarray,
        settings: Settings | None = None,
        progress: Progress | None = None,
        **changes: Unpack[SettingsChanges],
    ) -> Analysis[AnyMotion]:
        """The analysis of the clip as fast as the style of a code (K,) moves, which `apply` goes on
        with; the very one that is given, where timing is keep or nothing is to be hurried or
        slowed. Of a cycle whose style is another at its end than at its beginning, that of a clip
        that begins and ends.

        The last one is kept with the analysis: while a style's tempo stays, it is made once.

        progress: as in `analyse`

        Raises StyleError for a bundle that does not know the tempo of its styles.
        """
        settings = changed(settings, changes)
        if settings.strength == 0:
            return analysis
        if analysis.is_cycle and ends_otherwise(analysis, code, settings):
            analysis = self._not_as_cycle(analysis)
        if settings.timing == "keep":
            return analysis
        seen, own = analysis.seen, analysis.seen.feature_frames
        change = strength_of(settings, analysis) * tempo_of(self.bundle, code, analysis)
        moments = find_moments(
            settings.timing,
            (change * analysis.domain.share_under(settings))[own],
            movement(analysis.rotation)[own],
            seen.piece.frame_count,
            seen.whole.frame_time_seconds,
        )
        if moments is None:
            return analysis
        key = moments.tobytes()
        if key not in analysis.in_time:
            analysis.in_time.clear()
            analysis.in_time[key] = self._retime(analysis, moments, progress)
        return analysis.in_time[key]

    def _not_as_cycle(self, analysis: Analysis[AnyMotion]) -> Analysis[AnyMotion]:
        """The analysis of the clip as one that begins and ends. It is kept with that of the
        cycle.
        """
        key = b"no cycle"
        if key not in analysis.in_time:
            analysis.in_time[key] = self.analyse(analysis.clip, analysis.correspondence, cycle="no")
        return analysis.in_time[key]

    def _retime(
        self, analysis: Analysis[Any], moments: Array, progress: Progress | None
    ) -> Analysis[Any]:
        """The analysis of a clip whose moving frames are at other moments (M,), on the same rig."""
        c, whole = analysis.correspondence, analysis.seen.whole
        body, _ = c.body
        timed = analysis.seen.in_time(moments, body)
        seen = timed.seen.with_warnings(timing_note(whole, timed.seen.whole.frame_count, moments))
        frames = FeatureFrames(seen.motion)
        surveyed = analysis.survey.at(timed.of_motion, frames)
        done = self._encode(seen, analysis.cycle, c, surveyed, frames, progress)
        return replace(done, moments=timed.of_whole)

    @overload
    def apply(
        self,
        analysis: Analysis[Clip],
        code: np.ndarray,
        settings: Settings | None = None,
        progress: Progress | None = None,
        **changes: Unpack[SettingsChanges],
    ) -> Clip: ...

    @overload
    def apply(
        self,
        analysis: Analysis[Motion],
        code: np.ndarray,
        settings: Settings | None = None,
        progress: Progress | None = None,
        **changes: Unpack[SettingsChanges],
    ) -> Motion: ...

    def apply(
        self,
        analysis: Analysis[Motion],
        code: np.ndarray,
        settings: Settings | None = None,
        progress: Progress | None = None,
        **changes: Unpack[SettingsChanges],
    ) -> Motion:
        """The analysed clip in the style of a code (K,). Cheap beside `analyse`: this is what a
        slider calls. The seed chose the code and the rig the analysis: neither counts here. An
        analysis for another setting of cycle is made again.

        progress: as in `analyse`

        The result of a clip is a clip. Of a longer motion, each window of the result is computed
        when it is asked for.
        """
        settings = changed(settings, changes)
        if not isinstance(analysis, Analysis):
            raise wrong_type("analysis", analysis, "what `analyse` made of a clip")
        if not isinstance(code, np.ndarray):
            raise wrong_type("code", code, "a style's code, as style_of('old') gives it")
        if settings.cycle != analysis.cycle and settings.strength:
            analysis = self.analyse(analysis.clip, analysis.correspondence, cycle=settings.cycle)
        timed = self.in_time(analysis, code, settings, part_of_progress(progress, 0.0, 0.1))
        # what cannot be taken of the clip is said before it is restyled
        plan = plan_edit(timed.clip, settings, timed.moments)
        result = self._restyled(timed, code, settings, progress)
        return finish(result, timed.clip, timed.correspondence, plan, settings)

    def _restyled(
        self,
        analysis: Analysis[Motion],
        code: np.ndarray,
        settings: Settings,
        progress: Progress | None,
    ) -> Motion:
        """The analysed clip, in its style's time already, restyled and no more."""
        strength = strength_of(settings, analysis)
        if isinstance(strength, float) and strength == 0.0:
            return analysis.clip
        presence = presence_of(settings, analysis)
        finder = CodeChange(analysis, settings, self._sequences, self.windows, strength, presence)
        change = finder.of(code, part_of_progress(progress, 0.1, 0.3))
        surveyed, notes = analysis.survey, tuple[str, ...]()
        if settings.action == "keep":
            surveyed = surveyed.on_any_ground
            coded = by_posture(code, settings, analysis) + by_made_style(code) < 1.0
            notes = analysis.own_action_notes if coded else ()
        result = Restyled(
            analysis.seen.motion,
            analysis.correspondence,
            surveyed,
            change,
            settings.root,
            self.windows,
            part_of_progress(progress, 0.4, 1.0),
            analysis.seen.begins,
            analysis.seen.returns,
            settings.feet,
            presence,
            change.left_out_hands if settings.keep == "world" else {},
            change.styled_arms if settings.action == "keep" else {},
            analysis.action.hold if settings.action == "keep" else None,
        )
        done = analysis.seen.put_back(result, self.windows)
        apart = end_distance_m(analysis.clip, done, analysis.correspondence)
        done = done.with_warnings(*notes, *travel_notes(apart))
        if isinstance(done, Clip) and settings.keep_original and done.animation:
            done = replace(done, animation=f"{done.animation} restyled")
        return done


def bundle_for(cue: Cue[Any], named: Path | str | None = None) -> Path | str | None:
    """The bundle to load for a cue: the one that is named, else the one that ships and suits it.
    None: the first that ships.
    """
    return UNSUPERVISED if named is None and cue.random else named


def _require_numbers(motion: object, what: str) -> None:
    """Raises WrongTypeError for what is no motion, ClipError for one that is not finite."""
    require_motion(motion, what)
    if isinstance(motion, Clip) and not motion.is_finite:
        raise ClipError(
            f"{motion.name} has positions or rotations that are not finite numbers; correct them "
            f"first"
        )
