"""A style that is made up: a few numbers that say how a body holds itself and moves.

`kinestyle.runtime.made_styles` shows any motion in one. A bundle that learned from no labelled
motion knows such styles by name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from kinestyle.json_object import JsonObject
from kinestyle.motion.canonical import CANONICAL, MIRROR
from kinestyle.motion.rotation import Array

_FACTORS = ("bounce", "stride", "lift", "twist", "tempo")
"""What multiplies, 1 for nothing; the two of `amplitude` do as well."""

_BOUNDS = {
    "lag_seconds": (-0.5, 0.5),
    "smoothing_seconds": (-0.5, 1.0),
    "tremble": (0.0, 0.5),
    "tremble_hz": (0.5, 15.0),
    "hip_height_m": (-0.5, 0.1),
    "hip_pitch": (-1.0, 1.0),
    "bounce": (0.0, 5.0),
    "sway_m": (-0.3, 0.3),
    "toe_out": (-1.5, 1.5),
    "step_width_m": (-0.2, 0.4),
    "stride": (0.1, 3.0),
    "lift": (0.0, 5.0),
    "limp": (-1.0, 1.0),
    "twist": (0.0, 5.0),
    "tempo": (0.25, 4.0),
}
"""What a manifest may say of each."""

VARIATION = 0.25
"""Standard deviation of the log of how much there is of each thing in another variation."""


@dataclass(frozen=True, eq=False)
class MadeStyle:
    """offsets: (21, 3) rotation vectors in radians, about the parent's axes.

    elbow_flexion: (2,) radians, left and right; negative stretches what is bent
    amplitude: of arms, and of spine with neck and head, as factors about the clip's mean pose
    lag_seconds: of the arms behind the rest
    smoothing_seconds: of arms and spine; negative sharpens
    tremble, tremble_hz: radians, standard deviation, of hands, head and spine; how fast
    hip_height_m, hip_pitch, bounce: hips lower, tilted, and their up and down as a factor
    sway_m: hips over the standing foot
    toe_out: radians; step_width_m; stride: factor of all travel over the ground; lift: factor of
        the height of feet that swing
    limp: -1 to 1, how much deeper the hips sink over the right foot than over the left
    twist: factor of the hips' turning against the heading
    tempo: factor of all speeds
    number: what the tremble is drawn by
    """

    offsets: Array
    elbow_flexion: Array
    amplitude: tuple[float, float]
    lag_seconds: float
    smoothing_seconds: float
    tremble: float
    tremble_hz: float
    hip_height_m: float
    hip_pitch: float
    bounce: float
    sway_m: float
    toe_out: float
    step_width_m: float
    stride: float
    lift: float
    limp: float
    twist: float
    tempo: float = 1.0
    number: int = 0

    def frames(self, count: int) -> Array:
        """(count,) for each frame of a base clip, the frame of the styled clip that shows the same
        moment, between two frames as well.
        """
        return np.minimum(np.arange(count) / self.tempo, styled_count(count, self.tempo) - 1.0)


PLAIN = MadeStyle(
    offsets=np.zeros((CANONICAL.joint_count, 3)),
    elbow_flexion=np.zeros(2),
    amplitude=(1.0, 1.0),
    lag_seconds=0.0,
    smoothing_seconds=0.0,
    tremble=0.0,
    tremble_hz=5.0,
    hip_height_m=0.0,
    hip_pitch=0.0,
    bounce=1.0,
    sway_m=0.0,
    toe_out=0.0,
    step_width_m=0.0,
    stride=1.0,
    lift=1.0,
    limp=0.0,
    twist=1.0,
)
"""The style that changes nothing."""


def styled_count(frame_count: int, tempo: float) -> int:
    """Frames of a clip of `frame_count` at another tempo, at the same rate."""
    return int(np.floor((frame_count - 1) / tempo + 1e-6)) + 1


def mirror_style(style: MadeStyle) -> MadeStyle:
    """The same style seen in a mirror."""
    return replace(
        style,
        offsets=style.offsets[MIRROR] * [1.0, -1.0, -1.0],
        elbow_flexion=style.elbow_flexion[::-1],
        limp=-style.limp,
    )


def mix_styles(styles: Sequence[MadeStyle], weights: Sequence[float]) -> MadeStyle:
    """One style in between; weights: of which the sum is taken for 1."""
    shares = np.asarray(weights, dtype=float) / np.sum(weights)

    def mean(name: str) -> Any:
        values = np.array([getattr(style, name) for style in styles])
        if name in _FACTORS or name == "amplitude":
            return np.exp(np.tensordot(shares, np.log(np.maximum(values, 1e-3)), axes=1))
        return np.tensordot(shares, values, axes=1)

    shaking = [share * style.tremble for share, style in zip(shares, styles, strict=True)]
    trembles = styles[int(np.argmax(shaking))]  # two frequencies have no mean
    arms, trunk = mean("amplitude")
    scalars: dict[str, Any] = {name: float(mean(name)) for name in _BOUNDS if name != "tremble_hz"}
    return replace(
        trembles,
        offsets=mean("offsets"),
        elbow_flexion=mean("elbow_flexion"),
        amplitude=(float(arms), float(trunk)),
        **scalars,
    )


def vary_style(style: MadeStyle, seed: int) -> MadeStyle:
    """The style itself (seed 0), or another way to show it: more of one thing, less of another."""
    if seed == 0:
        return style
    random = np.random.default_rng(seed)

    def much() -> float:
        return float(np.exp(VARIATION * random.standard_normal()))

    amplitude = style.amplitude[0] ** much(), style.amplitude[1] ** much()
    offsets, elbows = style.offsets * much(), style.elbow_flexion * much()
    scalars: dict[str, Any] = {
        name: value ** much() if name in _FACTORS else value * much()
        for name in _BOUNDS
        for value in (getattr(style, name),)
    }
    return replace(style, offsets=offsets, elbow_flexion=elbows, amplitude=amplitude, **scalars)


def as_json(style: MadeStyle) -> dict[str, Any]:
    """For a manifest; `parse_made_style` reads it."""
    return {
        **asdict(style),
        "offsets": np.round(style.offsets, 9).ravel().tolist(),
        "elbow_flexion": style.elbow_flexion.tolist(),
        "amplitude": list(style.amplitude),
    }


def parse_made_style(found: JsonObject) -> MadeStyle:
    """The inverse of `as_json`. Raises the object's error for the first number that is none."""

    def several(name: str, count: int, low: float, high: float) -> list[float]:
        values = found.numbers(name, f"{count} numbers", low, high)
        if len(values) != count:
            found.refuse(name, f"{count} numbers")
        return values

    joints = CANONICAL.joint_count
    amplitude = several("amplitude", 2, 0.0, 5.0)
    scalars: Mapping[str, float] = {
        name: found.number(name, *bounds) for name, bounds in _BOUNDS.items()
    }
    return MadeStyle(
        offsets=np.array(several("offsets", 3 * joints, -np.pi, np.pi)).reshape(joints, 3),
        elbow_flexion=np.array(several("elbow_flexion", 2, -np.pi, np.pi)),
        amplitude=(amplitude[0], amplitude[1]),
        number=found.integer("number", 0, 2**31, "what the tremble is drawn by"),
        **scalars,
    )
