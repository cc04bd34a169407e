"""Ports that are known before anybody listens there."""

import socket

_kept: list[socket.socket] = []


def reserve_port() -> socket.socket:
    """Return what keeps a port until it is closed.

    Nobody listens there, and the system gives the port to nobody who asks for any. A server that
    asks for this one gets it, as servers take addresses that were in use just before.
    """
    reserved = socket.socket()
    reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    reserved.bind(("127.0.0.1", 0))
    return reserved


def free_port() -> int:
    """Return a port that is kept until this process ends."""
    _kept.append(reserve_port())
    return _kept[-1].getsockname()[1]
