"""The rows of `real_cases` for cycles, and for poses in front of a motion."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np

from kinestyle.formats.table import read_motion
from kinestyle.motion import rotation
from kinestyle.motion.clip import Clip
from kinestyle.motion.rotation import Array
from kinestyle.retarget.correspondence import Correspondence
from kinestyle.runtime.stylizer import Stylizer
from real_cases import Case

STYLES = "old", "proud", "exhausted"


@cache
def _stylizer() -> Stylizer:
    return Stylizer.load()


def _pose_of(clip: Clip, c: Correspondence) -> Array:
    """(T, R, 3) canonical metres from the hips."""
    position = rotation.rotate(c.axes, clip.world_position[:, c.joints]) * c.scale_to_canonical
    return position - position[:, [c.joints.tolist().index(c.mapping.joints["hips"])]]


def _stays_a_cycle(in_place: bool, animation: str | None = None) -> Callable[[Path], None]:
    def check(path: Path) -> None:
        clip = read_motion(path, animation=animation)
        analysis = _stylizer().analyse(clip)
        unrolled, c = analysis.seen.unrolled, analysis.correspondence
        assert unrolled is not None, "it was taken for no cycle"
        assert unrolled.cycle is not None, "it was taken for no cycle"
        assert unrolled.cycle.is_in_place == in_place, "it was taken for one that travels"
        hips = c.mapping.joints["hips"]
        for style in STYLES:
            result = _stylizer().apply(analysis, _stylizer().style_of(style))
            seams = [
                100.0 * np.linalg.norm(pose[-1] - pose[0], axis=-1).max()
                for pose in (_pose_of(clip, c), _pose_of(result, c))
            ]
            assert seams[1] <= seams[0] + 1.0, f"{style}: a seam of {seams[1]:.1f} cm"
            gone = np.diff(rotation.rotate(c.axes, result.world_position[[0, -1], hips]), axis=0)
            drift = 100.0 * np.linalg.norm(gone[0, [0, 2]]) * c.scale_to_canonical
            assert not in_place or drift <= 1.0, f"{style}: it drifts by {drift:.1f} cm"

    return check


def _keeps_its_first(frames: int, without: str | None = None) -> Callable[[Path], None]:
    """without: the same motion without the pose in front"""

    def check(path: Path) -> None:
        clip = read_motion(path)
        analysis = _stylizer().analyse(clip)
        share = float(analysis.own_domain.share.mean())
        assert share > 0.95, f"{share:.0%} of the style is left"
        result = _stylizer().apply(analysis, _stylizer().style_of("old"))
        kept = clip.local_rotation[:frames], clip.local_position[:frames]
        found = result.local_rotation[:frames], result.local_position[:frames]
        assert all(map(np.array_equal, kept, found)), "the pose in front was restyled"
        assert any("no part of the motion" in note for note in result.warnings), "it is not told"
        if without is None:
            return
        alone = read_motion(path.with_name(without))
        expected = _stylizer().stylize(alone, "old").local_rotation
        off = np.abs(result.local_rotation[frames:] - expected).max()
        assert off < 1e-6, "what is behind it is not restyled as without it"

    return check


CYCLES: tuple[Case, ...] = (
    Case("characters/zombie_walk.fbx", "a cycle in place stays one", _stays_a_cycle(True)),
    *(
        Case(
            "characters/Soldier_four_animations_nomesh.glb",
            f"the cycle {name} stays one, in place",
            _stays_a_cycle(True, name),
        )
        for name in ("Walk", "Run", "Idle")
    ),
    Case(
        "characters/maya_kenney_character_7700_binary.fbx",
        "a cycle of 17 frames with 4 more of its last pose stays one",
        _stays_a_cycle(True),
    ),
    Case(
        "characters/mixamo_two_takes_nomesh.fbx",
        "a cycle that travels stays one",
        _stays_a_cycle(False),
    ),
    Case(
        "characters/RobotExpressive.glb",
        "a cycle in place stays one",
        _stays_a_cycle(True, "Walking"),
    ),
    Case(
        "characters/unitychan_walk_tpose_lead_in.bvh",
        "the T-pose is kept, all behind it restyled as without it",
        _keeps_its_first(1, "unitychan_walk_without_lead_in.bvh"),
    ),
    *(
        Case(f"bvh/{file}", "the T-pose is kept, all behind it restyled", _keeps_its_first(frames))
        for file, frames in (
            ("02a_tpose_as_first_frame.bvh", 1),
            ("02b_tpose_for_ten_frames.bvh", 10),
        )
    ),
)
