"""Classifiers of style and content, for two purposes that must not be mixed.

The *auxiliary classifiers* are part of the stylizer's loss: whether a result looks like its target
style and still does what its input did. The *judges* measure results. The first, made here, differs
from the auxiliary classifiers in inputs and crops: they read rotations, it reads velocities and the
path of the root instead; the second is of another family, see `random_kernels`. None of them saw a
clip of the test split.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from kinestyle.label import Label
from kinestyle.learn.data.corpus import (
    Corpus,
    Crop,
    CropSampler,
    Entry,
    by_cell,
    group_statistics,
    mirror_label,
)
from kinestyle.learn.loop.training import LoopConfig, Stage
from kinestyle.learn.nets.bone_angles import BoneAngles
from kinestyle.learn.nets.networks import Classifier
from kinestyle.retarget.features import LAYOUT


@dataclass(frozen=True)
class ClassifierConfig:
    """How a classifier of style and content learns."""

    loop: LoopConfig = LoopConfig(steps=1500, batch=48, learning_rate=1e-3, weight_decay=1e-2)
    crop_frames: int = 64
    width: int = 192
    noise: float = 0.2
    """Standard deviation of the noise on normalised features, against learning details by heart."""
    style_groups: tuple[str, ...] = ("root_yaw_velocity", "joint_position", "joint_rotation")
    """The feature groups that the style is read from."""
    content_groups: tuple[str, ...] = ("root_yaw_velocity", "joint_position", "joint_rotation")
    """The feature groups that the content is read from."""
    angles: bool = False
    """Read the angles between bones instead of feature groups."""


AUXILIARY_CLASSIFIERS = (
    ClassifierConfig(),
    ClassifierConfig(loop=replace(ClassifierConfig().loop, seed=1), crop_frames=48, width=160),
    ClassifierConfig(
        loop=replace(ClassifierConfig().loop, seed=2), crop_frames=96, width=128, noise=0.3
    ),
)
"""Three, unlike each other, so that the stylizer cannot learn the blind spots of one."""
ANGLE_CLASSIFIER = ClassifierConfig(
    loop=LoopConfig(steps=800, batch=48, learning_rate=1e-3, weight_decay=1e-2, seed=3), angles=True
)
"""Of the refinement: it reads angles between bones and no rotations, and so sees what the others
cannot.
"""
JUDGE = ClassifierConfig(
    loop=LoopConfig(steps=2000, batch=48, learning_rate=1e-3, weight_decay=1e-2, seed=101),
    crop_frames=96,
    width=256,
    noise=0.1,
    style_groups=("root_yaw_velocity", "root_xz_velocity", "joint_position"),
    # a wave and a raised hand differ in how they move
    content_groups=("root_yaw_velocity", "root_xz_velocity", "joint_position", "joint_velocity"),
)


UNKNOWN = -1
"""The class of a clip without a label."""


@dataclass(frozen=True)
class Labels:
    """The classes, in the order of the logits. Contents are kept apart by set: the same name may
    mean another thing there.
    """

    styles: tuple[str, ...]
    contents: tuple[str, ...]

    @classmethod
    def of(cls, corpus: Corpus) -> Labels:
        labelled = corpus.select("train", labelled=True)
        return cls(
            tuple(sorted({e.style for e in labelled})),
            tuple(sorted({content_name(e) for e in labelled})),
        )


def content_name(entry: Entry, mirrored: bool = False) -> str:
    """The content of a clip, as `CropSampler.crop` gives it."""
    content = mirror_label(entry.content) if mirrored and not entry.one_sided else entry.content
    return str(Label(entry.set_name, content))


class AngleClassifier(Classifier):
    """A classifier that reads angles between bones."""

    def __init__(self, classes: int, mean: Tensor, std: Tensor, width: int):
        angles = BoneAngles()
        super().__init__(classes, mean, std, torch.arange(angles.size), width=width)
        self.angles = angles

    def channels(self, normalized_features: Tensor) -> Tensor:
        return self.angles(self.physical(normalized_features))


class StyleContentClassifier(nn.Module):
    """Two networks that share nothing: features (B, T, 260) -> style logits (B, S), content logits
    (B, contents).
    """

    def __init__(self, labels: Labels, config: ClassifierConfig, mean: np.ndarray, std: np.ndarray):
        super().__init__()
        statistics = torch.from_numpy(mean), torch.from_numpy(std)
        style_reads, content_reads = (
            torch.from_numpy(LAYOUT.only(*groups))
            for groups in (config.style_groups, config.content_groups)
        )
        self.style: Classifier
        self.content: Classifier
        if config.angles:
            self.style, self.content = (
                AngleClassifier(len(classes), *statistics, width=config.width)
                for classes in (labels.styles, labels.contents)
            )
            return
        self.style = Classifier(len(labels.styles), *statistics, style_reads, width=config.width)
        self.content = Classifier(
            len(labels.contents), *statistics, content_reads, width=config.width
        )

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        return self.style(features), self.content(features)


@dataclass(frozen=True)
class LabelledCrop:
    """A crop and its classes."""

    crop: Crop
    style: int
    content: int


class ClassifierStage(Stage[StyleContentClassifier]):
    """See `loop.Stage`."""

    def __init__(self, corpus: Corpus, config: ClassifierConfig):
        self.corpus, self.config, self.labels = corpus, config, Labels.of(corpus)
        entries = corpus.select("train", labelled=True)
        self.cells = by_cell(entries)
        rows = np.concatenate([np.arange(e.start, e.stop) for e in entries])
        torch.manual_seed(config.loop.seed)
        network = StyleContentClassifier(
            self.labels, config, *group_statistics(corpus.features[rows])
        )
        super().__init__(network, CropSampler(corpus, config.crop_frames, config.loop.seed))

    def draw(self) -> list[LabelledCrop]:
        sampler, samples = self.sampler, []
        for _ in range(self.config.loop.batch):
            entry = sampler.choose(sampler.choose(self.cells[sampler.choose(self.labels.styles)]))
            mirror = sampler.coin() and content_name(entry, mirrored=True) in self.labels.contents
            style = self.labels.styles.index(entry.style)
            content = self.labels.contents.index(content_name(entry, mirror))
            samples.append(LabelledCrop(sampler.choose_crop(entry, mirror), style, content))
        return samples

    def losses_of(self, samples: Sequence[LabelledCrop]) -> dict[str, Tensor]:
        features = self.cut([sample.crop for sample in samples])
        noise = self.config.noise * self.network.style.std * torch.randn_like(features)
        style_logits, content_logits = self.network(features + noise)
        style = self.features.send([sample.style for sample in samples])
        content = self.features.send([sample.content for sample in samples])
        losses = {
            "style": cross_entropy(style_logits.float(), style),
            "content": cross_entropy(content_logits.float(), content),
        }
        return {"total": losses["style"] + losses["content"], **losses}

    def validate(self) -> dict[str, float]:
        """Accuracies on whole clips of the validation split."""
        entries = self.corpus.known_validation()
        if not entries:
            return {"score": float("nan")}
        hits = []
        for at, clips in self.features.clips(entries, 1):
            true = self.features.send([self._classes(entries[i]) for i in at])
            predicted = torch.stack([logits.argmax(dim=-1) for logits in self.network(clips)], -1)
            hits.append(predicted == true)
        style, content = torch.cat(hits).cpu().double().mean(dim=0).tolist()
        return {"score": -(style + content), "style": style, "content": content}

    def _classes(self, entry: Entry) -> tuple[int, int]:
        """Of style and content."""
        labels = self.labels
        return labels.styles.index(entry.style), labels.contents.index(content_name(entry))


def known_cross_entropy(logits: Tensor, classes: Tensor) -> Tensor:
    """logits: (B, N), classes: (B,), some perhaps `UNKNOWN` -> the mean over all samples, those of
    no known class counting as without error.
    """
    return cross_entropy(logits, classes, ignore_index=UNKNOWN, reduction="none").mean()
