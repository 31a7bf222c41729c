"""What a clip would look like in another style, as far as real clips show it.

The data is not paired: nobody walked the same walk twice, once proud and once tired. But most
contents were recorded in most styles, so that for a clip there is a nearest one of the same content
in every other style. Retimed to the clip, it gives a position for every joint, which no classifier
can: a classifier accepts whatever it cannot distinguish from the style. Where a content
was never recorded in a style, a clip has no pair there and learns from the other losses alone.
"""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kinestyle.evaluate.retiming import SMOOTHING_FRAMES, STEP_PENALTY_M, align, frames_along
from kinestyle.evaluate.truth import body_positions
from kinestyle.learn.data.corpus import Corpus, Entry
from kinestyle.motion.rotation import Array
from kinestyle.storage import replace_bytes

PAIRED_SPLITS = ("train", "validation")
"""The splits whose clips have pairs: to learn from, and to choose among trained weights by."""


@dataclass(frozen=True)
class PairConfig:
    """How the nearest clips are found."""

    candidates: int = 8
    """Clips of a content in a style that are tried, drawn at random where there are more."""
    step_penalty: float = STEP_PENALTY_M
    """What it costs, in metres a joint, to let a pair stand still for a frame or to leave one of
    its frames out.
    """
    largest_hold_ratio: float = 0.4
    """Share of frames in which a pair may stand still; where it would be more, the pair is too
    short and left out.
    """
    smoothing_frames: float = SMOOTHING_FRAMES
    """Smoothing of the alignment, frames at 15 a second: time should not stumble."""
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Pairs:
    """frames: for a clip, by its stem, and a style, (T,) the frame of the corpus that shows the
    clip's pair at each of the clip's frames, between two frames as well.
    """

    frames: Mapping[tuple[str, str], Array]

    def save(self, path: Path, fingerprint: Mapping[str, Any]) -> None:
        """Write all, or nothing."""
        keys = list(self.frames)
        buffer = io.BytesIO()
        np.savez_compressed(
            buffer,
            stem=np.array([stem for stem, _ in keys], dtype=str),
            style=np.array([style for _, style in keys], dtype=str),
            length=np.array([len(frames) for frames in self.frames.values()], dtype=int),
            frames=np.concatenate([*self.frames.values(), np.zeros(0)]),
            fingerprint=np.array(json.dumps(fingerprint)),
        )
        replace_bytes(path, buffer.getvalue())

    @classmethod
    def load(cls, path: Path, fingerprint: Mapping[str, Any]) -> Pairs | None:
        """What `save` wrote, or None where there is nothing, something damaged or something of
        another fingerprint.
        """
        try:
            with np.load(io.BytesIO(path.read_bytes())) as saved:
                if str(saved["fingerprint"]) != json.dumps(fingerprint):
                    return None
                stems, styles = saved["stem"].tolist(), saved["style"].tolist()
                parts = np.split(saved["frames"], np.cumsum(saved["length"]))[:-1]
        except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error):
            return None
        return cls(dict(zip(zip(stems, styles, strict=True), parts, strict=True)))


def find_pairs(corpus: Corpus, config: PairConfig, report: Callable[[str], None]) -> Pairs:
    """The pairs of all training and validation clips with a style and a content, each among the
    clips of its own split. Contents of one name are one content, of whichever set.
    """
    random = np.random.default_rng(config.seed)
    cells: dict[tuple[str, str], dict[str, list[Entry]]] = {}
    for split in PAIRED_SPLITS:
        for entry in corpus.select(split, labelled=True):
            if entry.content:
                cell = cells.setdefault((split, entry.content), {})
                cell.setdefault(entry.style, []).append(entry)
    frames: dict[tuple[str, str], Array] = {}
    for (split, content), styles in cells.items():
        clips = [entry for entries in styles.values() for entry in entries]
        bodies = {entry.stem: _body(corpus, entry) for entry in clips}
        for entry in clips:
            others = {style: of for style, of in styles.items() if style != entry.style}
            nearest = _nearest(entry, bodies, others, config, random)
            frames |= {(entry.stem, style): pair for style, pair in nearest.items()}
        report(f"pairs: {split}, {content}, {len(clips)} clips in {len(styles)} styles")
    return Pairs(frames)


def _nearest(
    entry: Entry,
    bodies: Mapping[str, Array],
    others: Mapping[str, Sequence[Entry]],
    config: PairConfig,
    random: np.random.Generator,
) -> dict[str, Array]:
    """The frames of a clip's pair, `Pairs.frames`, in each other style that has one."""
    candidates = [
        (style, of[i])
        for style, of in others.items()
        for i in random.permutation(len(of))[: config.candidates]
    ]
    if not candidates:
        return {}
    alignments = align(
        bodies[entry.stem], [bodies[other.stem] for _, other in candidates], config.step_penalty
    )
    nearest: dict[str, Array] = {}
    lowest: dict[str, float] = {}
    for (style, other), (cost, path) in zip(candidates, alignments, strict=True):
        if np.mean(np.diff(path) == 0) > config.largest_hold_ratio:
            continue
        if cost < lowest.get(style, np.inf):
            lowest[style] = cost
            nearest[style] = other.start + frames_along(
                path, entry.frame_count, other.frame_count, config.smoothing_frames
            )
    return nearest


def _body(corpus: Corpus, entry: Entry) -> Array:
    return body_positions(np.asarray(corpus.features[entry.start : entry.stop]))
