"""The manifest of a folder of results: a line of JSON for each result that was made, or was not and
why. It is only ever appended to, and what it says is true at every moment: a result is in its place
before its line is written.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

from kinestyle.batch.places import LocalResults, Results
from kinestyle.errors import MotionFileError
from kinestyle.locking import lock

MANIFEST = "manifest.jsonl"
_PARTS = "manifest"

State = Literal["made", "kept", "refused", "failed"]
"""What became of a result:

made: it is in its place
kept: there was a file in its place, which was not to be replaced
refused: it cannot be made of this clip; it would be refused again
failed: the machine failed, and another try may not
"""


@dataclass(frozen=True)
class Outcome:
    """A line of the manifest.

    clip: its name; style, strength, variation: of the result; out: its place in the folder, which
        has several files where the clip has several animations
    why: the sentence, of a result that was not made; notes: what a user is to know of it
    frames: of the result; seconds: what it took; size: bytes of its files
    """

    clip: str
    style: str
    strength: float | str
    variation: int
    out: str
    key: str
    state: State
    why: str = ""
    notes: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    size: int = 0
    frames: int = 0
    seconds: float = 0.0

    def as_line(self) -> bytes:
        said = asdict(self)
        for name in ("why", "notes", "files", "size", "frames"):
            if not said[name]:
                del said[name]
        return (json.dumps(said) + "\n").encode()


@dataclass(eq=False)
class Manifest:
    """The manifest of a folder, open in this process only. lines: what it said of each result
    last, by its place
    """

    results: Results
    append: Callable[[Outcome], None]
    lines: dict[str, Outcome] = field(default_factory=dict)

    def add(self, outcome: Outcome) -> None:
        """Raises MotionFileError where the system refuses it."""
        try:
            self.append(outcome)
        except OSError as error:
            raise MotionFileError(
                f"the manifest of the results cannot be written: {error.strerror or error}"
            ) from error
        self.lines[outcome.out] = outcome

    def settled(self, out: str, key: str) -> Outcome | None:
        """What is known of a result, where that needs no other try: it was made of the same, and is
        still whole, or it was refused.
        """
        known = self.lines.get(out)
        if known is None or known.key != key or known.state not in ("made", "refused"):
            return None
        if known.state == "made" and known.size != self.results.size(known.files):
            return None
        return known


def manifest_name(shard: tuple[int, int] | None = None) -> str:
    return MANIFEST if shard is None else f"manifest.{shard[0]}-of-{shard[1]}.jsonl"


@contextmanager
def open_manifest(results: Results, shard: tuple[int, int] | None = None) -> Iterator[Manifest]:
    """As `_open_local`; of a URL a file for each line, in the folder `manifest`, and at the end all
    of them as one. Nothing keeps two processes from one URL.
    """
    if isinstance(results, LocalResults):
        with _open_local(results, shard) as manifest:
            yield manifest
        return

    def append(outcome: Outcome) -> None:
        name = hashlib.sha256(outcome.out.encode("utf-8", "surrogateescape")).hexdigest()
        results.put(f"{_PARTS}/{name[:24]}.jsonl", outcome.as_line())

    manifest = Manifest(results, append, _parsed(results.lines(_PARTS)))
    yield manifest
    every = b"".join(manifest.lines[out].as_line() for out in sorted(manifest.lines))
    results.put(manifest_name(shard), every)


@contextmanager
def _open_local(results: LocalResults, shard: tuple[int, int] | None) -> Iterator[Manifest]:
    """The manifest of a folder of results, which is made if need be; or, beside those of the other
    parts, that of one part of a run. What other manifests in the folder say counts too.

    Raises MotionFileError where another process has it open, or it cannot be one.
    """
    folder = results.folder
    path = folder / manifest_name(shard)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
    except OSError as error:
        raise MotionFileError(
            f"{folder} cannot be the folder of results ({error.strerror or error}); name another"
        ) from None
    try:
        with suppress(OSError):  # a file system that knows no locks
            try:
                lock(file)
            except (BlockingIOError, PermissionError):
                raise MotionFileError(
                    f"another process is writing results into {folder}; wait until it is done, "
                    f"stop it, or name another folder"
                ) from None
        lines: dict[str, Outcome] = {}
        for one in sorted(folder.glob("manifest*.jsonl"), key=lambda one: (one == path, one)):
            lines |= read_manifest(one)
        _end_line(file)
        # at once: nothing is between two lines
        yield Manifest(results, lambda outcome: _write(file, outcome.as_line()), lines)
    finally:
        os.close(file)  # and with it the lock


def _write(file: int, line: bytes) -> None:
    os.write(file, line)


def _end_line(file: int) -> None:
    """End a line that a killed process began: what follows is a line of its own."""
    size = os.fstat(file).st_size
    os.lseek(file, max(0, size - 1), os.SEEK_SET)
    if size and os.read(file, 1) != b"\n":
        os.write(file, b"\n")


def read_manifest(path: Path) -> dict[str, Outcome]:
    """What a manifest says last of each result, by its place. Lines that are no outcomes are passed
    over: the last one may be cut off.
    """
    with path.open("rb") as file:
        return _parsed(file)


def _parsed(lines: Iterable[bytes]) -> dict[str, Outcome]:
    found: dict[str, Outcome] = {}
    for line in lines:
        with suppress(ValueError, TypeError, KeyError):
            said = json.loads(line)
            for name in ("notes", "files"):
                said[name] = tuple(said.get(name, ()))
            outcome = Outcome(**said)
            found[outcome.out] = outcome
    return found
