"""Addresses of clients."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address

Address = IPv4Address | IPv6Address


def read_address(text: str) -> Address | None:
    """An IPv4 address even if an IPv6 socket shows it, as ``::ffff:192.0.2.1`` (RFC 4291
    §2.5.5.2); None: it is none."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def is_loopback(text: str) -> bool:
    """127.0.0.0/8 and ::1."""
    address = read_address(text)
    return address is not None and address.is_loopback
