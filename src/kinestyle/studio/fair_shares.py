"""Whose turn it is: the later, the more of the workers a client has used lately.

A client is a connection, and counts with its network: those are what a server knows of who asks
without a word of theirs. By a word of theirs connections can only be put together, as a page does
with its browser's. A job is due at once, or up to `patience_seconds` after it came: then it goes
before whatever comes later, so that nobody waits for ever.
"""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any

LABEL = "x-kinestyle-client"
"""The header in which a client says which connections belong together."""
FORGET_SECONDS = 20.0
"""After which a third is left of what was used."""
HALF_SECONDS, NETWORK_HALF_SECONDS = 2.0, 20.0
"""Of a worker, used lately: what delays a connection, a whole network, half as long as can be."""
CONNECTION_SHARE = 0.6
"""Of the longest delay that is the connection's own; the rest is its network's."""
UNPROVEN = 10.0
"""How many times over reading a file counts until something is asked of the clip: nobody can tell
before what is no motion, and refusing it is all that an attack wants.
"""
REMEMBERED = 4096
"""Connections, networks and files that are remembered, the latest ones."""
BACKGROUND_SECONDS = 2.0
"""How much later what a person does not wait for is due."""
READERS = 32
"""Accounts that are remembered for one file, the latest ones."""
LABEL_LENGTH = 64
"""What is looked at of it."""
LEFT = 64
"""Accounts of closed connections that are kept for a network."""
NOTHING_SECONDS = 0.05
"""Used lately, which is not worth an account."""


@dataclass(eq=False)
class Account:
    """Seconds of the workers that were used until a moment."""

    seconds: float = 0.0
    moment: float = 0.0
    label: str = ""

    def at(self, now: float) -> float:
        return self.seconds * math.exp((self.moment - now) / FORGET_SECONDS)

    def add(self, seconds: float, now: float) -> None:
        self.seconds, self.moment = max(0.0, self.at(now) + seconds), now


@dataclass(eq=False)
class Client:
    """Who asks, for as long as one request lasts.

    name: of the connection; network: see `network_of`; job: what the client calls the work, None
    where it does not care; label: the same on connections that belong together
    is_background: whether a person waits for something else first
    accounts: of the connection and of its network, none before the first job; came: when that was
    due: when the next job is
    waited_seconds, worked_seconds: of all of them
    """

    name: str
    network: str = ""
    job: str | None = None
    label: str = ""
    is_background: bool = False
    accounts: tuple[Account, ...] = ()
    came: float = 0.0
    due: float = 0.0
    waited_seconds: float = 0.0
    worked_seconds: float = 0.0

    @classmethod
    def at(cls, address: tuple[str, int] | None, job: str | None = None, label: str = "") -> Client:
        """The one at the other end of a connection."""
        host, port = address or ("", 0)
        return cls(f"{host}:{port}", network_of(host), job, label[:LABEL_LENGTH])


@dataclass
class FairShares:
    """What clients have used. patience_seconds: how late the one is due who has used most"""

    patience_seconds: float
    clock: Callable[[], float] = time.monotonic
    _connections: OrderedDict[str, Account] = field(default_factory=OrderedDict)
    _networks: OrderedDict[str, Account] = field(default_factory=OrderedDict)
    _left: OrderedDict[str, list[Account]] = field(default_factory=OrderedDict)
    """By network, the accounts of connections that were closed, the last one last."""
    _labels: OrderedDict[tuple[str, str], Account] = field(default_factory=OrderedDict)
    """By network and label."""
    _unproven: OrderedDict[str, list[tuple[Account, Account]]] = field(default_factory=OrderedDict)
    """By a clip's key: accounts, and what is taken off them once something is asked of the clip."""

    def admit(self, client: Client, uses: Iterable[str] = ()) -> None:
        """Say when it is a client's turn: once, before the first job of a request. uses: the keys
        of the clips of which something is asked
        """
        if client.accounts:
            return
        now = self.clock()
        client.accounts = self._accounts(client)
        used = {account: account.at(now) for account in client.accounts}
        # who opens a clip and restyles it at once does not wait for having only opened it
        for account, over in (each for key in uses for each in self._unproven.get(key, ())):
            if account in used:
                used[account] -= over.at(now)
        own, network = (max(0.0, seconds) for seconds in used.values())
        late = CONNECTION_SHARE * _lateness(own / HALF_SECONDS)
        late += (1.0 - CONNECTION_SHARE) * _lateness(network / NETWORK_HALF_SECONDS)
        background = BACKGROUND_SECONDS if client.is_background else 0.0
        client.came, client.due = now, now + late * self.patience_seconds + background

    def go_on(self, client: Client) -> None:
        """A job of the request is done: it has waited for its turn, the next ones need not."""
        client.due = client.came

    def charge(self, client: Client, seconds: float, reads: str | None = None) -> None:
        """Count what a client has used that was admitted. reads: the key of the file that was only
        read in it
        """
        now = self.clock()
        for account in client.accounts:
            account.add(seconds if reads is None else UNPROVEN * seconds, now)
        if reads is not None:
            over = (UNPROVEN - 1.0) * seconds
            readers = self._unproven.setdefault(reads, [])
            readers += [(account, Account(over, now)) for account in client.accounts]
            del readers[:-READERS]
            _forget_oldest(self._unproven)

    def prove(self, keys: Iterable[str]) -> None:
        """Something was made of these clips: reading them counts once."""
        now = self.clock()
        for key in keys:
            for account, over in self._unproven.pop(key, ()):
                account.add(-over.at(now), now)

    def leave(self, client: Client) -> None:
        """Keep the account of a connection that is closed for the next one from there: a new
        connection costs nothing, and must not be worth anything.
        """
        account = self._connections.pop(client.name, None)
        if account is None or any(account is other for other in self._connections.values()):
            return
        left, now = self._left.setdefault(client.network, []), self.clock()
        left.append(account)
        if len(left) > LEFT:
            left.remove(min(left, key=lambda each: each.at(now)))
        _forget_oldest(self._left)

    def _accounts(self, client: Client) -> tuple[Account, Account]:
        """That of the connection, and that of its network."""
        if client.name not in self._connections:
            self._connections[client.name] = self._labelled(client)
            _forget_oldest(self._connections)
        network = self._networks.setdefault(client.network, Account())
        self._networks.move_to_end(client.network)
        _forget_oldest(self._networks)
        self._connections.move_to_end(client.name)
        return self._connections[client.name], network

    def _labelled(self, client: Client) -> Account:
        """For a new connection: that of others with its label, or one that was left."""
        key = client.network, client.label
        account = self._labels.get(key)
        if account is None:
            account = self._inherited(client.network)
            if client.label:
                account.label = client.label
                self._labels[key] = account
                _forget_oldest(self._labels)
        elif account in (left := self._left.get(client.network, [])):
            left.remove(account)
        return account

    def _inherited(self, network: str) -> Account:
        left, now = self._left.get(network, []), self.clock()
        while left:
            account = left.pop()
            if account.at(now) > NOTHING_SECONDS:
                self._labels.pop((network, account.label), None)
                account.label = ""
                return account
        self._left.pop(network, None)
        return Account()


def _lateness(used: float) -> float:
    """0 to 1, half at 1: little counts for nearly nothing, so that who works as a person does goes
    before who sends without end, and before both who has only come.
    """
    return used**2 / (1.0 + used**2)


def _forget_oldest(known: OrderedDict[Any, Any]) -> None:
    while len(known) > REMEMBERED:
        known.popitem(last=False)


def network_of(address: str) -> str:
    """Who counts as one: an IPv4 address, or the network that one IPv6 customer has."""
    try:
        parsed = ip_address(address)
    except ValueError:  # a socket file, or a test
        return address
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is None:
        return str(ip_network((parsed, 64), strict=False))
    return str(parsed)
