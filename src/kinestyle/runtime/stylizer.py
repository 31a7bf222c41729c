"""The path of one clip: onto the canonical skeleton, through the networks, and the change back onto
its own rig.

What the networks give is not used as motion but as a change: the input decoded in the new style
against the input decoded in its own. The autoencoder's error is in both and falls out, what the
networks do not know is never touched, and the change can be taken in any strength, none at all
included.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from kinestyle.bundle import PRIOR, Bundle, Style, seeded
from kinestyle.errors import ClipError, StyleError
from kinestyle.motion import rotation
from kinestyle.motion.clip import Clip
from kinestyle.motion.resampling import spline_rotation, spline_vector
from kinestyle.motion.rotation import Array
from kinestyle.motion.smoothing import (
    fade_rotation,
    limit_angular_velocity,
    scale_rotation,
    smooth_in_time,
    suppress_flips,
)
from kinestyle.retarget.changes import apply_change, offset_root
from kinestyle.retarget.contacts import find_contacts
from kinestyle.retarget.correspondence import Correspondence, correspond, to_canonical
from kinestyle.retarget.features import (
    FRAME_RATE,
    LAYOUT,
    at_feature_rate,
    clip_to_features,
    heading,
    heading_free_rotation,
    pad_last,
)
from kinestyle.retarget.foot_lock import lock_feet, stance_velocity
from kinestyle.rig.mapping import map_joints
from kinestyle.rig.rig_file import Rig
from kinestyle.runtime.beyond import BEYOND, Beyond
from kinestyle.runtime.fit import Fit, measure_fit
from kinestyle.runtime.graphs import STRIDE, Graphs
from kinestyle.runtime.root import ROOTS, Root

SMOOTHING_FRAMES = 1.0
"""Smoothing of what is decoded, in frames at 30 a second: a change of manner is slower than the
decoder's tremble.
"""

STYLE_RESIDUAL_STEPS = 1.0
"""Of the latent, 7.5 a second: what the generator misses of a clip, asked for it in its own manner,
counts as manner where it is as slow as this, because a manner lasts. So a manner that was never
learned goes as well when another comes."""

STYLE_RESIDUAL_GATE = (0.6, 1.2)
"""How much may be missed slowly, in root mean squares of the latent, for all of it to count as
manner, and from where none does: that much is an action that was never learned, and stays. Clips of
the learned manners miss .1 to .3, of others .6."""

ANGULAR_VELOCITY_LIMIT = (np.radians(12.0), np.radians(25.0), 4.0)
"""How fast, in radians a frame, a change of manner may turn a joint, from where it is surely the
decoder's failure, and the smoothing, in frames, that failures get: they are single frames in which
a joint flips between two ways of doing something."""

FLIP_LIMIT = (np.radians(25.0), 12)
"""How fast, in radians a frame, a change still turns a joint when it has been calmed that has no
one way to go, and over how many frames before and after it fades: an arm overhead, say, that the
decoder takes for one that hangs."""

HEIGHT_CLAMP_M = (0.1, 0.2)
"""From which change of the hips' height on a manner cannot be quite believed, and the most that is
ever taken over: learned manners change it by up to .12 m, and where the body hangs or lunges the
networks take it for one that stands."""

STAYS_M = 1e-4
"""How far hips move over the ground that do not travel at all: a clip made to go in place goes in
place in every manner.
"""

STRONGEST = 1e6
"""Beyond all sense already, and still computable."""

SHORTEST_FRAMES = 16
"""Frames at 30 frames a second below which a clip shows too little motion; it is restyled, with a
warning.
"""


@dataclass(frozen=True, eq=False)
class Rendering:
    """What the networks make of a clip in one style, at 30 frames a second.

    rotation: (T30, 21, 4) world rotations with the heading removed, height: (T30,) metres, of the
        hips,
    velocity: (T30, 2) metres a frame, of the hips over the ground, in the heading's frame
    """

    rotation: Array
    height: Array
    velocity: Array


@dataclass(frozen=True, eq=False)
class Analysis:
    """What is known of a clip before a style is chosen: everything that need not be computed again
    when the style changes.

    features: (T30, 260), latent: (Z, T/4), content: (C, T/8), style: the clip's own, unchanged: the
        clip in it,
    heading: (T30,) radians, contact: (T, 4) at the clip's own rate, fit: how well the bundle knows
        such motion
    """

    clip: Clip
    correspondence: Correspondence
    features: Array
    latent: np.ndarray
    content: np.ndarray
    style: Style
    unchanged: Rendering
    heading: Array
    contact: np.ndarray
    fit: Fit


class Stylizer:
    """Restyles clips with one bundle.

    `Stylizer.load()` opens the bundle that ships with Kinestyle, `Stylizer.load(path)` another. A
    manner is a style code (K,): of a named style, of reference clips, drawn at random, or a mix of
    such codes.
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
        self,
        clip: Clip,
        style: str | None = None,
        *,
        like: Clip | Sequence[Clip] | None = None,
        strength: float = 1.0,
        seed: int = 0,
        root: Root = "planted",
        beyond: Beyond = "fade",
        rig: Rig | None = None,
    ) -> Clip:
        """The clip in another manner, on the same rig, with the same frames.

        style: a name the bundle knows; or like: a clip, on any rig, whose manner is taken, or
        several that share one strength: 0 gives the clip back, 1 the style, more exaggerates
        seed: which take: 0 is the middle of the style, every other number a draw from it
        root: how the result travels, see `kinestyle.runtime.root`
        beyond: what is done where the clip is unlike all that the bundle learned, see
            `kinestyle.runtime.beyond`
        rig: the clip's, where it is known (`kinestyle.rig.rig_file.read_rig`); otherwise it is
            found in the clip

        Raises StyleError, RigError, ClipError.
        """
        if (style is None) == (like is None):
            raise StyleError(
                f"{'neither' if style is None else 'both'} a style and a reference clip given, "
                f"exactly one of them is needed"
            )
        if style is not None:
            code = self.style_code(style, seed)
        else:
            assert like is not None, "one of the two was given"
            code = self.reference_code(like, seed)
        return self.apply(self.analyse(clip, rig=rig), code, strength, root, beyond)

    def style_code(self, style: str, seed: int = 0) -> np.ndarray:
        """(K,) the middle of a named style (seed 0) or a draw from it."""
        return self.bundle.style(style).take(seed)

    def reference_code(
        self, reference: Clip | Sequence[Clip], seed: int = 0, label: str | None = None
    ) -> np.ndarray:
        """(K,) the style of a clip on any rig: the likeliest (seed 0) or a draw from what it may
        be. Of several clips, the mean.

        label: the named style that the clips show, for bundles whose networks read labels; without
            it they are told none.
        """
        references = [reference] if isinstance(reference, Clip) else reference
        return self.mix([self.reference_style(clip, label).take(seed) for clip in references])

    def random_code(self, seed: int = 0) -> np.ndarray:
        """(K,) a draw from all manners that the bundle knows, without any cue; seed 0 is a draw
        like every other.

        A bundle without named styles draws from a standard normal, one with them draws a style,
        each as likely, and then from it.
        """
        random = seeded(seed)
        if self.styles:
            return self.styles[int(random.integers(len(self.styles)))].draw(random)
        if self.bundle.manifest.get("prior") != PRIOR:
            name = self.bundle.path.name
            raise StyleError(
                f"the bundle {name} has neither named styles nor a prior to draw from; take the "
                f"manner of a clip"
            )
        return Style(
            "any", 0.0, np.zeros(self.graphs.code_size), np.ones(self.graphs.code_size)
        ).draw(random)

    @staticmethod
    def mix(codes: Sequence[np.ndarray], weights: Sequence[float] | None = None) -> np.ndarray:
        """(K,) the style between some codes (K,), in shares of `weights` (of any sum), without them
        in equal ones.

        A weight of 0 leaves its code out: from (1, 0) to (0, 1) lies an even way from one style to
            the other.
        """
        given = np.ones(len(codes)) if weights is None else np.asarray(weights, dtype=float)
        if len(codes) == 0 or given.shape != (len(codes),):
            raise StyleError(
                f"{given.size} weights given for {len(codes)} styles to mix, expected one for each"
            )
        if not (np.isfinite(given).all() and (given >= 0.0).all() and given.any()):
            listed = ", ".join(f"{weight:g}" for weight in given)
            raise StyleError(
                f"the weights to mix by are {listed}; they must be 0 or greater, and not all of "
                f"them 0"
            )
        # by a power of two, which rounds nothing, so that the sum of great weights is finite
        given = np.ldexp(given, -np.frexp(given.max())[1])
        return (given / given.sum() @ np.stack(codes)).astype(np.float32)

    def reference_style(
        self, reference: Clip, label: str | None = None, rig: Rig | None = None
    ) -> Style:
        """The style of a clip on any rig; label as in `reference_code`, rig as in `stylize`."""
        features = clip_to_features(
            to_canonical(reference, correspond(reference, map_joints(reference, rig)))
        )
        style = self._read_style(reference, self.graphs.encode(_whole_strides(features)))
        labels = self.bundle.label_numbers
        if label is None or not labels:
            return style
        told = self.bundle.style(label)
        return replace(
            style,
            mean=np.concatenate([style.mean[:-labels], told.mean[-labels:]]),
            deviation=np.concatenate([style.deviation[:-labels], told.deviation[-labels:]]),
        )

    def _read_style(self, clip: Clip, latent: np.ndarray) -> Style:
        return Style(clip.name, clip.duration_seconds, *self.graphs.style(latent))

    def analyse(
        self, clip: Clip, correspondence: Correspondence | None = None, rig: Rig | None = None
    ) -> Analysis:
        """Bring a clip onto the canonical skeleton and through the encoders; rig as in `stylize`.
        Raises RigError, ClipError.
        """
        if not (np.isfinite(clip.local_position).all() and np.isfinite(clip.local_rotation).all()):
            raise ClipError(
                f"{clip.name} has positions or rotations that are not finite numbers; mend them "
                f"first"
            )
        correspondence = correspondence or correspond(clip, map_joints(clip, rig))
        canonical = to_canonical(clip, correspondence)
        at_30 = at_feature_rate(canonical)
        features = clip_to_features(at_30)
        if len(features) < SHORTEST_FRAMES:
            found = (
                f"{clip.name} lasts {len(features)} frames at {FRAME_RATE:g} frames/s, too "
                f"short to show a manner well"
            )
            clip = replace(
                clip, warnings=(*clip.warnings, f"{found}; {SHORTEST_FRAMES} or more are better")
            )
        latent = self.graphs.encode(_whole_strides(features))
        content = self.graphs.content(latent)
        style = self._read_style(clip, latent)
        own = self.graphs.generate(content, style.mean)
        unchanged = self._render(own + style_residual(latent - own), len(features))
        kept_frames = at_30.local_rotation is canonical.local_rotation
        contact = (
            features[:, LAYOUT["foot_contact"]] > 0.5 if kept_frames else find_contacts(canonical)
        )
        decoded = self.graphs.decode(latent)[: len(features)].astype(float)
        fit = measure_fit(clip.name, features, decoded, self.bundle.reference_error_cm)
        return Analysis(
            clip,
            correspondence,
            features,
            latent,
            content,
            style,
            unchanged,
            heading(at_30),
            contact,
            fit,
        )

    def apply(
        self,
        analysis: Analysis,
        code: np.ndarray,
        strength: float = 1.0,
        root: Root = "planted",
        beyond: Beyond = "fade",
    ) -> Clip:
        """The analysed clip in the style of a code (K,). Cheap beside `analyse`: this is what a
        slider calls.
        """
        if not 0 <= strength <= STRONGEST:
            expected = (
                f"it must be 0 (no change), 1 (the style) or another number up to {STRONGEST:g}"
            )
            raise StyleError(f"strength is {strength}, {expected}")
        if root not in ROOTS:
            raise StyleError(f"root is {root!r}, expected one of {', '.join(ROOTS)}")
        if beyond not in BEYOND:
            raise StyleError(f"beyond is {beyond!r}, expected one of {', '.join(BEYOND)}")
        clip, unchanged = analysis.clip, analysis.unchanged
        if strength == 0:
            return clip
        restyled = self._render(
            self.graphs.generate(analysis.content, code), len(analysis.features)
        )
        turn = rotation.about_y(analysis.heading)
        change = rotation.multiply(restyled.rotation, rotation.inverse(unchanged.rotation))
        change = rotation.multiply(
            rotation.multiply(turn[:, None], change), rotation.inverse(turn)[:, None]
        )
        change = scale_rotation(
            suppress_flips(limit_angular_velocity(change, *ANGULAR_VELOCITY_LIMIT), *FLIP_LIMIT),
            strength,
        )
        share = analysis.fit.share if beyond == "fade" else np.ones(len(turn))
        if share.min() < 1.0:
            change = fade_rotation(change, share)
        amount = strength * share
        rise = amount * soft_clamp_height(restyled.height - unchanged.height)
        pace = np.zeros((len(turn), 3))
        pace[:, [0, 2]] = amount[:, None] * (restyled.velocity - unchanged.velocity)
        at_frame = np.arange(clip.frame_count) * clip.frame_time_seconds * FRAME_RATE
        return self._onto_rig(
            analysis,
            spline_rotation(change, at_frame),
            spline_vector(rise, at_frame),
            spline_vector(rotation.rotate(turn, pace), at_frame)
            * FRAME_RATE
            * clip.frame_time_seconds,
            np.clip(spline_vector(share, at_frame), 0.0, 1.0) if share.min() < 1.0 else 1.0,
            root,
        )

    def _render(self, latent: np.ndarray, frames: int) -> Rendering:
        """latent: (Z, T/4) -> what comes out, `frames` of it."""
        decoded = self.graphs.decode(latent).astype(float)
        features = smooth_in_time(decoded, SMOOTHING_FRAMES)[:frames]
        height = features[:, LAYOUT["root_height"]][:, 0]
        return Rendering(
            heading_free_rotation(features),
            height,
            self.graphs.root_velocity(features).astype(float),
        )

    def _onto_rig(
        self,
        analysis: Analysis,
        change: Array,
        rise: Array,
        pace: Array,
        share: Array | float,
        root: Root,
    ) -> Clip:
        """At the clip's own rate, change: (T, 21, 4), rise: (T,) metres, pace: (T, 3) metres a
        frame beyond the input's, share: (T,) how much of all that there is, as in `lock_feet`."""
        clip, correspondence = analysis.clip, analysis.correspondence
        turned = apply_change(clip, correspondence, change, np.zeros((clip.frame_count, 3)))
        hips = rotation.rotate(
            correspondence.axes, clip.world_position[:, correspondence.mapping.joints["hips"]]
        )
        stays = np.ptp(hips[:, [0, 2]], axis=0).max() * correspondence.scale_to_canonical < STAYS_M
        if root == "planted" and not stays:
            # Planted feet know best how far the body moves over them; between steps the predictor
            # says.
            stance, known = stance_velocity(clip, turned, correspondence, analysis.contact)
            sigma = 0.05 / clip.frame_time_seconds
            known = smooth_in_time(known, sigma)[:, None]
            pace = known * smooth_in_time(stance, sigma) + (1.0 - known) * pace
        travel = (
            np.cumsum(pace, axis=0) - pace
            if root in ("planted", "predicted") and not stays
            else np.zeros_like(pace)
        )
        travel[:, 1] = rise if root != "keep" else 0.0
        moved = turned.with_motion(
            offset_root(turned, correspondence, turned.local_rotation, travel),
            turned.local_rotation,
        )
        planted = lock_feet(clip, moved, correspondence, analysis.contact, share)
        # what lowered or raised the hips for the feet's sake is given up where the hips are to stay
        return (
            planted.with_motion(clip.local_position, planted.local_rotation)
            if root == "keep"
            else planted
        )


def style_residual(missed: np.ndarray) -> np.ndarray:
    """missed: (Z, T/4) of a clip's latent by the generator -> what of it is manner, see
    `STYLE_RESIDUAL_STEPS` and `STYLE_RESIDUAL_GATE`.
    """
    slow = smooth_in_time(missed.T.astype(float), STYLE_RESIDUAL_STEPS).T
    much = (float(np.sqrt(np.mean(slow**2))) - STYLE_RESIDUAL_GATE[0]) / (
        STYLE_RESIDUAL_GATE[1] - STYLE_RESIDUAL_GATE[0]
    )
    return ((1.0 - np.clip(much, 0.0, 1.0)) * slow).astype(np.float32)


def soft_clamp_height(rise: Array) -> Array:
    """rise: (T,) metres -> the same, approaching the larger bound of `HEIGHT_CLAMP_M` from the smaller one
    on.
    """
    certain, most = HEIGHT_CLAMP_M
    beyond = np.maximum(np.abs(rise) - certain, 0.0)
    return np.sign(rise) * (
        np.minimum(np.abs(rise), certain) + (most - certain) * np.tanh(beyond / (most - certain))
    )


def _whole_strides(features: Array) -> Array:
    """features: (T, 260) -> the same, held at the end to a whole number of strides and at least
    `SHORTEST_FRAMES`.
    """
    return pad_last(features, max(SHORTEST_FRAMES, -(-len(features) // STRIDE) * STRIDE))
