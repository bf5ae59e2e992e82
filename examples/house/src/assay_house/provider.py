"""A provider plug-in: models that say again what they were told."""

from __future__ import annotations

from assay.core.errors import ProviderError
from assay.core.records import ModelRequest, Reply, Usage
from assay.gateway import Endpoint


class Parrot:
    """``house/parrot:N`` answers with the last N words of the last message."""

    def capabilities(self, name: str) -> frozenset[str]:
        return frozenset({"chat"})

    async def call(self, request: ModelRequest, *, name: str, endpoint: Endpoint) -> Reply:
        if not name.isdigit():
            raise ProviderError(f"there is no parrot {name!r}", hint="write house/parrot:3 for three words")
        heard = str(request.messages[-1]["content"]).split() if request.messages else []
        said = heard[-int(name) :]
        return Reply(
            text=" ".join(said),
            finish_reason="stop",
            usage=Usage(input_tokens=len(heard), output_tokens=len(said)),
        )
