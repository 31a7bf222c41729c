"""The addresses at which other machines reach this one. Nothing is asked of any other machine."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

EVERYWHERE = {"0.0.0.0": 4, "::": 6, "": 4}
"""Hosts that stand for all addresses of a machine, and the version of IP that they are of."""

_IPV6_TABLE = Path("/proc/net/if_inet6")
_SIOCGIFADDR = 0x8915
_FAR_AWAY = {socket.AF_INET: "192.0.2.1", socket.AF_INET6: "2001:db8::1"}
"""Addresses for documents, which are nobody's."""


def reachable_hosts(host: str) -> list[str]:
    """Hosts to type into a browser, for a server that listens at `host`: that host, or, where it is
    all addresses, the loopback one, then each other. Of "::" those of both versions of IP.
    """
    if host not in EVERYWHERE:
        return [host]
    families = [socket.AF_INET] if EVERYWHERE[host] == 4 else [socket.AF_INET, socket.AF_INET6]
    found = [address for family in families for address in _own_addresses(family)]
    usable = [one for one in map(ipaddress.ip_address, found) if _can_be_typed(one)]
    return ["127.0.0.1", *dict.fromkeys(map(str, usable))]


def as_host(host: str) -> str:
    """A host as it stands in an address: IPv6 in brackets."""
    return f"[{host}]" if ":" in host else host


def _can_be_typed(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Link-local addresses of IPv6 need the name of an interface, which no browser takes."""
    return not (address.is_loopback or address.is_unspecified or address.is_link_local)


def _own_addresses(family: socket.AddressFamily) -> list[str]:
    """The addresses of all interfaces where the system lists them; else that of the default route,
    which a socket knows before it sends anything.
    """
    listed = [*(_of_interfaces() if family == socket.AF_INET else _of_table())]
    if listed:
        return listed
    with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as asked:
        asked.connect((_FAR_AWAY[family], 9))
        return [str(asked.getsockname()[0])]
    return []


def _of_interfaces() -> Iterator[str]:
    """IPv4, where an interface can be asked for its address."""
    try:
        from fcntl import ioctl

        names = [name for _, name in socket.if_nameindex()]
    except (ImportError, OSError):
        return
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        for name in names:
            # an interface without an address refuses, and so do systems with another request
            with contextlib.suppress(OSError):
                answer = ioctl(asked.fileno(), _SIOCGIFADDR, struct.pack("256s", name.encode()))
                yield socket.inet_ntoa(answer[20:24])


def _of_table() -> Iterator[str]:
    """IPv6, where the system lists it as a file."""
    with contextlib.suppress(OSError):
        for line in _IPV6_TABLE.read_text("ascii").splitlines():
            yield str(ipaddress.IPv6Address(bytes.fromhex(line.split()[0])))
