"""The price list: of one's own (PRICES_FILE), or the packaged one where it holds."""

from __future__ import annotations

from importlib.resources import files

from agent.config import Settings
from agent.errors import ConfigError
from agent.keep.prices import Price, parse_prices


def load_prices(settings: Settings) -> dict[str, Price]:
    """By model. Empty where the server is not OpenAI's and nobody has told its prices. Raises ConfigError."""
    path = settings.PRICES_FILE
    if path is None:
        packaged = files("agent.keep").joinpath("prices.toml").read_text("utf-8")
        return parse_prices(packaged) if settings.openai_itself else {}
    try:
        return parse_prices(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigError((f"PRICES_FILE: {path} cannot be used: {error}.",)) from None
