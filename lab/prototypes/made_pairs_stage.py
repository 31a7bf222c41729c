"""Stage 2 with what the log's experiment of 2026-11-28 added to pairs of made styles.

- The style encoder pools mean and standard deviation over time, of its own channels and of the
  latent.
- Made samples: the generator's latent is the pair's, and so is its content code; the style code of
  the pair is nearest to that of another clip of its style (InfoNCE), its hardest rival the code of
  the input.
- Where a clip has no label, hands and feet of a result come to the extremes of the input.
- The change is taken between two renderings (`difference`): nothing of what the generator misses
  of the input counts as style.

PYTHONPATH=lab/prototypes; in the place of `kinestyle.learn.stages.stylizer.StylizerStage`.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, normalize, smooth_l1_loss

from kinestyle.learn.nets.gaussian import Gaussian
from kinestyle.learn.nets.networks import SLOPE, NetworkSizes, conv
from kinestyle.learn.stages.classifiers import UNKNOWN
from kinestyle.learn.stages.stylizer import Codes, Decoded, Generated, StylizerStage
from kinestyle.learn.stages.stylizer_batches import Batch
from kinestyle.motion.canonical import CANONICAL
from kinestyle.retarget.features import LAYOUT

MADE_PAIR, PAIR_LATENT, PAIR_CONTENT, CONTRAST, ACTION = 30.0, 2.0, 1.0, 0.1, 1.0
TEMPERATURE = 0.15
LEAST_RANGE_M, FREE_SHARE, NEAR_SHARE = 0.3, 0.1, 0.12
"""Which curves of hands and feet have extremes, how far off these may be, and how near to them a
frame counts, as shares of the range."""
_ENDS = [CANONICAL.index(f"{side}_{end}") for end in ("hand", "foot") for side in ("left", "right")]


class PooledStyleEncoder(nn.Module):
    """Es: latent (B, Z, T/4) -> the distribution of the style code, (B, K), from means and
    standard deviations over time.
    """

    labels = 0

    def __init__(self, sizes: NetworkSizes, labels: int = 0):
        super().__init__()
        self.layers = nn.Sequential()
        for i, (inputs, outputs) in enumerate(pairwise((sizes.latent, *sizes.style))):
            self.layers.append(conv(inputs, outputs, stride=2 if i < 1 else 1))
            self.layers.append(nn.LeakyReLU(SLOPE))
        self.head = nn.Sequential(
            nn.Linear(2 * (sizes.style[-1] + sizes.latent), 320),
            nn.LeakyReLU(SLOPE),
            nn.Linear(320, 2 * sizes.style_code),
        )

    def forward(self, latent: Tensor, label: Tensor | None = None) -> Gaussian:
        pooled = [*moments(self.layers(latent)), *moments(latent)]
        mean, log_std = self.head(torch.cat(pooled, dim=-1)).chunk(2, dim=-1)
        return Gaussian(mean, log_std.clamp(-5.0, 2.0))


def moments(x: Tensor) -> tuple[Tensor, Tensor]:
    """x: (B, C, T) -> mean and standard deviation over time, (B, C)."""
    x = x.float()
    mean = x.mean(dim=-1)
    variance = (x - mean[..., None]).square().mean(dim=-1)
    return mean, (variance + 1e-4).sqrt()


class MadePairsStage(StylizerStage):
    """See the module."""

    def _decode(self, batch: Batch, codes: Codes, generated: Generated) -> Decoded:
        latents = [generated.other, generated.unchanged, generated.by_label, generated.by_reference]
        decoded = self.autoencoder.decoder.normalized(torch.cat(latents)).float()
        other, unchanged, *restyled = decoded.split(len(batch.a))
        true = self.autoencoder.normalize(batch.a)
        return Decoded(true, other, unchanged, torch.stack(restyled))

    def made_losses(
        self, batch: Batch, codes: Codes, generated: Generated, results: Tensor
    ) -> dict[str, Tensor]:
        """Weighted. results: (2 B, T, 260) normalised, as `_results`."""
        made = self.known_style[batch.target_style] == UNKNOWN
        unlabelled = made | (batch.style == UNKNOWN)
        restyled = self.autoencoder.decoder.physical(results).unflatten(0, (2, -1))
        terms = {"action": ACTION * action_error(batch.a[unlabelled], restyled[:, unlabelled])}
        if not made.any():
            return terms
        with torch.no_grad():
            latent = self.autoencoder.encoder(batch.pair[made]).float()
        style = self.network.style_encoder(latent).float()
        content = self.network.content_encoder(latent)
        by_reference, by_label = generated.by_reference[made], generated.by_label[made]
        terms["pair_latent"] = PAIR_LATENT * (
            smooth_l1_loss(by_reference, latent) + 0.5 * smooth_l1_loss(by_label, latent)
        )
        terms["pair_content"] = PAIR_CONTENT * smooth_l1_loss(content, codes.content[made])
        terms["contrast"] = CONTRAST * contrast(
            codes.target.mean[made], style.mean, codes.own.mean[made], batch.target_style[made]
        )
        return terms


def contrast(target: Tensor, pair: Tensor, own: Tensor, style: Tensor) -> Tensor:
    """InfoNCE of codes (B, K): of clips of the target style, of the pairs in it, and of the inputs,
    which do the same as their pairs in another style. style: (B,) classes of the targets
    """
    target, pair, own = (normalize(code, dim=-1) for code in (target, pair, own))
    likeness = target @ pair.T / TEMPERATURE
    itself = torch.eye(len(style), dtype=torch.bool)
    likeness = likeness.masked_fill((style[:, None] == style) & ~itself, -1e4)
    rival = (pair * own).sum(dim=-1, keepdim=True) / TEMPERATURE
    right = torch.arange(len(style))
    return 0.5 * (
        cross_entropy(likeness, right) + cross_entropy(torch.cat([likeness.T, rival], -1), right)
    )


def action_error(features: Tensor, results: Tensor) -> Tensor:
    """features: (B, T, 260), results: (R, B, T, 260) physical -> how far hands and feet are from
    the input's near its extremes, in ranges, beyond `FREE_SHARE`.
    """
    total = torch.zeros(())
    curves = zip(_curves(features), _curves(results), (2, 1), strict=True)
    for true, found, extremes in curves:
        highest, lowest = true.amax(dim=-2, keepdim=True), true.amin(dim=-2, keepdim=True)
        size = highest - lowest
        error = ((found - true).abs() - FREE_SHARE * size).relu() / size.clamp(min=LEAST_RANGE_M)
        for off in (highest - true, true - lowest)[:extremes]:
            near = torch.exp(-((off / (NEAR_SHARE * size.clamp(min=0.1))).square()))
            near = near * (size >= LEAST_RANGE_M)
            total = total + ((near * error).sum(-2) / near.sum(-2).clamp(min=1.0)).mean()
    return total


def _curves(features: Tensor) -> tuple[Tensor, Tensor]:
    """(..., T, 4) heights of hands and feet, and distances from the hips over the ground."""
    position = features[..., LAYOUT["joint_position"]].unflatten(-1, (-1, 3))[..., _ENDS, :]
    return position[..., 1], (position[..., [0, 2]].square().sum(-1) + 1e-6).sqrt()
