"""Whose turn it is at the studio's workers: the later, the more a client has used lately."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi")
import httpx2

from kinestyle.studio import restyling
from kinestyle.studio.config import StudioConfig
from kinestyle.studio.fair_shares import FORGET_SECONDS, UNPROVEN, Client, FairShares
from kinestyle.studio.pool import NICENESS, Job, Pool, Worker
from kinestyle.studio.serving import Server
from studio_client import until
from studio_server import running

CONFIG = StudioConfig(port=0, workers=1)
WALK = restyling.example("walk")
PATIENCE_SECONDS = 60.0


@dataclass
class Shares:
    """Accounts, and a clock that is set."""

    now: float = 0.0
    kept: FairShares = field(init=False)

    def __post_init__(self) -> None:
        self.kept = FairShares(PATIENCE_SECONDS, lambda: self.now)

    def ask(self, name: str, network: str = "home", **more: Any) -> Client:
        """A request now."""
        client = Client(name, network, **more)
        self.kept.admit(client)
        return client

    def late(self, name: str, network: str = "home") -> float:
        """How long after it came a request now is due, in seconds."""
        return self.ask(name, network).due - self.now


def test_who_has_used_less_is_due_first_and_nobody_waits_for_ever():
    shares = Shares()
    shares.kept.charge(shares.ask("much"), 5.0)
    shares.kept.charge(shares.ask("little"), 0.5)
    much, little, none = map(shares.ask, ("much", "little", "none"))
    assert none.due < little.due < much.due
    shares.kept.charge(much, 1e6)
    last = shares.ask("much")
    shares.now += PATIENCE_SECONDS
    assert shares.ask("new").due >= last.due
    shares.now += 30.0 * FORGET_SECONDS
    assert shares.late("little") < 1e-3, "what was long ago does not count"


def test_a_request_waits_for_its_turn_once():
    shares = Shares()
    shares.kept.charge(shares.ask("pipeline"), 3.0)
    client = shares.ask("pipeline")
    assert client.due > client.came
    shares.now += 1.0
    shares.kept.charge(client, 3.0)
    shares.kept.go_on(client)
    shares.kept.admit(client)
    assert client.due == client.came == 0.0


def test_what_a_person_does_not_wait_for_is_due_later():
    shares = Shares()
    assert shares.ask("a", is_background=True).due > shares.ask("b").due


def test_reading_counts_many_times_over_until_something_is_made_of_the_clip():
    shares = Shares()
    for name in ("sends", "works", "makes"):
        shares.kept.charge(shares.ask(name), 0.1, None if name == "makes" else name)
    used = {name: shares.ask(name).accounts[0].at(shares.now) for name in ("sends", "makes")}
    assert used["sends"] == pytest.approx(UNPROVEN * used["makes"])
    shares.now += 5.0
    shares.kept.prove(["works"])
    assert shares.late("works") == pytest.approx(shares.late("makes"))
    assert shares.late("sends") > shares.late("works")
    before = shares.late("sends")
    shares.kept.prove(["works", "never read"])
    assert shares.late("sends") == before


def test_who_opens_a_clip_and_restyles_it_does_not_wait_for_having_opened_it():
    shares = Shares()
    shares.kept.charge(shares.ask("opens"), 0.5, "clip")
    opened, other = Client("opens", "home"), Client("opens", "home")
    shares.kept.admit(opened, ["clip"])
    shares.kept.admit(other, ["another"])
    assert opened.due < other.due
    shares.kept.prove(["clip"])
    assert opened.due == pytest.approx(shares.ask("opens").due)


def test_a_new_connection_is_worth_nothing():
    shares = Shares()
    first, other = shares.ask("first"), shares.ask("elsewhere", "away")
    shares.kept.charge(first, 2.0)
    shares.kept.leave(first)
    shares.kept.charge(first, 2.0)  # its job went on for a while
    fresh = shares.late("fresh", "away")
    assert shares.late("second") > PATIENCE_SECONDS / 4.0 > fresh
    assert shares.late("third") < shares.late("second"), "one account is inherited once"
    assert other.due < shares.late("third"), "of two networks, that which has used more comes later"


def test_connections_that_say_so_belong_together():
    shares = Shares()
    one = shares.ask("one", label="page")
    shares.kept.charge(one, 2.0)
    two, alone = shares.ask("two", label="page"), shares.ask("three", label="other page")
    assert two.accounts[0] is one.accounts[0]
    assert shares.ask("four", "away", label="page").accounts[0] is not one.accounts[0]
    assert alone.due < two.due
    shares.kept.leave(one)
    assert shares.ask("five").due < two.due, "the page is still there: nothing is left of it"
    shares.kept.leave(two)
    again = shares.ask("six", label="page")
    assert again.accounts[0] is one.accounts[0]
    assert shares.ask("seven").accounts[0] is not one.accounts[0], "it has come back"
    shares.kept.leave(again)
    heir, back = shares.ask("eight"), shares.ask("nine", label="page")
    assert heir.accounts[0] is one.accounts[0]
    assert back.accounts[0] is not heir.accounts[0], "who came after pays alone"
    first = shares.ask("ten", label="new")
    assert shares.ask("ten", label="another").accounts == first.accounts


def test_what_is_remembered_has_a_limit():
    shares = Shares()
    shares.kept.charge(shares.ask("much"), 50.0)
    shares.kept.leave(Client("much", "home"))
    for i in range(10_000):
        client = shares.ask(f"{i}", f"{i}", label="page")
        shares.kept.charge(client, 0.1, "always the same file")
        shares.kept.charge(client, 0.1, f"file {i}")
        for own in (f"own {i}", f"new {i}"):
            shares.kept.leave(shares.ask(own, "home"))
    kept = shares.kept
    many = (kept._connections, kept._networks, kept._left, kept._unproven, kept._labels)
    assert all(len(one) <= 4096 for one in many)
    assert max(map(len, kept._left.values())) <= 64
    assert max(map(len, kept._unproven.values())) <= 32


@contextmanager
def serving(config: StudioConfig = CONFIG) -> Iterator[Server]:
    with running(config) as server:
        yield server


@contextmanager
def connections(server: Server, count: int) -> Iterator[list[httpx2.Client]]:
    """Clients, each with a connection of its own."""
    clients = [
        httpx2.Client(base_url=server.address, timeout=60.0, trust_env=False) for _ in range(count)
    ]
    try:
        yield clients
    finally:
        for client in clients:
            client.close()


@pytest.fixture
def server() -> Iterator[Server]:
    """One that knows nobody yet."""
    with serving() as server:
        yield server


def pool_of(server: Server) -> Pool:
    return server.app.state.studio.pool  # type: ignore[no-any-return]


@contextmanager
def busy(
    server: Server, client: httpx2.Client, background: ThreadPoolExecutor
) -> Iterator[Future[Any]]:
    """Meanwhile the worker for usual clips stands still in the middle of a client's request."""
    worker = pool_of(server).workers[0]
    until(lambda: worker.is_ready and worker.job is None)
    assert worker.process is not None
    os.kill(worker.process.pid, signal.SIGSTOP)
    try:
        answer = background.submit(send, client, f"held{time.monotonic_ns()}.bvh")
        until(lambda: worker.job is not None)
        yield answer
    finally:
        os.kill(worker.process.pid, signal.SIGCONT)


def send(client: httpx2.Client, name: str, content: bytes = WALK) -> int:
    return client.post(f"/api/clips?name={name}", content=content).status_code


def in_line(
    server: Server,
    background: ThreadPoolExecutor,
    senders: list[tuple[httpx2.Client, str]],
) -> list[Future[int]]:
    """Requests that wait, in the order in which they came."""
    answers = []
    for client, name in senders:
        answers.append(background.submit(send, client, name))
        until(lambda name=name: name in waiting(server))
    return answers


def waiting(server: Server) -> list[str]:
    return [job.head["name"] for job in pool_of(server).queue]


def test_who_sends_what_is_no_motion_waits_for_others(
    server: Server, background: ThreadPoolExecutor
):
    with connections(server, 3) as (bad, good, held):
        broken = WALK.replace(b"Frame Time: ", b"Frame Tame: ")
        assert {send(bad, "broken.bvh", broken) for _ in range(3)} == {422}
        with busy(server, held, background) as first:
            late = in_line(server, background, [(bad, "bad.bvh"), (good, "good.bvh")])
            assert waiting(server) == ["good.bvh", "bad.bvh"]
        assert {answer.result() for answer in (first, *late)} == {201}


def test_who_makes_something_of_a_clip_waits_for_none_that_only_send(
    server: Server, background: ThreadPoolExecutor
):
    with connections(server, 3) as (sends, makes, held):
        assert [send(sends, f"sent{i}.bvh") for i in range(3)] == 3 * [201]
        for i in range(2):
            clip = makes.post(f"/api/clips?name=made{i}.bvh", content=WALK).json()["id"]
            wanted = {"style": "old", "seed": i}
            assert makes.post(f"/api/clips/{clip}/stylize", json=wanted).status_code == 200
        with busy(server, held, background) as first:
            late = in_line(server, background, [(sends, "sends.bvh"), (makes, "makes.bvh")])
            assert waiting(server) == ["makes.bvh", "sends.bvh"]
        assert {answer.result() for answer in (first, *late)} == {201}


def test_a_closed_connection_leaves_its_account_to_the_next(
    server: Server, background: ThreadPoolExecutor
):
    with connections(server, 2) as (good, held):
        assert send(held, "known.bvh") == 201
        with connections(server, 1) as (bad,):
            broken = WALK.replace(b"Frame Time: ", b"Frame Tome: ")
            assert {send(bad, "broken.bvh", broken) for _ in range(5)} == {422}
        until(lambda: any(pool_of(server).shares._left.values()))
        with connections(server, 1) as (again,), busy(server, held, background) as first:
            late = in_line(server, background, [(again, "again.bvh"), (good, "other.bvh")])
            assert waiting(server) == ["other.bvh", "again.bvh"]
        assert first.result() == late[1].result() == 201


def test_of_too_many_that_wait_the_one_who_has_used_most_is_refused(
    background: ThreadPoolExecutor,
):
    with (
        serving(replace(CONFIG, queue_length=1)) as server,
        connections(server, 3) as (bad, good, held),
    ):
        broken = WALK.replace(b"Frame Time: ", b"Frame Tame: ")
        assert {send(bad, "broken.bvh", broken) for _ in range(3)} == {422}
        with busy(server, held, background) as first:
            answers = in_line(server, background, [(bad, "bad.bvh"), (good, "good.bvh")])
            assert answers[0].result() == 429
            assert send(bad, "more.bvh") == 429
        assert {first.result(), answers[1].result()} == {201}


def test_a_request_that_has_begun_is_done_before_others_begin():
    echo = """
import sys
from kinestyle.studio.wire import receive, send
send(sys.stdout.buffer, {"ready": True})
while message := receive(sys.stdin.buffer):
    send(sys.stdout.buffer, {"job": message.head["job"], "done": True})
"""
    done: list[str] = []

    async def request(pool: Pool, name: str, count: int) -> None:
        client = Client(name)
        for job in (f"{name} {i}" for i in range(count)):
            head = {"work": "write", "name": job}
            await pool.run(Job(head, (name,), lambda key: ({"key": key}, []), job, client))
            done.append(job)

    async def run() -> None:
        pool = Pool(CONFIG)
        pool.command = [sys.executable, "-c", echo]
        await pool.open()
        try:
            await asyncio.gather(*(request(pool, name, 3) for name in ("a", "b", "c")))
        finally:
            await pool.close()

    asyncio.run(run())
    assert done == [f"{name} {i}" for name in "abc" for i in range(3)]


def test_an_answer_says_how_long_it_waited(server: Server, background: ThreadPoolExecutor):
    with connections(server, 2) as (client, held):
        with busy(server, held, background):
            late = background.submit(client.post, "/api/clips?name=said.bvh", content=WALK)
            until(lambda: "said.bvh" in waiting(server))
            time.sleep(0.3)
        words = late.result().headers["server-timing"].split(", ")
        said = {name: float(ms) for name, ms in (word.split(";dur=") for word in words)}
        assert said.keys() == {"queue", "work"}
        assert said["queue"] >= 300.0
        assert said["work"] > 0.0
        assert "server-timing" not in client.get("/api/health").headers


def test_the_worker_for_heavy_clips_stands_back_in_its_own_session_too(server: Server):
    """Linux shares the processor out between sessions first: a nice process alone in its session
    is as fast as any other.
    """
    switch = Path("/proc/sys/kernel/sched_autogroup_enabled")
    if not switch.is_file() or switch.read_text().strip() != "1":
        pytest.skip("this system does not share the processor out between sessions")

    def niceness(worker: Worker) -> int:
        until(lambda: worker.is_ready)
        assert worker.process is not None
        said = Path(f"/proc/{worker.process.pid}/autogroup").read_text()
        return int(said.split()[-1])

    usual, heavy = (one for one in pool_of(server).workers if one.kind != "refining")
    assert (niceness(usual), niceness(heavy)) == (NICENESS["usual"], NICENESS["heavy"])
