"""Which of several characters in one file is read: skeletons, persons, samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from kinestyle.errors import MotionFileError
from kinestyle.formats.text_files import quoted
from kinestyle.motion.clip import Clip

_LISTED = 8
"""Names that a message has at most."""


def choose_character(
    names: Sequence[str], wanted: int | None, usual: int, file: str
) -> tuple[int, list[str]]:
    """The index of the one to read, and what there is to say of the others.

    names: of all in the file; wanted: a number from 1 on, None for the `usual` index; file: what
    messages call it. Raises MotionFileError for a number that none has.
    """
    count = len(names)
    if wanted is not None and not 1 <= wanted <= count:
        raise MotionFileError(
            f"{file} holds {count} character{'s' * (count > 1)} ({_listed(names)}), found "
            f"{wanted} as the one to read; ask for one from 1 to {count}"
        )
    index = usual if wanted is None else wanted - 1
    if count == 1 or wanted is not None:
        return index, []
    return index, [
        f"{file} holds {count} characters ({_listed(names)}); number {index + 1} was read, "
        f"--character reads another, and the others stay as they are"
    ]


def with_characters(clip: Clip, names: Sequence[str], index: int) -> Clip:
    """The clip with the characters of its file, where there are several."""
    return replace(clip, characters=tuple(names), character=index + 1) if len(names) > 1 else clip


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return ", ".join(map(quoted, names[:_LISTED])) + more
