"""Restyling a stream: a frame in, an earlier frame out."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from math import ceil, floor
from pathlib import Path
from typing import Unpack

import numpy as np

from kinestyle.bundle import Bundle, Style
from kinestyle.errors import StyleError
from kinestyle.live.calibration import Calibration, calibrate
from kinestyle.live.listening import REMEMBERED_FRAMES, SEARCHED_FRAMES, Heard, Listener
from kinestyle.live.performer import Frame, Performer
from kinestyle.live.stage import Part, Stage
from kinestyle.motion.clip import Clip
from kinestyle.motion.window import Motion
from kinestyle.retarget.features import FRAME_RATE
from kinestyle.runtime.cue import Cue
from kinestyle.runtime.graphs import STRIDE
from kinestyle.runtime.settings import Settings, SettingsChanges, changed
from kinestyle.runtime.stylizer import Stylizer

LOOKAHEAD_SECONDS = 0.27
"""A frame leaves at most so long after it came."""

_HOP = 3
"""Frames at 30 a second between two windows; one less where the work is not spread."""

_SPREAD_FROM = 45.0
"""Frames a second from which on the work on a window is spread over several of them: slower streams
have the time for all of it at once, and what leaves then is known better."""

_KEPT_SECONDS = 1.0 + max(REMEMBERED_FRAMES + 2 * STRIDE, SEARCHED_FRAMES) / FRAME_RATE


class StreamingStylizer:
    """Restyles one performer's frames as they come. Each frame leaves `lookahead_seconds` after it
    came, always the same and at most `LOOKAHEAD_SECONDS`.

    Style, strength and parts may change at any time, see `restyle`: the body passes to them in half
    a second. While strength is 0, the very numbers that came leave, moved over the ground as far as
    the style had taken the body.
    """

    def __init__(
        self,
        bundle: Stylizer | Bundle | Path | str | None,
        rig: Calibration | Clip,
        /,
        settings: Settings | None = None,
        style: Cue[Motion | Style] | str | np.ndarray | None = None,
        **changes: Unpack[SettingsChanges],
    ) -> None:
        """bundle: as `Stylizer.load` takes it, or a stylizer that is there already
        rig: some seconds of the performer's motion, or what `calibrate` found in them; their frame
            rate is the stream's
        style: as `Stylizer.style_of` takes it, or what that gives; None: nothing is changed yet
        settings, changes: see `Settings`; those that need a whole clip are refused

        Raises BundleError, RigError, ClipError, StyleError.
        """
        self.stylizer = _stylizer(bundle)
        settings = changed(settings, changes)
        graphs = self.stylizer.graphs
        if isinstance(rig, Clip):
            rig = calibrate(graphs, rig, settings.rig)
        self.calibration = rig
        rate = 1.0 / rig.frame_time_seconds
        self._delay = delay_frames(rate)
        self._spread = rate >= _SPREAD_FROM
        hop = _HOP if self._spread else _HOP - 1
        self._hop = max(1, ceil(hop * rate / FRAME_RATE - 1e-6))
        self._performer = Performer(rig, _KEPT_SECONDS)
        self._listener = Listener(graphs, rig)
        self._stage = Stage(rig)
        self._out: deque[Frame] = deque()
        self._left = 0
        """Frames that left, or wait in `_out`."""
        self._pieces: Iterator[None] | None = None
        """Of the work on a window, those that are still to do."""
        self._heard_at = 0
        self._style: Cue[Motion | Style] | str | np.ndarray | None = None
        self._code: np.ndarray | None = None
        self._settings = Settings(strength=0.0)
        self.restyle(style, settings)

    @property
    def lookahead_seconds(self) -> float:
        """How long after it came a frame leaves."""
        return self._delay * self.calibration.frame_time_seconds

    @property
    def delay_frames(self) -> int:
        """The same in frames."""
        return self._delay

    @property
    def lost(self) -> int:
        """How many frames did not come."""
        return self._performer.lost

    @property
    def refused(self) -> int:
        """How many frames came and could not be believed: numbers that are not finite, or joints
        that are suddenly elsewhere.
        """
        return self._performer.refused

    def restyle(
        self,
        style: Cue[Motion | Style] | str | np.ndarray | None = None,
        settings: Settings | None = None,
        **changes: Unpack[SettingsChanges],
    ) -> None:
        """From the next frame on, pass to another style, or to other settings; what is not given
        stays.

        Raises StyleError, RigError, ClipError.
        """
        settings = changed(settings or self._settings, changes)
        if settings.rig not in (None, self.calibration.rig):
            raise StyleError(
                "rig is given to a stream that was calibrated without it, or with another one; "
                "give it to `calibrate`"
            )
        code = self._code_of(style, settings)
        if code is None:
            settings = replace(settings, strength=0.0)
        part = Part(
            np.zeros(self.stylizer.graphs.code_size) if code is None else code,
            settings,
            self.calibration.correspondence,
        )
        if style is not None:
            self._style = style
        self._code, self._settings = code, settings
        self._stage.change(part)

    def _code_of(
        self, style: Cue[Motion | Style] | str | np.ndarray | None, settings: Settings
    ) -> np.ndarray | None:
        """The code of a style, or of the one that the stream has; None where it has none. Raises
        StyleError, RigError, ClipError.
        """
        same_seed = settings.seed == self._settings.seed
        if style is None and same_seed:
            return self._code
        wanted = self._style if style is None else style
        if isinstance(wanted, np.ndarray):
            if style is None and not same_seed:
                raise StyleError(
                    "seed chooses a variation of a style that is named, and this stream was given "
                    "a code; give the style with it"
                )
            return wanted
        return None if wanted is None else self.stylizer.style_of(wanted, settings.seed)

    def push(self, frame: Frame | None) -> Frame | None:
        """frame: the next one that came, with quaternions wxyz; None where one was lost, for which
        the performer is thought to stand still, and between its neighbours when the next one comes.

        Returns the frame that leaves; None for the first ones.
        """
        performer = self._performer
        if frame is None and not performer.count:
            return None
        if not performer.count and frame is not None and not performer.believes_first(frame):
            return None
        performer.push(frame, self._left)
        leaves = performer.count - self._delay
        self._work()
        if leaves <= 0:
            return None
        while not self._out:
            self._start() if self._pieces is None else self._step()
        return self._out.popleft()

    @property
    def original(self) -> Frame:
        """The frame that came of which the last one that left was made."""
        number = max(self._performer.count - 1 - self._delay, 0)
        clip = self._performer.clip(number, number + 1)
        return Frame(clip.local_position[0], clip.local_rotation[0])

    def finish(self) -> list[Frame]:
        """The frames that are still to leave, when no more come."""
        if not self._performer.count:
            return []
        lost = self._performer.lost
        found = [self.push(None) for _ in range(self._delay)]
        self._performer.lost = lost  # nothing was
        return [frame for frame in found if frame is not None]

    def _work(self) -> None:
        """The work on a window; a piece of it where it is spread over the frames between two
        windows.
        """
        count = self._performer.count
        due = count - self._heard_at >= self._hop and count > self._delay - self._hop
        if due and self._pieces is None:
            self._start()
        while self._pieces is not None:
            self._step()
            if self._spread:
                return

    def _start(self) -> None:
        self._heard_at = self._performer.count
        self._pieces = self._window()

    def _step(self) -> None:
        """The next piece of the work on a window."""
        assert self._pieces is not None, "there is work"
        try:
            next(self._pieces)
        except StopIteration:
            self._pieces = None

    def _window(self) -> Iterator[None]:
        """The work on a window, in pieces that take about as long."""
        self._performer.look()
        restyles = any(not part.is_nothing for part in self._stage.parts)
        if restyles:
            heard = yield from self._listener.hear(self._performer)
            yield from self._change(heard)
            yield
        self._leave()
        if restyles and self._listener.style_is_due:
            # no frame waits for that
            yield
            self._listener.hear_style()

    def _change(self, heard: Heard) -> Iterator[None]:
        parts = [part for part in self._stage.parts if not part.is_nothing]
        keeps = any(part.settings.action == "keep" for part in parts)
        action = heard.action() if keeps else None
        left = ceil(self._left * self.calibration.frame_time_seconds * FRAME_RATE - 1e-6)
        work = [
            each for part in parts for each in part.hearing(self._listener, heard, action, left)
        ]
        for number, each in enumerate(work):
            if 2 * number == len(work):
                yield
            each()

    def _leave(self) -> None:
        stop = self._performer.count - self._delay + self._hop - 1
        stop = max(stop, self._left + 1)
        if self._performer.known < stop:
            # some that were missing are known now
            self._performer.look()
        stop = min(stop, self._performer.known)
        self._out.extend(self._stage.frames(self._performer, self._left, stop))
        self._left = stop


def delay_frames(rate: float) -> int:
    """How many frames a stream of so many a second is late."""
    return floor(LOOKAHEAD_SECONDS * rate + 1e-6)


def _stylizer(bundle: Stylizer | Bundle | Path | str | None) -> Stylizer:
    if isinstance(bundle, Stylizer):
        return bundle
    return Stylizer(bundle) if isinstance(bundle, Bundle) else Stylizer.load(bundle)
