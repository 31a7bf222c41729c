"""Made styles as one more labelled set of a corpus.

Clips of every source are cut into pieces and restyled in made styles (`made_styles`). The styles
come in groups: all styles of a group are applied to the same pieces, so that each of these shows
one motion as it was recorded and in every style of the group, frame by frame.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from itertools import islice
from pathlib import Path

import numpy as np

from kinestyle.bundle.made_style import MadeStyle, styled_count
from kinestyle.errors import DataError, KinestyleError
from kinestyle.evaluate.protocol import TestClip
from kinestyle.evaluate.unseen_styles import UnseenSet
from kinestyle.formats.table import read_motion, write_motion
from kinestyle.learn.data.corpus import Corpus, Entry, Table, digest, write_features
from kinestyle.learn.data.made_styles import HELD_OUT_EVERY, draw_style, held_out
from kinestyle.learn.data.named_styles import NAMED_STYLES
from kinestyle.learn.data.pairs import Pairs
from kinestyle.motion.clip import Clip
from kinestyle.motion.rotation import Array
from kinestyle.retarget.correspondence import correspond, to_canonical
from kinestyle.retarget.features import (
    FRAME_RATE,
    LAYOUT,
    at_feature_rate,
    clip_to_features,
    features_to_clip,
)
from kinestyle.runtime.made_styles import apply_style

SET_NAME = "made"
NEUTRAL = f"{SET_NAME}/as-recorded"
_ROWS_AT_ONCE = 2**16
FEWEST_FRAMES = 40
"""A shorter clip shows no style."""


@dataclass(frozen=True)
class MadeConfig:
    """How many made styles there are, and how many clips in each."""

    styles: int = 400
    clips: int = 8
    """Pieces of real clips that each style is applied to."""
    group: int = 10
    """Styles that are applied to the same pieces."""
    named_clips: int = 0
    """The same for each of the made styles that have a name; 0: these are not learned."""
    longest_seconds: float = 5.0
    """Of a piece."""
    seed: int = 0


@dataclass(frozen=True)
class Piece:
    """Frames `first` to `last` of a clip of a corpus, counted from the clip's first."""

    base: Entry
    first: int
    last: int

    @property
    def frame_count(self) -> int:
        return self.last - self.first


@dataclass(frozen=True)
class MadeClip:
    """A piece in a made style; `entry` is where it is in the corpus, and in which style."""

    piece: Piece
    entry: Entry

    @property
    def style(self) -> MadeStyle:
        """What is done to the piece."""
        return made_style(self.entry.style)


def style_name(number: int) -> str:
    """The label of a made style."""
    return f"{SET_NAME}/{number:04d}"


@lru_cache(maxsize=2**12)
def made_style(label: str) -> MadeStyle:
    """The inverse of `style_name`, and the style of a name."""
    name = label.removeprefix(f"{SET_NAME}/")
    return NAMED_STYLES[name] if name in NAMED_STYLES else draw_style(int(name))


def named_style(label: str) -> MadeStyle | None:
    """The made style that has a name; None for every other label."""
    name = label.removeprefix(f"{SET_NAME}/")
    return NAMED_STYLES.get(name) if name != label else None


def is_drawn(label: str) -> bool:
    """Whether a style is a made one without a name."""
    return label.startswith(f"{SET_NAME}/") and named_style(label) is None


def is_made(entry: Entry) -> bool:
    """Whether an entry is a made clip."""
    return entry.set_name == SET_NAME


def without_made(corpus: Corpus) -> Corpus:
    """The real clips of a corpus."""
    return replace(corpus, entries=tuple(e for e in corpus.entries if not is_made(e)))


def style_numbers(count: int) -> list[int]:
    """The first `count` numbers of styles that may be learned from."""
    numbers: list[int] = []
    number = 0
    while len(numbers) < count:
        if not held_out(number):
            numbers.append(number)
        number += 1
    return numbers


def plan(corpus: Corpus, config: MadeConfig) -> list[list[MadeClip]]:
    """The made clips of a corpus of real ones, by group of styles; the same for the same corpus and
    configuration. Pieces are of training clips, all sets about equally often. Their features follow
    those of the corpus. Raises DataError where no clip is long enough.
    """
    random = np.random.default_rng(config.seed)
    sets: dict[str, list[Entry]] = {}
    for entry in corpus.select("train"):
        if entry.frame_count >= FEWEST_FRAMES and not is_made(entry):
            sets.setdefault(entry.set_name, []).append(entry)
    if not sets:
        raise DataError(
            f"no training clip has {FEWEST_FRAMES} frames or more, so that none can be restyled in "
            f"made styles; leave --made-styles out"
        )
    drawn = [style_name(number) for number in style_numbers(config.styles)]
    parts = [
        (drawn[k : k + config.group], config.clips) for k in range(0, len(drawn), config.group)
    ]
    if config.named_clips:
        named = [f"{SET_NAME}/{name}" for name in NAMED_STYLES]
        parts.append((named, config.named_clips))
    start = len(corpus.features)
    groups = []
    for styles, clips in parts:
        pieces = _draw_pieces(list(sets.values()), clips, config.longest_seconds, random)
        group = []
        for style in styles:
            for k, piece in enumerate(pieces):
                frames = styled_count(piece.frame_count, made_style(style).tempo)
                entry = Entry(
                    stem=f"{style.replace('/', '_')}_{k}",
                    set_name=SET_NAME,
                    style=style,
                    content="",
                    split="train",
                    start=start,
                    stop=start + frames,
                )
                group.append(MadeClip(piece, entry))
                start += frames
        groups.append(group)
    return groups


def _draw_pieces(
    sets: list[list[Entry]], count: int, longest_seconds: float, random: np.random.Generator
) -> list[Piece]:
    """Pieces of unlike clips, as far as there are so many."""
    longest = round(longest_seconds * FRAME_RATE)
    chosen: dict[str, Piece] = {}
    for _ in range(20 * count):
        if len(chosen) == count:
            break
        entries = sets[int(random.integers(len(sets)))]
        entry = entries[int(random.integers(len(entries)))]
        frames = min(entry.frame_count, longest)
        first = int(random.integers(entry.frame_count - frames + 1))
        chosen.setdefault(entry.stem, Piece(entry, first, first + frames))
    return list(chosen.values())


def made_features(corpus: Corpus, group: list[MadeClip]) -> Iterator[np.ndarray]:
    """(T, 260) of each clip of a group."""
    for made in group:
        start = made.piece.base.start
        rows = np.asarray(corpus.features[start + made.piece.first : start + made.piece.last])
        contact = rows[:, LAYOUT["foot_contact"]] > 0.5
        clip = features_to_clip(rows.astype(float))
        styled = clip_to_features(apply_style(clip, made.style, contact))
        assert np.isfinite(styled).all(), f"{made.entry.stem} has features that are no numbers"
        yield styled.astype(np.float32)


def exact_pairs(groups: list[list[MadeClip]]) -> Pairs:
    """Of every piece, and of it in every style, the frames of the corpus that show it in each style
    of its group; those of a base clip that lie outside the piece have none.
    """
    frames: dict[tuple[str, str], Array] = {}
    for group in groups:
        for target in group:
            piece, style = target.piece, target.entry.style
            shown = target.style.frames(piece.frame_count) + target.entry.start
            whole = np.full(piece.base.frame_count, np.nan)
            whole[piece.first : piece.last] = shown
            frames[piece.base.stem, style] = whole
            for source in group:
                if source.piece == piece and source.entry.style != style:
                    moments = _moments(source)
                    at = np.interp(moments, np.arange(piece.frame_count), shown)
                    frames[source.entry.stem, style] = at
    return Pairs(frames)


def _moments(made: MadeClip) -> Array:
    """(T',) the frames of the piece that the frames of a made clip show."""
    return np.arange(made.entry.frame_count) * made.style.tempo


def with_made_clips(
    corpus: Corpus, config: MadeConfig, folder: Path, report: Callable[[str], None]
) -> Corpus:
    """A corpus of real clips and made ones, written into `folder` unless it is there already. What
    was known of the real clips holds: they lie where they did.
    """
    groups = plan(corpus, config)
    made_from = digest([corpus.sha256, *map(asdict, corpus.entries), asdict(config)])
    table = Table.read(folder)
    if table is None or table.made_from != made_from:
        folder.mkdir(parents=True, exist_ok=True)
        entries = (*corpus.entries, *(made.entry for group in groups for made in group))
        sha256 = write_features(folder, _all_features(corpus, groups, report), entries[-1].stop)
        Table(sha256, entries, made_from).write(folder)
    return Corpus.load(folder)


def _all_features(
    corpus: Corpus, groups: list[list[MadeClip]], report: Callable[[str], None]
) -> Iterator[np.ndarray]:
    for start in range(0, len(corpus.features), _ROWS_AT_ONCE):
        yield corpus.features[start : start + _ROWS_AT_ONCE]
    for i, group in enumerate(groups, start=1):
        yield from made_features(corpus, group)
        report(f"made styles: {i} of {len(groups)} groups, {len(group)} clips")


def _readable(clips: list[TestClip], config: MadeConfig) -> Iterator[Clip]:
    """Pieces of the clips that can be read, on the canonical skeleton at the features' rate."""
    longest = round(config.longest_seconds * FRAME_RATE)
    for test_clip in clips:
        try:
            motion = read_motion(test_clip.path)
            clip = at_feature_rate(to_canonical(motion, correspond(motion)))
        except KinestyleError:
            continue
        if clip.frame_count >= FEWEST_FRAMES:
            yield clip.window(0, min(clip.frame_count, longest))


def held_out_set(
    bases: list[TestClip], folder: Path, styles: int = 12, pieces: int = 3, seed: int = 0
) -> UnseenSet:
    """Made styles that are never learned from, for P6: BVH files in `folder`, of `pieces` of the
    clips in each style, and of these as they are. Clips that cannot be read are passed over.
    """
    order = np.random.default_rng(seed).permutation(len(bases))
    numbers = [number for number in range(HELD_OUT_EVERY * styles) if held_out(number)]
    clips: list[TestClip] = []
    for k, base in enumerate(islice(_readable([bases[i] for i in order], MadeConfig()), pieces)):
        versions = {NEUTRAL: base}
        versions |= {style_name(n): apply_style(base, draw_style(n)) for n in numbers}
        for style, clip in versions.items():
            path = folder / f"{style.replace('/', '_')}_{k}.bvh"
            write_motion(clip, path)
            clips.append(TestClip(path, SET_NAME, style, f"{SET_NAME}/{k}"))
    return UnseenSet(SET_NAME, tuple(clips), NEUTRAL, tuple(map(style_name, numbers)))
