"""The protocols as values, and the restylings that each consists of: drawn by seed, the same on
every machine.

P1  contents of set 2 into styles of set 2: both in domain
P2  contents of both sets into the 15 styles of set 1, each learned from less than a minute of
    motion
P3  contents of set 1 into styles of set 2 by a stylizer that never saw set 1
P4  clips of no set, see `kinestyle.evaluate.out_of_domain`
P5  unknown actions, see `kinestyle.evaluate.unknown_actions`
P6  unseen styles by reference, see `kinestyle.evaluate.unseen_styles`
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import cycle, islice
from pathlib import Path
from typing import TypeVar

import numpy as np

from kinestyle.runtime.settings import Settings

Thing = TypeVar("Thing")

STYLED = ("label", "draw", "reference", "reference draw")
"""By label: the middle of the style, and a random draw from it. By reference: after a real test
clip of the style, the likeliest code, and a random draw from what the code may be."""

TRIVIAL = COPY_CONTENT, COPY_STYLE, STATISTICS = ("copy content", "copy style", "statistics")
"""See `kinestyle.evaluate.trivial`."""

RETIMED = "retimed"
"""The nearest real clip of the content in the target style, in the input's time: the bound for a
method that keeps a clip's time, where there is such a clip. See `kinestyle.evaluate.retiming`."""

BY_LABEL = ("label", "draw")
STOCHASTIC = ("draw", "reference draw")
NEEDS_REFERENCE = ("reference", "reference draw", COPY_STYLE, STATISTICS)


@dataclass(frozen=True)
class TestClip:
    """A real labelled clip and what it is: set "bandai1" or "bandai2", style and content as
    "set/label", split by name.
    """

    __test__ = False  # not a test case, whatever pytest makes of the name

    path: Path
    set_name: str
    style: str
    content: str
    split: str = "test"

    @property
    def cell(self) -> tuple[str, str]:
        """Style and content. Clips of one cell are often cuts of one take, so that they count as
        one group in an interval.
        """
        return self.style, self.content


@dataclass(frozen=True)
class Protocol:
    """Contents of one set into the styles of one set.

    splits: whose clips are the contents; references are always test clips
    targets: styles that every clip gets in one repeat
    repeats: how often every clip gets other targets, references and draws
    zero_shot: whether the bundle is the one that never saw the contents' set
    """

    part: str
    contents: str
    styles: str
    splits: tuple[str, ...] = ("test",)
    targets: int = 1
    repeats: int = 3
    zero_shot: bool = False

    def has_content(self, clip: TestClip) -> bool:
        """Whether a clip is one of those that the protocol restyles."""
        return clip.set_name == self.contents and clip.split in self.splits

    @property
    def title(self) -> str:
        return f"{self.contents} → {self.styles}" + (
            "" if self.splits == ("test",) else ", all its clips"
        )


PROTOCOLS = (
    Protocol("p1", "bandai2", "bandai2"),
    Protocol("p2", "bandai2", "bandai1", repeats=2),
    Protocol("p2", "bandai1", "bandai1", targets=4),
    Protocol("p3", "bandai1", "bandai2", targets=2, zero_shot=True),
    Protocol("p3", "bandai1", "bandai2", splits=("train", "test"), repeats=2, zero_shot=True),
)
PARTS = ("judges", "p1", "p2", "p3", "p4", "p5", "p6")


@dataclass(frozen=True)
class Case:
    """One restyling: a clip, a target style, a mode, the reference for the modes that need one, and
    the settings, whose seed is 0 but for the modes that draw.
    """

    clip: TestClip
    target: str
    mode: str
    reference: TestClip
    settings: Settings = Settings()
    repeat: int = 0

    def with_settings(self, settings: Settings) -> Case:
        """The same case with other settings; the seed is the case's own."""
        return replace(self, settings=replace(settings, seed=self.settings.seed))


def draw_cases(
    protocol: Protocol,
    clips: Sequence[TestClip],
    modes: Sequence[str],
    repeat: int = 0,
    seed: int = 0,
    among: Collection[TestClip] | None = None,
) -> list[Case]:
    """The cases of one repeat, in all modes. Those of one clip and target differ in the mode only.

    clips: all there are; among: the contents are from these only (None: from all)

    Each clip of a style gets the next of the other styles, so that all ordered pairs of styles come
    up equally often, and neighbouring clips, often cuts of one take, get different ones. The next
    repeat goes on where the last stopped. The test clips of a target are its references, in turn as
    well.
    """
    random = np.random.default_rng(
        (seed, *map(ord, f"{protocol.part}{protocol.contents}{protocol.styles}"))
    )
    of_style = _by_style(clips)
    references = {
        style: islice(cycle(_shuffled(_test_clips(found), random)), repeat, None)
        for style, found in of_style.items()
        if style.startswith(f"{protocol.styles}/")
    }
    draws = np.random.default_rng((seed, repeat))
    cases = []
    for style, found in of_style.items():
        contents = [clip for clip in found if protocol.has_content(clip)]
        others = _shuffled([target for target in references if target != style], random)
        count = min(protocol.targets, len(others))
        for i, clip in enumerate(c for c in contents if among is None or c in among):
            for k in range(count):
                target = others[(i + repeat * protocol.targets + k) % len(others)]
                case = Case(clip, target, modes[0], next(references[target]), repeat=repeat)
                cases += _in_modes(case, modes, int(draws.integers(1, 2**31)))
    return cases


def _by_style(clips: Iterable[TestClip]) -> dict[str, list[TestClip]]:
    found: dict[str, list[TestClip]] = {}
    for clip in sorted(clips, key=lambda clip: (clip.style, clip.content, clip.path.name)):
        found.setdefault(clip.style, []).append(clip)
    return found


def _test_clips(clips: Iterable[TestClip]) -> list[TestClip]:
    return [clip for clip in clips if clip.split == "test"]


def _in_modes(case: Case, modes: Sequence[str], draw: int) -> list[Case]:
    """draw: the seed of the modes that draw"""
    seeds = {mode: draw if mode in STOCHASTIC else 0 for mode in modes}
    return [
        replace(case, mode=mode, settings=replace(case.settings, seed=seed))
        for mode, seed in seeds.items()
    ]


def one_of_each_cell(clips: Iterable[TestClip]) -> list[TestClip]:
    """The clip in the middle of every cell: a sample of all styles and contents."""
    cells: dict[tuple[str, str], list[TestClip]] = {}
    for clip in sorted(clips, key=lambda clip: clip.path.name):
        cells.setdefault(clip.cell, []).append(clip)
    return [cell[len(cell) // 2] for cell in cells.values()]


def _shuffled(things: Sequence[Thing], random: np.random.Generator) -> list[Thing]:
    return [things[i] for i in random.permutation(len(things))]
