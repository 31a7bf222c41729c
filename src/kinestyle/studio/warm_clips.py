"""The clips that a worker keeps, with what it knows of them."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import NamedTuple

from kinestyle.bundle import Style
from kinestyle.motion.clip import Clip
from kinestyle.motion.rotation import Array
from kinestyle.rig.rig_file import Rig
from kinestyle.runtime.analysis import Analysis
from kinestyle.runtime.settings import CycleMode


class AnalysedPart(NamedTuple):
    """A part of a clip. key: of which bundle, and from which frame to which"""

    key: tuple[str, int, int]
    analysis: Analysis[Clip]


@dataclass(eq=False)
class WarmClip:
    """A clip in a worker, with what is known of it.

    rig: the clip's, None where it is to be found in it
    moments: (T,) fractional numbers of the upload's frames at which the clip's are; None where they
        are the same
    is_result: whether it was made from another one here, which makes it again if need be
    analyses: by the name of the bundle and whether it is a cycle; part: the last that was analysed
        by itself; preview: what cards of styles show of it, likewise; styles: by the bundle's name
    """

    clip: Clip
    rig: Rig | None
    moments: Array | None = None
    is_result: bool = False
    analyses: dict[tuple[str, CycleMode], Analysis[Clip]] = field(default_factory=dict)
    part: AnalysedPart | None = None
    preview: AnalysedPart | None = None
    styles: dict[str, Style] = field(default_factory=dict)

    @property
    def joint_frames(self) -> int:
        return self.clip.frame_count * self.clip.skeleton.joint_count


class WarmClips:
    """Clips by their keys, those unused for longest first.

    Results are counted apart from what they are made of: each change of a setting leaves another
    one, and none of them may push out a clip with its analysis.
    """

    def __init__(self, count: int, joint_frames: int) -> None:
        """count, joint_frames: how much is kept of either kind; one clip is kept anyway"""
        self.count, self.joint_frames = count, joint_frames
        self._kept: dict[bool, OrderedDict[str, WarmClip]] = {
            kind: OrderedDict() for kind in (False, True)
        }

    def __contains__(self, key: str) -> bool:
        return any(key in kept for kept in self._kept.values())

    def __len__(self) -> int:
        return sum(map(len, self._kept.values()))

    def __getitem__(self, key: str) -> WarmClip:
        return next(kept[key] for kept in self._kept.values() if key in kept)

    def keep(self, key: str, clip: WarmClip) -> None:
        """Keep a clip as the last one that was used, and forget others where that is too much."""
        kept = self._kept[clip.is_result]
        kept[key] = clip
        kept.move_to_end(key)
        while len(kept) > 1 and (
            len(kept) > self.count
            or sum(each.joint_frames for each in kept.values()) > self.joint_frames
        ):
            kept.popitem(last=False)
