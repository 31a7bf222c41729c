"""Batches that are cut on a device are those that are cut on the host."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from kinestyle.learn.data.corpus import Corpus, Crop, CropSampler, Entry  # noqa: E402
from kinestyle.learn.data.device_corpus import CLIPS_AT_ONCE, DeviceCorpus  # noqa: E402
from kinestyle.retarget.features import LAYOUT, mirror_features  # noqa: E402

LENGTHS = (40, 17, 8, 40, 3, 41)


@pytest.fixture
def corpus() -> Corpus:
    rows = np.random.default_rng(0).standard_normal((sum(LENGTHS), LAYOUT.size))
    starts = np.cumsum((0, *LENGTHS[:-1])).tolist()
    entries = tuple(
        Entry(f"clip_{i}", "one", "one/a", "walk", "train", start, start + length)
        for i, (start, length) in enumerate(zip(starts, LENGTHS, strict=True))
    )
    return Corpus(rows.astype(np.float32), entries)


def test_crops_are_those_of_the_host_to_the_last_bit(corpus: Corpus) -> None:
    """Longer and shorter than the clip, in a mirror and not."""
    sampler = CropSampler(corpus, 20, 0)
    crops = [
        sampler.choose_crop(entry, mirror) for entry in corpus.entries for mirror in (False, True)
    ]
    found = DeviceCorpus(corpus).cut(crops, 20).numpy()
    expected = np.stack([sampler.cut(crop) for crop in crops])
    assert found.tobytes() == expected.tobytes()
    plain = [Crop(crop.start, crop.stop, False) for crop in crops]
    np.testing.assert_array_equal(
        DeviceCorpus(corpus).cut(plain, 20).numpy(), np.stack([sampler.cut(c) for c in plain])
    )


def test_only_those_are_mirrored_that_are_to_be(corpus: Corpus) -> None:
    rows = torch.from_numpy(corpus.features[:24].reshape(3, 8, -1))
    found = DeviceCorpus(corpus).mirrored(rows, [False, True, False]).numpy()
    np.testing.assert_array_equal(found[[0, 2]], rows[[0, 2]])
    np.testing.assert_array_equal(found[1], mirror_features(rows[1].numpy()))


@pytest.mark.parametrize("multiple", [1, 8])
def test_whole_clips_come_once_each_with_nothing_added(corpus: Corpus, multiple: int) -> None:
    seen = {}
    for at, clips in DeviceCorpus(corpus).clips(corpus.entries, multiple):
        seen |= dict(zip(at, clips.numpy(), strict=True))
    lengths = {i: n // multiple * multiple for i, n in enumerate(LENGTHS) if n >= multiple}
    assert {i: len(clip) for i, clip in seen.items()} == lengths
    for i, clip in seen.items():
        start = corpus.entries[i].start
        np.testing.assert_array_equal(clip, corpus.features[start : start + len(clip)])


def test_clips_of_one_length_come_together_but_not_too_many(corpus: Corpus) -> None:
    entries = corpus.entries[:1] * (CLIPS_AT_ONCE + 3)
    counts = [len(at) for at, _ in DeviceCorpus(corpus).clips(entries, 1)]
    assert counts == [CLIPS_AT_ONCE, 3]


def test_what_is_moved_comes_back_as_it_was(corpus: Corpus) -> None:
    features = DeviceCorpus(corpus)
    before = features.cut([Crop(3, 9, True)], 8)
    features.to(torch.device("meta"))
    assert features.cut([Crop(3, 9, True)], 8).device.type == "meta"
    assert features.between(np.array([[0.5, np.nan]])).device.type == "meta"
    features.to(torch.device("cpu"))
    assert torch.equal(features.cut([Crop(3, 9, True)], 8), before)


def test_a_corpus_from_a_file_is_never_written_to(corpus: Corpus, tmp_path) -> None:
    corpus.save(tmp_path)
    before = (tmp_path / "features.npy").read_bytes()
    opened = DeviceCorpus(Corpus.load(tmp_path))
    opened.features[0, 0] = 77.0
    assert (tmp_path / "features.npy").read_bytes() == before
