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
from typing import Any, Unpack

import numpy as np

from kinestyle.bundle import UNSUPERVISED, Bundle, Style
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
from kinestyle.retarget.foot_lock import lock_feet, locked_feet, stance_velocity
from kinestyle.rig.mapping import map_joints
from kinestyle.rig.presets import as_rig
from kinestyle.rig.rig_file import Rig
from kinestyle.runtime.cue import Cue
from kinestyle.runtime.graphs import STRIDE, Graphs
from kinestyle.runtime.out_of_domain import DomainScore, score_domain
from kinestyle.runtime.settings import Root, Settings, SettingsChanges

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
    domain: DomainScore


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
        style: Cue[Clip | Style] | str | Sequence[str] | None = None,
        settings: Settings | None = None,
        *,
        like: Clip | Style | Sequence[Clip | Style] | None = None,
        weights: Sequence[float] | None = None,
        random: bool = False,
        like_rig: Rig | str | Path | None = None,
        **changes: Unpack[SettingsChanges],
    ) -> Clip:
        """The clip in another style, on the same rig, with the same frames.

        style: a name that the bundle knows, or several that are mixed, or a whole `Cue`
        like: a clip, on any rig, whose style is taken, or several; mixed with `style` if both are
            given
        weights, random, like_rig: see `Cue`
        settings, changes: how it is restyled, see `Settings`; keywords such as strength=0.5 change
            the settings that are given, or the defaults

        Raises StyleError, RigError, ClipError.
        """
        cue: Cue[Clip | Style]
        if not isinstance(style, Cue):
            cue = Cue.of(style, like=like, weights=weights, random=random, like_rig=like_rig)
        elif like is not None or weights is not None or random or like_rig is not None:
            raise StyleError("a whole cue is given, and parts of one; give one of the two")
        else:
            cue = style
        settings = replace(settings or Settings(), **changes)
        code = self.style_of(cue, settings.seed)
        return self.apply(self.analyse(clip, rig=settings.rig), code, settings)

    def style_of(self, cue: Cue[Clip | Style] | str, seed: int = 0) -> np.ndarray:
        """(K,) the style code that a cue, or a style's name, asks for.

        Of a style, or of what a reference's may be, the middle (seed 0) or a draw; the same for the
        same seed. Several are mixed. Raises StyleError, RigError, ClipError.
        """
        cue = Cue.of(cue) if isinstance(cue, str) else cue
        seed = Settings(seed=seed).seed
        if cue.random:
            return self._draw(np.random.default_rng(seed))
        styles = [*map(self.bundle.style, cue.style), *self.read_references(cue).like]
        codes = np.stack([style.variation(seed) for style in styles])
        weights = np.ones(len(codes)) if cue.weights is None else np.array(cue.weights)
        # by a power of two, which loses nothing, so that no sum overflows
        weights = np.ldexp(weights, -np.frexp(weights.max())[1])
        return (weights / weights.sum() @ codes).astype(np.float32)

    def read_references(self, cue: Cue[Clip | Style]) -> Cue[Style]:
        """The cue with the styles of its reference clips: many seeds need them read only once."""
        return cue.map(
            lambda reference: (
                reference
                if isinstance(reference, Style)
                else self.reference_style(reference, rig=cue.like_rig)
            )
        )

    def _draw(self, random: np.random.Generator) -> np.ndarray:
        """(K,) a draw from all styles that the bundle knows.

        A bundle without named styles draws from a standard normal, one with them draws a style,
        each as likely, and then from it.
        """
        if self.styles:
            return self.styles[int(random.integers(len(self.styles)))].draw(random)
        if self.bundle.manifest.prior is None:
            name = self.bundle.path.name
            raise StyleError(
                f"the bundle {name} has neither named styles nor a prior to draw from; take the "
                f"style of a clip"
            )
        size = self.graphs.code_size
        return Style("any", 0.0, np.zeros(size), np.ones(size)).draw(random)

    def reference_style(
        self, reference: Clip, label: str | None = None, rig: Rig | str | Path | None = None
    ) -> Style:
        """The style of a clip on any rig: its likeliest code, and how sure that is.

        label: the named style that the clip shows, for bundles whose networks read labels; without
            it they are given none
        rig: as in `Settings`

        Raises StyleError for an unknown label, RigError, ClipError.
        """
        features = clip_to_features(
            to_canonical(reference, correspond(reference, map_joints(reference, as_rig(rig))))
        )
        style = self._read_style(reference, self.graphs.encode(_whole_strides(features)))
        labels = self.bundle.manifest.label_numbers
        if label is None or not labels:
            return style
        told = self.bundle.style(label)
        return replace(
            style,
            mean=np.concatenate([style.mean[:-labels], told.mean[-labels:]]),
            std=np.concatenate([style.std[:-labels], told.std[-labels:]]),
        )

    def _read_style(self, clip: Clip, latent: np.ndarray) -> Style:
        return Style(clip.name, clip.duration_seconds, *self.graphs.style(latent))

    def analyse(
        self,
        clip: Clip,
        correspondence: Correspondence | None = None,
        rig: Rig | str | Path | None = None,
    ) -> Analysis:
        """Bring a clip onto the canonical skeleton and through the encoders; rig as in `Settings`.
        Raises RigError, ClipError.
        """
        if not (np.isfinite(clip.local_position).all() and np.isfinite(clip.local_rotation).all()):
            raise ClipError(
                f"{clip.name} has positions or rotations that are not finite numbers; mend them "
                f"first"
            )
        correspondence = correspondence or correspond(clip, map_joints(clip, as_rig(rig)))
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
        domain = score_domain(clip.name, features, decoded, self.bundle.manifest.reference_error_cm)
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
            domain,
        )

    def apply(
        self,
        analysis: Analysis,
        code: np.ndarray,
        settings: Settings | None = None,
        **changes: Unpack[SettingsChanges],
    ) -> Clip:
        """The analysed clip in the style of a code (K,). Cheap beside `analyse`: this is what a
        slider calls. The seed chose the code and the rig the analysis: neither counts here.
        """
        settings = replace(settings or Settings(), **changes)
        strength = settings.strength
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
        share = analysis.domain.share if settings.out_of_domain == "fade" else np.ones(len(turn))
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
            settings.root,
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
            locked = locked_feet(clip, correspondence, analysis.contact)
            stance, known = stance_velocity(clip, turned, correspondence, locked)
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


def bundle_for(cue: Cue[Any], named: Path | str | None = None) -> Path | str | None:
    """The bundle to load for a cue: the one that is named, else the one that ships and suits it.
    None: the first that ships.
    """
    return UNSUPERVISED if named is None and cue.random else named


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
    """rise: (T,) metres -> the same, approaching the larger bound of `HEIGHT_CLAMP_M` from the
    smaller one on.
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
