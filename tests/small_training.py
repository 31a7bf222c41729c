"""A small stage trained by the real loop in a process of its own, for tests that kill it or start
several at once.

python small_training.py STAGE CORPUS FOLDER [KEY=VALUE of LoopConfig ...]
torchrun --nproc-per-node 2 small_training.py ...
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from kinestyle.learn.data.bandai import motion_files
from kinestyle.learn.data.corpus import Corpus, Entry, build
from kinestyle.learn.loop.process_group import process_group
from kinestyle.learn.loop.schedule import Plateau
from kinestyle.learn.loop.training import LoopConfig, Stage, parameter_groups, train
from kinestyle.learn.nets.networks import NetworkSizes
from kinestyle.learn.stages.autoencoder import AutoencoderConfig, AutoencoderStage
from kinestyle.learn.stages.classifiers import ClassifierConfig, ClassifierStage
from kinestyle.learn.stages.global_motion import GlobalMotionConfig, GlobalMotionStage
from kinestyle.learn.stages.paper import PaperConfig, PaperStage
from kinestyle.learn.stages.stylizer import StylizerConfig, StylizerStage, StylizerWeights
from kinestyle.retarget.features import clip_to_features
from made_rigs import walk

SIZES = NetworkSizes(
    latent=16,
    encoder=(24, 32),
    decoder=(32, 32, 24),
    content=24,
    content_code=16,
    style=(24, 24),
    style_code=8,
    generator=(24, 32, 24),
    global_motion=(16, 16, 16),
)
LOOP = LoopConfig(
    steps=60,
    batch=8,
    learning_rate=2e-3,
    warmup_steps=5,
    validate_every=15,
    log_every=1,
    checkpoint_seconds=0.1,
)
STAGES = ("autoencoder", "global_motion", "classifier", "stylizer", "paper")


def small_stage(name: str, corpus: Corpus, loop: LoopConfig) -> Stage[Any]:
    """A stage with few channels. What it needs of other stages is as it was before they learned."""
    autoencoder = AutoencoderStage(
        corpus, SIZES, replace(AutoencoderConfig(), loop=loop, crop_frames=32)
    )
    classifier = ClassifierStage(
        corpus, replace(ClassifierConfig(), loop=loop, crop_frames=32, width=24)
    )
    if name == "autoencoder":
        return autoencoder
    if name == "classifier":
        return classifier
    if name == "global_motion":
        return GlobalMotionStage(
            corpus, SIZES, replace(GlobalMotionConfig(), loop=loop, crop_frames=32)
        )
    if name == "stylizer":
        weights = StylizerWeights(prior_cross_entropy=0.1)
        config = StylizerConfig(loop=loop, crop_frames=32, style_noise=0.1, weights=weights)
        return StylizerStage(corpus, SIZES, config, autoencoder.network, [classifier.network])
    assert name == "paper", f"no stage is called {name}"
    sizes = replace(SIZES, label_input=True, content_norm=True, norm_over_time=True)
    return PaperStage(
        corpus, sizes, replace(PaperConfig(), loop=loop, crop_frames=32), autoencoder.network
    )


def overfit(stage: Stage[Any], steps: int, learning_rate: float = 5e-3) -> dict[str, np.ndarray]:
    """Each loss on one batch, (steps,), before each step towards that batch; the noise is the same
    in all of them.
    """
    optimizer = torch.optim.Adam(parameter_groups(stage), lr=learning_rate)
    samples = stage.draw()
    stage.network.train()
    rows = []
    for _ in range(steps):
        torch.manual_seed(0)
        losses = stage.losses_of(samples)
        optimizer.zero_grad()
        losses["total"].backward()
        optimizer.step()
        rows.append({name: float(value.detach()) for name, value in losses.items()})
    optimizer.zero_grad()
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


def save_made_corpus(folder: Path) -> Path:
    """Made walks of three styles and two contents, three to train on and one to validate with of
    each style.
    """
    arrays, entries, start = [], [], 0
    for number in range(12):
        features = clip_to_features(
            walk(1.0 + 0.1 * (number % 5), start_heading=0.1 * number).clip
        ).astype(np.float32)
        features = features + np.float32(0.02 * (number % 3))  # something to tell the styles by
        style = f"bandai2/{'abc'[number % 3]}"
        content = ("walk", "run")[number // 3 % 2]
        split = "validation" if number >= 9 else "train"
        entries.append(
            Entry(f"made_{number}", "bandai2", style, content, split, start, start + len(features))
        )
        arrays.append(features)
        start += len(features)
    Corpus(np.concatenate(arrays), tuple(entries)).save(folder)
    return folder


def save_real_corpus(data: Path, folder: Path) -> Path:
    """As `save_made_corpus`, of Bandai-Namco's walks."""
    walks = [
        source
        for source in motion_files(data)
        if source.set_name == "bandai2" and source.content == "walk"
    ]
    chosen = []
    for style in ("bandai2/active", "bandai2/elderly", "bandai2/youthful"):
        for split, count in (("train", 3), ("validation", 1)):
            chosen += [
                source for source in walks if (source.style, source.split) == (style, split)
            ][:count]
    assert len(chosen) == 12, f"{len(chosen)} clips are there"
    assert not build(chosen, folder, lambda _: None, processes=1), (
        "a clip of the data set cannot be read"
    )
    return folder


def save_corpus(folder: Path) -> Path:
    """A small corpus of real motion where it is, otherwise of made motion."""
    data = os.environ.get("KINESTYLE_DATA")
    return save_real_corpus(Path(data), folder) if data else save_made_corpus(folder)


def main(name: str, corpus: str, folder: str, *settings: str) -> None:
    torch.set_num_threads(1)
    changes = {
        key: json.loads(value) for key, _, value in (setting.partition("=") for setting in settings)
    }
    if "plateau" in changes:
        changes["plateau"] = Plateau(**changes["plateau"])
    loop = replace(LOOP, **changes)
    with process_group() as group:
        train(
            small_stage(name, Corpus.load(Path(corpus)), loop),
            loop,
            Path(folder),
            print,
            group=group,
        )


if __name__ == "__main__":
    main(*sys.argv[1:])
