"""What a stage leaves on disk, so that it can be killed at any moment: whole files or none, and a
log that fits them.

A checkpoint is a file of `torch.save`, which is a zip archive, with the SHA-256 of all before it as
the archive's comment: torch itself reads damaged weights without a word. Its tensors are on the
CPU, so that a run may go on with another device than it began with.
"""

from __future__ import annotations

import hashlib
import io
import json
import pickle
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from kinestyle.errors import DataError
from kinestyle.storage import replace_bytes

_CHECKSUM_BYTES = 64


def save_checkpoint(path: Path, content: Mapping[str, Any]) -> None:
    """Leave either the old file or the whole new one. content: of tensors, numbers, strings, and
    dictionaries, lists and tuples of them.
    """
    buffer = io.BytesIO()
    torch.save(_on_cpu(content), buffer)
    archive = buffer.getvalue()
    assert archive[-22:-18] == b"PK\x05\x06", "torch.save ends its archive without a comment"
    archive = archive[:-2] + struct.pack("<H", _CHECKSUM_BYTES)
    replace_bytes(path, archive + _checksum(archive))


def load_checkpoint(path: Path, *keys: str) -> dict[str, Any]:
    """What `save_checkpoint` wrote, on the CPU. Raises DataError for a file that is damaged, of
    another kind, or lacks one of the keys.
    """
    try:
        file = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from None
    archive, checksum = file[:-_CHECKSUM_BYTES], file[-_CHECKSUM_BYTES:]
    try:
        if _checksum(archive) != checksum:
            raise ValueError("its checksum is not that of its content")
        content = torch.load(io.BytesIO(file), map_location="cpu", weights_only=True)
        if not isinstance(content, dict) or not {"config", *keys} <= content.keys():
            raise ValueError(f"expected {', '.join(('config', *keys))} in it")
    except (ValueError, RuntimeError, EOFError, LookupError, pickle.UnpicklingError) as error:
        reason = str(error).partition("\n")[0]
        raise DataError(
            f"{path} is damaged, or not what this version of Kinestyle writes ({reason}); delete "
            f"it to start that stage over, or copy it again"
        ) from None
    return content


def require_configuration(
    path: Path, content: Mapping[str, Any], wanted: Mapping[str, Any]
) -> None:
    """Raises DataError where a checkpoint was made with another configuration."""
    if content["config"] != wanted:
        raise DataError(
            f"{path} was made with another configuration; name another folder, or delete it to "
            f"start over"
        )


def _checksum(archive: bytes) -> bytes:
    return hashlib.sha256(archive).hexdigest().encode()


def _on_cpu(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return value.detach().cpu()
    if isinstance(value, Mapping):
        return {key: _on_cpu(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(map(_on_cpu, value))
    return value


def append_row(log: Path, row: Mapping[str, Any]) -> None:
    """Add a row to a log of JSON lines."""
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
