"""One process that makes results: `python -m kinestyle.batch.worker`. It reads an order and then
work on standard input, and answers on standard output, both as pickles between processes of one
program. It ends with the process that started it.
"""

from __future__ import annotations

import os
import pickle
import queue
import signal
import sys
import threading
from contextlib import suppress
from typing import IO, Any

DONE = "done"
"""Follows the outcomes of a clip."""


def send(stream: IO[bytes], message: Any) -> None:
    """Raises OSError where the other side is gone."""
    pickle.dump(message, stream, protocol=pickle.HIGHEST_PROTOCOL)
    stream.flush()


def receive(stream: IO[bytes]) -> Any:
    """Raises EOFError where the other side is gone."""
    try:
        return pickle.load(stream)
    except (OSError, pickle.UnpicklingError):  # it ended in the middle of a message
        raise EOFError from None


def main() -> None:
    # what a library prints must not come between the answers
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    # Ctrl-C reaches all processes of a terminal; the one that started this one says what follows
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    waiting: queue.SimpleQueue[Any] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(sys.stdin.buffer, waiting), daemon=True).start()
    order, results = waiting.get()

    from kinestyle.batch.making import Maker

    maker = Maker(order, results)
    with suppress(OSError):
        while True:
            for outcome in maker.make(waiting.get()):
                send(answers, outcome)
            send(answers, DONE)


def _listen(requests: IO[bytes], waiting: queue.SimpleQueue[Any]) -> None:
    """Take what comes; end the process, in the middle of its work too, when nothing can come any
    more. What it has not finished is not to be seen, see `kinestyle.storage`.
    """
    while True:
        try:
            waiting.put(receive(requests))
        except EOFError:
            os._exit(0)


if __name__ == "__main__":
    main()
