"""The two networks that compete with stage 2, and the losses of both sides.

The *style adversary* learns to read the style off content codes; the content encoder learns to
leave nothing there to read. The *critic* learns to tell results from real clips of a style; the
generator learns results that it takes for real. Each of them learns from its own loss only: the
stylizer's losses pass through it without a gradient for its weights.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu, log_softmax

from kinestyle.learn.nets.networks import NetworkSizes, contiguous_slices, conv, take
from kinestyle.learn.stages.classifiers import AUXILIARY_CLASSIFIERS, known_cross_entropy
from kinestyle.retarget.features import LAYOUT

CONTENT_NOISE = 0.05
"""Standard deviation of the noise on content codes while the adversary learns."""


class StyleAdversary(nn.Module):
    """Content code (B, C, T/8) -> logits of its style (B, S)."""

    def __init__(self, sizes: NetworkSizes, styles: int):
        super().__init__()
        self.first = conv(sizes.content_code, 192)
        self.head = nn.Linear(192, styles)

    def forward(self, content: Tensor) -> Tensor:
        return self.head(leaky_relu(self.first(content), 0.2).mean(dim=-1))


class Critic(nn.Module):
    """Normalised features (B, T, 260) and a style (B,) -> (B, T/8), the higher the more each
    stretch looks like a real clip of that style.
    """

    reads: Tensor

    def __init__(self, styles: int, width: int = 128):
        super().__init__()
        reads = torch.from_numpy(LAYOUT.only(*AUXILIARY_CLASSIFIERS[0].style_groups))
        self.register_buffer("reads", reads)
        self.slices = contiguous_slices(reads)
        self.layers = nn.Sequential(
            conv(len(reads), width, 5, stride=2),
            nn.LeakyReLU(0.2),
            conv(width, width, 5, stride=2),
            nn.LeakyReLU(0.2),
            conv(width, width, 5, stride=2),
            nn.LeakyReLU(0.2),
            conv(width, styles, 3),
        )

    def forward(self, normalized: Tensor, style: Tensor) -> Tensor:
        realism = self.layers(take(normalized, self.slices).transpose(1, 2))
        return realism[torch.arange(len(style)), style]


def adversary_loss(adversary: StyleAdversary, content: Tensor, style: Tensor) -> Tensor:
    """What the style adversary learns from: cross-entropy of the style (B,) of content codes
    (B, C, T/8), which get no gradient.
    """
    noisy = content.detach() + CONTENT_NOISE * torch.randn_like(content)
    return known_cross_entropy(adversary(noisy).float(), style)


def adversarial_confusion(adversary: StyleAdversary, content: Tensor) -> Tensor:
    """What the content encoder learns from: cross-entropy of the uniform distribution and what the
    adversary, which gets no gradient, makes of content codes (B, C, T/8).
    """
    return -log_softmax(_frozen(adversary, content).float(), dim=-1).mean()


def critic_loss(
    critic: Critic, real: Tensor, style: Tensor, result: Tensor, target: Tensor, noise: float
) -> Tensor:
    """What the critic learns from: the hinge loss of real clips and results, which get no gradient.

    real: (B, T, 260) normalised, style: (B,), `UNKNOWN` where there is none: such a clip counts as
    without error. result: (N, T, 260) normalised, target: (N,). noise: standard deviation of the
    noise on both.
    """
    realism = critic(real + noise * torch.randn_like(real), style.clamp(min=0)).float()
    fake = critic(result.detach() + noise * torch.randn_like(result), target).float()
    known = (style >= 0)[:, None]
    return ((1.0 - realism).relu() * known).mean() + (1.0 + fake).relu().mean()


def generator_adversarial_loss(
    critic: Critic, result: Tensor, target: Tensor, noise: float
) -> Tensor:
    """What the generator learns from: how unreal the critic, which gets no gradient, finds results
    (N, T, 260), normalised, in their target style (N,).
    """
    return -_frozen(critic, result + noise * torch.randn_like(result), target).float().mean()


def _frozen(network: nn.Module, *inputs: Tensor) -> Tensor:
    """The network's output, with a gradient for its inputs and none for its weights."""
    weights = {name: value.detach() for name, value in network.named_parameters()}
    output: Tensor = torch.func.functional_call(network, weights, inputs)
    return output
