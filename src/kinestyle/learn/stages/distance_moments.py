"""The third judge: how far parts of the body are from each other, how that varies, and a linear
classifier on it.

No decision about a recipe, a loss or the runtime may look at it. It is asked once, for the tables
of what is released. It shares nothing with the other two:

- what it reads: distances between joints and their heights, as multiples of the body's own size.
  Neither angles, velocities nor rotations, nor anything about left, right, front or back;
- what it is: means, deviations, covariances and autocovariances over the whole clip, then ridge
  regression in closed form. No network, no kernel, nothing drawn;
- what it learned from: the clips that the second judge is validated on, and those of the validation
  split.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import torch
from torch import Tensor, nn

from kinestyle.learn.data.corpus import Corpus, Entry
from kinestyle.learn.stages.classifiers import Labels
from kinestyle.learn.stages.random_kernels import (
    SMALL_CELL,
    RandomKernelConfig,
    accuracies,
    examples_of,
    half,
    regress,
    second_split,
)
from kinestyle.motion.canonical import CANONICAL, LEG_LENGTH_M, SIDES
from kinestyle.retarget.features import LAYOUT

_PARTS = "forearm", "hand", "shin", "foot", "toe"
_SEEN = ("hips", "chest", "head", *(f"{side}_{part}" for part in _PARTS for side in SIDES))
"""The joints whose distances and heights are read."""

MOST_DEVIATIONS = 4.0
"""What is farther off says no more than this."""

LAGS = (4, 8, 16)
"""Of the autocovariances, in frames at 30 a second."""


class DistanceMoments(nn.Module):
    """Features (B, T, 260) -> (B, N) what a clip as a whole is like."""

    def __init__(self) -> None:
        super().__init__()
        start = LAYOUT["joint_position"].start
        joints = [CANONICAL.index(name) for name in _SEEN]
        index = torch.tensor([[start + 3 * joint + axis for axis in range(3)] for joint in joints])
        pairs = torch.tensor(list(combinations(range(len(joints)), 2)))
        self.register_buffer("index", index.flatten())
        self.register_buffer("first", pairs[:, 0])
        self.register_buffer("second", pairs[:, 1])
        channels = len(pairs) + len(joints)
        upper = torch.triu_indices(channels, channels)
        self.register_buffer("upper", upper[0] * channels + upper[1])
        self.channels = channels
        self.size = channels * (1 + len(LAGS)) + len(self.upper)

    index: Tensor
    first: Tensor
    second: Tensor
    upper: Tensor

    def inputs(self, features: Tensor) -> Tensor:
        """features: (B, T, 260) -> (B, T, C) in lengths of a leg."""
        place = features[..., self.index].unflatten(-1, (-1, 3)) / LEG_LENGTH_M
        between = place[..., self.first, :] - place[..., self.second, :]
        distance = (between.square().sum(dim=-1) + 1e-8).sqrt()
        return torch.cat([distance, place[..., 1]], dim=-1)

    def moments(self, channels: Tensor) -> Tensor:
        """(B, T, C) -> (B, N)."""
        mean = channels.mean(dim=1, keepdim=True)
        off = channels - mean
        # means, for an exported graph would keep the example's number of frames to divide by
        covariance = (off.unsqueeze(-1) * off.unsqueeze(-2)).mean(dim=1)
        variance = off.square().mean(dim=1) + 1e-6
        later = [(off[:, :-lag] * off[:, lag:]).mean(dim=1) / variance for lag in LAGS]
        # roots, so that a hand that moves twice as far counts twice, not four times
        spread = covariance.flatten(1)[:, self.upper]
        spread = spread / (spread.abs() + 1e-6).sqrt()
        return torch.cat([mean[:, 0], spread, *later], dim=-1)

    def forward(self, features: Tensor) -> Tensor:
        return self.moments(self.inputs(features))


@dataclass(frozen=True)
class DistanceMomentConfig:
    """How the third judge is made. ridge: as in `RandomKernelConfig`; noise: a standard deviation
    in lengths of a leg
    """

    ridge: float = 0.1
    noise: float = 0.01
    seed: int = 303


class DistanceMomentClassifier(nn.Module):
    """Features (B, T, 260) -> `judge.OUTPUTS`."""

    mean: Tensor
    std: Tensor

    def __init__(self, labels: Labels) -> None:
        super().__init__()
        self.moments = DistanceMoments()
        self.register_buffer("mean", torch.zeros(self.moments.size))
        self.register_buffer("std", torch.ones(self.moments.size))
        self.style = nn.Linear(self.moments.size, len(labels.styles))
        self.content = nn.Linear(self.moments.size, len(labels.contents))

    def standard(self, moments: Tensor) -> Tensor:
        """(B, N) -> the same in standard deviations of what was learned from."""
        return ((moments - self.mean) / self.std).clamp(-MOST_DEVIATIONS, MOST_DEVIATIONS)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        standard = self.standard(self.moments(features))
        style, content = self.style(standard), self.content(standard)
        return style, content, style.clone(), content.clone()


def third_split(corpus: Corpus) -> tuple[list[Entry], list[Entry]]:
    """The clips that the third judge learns from, and those that it is validated on: what the
    second judge has the other way round, but for the validation split and small cells, which both
    need.
    """
    learned, validation = second_split(corpus)
    both = set(corpus.known_validation())
    count: dict[tuple[str, str], int] = {}
    for entry in corpus.select("train", labelled=True):
        count[entry.style, entry.content] = count.get((entry.style, entry.content), 0) + 1
    both |= {e for e in learned if count.get((e.style, e.content), 0) < SMALL_CELL}
    own = [entry for entry in learned if entry in both] + validation
    return own, [entry for entry in learned if entry not in both]


@torch.no_grad()
def fit_distance_moments(
    corpus: Corpus, labels: Labels, config: DistanceMomentConfig
) -> DistanceMomentClassifier:
    """Make the third judge: under a minute on one thread for a few thousand clips."""
    network = DistanceMomentClassifier(labels).eval()
    shown = RandomKernelConfig(noise=config.noise, seed=config.seed)
    examples = list(
        examples_of(corpus, labels, shown, network.moments.inputs, third_split(corpus)[0])
    )
    moments = torch.cat([network.moments.moments(example.channels) for example in examples])
    network.mean.copy_(half(moments.mean(dim=0)))
    network.std.copy_(half(moments.std(dim=0).clamp(min=1e-2)))
    standard = network.standard(moments).numpy()
    regress(network.style, standard, np.array([e.style for e in examples]), 1.0, config.ridge)
    regress(network.content, standard, np.array([e.content for e in examples]), 0.5, config.ridge)
    return network


def validate_distance_moments(
    network: DistanceMomentClassifier, corpus: Corpus, labels: Labels
) -> tuple[float, float]:
    """Accuracies of style and content, among all that there are, on the clips that `third_split`
    sets apart.
    """
    return accuracies(network, third_split(corpus)[1], corpus, labels)
