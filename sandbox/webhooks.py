"""Posts signed webhooks for the stand-ins: in order, again until they are taken, and badly on demand."""

import asyncio
import contextlib
import random
from collections.abc import Callable
from dataclasses import dataclass, field

import httpx

Sign = Callable[[bytes], dict[str, str]]


@dataclass
class Post:
    """One event on its way. `delay` is seconds."""

    event_id: str
    body: bytes
    delay: float = 0.0


@dataclass
class Conduct:
    """How the poster behaves: `normal`, `hold` (kept until released) or `drop`; each post sent `duplicate` more times."""

    mode: str = "normal"
    duplicate: int = 0
    delay_seconds: float = 0.0
    held: list[Post] = field(default_factory=list)


class Poster:
    """Delivers events to one address until it answers 2xx: after 0.25 s, doubling up to 30 s, for as long as it lives."""

    def __init__(self, url: str, sign: Sign) -> None:
        self.url, self.sign, self.conduct = url, sign, Conduct()
        self._tasks: set[asyncio.Task[None]] = set()
        self._client = httpx.AsyncClient(timeout=10)

    def post(self, event_id: str, body: bytes) -> None:
        """Send soon, as the conduct has it."""
        post = Post(event_id, body, self.conduct.delay_seconds)
        if self.conduct.mode == "hold":
            self.conduct.held.append(post)
        elif self.conduct.mode == "normal":
            for _ in range(1 + self.conduct.duplicate):
                self._start(post)

    def release(self, *, reorder: bool = False) -> int:
        """Let go of what was held, in order or backwards; how many."""
        held, self.conduct.held = self.conduct.held, []
        for post in reversed(held) if reorder else held:
            self._start(post)
        return len(held)

    def _start(self, post: Post) -> None:
        task = asyncio.create_task(self._deliver(post))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _deliver(self, post: Post) -> None:
        await asyncio.sleep(post.delay)
        pause = 0.25
        while True:
            with contextlib.suppress(httpx.HTTPError):
                headers = {"Content-Type": "application/json", **self.sign(post.body)}
                answer = await self._client.post(self.url, content=post.body, headers=headers)
                if answer.is_success:
                    return
            await asyncio.sleep(pause * (1 + random.random() / 4))  # noqa: S311  # jitter, not a secret
            pause = min(pause * 2, 30)
