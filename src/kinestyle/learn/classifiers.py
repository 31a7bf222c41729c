"""Classifiers of style and content, for two purposes that must not be mixed.

The *guide* tells the stylizer, while it learns, whether a result looks like its target style and still does what its input
did. The *judge* measures results. They have different inputs: the guide sees rotations, velocities and the root, the judge
sees joint positions and contacts only, and other crops; neither saw a clip of the test split.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from kinestyle.learn.corpus import Corpus, CropSampler, Entry, group_deviation, mirror_content
from kinestyle.learn.loop import LoopConfig
from kinestyle.learn.networks import Classifier
from kinestyle.motion.features import LAYOUT


@dataclass(frozen=True)
class ClassifierConfig:
    """How a classifier of style and content learns."""

    loop: LoopConfig = LoopConfig(steps=1500, batch=48, learning_rate=1e-3, weight_decay=1e-2)
    crop_frames: int = 64
    width: int = 192
    noise: float = 0.2
    """Deviation of the noise on normalised features, so that it does not hang on details."""
    groups: tuple[str, ...] = ("root_yaw_velocity", "root_xz_velocity", "root_height", "joint_rotation", "joint_velocity")
    """The feature groups that are read."""


GUIDE = ClassifierConfig()
JUDGE = ClassifierConfig(
    loop=LoopConfig(steps=2000, batch=48, learning_rate=1e-3, weight_decay=1e-2, seed=101),
    crop_frames=96,
    width=256,
    noise=0.1,
    groups=("root_yaw_velocity", "root_xz_velocity", "joint_position"),
)


@dataclass(frozen=True)
class Labels:
    """The classes, in the order of the logits. Contents are kept apart by set: the same name may mean another thing there."""

    styles: tuple[str, ...]
    contents: tuple[str, ...]

    @classmethod
    def of(cls, corpus: Corpus) -> Labels:
        labelled = corpus.select("train", labelled=True)
        return cls(tuple(sorted({e.style for e in labelled})), tuple(sorted({content_name(e) for e in labelled})))


def content_name(entry: Entry, mirrored: bool = False) -> str:
    content = mirror_content(entry.content) if mirrored else entry.content
    return f"{entry.set_name}/{content}"


class StyleContentClassifier(nn.Module):
    """Two heads that share nothing: features (B, T, 260) -> style logits (B, S), content logits (B, contents)."""

    def __init__(self, labels: Labels, config: ClassifierConfig, mean: np.ndarray, deviation: np.ndarray):
        super().__init__()
        reads = np.concatenate([np.arange(LAYOUT.size)[LAYOUT[group]] for group in config.groups])
        statistics = torch.from_numpy(mean), torch.from_numpy(deviation), torch.from_numpy(reads)
        self.style = Classifier(len(labels.styles), *statistics, width=config.width)
        self.content = Classifier(len(labels.contents), *statistics, width=config.width)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        return self.style(features), self.content(features)


class ClassifierStage:
    """See `loop.Stage`."""

    def __init__(self, corpus: Corpus, config: ClassifierConfig):
        self.corpus, self.config, self.labels = corpus, config, Labels.of(corpus)
        self.sampler = CropSampler(corpus, config.crop_frames, config.loop.seed)
        entries = corpus.select("train", labelled=True)
        self.by_cell: dict[str, dict[str, list[Entry]]] = {}
        for entry in entries:
            self.by_cell.setdefault(entry.style, {}).setdefault(entry.content, []).append(entry)
        rows = np.concatenate([np.arange(e.start, e.stop) for e in entries])
        self.network = StyleContentClassifier(self.labels, config, *group_deviation(corpus.features[rows]))

    @property
    def sampler_state(self) -> dict:
        return self.sampler.state

    @sampler_state.setter
    def sampler_state(self, state: dict) -> None:
        self.sampler.state = state

    def losses(self) -> dict[str, Tensor]:
        sampler, config = self.sampler, self.config
        crops, styles, contents = [], [], []
        for _ in range(config.loop.batch):
            style = self.labels.styles[int(sampler.random.integers(len(self.labels.styles)))]
            cell = sampler.choose(list(self.by_cell[style].values()))  # every content alike
            entry = sampler.choose(cell)
            mirror = sampler.coin() and content_name(entry, mirrored=True) in self.labels.contents
            crops.append(sampler.crop(entry, mirror))
            styles.append(self.labels.styles.index(entry.style))
            contents.append(self.labels.contents.index(content_name(entry, mirror)))
        features = torch.from_numpy(np.stack(crops))
        noise = config.noise * self.network.style.deviation * torch.randn_like(features)
        style_logits, content_logits = self.network(features + noise)
        style = cross_entropy(style_logits.float(), torch.tensor(styles))
        content = cross_entropy(content_logits.float(), torch.tensor(contents))
        return {"total": style + content, "style": style, "content": content}

    def validate(self) -> dict[str, float]:
        """Accuracies on whole clips of the validation split, and of style on the test clips of set 1, which has no other."""
        figures: dict[str, float] = {}
        entries = self.corpus.select("validation", labelled=True)
        hits = np.array([self._hits(entry) for entry in entries])
        figures["style"], figures["content"] = map(float, hits.mean(axis=0))
        return {"score": -sum(figures.values()), **figures}

    def _hits(self, entry: Entry) -> tuple[bool, bool]:
        features = torch.from_numpy(np.array(self.corpus.features[entry.start : entry.stop]))[None]
        style, content = self.network(features)
        return (
            self.labels.styles[int(style.argmax())] == entry.style,
            self.labels.contents[int(content.argmax())] == content_name(entry),
        )
