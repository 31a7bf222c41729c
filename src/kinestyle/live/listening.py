"""The networks over the last second of a performer.

Of what comes after a frame, networks see more than a second, and a stream has a quarter of one. So
motion is continued, see `kinestyle.live.forecast`. What the networks then say of a frame with eight
frames behind it is less than half a centimetre from what they say of the whole motion; with all
joints slowing down it is a centimetre. Windows begin at whole strides of the networks, so that
one says of a frame what the next one says of it; what is still between two of them fades within
tenths of a second. What earlier ones said is remembered for as long as what a limb does is looked
at.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, replace
from math import ceil, inf

import numpy as np

from kinestyle.errors import StyleError
from kinestyle.live.calibration import Calibration
from kinestyle.live.forecast import forecast
from kinestyle.live.habits import Habits, Settled
from kinestyle.live.performer import Performer
from kinestyle.live.track import Track
from kinestyle.motion import rotation
from kinestyle.motion.canonical import canonical_clip
from kinestyle.motion.resampling import SPLINE_REACH, spline_vector
from kinestyle.motion.rotation import Array
from kinestyle.motion.smoothing import smooth_in_time, smootherstep
from kinestyle.motion.window import WINDOWS
from kinestyle.retarget.features import (
    FRAME_RATE,
    LAYOUT,
    clip_to_features,
    heading,
    heading_free_rotation,
    without_heading,
)
from kinestyle.runtime.action import Action, find_action, keep_action
from kinestyle.runtime.change import Change, find_change
from kinestyle.runtime.code_change import by_made_style, hears_posture
from kinestyle.runtime.doing import likeness
from kinestyle.runtime.graphs import STRIDE, Graphs
from kinestyle.runtime.out_of_domain import DomainScore, lying_of, reconstruction_error_cm
from kinestyle.runtime.posture import Posture
from kinestyle.runtime.reference import mix_changes, posture_change
from kinestyle.runtime.residual import STYLE_RESIDUAL_GATE, slow_part, style_share
from kinestyle.runtime.sequences import SMOOTHING_FRAMES, Rendering, measure_reach
from kinestyle.runtime.settings import Settings

WINDOW_FRAMES = 32
"""At 30 a second: more of the past changes nothing that the networks say of the frames that leave.
They see 35 frames back."""

FRESH_FRAMES = 24
"""So many of a window's last frames are taken from it, and those before from earlier windows, which
saw what came before them."""

REMEMBERED_FRAMES = 64
"""The past in which it is looked what limbs do, see `kinestyle.runtime.action`."""

CONTINUED_FRAMES = 12
"""So many frames at least motion is continued."""

SEARCHED_FRAMES = 150
"""The past in which it is looked for what comes."""

SEAM_FRAMES = 4.0
"""Within how many frames at 30 a second a result passes from one window to the next."""

_REMEMBERED_ROWS = REMEMBERED_FRAMES + CONTINUED_FRAMES + 2 * STRIDE

_STYLE_CHANGES = 4
"""After so many changes of the habits a performer's own style is heard again: about a second."""

_RESIDUAL_WINDOWS = 150.0
"""Over so many windows what is missed of a performer's style is averaged: ten seconds."""


@dataclass(frozen=True, eq=False)
class Heard:
    """What the networks say of the last seconds, T frames at 30 a second, continued.

    first: the number of the first frame; count: how many of them have come
    window: the number of the first frame that the networks saw this time; fresh: of the first one
        that is new
    heading: (T,) radians; rotation: (T, 21, 4) as in `Rendering`; height: (T,)
    content: (C, N/8) of the N frames that the networks saw; own: the motion in its own style
    domain: how well the bundle knows it
    habits: of the performer, of more than these seconds
    """

    first: int
    count: int
    window: int
    fresh: int
    heading: Array
    rotation: Array
    height: Array
    content: np.ndarray
    own: Rendering
    domain: DomainScore
    habits: Habits

    def since(self, frame: int) -> Heard:
        """The same from a frame on, where it begins before."""
        if frame <= self.first:
            return self
        some = slice(frame - self.first, None)
        own = self.own
        return replace(
            self,
            first=frame,
            count=self.count - some.start,
            heading=self.heading[some],
            rotation=self.rotation[some],
            height=self.height[some],
            own=Rendering(own.rotation[some], own.height[some], own.velocity[some]),
            domain=self.domain.part(some, 0.0),
        )

    def action(self) -> Action:
        """As `Analysis.action`, on level ground; of the frames that have come."""
        come = slice(0, self.count)
        return find_action(
            self.rotation[come],
            self.height[come],
            self.own.rotation[come],
            self.domain.times_reference[come],
            np.zeros(self.count),
        )


class Listener:
    """Runs the networks over the last frames of a performer."""

    def __init__(self, graphs: Graphs, calibration: Calibration) -> None:
        self.graphs = graphs
        self._habits = Habits(calibration.habits)
        self._style: tuple[int, np.ndarray] | None = None
        self._window = window_frames(graphs)
        self._said = Track(_REMEMBERED_ROWS)
        self._missed = 0.0
        self._windows = 0.0

    def hear(self, performer: Performer) -> Generator[None, None, Heard]:
        """What they say of what came up to now, in two pieces."""
        stop = performer.feature_count
        first = max(0, (stop - self._window) // STRIDE * STRIDE)
        turned, hips = performer.features(first, stop)
        count = stop - first
        total = ceil((count + CONTINUED_FRAMES) / STRIDE) * STRIDE
        past = performer.features(max(performer.first_feature, stop - SEARCHED_FRAMES), stop)
        more = forecast(past[1], past[0], total - count)
        canonical = canonical_clip(
            np.concatenate([hips, more[0]]), np.concatenate([turned, more[1]]), 1.0 / FRAME_RATE
        )
        facing = heading(canonical)
        own_rotation = without_heading(canonical, facing)
        features = clip_to_features(canonical, np.zeros((total, 4)), facing, own_rotation)
        latent = self.graphs.encode(features)
        content = self.graphs.content(latent)
        height = features[:, LAYOUT["root_height"]][:, 0]
        self._habits.settle(Settled(latent, content, own_rotation, height), first, count)
        own = self.graphs.generate(content, self._own_style())
        own = own + self._residual(latent - own)
        fresh = max(first, stop - FRESH_FRAMES)
        error = self._error(latent, own_rotation, slice(fresh - first, count))
        yield
        rendered = self.render(own)
        rows = {
            "heading": facing,
            "rotation": own_rotation,
            "height": height,
            "error": error,
            "own_rotation": rendered.rotation,
            "own_height": rendered.height,
            "own_velocity": rendered.velocity,
        }
        self._said = said = put_window(self._said, first, fresh, rows)
        begin = max(said.first, stop - REMEMBERED_FRAMES)
        rows = {name: said.rows(name, begin, first + total) for name in rows}
        reference = self.graphs.bundle.manifest.reference_error_cm
        return Heard(
            begin,
            stop - begin,
            first,
            fresh,
            rows["heading"],
            rows["rotation"],
            rows["height"],
            content,
            Rendering(rows["own_rotation"], rows["own_height"], rows["own_velocity"]),
            DomainScore("the stream", rows["error"], reference, lying_of(rows["rotation"])),
            self._habits,
        )

    def _error(self, latent: np.ndarray, turned: Array, new: slice) -> Array:
        """latent: (Z, T/4), turned: (T, 21, 4) world rotations without heading -> (T,) the error of
        the autoencoder. It is found in the new frames that have come; what is only guessed to come
        says nothing of how well it is known.
        """
        decoded = heading_free_rotation(self.graphs.decode(latent)[new])
        error = reconstruction_error_cm(turned[new], decoded)
        return np.pad(error, (new.start, len(turned) - new.stop), mode="edge")

    def render(self, latent: np.ndarray) -> Rendering:
        """latent: (Z, T/4) -> what comes out of it."""
        features = smooth_in_time(self.graphs.decode(latent), SMOOTHING_FRAMES)
        return Rendering(
            heading_free_rotation(features),
            features[:, LAYOUT["root_height"]][:, 0],
            self.graphs.root_velocity(features).astype(float),
        )

    @property
    def style_is_due(self) -> bool:
        """Whether it is time to hear the performer's own style again."""
        changes = self._habits.changes // _STYLE_CHANGES
        return self._style is None or self._style[0] != changes

    def hear_style(self) -> np.ndarray:
        """(K,) the performer's own style, as the last seconds have it."""
        mean = self.graphs.style(self._habits.latent)[0]
        self._style = self._habits.changes // _STYLE_CHANGES, mean
        return mean

    def _own_style(self) -> np.ndarray:
        """(K,) the performer's own."""
        return self.hear_style() if self._style is None else self._style[1]

    def _residual(self, missed: np.ndarray) -> np.ndarray:
        """missed: (Z, T/4) -> what of it is style, as `with_residual` of a whole motion has it."""
        slow = slow_part(missed)
        self._windows = min(self._windows + 1.0, _RESIDUAL_WINDOWS)
        self._missed += (float(np.mean(slow**2)) - self._missed) / self._windows
        gate = self.graphs.bundle.manifest.residual_gate or STYLE_RESIDUAL_GATE
        return (style_share(self._missed, gate) * slow).astype(np.float32)


def window_frames(graphs: Graphs) -> int:
    """How many frames of the past the networks are shown: a norm over time needs more of them than
    what is near.
    """
    for name in ("content", "generate"):
        if name not in graphs.reach:
            graphs.reach[name] = measure_reach(graphs, name)
    sees_all = max(graphs.reach["content"], graphs.reach["generate"]) == inf
    return REMEMBERED_FRAMES if sees_all else WINDOW_FRAMES


def put_window(track: Track, first: int, fresh: int, rows: Mapping[str, Array]) -> Track:
    """Remember a window that begins with the frame `first`, from the frame `fresh` on; all of it
    where nothing is remembered of the frames before.
    """
    if not track.stop or fresh > track.stop:
        track, fresh = Track(track.capacity), first
    track.put(fresh, **{name: values[fresh - first :] for name, values in rows.items()})
    return track


class Voice:
    """What one style code changes of a stream, frame by frame at 30 a second."""

    def __init__(self, code: np.ndarray, settings: Settings) -> None:
        """Raises StyleError for what a stream cannot be restyled with."""
        if by_made_style(code) > 0.0:
            raise StyleError(
                "a made style is shown over a whole clip and not in a stream; give a style that "
                "the bundle learned, or the style of a clip"
            )
        self.code, self.settings = code, settings
        self._posture: tuple[int, tuple[float, Posture | None]] | None = None
        self._said = Track(_REMEMBERED_ROWS)
        self._changes = Track(REMEMBERED_FRAMES + 2 * STRIDE + 2 * SPLINE_REACH)

    @property
    def is_silent(self) -> bool:
        """Whether it is not known yet what changes."""
        return self._changes.stop == 0

    def hearing(
        self, listener: Listener, heard: Heard, action: Action | None, left: int
    ) -> list[Callable[[], None]]:
        """The work of finding what changes in the frames from `left` on, at 30 a second: two
        pieces.
        """
        posture: tuple[float, Posture | None] = 0.0, None
        found: list[Change] = []

        def generate() -> None:
            nonlocal posture
            posture = self._posture_in(heard.habits)
            if posture[0] < 1.0:
                latent = listener.graphs.generate(heard.content, self.code)
                made = listener.render(latent)
                rows = {"rotation": made.rotation, "height": made.height, "velocity": made.velocity}
                self._said = put_window(self._said, heard.window, heard.fresh, rows)
                found.append(self._decoded(heard.since(self._said.first)))

        def find() -> None:
            known = heard.since(self._said.first) if found else heard
            some = None if action is None else action.of(slice(known.first - heard.first, None))
            self._put(self._found(found[0] if found else None, posture, known, some), known, left)

        return [generate, find]

    def _amount(self, heard: Heard) -> tuple[Array, float, Array]:
        """Heading, strength and share as `find_change` takes them."""
        settings = self.settings
        assert isinstance(settings.strength, float), "the strength of a stream is a number"
        return heard.heading, settings.strength, heard.domain.share_under(settings)

    def _decoded(self, heard: Heard) -> Change:
        """What the networks change of the frames."""
        # copies: the rendering becomes the change
        rows = (
            self._said.rows(name, heard.first, heard.first + len(heard.height)).copy()
            for name in ("rotation", "height", "velocity")
        )
        return find_change(heard.own, Rendering(*rows), *self._amount(heard))

    def _put(self, change: Change, heard: Heard, left: int) -> None:
        """What changes in the frames from `left` on, at 30 a second."""
        track = self._changes
        here = slice(max(left - heard.first, 0), heard.count)
        rows = [change.rotation[here], change.rise[here], change.pace[here]]
        start = heard.first + here.start
        if track.stop > start >= track.first:
            rows = self._passing_from(start, *rows)
        elif track.stop == 0 or start > track.stop:
            start = heard.first
            all_ = slice(0, heard.count)
            rows = [change.rotation[all_], change.rise[all_], change.pace[all_]]
            self._changes = track = Track(track.capacity)
        track.put(start, rotation=rows[0], rise=rows[1], pace=rows[2])

    def _passing_from(self, start: int, turned: Array, rise: Array, pace: Array) -> list[Array]:
        """What is found now in the frames from `start` on, beginning with what was found before."""
        track, count = self._changes, len(rise)
        # what was found before reaches less far: from there on, what is between the two stays
        reach = min(track.stop - start, count)
        at = np.minimum(np.arange(count), reach - 1)
        share = 1.0 - smootherstep(np.arange(count) / SEAM_FRAMES)
        was = [track.rows(n, start, start + reach)[at] for n in ("rotation", "rise", "pace")]
        seam = rotation.log(rotation.multiply(was[0], rotation.inverse(turned[at])))
        return [
            rotation.multiply(rotation.exp(share[:, None, None] * seam), turned),
            rise + share * (was[1] - rise[at]),
            pace + share[:, None] * (was[2] - pace[at]),
        ]

    def _found(
        self,
        decoded: Change | None,
        posture: tuple[float, Posture | None],
        heard: Heard,
        action: Action | None,
    ) -> Change:
        """decoded: what the networks change; None where posture says all; posture: how far it says
        what is changed, and which
        """
        amount, come = self._amount(heard), slice(0, heard.count)
        of_posture, wanted = posture
        found: list[tuple[float, Change]] = []
        if decoded is not None:
            change = decoded.of(come)
            if action is not None:
                change = keep_action(action, heard.heading[come], change, WINDOWS, amount[1])
            found.append((1.0 - of_posture, change))
        if of_posture and wanted:
            held = posture_change(
                wanted, heard.rotation, heard.height, *amount, WINDOWS, heard.habits.posture()
            ).of(come)
            if action is not None:
                alike = likeness(heard.habits.posture().doing, wanted.doing)
                doubted = action.doubted_by(alike)
                held = keep_action(doubted, heard.heading[come], held, WINDOWS)
            found.append((of_posture, held))
        return mix_changes(found)

    def _posture_in(self, habits: Habits) -> tuple[float, Posture | None]:
        """How far posture says what is changed, and which, for what the performer does."""
        if not hears_posture(self.code, self.settings):
            return 0.0, None
        if self._posture is None or self._posture[0] != habits.changes:
            self._posture = habits.changes, self.code.heard_in(habits.content, habits.posture())
        return self._posture[1]

    def at(self, first: int, last: int, frame_time_seconds: float) -> Change:
        """As `Change.at`, for frames of the stream."""
        step = frame_time_seconds * FRAME_RATE
        step = 1.0 if abs(step - 1.0) < 1e-3 else step
        at_frame = np.arange(first, last) * step
        track = self._changes
        start = max(track.first, int(at_frame[0]) - SPLINE_REACH)
        stop = min(track.stop, ceil(at_frame[-1]) + SPLINE_REACH + 1)
        turned, rise, pace = (track.rows(n, start, stop) for n in ("rotation", "rise", "pace"))
        at_frame = at_frame - start
        # all at once: what it takes is mostly a matter of how often numpy is called
        turned = rotation.continuous(turned)
        numbers = [turned.reshape(len(turned), -1), pace, rise[:, None]]
        found = spline_vector(np.concatenate(numbers, axis=1), at_frame)
        return Change(
            rotation.normalize(found[:, :-4].reshape(-1, *turned.shape[1:])),
            found[:, -1],
            found[:, -4:-1] * step,
            None,
        )
