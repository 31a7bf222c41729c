"""What a person says of a file before it is read, where the file leaves a choice or is wrong."""

from __future__ import annotations

from typing import NamedTuple


class Reading(NamedTuple):
    """How a motion file is to be read.

    fps: frames a second, for a file that states none or a wrong rate; None: as the file says
    animation: the name of one of the file's animations, or its number, from 1; None: the active
        one, else the one that moves most
    """

    fps: float | None = None
    animation: str | None = None

    def as_options(self, prefix: str = "--") -> list[str]:
        """The words of the command line that say the same. prefix: "--", or "--like-" and the
        like
        """
        words = [] if self.fps is None else [f"{prefix}fps", f"{self.fps:.10g}"]
        return words if self.animation is None else [*words, f"{prefix}animation", self.animation]

    def as_dict(self) -> dict[str, float | str]:
        """What is said, as JSON."""
        return {name: value for name, value in self._asdict().items() if value is not None}


AS_IT_IS = Reading()
