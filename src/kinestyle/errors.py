"""The exceptions Kinestyle raises for its users. Each message says what was found, what was
expected and what to do.
"""

from __future__ import annotations

import os


class KinestyleError(Exception):
    """Anything that a user's input can cause. The message is one sentence, shown as it is."""


class MotionFileError(KinestyleError):
    """A motion file that cannot be read or written."""


class RigError(KinestyleError):
    """A rig whose joints cannot be matched to the canonical skeleton."""


class ClipError(KinestyleError):
    """A clip that was read but that the requested operation cannot take (too short, not finite,
    ...).
    """


class StyleError(KinestyleError):
    """A style that the loaded bundle does not know, or a request that names none or two."""


class BundleError(KinestyleError):
    """A released model that is missing, damaged or of another version."""


class MissingExtraError(KinestyleError):
    """A library that only some users need and that is not installed."""


class DataError(KinestyleError):
    """Training or evaluation data that is not where or what it should be."""


class WrongTypeError(KinestyleError, TypeError):
    """A value of a kind that a function does not take."""


class KinestyleWarning(UserWarning):
    """What a user is to know of a result; it stands in the result's `warnings` too."""


def wrong_type(name: str, value: object, expected: str) -> WrongTypeError:
    """The error for an argument. expected: what it should be, and how to get that"""
    found = repr(value) if isinstance(value, str | int | float | None) else type(value).__name__
    return WrongTypeError(f"{name} is {shown(found)}, expected {expected}")


def sentence_of(error: BaseException) -> str | None:
    """What to tell a user of an exception, on one line; None for a mistake of ours.

    Beside our own exceptions these are those that the machine raises anywhere: too little memory,
    and files, names and devices that the system refuses.
    """
    if isinstance(error, KinestyleError):
        return one_line(str(error))
    if isinstance(error, MemoryError):
        return "there is not enough memory for this; allow more, or take shorter clips"
    if isinstance(error, OSError):
        found = error.strerror or str(error) or type(error).__name__
        if not isinstance(error.filename, str | bytes):
            return one_line(f"the system refused to read or write: {found}")
        return f"{shown(os.fsdecode(error.filename))} cannot be used: {one_line(found)}"
    if isinstance(error, UnicodeEncodeError):
        return one_line(
            f"{error.object[:80]!r} cannot be written as {error.encoding}; take names of that "
            f"encoding"
        )
    return None


def one_line(text: str) -> str:
    """A text as a line can show it: line breaks as blanks, and a sign for all that is no text or
    would do something to a terminal.
    """
    return "".join(
        c if c.isprintable() else " " if c in "\r\n\t" else "\N{REPLACEMENT CHARACTER}"
        for c in text
    )


def shown(name: str) -> str:
    """A name in a message: on one line, and not longer than that can bear."""
    name = one_line(name)
    return name if len(name) <= 80 else f"{name[:50]}...{name[-20:]}"
