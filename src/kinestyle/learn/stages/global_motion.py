"""The global motion predictor: root velocity on the ground from the motion of the body, so that the
pace follows the style.
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
from kinestyle.retarget.features import FRAME_RATE, LAYOUT


@dataclass(frozen=True)
class GlobalMotionConfig:
    """How the predictor learns."""

    loop: LoopConfig = LoopConfig(steps=2000, batch=32, learning_rate=1e-3)
    crop_frames: int = 64
    noise: float = 0.1
    """Standard deviation of the noise on the normalised features of half of the crops: decoded
    motion is not clean.
    """


class GlobalMotionStage(Stage[GlobalMotionPredictor]):
    """See `loop.Stage`."""

    def __init__(self, corpus: Corpus, sizes: NetworkSizes, config: GlobalMotionConfig):
        self.corpus, self.config = corpus, config
        self.entries = corpus.select("train")
        measured = corpus.select("train", labelled=True) or self.entries
        rows = np.concatenate([np.arange(entry.start, entry.stop) for entry in measured])
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
        noise = noisy * self.config.noise * torch.randn_like(normalized)
        velocity_true = normalized[..., LAYOUT["root_xz_velocity"]]
        return {"total": smooth_l1_loss(net.normalized(normalized + noise).float(), velocity_true)}

    def validate(self) -> dict[str, float]:
        """Mean error of the root's velocity on the ground, in centimetres a second, on the labelled
        validation clips, or, without any, on all of them.
        """
        errors = []
        labelled = self.corpus.select("validation", labelled=True)
        entries = labelled or self.corpus.select("validation")
        for _, features in self.features.clips(entries, 1):
            error = self.network(features) - features[..., LAYOUT["root_xz_velocity"]]
            errors.append(error.norm(dim=-1).mean(dim=1))
        cm_s = 100.0 * FRAME_RATE * float(torch.cat(errors).mean()) if errors else float("nan")
        return {"score": cm_s, "cm_s": cm_s}
