"""How a clip shows itself. Drawing lies above this layer: whoever can draw is announced here, and
asked when there is need.

This is known to `clip`, and so does not know it: clips are just things to be shown.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol


class Viewer(Protocol):
    """What can show clips."""

    def frame_html(self, clips: Sequence[Any], labels: Sequence[str] | None = None) -> str:
        """Clips as a part of a page."""

    def show(self, *clips: Any, labels: Sequence[str] | None = None) -> None:
        """Clips where the user looks."""


_announced: list[Callable[[], Viewer]] = []


def announce(viewer: Callable[[], Viewer]) -> None:
    """Clips are shown by what `viewer` returns from now on. It is called when a clip is to be
    shown, and may import only then.
    """
    _announced[:] = [viewer]


def viewer() -> Viewer:
    """Who shows clips."""
    assert _announced, "importing any part of kinestyle announces a viewer"
    return _announced[0]()


def show(*clips: Any, labels: Sequence[str] | None = None) -> None:
    """Play clips side by side: below the notebook's cell, or outside of a notebook in the web
    browser.

    labels: a name for each clip, instead of their own
    """
    viewer().show(*clips, labels=labels)
