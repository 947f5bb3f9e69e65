"""Whether an address is AWS's own, an emulator's, or this machine's."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit


def is_amazon(url: str) -> bool:
    """Whether a URL leads to AWS itself, and not to an emulator named by ``AWS_ENDPOINT_URL``."""
    return (urlsplit(url).hostname or "").endswith((".amazonaws.com", ".amazonaws.com.cn", ".api.aws"))


def is_loopback(host: str | None) -> bool:
    """Whether a host name or address is this machine's own."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False
