"""How quickly the studio's viewer moves and answers, measured in a real browser without a window.

    python benchmarks/studio_frames.py [--seconds 4] [--gpu]

Prints the frames a second with two characters side by side and with twelve in the grid, how long
drawing one takes, and
the time from the slider's release to the moving result. Without a window a browser draws with the
processor; a machine's graphics reach far more, and --gpu asks for them.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import statistics
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from studio_browser import Visit, browsing, serving, visiting

DRAW = """(async () => {
  const { stage } = window.kinestyle, gl = stage.renderer.getContext();
  const pixel = new Uint8Array(4), times = [];
  for (let i = 0; i < 20; i++) {
    const began = performance.now();
    stage.touch();
    stage.draw(20 + i, false, 16);
    gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, pixel);  // waits until it is drawn
    times.push(performance.now() - began);
  }
  return times;
})()"""


RENDERER = """(() => {
  const gl = window.kinestyle.stage.renderer.getContext();
  return gl.getParameter(gl.getExtension('WEBGL_debug_renderer_info').UNMASKED_RENDERER_WEBGL);
})()"""


def browser_seconds() -> float:
    """CPU seconds so far of the browser's processes, which are below this one. Linux."""
    rows = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            name, rest = path.read_text().split("(", 1)[1].rsplit(")", 1)
            fields = rest.split()
            rows[int(path.parent.name)] = (int(fields[1]), name, int(fields[11]) + int(fields[12]))
    below = {os.getpid()}
    while more := {pid for pid, (parent, _, _) in rows.items() if parent in below} - below:
        below |= more
    return sum(
        ticks for pid, (_, name, ticks) in rows.items() if pid in below and "chrom" in name
    ) / os.sysconf("SC_CLK_TCK")


def frames_a_second(visit: Visit, seconds: float) -> float:
    count, began = visit.read("[kinestyle.seen.frames, performance.now()]")
    visit.page.wait_for_timeout(1000 * seconds)
    later, ended = visit.read("[kinestyle.seen.frames, performance.now()]")
    return 1000 * (later - count) / (ended - began)


def report(visit: Visit, what: str, seconds: float) -> None:
    visit.page.wait_for_timeout(1500)  # the viewer finds out how many pixels it can afford
    rate, sharpness = frames_a_second(visit, seconds), visit.read("kinestyle.stage.sharpness")
    visit.page.keyboard.press("Space")
    before = browser_seconds()
    times = visit.page.evaluate(DRAW)
    cpu = 1000 * (browser_seconds() - before) / len(times)
    visit.page.keyboard.press("Space")
    print(
        f"{what:<34}{rate:6.1f} frames/s at {100 * sharpness:3.0f} % of the pixels' side; "
        f"one drawn whole in {min(times):.0f} ms at best, {statistics.median(times):.0f} ms in "
        f"the middle, {cpu:.0f} ms of CPU"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=4.0, help="of counting frames")
    parser.add_argument(
        "--gpu", action="store_true", help="with the machine's graphics instead of the processor"
    )
    options = parser.parse_args()
    with (
        serving() as server,
        browsing(gpu=options.gpu) as browser,
        visiting(browser, server.address, calm=False) as visit,
    ):
        print(visit.page.evaluate(RENDERER))
        print(f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}")
        visit.until("kinestyle.clock.frame > 3")
        report(visit, "2 characters, side by side", options.seconds)
        visit.page.keyboard.press("g")
        visit.until(
            "kinestyle.view.variants.length && kinestyle.view.variants.every(variant => "
            "variant.character)"
        )
        report(visit, "12 characters, grid", options.seconds)
        visit.page.get_by_role("button", name="Side by side").click()
        slider, seconds, server_seconds = visit.page.get_by_label("Strength"), [], []
        for _ in range(15):
            before = visit.read("kinestyle.seen.latencies.length")
            visit.until_result(lambda: slider.press("ArrowLeft"))
            visit.until(f"kinestyle.seen.latencies.length > {before}")
            seconds.append(visit.read("kinestyle.seen.latencies.at(-1)"))
            server_seconds.append(1000 * visit.read("kinestyle.session.result.seconds"))
        middle, motion = statistics.median(seconds), statistics.median(server_seconds)
        print(
            f"slider to moving result, 5 s clip {middle:6.0f} ms in the middle, "
            f"{min(seconds):.0f} to {max(seconds):.0f} ms, "
            f"to be at most 300 ms; {motion:.0f} ms of it until the motion has come"
        )
        assert visit.errors == [], visit.errors


if __name__ == "__main__":
    main()
