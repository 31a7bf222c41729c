"""The style of a reference clip: its code, and its posture where no learned style is near."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from kinestyle.bundle import Style
from kinestyle.bundle.made_style import MadeStyle, mix_styles, vary_style
from kinestyle.motion import rotation
from kinestyle.motion.canonical import CANONICAL
from kinestyle.motion.percentile import median
from kinestyle.motion.rotation import Array
from kinestyle.motion.smoothing import ramp, scale_rotation
from kinestyle.motion.window import WindowSize
from kinestyle.note import Note
from kinestyle.retarget.features import FRAME_RATE
from kinestyle.runtime.change import Change, find_change, measured_rise
from kinestyle.runtime.doing import likeness
from kinestyle.runtime.modulation import ModulatedCode
from kinestyle.runtime.out_of_domain import DomainScore
from kinestyle.runtime.posture import (
    POSTURE_REACH,
    Posture,
    find_posture,
    mix_postures,
    own_posture,
    take_posture,
    vary_posture,
)
from kinestyle.runtime.sequences import SHORTEST_FRAMES, Rendering

UNFAMILIAR = (0.42, 0.52)
"""How far a code is from the nearest learned style, in distances between neighbouring learned
styles: up to the first the networks are trusted, from the second on posture says it all. Three
quarters of the clips of learned styles have .29 to .45, the others, of other actions than walks, up
to .77; nine tenths of the clips of styles that were not learned have .46 to .73."""

SURELY_LEARNED = (0.24, 0.3)
"""The same where the reference does what the clip does, so that posture says more. Of the clips of
set 2, on which the networks learned most, 19 in 20 have less than .26; those of other styles that
pass for learned have .28 and more."""

NEUTRAL = ("normal", "neutral")
"""Labels of styles that are none."""


KIND = "reference"
"""Of notes."""


@dataclass(frozen=True, eq=False, repr=False)
class ReferenceStyle(Style):
    """The style of a reference clip.

    posture: how the body is held in it; None where nobody stands, walks or runs, or too briefly
    unfamiliar: 0 to 1, how little the bundle's styles resemble it
    unsure: 0 to 1, the same by the stricter bound, `SURELY_LEARNED`
    notes: what to tell a user of how it was heard
    modulation: (M,) what it adds to the generator's modulation, where it was refined; None: nothing
    content: (C,) of what is done in it, the mean over time of its content code, where it is to be
        compared with that of other clips; None: it is not
    """

    posture: Posture | None = None
    unfamiliar: float = 0.0
    unsure: float = 0.0
    notes: tuple[str, ...] = ()
    modulation: Array | None = None
    content: Array | None = None

    def posture_in(self, content: Array) -> Posture | None:
        """The posture for a clip with a content code (C, N) over time."""
        return self.posture

    def share_in(self, own: Posture) -> float:
        """0 to 1, how far posture says what is changed of a clip in its own posture: more where
        the reference does the same.
        """
        if self.posture is None:
            return 0.0
        return max(self.unfamiliar, self.unsure * likeness(own.doing, self.posture.doing))


class StyleCode(ModulatedCode):
    """(K,) a style code, with what says more than it. What is computed from one has the numbers
    only.

    postures: the references that have one, and their weights
    made: the made style of the named ones; None where there is none
    made_share: 0 to 1, how far that says what is changed
    notes: as in `ReferenceStyle`
    layers: the `CodeLayer`s that it stands for, where it changes over time or is one for each part
        of the body
    """

    postures: tuple[tuple[ReferenceStyle, float], ...]
    seed: int
    made: MadeStyle | None
    made_share: float
    notes: tuple[str, ...]
    layers: tuple[Any, ...]

    def __repr__(self) -> str:
        size = "x".join(map(str, self.shape))
        return f"<StyleCode: {size} numbers>" if self.ndim else np.ndarray.__repr__(self)

    __str__ = __repr__

    def __array_finalize__(self, obj: Any) -> None:
        super().__array_finalize__(obj)
        self.notes, self.layers = (), ()
        self.made, self.made_share = None, 0.0
        self.postures, self.seed = (), 0

    @property
    def posture(self) -> Posture | None:
        """Of the references in styles that were not learned; None where there is none. For a clip:
        `heard_in`.
        """
        found = [(style.posture, weight * style.unfamiliar) for style, weight in self.postures]
        found = [(posture, share) for posture, share in found if share > 0.0]
        return _varied(found, self.seed) if found else None

    @property
    def share(self) -> float:
        """0 to 1, how far posture says what is changed, instead of the code, at least: of a clip
        `share_in`.
        """
        return self._beside_made(weight * style.unfamiliar for style, weight in self.postures)

    def share_in(self, own: Posture) -> float:
        """The same of a clip in its own posture."""
        return self._beside_made(weight * style.share_in(own) for style, weight in self.postures)

    def _beside_made(self, shares: Iterable[float]) -> float:
        return min(float(sum(shares)), 1.0 - self.made_share)

    def heard_in(self, content: Array, own: Posture) -> tuple[float, Posture | None]:
        """How far posture says what is changed of a clip, and that posture.

        content: (C, N) its content code over time: styles of one's own were heard in several
            actions; own: its posture: what is known better from the reference depends on what both
            do
        """
        found = [
            (style.posture_in(content), weight * style.share_in(own))
            for style, weight in self.postures
        ]
        found = [(posture, share) for posture, share in found if share > 0.0]
        return self.share_in(own), _varied(found, self.seed) if found else None

    @classmethod
    def of(
        cls, code: np.ndarray, styles: Sequence[Style], weights: Sequence[float], seed: int = 0
    ) -> Self:
        """The code that was mixed of styles by weights whose sum is 1; seed: of the variation."""
        found = code.view(cls)
        heard = [
            (style, weight)
            for style, weight in zip(styles, weights, strict=True)
            if isinstance(style, ReferenceStyle) and style.posture and weight > 0
        ]
        found.postures, found.seed = tuple(heard), seed
        made = [
            (style.made, weight)
            for style, weight in zip(styles, weights, strict=True)
            if style.made is not None and weight > 0
        ]
        if made:
            of_made, shares = zip(*made, strict=True)
            found.made = vary_style(mix_styles(of_made, shares), seed)
            found.made_share = 1.0 if len(made) == len(styles) else min(float(sum(shares)), 1.0)
        found.modulation = _mixed_modulation(styles, weights)
        found.notes = tuple(
            note for style in styles if isinstance(style, ReferenceStyle) for note in style.notes
        )
        return found


def _varied(found: Sequence[tuple[Posture | None, float]], seed: int) -> Posture:
    """The variation of the postures of several styles, of which each has one, by their weights."""
    postures = [posture for posture, _ in found if posture is not None]
    return vary_posture(mix_postures(postures, [share for _, share in found]), seed)


def _mixed_modulation(styles: Sequence[Style], weights: Sequence[float]) -> Array | None:
    """(M,) the modulations of refined styles, by their weights; None where there are none."""
    found = [
        weight * style.modulation
        for style, weight in zip(styles, weights, strict=True)
        if isinstance(style, ReferenceStyle) and style.modulation is not None and weight > 0
    ]
    return np.asarray(np.sum(found, axis=0)) if found else None


def hear(
    style: Style,
    world_rotation: Array,
    height: Array,
    domain: DomainScore,
    learned: Sequence[Style],
    anyway: bool = False,
) -> ReferenceStyle:
    """style: as the style encoder reads it from a reference; world_rotation: (T30, 21, 4) heading
    removed, height: (T30,) metres of the hips above the ground, of the
    reference; learned: the bundle's styles; anyway: posture is wanted even where one is near.
    """
    heard = ReferenceStyle(style.name, style.seconds, style.mean, style.std)
    if anyway:
        posture = find_posture(world_rotation, height, domain.share)
        return replace(heard, posture=posture, unfamiliar=0.0 if posture is None else 1.0)
    if len(learned) < 2:
        return heard  # nothing says what is near
    unfamiliar = unfamiliarity(style, learned)
    unsure = unfamiliarity(style, learned, SURELY_LEARNED)
    nearest = learned[int(_away(style, learned).argmin())]
    of_nearest = f"the nearest of {len(learned)} learned styles is {nearest.label}"
    if len(height) < SHORTEST_FRAMES:
        note = Note(
            f"{style.name} is too short to show a style; {of_nearest}",
            KIND,
            f"The reference is too short to show a style; nearest: {nearest.label}",
        )
        return replace(heard, notes=(note,))
    if not unfamiliar:
        if nearest.label in NEUTRAL:
            note = Note(
                f"{style.name} shows hardly any style of its own; {of_nearest}",
                KIND,
                f"The reference shows hardly any style; nearest: {nearest.label}",
            )
            return replace(heard, notes=(note,))
        if not unsure:
            return heard
        posture = find_posture(world_rotation, height, domain.share)
        return replace(heard, posture=posture, unsure=unsure)
    posture = find_posture(world_rotation, height, domain.share)
    if posture is None:
        note = Note(
            f"{style.name} shows no style that can be heard, for nobody stands, walks or runs in "
            f"it as the model knows it; {of_nearest}",
            KIND,
            f"The reference's motion is unfamiliar: no style heard; nearest: {nearest.label}",
        )
        return replace(heard, notes=(note,))
    note = Note(
        f"{style.name} is in a style that was not learned; its posture is taken ({of_nearest})",
        KIND,
        f"A style not learned: its posture is taken; nearest: {nearest.label}",
        unfamiliar_share=round(float(unfamiliar), 3),
    )
    notes = (note,) if unfamiliar > 0.5 else ()
    return replace(heard, posture=posture, unfamiliar=unfamiliar, unsure=unsure, notes=notes)


def distance_between(learned: Sequence[Style]) -> float:
    """How far neighbours among two styles or more are apart."""
    means = np.stack([each.mean for each in learned]).astype(float)
    apart = np.linalg.norm(means[:, None] - means, axis=-1)
    np.fill_diagonal(apart, np.inf)
    return max(float(median(apart.min(axis=1))), 1e-9)


def unfamiliarity(
    style: Style, learned: Sequence[Style], bounds: tuple[float, float] = UNFAMILIAR
) -> float:
    """0 to 1, how little two or more learned styles resemble a style. bounds: as `UNFAMILIAR`"""
    distance = _away(style, learned).min() / distance_between(learned)
    return float(ramp(np.array(distance), bounds))


def _away(style: Style, learned: Sequence[Style]) -> Array:
    means = np.stack([each.mean for each in learned]).astype(float)
    return np.linalg.norm(means - style.mean, axis=1)


def posture_change(
    posture: Posture,
    world_rotation: Array,
    height: Array,
    heading: Array,
    strength: float | Array,
    share: Array,
    size: WindowSize,
    own: Posture | None = None,
) -> Change:
    """What a posture changes of a motion. world_rotation: (T30, 21, 4) heading removed, height:
    (T30,) metres of the hips above the ground; heading, strength, share: as in `find_change`; own:
    the posture of who moves, where more than this motion shows it
    """
    if own is None:
        own = own_posture(world_rotation, height)
    held = np.empty((len(height), CANONICAL.joint_count, 4), world_rotation.dtype)
    level = np.empty(len(height))
    for window in size.cut(len(height), 1.0 / FRAME_RATE, POSTURE_REACH):
        some = window.read
        rotated, raised = take_posture(world_rotation[some], height[some], own, posture)
        held[window.wanted], level[window.wanted] = rotated[window.core], raised[window.core]
    still = np.zeros((len(height), 2))
    change = find_change(
        Rendering(world_rotation, height, still),
        Rendering(held, level, still),
        heading,
        strength,
        share,
    )
    return replace(change, rise=measured_rise(level - height, strength, share))


def mix_changes(found: Sequence[tuple[float, Change]]) -> Change:
    """One change of several, by their weights, whose sum is 1."""
    weight, mixed = found[0]
    for more, change in found[1:]:
        weight += more
        mixed = blend_changes(mixed, change, more / weight)
    return mixed


def blend_changes(first: Change, second: Change, share: float | Array) -> Change:
    """share: one, or (T30,), how much of the second is taken instead of the first."""
    of_joints = share[:, None, None] if isinstance(share, np.ndarray) else share
    of_pace = share[:, None] if isinstance(share, np.ndarray) else share
    to_second = rotation.multiply(rotation.inverse(first.rotation), second.rotation)
    return Change(
        rotation.multiply(first.rotation, scale_rotation(to_second, of_joints)),
        first.rise + share * (second.rise - first.rise),
        first.pace + of_pace * (second.pace - first.pace),
        first.share,
    )
