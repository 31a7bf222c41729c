"""The path of one clip: onto the canonical skeleton, through the networks, and the change back onto its own rig.

What the networks give is not used as motion but as a change: the input decoded in the new style against the input decoded in
its own. The autoencoder's error is in both and falls out, what the networks do not know is never touched, and the change can
be taken in any strength, none at all included.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from kinestyle.bundle import Bundle, Style
from kinestyle.errors import ClipError, StyleError
from kinestyle.motion import rotation
from kinestyle.motion.clip import Clip, resample_rotation, resample_vector
from kinestyle.motion.contacts import find_contacts
from kinestyle.motion.features import (
    FRAME_RATE,
    LAYOUT,
    at_feature_rate,
    clip_to_features,
    heading,
    heading_free_rotation,
    hold_last,
)
from kinestyle.motion.feet import plant_feet, stance_velocity
from kinestyle.motion.retarget import Correspondence, apply_change, correspond, move_hips, to_canonical
from kinestyle.motion.rotation import Array
from kinestyle.motion.smoothing import calm_rotation, smooth_in_time
from kinestyle.runtime.graphs import STRIDE, Graphs

SMOOTHING_FRAMES = 1.0
"""Smoothing of what is decoded, in frames at 30 a second: a change of manner is slower than the decoder's tremble."""

CALM = (np.radians(12.0), np.radians(25.0), 4.0)
"""How fast, in radians a frame, a change of manner may turn a joint, from where it is surely the decoder's failure, and the
smoothing, in frames, that failures get: they are single frames in which a joint flips between two ways of doing something."""

STRONGEST = 1e6
"""Beyond all sense already, and still computable."""

SHORTEST_FRAMES = 16
"""Frames at 30 frames a second below which a clip shows too little motion; it is restyled, with a warning."""


@dataclass(frozen=True, eq=False)
class Analysis:
    """What is known of a clip before a style is chosen: everything that need not be computed again when the style changes.

    content: (C, T/8), style_mean, style_deviation: (K,), unchanged: (T30, 260) the clip decoded in its own style,
    heading: (T30,) radians, contact: (T, 4) at the clip's own rate
    """

    clip: Clip
    correspondence: Correspondence
    content: np.ndarray
    style_mean: np.ndarray
    style_deviation: np.ndarray
    unchanged: Array
    heading: Array
    contact: np.ndarray


class Stylizer:
    """Restyles clips with one bundle.

    `Stylizer.load()` opens the bundle that ships with Kinestyle, `Stylizer.load(path)` another.
    """

    def __init__(self, bundle: Bundle):
        self.bundle = bundle
        self.graphs = Graphs(bundle)

    @classmethod
    def load(cls, path: Path | str | None = None) -> Stylizer:
        """Raises BundleError for a file that is not a bundle of this version."""
        return cls(Bundle.open(path))

    @property
    def styles(self) -> tuple[Style, ...]:
        return self.bundle.styles

    def stylize(
        self, clip: Clip, style: str | None = None, *, like: Clip | None = None, strength: float = 1.0, seed: int = 0
    ) -> Clip:
        """The clip in another manner, on the same rig, with the same frames.

        style: a name the bundle knows; or like: a clip, on any rig, whose manner is taken
        strength: 0 gives the clip back, 1 the style, more exaggerates
        seed: which take: 0 is the middle of the style, every other number a draw from it

        Raises StyleError, RigError, ClipError.
        """
        if (style is None) == (like is None):
            raise StyleError(
                f"{'neither' if style is None else 'both'} a style and a reference clip given, exactly one of them is needed"
            )
        code = self.style_code(style, seed) if style is not None else self.reference_code(like, seed)  # type: ignore[arg-type]
        return self.apply(self.analyse(clip), code, strength)

    def style_code(self, style: str, seed: int = 0) -> np.ndarray:
        """(K,) the middle of a named style (seed 0) or a draw from it."""
        found = self.bundle.style(style)
        return _draw(found.mean, found.deviation, seed)

    def reference_code(self, reference: Clip, seed: int = 0) -> np.ndarray:
        """(K,) the style of a clip on any rig: the likeliest (seed 0) or a draw from what it may be."""
        features = clip_to_features(to_canonical(reference, correspond(reference)))
        mean, deviation = self.graphs.style(self.graphs.encode(_whole_strides(features)))
        return _draw(mean, deviation, seed)

    def analyse(self, clip: Clip, correspondence: Correspondence | None = None) -> Analysis:
        """Bring a clip onto the canonical skeleton and through the encoders. Raises RigError, ClipError."""
        if not (np.isfinite(clip.local_position).all() and np.isfinite(clip.local_rotation).all()):
            raise ClipError(f"{clip.name} has positions or rotations that are not finite numbers; mend them first")
        correspondence = correspondence or correspond(clip)
        canonical = to_canonical(clip, correspondence)
        at_30 = at_feature_rate(canonical)
        features = clip_to_features(at_30)
        if len(features) < SHORTEST_FRAMES:
            found = f"{clip.name} lasts {len(features)} frames at {FRAME_RATE:g} frames/s, too short to show a manner well"
            clip = replace(clip, warnings=(*clip.warnings, f"{found}; {SHORTEST_FRAMES} or more are better"))
        latent = self.graphs.encode(_whole_strides(features))
        content = self.graphs.content(latent)
        mean, deviation = self.graphs.style(latent)
        unchanged = self._decode(content, mean, len(features))
        contact = find_contacts(canonical)
        return Analysis(clip, correspondence, content, mean, deviation, unchanged, heading(at_30), contact)

    def apply(self, analysis: Analysis, code: np.ndarray, strength: float = 1.0) -> Clip:
        """The analysed clip in the style of a code (K,). Cheap beside `analyse`: this is what a slider calls."""
        if not 0 <= strength <= STRONGEST:
            expected = f"it must be 0 (no change), 1 (the style) or another number up to {STRONGEST:g}"
            raise StyleError(f"strength is {strength}, {expected}")
        clip = analysis.clip
        if strength == 0:
            return clip
        frames = len(analysis.unchanged)
        restyled = self._decode(analysis.content, code, frames)
        turn = rotation.about_y(analysis.heading)
        change = rotation.multiply(heading_free_rotation(restyled), rotation.inverse(heading_free_rotation(analysis.unchanged)))
        change = rotation.multiply(rotation.multiply(turn[:, None], change), rotation.inverse(turn)[:, None])
        change = rotation.power(calm_rotation(change, *CALM), np.asarray(strength))
        height = LAYOUT["root_height"]
        rise = strength * (restyled[:, height] - analysis.unchanged[:, height])[:, 0]
        pace = np.zeros((frames, 3))
        pace[:, [0, 2]] = strength * (self.graphs.root_velocity(restyled) - self.graphs.root_velocity(analysis.unchanged))
        at_frame = np.arange(clip.frame_count) * clip.frame_time_seconds * FRAME_RATE
        return self._onto_rig(
            analysis,
            resample_rotation(change, at_frame),
            resample_vector(rise, at_frame),
            resample_vector(rotation.rotate(turn, pace), at_frame) * FRAME_RATE * clip.frame_time_seconds,
        )

    def _decode(self, content: np.ndarray, code: np.ndarray, frames: int) -> Array:
        """content: (C, T/8), code: (K,) -> features (frames, 260)."""
        decoded = self.graphs.decode(self.graphs.generate(content, code)).astype(float)
        return smooth_in_time(decoded, SMOOTHING_FRAMES)[:frames]

    def _onto_rig(self, analysis: Analysis, change: Array, rise: Array, pace: Array) -> Clip:
        """change: (T, 21, 4), rise: (T,) metres, pace: (T, 3) metres a frame beyond the input's, at the clip's own rate."""
        clip, correspondence = analysis.clip, analysis.correspondence
        turned = apply_change(clip, correspondence, change, np.zeros((clip.frame_count, 3)))
        # Planted feet know best how far the body moves over them; between steps the predictor says.
        stance, known = stance_velocity(clip, turned, correspondence, analysis.contact)
        sigma = 0.05 / clip.frame_time_seconds
        known = smooth_in_time(known, sigma)[:, None]
        velocity = known * smooth_in_time(stance, sigma) + (1.0 - known) * pace
        travel = np.cumsum(velocity, axis=0) - velocity
        travel[:, 1] = rise
        moved = turned.with_motion(move_hips(turned, correspondence, turned.local_rotation, travel), turned.local_rotation)
        return plant_feet(clip, moved, correspondence, analysis.contact)


def _draw(mean: np.ndarray, deviation: np.ndarray, seed: int) -> np.ndarray:
    if seed < 0:
        raise StyleError(f"the seed is {seed}, it must be 0 (the middle of the style) or a greater whole number")
    if seed == 0:
        return mean
    noise = np.random.default_rng(seed).standard_normal(len(mean))
    return (mean + deviation * noise).astype(np.float32)


def _whole_strides(features: Array) -> Array:
    """features: (T, 260) -> the same, held at the end to a whole number of strides and at least `SHORTEST_FRAMES`."""
    return hold_last(features, max(SHORTEST_FRAMES, -(-len(features) // STRIDE) * STRIDE))
