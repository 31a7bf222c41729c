"""P6, styles that a bundle never learned, by reference: is it heard?

A neutral clip is restyled after a styled clip of the same action, or of another one. The real
styled clip of that action says where the result should go. Clips are compared by the means and
standard deviations of their joints' positions, each number as a multiple of what it varies by among
real clips: the *way* is how much of the step from the neutral to the styled clip is gone, the
*cosine* how far the change points there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kinestyle.evaluate.protocol import STATISTICS, Case, TestClip
from kinestyle.evaluate.statistics import Estimate, estimate
from kinestyle.motion.rotation import Array

KINDS = SAME, ANOTHER = ("same action", "another action")
MODES = ("reference", STATISTICS)
LEAST_SPREAD_M = 1e-3
"""Added to what a number varies by: numbers that hardly vary would count for too much."""
LEFT_OUT_STYLES = tuple(f"bandai1/{s}" for s in ("childish", "musical", "old", "proud", "tired"))
"""The styles of Bandai-Namco set 1 that a bundle for this protocol does not learn from."""
STYLE100_FOLDER = Path("extra/style100_synthetic")


@dataclass(frozen=True)
class UnseenSet:
    """Clips of styles to be heard, and the style from which they depart.

    neutral: the name of a style, of which there are clips of the same contents
    styles: those that are to be heard
    """

    name: str
    clips: tuple[TestClip, ...]
    neutral: str
    styles: tuple[str, ...]


def bandai_set(clips: Iterable[TestClip]) -> UnseenSet:
    """`LEFT_OUT_STYLES` of all labelled clips, against *normal*."""
    neutral = "bandai1/normal"
    chosen = tuple(clip for clip in clips if clip.style in (*LEFT_OUT_STYLES, neutral))
    return UnseenSet("bandai1", chosen, neutral, LEFT_OUT_STYLES)


def style100_set(data: Path) -> UnseenSet:
    """Every second style of 100STYLE, or of its synthetic copy, against *Neutral*: files
    `STYLE/STYLE_ACTION.bvh`.
    """
    clips = []
    for path in sorted((data / STYLE100_FOLDER).glob("*/*.bvh")):
        style, _, action = path.stem.rpartition("_")
        clips.append(TestClip(path, "style100", f"style100/{style}", f"style100/{action}"))
    neutral = "style100/Neutral"
    styles = sorted({clip.style for clip in clips} - {neutral})
    return UnseenSet("style100, synthetic", tuple(clips), neutral, tuple(styles[1::2]))


@dataclass(frozen=True)
class Hearing:
    """One restyling of P6: `case` restyles the neutral clip after the reference; `styled` is the
    real clip where the result should go.
    """

    case: Case
    styled: TestClip
    kind: str
    set_name: str


def draw_hearings(
    found: UnseenSet, modes: Sequence[str] = MODES, contents: int | None = None, seed: int = 0
) -> list[Hearing]:
    """For every style of a set, up to `contents` of its actions (None: all): each with a reference
    of the same action and with one of another, in all modes. A reference of the same action is
    another clip of it, where there is one.
    """
    random = np.random.default_rng(seed)
    neutrals = {clip.content: clip for clip in reversed(found.clips) if clip.style == found.neutral}
    hearings = []
    for style in found.styles:
        of_style = [clip for clip in found.clips if clip.style == style]
        possible = sorted({clip.content for clip in of_style} & set(neutrals))
        for content in [possible[i] for i in random.permutation(len(possible))][:contents]:
            styled, references = _references(of_style, content, random)
            hearings += [
                Hearing(Case(neutrals[content], style, mode, reference), styled, kind, found.name)
                for kind, reference in references.items()
                for mode in modes
            ]
    return hearings


def _references(
    of_style: Sequence[TestClip], content: str, random: np.random.Generator
) -> tuple[TestClip, dict[str, TestClip]]:
    """Of the clips of a style, the one of a content that says where to go, and a reference of each
    kind that there is.
    """
    same = [clip for clip in of_style if clip.content == content]
    other = [clip for clip in of_style if clip.content != content]
    references = {SAME: same[-1]}
    if other:
        references[ANOTHER] = other[int(random.integers(len(other)))]
    return same[0], references


@dataclass(frozen=True)
class Heard:
    """What came of a hearing.

    cosine: between the change that was made and the step to the styled clip; 0 where none was made
    way: of that step
    seen: for each judge, the style that it sees among all
    """

    hearing: Hearing
    cosine: float
    way: float
    seen: tuple[str, ...]


def position_statistics(body: Array) -> Array:
    """body: (T, 21, 3) as `body_positions` -> (126,) metres, means and standard deviations."""
    return np.concatenate([body.mean(axis=0).ravel(), body.std(axis=0).ravel()]).astype(float)


def spread_of(bodies: Iterable[Array]) -> Array:
    """Bodies of real clips -> (126,) metres that each number varies by among them."""
    found = np.stack([position_statistics(body) for body in bodies])
    return np.asarray(found.std(axis=0) + LEAST_SPREAD_M)


def way_gone(neutral: Array, styled: Array, result: Array, spread: Array) -> tuple[float, float]:
    """`position_statistics` of three clips, and `spread_of` -> cosine and way."""
    step, made = (styled - neutral) / spread, (result - neutral) / spread
    length = float(np.linalg.norm(step))
    size = float(np.linalg.norm(made))
    along = float(step @ made)
    return (along / (length * size) if min(length, size) > 1e-9 else 0.0), (
        along / length**2 if length > 1e-9 else float("nan")
    )


@dataclass(frozen=True)
class HearingRow:
    """P6 of one set of styles, one kind of reference and one mode.

    learned: how many of the set's styles the bundle has learned by name
    seen: for each judge that knows the styles, the share of results in which it sees the right one
        among all
    """

    set_name: str
    kind: str
    mode: str
    styles: int
    learned: int
    outputs: int
    cosine: Estimate
    way: Estimate
    seen: Mapping[str, float]
    by_style: Mapping[str, Mapping[str, float]]


def summarize_hearings(
    heard: Sequence[Heard], judges: Mapping[str, Sequence[str]], learned: Iterable[str]
) -> list[HearingRow]:
    """A row for every set, kind and mode.

    judges: by name, the styles that each knows, in the order of `Heard.seen`; learned: the names of
        the bundle's styles
    """
    return [_row(group, judges, set(learned)) for group in _groups(heard)]


def _groups(heard: Sequence[Heard]) -> Iterator[list[Heard]]:
    groups: dict[tuple[str, str, str], list[Heard]] = {}
    for one in heard:
        key = one.hearing.set_name, one.hearing.case.mode, one.hearing.kind
        groups.setdefault(key, []).append(one)
    yield from groups.values()


def _row(heard: list[Heard], judges: Mapping[str, Sequence[str]], learned: set[str]) -> HearingRow:
    first = heard[0].hearing
    targets = [one.hearing.case.target for one in heard]
    seen = {
        name: float(np.mean([one.seen[i] == one.hearing.case.target for one in heard]))
        for i, (name, known) in enumerate(judges.items())
        if set(targets) <= set(known)
    }
    return HearingRow(
        set_name=first.set_name,
        kind=first.kind,
        mode=first.case.mode,
        styles=len(set(targets)),
        learned=len(set(targets) & learned),
        outputs=len(heard),
        cosine=estimate([one.cosine for one in heard], targets),
        way=estimate([one.way for one in heard], targets),
        seen=seen,
        by_style={style: _means(heard, style) for style in sorted(set(targets))},
    )


def _means(heard: Iterable[Heard], style: str) -> dict[str, float]:
    found = [one for one in heard if one.hearing.case.target == style]
    return {
        "cosine": float(np.mean([one.cosine for one in found])),
        "way": float(np.mean([one.way for one in found])),
    }
