"""The global motion predictor: root velocity on the ground from how the body moves, so that pace
follows the style.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import smooth_l1_loss

from kinestyle.learn.data.corpus import Corpus, Crop, CropSampler, group_statistics
from kinestyle.learn.loop.training import LoopConfig, Stage
from kinestyle.learn.nets.networks import GlobalMotionPredictor, NetworkSizes
from kinestyle.retarget.features import LAYOUT


@dataclass(frozen=True)
class GlobalMotionConfig:
    loop: LoopConfig = LoopConfig(steps=2000, batch=32, learning_rate=1e-3)
    crop_frames: int = 64
    noise: float = 0.1
    """Standard deviation of the noise on normalised features, given to half of the crops, because decoded
    motion is not clean.
    """


class GlobalMotionStage(Stage[GlobalMotionPredictor]):
    """See `loop.Stage`."""

    def __init__(self, corpus: Corpus, sizes: NetworkSizes, config: GlobalMotionConfig):
        self.corpus, self.config = corpus, config
        self.entries = corpus.select("train")
        rows = np.concatenate(
            [
                np.arange(e.start, e.stop)
                for e in corpus.select("train", labelled=True) or self.entries
            ]
        )
        statistics = map(torch.from_numpy, group_statistics(corpus.features[rows]))
        torch.manual_seed(config.loop.seed)
        network = GlobalMotionPredictor(sizes, *statistics)
        super().__init__(network, CropSampler(corpus, config.crop_frames, config.loop.seed))

    def draw(self) -> list[Crop]:
        sampler = self.sampler
        return [
            sampler.choose_crop(sampler.choose(self.entries), mirror=sampler.coin())
            for _ in range(self.config.loop.batch)
        ]

    def losses_of(self, samples: Sequence[Crop]) -> dict[str, Tensor]:
        net = self.network
        normalized = net.normalize(self.cut(samples))
        noisy = torch.rand(len(samples), 1, 1) < 0.5
        predicted = net.normalized(
            normalized + noisy * self.config.noise * torch.randn_like(normalized)
        )
        return {
            "total": smooth_l1_loss(predicted.float(), normalized[..., LAYOUT["root_xz_velocity"]])
        }

    def validate(self) -> dict[str, float]:
        """Mean error of the root's speed in centimetres a second, on validation clips of set 2."""
        errors = []
        for entry in self.corpus.select("validation", labelled=True) or self.corpus.select(
            "validation"
        ):
            features = torch.from_numpy(np.array(self.corpus.features[entry.start : entry.stop]))[
                None
            ]
            errors.append(
                float(
                    (self.network(features) - features[..., LAYOUT["root_xz_velocity"]])
                    .norm(dim=-1)
                    .mean()
                )
            )
        error = 100.0 * 30.0 * float(np.mean(errors)) if errors else float("nan")
        return {"score": error, "cm_s": error}
