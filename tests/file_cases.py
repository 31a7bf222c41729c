"""Folders of invalid files. Each file has a .txt beside it with what the message must say, one
fragment a line.
"""

from __future__ import annotations

from pathlib import Path

from kinestyle.errors import MotionFileError


def assert_refused(error: MotionFileError, path: Path) -> None:
    """One short sentence that begins with file and line and says what the case's text file says."""
    message = str(error)
    assert message.startswith(f"{path.name}, ")
    assert "line " in message
    assert "found" in message
    assert "expected" in message
    assert "\n" not in message
    assert len(message) < 300
    for fragment in path.with_suffix(".txt").read_text(encoding="utf-8").splitlines():
        assert fragment in message
