"""Recipes with a name, made tiny, and a corpus to try them on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from kinestyle.formats.table import read_motion
from kinestyle.learn.data.corpus import Corpus, Entry
from kinestyle.learn.nets.networks import POSE_CHANNELS
from kinestyle.learn.pipeline import Recipe
from kinestyle.retarget.correspondence import correspond, to_canonical
from kinestyle.retarget.features import clip_to_features

TINY = {
    "latent": 12,
    "encoder": (12, 12),
    "decoder": (16, 12, 12),
    "content": 12,
    "content_code": 8,
    "style": (12, 12),
    "style_code": 6,
    "generator": (12, 16, 12),
    "global_motion": (8, 8, 8),
}


def example_corpus(walk_file: Path) -> Corpus:
    """The example clip, cut into clips of four styles."""
    clip = read_motion(walk_file)
    features = clip_to_features(to_canonical(clip, correspond(clip))).astype(np.float32)
    entries = tuple(
        Entry(
            f"clip_{i}",
            "bandai2",
            f"bandai2/{'abcd'[i % 4]}",
            "walk",
            "validation" if i > 7 else "train",
            start,
            start + 40,
        )
        for i, start in enumerate(range(0, len(features) - 40, 10))
    )
    return Corpus(features[: entries[-1].stop], entries, "made")


def tiny(recipe: Recipe) -> Recipe:
    """The recipe with tiny networks, its own form kept."""
    latent = POSE_CHANNELS if recipe.autoencoder.latent == "poses" else TINY["latent"]
    return replace(recipe, sizes=replace(recipe.sizes, **{**TINY, "latent": latent}))
