"""A style of one's own, refined: what was heard in clips, then learned from them for a minute.

The networks of the bundle stay as they are. What is learned is the style's code, and what it adds
to the modulation of the generator's layers (`kinestyle.runtime.modulation`): some two thousand
numbers, too few to learn the clips by heart.

Clips of a style are no pairs. Pairs are made of each: the clip out of its style, in the posture of
a plain walk and in styles that the bundle knows, and the clip itself, which is what has to come
back. A result is compared with it as a user gets it, frame by frame and by the statistics of its
joints' positions, in which a style shows.

Whether it is worth it is told by clips that were held out, or the ends of clips where they are few:
restyled by the runtime, from out of their style, how near do they come? Where refining does not
bring them nearer, the style stays as it was heard.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import smooth_l1_loss

from kinestyle.bundle import Style
from kinestyle.evaluate.truth import body_positions
from kinestyle.evaluate.unseen_styles import position_statistics, way_gone
from kinestyle.learn.bundle_networks import BundleNetworks, networks_of
from kinestyle.learn.nets.convolution import conv_as_matmul
from kinestyle.learn.nets.networks import Generator
from kinestyle.learn.nets.residual_stylization import restyled_features, style_residual
from kinestyle.motion import rotation
from kinestyle.motion.canonical import CANONICAL, joints_from_hips
from kinestyle.motion.clip import Clip
from kinestyle.motion.lead_in import without_lead_in
from kinestyle.motion.rotation import Array
from kinestyle.motion.window import Motion, Progress, part_of_progress
from kinestyle.retarget.correspondence import correspond, to_canonical
from kinestyle.retarget.features import (
    FRAME_RATE,
    LAYOUT,
    clip_to_features,
    features_to_clip,
    heading_free_rotation,
)
from kinestyle.rig.mapping import map_joints
from kinestyle.rig.rig_file import Rig
from kinestyle.runtime.code_change import code_of
from kinestyle.runtime.graphs import STRIDE
from kinestyle.runtime.own_styles import OwnStyle, hear_style
from kinestyle.runtime.posture import Posture, find_posture, own_posture, take_posture
from kinestyle.runtime.reference import ReferenceStyle
from kinestyle.runtime.residual import STYLE_RESIDUAL_GATE
from kinestyle.runtime.settings import Settings
from kinestyle.runtime.stylizer import Stylizer

MEANS_M, SPREADS_M = 0.05, 0.02
"""How much means and standard deviations of joints' positions vary between clips, about: what
statistics are measured in."""

HELD_OUT_SHARE = 0.25
FEWEST_CLIPS = 3
"""Of fewer, the ends are held out instead of whole clips."""
LEAST_SECONDS = 8.0
"""In less, nothing can be held out that shows a style."""
MOST_HELD_OUT, HELD_OUT_SECONDS = 3, 8.0
"""Clips that are restyled to tell whether refining helped, and how much of each."""
LONGEST_SECONDS = 60.0
"""Of each clip, so much is learned from, from its middle."""
POSTURE_SHARES = (0.25, 0.5)
"""How far posture may say what a refined style changes, beside the networks."""
BETTER = 0.9
"""A refined style is taken where it leaves less than so much of what the heard one leaves."""


@dataclass(frozen=True)
class RefiningConfig:
    """How a style is refined."""

    steps: int = 250
    batch: int = 8
    crop_frames: int = 64
    learning_rate: float = 8e-3
    """Of the modulation, at its highest; of the code three times that."""
    known_styles: int = 4
    """In how many styles of the bundle each clip is shown to learn from."""
    latent: float = 0.1
    """Weight of the smooth-L1 of latents."""
    motion: float = 0.5
    """Weight of the smooth-L1 of joints' positions, decimetres."""
    statistics: float = 0.3
    """Weight of the squared difference of statistics."""
    seed: int = 0


@dataclass(frozen=True)
class Nearness:
    """How held-out clips came back from out of their style: `way_gone`, means; `left`: the share of
    the distance that is left.
    """

    cosine: float
    way: float
    left: float


@dataclass(frozen=True)
class Refined:
    """What refining came to.

    style: refined, or as it was heard
    heard, refined: by held-out clips, of which there are `held_out`; None where there are none
    """

    style: OwnStyle
    heard: Nearness | None = None
    refined: Nearness | None = None
    held_out: int = 0

    @property
    def is_better(self) -> bool:
        """Whether the style was refined."""
        return self.style.modulation is not None

    def __str__(self) -> str:
        """What came of it, in a line."""
        if self.heard is None or self.refined is None:
            return (
                f"not refined: clips are too short, or too few, to hold any out; "
                f"{LEAST_SECONDS:g} s are needed"
            )
        said = "refined" if self.is_better else "not refined, for it hardly helps"
        return (
            f"{said}: {self.held_out} held-out clips, put out of the style and back, end with "
            f"{self.refined.left:.2f} of the step left, {self.heard.left:.2f} as heard"
        )


@dataclass(frozen=True, eq=False)
class StyleClip:
    """A clip of the style. features: (T, 260), T whole strides; heard: its style"""

    features: Array
    heard: ReferenceStyle


def refine_style(
    stylizer: Stylizer,
    name: str,
    clips: Sequence[Motion],
    rig: Rig | Sequence[Rig | None] | None = None,
    config: RefiningConfig | None = None,
    progress: Progress | None = None,
    heard: Sequence[ReferenceStyle] | None = None,
) -> Refined:
    """The style of clips, as `learn_style` hears it, refined. The same for the same clips, bundle,
    configuration and threads.

    rig: of every clip, or of each; None where it is found in them
    heard: the style of each clip, where that is known already, posture and all
    progress: called with the share that is done; what it raises ends the work

    Raises StyleError, RigError, ClipError; BundleError for a bundle that cannot be learned on.
    """
    config = config or RefiningConfig()
    learned = stylizer.bundle.manifest.styles
    networks = networks_of(stylizer.bundle)
    whole = []
    rigs = [rig] * len(clips) if rig is None or isinstance(rig, Rig) else rig
    for i, (clip, its_rig) in enumerate(zip(clips, rigs, strict=True)):
        part = part_of_progress(progress, 0.1 * i / len(clips), 0.1 * (i + 1) / len(clips))
        known = None if heard is None else heard[i]
        whole.append(_style_clip(stylizer, clip, its_rig, known, part))
    style = hear_style(name, [clip.heard for clip in whole], learned)
    kept, held_out = _held_out(stylizer, whole, config.seed)
    kept, held_out = [clip for clip in kept if _long(clip, config)], held_out[:MOST_HELD_OUT]
    if not kept or not held_out:
        return Refined(style)
    of_kept = hear_style(name, [clip.heard for clip in kept], learned)
    trial = Refiner(stylizer, networks, kept, config).refine(
        of_kept, part_of_progress(progress, 0.1, 0.45)
    )
    test = HeldOut(stylizer, networks, held_out, config)
    candidates = [replace(trial, unfamiliar=share) for share in _shares(trial)]
    found = [
        test.nearness(one, part_of_progress(progress, 0.45 + 0.05 * i, 0.5 + 0.05 * i))
        for i, one in enumerate([of_kept, *candidates])
    ]
    best = int(np.argmin([one.left for one in found[1:]]))
    compared: dict[str, Any] = {
        "heard": found[0],
        "refined": found[1 + best],
        "held_out": len(held_out),
    }
    if not found[1 + best].left < BETTER * found[0].left:
        return Refined(style, **compared)
    long = [clip for clip in whole if _long(clip, config)]
    done = Refiner(stylizer, networks, long, config).refine(
        style, part_of_progress(progress, 0.65, 1.0)
    )
    return Refined(replace(done, unfamiliar=candidates[best].unfamiliar), **compared)


def _shares(style: OwnStyle) -> Sequence[float]:
    return (0.0,) if style.posture is None else POSTURE_SHARES


def _long(clip: StyleClip, config: RefiningConfig) -> bool:
    return len(clip.features) >= config.crop_frames


def _style_clip(
    stylizer: Stylizer,
    clip: Motion,
    rig: Rig | None,
    heard: ReferenceStyle | None,
    progress: Progress | None,
) -> StyleClip:
    rest, _ = without_lead_in(clip)
    count = min(rest.frame_count, round(LONGEST_SECONDS / rest.frame_time_seconds))
    start = (rest.frame_count - count) // 2
    middle = rest.window(start, start + count)
    features = clip_to_features(to_canonical(middle, correspond(rest, map_joints(rest, rig))))
    heard = heard or stylizer.reference_style(clip, None, rig, progress, posture=True)
    return StyleClip(_whole_strides(features), heard)


def _whole_strides(features: Array) -> Array:
    return features[: len(features) // STRIDE * STRIDE]


def _held_out(
    stylizer: Stylizer, clips: Sequence[StyleClip], seed: int
) -> tuple[list[StyleClip], list[StyleClip]]:
    """What is learned from to tell whether it helps, and what tells it: clips, or ends of them."""
    seconds = sum(len(clip.features) for clip in clips) / FRAME_RATE
    if seconds < LEAST_SECONDS:
        return [], []
    if len(clips) >= FEWEST_CLIPS:
        count = max(1, round(HELD_OUT_SHARE * len(clips)))
        out = set(np.random.default_rng(seed).permutation(len(clips))[:count].tolist())
        return (
            [clip for i, clip in enumerate(clips) if i not in out],
            [clip for i, clip in enumerate(clips) if i in out],
        )
    kept: list[StyleClip] = []
    ends: list[StyleClip] = []
    for clip in clips:
        at = round((1.0 - HELD_OUT_SHARE) * len(clip.features)) // STRIDE * STRIDE
        for part, into in ((clip.features[:at], kept), (clip.features[at:], ends)):
            if len(part):
                shown = replace(features_to_clip(part), name=clip.heard.name)
                into.append(StyleClip(part, stylizer.reference_style(shown, posture=True)))
    return kept, ends


# ---------------------------------------------------------------- clips out of their style


class OutOfStyle:
    """Shows clips out of their style: in the posture of a plain walk, and in styles that a bundle
    knows.
    """

    def __init__(self, stylizer: Stylizer, networks: BundleNetworks, seed: int):
        self.networks = networks
        self.gate = stylizer.bundle.manifest.residual_gate or STYLE_RESIDUAL_GATE
        self.plain = plain_walk_posture()
        self._random = np.random.default_rng(seed)
        known = stylizer.bundle.manifest.styles
        self._code_size = size = stylizer.graphs.code_size
        self._known = [style.mean for style in known] or list(
            np.random.default_rng(1).standard_normal((8, size))
        )

    def of(self, features: Array, count: int) -> list[Array]:
        """features: (T, 260) -> the same in other styles, the first in the plain posture."""
        rotations = heading_free_rotation(features.astype(float))
        height = features[:, LAYOUT["root_height"]][:, 0].astype(float)
        shown = [features]
        own = find_posture(rotations, height, np.ones(len(features)))
        if own is not None:
            held, level = take_posture(rotations, height, own, self.plain)
            shown = [with_pose(features, held, level)]
        before, after = self.unchanged(features), self._in_known(features, count)
        x = _tensor(features)
        for one in after:
            changed = restyled_features(x, before, one)[0].numpy()
            shown.append(
                with_pose(
                    features,
                    heading_free_rotation(changed.astype(float)),
                    changed[:, LAYOUT["root_height"]][:, 0].astype(float),
                )
            )
        return shown

    @torch.no_grad()
    def unchanged(self, features: Array) -> Tensor:
        """(1, T, 260) physical: the networks' own rendering of a clip, as the runtime makes it."""
        nets = self.networks
        latent = nets.motion_encoder(_tensor(features))
        own = nets.generator(
            nets.content_encoder(latent), self._whole(nets.style_encoder(latent).mean)
        )
        return self.decode(own + style_residual(latent - own, self.gate))

    @torch.no_grad()
    def _in_known(self, features: Array, count: int) -> list[Tensor]:
        nets = self.networks
        content = nets.content_encoder(nets.motion_encoder(_tensor(features)))
        chosen = self._random.permutation(len(self._known))[:count]
        codes = [torch.from_numpy(np.asarray(self._known[i], np.float32))[None] for i in chosen]
        return [self.decode(nets.generator(content, code)) for code in codes]

    def decode(self, latent: Tensor) -> Tensor:
        decoder = self.networks.motion_decoder
        return decoder.physical(decoder.normalized(latent))

    def _whole(self, code: Tensor) -> Tensor:
        """A code as long as the generator's, whose labels are not known."""
        return nn.functional.pad(code, (0, self._code_size - code.shape[-1]))


def plain_walk_posture() -> Posture:
    """Of the walk that ships with Kinestyle."""
    from importlib import resources

    from kinestyle.formats.table import read_motion

    with resources.as_file(resources.files("kinestyle") / "examples" / "walk.bvh") as path:
        clip = read_motion(path)
    features = clip_to_features(to_canonical(clip, correspond(clip)))
    posture = own_posture(
        heading_free_rotation(features.astype(float)),
        features[:, LAYOUT["root_height"]][:, 0].astype(float),
    )
    return replace(posture, acting=None, resting=None, doing=None)


def with_pose(features: Array, rotations: Array, height: Array) -> Array:
    """features: (T, 260), rotations: (T, 21, 4) heading removed, height: (T,) metres -> the same
    motion of the hips over the floor, in these poses.
    """
    made = features.astype(np.float32)
    position = joints_from_hips(rotations)
    position[..., 1] += height[:, None]
    before = features[:, LAYOUT["joint_position"]].reshape(position.shape)
    moved = np.diff(position - before, axis=0)
    moved = np.concatenate([moved, moved[-1:]])
    made[:, LAYOUT["joint_rotation"]] = rotation.to_sixd(rotations).reshape(len(made), -1)
    made[:, LAYOUT["joint_position"]] = position.reshape(len(made), -1)
    made[:, LAYOUT["root_height"]] = height[:, None]
    made[:, LAYOUT["joint_velocity"]] += moved.reshape(len(made), -1).astype(np.float32)
    return made


def _tensor(features: Array) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(features, np.float32))[None]


# ---------------------------------------------------------------- learning


@dataclass(eq=False)
class _Pairs:
    """Clips out of their style, and what has to come back. shown: features, content codes and the
    networks' rendering of each, and the number of its clip; wanted: features and latent of each
    clip
    """

    shown: list[tuple[Tensor, Tensor, Tensor, int]] = field(default_factory=list)
    wanted: list[tuple[Tensor, Tensor]] = field(default_factory=list)


class Refiner:
    """Learns the code and the modulation of one style from clips."""

    def __init__(
        self,
        stylizer: Stylizer,
        networks: BundleNetworks,
        clips: Sequence[StyleClip],
        config: RefiningConfig,
    ):
        self.config, self.networks = config, networks
        self.out = OutOfStyle(stylizer, networks, config.seed)
        self.pairs = _Pairs()
        with torch.no_grad(), conv_as_matmul():
            for clip in clips:
                self._add(clip.features)

    def _add(self, features: Array) -> None:
        nets, wanted = self.networks, _tensor(features)
        for shown in self.out.of(features, self.config.known_styles):
            content = nets.content_encoder(nets.motion_encoder(_tensor(shown)))[0]
            self.pairs.shown.append(
                (_tensor(shown)[0], content, self.out.unchanged(shown)[0], len(self.pairs.wanted))
            )
        self.pairs.wanted.append((wanted[0], nets.motion_encoder(wanted)[0]))

    def refine(self, style: OwnStyle, progress: Progress | None = None) -> OwnStyle:
        """The style with another code and a modulation of its own."""
        config = self.config
        random = np.random.default_rng(config.seed)
        generator = copy.deepcopy(self.networks.generator)
        code = nn.Parameter(torch.from_numpy(style.mean.astype(np.float32).copy()))
        biases = _biases(generator)
        base = torch.cat([bias.detach().clone() for bias in biases])
        for bias in biases:
            bias.requires_grad_(True)
        optimizer = torch.optim.Adam([{"params": biases}, {"params": [code]}], betas=(0.9, 0.99))
        rates = config.learning_rate, 3.0 * config.learning_rate
        with conv_as_matmul():
            for step in range(config.steps):
                share = 0.5 + 0.5 * np.cos(np.pi * step / config.steps)
                for group, rate in zip(optimizer.param_groups, rates, strict=True):
                    group["lr"] = rate * share * min(1.0, (step + 1) / 20.0)
                loss = self._loss(generator, code, random)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                if progress is not None:
                    progress((step + 1) / config.steps)
        modulation = (torch.cat([bias.detach() for bias in biases]) - base).numpy()
        return replace(
            style, mean=code.detach().numpy().copy(), modulation=modulation.astype(float).round(6)
        )

    def _loss(self, generator: Generator, code: Tensor, random: np.random.Generator) -> Tensor:
        config, frames = self.config, self.config.crop_frames
        rows: list[tuple[Tensor, ...]] = []
        for i in random.integers(len(self.pairs.shown), size=config.batch).tolist():
            shown, content, unchanged, clip = self.pairs.shown[i]
            wanted, latent = self.pairs.wanted[clip]
            start = STRIDE * int(random.integers((len(wanted) - frames) // STRIDE + 1))
            stop = start + frames
            codes, steps = slice(start // STRIDE, stop // STRIDE), slice(start // 4, stop // 4)
            rows.append(
                (
                    shown[start:stop],
                    content[:, codes],
                    unchanged[start:stop],
                    wanted[start:stop],
                    latent[:, steps],
                )
            )
        shown, content, unchanged, wanted, latent = map(torch.stack, zip(*rows, strict=True))
        made = generator(content, code.expand(len(rows), -1))
        result = restyled_features(shown, unchanged, self.out.decode(made))
        position = LAYOUT["joint_position"]
        apart = 10.0 * result[..., position], 10.0 * wanted[..., position]
        return (
            config.latent * smooth_l1_loss(made, latent)
            + config.motion * smooth_l1_loss(*apart)
            + config.statistics * (_statistics(result) - _statistics(wanted)).square().mean()
        )


def _biases(generator: Generator) -> list[nn.Parameter]:
    """Of the modulation, in the order of `runtime.modulation.modulation_biases`."""
    return [block.modulation.bias for block in generator.blocks]  # type: ignore[union-attr, misc]


def _statistics(features: Tensor) -> Tensor:
    """features: (B, T, 260) -> (B, 126) means and standard deviations of joints' positions, in
    units of what they vary by.
    """
    position = features[..., LAYOUT["joint_position"]]
    std = (position.var(dim=-2, unbiased=False) + 1e-6).sqrt()
    return torch.cat([position.mean(dim=-2) / MEANS_M, std / SPREADS_M], dim=-1)


# ---------------------------------------------------------------- does it help?


class HeldOut:
    """Clips that were not learned from, out of their style: how near does a style bring them?"""

    def __init__(
        self,
        stylizer: Stylizer,
        networks: BundleNetworks,
        clips: Sequence[StyleClip],
        config: RefiningConfig,
    ):
        self.stylizer = stylizer
        out = OutOfStyle(stylizer, networks, config.seed + 1)
        longest = round(HELD_OUT_SECONDS * FRAME_RATE)
        joints = 3 * CANONICAL.joint_count
        self.unit = np.repeat([MEANS_M, SPREADS_M], joints)
        self.cases: list[tuple[Any, Array, Array]] = []
        for clip in clips:
            wanted = clip.features[:longest]
            for shown in out.of(wanted, 1):
                analysis = stylizer.analyse(features_to_clip(shown), cycle="no")
                self.cases.append((analysis, _measured(shown), _measured(wanted)))

    def nearness(self, style: Style, progress: Progress | None = None) -> Nearness:
        """How near the clips come in a style, by the runtime."""
        code = code_of([style], [None], None, 0)
        found = []
        for i, (analysis, before, wanted) in enumerate(self.cases):
            result: Clip = self.stylizer.apply(analysis, code, Settings(cycle="no"))
            canonical = to_canonical(result, analysis.correspondence)
            now = _measured(clip_to_features(canonical))
            cosine, way = way_gone(before, wanted, now, self.unit)
            step = float(np.linalg.norm((wanted - before) / self.unit))
            left = float(np.linalg.norm((wanted - now) / self.unit)) / max(step, 1e-9)
            found.append((cosine, way, left))
            if progress is not None:
                progress((i + 1) / len(self.cases))
        return Nearness(*np.mean(found, axis=0).tolist())


def _measured(features: Array) -> Array:
    return position_statistics(body_positions(features))
