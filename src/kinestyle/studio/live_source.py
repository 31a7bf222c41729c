"""A performer whom the studio shows while they move: what a capture tool sends over UDP, restyled.

One thread takes the packets in and restyles them. Whoever looks gets each frame as it leaves; who
is too slow misses some.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import shlex
import struct
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from kinestyle.bundle import Bundle
from kinestyle.errors import DataError, KinestyleError, shown
from kinestyle.live.bridge import (
    LOOPBACK,
    RECEIVE_PORT,
    SEND_PORT,
    Bridge,
    open_receiver,
    parse_address,
)
from kinestyle.live.performer import Frame
from kinestyle.live.settings import OF_STREAMS, check_for_stream
from kinestyle.live.streaming import StreamingStylizer
from kinestyle.motion.clip import Clip
from kinestyle.retarget.correspondence import Correspondence
from kinestyle.runtime.cue import Cue
from kinestyle.runtime.settings import Settings
from kinestyle.runtime.style_files import parse_style
from kinestyle.runtime.stylizer import Stylizer
from kinestyle.studio.clip_store import Content
from kinestyle.studio.config import StudioConfig
from kinestyle.studio.error_responses import BusyError
from kinestyle.studio.motion_packing import pack_motion, pack_poses
from kinestyle.studio.restyling import as_sent

if TYPE_CHECKING:
    from kinestyle.live.osc import Message
    from kinestyle.live.vmc import VmcRig

CALIBRATED_SECONDS = 3.0
"""Of a performer, which show how the rig stands and moves."""

MOST_LOOKERS = 8
"""Who may look at once."""

_WAITING_FRAMES = 30
"""Of someone who looks: further ones replace the oldest."""

_LOOKS_SECONDS = 1.0
"""How often it is seen whether someone is still there."""


class _Wish(NamedTuple):
    """To be restyled otherwise from now on. sent: styles of the cue that came as files, by their
    names there; done: when it is so, or was refused
    """

    cue: Cue[Any]
    settings: Settings
    sent: Mapping[str, Content]
    done: Future[None]


class LiveSource:
    """What is heard at one address. It is the `Outlet` of its own bridge.

    address: where it listens, as `kinestyle live` takes it
    """

    def __init__(self, config: StudioConfig, bundle: Bundle) -> None:
        """Raises DataError where that is no address, or cannot be listened at."""
        said = str(config.live)
        to = parse_address(said, RECEIVE_PORT)
        if to is None:
            raise DataError(f"{shown(said)} is no address to hear, expected one as vmc://:39539")
        try:
            self._receiver = open_receiver(to)
        except OSError as error:
            raise DataError(
                f"cannot listen at {said}: {error.strerror or error}; name another port"
            ) from None
        self.address = "vmc://{}:{}".format(*self._receiver.getsockname())
        self._config, self._bundle, self._rate = config, bundle, config.live_rate
        self._cue: Cue[Any] | None = None
        self._settings = Settings()
        self._sent: Mapping[str, Content] = {}
        self._error: str | None = None
        self._bridge: Bridge | None = None
        self._body: _Body | None = None
        self._wishes: queue.SimpleQueue[_Wish] = queue.SimpleQueue()
        self._lookers: set[asyncio.Queue[bytes | None]] = set()
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._run, name="live", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None

    def open(self) -> None:
        """Begin to listen. To be called in the server's event loop."""
        self._loop = asyncio.get_running_loop()
        self._thread.start()

    async def close(self) -> None:
        """End it, and free the address."""
        self._ends.set()
        self._to_all(None)
        await asyncio.to_thread(self._thread.join)
        self._receiver.close()

    def state(self) -> dict[str, Any]:
        """As `GET /api/live` says it."""
        bridge, body = self._bridge, self._body
        counts = None if bridge is None else bridge.counts
        stage = "calibrating" if counts is not None and counts.frames else "waiting"
        return {
            "source": self.address,
            "stage": stage if body is None else "running",
            "lookahead_seconds": None if body is None else body.stream.lookahead_seconds,
            "settings": [name for name in OF_STREAMS if name != "rig"],
            "request": None
            if self._cue is None
            else self._cue.as_dict() | self._settings.as_dict(),
            "command": self._command(),
            "counts": {} if counts is None else vars(counts),
            "error": self._error,
        }

    async def restyle(
        self, cue: Cue[Any], settings: Settings, sent: Mapping[str, Content] | None = None
    ) -> None:
        """Pass to a style and settings. sent: styles of the cue that came as files, by their names
        there. Raises StyleError; then nothing has changed.
        """
        sent = sent or {}
        check_for_stream(settings)
        for name in cue.style_names:
            if name not in sent:
                self._bundle.style(name)
        done: Future[None] = Future()
        self._wishes.put(_Wish(cue, settings, sent, done))
        await asyncio.wrap_future(done)

    def frames(self, is_gone: Callable[[], Awaitable[bool]]) -> AsyncIterator[bytes]:
        """What is drawn of the performer, see docs/STUDIO.md, until they change or the one who
        looks `is_gone`. Raises BusyError.
        """
        if len(self._lookers) >= MOST_LOOKERS:
            raise BusyError(f"{MOST_LOOKERS} look already, as many as may; close another page")
        return self._frames(is_gone)

    async def _frames(self, is_gone: Callable[[], Awaitable[bool]]) -> AsyncIterator[bytes]:
        waiting: asyncio.Queue[bytes | None] = asyncio.Queue(_WAITING_FRAMES)
        self._lookers.add(waiting)
        try:
            if self._body is not None:
                yield self._body.head
            while not await is_gone():
                with contextlib.suppress(TimeoutError):
                    part = await asyncio.wait_for(waiting.get(), _LOOKS_SECONDS)
                    if part is None:
                        return
                    yield part
        finally:
            self._lookers.discard(waiting)

    # ---- in the thread ----

    def _run(self) -> None:
        stylizer = Stylizer(self._bundle)

        def make(clip: Clip) -> StreamingStylizer:
            stream = StreamingStylizer(stylizer, clip)
            if self._cue is not None:
                try:
                    stream.restyle(self._cue, self._settings)
                except KinestyleError as error:
                    # such as parts that this rig has not; the performer is shown all the same
                    self._error = str(error)
            self._body = _Body(stream, clip)
            self._tell(self._body.head)
            return stream

        while not self._ends.is_set():
            self._bridge = Bridge(self._receiver, self, self._rate, CALIBRATED_SECONDS)
            try:
                self._bridge.run(make, lambda: self._grant_wishes(stylizer))
            except (KinestyleError, OSError) as error:
                # another sender may have a body
                self._error = str(error)
            self._body = None
            self._tell(None)

    def _grant_wishes(self, stylizer: Stylizer) -> bool:
        """Grant what is wished for. Whether to end."""
        with contextlib.suppress(queue.Empty):
            while True:
                wish = self._wishes.get_nowait()
                known = stylizer.at_hand
                try:
                    stylizer.at_hand = {
                        name: parse_style(one.upload.files[0][1], one.name, self._bundle)
                        for name, one in wish.sent.items()
                    }
                    if self._body is not None:
                        self._body.stream.restyle(wish.cue, wish.settings)
                    else:
                        stylizer.style_of(wish.cue, wish.settings.seed)
                except Exception as error:
                    stylizer.at_hand = known
                    wish.done.set_exception(error)
                    continue
                self._cue, self._settings, self._error = wish.cue, wish.settings, None
                self._sent = wish.sent
                wish.done.set_result(None)
        return self._ends.is_set()

    def other(self, message: Message) -> None:
        """Expressions and the like are not drawn."""

    def frame(self, rig: VmcRig, frame: Frame, number: int) -> None:
        """A frame leaves. Those that calibrate are not drawn: nobody knows the floor yet."""
        if self._body is not None and self._lookers:
            self._tell(self._body.drawn(frame))

    def _tell(self, part: bytes | None) -> None:
        loop = self._loop
        if loop is not None and not loop.is_closed():
            with contextlib.suppress(RuntimeError):  # it is closed in this moment
                loop.call_soon_threadsafe(self._to_all, part)

    # ---- in the event loop ----

    def _to_all(self, part: bytes | None) -> None:
        for waiting in self._lookers:
            if waiting.full():
                waiting.get_nowait()
            waiting.put_nowait(part)

    def _command(self) -> str | None:
        if self._cue is None:
            return None
        words = ["kinestyle", "live", "--in", self.address]
        words += ["--out", f"vmc://{LOOPBACK}:{SEND_PORT}"]
        words += as_sent(self._cue, self._sent).as_options() + self._settings.as_options()
        if self._config.bundle is not None:
            words += ["--bundle", str(self._config.bundle)]
        for folder in self._config.styles:
            words += ["--styles", str(folder)]
        return shlex.join(words)


class _Body:
    """The performer as they are drawn.

    head: how to draw them: a motion of one frame, and how many bytes that are, in front of it
    """

    def __init__(self, stream: StreamingStylizer, clip: Clip) -> None:
        self.stream = stream
        self._pose = clip.window(0, 1)
        self._c: Correspondence = stream.calibration.correspondence
        motion = pack_motion(self._pose, self._c, np.zeros((1, 4), dtype=bool))
        self.head = struct.pack("<I", len(motion)) + motion

    def drawn(self, frame: Frame) -> bytes:
        """A frame that leaves: where the joints were when it came, and where they are in it."""
        both = (self.stream.original, frame)
        position, turned = (np.stack(rows) for rows in zip(*both, strict=True))
        return pack_poses(self._pose.with_motion(position, turned), self._c)
