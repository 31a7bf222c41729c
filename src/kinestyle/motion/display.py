"""How a clip shows itself. Drawing lies above this layer: whoever can draw is announced here, and asked when there is need."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from kinestyle.motion.clip import Clip


class Viewer(Protocol):
    """What can show clips."""

    def frame_html(self, clips: Sequence[Clip], labels: Sequence[str] | None = None) -> str:
        """Clips as a part of a page."""

    def show(self, *clips: Clip, labels: Sequence[str] | None = None) -> None:
        """Clips where the user looks."""


_announced: list[Callable[[], Viewer]] = []


def announce(viewer: Callable[[], Viewer]) -> None:
    """Clips are shown by what `viewer` returns from now on. It is called when a clip is to be shown, and may import only then."""
    _announced[:] = [viewer]


def viewer() -> Viewer | None:
    """Who shows clips; None while nobody is announced."""
    return _announced[0]() if _announced else None
