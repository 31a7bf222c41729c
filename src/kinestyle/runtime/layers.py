"""Several changes at once, each on the joints that it has a weight on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from kinestyle.motion import rotation
from kinestyle.motion.canonical import SIDES
from kinestyle.motion.clip import Clip
from kinestyle.motion.rotation import Array
from kinestyle.motion.smoothing import fade_rotation
from kinestyle.retarget.changes import apply_change, offset_root
from kinestyle.retarget.correspondence import LEG_ROLES, Correspondence
from kinestyle.retarget.hands import ARM
from kinestyle.runtime.change import Change


@dataclass(frozen=True, eq=False)
class Layer:
    """A change and how much of it there is.

    weights: (J,) of the rig's joints, 0 to 1; None: all of it, everywhere
    """

    change: Change
    weights: Array | None = None


class Layers:
    """What changes on a rig. Of one layer without weights, its change is applied as it is."""

    def __init__(self, layers: Sequence[Layer], correspondence: Correspondence) -> None:
        """correspondence: of the whole rig, whose joints have the weights"""
        self._layers, self._correspondence = tuple(layers), correspondence
        joints = correspondence.mapping.joints
        bones = [joints[f"{side}_{bone}"] for side in SIDES for bone in ("thigh", "shin")]
        # the hips rise and travel as far as the legs that carry them take the style
        self._of_legs = [
            1.0 if layer.weights is None else float(layer.weights[bones].mean()) for layer in layers
        ]
        legs = [joints[role] for role in LEG_ROLES if role in joints]
        self.move_legs = any(
            layer.weights is None or bool(layer.weights[legs].any()) for layer in layers
        )
        """Whether hips or legs change at all."""

    @property
    def left_out_hands(self) -> dict[str, float]:
        """By side, how much of a hand takes no style; sides that take all of it are absent."""
        found: dict[str, float] = {}
        for side in SIDES:
            hand = self._correspondence.mapping.joints.get(f"{side}_hand")
            weights = [layer.weights for layer in self._layers if layer.weights is not None]
            if hand is not None and weights:
                left = 1.0 - min(1.0, sum(float(each[hand]) for each in weights))
                found |= {side: left} if left > 0.0 else {}
        return found

    @property
    def styled_arms(self) -> dict[str, float]:
        """By role of hands and clavicles, how much of a style an arm takes, as much as the least of
        its bones, and its shoulder.
        """
        joints = self._correspondence.mapping.joints
        weights = [layer.weights for layer in self._layers if layer.weights is not None]
        total = np.minimum(np.sum(weights, axis=0), 1.0) if weights else None
        found: dict[str, float] = {}
        for side in SIDES:
            for role, parts in ((f"{side}_hand", ARM), (f"{side}_clavicle", ("clavicle",))):
                bones = [joints[f"{side}_{part}"] for part in parts if f"{side}_{part}" in joints]
                if role in joints:
                    found[role] = 1.0 if total is None else float(total[bones].min())
        return found

    @property
    def change(self) -> Change:
        """Of the first layer: what is not of joints is the same in all of them."""
        return self._layers[0].change

    def at(self, first: int, last: int, frame_time_seconds: float) -> Layers:
        """As `Change.at`."""
        return Layers(
            [
                replace(layer, change=layer.change.at(first, last, frame_time_seconds))
                for layer in self._layers
            ],
            self._correspondence,
        )

    @property
    def share(self) -> Array | None:
        """As `Change.share`."""
        return self.change.share

    @property
    def rise(self) -> Array:
        """(T30,) metres, of the hips."""
        return self._sum([layer.change.rise for layer in self._layers])

    @property
    def pace(self) -> Array:
        """(T30, 3) metres a frame, of the hips over the ground."""
        return self._sum([layer.change.pace for layer in self._layers])

    def _sum(self, values: Sequence[Array]) -> Array:
        if self._of_legs == [1.0]:
            return values[0]
        return np.sum([of * each for of, each in zip(self._of_legs, values, strict=True)], axis=0)

    def turned(
        self, before: Clip, correspondence: Correspondence, joints: Sequence[int] | None = None
    ) -> Clip:
        """The clip with its joints rotated, its hips where they were.

        before, correspondence: of some of the rig's joints, ascending; None: of all of them
        """
        some = slice(None) if joints is None else list(joints)
        turned = [
            apply_change(before, correspondence, layer.change.rotation) for layer in self._layers
        ]
        if self._layers[0].weights is None:
            return turned[0]
        weights = np.stack(
            [layer.weights[some] for layer in self._layers if layer.weights is not None]
        )
        local = blend_local(
            before.local_rotation, [clip.local_rotation for clip in turned], weights
        )
        if not self.move_legs:
            return before.with_motion(before.local_position, local)
        return before.with_motion(offset_root(before, correspondence, local, None), local)


def blend_local(before: Array, after: Sequence[Array], weights: Array) -> Array:
    """before: (T, J, 4) local rotations, after: L of the same, weights: (L, J) -> (T, J, 4), each
    joint turned by its share of every change. Where one has weight 1, and no other any, its very
    numbers; where none has, those of before.
    """
    result = before.copy()
    used = weights > 0.0
    alone = used.sum(axis=0) == 1
    for layer, rotations in enumerate(after):
        whole = alone & (weights[layer] == 1.0)
        result[:, whole] = rotations[:, whole]
    mixed = np.flatnonzero(used.any(axis=0) & ~(alone & (weights == 1.0).any(axis=0)))
    if len(mixed):
        was = before[:, mixed]
        turn = np.zeros((*was.shape[:2], 3))
        for each, share in zip(after, weights[:, mixed], strict=True):
            change = rotation.multiply(rotation.inverse(was), each[:, mixed])
            turn += rotation.log(fade_rotation(change, np.broadcast_to(share, change.shape[:2])))
        result[:, mixed] = rotation.multiply(was, rotation.exp(turn))
    return result


def shared_weights(
    parts: Sequence[Array | None], shares: Sequence[float], mask: Array | None, joint_count: int
) -> list[Array | None]:
    """The weights (J,) of L layers.

    parts: (J,) where each layer is wanted; None for what takes all that the others leave
    shares: how much each counts where several are wanted
    mask: (J,) the part of the body that is restyled at all; None: all of it
    """
    if len(parts) == 1 and parts[0] is None:
        return [mask]
    wanted = np.stack([np.zeros(joint_count) if part is None else part for part in parts])
    rest = np.maximum(1.0 - wanted.sum(axis=0), 0.0)
    wanted = np.stack(
        [rest if part is None else own for part, own in zip(parts, wanted, strict=True)]
    )
    present = np.minimum(wanted.sum(axis=0), 1.0)
    weighed = wanted * np.asarray(shares, dtype=float)[:, None]
    total = weighed.sum(axis=0)
    share = np.where(total > 0.0, weighed / np.where(total > 0.0, total, 1.0), 0.0)
    whole = present if mask is None else present * mask
    return [each * whole for each in share]
