"""Names for joints of formats in which several nodes may have the same one."""

from __future__ import annotations

from collections.abc import Sequence


def unique_names(names: Sequence[str], separator: str) -> tuple[tuple[str, ...], list[str]]:
    """The names, with a number behind those that occurred before, and those that got one.

    No name is changed into one that another joint has. Joints without a name get one.
    """
    given = set(names)
    unique: dict[str, None] = {}
    renamed = []
    for i, name in enumerate(names):
        stem, number = name or f"joint{separator}{i}", 2
        new = stem
        while new in unique or (new in given and new != name):
            new, number = f"{stem}{separator}{number}", number + 1
        if new != name:
            renamed.append(name)
        unique[new] = None
    return tuple(unique), renamed
