"""The exponential moving average of a network's weights, which is what is validated and released.

torch's own `AveragedModel` asks the device after every step how many there were.
"""

from __future__ import annotations

from copy import deepcopy

import torch
from torch import nn


def ema_weight(decay: float, updates: int) -> float:
    """The weight of the newest weights after so many updates before. The decay is
    (n + 1) / (n + 10) at most: with .998 throughout, a stage of 800 steps would keep a fifth of the
    weights that it began with.
    """
    return 1.0 - min(decay, (1 + updates) / (10 + updates)) if updates else 1.0


class Average:
    """`module` is a copy of a network with the averages as its parameters, and the network's own
    buffers.
    """

    def __init__(self, network: nn.Module, decay: float):
        self.module, self.decay = deepcopy(network), decay

    @torch.no_grad()
    def update(self, network: nn.Module, updates: int) -> None:
        """Take in the weights of a network after a step. updates: how many there were before."""
        averaged, current = (
            [parameter.detach() for parameter in of.parameters()] for of in (self.module, network)
        )
        if updates:
            torch._foreach_lerp_(averaged, current, ema_weight(self.decay, updates))
        else:
            torch._foreach_copy_(averaged, current)
        for kept, new in zip(self.module.buffers(), network.buffers(), strict=True):
            kept.copy_(new)
