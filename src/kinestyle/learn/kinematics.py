"""The few motion operations that losses need, in torch; parity with `kinestyle.motion` is tested."""

from __future__ import annotations

import torch
from torch import Tensor

from kinestyle.motion.canonical import CANONICAL


def sixd_to_matrix(sixd: Tensor) -> Tensor:
    """sixd: (..., 6) -> (..., 3, 3), as `rotation.from_sixd`."""
    x = torch.nn.functional.normalize(sixd[..., :3], dim=-1)
    y = sixd[..., 3:]
    y = torch.nn.functional.normalize(y - (x * y).sum(-1, keepdim=True) * x, dim=-1)
    return torch.stack([x, y, torch.cross(x, y, dim=-1)], dim=-1)


def joint_position(world_rotation: Tensor) -> Tensor:
    """world_rotation: (..., 21, 3, 3) -> (..., 21, 3) metres, joints of the canonical skeleton with the hips at the origin."""
    offsets = torch.as_tensor(CANONICAL.offsets, dtype=world_rotation.dtype, device=world_rotation.device)
    position = [torch.zeros_like(world_rotation[..., 0, :, 0])]
    for joint in range(1, CANONICAL.joint_count):
        parent = int(CANONICAL.parents[joint])
        position.append(position[parent] + world_rotation[..., parent, :, :] @ offsets[joint])
    return torch.stack(position, dim=-2)


def geodesic(a: Tensor, b: Tensor) -> Tensor:
    """a, b: (..., 3, 3) -> (...) radians between rotations, with a gradient also where they agree."""
    cosine = ((a * b).sum(dim=(-1, -2)) - 1.0) / 2.0
    return torch.acos(cosine.clamp(-1.0 + 1e-6, 1.0 - 1e-6))
