"""The last rows of arrays that grow without end."""

from __future__ import annotations

import numpy as np

from kinestyle.motion.rotation import Array


class Track:
    """Arrays with a row for each frame, of which the last `capacity` at least are kept. Rows are
    called by their number since the beginning.

    first, stop: the first row that is kept, and how many there were
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.first = self.stop = 0
        self._arrays: dict[str, Array] = {}

    def put(self, start: int, **rows: Array) -> None:
        """Rows from `start` on, which replace those that were there, and are the last ones then."""
        assert self.first <= start <= self.stop or not self._arrays, (
            f"row {start} is not among or behind those from {self.first} to {self.stop}"
        )
        if not self._arrays:
            self.first = self.stop = start
        count = len(next(iter(rows.values())))
        kept = max(self.first, start + count - self.capacity)
        if start + count - self.first > 2 * self.capacity:
            for name, array in self._arrays.items():
                array[: self.stop - kept] = array[kept - self.first : self.stop - self.first].copy()
                self._arrays[name] = array
            self.first = kept
        for name, values in rows.items():
            if name not in self._arrays:
                shape = (2 * self.capacity, *values.shape[1:])
                self._arrays[name] = np.zeros(shape, values.dtype)
            at = start - self.first
            self._arrays[name][at : at + count] = values
        self.stop = start + count

    def rows(self, name: str, start: int, stop: int) -> Array:
        """(stop - start, ...) a view."""
        assert self.first <= start <= stop <= self.stop, (
            f"rows {start} to {stop} are asked for, {self.first} to {self.stop} are kept"
        )
        return self._arrays[name][start - self.first : stop - self.first]
