"""The directory a stack keeps its data in: its lock, its secrets, its logs, and whether it is thrown away."""

import fcntl
import json
import os
import secrets
import tempfile
import time
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import psutil

from sandbox.reaper import is_gone


class DataInUse(RuntimeError):
    """Another stack runs on the directory."""


@dataclass(frozen=True, repr=False)
class Secrets:
    """Passwords and keys of one stack; made once a data directory."""

    postgres: str
    owner: str
    app: str
    stripe_api_key: str
    stripe_webhook_secret: str
    carrier_api_key: str
    carrier_webhook_secret: str
    api_key: str
    payload_key: str

    @classmethod
    def read_or_make(cls, path: Path) -> "Secrets":
        """What the file (mode 0600) holds; what it lacks is made and written."""
        kept: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
        fresh_value = {name: PREFIXES.get(name, "") + secrets.token_hex(24) for name in NAMES}
        made = cls(**{name: kept.get(name) or fresh_value[name] for name in NAMES})
        if asdict(made) != kept:
            fresh = path.with_suffix(".new")
            fresh.unlink(missing_ok=True)
            with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                json.dump(asdict(made), file, indent=2)
            fresh.replace(path)
        return made


NAMES = tuple(field.name for field in fields(Secrets))
PREFIXES = {
    "stripe_api_key": "sk_test_",
    "stripe_webhook_secret": "whsec_",
    "carrier_api_key": "carrier_test_",
    "carrier_webhook_secret": "carrier_whsec_",
    "api_key": "mp_test_",
}


class DataDirectory:
    """Opened and locked for as long as the stack, or the reaper behind it, lives.

    Raises `DataInUse` naming the process that has it, and `OSError` where it cannot be made or written.
    """

    def __init__(self, wanted: Path | None) -> None:
        self.temporary = wanted is None
        self.path = (wanted or Path(tempfile.mkdtemp(prefix="milepost-"))).expanduser().resolve()
        self.path.mkdir(parents=True, exist_ok=True)
        self.lock = _lock(self.path)
        try:
            self._lay_out()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Give the lock up; the reaper may hold it a little longer."""
        os.close(self.lock)

    def _lay_out(self) -> None:
        self.logs = self.path / "logs"
        self.logs.mkdir(mode=0o700, exist_ok=True)  # a seeded key is in one
        for log in self.logs.glob("*.log"):
            log.replace(log.with_suffix(".log.previous"))
        self.secrets = Secrets.read_or_make(self.path / "secrets.json")


def _lock(directory: Path, patience: float = 15.0) -> int:
    """The descriptor of the locked file. A dead owner's reaper gets `patience` seconds to finish."""
    descriptor = os.open(directory / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    deadline = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.pread(descriptor, 20, 0).decode().strip()
            if _lives(owner) or time.monotonic() > deadline:
                os.close(descriptor)
                raise DataInUse(
                    f"{directory} is in use by the stack of process {owner or 'unknown'}; "
                    "stop that one, or choose another data directory"
                ) from None
            time.sleep(0.05)
        else:
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, str(os.getpid()).encode(), 0)
            return descriptor


def _lives(owner: str) -> bool:
    try:
        return not is_gone(psutil.Process(int(owner)))
    except (ValueError, psutil.NoSuchProcess):
        return False
