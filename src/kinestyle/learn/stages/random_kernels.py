"""The second judge: random convolutions that are never trained, and a linear classifier on what
they answer.

It differs from the auxiliary classifiers and from the first judge in nearly everything, so that a
result that convinces both judges convinces two that have nothing in common:

- what it reads: angles between bones and to the vertical (their cosines), and contacts. Neither
  positions, nor velocities, nor rotations; no bone's twist about itself either, in which rigs and
  results differ without anybody seeing it. One auxiliary classifier, that of the refinement, reads
  them too, as a network and from other clips;
- what it is: fixed random dilated kernels, of each the share of time that it is above a threshold,
  and its maximum (ROCKET, Dempster et al. 2020, arXiv 1910.13051; thresholds from quantiles as in
  MiniRocket, 2012.08791), then ridge regression in closed form. No gradient made its features, and
  none finds its blind spots;
- what it learned from: see `second_split`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import conv1d, interpolate, pad

from kinestyle.learn.data.corpus import Corpus, Entry
from kinestyle.learn.nets.bone_angles import BoneAngles
from kinestyle.learn.stages.classifiers import UNKNOWN, Labels, content_name
from kinestyle.retarget.features import mirror_features

SMALL_CELL = 4
"""A cell (style, content) with fewer training clips is not divided, and its clips are shown at
other paces as well.
"""


@dataclass(frozen=True)
class RandomKernelConfig:
    """How the second judge is made."""

    kernels: int = 1500
    width: int = 9
    """Taps of a kernel."""
    dilations: tuple[int, ...] = (1, 2, 4, 8, 16, 32)
    max_channels: int = 9
    """Inputs that one kernel mixes: from one to so many, few oftener."""
    pose_share: float = 1 / 3
    """Kernels whose taps are all positive: they respond to a pose, the others, with taps of zero
    mean, to how it changes.
    """
    ridge: float = 0.3
    """Penalty, as a share of the mean square of the responses themselves."""
    noise: float = 0.03
    """Standard deviation of a constant added to each cosine of a copied clip, against learning a
    calibration by heart.
    """
    paces: tuple[float, ...] = (0.85, 1.18)
    """Further paces at which clips of small cells are shown."""
    seed: int = 202


def second_split(corpus: Corpus) -> tuple[list[Entry], list[Entry]]:
    """The clips that the second judge learns from, and those that it is validated on.

    It learns from the validation split, which neither the stylizer nor the first judge learned
    from, and from the later half, by name, of the training clips of every cell. The earlier halves
    are its validation. Cells of set 1, with one clip each, it has whole.
    """
    cells: dict[tuple[str, str], list[Entry]] = {}
    for entry in sorted(corpus.select("train", labelled=True), key=lambda entry: entry.stem):
        cells.setdefault((entry.style, entry.content), []).append(entry)
    learned, validation = list(corpus.known_validation()), []
    for clips in cells.values():
        half = len(clips) // 2 if len(clips) >= SMALL_CELL else 0
        learned += clips[half:]
        validation += clips[:half]
    return learned, validation


class RandomKernels(nn.Module):
    """Channels (B, T, C) -> (B, 2 * kernels): for each kernel the share of time above its
    threshold, then the maxima.
    """

    mix: Tensor
    taps: Tensor
    threshold: Tensor

    def __init__(self, channels: int, config: RandomKernelConfig):
        super().__init__()
        random = np.random.default_rng(config.seed)
        dilation = np.sort(random.choice(config.dilations, config.kernels))
        mix = np.zeros((config.kernels, channels))
        taps = random.standard_normal((config.kernels, config.width))
        for k in range(config.kernels):
            count = min(channels, int(config.max_channels ** random.random()))
            mixed = random.choice(channels, count, replace=False)
            mix[k, mixed] = random.standard_normal(len(mixed))
            sees_pose = random.random() < config.pose_share
            taps[k] = np.abs(taps[k]) if sees_pose else taps[k] - taps[k].mean()
        self.reach = config.width // 2
        self.groups = [
            (int(d), slice(*np.searchsorted(dilation, [d, d + 1]))) for d in np.unique(dilation)
        ]
        self.register_buffer("mix", half(torch.from_numpy(mix)))
        self.register_buffer("taps", half(torch.from_numpy(taps)))
        self.register_buffer("threshold", torch.zeros(config.kernels))

    def responses(self, channels: Tensor) -> Tensor:
        """(B, T, C) -> (B, kernels, T)."""
        mixed = channels @ self.mix.T
        responses = []
        for dilation, kernels in self.groups:
            ends = dilation * self.reach
            padded = pad(mixed[..., kernels].transpose(1, 2), (ends, ends), mode="replicate")
            taps = self.taps[kernels]
            responses.append(conv1d(padded, taps.unsqueeze(1), dilation=dilation, groups=len(taps)))
        return torch.cat(responses, dim=1)

    def forward(self, channels: Tensor) -> Tensor:
        above = self.responses(channels) - self.threshold.unsqueeze(-1)
        return torch.cat([(above > 0).to(above.dtype).mean(dim=-1), above.amax(dim=-1)], dim=-1)

    def set_thresholds(self, clips: Sequence[Tensor], seed: int) -> None:
        """A random quantile of each kernel's responses to some clips (1, T, C)."""
        responses = torch.cat([self.responses(clip)[0] for clip in clips], dim=1).sort(dim=1).values
        quantile = 0.1 + 0.8 * torch.rand(
            len(responses), generator=torch.Generator().manual_seed(seed)
        )
        index = (quantile * (responses.shape[1] - 1)).long()
        self.threshold.copy_(half(responses.gather(1, index.unsqueeze(1))[:, 0]))


class RandomKernelClassifier(nn.Module):
    """Features (B, T, 260) -> `judge.OUTPUTS`. The vectors are the scores themselves: nothing else
    in it was learned.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, labels: Labels, config: RandomKernelConfig):
        super().__init__()
        self.inputs = BoneAngles()
        self.kernels = RandomKernels(self.inputs.size, config)
        self.register_buffer("mean", torch.zeros(2 * config.kernels))
        self.register_buffer("std", torch.ones(2 * config.kernels))
        self.style = nn.Linear(2 * config.kernels, len(labels.styles))
        self.content = nn.Linear(2 * config.kernels, len(labels.contents))

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        standard = (self.kernels(self.inputs(features)) - self.mean) / self.std
        style, content = self.style(standard), self.content(standard)
        return style, content, style.clone(), content.clone()


@torch.no_grad()
def fit_random_kernels(
    corpus: Corpus, labels: Labels, config: RandomKernelConfig
) -> RandomKernelClassifier:
    """Make the second judge: a minute or two on one thread for a few thousand clips."""
    network = RandomKernelClassifier(labels, config).eval()
    examples = list(examples_of(corpus, labels, config, network.inputs))
    channels = [example.channels for example in examples]
    network.kernels.set_thresholds(channels[::20], config.seed)
    responses = torch.cat([network.kernels(clip) for clip in channels])
    network.mean.copy_(half(responses.mean(dim=0)))
    network.std.copy_(half(responses.std(dim=0).clamp(min=1e-3)))
    standard = ((responses - network.mean) / network.std).numpy()
    styles, contents = (
        np.array([getattr(example, name) for example in examples]) for name in ("style", "content")
    )
    # every style counts alike; contents are so unequal that the rarest would drown the rest
    regress(network.style, standard, styles, 1.0, config.ridge)
    regress(network.content, standard, contents, 0.5, config.ridge)
    return network


@dataclass(frozen=True)
class Example:
    """channels: (1, T, C) of one clip; its classes, `UNKNOWN` for a content that is in none."""

    channels: Tensor
    style: int
    content: int


def examples_of(
    corpus: Corpus,
    labels: Labels,
    config: RandomKernelConfig,
    inputs: Callable[[Tensor], Tensor],
    learned: Sequence[Entry] | None = None,
) -> Iterator[Example]:
    """What a judge in closed form learns from: each clip, its mirror image, and both at other paces
    where the cell is small. Copies have a constant of their own added.

    inputs: features (1, T, 260) to the channels that it reads, (1, T, C)
    learned: the clips; None: those of the second judge
    """
    random = torch.Generator().manual_seed(config.seed)
    learned = second_split(corpus)[0] if learned is None else learned
    in_cell = Counter((entry.style, entry.content) for entry in learned)
    for entry in learned:
        features = np.array(corpus.features[entry.start : entry.stop])
        small = in_cell[entry.style, entry.content] < SMALL_CELL
        for mirrored in (False,) if entry.one_sided else (False, True):
            shown = mirror_features(features) if mirrored else features
            channels = inputs(torch.from_numpy(shown)[None])
            name = content_name(entry, mirrored)
            content = labels.contents.index(name) if name in labels.contents else UNKNOWN
            for pace in (1.0, *config.paces) if small else (1.0,):
                example = _at_pace(channels, pace)
                if mirrored or pace != 1.0:
                    noise = torch.randn(channels.shape[-1], generator=random)
                    example = example + config.noise * noise
                yield Example(example, labels.styles.index(entry.style), content)


def validate_random_kernels(
    network: RandomKernelClassifier, corpus: Corpus, labels: Labels
) -> tuple[float, float]:
    """Accuracies of style and content, among all that there are, on the clips that `second_split`
    sets apart.
    """
    return accuracies(network, second_split(corpus)[1], corpus, labels)


@torch.no_grad()
def accuracies(
    network: nn.Module, entries: Sequence[Entry], corpus: Corpus, labels: Labels
) -> tuple[float, float]:
    """Of style and content, among all that there are, of a judge's network on some clips; NaN where
    there are none.
    """
    hits = []
    for entry in entries:
        features = torch.from_numpy(np.array(corpus.features[entry.start : entry.stop]))[None]
        style, content, _, _ = network(features)
        right = labels.styles[int(style.argmax())] == entry.style
        hits.append((right, labels.contents[int(content.argmax())] == content_name(entry)))
    style_share, content_share = np.mean(hits, axis=0) if hits else (float("nan"), float("nan"))
    return float(style_share), float(content_share)


def half(values: Tensor) -> Tensor:
    """Rounded to what the exported graph stores, so that it and the network have the same."""
    return values.half().float()


def _at_pace(channels: Tensor, pace: float) -> Tensor:
    """(1, T, C) -> (1, about T / pace, C)."""
    if pace == 1.0:
        return channels
    frames = max(2, round(channels.shape[1] / pace))
    return interpolate(
        channels.transpose(1, 2), size=frames, mode="linear", align_corners=True
    ).transpose(1, 2)


def regress(
    head: nn.Linear, standard: np.ndarray, classes: np.ndarray, balance: float, ridge: float
) -> None:
    """Set a head to the ridge regression from responses (N, 2 * kernels) onto 1 for the class (N,)
    and -1 for the others.

    A class of n clips weighs n ** (1 - balance); clips of class `UNKNOWN` are left out.
    """
    known = classes != UNKNOWN
    standard, classes = standard[known].astype(np.float64), classes[known]
    count = np.bincount(classes, minlength=head.out_features)
    weight = (1.0 / count[classes] ** balance)[:, None]
    target = np.where(np.arange(head.out_features) == classes[:, None], 1.0, -1.0)
    mean, target_mean = (
        (weight * values).sum(axis=0) / weight.sum() for values in (standard, target)
    )
    weighted = weight * (standard - mean)
    square = (standard - mean).T @ weighted
    square[np.diag_indices_from(square)] += ridge * np.trace(square) / len(square)
    slope = np.linalg.solve(square, weighted.T @ (target - target_mean))
    head.weight.copy_(torch.from_numpy(slope.T))
    head.bias.copy_(torch.from_numpy(target_mean - mean @ slope))
