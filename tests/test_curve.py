"""Numbers over time: keys as text, files and arrays, and what is between them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kinestyle.errors import StyleError
from kinestyle.runtime.curve import Curve, values_at
from kinestyle.runtime.settings import Settings

KEYS = "0:0,1.5:1,4:.3"


def test_keys_are_met_and_held_beyond_the_ends() -> None:
    curve = Curve.parse(KEYS)
    frame = np.array([0.0, 45.0, 120.0, 500.0])
    np.testing.assert_array_equal(curve.at(frame, 1 / 30)[:, 0], [0.0, 1.0, 0.3, 0.3])
    assert Curve.parse(str(curve)) == curve
    assert hash(Curve.parse(str(curve))) == hash(curve)


def test_frames_are_seconds_times_the_rate() -> None:
    frame = np.linspace(0.0, 130.0, 131)
    in_seconds, in_frames = Curve.parse(KEYS), Curve.parse("0f:0,45f:1,120f:.3")
    np.testing.assert_allclose(in_seconds.at(frame, 1 / 30), in_frames.at(frame, 1 / 30), atol=1e-9)
    assert str(in_frames) == "0f:0,45f:1,120f:0.3"


@pytest.mark.parametrize("seed", range(5))
def test_between_keys_nothing_overshoots_or_jumps(seed: int) -> None:
    random = np.random.default_rng(seed)
    times = np.cumsum(random.uniform(5.0, 40.0, 7))
    values = random.choice([0.0, 0.3, 1.0, 1.5], 7)
    curve = Curve(times, values[:, None], in_frames=True)
    at = np.linspace(0.0, times[-1] + 10.0, 20001)
    found = curve.at(at, 1.0)[:, 0]
    k = np.clip(np.searchsorted(times, at, side="right") - 1, 0, 5)
    assert (found >= np.minimum(values[k], values[k + 1])).all()
    assert (found <= np.maximum(values[k], values[k + 1])).all()
    step = at[1] - at[0]
    slope = np.diff(found) / step
    # the slope is continuous: what it changes by shrinks with the step
    assert np.abs(np.diff(slope)).max() < 20.0 * step
    flat = (values[k] == values[k + 1]) & (at >= times[0])
    np.testing.assert_array_equal(found[flat], values[k][flat])


def test_what_python_has_becomes_a_curve(tmp_path: Path) -> None:
    curve = Curve.parse(KEYS)
    assert Curve.of([(0, 0), (1.5, 1), (4, 0.3)]) == curve
    assert Curve.of(np.array([[0, 0], [1.5, 1], [4, 0.3]])) == curve
    per_frame = Curve.of(np.array([0.0, 0.5, 1.0]))
    assert per_frame == Curve.parse("0f:0,1f:.5,2f:1")
    path = tmp_path / "strength.csv"
    for text, expected in (
        ("seconds,strength\n0,0\n1.5,1\n4,.3\n", curve),
        ("0,0\n1.5,1\n\n4,0.3", curve),
        ("Frame,Value\n0,0\n1,.5\n2,1\n", per_frame),
        ("0\n.5\n1\n", per_frame),
    ):
        path.write_text(text)
        assert Curve.of(path) == expected


def test_settings_take_each_form() -> None:
    curve = Curve.parse(KEYS)
    assert Settings(strength=KEYS).strength == curve
    assert Settings(strength=[(0, 0), (1.5, 1), (4, 0.3)]).strength == curve
    assert Settings(strength="0:.5,2:.5") == Settings(strength=0.5)
    assert Settings(strength=np.full(30, 0.5)) == Settings(strength=0.5)
    assert Settings(strength=curve).as_options() == ["--strength", "0:0,1.5:1,4:0.3"]
    assert Settings(**Settings(strength=curve).as_dict()) == Settings(strength=curve)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ("0:0,x:1", "'x:1' in '0:0,x:1' is no key, expected TIME:VALUE"),
        ("0:0,1:1:1", "is no key"),
        ("0:0,1f:1", "in seconds and in frames"),
        ("1:0,0:1", "not in the order of their times"),
        ("0:0,0:1", "not in the order of their times"),
        ("-1:0,0:1", "at no time of a clip"),
        ("0:0,1:nan", "not a finite number"),
        ("0:0,1:-1", "strength is -1.0, expected a number from 0"),
        ([], "a curve has 0 times"),
        ([(0, 0, 0)], "is no curve, expected pairs"),
        (Path("no_such.csv"), "the curve no_such.csv cannot be read"),
    ],
)
def test_what_is_no_curve_is_refused(wrong: Any, sentence: str) -> None:
    with pytest.raises(StyleError, match=re.escape(sentence)):
        Settings(strength=wrong)


def test_a_function_of_seconds_is_asked_at_each_frame() -> None:
    at = np.arange(61.0)
    found = values_at(lambda second: second / 2.0, at, 1 / 30, 0.0, 1.0)
    np.testing.assert_allclose(found, at / 60.0)
    assert values_at(lambda _: 0.5, at, 1 / 30, 0.0, 1.0) == 0.5
    with pytest.raises(StyleError, match=r"the function of strength gives 1.5, expected a number"):
        values_at(lambda _: 1.5, at, 1 / 30, 0.0, 1.0)
    with pytest.raises(StyleError, match="the function of strength fails"):
        values_at(lambda _: "much", at, 1 / 30, 0.0, 1.0)  # type: ignore[arg-type, return-value]
    with pytest.raises(StyleError, match="no command line"):
        Settings(strength=lambda second: second).as_options()
