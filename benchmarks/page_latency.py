"""How long a person waits in the studio's page: from a file to its picture, from the slider to what
moves, and until the grid shows something; in a real browser without a window.

    python benchmarks/page_latency.py [--against SRC] [--seconds 5,26,85,141,300] [--pulls 5]

SRC is the `src` folder of another checkout: both take turns with each clip. Clips are made by the
generator of the tests, 53 joints at 30 frames a second. Times are seconds. A pull moves the slider
to another strength and waits until the page draws that, of a long clip around the playhead;
`whole` is when all of it is there. CPU is that of the server with its workers, a pull.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
from contextlib import suppress
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from kinestyle.formats.bvh import format_bvh
from long_motion import long_clip
from studio_browser import ROOT, Visit, browsing, serving, visiting

TIMED = """() => { window.timed = (act, done) => new Promise((resolve) => {
  const began = performance.now();
  act();
  const look = () => done() ? resolve((performance.now() - began) / 1000)
                            : requestAnimationFrame(look);
  look();
}); }"""

UPLOAD = """async ([text, name]) => {
  const { session, view } = window.kinestyle;
  const bytes = new Blob([text]);
  return timed(() => session.open({ files: [{ name, bytes }] }),
    () => session.source?.clip?.name === name && view.original?.motion === session.source.motion
          && (view.result || view.part));
}"""

PULL = """async (strength) => {
  const { session, view } = window.kinestyle;
  await new Promise((resolve) => setTimeout(resolve, 500)); // the last result is on the screen
  const before = [view.result, view.part];
  const began = performance.now();
  const moving = await timed(() => session.set('strength', strength),
    () => [view.part, view.result].some((one) => one && !before.includes(one)));
  await timed(() => {}, () => session.result?.request.strength === strength);
  return [moving, (performance.now() - began) / 1000];
}"""

GRID = """async () => {
  const { view } = window.kinestyle;
  const filled = () => view.variants.filter(({ character }) => character).length;
  const views = [...document.querySelectorAll('#views button')];
  views.find(({ textContent }) => textContent === 'Grid').click();
  const first = await timed(() => {}, () => filled() > 0);
  const all = await timed(() => {}, () => filled() === view.variants.length);
  views[0].click();
  return [first, first + all];
}"""


def cpu_seconds(pid: int) -> float:
    """Of a process and all below it, so far. Linux."""
    found, ticks = [pid], 0
    for one in found:
        with suppress(OSError):
            fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
            ticks += sum(map(int, fields[11:15]))
            for task in Path(f"/proc/{one}/task").iterdir():
                found += map(int, (task / "children").read_text().split())
    return ticks / os.sysconf("SC_CLK_TCK")


def measure(visit: Visit, pid: int, text: str, seconds: float, pulls: int) -> list[float]:
    """Seconds: to the picture, to what moves, to the whole; CPU of a pull; the grid's first cell
    and the last one.
    """
    visit.page.evaluate(TIMED)
    picture = visit.page.evaluate(UPLOAD, [text, f"clip_{seconds:g}.bvh"])
    visit.until("kinestyle.session.result && !kinestyle.session.busy", 300.0)
    visit.page.wait_for_timeout(500)
    found, before = [], cpu_seconds(pid)
    for i in range(pulls):
        found.append(visit.page.evaluate(PULL, round(0.5 + 0.05 * i, 2)))
    cpu = (cpu_seconds(pid) - before) / pulls
    moving, whole = (statistics.median(each) for each in zip(*found, strict=True))
    return [picture, moving, whole, cpu, *visit.page.evaluate(GRID)]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--against", type=Path, metavar="SRC")
    parser.add_argument("--seconds", default="5,26,85,141,300")
    parser.add_argument("--pulls", type=int, default=5)
    options = parser.parse_args()
    sources = {"this": ROOT / "src"}
    if options.against:
        sources["that"] = options.against.resolve()
    names = ("picture", "moving", "whole", "CPU", "grid first", "grid all")
    print(f"{'clip s':>8}{'tree':>7}" + "".join(f"{name:>12}" for name in names), flush=True)
    with browsing() as browser:
        for seconds in map(float, options.seconds.split(",")):
            text = format_bvh(long_clip(seconds), "clip.bvh")[0].decode()
            for tree, source in sources.items():
                with (
                    serving("--token", "sesame", source=source) as server,
                    visiting(browser, server.address) as visit,
                ):
                    visit.page.set_default_timeout(600_000)
                    row = measure(visit, server.process.pid, text, seconds, options.pulls)
                    shown = "".join(f"{value:12.2f}" for value in row)
                    print(f"{seconds:8g}{tree:>7}{shown}", flush=True)


if __name__ == "__main__":
    main()
