"""How a clip shows itself. Drawing belongs to a higher layer, which announces its viewer here.

`clip` imports this module, so it cannot import `clip`: to it, clips are just things to show.
"""

from __future__ import annotations

TYPE_CHECKING = False  # `typing` takes longer to import than all else that `import kinestyle` needs
if TYPE_CHECKING:
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
    """From now on, what `viewer` returns shows clips. It is called when a clip is shown, and need
    not import anything before that.
    """
    _announced[:] = [viewer]


def viewer() -> Viewer:
    """The viewer that was announced."""
    assert _announced, "importing any part of kinestyle announces a viewer"
    return _announced[0]()


def show(*clips: Any, labels: Sequence[str] | None = None) -> None:
    """Play clips side by side: below the notebook's cell or, outside a notebook, in the web
    browser.

    labels: a name for each clip, instead of its own
    """
    viewer().show(*clips, labels=labels)
