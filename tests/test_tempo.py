"""What a style code says of tempo is found in clips."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch")

from kinestyle.learn.data.corpus import Corpus, Entry
from kinestyle.learn.tempo import FEWEST_CLIPS, fit_tempo, log_tempo
from kinestyle.retarget.features import LAYOUT

FRAMES = 120


def clip_of(rate: float, reach: float = 0.1, frames: int = FRAMES) -> np.ndarray:
    """(T, 260): all joints swing so many times a second, so many metres far."""
    features = np.zeros((frames, LAYOUT.size), np.float32)
    phase = 2.0 * np.pi * rate * np.arange(frames) / 30.0
    features[:, LAYOUT["joint_position"]] = reach * np.sin(phase)[:, None]
    return features


def made_corpus(clips: int = 80, content: bool = True, labelled: bool = True) -> Corpus:
    """Clips of four contents, each with its own rate, in styles that have theirs: the log of it is
    .3 times the first number of the style's code, which stands in a feature that has no tempo.
    """
    random = np.random.default_rng(0)
    features, entries = [], []
    for i in range(clips):
        code = random.normal()
        rate = (0.7, 1.0, 1.4, 2.0)[i % 4] * np.exp(0.3 * code)
        features.append(clip_of(rate, random.uniform(0.05, 0.2)))
        features[-1][:, LAYOUT["root_height"]] = code
        style = f"own/{'fast' if code > 0 else 'slow'}" if labelled else ""
        name = f"own/{i % 4}" if content and labelled else ""
        start = i * FRAMES
        entries.append(Entry(f"c{i}", "own", style, name, "train", start, start + FRAMES))
    return Corpus(np.concatenate(features), tuple(entries))


def code_of(features: np.ndarray) -> np.ndarray:
    """(3,): what the clip's style is, noise, and a number that is the same for all."""
    noise = np.random.default_rng(int(1e4 * abs(features[5, 4]))).normal()
    return np.array([features[:, LAYOUT["root_height"]].mean(), noise, 2.0])


def test_tempo_is_how_often_and_not_how_far() -> None:
    slow, fast, wide = (log_tempo(clip_of(*how)) for how in ((1.0,), (2.0,), (1.0, 0.4)))
    assert slow is not None
    assert fast is not None
    assert fast - slow == pytest.approx(np.log(2.0), abs=0.02)
    assert wide == pytest.approx(slow, abs=1e-6)
    assert log_tempo(clip_of(1.0, reach=0.0)) is None, "nothing moves"
    assert log_tempo(clip_of(1.0, frames=8)) is None, "too short"


@pytest.mark.parametrize("content", [True, False])
def test_it_is_found_in_codes(content: bool) -> None:
    found = fit_tempo(made_corpus(400, content), code_of)
    assert found is not None
    standing = found.standing
    assert standing[0] == pytest.approx(0.3 * 400 / 500, abs=0.06), "less the ridge's share"
    assert abs(standing[1]) < 0.05
    assert standing[2] == 0.0
    assert found.walking == (0.0, 0.0, 0.0), "nobody walked"


def test_who_walks_has_another_tempo() -> None:
    corpus = made_corpus(400)
    features = corpus.features.copy()
    features[200 * FRAMES :, LAYOUT["root_xz_velocity"]] = 1.0 / 30.0
    found = fit_tempo(replace(corpus, features=features), code_of)
    assert found is not None
    for row in found:
        assert row[0] == pytest.approx(0.3 * 200 / 300, abs=0.06)


def test_without_labels() -> None:
    corpus = made_corpus(400, labelled=False)
    assert fit_tempo(corpus, code_of) is None
    found = fit_tempo(corpus, code_of, by_content=False)
    assert found is not None
    assert 0.1 < found.standing[0] < 0.35


def test_what_shows_no_tempo_gives_none() -> None:
    assert fit_tempo(made_corpus(FEWEST_CLIPS - 1), code_of) is None
    corpus = made_corpus()
    held_back = tuple(replace(entry, split="test") for entry in corpus.entries)
    assert fit_tempo(replace(corpus, entries=held_back), code_of) is None
    alike = tuple(replace(entry, style="own/one") for entry in corpus.entries)
    assert fit_tempo(replace(corpus, entries=alike), code_of) is None
    still = replace(corpus, features=np.zeros_like(corpus.features))
    assert fit_tempo(still, code_of) is None
