"""The floor: a bare aiohttp loop that fetches the same replies and does nothing with them."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import aiohttp


async def main(url: str, dataset: str, concurrency: int) -> None:
    rows = iter(Path(dataset).read_text().splitlines())

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=concurrency)) as session:

        async def worker() -> None:
            for row in rows:
                body = {
                    "model": "m",
                    "messages": [{"role": "user", "content": json.loads(row)["input"]}],
                    "temperature": 0,
                }
                async with session.post(f"{url}/v1/chat/completions", json=body) as reply:
                    document = await reply.json()
                    assert document["choices"][0]["message"]["content"] is not None

        await asyncio.gather(*(worker() for _ in range(concurrency)))


asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
