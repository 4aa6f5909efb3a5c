"""Where a request comes from, and where it went. A forwarding header counts only where our own proxies wrote it."""

from __future__ import annotations

import ipaddress

from django.conf import settings
from django.http import HttpRequest

IPV6_PREFIX = 64  # one subscriber's network: limits for single addresses in it would be no limits


def address_of(request: HttpRequest) -> str:
    """The network address to limit this request by."""
    return client_address(request.META.get("REMOTE_ADDR", ""), request.META.get("HTTP_X_FORWARDED_FOR", ""))


def own_origin(request: HttpRequest) -> str:
    """Scheme, host and port under which the client reached this server; get_host holds it to ALLOWED_HOSTS."""
    return f"{request.scheme}://{request.get_host()}"


def client_address(peer: str, forwarded_for: str = "") -> str:
    """The client's address: the peer's, or behind TRUSTED_PROXIES proxies the one that the outermost of them saw."""
    address = peer
    if settings.TRUSTED_PROXIES > 0:
        # Counted from the end: everything before what our own proxies wrote is the client's invention.
        hops = [hop.strip() for hop in forwarded_for.split(",") if hop.strip()]
        if len(hops) >= settings.TRUSTED_PROXIES:
            address = hops[-settings.TRUSTED_PROXIES]
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, IPV6_PREFIX), strict=False))
    return str(parsed)
