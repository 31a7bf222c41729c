"""The protocols as values, and which restylings each of them is made of: drawn by seed, the same on
every machine.

P1  contents of set 2 into styles of set 2: both in domain
P2  contents of both sets into the 15 styles of set 1, each learned from less than a minute of
motion
P3  contents of set 1 into styles of set 2 by a stylizer that never saw set 1
P4  clips of no set, see `kinestyle.evaluate.out_of_domain`
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from kinestyle.runtime.settings import Settings

STYLED = ("label", "draw", "reference", "reference draw")
"""By label: the middle of the style, and a random draw from it. By reference: after a real test
clip of the style, the likeliest code, and a random draw from what the code may be."""

TRIVIAL = ("copy content", "copy style", "statistics")
"""See `kinestyle.evaluate.trivial`."""

RETIMED = "retimed"
"""The nearest real clip of the content in the wanted style, in the input's time: what a method that
keeps a clip's time can be held against, where there is such a clip. See
`kinestyle.evaluate.retiming`."""

BY_LABEL = ("label", "draw")
STOCHASTIC = ("draw", "reference draw")
NEEDS_REFERENCE = ("reference", "reference draw", "copy style", "statistics")


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
        """Clips of one cell are often cuts of one take: what belongs together in an interval."""
        return self.style, self.content


@dataclass(frozen=True)
class Protocol:
    """Contents of one set into the styles of one set.

    splits: whose clips are the contents; references are always test clips
    targets: styles that every clip is given in one repeat
    repeats: how often other targets, references and draws are taken for every clip
    zero_shot: by the bundle that never saw the contents' set
    """

    part: str
    contents: str
    styles: str
    splits: tuple[str, ...] = ("test",)
    targets: int = 1
    repeats: int = 3
    zero_shot: bool = False

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
PARTS = ("p1", "p2", "p3", "p4")


@dataclass(frozen=True)
class Case:
    """One restyling: a clip, a target style, a mode, the reference for the modes that need one, and
    the seed of the draw.
    """

    clip: TestClip
    target: str
    mode: str
    reference: TestClip
    seed: int = 0
    repeat: int = 0
    strength: float = 1.0

    @property
    def settings(self) -> Settings:
        """How the stylizer is to restyle it."""
        return Settings(strength=self.strength, seed=self.seed)


def draw_cases(
    protocol: Protocol,
    clips: Sequence[TestClip],
    modes: Sequence[str],
    repeat: int = 0,
    seed: int = 0,
    among: Collection[TestClip] | None = None,
) -> list[Case]:
    """The cases of one repeat, in all modes, which differ for one (clip, target, reference) in
    nothing else.

    clips: all there are; among: the contents are taken from these only (None: from all)

    Of each style, the clips take the other styles in turn, so that all ordered pairs of styles come
    up equally often and neighbouring clips, often cuts of one take, get different ones; the next
    repeat goes on where the last stopped. The test clips of a target are its references, in turn as
    well.
    """
    random = np.random.default_rng(
        (seed, *map(ord, f"{protocol.part}{protocol.contents}{protocol.styles}"))
    )
    of_style: dict[str, list[TestClip]] = {}
    for clip in sorted(clips, key=lambda clip: (clip.style, clip.content, clip.path.name)):
        of_style.setdefault(clip.style, []).append(clip)
    targets = [style for style in of_style if style.startswith(f"{protocol.styles}/")]
    references = {
        style: _shuffled([clip for clip in of_style[style] if clip.split == "test"], random)
        for style in targets
    }
    draws = np.random.default_rng((seed, repeat))
    taken = dict.fromkeys(targets, repeat)
    cases = []
    for style, all_clips in of_style.items():
        inputs = [
            clip
            for clip in all_clips
            if clip.set_name == protocol.contents
            and clip.split in protocol.splits
            and (among is None or clip in among)
        ]
        others = _shuffled([target for target in targets if target != style], random)
        for i, clip in enumerate(inputs):
            for k in range(min(protocol.targets, len(others))):
                target = others[(i + repeat * protocol.targets + k) % len(others)]
                reference = references[target][taken[target] % len(references[target])]
                taken[target] += 1
                case = Case(clip, target, modes[0], reference, 0, repeat)
                draw = int(draws.integers(1, 2**31))
                cases += [
                    replace(case, mode=mode, seed=draw if mode in STOCHASTIC else 0)
                    for mode in modes
                ]
    return cases


def one_of_each_cell(clips: Iterable[TestClip]) -> list[TestClip]:
    """The clip in the middle of every cell: a sample that covers everything."""
    cells: dict[tuple[str, str], list[TestClip]] = {}
    for clip in sorted(clips, key=lambda clip: clip.path.name):
        cells.setdefault(clip.cell, []).append(clip)
    return [cell[len(cell) // 2] for cell in cells.values()]


def _shuffled(things: Sequence, random: np.random.Generator) -> list:  # type: ignore[type-arg]
    return [things[i] for i in random.permutation(len(things))]
