"""What the studio's server does under load: 50 clients at once, most of them up to no good, against
one server on this machine.

    python benchmarks/studio_load.py [--seconds 60]

First one good client alone, for the idle times; then all good clients without the others; then
everybody, the good ones arriving one after another when the others are at it. Good clients work as
people and pipelines do: one request after the other, with a second to look at the result, and
another clip now and then. The others send slowly, send too much, stop in the middle, send what no
reader takes, files that are small and claim to be enormous, and cancel or leave what they have
begun. How long a request waited for a worker is what the server says of it. Ends with 1 if anything
was answered with a 5xx, if memory grew beyond the limit, or if good requests took more than three
times as long as alone.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import json
import os
import random
import re
import resource
import statistics
import struct
import subprocess
import sys
import time
import zlib
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx2

WALK = (
    Path(__file__).resolve().parents[1] / "src" / "kinestyle" / "examples" / "walk.bvh"
).read_bytes()
THINK_SECONDS = 1.0
WORKER_MB, KEEP_MB = 1024, 128
TIMES_IDLE = 3.0
ARRIVE_SECONDS = 5.0
"""Within which the good clients come."""
NAMES = (f"walk{os.getpid()}_{i}.bvh" for i in itertools.count())
"""None twice: what the server knows already it does not read again."""
CHANGES = 6
"""Of style and strength, until a person opens another clip."""
GOOD = ("slider", "pipeline")
GROUPS = {
    "slider": 14,
    "pipeline": 3,
    "slow": 7,
    "huge": 4,
    "truncated": 7,
    "hostile": 7,
    "bomb": 5,
    "leaving": 3,
}


class Load:
    """Clients of one server. times: seconds by kind of good request; waits: those of them that it
    waited for a worker; statuses: (who, status) -> how often, 0 for no answer.
    """

    def __init__(self, address: str, arrive_seconds: float = 0.0):
        """arrive_seconds: within which the good clients come"""
        self.address, self.arrive_seconds = address, arrive_seconds
        self.times: dict[str, list[float]] = defaultdict(list)
        self.waits: dict[str, list[float]] = defaultdict(list)
        self.statuses: Counter[tuple[str, int]] = Counter()
        self.random = random.Random(7)

    def crowd(self, good: bool) -> list[Callable[[float], Awaitable[None]]]:
        """The good clients, or all others."""
        return [
            getattr(self, name)
            for name, count in GROUPS.items()
            if (name in GOOD) == good
            for _ in range(count)
        ]

    def session(self) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(base_url=self.address, timeout=60.0, trust_env=False)

    async def ask(
        self, who: str, client: httpx2.AsyncClient, method: str, path: str, **more: object
    ) -> httpx2.Response | None:
        """One request; no failure of it ends the client."""
        try:
            answer = await client.request(method, path, **more)  # type: ignore[arg-type]
        except httpx2.TransportError:
            self.statuses[who, 0] += 1
            return None
        self.statuses[who, answer.status_code] += 1
        return answer

    async def arrive(self) -> None:
        await asyncio.sleep(self.random.uniform(0.0, self.arrive_seconds))

    def note(self, kind: str, started: float, answer: httpx2.Response) -> None:
        """What a good request took that ends now. answer: the one that workers made"""
        self.times[kind].append(time.perf_counter() - started)
        waited = re.search(r"queue;dur=([0-9.]+)", answer.headers.get("server-timing", ""))
        self.waits[kind].append(float(waited[1]) / 1e3 if waited else float("nan"))

    async def upload(
        self, who: str, client: httpx2.AsyncClient, name: str, content: bytes = WALK
    ) -> httpx2.Response | None:
        return await self.ask(
            who, client, "POST", "/api/clips", params={"name": name}, content=content
        )

    async def slider(self, until: float) -> None:
        """A person: sends a clip, tries strengths and styles, and opens another."""
        await self.arrive()
        async with self.session() as client:
            while time.monotonic() < until:
                started = time.perf_counter()
                answer = await self.upload("slider", client, next(NAMES))
                if answer is None or answer.status_code != 201:
                    await asyncio.sleep(THINK_SECONDS)
                    continue
                self.note("upload", started, answer)
                await self.changes(client, answer.json()["id"], until)

    async def changes(self, client: httpx2.AsyncClient, clip: str, until: float) -> None:
        """Some of one clip."""
        path = f"/api/clips/{clip}/stylize"
        for _ in range(CHANGES):
            if time.monotonic() < until:
                wanted = {
                    "style": self.random.choice(["old", "proud", "angry", "elderly"]),
                    "strength": self.random.random(),
                }
                started = time.perf_counter()
                answer = await self.ask("slider", client, "POST", path, json=wanted)
                if answer is not None and answer.status_code == 200:
                    await self.ask(
                        "slider", client, "GET", f"/api/clips/{answer.json()['id']}/motion"
                    )
                    self.note("stylize and motion", started, answer)
                await asyncio.sleep(THINK_SECONDS * self.random.uniform(0.5, 1.5))

    async def pipeline(self, until: float) -> None:
        """A program: everything in one request."""
        await self.arrive()
        async with self.session() as client:
            while time.monotonic() < until:
                started = time.perf_counter()
                form = {"style": "old", "seed": str(self.random.randrange(2**32))}
                files = {"file": (next(NAMES), WALK)}
                answer = await self.ask(
                    "pipeline", client, "POST", "/api/stylize", data=form, files=files
                )
                if answer is not None and answer.status_code == 200:
                    self.note("round trip", started, answer)
                await asyncio.sleep(THINK_SECONDS * self.random.uniform(0.5, 1.5))

    async def slow(self, until: float) -> None:
        """A few bytes a second."""

        async def drip() -> object:
            for at in range(0, len(WALK), 16):
                yield WALK[at : at + 16]
                await asyncio.sleep(0.2)
                if time.monotonic() > until:
                    return

        async with self.session() as client:
            while time.monotonic() < until:
                await self.ask("slow", client, "POST", "/api/clips?name=slow.bvh", content=drip())

    async def huge(self, until: float) -> None:
        """More bytes than the limit, announced or not."""

        async def pour() -> object:
            for _ in range(100):
                yield b"x" * 2**20

        async with self.session() as client:
            while time.monotonic() < until:
                await self.ask("huge", client, "POST", "/api/clips?name=huge.bvh", content=pour())
                head = {"content-length": str(10**12)}
                await self.ask(
                    "huge", client, "POST", "/api/clips?name=huge.bvh", content=pour(), headers=head
                )
                await asyncio.sleep(THINK_SECONDS)

    async def truncated(self, until: float) -> None:
        """Half a file; and half a file of which the whole was promised."""
        host, port = self.address.removeprefix("http://").strip("/").split(":")
        async with self.session() as client:
            while time.monotonic() < until:
                cut = self.random.randrange(len(WALK))
                await self.ask(
                    "truncated", client, "POST", "/api/clips?name=cut.bvh", content=WALK[:cut]
                )
                with contextlib.suppress(OSError):
                    _, writer = await asyncio.open_connection(host, int(port))
                    head = (
                        f"POST /api/clips?name=a.bvh HTTP/1.1\r\nHost: "
                        f"{host}\r\nContent-Length: {len(WALK)}\r\n\r\n"
                    )
                    writer.write(head.encode() + WALK[:cut])
                    await asyncio.sleep(0.2)
                    writer.close()
                await asyncio.sleep(0.5 * THINK_SECONDS)

    async def hostile(self, until: float) -> None:
        """Files that no reader reads, and what is no request."""
        deep = b"HIERARCHY\nROOT a\n" + b"".join(
            b"{ OFFSET 0 0 0 CHANNELS 0 JOINT j%d\n" % i for i in range(20_000)
        )
        bodies = [
            deep,
            os.urandom(10**6),
            WALK.replace(b"Frames: 151", b"Frames: 150"),
            b"\xff\xfe" + b"\0" * 10**5,
            b"HIERARCHY",
        ]
        bodies += [
            WALK.replace(b"0.0", b"nan", 1),
            WALK.replace(b"JOINT", b"ROOT"),
            b"{" * 10**6,
            b"glTF" + b"\xff" * 99,
        ]
        async with self.session() as client:
            while time.monotonic() < until:
                ending = self.random.choice(
                    [".bvh", ".glb", ".fbx", ".amc", ".gltf", ".npy", ".exe"]
                )
                name = self.random.choice(["../../a", "a\0b", "x" * 250, "C:\\con"]) + ending
                await self.upload("hostile", client, name, self.random.choice(bodies))
                await self.ask(
                    "hostile",
                    client,
                    "POST",
                    "/api/clips/%00/stylize",
                    content=b'{"strength": ' + b"9" * 5000,
                )
                await self.ask("hostile", client, "GET", "/api/previews/..%2f..%2f")
                await asyncio.sleep(0.5 * THINK_SECONDS)

    async def bomb(self, until: float) -> None:
        """Small files that claim to be, or become, enormous."""
        async with self.session() as client:
            while time.monotonic() < until:
                name = self.random.choice(list(BOMBS))
                await self.upload("bomb", client, name, BOMBS[name])
                await asyncio.sleep(THINK_SECONDS)

    async def leaving(self, until: float) -> None:
        """Begins work, and cancels it or leaves."""
        async with self.session() as client:
            answer = await self.upload("leaving", client, next(NAMES))
            while answer is not None and answer.status_code == 201 and time.monotonic() < until:
                job = f"job-{self.random.randrange(10**9)}"
                wanted = {"random": True, "seed": self.random.randrange(2**32), "job": job}
                path = f"/api/clips/{answer.json()['id']}/stylize"
                work = asyncio.ensure_future(self.ask("leaving", client, "POST", path, json=wanted))
                await asyncio.sleep(0.01)
                if self.random.random() < 0.5:
                    await self.ask("leaving", client, "DELETE", f"/api/jobs/{job}")
                    await work
                else:
                    work.cancel()
                    await asyncio.wait((work,))
                await asyncio.sleep(THINK_SECONDS)


def bombs() -> dict[str, bytes]:
    """By name: BVH that declares a million frames, or minutes a frame, or thousands of joints; GLB
    and FBX that unpack hugely.
    """
    head, time_line, rows = WALK.partition(b"Frame Time: 0.03333333333333333\n")
    joints = b"".join(
        b"JOINT j%d { OFFSET 0 0 0 CHANNELS 0 End Site { OFFSET 0 1 0 } }\n" % i
        for i in range(4000)
    )
    many = (
        b"HIERARCHY\nROOT a { OFFSET 0 0 0 CHANNELS 1 Xposition\n"
        + joints
        + b"}\nMOTION\nFrames: 8000\nFrame Time: .01\n"
    )
    document = {
        "asset": {"version": "2.0"},
        "buffers": [{"byteLength": 16}],
        "bufferViews": [{"buffer": 0, "byteLength": 16}],
        "accessors": [
            {
                "bufferView": 0,
                "componentType": 5126,
                "count": 10**6,
                "type": "SCALAR",
                "sparse": {"count": 10**6},
            }
        ],
        "nodes": [{"children": [i + 1]} for i in range(50_000)] + [{}],
        "animations": [
            {
                "channels": [{"sampler": 0, "target": {"node": 0, "path": "rotation"}}],
                "samplers": [{"input": 0, "output": 0}],
            }
        ],
    }
    text = json.dumps(document).encode()
    text += b" " * (-len(text) % 4)
    glb = struct.pack("<4sII", b"glTF", 2, 12 + 8 + len(text) + 8 + 16)
    glb += (
        struct.pack("<I4s", len(text), b"JSON")
        + text
        + struct.pack("<I4s", 16, b"BIN\0")
        + b"\0" * 16
    )
    packed = zlib.compress(b"\0" * (256 * 2**20), 1)
    array = b"d" + struct.pack("<III", 32 * 2**20, 1, len(packed)) + packed
    start = b"Kaydara FBX Binary  \x00\x1a\x00" + struct.pack("<I", 7400)
    record = (
        struct.pack("<III", len(start) + 13 + 4 + len(array), 1, len(array)) + b"\x04KeyV" + array
    )
    return {
        "frames.bvh": head.replace(b"Frames: 151", b"Frames: 1000000") + time_line + rows,
        "minutes.bvh": head + b"Frame Time: 9.9\n" + rows,
        "joints.bvh": many + b"0\n" * 8000,
        "nodes.glb": glb,
        "array.fbx": start + record + b"\0" * 200,
        "long.bvh": head.replace(b"Frames: 151", b"Frames: 6040") + time_line + rows * 40,
    }


BOMBS = bombs()


def tree(pid: int) -> list[int]:
    """A process and all below it."""
    found = [pid]
    for one in found:
        with contextlib.suppress(OSError):
            for task in Path(f"/proc/{one}/task").iterdir():
                found += map(int, (task / "children").read_text().split())
    return found


def resident_mb(pids: list[int]) -> float:
    total = 0.0
    for pid in pids:
        with contextlib.suppress(OSError):
            total += (
                int(Path(f"/proc/{pid}/statm").read_text().split()[1])
                * resource.getpagesize()
                / 2**20
            )
    return total


async def run(
    load: Load, pid: int, clients: list[Callable[[float], Awaitable[None]]], seconds: float
) -> float:
    """Run clients for so long; the most memory that the server and its workers had meanwhile, in
    MB.
    """
    until = time.monotonic() + seconds
    most = 0.0
    tasks = [asyncio.ensure_future(client(until)) for client in clients]
    while not all(task.done() for task in tasks):
        most = max(most, resident_mb(tree(pid)))
        await asyncio.wait(tasks, timeout=0.5)
    for task in tasks:
        task.result()
    return most


async def measure(address: str, pid: int, seconds: float, arrive: float) -> bool:
    """Run everything, print what came of it, and say whether all of it is as it should be. arrive:
    seconds within which the good clients come
    """
    alone, together, load = Load(address), Load(address, arrive), Load(address, arrive)
    while (await alone.session().get("/api/health")).json()["workers"] < 2:
        await asyncio.sleep(0.1)
    await run(alone, pid, [alone.slider, alone.pipeline], 3.0)  # everything loaded
    alone.times.clear()
    for client in (alone.slider, alone.pipeline):
        await run(alone, pid, [client], seconds / 3)
    await run(together, pid, together.crowd(good=True), arrive + seconds / 3)
    before = resident_mb(tree(pid))
    started = time.perf_counter()
    # In a process of their own: what keeps the bad clients busy is not to slow down those whose
    #     times are taken
    others = await asyncio.create_subprocess_exec(
        *(sys.executable, __file__, "--seconds", str(seconds), "--against", address),
        stdout=asyncio.subprocess.PIPE,
    )
    assert others.stdout is not None, "its output is a pipe"
    await others.stdout.readline()  # they have begun
    most = await run(load, pid, load.crowd(good=True), seconds)
    found, _ = await others.communicate()
    load.statuses.update({(who, status): count for who, status, count in json.loads(found)})
    wall = time.perf_counter() - started
    own_seconds = sum(
        map(int, Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13])
    ) / os.sysconf("SC_CLK_TCK")
    allowed = KEEP_MB + 3 * WORKER_MB + 512
    good = load.statuses.total() > 0
    print(f"{sum(GROUPS.values())} clients for {wall:.0f} s, {load.statuses.total()} requests")
    print(
        f"{'good request':<20}{'alone ms':>9}{'together':>9}{'under load':>11}{'waiting':>8}"
        f"{'95 of 100':>10}{'times':>7}{'count':>7}"
    )
    for kind, times in load.times.items():
        idle, median = statistics.median(alone.times[kind]), statistics.median(times)
        without = statistics.median(together.times[kind])
        waited, late = statistics.median(load.waits[kind]), statistics.quantiles(times, n=20)[-1]
        print(
            f"{kind:<20}{1e3 * idle:>9.0f}{1e3 * without:>9.0f}{1e3 * median:>11.0f}"
            f"{1e3 * waited:>8.0f}{1e3 * late:>10.0f}{median / idle:>7.1f}{len(times):>7}"
        )
        good &= median <= TIMES_IDLE * idle
    for who in GROUPS:
        row = {
            status: count for (name, status), count in sorted(load.statuses.items()) if name == who
        }
        print(
            f"{who:<20}"
            + ", ".join(f"{count} × {status or 'no answer'}" for status, count in row.items())
        )
    wrong = sum(count for (_, status), count in load.statuses.items() if status >= 500)
    print(
        f"5xx: {wrong}; memory {before:.0f} MB before, {most:.0f} MB at most, allowed {allowed} MB"
    )
    print(f"CPU of the server without its workers: {own_seconds:.0f} s")
    return good and wrong == 0 and most <= allowed


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--seconds", type=float, default=60.0)
    arguments.add_argument(
        "--arrive",
        type=float,
        default=ARRIVE_SECONDS,
        help="Seconds within which the good clients come; with 0 all of them at the same moment.",
    )
    arguments.add_argument(
        "--against",
        metavar="ADDRESS",
        help="Only the clients that are up to no good, against this server.",
    )
    options = arguments.parse_args()
    if options.against:
        load = Load(options.against)
        print("begun", flush=True)
        asyncio.run(run(load, os.getpid(), load.crowd(good=False), options.seconds))
        print(json.dumps([[*key, count] for key, count in load.statuses.items()]))
        return 0
    limits = ["--worker-mb", str(WORKER_MB), "--keep-mb", str(KEEP_MB)]
    command = [
        sys.executable,
        "-m",
        "kinestyle",
        "studio",
        "--no-open",
        "--port",
        "0",
        "--workers",
        "2",
        *limits,
    ]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as server:
        try:
            assert server.stdout is not None, "the server's output is a pipe"
            good = asyncio.run(
                measure(
                    server.stdout.readline().strip(), server.pid, options.seconds, options.arrive
                )
            )
        finally:
            server.terminate()
            server.wait(30.0)
    ours, theirs = (
        resource.getrusage(resource.RUSAGE_SELF),
        resource.getrusage(resource.RUSAGE_CHILDREN),
    )
    print(
        f"CPU: clients {ours.ru_utime + ours.ru_stime:.0f} s, server and workers "
        f"{theirs.ru_utime + theirs.ru_stime:.0f} s"
    )
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
