"""Which of a file's animations is read, for formats whose files hold several."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from kinestyle.errors import MotionFileError
from kinestyle.formats.text_files import quoted
from kinestyle.formats.unique_names import unique_names
from kinestyle.motion import rotation
from kinestyle.motion.clip import Animation, Clip, is_moving
from kinestyle.motion.rotation import Array

_LISTED = 8
_CLEARLY = 1.5
"""How much more an animation must move than the others, so that no style changes which moves
most."""


def find_animation(names: Sequence[str], wanted: str, file: str) -> int:
    """The index of the animation that is asked for: by its whole name, else by its number, from 1,
    else by a name that is written otherwise or is the last part of the whole one, as in
    "Armature|Walk". Raises MotionFileError.
    """
    if wanted in names:
        return list(names).index(wanted)
    if wanted.isdecimal() and 1 <= int(wanted) <= len(names):
        return int(wanted) - 1
    plain = [name.casefold() for name in names]
    same: list[Callable[[str], bool]] = [
        lambda name: name == wanted.casefold(),
        lambda name: wanted.casefold() in name.split("|"),
    ]
    for is_it in same:
        found = [i for i, name in enumerate(plain) if is_it(name)]
        if len(found) == 1:
            return found[0]
    if not names:
        raise MotionFileError(
            f"{file} holds no animation, expected one that is called {wanted!r}; leave the name "
            f"out to read its pose"
        )
    raise MotionFileError(f"{file} holds no animation {wanted!r}, expected one of {_listed(names)}")


def default_animation(moves: Sequence[float], active: int | None = None) -> int:
    """The index of the animation to read where none is named: the active one, else the one that
    moves most; never one in which nothing moves while there is another.

    moves: of each, the amount of its movement, see `movement`; active: what the file says
    """
    if active is not None and (moves[active] > 0 or not any(moves)):
        return active
    return int(np.argmax(moves))


def is_surely_default(moves: Sequence[float], read: int, active: int | None = None) -> bool:
    """Whether an animation is still the default one after a change of style."""
    if len(moves) < 2 or read == active:
        return True
    others = max(amount for i, amount in enumerate(moves) if i != read)
    return active is None and moves[read] > _CLEARLY * others


def movement(local_position: Array, local_rotation: Array) -> float:
    """local_position: (T, J, 3), local_rotation: (T, J, 4) unit quaternions -> how much moves: the
    radians that all joints turn, one after the other; 0 where nothing moves.
    """
    if not is_moving(local_position, local_rotation):
        return 0.0
    turned = rotation.angle(
        rotation.multiply(rotation.inverse(local_rotation[:-1]), local_rotation[1:])
    )
    # what only travels moves as well
    return float(turned.sum()) + 1e-9


def only_animation(clip: Clip, name: str, read: str) -> Clip:
    """The clip of a file with a single animation, called `name`. read: the same, or "" for a clip
    of the pose
    """
    moves = bool(read) and not clip.is_still
    return clip.with_animations((Animation(name, clip.duration_seconds, moves),), read)


def animation_names(stated: Sequence[str]) -> tuple[str, ...]:
    """A name for each animation, no two alike, from what a file calls them, which may be ""."""
    return unique_names(
        [name.strip() or f"animation {i + 1}" for i, name in enumerate(stated)], " "
    )[0]


def choice_note(file: str, animations: Sequence[Animation], read: int, why: str) -> str:
    """A sentence that says which of several animations was read and what the others are. why: the
    reason, as a clause
    """
    others = [animation.name for i, animation in enumerate(animations) if i != read]
    return (
        f"{file} holds {len(animations)} animations; {quoted(animations[read].name)}, {why}, was "
        f"read; name another as animation: {_listed(others)}"
    )


def why_default(moves: Sequence[float], read: int, active: int | None) -> str:
    """Why an animation is the one that `default_animation` takes, as a clause."""
    if not any(moves):
        return "in which nothing moves, as in all of them"
    return "the active one" if read == active else "the one that moves most"


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return ", ".join(map(quoted, names[:_LISTED])) + more
