"""The exceptions Kinestyle raises for its users. Each message says what was found, what was
expected and what to do.
"""

from __future__ import annotations


class KinestyleError(Exception):
    """Anything that a user's input can cause. The message is one sentence fit to be shown as it is."""


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
