"""Web pages and this machine's API: what a page of somebody else's may not do here."""

from urllib.parse import urlsplit

from ragctl.local.http.messages import Request

_LOOPBACK = {"127.0.0.1", "localhost", "::1"}


def is_addressed_here(request: Request) -> bool:
    """Return whether the Host is a name of this machine: else a page has had its own name resolve to it."""
    hosts = request.headers.all("Host")
    return len(hosts) == 1 and _host(f"//{hosts[0]}") in _LOOPBACK


def is_own(request: Request) -> bool:
    """Return whether no page, or one of this server's, sent the request: only then may it do without a token."""
    origin, site = request.headers.get("Origin"), request.headers.get("Sec-Fetch-Site")
    if site not in {None, "same-origin", "none"}:
        return False
    return origin is None or origin == f"http://{request.headers.get('Host')}"


def _host(address: str) -> str | None:
    try:
        return urlsplit(address).hostname
    except ValueError:
        return None
