"""Measures a first visit to the site in a real browser, from Python's plain file server: what is
sent before the first restyled motion moves, how long that takes, and how long a change of strength
does.

Run `python showcase/measure.py FOLDER`, after `showcase/build.py`. Needs playwright and Chromium,
as the tests of the page do.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parents[1]
sys.path.append(str(ROOT / "tests"))

STRENGTHS = (0.35, 0.9, 1.3, 0.65, 1.1)


@contextmanager
def serving_files(folder: Path) -> Iterator[str]:
    """`python -m http.server` for a folder, at a port that is free -> its address."""
    command = [
        sys.executable,
        "-u",
        "-m",
        "http.server",
        "0",
        "--bind",
        "127.0.0.1",
        "-d",
        str(folder),
    ]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as server:
        try:
            assert server.stdout is not None, "its output is a pipe"
            port = server.stdout.readline().split(" port ")[1].split()[0]
            yield f"http://127.0.0.1:{port}/"
        finally:
            server.kill()


def bytes_sent(folder: Path, requests: list[str]) -> int:
    """Of the files that were asked for, each once, as they lie there."""
    names = {urlsplit(address).path.lstrip("/") or "index.html" for address in requests}
    return sum((folder / name).stat().st_size for name in names)


def first_visit(folder: Path) -> dict[str, Any]:
    """Seconds and bytes of a visit."""
    from studio_browser import browsing, visiting

    with (
        serving_files(folder) as address,
        browsing() as browser,
        visiting(browser, address) as visit,
    ):
        visit.until("kinestyle.seen.latencies.length")
        # the page's own clock begins when the browser is sent to it
        seconds = visit.read("kinestyle.seen.latencies[0]") / 1000.0
        sent = bytes_sent(folder, list(visit.requests))
        changes = []
        for strength in STRENGTHS:
            before = visit.read("kinestyle.seen.latencies.length")
            visit.page.get_by_label("Strength").fill(str(strength))
            visit.until(f"kinestyle.seen.latencies.length > {before}")
            changes.append(visit.read("kinestyle.seen.latencies.at(-1)") / 1000.0)
    return {"first_motion_s": seconds, "sent_bytes": sent, "change_s": statistics.median(changes)}


def main(folder: Path) -> None:
    try:
        from studio_browser import find_chromium
    except ImportError as error:
        sys.stdout.write(f"the first visit is not measured: {error}\n")
        return
    if find_chromium() is None:
        sys.stdout.write("the first visit is not measured: there is no Chromium\n")
        return
    found = first_visit(folder)
    sys.stdout.write(
        f"first motion after {found['first_motion_s']:.2f} s and "
        f"{found['sent_bytes'] / 1e6:.2f} MB; a change of strength takes "
        f"{1000.0 * found['change_s']:.0f} ms in the median\n"
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
