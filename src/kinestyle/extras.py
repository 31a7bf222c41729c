"""Libraries that only some users need, and the extras of the package that bring them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from kinestyle.errors import MissingExtraError


def missing_extra(library: str, extra: str, what: str) -> MissingExtraError:
    """The error for a library that is not installed.

    library: name of the module
    extra: the extra in pyproject.toml that brings it
    what: what cannot be done without it, as the subject of a sentence
    """
    return MissingExtraError(
        f"{what} needs {library}, which is not installed; pip install 'kinestyle[{extra}]'"
    )


@contextmanager
def needs_extra(extra: str, what: str) -> Iterator[None]:
    """Around imports of optional libraries. Raises MissingExtraError where one is not installed;
    `extra` and `what` are those of `missing_extra`.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] == "kinestyle":
            raise  # a fault of ours, which no installation repairs
        raise missing_extra(error.name, extra, what) from None
