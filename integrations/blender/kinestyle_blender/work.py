# SPDX-FileCopyrightText: The Kinestyle authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Work in a thread of its own, which can be watched and stopped. It touches nothing of Blender."""

from __future__ import annotations

import threading
from collections.abc import Callable


class _Stopped(Exception):  # noqa: N818 - it is no error that somebody stops
    """`stop` was called."""


class Work:
    """do: the work, called with what takes the share that is done and ends the work by raising

    share: of the work that is done, 0 to 1
    fault: what the work raised, to be raised where somebody waits for it
    """

    def __init__(self, do: Callable[[Callable[[float], None]], None]):
        self.share = 0.0
        self.stopped = False
        self.fault: Exception | None = None
        self._do = do
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def running(self) -> bool:
        return self._thread.is_alive()

    def stop(self) -> None:
        """The work ends when it next tells how far it is."""
        self.stopped = True

    def _run(self) -> None:
        try:
            self._do(self._progress)
        except _Stopped:
            pass
        except Exception as fault:  # a thread has nobody to raise it to
            self.fault = fault

    def _progress(self, share: float) -> None:
        if self.stopped:
            raise _Stopped
        self.share = share
