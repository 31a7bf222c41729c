"""A corpus packed into a small file, and unpacked where there are no motion files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from kinestyle.errors import DataError
from kinestyle.learn.data.corpus import Corpus, Table
from kinestyle.learn.data.packed import pack, unpack
from kinestyle.retarget.features import LAYOUT

POSITION = LAYOUT["joint_position"]


@pytest.fixture
def packed(corpus: Corpus, tmp_path: Path) -> Path:
    corpus.save(tmp_path / "corpus")
    pack(tmp_path / "corpus", tmp_path / "packed")
    return tmp_path / "packed"


def test_it_is_the_same_motion_to_a_tenth_of_a_millimetre(
    corpus: Corpus, packed: Path, tmp_path: Path
) -> None:
    found = unpack(packed, tmp_path / "there")
    assert found.entries == corpus.entries
    assert np.abs(found.features - corpus.features)[:, POSITION].max() < 2e-4
    assert np.abs(found.features - corpus.features).max() < 2e-3
    contact = LAYOUT["foot_contact"]
    np.testing.assert_array_equal(found.features[:, contact], corpus.features[:, contact])


def test_it_is_a_fraction_of_the_size(corpus: Corpus, packed: Path) -> None:
    assert packed.stat().st_size < corpus.features.nbytes / 8


def test_it_is_another_corpus_and_the_same_wherever_it_is_unpacked(
    corpus: Corpus, packed: Path, tmp_path: Path
) -> None:
    first, second = (unpack(packed, tmp_path / name) for name in "ab")
    assert first.sha256 == second.sha256
    before = Table.read(tmp_path / "corpus")
    after = Table.read(tmp_path / "a")
    assert before is not None
    assert after is not None
    assert after.sha256 != before.sha256
    assert (after.made_from, after.own) == (before.made_from, before.own)


def test_what_is_no_packed_corpus_is_refused(packed: Path, tmp_path: Path) -> None:
    content = packed.read_bytes()
    for broken in (b"", b"words", content[:-100], content[: len(content) // 2]):
        packed.write_bytes(broken)
        with pytest.raises(DataError, match="packed is no packed corpus, or a damaged one"):
            unpack(packed, tmp_path / "there")
    assert not (tmp_path / "there").exists()
