"""How long it takes from nothing to a restyled file on one's own rig, as a first-time user goes.

    python benchmarks/first_time.py [WHEEL]

The commands are those of README: one that installs, one that starts the studio. Both run in an
empty folder, with an environment and caches of their own; WHEEL takes the place of the checkout.
Then a rig that no model has seen, as the tests generate them, is sent to the studio over HTTP as
the page sends it, restyled, and downloaded. Prints the seconds of each step, and fails where all
together take more than two minutes: on a machine that has nothing else to do. Needs the network, as
the user does, unless `--no-index --find-links FOLDER` are in PIP_NO_INDEX and PIP_FIND_LINKS.
"""

from __future__ import annotations

import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LIMIT_SECONDS = 120.0
"""What the whole path may take."""
PAGE = re.compile(r"http://127\.0\.0\.1:\d+\S*")


def main() -> int:
    package = Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else ROOT
    took: dict[str, float] = {}
    install, serve = readme_commands()
    with tempfile.TemporaryDirectory() as folder:
        rig = Path(folder) / "own_rig.bvh"
        write_own_rig(rig)
        here = Path(folder) / "environment"
        kept = {name: value for name, value in os.environ.items() if "PYTHONPATH" not in name}
        environment = {**kept, "PIP_CACHE_DIR": str(Path(folder) / "cache")}
        with timed("python3 -m venv (made ready)", took):
            subprocess.run([sys.executable, "-m", "venv", str(here)], check=True)
        environment["PATH"] = f"{here / 'bin'}:{environment['PATH']}"
        with timed(install, took):
            command = install.replace("'.[", f"'{package}[")
            subprocess.run(["bash", "-c", command], check=True, env=environment, stdout=2)
        with timed(f"{serve} (until the page answers)", took):
            server, address = started(f"exec {serve} --no-open --port 0", environment)
            with urllib.request.urlopen(address, timeout=30.0) as page:
                assert page.status == 200
        try:
            with timed("upload of a rig of one's own", took):
                name = urllib.parse.quote(rig.name)
                clip = asked(address, f"api/clips?name={name}", rig.read_bytes())
            with timed("restyle it", took):
                body = json.dumps({"style": "old"}).encode()
                result = asked(address, f"api/clips/{clip['id']}/stylize", body)
            with timed("download the result", took):
                url = f"{address}api/clips/{result['id']}/file?format=.bvh"
                with urllib.request.urlopen(url, timeout=30.0) as answer:
                    made = answer.read()
        finally:
            server.terminate()
            server.wait(20.0)
    assert made.startswith(b"HIERARCHY"), "what was downloaded is no BVH"
    for step, seconds in took.items():
        print(f"{seconds:7.1f} s  {step}")
    total = sum(took.values())
    print(f"{total:7.1f} s  in all, with 2 commands; {len(made) / 1e3:.0f} kB were downloaded")
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(
        f"{used.ru_utime + used.ru_stime:7.1f} s  of processor time; load {os.getloadavg()[0]:.1f}"
    )
    return int(total > LIMIT_SECONDS)


def readme_commands() -> tuple[str, str]:
    """The one that installs the studio, and the one that starts it, as README has them."""
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    (install,) = [line for line in lines if re.fullmatch(r"pip install '\.\[studio\]'", line)]
    (serve,) = [line for line in lines if line == "kinestyle studio"]
    return install, serve


@contextmanager
def timed(step: str, took: dict[str, float]) -> Iterator[None]:
    begun = time.monotonic()
    yield
    took[step] = time.monotonic() - begun


def started(command: str, environment: dict[str, str]) -> tuple[subprocess.Popen[str], str]:
    """The studio, and the address that it prints."""
    server = subprocess.Popen(
        ["bash", "-c", command],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert server.stdout is not None, "a pipe was asked for"
    said = ""
    for line in server.stdout:
        said += line
        if found := PAGE.search(line):
            return server, found[0].rstrip("/.") + "/"
    raise SystemExit(f"the studio ended before it had an address: {said}")


def asked(address: str, path: str, body: bytes) -> dict[str, str]:
    kind = "application/json" if body.startswith(b"{") else "application/octet-stream"
    request = urllib.request.Request(address + path, body, {"Content-Type": kind})
    with urllib.request.urlopen(request, timeout=60.0) as answer:
        found: dict[str, str] = json.load(answer)
    return found


def write_own_rig(path: Path) -> None:
    """A walk on a rig as the tests generate them."""
    sys.path.insert(0, str(ROOT / "tests"))
    from generated_rigs import generate
    from kinestyle import write_motion
    from made_rigs import walk

    write_motion(generate(7, "Mixamo", walk(4.0).clip).clip, path)


if __name__ == "__main__":
    sys.exit(main())
