"""Losses that exact pairs in made styles, and actions without a label, make possible."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, normalize

from kinestyle.evaluate.events import LEAST_RANGE_M
from kinestyle.motion.canonical import CANONICAL
from kinestyle.retarget.features import LAYOUT

TEMPERATURE = 0.15
FREE_SHARE, NEAR_SHARE = 0.1, 0.12
"""How far off hands and feet may be at an extreme, and how near to it a frame counts, as shares of
the range."""
_SMALL_RANGE_M = 0.1
_ENDS = [CANONICAL.index(f"{side}_{end}") for end in ("hand", "foot") for side in ("left", "right")]


def contrast(target: Tensor, pair: Tensor, own: Tensor, style: Tensor) -> Tensor:
    """InfoNCE of codes (B, K): of clips of the target style, of the pairs in it, and of the inputs,
    which do the same as their pairs in another style: the hardest rivals.

    style: (B,) classes of the targets
    """
    target, pair, own = (normalize(code, dim=-1) for code in (target, pair, own))
    likeness = target @ pair.T / TEMPERATURE
    itself = torch.eye(len(style), dtype=torch.bool, device=likeness.device)
    same = (style[:, None] == style).to(likeness.device)
    likeness = likeness.masked_fill(same & ~itself, -1e4)
    rival = (pair * own).sum(dim=-1, keepdim=True) / TEMPERATURE
    right = torch.arange(len(style), device=likeness.device)
    to_pair = cross_entropy(likeness, right)
    to_target = cross_entropy(torch.cat([likeness.T, rival], dim=-1), right)
    return 0.5 * (to_pair + to_target)


def action_error(features: Tensor, results: Tensor) -> Tensor:
    """How far hands and feet are from where the input has them near its extremes, in ranges, beyond
    `FREE_SHARE`.

    features: (B, T, 260), results: (R, B, T, 260), physical
    """
    total = results.new_zeros(())
    if not len(features):
        return total
    # heights have a highest and a lowest point, a reach has a farthest one
    for true, found, ends in zip(_curves(features), _curves(results), (2, 1), strict=True):
        highest, lowest = true.amax(dim=-2, keepdim=True), true.amin(dim=-2, keepdim=True)
        size = highest - lowest
        error = ((found - true).abs() - FREE_SHARE * size).relu() / size.clamp(min=LEAST_RANGE_M)
        for off in (highest - true, true - lowest)[:ends]:
            near = torch.exp(-((off / (NEAR_SHARE * size.clamp(min=_SMALL_RANGE_M))).square()))
            near = near * (size >= LEAST_RANGE_M)
            total = total + ((near * error).sum(-2) / near.sum(-2).clamp(min=1.0)).mean()
    return total


def _curves(features: Tensor) -> tuple[Tensor, Tensor]:
    """(..., T, 4) heights of hands and feet, and distances from the hips over the ground."""
    position = features[..., LAYOUT["joint_position"]].unflatten(-1, (-1, 3))[..., _ENDS, :]
    return position[..., 1], (position[..., [0, 2]].square().sum(-1) + 1e-6).sqrt()
