"""The studio's workers may hang, crash, grow or be killed: the server answers on, and what can be
done again is done again.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi")
from fastapi.testclient import TestClient

from kinestyle.errors import KinestyleError
from kinestyle.studio import restyling, worker
from kinestyle.studio.app import make_app
from kinestyle.studio.clip_store import ClipStore, Content, StatedRig, StoredClip, Upload
from kinestyle.studio.config import StudioConfig
from kinestyle.studio.error_responses import BusyError, UnknownError, WorkError
from kinestyle.studio.pool import Job, Pool, Worker
from kinestyle.studio.worker_service import Sent, WorkerService, _unpacked
from studio_client import until

BASE = "http://127.0.0.1"
CONFIG = StudioConfig(workers=1, queue_length=3, max_frames=400, heavy_joint_frames=10_000)


@contextmanager
def studio(config: StudioConfig = CONFIG) -> Iterator[TestClient]:
    with TestClient(make_app(config), base_url=BASE) as client:
        yield client


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    with studio() as client:
        yield client


def pool_of(client: TestClient) -> Pool:
    return client.app.state.studio.pool  # type: ignore[attr-defined]


def ready_worker(client: TestClient, number: int = 0) -> Worker:
    worker = pool_of(client).workers[number]
    until(lambda: worker.is_ready and worker.job is None)
    return worker


def send(worker: Worker, sign: int) -> None:
    assert worker.process is not None
    os.kill(worker.process.pid, sign)


def walk_of(client: TestClient) -> str:
    return client.post("/api/examples/walk").json()["id"]


_seeds = itertools.count(1)


def restyle(client: TestClient, clip: str, **more: Any) -> Any:
    """A request that has not been made before, so that a worker has to work for it."""
    return client.post(
        f"/api/clips/{clip}/stylize", json={"style": "old", "seed": next(_seeds), **more}
    )


def held_up(
    client: TestClient, background: ThreadPoolExecutor, clip: str, **more: Any
) -> tuple[Worker, Future[Any]]:
    """A worker that is stopped in the middle of a request, and what becomes of the request."""
    worker = ready_worker(client)
    send(worker, signal.SIGSTOP)
    answer = background.submit(restyle, client, clip, **more)
    until(lambda: worker.job is not None)
    return worker, answer


def test_a_killed_workers_request_is_done_by_another(
    client: TestClient, background: ThreadPoolExecutor
):
    worker, answer = held_up(client, background, walk_of(client))
    before = worker.process
    send(worker, signal.SIGKILL)
    assert answer.result().status_code == 200, answer.result().text
    assert worker.process is not before


READY = (
    "import os, sys; from kinestyle.studio.wire import receive, send; "
    "send(sys.stdout.buffer, {'ready': True}); "
)


@pytest.mark.parametrize(
    "then",
    [
        "receive(sys.stdin.buffer); os._exit(1)",
        "receive(sys.stdin.buffer); os.kill(os.getpid(), 11)",
        "receive(sys.stdin.buffer); os.write(1, b'\\1\\0\\0\\0no message'); "
        "receive(sys.stdin.buffer)",
    ],
)
def test_what_brings_two_workers_down_is_refused(then: str):
    async def run() -> str:
        pool = Pool(CONFIG)
        pool.command = [sys.executable, "-c", READY + then]
        await pool.open()
        try:
            await pool.run(
                Job(
                    {"work": "read", "name": "a.bvh"},
                    ("key",),
                    lambda key: ({"key": key}, []),
                    "job",
                )
            )
        except WorkError as error:
            return str(error)
        finally:
            await pool.close()
        return "done"

    assert asyncio.run(run()) == "a.bvh brought its worker down twice; please report the file"


def test_workers_that_never_start():
    async def run() -> str:
        pool = Pool(replace(CONFIG, wait_seconds=0.5))
        pool.command = [sys.executable, "-c", "raise SystemExit(1)"]
        await pool.open()
        try:
            await pool.run(
                Job(
                    {"work": "read", "name": "a.bvh"},
                    ("key",),
                    lambda key: ({"key": key}, []),
                    "job",
                )
            )
        except BusyError as error:
            return str(error)
        finally:
            await pool.close()
        return "done"

    assert "no worker was free" in asyncio.run(run())


def test_a_worker_that_hangs_is_replaced(
    client: TestClient, background: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
):
    clip = walk_of(client)
    monkeypatch.setattr(pool_of(client), "config", replace(CONFIG, job_seconds=1.5))
    _, answer = held_up(client, background, clip)
    assert answer.result().status_code == 413
    assert "walk_old.bvh takes longer than the 1.5 seconds that one job may" in answer.result().text
    monkeypatch.undo()
    assert restyle(client, walk_of(client)).status_code == 200


def test_an_idle_worker_that_is_killed_is_replaced_and_analyses_the_clip_again(client: TestClient):
    clip = walk_of(client)
    worker = ready_worker(client)
    before = worker.process
    send(worker, signal.SIGKILL)
    until(lambda: worker.process is not before)
    assert restyle(client, clip).status_code == 200


def test_a_worker_that_forgot_a_clip_is_sent_it_again():
    with studio(replace(CONFIG, warm_clips=1)) as client:
        clips = [
            client.post(f"/api/clips?name=a{i}.bvh", content=example()).json()["id"]
            for i in range(2)
        ]
        for clip in (*clips, *clips):
            answer = restyle(client, clip, style=None, like=clips)
            assert answer.status_code == 200, answer.text


def test_cancelling_what_waits_and_what_goes_on(client: TestClient, background: ThreadPoolExecutor):
    clip = walk_of(client)
    worker, first = held_up(client, background, clip, job="first")
    second = background.submit(restyle, client, clip, job="second")
    until(lambda: "second" in pool_of(client).jobs)
    assert client.get("/api/jobs/first").json()["stage"] == "waiting"
    assert client.get("/api/jobs/second").json() == {"stage": "waiting", "share": 0.0}
    assert client.delete("/api/jobs/second").status_code == 204
    assert second.result().status_code == 409
    started = time.monotonic()
    assert client.delete("/api/jobs/first").status_code == 204
    assert first.result().status_code == 409
    assert time.monotonic() - started < 1.0
    assert client.get("/api/jobs/first").json() == {
        "stage": "waiting",
        "share": 0.0,
    }  # as all that are not under way
    assert client.delete("/api/jobs/first").status_code == 204
    until(lambda: worker.is_ready)
    assert restyle(client, clip).status_code == 200


def test_a_full_queue_and_a_name_that_is_taken(client: TestClient, background: ThreadPoolExecutor):
    clip = walk_of(client)
    worker, first = held_up(client, background, clip, job="first")
    taken = restyle(client, clip, job="first")
    assert (taken.status_code, "a job called first is under way" in taken.text) == (429, True)
    waiting = [background.submit(restyle, client, clip) for _ in range(CONFIG.queue_length)]
    until(lambda: len(pool_of(client).queue) == CONFIG.queue_length)
    refused = restyle(client, clip)
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
    assert "3 jobs wait already" in refused.json()["error"]["message"]
    send(worker, signal.SIGCONT)
    assert {answer.result().status_code for answer in (first, *waiting)} == {200}


def test_waiting_too_long(background: ThreadPoolExecutor):
    with studio(replace(CONFIG, wait_seconds=0.5)) as client:
        ready_worker(client)
        clip = walk_of(client)
        worker, first = held_up(client, background, clip)
        late = restyle(client, clip)
        assert (late.status_code, "no worker was free" in late.text) == (429, True)
        send(worker, signal.SIGCONT)
        assert first.result().status_code == 200


def test_too_much_memory():
    limits = {"worker_bytes": 260 * 2**20, "max_frames": 20_000, "max_clip_seconds": 1e4}
    with studio(replace(CONFIG, **limits)) as client:
        answer = client.post("/api/clips?name=long.bvh", content=longer(20_000))
        assert answer.status_code == 413, answer.text
        assert "long.bvh needs more memory than one clip may take" in answer.text
        assert client.post("/api/examples/wave").status_code == 201


@pytest.mark.parametrize(
    ("error", "kind", "said"),
    [
        (MemoryError(), "LimitError", "a.bvh needs more memory"),
        (
            OSError(28, "No space left on device", "/tmp/x"),
            "WorkError",
            "x cannot be used: No space",
        ),
        (ZeroDivisionError(), "WorkError", "please report the file"),
    ],
)
def test_what_the_system_refuses(error: Exception, kind: str, said: str):
    class Bench:
        def work(self, *_: Any) -> None:
            raise error

    answer, _ = worker._answer(Bench(), {"name": "a.bvh", "job": "x"}, (), None, None)  # type: ignore[arg-type]
    assert (answer["kind"], said in answer["message"]) == (kind, True)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"max_frames": 150}, "has 151 frames, more than the limit of 150"),
        ({"max_joints": 52}, "has 53 joints, more than the limit of 52"),
        ({"max_joint_frames": 8002}, "has 8003 frames times joints, more than the limit of 8002"),
        ({"max_clip_seconds": 4.9}, "has 5 seconds, more than the limit of 4.9"),
    ],
)
def test_limits_of_a_clip(tmp_path: Path, changes: dict[str, float], said: str):
    bench = WorkerService(asdict(replace(StudioConfig(), **changes)), tmp_path)
    with pytest.raises(KinestyleError, match=said):
        bench._read(Sent("walk.bvh", ((".bvh", example()),), None), allow_heavy=True)


def test_few_frames_that_last_for_days_are_refused(client: TestClient):
    """At the networks' rate they would be millions."""
    slow = example().replace(b"Frame Time: 0.03333333333333333", b"Frame Time: 9.9")
    answer = client.post("/api/clips?name=slow.bvh&fps=0.101010101", content=slow)
    assert (answer.status_code, "has 1485 seconds" in answer.text) == (413, True)


def test_heavy_clips_have_their_own_worker(client: TestClient):
    answer = client.post("/api/clips?name=long.bvh", content=longer(200))
    assert answer.status_code == 201, answer.text
    usual, heavy, _ = pool_of(client).workers
    key = client.app.state.studio.store.get(answer.json()["id"]).content.key  # type: ignore[attr-defined]
    assert key in heavy.sent
    sent = len(usual.sent)
    assert restyle(client, answer.json()["id"]).status_code == 200
    assert len(usual.sent) == sent


def test_a_small_file_with_much_work_in_it_is_moved_to_the_heavy_worker(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
):
    usual, heavy = ready_worker(client, 0), ready_worker(client, 1)
    # any processor time is too much, and the watch sees it however fast the machine is, because the
    # worker stands still
    monkeypatch.setattr(
        pool_of(client), "config", replace(CONFIG, usual_cpu_seconds=-1.0, heavy_bytes=2**30)
    )
    monkeypatch.setattr(client.app.state.studio, "config", replace(CONFIG, heavy_bytes=2**30))  # type: ignore[attr-defined]
    before, given = usual.process, len(heavy.sent)
    send(usual, signal.SIGSTOP)
    answer = client.post("/api/clips?name=bomb.bvh", content=many_joints())
    assert (answer.status_code, "more than the limit" in answer.text) == (413, True)
    until(lambda: usual.is_ready)
    assert usual.process is not before
    assert len(heavy.sent) == given
    before = usual.process
    assert client.post("/api/clips?name=bomb.bvh", content=many_joints()).status_code == 413
    assert usual.process is before, "what was heavy once goes to the heavy worker at once"


def test_a_client_that_leaves_takes_its_job_along(
    client: TestClient, background: ThreadPoolExecutor
):
    clip = walk_of(client)
    pool = pool_of(client)
    worker, first = held_up(client, background, clip)

    async def leave() -> bool:
        waiting = asyncio.ensure_future(
            pool.run(Job({"work": "write", "name": "x"}, ("k",), lambda key: ({}, []), "leaving"))
        )
        await asyncio.sleep(0.05)
        was_there = "leaving" in pool.jobs
        waiting.cancel()
        await asyncio.wait((waiting,))
        return was_there

    assert client.portal is not None
    assert client.portal.call(leave)
    assert pool.queue == []
    assert "leaving" not in pool.jobs
    send(worker, signal.SIGCONT)
    assert first.result().status_code == 200


def test_workers_end_with_the_server():
    with studio() as client:
        pids = [ready_worker(client, number).process.pid for number in range(2)]  # type: ignore[union-attr]
        folder = pool_of(client).folder
    for pid in pids:
        until(
            lambda pid=pid: (
                not Path(f"/proc/{pid}").exists()
                or "Z" in Path(f"/proc/{pid}/stat").read_text().split()[2]
            )
        )
    assert not folder.exists()


def content_of(key: str, upload: Upload, motion_bytes: int, state: bytes | None = None) -> Content:
    return Content(
        key, "a.bvh", upload, state, {"frame_count": 1, "joint_count": 1}, b"m" * motion_bytes
    )


def test_clips_expire():
    now = 0.0
    store = ClipStore(replace(CONFIG, expiry_seconds=10.0), clock=lambda: now)
    upload = Upload("a.bvh", ((".bvh", b"x" * 100),))
    first, second = (store.put(StoredClip(content_of(key, upload, 10))) for key in "ab")
    now = 9.0
    assert store.get(first.id) is first
    now = 11.0
    with pytest.raises(UnknownError, match=r"forgotten 0\.166667 minutes after their last use"):
        store.get(second.id)
    assert store.get(first.id) is first
    assert store.kept_bytes == 110
    now = 30.0
    store.forget_expired()
    assert (len(store), store.kept_bytes) == (0, 0)


def test_the_clip_unused_for_longest_goes_first():
    uploads = [Upload("a.bvh", ((".bvh", b"x" * 100),)) for _ in range(3)]
    for limit in ({"kept_clips": 2}, {"kept_bytes": 220}):
        store = ClipStore(replace(CONFIG, **limit))
        first, second = (
            store.put(StoredClip(content_of(str(i), uploads[i], 10))) for i in range(2)
        )
        store.get(first.id)
        third = store.put(StoredClip(content_of("2", uploads[2], 10)))
        assert store.get(first.id) is first
        assert store.get(third.id) is third
        with pytest.raises(UnknownError):
            store.get(second.id)


def test_what_clips_share_counts_once():
    upload = Upload("a.bvh", ((".bvh", b"x" * 100),))
    store = ClipStore(CONFIG)
    input_clip = store.put(StoredClip(content_of("in", upload, 10)))
    same = store.put(StoredClip(content_of("in", upload, 10)))
    result = store.put(StoredClip(content_of("out", upload, 10, b"s" * 5)))
    assert store.kept_bytes == 100 + 10 + 15
    store.remove(input_clip.id)
    assert store.kept_bytes == 100 + 10 + 15
    store.remove(same.id)
    assert store.kept_bytes == 100 + 15
    assert store.content("in") is None
    store.remove(result.id)
    assert store.kept_bytes == 0


@pytest.mark.parametrize(
    "rig", [None, StatedRig("mixamo"), StatedRig("my.json", b"{}"), StatedRig("empty.json", b"")]
)
@pytest.mark.parametrize("state", [None, b"state"])
def test_a_clip_is_sent_along_with_its_rig(rig: StatedRig | None, state: bytes | None):
    files = ((".amc", b"motion"), (".asf", b"skeleton"))
    head, blobs = content_of("key", Upload("a.amc", files, rig), 10, state).supply()
    assert list(_unpacked([head, head], [*blobs, *blobs])) == 2 * [
        ("key", Sent("a.bvh", files, state, rig))
    ]


def test_another_rig_is_another_clip():
    rigs = [None, StatedRig("a"), StatedRig("b"), StatedRig("a", b"1"), StatedRig("a", b"2")]
    assert len({Upload("a.bvh", ((".bvh", b"x"),), rig).key for rig in rigs}) == len(rigs)


def example() -> bytes:
    return restyling.example("walk")


def many_joints() -> bytes:
    """A file that is small, because its joints have no channels, and as much work as its size
    allows.
    """
    joints = "".join(
        f"JOINT j{i} {{ OFFSET 0 0 0 CHANNELS 0 End Site {{ OFFSET 0 1 0 }} }}\n"
        for i in range(1900)
    )
    rows = "0\n" * 401
    head = (
        f"HIERARCHY\nROOT a {{ OFFSET 0 0 0 CHANNELS 1 Xposition\n{joints}}}\nMOTION\nFrames: "
        f"401\nFrame Time: .01\n"
    )
    return (head + rows).encode()


def longer(frames: int) -> bytes:
    """The example walk over and over, in so many frames."""
    head, time_line, rows = example().partition(b"Frame Time: 0.03333333333333333\n")
    repeated = itertools.islice(itertools.cycle(rows.splitlines(keepends=True)), frames)
    return head.replace(b"Frames: 151", b"Frames: %d" % frames) + time_line + b"".join(repeated)
