"""Locks on open files. The system releases them when their process ends, however it ends."""

from __future__ import annotations

import os
import sys

if sys.platform == "win32":
    import msvcrt

    def lock(file: int) -> None:
        """Lock an open file for this process. Raises BlockingIOError or PermissionError where
        another one has locked it, and OSError where the file system knows no locks.
        """
        os.lseek(file, 1 << 30, os.SEEK_SET)  # beyond what is read: a locked byte cannot be
        msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        os.lseek(file, 0, os.SEEK_SET)

else:
    import fcntl

    def lock(file: int) -> None:
        """Lock an open file for this process. Raises BlockingIOError or PermissionError where
        another one has locked it, and OSError where the file system knows no locks.
        """
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
