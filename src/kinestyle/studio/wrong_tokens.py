"""How often an address may guess at the token."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from math import ceil

from kinestyle.studio.error_responses import GuessError
from kinestyle.studio.fair_shares import network_of

FREE = 10
"""Wrong tokens of an address before it has to wait."""
FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 1.0, 60.0
"""How long it waits then; twice as long with each further wrong one."""
REMEMBERED_SECONDS = 900.0
"""Without another wrong one, after which all are forgotten."""
ADDRESSES = 4096
"""Addresses that are remembered, the latest ones."""


@dataclass
class _Guesses:
    count: int = 0
    last: float = 0.0
    waits_until: float = 0.0


class WrongTokens:
    """Counts wrong tokens by address. While an address waits, its token is not looked at, so that
    guessing goes no faster for many requests at once. The right one clears it.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self._guesses: OrderedDict[str, _Guesses] = OrderedDict()

    def check(self, address: str) -> None:
        """Raises GuessError while the address has to wait."""
        known = self._guesses.get(network_of(address))
        if known is not None and (left := known.waits_until - self.clock()) > 0.0:
            raise GuessError(
                f"{known.count} wrong tokens came from your address; try again in {ceil(left)} s",
                ceil(left),
            )

    def wrong(self, address: str) -> None:
        name, now = network_of(address), self.clock()
        known = self._guesses.pop(name, _Guesses())
        if now - known.last > REMEMBERED_SECONDS:
            known = _Guesses()
        known.count, known.last = known.count + 1, now
        if known.count >= FREE:
            doubled = FIRST_WAIT_SECONDS * 2.0 ** min(known.count - FREE, 30)
            known.waits_until = now + min(doubled, LONGEST_WAIT_SECONDS)
        self._guesses[name] = known
        while len(self._guesses) > ADDRESSES:
            self._guesses.popitem(last=False)

    def right(self, address: str) -> None:
        self._guesses.pop(network_of(address), None)
