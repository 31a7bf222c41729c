"""What the runtime makes of the networks' outputs, in torch, so that losses see results as the user
gets them. Parity with `kinestyle.runtime.residual` is tested.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import conv1d, pad, softmax

from kinestyle.learn.nets.kinematics import compose, joint_position, rotations
from kinestyle.retarget.features import LAYOUT
from kinestyle.runtime.residual import STYLE_RESIDUAL_GATE, STYLE_RESIDUAL_STEPS


def style_residual(missed: Tensor, gate: tuple[float, float] = STYLE_RESIDUAL_GATE) -> Tensor:
    """missed: (B, Z, T/4), latents of clips minus what the generator rebuilds -> (B, Z, T/4), what
    of it counts as style (`runtime.residual.style_residual`). Its gate gets no gradient.
    """
    radius = math.ceil(3.0 * STYLE_RESIDUAL_STEPS)
    steps = torch.arange(-radius, radius + 1, dtype=missed.dtype, device=missed.device)
    kernel = softmax(-0.5 * (steps / STYLE_RESIDUAL_STEPS).square(), dim=0)
    rows = missed.flatten(0, 1).unsqueeze(1)
    slow = conv1d(pad(rows, (radius, radius), mode="replicate"), kernel[None, None]).view_as(missed)
    opens, closes = gate
    size = slow.detach().square().mean(dim=(1, 2), keepdim=True).sqrt()
    return (1.0 - ((size - opens) / (closes - opens)).clamp(0.0, 1.0)) * slow


def restyled_features(features: Tensor, unchanged: Tensor, restyled: Tensor) -> Tensor:
    """features: (B, T, 260), the input; unchanged: (B, T, 260) decoded in its own style; restyled:
    (..., B, T, 260) decoded in other styles; all physical -> (..., B, T, 260) physical, the input
    with the change from the one to the other as the runtime applies it.

    Root height and joint rotations change, joint positions follow from them; the other groups stay
    those of the input.
    """
    undo = compose(rotations(unchanged).transpose(-1, -2), rotations(features))
    world = compose(rotations(restyled), undo)
    height, motion = LAYOUT["root_height"], LAYOUT["joint_rotation"]
    root_height = features[..., height] + restyled[..., height] - unchanged[..., height]
    across, up, along = joint_position(world).unbind(dim=-1)
    position = torch.stack([across, up + root_height, along], dim=-1)
    sixd = torch.cat([world[..., 0], world[..., 1]], dim=-1)
    features = features.expand_as(restyled)
    return torch.cat(
        [
            features[..., : height.start],
            root_height,
            position.flatten(-2),
            sixd.flatten(-2),
            features[..., motion.stop :],
        ],
        dim=-1,
    )


def orthonormality_error(features: Tensor) -> Tensor:
    """features: (..., 260) physical -> mean square of how far the two decoded columns of rotations
    are from unit length and from a right angle.
    """
    columns = features[..., LAYOUT["joint_rotation"]].unflatten(-1, (-1, 2, 3))
    length = columns.norm(dim=-1)
    across = (columns[..., 0, :] * columns[..., 1, :]).sum(dim=-1)
    return (length - 1.0).square().mean() + across.square().mean()
