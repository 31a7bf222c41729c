"""Which graphs a bundle has, and the shapes of what they take and give."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kinestyle.retarget.features import LAYOUT

Axis = int | str
"""A size, the letter of one that all graphs of a bundle share, or frames, see `FRAMES`."""

FRAMES = {"T": 1, "T/4": 4, "T/8": 8}
"""Axes of free length, and how many frames of a clip one of their steps stands for."""


@dataclass(frozen=True)
class Signature:
    """inputs, outputs: name -> axes after the batch axis, whose size is 1. All are float32.

    Outputs are known by their order; their names are those that the export gives them.
    """

    inputs: Mapping[str, tuple[Axis, ...]]
    outputs: Mapping[str, tuple[Axis, ...]]


_FEATURES, _LATENT, _CONTENT = ("T", LAYOUT.size), ("Z", "T/4"), ("C", "T/8")

GRAPHS: Mapping[str, Signature] = {
    "motion_encoder": Signature({"features": _FEATURES}, {"latent": _LATENT}),
    "content_encoder": Signature({"latent": _LATENT}, {"content": _CONTENT}),
    "style_encoder": Signature({"latent": _LATENT}, {"mean": ("K",), "log_std": ("K",)}),
    "generator": Signature({"content": _CONTENT, "style": ("K",)}, {"latent": _LATENT}),
    "motion_decoder": Signature({"latent": _LATENT}, {"features": _FEATURES}),
    "global_motion": Signature({"features": _FEATURES}, {"velocity": ("T", 2)}),
}
