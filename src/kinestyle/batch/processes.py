"""Results from several processes of this machine, each of one thread."""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import threading
from collections.abc import Generator, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from kinestyle.batch.making import outcome_of
from kinestyle.batch.manifest import Outcome
from kinestyle.batch.order import Order, Work
from kinestyle.batch.places import Results
from kinestyle.batch.worker import DONE, receive, send

TRIES = 2
"""Of a clip whose process ends: the process may have been killed for what others took."""
ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
PACKAGE = Path(__file__).resolve().parents[2]


class _Process:
    """A worker, which is started when it gets its first work."""

    def __init__(self, order: Order, results: Results) -> None:
        self.order, self.results = order, results
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> subprocess.Popen[bytes]:
        known = os.environ.get("PYTHONPATH")
        environment = os.environ | dict.fromkeys(ONE_THREAD, "1")
        environment["PYTHONPATH"] = os.pathsep.join([str(PACKAGE), *([known] if known else [])])
        self.process = subprocess.Popen(
            # not from the folder that the user is in, where there may be modules of any name
            [sys.executable, "-P", "-m", "kinestyle.batch.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
        )
        assert self.process.stdin is not None, "it is a pipe"
        send(self.process.stdin, (self.order, self.results))
        return self.process

    def make(self, work: Work) -> Iterator[Outcome]:
        """Raises EOFError or OSError where the process ends meanwhile."""
        process = self.process or self.start()
        assert process.stdin is not None and process.stdout is not None, "they are pipes"
        send(process.stdin, work)
        while (answer := receive(process.stdout)) != DONE:
            yield answer

    def end(self) -> str:
        """End the process, and say how it ended."""
        process, self.process = self.process, None
        if process is None:
            return "it could not be started"
        process.kill()
        code = process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with suppress(OSError):  # what could not be sent any more
                    pipe.close()
        return f"signal {-code}" if code < 0 else f"exit code {code}"


def make_in_processes(
    order: Order, works: Iterable[Work], results: Results, jobs: int
) -> Generator[Outcome, None, None]:
    """The outcomes of all work, as they come. A process that ends is replaced, and what it was at
    is tried again.

    When this generator is closed, its processes end.
    """
    coming: queue.SimpleQueue[Outcome | BaseException | None] = queue.SimpleQueue()
    waiting, lock = iter(works), threading.Lock()
    stopped = threading.Event()
    processes = [_Process(order, results) for _ in range(max(1, jobs))]

    def next_work() -> Work | None:
        with lock:
            return None if stopped.is_set() else next(waiting, None)

    def serve(process: _Process) -> None:
        try:
            while (work := next_work()) is not None:
                for outcome in _outcomes(process, work, stopped):
                    coming.put(outcome)
        except BaseException as error:  # of ours, to be raised where it is seen
            coming.put(error)
        finally:
            process.end()
            coming.put(None)

    threads = [threading.Thread(target=serve, args=(one,), daemon=True) for one in processes]
    try:
        for thread in threads:
            thread.start()
        at_work = len(threads)
        while at_work:
            came = coming.get()
            if isinstance(came, BaseException):
                raise came
            if came is None:
                at_work -= 1
            else:
                yield came
    finally:
        stopped.set()
        for process in processes:
            if (running := process.process) is not None:
                running.kill()
        for thread in threads:
            thread.join()


def _outcomes(process: _Process, work: Work, stopped: threading.Event) -> Iterator[Outcome]:
    """The outcomes of one clip, whatever becomes of the process."""
    left: dict[str, Any] = {result.out: result for result in work.results}
    ended = ""
    for _ in range(TRIES):
        try:
            for outcome in process.make(Work(work.clip, tuple(left.values()))):
                del left[outcome.out]
                yield outcome
            return
        except (EOFError, OSError):
            ended = process.end()
            if stopped.is_set():
                return
    for result in left.values():
        why = f"the process that made it ended ({ended}), {TRIES} times"
        yield outcome_of(process.order, work, result, "failed", why=why)
