"""Numbers over time: keys, between which values change smoothly, and held before the first one and
after the last.

Like `kinestyle.runtime.settings`, this module loads numpy only where numbers are computed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kinestyle.errors import StyleError

if TYPE_CHECKING:
    import numpy as np

    from kinestyle.motion.rotation import Array

_ONE = "TIME:VALUE with commas between them, such as 0:0,1.5:1,4:.3 (seconds) or 0f:0,45f:1"
_SEVERAL = "TIME:W1,W2 with semicolons between them, such as 0:1,0;4:0,1 (seconds)"

_FRAMES = "f"


class Curve:
    """K numbers at each moment of a clip.

    times: (N,) ascending, in seconds from the clip's first frame, or in frames from 0
    values: N tuples of K numbers
    in_frames: whether times are frames

    Raises StyleError.
    """

    __slots__ = ("in_frames", "times", "values")

    def __init__(
        self,
        times: Iterable[float],
        values: Iterable[Sequence[float]],
        in_frames: bool = False,
    ) -> None:
        self.times = tuple(float(time) for time in times)
        self.values = tuple(tuple(float(number) for number in each) for each in values)
        self.in_frames = in_frames
        if not self.times or len(self.times) != len(self.values):
            raise StyleError(
                f"a curve has {len(self.times)} times and {len(self.values)} values, expected one "
                f"value for each time, and at least one"
            )
        if len({len(each) for each in self.values}) > 1:
            raise StyleError("the keys of a curve have different numbers of values, expected one")
        if not all(isfinite(time) and time >= 0.0 for time in self.times):
            raise StyleError(f"a key of the curve {self} is at no time of a clip, from 0 on")
        if any(later <= earlier for earlier, later in pairwise(self.times)):
            raise StyleError(f"the keys of the curve {self} are not in the order of their times")
        if not all(isfinite(number) for each in self.values for number in each):
            raise StyleError(f"a value of the curve {self} is not a finite number")

    @classmethod
    def parse(cls, text: str, width: int = 1) -> Curve:
        """Keys as `str` writes them. width: the numbers of a key, after its colon; where they are
        several, ";" stands between keys. Raises StyleError.
        """
        times, values, units = [], [], set()
        for key in text.split("," if width == 1 else ";"):
            time, colon, numbers = key.strip().partition(":")
            units.add(time.endswith(_FRAMES))
            try:
                times.append(float(time.removesuffix(_FRAMES)))
                values.append([float(number) for number in numbers.split(",")])
            except ValueError:
                colon = ""
            if not colon or len(values[-1]) != width:
                expected = _ONE if width == 1 else f"{width} numbers at each time, as {_SEVERAL}"
                raise StyleError(f"{key.strip()!r} in {text!r} is no key, expected {expected}")
        if len(units) > 1:
            raise StyleError(f"the keys of {text!r} are in seconds and in frames; take one of them")
        return cls(times, values, units.pop())

    @classmethod
    def read(cls, path: Path | str) -> Curve:
        """The curve in a CSV file: rows of a time and a value, or of a value for each frame. A
        header may call the first column "frame". Raises StyleError.
        """
        import csv

        try:
            rows = list(csv.reader(Path(path).read_text(encoding="utf-8-sig").splitlines()))
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise StyleError(
                f"the curve {path} cannot be read ({error}); give a CSV file"
            ) from None
        rows = [[cell.strip() for cell in row] for row in rows if any(row)]
        in_frames = False
        if rows and not _is_number(rows[0][0].removesuffix(_FRAMES)):
            in_frames = rows.pop(0)[0].lower().startswith("frame")
        if rows and all(len(row) == 1 for row in rows):
            rows = [[f"{frame}{_FRAMES}", *row] for frame, row in enumerate(rows)]
        if not rows or any(len(row) != 2 for row in rows):
            raise StyleError(
                f"the curve {path} has other rows than TIME,VALUE or one VALUE for each frame; "
                f"write one key in each row"
            )
        unit = _FRAMES if in_frames else ""
        keys = (f"{time.removesuffix(unit)}{unit}:{value}" for time, value in rows)
        return cls.parse(",".join(keys))

    @classmethod
    def of(cls, value: Any) -> Curve:
        """A curve of one number, from what Python has: keys as text, a `Path` of a CSV file, pairs
        (seconds, value), or a value for each frame. Raises StyleError.
        """
        if isinstance(value, Curve):
            return value
        if isinstance(value, str):
            return cls.parse(value)
        if isinstance(value, Path):
            return cls.read(value)
        try:
            rows: list[Any] = [tuple(row) if hasattr(row, "__len__") else row for row in value]
            if all(isinstance(row, tuple) and len(row) == 2 for row in rows):
                return cls([time for time, _ in rows], [[number] for _, number in rows])
            return cls(range(len(rows)), [[float(number)] for number in rows], in_frames=True)
        except (TypeError, ValueError):
            raise StyleError(
                f"{value!r} is no curve, expected pairs (seconds, value) or a value for each frame"
            ) from None

    @property
    def constant(self) -> tuple[float, ...] | None:
        """(K,) what it is at all times; None where it changes."""
        return self.values[0] if len(set(self.values)) == 1 else None

    def keys_at(self, frame_time_seconds: float) -> Array:
        """(N,) the frames, in fractions, at which its keys are."""
        import numpy as np

        times = np.array(self.times)
        return times if self.in_frames else times / frame_time_seconds

    def at(self, frame: Array, frame_time_seconds: float) -> Array:
        """frame: (T,) frame numbers of a clip, in fractions -> (T, K).

        Between keys a cubic, as smooth at them as everywhere; a value is never outside of those of
        the keys around it, and stays where both are equal (Fritsch and Carlson 1980).
        """
        import numpy as np

        keys, values = self.keys_at(frame_time_seconds), np.array(self.values)
        frame = np.clip(frame, keys[0], keys[-1])
        if len(keys) == 1:
            return np.repeat(values, len(frame), axis=0)
        slope = _slopes(keys, values)
        at = np.searchsorted(keys, frame, side="right") - 1
        k = np.minimum(at, len(keys) - 2)
        length = (keys[k + 1] - keys[k])[:, None]
        u = (frame - keys[k])[:, None] / length
        step = values[k + 1] - values[k]
        whole = values[k] + step * u * u * (3.0 - 2.0 * u)
        bend = length * u * (1.0 - u) * ((1.0 - u) * slope[k] - u * slope[k + 1])
        low, high = np.minimum(values[k], values[k + 1]), np.maximum(values[k], values[k + 1])
        # at the last key a sum of rounded numbers is not its value
        last = (at == len(keys) - 1)[:, None]
        return np.asarray(np.where(last, values[-1], np.clip(whole + bend, low, high)))

    def __str__(self) -> str:
        unit, between = _FRAMES if self.in_frames else "", "," if len(self.values[0]) == 1 else ";"
        return between.join(
            f"{time:.10g}{unit}:{','.join(f'{number:.10g}' for number in each)}"
            for time, each in zip(self.times, self.values, strict=False)
        )

    def __repr__(self) -> str:
        return f"Curve({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Curve) and self._all == other._all

    def __hash__(self) -> int:
        return hash(self._all)

    @property
    def _all(self) -> tuple[object, ...]:
        return self.times, self.values, self.in_frames


OverTime = float | Curve | Callable[[float], float]
"""A number, one that changes, or a function of seconds."""


def values_at(
    number: OverTime, frame: Array, frame_time_seconds: float, least: float, most: float
) -> float | Array:
    """frame: (T,) frame numbers of a clip, in fractions -> (T,) a number at each of them, or the
    one that it always is.

    least, most: bounds, both allowed, of what a function may give. Raises StyleError.
    """
    if isinstance(number, Curve):
        values = number.at(frame, frame_time_seconds)[:, 0]
    elif callable(number):
        values = _called(number, frame * frame_time_seconds)
        wrong = ~((values >= least) & (values <= most))
        if wrong.any():
            raise StyleError(
                f"the function of strength gives {values[wrong][0]}, expected a number from "
                f"{least:.10g} to {most:.10g}"
            )
    else:
        return number
    return float(values[0]) if len(values) and (values == values[0]).all() else values


def _called(function: Callable[[float], float], seconds: Array) -> Array:
    import numpy as np

    try:
        return np.array([float(function(float(second))) for second in seconds])
    except (TypeError, ValueError) as error:
        raise StyleError(
            f"the function of strength fails ({error}), expected a number for a time in seconds"
        ) from None


def _slopes(keys: Array, values: np.ndarray) -> Array:
    """keys: (N,), values: (N, K) -> (N, K) slopes at the keys, with which the cubics between them
    are monotone; level at both ends, where values are held.
    """
    import numpy as np

    length = np.diff(keys)[:, None]
    secant = np.diff(values, axis=0) / length
    slope = np.zeros_like(values)
    before, after = secant[:-1], secant[1:]
    first, second = 2.0 * length[1:] + length[:-1], length[1:] + 2.0 * length[:-1]
    same = before * after > 0.0
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = (first + second) / (first / before + second / after)
    slope[1:-1] = np.where(same, mean, 0.0)
    return slope


def _is_number(text: str) -> bool:
    try:
        return isfinite(float(text))
    except ValueError:
        return False
