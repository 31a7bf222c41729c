"""The program: `kinestyle`, and `python -m kinestyle`, which is how torchrun starts several
processes of it.
"""

from __future__ import annotations

import signal


def run() -> None:
    """The command line of this process."""
    # While commands are imported there is nothing to clean up, and nobody who could say so
    before = signal.getsignal(signal.SIGINT)
    if before is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from kinestyle.cli import main

    signal.signal(signal.SIGINT, before)
    main(prog_name="kinestyle")


if __name__ == "__main__":
    run()
