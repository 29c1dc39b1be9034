"""Ports of this machine."""

import socket


def free_port():
    """Returns one on which nothing listens."""
    with socket.socket() as there:
        there.bind(("127.0.0.1", 0))
        return there.getsockname()[1]
