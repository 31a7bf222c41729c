"""Angles between bones: what an eye sees of a pose, whatever the body and the rig."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from kinestyle.motion.canonical import CANONICAL
from kinestyle.retarget.features import LAYOUT


class BoneAngles(nn.Module):
    """Features (B, T, 260) -> (B, T, size): cosines between all bones, cosines with the vertical,
    and half the contacts.

    Bones are directions from rotations; hips, chest and head have their left axis as well.
    """

    joint: Tensor
    direction: Tensor
    pairs: Tensor

    def __init__(self) -> None:
        super().__init__()
        joints, directions = zip(*_bones(), strict=True)
        self.register_buffer("joint", torch.tensor(joints))
        self.register_buffer("direction", torch.tensor(np.array(directions), dtype=torch.float32))
        first, second = np.triu_indices(len(joints), 1)
        self.register_buffer("pairs", torch.from_numpy(first * len(joints) + second))
        self.size = (
            len(self.pairs)
            + len(joints)
            + LAYOUT["foot_contact"].stop
            - LAYOUT["foot_contact"].start
        )

    def forward(self, features: Tensor) -> Tensor:
        columns = features[..., LAYOUT["joint_rotation"]].unflatten(
            -1, (CANONICAL.joint_count, 2, 3)
        )[:, :, self.joint]
        x, y = columns[..., 0, :], columns[..., 1, :]
        z = torch.linalg.cross(x, y)
        a, b, c = self.direction.unsqueeze(-1).unbind(1)
        bone = a * x + b * y + c * z
        cosine = (bone @ bone.transpose(-1, -2)).flatten(2)[..., self.pairs]
        return torch.cat(
            [cosine, bone[..., 1], 0.5 * features[..., LAYOUT["foot_contact"]]], dim=-1
        )


def _bones() -> list[tuple[int, np.ndarray]]:
    """Joints, and the direction (3,) in which each one's bone lies in the T-pose."""
    bones = []
    for joint, name in enumerate(CANONICAL.names):
        along = {"hips": "spine", "chest": "neck"}.get(name)
        children = [CANONICAL.index(along)] if along else np.flatnonzero(CANONICAL.parents == joint)
        offset = (
            CANONICAL.offsets[children[0]]
            if len(children)
            else CANONICAL.end_offsets[CANONICAL.end_parents == joint][0]
        )
        bones.append((joint, offset / np.linalg.norm(offset)))
    return bones + [
        (CANONICAL.index(name), np.array([1.0, 0.0, 0.0])) for name in ("hips", "chest", "head")
    ]
