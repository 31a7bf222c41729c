"""The studio as a person meets it: its server in an own process, its page in a real browser without
a window.

Tests, the benchmark and the script of pictures use it. Only `Visit.read` looks inside the page: it
asks `window.kinestyle`.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
PICTURES = ROOT / "build" / "studio"
DESKTOP, PHONE = (1280, 720), (390, 844)

FLAGS = [
    "--enable-unsafe-swiftshader",
    "--use-angle=swiftshader",
    "--no-sandbox",
    "--force-color-profile=srgb",
]
"""WebGL drawn by the processor; the sandbox needs a user who is not root."""

PATIENCE_SECONDS = 60.0
"""Until something that must happen counts as never happening, on a machine that is busy with other
things.
"""


def find_chromium() -> str | None:
    """The path of an installed Chromium or Chrome; None where there is none."""
    named = os.environ.get("KINESTYLE_CHROMIUM")
    return named or next(
        filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
    )


class Server:
    """`kinestyle studio` in a process of its own, which can be killed and started again at the same
    address. source: the folder that holds the package
    """

    def __init__(self, *options: str, source: Path = ROOT / "src"):
        self.options, self.source = options, source
        self.port = 0
        self.start()

    def start(self) -> None:
        command = [
            sys.executable,
            "-m",
            "kinestyle",
            "studio",
            "--no-open",
            "--port",
            str(self.port),
            *self.options,
        ]
        environment = {
            **os.environ,
            "PYTHONPATH": str(self.source),
            "OMP_NUM_THREADS": "1",
            "PYTHONUNBUFFERED": "1",
        }
        self.process = subprocess.Popen(
            command,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )
        assert self.process.stdout is not None, "its output is a pipe"
        self.address = self.process.stdout.readline().strip()
        assert self.address.startswith("http"), (
            f"`kinestyle studio` said {self.address!r}, wanted its address"
        )
        self.port = int(self.address.split("#")[0].rstrip("/").rsplit(":", 1)[1])

    def kill(self) -> None:
        """At once, with its workers."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        assert self.process.stdout is not None, "its output is a pipe"
        self.process.stdout.close()


@contextmanager
def serving(*options: str, source: Path = ROOT / "src") -> Iterator[Server]:
    server = Server(*options, source=source)
    try:
        yield server
    finally:
        server.kill()


@contextmanager
def browsing(gpu: bool = False, *, little_motion: bool = False) -> Iterator[Browser]:
    """A browser without a window, drawing with the processor or, if asked, with the machine's
    graphics.

    little_motion: the person has asked for it, which frames know from their first moment; a page
    that is only told to behave so tells its frames when they already run
    """
    with sync_playwright() as playwright:
        flags = ["--no-sandbox", "--enable-gpu"] if gpu else FLAGS
        asked = ["--force-prefers-reduced-motion"] if little_motion else []
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=[*flags, *asked])
        yield browser
        browser.close()


class Visit:
    """A page that is open, and what its console said."""

    def __init__(self, page: Page):
        self.page = page
        self.errors: list[str] = []
        page.on("console", self._note)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", lambda request: self.requests.append(request.url))
        self.requests: list[str] = []

    def _note(self, message: ConsoleMessage) -> None:
        # said of pictures that are taken, and by a browser that is slow to need what it has fetched
        usual = ("GPU stall due to ReadPixels", "was preloaded using link preload but not used")
        if message.type in ("error", "warning") and not any(one in message.text for one in usual):
            self.errors.append(message.text)

    def read(self, expression: str) -> Any:
        """A value out of the page: `kinestyle` is its `window.kinestyle`."""
        return self.page.evaluate(
            f"(() => {{ const kinestyle = window.kinestyle; return kinestyle && ({expression}); "
            f"}})()"
        )

    def until(self, expression: str, seconds: float = PATIENCE_SECONDS) -> Any:
        """Wait until an expression holds, and return it. Raises AssertionError."""
        end = time.monotonic() + seconds
        while not (value := self.read(expression)):
            assert time.monotonic() < end, (
                f"waited {seconds:.0f} s for {expression}; the console said {self.errors}"
            )
            self.page.wait_for_timeout(30)
        return value

    def until_result(self, act: Callable[[], Any], **wanted: Any) -> dict[str, Any]:
        """Do something and wait for the new result that it leads to, of a request with these
        values. Returns the request.
        """
        before = self.read("kinestyle.session.result?.clip.id ?? ''")
        act()
        same = (
            f"Object.entries({json.dumps(wanted)}).every(([key, value]) => "
            f"`${{r.request[key]}}` === `${{value}}`)"
        )
        self.until(f"(r => r && r.clip.id !== {before!r} && {same})(kinestyle.session.result)")
        return self.read("({...kinestyle.session.result.request, like: undefined})")

    def picture(self, name: str) -> Path:
        """What is on the screen, at full sharpness, into build/studio."""
        PICTURES.mkdir(parents=True, exist_ok=True)
        path = PICTURES / f"{name}.png"
        self.page.screenshot(path=path)
        return path

    def drop(self, target: str, *files: tuple[str, bytes]) -> None:
        """Let files fall onto an element, as from a file manager."""
        transfer = self.page.evaluate_handle(
            """files => {
              const transfer = new DataTransfer();
              const bytes = text => Uint8Array.from(atob(text), letter => letter.charCodeAt(0));
              for (const [name, text] of files) transfer.items.add(new File([bytes(text)], name));
              return transfer;
            }""",
            [[name, b64encode(data).decode("ascii")] for name, data in files],
        )
        for event in ("dragenter", "dragover", "drop"):
            self.page.dispatch_event(target, event, {"dataTransfer": transfer})


@contextmanager
def visiting(
    browser: Browser,
    address: str,
    size: tuple[int, int] = DESKTOP,
    scheme: Literal["light", "dark"] = "light",
    touch: bool = False,
    calm: bool = True,
) -> Iterator[Visit]:
    """A fresh visit, until the first result is there. A calm one asks for still previews, which is
    lighter on the machine.
    """
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        color_scheme=scheme,
        reduced_motion="reduce" if calm else "no-preference",
        has_touch=touch,
        accept_downloads=True,
    )
    context.set_default_timeout(1000 * PATIENCE_SECONDS)
    visit = Visit(context.new_page())
    visit.page.goto(address, wait_until="commit")
    visit.until("kinestyle.session.result")
    yield visit
    context.close()
