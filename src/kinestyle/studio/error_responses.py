"""The errors that the studio adds, their HTTP statuses in one table, and the body that they all
have.
"""

from __future__ import annotations

import json
import re

from kinestyle import errors
from kinestyle.errors import KinestyleError


class RequestError(KinestyleError):
    """A request that cannot be understood."""


class TokenError(KinestyleError):
    """A request without the token that the server asks for."""


class GuessError(KinestyleError):
    """A request from where many wrong tokens came."""

    def __init__(self, message: str, wait_seconds: int = 1):
        super().__init__(message)
        self.wait_seconds = wait_seconds


class OriginError(KinestyleError):
    """A request that another site's page made a browser send."""


class UnknownError(KinestyleError):
    """A clip, job, style or address that is not, or no longer, there."""


class SlowClientError(KinestyleError):
    """A client that sends its request too slowly."""


class CancelledError(KinestyleError):
    """A job that its client cancelled."""


class LimitError(KinestyleError):
    """More bytes, frames, joints, seconds or memory than the server allows."""


class FormatError(KinestyleError):
    """A file of a format that is not known."""


class WorkError(KinestyleError):
    """A file on which the work failed in a way that no reader foresaw."""


class BusyError(KinestyleError):
    """A job for which the queue has no room."""


STATUSES: dict[type[KinestyleError], int] = {
    RequestError: 400,
    TokenError: 401,
    OriginError: 403,
    UnknownError: 404,
    SlowClientError: 408,
    CancelledError: 409,
    LimitError: 413,
    FormatError: 415,
    WorkError: 422,
    errors.MotionFileError: 422,
    errors.RigError: 422,
    errors.ClipError: 422,
    errors.StyleError: 422,
    errors.WrongTypeError: 422,
    errors.BundleError: 422,
    errors.MissingExtraError: 415,  # a format whose reader is not installed
    errors.DataError: 422,
    BusyError: 429,
    GuessError: 429,
    KinestyleError: 422,
}
"""The first row of an exception's own classes counts. The command line answers every one of them
with exit code 1.
"""

KINDS: dict[str, type[KinestyleError]] = {kind.__name__: kind for kind in STATUSES}
"""By name, as workers send them."""


def status_of(error: KinestyleError) -> int:
    """The HTTP status of an exception."""
    return next(STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES)


def kind_of(error: type[KinestyleError]) -> str:
    """What programs tell errors of one status apart by: MotionFileError -> "motion-file"."""
    words = re.findall("[A-Z][a-z]*", error.__name__.removesuffix("Error"))
    return "-".join(words).lower()


def error_body(status: int, message: str, kind: str = kind_of(RequestError)) -> bytes:
    """The JSON of every error response."""
    return json.dumps({"error": {"status": status, "kind": kind, "message": message}}).encode()
