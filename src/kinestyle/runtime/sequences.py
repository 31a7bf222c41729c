"""Whole motions through the networks. Long ones go window by window.

A convolution sees a few frames. So a window that is read with a halo as wide as what the networks
see gives what the whole sequence gives; how far each of them sees is measured on the graphs
themselves. A graph with a norm over time sees all of it and gets the whole sequence. All such
graphs work on codes, which are small: 1 kB for four frames.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from math import ceil, inf

import numpy as np

from kinestyle.motion.rotation import Array
from kinestyle.motion.smoothing import smooth_in_time
from kinestyle.motion.window import Progress, Window, WindowSize, cut, one_by_one
from kinestyle.retarget.correspondence import Correspondence
from kinestyle.retarget.features import (
    FEATURE_REACH,
    FRAME_RATE,
    LAYOUT,
    clip_to_features,
    heading,
    heading_free_rotation,
    pad_last,
    without_heading,
)
from kinestyle.retarget.survey import FeatureFrames
from kinestyle.runtime.graphs import LATENT_STRIDE, STRIDE, Graphs
from kinestyle.runtime.out_of_domain import reconstruction_error_cm
from kinestyle.runtime.residual import (
    RESIDUAL_REACH,
    STYLE_RESIDUAL_GATE,
    slow_part,
    style_share,
)

SMOOTHING_FRAMES = 1.0
"""Smoothing of what is decoded, in frames at 30 a second: a change of style is slower than the
decoder's tremble.
"""
_SMOOTHING_REACH = ceil(3.0 * SMOOTHING_FRAMES)

SHORTEST_FRAMES = 16
"""Frames at 30 a second below which a clip shows too little motion; it is restyled, with a
warning.
"""

_PROBE_FRAMES = 512
"""Of the noise on which it is measured how far a graph sees."""


@dataclass(frozen=True, eq=False)
class Rendering:
    """What the networks make of a clip in one style, at 30 frames a second.

    rotation: (T30, 21, 4) world rotations with the heading removed; in single precision where the
        clip was long
    height: (T30,) metres, of the hips
    velocity: (T30, 2) metres a frame, of the hips over the ground, in the heading's frame
    """

    rotation: Array
    height: Array
    velocity: Array


@dataclass(frozen=True, eq=False)
class Encoding:
    """A motion as the encoder sees it.

    latent: (Z, P/4), P the frames with their padding
    heading: (T30,) radians
    rotation: (T30, 21, 4) as `Rendering.rotation`, of the motion itself
    height: (T30,) metres, of the hips
    error_cm: (T30,) of the autoencoder, see `kinestyle.runtime.out_of_domain`
    """

    latent: np.ndarray
    heading: Array
    rotation: Array
    height: Array
    error_cm: Array


class Sequences:
    """The graphs of a bundle over motion of any length."""

    def __init__(self, graphs: Graphs, size: WindowSize) -> None:
        self.graphs, self.size = graphs, size

    def encode(
        self,
        frames: FeatureFrames,
        correspondence: Correspondence,
        contact: np.ndarray,
        progress: Progress | None = None,
    ) -> Encoding:
        """contact: (T30, 4) as `clip_to_features` takes it."""
        count = frames.frame_count
        windows = self._windows(count, "encode", "decode")
        joints, part = correspondence.body
        latents = _Track(padded_count(count), LATENT_STRIDE)
        headings, rotations, heights, errors = (_Track(count) for _ in range(4))
        for window in one_by_one(windows, progress):
            stop = min(window.last, count)
            seen = Window(
                window.first,
                stop,
                max(0, window.first - FEATURE_REACH),
                min(count, stop + FEATURE_REACH),
            )
            canonical = frames.canonical(seen, part, joints)
            facing = heading(canonical)
            turned = without_heading(canonical, facing)
            features = clip_to_features(canonical, contact[seen.read], facing, turned)[seen.core]
            latent = self.graphs.encode(pad_last(features, window.read_count))
            decoded = self.graphs.decode(latent)[: len(features)]
            latents.put(window, latent.T)
            headings.put(window, facing[seen.core])
            rotation = turned[seen.core]
            rotations.put(window, rotation if len(windows) == 1 else rotation.astype(np.float32))
            heights.put(window, features[:, LAYOUT["root_height"]][:, 0].copy())
            errors.put(window, reconstruction_error_cm(rotation, heading_free_rotation(decoded)))
        return Encoding(
            latents.array.T, headings.array, rotations.array, heights.array, errors.array
        )

    def content(self, latent: np.ndarray) -> np.ndarray:
        """latent: (Z, P/4) -> (C, P/8)."""
        return self._through("content", self.graphs.content, latent, LATENT_STRIDE, STRIDE)

    def generate(self, content: np.ndarray, style: np.ndarray) -> np.ndarray:
        """content: (C, P/8), style: (K,) -> latent (Z, P/4)."""
        return self._through(
            "generate",
            lambda codes: self.graphs.generate(codes, style),
            content,
            STRIDE,
            LATENT_STRIDE,
        )

    def with_residual(self, own: np.ndarray, latent: np.ndarray) -> np.ndarray:
        """own: (Z, P/4) what the generator makes of a clip in its own style, latent: what the
        encoder makes of it -> `own` with what it misses of the style.

        Both arrays are written to: of a long clip they are large.
        """
        missed = np.subtract(latent, own, out=latent)
        windows = self.size.cut(own.shape[1], LATENT_STRIDE / FRAME_RATE, RESIDUAL_REACH)

        @lru_cache(maxsize=1)  # one window is asked for twice
        def slow(window: Window) -> Array:
            return slow_part(missed[:, window.read])[:, window.core]

        squared = sum(float(np.sum(slow(window) ** 2)) for window in windows)
        gate = self.graphs.bundle.manifest.residual_gate or STYLE_RESIDUAL_GATE
        share = style_share(squared / own.size, gate)
        for window in windows:
            own[:, window.wanted] += (share * slow(window)).astype(np.float32)
        return own

    def render(
        self, latent: np.ndarray, frame_count: int, progress: Progress | None = None
    ) -> Rendering:
        """latent: (Z, P/4) -> what comes out, `frame_count` frames of it."""
        windows = self._windows(frame_count, "decode", "velocity", halo=_SMOOTHING_REACH)
        rotations, heights, velocities = (_Track(frame_count) for _ in range(3))
        for window in one_by_one(windows, progress):
            codes = latent[:, window.first // LATENT_STRIDE : window.last // LATENT_STRIDE]
            decoded = smooth_in_time(self.graphs.decode(codes), SMOOTHING_FRAMES)
            features = decoded[: frame_count - window.first]
            rotation = heading_free_rotation(features)
            # of long clips single precision is enough: 1e-7 radians
            rotations.put(window, rotation if len(windows) == 1 else rotation.astype(np.float32))
            # a copy: a view would keep all features
            heights.put(window, features[:, LAYOUT["root_height"]][:, 0].copy())
            velocities.put(window, self.graphs.root_velocity(features).astype(float))
        return Rendering(rotations.array, heights.array, velocities.array)

    def _through(
        self,
        name: str,
        run: Callable[[np.ndarray], np.ndarray],
        codes: np.ndarray,
        stride: int,
        out_stride: int,
    ) -> np.ndarray:
        """codes: (C, P/stride) -> (C', P/out_stride) of one graph."""
        frame_count = codes.shape[1] * stride
        made = _Track(frame_count, out_stride)
        for window in self._windows(frame_count, name):
            made.put(window, run(codes[:, window.first // stride : window.last // stride]).T)
        return made.array.T

    def _windows(self, frame_count: int, *names: str, halo: int = 0) -> list[Window]:
        """Windows over the padded frames for graphs that follow one another, with `halo` frames
        beside what the graphs see. All of their ends are whole strides.
        """
        padded = padded_count(frame_count)
        if len(self.size.cut(padded, 1.0 / FRAME_RATE)) == 1:
            return [Window.whole(padded)]
        seen = halo + sum(self._reach_of(name) for name in names)
        if seen == inf:
            return [Window.whole(padded)]
        size, halo = (ceil(n / STRIDE) * STRIDE for n in (self.size.frames, seen))
        return cut(padded, size, halo)

    def _reach_of(self, name: str) -> float:
        if name not in self.graphs.reach:
            self.graphs.reach[name] = measure_reach(self.graphs, name)
        return self.graphs.reach[name]


def measure_reach(graphs: Graphs, name: str) -> float:
    """How far a graph sees: the most frames between one that changes and one that this changes, inf
    where that is all.

    name: encode, content, generate, decode or velocity, as methods of `Graphs` are called
    """
    random = np.random.default_rng(0)
    style = random.standard_normal(graphs.code_size)
    frames, latent, content = (
        (LAYOUT.size, 1),
        (graphs.latent_size, LATENT_STRIDE),
        (graphs.content_size, STRIDE),
    )
    (channels, stride), out_stride, run = {
        "encode": (frames, LATENT_STRIDE, lambda x: graphs.encode(x).T),
        "content": (latent, STRIDE, lambda x: graphs.content(x.T).T),
        "generate": (content, LATENT_STRIDE, lambda x: graphs.generate(x.T, style).T),
        "decode": (latent, 1, lambda x: graphs.decode(x.T)),
        "velocity": (frames, 1, graphs.root_velocity),
    }[name]
    noise = random.standard_normal((_PROBE_FRAMES // stride, channels))
    changed = noise.copy()
    middle = len(noise) // 2
    changed[middle] += 1.0 + random.random(channels)
    differ = np.flatnonzero((run(noise) != run(changed)).any(axis=1))
    if differ[0] == 0 or (differ[-1] + 1) * out_stride == _PROBE_FRAMES:
        return inf
    before = middle * stride - differ[0] * out_stride
    after = (differ[-1] + 1) * out_stride - (middle + 1) * stride
    return float(max(before, after, 0))


def padded_count(frame_count: int) -> int:
    """Frames that the networks see: a whole number of strides, and at least `SHORTEST_FRAMES`."""
    return max(SHORTEST_FRAMES, ceil(frame_count / STRIDE) * STRIDE)


class _Track:
    """An array over time that is filled window by window.

    array: (N, ...) one row for each `stride` frames
    """

    def __init__(self, frame_count: int, stride: int = 1) -> None:
        self._count, self._stride = frame_count // stride, stride
        self.array = np.empty(0)

    def put(self, window: Window, rows: np.ndarray) -> None:
        """rows: for the frames that a window reads, of which those that it wants are kept."""
        if len(rows) == self._count:
            self.array = rows
            return
        if not len(self.array):
            self.array = np.empty((self._count, *rows.shape[1:]), rows.dtype)
        start, stop, first = (
            at // self._stride for at in (window.start, window.stop, window.first)
        )
        stop = min(stop, self._count)
        self.array[start:stop] = rows[start - first : stop - first]
