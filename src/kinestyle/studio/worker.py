"""A worker process: takes jobs from its standard input, one at a time, until that ends. `python -m
kinestyle.studio.worker`.

It may hang, crash or be killed at any time; the server sees to that.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import struct
import sys
import threading
import time
from pathlib import Path
from queue import Queue
from typing import Any, BinaryIO

from kinestyle.errors import KinestyleError, sentence_of
from kinestyle.studio.wire import Message, receive, send
from kinestyle.studio.worker_service import STEM, HeavyError, MissingError, WorkerService

LEAST_STEP = 0.01
"""Of a job that is said; less is not worth a message."""
RESERVED_BYTES = 2**30
"""Address space that libraries reserve and never use."""
LIBRARIES_BYTES = 2**34
"""The same of those that refine a style: torch brings its graphics libraries along, unused."""

_log = logging.getLogger("kinestyle.studio.worker")


def main() -> None:
    """Serve one server: its configuration as JSON and a folder are the arguments."""
    config, folder = json.loads(sys.argv[1]), Path(sys.argv[2])
    # What libraries print must not end up between the messages.
    inbox, outbox = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the server, which ends its workers
    threading.Thread(target=_end_with_server, args=(os.getppid(),), daemon=True).start()
    with Path(os.devnull).open("rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    if config["nice"]:
        _step_back(config["nice"])
    reserved = LIBRARIES_BYTES if config["refines"] else RESERVED_BYTES
    _limit_memory(config["worker_bytes"] + reserved)
    service = WorkerService(config, folder)
    try:
        service.warm_up()
    except KinestyleError as error:
        send(outbox, {"failed": str(error)})
        return
    send(outbox, {"ready": True})
    jobs = Inbox(inbox)
    with contextlib.suppress(BrokenPipeError):
        while (message := jobs.next()) is not None:
            answer, blobs = _answer(service, message.head, message.blobs, outbox, jobs)
            send(outbox, {"job": message.head["job"]} | answer, blobs)


class JobCancelled(Exception):  # noqa: N818  # nothing went wrong
    """Nobody waits for the job any more."""


class Inbox:
    """What the server sends: jobs, one after the other, and that the last one is not wanted any
    more, which counts while it is worked on.
    """

    def __init__(self, pipe: BinaryIO) -> None:
        self._pipe = pipe
        self._jobs: Queue[Message | None] = Queue()
        self._cancelled: str | None = None
        threading.Thread(target=self._listen, daemon=True).start()

    def next(self) -> Message | None:
        """The next job; None where no more will come."""
        return self._jobs.get()

    def is_cancelled(self, job: str) -> bool:
        return self._cancelled == job

    def _listen(self) -> None:
        message: Message | None = None
        with contextlib.suppress(OSError, ValueError, KeyError, struct.error):
            while (message := receive(self._pipe)) is not None:
                # the server sends a job when the one before is answered: its name may be used again
                self._cancelled = message.head.get("cancel")
                if self._cancelled is None:
                    self._jobs.put(message)
        self._jobs.put(None)


def _answer(
    service: WorkerService, head: dict[str, Any], blobs: tuple[bytes, ...], outbox: Any, jobs: Inbox
) -> tuple[dict[str, Any], Any]:
    """The answer to one job, whatever comes of it."""
    last = ("", -1.0)

    def progress(stage: str, share: float) -> None:
        nonlocal last
        if jobs.is_cancelled(head["job"]):
            raise JobCancelled
        if stage != last[0] or share >= last[1] + LEAST_STEP:
            last = stage, share
            send(outbox, {"job": head["job"], "stage": stage, "share": share})

    name = head["name"]
    try:
        done = service.work(head, blobs, progress)
        return {"done": True} | done.head, done.blobs
    except JobCancelled:
        return {"cancelled": True}, ()
    except MissingError as missing:
        return {"missing": missing.keys}, ()
    except HeavyError:
        return {"heavy": True}, ()
    except KinestyleError as error:
        return {"kind": type(error).__name__, "message": _named(str(error), head)}, ()
    except MemoryError:
        said = f"{name} needs more memory than one clip may take; cut it into shorter clips"
        return {"kind": "LimitError", "message": said}, ()
    except OSError as error:
        _log.exception("the system refused a job")
        return {"kind": "WorkError", "message": sentence_of(error)}, ()
    except Exception as error:
        # No reader foresaw it, so it is our mistake; but it is this file that shows it, and others
        # go on.
        _log.exception("a job failed")
        found = (
            f"{name} cannot be worked on: something in it is not as any program we know "
            f"writes it ({type(error).__name__})"
        )
        return {"kind": "WorkError", "message": f"{found}; please report the file"}, ()


def _named(message: str, head: dict[str, Any]) -> str:
    """A message with the client's name for the file instead of ours."""
    return message.replace(STEM, Path(head["name"]).stem)


def _end_with_server(server: int) -> None:
    """End this process soon after the server, even if that was killed and a job hangs here."""
    while os.getppid() == server:
        time.sleep(1.0)
    os._exit(0)


def _step_back(niceness: int) -> None:
    """Leave the processor to others, where the system knows of that."""
    with contextlib.suppress(OSError, AttributeError):
        os.nice(niceness)
    # Linux may share the processor out between sessions before it looks at their processes, and
    # each worker has a session of its own
    with contextlib.suppress(OSError):
        Path("/proc/self/autogroup").write_text(str(niceness), encoding="ascii")


def _limit_memory(limit_bytes: int) -> None:
    """Have the system refuse memory beyond the limit, where it can; the server watches what is
    really used.
    """
    try:
        import resource
    except ImportError:  # not on this system
        return
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_AS, (limit_bytes, limit_bytes))


if __name__ == "__main__":
    main()
