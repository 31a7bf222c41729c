"""How fast styles move: what a style code says of the tempo of a clip, see
`kinestyle.runtime.timing`.

The tempo of a clip is its joints' mean speed over how far they are from where they are in the mean:
how often a movement comes a second, up to a factor. A style is faster than another where clips of
the same content are. So the log of tempo is compared within contents, and a ridge regression finds
it in style codes: one of clips that stand, one of clips that walk.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np

from kinestyle.bundle import Tempo
from kinestyle.learn.data.corpus import Corpus, Entry
from kinestyle.motion.rotation import Array
from kinestyle.retarget.features import FRAME_RATE, LAYOUT
from kinestyle.runtime.timing import walking_share

Thing = TypeVar("Thing")

RIDGE = 100.0
"""Weight of the penalty, for codes of unit variance. On clips of the two Bandai-Namco sets that are
held back .57 of the variance is explained with 30 as with 300.
"""
FEWEST_CLIPS = 16
"""Fewer than that show no tempo of styles."""
MOST_CLIPS = 1500
"""Spread over all: more make no difference."""
SHORTEST_FRAMES, LONGEST_FRAMES = 16, 1024
"""At 30 a second: shorter clips are left out, of longer ones so much is looked at."""
_STILL_M = 1e-3
"""A clip in which joints are no farther from their mean place has no tempo."""


def log_tempo(features: Array) -> float | None:
    """features: (T, 260) -> log of times a second, up to a constant; None where nothing moves."""
    position = features[:, LAYOUT["joint_position"]].reshape(len(features), -1, 3).astype(float)
    if len(position) < SHORTEST_FRAMES:
        return None
    apart = position - position.mean(axis=0)
    reach = float(np.sqrt((apart**2).sum(axis=-1).mean(axis=0)).mean())
    speed = float(np.linalg.norm(np.diff(position, axis=0), axis=-1).mean()) * FRAME_RATE
    return float(np.log(speed / reach)) if min(speed, reach) > _STILL_M else None


def fit_tempo(
    corpus: Corpus, code_of: Callable[[Array], np.ndarray], by_content: bool = True
) -> Tempo | None:
    """What style codes say of tempo, of the clips of the training split. None where they do not
    show it: too few, or all in one style.

    code_of: features (T, 260) -> (K,)
    by_content: whether labelled clips are compared within their content; without, labels are not
        looked at
    """
    found: dict[bool, list[tuple[str, float, np.ndarray]]] = {False: [], True: []}
    for group, entry in _spread_over(_grouped(corpus, by_content), MOST_CLIPS):
        features = corpus.features[entry.start : min(entry.stop, entry.start + LONGEST_FRAMES)]
        tempo = log_tempo(features)
        if tempo is not None:
            walks = (
                walking_share(features[:, LAYOUT["root_xz_velocity"]].astype(float)).mean() > 0.5
            )
            code = np.asarray(code_of(features), float)
            found[bool(walks)].append((group, tempo, code))
    size = {len(code) for clips in found.values() for _, _, code in clips}
    weights = [_ridge(found[walks]) for walks in (False, True)]
    if all(weight is None for weight in weights):
        return None
    # nothing is hurried that nobody saw
    nothing = (0.0,) * size.pop()
    standing, walking = (nothing if w is None else tuple(w.round(6).tolist()) for w in weights)
    return Tempo(standing, walking)


def _ridge(clips: Sequence[tuple[str, float, np.ndarray]]) -> Array | None:
    """clips: with their group, the log of their tempo and their code (K,) -> (K,)."""
    if len(clips) < FEWEST_CLIPS:
        return None
    groups, tempos, codes = (np.array(column) for column in zip(*clips, strict=True))
    tempos = _within(tempos, groups)
    spread = codes.std(axis=0)
    known = spread > 1e-6  # the numbers of a label that is not given are all alike
    scaled = (codes[:, known] - codes[:, known].mean(axis=0)) / spread[known]
    weight = np.zeros(codes.shape[1])
    penalty = RIDGE * np.eye(scaled.shape[1])
    weight[known] = np.linalg.solve(scaled.T @ scaled + penalty, scaled.T @ tempos) / spread[known]
    return weight


def _grouped(corpus: Corpus, by_content: bool) -> list[tuple[str, Entry]]:
    """The clips that show tempo, each with what it is compared within: its content or, where its
    set has no labels of content, its set.
    """
    if not by_content:
        return [("", entry) for entry in corpus.select("train")]
    clips = [(e.content or e.set_name, e) for e in corpus.select("train", labelled=True)]
    styles: dict[str, set[str]] = {}
    for group, entry in clips:
        styles.setdefault(group, set()).add(entry.style)
    return [(group, entry) for group, entry in clips if len(styles[group]) > 1]


def _spread_over(things: Sequence[Thing], most: int) -> Sequence[Thing]:
    """At most so many, spread over all of them."""
    if len(things) <= most:
        return things
    return [things[i] for i in np.linspace(0, len(things) - 1, most).round().astype(int)]


def _within(values: Array, group: np.ndarray) -> Array:
    """values: (N,), group: (N,) names -> less the mean of the group that each belongs to."""
    _, index = np.unique(group, return_inverse=True)
    return values - (np.bincount(index, values) / np.bincount(index))[index]
