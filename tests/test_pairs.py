"""Pairs: the nearest clip of the same content in another style, brought to a clip's own time."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kinestyle.evaluate.retiming import align
from kinestyle.evaluate.truth import TRUTH_RATE, body_positions
from kinestyle.learn.data.corpus import Corpus, Entry
from kinestyle.learn.data.pairs import PairConfig, Pairs, find_pairs
from kinestyle.motion.resampling import resample_vector
from kinestyle.retarget.features import LAYOUT, clip_to_features
from made_rigs import walk

QUICKER = 1.25


def corpus_of(*clips: tuple[str, str, np.ndarray]) -> Corpus:
    """Clips (style, content, features), all of the training split."""
    entries, start = [], 0
    for i, (style, content, features) in enumerate(clips):
        entries.append(
            Entry(
                f"clip_{i}",
                style.split("/")[0],
                style,
                content,
                "train",
                start,
                start + len(features),
            )
        )
        start += len(features)
    return Corpus(
        np.concatenate([features for *_, features in clips]).astype(np.float32), tuple(entries)
    )


def between(corpus: Corpus, at: np.ndarray) -> np.ndarray:
    """Features at frames, and between two of them."""
    pytest.importorskip("torch")
    from kinestyle.learn.data.device_corpus import DeviceCorpus

    return DeviceCorpus(corpus).between(at).numpy()


@pytest.fixture(scope="module")
def steps() -> np.ndarray:
    return clip_to_features(walk().clip)


@pytest.fixture(scope="module")
def quick_steps(steps: np.ndarray) -> np.ndarray:
    """The same walk in less time."""
    return resample_vector(steps, np.arange(int(len(steps) / QUICKER)) * QUICKER)


def test_a_motion_is_found_again_within_a_longer_one(steps):
    whole = body_positions(steps)
    part = whole[7:25]
    (cost, path), (worse, _) = align(part, [whole, np.roll(whole, 1, axis=1)], 0.01)
    assert (path == np.arange(7, 25)).all()
    assert cost == pytest.approx(0.0, abs=1e-4)
    assert worse > 0.05


def test_an_alignment_goes_forward_by_at_most_two(steps, quick_steps):
    for other in (quick_steps, steps[::-1], steps[20:45]):
        ((_, path),) = align(body_positions(steps), [body_positions(other)], 0.01)
        assert set(np.diff(path)) <= {0, 1, 2}
        assert 0 <= path[0] <= path[-1] < len(body_positions(other))


def test_a_quicker_take_comes_back_at_the_clip_s_own_pace(steps, quick_steps):
    corpus = corpus_of(("bandai2/normal", "walk", steps), ("bandai2/old", "walk", quick_steps))
    pairs = find_pairs(corpus, PairConfig(), lambda _: None)
    (pair,) = between(corpus, pairs.frames["clip_0", "bandai2/old"][None, :60])
    span = LAYOUT["joint_position"]
    assert np.abs(pair[:, span] - steps[:60, span]).mean() < 0.01
    assert np.abs(quick_steps[:60, span] - steps[:60, span]).mean() > 0.03


def test_only_another_style_of_the_same_content_is_a_pair(steps):
    corpus = corpus_of(
        ("bandai2/normal", "walk", steps),
        ("bandai2/normal", "walk", steps),
        ("bandai2/old", "run", steps),
        ("bandai1/sad", "walk", steps),
        ("bandai1/sad", "", steps),
    )
    found = find_pairs(corpus, PairConfig(), lambda _: None).frames
    assert set(found) == {
        ("clip_0", "bandai1/sad"),
        ("clip_1", "bandai1/sad"),
        ("clip_3", "bandai2/normal"),
    }
    assert all(len(frames) == len(steps) for frames in found.values())


def test_validation_clips_have_pairs_among_themselves(steps):
    corpus = corpus_of(*((f"bandai2/{style}", "walk", steps) for style in "abab"))
    split = [replace(e, split="validation") if i > 1 else e for i, e in enumerate(corpus.entries)]
    corpus = replace(corpus, entries=tuple(split))
    found = find_pairs(corpus, PairConfig(), lambda _: None).frames
    assert set(found) == {
        ("clip_0", "bandai2/b"),
        ("clip_1", "bandai2/a"),
        ("clip_2", "bandai2/b"),
        ("clip_3", "bandai2/a"),
    }
    for (stem, _), frames in found.items():
        other = corpus.entries[{"clip_0": 1, "clip_1": 0, "clip_2": 3, "clip_3": 2}[stem]]
        assert other.start <= frames.min() <= frames.max() < other.stop


def test_a_take_that_is_much_too_short_is_no_pair(steps):
    corpus = corpus_of(("bandai2/normal", "walk", steps), ("bandai2/old", "walk", steps[:20]))
    found = find_pairs(corpus, PairConfig(), lambda _: None).frames
    assert set(found) == {("clip_1", "bandai2/normal")}


def test_a_clip_that_is_too_short_does_not_stand_in_the_way_of_one_that_is_not(steps):
    """Whichever is tried first: the short one is nearer, as far as it goes."""
    noise = 0.05 * np.random.default_rng(0).standard_normal((len(steps), LAYOUT.size))
    for others in ((steps[:20], steps + noise), (steps + noise, steps[:20])):
        corpus = corpus_of(
            ("bandai2/normal", "walk", steps), *(("bandai2/old", "walk", x) for x in others)
        )
        whole = max(corpus.entries[1:], key=lambda entry: entry.frame_count)
        frames = find_pairs(corpus, PairConfig(), lambda _: None).frames["clip_0", "bandai2/old"]
        assert whole.start <= frames.min() <= frames.max() < whole.stop


def test_where_there_is_no_pair_there_are_zeros(steps):
    corpus = corpus_of(("bandai2/normal", "walk", steps))
    at = np.array([[np.nan] * 4, [0.0, 1.0, 1.5, len(steps) - 1.0]])
    features = between(corpus, at)
    assert (features[0] == 0.0).all()
    np.testing.assert_allclose(
        features[1, 2], 0.5 * (corpus.features[1] + corpus.features[2]), atol=1e-6
    )
    np.testing.assert_array_equal(features[1, 3], corpus.features[-1])


def test_pairs_are_kept_for_what_they_were_made_with(steps, tmp_path: Path):
    corpus = corpus_of(("bandai2/normal", "walk", steps), ("bandai2/old", "walk", steps))
    pairs = find_pairs(corpus, PairConfig(), lambda _: None)
    path = tmp_path / "pairs.npz"
    assert Pairs.load(path, {"seed": 0}) is None
    pairs.save(path, {"seed": 0})
    again = Pairs.load(path, {"seed": 0})
    assert again is not None
    assert set(again.frames) == set(pairs.frames)
    for key, frames in pairs.frames.items():
        np.testing.assert_array_equal(again.frames[key], frames)
    assert Pairs.load(path, {"seed": 1}) is None
    whole = path.read_bytes()
    for damaged in (b"", whole[: len(whole) // 2], b"junk"):
        path.write_bytes(damaged)
        assert Pairs.load(path, {"seed": 0}) is None
    Pairs({}).save(path, {})
    nothing = Pairs.load(path, {})
    assert nothing is not None
    assert not nothing.frames


def test_real_clips_have_pairs_in_other_styles(data_dir: Path, tmp_path: Path):
    """One clip a style: the pair is that clip, but for those that are much too short."""
    from kinestyle.learn.data.bandai import motion_files
    from kinestyle.learn.data.corpus import build

    chosen = [
        s
        for s in motion_files(data_dir)
        if s.set_name == "bandai1" and s.content == "walk" and s.split == "train"
    ][:4]
    build(chosen, tmp_path, lambda _: None, processes=1)
    corpus = Corpus.load(tmp_path)
    found = find_pairs(corpus, PairConfig(), lambda _: None).frames
    assert len(found) > 0.7 * len(chosen) * (len({s.style for s in chosen}) - 1)
    for (stem, _), frames in found.items():
        entry = next(e for e in corpus.entries if e.stem == stem)
        pace = np.diff(frames)
        assert len(frames) == entry.frame_count
        assert (pace > -1e-6).all()
        assert pace.max() < 2.5
        assert TRUTH_RATE < 1.0 / (pace.mean() / 30.0 + 1e-9) < 90.0
