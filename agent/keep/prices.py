"""What models cost: a price list in TOML in, the cost of what a call used out. US dollars.

A cost is told only where it is known in full: a model that the list does not have, or an amount that it has no price
for, makes the whole call's cost unknown. Requests whose tokens the server did not tell are not in it.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping

import msgspec

from agent.keep.usage import Usage

MILLION = 1_000_000


class Price(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One model's: per million tokens or characters, or per minute of sound transcribed. What is not told has no price;
    a model that has one per minute or character costs nothing for its tokens."""

    input: float | None = None
    cached_input: float | None = None
    """Without it, as `input`."""
    output: float | None = None
    audio_input: float | None = None
    audio_cached_input: float | None = None
    """Without it, as `audio_input`."""
    audio_output: float | None = None
    minute: float | None = None
    characters: float | None = None


Prices = Mapping[str, Price]


class _List(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    models: dict[str, Price]


def parse_prices(text: str) -> dict[str, Price]:
    """Raises ValueError, in words."""
    prices = msgspec.convert(tomllib.loads(text), _List).models
    for model, price in prices.items():
        for name in Price.__struct_fields__:
            if (value := getattr(price, name)) is not None and not 0 <= value < MILLION:
                raise ValueError(f"{model}: {name} must be from 0 to {MILLION} dollars")
    return prices


def cost(used: Iterable[Usage], prices: Prices) -> float | None:
    """Of all of it; None where nothing was used, or some of it has no known price."""
    parts = [_cost(each, _price(each.model, prices)) for each in used]
    known = [part for part in parts if part is not None]
    return round(sum(known), 6) if parts and len(known) == len(parts) else None


def cost_known(used: Iterable[Usage], prices: Prices) -> float:
    """Of what has a known price."""
    return sum(_cost(each, _price(each.model, prices)) or 0.0 for each in used)


def priced(model: str, prices: Prices) -> bool:
    """Whether the list has the model."""
    return _price(model, prices) is not None


def _price(model: str, prices: Prices) -> Price | None:
    """A dated snapshot costs what its model does."""
    return prices.get(model) or prices.get(re.sub(r"-\d{4}-\d{2}-\d{2}$", "", model))


def _cost(used: Usage, price: Price | None) -> float | None:
    if price is None:
        return None
    if price.minute is not None:
        return used.seconds / 60 * price.minute
    if price.characters is not None:
        return used.characters * price.characters / MILLION
    cached = price.input if price.cached_input is None else price.cached_input
    audio_cached = price.audio_input if price.audio_cached_input is None else price.audio_cached_input
    tokens = [
        (used.tokens_in - used.tokens_cached, price.input),
        (used.tokens_cached, cached),
        (used.tokens_out, price.output),
        (used.audio_in - used.audio_cached, price.audio_input),
        (used.audio_cached, audio_cached),
        (used.audio_out, price.audio_output),
    ]
    if not any(count for count, _ in tokens) and (used.seconds or used.characters):
        return None  # of tokens that nobody told
    if any(count and each is None for count, each in tokens):
        return None
    return sum(count * each for count, each in tokens if each is not None) / MILLION
