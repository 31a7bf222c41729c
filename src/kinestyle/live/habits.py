"""What is settled of how a performer moves: the last seconds, and the calibration as long as there
is less.

Of a whole clip, its own style, what is done in it and how its body is held are means over all of
it. A stream takes the means of so much of the past, which two seconds of it would not tell.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kinestyle.motion.rotation import Array
from kinestyle.retarget.features import FRAME_RATE
from kinestyle.runtime.graphs import LATENT_STRIDE, STRIDE
from kinestyle.runtime.posture import Posture, own_posture

HABIT_SECONDS = 20.0
"""Of motion that counts as a performer's own."""

HABIT_FRAMES = int(HABIT_SECONDS * FRAME_RATE)
"""The same at 30 frames a second."""

_POSTURE_FRAMES = 2 * STRIDE
"""After so many new frames it is found again how the body is held: a mean changes slowly."""


@dataclass(frozen=True, eq=False)
class Settled:
    """Motion as the networks see it, N frames at 30 a second, whole strides of the networks.

    latent: (Z, N/4), content: (C, N/8); rotation: (N, 21, 4) and height: (N,) as in `Rendering`
    """

    latent: np.ndarray
    content: np.ndarray
    rotation: Array
    height: Array

    def of(self, start: int, stop: int | None = None) -> Settled:
        """Some frames of it, from and to whole strides."""
        of_latent, of_content = (
            slice(start // each, None if stop is None else stop // each)
            for each in (LATENT_STRIDE, STRIDE)
        )
        frames = slice(start, stop)
        return Settled(
            self.latent[:, of_latent],
            self.content[:, of_content],
            self.rotation[frames],
            self.height[frames],
        )

    def last(self) -> Settled:
        """What of it counts."""
        return self.of(max(0, len(self.height) - HABIT_FRAMES))

    def then(self, more: Settled) -> Settled:
        """This and what comes after it."""
        return Settled(
            np.concatenate([self.latent, more.latent], axis=1),
            np.concatenate([self.content, more.content], axis=1),
            np.concatenate([self.rotation, more.rotation]),
            np.concatenate([self.height, more.height]),
        )


class Habits:
    """The last `HABIT_SECONDS` of a performer. changes: how often they have changed"""

    def __init__(self, known: Settled) -> None:
        self.changes = 0
        self._known = known
        self._next = 0
        self._posture: tuple[int, Posture] | None = None

    @property
    def latent(self) -> np.ndarray:
        return self._known.latent

    @property
    def content(self) -> np.ndarray:
        return self._known.content

    def settle(self, heard: Settled, first: int, count: int) -> None:
        """heard: a window of which the first frame has this number, and so many have come, the rest
        is only thought to come
        """
        # the last stride that no continued frame was seen in
        settled = (first + count) // STRIDE * STRIDE - STRIDE
        begin = max(self._next, first)
        if settled - begin < STRIDE:
            return
        self._known = self._known.then(heard.of(begin - first, settled - first)).last()
        self._next = settled
        self.changes += 1

    def posture(self) -> Posture:
        """How the body is held, in its own style."""
        if self._posture is None or self._next - self._posture[0] >= _POSTURE_FRAMES:
            known = self._known
            self._posture = self._next, own_posture(known.rotation, known.height)
        return self._posture[1]
