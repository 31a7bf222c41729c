"""The workers: started, given jobs, watched, and replaced when they hang, crash or grow."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import logging
import os
import shutil
import signal
import sys
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any, Literal, NamedTuple

from kinestyle.errors import KinestyleError
from kinestyle.storage import scratch_folder
from kinestyle.studio.config import StudioConfig
from kinestyle.studio.error_responses import KINDS, BusyError, CancelledError, LimitError, WorkError
from kinestyle.studio.fair_shares import Client, FairShares
from kinestyle.studio.wire import Message, packed, receive_from

_log = logging.getLogger("kinestyle.studio")

Kind = Literal["usual", "heavy", "refining"]
"""Of workers, and of the jobs that they do. There is one worker for heavy clips, and one that
refines styles, which is a process only while it does.
"""

START_SECONDS = 60.0
"""Within which a worker has to be ready."""
WATCH_SECONDS = 0.25
"""From one look at the workers' memory to the next."""
CANCEL_SECONDS, CANCEL_CPU_SECONDS = 4.0, 1.0
"""What a job may still take that its worker was told to leave, before that is ended: starting
another costs as much, and the clips that it knows have to be read and analysed again.
"""
HEAVY_KEYS = 4096
"""Clips that are remembered to be heavy."""
NICENESS: dict[Kind, int] = {"usual": 0, "heavy": 5, "refining": 5}
"""How nice each kind of worker is to the others."""
REFINE_PATIENCE = 3.0
"""How many times as long as the processor time that it may take refining a style may take in all:
it stands back for everybody else.
"""
MOST_REFINEMENTS = 3
"""Under way and waiting: each takes a minute, and no job waits as long."""
READS = ("read", "style")
"""Work that shows what a file is, from which nothing is made yet."""


class HeavyWorkError(Exception):
    """Why a worker was ended whose job goes on elsewhere; no client gets to see it."""


@dataclass(eq=False)
class Job:
    """One piece of work, from its arrival to its answer.

    head: what the worker gets; keys: of the clips that it needs; supply: a clip's key -> how it
    is sent along, and its bytes
    name: the client's for the job, or one of ours; client: who is charged for it
    heavy: for the worker for heavy clips; refines: for the one that refines styles
    """

    head: dict[str, Any]
    keys: tuple[str, ...]
    supply: Callable[[str], tuple[dict[str, Any], list[bytes]]]
    name: str
    client: Client = field(default_factory=lambda: Client(""))
    heavy: bool = False
    refines: bool = False
    stage: str = "waiting"
    share: float = 0.0
    attempts: int = 0
    queued_at: float = field(default_factory=time.monotonic)
    cancelled_at: float | None = None
    cpu_seconds_at_cancel: float = 0.0
    answer: asyncio.Future[Message] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )

    @property
    def is_cancelled(self) -> bool:
        return self.cancelled_at is not None

    @property
    def kind(self) -> Kind:
        return "refining" if self.refines else "heavy" if self.heavy else "usual"

    @property
    def reads(self) -> str | None:
        """The key of the file that is only read; None where something is made."""
        return self.keys[0] if self.head["work"] in READS else None

    def fail(self, error: KinestyleError) -> None:
        if not self.answer.done():
            self.answer.set_exception(error)


class Worker:
    """One process and what it does at the moment."""

    def __init__(self, pool: Pool, number: int, kind: Kind):
        self.pool, self.number, self.kind = pool, number, kind
        self.wanted = asyncio.Event()
        """Whether there has to be a process."""
        if kind != "refining":
            self.wanted.set()
        self.folder = pool.folder / f"worker-{number}"
        self.process: asyncio.subprocess.Process | None = None
        self.is_ready = False
        self.job: Job | None = None
        self.sent: OrderedDict[str, None] = OrderedDict()
        """Keys of clips that this process was given or made, and has not forgotten unless it ran
        out of room.
        """
        self.deadline = float("inf")
        self.start_seconds = 0.0
        """What the process took to get ready."""
        self.given_at = 0.0
        self.cpu_seconds = 0.0
        """What the process had used when it was given its job."""
        self.reason: KinestyleError | HeavyWorkError | None = None
        """Why the process was killed, where it was."""

    @property
    def heavy(self) -> bool:
        return self.kind == "heavy"

    @property
    def allowed_seconds(self) -> float:
        """Of one job."""
        config = self.pool.config
        usual, heavy = config.job_seconds, config.heavy_job_seconds
        refining = REFINE_PATIENCE * config.refine_seconds
        return {"usual": usual, "heavy": heavy, "refining": refining}[self.kind]

    async def live(self) -> None:
        """Run processes, one after the other, for as long as the pool is open."""
        pause = 0.05
        while not self.pool.is_closing:
            await self.wanted.wait()
            if self.pool.is_closing:
                break
            started = time.monotonic()
            with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError, ValueError):
                await self._run_process()
            await self._reap()
            pause = 0.05 if time.monotonic() - started > 5.0 else min(2.0 * pause, 5.0)
            await asyncio.sleep(0 if self.reason else pause)
            self.reason = None

    async def _run_process(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir()
        config = self.pool.worker_config | {
            "nice": NICENESS[self.kind],
            "refines": self.kind == "refining",
        }
        self.process = await asyncio.create_subprocess_exec(
            *(*self.pool.command, json.dumps(config), str(self.folder)),
            env=_environment(),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=2**20,
            start_new_session=True,  # so that what a reader starts ends with it
        )
        assert self.process.stdout is not None, "the worker's output is a pipe"
        began = time.monotonic()
        self.deadline = began + START_SECONDS
        started = await receive_from(self.process.stdout)
        if "failed" in started.head:
            _log.error("a worker cannot start: %s", started.head["failed"])
            return
        self.deadline, self.start_seconds = float("inf"), time.monotonic() - began
        self.is_ready = True
        self.pool.dispatch()
        while True:
            message = await receive_from(self.process.stdout)
            self._handle(message)

    def give(self, job: Job) -> None:
        """Send the job to the process."""
        assert self.process is not None and self.process.stdin is not None, (
            "only a running worker is given jobs"
        )
        self.job = job
        config = self.pool.config
        self.cpu_seconds, self.given_at = _use_of(self).cpu_seconds, time.monotonic()
        self.deadline = self.given_at + self.allowed_seconds
        clips, blobs = [], []
        for key in dict.fromkeys(key for key in job.keys if key not in self.sent):
            clip, bytes_of_it = job.supply(key)
            clips.append(clip)
            blobs += bytes_of_it
        for key in (*job.keys, job.head.get("result", job.keys[0])):
            self.sent[key] = None
            self.sent.move_to_end(key)
        while len(self.sent) > config.warm_clips:
            self.sent.popitem(last=False)
        head = job.head | {
            "job": job.name,
            "keys": job.keys,
            "clips": clips,
            "allow_heavy": self.kind != "usual",
        }
        for part in packed(Message(head, tuple(blobs))):
            self.process.stdin.write(part)

    def leave(self, job: Job) -> None:
        """Tell the process that its job is not wanted any more."""
        if self.process is None or self.process.stdin is None or self.process.stdin.is_closing():
            return
        job.cpu_seconds_at_cancel = _use_of(self).cpu_seconds - self.cpu_seconds
        for part in packed(Message({"cancel": job.name})):
            self.process.stdin.write(part)

    def _handle(self, message: Message) -> None:
        """One message of the process about its job."""
        job, head = self.job, message.head
        if job is None:
            return
        if "stage" in head:
            job.stage, job.share = head["stage"], head["share"]
            return
        if "missing" in head and not job.is_cancelled:
            for key in head["missing"]:
                self.sent.pop(key, None)
            self.give(job)
            return
        self._settle(job, _use_of(self).cpu_seconds - self.cpu_seconds)
        self.job, self.deadline = None, float("inf")
        if job.is_cancelled:
            job.fail(CancelledError("the job was cancelled"))
        elif "heavy" in head:
            self.pool.queue_as_heavy(job)
        elif "done" in head:
            if job.reads is None:
                self.pool.shares.prove(job.keys)
            self.pool.shares.go_on(job.client)
            if not job.answer.done():
                job.answer.set_result(message)
        else:
            self.sent.pop(job.keys[0], None)
            job.fail(KINDS[head["kind"]](head["message"]))
        # not before the request has heard of it: its next job is for this worker, and due by now
        asyncio.get_running_loop().call_soon(self.pool.dispatch)

    def _settle(self, job: Job, used_seconds: float) -> None:
        """Charge a job to its client. used_seconds: of the processor, 0 where the system does not
        say
        """
        took = time.monotonic() - self.given_at
        job.client.worked_seconds += took
        self.pool.shares.charge(job.client, used_seconds or took, job.reads)

    def kill(self, reason: KinestyleError | HeavyWorkError | None) -> None:
        """End the process; its job, if it has one, fails for this reason, or is tried once more
        where there is none.
        """
        self.reason = reason
        if self.process is not None and self.process.returncode is None:
            # not Process.kill, which looks for the exit status first and so takes it away from
            # asyncio
            with contextlib.suppress(ProcessLookupError):
                _end(self.process.pid)

    def check(self, now: float) -> None:
        """Kill the process where it takes too long or too much memory."""
        config = self.pool.config
        if now > self.deadline:
            self.deadline = float("inf")
            name = self.job.head["name"] if self.job else "starting"
            self.kill(self._too_long(name, self.allowed_seconds))
            return
        use = _use_of(self)
        if use.resident_bytes > config.worker_bytes:
            name = self.job.head["name"] if self.job else "nothing"
            what, remedy = "clip", "cut it into shorter clips"
            if self.kind == "refining":
                what, remedy = "style", _FEWER
            self.kill(LimitError(f"{name} needs more memory than one {what} may take; {remedy}"))
        elif self.job is not None:
            self._check_job(self.job, use.cpu_seconds - self.cpu_seconds, now)
        elif self.kind == "refining":
            if self.is_ready and not self.pool.refinements:
                self.wanted.clear()
                self.is_ready = False
                self.kill(None)  # until there is another style to refine
        elif use.resident_bytes > config.worker_bytes / 2:
            self.kill(None)  # memory that is not given back

    def _too_long(self, name: str, allowed_seconds: float) -> LimitError:
        remedy = _FEWER if self.kind == "refining" else "cut it shorter"
        return LimitError(
            f"{name} takes longer than the {allowed_seconds:g} seconds that one job may; {remedy}"
        )

    def _check_job(self, job: Job, used_seconds: float, now: float) -> None:
        """Kill the process where nobody waits for its job any more, or where that is for another.
        used_seconds: of the processor
        """
        if job.cancelled_at is not None:
            since = used_seconds - job.cpu_seconds_at_cancel
            if since > CANCEL_CPU_SECONDS or now - job.cancelled_at > CANCEL_SECONDS:
                self.kill(CancelledError("the job was cancelled"))
        elif self.kind == "usual" and used_seconds > self.pool.config.usual_cpu_seconds:
            self.kill(HeavyWorkError("the job is for the worker for heavy clips"))
        elif self.kind == "refining" and used_seconds > self.pool.config.refine_seconds:
            self.kill(self._too_long(job.head["name"], self.pool.config.refine_seconds))

    async def _reap(self) -> None:
        """See to the job of a process that has ended."""
        self.is_ready = False
        self.sent.clear()
        self.deadline = float("inf")
        job, self.job = self.job, None
        if self.process is not None:
            self.kill(self.reason)
            with contextlib.suppress(ProcessLookupError):
                await self.process.wait()
        if job is None:
            return
        # who brings a worker down is charged for the next one too
        self._settle(job, time.monotonic() - self.given_at + self.start_seconds)
        if job.answer.done():
            return
        job.attempts += 1
        if job.is_cancelled:
            job.fail(CancelledError("the job was cancelled"))
        elif isinstance(self.reason, HeavyWorkError):
            self.pool.queue_as_heavy(job)
        elif self.reason is not None:
            job.fail(self.reason)
        elif job.attempts > 1:
            job.fail(
                WorkError(
                    f"{job.head['name']} brought its worker down twice; please report the file"
                )
            )
        else:
            _log.warning("a worker was lost; its job is done again by another")
            self.pool.put(job)


class Pool:
    """All workers and the jobs that wait for them."""

    def __init__(self, config: StudioConfig):
        self.config = config
        bundle = None if config.bundle is None else str(config.bundle)
        styles = [str(folder) for folder in config.styles]
        changed = {"bundle": bundle, "styles": styles, "token": None}
        self.worker_config: dict[str, Any] = asdict(config) | changed
        self.folder = Path()
        self._scratch = contextlib.ExitStack()
        # -P: a numpy.py in the folder that the server was started in is none of the worker's
        # business
        self.command = [sys.executable, "-P", "-m", "kinestyle.studio.worker"]
        self.shares = FairShares(config.patience_seconds)
        self.queue: list[Job] = []
        self.jobs: dict[str, Job] = {}
        self.workers: list[Worker] = []
        self.heavy_keys: OrderedDict[str, None] = OrderedDict()
        """Of clips that turned out to be heavy."""
        self.is_closing = False
        self._tasks: list[asyncio.Task[None]] = []
        self._numbers = itertools.count()

    async def open(self) -> None:
        """Start the workers; they get ready on their own."""
        self.folder = self._scratch.enter_context(scratch_folder())
        usual: list[Kind] = ["usual"] * self.config.workers
        kinds: list[Kind] = [*usual, "heavy", "refining"]
        self.workers = [Worker(self, n, kind) for n, kind in enumerate(kinds)]
        self._tasks = [asyncio.create_task(worker.live()) for worker in self.workers]
        self._tasks.append(asyncio.create_task(self._watch()))

    async def close(self) -> None:
        """End the workers and everything that waits for them."""
        self.is_closing = True
        closing = BusyError("the server is being shut down")
        for job in [*self.queue, *(worker.job for worker in self.workers if worker.job)]:
            job.fail(closing)
        self.queue.clear()
        for worker in self.workers:
            worker.kill(closing)
            worker.wanted.set()
        _, late = await asyncio.wait(self._tasks[:-1], timeout=5.0)
        for task in [*late, self._tasks[-1]]:
            task.cancel()
        self._scratch.close()

    async def run(self, job: Job) -> Message:
        """Have a job done. Raises KinestyleError: what is wrong with it, or a full queue."""
        if job.name in self.jobs:
            raise BusyError(f"a job called {job.name} is under way; give every job its own name")
        self.shares.admit(job.client, () if job.reads else job.keys)
        self._make_room(job)
        self.jobs[job.name] = job
        job.heavy |= any(key in self.heavy_keys for key in job.keys)
        self.put(job)
        try:
            return await job.answer
        except asyncio.CancelledError:
            self.cancel(job)
            raise
        finally:
            del self.jobs[job.name]

    def _make_room(self, job: Job) -> None:
        """Where as many wait as may, refuse the one that is due last. Raises BusyError where that
        is this job.
        """
        if job.refines and self.refinements >= MOST_REFINEMENTS:
            raise BusyError(_REFINING)
        if len(self.queue) < self.config.queue_length:
            return
        last = max((job, *self.queue), key=lambda each: each.client.due)
        busy = BusyError(
            f"{len(self.queue)} jobs wait already, as many as may; try again in a moment"
        )
        if last is job:
            raise busy
        self.queue.remove(last)
        last.fail(busy)

    @property
    def refinements(self) -> int:
        """Of styles, under way and waiting."""
        return sum(job.refines for job in self.jobs.values())

    def put(self, job: Job) -> None:
        """Queue a job, or one that was given to a worker once more."""
        job.queued_at = time.monotonic()
        self.queue.append(job)
        for worker in self.workers:
            if worker.kind == job.kind:
                worker.wanted.set()
        self.queue.sort(key=lambda each: each.client.due)
        self.dispatch()
        if job in self.queue:  # until it may go to any worker
            wait = self.config.steal_seconds + 0.01
            asyncio.get_running_loop().call_later(wait, self.dispatch)

    def cancel(self, job: Job) -> None:
        """Remove a job from the queue, or end its worker if that goes on with it for long."""
        job.cancelled_at = time.monotonic()
        if job in self.queue:
            self.queue.remove(job)
            job.fail(CancelledError("the job was cancelled before it began"))
            return
        job.fail(CancelledError("the job was cancelled"))
        for worker in self.workers:
            if worker.job is job:
                worker.leave(job)

    def queue_as_heavy(self, job: Job) -> None:
        """Queue a job again, for the worker for heavy clips, and remember its clip."""
        self.heavy_keys[job.keys[0]] = None
        while len(self.heavy_keys) > HEAVY_KEYS:
            self.heavy_keys.popitem(last=False)
        job.heavy = True
        self.put(job)

    def dispatch(self) -> None:
        """Give waiting jobs to idle workers in the order in which they are due, each to the worker
        that knows its clip if that is free in time.
        """
        if self.is_closing:
            return
        now = time.monotonic()
        for job in list(self.queue):
            worker = self._worker_for(job, now)
            if worker is not None:
                self.queue.remove(job)
                job.client.waited_seconds += now - job.queued_at
                worker.give(job)

    def _worker_for(self, job: Job, now: float) -> Worker | None:
        """An idle worker that knows the job's clip; another one only after `steal_seconds`."""
        able = [w for w in self.workers if w.is_ready and w.kind == job.kind]
        idle = [w for w in able if w.job is None]
        home = [w for w in able if job.keys[0] in w.sent]
        best = [w for w in idle if w in home]
        if not best and home and now - job.queued_at < self.config.steal_seconds:
            return None
        return min(best or idle, key=lambda w: len(w.sent), default=None)

    async def _watch(self) -> None:
        """Refuse what waits too long, and have every worker checked."""
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            now = time.monotonic()
            for job in list(self.queue):
                busy = any(w.job is not None for w in self.workers if w.kind == job.kind)
                # who refines becomes a process for it
                start = START_SECONDS if job.refines and not busy else 0.0
                if now - job.queued_at > self.config.wait_seconds + start:
                    self.queue.remove(job)
                    late = "no worker was free for the job in time; try again in a moment"
                    job.fail(BusyError(_REFINING if job.refines and busy else late))
            for worker in self.workers:
                worker.check(now)


_FEWER = "take fewer clips, or shorter ones"
_REFINING = "another style is being refined, which is done one at a time; try again in a minute"


def _environment() -> dict[str, str]:
    """A worker's: this package, and one thread, because there is a worker for each core."""
    package = str(Path(str(resources.files("kinestyle"))).parent)
    paths = [package, *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    one_thread = {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE", "OPENBLAS_NUM_THREADS": "1"}
    return one_thread | os.environ | {"PYTHONPATH": os.pathsep.join(dict.fromkeys(paths))}


class Use(NamedTuple):
    """What a worker uses, with what a reader has started: memory now, processor time so far. 0
    where the system does not say.
    """

    resident_bytes: int = 0
    cpu_seconds: float = 0.0


def _use_of(worker: Worker) -> Use:
    if worker.process is None or worker.process.returncode is not None:
        return Use()
    pid, resident_pages, ticks = worker.process.pid, 0, 0
    try:
        for one in (str(pid), *Path(f"/proc/{pid}/task/{pid}/children").read_text().split()):
            # proc(5): after the name in brackets; user and system time of the process and of its
            # ended children, resident pages
            fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
            ticks += sum(map(int, fields[11:15]))
            resident_pages += int(fields[21])
    except (OSError, ValueError, IndexError):
        return Use()
    return Use(resident_pages * os.sysconf("SC_PAGE_SIZE"), ticks / os.sysconf("SC_CLK_TCK"))


def _end(pid: int) -> None:
    """End a worker and what it has started, for good. Raises ProcessLookupError."""
    if hasattr(os, "killpg"):
        os.killpg(pid, signal.SIGKILL)
    else:
        os.kill(pid, signal.SIGTERM)
