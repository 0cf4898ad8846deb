"""Pictures of the saved filters of docs/support.md, in the real Temporal UI: `python -m tests.pictures [NAME ...]`.

It boots the stack, makes orders in every state, and lets Chromium (Debian's `chromium`) look at the list. Look at the
pictures before you commit them.
"""

import asyncio
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.parse import quote

import httpx

from sandbox.stack import Stack, StackOptions
from tests.flow.kit import KEY, Shop
from tests.flow.test_filters import PAGE, ROW, Floor

IMAGES = PAGE.parent / "images"


def photograph(url: str, file: Path) -> None:
    """What a browser shows once the page has loaded."""
    with tempfile.TemporaryDirectory() as profile:
        subprocess.run(
            [
                "chromium", "--headless=new", "--no-sandbox", "--hide-scrollbars", "--disable-gpu",
                f"--user-data-dir={profile}", "--window-size=1440,720", "--virtual-time-budget=15000",
                f"--screenshot={file}", url,
            ],
            check=True, timeout=240, capture_output=True, env={**os.environ, "HOME": profile},
        )  # fmt: skip


async def main() -> None:
    """Each filter of the page, or those that are named."""
    with Stack(StackOptions(env={"MILEPOST_SEED_API_KEY": KEY})) as stack:
        temporal = await stack.temporal()
        headers = {"Authorization": f"Bearer {KEY}"}
        async with httpx.AsyncClient(base_url=stack.links.api, headers=headers, timeout=60, trust_env=False) as http:
            shop = Shop(stack, http, temporal)
            await shop.calm()
            floor = Floor(shop)
            await floor.build()
            disputed = await shop.bought(shop.new_sku(), card="pm_card_createDispute")
            await shop.hand_over(disputed)
            for name, picture, query in ROW.findall(PAGE.read_text()):
                if len(sys.argv) > 1 and picture not in sys.argv[1:]:
                    continue
                url = f"{stack.links.temporal_ui}/namespaces/default/workflows?query={quote(floor.own(query), safe='')}"
                await asyncio.to_thread(photograph, url, IMAGES / f"{picture}.png")
                sys.stdout.write(f"{name}: {IMAGES / picture}.png\n")
            shop.close()


if __name__ == "__main__":
    asyncio.run(main())
