"""A server of drip's that runs, and must stop in order."""

import contextlib
import socket
import subprocess
import time


@contextlib.contextmanager
def served(command, port):
    server = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        for _ in range(200):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                break
            time.sleep(0.05)
        yield
    finally:
        server.terminate()
        assert server.wait(20) == 0, "the server did not stop in order"
