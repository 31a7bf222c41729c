"""Records what the studio's server answers, so that a page can give the same answers without one.

Of a result only what the style changed is kept: the rotation of each joint in the world after times
the inverse of before, as a vector of axis times angle, and how far the root is from where it was.
`kinestyle.runtime.change` takes a style in some strength by scaling that very angle, so these
vectors are nearly in proportion to the strength, except where feet are locked and where limbs keep
an action that the networks do not know. Results in several strengths are recorded, none is needed
at 0; between two of them the page goes in a straight line. How far that is from what the runtime
makes in that strength is measured, see `interpolation_error`.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from packs import pack, quantised

from kinestyle.formats.table import read_motion
from kinestyle.inspection.report import Inspection
from kinestyle.motion import rotation
from kinestyle.motion.clip import Clip
from kinestyle.motion.rotation import Array
from kinestyle.note import as_dict
from kinestyle.retarget.body_bones import with_body_tips
from kinestyle.retarget.contacts import find_contacts
from kinestyle.retarget.correspondence import to_canonical
from kinestyle.runtime.analysis import Analysis
from kinestyle.runtime.cue import Cue
from kinestyle.runtime.settings import Settings
from kinestyle.runtime.stylizer import Stylizer
from kinestyle.studio.motion_packing import pack_motion
from kinestyle.studio.worker_service import facts_of_clip

FINE = tuple(i / 8 for i in range(1, 13))
COARSE = (0.5, 1.0, 1.5)
"""Strengths that are recorded; 1 is always among them."""

STEP = 1e-4
"""Radians, and metres of the root: the steps in which changes are kept."""
UNIT_STEP = 1.0 / 32767.0
"""Steps of the clip's own quaternions."""


@dataclass(frozen=True)
class Take:
    """What is recorded together. style: None is a style without any cue"""

    style: str | None
    parts: str = "all"
    seed: int = 0
    strengths: tuple[float, ...] = COARSE

    @property
    def cue(self) -> Cue[Clip]:
        return Cue.of(random=True) if self.style is None else Cue.of(self.style)

    def settings(self, strength: float = 1.0) -> Settings:
        return Settings(strength=strength, parts=self.parts, seed=self.seed)


@dataclass(frozen=True, eq=False)
class Recorded:
    """A take as it is kept.

    strengths: S, ascending
    joints: (K,) those that move otherwise against their parent in some strength
    rotation: (S, K, 3, T) int16, the change of each in the world, in steps
    root: (S, 3, T) int16, how far the root is from where it was, in steps
    planted: (S, T) uint8, a bit for each of four contacts
    facts: (S,) what is said of each result
    """

    strengths: tuple[float, ...]
    joints: np.ndarray
    rotation: np.ndarray
    root: np.ndarray
    planted: np.ndarray
    facts: tuple[dict[str, Any], ...]

    def at(self, strength: float) -> tuple[Array, Array]:
        """What a page makes of it: (T, K, 3) radians and (T, 3) metres."""
        nodes = (0.0, *self.strengths)
        above = next(i for i, node in enumerate(nodes) if node >= strength and i)
        share = (strength - nodes[above - 1]) / (nodes[above] - nodes[above - 1])
        turned, root = (
            STEP * np.concatenate([np.zeros_like(values[:1]), values])[above - 1 : above + 1]
            for values in (self.rotation, self.root)
        )
        # the other way round where that is nearer
        angle = np.linalg.norm(turned[1], axis=1, keepdims=True)
        far = np.linalg.norm(turned[1] - turned[0], axis=1, keepdims=True) > np.pi
        turned[1] *= np.where(far, 1.0 - 2.0 * np.pi / np.maximum(angle, STEP), 1.0)
        mixed = [from_ + share * (to - from_) for from_, to in (turned, root)]
        return np.moveaxis(mixed[0], -1, 0), mixed[1].T

    def arrays(self, number: int) -> dict[str, np.ndarray]:
        """Fit for `pack`, under names with a number: each strength as what it differs by from what
        two others told, see `told_by`.
        """
        found: dict[str, np.ndarray] = {"planted": self.planted}
        place = {strength: i for i, strength in enumerate(self.strengths)}
        for name, values in (("rotation", self.rotation), ("root", self.root)):
            known = {0.0: np.zeros(values.shape[1:])}
            for strength, a, b in told_by(self.strengths):
                told = known[a] + (strength - a) / ((b - a) or 1.0) * (known[b] - known[a])
                known[strength] = values[place[strength]].astype(float)
                rest = (known[strength] - np.floor(told + 0.5)).astype(np.int64)
                found[f"{name}@{strength:g}"] = ((rest + 2**15) % 2**16 - 2**15).astype(np.int16)
        return {f"{number}:{name}": array for name, array in found.items()}


def told_by(strengths: Sequence[float]) -> list[tuple[float, float, float]]:
    """Each strength with two that come before it, or are 0, on whose straight line it is expected;
    1 comes first.
    """

    def between(a: float, b: float) -> list[tuple[float, float, float]]:
        inside = [one for one in strengths if a < one < b]
        if not inside:
            return []
        middle = inside[len(inside) // 2]
        return [(middle, a, b), *between(a, middle), *between(middle, b)]

    most = strengths[-1]
    return [(1.0, 0.0, 0.0), (most, 0.0, 1.0), *between(0.0, 1.0), *between(1.0, most)]


class Recorder:
    """Records one clip, whose file has Y up and moves no joint but the root against its parent."""

    def __init__(self, path: Path, stylizer: Stylizer, for_random: Stylizer):
        """for_random: with the bundle that draws styles without any cue"""
        self.path, self.clip = path, read_motion(path)
        self._stylizers = {False: stylizer, True: for_random}
        self._analyses: dict[bool, Analysis[Clip]] = {}
        c = self.correspondence = self._analysis(False).correspondence
        assert np.allclose(np.abs(c.axes), rotation.IDENTITY), f"{path.name} has Y up"
        local = self.clip.local_position[:, 1:]
        assert np.ptp(local, axis=0).max() < 1e-6, f"in {path.name} no joint leaves its place"
        self._was = rotation.inverse(self.clip.world_rotation)

    def _analysis(self, is_random: bool) -> Analysis[Clip]:
        if is_random not in self._analyses:
            known = next(iter(self._analyses.values()), None)
            self._analyses[is_random] = self._stylizers[is_random].analyse(
                self.clip, known and known.correspondence
            )
        return self._analyses[is_random]

    def result(self, take: Take, strength: float) -> Clip:
        """What the runtime makes of it."""
        is_random = take.style is None
        code = self._stylizers[is_random].style_of(take.cue, take.seed)
        return self._stylizers[is_random].apply(
            self._analysis(is_random), code, take.settings(strength)
        )

    def record(self, take: Take) -> Recorded:
        results = [self.result(take, strength) for strength in take.strengths]
        moves = np.any([self._moves(result) for result in results], axis=0)
        joints = np.flatnonzero(moves)
        metres = self.correspondence.mapping.metres_per_unit
        turned, root = [], []
        for result in results:
            change = rotation.multiply(result.world_rotation[:, joints], self._was[:, joints])
            turned.append(quantised(rotation.log(change), STEP))
            apart = result.local_position[:, 0] - self.clip.local_position[:, 0]
            root.append(quantised(metres * apart, STEP))
        return Recorded(
            take.strengths,
            joints,
            np.stack(turned),
            np.stack(root),
            np.stack([self._planted(result) for result in results]),
            tuple(self._facts(take, *each) for each in zip(take.strengths, results, strict=True)),
        )

    def _moves(self, result: Clip) -> np.ndarray:
        """(J,) whether a joint moves otherwise against its parent; the root always does."""
        apart = np.abs(result.local_rotation - self.clip.local_rotation).max(axis=(0, 2))
        return (apart > 1e-9) | (self.clip.skeleton.parents < 0)

    def _planted(self, clip: Clip) -> np.ndarray:
        """(T,) a bit for each contact."""
        contact = find_contacts(to_canonical(clip, self.correspondence))
        bits: np.ndarray = (contact.astype(np.uint8) << np.arange(4)).sum(axis=1).astype(np.uint8)
        return bits

    def _facts(self, take: Take, strength: float, result: Clip) -> dict[str, Any]:
        is_random = take.style is None
        code = self._stylizers[is_random].style_of(take.cue, take.seed)
        domain = self._analysis(is_random).own_domain
        found = Inspection(result, self.correspondence).warnings
        notes = dict.fromkeys((*found, *code.notes, *domain.notes(take.settings(strength))))
        return {"notes": [as_dict(note) for note in notes], "warnings": list(notes)}

    def clip_pack(self) -> bytes:
        """The clip: what is said of it, what it takes to pose its rig, and its own motion."""
        c, clip = self.correspondence, self.clip
        analysis = self._analysis(False)
        skeleton = with_body_tips(clip.skeleton, c)
        motion = pack_motion(clip, c, analysis.contact)
        (length,) = struct.unpack_from("<I", motion)
        head = {
            "facts": facts_of_clip(clip, analysis),
            "motion": json.loads(motion[4 : 4 + length]),
            "offsets": clip.local_position[0].tolist(),
            "tip_offsets": skeleton.end_offsets.tolist(),
            "floor": c.floor,
            "metres_per_unit": c.mapping.metres_per_unit,
            "scale_to_canonical": c.scale_to_canonical,
        }
        world = rotation.continuous(clip.world_rotation)
        arrays = {
            "rotation": quantised(world, UNIT_STEP),
            "root": clip.local_position[:, 0].T.astype(np.float32),
            "planted": self._planted(clip),
        }
        return pack(head, arrays)

    def interpolation_error(self, take: Take, recorded: Recorded, strength: float) -> Array:
        """(T, J) metres, between a result as the page makes it and as the runtime does."""
        clip, skeleton = self.clip, self.clip.skeleton
        change = np.tile(rotation.IDENTITY, (*clip.local_rotation.shape[:2], 1))
        turned, apart = recorded.at(strength)
        change[:, recorded.joints] = rotation.exp(turned)
        kept = set(range(skeleton.joint_count)) - set(recorded.joints.tolist())
        for joint in sorted(kept):
            change[:, joint] = change[:, skeleton.parents[joint]]
        world = rotation.multiply(change, clip.world_rotation)
        metres = self.correspondence.mapping.metres_per_unit
        position = np.zeros(clip.world_position.shape)
        position[:, 0] = metres * clip.local_position[:, 0] + apart
        for joint, parent in enumerate(skeleton.parents.tolist()):
            if parent >= 0:
                bone = rotation.rotate(world[:, parent], clip.local_position[:, joint])
                position[:, joint] = position[:, parent] + metres * bone
        true = metres * self.result(take, strength).world_position
        error: Array = np.linalg.norm(position - true, axis=-1)
        return error


def take_pack(recorder: Recorder, takes: Sequence[tuple[Take, str]]) -> bytes:
    """Several takes in one file. takes: each with the command that makes it in strength 1"""
    described, arrays = [], {}
    for number, (take, command) in enumerate(takes):
        recorded = recorder.record(take)
        arrays |= recorded.arrays(number)
        described.append(
            {
                "parts": take.parts,
                "seed": take.seed,
                "command": command,
                "told": told_by(take.strengths),
                "joints": recorded.joints.tolist(),
                "facts": recorded.facts,
            }
        )
    return pack({"takes": described}, arrays)
