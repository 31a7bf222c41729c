"""Kinestyle from Python: what completion offers, how clips are cut and joined, what is said of
results, and of values of the wrong kind.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

import kinestyle
from command_line import run
from kinestyle import (
    Clip,
    KinestyleError,
    KinestyleWarning,
    Settings,
    Stylizer,
    concatenate,
    edit,
    read_motion,
    resample,
    write_motion,
)
from kinestyle.errors import ClipError, StyleError

ANY: Any = None


def test_completion_offers_what_is_meant_for_use() -> None:
    assert {"Stylizer", "read_motion", "write_motion", "concatenate"} <= set(dir(kinestyle))
    assert set(dir(kinestyle)) == {*kinestyle.__all__, "__version__"}
    assert all(getattr(kinestyle, name) is not None for name in dir(kinestyle))
    # also before anything was imported for it
    program = "import kinestyle; assert 'Stylizer' in dir(kinestyle)"
    assert run(program=program).returncode == 0


# ---------------------------------------------------------------- clips


def test_frames_of_a_clip(walk_clip: Clip) -> None:
    assert len(walk_clip) == 151
    part = walk_clip[10:50]
    assert (len(part), part.frame_rate) == (40, walk_clip.frame_rate)
    assert np.array_equal(part.local_rotation, walk_clip.local_rotation[10:50])
    assert np.array_equal(walk_clip[-1].local_position, walk_clip.local_position[150:])
    half = walk_clip[::2]
    assert (len(half), half.frame_time_seconds) == (76, 2 * walk_clip.frame_time_seconds)
    assert half.duration_seconds == pytest.approx(walk_clip.duration_seconds)
    assert len(list(walk_clip[:3])) == 3
    assert len(walk_clip[50:10]) == 0
    assert walk_clip[50:10]  # a clip without frames is one all the same
    with pytest.raises(ClipError, match="asked for backwards"):
        walk_clip[::-1]
    with pytest.raises(IndexError):
        walk_clip[151]


def test_seconds_of_a_clip_are_those_of_from_and_to(walk_clip: Clip) -> None:
    part = walk_clip.seconds(1, 3)
    expected = edit(walk_clip, Settings(start=1.0, stop=3.0))
    assert len(part) == expected.frame_count == 61
    assert np.array_equal(part.local_rotation, expected.window(0, 61).local_rotation)
    assert len(walk_clip.seconds()) == 151
    assert len(walk_clip.seconds(4)) == 31
    assert len(walk_clip.seconds(stop=99)) == 151
    with pytest.raises(ClipError, match="has no frame from 9 s to its end; it lasts 5 s"):
        walk_clip.seconds(9)


@pytest.mark.usefixtures("here")
def test_clips_are_joined_and_written(walk_clip: Clip) -> None:
    joined = concatenate([walk_clip[:60], walk_clip[60:]])
    assert np.array_equal(joined.local_position, walk_clip.local_position)
    write_motion(concatenate([walk_clip[:60], walk_clip[100:]]), "joined.bvh")
    found = read_motion("joined.bvh")
    assert len(found) == 111
    assert np.allclose(found.local_position[60:], walk_clip.local_position[100:], atol=1e-6)
    with pytest.raises(ClipError, match="of different rigs"):
        concatenate([walk_clip, walk_clip.window(0, 9, range(20))])
    with pytest.raises(ClipError, match="30 frames a second and walk 15; bring them to one rate"):
        concatenate([walk_clip, walk_clip[::2]])
    with pytest.raises(ClipError, match="no clip to concatenate"):
        concatenate([])


def test_another_rate(walk_clip: Clip) -> None:
    fast = resample(walk_clip, 60)
    assert (fast.frame_count, round(1 / fast.frame_time_seconds)) == (301, 60)
    frames = fast.window(0, 301)
    assert np.allclose(frames.local_position[::2], walk_clip.local_position, atol=1e-9)
    with pytest.raises(KinestyleError, match="expected"):
        resample(walk_clip, 0)


# ---------------------------------------------------------------- styles and notes


def test_a_mix_as_names_with_their_shares(walk_clip: Clip, tiny: Stylizer) -> None:
    expected = tiny.stylize(walk_clip, ["proud", "one/calm"], weights=[0.7, 0.3])
    found = tiny.stylize(walk_clip, {"proud": 0.7, "one/calm": 0.3})
    assert np.array_equal(found.local_rotation, expected.local_rotation)
    with pytest.raises(StyleError, match="shares are given with the styles"):
        tiny.stylize(walk_clip, {"proud": 1.0}, weights=[1])


def test_notes_reach_the_caller_once(walk_clip: Clip, tiny: Stylizer) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        for _ in range(3):
            result = tiny.stylize(walk_clip[:9], "proud")
    ours = [str(each.message) for each in caught if each.category is KinestyleWarning]
    assert ours == list(result.warnings)
    assert "too short to show a style well" in ours[0]
    assert caught[0].filename == __file__


def test_many_clips_in_many_styles(walk_clip: Clip, tiny: Stylizer, tmp_path: Path) -> None:
    broken = tmp_path / "broken.bvh"
    broken.write_text("HIERARCHY\n")
    styles = ["proud", {"proud": 0.5, "one/calm": 0.5}]
    many = list(tiny.stylize_many([walk_clip, broken, walk_clip[:60]], styles, strength=0.5))
    assert [(one.clip, one.style) for one in many] == [
        (many[i].clip, style) for i in (0, 2, 4) for style in styles
    ]
    for one in (*many[:2], *many[4:]):
        assert one.result is not None
        expected = tiny.stylize(cast(Clip, one.clip), one.style, strength=0.5)
        assert np.array_equal(
            one.result.window(0, one.result.frame_count).local_rotation,
            expected.local_rotation,
        )
        assert one.result.warnings == expected.warnings
    for one in many[2:4]:
        assert one.result is None
        assert "broken.bvh, line 2" in str(one.error)
    with pytest.raises(StyleError, match="no style is called 'furious'"):
        tiny.stylize_many([walk_clip], ["proud", "furious"])


def test_what_is_shown_of_a_value_is_one_line(walk_clip: Clip, tiny: Stylizer) -> None:
    analysis = tiny.analyse(walk_clip)
    shown = [repr(one) for one in (tiny, tiny.styles[0], tiny.style_of("proud"), analysis)]
    shown += [str(tiny.style_of("proud")), repr(tiny.reference_style(walk_clip))]
    assert all("\n" not in text and len(text) < 100 for text in shown), shown


@pytest.mark.parametrize(
    ("name", "near"),
    [("prou", "proud"), ("CALMM", "calm"), ("not tired", "Not-Tired"), ("one/prouD ", None)],
)
def test_a_style_that_is_spelled_nearly_right(tiny: Stylizer, name: str, near: str | None) -> None:
    if near is None:
        assert tiny.style(name).label == "proud"
        return
    with pytest.raises(StyleError, match=f"knows Not-Tired, calm, proud; did you mean {near}"):
        tiny.style(name)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda s, c: read_motion(ANY), "path is None, expected the path of a motion file"),
        (lambda s, c: write_motion(ANY, "a.bvh"), "motion is None, expected a clip"),
        (lambda s, c: write_motion(c, ANY), "path is None, expected the path"),
        (lambda s, c: s.stylize("walk.bvh", "proud"), r"clip is 'walk.bvh', .* read_motion\('walk"),
        (lambda s, c: s.stylize([c], "proud"), "clip is list, expected a clip"),
        (lambda s, c: s.stylize(c, 3), "style is 3, expected the name of a style"),
        (lambda s, c: s.stylize(c, ["proud", 3]), "style is 3, expected the name of a style"),
        (
            lambda s, c: s.stylize(c, "proud", {"strength": 1}),
            "settings is dict, expected Settings",
        ),
        (lambda s, c: s.stylize(c, "proud", strenght=1), "no setting 'strenght'; did you mean str"),
        (lambda s, c: s.stylize(c, "proud", rig=3), "rig is 3, expected a family"),
        (lambda s, c: s.stylize(c, "proud", weights=3), "weights is 3, expected a number for each"),
        (lambda s, c: s.stylize(c, like="a.bvh"), r"a reference is 'a.bvh', .* read_motion"),
        (lambda s, c: s.apply(c, s.style_of("proud")), "analysis is Clip, expected what `analyse`"),
        (lambda s, c: s.apply(s.analyse(c), "proud"), "code is 'proud', expected a style's code"),
        (lambda s, c: s.stylize_many(c, ["proud"]), "clips is Clip, expected several clips"),
        (lambda s, c: s.stylize_many([c], "proud"), "styles is 'proud', expected several styles"),
        (lambda s, c: Stylizer.load(3), "path is 3, expected a .kinestyle file"),
        (lambda s, c: edit(c, 3), "settings is 3, expected Settings"),
        (lambda s, c: c["a"], "a frame of a clip is 'a', expected a whole number, or a slice"),
    ],
)
def test_a_value_of_the_wrong_kind_gets_a_sentence(
    walk_clip: Clip, tiny: Stylizer, call: Callable[[Any, Any], Any], sentence: str
) -> None:
    with pytest.raises(TypeError, match=sentence) as refused:
        call(tiny, walk_clip)
    assert isinstance(refused.value, KinestyleError)
