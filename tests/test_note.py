"""Notes: whole sentences with a short form, a kind, moments and figures."""

from __future__ import annotations

import copy
import json
import pickle
from dataclasses import replace

import numpy as np
import pytest

from kinestyle.motion.clip import Clip
from kinestyle.note import MOST_WORDS, Note, as_dict, reworded
from kinestyle.runtime.out_of_domain import DomainScore
from kinestyle.runtime.settings import Settings
from made_rigs import as_rig, misnamed, walk

NOTE = Note("a.bvh, a dance, is unfamiliar", "domain", "Unfamiliar", [(0.5, 1.0)], kept=0.68)


@pytest.mark.parametrize(
    "again", [copy.copy, copy.deepcopy, lambda n: pickle.loads(pickle.dumps(n))]
)
def test_a_note_stays_one(again):
    note = again(NOTE)
    assert note == "a.bvh, a dance, is unfamiliar"
    assert as_dict(note) == as_dict(NOTE)


def test_a_note_in_json():
    assert json.loads(json.dumps(as_dict(NOTE))) == {
        "sentence": "a.bvh, a dance, is unfamiliar",
        "kind": "domain",
        "short": "Unfamiliar",
        "spans_seconds": [[0.5, 1.0]],
        "figures": {"kept": 0.68},
    }
    assert as_dict("a sentence")["kind"] is None


def test_other_words_keep_the_rest():
    other = reworded(NOTE, lambda text: text.replace("a.bvh", "mine.bvh"))
    assert other.startswith("mine.bvh")
    assert as_dict(other)["spans_seconds"] == [[0.5, 1.0]]
    assert reworded("plain", str.upper) == "PLAIN"


def test_a_long_short_form_is_cut():
    short = Note("s", "k", " ".join("word" for _ in range(40))).short
    assert len(short.split()) == MOST_WORDS
    assert short.endswith("…")


def test_a_faded_style_says_how_much_is_kept_and_when():
    error = np.full(120, 1.0)
    error[30:60] = 40.0
    score = DomainScore("dance", error, 1.0, begins_seconds=1.0)
    (note,) = score.notes(Settings())
    assert isinstance(note, Note)
    assert note.kind == "out-of-domain"
    share = score.share_under(Settings())
    assert note.short == f"The motion is unfamiliar: {100 * share.mean():.0f} % of the style kept"
    ((start, stop),) = note.spans
    assert 1.0 <= start < 2.0 < 3.0 < stop < 5.0
    assert note.figures["kept_share"] == pytest.approx(share.mean(), abs=1e-3)


def test_doubts_about_joints_have_a_short_form():
    from kinestyle.rig.mapping import map_joints

    clip: Clip = as_rig(walk(seconds=2.0).clip)
    odd, _ = misnamed(clip)
    notes = map_joints(replace(odd, name="odd")).warnings
    assert notes
    for note in notes:
        assert isinstance(note, Note)
        assert len(note.short.split()) <= MOST_WORDS
