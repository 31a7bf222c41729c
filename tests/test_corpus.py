"""Training data as arrays: written, read again, drawn from."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kinestyle.errors import DataError, MotionFileError
from kinestyle.learn.data.corpus import (
    Corpus,
    CropSampler,
    Source,
    build,
    by_cell,
    group_statistics,
    mirror_label,
)
from kinestyle.retarget.features import LAYOUT, clip_to_features, mirror_features
from made_rigs import walk
from own_clip_files import put


def test_a_sampler_draws_the_same_again_from_the_same_state(corpus: Corpus) -> None:
    def draw(sampler: CropSampler) -> list[Any]:
        draws: list[Any] = []
        for _ in range(20):
            entry = sampler.choose(corpus.entries)
            draws += [
                entry.stem,
                sampler.coin(0.3),
                sampler.crop(entry, mirror=sampler.coin()).tobytes(),
            ]
        return draws

    sampler = CropSampler(corpus, 16, seed=5)
    first = draw(sampler)
    state = json.loads(json.dumps(sampler.state))  # as it lies in a checkpoint
    second = draw(sampler)
    assert first != second
    sampler.state = state
    assert draw(sampler) == second
    other = CropSampler(corpus, 16, seed=6)
    other.state = state
    assert draw(other) == second
    assert draw(CropSampler(corpus, 16, seed=5)) == first


def test_crops_lie_inside_their_clip(corpus: Corpus) -> None:
    entry = corpus.entries[7]
    clip = corpus.features[entry.start : entry.stop]
    sampler = CropSampler(corpus, 16, seed=0)
    starts = set()
    for _ in range(200):
        crop = sampler.crop(entry)
        (start,) = [i for i in range(len(clip) - 15) if np.array_equal(clip[i : i + 16], crop)]
        starts.add(start)
    assert starts == set(range(len(clip) - 15))
    mirrored = CropSampler(corpus, len(clip), seed=0).crop(entry, mirror=True)
    np.testing.assert_array_equal(mirrored, mirror_features(clip))


def test_a_short_clip_is_held_at_its_end(corpus: Corpus) -> None:
    entry = corpus.entries[7]
    crop = CropSampler(corpus, entry.frame_count + 9, seed=0).crop(entry)
    np.testing.assert_array_equal(
        crop[: entry.frame_count], corpus.features[entry.start : entry.stop]
    )
    joints = LAYOUT["joint_rotation"]
    np.testing.assert_array_equal(
        crop[entry.frame_count :, joints], np.tile(crop[entry.frame_count - 1, joints], (9, 1))
    )
    assert not crop[entry.frame_count :, LAYOUT["root_xz_velocity"]].any()


@pytest.mark.parametrize(
    ("content", "mirrored"),
    [
        ("walk", "walk"),
        ("walk-turn-left", "walk-turn-right"),
        ("raise-up-right-hand", "raise-up-left-hand"),
        ("wave-both-hands", "wave-both-hands"),
        ("leftover", "leftover"),
    ],
)
def test_the_label_of_a_mirrored_clip(content: str, mirrored: str) -> None:
    assert mirror_label(content) == mirrored
    assert mirror_label(mirrored) == content


def test_cells_hold_each_clip_once(corpus: Corpus) -> None:
    cells = by_cell(corpus.entries)
    assert set(cells) == {entry.style for entry in corpus.entries}
    assert sorted(
        e.stem for contents in cells.values() for cell in contents for e in cell
    ) == sorted(e.stem for e in corpus.entries)
    for style, contents in cells.items():
        assert len(contents) == 2
        for cell in contents:
            assert {(e.style, e.content) for e in cell} == {(style, cell[0].content)}


def test_deviations_are_one_a_group_and_contacts_are_left_alone() -> None:
    random = np.random.default_rng(0)
    features = random.normal(2.0, 1.0, (4000, LAYOUT.size)).astype(np.float32)
    features[:, LAYOUT["joint_position"]] *= 3.0
    mean, deviation = group_statistics(features)
    assert mean.dtype == deviation.dtype == np.float32
    for group, _ in LAYOUT.sizes:
        assert len(np.unique(deviation[LAYOUT[group]])) == 1
    np.testing.assert_allclose(deviation[LAYOUT["joint_position"]], 3.0, rtol=0.02)
    np.testing.assert_allclose(mean[LAYOUT["joint_position"]], 6.0, rtol=0.1)
    np.testing.assert_array_equal(mean[LAYOUT["foot_contact"]], 0.0)
    np.testing.assert_array_equal(deviation[LAYOUT["foot_contact"]], 1.0)


def test_a_corpus_is_loaded_as_it_was_saved(corpus: Corpus, tmp_path: Path) -> None:
    corpus.save(tmp_path / "corpus")
    loaded = Corpus.load(tmp_path / "corpus")
    np.testing.assert_array_equal(loaded.features, corpus.features)
    assert loaded.entries == corpus.entries
    with pytest.raises(DataError, match="holds no prepared corpus"):
        Corpus.load(tmp_path)


def rewrite(path: Path, **changes: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (
            lambda folder: rewrite(folder / "corpus.json", layout=[["root_height", 1]]),
            "has another feature layout than this version",
        ),
        (
            lambda folder: rewrite(folder / "corpus.json", features_sha256="0"),
            r"corpus.json is damaged or of another version \(its hash is not that of its content\)",
        ),
        (lambda folder: (folder / "corpus.json").write_bytes(b""), "corpus.json is damaged"),
        (lambda folder: (folder / "corpus.json").write_bytes(b"[1]"), "corpus.json is damaged"),
        (lambda folder: (folder / "corpus.json").write_bytes(b"\xff{}"), "corpus.json is damaged"),
        (lambda folder: truncate(folder / "corpus.json"), "corpus.json is damaged"),
        (lambda folder: (folder / "features.npy").write_bytes(b""), "features.npy is damaged"),
        (lambda folder: (folder / "features.npy").write_bytes(b"junk"), "features.npy is damaged"),
        (lambda folder: truncate(folder / "features.npy"), "features.npy is damaged"),
        (lambda folder: (folder / "features.npy").unlink(), "features.npy is damaged"),
        (
            lambda folder: np.save(folder / "features.npy", np.zeros((7, 260), np.float32)),
            r"features.npy .*float32 \(7, 260\), expected float32 \(\d+, 260\)",
        ),
    ],
)
def test_a_damaged_corpus_is_refused(
    corpus: Corpus, tmp_path: Path, damage: Callable[[Path], object], sentence: str
) -> None:
    corpus.save(tmp_path / "corpus")
    damage(tmp_path / "corpus")
    with pytest.raises(DataError, match=sentence) as refused:
        Corpus.load(tmp_path / "corpus")
    assert "the same command prepares it again" in str(refused.value)


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def test_the_hash_covers_features_labels_and_splits(corpus: Corpus, tmp_path: Path) -> None:
    first = corpus.entries[0]
    variants = [
        corpus,
        replace(corpus, features=corpus.features + np.float32(1e-3)),
        *(
            replace(corpus, entries=(replace(first, **{name: "test"}), *corpus.entries[1:]))
            for name in ("split", "style", "content", "set_name", "stem")
        ),
    ]
    hashes = []
    for variant in variants:
        variant.save(tmp_path)
        hashes.append(Corpus.load(tmp_path).sha256)
    corpus.save(tmp_path)
    assert len(set(hashes)) == len(variants)
    assert Corpus.load(tmp_path).sha256 == hashes[0]


def test_a_corpus_that_is_open_survives_being_written_again(corpus: Corpus, tmp_path: Path) -> None:
    corpus.save(tmp_path)
    opened = Corpus.load(tmp_path)
    replace(corpus, features=corpus.features[:8], entries=corpus.entries[:0]).save(tmp_path)
    np.testing.assert_array_equal(opened.features, corpus.features)


def test_a_full_disk_is_one_sentence(corpus: Corpus, tmp_path: Path) -> None:
    """The system refuses what is written beyond a limit, as it does on a full disk."""
    resource = pytest.importorskip("resource")
    corpus.save(tmp_path)
    before = Corpus.load(tmp_path)
    larger = replace(corpus, features=np.concatenate([corpus.features] * 3))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (corpus.features.nbytes * 2, limits[1]))
    try:
        with pytest.raises(
            MotionFileError, match=r"features.npy cannot be written: File too large"
        ):
            larger.save(tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert {path.name for path in tmp_path.iterdir()} == {"corpus.json", "features.npy"}
    assert Corpus.load(tmp_path).sha256 == before.sha256


def test_selecting_of_a_corpus(corpus: Corpus) -> None:
    assert len(corpus.select("train")) == 16
    assert {entry.set_name for entry in corpus.select("validation", set_name="bandai2")} == {
        "bandai2"
    }
    assert corpus.select(labelled=False) == ()


def silent(_: str) -> None: ...


def test_files_that_cannot_be_used_are_named_and_left_out(tmp_path: Path) -> None:
    sources = [
        Source(tmp_path / f"{name}.bvh", name, "bandai1", "bandai1/old", "walk", "train")
        for name in ("broken", "good", "short")
    ]
    put(tmp_path, "good.bvh")
    put(tmp_path, "short.bvh", 0.2)
    (tmp_path / "broken.bvh").write_text("no motion")
    refused = build(sources, tmp_path / "corpus", silent, processes=1)
    built = Corpus.load(tmp_path / "corpus")
    assert [(entry.stem, entry.start, entry.stop) for entry in built.entries] == [("good", 0, 31)]
    np.testing.assert_allclose(built.features, clip_to_features(walk(1.0).clip), atol=1e-4)
    assert set(refused) == {"broken", "short"}
    assert "broken.bvh" in refused["broken"]
    assert (
        refused["short"]
        == "short.bvh has 7 frames at 30 frames/s, fewer than the 16 that training takes"
    )
    with pytest.raises(
        DataError, match=r"none of 1 files could be used; the first reason: broken.bvh"
    ):
        build(sources[:1], tmp_path / "other", silent, processes=1)
