"""Free TCP ports of this machine for the servers of the embedded stack."""

import secrets
import socket
from collections.abc import Iterable

HOST = "127.0.0.1"

FRIENDLY: dict[str, int] = {
    "api-1": 8000,
    "temporal-ui": 8233,
    "temporal": 7233,
    "stripe": 8420,
    "carrier": 8430,
    "mail": 8440,
    "smtp": 8441,
    "postgres": 5433,
}

# Below what Linux (32768 up) and macOS (49152 up) hand to outgoing connections and to `bind(0)`, so that
# nobody is given a port of ours between our look at it and our server's start, or while it is restarted.
RANGE = range(20_000, 32_000)


def is_free(port: int) -> bool:
    """Whether a server could listen on the port of 127.0.0.1 right now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do: what lingers in TIME_WAIT is no obstacle, a listener is.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def choose(names: Iterable[str], *, prefer_friendly: bool) -> dict[str, int]:
    """A free port a name, all different; the one people expect first, if wanted and free.

    Another process may still take one before our server does: whoever starts it has to be ready for that.
    """
    chosen: dict[str, int] = {}
    for name in names:
        wanted = FRIENDLY.get(name) if prefer_friendly else None
        taken = chosen.values()
        if wanted is None or wanted in taken or not is_free(wanted):
            wanted = next(port for port in _random_ports() if port not in taken and is_free(port))
        chosen[name] = wanted
    return chosen


def free_port() -> int:
    """One of them, for a server by itself."""
    return choose(("it",), prefer_friendly=False)["it"]


def _random_ports() -> Iterable[int]:
    while True:
        yield secrets.choice(RANGE)
