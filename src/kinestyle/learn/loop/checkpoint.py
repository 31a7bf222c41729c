"""What a stage leaves on disk, so that it can be killed at any moment: whole files or none, and a
log that fits them.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from kinestyle.storage import replace_bytes


def save_whole(path: Path, content: Any) -> None:
    """torch.save that leaves either the old file or the whole new one."""
    buffer = io.BytesIO()
    torch.save(content, buffer)
    replace_bytes(path, buffer.getvalue())


def clear_leftovers(folder: Path) -> None:
    """Delete the unfinished files of a process that was killed while it wrote."""
    for path in folder.glob(".*.tmp"):
        path.unlink(missing_ok=True)


def append_row(log: Path, row: Mapping[str, Any]) -> None:
    with log.open("a") as file:
        file.write(json.dumps(row) + "\n")


def cut_back(log: Path, step: int) -> None:
    """Leave only the rows up to a step: what comes after is done again, and the last row may be
    half written.
    """
    if not log.exists():
        return
    kept = []
    for line in log.read_text().splitlines(keepends=True):
        try:
            row = json.loads(line)
        except ValueError:
            break
        if row["step"] > step:
            break
        kept.append(line)
    replace_bytes(log, "".join(kept).encode())
