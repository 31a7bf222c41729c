"""The folder of a training run: it belongs to one process at a time, and begins with the clips that
are learned from. Nothing here needs torch.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from kinestyle.errors import DataError
from kinestyle.learn.data.corpus import TABLE, Corpus
from kinestyle.learn.data.own_clips import OwnClips
from kinestyle.learn.data.own_summary import Share
from kinestyle.learn.data.prepare import open_corpus, require_styles
from kinestyle.learn.terms import terms_of
from kinestyle.locking import lock
from kinestyle.storage import clear_unfinished

LOCK = "lock"
"""The file that is locked. It names its holder, and is gone when nobody trains in the folder."""

WAIT_SECONDS = 0.5
"""How often to ask whether another process is done."""


@contextmanager
def alone_in(folder: Path, report: Callable[[str], None], wait: bool = False) -> Iterator[None]:
    """Make a run's folder if need be, keep other processes out of it until the block or this
    process ends, and delete the unfinished files of a process that was killed there.

    wait: for another process that is in it

    Raises DataError where another process is in it, naming that, or where it can be no folder.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = _hold(folder, report, wait)
    except OSError as error:
        raise DataError(
            f"--run {folder} cannot be the folder of a run ({error.strerror or error}); name "
            f"another"
        ) from None
    try:
        for inside in (folder, *_folders(folder)):
            clear_unfinished(inside)
        yield
    finally:
        if file is not None:
            with suppress(OSError):
                (folder / LOCK).unlink()
            os.close(file)  # and with it the lock


def _hold(folder: Path, report: Callable[[str], None], wait: bool) -> int | None:
    """The open, locked file; None where the file system knows no locks."""
    path, waited = folder / LOCK, False
    while True:
        file = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            lock(file)
        except (BlockingIOError, PermissionError):
            holder = os.read(file, 200).decode(errors="replace").strip() or "another process"
            os.close(file)
            if wait:
                if not waited:
                    report(f"waiting for {holder}, which is training in {folder}")
                waited = True
                time.sleep(WAIT_SECONDS)
                continue
            raise DataError(
                f"{holder} is training in {folder}; wait until it is done, stop it, or name "
                f"another --run"
            ) from None
        except OSError as error:
            os.close(file)
            path.unlink(missing_ok=True)
            report(f"{folder} cannot be locked ({error.strerror}): start nothing else in it")
            return None
        if _is_at(file, path):
            os.ftruncate(file, 0)
            since = time.strftime("%Y-%m-%d %H:%M:%S")
            os.write(
                file, f"process {os.getpid()} on {socket.gethostname()} (since {since})".encode()
            )
            return file
        os.close(file)  # the holder before deleted it between our opening and our locking


def _is_at(file: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file), path.stat())
    except FileNotFoundError:
        return False


def _folders(folder: Path) -> Iterator[Path]:
    """Those of stages, and of what was read."""
    for pattern in ("*/", "corpus/*/"):
        yield from folder.glob(pattern)


def stage_folder(folder: Path, shared: Path | None, stage: str, proof: str) -> Path:
    """The folder of a stage: this run's, unless only the shared run has it with the file that
    proves it done.
    """
    own = folder / stage
    if shared is None or (own / proof).exists() or not (shared / stage / proof).exists():
        return own
    return shared / stage


def read_clips(
    data: Path,
    folder: Path,
    own: OwnClips,
    report: Callable[[str], None],
    shared: Path | None = None,
    needs_labels: bool = True,
) -> Corpus:
    """What the run in `folder` learns from, read now unless it was before. Files that cannot be
    used are named and left out.

    shared: another run, whose clips are taken if this one has none yet
    needs_labels: whether clips have to have styles

    Raises DataError where nothing can be learned from the clips.
    """
    run = stage_folder(folder, shared, "corpus", TABLE).parent
    corpus = open_corpus(data, run, own.labels, report, own.rig, may_prepare=run == folder)
    terms_of(corpus, own, "")  # a licence that cannot be given is refused before hours of training
    if needs_labels:
        require_styles(corpus)
    report(f"{Share.of(corpus.entries)}")
    return corpus
