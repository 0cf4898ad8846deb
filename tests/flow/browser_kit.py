"""A real browser, driven over Chromium's DevTools protocol: what a customer's phone shows, measured.

Chromium is what the machine has: no package brings it, so without one these tests are skipped and say so.
"""

import asyncio
import base64
import itertools
import json
import os
import re
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Self

from websockets.asyncio.client import ClientConnection, connect

FOUND = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
WHY_SKIPPED = "there is no Chromium on this machine (Debian: apt-get install chromium)"
PICTURES = os.environ.get("MILEPOST_PICTURES")
"""A directory: pictures of what the tests look at are written there, for docs/images."""

_WATCH_SHIFTS = """
window.shifts = [];
new PerformanceObserver((list) => {
  for (const one of list.getEntries()) shifts.push([one.value, one.sources.map((at) => `${at.node?.nodeName}`)]);
}).observe({ type: "layout-shift", buffered: true });
"""


class Tab:
    """One page of the browser, by itself: no cookies, no cache of another."""

    def __init__(self, browser: "Browser", session: str) -> None:
        self._browser, self._session = browser, session

    async def call(self, method: str, **how: Any) -> dict[str, Any]:
        """One command of the DevTools protocol."""
        return await self._browser.call(method, self._session, **how)

    async def open(self, url: str) -> None:
        """Go there, and wait until it is loaded."""
        await self.call("Page.navigate", url=url)
        await self.until("document.readyState === 'complete' && location.href !== 'about:blank'")

    async def run(self, script: str) -> Any:
        """The value of an expression in the page."""
        answer = await self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    async def until(self, script: str, *, within: float = 15.0) -> Any:
        """The value of an expression, once it is true."""
        deadline = time.monotonic() + within
        while not (seen := await self.run(script)):
            assert time.monotonic() < deadline, f"not within {within} s: {script}"
            await asyncio.sleep(0.05)
        return seen

    async def press(self, key: str) -> None:
        """A key of the keyboard, down and up."""
        code = {"Tab": 9, "Enter": 13}[key]
        typed = {"text": "\r"} if key == "Enter" else {}
        about = {"key": key, "code": key, "windowsVirtualKeyCode": code}
        await self.call("Input.dispatchKeyEvent", type="keyDown", **about, **typed)
        await self.call("Input.dispatchKeyEvent", type="keyUp", **about)

    async def picture(self, name: str) -> None:
        """Written only if asked for; see `PICTURES`."""
        if PICTURES:
            taken = await self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True)
            await asyncio.to_thread(Path(PICTURES, f"{name}.png").write_bytes, base64.b64decode(taken["data"]))


class Browser:
    """One process of Chromium, without a window."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket, self._numbers = socket, itertools.count(1)
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._reader = asyncio.create_task(self._read())

    @classmethod
    @asynccontextmanager
    async def running(cls, home: Path) -> AsyncIterator[Self]:
        """Started, and ended at the end. `home` is a directory of its own."""
        assert FOUND is not None
        flags = ("--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars")
        command = [FOUND, *flags, "--disable-dev-shm-usage", "--remote-debugging-port=0", f"--user-data-dir={home}"]
        process = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.PIPE)
        try:
            async with connect(await _address(process), max_size=None, proxy=None) as socket:
                browser, rest = cls(socket), asyncio.create_task(_drained(process))
                yield browser
                browser._reader.cancel()
                rest.cancel()
        finally:
            process.kill()
            await process.wait()

    @asynccontextmanager
    async def tab(
        self, width: int = 1280, *, height: int = 844, dark: bool = False, scripts: bool = True, language: str = "en"
    ) -> AsyncIterator[Tab]:
        """A fresh page, so many CSS pixels wide."""
        context = (await self.call("Target.createBrowserContext"))["browserContextId"]
        target = await self.call("Target.createTarget", url="about:blank", browserContextId=context)
        opened = await self.call("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        tab = Tab(self, opened["sessionId"])
        await tab.call("Page.enable")
        await tab.call("Page.addScriptToEvaluateOnNewDocument", source=_WATCH_SHIFTS)
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
        await tab.call("Emulation.setDeviceMetricsOverride", **size)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        await tab.call("Emulation.setEmulatedMedia", features=[scheme])
        await tab.call("Emulation.setScriptExecutionDisabled", value=not scripts)
        await tab.call("Emulation.setTimezoneOverride", timezoneId="Europe/Paris")
        agent = (await self.call("Browser.getVersion"))["userAgent"]
        await tab.call("Emulation.setUserAgentOverride", userAgent=agent, acceptLanguage=language)
        yield tab
        await self.call("Target.disposeBrowserContext", browserContextId=context)

    async def call(self, method: str, session: str | None = None, **how: Any) -> dict[str, Any]:
        """One command, to the browser or to one of its pages."""
        number = next(self._numbers)
        answer = self._waiting[number] = asyncio.get_running_loop().create_future()
        asked = {"id": number, "method": method, "params": how} | ({"sessionId": session} if session else {})
        await self._socket.send(json.dumps(asked))
        async with asyncio.timeout(60):
            said = await answer
        assert "error" not in said, (method, said)
        return dict(said["result"])

    async def _read(self) -> None:
        async for text in self._socket:
            said = json.loads(text)
            if waits := self._waiting.pop(said.get("id"), None):
                waits.set_result(said)


async def _address(process: asyncio.subprocess.Process) -> str:
    """Where it listens, which it says as it is ready."""
    assert process.stderr is not None
    async with asyncio.timeout(60):
        async for line in process.stderr:
            if found := re.search(rb"ws://\S+", line):
                return found[0].decode()
    raise AssertionError("Chromium ended before it listened")


async def _drained(process: asyncio.subprocess.Process) -> None:
    """What it says is read, so that it is never kept waiting, and thrown away."""
    while process.stderr and await process.stderr.read(65_536):
        pass
