"""What a person says of a file before it is read, where the file leaves a choice or is wrong."""

from __future__ import annotations

from typing import NamedTuple, TypedDict

ALL = "all"
"""As an animation: every one of the file, see `kinestyle.formats.every_animation`."""

UP_AXES = ("+X", "+Y", "+Z", "-X", "-Y", "-Z")


class Reading(NamedTuple):
    """How a motion file is to be read. None: as the file says, or as the motion shows it.

    fps: frames a second, for a file that states none or a wrong rate
    animation: the name of one of the file's animations, or its number, from 1; None: the active
        one, else the one that moves most
    up: of `UP_AXES`, the axis that points up
    swap_sides: whether the joints named for the left side are on the right, as in mirrored captures
    level: whether to bring a tilted floor to level for the work, as planted feet show it, however
        little that is; False: the up axis is square to the floor
    character: the number, from 1 on, of one of several skeletons, persons or samples in the file;
        None: the one with most bones, or that moves most, or the first
    """

    fps: float | None = None
    animation: str | None = None
    up: str | None = None
    swap_sides: bool | None = None
    level: bool | None = None
    character: int | None = None

    def as_options(self, prefix: str = "") -> list[str]:
        """The words of the command line that say the same. prefix: "", or "like-" and the like"""
        words: list[str] = []
        for name, value in self.as_dict().items():
            flag = f"{prefix}{name.replace('_', '-')}"
            if isinstance(value, bool):
                words.append(f"--{flag}" if value else f"--no-{flag}")
            else:
                words += [f"--{flag}", value if isinstance(value, str) else f"{value:.10g}"]
        return words

    def as_dict(self) -> dict[str, bool | float | str]:
        """What is said, as JSON."""
        return {name: value for name, value in self._asdict().items() if value is not None}


class ReadingWords(TypedDict, total=False):
    """The fields of `Reading` beside the rate as keywords, for those who check types."""

    animation: str | None
    up: str | None
    swap_sides: bool | None
    level: bool | None
    character: int | None


AS_IT_IS = Reading()
