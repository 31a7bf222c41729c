"""Diagonal Gaussians, of which style codes and variational latents are drawn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor


class Gaussian(NamedTuple):
    """mean, log_std: (B, K, ...) each, the natural logarithm of the standard deviation."""

    mean: Tensor
    log_std: Tensor

    def sample(self) -> Tensor:
        """(B, K, ...) draws, differentiable in mean and log_std (reparameterised)."""
        return self.mean + self.log_std.exp() * torch.randn_like(self.mean)

    def kl(self, other: Gaussian | None = None) -> Tensor:
        """(B,) KL(self ‖ other), the mean over the K numbers and not their sum; None: N(0, I)."""
        mean, log_std = other or Gaussian(*map(torch.zeros_like, self))
        ratio = torch.exp(2.0 * (self.log_std - log_std))
        distance = ((self.mean - mean) / log_std.exp()).square()
        divergence = 0.5 * (ratio + distance - 1.0) + log_std - self.log_std
        return divergence.flatten(1).mean(dim=1)

    def float(self) -> Gaussian:
        """In float32, as losses need it."""
        return Gaussian(self.mean.float(), self.log_std.float())

    def detach(self) -> Gaussian:
        """The same without a gradient."""
        return Gaussian(self.mean.detach(), self.log_std.detach())

    def split(self, size: int) -> list[Gaussian]:
        """Along the batch, `size` rows each."""
        parts = zip(self.mean.split(size), self.log_std.split(size), strict=True)
        return [Gaussian(*part) for part in parts]

    @classmethod
    def cat(cls, parts: Sequence[Gaussian]) -> Gaussian:
        """The inverse of `split`."""
        means, log_stds = zip(*parts, strict=True)
        return cls(torch.cat(means), torch.cat(log_stds))
