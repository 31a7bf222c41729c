"""What style codes change of an analysed motion: one, several over time, or one for each part of
the body.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeGuard

import numpy as np

from kinestyle.bundle import Bundle, Style
from kinestyle.motion.rotation import Array
from kinestyle.motion.smoothing import segments, smootherstep
from kinestyle.motion.window import Progress, WindowSize, part_of_progress
from kinestyle.retarget.features import FRAME_RATE
from kinestyle.retarget.survey import FeatureFrames
from kinestyle.runtime.action import keep_action
from kinestyle.runtime.analysis import Analysis
from kinestyle.runtime.change import Change, find_change
from kinestyle.runtime.curve import Curve, values_at
from kinestyle.runtime.doing import likeness
from kinestyle.runtime.layers import Layer, Layers, shared_weights
from kinestyle.runtime.made_styles import made_change
from kinestyle.runtime.part_names import parse_parts
from kinestyle.runtime.parts import is_whole, joint_weights
from kinestyle.runtime.reference import StyleCode, blend_changes, mix_changes, posture_change
from kinestyle.runtime.sequences import Sequences
from kinestyle.runtime.settings import STRENGTH_BOUNDS, Settings
from kinestyle.runtime.timing import tempo_change, walking_share

APPEARS_SECONDS = 0.25
"""How long after a frame without strength, and before one, a result passes from the input to itself
or back, however steep the curve is: feet and hips need that long to do so smoothly. Half of a
shorter stretch.
"""


@dataclass(frozen=True, eq=False)
class CodeLayer:
    """Codes for a part of the body.

    codes: one, or one at each key of `weights`, with which the body passes from one to the next
    parts: as `--parts` has them; None: all that other layers leave
    share: how much it counts where several layers are wanted
    """

    codes: tuple[np.ndarray, ...]
    weights: Curve | None = None
    parts: str | None = None
    share: float = 1.0


def code_of(
    styles: Sequence[Style],
    parts: Sequence[str | None],
    weights: Sequence[float] | Curve | None,
    seed: int,
) -> StyleCode:
    """(K,) the code of styles, each for all of the body or for parts of it, with weights of any
    sum.
    """

    def mixed(shares: Sequence[float]) -> StyleCode:
        some = [i for i, share in enumerate(shares) if share > 0.0 or not any(parts)]
        return mix_codes([styles[i] for i in some], [shares[i] for i in some], seed)

    if isinstance(weights, Curve):
        found = mixed([max(each) for each in zip(*weights.values, strict=True)])
        known = {values: mixed(values) for values in weights.values}
        codes = tuple(known[values] for values in weights.values)
        found.layers = (CodeLayer(codes, weights),)
        return found
    shares = [1.0] * len(styles) if weights is None else list(weights)
    found = mixed(shares)
    if any(parts):
        everywhere = [0.0 if part else share for part, share in zip(parts, shares, strict=True)]
        layers = [CodeLayer((mixed(everywhere),), share=sum(everywhere))] if any(everywhere) else []
        layers += [
            CodeLayer((mix_codes([style], [1.0], seed),), None, part, share)
            for style, part, share in zip(styles, parts, shares, strict=True)
            if part
        ]
        found.layers = tuple(layers)
    return found


def mix_codes(styles: Sequence[Style], shares: Sequence[float], seed: int) -> StyleCode:
    """(K,) one code of several styles, by shares of any sum."""
    codes = np.stack([style.variation(seed) for style in styles])
    weights = np.array(shares, dtype=float)
    # a power of two rounds nothing, so great weights have a finite sum and others stay equal
    weights = np.ldexp(weights, -np.frexp(weights.max())[1])
    weights = weights / weights.sum()
    code = (weights @ codes).astype(np.float32)
    return StyleCode.of(code, styles, weights.tolist(), seed)


def strength_of(settings: Settings, analysis: Analysis[Any]) -> float | Array:
    """The strength, or (T30,) that of each moment of what is restyled."""
    return _strength_at(settings, analysis, _moments(analysis))


def tempo_of(bundle: Bundle, code: np.ndarray, analysis: Analysis[Any]) -> Array:
    """(T30,) as `tempo_change`, of a code (K,) that may change over time."""
    walking = walking_share(analysis.unchanged.velocity)

    def of(one: np.ndarray) -> Array:
        return tempo_change(bundle, one, analysis.style.mean, walking)

    for layer in code.layers if isinstance(code, StyleCode) else ():
        if layer.weights is not None:
            change = of(layer.codes[0])
            for passed_to, share in _passing(layer, layer.weights, analysis):
                change = change + share * (of(passed_to) - change)
            return change
    return of(code)


def _passing(
    layer: CodeLayer, weights: Curve, analysis: Analysis[Any]
) -> Iterator[tuple[np.ndarray, Array]]:
    """The codes that a layer passes to after its first, and how far (T30,) it has, 0 to 1."""
    at = analysis.frames_given(_moments(analysis))
    keys = weights.keys_at(analysis.clip.frame_time_seconds)
    for k, (before, code) in enumerate(pairwise(layer.codes)):
        if code is not before:
            share = np.clip((at - keys[k]) / (keys[k + 1] - keys[k]), 0.0, 1.0)
            yield code, share * share * (3.0 - 2.0 * share)


def _moments(analysis: Analysis[Any]) -> Array:
    """(T30,) the frames, in fractions, of what is restyled, at 30 a second."""
    a_frame = FRAME_RATE * analysis.clip.frame_time_seconds
    return np.arange(len(analysis.heading)) / a_frame


def ends_otherwise(analysis: Analysis[Any], code: np.ndarray, settings: Settings) -> bool:
    """Whether the last frame of a motion has another style than its first, or more of it, so that
    it cannot be a cycle.
    """
    at = np.array([0.0, analysis.seen.motion.frame_count - 1.0])
    strength = _strength_at(settings, analysis, at)
    layers = code.layers if isinstance(code, StyleCode) else ()
    mixed = (
        layer.weights.at(analysis.frames_given(at), analysis.clip.frame_time_seconds)
        for layer in layers
        if layer.weights is not None
    )
    return isinstance(strength, np.ndarray) or any((each[0] != each[1]).any() for each in mixed)


def presence_of(settings: Settings, analysis: Analysis[Any]) -> Array | None:
    """(T,) how much of the result there is in each frame of what is restyled, 0 to 1: none where
    strength is 0. None where it never is.
    """
    at = np.arange(analysis.seen.motion.frame_count, dtype=float)
    strength = _strength_at(settings, analysis, at)
    if not isinstance(strength, np.ndarray) or strength.min() > 0.0:
        return None
    longest = APPEARS_SECONDS / analysis.clip.frame_time_seconds
    share = np.zeros(len(strength))
    for start, stop in segments(strength > 0.0):
        fade = min(longest, 0.5 * (stop - start)) + 1.0
        frame = np.arange(start, stop)
        since = (frame - start + 1.0) / fade if start else np.ones(stop - start)
        until = (stop - frame) / fade if stop < len(strength) else np.ones(stop - start)
        share[start:stop] = smootherstep(np.minimum(since, until))
    return share


def _strength_at(settings: Settings, analysis: Analysis[Any], at: Array) -> float | Array:
    frame_time = analysis.clip.frame_time_seconds
    return values_at(settings.strength, analysis.frames_given(at), frame_time, *STRENGTH_BOUNDS)


class CodeChange:
    """Finds what codes change of one motion, under some settings.

    strength: one, or (T30,)
    """

    def __init__(
        self,
        analysis: Analysis[Any],
        settings: Settings,
        sequences: Sequences,
        size: WindowSize,
        strength: float | Array,
        presence: Array | None,
    ) -> None:
        """presence: (T,) as `presence_of` gives it"""
        self._analysis, self._settings = analysis, settings
        self._sequences, self._size = sequences, size
        share = analysis.domain.share_under(settings)
        self._presence = presence
        if presence is not None:
            self._presence = np.interp(_moments(analysis), np.arange(len(presence)), presence)
        self._amount = analysis.heading, strength, share

    def of(self, code: np.ndarray, progress: Progress | None = None) -> Layers:
        """All that a code (K,) changes. Raises StyleError for parts that the rig has not."""
        c = self._analysis.correspondence
        codes = (code.layers if isinstance(code, StyleCode) else ()) or (CodeLayer((code,)),)
        body = self._settings.body_parts
        mask = None if is_whole(body) else joint_weights(body, c)
        weights = shared_weights(
            [
                None if one.parts is None else joint_weights(parse_parts(one.parts), c)
                for one in codes
            ],
            [one.share for one in codes],
            mask,
            c.skeleton.joint_count,
        )
        layers = []
        for i, (one, weight) in enumerate(zip(codes, weights, strict=True)):
            part = part_of_progress(progress, i / len(codes), (i + 1) / len(codes))
            change = self._over_time(one, part)
            if self._presence is not None:
                # what keeps an action lasts beyond what it is kept from
                change = change.faded(self._presence)
            layers.append(Layer(self._analysis.seen.change(change), weight))
        return Layers(layers, c)

    def _over_time(self, layer: CodeLayer, progress: Progress | None) -> Change:
        if layer.weights is None:
            return self._of_one(layer.codes[0], progress)
        # equal keys have one code
        codes = {id(code): code for code in layer.codes}
        known = {
            key: self._of_one(
                code, part_of_progress(progress, i / len(codes), (i + 1) / len(codes))
            )
            for i, (key, code) in enumerate(codes.items())
        }
        change = known[id(layer.codes[0])]
        for code, share in _passing(layer, layer.weights, self._analysis):
            change = blend_changes(change, known[id(code)], share)
        return change

    def _of_one(self, code: np.ndarray, progress: Progress | None) -> Change:
        """What the networks, or the posture of references, change; the action is kept if it is to
        be.
        """
        analysis, keeps = self._analysis, self._settings.action == "keep"
        _, strength, share = self._amount
        made = by_made_style(code)
        of_posture, posture = 0.0, None
        if hears_posture(code, self._settings):
            of_posture, posture = code.heard_in(analysis.content, analysis.posture)
        found: list[tuple[float, Change]] = []
        if made + of_posture < 1.0:
            latent = self._sequences.generate(analysis.content, code)
            restyled = self._sequences.render(latent, len(analysis.heading), progress)
            change = find_change(analysis.unchanged, restyled, *self._amount)
            if keeps:
                change = keep_action(
                    analysis.action, analysis.heading, change, self._size, strength
                )
            found.append((1.0 - made - of_posture, change))
        # what needs no network spares what limbs do of its own accord; hands stay out of the body
        if of_posture and posture:
            above_ground = analysis.height - analysis.survey.elevation
            held = posture_change(
                posture,
                analysis.rotation,
                above_ground,
                *self._amount,
                self._size,
                analysis.posture,
            )
            if keeps:
                # where both do the same, posture spares nothing
                alike = likeness(analysis.posture.doing, posture.doing)
                doubted = analysis.action.doubted_by(alike)
                held = keep_action(doubted, analysis.heading, held, self._size)
            found.append((of_posture, held))
        if isinstance(code, StyleCode) and code.made and made:
            shown = made_change(
                code.made,
                FeatureFrames(analysis.seen.motion),
                analysis.correspondence,
                analysis.survey.feature_contact,
                strength,
                share,
                self._size,
            )
            if keeps:
                known = analysis.action.without_doubt
                shown = keep_action(known, analysis.heading, shown, self._size)
            found.append((made, shown))
        return mix_changes(found)


def by_made_style(code: np.ndarray) -> float:
    """0 to 1, how far a made style says what is changed, instead of the code."""
    return code.made_share if isinstance(code, StyleCode) else 0.0


def by_posture(code: np.ndarray, settings: Settings, analysis: Analysis[Any]) -> float:
    """0 to 1, how far posture says what is changed, instead of the code."""
    return code.share_in(analysis.posture) if hears_posture(code, settings) else 0.0


def hears_posture(code: np.ndarray, settings: Settings) -> TypeGuard[StyleCode]:
    """Whether posture may say what is changed."""
    wanted = settings.reference != "code"
    return wanted and isinstance(code, StyleCode) and bool(code.postures)
