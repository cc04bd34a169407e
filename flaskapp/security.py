"""What keeps strangers out: the Host header, the answers' headers, and the key of the sessions."""

import ipaddress
import os
import secrets
import socket
from contextlib import suppress
from pathlib import Path

from flask import Flask, Response, abort, request

from market.errors import MarketError

_KEY_FILE = "page.key"
_KEY_BYTES = 32
_POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    ]
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
}


def is_loopback(host: str) -> bool:
    """Return whether nobody but this machine reaches a server at this address."""
    if host.lower() == "localhost":
        return True
    with suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return False


def is_host_allowed(header: str, served_at: str) -> bool:
    """Return whether a Host header names this machine.

    A page of somebody else's whose name was made to lead here still sends its own name; an IP
    address it cannot have as its name.
    """
    host = _without_port(header)
    if is_loopback(host):
        return True
    if is_loopback(served_at):
        return False
    own = socket.gethostname().lower()
    return host in (served_at.lower(), own, f"{own}.local") or _is_address(host)


def secret_key(folder: Path) -> bytes:
    """Return the key of the sessions, made at the first time; MarketError if it cannot be kept."""
    path = folder / _KEY_FILE
    try:
        with suppress(FileExistsError):
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(secrets.token_bytes(_KEY_BYTES))
        key = path.read_bytes()
    except OSError as problem:
        raise MarketError(
            f"{path} cannot be used ({problem.strerror}): check that the folder is there, and that "
            "you may write in it"
        ) from None
    if len(key) != _KEY_BYTES:
        raise MarketError(f"{path} is damaged: delete it, it is made anew")
    return key


def guard(app: Flask, served_at: str) -> None:
    """Have the application refuse foreign Host headers, and send its headers with all it says."""

    @app.before_request
    def check_host() -> None:
        if not is_host_allowed(request.headers.get("Host", ""), served_at):
            abort(421)

    @app.after_request
    def add_headers(response: Response) -> Response:
        response.headers.update(_HEADERS)
        if request.endpoint not in ("static", "assets.package"):
            response.headers["Cache-Control"] = "no-store"
        return response


def _without_port(header: str) -> str:
    host = header.strip().lower()
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.rpartition(":")[0] if host.count(":") == 1 else host


def _is_address(host: str) -> bool:
    with suppress(ValueError):
        ipaddress.ip_address(host)
        return True
    return False
