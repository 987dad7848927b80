"""What the doctor needs from outside, beside the call's own parts: the list of a server's models."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Protocol


class Catalogue(Protocol):
    """The models of one server."""

    async def models(self) -> Mapping[str, date | None]:
        """Every model's name, with its last day where the server tells one. Raises ProviderError. Cancellation closes
        the request at once."""
        ...
